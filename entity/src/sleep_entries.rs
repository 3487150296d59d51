//! A sleep: a night, a part of one, or a nap, as one source tells it.

use sea_orm::entity::prelude::*;

use crate::id::{SleepEntryId, UserId};

/// A sleep: a night, a part of one, or a nap, as one source tells it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sleep_entries")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SleepEntryId,
    /// When they went to bed.
    pub started_at: DateTimeUtc,
    /// When they got up.
    pub ended_at: DateTimeUtc,
    /// Where they woke: IANA zone.
    pub time_zone: String,
    /// The date that clocks showed where they woke.
    pub woke_on: Date,
    /// Whether it was a nap.
    pub is_nap: bool,
    /// How long they slept, as told where there are no stages.
    pub asleep_minutes: Option<Decimal>,
    /// manual, or the device or app that told it.
    pub source: String,
    /// How the source calls it.
    pub source_id: Option<String>,
    /// SHA-256 of what the source told last.
    pub told: Option<Vec<u8>>,
    /// The score that the device gives.
    pub device_score: Option<Decimal>,
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
