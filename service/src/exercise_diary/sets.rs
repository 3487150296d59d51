//! The sets of an entry: what they may say, what they load, and how devices tell them.

use std::collections::BTreeMap;

use entity::{
    exercise_sets::{ActiveModel, Column, Entity, Model},
    exercises,
    id::{ExerciseEntryId, UserId},
    unit::{Dimension, Unit, round},
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, JsonValue, QueryFilter};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    sync::merge::Row,
};

/// A set as it is logged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSet {
    /// Repetitions.
    pub reps: Option<i32>,
    /// Weight.
    pub weight: Option<Decimal>,
    /// Unit of `weight`; kg when absent.
    pub weight_unit: Option<String>,
    /// One of [`SET_KINDS`]; working when absent.
    pub kind: Option<String>,
    /// One of [`LOAD_KINDS`]; when absent, bodyweight for an exercise that moves the body and weighted for others.
    pub load_kind: Option<String>,
    /// Whether `weight` is what one hand holds, of two.
    pub per_hand: Option<bool>,
    /// How long, in seconds.
    pub duration_seconds: Option<Decimal>,
    /// How far.
    pub distance: Option<Decimal>,
    /// Unit of `distance`.
    pub distance_unit: Option<String>,
    /// Rest after it, in seconds.
    pub rest_seconds: Option<i32>,
    /// Rate of perceived exertion, 1 to 10 in halves.
    pub rpe: Option<Decimal>,
    /// Repetitions in reserve.
    pub rir: Option<i32>,
    /// Free text.
    pub notes: Option<String>,
}

/// What a set may be.
pub const SET_KINDS: [&str; 4] = ["working", "warmup", "drop", "failure"];
/// What the weight of a set may add to: nothing, the body weight that is moved, or (assisted) what is taken off it.
pub const LOAD_KINDS: [&str; 3] = ["weighted", "bodyweight", "assisted"];

const MOST_SETS: usize = 200;

/// What sets of an exercise load where nobody says otherwise.
pub(super) fn usual_load(exercise: Option<&exercises::Model>) -> &'static str {
    if exercise.is_some_and(|exercise| exercise.body_weight_fraction.is_some()) { "bodyweight" } else { "weighted" }
}

/// What a set loads in kg: its weight, of both hands, and what is moved of the body weight; `None` where that is not known.
/// [`LOAD_KG`] is the same in SQL.
pub fn load(set: &Model, body_load: Option<Decimal>) -> Option<Decimal> {
    let hands = if set.per_hand { Decimal::TWO } else { Decimal::ONE };
    let weight = set.weight_kg.map(|weight| weight * hands);
    match set.load_kind.as_str() {
        "bodyweight" => Some(body_load? + weight.unwrap_or_default()),
        "assisted" => Some((body_load? - weight.unwrap_or_default()).max(Decimal::ZERO)),
        _ => weight,
    }
}

/// What the set `s` of the entry `e` loads in kg, as [`load`] computes it.
pub(crate) const LOAD_KG: &str = "CASE s.load_kind
    WHEN 'bodyweight' THEN e.body_load_kg + coalesce(s.weight_kg, 0) * (1 + s.per_hand::integer)
    WHEN 'assisted' THEN CASE WHEN e.body_load_kg IS NOT NULL THEN greatest(e.body_load_kg - coalesce(s.weight_kg, 0) * (1 + s.per_hand::integer), 0) END
    ELSE s.weight_kg * (1 + s.per_hand::integer) END";

/// The rows of these sets, in their order.
pub(super) fn checked(person: UserId, entry: ExerciseEntryId, sets: Vec<NewSet>, usual_load: &str) -> Result<Vec<ActiveModel>> {
    if sets.len() > MOST_SETS {
        return Err(Error::invalid("sets", format!("an entry has at most {MOST_SETS} sets")));
    }
    let row = |(position, set): (i32, NewSet)| {
        let set = checked_set(set, usual_load).map_err(|error| error.within(&format!("sets[{position}]")))?;
        Ok(ActiveModel { user_id: Set(person), exercise_entry_id: Set(entry), position: Set(position), ..set })
    };
    (0..).zip(sets).map(row).collect()
}

fn checked_set(set: NewSet, usual_load: &str) -> Result<ActiveModel> {
    let weight = set.weight.map(|weight| input::number("weight", weight, 3, Decimal::ZERO..=Decimal::from(100_000))).transpose()?;
    let unit = Unit::named(set.weight_unit.as_deref().unwrap_or("kg")).filter(|unit| unit.dimension == Dimension::Mass);
    let unit =
        unit.ok_or_else(|| Error::invalid("weightUnit", format!("not a unit of mass: write one of {}", Unit::codes(Dimension::Mass))))?;
    if set.distance.is_none() && set.distance_unit.is_some() {
        return Err(Error::invalid("distance", "is missing, though there is a unit for it"));
    }
    let (distance, distance_unit, distance_m) = super::distance(set.distance, set.distance_unit.as_deref())?;
    Ok(ActiveModel {
        kind: Set(one_of("kind", set.kind.as_deref().unwrap_or("working"), &SET_KINDS)?),
        reps: Set(set.reps.map(|reps| input::integer("reps", reps, 0..=10_000)).transpose()?),
        weight: Set(weight),
        weight_unit: Set(weight.map(|_| unit.code.to_owned())),
        weight_kg: Set(weight.and_then(|weight| unit.to_base(weight)).map(|grams| round(grams / Decimal::ONE_THOUSAND, 6))),
        load_kind: Set(one_of("loadKind", set.load_kind.as_deref().unwrap_or(usual_load), &LOAD_KINDS)?),
        per_hand: Set(set.per_hand.unwrap_or_default()),
        duration_seconds: Set(set.duration_seconds.map(duration).transpose()?),
        distance: Set(distance),
        distance_unit: Set(distance_unit),
        distance_m: Set(distance_m),
        rest_seconds: Set(set.rest_seconds.map(rest).transpose()?),
        rpe: Set(set.rpe.map(rpe).transpose()?),
        rir: Set(set.rir.map(|rir| input::integer("rir", rir, 0..=10)).transpose()?),
        notes: Set(set.notes.map(|notes| input::paragraph("notes", &notes, 1000)).transpose()?),
        ..Default::default()
    })
}

/// One of a closed list of words, however it is capitalised.
pub(crate) fn one_of(field: &str, word: &str, words: &[&str]) -> Result<String> {
    let word = word.trim().to_lowercase();
    if words.contains(&word.as_str()) { Ok(word) } else { Err(Error::invalid(field, format!("must be one of {}", words.join(", ")))) }
}

fn duration(seconds: Decimal) -> Result<Decimal> {
    input::number("durationSeconds", seconds, 3, Decimal::new(1, 3)..=Decimal::from(604_800))
}

/// A rest, in seconds.
pub(crate) fn rest(seconds: i32) -> Result<i32> {
    input::integer("restSeconds", seconds, 0..=86_400)
}

/// A rate of perceived exertion.
pub(crate) fn rpe(exertion: Decimal) -> Result<Decimal> {
    let exertion = input::number("rpe", exertion, 1, Decimal::ONE..=Decimal::TEN)?;
    if (exertion * Decimal::TWO).fract().is_zero() {
        Ok(exertion)
    } else {
        Err(Error::invalid("rpe", format!("must be in halves, such as 8 or 8.5, is {exertion}")))
    }
}

/// The sets that a device wrote.
pub(super) fn of(value: &JsonValue) -> Result<Vec<NewSet>> {
    let example = r#"must be a list of sets such as {"kind": "working", "reps": 8, "weight": "60", "weight_unit": "kg"}"#;
    match value {
        JsonValue::Null => Ok(Vec::new()),
        value => serde_json::from_value(value.clone()).map_err(|_| Error::invalid("sets", example)),
    }
}

/// A set as devices are told it.
pub(super) fn document(mut set: ActiveModel) -> JsonValue {
    let number = |value: Option<Decimal>| value.map(|value| value.normalize().to_string());
    serde_json::json!({
        "kind": set.kind.take(), "reps": set.reps.take().flatten(), "weight": number(set.weight.take().flatten()),
        "weight_unit": set.weight_unit.take().flatten(), "load_kind": set.load_kind.take(), "per_hand": set.per_hand.take(),
        "duration_seconds": number(set.duration_seconds.take().flatten()), "distance": number(set.distance.take().flatten()),
        "distance_unit": set.distance_unit.take().flatten(), "rest_seconds": set.rest_seconds.take().flatten(),
        "rpe": number(set.rpe.take().flatten()), "rir": set.rir.take().flatten(), "notes": set.notes.take().flatten(),
    })
}

/// Writes the sets of the entries whose sets changed.
pub(super) fn replace<'a>(tx: &'a Tx, person: UserId, rows: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let changed: Vec<_> = rows.iter().filter(|(_, row)| row.made || row.written.contains_key("sets")).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let mut sets = Vec::new();
        for (id, row) in &changed {
            let document = row.document.as_ref().and_then(|document| document.get("sets")).unwrap_or(&JsonValue::Null);
            // The document says what each set loads by now.
            sets.extend(checked(person, ExerciseEntryId(**id), of(document)?, usual_load(None))?);
        }
        Entity::delete_many()
            .filter(Column::UserId.eq(person))
            .filter(Column::ExerciseEntryId.is_in(changed.iter().map(|(id, _)| **id)))
            .exec(tx)
            .await?;
        Entity::insert_many(sets).exec_without_returning(tx).await?;
        Ok(())
    })
}
