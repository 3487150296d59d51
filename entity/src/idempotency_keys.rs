//! What was answered to a request that may be sent again.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// What was answered to a request that may be sent again.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Who asked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// What the client calls the request.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the request.
    pub request: Vec<u8>,
    /// The answer, JSON.
    pub answer: String,
    /// Whose data the answer shows, and by which access.
    pub reads: Json,
    /// From when on the key may be used for something else.
    pub expires_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
