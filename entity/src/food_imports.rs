//! Files of foods or of a diary: rehearsed, committed or undone.

use sea_orm::entity::prelude::*;

use crate::id::{FoodImportId, UserId};

/// A file of foods or of a diary.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "food_imports")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FoodImportId,
    /// What it is a file of.
    pub kind: ImportKind,
    /// What has become of it.
    pub state: ImportState,
    /// What was found in it.
    pub report: Json,
    /// Until when it can be committed, or undone.
    pub kept_until: DateTimeUtc,
    /// When it was rehearsed.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ImportKind {
    /// Foods of one's own.
    #[sea_orm(string_value = "foods")]
    Foods,
    /// Entries of a diary.
    #[sea_orm(string_value = "diary")]
    Diary,
}

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ImportState {
    /// It was read, and nothing was added.
    #[sea_orm(string_value = "rehearsed")]
    Rehearsed,
    /// What it said was added.
    #[sea_orm(string_value = "committed")]
    Committed,
    /// What was added was taken out again.
    #[sea_orm(string_value = "undone")]
    Undone,
}
