//! The catalogue of nutrients.

use sea_orm::entity::prelude::*;

/// The catalogue of nutrients.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "nutrients")]
pub struct Model {
    /// INFOODS tag name, or one of Hale's in that style.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// Name.
    pub name: String,
    /// kcal, g, mg or ug.
    pub unit: String,
    /// Order of display.
    pub position: i32,
    /// What it is.
    pub category: Category,
    /// The column of `nutrition_data` that holds it; `None` for those that are held by code.
    pub headline: Option<String>,
    /// What the FDA recommends a day, in `unit`.
    pub fda_daily_value: Option<Decimal>,
    /// What the EU recommends a day, in `unit`.
    pub eu_daily_value: Option<Decimal>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a nutrient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Category {
    /// What food consists of, and its energy.
    #[sea_orm(string_value = "macronutrient")]
    Macronutrient,
    /// A vitamin, one of its forms, or choline.
    #[sea_orm(string_value = "vitamin")]
    Vitamin,
    /// A mineral or trace element.
    #[sea_orm(string_value = "mineral")]
    Mineral,
    /// An indispensable amino acid.
    #[sea_orm(string_value = "amino acid")]
    AminoAcid,
    /// Anything else.
    #[sea_orm(string_value = "other")]
    Other,
}
