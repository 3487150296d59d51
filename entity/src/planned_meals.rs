//! Something to be eaten on a date.

use sea_orm::entity::prelude::*;

use crate::id::{FoodEntryId, FoodGroupId, FoodId, MealId, MealPlanTemplateId, PlannedMealId, UserId};

/// Something to be eaten on a date.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "planned_meals")]
pub struct Model {
    /// Whose plan.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PlannedMealId,
    /// On which day.
    pub planned_on: Date,
    /// breakfast, lunch, dinner, snack or one of one's own.
    pub meal_type: String,
    /// Whose meal it is.
    pub meal_owner_id: Option<UserId>,
    /// The meal; it may be gone.
    pub meal_id: Option<MealId>,
    /// Or the food.
    pub food_item_id: Option<FoodId>,
    /// The template that it came from.
    pub template_id: Option<MealPlanTemplateId>,
    /// What that was called.
    pub name: String,
    /// How much.
    pub quantity: Decimal,
    /// Unit of `quantity`.
    pub unit: String,
    /// What is to be remembered.
    pub note: Option<String>,
    /// Planned energy in kcal, as far as it is known; `None` where nothing is.
    pub calories: Option<Decimal>,
    /// Planned protein in g.
    pub protein: Option<Decimal>,
    /// Planned carbohydrates in g.
    pub carbohydrates: Option<Decimal>,
    /// Planned fat in g.
    pub fat: Option<Decimal>,
    /// Which of these are not known of every part, so that the sums leave them out.
    pub unknown: Vec<String>,
    /// What became of it.
    pub status: PlanStatus,
    /// The logged meal that was eaten.
    pub eaten_group_id: Option<FoodGroupId>,
    /// Or the entry.
    pub eaten_entry_id: Option<FoodEntryId>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who planned it.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What became of something planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum PlanStatus {
    /// Nothing yet.
    #[sea_orm(string_value = "planned")]
    Planned,
    /// It was eaten.
    #[sea_orm(string_value = "eaten")]
    Eaten,
    /// Something else was eaten in its place.
    #[sea_orm(string_value = "replaced")]
    Replaced,
    /// Nothing was eaten in its place.
    #[sea_orm(string_value = "skipped")]
    Skipped,
}
