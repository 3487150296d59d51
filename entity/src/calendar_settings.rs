//! The connection of a household to a calendar of somebody's.

use sea_orm::entity::prelude::*;

use crate::id::{CalendarId, HouseholdId, UserId};

/// The connection of a household to a calendar of somebody's, and how it stands.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "calendar_settings")]
pub struct Model {
    /// Whose turns.
    #[sea_orm(primary_key, auto_increment = false)]
    pub household_id: HouseholdId,
    /// Identifies the connection; another connection is another one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CalendarId,
    /// How it stands.
    pub status: CalendarStatus,
    /// Why it is broken, for people.
    pub problem: Option<String>,
    /// The calendar that was chosen, as the provider calls it.
    pub calendar_id: Option<String>,
    /// As people call it.
    pub calendar_name: Option<String>,
    /// When the access that was given has to be renewed.
    pub token_expires_at: Option<DateTimeUtc>,
    /// From where the calendar goes on telling what has changed.
    pub sync_token: Option<String>,
    /// When both sides were last the same.
    pub last_synced_at: Option<DateTimeUtc>,
    /// What comes of a turn whose event somebody deletes.
    pub when_event_deleted: WhenEventDeleted,
    /// Who connected it, while the account exists.
    pub created_by: Option<UserId>,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum CalendarStatus {
    /// Consent was given, and no calendar chosen yet.
    #[sea_orm(string_value = "choosing")]
    Choosing,
    /// Turns go into the calendar.
    #[sea_orm(string_value = "connected")]
    Connected,
    /// It has to be connected again.
    #[sea_orm(string_value = "broken")]
    Broken,
    /// It is being taken down.
    #[sea_orm(string_value = "disconnecting")]
    Disconnecting,
}

/// What comes of a turn whose event somebody deletes in the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum WhenEventDeleted {
    /// The turn stands, and its event comes back.
    #[sea_orm(string_value = "restore_event")]
    RestoreEvent,
    /// The turn is skipped: nobody does it.
    #[sea_orm(string_value = "skip_turn")]
    SkipTurn,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
