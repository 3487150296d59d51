//! Something a device told: a figure at an instant or over a stretch of time.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// Something a device told: a figure at an instant or over a stretch of time.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "device_samples")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The device or app that told it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source: String,
    /// What it is of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub metric: String,
    /// How the source calls it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: String,
    /// How often the source corrected it.
    pub revision: i64,
    /// From when.
    pub started_at: DateTimeUtc,
    /// Until when; `started_at`, of what has no length.
    pub ended_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day that holds its middle, fixed when written.
    pub recorded_on: Date,
    /// In the unit of the metric.
    pub value: Decimal,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
