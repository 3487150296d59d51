//! An account for a member of a household, offered to an address.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, HouseholdInvitationId, HouseholdMemberId, UserId};

/// An account for a member of a household, offered to an address.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "household_invitations")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the invitation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HouseholdInvitationId,
    /// Who gets the account.
    pub member_id: HouseholdMemberId,
    /// What the household is called.
    pub household_name: String,
    /// The address as typed.
    pub email: String,
    /// The same in the form of an account's address.
    pub address: String,
    /// Where it stands.
    pub status: InvitationStatus,
    /// When it ends by itself.
    pub expires_at: DateTimeUtc,
    /// Who invited.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Where an invitation stands, as stored; one past its expiry has ended too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// Waiting for an answer.
    #[sea_orm(string_value = "offered")]
    Offered,
    /// The member has the account.
    #[sea_orm(string_value = "accepted")]
    Accepted,
    /// Refused.
    #[sea_orm(string_value = "declined")]
    Declined,
    /// Taken back.
    #[sea_orm(string_value = "revoked")]
    Revoked,
}
