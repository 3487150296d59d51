//! Workouts: sessions of several exercises, which run, are paused, and end.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    exercise_diary,
    id::{ExerciseEntryId, ExerciseId, TrainingProgrammeId, UserId, WorkoutId, WorkoutTemplateId},
    workouts::{ActiveModel, Column, Entity, Model},
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    exercise_diary::{ExerciseEntry, with_sets},
    input,
    page::{Page, PageRequest},
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, group, written},
        merge::{Refused, Row},
    },
    training_programmes,
    workout_templates::{self, to_store},
};

/// A workout as it is started.
#[derive(Clone, Debug, Serialize)]
pub struct NewWorkout {
    /// Made by the client, or by the server.
    pub id: Option<WorkoutId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called.
    pub name: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// When; now when absent.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, of one that is over already.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// By which plan.
    pub plan: Plan,
}

/// What a workout is started from.
#[derive(Clone, Debug, Default, Serialize)]
pub enum Plan {
    /// Nothing.
    #[default]
    None,
    /// A template.
    Template(WorkoutTemplateId),
    /// A day of a programme, counted from 0.
    Day(TrainingProgrammeId, i32),
}

/// What is to change of a workout: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct WorkoutChange {
    /// What it is called.
    pub name: Option<Option<String>>,
    /// Free text.
    pub notes: Option<Option<String>>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, of one that has.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// The longest workout.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// How long a workout has taken, in seconds: all of it, and without its pauses.
pub fn seconds(workout: &Model, now: DateTime<Utc>) -> (Decimal, Decimal) {
    let end = workout.finished_at.unwrap_or(now).max(workout.started_at);
    let elapsed = in_seconds(end - workout.started_at);
    let pausing = workout.paused_at.map_or(Decimal::ZERO, |since| in_seconds((end - since).max(TimeDelta::zero())));
    (elapsed, (elapsed - workout.paused_seconds - pausing).max(Decimal::ZERO).normalize())
}

fn in_seconds(duration: TimeDelta) -> Decimal {
    Decimal::new(duration.num_milliseconds(), 3).normalize()
}

/// The workouts of a person's days, in the order in which they began.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::StartedOn.between(from, to))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::StartedAt)
        .order_by_asc(Column::Id);
    Ok(rows.all(tx).await?)
}

/// The workout of this id.
pub async fn find(tx: &Tx, person: UserId, id: WorkoutId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?)
}

/// The workout that runs.
pub async fn running(tx: &Tx, person: UserId) -> Result<Option<Model>> {
    let row = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::FinishedAt.is_null())
        .filter(Column::DeletedAt.is_null())
        .one(tx)
        .await?;
    Ok(row)
}

/// A person's workouts, those begun last first.
pub async fn list(tx: &Tx, person: UserId, page: &PageRequest) -> Result<Page<Model>> {
    use sea_orm::sea_query::ExprTrait;
    let listed = ("workouts", person);
    let mut rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::DeletedAt.is_null())
        .order_by_desc(Column::StartedAt)
        .order_by_desc(Column::Id)
        .limit(page.limit()?);
    if let Some((at, id)) = page.key::<(DateTime<Utc>, WorkoutId)>(&listed)? {
        let place = Expr::tuple([Expr::col(Column::StartedAt), Expr::col(Column::Id)]);
        rows = rows.filter(place.lt(Expr::tuple([Expr::value(at), Expr::value(id.0)])));
    }
    page.page(&listed, rows.all(tx).await?, |row| (row.started_at, row.id))
}

/// What was logged in these workouts, in its order.
pub async fn entries(tx: &Tx, person: UserId, workouts: &[WorkoutId]) -> Result<HashMap<WorkoutId, Vec<ExerciseEntry>>> {
    let rows = exercise_diary::Entity::find()
        .filter(exercise_diary::Column::UserId.eq(person))
        .filter(exercise_diary::Column::WorkoutId.is_in(workouts.iter().copied()))
        .filter(exercise_diary::Column::DeletedAt.is_null())
        .order_by_asc(exercise_diary::Column::WorkoutPosition)
        .order_by_asc(exercise_diary::Column::PerformedAt)
        .order_by_asc(exercise_diary::Column::Id)
        .all(tx)
        .await?;
    let mut by_workout: HashMap<WorkoutId, Vec<_>> = HashMap::new();
    for entry in with_sets(tx, person, rows).await? {
        if let Some(workout) = entry.row.workout_id {
            by_workout.entry(workout).or_default().push(entry);
        }
    }
    Ok(by_workout)
}

/// Of which exercise the last time is asked for, and before what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastTime {
    /// Whose.
    pub person: UserId,
    /// Which exercise.
    pub exercise: ExerciseId,
    /// What was done before this instant.
    pub before: DateTime<Utc>,
    /// And, at this very instant, before this entry.
    pub entry: Option<ExerciseEntryId>,
    /// Not in this workout.
    pub workout: Option<WorkoutId>,
}

#[derive(FromQueryResult)]
struct LastRow {
    place: i64,
    #[sea_orm(nested)]
    row: exercise_diary::Model,
}

/// What was done last time, by one statement for all that are asked for.
pub async fn last_times(tx: &Tx, person: UserId, asked: &[LastTime]) -> Result<HashMap<LastTime, ExerciseEntry>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT k.place, d.* FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[]) WITH ORDINALITY AS k (exercise, before, entry, workout, place)
         CROSS JOIN LATERAL (
           SELECT * FROM exercise_diary d
           WHERE d.user_id = $1 AND d.exercise_id = k.exercise AND d.deleted_at IS NULL AND (d.performed_at, d.id) < (k.before, k.entry)
             AND d.workout_id IS DISTINCT FROM k.workout
           ORDER BY d.performed_at DESC, d.id DESC LIMIT 1) d
         ORDER BY k.place",
        [
            person.0.into(),
            asked.iter().map(|asked| asked.exercise.0).collect::<Vec<_>>().into(),
            asked.iter().map(|asked| asked.before).collect::<Vec<_>>().into(),
            asked.iter().map(|asked| asked.entry.map_or(Uuid::nil(), |entry| entry.0)).collect::<Vec<_>>().into(),
            asked.iter().map(|asked| asked.workout.map_or(Uuid::nil(), |workout| workout.0)).collect::<Vec<_>>().into(),
        ],
    );
    let rows = LastRow::find_by_statement(statement).all(tx).await?;
    // Two may have the same last time.
    let places: Vec<_> = rows.iter().map(|found| (found.place, found.row.id)).collect();
    let entries: HashMap<_, _> = rows.into_iter().map(|found| (found.row.id, found.row)).collect();
    let entries = with_sets(tx, person, entries.into_values().collect()).await?;
    let found = places.into_iter().filter_map(|(place, id)| {
        let entry = entries.iter().find(|entry| entry.row.id == id)?.clone();
        Some((*asked.get(usize::try_from(place - 1).ok()?)?, entry))
    });
    Ok(found.collect())
}

/// Starts a workout. At most one runs at a time.
pub async fn start(tx: &Tx, new: NewWorkout) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    if let Some(id) = new.id
        && let Some(row) = find(tx, person, id).await?
    {
        return input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from));
    }
    let id = new.id.unwrap_or_else(|| WorkoutId(tx.new_id()));
    let name = new.name.as_deref().map(name).transpose()?;
    let notes = new.notes.as_deref().map(notes).transpose()?;
    let moment = Calendar::of(tx, person).await?.moment("startedAt", new.started_at, new.time_zone, tx.now())?;
    let finished_at = new.finished_at.map(|at| end("finishedAt", moment.at, at)).transpose()?;
    let planned = planned(tx, person, &new.plan).await?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        name: Set(name.or(planned.name)),
        notes: Set(notes),
        plan: Set(planned.plan),
        template_id: Set(planned.template),
        programme_id: Set(planned.programme),
        programme_day: Set(planned.day),
        started_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        started_on: Set(moment.on),
        finished_at: Set(finished_at),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find(tx, person, id).await?, |row| row.created_from.as_ref() == Some(&created_from)),
    }
}

/// What a workout is to be.
#[derive(Default)]
struct Planned {
    name: Option<String>,
    plan: Option<JsonValue>,
    template: Option<WorkoutTemplateId>,
    programme: Option<TrainingProgrammeId>,
    day: Option<i32>,
}

/// The plan as it is by now, with weights by what was made so far.
async fn planned(tx: &Tx, person: UserId, plan: &Plan) -> Result<Planned> {
    let (id, day_name, programme) = match *plan {
        Plan::None => return Ok(Planned::default()),
        Plan::Template(id) => (id, None, None),
        Plan::Day(id, position) => {
            let found = training_programmes::find(tx, person, id).await?;
            let found = found.ok_or(Error::NoSuch { field: "programmeId", what: "training programme" })?;
            let day = usize::try_from(position).ok().and_then(|position| found.days.get(position));
            let day = day.ok_or_else(|| Error::invalid("programmeDay", format!("must be between 0 and {}", found.days.len() - 1)))?;
            (day.template, day.name.clone(), Some((id, position)))
        }
    };
    let template = workout_templates::find(tx, person, id).await?;
    let template = template.ok_or(Error::NoSuch { field: "templateId", what: "workout template" })?;
    Ok(Planned {
        plan: Some(to_store(&workout_templates::next(tx, &template).await?)?),
        name: day_name.or(Some(template.row.name)),
        template: Some(id),
        programme: programme.map(|(id, _)| id),
        day: programme.map(|(_, position)| position),
    })
}

/// Pauses a workout. One that is paused stays so.
pub async fn pause(tx: &Tx, person: Option<UserId>, id: WorkoutId, expected_version: Option<i32>) -> Result<Model> {
    let workout = unfinished(tx, tx.viewer_or(person)?, id, expected_version).await?;
    if workout.paused_at.is_some() {
        return Ok(workout);
    }
    let row = ActiveModel { paused_at: Set(Some(tx.now().max(workout.started_at))), ..unchanged(&workout) };
    Ok(Entity::update(row).exec(tx).await?)
}

/// Goes on with a workout. One that runs stays so.
pub async fn resume(tx: &Tx, person: Option<UserId>, id: WorkoutId, expected_version: Option<i32>) -> Result<Model> {
    let workout = unfinished(tx, tx.viewer_or(person)?, id, expected_version).await?;
    let Some(since) = workout.paused_at else { return Ok(workout) };
    let row = ActiveModel {
        paused_at: Set(None),
        paused_seconds: Set(workout.paused_seconds + in_seconds((tx.now() - since).max(TimeDelta::zero()))),
        ..unchanged(&workout)
    };
    Ok(Entity::update(row).exec(tx).await?)
}

/// Ends a workout, now unless it is told when. A pause ends with it.
pub async fn finish(
    tx: &Tx,
    person: Option<UserId>,
    id: WorkoutId,
    finished_at: Option<DateTime<Utc>>,
    notes: Option<String>,
    expected_version: Option<i32>,
) -> Result<Model> {
    let workout = unfinished(tx, tx.viewer_or(person)?, id, expected_version).await?;
    let finished = end("finishedAt", workout.started_at, finished_at.unwrap_or(tx.now().max(workout.started_at)))?;
    let pausing = workout.paused_at.map_or(Decimal::ZERO, |since| in_seconds((finished - since).max(TimeDelta::zero())));
    let paused = workout.paused_seconds + pausing;
    if paused > in_seconds(finished - workout.started_at) {
        return Err(Error::invalid("finishedAt", format!("leaves less time than the pauses took, which are {paused} seconds")));
    }
    let mut row =
        ActiveModel { paused_at: Set(None), paused_seconds: Set(paused), finished_at: Set(Some(finished)), ..unchanged(&workout) };
    if let Some(text) = notes {
        row.notes = Set(Some(self::notes(&text)?));
    }
    Ok(Entity::update(row).exec(tx).await?)
}

/// Changes a workout. Answers with it and the day it was on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: WorkoutId, change: WorkoutChange) -> Result<(Model, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let workout = editable(tx, person, id, change.expected_version).await?;
    let before = workout.started_on;
    let mut row = unchanged(&workout);
    if let Some(value) = change.name {
        row.name = Set(value.as_deref().map(name).transpose()?);
    }
    if let Some(value) = change.notes {
        row.notes = Set(value.as_deref().map(notes).transpose()?);
    }
    if change.started_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &workout.time_zone), Ok)?;
        let at = change.started_at.unwrap_or(workout.started_at);
        let moment = Calendar::of(tx, person).await?.moment("startedAt", Some(at), Some(time_zone), tx.now())?;
        row.started_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.started_on = Set(moment.on);
    }
    if change.finished_at.is_some() && workout.finished_at.is_none() {
        return Err(Error::invalid("finishedAt", "this workout runs: finish it instead"));
    }
    if change.started_at.is_some() || change.finished_at.is_some() {
        let started = change.started_at.unwrap_or(workout.started_at);
        if let Some(finished) = change.finished_at.or(workout.finished_at) {
            let finished = end(if change.finished_at.is_some() { "finishedAt" } else { "startedAt" }, started, finished)?;
            if workout.paused_seconds > in_seconds(finished - started) {
                return Err(Error::invalid("finishedAt", "leaves less time than the pauses took"));
            }
            row.finished_at = Set(Some(finished));
        }
    }
    if row.is_changed() { Ok((Entity::update(row).exec(tx).await?, before)) } else { Ok((workout, before)) }
}

/// Takes a workout away, with what was logged in it unless that is to stay in the diary. Answers with the day it was on.
pub async fn discard(
    tx: &Tx,
    person: Option<UserId>,
    id: WorkoutId,
    keep_entries: bool,
    expected_version: Option<i32>,
) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let workout = editable(tx, person, id, expected_version).await?;
    if !keep_entries {
        exercise_diary::Entity::update_many()
            .col_expr(exercise_diary::Column::DeletedAt, Expr::value(tx.now()))
            .filter(exercise_diary::Column::UserId.eq(person))
            .filter(exercise_diary::Column::WorkoutId.eq(id))
            .filter(exercise_diary::Column::DeletedAt.is_null())
            .exec(tx)
            .await?;
    }
    free_entries(tx, person, &[id.0]).await?;
    let row = ActiveModel { deleted_at: Set(Some(tx.now())), ..unchanged(&workout) };
    Entity::update(row).exec(tx).await?;
    Ok((person, workout.started_on))
}

/// Takes what is in the diary out of workouts that are gone.
async fn free_entries(tx: &Tx, person: UserId, workouts: &[Uuid]) -> Result<()> {
    exercise_diary::Entity::update_many()
        .col_expr(exercise_diary::Column::WorkoutId, Expr::value(Option::<Uuid>::None))
        .col_expr(exercise_diary::Column::WorkoutPosition, Expr::value(Option::<i32>::None))
        .filter(exercise_diary::Column::UserId.eq(person))
        .filter(exercise_diary::Column::WorkoutId.is_in(workouts.iter().copied()))
        .filter(exercise_diary::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

fn unchanged(workout: &Model) -> ActiveModel {
    ActiveModel { user_id: Unchanged(workout.user_id), id: Unchanged(workout.id), ..Default::default() }
}

/// A workout that the viewer may change, locked until the transaction ends.
async fn editable(tx: &Tx, person: UserId, id: WorkoutId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound("workout"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

async fn unfinished(tx: &Tx, person: UserId, id: WorkoutId, expected_version: Option<i32>) -> Result<Model> {
    let workout = editable(tx, person, id, expected_version).await?;
    match workout.finished_at {
        None => Ok(workout),
        Some(_) => Err(Error::Conflict { message: "this workout is finished".to_owned(), current: Some(scalars(&workout)) }),
    }
}

fn name(name: &str) -> Result<String> {
    input::line("name", name, 255)
}

fn notes(notes: &str) -> Result<String> {
    input::paragraph("notes", notes, 10_000)
}

/// When a workout ended that began at `started`.
fn end(field: &str, started: DateTime<Utc>, finished: DateTime<Utc>) -> Result<DateTime<Utc>> {
    if finished < started {
        return Err(Error::invalid(field, "a workout cannot end before it begins"));
    }
    if finished - started > LONGEST {
        return Err(Error::invalid(field, format!("a workout lasts at most {} days", LONGEST.num_days())));
    }
    Ok(finished)
}

/// Workouts on devices. Their entries are rows of the exercise diary, which name them.
pub static SYNCED: Collection = Collection {
    name: "workouts",
    person_column: "user_id",
    access: Some("calorie"),
    deletion: Deletion::At,
    groups: &[
        group("name", &[written("name", Kind::Text)]),
        group("notes", &[written("notes", Kind::Text)]),
        group("moment", &[written("started_at", Kind::Instant), written("time_zone", Kind::Text), derived("started_on", Kind::Date)]),
        group(
            "clock",
            &[written("paused_at", Kind::Instant), written("paused_seconds", Kind::Decimal), written("finished_at", Kind::Instant)],
        ),
    ],
    complete,
    complement: Some(free_entries_of_deleted),
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    if let Some(text) = draft.optional_text("name")? {
        let text = name(text)?;
        draft.set("name", text);
    }
    if let Some(text) = draft.optional_text("notes")? {
        let text = notes(text)?;
        draft.set("notes", text);
    }
    if draft.changes("moment") {
        draft.fix_day(context, "started_at", "started_on")?;
    }
    let instant = |column: &str| -> Result<Option<DateTime<Utc>>, Refused> {
        let Some(text) = draft.optional_text(column)? else { return Ok(None) };
        Ok(Some(text.parse().map_err(|_| Error::invalid(column, "must be an instant such as 2026-03-10T12:00:00Z"))?))
    };
    let paused = draft.optional_decimal("paused_seconds")?.unwrap_or_default();
    let paused = input::number("paused_seconds", paused, 3, Decimal::ZERO..=Decimal::from(LONGEST.num_seconds()))?;
    if let (Some(started), Some(finished)) = (instant("started_at")?, instant("finished_at")?) {
        end("finished_at", started, finished)?;
        if paused > in_seconds(finished - started) {
            return Err(Error::invalid("paused_seconds", "must not be more than the workout took").into());
        }
        if instant("paused_at")?.is_some() {
            return Err(Error::invalid("paused_at", "a workout that is finished is not paused").into());
        }
    }
    draft.set_decimal("paused_seconds", Some(paused));
    Ok(())
}

/// A device that takes a workout away may not know all of its entries: they stay, in no workout.
fn free_entries_of_deleted<'a>(tx: &'a Tx, person: UserId, rows: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let deleted: Vec<Uuid> = rows.iter().filter(|(_, row)| row.deleted).map(|(id, _)| *id).collect();
        if deleted.is_empty() { Ok(()) } else { free_entries(tx, person, &deleted).await }
    })
}

fn scalars(workout: &Model) -> JsonValue {
    serde_json::json!({
        "id": workout.id, "name": workout.name, "notes": workout.notes, "startedAt": workout.started_at, "timeZone": workout.time_zone,
        "date": workout.started_on, "pausedAt": workout.paused_at, "finishedAt": workout.finished_at, "version": workout.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_773_144_000 + seconds, 0).expect("an instant")
    }

    fn workout(paused_at: Option<i64>, paused_seconds: i64, finished_at: Option<i64>) -> Model {
        Model {
            user_id: UserId(Uuid::nil()),
            id: WorkoutId(Uuid::nil()),
            name: None,
            notes: None,
            plan: None,
            template_id: None,
            programme_id: None,
            programme_day: None,
            started_at: at(0),
            time_zone: "UTC".to_owned(),
            started_on: at(0).date_naive(),
            paused_at: paused_at.map(at),
            paused_seconds: Decimal::from(paused_seconds),
            finished_at: finished_at.map(at),
            created_from: None,
            created_by: None,
            deleted_at: None,
            version: 1,
        }
    }

    #[test]
    fn pauses_that_ended_and_one_that_lasts_are_not_active_time() {
        let expect = |workout: Model, now, elapsed, active| {
            assert_eq!(seconds(&workout, at(now)), (Decimal::from(elapsed), Decimal::from(active)));
        };
        expect(workout(None, 0, None), 600, 600, 600);
        expect(workout(None, 60, None), 600, 600, 540);
        expect(workout(Some(500), 60, None), 600, 600, 440);
        expect(workout(None, 60, Some(1200)), 9000, 1200, 1140);
        // A clock that goes back makes no time negative.
        expect(workout(Some(500), 0, None), -5, 0, 0);
    }
}
