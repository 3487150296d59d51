//! What a device told of an interval: energy and steps.

use sea_orm::entity::prelude::*;

use crate::id::{EnergyRecordId, UserId};

/// What a device told of an interval: energy and steps.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "energy_records")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EnergyRecordId,
    /// Which device or app.
    pub source: String,
    /// The first instant.
    pub started_at: DateTimeUtc,
    /// The first instant after it.
    pub ended_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day of the first instant.
    pub started_on: Date,
    /// Beyond resting, in kcal.
    pub active_calories: Option<Decimal>,
    /// Resting, in kcal.
    pub resting_calories: Option<Decimal>,
    /// Both, in kcal.
    pub total_calories: Option<Decimal>,
    /// Steps.
    pub steps: Option<i32>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
