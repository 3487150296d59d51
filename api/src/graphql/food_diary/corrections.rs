//! Correcting what was logged of a food that was described wrongly.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::id::FoodId;
use service::food_diary::{self, Corrected, Correction};

use super::FoodEntry;
use crate::graphql::{
    error::Result,
    foods::{Food, Nutrition},
    scalars::{Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// Which entries of the viewer's own are corrected.
#[derive(InputObject)]
pub struct CorrectFoodEntriesInput {
    /// Those of this food.
    food_id: Unchecked<Uuid>,
    /// The first day.
    from: Unchecked<Date>,
    /// The last day, at most 400 of them.
    to: Unchecked<Date>,
    /// Only tell what would come of it, and change nothing.
    #[graphql(default)]
    preview: bool,
    /// Refuse with CONFLICT when the food's nutrition is in another version: the one that a preview told.
    expected_nutrition_version: Option<i32>,
}

/// An entry that was logged by an earlier version of a food's nutrition.
#[derive(SimpleObject)]
pub struct CorrectedFoodEntry {
    /// What it contained before.
    before: Nutrition,
    /// As it is by the food's present nutrition.
    entry: FoodEntry,
}

/// What was corrected, or would be.
#[derive(SimpleObject)]
pub struct CorrectFoodEntriesPayload {
    /// The food.
    food: Food,
    /// The version of its nutrition that the entries are by now.
    nutrition_version: i32,
    /// What was logged by earlier versions, in the order in which it was eaten; at most 1000 entries.
    corrected: Vec<CorrectedFoodEntry>,
    /// What is told in a unit or a portion that the food does not have any more, and stays as it was.
    left: Vec<FoodEntry>,
    /// Whether nothing was changed.
    preview: bool,
}

/// Correcting the past.
#[derive(Default)]
pub struct FoodCorrectionsMutation;

#[Object]
impl FoodCorrectionsMutation {
    /// Makes entries of the viewer's own, which keep what they had when a food is changed, what their amounts contain by the food's present
    /// nutrition. Never done unless asked for; ask for a preview first.
    async fn correct_food_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries.")] input: CorrectFoodEntriesInput,
    ) -> Option<Result<CorrectFoodEntriesPayload>> {
        nullable(async {
            let correction = Correction {
                food: FoodId(input.food_id.check("foodId")?.0),
                from: input.from.check("from")?.0,
                to: input.to.check("to")?.0,
                expected_nutrition_version: input.expected_nutrition_version,
            };
            let tx = scope(ctx).write().await?;
            let done = food_diary::correct(&tx, correction).await?;
            let entry = |Corrected { before, entry }| CorrectedFoodEntry { before: Nutrition(before), entry: FoodEntry(entry) };
            let payload = CorrectFoodEntriesPayload {
                nutrition_version: done.food.nutrition_version,
                food: Food(scope(ctx).noted(done.food)),
                corrected: done.corrected.into_iter().map(entry).collect(),
                left: done.left.into_iter().map(FoodEntry).collect(),
                preview: input.preview,
            };
            // What is not committed did not happen.
            if !input.preview {
                tx.commit().await?;
            }
            Ok(payload)
        })
        .await
    }
}
