//! What one person lets another see.

use sea_orm::entity::prelude::*;

use crate::id::{FamilyAccessId, UserId};

/// What one person lets another see.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "family_access")]
pub struct Model {
    /// Identifies the grant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FamilyAccessId,
    /// Who shares.
    pub grantor_user_id: UserId,
    /// With whom, once accepted.
    pub grantee_user_id: Option<UserId>,
    /// The address it was offered to, as typed.
    pub grantee_email: String,
    /// The same in the form of an account's address.
    pub grantee_address: String,
    /// What is shared.
    pub access_type: AccessType,
    /// Whether the grantee may write too.
    pub can_write: bool,
    /// Where it stands.
    pub status: AccessStatus,
    /// When it ends by itself.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was offered.
    pub offered_at: DateTimeUtc,
    /// When it was accepted.
    pub granted_at: Option<DateTimeUtc>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a grant shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AccessType {
    /// Food and exercise diary, totals and targets.
    #[sea_orm(string_value = "calorie")]
    Calorie,
    /// Measurements and goals of body and weight.
    #[sea_orm(string_value = "checkin")]
    Checkin,
    /// Sums per day, never an entry.
    #[sea_orm(string_value = "reports")]
    Reports,
    /// Private foods and meals.
    #[sea_orm(string_value = "food_list")]
    FoodList,
    /// Lists and notes.
    #[sea_orm(string_value = "organiser")]
    Organiser,
}

/// Where a grant stands, as stored; one past its expiry has ended too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum AccessStatus {
    /// Waiting for an answer.
    #[sea_orm(string_value = "offered")]
    Offered,
    /// Accepted.
    #[sea_orm(string_value = "active")]
    Active,
    /// Refused.
    #[sea_orm(string_value = "declined")]
    Declined,
    /// Ended by either side.
    #[sea_orm(string_value = "revoked")]
    Revoked,
}
