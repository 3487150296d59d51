//! What was cooked once, to be eaten in portions.

use sea_orm::entity::prelude::*;

use crate::id::{CookedBatchId, MealId, UserId};

/// What was cooked once, to be eaten in portions.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "cooked_batches")]
pub struct Model {
    /// Who cooked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the batch.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CookedBatchId,
    /// The meal; it may be gone.
    pub meal_id: Option<MealId>,
    /// What it is called.
    pub name: String,
    /// `g` or `serving`: in what `total` and `portioned` are told.
    pub measure: String,
    /// How much it is.
    pub total: Decimal,
    /// How many servings it gives.
    pub servings: Option<Decimal>,
    /// How much of it is given away.
    pub portioned: Decimal,
    /// What is in all of it, with its nutrition when it was cooked.
    pub parts: Json,
    /// When.
    pub cooked_at: DateTimeUtc,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
