//! Foods at hand: favourites, what was eaten last, what is eaten most.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject, dataloader::Loader};
use entity::id::FoodId;
use service::favourite_foods;

use super::{
    error::{Error, Result},
    foods::Food,
    scalars::{Unchecked, Uuid},
    scope::{Rows, nullable, scope},
};

/// Whether a food is a favourite of the viewer's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Favourite(pub FoodId);

impl Loader<Favourite> for Rows {
    type Value = ();
    type Error = Error;

    async fn load(&self, foods: &[Favourite]) -> Result<HashMap<Favourite, ()>> {
        let ids: Vec<_> = foods.iter().map(|food| food.0).collect();
        let favourites = favourite_foods::among(&*self.0.read().await?, &ids).await?;
        Ok(favourites.into_iter().map(|id| (Favourite(id), ())).collect())
    }
}

/// Which food.
#[derive(InputObject)]
pub struct FavouriteFoodInput {
    /// Its id.
    food_id: Unchecked<Uuid>,
}

/// The food, now a favourite.
#[derive(SimpleObject)]
pub struct AddFavouriteFoodPayload {
    /// The food.
    food: Food,
}

/// The food, no favourite any more.
#[derive(SimpleObject)]
pub struct RemoveFavouriteFoodPayload {
    /// The food; null when it is not there any more.
    food: Option<Food>,
    /// The id that was asked for.
    removed_id: Uuid,
}

/// Favourites.
#[derive(Default)]
pub struct FavouriteFoodsMutation;

#[Object]
impl FavouriteFoodsMutation {
    /// Makes a food that the viewer sees a favourite of theirs. Once more changes nothing.
    async fn add_favourite_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which food.")] input: FavouriteFoodInput,
    ) -> Option<Result<AddFavouriteFoodPayload>> {
        nullable(async {
            let id = FoodId(input.food_id.check("foodId")?.0);
            let tx = scope(ctx).write().await?;
            let food = favourite_foods::add(&tx, id).await?;
            tx.commit().await?;
            Ok(AddFavouriteFoodPayload { food: Food(scope(ctx).noted(food)) })
        })
        .await
    }

    /// Makes a food no favourite of the viewer's any more.
    async fn remove_favourite_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which food.")] input: FavouriteFoodInput,
    ) -> Option<Result<RemoveFavouriteFoodPayload>> {
        nullable(async {
            let id = FoodId(input.food_id.check("foodId")?.0);
            let tx = scope(ctx).write().await?;
            let food = favourite_foods::remove(&tx, id).await?;
            tx.commit().await?;
            Ok(RemoveFavouriteFoodPayload { food: food.map(|food| Food(scope(ctx).noted(food))), removed_id: Uuid(id.0) })
        })
        .await
    }
}
