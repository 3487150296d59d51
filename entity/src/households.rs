//! A family that shares routines.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, UserId};

/// A family that shares routines.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "households")]
pub struct Model {
    /// Identifies the household.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HouseholdId,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
