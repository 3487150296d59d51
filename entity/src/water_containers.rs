//! A glass or a bottle that a person drinks from.

use sea_orm::entity::prelude::*;

use crate::id::{UserId, WaterContainerId};

/// A glass or a bottle that a person drinks from.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "water_containers")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WaterContainerId,
    /// What it is called.
    pub name: String,
    /// How much it holds, as typed.
    pub volume: Decimal,
    /// Unit of `volume`.
    pub unit: String,
    /// How often it is drunk from until it is empty.
    pub servings: i32,
    /// Whether one tap logs it.
    pub is_primary: bool,
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
