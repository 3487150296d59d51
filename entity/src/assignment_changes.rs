//! How a published turn changed hands.

use sea_orm::entity::prelude::*;

use crate::id::{AssignmentChangeId, HouseholdId, HouseholdMemberId, RoutineId, UserId};

/// How a published turn changed hands.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "assignment_changes")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the change.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AssignmentChangeId,
    /// Of which routine.
    pub routine_id: RoutineId,
    /// Of which day.
    pub date: Date,
    /// The member who had it.
    pub before_member_id: Option<HouseholdMemberId>,
    /// Who had it.
    pub before_name: String,
    /// The member who got it.
    pub after_member_id: Option<HouseholdMemberId>,
    /// Who got it; `None` where it was taken out of the plan.
    pub after_name: Option<String>,
    /// Why.
    pub cause: String,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
