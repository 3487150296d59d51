//! A meal of a person's day, as the person calls, orders and times it.

use sea_orm::entity::prelude::*;

use crate::id::{MealTypeId, UserId};

/// A meal of a person's day, as the person calls, orders and times it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "meal_types")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MealTypeId,
    /// What entries of the diary hold.
    pub code: String,
    /// What it is called.
    pub name: String,
    /// Its place in the day.
    pub position: i32,
    /// The local time of what is logged for another day without one.
    pub default_time: Option<Time>,
    /// Whether it is offered no more.
    pub hidden: bool,
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
