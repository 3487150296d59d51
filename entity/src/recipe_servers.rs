//! A recipe server of a person's own.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// A recipe server of a person's own.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recipe_servers")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// What runs there.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: RecipeServerKind,
    /// Where it is, without a slash at the end.
    pub url: String,
    /// The person's token, sealed for this address.
    pub token: String,
    /// How that ends: four characters at most.
    pub hint: Option<String>,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What runs on a recipe server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RecipeServerKind {
    /// Mealie.
    #[sea_orm(string_value = "mealie")]
    Mealie,
    /// Tandoor Recipes.
    #[sea_orm(string_value = "tandoor")]
    Tandoor,
}
