//! How people feel: a figure, words for it, and what they write beside it, as often as they like.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    id::{MoodId, UserId},
    moods::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input,
    page::{Page, PageRequest},
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, group, written},
        merge::Refused,
    },
};

/// Words that everybody has. Any other is one's own, from its first use on.
pub const TAGS: [&str; 24] = [
    "angry",
    "anxious",
    "bored",
    "calm",
    "confident",
    "content",
    "energetic",
    "excited",
    "focused",
    "grateful",
    "happy",
    "hopeful",
    "ill",
    "irritable",
    "lonely",
    "loved",
    "motivated",
    "overwhelmed",
    "proud",
    "relaxed",
    "sad",
    "stressed",
    "tired",
    "worried",
];
/// The most tags of a mood.
const MOST_TAGS: usize = 20;
/// The most days that are read at once.
const MOST_DAYS: i64 = 400;

/// A mood, as it is logged.
#[derive(Clone, Debug, Serialize)]
pub struct NewMood {
    /// Made by the client, or by the server.
    pub id: Option<MoodId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// 0, as bad as can be, to 100, as good as can be.
    pub value: i32,
    /// Words for it.
    pub tags: Vec<String>,
    /// When; now when absent.
    pub felt_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// What the person wrote beside it, at most 10,000 characters.
    pub note: Option<String>,
}

/// What is to change of a mood; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct MoodChange {
    /// 0 to 100.
    pub value: Option<i32>,
    /// Replaces all words for it.
    pub tags: Option<Vec<String>>,
    /// When.
    pub felt_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// What the person wrote beside it.
    pub note: Option<Option<String>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// Which moods are listed; each may be missing.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Whose.
    pub person: UserId,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
}

/// A word and how often somebody used it.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Tag {
    /// The word.
    pub name: String,
    /// How many moods have it.
    pub uses: i64,
}

fn living(person: UserId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null())
}

/// Moods, newest first.
pub async fn list(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<Model>> {
    let mut rows = living(filter.person);
    if let Some(from) = filter.from {
        rows = rows.filter(Column::FeltOn.gte(day::checked("from", from)?));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(Column::FeltOn.lte(day::checked("to", to)?));
    }
    if let Some((at, id)) = page.key::<(DateTime<Utc>, MoodId)>(&("moods", filter))? {
        let same_time = Condition::all().add(Column::FeltAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::FeltAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::FeltAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("moods", filter), rows, |row| (row.felt_at, row.id))
}

/// The moods of a person's days from `from` to `to`, in their order.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let (from, to) = day::range(from, to, MOST_DAYS)?;
    let rows = living(person).filter(Column::FeltOn.between(from, to));
    Ok(rows.order_by_asc(Column::FeltOn).order_by_asc(Column::FeltAt).order_by_asc(Column::Id).all(tx).await?)
}

/// The words that a person used, the most used first, then those that everybody has.
pub async fn tags(tx: &Tx, person: UserId) -> Result<Vec<Tag>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT tag AS name, count(*) AS uses FROM moods m, jsonb_array_elements_text(m.tags) tag
         WHERE m.user_id = $1 AND m.deleted_at IS NULL GROUP BY tag ORDER BY uses DESC, tag LIMIT 500",
        [person.0.into()],
    );
    let mut tags = Tag::find_by_statement(statement).all(tx).await?;
    let used: BTreeSet<_> = tags.iter().map(|tag| tag.name.clone()).collect();
    tags.extend(TAGS.into_iter().filter(|name| !used.contains(*name)).map(|name| Tag { name: name.to_owned(), uses: 0 }));
    Ok(tags)
}

/// Logs a mood.
pub async fn log(tx: &Tx, new: NewMood) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let id = new.id.unwrap_or_else(|| MoodId(tx.new_id()));
    let (value, tags) = (value(new.value)?, checked_tags(new.tags)?);
    let note = new.note.as_deref().map(note).transpose()?;
    let moment = Calendar::of(tx, person).await?.moment("feltAt", new.felt_at, new.time_zone, tx.now())?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        value: Set(value),
        tags: Set(tags.into()),
        felt_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        felt_on: Set(moment.on),
        note: Set(note),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => {
            let row = living(person).filter(Column::Id.eq(id)).one(tx).await?;
            input::repeated(row, |row| row.created_from.as_ref() == Some(&created_from))
        }
    }
}

/// Changes a mood. Answers with it and the day it was on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: MoodId, change: MoodChange) -> Result<(Model, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let mood = editable(tx, person, id, change.expected_version).await?;
    let before = mood.felt_on;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if let Some(value) = change.value {
        row.value = Set(self::value(value)?);
    }
    if let Some(tags) = change.tags {
        row.tags = Set(checked_tags(tags)?.into());
    }
    if let Some(note) = &change.note {
        row.note = Set(note.as_deref().map(self::note).transpose()?);
    }
    if change.felt_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &mood.time_zone), Ok)?;
        let at = change.felt_at.unwrap_or(mood.felt_at);
        let moment = Calendar::of(tx, person).await?.moment("feltAt", Some(at), Some(time_zone), tx.now())?;
        row.felt_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.felt_on = Set(moment.on);
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok((mood, before));
    }
    Ok((Entity::update(row).exec(tx).await?, before))
}

/// Takes a mood away. Answers with the day it was on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: MoodId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let mood = editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok((person, mood.felt_on))
}

async fn editable(tx: &Tx, person: UserId, id: MoodId, expected_version: Option<i32>) -> Result<Model> {
    let row = living(person).filter(Column::Id.eq(id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("mood"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

fn value(value: i32) -> Result<i32> {
    input::integer("value", value, 0..=100)
}

/// Tags in lower case, each once, in the order in which they were told.
fn checked_tags(told: Vec<String>) -> Result<Vec<String>> {
    if told.len() > MOST_TAGS {
        return Err(Error::invalid("tags", format!("a mood has at most {MOST_TAGS} tags")));
    }
    let mut tags = Vec::with_capacity(told.len());
    for (position, tag) in told.iter().enumerate() {
        let tag = input::line(&format!("tags[{position}]"), tag, 50)?.to_lowercase();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

fn note(value: &str) -> Result<String> {
    input::paragraph("note", value, 10_000)
}

/// Moods on devices.
pub static SYNCED: Collection = Collection {
    name: "moods",
    person_column: "user_id",
    access: Some("checkin"),
    deletion: Deletion::At,
    groups: &[
        group("value", &[written("value", Kind::Integer)]),
        group("tags", &[written("tags", Kind::Json)]),
        group("moment", &[written("felt_at", Kind::Instant), written("time_zone", Kind::Text), derived("felt_on", Kind::Date)]),
        group("note", &[written("note", Kind::Text)]),
    ],
    complete,
    complement: None,
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let told = draft.value("value").as_i64().and_then(|value| i32::try_from(value).ok());
    draft.set("value", value(told.ok_or_else(|| Refused::missing("value"))?)?);
    let tags = match draft.value("tags") {
        JsonValue::Null => Vec::new(),
        told => serde_json::from_value(told.clone()).map_err(|_| Error::invalid("tags", "must be a list of words"))?,
    };
    draft.set("tags", checked_tags(tags)?);
    if draft.changes("moment") {
        draft.fix_day(context, "felt_at", "felt_on")?;
    }
    if let Some(note) = draft.optional_text("note")? {
        let note = self::note(note)?;
        draft.set("note", note);
    }
    Ok(())
}

fn scalars(mood: &Model) -> JsonValue {
    serde_json::json!({
        "id": mood.id, "value": mood.value, "tags": mood.tags, "feltAt": mood.felt_at, "timeZone": mood.time_zone, "date": mood.felt_on,
        "note": mood.note, "version": mood.version,
    })
}
