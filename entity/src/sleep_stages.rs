//! A stage of a sleep.

use sea_orm::entity::prelude::*;

use crate::id::{SleepEntryId, UserId};

/// A stage of a sleep.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sleep_stages")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The sleep.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sleep_entry_id: SleepEntryId,
    /// Order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// Which.
    pub stage: Stage,
    /// From when.
    pub started_at: DateTimeUtc,
    /// Until when.
    pub ended_at: DateTimeUtc,
}

/// What somebody in bed does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, DeriveActiveEnum, serde::Serialize, serde::Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Lying awake.
    #[sea_orm(string_value = "awake")]
    Awake,
    /// Light sleep: N1 and N2.
    #[sea_orm(string_value = "light")]
    Light,
    /// Deep sleep: N3.
    #[sea_orm(string_value = "deep")]
    Deep,
    /// REM sleep.
    #[sea_orm(string_value = "rem")]
    Rem,
    /// Asleep, in a stage that the source does not tell.
    #[sea_orm(string_value = "asleep")]
    Asleep,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
