//! A fast, which may still run.

use sea_orm::entity::prelude::*;

use crate::id::{FastId, UserId};

/// A fast, which may still run.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "fasts")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FastId,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it ended; not yet, while it runs.
    pub ended_at: Option<DateTimeUtc>,
    /// The person's day of the end, fixed when written.
    pub ended_on: Option<Date>,
    /// Where: IANA zone.
    pub time_zone: String,
    /// How long it was to be.
    pub planned_minutes: Option<i32>,
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
