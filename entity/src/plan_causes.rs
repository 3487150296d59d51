//! What happened since the last plan was made.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, PlanCauseId, RoutineId};

/// What happened since the last plan was made.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plan_causes")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the cause.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PlanCauseId,
    /// Of which routine.
    pub routine_id: RoutineId,
    /// What happened.
    pub kind: String,
    /// The first day that may change because of it.
    pub starts_on: Date,
    /// The last one; `None` for all that follow.
    pub ends_on: Option<Date>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
