//! A day that a person has logged in full.

use sea_orm::entity::prelude::*;

use crate::id::{CompletedDayId, UserId};

/// A day that a person has logged in full.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "completed_days")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CompletedDayId,
    /// The day.
    pub consumed_on: Date,
    /// When the person said so.
    pub completed_at: DateTimeUtc,
    /// Who said so.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
