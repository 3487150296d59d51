//! Foods that go: what hangs on one before it is deleted, and duplicates that become one.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::id::FoodId;
use service::food_merging;

use super::{
    error::Result,
    foods::Food,
    scalars::{DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What hangs on a food of the viewer's own, to be shown before it is deleted.
#[derive(SimpleObject)]
pub struct FoodDeletion {
    /// The food.
    food: Food,
    /// How many entries of the viewer's diary it was logged in. They stay, with the name and nutrition that they were logged with; another
    /// amount of them can still be told.
    diary_entries: i32,
    /// How many entries of it are planned. They stay planned, and can still be eaten.
    planned_entries: i32,
    /// When it was first eaten.
    first_eaten_at: Option<DateTime>,
    /// When it was last eaten.
    last_eaten_at: Option<DateTime>,
    /// How many of the viewer's meals and recipes contain it. They keep the nutrition that it has.
    meals: i32,
    /// How many planned meals, and items of meal plan templates, are this food. They stay, but can no longer be eaten or put on dates.
    planned_meals: i32,
    /// How many duplicates were merged into it. They stay merged, and their entries stay too.
    duplicates: i32,
    /// Whether it is a favourite, and would be none any more.
    favourite: bool,
}

/// Duplicates that become one food.
#[derive(InputObject)]
pub struct MergeFoodsInput {
    /// The food that is kept. Its nutrition stays as it is.
    keep_id: Unchecked<Uuid>,
    /// The foods that become it, 1 to 100.
    duplicate_ids: Vec<Unchecked<Uuid>>,
    /// Only tell what would come of it, and change nothing.
    #[graphql(default)]
    preview: bool,
}

/// What came of a merge, or would.
#[derive(SimpleObject)]
pub struct MergeFoodsPayload {
    /// The food that is kept, with the barcode and the portions that it gained.
    food: Food,
    /// The foods that became it. `undoFoodMerge` makes each a food of its own again.
    merged_ids: Vec<Uuid>,
    /// How many entries of the viewer's diary mean the kept food, with the names and nutrition that they were logged with.
    diary_entries: i32,
    /// Whether nothing was changed.
    preview: bool,
}

/// Which merge to take back.
#[derive(InputObject)]
pub struct UndoFoodMergeInput {
    /// The duplicate that is to be a food of its own again.
    id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The food that is one of its own again.
#[derive(SimpleObject)]
pub struct UndoFoodMergePayload {
    /// The food.
    food: Food,
}

fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Asking before a food goes.
#[derive(Default)]
pub struct FoodMergingQuery;

#[Object]
impl FoodMergingQuery {
    /// What hangs on a food of the viewer's own, to be shown before `deleteFood`. Null with NOT_FOUND for any other food.
    async fn food_deletion(&self, ctx: &Context<'_>, #[graphql(desc = "Which food.")] id: Unchecked<Uuid>) -> Option<Result<FoodDeletion>> {
        nullable(async {
            let id = FoodId(id.check("id")?.0);
            let (food, uses) = food_merging::uses(&*scope(ctx).read().await?, id).await?;
            Ok(FoodDeletion {
                food: Food(food),
                diary_entries: count(uses.diary_entries),
                planned_entries: count(uses.planned_entries),
                first_eaten_at: uses.first_eaten_at.map(DateTime),
                last_eaten_at: uses.last_eaten_at.map(DateTime),
                meals: count(uses.meals),
                planned_meals: count(uses.planned_meals),
                duplicates: count(uses.duplicates),
                favourite: uses.favourite,
            })
        })
        .await
    }
}

/// Making one of duplicates.
#[derive(Default)]
pub struct FoodMergingMutation;

#[Object]
impl FoodMergingMutation {
    /// Makes foods of the viewer's own one. Entries, favourites and barcodes of the duplicates mean the kept food from then on; days that
    /// were logged keep what they had.
    async fn merge_foods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which foods.")] input: MergeFoodsInput,
    ) -> Option<Result<MergeFoodsPayload>> {
        nullable(async {
            let kept = FoodId(input.keep_id.check("keepId")?.0);
            let duplicates = input.duplicate_ids.into_iter().enumerate();
            let duplicates =
                duplicates.map(|(place, id)| Ok(FoodId(id.check(&format!("duplicateIds[{place}]"))?.0))).collect::<Result<Vec<_>>>()?;
            let tx = scope(ctx).write().await?;
            let merge = food_merging::merge(&tx, kept, &duplicates).await?;
            // A preview is the same, and is given up.
            if !input.preview {
                tx.commit().await?;
            }
            Ok(MergeFoodsPayload {
                food: Food(merge.food),
                merged_ids: merge.merged.into_iter().map(|id| Uuid(id.0)).collect(),
                diary_entries: count(merge.diary_entries),
                preview: input.preview,
            })
        })
        .await
    }

    /// Makes a duplicate that was merged a food of its own again. What the kept food gained by it stays.
    async fn undo_food_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which duplicate.")] input: UndoFoodMergeInput,
    ) -> Option<Result<UndoFoodMergePayload>> {
        nullable(async {
            let id = FoodId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let food = food_merging::undo(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(UndoFoodMergePayload { food: Food(food) })
        })
        .await
    }
}
