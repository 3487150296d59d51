//! A picture of a body, without its pixels.

use sea_orm::entity::prelude::*;

use crate::id::{ProgressPhotoId, UserId};

/// A picture of a body. Its pixels are in the column `jpeg`, which only whoever wants to see them reads.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "progress_photos")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProgressPhotoId,
    /// From where it was taken.
    pub kind: PhotoKind,
    /// The day it shows.
    pub taken_on: Date,
    /// Pixels from left to right.
    pub width: i32,
    /// Pixels from top to bottom.
    pub height: i32,
    /// SHA-256 of what created the row.
    pub created_from: Option<Vec<u8>>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// From where a picture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, serde::Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum PhotoKind {
    /// From the front.
    #[sea_orm(string_value = "front")]
    Front,
    /// From a side.
    #[sea_orm(string_value = "side")]
    Side,
    /// From behind.
    #[sea_orm(string_value = "back")]
    Back,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
