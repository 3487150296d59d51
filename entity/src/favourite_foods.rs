//! A food that a person wants at hand.

use sea_orm::entity::prelude::*;

use crate::id::{FoodId, UserId};

/// A food that a person wants at hand.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "favourite_foods")]
pub struct Model {
    /// Whose favourite.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Which food; it may be gone by now.
    #[sea_orm(primary_key, auto_increment = false)]
    pub food_id: FoodId,
    /// Since when.
    pub added_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
