//! Recipes of one's own Mealie or Tandoor.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{id::MealId, recipe_servers as rows};
use service::{error::Error as ServiceError, recipe_servers};

use super::{
    error::Result,
    foods::Nutrition,
    meals::Meal,
    page,
    scalars::{CheckOption, Decimal, Unchecked, Uuid},
    scope::{boxed, nullable, scope},
};

/// What asking another server costs beside what is shown of its answer.
const ASKING: usize = 40;
const PAGE: i32 = 20;

/// What runs on a recipe server.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::RecipeServerKind")]
pub enum RecipeServerKind {
    /// Mealie, with an API token.
    Mealie,
    /// Tandoor Recipes, with an API token of the scope read.
    Tandoor,
}

/// A recipe server of the viewer's own.
#[derive(SimpleObject)]
pub struct RecipeServer {
    /// What runs there.
    kind: RecipeServerKind,
    /// Where it is.
    url: String,
    /// How the token ends, of a long one: at most four characters. The token itself is never shown.
    token_hint: Option<String>,
}

impl From<recipe_servers::RecipeServer> for RecipeServer {
    fn from(row: recipe_servers::RecipeServer) -> Self {
        Self { kind: row.kind.into(), url: row.url, token_hint: row.hint }
    }
}

/// A recipe in a list.
#[derive(SimpleObject)]
pub struct ProviderRecipeSummary {
    /// The server's id, which stays when the recipe is renamed: pass it to providerRecipe.
    id: String,
    /// What it is called.
    name: String,
    /// What it is.
    description: Option<String>,
}

/// A page of recipes.
#[derive(SimpleObject)]
pub struct ProviderRecipes {
    /// The recipes, in the server's order.
    recipes: Vec<ProviderRecipeSummary>,
    /// Whether there is a further page.
    more: bool,
}

impl From<recipe_servers::FoundRecipes> for ProviderRecipes {
    fn from(found: recipe_servers::FoundRecipes) -> Self {
        let summary = |it: recipe_servers::RecipeSummary| ProviderRecipeSummary { id: it.id, name: it.name, description: it.description };
        Self { recipes: found.recipes.into_iter().map(summary).collect(), more: found.more }
    }
}

/// A recipe as its server states it. Null is unknown.
#[derive(SimpleObject)]
pub struct ProviderRecipe {
    /// The server's id, which stays when the recipe is renamed.
    id: String,
    /// What it is called.
    name: String,
    /// What it is.
    description: Option<String>,
    /// How many servings it makes.
    servings: Option<Decimal>,
    /// How its yield is written, such as "1 loaf".
    yield_text: Option<String>,
    /// Where it comes from.
    source_url: Option<String>,
    /// What to do, in order.
    steps: Vec<String>,
    /// What goes in.
    ingredients: Vec<ProviderIngredient>,
    /// What a serving contains, as far as the server states it.
    nutrition: Nutrition,
    /// Names of those fields of `nutrition` that are lower bounds: of some ingredient the server does not know them.
    lower_bounds: Vec<&'static str>,
}

/// What goes into a recipe.
#[derive(SimpleObject)]
pub struct ProviderIngredient {
    /// How much, where a number says it.
    amount: Option<Decimal>,
    /// Of which unit, as the server calls it.
    unit: Option<String>,
    /// Of what, where that is told apart.
    food: Option<String>,
    /// What is to be known of it.
    note: Option<String>,
    /// The whole of it as people read it.
    text: String,
}

impl From<recipe_servers::ProviderIngredient> for ProviderIngredient {
    fn from(it: recipe_servers::ProviderIngredient) -> Self {
        Self { amount: it.amount.map(Decimal), unit: it.unit, food: it.food, note: it.note, text: it.text }
    }
}

impl TryFrom<recipe_servers::ProviderRecipe> for ProviderRecipe {
    type Error = super::error::Error;

    fn try_from(recipe: recipe_servers::ProviderRecipe) -> Result<Self> {
        Ok(Self {
            nutrition: Nutrition(recipe.per_serving()?),
            id: recipe.id,
            name: recipe.name,
            description: recipe.description,
            servings: recipe.servings.map(Decimal),
            yield_text: recipe.yield_text,
            source_url: recipe.source_url,
            steps: recipe.steps,
            ingredients: recipe.ingredients.into_iter().map(Into::into).collect(),
            lower_bounds: recipe.lower_bounds,
        })
    }
}

/// A recipe server of one's own.
#[derive(InputObject)]
pub struct SetRecipeServerInput {
    /// What runs there. There is one server of each kind.
    kind: RecipeServerKind,
    /// Where it is: https://recipes.example.org. Whoever runs this server allows hosts.
    url: String,
    /// A token that opens it.
    token: String,
}

/// Which server to forget.
#[derive(InputObject)]
pub struct RemoveRecipeServerInput {
    /// What runs there.
    kind: RecipeServerKind,
}

/// The server that is used from now on.
#[derive(SimpleObject)]
pub struct SetRecipeServerPayload {
    /// The server.
    recipe_server: RecipeServer,
}

/// The end of it.
#[derive(SimpleObject)]
pub struct RemoveRecipeServerPayload {
    /// What ran there.
    removed_kind: RecipeServerKind,
}

/// Which recipe to keep.
#[derive(InputObject)]
pub struct ImportRecipeInput {
    /// On which server it is.
    server: RecipeServerKind,
    /// The server's id of the recipe.
    recipe_id: String,
    /// The id of the meal, made by the client, so that a repeated request creates nothing twice.
    id: Option<Unchecked<Uuid>>,
}

/// The meal that a recipe became.
#[derive(SimpleObject)]
pub struct ImportRecipePayload {
    /// The meal.
    meal: Meal,
}

/// Reading recipes elsewhere.
#[derive(Default)]
pub struct RecipeServersQuery;

#[Object]
impl RecipeServersQuery {
    /// Searches a recipe server of the viewer's own.
    #[graphql(complexity = "page::cost(Some(PAGE), child_complexity) + ASKING")]
    async fn provider_recipes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which server.")] server: RecipeServerKind,
        #[graphql(desc = "Words of the recipe.")] search: String,
        #[graphql(desc = "Which page, 1 to 100; 1 when absent.")] page: Option<i32>,
    ) -> Option<Result<ProviderRecipes>> {
        nullable(async {
            let scope = scope(ctx);
            let (viewer, servers) = (scope.viewer()?, scope.outside().recipe_servers()?);
            let asking = recipe_servers::search(servers, viewer, server.into(), &search, page);
            Ok(scope.outside_transactions(asking).await?.into())
        })
        .await
    }

    /// A recipe of a recipe server of the viewer's own; null where it has none of this id.
    #[graphql(complexity = "page::cost(Some(PAGE), child_complexity) + ASKING")]
    async fn provider_recipe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which server.")] server: RecipeServerKind,
        #[graphql(desc = "The server's id of the recipe.")] id: String,
    ) -> Option<Result<ProviderRecipe>> {
        boxed(async {
            let scope = scope(ctx);
            let (viewer, servers) = (scope.viewer()?, scope.outside().recipe_servers()?);
            let asking = recipe_servers::recipe(servers, viewer, server.into(), &id);
            scope.outside_transactions(asking).await?.map(TryInto::try_into).transpose()
        })
        .await
        .transpose()
    }
}

/// Saying where one's recipes are.
#[derive(Default)]
pub struct RecipeServersMutation;

#[Object]
impl RecipeServersMutation {
    /// Says where the viewer's recipe server is, and keeps a token that opens it, encrypted. UNAVAILABLE where whoever runs this server
    /// allows none.
    async fn set_recipe_server(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The server.")] input: SetRecipeServerInput,
    ) -> Option<Result<SetRecipeServerPayload>> {
        nullable(async {
            let scope = scope(ctx);
            scope.viewer()?;
            let servers = scope.outside().recipe_servers()?;
            let tx = scope.write().await?;
            let server = recipe_servers::set(scope.database(), servers, &tx, input.kind.into(), &input.url, &input.token).await?;
            tx.commit().await?;
            Ok(SetRecipeServerPayload { recipe_server: server.into() })
        })
        .await
    }

    /// Keeps a recipe of the viewer's recipe server as a meal of the viewer's own: its ingredients in words, and what a serving contains as
    /// the server states it; of what it states as a lower bound nothing. NOT_FOUND where it has none of this id, CONFLICT where it was
    /// imported before.
    #[graphql(complexity = "child_complexity + ASKING")]
    async fn import_recipe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which recipe.")] input: ImportRecipeInput,
    ) -> Option<Result<ImportRecipePayload>> {
        nullable(async {
            let (scope, kind) = (scope(ctx), input.server.into());
            let id = input.id.check("id")?.map(|id| MealId(id.0));
            let (viewer, servers) = (scope.viewer()?, scope.outside().recipe_servers()?);
            let asking = recipe_servers::recipe(servers, viewer, kind, &input.recipe_id);
            let recipe = scope.outside_transactions(asking).await?.ok_or(ServiceError::NotFound("recipe of this server"))?;
            let tx = scope.write().await?;
            let meal = recipe_servers::import(&tx, kind, recipe, id).await?;
            tx.commit().await?;
            Ok(ImportRecipePayload { meal: Meal(meal) })
        })
        .await
    }

    /// Forgets the viewer's recipe server and its token.
    async fn remove_recipe_server(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which server.")] input: RemoveRecipeServerInput,
    ) -> Option<Result<RemoveRecipeServerPayload>> {
        nullable(async {
            let tx = scope(ctx).write().await?;
            recipe_servers::remove(&tx, input.kind.into()).await?;
            tx.commit().await?;
            Ok(RemoveRecipeServerPayload { removed_kind: input.kind })
        })
        .await
    }
}
