//! A file of an activity, with its track. Its owner's alone.

use sea_orm::entity::prelude::*;

use crate::id::{ActivityId, RecordingId, UserId};

/// A file of an activity, with its track. Its owner's alone.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activity_recordings")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RecordingId,
    /// Of which activity.
    pub activity_id: ActivityId,
    /// Whether the activity shows its track.
    pub is_primary: bool,
    /// Whether it was taken out of an activity by hand.
    pub separated: bool,
    /// SHA-256 of the file as it was sent.
    pub sha256: Vec<u8>,
    /// gpx, tcx or fit.
    pub format: String,
    /// The file, compressed with zstd.
    pub file: Vec<u8>,
    /// As of activities.
    pub sport: String,
    /// What recorded it.
    pub device: Option<String>,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it ended.
    pub ended_at: DateTimeUtc,
    /// How far, in metres.
    pub distance_m: Option<Decimal>,
    /// Milliseconds since the start, of each point.
    pub offsets: Vec<i32>,
    /// In 10⁻⁷ degrees.
    pub latitudes: Vec<i32>,
    /// In 10⁻⁷ degrees.
    pub longitudes: Vec<i32>,
    /// In decimetres.
    pub elevations: Vec<i32>,
    /// Beats per minute.
    pub heart_rates: Vec<i32>,
    /// Per minute.
    pub cadences: Vec<i32>,
    /// In watts.
    pub powers: Vec<i32>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
