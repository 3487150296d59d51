//! A meal or recipe of a person.

use sea_orm::entity::prelude::*;

use crate::id::{MealId, UserId};

/// A meal or recipe of a person.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "meals")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the meal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MealId,
    /// Name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// What its owner wants to remember.
    pub notes: Option<String>,
    /// How many servings the batch gives.
    pub servings: Option<Decimal>,
    /// What the batch weighs when it is cooked, in g.
    pub cooked_weight: Option<Decimal>,
    /// How it is made, step by step.
    pub steps: Vec<String>,
    /// `user`, or the provider that it was imported from.
    pub source: String,
    /// Its id there.
    pub source_id: Option<String>,
    /// Where it can be read.
    pub source_url: Option<String>,
    /// Headline nutrients per serving as the source says them, in place of what the ingredients come to.
    pub stated_nutrition: Option<Json>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
