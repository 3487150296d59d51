//! A named amount of a food: "slice" = 28 g.

use sea_orm::entity::prelude::*;

use crate::id::{FoodId, UserId};

/// A named amount of a food: "slice" = 28 g.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "food_portions")]
pub struct Model {
    /// The food.
    #[sea_orm(primary_key, auto_increment = false)]
    pub food_item_id: FoodId,
    /// Order of display.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// Whose food it is.
    pub owner_id: Option<UserId>,
    /// What it is called.
    pub name: String,
    /// How much it is.
    pub amount: Decimal,
    /// Unit of `amount`.
    pub unit: String,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
