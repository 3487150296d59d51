//! A secret link to a household's turns.

use sea_orm::entity::prelude::*;

use crate::id::{CalendarFeedId, HouseholdId, HouseholdMemberId, RoutineId, UserId};

/// A secret link to a household's turns. The hash of its secret is the database's alone.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "calendar_feeds")]
pub struct Model {
    /// Whose turns.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the link within the household.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CalendarFeedId,
    /// The turns of this member alone.
    pub member_id: Option<HouseholdMemberId>,
    /// The turns of this routine alone.
    pub routine_id: Option<RoutineId>,
    /// When it was last used, to the hour.
    pub last_read_at: Option<DateTimeUtc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTimeUtc>,
    /// Who made it, while the account exists.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
