//! Fasting: a timer that runs once at most, and a history that fasts of the past are added to.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    fasts::{ActiveModel, Column, Entity, Model},
    id::{FastId, UserId},
};
use rust_decimal::Decimal;
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

/// The longest fast.
const LONGEST: TimeDelta = TimeDelta::days(60);
/// By how much a phone's clock may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// A fast, as it is started or added.
#[derive(Clone, Debug, Serialize)]
pub struct NewFast {
    /// Made by the client, or by the server.
    pub id: Option<FastId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// When it began; now when absent.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended; it runs when absent.
    pub ended_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// How long it is to be, 1 to 43,200 minutes.
    pub planned_minutes: Option<i32>,
    /// What the person wrote beside it, at most 1,000 characters.
    pub note: Option<String>,
}

/// What is to change of a fast; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct FastChange {
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended; cleared, it runs again.
    pub ended_at: Option<Option<DateTime<Utc>>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// How long it was to be.
    pub planned_minutes: Option<Option<i32>>,
    /// What the person wrote beside it.
    pub note: Option<Option<String>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// Which fasts are listed; each may be missing.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Whose.
    pub person: UserId,
    /// Those that ended on this day or later, or still run.
    pub from: Option<NaiveDate>,
    /// Those that ended up to this day.
    pub to: Option<NaiveDate>,
}

/// What somebody's fasts come to. One that runs does not count yet.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Statistics {
    /// How many ended in these days.
    pub count: i64,
    /// How many of them were as long as planned, or had no plan.
    pub reached: i64,
    /// Minutes in all.
    pub total_minutes: Decimal,
    /// Minutes of one, on average.
    pub average_minutes: Option<Decimal>,
    /// Minutes of the longest.
    pub longest_minutes: Option<Decimal>,
    /// On how many days in a row, up to today or yesterday, a fast ended that was as long as planned.
    pub current_streak: i64,
    /// The most such days in a row that there ever were.
    pub longest_streak: i64,
}

fn living(person: UserId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null())
}

/// Fasts, newest first.
pub async fn list(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<Model>> {
    let mut rows = living(filter.person);
    if let Some(from) = filter.from {
        rows = rows.filter(Condition::any().add(Column::EndedOn.gte(day::checked("from", from)?)).add(Column::EndedOn.is_null()));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(Column::EndedOn.lte(day::checked("to", to)?));
    }
    if let Some((at, id)) = page.key::<(DateTime<Utc>, FastId)>(&("fasts", filter))? {
        let same_time = Condition::all().add(Column::StartedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::StartedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::StartedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("fasts", filter), rows, |row| (row.started_at, row.id))
}

/// The fast that runs.
pub async fn running(tx: &Tx, person: UserId) -> Result<Option<Model>> {
    Ok(living(person).filter(Column::EndedAt.is_null()).one(tx).await?)
}

/// What a person's fasts that ended from `from` to `to` come to, and their streaks, by one statement. Streaks are of all fasts, in the
/// person's days.
pub async fn statistics(tx: &Tx, person: UserId, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Statistics> {
    let from = day::checked("from", from.unwrap_or(day::FIRST))?;
    let to = day::checked("to", to.unwrap_or(day::LAST))?;
    let today = Calendar::of(tx, person).await?.today(tx.now());
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "WITH ended AS (
           SELECT ended_on, extract(epoch FROM ended_at - started_at) / 60 AS minutes,
             planned_minutes IS NULL OR ended_at - started_at >= planned_minutes * interval '1 minute' AS reached
           FROM fasts WHERE user_id = $1 AND ended_at IS NOT NULL AND deleted_at IS NULL),
         streaks AS (
           SELECT max(ended_on) AS last, count(*) AS days FROM (
             SELECT ended_on, ended_on - row_number() OVER (ORDER BY ended_on)::integer AS streak
             FROM (SELECT DISTINCT ended_on FROM ended WHERE reached) d) s
           GROUP BY streak),
         chosen AS (SELECT * FROM ended WHERE ended_on BETWEEN $2 AND $3)
         SELECT count(*) AS count, count(*) FILTER (WHERE reached) AS reached, round(coalesce(sum(minutes), 0), 3) AS total_minutes,
           round(avg(minutes), 3) AS average_minutes, round(max(minutes), 3) AS longest_minutes,
           coalesce((SELECT days FROM streaks WHERE last BETWEEN $4::date - 1 AND $4::date ORDER BY last DESC LIMIT 1), 0) AS current_streak,
           coalesce((SELECT max(days) FROM streaks), 0) AS longest_streak
         FROM chosen",
        [person.0.into(), from.into(), to.into(), today.into()],
    );
    Statistics::find_by_statement(statement).one(tx).await?.ok_or_else(|| Error::internal("a sum without a row"))
}

/// Starts a fast, or adds one that has ended. At most one runs.
pub async fn log(tx: &Tx, new: NewFast) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    if let Some(id) = new.id
        && let Some(row) = living(person).filter(Column::Id.eq(id)).one(tx).await?
    {
        return input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from));
    }
    if new.ended_at.is_none() {
        none_runs(tx, person).await?;
    }
    let calendar = Calendar::of(tx, person).await?;
    let id = new.id.unwrap_or_else(|| FastId(tx.new_id()));
    let time_zone = new.time_zone.unwrap_or(calendar.time_zone);
    let (started_at, ended_at) = times(new.started_at.unwrap_or_else(|| tx.now()), new.ended_at)?;
    in_the_past(tx, started_at, ended_at)?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        started_at: Set(started_at),
        ended_at: Set(ended_at),
        ended_on: Set(ended_on(&calendar, ended_at, time_zone)?),
        time_zone: Set(time_zone.name().to_owned()),
        planned_minutes: Set(new.planned_minutes.map(planned).transpose()?),
        note: Set(new.note.as_deref().map(note).transpose()?),
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

async fn none_runs(tx: &Tx, person: UserId) -> Result<()> {
    match running(tx, person).await? {
        None => Ok(()),
        Some(fast) => {
            let since = fast.started_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let message = format!("a fast runs already, since {since}: end or delete it first");
            Err(Error::Conflict { message, current: Some(scalars(&fast)) })
        }
    }
}

/// Ends a fast, now when nothing else is said. Ended again at the same time it stays as it is.
pub async fn end(
    tx: &Tx,
    person: Option<UserId>,
    id: FastId,
    ended_at: Option<DateTime<Utc>>,
    expected_version: Option<i32>,
) -> Result<Model> {
    let owner = tx.viewer_or(person)?;
    let fast = editable(tx, owner, id, expected_version).await?;
    match fast.ended_at {
        Some(at) if ended_at.is_none_or(|again| again == at) && expected_version.is_none() => Ok(fast),
        Some(_) => {
            Err(Error::Conflict { message: "this fast has ended: change it to say otherwise".to_owned(), current: Some(scalars(&fast)) })
        }
        None => {
            let change = FastChange { ended_at: Some(Some(ended_at.unwrap_or_else(|| tx.now()))), ..FastChange::default() };
            update(tx, person, id, change).await
        }
    }
}

/// Changes a fast.
pub async fn update(tx: &Tx, person: Option<UserId>, id: FastId, change: FastChange) -> Result<Model> {
    let person = tx.viewer_or(person)?;
    let fast = editable(tx, person, id, change.expected_version).await?;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if change.started_at.is_some() || change.ended_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &fast.time_zone), Ok)?;
        let (started_at, ended_at) = times(change.started_at.unwrap_or(fast.started_at), change.ended_at.unwrap_or(fast.ended_at))?;
        in_the_past(tx, started_at, ended_at)?;
        if ended_at.is_none() && fast.ended_at.is_some() {
            none_runs(tx, person).await?;
        }
        row.started_at = Set(started_at);
        row.ended_at = Set(ended_at);
        row.ended_on = Set(ended_on(&Calendar::of(tx, person).await?, ended_at, time_zone)?);
        row.time_zone = Set(time_zone.name().to_owned());
    }
    if let Some(minutes) = change.planned_minutes {
        row.planned_minutes = Set(minutes.map(planned).transpose()?);
    }
    if let Some(note) = &change.note {
        row.note = Set(note.as_deref().map(self::note).transpose()?);
    }
    if sea_orm::ActiveModelTrait::is_changed(&row) { Ok(Entity::update(row).exec(tx).await?) } else { Ok(fast) }
}

/// Takes a fast away.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: FastId, expected_version: Option<i32>) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(person)
}

async fn editable(tx: &Tx, person: UserId, id: FastId, expected_version: Option<i32>) -> Result<Model> {
    let row = living(person).filter(Column::Id.eq(id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("fast"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

/// Minutes from its beginning to its end; `None` while it runs.
pub fn minutes(fast: &Model) -> Option<Decimal> {
    let length = fast.ended_at? - fast.started_at;
    Some(entity::unit::round(Decimal::from(length.num_milliseconds()) / Decimal::from(60_000), 3))
}

/// When it is as long as planned; `None` without a plan.
pub fn planned_end(fast: &Model) -> Option<DateTime<Utc>> {
    Some(fast.started_at + TimeDelta::minutes(fast.planned_minutes?.into()))
}

fn times(started_at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>) -> Result<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    day::checked("startedAt", started_at.date_naive())?;
    if let Some(ended_at) = ended_at {
        if ended_at <= started_at {
            return Err(Error::invalid("endedAt", "must be after startedAt"));
        }
        if ended_at - started_at > LONGEST {
            return Err(Error::invalid("endedAt", "must be at most 60 days after startedAt"));
        }
    }
    Ok((started_at, ended_at))
}

fn in_the_past(tx: &Tx, started_at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>) -> Result<()> {
    for (field, at) in [("startedAt", Some(started_at)), ("endedAt", ended_at)] {
        if at.is_some_and(|at| at > tx.now() + AHEAD) {
            return Err(Error::invalid(field, "must not lie in the future"));
        }
    }
    Ok(())
}

fn ended_on(calendar: &Calendar, ended_at: Option<DateTime<Utc>>, time_zone: Tz) -> Result<Option<NaiveDate>> {
    ended_at.map(|at| Ok(calendar.moment("endedAt", Some(at), Some(time_zone), at)?.on)).transpose()
}

fn planned(minutes: i32) -> Result<i32> {
    input::integer("plannedMinutes", minutes, 1..=43_200)
}

fn note(value: &str) -> Result<String> {
    input::paragraph("note", value, 1000)
}

/// Fasts on devices.
pub static SYNCED: Collection = Collection {
    name: "fasts",
    person_column: "user_id",
    access: Some("checkin"),
    deletion: Deletion::At,
    groups: &[
        group(
            "times",
            &[
                written("started_at", Kind::Instant),
                written("ended_at", Kind::Instant),
                written("time_zone", Kind::Text),
                derived("ended_on", Kind::Date),
            ],
        ),
        group("plan", &[written("planned_minutes", Kind::Integer)]),
        group("note", &[written("note", Kind::Text)]),
    ],
    complete,
    complement: None,
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    if draft.changes("times") {
        let calendar = context.calendar()?;
        let ended_at = if draft.value("ended_at").is_null() { None } else { Some(draft.instant("ended_at")?) };
        let (_, ended_at) = times(draft.instant("started_at")?, ended_at)?;
        let time_zone = draft.optional_text("time_zone")?.map_or(Ok(calendar.time_zone), |name| day::zone("time_zone", name))?;
        draft.set("time_zone", time_zone.name());
        draft.set("ended_on", ended_on(&calendar, ended_at, time_zone)?.map(|on| on.to_string()));
    }
    if let Some(minutes) = draft.value("planned_minutes").as_i64() {
        planned(i32::try_from(minutes).unwrap_or(i32::MAX))?;
    }
    if let Some(note) = draft.optional_text("note")? {
        let note = self::note(note)?;
        draft.set("note", note);
    }
    Ok(())
}

fn scalars(fast: &Model) -> JsonValue {
    serde_json::json!({
        "id": fast.id, "startedAt": fast.started_at, "endedAt": fast.ended_at, "timeZone": fast.time_zone, "date": fast.ended_on,
        "plannedMinutes": fast.planned_minutes, "note": fast.note, "version": fast.version,
    })
}
