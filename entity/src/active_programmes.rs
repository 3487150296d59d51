//! Which programme is followed from which day on.

use sea_orm::entity::prelude::*;

use crate::id::{ActiveProgrammeId, TrainingProgrammeId, UserId};

/// Which programme is followed from a day on, until the next row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "active_programmes")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among that person's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActiveProgrammeId,
    /// From which day on.
    pub valid_from: Date,
    /// Which; none is followed where there is none.
    pub programme_id: Option<TrainingProgrammeId>,
    /// Who made the row.
    pub created_by: Option<UserId>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
