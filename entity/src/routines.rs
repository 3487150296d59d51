//! What a household does again and again, by turns.

use sea_orm::entity::prelude::*;

use crate::id::{HouseholdId, RoutineId, UserId};

/// What a household does again and again, by turns.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "routines")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the routine within the household.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RoutineId,
    /// What it is called.
    pub name: String,
    /// How its days are told.
    pub recurrence: Recurrence,
    /// 1 = Monday to 7 = Sunday.
    pub weekdays: Option<Vec<i16>>,
    /// RFC 5545.
    pub rrule: Option<String>,
    /// The first day.
    pub starts_on: Date,
    /// The last day.
    pub ends_on: Option<Date>,
    /// On the clock of `time_zone`; `None` for the whole day.
    pub time_of_day: Option<Time>,
    /// How long it takes.
    pub duration_minutes: Option<i32>,
    /// IANA name.
    pub time_zone: String,
    /// What comes before belongs to the day before.
    pub day_starts_at: Time,
    /// Who is next.
    pub policy: RoutinePolicy,
    /// How much work a turn is, 1 to 100.
    pub effort: i32,
    /// Turns in a row at most; `None` for no limit.
    pub streak_limit: Option<i32>,
    /// How far ahead it is planned.
    pub look_ahead_days: i32,
    /// How many days back a turn may be changed.
    pub past_edit_days: i32,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How the days of a routine are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum Recurrence {
    /// Every day.
    #[sea_orm(string_value = "every_day")]
    EveryDay,
    /// Certain days of every week.
    #[sea_orm(string_value = "weekdays")]
    Weekdays,
    /// A recurrence rule of RFC 5545.
    #[sea_orm(string_value = "rrule")]
    Rrule,
}

/// The rules by which turns are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum RoutinePolicy {
    /// Accounts of effort for any number of members: whoever owes most is next.
    #[sea_orm(string_value = "ledger")]
    Ledger,
    /// Totals, streaks, the last 30 days, alternation: for two.
    #[sea_orm(string_value = "night_routine")]
    NightRoutine,
}
