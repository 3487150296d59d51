//! Somebody of a household, with an account or without, now or formerly.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, HouseholdMemberId, UserId};

/// Somebody of a household, with an account or without, now or formerly.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "household_members")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the member within the household.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HouseholdMemberId,
    /// Their account, if they have one.
    pub user_id: Option<UserId>,
    /// What the household calls them.
    pub name: String,
    /// Adult, child or helper.
    pub kind: MemberKind,
    /// What they may do.
    pub role: MemberRole,
    /// When they left or were removed.
    pub removed_at: Option<DateTimeUtc>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Who somebody is to a household.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// Takes turns like everybody.
    #[sea_orm(string_value = "adult")]
    Adult,
    /// Takes turns, and may have no account.
    #[sea_orm(string_value = "child")]
    Child,
    /// Comes from outside, and has no turns of their own.
    #[sea_orm(string_value = "helper")]
    Helper,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Also manages members, routines and plans.
    #[sea_orm(string_value = "administrator")]
    Administrator,
    /// Sees everything of the household and manages what is their own.
    #[sea_orm(string_value = "member")]
    Member,
}
