//! What files of a recorded activity add up to.

use sea_orm::entity::prelude::*;

use crate::id::{ActivityId, ExerciseEntryId, UserId};

/// What files of a recorded activity add up to.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activities")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActivityId,
    /// The entry of the diary that it is.
    pub exercise_entry_id: ExerciseEntryId,
    /// running, cycling, walking, hiking, swimming, rowing, skiing or other.
    pub sport: String,
    /// What recorded it.
    pub device: Option<String>,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// From start to end.
    pub elapsed_seconds: Decimal,
    /// Without interruptions of the recording.
    pub duration_seconds: Decimal,
    /// Without standing.
    pub moving_seconds: Decimal,
    /// How far, in metres.
    pub distance_m: Option<Decimal>,
    /// Climbed, in metres.
    pub elevation_gain_m: Option<Decimal>,
    /// Descended, in metres.
    pub elevation_loss_m: Option<Decimal>,
    /// Beats per minute on average.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
    /// Per minute, on average.
    pub average_cadence: Option<i32>,
    /// In watts, on average.
    pub average_power: Option<i32>,
    /// Energy in kcal as a device says.
    pub device_calories: Option<i32>,
    /// Seconds below and in the five zones of heart rate.
    pub zone_seconds: Option<Vec<i32>>,
    /// The maximal heart rate that the zones are of.
    pub zones_of_heart_rate: Option<Decimal>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
