//! What is eaten on a day of a meal plan template.

use sea_orm::entity::prelude::*;

use crate::id::{FoodId, MealId, MealPlanTemplateId, UserId};

/// What is eaten on a day of a meal plan template.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "meal_plan_template_items")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The template.
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_id: MealPlanTemplateId,
    /// Order, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// On which of its days, from 1.
    pub day: i32,
    /// breakfast, lunch, dinner, snack or one of one's own.
    pub meal_type: String,
    /// Whose meal it is.
    pub meal_owner_id: Option<UserId>,
    /// The meal; it may be gone.
    pub meal_id: Option<MealId>,
    /// Or the food.
    pub food_item_id: Option<FoodId>,
    /// What that was called.
    pub name: String,
    /// How much.
    pub quantity: Decimal,
    /// Unit of `quantity`.
    pub unit: String,
    /// What is to be remembered.
    pub note: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
