//! Foods that go: what hangs on one before it is deleted, and duplicates that become one.

use entity::{favourite_foods, food_items, id::FoodId};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement,
    prelude::DateTimeUtc,
    sea_query::Expr,
};

use crate::{
    access::Tx,
    error::{Error, Result},
    foods::{self, Food},
    input,
};

/// What a food is used for.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Uses {
    /// Entries of the viewer's diary, of what was eaten. They keep what they had.
    pub diary_entries: i64,
    /// Entries that are planned, and stay so.
    pub planned_entries: i64,
    /// The first of those.
    pub first_eaten_at: Option<DateTimeUtc>,
    /// The last of those.
    pub last_eaten_at: Option<DateTimeUtc>,
    /// Meals and recipes of the viewer's that contain it. They keep its nutrition.
    pub meals: i64,
    /// Planned meals of the viewer's, and items of their meal plan templates, that are this food.
    pub planned_meals: i64,
    /// Duplicates that were merged into it.
    pub duplicates: i64,
    /// Whether it is a favourite of the viewer's.
    pub favourite: bool,
}

/// A merge of duplicates, as it was done or would be.
pub struct Merge {
    /// The food that is kept, with what it gained.
    pub food: Food,
    /// The foods that became it.
    pub merged: Vec<FoodId>,
    /// How many entries of the viewer's diary mean the kept food from then on, by their old names and nutrition.
    pub diary_entries: i64,
}

/// How many foods become one at a time.
const MOST_DUPLICATES: usize = 100;

/// What a food of the viewer's own is used for, for asking before it is deleted.
pub async fn uses(tx: &Tx, id: FoodId) -> Result<(Food, Uses)> {
    let viewer = tx.viewer()?;
    let food = foods::find(tx, id).await?.filter(|food| food.owner_id == Some(viewer)).ok_or(Error::NotFound("food of your own"))?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "WITH named AS (SELECT f.id FROM food_items f WHERE f.owner_id = $1 AND (f.id = $2 OR f.merged_into = $2))
         SELECT count(*) FILTER (WHERE d.status = 'eaten') AS diary_entries, count(*) FILTER (WHERE d.status = 'planned') AS planned_entries,
           min(d.consumed_at) FILTER (WHERE d.status = 'eaten') AS first_eaten_at, max(d.consumed_at) FILTER (WHERE d.status = 'eaten') AS last_eaten_at,
           (SELECT count(DISTINCT m.id) FROM meal_ingredients i JOIN meals m ON m.user_id = i.user_id AND m.id = i.meal_id AND m.deleted_at IS NULL
            WHERE i.user_id = $1 AND i.food_item_id IN (SELECT id FROM named)) AS meals,
           (SELECT count(*) FROM planned_meals p WHERE p.user_id = $1 AND p.status = 'planned' AND p.food_item_id IN (SELECT id FROM named))
             + (SELECT count(*) FROM meal_plan_template_items t WHERE t.user_id = $1 AND t.food_item_id IN (SELECT id FROM named)) AS planned_meals,
           (SELECT count(*) FROM food_items f WHERE f.owner_id = $1 AND f.merged_into = $2) AS duplicates,
           EXISTS (SELECT FROM favourite_foods f WHERE f.user_id = $1 AND f.food_id = $2) AS favourite
         FROM food_diary d WHERE d.user_id = $1 AND d.deleted_at IS NULL
           AND d.food_item_id IN (SELECT id FROM named)",
        [viewer.0.into(), id.0.into()],
    );
    let uses = Uses::find_by_statement(statement).one(tx).await?.ok_or_else(|| Error::internal("an aggregate without a row"))?;
    Ok((food, uses))
}

/// Makes foods of the viewer's own one. What refers to the duplicates means the kept food from then on; diaries keep what they had.
/// The kept food gains a barcode where it has none, portions of names it does not have, and is a favourite where one of them was.
pub async fn merge(tx: &Tx, kept: FoodId, duplicates: &[FoodId]) -> Result<Merge> {
    let viewer = tx.viewer()?;
    if duplicates.is_empty() || duplicates.len() > MOST_DUPLICATES {
        return Err(Error::invalid("duplicateIds", format!("name 1 to {MOST_DUPLICATES} foods")));
    }
    if duplicates.contains(&kept) {
        return Err(Error::invalid("duplicateIds", "the food that is kept cannot be its own duplicate"));
    }
    // In one order, so that two merges never wait for each other.
    let mut ids: Vec<_> = duplicates.iter().copied().chain([kept]).collect();
    ids.sort();
    ids.dedup();
    let mut owned = Vec::new();
    for id in &ids {
        owned.push(foods::editable(tx, *id).await.map_err(|error| match error {
            Error::NotFound(what) if *id == kept => Error::NoSuch { field: "keepId", what },
            Error::NotFound(what) => Error::NoSuch { field: "duplicateIds", what },
            other => other,
        })?);
    }
    let (keeping, merged): (Vec<Food>, Vec<Food>) = owned.into_iter().partition(|food| food.id == kept);
    let keeping = keeping.into_iter().next().ok_or_else(|| Error::internal("the kept food was locked"))?;

    let barcode = keeping.barcode.clone().or_else(|| merged.iter().find_map(|food| food.barcode.clone()));
    let mut portions = keeping.portions.0.clone();
    for portion in merged.iter().flat_map(|food| &food.portions.0) {
        let is_new = !portions.iter().any(|known| known.name.to_lowercase() == portion.name.to_lowercase());
        // What a serving of a duplicate was means nothing here.
        let converts = portion.unit != "serving" && keeping.servings(Decimal::ONE, &portion.unit).is_ok();
        if is_new && converts {
            portions.push(portion.clone());
        }
    }
    if portions.len() > foods::MOST_PORTIONS {
        let message = format!("together they have {} portions, and a food has at most {}", portions.len(), foods::MOST_PORTIONS);
        return Err(Error::invalid("duplicateIds", format!("{message}: take some away first, or merge fewer")));
    }
    let gained = (barcode != keeping.barcode).then_some(Some(barcode)).flatten();
    let change = foods::FoodChange {
        barcode: gained,
        portions: (portions != keeping.portions.0).then_some(portions),
        ..foods::FoodChange::default()
    };
    let merged: Vec<_> = merged.into_iter().map(|food| food.id).collect();
    // Also what was merged into one of them before.
    food_items::Entity::update_many()
        .col_expr(food_items::Column::MergedInto, Expr::value(kept.0))
        .filter(food_items::Column::OwnerId.eq(viewer))
        .filter(food_items::Column::MergedInto.is_in(merged.iter().copied()))
        .exec(tx)
        .await?;
    food_items::Entity::update_many()
        .col_expr(food_items::Column::MergedInto, Expr::value(kept.0))
        .col_expr(food_items::Column::DeletedAt, Expr::value(tx.now()))
        .filter(food_items::Column::OwnerId.eq(viewer))
        .filter(food_items::Column::Id.is_in(merged.iter().copied()))
        .exec(tx)
        .await?;
    let favourites = favourite_foods::Entity::find()
        .filter(favourite_foods::Column::UserId.eq(viewer))
        .filter(favourite_foods::Column::FoodId.is_in(merged.iter().copied()));
    if let Some(favourite) = favourites.one(tx).await? {
        let row = favourite_foods::ActiveModel { user_id: Set(viewer), food_id: Set(kept), added_at: Set(favourite.added_at) };
        favourite_foods::Entity::insert(row)
            .on_conflict_do_nothing_on([favourite_foods::Column::UserId, favourite_foods::Column::FoodId])
            .exec_without_returning(tx)
            .await?;
    }
    let food = foods::update(tx, kept, change).await?;
    let (_, uses) = uses(tx, kept).await?;
    Ok(Merge { food, merged, diary_entries: uses.diary_entries + uses.planned_entries })
}

/// Takes a merge back for one duplicate: it is a food of its own again. What the kept food gained it keeps.
pub async fn undo(tx: &Tx, duplicate: FoodId, expected_version: Option<i32>) -> Result<Food> {
    let row = food_items::Entity::find_by_id(duplicate)
        .filter(food_items::Column::OwnerId.eq(tx.viewer()?))
        .filter(food_items::Column::MergedInto.is_not_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound("merged food of your own"))?;
    input::expect_version(expected_version, row.version, || serde_json::json!({ "id": row.id, "name": row.name, "version": row.version }))?;
    let row = food_items::ActiveModel { id: Unchanged(duplicate), merged_into: Set(None), deleted_at: Set(None), ..Default::default() };
    food_items::Entity::update(row).exec(tx).await?;
    foods::find(tx, duplicate).await?.ok_or(Error::NotFound("food"))
}
