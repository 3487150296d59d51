//! Meals that were eaten: the diary keeps a group of the parts, each with what it contained then.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    food_diary::EntryStatus,
    id::{FoodGroupId, UserId},
};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    dish::{Dish, NewDish},
    recipe::{Part, for_reading},
};
use crate::{
    access::Tx,
    error::{Error, Result},
    food_diary::{self, Amount, Content, FoodGroup, NewGroup, NewPart},
    input,
};

/// A meal that was eaten.
#[derive(Clone, Debug, Serialize)]
pub struct NewMealEntry {
    /// Made by the client, or by the server.
    pub id: Option<FoodGroupId>,
    /// Whose diary; the viewer's when absent.
    pub person: Option<UserId>,
    /// What, and how much of it.
    pub dish: NewDish,
    /// Where and when it was eaten.
    pub occasion: Occasion,
}

/// When something was eaten, and as what.
#[derive(Clone, Debug, Serialize)]
pub struct Occasion {
    /// breakfast, lunch, dinner, snack or one's own.
    pub meal_type: String,
    /// When; now when absent.
    pub consumed_at: Option<DateTime<Utc>>,
    /// On which day, in place of `consumed_at`.
    pub date: Option<NaiveDate>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// What the person wrote beside it.
    pub note: Option<String>,
}

/// Logs a meal that was eaten, and keeps what it contains today.
pub async fn log(tx: &Tx, new: NewMealEntry) -> Result<FoodGroup> {
    let created_from = input::fingerprint(&new)?;
    // Asked first: the meal that is sent again may be gone by now.
    if let Some(group) = food_diary::group_logged_before(tx, new.person, new.id, &created_from).await? {
        return Ok(group);
    }
    let dish = Dish::of(tx, new.dish).await?;
    log_dish(tx, new.id, new.person, &dish, new.occasion, Some(created_from)).await
}

/// Logs a dish that was eaten.
pub async fn log_dish(
    tx: &Tx,
    id: Option<FoodGroupId>,
    person: Option<UserId>,
    dish: &Dish,
    occasion: Occasion,
    created_from: Option<Vec<u8>>,
) -> Result<FoodGroup> {
    let eaten =
        Eaten { meal: dish.meal.map(|(_, meal)| meal.0), name: dish.name.clone(), quantity: dish.quantity, unit: dish.unit.clone() };
    log_parts(tx, id, person, eaten, dish.parts()?, occasion, created_from).await
}

/// Of what how much was eaten.
pub struct Eaten {
    /// The meal.
    pub meal: Option<uuid::Uuid>,
    /// What it is called.
    pub name: String,
    /// How much.
    pub quantity: Decimal,
    /// The unit of `quantity`.
    pub unit: String,
}

/// Logs what somebody has scaled already.
pub async fn log_parts(
    tx: &Tx,
    id: Option<FoodGroupId>,
    person: Option<UserId>,
    eaten: Eaten,
    parts: Vec<Part>,
    occasion: Occasion,
    created_from: Option<Vec<u8>>,
) -> Result<FoodGroup> {
    if parts.len() > food_diary::MOST_PARTS {
        let message = format!("comes to {} foods, and at most {} are logged at once: log its parts", parts.len(), food_diary::MOST_PARTS);
        return Err(Error::invalid("mealId", message));
    }
    let group = NewGroup {
        id,
        person,
        meal_id: eaten.meal,
        name: eaten.name,
        quantity: eaten.quantity,
        unit: eaten.unit,
        meal_type: occasion.meal_type,
        consumed_at: occasion.consumed_at,
        date: occasion.date,
        time_zone: occasion.time_zone,
        status: EntryStatus::Eaten,
        note: occasion.note,
        created_from,
        parts: parts.into_iter().map(|part| NewPart::Snapshot(part.into())).collect(),
    };
    food_diary::log_group(tx, group).await
}

impl From<Part> for Content {
    /// What has no amount of its own is in the diary once.
    fn from(part: Part) -> Self {
        let quantity = part.quantity.map_or(Decimal::ONE, for_reading);
        let food = part.food;
        Self {
            food: food.map(|(food, _)| food),
            name: part.name,
            brand: part.brand,
            nutrition_version: food.and_then(|(_, version)| version),
            amount: Amount {
                quantity,
                unit: part.unit.unwrap_or_else(|| "serving".to_owned()),
                servings: part.servings.unwrap_or(quantity),
                nutrition: part.nutrition,
                milliliters: part.milliliters,
            },
            quick_nutrition: None,
        }
    }
}
