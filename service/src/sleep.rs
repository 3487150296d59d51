//! Sleep: nights, parts of nights and naps, as people and their devices tell them, in stages where those are known.
//!
//! A sleep belongs to the day of waking: the date that clocks showed where they woke, whenever the person's day starts. Somebody whose
//! day starts at four and who gets up at three has slept until today, not until yesterday, and a shift worker whose day starts at noon
//! and who gets up at eleven has too.

mod bedtimes;
mod nights;
mod score;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    id::{SleepEntryId, UserId},
    sleep_entries::{ActiveModel, Column, Entity, Model},
    sleep_stages,
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use serde::Serialize;
use uuid::Uuid;

pub use self::{
    bedtimes::Usual,
    nights::{Averages, Sleep, SleepDay, StageSpan},
    score::{Component, Part, Score, VERSION},
};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input,
    profiles::Profile,
    source_rankings::{self, MANUAL, SLEEP},
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, elsewhere, fixed, group, written},
        merge::{Refused, Row},
    },
};

/// The most days that are read at once.
const MOST_DAYS: i64 = 400;
/// The most stages of a sleep.
const MOST_STAGES: usize = 1000;
/// The longest sleep.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// A sleep, as it is logged.
#[derive(Clone, Debug, Serialize)]
pub struct NewSleep {
    /// Made by the client, or by the server.
    pub id: Option<SleepEntryId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// When they went to bed.
    pub started_at: DateTime<Utc>,
    /// When they got up.
    pub ended_at: DateTime<Utc>,
    /// Where they woke; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// Whether it was a nap.
    pub is_nap: bool,
    /// How long they slept, where there are no stages.
    pub asleep_minutes: Option<Decimal>,
    /// The stages.
    pub stages: Vec<StageSpan>,
    /// The device or app that tells it; manual when absent.
    pub source: Option<String>,
    /// How the source calls it.
    pub source_id: Option<String>,
    /// The score that the device gives, 0 to 100.
    pub device_score: Option<Decimal>,
    /// What the person wrote beside it, at most 1,000 characters.
    pub note: Option<String>,
}

/// What is to change of a sleep; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct SleepChange {
    /// When they went to bed.
    pub started_at: Option<DateTime<Utc>>,
    /// When they got up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Where they woke.
    pub time_zone: Option<Tz>,
    /// Whether it was a nap.
    pub is_nap: Option<bool>,
    /// How long they slept.
    pub asleep_minutes: Option<Option<Decimal>>,
    /// Replaces all stages.
    pub stages: Option<Vec<StageSpan>>,
    /// What the person wrote beside it.
    pub note: Option<Option<String>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

#[derive(FromQueryResult)]
struct Read {
    #[sea_orm(nested)]
    row: Model,
    stages: JsonValue,
    ranking: Vec<String>,
    born_on: Option<NaiveDate>,
}

/// How a person slept from `from` to `to`, one item per day of waking, by one statement.
pub async fn days(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<SleepDay>> {
    let (from, to) = day::range(from, to, MOST_DAYS)?;
    // The bedtimes before, and what ends a day later by another source.
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT e.*, coalesce(r.sources, '{}') AS ranking, (SELECT max(born_on) FROM profiles p WHERE p.user_id = $1) AS born_on,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('stage', s.stage, 'started_at', s.started_at, 'ended_at', s.ended_at) ORDER BY s.position), '[]')
            FROM sleep_stages s WHERE s.user_id = e.user_id AND s.sleep_entry_id = e.id) AS stages
         FROM sleep_entries e LEFT JOIN source_rankings r ON r.user_id = e.user_id AND r.metric = $4
         WHERE e.user_id = $1 AND e.woke_on BETWEEN $2 AND $3 AND e.deleted_at IS NULL ORDER BY e.started_at, e.id",
        [
            person.0.into(),
            from.checked_sub_days(nights::REMEMBERED).unwrap_or(from).into(),
            to.succ_opt().unwrap_or(to).into(),
            SLEEP.into(),
        ],
    );
    let read = Read::find_by_statement(statement).all(tx).await?;
    let ranking = read.first().map(|read| read.ranking.clone()).unwrap_or_default();
    let profile = Profile { born_on: read.first().and_then(|read| read.born_on), ..Profile::default() };
    let sleeps = read.into_iter().map(|read| {
        let stages = serde_json::from_value(read.stages).map_err(Error::stored_json)?;
        Ok(Sleep { row: read.row, stages })
    });
    SleepDay::between(sleeps.collect::<Result<_>>()?, &ranking, from, to, |on| profile.age_on(on))
}

/// Logs a sleep. What a source told before is replaced by what it tells now; told again as it was, it leaves alone what the person
/// changed meanwhile.
pub async fn log(tx: &Tx, new: NewSleep) -> Result<Sleep> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let told = input::fingerprint(&NewSleep { id: None, ..new.clone() })?;
    let source = new.source.as_deref().map_or_else(|| Ok(MANUAL.to_owned()), |name| source_rankings::source("source", name))?;
    let source_id = new.source_id.as_deref().map(|id| input::line("sourceId", id, 200)).transpose()?;
    if source_id.is_some() && source == MANUAL {
        return Err(Error::invalid("sourceId", "is of a device or an app: say which as source"));
    }
    if let Some(id) = new.id
        && let Some(row) = find(tx, person, id).await?
    {
        return with_stages(tx, input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from))?).await;
    }
    let (started_at, ended_at) = in_bed(new.started_at, new.ended_at)?;
    let stages = checked_stages(started_at, ended_at, new.stages)?;
    let time_zone = match new.time_zone {
        Some(time_zone) => time_zone,
        None => Calendar::of(tx, person).await?.time_zone,
    };
    let row = ActiveModel {
        started_at: Set(started_at),
        ended_at: Set(ended_at),
        time_zone: Set(time_zone.name().to_owned()),
        woke_on: Set(day_of_waking("endedAt", ended_at, time_zone)?),
        is_nap: Set(new.is_nap),
        asleep_minutes: Set(asleep_minutes(started_at, ended_at, new.asleep_minutes, &stages)?),
        told: Set(source_id.is_some().then(|| told.clone())),
        device_score: Set(new.device_score.map(device_score).transpose()?),
        note: Set(new.note.as_deref().map(note).transpose()?),
        ..Default::default()
    };
    if let Some(source_id) = &source_id
        && let Some(known) = told_before(tx, person, &source, source_id).await?
    {
        return told_again(tx, known, row, &told, stages).await;
    }
    let id = new.id.unwrap_or_else(|| SleepEntryId(tx.new_id()));
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        source: Set(source),
        source_id: Set(source_id),
        created_from: Set(Some(created_from.clone())),
        ..row
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => {
            insert_stages(tx, person, id, &stages).await?;
            Ok(Sleep { row, stages })
        }
        None => {
            with_stages(tx, input::repeated(find(tx, person, id).await?, |row| row.created_from.as_ref() == Some(&created_from))?).await
        }
    }
}

/// The row of what a source tells again, which may have been deleted.
async fn told_before(tx: &Tx, person: UserId, source: &str, source_id: &str) -> Result<Option<Model>> {
    let rows = Entity::find().filter(Column::UserId.eq(person)).filter(Column::Source.eq(source)).filter(Column::SourceId.eq(source_id));
    Ok(rows.lock_exclusive().one(tx).await?)
}

async fn told_again(tx: &Tx, known: Model, row: ActiveModel, told: &Vec<u8>, stages: Vec<StageSpan>) -> Result<Sleep> {
    if known.deleted_at.is_some() {
        return Err(Error::conflict("this sleep was deleted, and its source does not bring it back: log it without sourceId"));
    }
    if known.told.as_ref() == Some(told) {
        return with_stages(tx, known).await;
    }
    // A note is the person's own.
    let note = if row.note == Set(None) { Unchanged(known.note) } else { row.note };
    let row = ActiveModel { user_id: Unchanged(known.user_id), id: Unchanged(known.id), note, ..row };
    let row = Entity::update(row).exec(tx).await?;
    replace_stages(tx, row.user_id, row.id, &stages).await?;
    Ok(Sleep { row, stages })
}

/// Changes a sleep. Answers with it and the day it was on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: SleepEntryId, change: SleepChange) -> Result<(Sleep, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let known = with_stages(tx, editable(tx, person, id, change.expected_version).await?).await?;
    let before = known.row.woke_on;
    let (started_at, ended_at) = in_bed(change.started_at.unwrap_or(known.row.started_at), change.ended_at.unwrap_or(known.row.ended_at))?;
    let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &known.row.time_zone), Ok)?;
    let stages = checked_stages(started_at, ended_at, change.stages.clone().unwrap_or_else(|| known.stages.clone()))?;
    // What was told beside no stages is overruled by stages that come later.
    let asleep = match change.asleep_minutes {
        Some(minutes) => minutes,
        None => known.row.asleep_minutes.filter(|_| stages.is_empty()),
    };
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    row.started_at = Set(started_at);
    row.ended_at = Set(ended_at);
    row.time_zone = Set(time_zone.name().to_owned());
    row.woke_on = Set(day_of_waking("endedAt", ended_at, time_zone)?);
    row.is_nap = Set(change.is_nap.unwrap_or(known.row.is_nap));
    row.asleep_minutes = Set(asleep_minutes(started_at, ended_at, asleep, &stages)?);
    if let Some(note) = &change.note {
        row.note = Set(note.as_deref().map(self::note).transpose()?);
    }
    let row = Entity::update(row).exec(tx).await?;
    if stages != known.stages {
        replace_stages(tx, person, id, &stages).await?;
    }
    Ok((Sleep { row, stages }, before))
}

/// Takes a sleep away. Answers with the day it was on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: SleepEntryId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let row = editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok((person, row.woke_on))
}

async fn find(tx: &Tx, person: UserId, id: SleepEntryId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?)
}

async fn editable(tx: &Tx, person: UserId, id: SleepEntryId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound("sleep"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

async fn with_stages(tx: &Tx, row: Model) -> Result<Sleep> {
    let stages = sleep_stages::Entity::find()
        .filter(sleep_stages::Column::UserId.eq(row.user_id))
        .filter(sleep_stages::Column::SleepEntryId.eq(row.id))
        .order_by_asc(sleep_stages::Column::Position)
        .all(tx)
        .await?;
    let span = |stage: sleep_stages::Model| StageSpan { stage: stage.stage, started_at: stage.started_at, ended_at: stage.ended_at };
    Ok(Sleep { row, stages: stages.into_iter().map(span).collect() })
}

async fn replace_stages(tx: &Tx, person: UserId, id: SleepEntryId, stages: &[StageSpan]) -> Result<()> {
    sleep_stages::Entity::delete_many()
        .filter(sleep_stages::Column::UserId.eq(person))
        .filter(sleep_stages::Column::SleepEntryId.eq(id))
        .exec(tx)
        .await?;
    insert_stages(tx, person, id, stages).await
}

async fn insert_stages(tx: &Tx, person: UserId, id: SleepEntryId, stages: &[StageSpan]) -> Result<()> {
    if stages.is_empty() {
        return Ok(());
    }
    sleep_stages::Entity::insert_many(stage_rows(person, id, stages)).exec_without_returning(tx).await?;
    Ok(())
}

fn stage_rows(person: UserId, id: SleepEntryId, stages: &[StageSpan]) -> impl Iterator<Item = sleep_stages::ActiveModel> {
    (0..).zip(stages).map(move |(position, span)| sleep_stages::ActiveModel {
        user_id: Set(person),
        sleep_entry_id: Set(id),
        position: Set(position),
        stage: Set(span.stage),
        started_at: Set(span.started_at),
        ended_at: Set(span.ended_at),
    })
}

fn in_bed(started_at: DateTime<Utc>, ended_at: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    if ended_at <= started_at {
        return Err(Error::invalid("endedAt", "must be after startedAt"));
    }
    if ended_at - started_at > LONGEST {
        return Err(Error::invalid("endedAt", "must be at most 24 hours after startedAt"));
    }
    Ok((started_at, ended_at))
}

/// The date that clocks in `time_zone` showed at waking.
fn day_of_waking(field: &str, ended_at: DateTime<Utc>, time_zone: Tz) -> Result<NaiveDate> {
    day::checked(field, ended_at.with_timezone(&time_zone).date_naive())
}

/// Stages in their order, if each lies within the sleep and none within another.
fn checked_stages(started_at: DateTime<Utc>, ended_at: DateTime<Utc>, stages: Vec<StageSpan>) -> Result<Vec<StageSpan>> {
    if stages.len() > MOST_STAGES {
        return Err(Error::invalid("stages", format!("a sleep has at most {MOST_STAGES} stages")));
    }
    let mut numbered: Vec<_> = stages.into_iter().enumerate().collect();
    numbered.sort_by_key(|(_, span)| (span.started_at, span.ended_at));
    let mut last: Option<(usize, StageSpan)> = None;
    for (position, span) in &numbered {
        if span.ended_at <= span.started_at {
            return Err(Error::invalid(format!("stages[{position}].endedAt"), "must be after startedAt"));
        }
        if span.started_at < started_at || ended_at < span.ended_at {
            return Err(Error::invalid(format!("stages[{position}]"), format!("{} is not within the sleep", told_span(span))));
        }
        if let Some((other, before)) = last
            && span.started_at < before.ended_at
        {
            let message = format!("{} overlaps stages[{other}], {}", told_span(span), told_span(&before));
            return Err(Error::invalid(format!("stages[{position}]"), message));
        }
        last = Some((*position, *span));
    }
    Ok(numbered.into_iter().map(|(_, span)| span).collect())
}

fn told_span(span: &StageSpan) -> String {
    let told = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let stage = serde_json::to_string(&span.stage).unwrap_or_default();
    format!("{} from {} to {}", stage.trim_matches('"'), told(span.started_at), told(span.ended_at))
}

fn asleep_minutes(
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    minutes: Option<Decimal>,
    stages: &[StageSpan],
) -> Result<Option<Decimal>> {
    let Some(minutes) = minutes else { return Ok(None) };
    if !stages.is_empty() {
        return Err(Error::invalid("asleepMinutes", "is told by the stages: leave it out"));
    }
    let in_bed = Decimal::from((ended_at - started_at).num_minutes());
    input::number("asleepMinutes", minutes, 3, Decimal::ZERO..=in_bed).map(Some)
}

fn device_score(score: Decimal) -> Result<Decimal> {
    input::number("deviceScore", score, 2, Decimal::ZERO..=Decimal::ONE_HUNDRED)
}

fn note(value: &str) -> Result<String> {
    input::paragraph("note", value, 1000)
}

/// Sleep on devices. The stages of a sleep are one column, which the last write decides as a whole.
pub static SYNCED: Collection = Collection {
    name: "sleep_entries",
    person_column: "user_id",
    access: Some("checkin"),
    deletion: Deletion::At,
    groups: &[
        fixed("source", &[written("source", Kind::Text), written("source_id", Kind::Text)]),
        group(
            "times",
            &[
                written("started_at", Kind::Instant),
                written("ended_at", Kind::Instant),
                written("time_zone", Kind::Text),
                derived("woke_on", Kind::Date),
            ],
        ),
        group("nap", &[written("is_nap", Kind::Boolean)]),
        group("asleep", &[written("asleep_minutes", Kind::Decimal)]),
        group("device_score", &[written("device_score", Kind::Decimal)]),
        group("note", &[written("note", Kind::Text)]),
        group("stages", &[elsewhere("stages")]),
    ],
    complete,
    complement: Some(replace_changed_stages),
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let source = draft.optional_text("source")?.map_or_else(|| Ok(MANUAL.to_owned()), |name| source_rankings::source("source", name))?;
    draft.set("source", source);
    if let Some(id) = draft.optional_text("source_id")? {
        let id = input::line("source_id", id, 200)?;
        draft.set("source_id", id);
    }
    let (started_at, ended_at) = in_bed(draft.instant("started_at")?, draft.instant("ended_at")?)?;
    let time_zone = draft.optional_text("time_zone")?.map(|name| day::zone("time_zone", name)).transpose()?;
    let time_zone = time_zone.map_or_else(|| Ok(context.calendar()?.time_zone), Ok::<_, Error>)?;
    draft.set("time_zone", time_zone.name());
    draft.set("woke_on", day_of_waking("ended_at", ended_at, time_zone)?.to_string());
    if draft.value("is_nap").is_null() {
        draft.set("is_nap", false);
    }
    let stages = checked_stages(started_at, ended_at, stages_of(draft.value("stages"))?)?;
    // Told by one device and overruled by the stages of another.
    let told = if stages.is_empty() { draft.optional_decimal("asleep_minutes")? } else { None };
    draft.set_decimal("asleep_minutes", asleep_minutes(started_at, ended_at, told, &stages)?);
    let score = draft.optional_decimal("device_score")?.map(device_score).transpose()?;
    draft.set_decimal("device_score", score);
    if let Some(note) = draft.optional_text("note")? {
        let note = self::note(note)?;
        draft.set("note", note);
    }
    draft.set("stages", stages.iter().map(stage_document).collect::<Vec<_>>());
    Ok(())
}

fn stages_of(value: &JsonValue) -> Result<Vec<StageSpan>> {
    let example =
        r#"must be a list of stages such as {"stage": "deep", "started_at": "2026-03-10T01:00:00Z", "ended_at": "2026-03-10T01:40:00Z"}"#;
    match value {
        JsonValue::Null => Ok(Vec::new()),
        value => serde_json::from_value(value.clone()).map_err(|_| Error::invalid("stages", example)),
    }
}

fn stage_document(span: &StageSpan) -> JsonValue {
    let told = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    serde_json::json!({ "stage": span.stage, "started_at": told(span.started_at), "ended_at": told(span.ended_at) })
}

/// Writes the stages of the sleeps whose stages changed.
fn replace_changed_stages<'a>(tx: &'a Tx, person: UserId, rows: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let changed: Vec<_> = rows.iter().filter(|(_, row)| row.made || row.written.contains_key("stages")).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let mut stages = Vec::new();
        for (id, row) in &changed {
            let document = row.document.as_ref().and_then(|document| document.get("stages")).unwrap_or(&JsonValue::Null);
            stages.extend(stage_rows(person, SleepEntryId(**id), &stages_of(document)?));
        }
        sleep_stages::Entity::delete_many()
            .filter(sleep_stages::Column::UserId.eq(person))
            .filter(sleep_stages::Column::SleepEntryId.is_in(changed.iter().map(|(id, _)| **id)))
            .exec(tx)
            .await?;
        sleep_stages::Entity::insert_many(stages).exec_without_returning(tx).await?;
        Ok(())
    })
}

fn scalars(sleep: &Model) -> JsonValue {
    serde_json::json!({
        "id": sleep.id, "startedAt": sleep.started_at, "endedAt": sleep.ended_at, "timeZone": sleep.time_zone, "date": sleep.woke_on,
        "nap": sleep.is_nap, "source": sleep.source, "sourceId": sleep.source_id,
        "deviceScore": sleep.device_score.map(|score| score.normalize()), "note": sleep.note, "version": sleep.version,
    })
}

#[cfg(test)]
mod tests;
