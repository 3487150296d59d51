//! When a member takes no turns.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, HouseholdMemberId, RoutineId, UnavailabilityId, UserId};

/// When a member takes no turns.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "unavailability")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UnavailabilityId,
    /// Who.
    pub member_id: HouseholdMemberId,
    /// Of which routine; `None` for all.
    pub routine_id: Option<RoutineId>,
    /// How the days are told.
    pub kind: UnavailabilityKind,
    /// 1 = Monday to 7 = Sunday.
    pub weekdays: Option<Vec<i16>>,
    /// The first day; of alternating weeks, a day of the first week away.
    pub starts_on: Option<Date>,
    /// The last day.
    pub ends_on: Option<Date>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How the days are told on which a member takes no turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum UnavailabilityKind {
    /// Never on these weekdays. A share of them is owed all the same.
    #[sea_orm(string_value = "weekly")]
    Weekly,
    /// Away from one day to another. Nothing of them is owed.
    #[sea_orm(string_value = "dates")]
    Dates,
    /// Away on these weekdays of every other week. Nothing of them is owed.
    #[sea_orm(string_value = "alternating_weeks")]
    AlternatingWeeks,
}
