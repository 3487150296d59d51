//! Some days of meals, to be put on dates.

use sea_orm::entity::prelude::*;

use crate::id::{MealPlanTemplateId, UserId};

/// Some days of meals, to be put on dates.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "meal_plan_templates")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the template.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MealPlanTemplateId,
    /// Name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// kcal a day that it aims at.
    pub target_calories: Option<Decimal>,
    /// Whether its owner uses it.
    pub is_active: bool,
    /// How long it is before it begins anew.
    pub days: i32,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Counts the changes, from 1.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
