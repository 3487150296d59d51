//! What certain days are judged by, from a day on.

use sea_orm::entity::prelude::*;

use crate::id::{NutritionTargetId, UserId};

/// What certain days are judged by, from a day on.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "nutrition_targets")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NutritionTargetId,
    /// For which days.
    pub days: TargetDays,
    /// 1 = Monday to 7 = Sunday; of training days those on which training is planned.
    pub weekdays: Option<Vec<i16>>,
    /// First day in force.
    pub valid_from: Date,
    /// First day no longer in force.
    pub valid_to: Option<Date>,
    /// By code of the nutrient.
    pub aims: Json,
    /// Part of the energy that protein has.
    pub protein_percent: Option<Decimal>,
    /// Part of the energy that carbohydrates have.
    pub carbohydrates_percent: Option<Decimal>,
    /// Part of the energy that fat has.
    pub fat_percent: Option<Decimal>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// For which days a target is, from the general to the particular: the more particular one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum TargetDays {
    /// Every day.
    #[sea_orm(string_value = "every_day")]
    EveryDay,
    /// Certain days of every week.
    #[sea_orm(string_value = "weekdays")]
    Weekdays,
    /// Days with an entry in the exercise diary, and weekdays on which training is planned.
    #[sea_orm(string_value = "training_days")]
    TrainingDays,
    /// One day.
    #[sea_orm(string_value = "date")]
    Date,
}
