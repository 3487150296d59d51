//! Days of training, each by a template.

use sea_orm::entity::prelude::*;

use crate::id::{TrainingProgrammeId, UserId};

/// Days of training, each by a template.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "training_programmes")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among that person's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TrainingProgrammeId,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// weekdays or sequence.
    pub mode: String,
    /// Its days in their order.
    pub days: Json,
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
