//! What a meal is made of: a food, another meal of the same person, or words alone.

use sea_orm::entity::prelude::*;

use crate::id::{FoodId, MealId, UserId};

/// What a meal is made of: a food, another meal of the same person, or words alone.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "meal_ingredients")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The meal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meal_id: MealId,
    /// Order, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// The food.
    pub food_item_id: Option<FoodId>,
    /// Or the meal.
    pub part_meal_id: Option<MealId>,
    /// What it is called; of a food, what it was called when it was written down.
    pub name: String,
    /// How much.
    pub quantity: Option<Decimal>,
    /// The unit of `quantity`, or a portion of the food.
    pub unit: Option<String>,
    /// What is to be done with it.
    pub note: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
