//! Which source a person trusts most for one kind of thing.

use sea_orm::entity::prelude::*;

use crate::id::{SourceRankingId, UserId};

/// Which source a person trusts most for one kind of thing.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_rankings")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SourceRankingId,
    /// sleep, or a metric of samples.
    pub metric: String,
    /// The best first.
    pub sources: Vec<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
