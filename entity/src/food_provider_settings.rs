//! How a person wants a provider of foods to be asked.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// How a person wants a provider of foods to be asked. No row: as the operator has it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "food_provider_settings")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Which provider.
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider: FoodProvider,
    /// Whether it is asked.
    pub enabled: bool,
    /// The place in which it is asked, from 0.
    pub position: i32,
    /// The person's own key, sealed.
    pub credential: Option<String>,
    /// How that ends: four characters at most.
    pub hint: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A provider of foods, in the order in which they are asked unless somebody wants another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum FoodProvider {
    /// Open Food Facts.
    #[sea_orm(string_value = "open_food_facts")]
    OpenFoodFacts,
    /// USDA FoodData Central.
    #[sea_orm(string_value = "food_data_central")]
    FoodDataCentral,
    /// FatSecret.
    #[sea_orm(string_value = "fat_secret")]
    FatSecret,
}
