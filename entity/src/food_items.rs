//! A food of the shared catalogue (no owner) or of a person.

use sea_orm::entity::prelude::*;

use crate::id::{FoodId, UserId};

/// A food of the shared catalogue (no owner) or of a person.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "food_items")]
pub struct Model {
    /// Identifies the food.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FoodId,
    /// Whose; nobody's in the shared catalogue.
    pub owner_id: Option<UserId>,
    /// Name.
    pub name: String,
    /// Brand.
    pub brand: Option<String>,
    /// GTIN-14.
    pub barcode: Option<String>,
    /// Where it comes from.
    pub source: String,
    /// Its id there.
    pub source_id: Option<String>,
    /// g per ml.
    pub density: Option<Decimal>,
    /// Codes of [`Allergen`](crate::allergen::Allergen) that it contains; `None` when nobody said.
    pub allergens: Option<Vec<String>>,
    /// Codes of those that it may contain though it should not.
    pub traces: Option<Vec<String>>,
    /// The food of the same owner that this one was a duplicate of.
    pub merged_into: Option<FoodId>,
    /// Which row of `nutrition_data` holds now.
    pub nutrition_version: i32,
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
