//! A device that keeps a copy.

use sea_orm::entity::prelude::*;

use crate::id::{DeviceId, UserId};

/// A device that keeps a copy of what its owner may see.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the device among its owner's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// The history that `acknowledged` is of.
    pub epoch: Option<Uuid>,
    /// Up to which number it keeps its owner's feed.
    pub acknowledged: i64,
    /// When it last signed in or acknowledged anything.
    pub last_seen_at: DateTimeUtc,
    /// When its owner took it off the list.
    pub revoked_at: Option<DateTimeUtc>,
    /// When it first signed in.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
