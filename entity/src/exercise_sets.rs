//! One set of an exercise diary row.

use sea_orm::entity::prelude::*;

use crate::id::{ExerciseEntryId, UserId};

/// One set of an exercise diary row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "exercise_sets")]
pub struct Model {
    /// Whose diary.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The diary row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub exercise_entry_id: ExerciseEntryId,
    /// Order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// working, warmup, drop or failure.
    pub kind: String,
    /// Repetitions.
    pub reps: Option<i32>,
    /// Weight, as typed.
    pub weight: Option<Decimal>,
    /// Unit of `weight`.
    pub weight_unit: Option<String>,
    /// Weight in kg.
    pub weight_kg: Option<Decimal>,
    /// weighted, bodyweight or assisted.
    pub load_kind: String,
    /// Whether `weight` is what one hand holds, of two.
    pub per_hand: bool,
    /// How long, in seconds.
    pub duration_seconds: Option<Decimal>,
    /// How far, as typed.
    pub distance: Option<Decimal>,
    /// Unit of `distance`.
    pub distance_unit: Option<String>,
    /// How far, in metres.
    pub distance_m: Option<Decimal>,
    /// Rest after it, in seconds.
    pub rest_seconds: Option<i32>,
    /// Rate of perceived exertion, in halves.
    pub rpe: Option<Decimal>,
    /// Repetitions in reserve.
    pub rir: Option<i32>,
    /// Free text.
    pub notes: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
