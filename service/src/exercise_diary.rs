//! The exercise diary: what was trained, set by set, and the energy it took.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    exercise_diary::{ActiveModel, Column, Entity, Model},
    exercise_sets,
    id::{ExerciseEntryId, ExerciseId, UserId},
    unit::{Dimension, Unit, round},
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    exercise_energy::{self, Effort, Method},
    exercises, input,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, elsewhere, fixed, group, written},
        merge::{Refused, Row},
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

/// A set as it is logged.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSet {
    /// Repetitions.
    pub reps: Option<i32>,
    /// Weight.
    pub weight: Option<Decimal>,
    /// Unit of `weight`; kg when absent.
    pub weight_unit: Option<String>,
    /// working, warmup, drop or failure; working when absent.
    pub kind: Option<String>,
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
    /// Free text.
    pub notes: Option<Option<String>>,
    /// When.
    pub performed_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// Refuse when the entry is at another version.
    pub expected_version: Option<i32>,
}

const MOST_SETS: usize = 200;

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
    let sets = checked_sets(person, id, new.sets)?;
    let notes = new.notes.map(|notes| input::paragraph("notes", &notes, 10_000)).transpose()?;
    let device_calories = new.calories_burned.map(calories).transpose()?;
    let moment = Calendar::of(tx, person).await?.moment("performedAt", new.performed_at, new.time_zone, tx.now())?;
    let exercise = exercises::find(tx, new.exercise).await?.ok_or(Error::NoSuch { field: "exerciseId", what: "exercise" })?;
    let effort = Effort { device: device_calories, met: exercise.met, minutes: duration, heart_rate: None };
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
    if change.duration_minutes.is_some() || change.calories_burned.is_some() {
        let minutes = change.duration_minutes.unwrap_or(entry.duration_minutes).map(duration).transpose()?;
        let method = entry.calories_source.as_deref().and_then(Method::named);
        let known = entry.calories_burned.filter(|_| method == Some(Method::Device));
        let device = change.calories_burned.unwrap_or(known).map(calories).transpose()?;
        let met = match entry.exercise_id {
            Some(exercise) => exercises::find(tx, exercise).await?.and_then(|exercise| exercise.met),
            None => None,
        };
        let at = row.performed_at.clone().take().unwrap_or(entry.performed_at);
        let effort = Effort { device, met, minutes, heart_rate: None };
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
    if let Some(sets) = change.sets {
        let sets = checked_sets(person, id, sets)?;
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

async fn with_its_sets(tx: &Tx, row: Model) -> Result<ExerciseEntry> {
    let person = row.user_id;
    with_sets(tx, person, vec![row]).await?.pop().ok_or_else(|| Error::internal("an entry was lost between its rows"))
}

async fn with_sets(tx: &Tx, person: UserId, rows: Vec<Model>) -> Result<Vec<ExerciseEntry>> {
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

fn checked_sets(person: UserId, entry: ExerciseEntryId, sets: Vec<NewSet>) -> Result<Vec<exercise_sets::ActiveModel>> {
    if sets.len() > MOST_SETS {
        return Err(Error::invalid("sets", format!("an entry has at most {MOST_SETS} sets")));
    }
    let check = |(position, set): (i32, NewSet)| {
        let field = |name: &str| format!("sets[{position}].{name}");
        let kind = set.kind.as_deref().unwrap_or("working").trim().to_lowercase();
        if !matches!(kind.as_str(), "working" | "warmup" | "drop" | "failure") {
            return Err(Error::invalid(field("kind"), "must be working, warmup, drop or failure"));
        }
        let weight =
            set.weight.map(|weight| input::number(&field("weight"), weight, 3, Decimal::ZERO..=Decimal::from(100_000))).transpose()?;
        let unit = Unit::named(set.weight_unit.as_deref().unwrap_or("kg")).filter(|unit| unit.dimension == Dimension::Mass);
        let unit = unit.ok_or_else(|| {
            Error::invalid(field("weightUnit"), format!("not a unit of mass: write one of {}", Unit::codes(Dimension::Mass)))
        })?;
        Ok(exercise_sets::ActiveModel {
            user_id: Set(person),
            exercise_entry_id: Set(entry),
            position: Set(position),
            kind: Set(kind),
            reps: Set(set.reps.map(|reps| input::integer(&field("reps"), reps, 0..=10_000)).transpose()?),
            weight: Set(weight),
            weight_unit: Set(weight.map(|_| unit.code.to_owned())),
            weight_kg: Set(weight.and_then(|weight| unit.to_base(weight)).map(|grams| round(grams / Decimal::ONE_THOUSAND, 6))),
        })
    };
    (0..).zip(sets).map(check).collect()
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
            "distance",
            &[written("distance", Kind::Decimal), written("distance_unit", Kind::Text), derived("distance_m", Kind::Decimal)],
        ),
        group("notes", &[written("notes", Kind::Text)]),
        group("moment", &[written("performed_at", Kind::Instant), written("time_zone", Kind::Text), derived("performed_on", Kind::Date)]),
        group("sets", &[elsewhere("sets")]),
    ],
    complete,
    complement: Some(replace_sets),
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
        let sets = checked_sets(draft.person, ExerciseEntryId(draft.id), sets_of(draft.value("sets"))?)?;
        draft.set("sets", sets.into_iter().map(set_document).collect::<Vec<_>>());
    }
    Ok(())
}

/// Energy that a device did not tell is estimated: a client that sends back an estimate means no other figure.
fn complete_energy(context: &Context, draft: &mut Draft, met: Option<Decimal>) -> Result<(), Refused> {
    let minutes = draft.optional_decimal("duration_minutes")?.map(duration).transpose()?;
    let told = draft.optional_decimal("calories_burned")?.map(calories).transpose()?;
    let before = |column: &str| draft.before.as_ref().and_then(|before| before.get(column)).cloned();
    let estimated = [Method::HeartRate, Method::Met].iter().any(|method| before("calories_source") == Some(method.code().into()));
    let device = told.filter(|_| !(estimated && before("calories_burned").as_ref() == Some(draft.value("calories_burned"))));
    let at: DateTime<Utc> = draft.text("performed_at")?.parse().map_err(|_| Error::invalid("performed_at", "must be an instant"))?;
    let effort = Effort { device, met, minutes, heart_rate: None };
    let energy = exercise_energy::estimate(&effort, &context.bodies.get(&at).copied().unwrap_or_default());
    draft.set_decimal("duration_minutes", minutes);
    draft.set_decimal("calories_burned", energy.gross);
    draft.set("calories_source", energy.method.map(Method::code));
    Ok(())
}

fn sets_of(value: &JsonValue) -> Result<Vec<NewSet>> {
    let example = r#"must be a list of sets such as {"kind": "working", "reps": 8, "weight": "60", "weight_unit": "kg"}"#;
    match value {
        JsonValue::Null => Ok(Vec::new()),
        value => serde_json::from_value(value.clone()).map_err(|_| Error::invalid("sets", example)),
    }
}

fn set_document(mut set: exercise_sets::ActiveModel) -> JsonValue {
    let weight = set.weight.take().flatten().map(|weight| weight.normalize().to_string());
    serde_json::json!({
        "kind": set.kind.take(), "reps": set.reps.take().flatten(), "weight": weight, "weight_unit": set.weight_unit.take().flatten(),
    })
}

/// Writes the sets of the entries whose sets changed.
fn replace_sets<'a>(tx: &'a Tx, person: UserId, rows: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let changed: Vec<_> = rows.iter().filter(|(_, row)| row.made || row.written.contains_key("sets")).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let mut sets = Vec::new();
        for (id, row) in &changed {
            let document = row.document.as_ref().and_then(|document| document.get("sets")).unwrap_or(&JsonValue::Null);
            sets.extend(checked_sets(person, ExerciseEntryId(**id), sets_of(document)?)?);
        }
        exercise_sets::Entity::delete_many()
            .filter(exercise_sets::Column::UserId.eq(person))
            .filter(exercise_sets::Column::ExerciseEntryId.is_in(changed.iter().map(|(id, _)| **id)))
            .exec(tx)
            .await?;
        exercise_sets::Entity::insert_many(sets).exec_without_returning(tx).await?;
        Ok(())
    })
}

fn scalars(entry: &Model) -> JsonValue {
    serde_json::json!({
        "id": entry.id, "name": entry.exercise_name, "durationMinutes": entry.duration_minutes.map(|minutes| minutes.normalize()),
        "distance": entry.distance.map(|distance| distance.normalize()), "distanceUnit": entry.distance_unit,
        "caloriesBurned": entry.calories_burned.map(|calories| calories.normalize()), "notes": entry.notes,
        "performedAt": entry.performed_at, "timeZone": entry.time_zone, "date": entry.performed_on, "version": entry.version,
    })
}
