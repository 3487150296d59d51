//! A part of a recorded activity: a lap, a kilometre, a mile, or its fastest stretch of a distance.

use sea_orm::entity::prelude::*;

use crate::id::{ActivityId, UserId};

/// A part of a recorded activity: a lap, a kilometre, a mile, or its fastest stretch of a distance.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activity_splits")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Of which activity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: ActivityId,
    /// lap, kilometre, mile or best.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// Order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// How far, in metres.
    pub distance_m: Option<Decimal>,
    /// How long after the start it begins, of the fastest stretches.
    pub begins_seconds: Option<Decimal>,
    /// How long.
    pub duration_seconds: Decimal,
    /// Beats per minute on average.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
