//! A place around which a person's tracks are nobody else's business.

use sea_orm::entity::prelude::*;

use crate::id::{PrivacyZoneId, UserId};

/// A place around which a person's tracks are nobody else's business.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "privacy_zones")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PrivacyZoneId,
    /// What the person calls it.
    pub name: Option<String>,
    /// Degrees north.
    pub latitude: Decimal,
    /// Degrees east.
    pub longitude: Decimal,
    /// In metres.
    pub radius_m: i32,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
