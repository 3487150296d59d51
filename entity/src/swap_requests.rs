//! A member asks another, or whoever wants, to take a turn.

use sea_orm::entity::prelude::*;

use crate::id::{AssignmentId, HouseholdId, HouseholdMemberId, SwapRequestId, UserId};

/// A member asks another, or whoever wants, to take a turn.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "swap_requests")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the request.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SwapRequestId,
    /// The turn to be taken.
    pub assignment_id: AssignmentId,
    /// Who asks.
    pub from_member_id: HouseholdMemberId,
    /// Who is asked; `None` for everybody.
    pub to_member_id: Option<HouseholdMemberId>,
    /// The turn that the one who asks would take.
    pub in_return_id: Option<AssignmentId>,
    /// What they say to it.
    pub message: Option<String>,
    /// Where it stands.
    pub status: SwapStatus,
    /// When it ends by itself.
    pub expires_at: DateTimeUtc,
    /// Who answered.
    pub answered_by: Option<HouseholdMemberId>,
    /// When.
    pub answered_at: Option<DateTimeUtc>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// When it was asked.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Where a request stands, as stored; one past its expiry has ended too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum SwapStatus {
    /// Waiting for an answer.
    #[sea_orm(string_value = "open")]
    Open,
    /// The turn has changed hands.
    #[sea_orm(string_value = "accepted")]
    Accepted,
    /// Refused.
    #[sea_orm(string_value = "declined")]
    Declined,
    /// Taken back.
    #[sea_orm(string_value = "withdrawn")]
    Withdrawn,
}
