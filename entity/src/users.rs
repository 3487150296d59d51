//! A person with an account, without the password hash, which only hale_auth reads.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// A person with an account, without the password hash, which only hale_auth reads.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Identifies the person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// Address, lower case.
    pub email: String,
    /// Another name to sign in with.
    pub username: Option<String>,
    /// How others see the person.
    pub full_name: Option<String>,
    /// When the address was proved.
    pub email_verified_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
