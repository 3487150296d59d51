//! A portion of what was cooked.

use sea_orm::entity::prelude::*;

use crate::id::{CookedBatchId, CookedPortionId, UserId};

/// A portion of what was cooked.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "cooked_portions")]
pub struct Model {
    /// Who cooked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the portion.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CookedPortionId,
    /// Of what.
    pub batch_id: CookedBatchId,
    /// In whose diary it was written.
    pub eater_id: Option<UserId>,
    /// How much, in the measure of the batch.
    pub amount: Decimal,
    /// When.
    pub portioned_at: DateTimeUtc,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
