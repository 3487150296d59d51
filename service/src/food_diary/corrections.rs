//! Corrections of the past: a food was described wrongly, and what was logged of it is to be by what the food says now. Diaries keep what
//! they had until somebody asks for this.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::{
    food_diary::{Column, Entity, Model},
    id::FoodId,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::{Content, content::write_amounts};
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
    let viewer = tx.viewer()?;
    let entries = Entity::find()
        .filter(Column::UserId.eq(viewer))
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
    let (mut before, mut records, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let Ok(content) = Content::of_food(&food, entry.quantity, &entry.unit) else {
            left.push(entry);
            continue;
        };
        let mut record = content.amount.document();
        record.insert("id".to_owned(), json!(entry.id));
        record.insert("nutrition_version".to_owned(), json!(version));
        records.push(record);
        before.push((entry.id, Nutrition::from(&entry)));
    }
    write_amounts(tx, viewer, records).await?;
    let now = Entity::find().filter(Column::UserId.eq(viewer)).filter(Column::Id.is_in(before.iter().map(|(id, _)| *id)));
    let mut now: HashMap<_, _> = now.all(tx).await?.into_iter().map(|entry| (entry.id, entry)).collect();
    let corrected = before.into_iter().filter_map(|(id, before)| Some(Corrected { before, entry: now.remove(&id)? })).collect();
    Ok(Corrections { food, corrected, left })
}
