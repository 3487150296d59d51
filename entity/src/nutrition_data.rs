//! The nutrition of a food, one row per version of it.

use sea_orm::entity::prelude::*;

use serde::{Deserialize, Serialize};

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
    /// How the amounts came to be known.
    pub basis: Basis,
    /// The terms of the source.
    pub licence: Option<String>,
    /// When this version was taken over from the source.
    pub fetched_at: Option<DateTimeUtc>,
    /// What `carbohydrates` include, where somebody said.
    pub carbohydrate_basis: Option<CarbohydrateBasis>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How amounts came to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Measured in a laboratory.
    #[sea_orm(string_value = "analysed")]
    Analysed,
    /// Printed on the package.
    #[sea_orm(string_value = "label")]
    Label,
    /// Calculated or taken from something alike.
    #[sea_orm(string_value = "estimated")]
    Estimated,
    /// Typed by a person, who did not say from what.
    #[default]
    #[sea_orm(string_value = "user")]
    User,
}

/// What an amount of carbohydrates includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "lowercase")]
pub enum CarbohydrateBasis {
    /// Fibre too: what protein, fat, water and ash leave, as in the USA.
    #[sea_orm(string_value = "total")]
    Total,
    /// No fibre, as in the EU.
    #[sea_orm(string_value = "available")]
    Available,
}
