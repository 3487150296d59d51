//! Something measured about a person.

use sea_orm::entity::prelude::*;

use crate::id::{MeasurementId, UserId};

/// Something measured about a person.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "measurements")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MeasurementId,
    /// weight, body_fat, …
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    /// As typed.
    pub value: Decimal,
    /// Unit of `value`.
    pub unit: String,
    /// In the base unit of its dimension.
    pub canonical_value: Decimal,
    /// When.
    pub measured_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day, fixed when written.
    pub measured_on: Date,
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
