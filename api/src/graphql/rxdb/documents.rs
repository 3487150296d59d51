//! The documents that RxDB's clients keep, collection by collection. Each is a type and an input of the same fields, since a client pushes
//! whole documents; what is Hale's own comes along, and is left where it is.

use std::{borrow::Cow, marker::PhantomData};

use async_graphql::{
    ContextSelectionSet, InputObject, InputType, InputValueResult, OutputType, Positioned, Scalar, ScalarType, ServerResult, SimpleObject,
    Value, parser::types::Field, registry::Registry,
};
use service::{exercise_diary, food_diary, goals, measurements, noots, rxdb::Collection, sync};

use crate::graphql::scalars::{Date, DateTime, Decimal, TimeZone, Uuid};

/// A text. Anything else in a document that is pushed makes it a conflict.
pub struct Text;

/// A text. Anything else in a document that is pushed makes it a conflict.
#[Scalar(name = "Text", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-7")]
impl ScalarType for Text {
    fn parse(_: Value) -> InputValueResult<Self> {
        Ok(Self)
    }

    fn to_value(&self) -> Value {
        Value::Null
    }
}

/// A value of a document, of the type `S` when it comes from the server, and whatever a client sent when it does not.
pub struct Column<S>(Value, PhantomData<fn() -> S>);

impl<S: InputType> InputType for Column<S> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        S::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        S::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        Ok(Self(value.unwrap_or_default(), PhantomData))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<S: OutputType> OutputType for Column<S> {
    fn type_name() -> Cow<'static, str> {
        S::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        S::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(self.0.clone())
    }
}

/// The documents of a collection.
pub trait Replicated: InputType + OutputType + 'static {
    /// The collection as its types begin with it: `FoodEntry` of `foodEntry`.
    const NAME: &'static str;
    /// The most documents of a page.
    const LARGEST_PAGE: u32 = sync::LARGEST_PAGE;

    /// What is replicated.
    fn collection() -> &'static Collection;
}

/// Something eaten, as RxDB's clients keep it in a collection `foodEntry`. What is not said to be Hale's own is for the client to write.
#[derive(SimpleObject, InputObject)]
#[graphql(name = "FoodEntryDocument", input_name = "FoodEntryInput")]
pub struct FoodEntryDocument {
    /// The primary key, made by the client: lower-case and hyphenated.
    id: Column<Uuid>,
    /// The food, of which the entry takes what it contains; fixed once the entry is made. Null when the food is gone, or where
    /// `quickNutrition` tells what it contains.
    food_item_id: Option<Column<Uuid>>,
    /// What an entry without a food is called, fixed once it is made; else the name of the food, which is Hale's own.
    food_name: Option<Column<Text>>,
    /// Its brand. Hale's own.
    food_brand: Option<Column<Text>>,
    /// How much, together with `unit`.
    quantity: Option<Column<Decimal>>,
    /// A unit or a portion of the food.
    unit: Option<Column<Text>>,
    /// How many servings that are. Hale's own.
    servings: Option<Column<Decimal>>,
    /// kcal in that amount. Null: unknown. Hale's own.
    calories: Option<Column<Decimal>>,
    /// g of protein. Hale's own.
    protein: Option<Column<Decimal>>,
    /// g of carbohydrates. Hale's own.
    carbohydrates: Option<Column<Decimal>>,
    /// g of fat. Hale's own.
    fat: Option<Column<Decimal>>,
    /// g of fiber. Hale's own.
    fiber: Option<Column<Decimal>>,
    /// g of sugar. Hale's own.
    sugar: Option<Column<Decimal>>,
    /// mg of sodium. Hale's own.
    sodium: Option<Column<Decimal>>,
    /// Further nutrients, JSON as text. Hale's own.
    nutrients: Option<Column<Text>>,
    /// Of an entry without a food: what one of it contains, JSON as text such as {"calories":"320","protein":"12"}.
    quick_nutrition: Option<Column<Text>>,
    /// The volume of the amount in ml, where the food tells it. Hale's own.
    milliliters: Option<Column<Decimal>>,
    /// eaten, or planned, which counts in no sum of what was eaten; eaten when absent.
    status: Option<Column<Text>>,
    /// Anything to remember.
    note: Option<Column<Text>>,
    /// The logged meal that it is a part of; fixed once the entry is made.
    group_id: Option<Column<Uuid>>,
    /// breakfast, lunch, dinner, snack or one's own.
    meal_type: Option<Column<Text>>,
    /// When it was eaten, together with `timeZone`.
    consumed_at: Option<Column<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Column<TimeZone>>,
    /// The day it counts for. Hale's own.
    consumed_on: Option<Column<Date>>,
    /// Whether it is taken out of the diary.
    #[graphql(name = "_deleted")]
    deleted: bool,
}

impl Replicated for FoodEntryDocument {
    const NAME: &'static str = "FoodEntry";

    fn collection() -> &'static Collection {
        &food_diary::SYNCED
    }
}

/// Something measured, as RxDB's clients keep it in a collection `measurement`. What is not said to be Hale's own is for the client to
/// write.
#[derive(SimpleObject, InputObject)]
#[graphql(name = "MeasurementDocument", input_name = "MeasurementInput")]
pub struct MeasurementDocument {
    /// The primary key, made by the client: lower-case and hyphenated.
    id: Column<Uuid>,
    /// weight, height, body_fat, waist, … or one's own; fixed once the measurement is made.
    #[graphql(name = "type")]
    kind: Option<Column<Text>>,
    /// As read off, together with `unit`.
    value: Option<Column<Decimal>>,
    /// The unit of `value`.
    unit: Option<Column<Text>>,
    /// The value in the unit that Hale compares by. Hale's own.
    canonical_value: Option<Column<Decimal>>,
    /// When it was measured, together with `timeZone`.
    measured_at: Option<Column<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Column<TimeZone>>,
    /// The day it counts for. Hale's own.
    measured_on: Option<Column<Date>>,
    /// Whether it is deleted.
    #[graphql(name = "_deleted")]
    deleted: bool,
}

impl Replicated for MeasurementDocument {
    const NAME: &'static str = "Measurement";

    fn collection() -> &'static Collection {
        &measurements::SYNCED
    }
}

/// An exercise done, as RxDB's clients keep it in a collection `exerciseEntry`. What is not said to be Hale's own is for the client to write.
#[derive(SimpleObject, InputObject)]
#[graphql(name = "ExerciseEntryDocument", input_name = "ExerciseEntryInput")]
pub struct ExerciseEntryDocument {
    /// The primary key, made by the client: lower-case and hyphenated.
    id: Column<Uuid>,
    /// The exercise; fixed once the entry is made. Null when the exercise is gone.
    exercise_id: Option<Column<Uuid>>,
    /// What it is called. Hale's own.
    exercise_name: Option<Column<Text>>,
    /// How long, in minutes, together with `caloriesBurned`.
    duration_minutes: Option<Column<Decimal>>,
    /// kcal; estimated from the duration when null.
    calories_burned: Option<Column<Decimal>>,
    /// Where `caloriesBurned` is from. Hale's own.
    calories_source: Option<Column<Text>>,
    /// How far, together with `distanceUnit`.
    distance: Option<Column<Decimal>>,
    /// The unit of `distance`.
    distance_unit: Option<Column<Text>>,
    /// The distance in metres. Hale's own.
    distance_m: Option<Column<Decimal>>,
    /// Heartbeats per minute, on average.
    average_heart_rate: Option<Column<i32>>,
    /// The highest heart rate, in beats per minute.
    max_heart_rate: Option<Column<i32>>,
    /// The workout that it is a part of, together with `workoutPosition` and `supersetGroup`.
    workout_id: Option<Column<Uuid>>,
    /// Its place in the workout, from 0.
    workout_position: Option<Column<i32>>,
    /// Exercises of a workout with the same number are done in turns.
    superset_group: Option<Column<i32>>,
    /// The part of the body weight that the exercise moves, in kg. Hale's own.
    body_load_kg: Option<Column<Decimal>>,
    /// What there is to say of it.
    notes: Option<Column<Text>>,
    /// When, together with `timeZone`.
    performed_at: Option<Column<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Column<TimeZone>>,
    /// The day it counts for. Hale's own.
    performed_on: Option<Column<Date>>,
    /// The sets in their order, JSON as text: a list of {kind, reps, weight, weight_unit, load_kind, per_hand, duration_seconds, distance,
    /// distance_unit, rest_seconds, rpe, rir, notes}.
    sets: Option<Column<Text>>,
    /// Whether it is taken out of the diary.
    #[graphql(name = "_deleted")]
    deleted: bool,
}

impl Replicated for ExerciseEntryDocument {
    const NAME: &'static str = "ExerciseEntry";

    fn collection() -> &'static Collection {
        &exercise_diary::SYNCED
    }
}

/// A goal, as RxDB's clients keep it in a collection `goal`. What is not said to be Hale's own is for the client to write.
#[derive(SimpleObject, InputObject)]
#[graphql(name = "GoalDocument", input_name = "GoalInput")]
pub struct GoalDocument {
    /// The primary key, made by the client: lower-case and hyphenated.
    id: Column<Uuid>,
    /// calories, protein, weight, … or one's own; fixed once the goal is made.
    #[graphql(name = "type")]
    kind: Option<Column<Text>>,
    /// What is aimed at, together with `targetUnit`.
    target_value: Option<Column<Decimal>>,
    /// The unit of `targetValue`.
    target_unit: Option<Column<Text>>,
    /// Until when it is to be reached.
    target_date: Option<Column<Date>>,
    /// How far one has come.
    current_value: Option<Column<Decimal>>,
    /// active, completed or paused.
    status: Option<Column<Text>>,
    /// The first day on which it is in force.
    valid_from: Option<Column<Date>>,
    /// The day from which it is no longer in force, for the next one of its type is. Hale's own.
    valid_to: Option<Column<Date>>,
    /// Whether it is deleted.
    #[graphql(name = "_deleted")]
    deleted: bool,
}

impl Replicated for GoalDocument {
    const NAME: &'static str = "Goal";

    fn collection() -> &'static Collection {
        &goals::SYNCED
    }
}

/// A noot, as RxDB's clients keep it in a collection `noot`: a list, a note, or whatever its activities are. What is not said to be Hale's
/// own is for the client to write.
#[derive(SimpleObject, InputObject)]
#[graphql(name = "NootDocument", input_name = "NootDocumentInput")]
pub struct NootDocument {
    /// The primary key, made by the client: lower-case and hyphenated.
    id: Column<Uuid>,
    /// `{"activities": […]}`, JSON as text. It comes back in its canonical form (RFC 8785). Of two changes at once the first to arrive
    /// stays, and the other one is among `syncRejections`.
    data: Option<Column<Text>>,
    /// The SHA-256 of `data`, in hex. Hale's own.
    checksum: Option<Column<Text>>,
    /// Whether it is deleted.
    #[graphql(name = "_deleted")]
    deleted: bool,
}

impl Replicated for NootDocument {
    const NAME: &'static str = "Noot";
    // Each may have 256 KiB.
    const LARGEST_PAGE: u32 = 100;

    fn collection() -> &'static Collection {
        &noots::SYNCED
    }
}
