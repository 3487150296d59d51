//! A container of activities that clients keep offline.

use sea_orm::entity::prelude::*;

use crate::id::{NootId, UserId};

/// A container of activities that clients keep offline.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "noots")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row; made by the client.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NootId,
    /// Counts the changes, from 1; a client that counts itself may have skipped some.
    pub version: i32,
    /// SHA-256, in hex, of `data` as RFC 8785 writes it.
    pub checksum: String,
    /// `{"activities": […]}`.
    pub data: Json,
    /// Whether it is a tombstone. `data` stays.
    pub deleted: bool,
    /// SHA-256 of the input that created the row, where the organiser did.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// When it came to the server.
    pub created_at: DateTimeUtc,
    /// When it last changed.
    pub updated_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
