//! A sign-in on one device.

use sea_orm::entity::prelude::*;

use crate::id::{SessionId, UserId};

/// A sign-in on one device, until it ends.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Who signed in.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// How the person recognises it.
    pub device_name: Option<String>,
    /// When its tokens were last refreshed.
    pub last_used_at: DateTimeUtc,
    /// When it ends, however often it is refreshed.
    pub expires_at: DateTimeUtc,
    /// When it was ended before.
    pub revoked_at: Option<DateTimeUtc>,
    /// When it was opened.
    pub created_at: DateTimeUtc,
    /// The network that it was opened from.
    pub address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
