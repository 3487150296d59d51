//! How a person wants things shown and days cut.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// How a person wants things shown and days cut.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_preferences")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// system, light or dark.
    pub theme: String,
    /// The provider of AI chat.
    pub ai_provider: Option<String>,
    /// Metric or imperial.
    pub units_system: UnitsSystem,
    /// IANA name.
    pub time_zone: String,
    /// When the day starts, local time.
    pub day_starts_at: Time,
    /// Codes of [`Allergen`](crate::allergen::Allergen) that the person is warned of.
    pub allergens: Vec<String>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which units are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum UnitsSystem {
    /// Kilograms and centimetres.
    #[sea_orm(string_value = "metric")]
    Metric,
    /// Pounds and inches.
    #[sea_orm(string_value = "imperial")]
    Imperial,
}
