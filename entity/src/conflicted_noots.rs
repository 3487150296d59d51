//! A copy of a noot that lost against another one.

use sea_orm::entity::prelude::*;

use crate::id::{ConflictedNootId, NootId, UserId};

/// A copy of a noot that lost against another one.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conflicted_noots")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConflictedNootId,
    /// Of which noot.
    pub noot_id: NootId,
    /// The version it was made from, as its client said, or the one that was overwritten.
    pub base_version: i32,
    /// SHA-256, in hex, of `data` as RFC 8785 writes it.
    pub checksum: String,
    /// `{"activities": […]}`.
    pub data: Json,
    /// When it lost.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
