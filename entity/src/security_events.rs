//! What happened to an account.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// What happened to an account, which its person alone sees.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "security_events")]
pub struct Model {
    /// Whose account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What happened.
    pub kind: String,
    /// When, the first time.
    pub happened_at: DateTimeUtc,
    /// How often within an hour.
    pub count: i32,
    /// The network that it came from.
    pub address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
