//! Who has a turn: one per routine and date.

use sea_orm::entity::prelude::*;

use crate::id::{AssignmentId, HouseholdId, HouseholdMemberId, RoutineId, UserId};

/// Who has a turn: one per routine and date.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "assignments")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the turn within the household.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AssignmentId,
    /// Of which routine.
    pub routine_id: RoutineId,
    /// The day, fixed.
    pub date: Date,
    /// When it begins; `None` for the whole day.
    pub starts_at: Option<DateTimeUtc>,
    /// When it ends, where that is known.
    pub ends_at: Option<DateTimeUtc>,
    /// Who has it; `None` for a helper who is no member.
    pub member_id: Option<HouseholdMemberId>,
    /// Who has it, by the name they had.
    pub name: String,
    /// Whether it counts for a member.
    pub kind: DoerKind,
    /// What became of it.
    pub status: AssignmentStatus,
    /// Who really did it.
    pub done_by: Option<HouseholdMemberId>,
    /// When that was said.
    pub done_at: Option<DateTimeUtc>,
    /// Set by a person: no plan changes it.
    pub pinned: bool,
    /// Why they have it, as stored.
    pub reason: String,
    /// How much work it is.
    pub effort: i32,
    /// The decision as it was taken.
    pub explanation: Option<Json>,
    /// Why it last changed hands.
    pub cause: Option<String>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whom a turn counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum DoerKind {
    /// A member who takes turns.
    #[sea_orm(string_value = "member")]
    Member,
    /// Somebody who covers for them: it counts for nobody.
    #[sea_orm(string_value = "helper")]
    Helper,
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum AssignmentStatus {
    /// Nothing was said yet.
    #[sea_orm(string_value = "planned")]
    Planned,
    /// Somebody did it.
    #[sea_orm(string_value = "done")]
    Done,
    /// Nobody did it: it counts for nobody.
    #[sea_orm(string_value = "skipped")]
    Skipped,
}
