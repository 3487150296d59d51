//! An exercise of the shared catalogue (no owner) or of a person.

use sea_orm::entity::prelude::*;

use crate::id::{ExerciseId, UserId};

/// An exercise of the shared catalogue (no owner) or of a person.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "exercises")]
pub struct Model {
    /// Identifies the exercise.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExerciseId,
    /// Whose; nobody's in the shared catalogue.
    pub owner_id: Option<UserId>,
    /// Name.
    pub name: String,
    /// strength, cardio, …
    pub category: Option<String>,
    /// Muscles, the main ones first.
    pub muscle_groups: Vec<String>,
    /// Those of the muscles that only help.
    pub secondary_muscles: Vec<String>,
    /// What is needed.
    pub equipment: Option<String>,
    /// What is recorded of a set: weight_reps, reps_only, duration or duration_distance.
    pub modality: String,
    /// push, pull or static.
    pub force: Option<String>,
    /// compound or isolation.
    pub mechanic: Option<String>,
    /// beginner, intermediate or expert.
    pub level: Option<String>,
    /// How to do it.
    pub instructions: Option<String>,
    /// Metabolic equivalent.
    pub met: Option<Decimal>,
    /// The part of the body weight that it moves.
    pub body_weight_fraction: Option<Decimal>,
    /// Where it comes from.
    pub source: String,
    /// Its id there.
    pub source_id: Option<String>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
