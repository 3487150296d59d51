//! That someone read someone else's data.

use sea_orm::entity::prelude::*;

use crate::{
    family_access::AccessType,
    id::{AccessLogId, UserId},
};

/// That someone read someone else's data, at most once per kind and quarter of an hour.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_log")]
pub struct Model {
    /// Whose data were read.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessLogId,
    /// Who read them, while the account exists.
    pub reader_id: Option<UserId>,
    /// By which kind of access.
    pub access_type: AccessType,
    /// The start of the quarter of an hour.
    pub read_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
