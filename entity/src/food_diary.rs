//! Something eaten, with name and nutrition as they were when it was logged.

use sea_orm::entity::prelude::*;

use crate::id::{FoodEntryId, FoodGroupId, FoodId, UserId};

/// Something eaten, with name and nutrition as they were when it was logged.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "food_diary")]
pub struct Model {
    /// Whose diary.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row in it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FoodEntryId,
    /// The food, while it exists.
    pub food_item_id: Option<FoodId>,
    /// Its name then.
    pub food_name: String,
    /// Its brand then.
    pub food_brand: Option<String>,
    /// Its nutrition version then.
    pub nutrition_version: Option<i32>,
    /// How much, as typed.
    pub quantity: Decimal,
    /// Unit or portion, as typed.
    pub unit: String,
    /// How many servings of the food that is.
    pub servings: Decimal,
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
    /// Of an entry without a food: what one of it contains, as typed.
    pub quick_nutrition: Option<Json>,
    /// The volume of the amount in ml, where the unit or the food tells it.
    pub milliliters: Option<Decimal>,
    /// breakfast, lunch, dinner, snack or the person's own.
    pub meal_type: String,
    /// When.
    pub consumed_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day, fixed when written.
    pub consumed_on: Date,
    /// Whether it was eaten.
    pub status: EntryStatus,
    /// What the person wrote beside it.
    pub note: Option<String>,
    /// The meal that it is a part of.
    pub group_id: Option<FoodGroupId>,
    /// The part before its group was scaled, and the quantity of the group then.
    pub group_base: Option<Json>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whether something was eaten. What is planned counts in no sum of what was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "snake_case")]
pub enum EntryStatus {
    /// It was eaten.
    #[default]
    #[sea_orm(string_value = "eaten")]
    Eaten,
    /// It is planned.
    #[sea_orm(string_value = "planned")]
    Planned,
}
