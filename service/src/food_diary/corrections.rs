//! Corrections of the past: a food was described wrongly, and what was logged of it is to be by what the food says now. Diaries keep what
//! they had until somebody asks for this.

use chrono::NaiveDate;
use entity::{
    food_diary::{ActiveModel, Column, Entity, Model},
    id::FoodId,
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::Content;
use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    foods::{self, Food},
    nutrition::Nutrition,
};

/// What is corrected: the viewer's own entries of a food from one day to another.
#[derive(Clone, Copy, Debug)]
pub struct Correction {
    /// Which food.
    pub food: FoodId,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Refuse when the food's nutrition is in another version than the one that was looked at.
    pub expected_nutrition_version: Option<i32>,
}

/// What was corrected.
#[derive(Debug)]
pub struct Corrections {
    /// The food.
    pub food: Food,
    /// Entries that are by its present nutrition now, in the order they were eaten.
    pub corrected: Vec<Corrected>,
    /// Entries in a unit that the food does not tell any more, which stay as they are.
    pub left: Vec<Model>,
}

/// An entry that was corrected.
#[derive(Debug)]
pub struct Corrected {
    /// What it contained before.
    pub before: Nutrition,
    /// As it is now.
    pub entry: Model,
}

const MOST_DAYS: i64 = 400;
const MOST_ENTRIES: usize = 1_000;

/// Makes what was logged of a food by an earlier version of its nutrition what the same amount contains by the present one.
pub async fn correct(tx: &Tx, correction: Correction) -> Result<Corrections> {
    let (from, to) = day::range(correction.from, correction.to, MOST_DAYS)?;
    let food = foods::find(tx, correction.food).await?.ok_or(Error::NoSuch { field: "foodId", what: "food" })?;
    let version = food.nutrition_version;
    if correction.expected_nutrition_version.is_some_and(|expected| expected != version) {
        return Err(Error::conflict(format!(
            "the food's nutrition has changed meanwhile, to version {version}: look at what would come of it"
        )));
    }
    let entries = Entity::find()
        .filter(Column::UserId.eq(tx.viewer()?))
        .filter(Column::FoodItemId.eq(food.id))
        .filter(Column::NutritionVersion.ne(version))
        .filter(Column::ConsumedOn.between(from, to))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::ConsumedOn)
        .order_by_asc(Column::ConsumedAt)
        .order_by_asc(Column::Id)
        .limit(MOST_ENTRIES as u64 + 1)
        .lock_exclusive();
    let entries = entries.all(tx).await?;
    if entries.len() > MOST_ENTRIES {
        return Err(Error::invalid("to", format!("at most {MOST_ENTRIES} entries are corrected at once: take fewer days")));
    }
    let mut corrections = Corrections { food, corrected: Vec::new(), left: Vec::new() };
    for entry in entries {
        let Ok(content) = Content::of_food(&corrections.food, entry.quantity, &entry.unit) else {
            corrections.left.push(entry);
            continue;
        };
        let row = ActiveModel {
            user_id: Unchanged(entry.user_id),
            id: Unchanged(entry.id),
            nutrition_version: Set(Some(version)),
            ..content.amount.patch(ActiveModel::default())
        };
        let before = Nutrition::from(&entry);
        corrections.corrected.push(Corrected { before, entry: Entity::update(row).exec(tx).await? });
    }
    Ok(corrections)
}
