//! What a person aims at, from a day on.

use sea_orm::entity::prelude::*;

use crate::id::{GoalId, UserId};

/// What a person aims at, from a day on.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "goals")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GoalId,
    /// calorie_target, weight_loss, …
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    /// What is aimed at.
    pub target_value: Option<Decimal>,
    /// Unit of `target_value`.
    pub target_unit: Option<String>,
    /// Until when.
    pub target_date: Option<Date>,
    /// Typed progress, for goals without data of their own.
    pub current_value: Option<Decimal>,
    /// Active, completed or paused.
    pub status: GoalStatus,
    /// First day in force.
    pub valid_from: Date,
    /// First day no longer in force.
    pub valid_to: Option<Date>,
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

/// Where a goal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum GoalStatus {
    /// In force, or to be.
    #[sea_orm(string_value = "active")]
    Active,
    /// Reached, or replaced by a newer one.
    #[sea_orm(string_value = "completed")]
    Completed,
    /// Set aside: days are not judged by it.
    #[sea_orm(string_value = "paused")]
    Paused,
}
