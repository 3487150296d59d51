//! The exercise diary: what was trained, set by set, and the energy it took.

mod sets;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    exercise_diary::{ActiveModel, Column, Entity, Model},
    exercise_sets,
    exercises::Model as Exercise,
    id::{ExerciseEntryId, ExerciseId, UserId, WorkoutId},
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use serde::Serialize;

pub(crate) use self::sets::{LOAD_KG, one_of, rest, rpe};
pub use self::sets::{LOAD_KINDS, NewSet, SET_KINDS, load};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    exercise_energy::{self, Effort, Method, weights_at},
    exercises, input,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, elsewhere, fixed, group, written},
        merge::Refused,
    },
};

/// An entry with its sets, in order.
#[derive(Clone, Debug)]
pub struct ExerciseEntry {
    /// The diary row.
    pub row: Model,
    /// Its sets.
    pub sets: Vec<exercise_sets::Model>,
}

/// Something trained, as it is logged.
#[derive(Clone, Debug, Serialize)]
pub struct NewExerciseEntry {
    /// Made by the client, or by the server.
    pub id: Option<ExerciseEntryId>,
    /// Whose diary; the viewer's when absent.
    pub person: Option<UserId>,
    /// What.
    pub exercise: ExerciseId,
    /// How long.
    pub duration_minutes: Option<Decimal>,
    /// Energy as a device says; estimated when absent.
    pub calories_burned: Option<Decimal>,
    /// How far.
    pub distance: Option<Decimal>,
    /// Unit of `distance`.
    pub distance_unit: Option<String>,
    /// Sets in order.
    pub sets: Vec<NewSet>,
    /// Heartbeats per minute, on average.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
    /// The workout that it is a part of.
    pub workout: Option<WorkoutId>,
    /// Its place in it, from 0; the last when absent.
    pub workout_position: Option<i32>,
    /// Exercises of the workout with the same number are done in turns.
    pub superset_group: Option<i32>,
    /// Free text.
    pub notes: Option<String>,
    /// When; now when absent.
    pub performed_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
}

/// What is to change of an entry: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct ExerciseEntryChange {
    /// How long.
    pub duration_minutes: Option<Option<Decimal>>,
    /// Energy as a device says; cleared, it is estimated again.
    pub calories_burned: Option<Option<Decimal>>,
    /// How far.
    pub distance: Option<Option<Decimal>>,
    /// Unit of `distance`.
    pub distance_unit: Option<Option<String>>,
    /// Replaces all sets.
    pub sets: Option<Vec<NewSet>>,
    /// Heartbeats per minute, on average.
    pub average_heart_rate: Option<Option<i32>>,
    /// The highest heart rate.
    pub max_heart_rate: Option<Option<i32>>,
    /// The workout that it is a part of.
    pub workout: Option<Option<WorkoutId>>,
    /// Its place in it.
    pub workout_position: Option<i32>,
    /// Exercises of the workout with the same number are done in turns.
    pub superset_group: Option<Option<i32>>,
    /// Free text.
    pub notes: Option<Option<String>>,
    /// When.
    pub performed_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// Refuse when the entry is at another version.
    pub expected_version: Option<i32>,
}

/// The most exercises of a workout.
const MOST_IN_A_WORKOUT: i32 = 1000;

/// The entries of a person's days from `from` to `to`, in the order they were done.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<ExerciseEntry>> {
    let rows = rows_between(tx, person, from, to).await?;
    with_sets(tx, person, rows).await
}

/// The same without their sets.
pub(crate) async fn rows_between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::PerformedOn.between(from, to))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::PerformedAt)
        .order_by_asc(Column::Id);
    Ok(rows.all(tx).await?)
}

/// The entries of these ids, in any order.
pub async fn by_ids(tx: &Tx, person: UserId, ids: &[ExerciseEntryId]) -> Result<Vec<ExerciseEntry>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::DeletedAt.is_null())
        .all(tx)
        .await?;
    with_sets(tx, person, rows).await
}

/// Repetitions times load of the working sets of these entries, in kg, of what is known; warm-ups do not count.
pub fn volume(entries: &[ExerciseEntry]) -> Decimal {
    let of_set = |entry: &ExerciseEntry, set: &exercise_sets::Model| {
        let load = load(set, entry.row.body_load_kg).filter(|_| set.kind != "warmup")?;
        Some(load * Decimal::from(set.reps?))
    };
    let sets = entries.iter().flat_map(|entry| entry.sets.iter().filter_map(move |set| of_set(entry, set)));
    sets.sum::<Decimal>().normalize()
}

/// The energy of these entries, as far as it is known; `None` when nothing is.
pub fn calories_burned(entries: &[ExerciseEntry]) -> Option<Decimal> {
    entries.iter().filter_map(|entry| entry.row.calories_burned).reduce(|sum, calories| sum + calories)
}

/// Logs something trained.
pub async fn log(tx: &Tx, new: NewExerciseEntry) -> Result<ExerciseEntry> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    // Asked first: the exercise of an entry that is sent again may be gone by now.
    if let Some(id) = new.id
        && let Some(row) = find(tx, person, id).await?
    {
        return with_its_sets(tx, input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from))?).await;
    }
    let id = new.id.unwrap_or_else(|| ExerciseEntryId(tx.new_id()));
    let duration = new.duration_minutes.map(duration).transpose()?;
    if new.distance.is_none() && new.distance_unit.is_some() {
        return Err(Error::invalid("distance", "is missing, though there is a unit for it"));
    }
    let (distance, distance_unit, distance_m) = distance(new.distance, new.distance_unit.as_deref())?;
    let (average_heart_rate, max_heart_rate) = heart_rates(new.average_heart_rate, new.max_heart_rate)?;
    let superset_group = new.superset_group.map(superset_group).transpose()?;
    let notes = new.notes.map(|notes| input::paragraph("notes", &notes, 10_000)).transpose()?;
    let device_calories = new.calories_burned.map(calories).transpose()?;
    let moment = Calendar::of(tx, person).await?.moment("performedAt", new.performed_at, new.time_zone, tx.now())?;
    let exercise = exercises::find(tx, new.exercise).await?.ok_or(Error::NoSuch { field: "exerciseId", what: "exercise" })?;
    let sets = sets::checked(person, id, new.sets, sets::usual_load(Some(&exercise)))?;
    let workout_position = match new.workout {
        Some(workout) => Some(place_in(tx, person, workout, new.workout_position).await?),
        None => None,
    };
    let body_load_kg = body_load(tx, person, exercise.body_weight_fraction, moment.at).await?;
    let effort = Effort { device: device_calories, met: exercise.met, minutes: duration, heart_rate: average_heart_rate };
    let energy = exercise_energy::energy(tx, person, effort, moment.at).await?;

    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        exercise_id: Set(Some(exercise.id)),
        exercise_name: Set(exercise.name),
        duration_minutes: Set(duration),
        distance: Set(distance),
        distance_unit: Set(distance_unit),
        distance_m: Set(distance_m),
        calories_burned: Set(energy.gross),
        calories_source: Set(energy.method.map(|method| method.code().to_owned())),
        calories_basis: Set(Some(energy.stored()?)),
        average_heart_rate: Set(average_heart_rate),
        max_heart_rate: Set(max_heart_rate),
        body_load_kg: Set(body_load_kg),
        workout_id: Set(new.workout),
        workout_position: Set(workout_position),
        superset_group: Set(superset_group),
        notes: Set(notes),
        performed_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        performed_on: Set(moment.on),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => {
            exercise_sets::Entity::insert_many(sets).exec_without_returning(tx).await?;
            with_its_sets(tx, row).await
        }
        None => {
            with_its_sets(tx, input::repeated(find(tx, person, id).await?, |row| row.created_from.as_ref() == Some(&created_from))?).await
        }
    }
}

/// Changes an entry. Answers with it and the day it was on before.
pub async fn update(
    tx: &Tx,
    person: Option<UserId>,
    id: ExerciseEntryId,
    change: ExerciseEntryChange,
) -> Result<(ExerciseEntry, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, change.expected_version).await?;
    let before = entry.performed_on;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };

    if change.performed_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &entry.time_zone), Ok)?;
        let at = change.performed_at.unwrap_or(entry.performed_at);
        let moment = Calendar::of(tx, person).await?.moment("performedAt", Some(at), Some(time_zone), tx.now())?;
        row.performed_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.performed_on = Set(moment.on);
        let exercise = exercise_of(tx, &entry).await?;
        // What the exercise moves is known while it is to be seen; what it moved before stays otherwise.
        if let Some(exercise) = exercise {
            row.body_load_kg = Set(body_load(tx, person, exercise.body_weight_fraction, moment.at).await?);
        }
    }
    if change.distance.is_some() || change.distance_unit.is_some() {
        let unit = change.distance_unit.unwrap_or(entry.distance_unit.clone());
        let (distance, unit, metres) = distance(change.distance.unwrap_or(entry.distance), unit.as_deref())?;
        row.distance = Set(distance);
        row.distance_unit = Set(unit);
        row.distance_m = Set(metres);
    }
    if let Some(notes) = change.notes {
        row.notes = Set(notes.map(|notes| input::paragraph("notes", &notes, 10_000)).transpose()?);
    }
    let heart_rates_change = change.average_heart_rate.is_some() || change.max_heart_rate.is_some();
    let (average_heart_rate, max_heart_rate) =
        heart_rates(change.average_heart_rate.unwrap_or(entry.average_heart_rate), change.max_heart_rate.unwrap_or(entry.max_heart_rate))?;
    if heart_rates_change {
        (row.average_heart_rate, row.max_heart_rate) = (Set(average_heart_rate), Set(max_heart_rate));
    }
    if change.duration_minutes.is_some() || change.calories_burned.is_some() || heart_rates_change {
        let minutes = change.duration_minutes.unwrap_or(entry.duration_minutes).map(duration).transpose()?;
        let method = entry.calories_source.as_deref().and_then(Method::named);
        let known = entry.calories_burned.filter(|_| method == Some(Method::Device));
        let device = change.calories_burned.unwrap_or(known).map(calories).transpose()?;
        let met = exercise_of(tx, &entry).await?.and_then(|exercise| exercise.met);
        let at = row.performed_at.clone().take().unwrap_or(entry.performed_at);
        let effort = Effort { device, met, minutes, heart_rate: average_heart_rate };
        let mut energy = exercise_energy::energy(tx, person, effort, at).await?;
        // The exercise and the weight may be gone, or not the writer's to see: the estimate they gave holds for each minute.
        if energy.gross.is_none()
            && matches!(method, Some(Method::HeartRate | Method::Met))
            && let (Some(before), Some(minutes)) = (entry.duration_minutes, minutes)
        {
            energy = exercise_energy::of_entry(&entry).stretched(before, minutes);
        }
        row.duration_minutes = Set(minutes);
        row.calories_burned = Set(energy.gross);
        row.calories_source = Set(energy.method.map(|method| method.code().to_owned()));
        row.calories_basis = Set(Some(energy.stored()?));
    }
    if change.workout.is_some() || change.workout_position.is_some() {
        let workout = change.workout.unwrap_or(entry.workout_id);
        row.workout_id = Set(workout);
        row.workout_position = Set(match workout {
            Some(workout) => Some(place_in(tx, person, workout, change.workout_position).await?),
            None => None,
        });
    }
    if let Some(group) = change.superset_group {
        row.superset_group = Set(group.map(superset_group).transpose()?);
    }
    if let Some(sets) = change.sets {
        let exercise = exercise_of(tx, &entry).await?;
        let sets = sets::checked(person, id, sets, sets::usual_load(exercise.as_ref()))?;
        let old = exercise_sets::Entity::delete_many().filter(exercise_sets::Column::UserId.eq(person));
        old.filter(exercise_sets::Column::ExerciseEntryId.eq(id)).exec(tx).await?;
        exercise_sets::Entity::insert_many(sets).exec_without_returning(tx).await?;
        // The entry has changed with its sets, so its version must too.
        row.exercise_name = Set(entry.exercise_name.clone());
    }
    let row = if sea_orm::ActiveModelTrait::is_changed(&row) { Entity::update(row).exec(tx).await? } else { entry };
    Ok((with_its_sets(tx, row).await?, before))
}

/// Takes an entry out of the diary. Answers with the day it was on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: ExerciseEntryId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok((person, entry.performed_on))
}

async fn find(tx: &Tx, person: UserId, id: ExerciseEntryId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?)
}

/// An entry that the viewer may change, locked until the transaction ends.
async fn editable(tx: &Tx, person: UserId, id: ExerciseEntryId, expected_version: Option<i32>) -> Result<Model> {
    let entry = Entity::find_by_id((person, id))
        .filter(Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound("exercise entry"))?;
    input::expect_version(expected_version, entry.version, || scalars(&entry))?;
    Ok(entry)
}

/// The exercise of an entry, while it is there and the viewer's to see.
async fn exercise_of(tx: &Tx, entry: &Model) -> Result<Option<Exercise>> {
    match entry.exercise_id {
        Some(exercise) => exercises::find(tx, exercise).await,
        None => Ok(None),
    }
}

async fn with_its_sets(tx: &Tx, row: Model) -> Result<ExerciseEntry> {
    let person = row.user_id;
    with_sets(tx, person, vec![row]).await?.pop().ok_or_else(|| Error::internal("an entry was lost between its rows"))
}

pub(crate) async fn with_sets(tx: &Tx, person: UserId, rows: Vec<Model>) -> Result<Vec<ExerciseEntry>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sets = exercise_sets::Entity::find()
        .filter(exercise_sets::Column::UserId.eq(person))
        .filter(exercise_sets::Column::ExerciseEntryId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(exercise_sets::Column::Position)
        .all(tx)
        .await?;
    let mut by_entry: HashMap<ExerciseEntryId, Vec<_>> = HashMap::new();
    for set in sets {
        by_entry.entry(set.exercise_entry_id).or_default().push(set);
    }
    Ok(rows.into_iter().map(|row| ExerciseEntry { sets: by_entry.remove(&row.id).unwrap_or_default(), row }).collect())
}

/// The part of the body weight, by the one measured around `at`, that an exercise moves, in kg.
async fn body_load(tx: &Tx, person: UserId, fraction: Option<Decimal>, at: DateTime<Utc>) -> Result<Option<Decimal>> {
    let Some(fraction) = fraction else { return Ok(None) };
    Ok(weights_at(tx, person, &[at]).await?.get(&at).map(|kilograms| round(kilograms * fraction, 6)))
}

/// A place in a workout: the one asked for, else the next free one.
async fn place_in(tx: &Tx, person: UserId, workout: WorkoutId, asked: Option<i32>) -> Result<i32> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT coalesce((SELECT max(workout_position) + 1 FROM exercise_diary WHERE user_id = $1 AND workout_id = $2 AND deleted_at IS NULL), 0)
         FROM workouts WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL",
        [person.0.into(), workout.0.into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or(Error::NoSuch { field: "workoutId", what: "workout" })?;
    let next: i32 = row.try_get_by_index(0)?;
    if let Some(asked) = asked {
        return input::integer("workoutPosition", asked, 0..=MOST_IN_A_WORKOUT - 1);
    }
    if next < MOST_IN_A_WORKOUT { Ok(next) } else { Err(Error::invalid("workoutId", "this workout is full: start another one")) }
}

fn superset_group(group: i32) -> Result<i32> {
    input::integer("supersetGroup", group, 1..=100)
}

fn heart_rates(average: Option<i32>, max: Option<i32>) -> Result<(Option<i32>, Option<i32>)> {
    let average = average.map(|rate| input::integer("averageHeartRate", rate, 20..=300)).transpose()?;
    let max = max.map(|rate| input::integer("maxHeartRate", rate, 20..=300)).transpose()?;
    match (average, max) {
        (Some(average), Some(max)) if average > max => {
            Err(Error::invalid("averageHeartRate", format!("must not be above maxHeartRate, which is {max}")))
        }
        rates => Ok(rates),
    }
}

fn duration(minutes: Decimal) -> Result<Decimal> {
    input::number("durationMinutes", minutes, 3, Decimal::new(1, 3)..=Decimal::from(10_080))
}

fn calories(kilocalories: Decimal) -> Result<Decimal> {
    input::number("caloriesBurned", kilocalories, 3, Decimal::ZERO..=Decimal::from(100_000))
}

fn distance(distance: Option<Decimal>, unit: Option<&str>) -> Result<(Option<Decimal>, Option<String>, Option<Decimal>)> {
    let Some(distance) = distance else { return Ok((None, None, None)) };
    let distance = input::number("distance", distance, 3, Decimal::new(1, 3)..=Decimal::from(10_000_000))?;
    let unit = unit.and_then(Unit::named).filter(|unit| unit.dimension == Dimension::Length);
    let unit = unit
        .ok_or_else(|| Error::invalid("distanceUnit", format!("not a unit of length: write one of {}", Unit::codes(Dimension::Length))))?;
    Ok((Some(distance), Some(unit.code.to_owned()), unit.to_base(distance).map(|metres| round(metres, 6))))
}

/// The exercise diary on devices. Its sets are one column, which the last write decides as a whole.
pub static SYNCED: Collection = Collection {
    name: "exercise_diary",
    person_column: "user_id",
    access: Some("calorie"),
    deletion: Deletion::At,
    groups: &[
        fixed("exercise", &[written("exercise_id", Kind::Id), derived("exercise_name", Kind::Text)]),
        group(
            "energy",
            &[
                written("duration_minutes", Kind::Decimal),
                written("calories_burned", Kind::Decimal),
                derived("calories_source", Kind::Text),
            ],
        ),
        group(
            "workout",
            &[written("workout_id", Kind::Id), written("workout_position", Kind::Integer), written("superset_group", Kind::Integer)],
        ),
        group("heart_rate", &[written("average_heart_rate", Kind::Integer), written("max_heart_rate", Kind::Integer)]),
        group(
            "distance",
            &[written("distance", Kind::Decimal), written("distance_unit", Kind::Text), derived("distance_m", Kind::Decimal)],
        ),
        group("notes", &[written("notes", Kind::Text)]),
        group(
            "moment",
            &[
                written("performed_at", Kind::Instant),
                written("time_zone", Kind::Text),
                derived("performed_on", Kind::Date),
                derived("body_load_kg", Kind::Decimal),
            ],
        ),
        group("sets", &[elsewhere("sets")]),
    ],
    complete,
    complement: Some(sets::replace),
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let id: Option<ExerciseId> = draft.optional_text("exercise_id")?.and_then(|id| id.parse().ok()).map(ExerciseId);
    let exercise = id.and_then(|id| context.exercises.get(&id));
    if draft.before.is_none() {
        id.ok_or_else(|| Refused::missing("exercise_id"))?;
        let exercise = exercise.ok_or(Error::NoSuch { field: "exercise_id", what: "exercise" })?;
        draft.set("exercise_name", exercise.name.clone());
    }
    if draft.changes("moment") {
        draft.fix_day(context, "performed_at", "performed_on")?;
        if let Some(exercise) = exercise {
            let weight = context.bodies.get(&instant(draft)?).and_then(|body| body.kilograms);
            let load = exercise.body_weight_fraction.zip(weight).map(|(fraction, weight)| round(fraction * weight, 6));
            draft.set_decimal("body_load_kg", load);
        }
    }
    if draft.changes("workout") {
        complete_place(draft)?;
    }
    if draft.changes("heart_rate") {
        let (average, max) = heart_rates(draft.optional_integer("average_heart_rate")?, draft.optional_integer("max_heart_rate")?)?;
        draft.set("average_heart_rate", average);
        draft.set("max_heart_rate", max);
    }
    if draft.changes("distance") {
        let (distance, unit, metres) = distance(draft.optional_decimal("distance")?, draft.optional_text("distance_unit")?)?;
        draft.set_decimal("distance", distance);
        draft.set("distance_unit", unit);
        draft.set_decimal("distance_m", metres);
    }
    if let Some(notes) = draft.optional_text("notes")? {
        let notes = input::paragraph("notes", notes, 10_000)?;
        draft.set("notes", notes);
    }
    if draft.changes("energy") {
        complete_energy(context, draft, exercise.and_then(|exercise| exercise.met))?;
    }
    if draft.changes("sets") {
        let sets = sets::checked(draft.person, ExerciseEntryId(draft.id), sets::of(draft.value("sets"))?, sets::usual_load(exercise))?;
        draft.set("sets", sets.into_iter().map(sets::document).collect::<Vec<_>>());
    }
    Ok(())
}

/// A place in a workout, which no entry has that is in none.
fn complete_place(draft: &mut Draft) -> Result<(), Refused> {
    let group = draft.optional_integer("superset_group")?.map(superset_group).transpose()?;
    let place = match draft.optional_text("workout_id")? {
        Some(_) => {
            let place = draft.optional_integer("workout_position")?.unwrap_or_default();
            Some(input::integer("workout_position", place, 0..=MOST_IN_A_WORKOUT - 1)?)
        }
        None => None,
    };
    draft.set("superset_group", group);
    draft.set("workout_position", place);
    Ok(())
}

fn instant(draft: &Draft) -> Result<DateTime<Utc>, Refused> {
    Ok(draft.text("performed_at")?.parse().map_err(|_| Error::invalid("performed_at", "must be an instant"))?)
}

/// Energy that a device did not tell is estimated: a client that sends back an estimate means no other figure.
fn complete_energy(context: &Context, draft: &mut Draft, met: Option<Decimal>) -> Result<(), Refused> {
    let minutes = draft.optional_decimal("duration_minutes")?.map(duration).transpose()?;
    let told = draft.optional_decimal("calories_burned")?.map(calories).transpose()?;
    let before = |column: &str| draft.before.as_ref().and_then(|before| before.get(column)).cloned();
    let estimated = [Method::HeartRate, Method::Met].iter().any(|method| before("calories_source") == Some(method.code().into()));
    let device = told.filter(|_| !(estimated && before("calories_burned").as_ref() == Some(draft.value("calories_burned"))));
    let effort = Effort { device, met, minutes, heart_rate: draft.optional_integer("average_heart_rate")? };
    let energy = exercise_energy::estimate(&effort, &context.bodies.get(&instant(draft)?).copied().unwrap_or_default());
    draft.set_decimal("duration_minutes", minutes);
    draft.set_decimal("calories_burned", energy.gross);
    draft.set("calories_source", energy.method.map(Method::code));
    Ok(())
}

fn scalars(entry: &Model) -> JsonValue {
    serde_json::json!({
        "id": entry.id, "name": entry.exercise_name, "durationMinutes": entry.duration_minutes.map(|minutes| minutes.normalize()),
        "distance": entry.distance.map(|distance| distance.normalize()), "distanceUnit": entry.distance_unit,
        "caloriesBurned": entry.calories_burned.map(|calories| calories.normalize()), "notes": entry.notes,
        "averageHeartRate": entry.average_heart_rate, "maxHeartRate": entry.max_heart_rate, "supersetGroup": entry.superset_group,
        "performedAt": entry.performed_at, "timeZone": entry.time_zone, "date": entry.performed_on, "version": entry.version,
    })
}
