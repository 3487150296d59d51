//! How a person felt.

use sea_orm::entity::prelude::*;

use crate::id::{MoodId, UserId};

/// How a person felt.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "moods")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MoodId,
    /// 0, as bad as can be, to 100, as good as can be.
    pub value: i32,
    /// Words for it: an array of strings.
    pub tags: Json,
    /// When.
    pub felt_at: DateTimeUtc,
    /// Where: IANA zone.
    pub time_zone: String,
    /// The person's day, fixed when written.
    pub felt_on: Date,
    /// What the person wrote beside it.
    pub note: Option<String>,
    /// SHA-256 of the input that created the row.
    pub created_from: Option<Vec<u8>>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

impl Model {
    /// The words for it.
    pub fn tags(&self) -> Vec<String> {
        let tags = self.tags.as_array().into_iter().flatten();
        tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
    }
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
