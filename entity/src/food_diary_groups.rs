//! A meal that was logged as one: its parts are entries of the food diary, which name it.

use sea_orm::entity::prelude::*;

use crate::id::{FoodGroupId, UserId};

/// A meal that was logged as one: its parts are entries of the food diary, which name it.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "food_diary_groups")]
pub struct Model {
    /// Whose diary.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row in it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FoodGroupId,
    /// The meal or recipe that it was logged from; it may be gone.
    pub meal_id: Option<Uuid>,
    /// What it is called.
    pub name: String,
    /// How much of the meal: its parts are scaled with it.
    pub quantity: Decimal,
    /// Unit of `quantity`.
    pub unit: String,
    /// breakfast, lunch, dinner, snack or the person's own.
    pub meal_type: String,
    /// When.
    pub consumed_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day, fixed when written.
    pub consumed_on: Date,
    /// What the person wrote beside it.
    pub note: Option<String>,
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
