//! A stretch of days in which a member takes turns.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, HouseholdMemberId, RoutineId, RoutineMemberId};

/// A stretch of days in which a member takes turns.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "routine_members")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the stretch.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RoutineMemberId,
    /// Of which routine.
    pub routine_id: RoutineId,
    /// Who.
    pub member_id: HouseholdMemberId,
    /// The order that decides a tie which nothing else does, the lowest first.
    pub rank: i32,
    /// The member's part of the work, relative to the others': 1 to 100.
    pub weight: i32,
    /// The first day.
    pub starts_on: Date,
    /// The last day.
    pub ends_on: Option<Date>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
