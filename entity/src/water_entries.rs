//! Something drunk: water, or another drink.

use sea_orm::entity::prelude::*;

use crate::id::{UserId, WaterContainerId, WaterEntryId};

/// Something drunk: water, or another drink.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "water_entries")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WaterEntryId,
    /// water, or what else it was.
    pub drink: String,
    /// How much, as typed.
    pub quantity: Decimal,
    /// Unit of volume, as typed.
    pub unit: String,
    /// The same in ml.
    pub milliliters: Decimal,
    /// What it was drunk from.
    pub container_id: Option<WaterContainerId>,
    /// When.
    pub drank_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day, fixed when written.
    pub drank_on: Date,
    /// What the person wrote beside it.
    pub note: Option<String>,
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
