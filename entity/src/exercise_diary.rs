//! Something trained.

use sea_orm::entity::prelude::*;

use crate::id::{ExerciseEntryId, ExerciseId, UserId, WorkoutId};

/// Something trained.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "exercise_diary")]
pub struct Model {
    /// Whose diary.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row in it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExerciseEntryId,
    /// The exercise, while it exists.
    pub exercise_id: Option<ExerciseId>,
    /// Its name then.
    pub exercise_name: String,
    /// How long.
    pub duration_minutes: Option<Decimal>,
    /// How far, as typed.
    pub distance: Option<Decimal>,
    /// Unit of `distance`.
    pub distance_unit: Option<String>,
    /// How far, in metres.
    pub distance_m: Option<Decimal>,
    /// Energy spent in kcal.
    pub calories_burned: Option<Decimal>,
    /// device, heart_rate or met.
    pub calories_source: Option<String>,
    /// What `calories_burned` was computed from.
    pub calories_basis: Option<Json>,
    /// Heartbeats per minute, on average.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
    /// The part of the body weight then that the exercise moves, in kg.
    pub body_load_kg: Option<Decimal>,
    /// The workout that it is a part of.
    pub workout_id: Option<WorkoutId>,
    /// Its place in it.
    pub workout_position: Option<i32>,
    /// Exercises of the workout with the same number are done in turns.
    pub superset_group: Option<i32>,
    /// Free text.
    pub notes: Option<String>,
    /// When.
    pub performed_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day, fixed when written.
    pub performed_on: Date,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
