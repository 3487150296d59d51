//! A session of several exercises.

use sea_orm::entity::prelude::*;

use crate::id::{TrainingProgrammeId, UserId, WorkoutId, WorkoutTemplateId};

/// A session of several exercises.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workouts")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among that person's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkoutId,
    /// What it is called.
    pub name: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// What was planned when it was started.
    pub plan: Option<Json>,
    /// The template that it was started from, while it exists.
    pub template_id: Option<WorkoutTemplateId>,
    /// The programme that it is a part of, while it exists.
    pub programme_id: Option<TrainingProgrammeId>,
    /// Which of the programme's days it is, from 0.
    pub programme_day: Option<i32>,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day on which it began, fixed when written.
    pub started_on: Date,
    /// Since when it is paused.
    pub paused_at: Option<DateTimeUtc>,
    /// How long the pauses were that have ended, in seconds.
    pub paused_seconds: Decimal,
    /// When it ended; it runs until then.
    pub finished_at: Option<DateTimeUtc>,
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
