//! A nutrient that a person defined.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// A nutrient that a person defined.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "personal_nutrients")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies it: what amounts are kept under.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What its owner calls it by: X_ and more.
    pub code: String,
    /// Name.
    pub name: String,
    /// g, mg or ug.
    pub unit: String,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
