//! The nutrition of a food, one row per version of it.

use sea_orm::entity::prelude::*;

use crate::id::{FoodId, UserId};

/// The nutrition of a food, one row per version of it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "nutrition_data")]
pub struct Model {
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The food.
    pub food_item_id: FoodId,
    /// Whose food it is.
    pub owner_id: Option<UserId>,
    /// Which version.
    pub nutrition_version: i32,
    /// What the amounts are per.
    pub serving_size: Decimal,
    /// Unit of `serving_size`.
    pub serving_unit: String,
    /// Energy in kcal.
    pub calories: Option<Decimal>,
    /// Protein in g.
    pub protein: Option<Decimal>,
    /// Carbohydrates in g.
    pub carbohydrates: Option<Decimal>,
    /// Fat in g.
    pub fat: Option<Decimal>,
    /// Fibre in g.
    pub fiber: Option<Decimal>,
    /// Sugars in g.
    pub sugar: Option<Decimal>,
    /// Sodium in mg.
    pub sodium: Option<Decimal>,
    /// Further nutrients: decimal strings by code of `nutrients`.
    pub nutrients: Json,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
