//! What an entry holds: a snapshot of a food, or what somebody typed; and how another amount of it is told.

use entity::{
    food_diary::{ActiveModel, Model},
    id::{FoodEntryId, FoodGroupId, FoodId, UserId},
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbBackend, JsonValue, Statement};
use serde::Serialize;
use serde_json::json;

use super::Occasion;
use crate::{
    access::Tx,
    error::{Error, Result},
    foods, input,
    meals::scaling::Share,
    nutrition::{Headline, Nutrition},
    sync::{
        collection::{self, Document},
        merge::Refused,
    },
};

/// What an entry holds, whatever becomes of the food.
#[derive(Clone, Debug, Serialize)]
pub struct Content {
    /// The food, where there is one.
    pub food: Option<FoodId>,
    /// What it is called.
    pub name: String,
    /// Its brand.
    pub brand: Option<String>,
    /// The version of the food's nutrition.
    pub nutrition_version: Option<i32>,
    /// How much.
    pub amount: Amount,
    /// Of an entry without a food: what one of it contains, as typed.
    pub quick_nutrition: Option<JsonValue>,
}

/// How much, and what that contains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// How much, with at most 3 decimals.
    pub quantity: Decimal,
    /// A unit or a portion of the food.
    pub unit: String,
    /// How many servings of the food that is.
    pub servings: Decimal,
    /// What it contains.
    pub nutrition: Nutrition,
    /// Its volume in ml, where the food tells it.
    pub milliliters: Option<Decimal>,
}

impl Content {
    /// An amount of a food.
    pub fn of_food(food: &foods::Food, quantity: Decimal, unit: &str) -> Result<Self> {
        let (servings, unit) = food.servings(quantity, unit)?;
        Ok(Self {
            food: Some(food.id),
            name: food.name.clone(),
            brand: food.brand.clone(),
            nutrition_version: Some(food.nutrition_version),
            amount: Amount {
                quantity,
                servings,
                nutrition: food.nutrition.times(servings)?,
                milliliters: volume(food, servings, &unit),
                unit,
            },
            quick_nutrition: None,
        })
    }

    /// Something without a food, of which `quantity` times `nutrition` is known.
    pub fn quick(name: &str, nutrition: Headline, quantity: Decimal) -> Result<Self> {
        Ok(Self {
            food: None,
            name: input::line("name", name, 255)?,
            brand: None,
            nutrition_version: None,
            quick_nutrition: Some(typed(&nutrition)?),
            amount: quick_amount(nutrition, super::quantity(quantity)?)?,
        })
    }

    pub(super) fn row(self, person: UserId, id: FoodEntryId, group: Option<FoodGroupId>, occasion: &Occasion) -> ActiveModel {
        ActiveModel {
            user_id: Set(person),
            id: Set(id),
            food_item_id: Set(self.food),
            food_name: Set(self.name),
            food_brand: Set(self.brand),
            nutrition_version: Set(self.nutrition_version),
            quick_nutrition: Set(self.quick_nutrition),
            meal_type: Set(occasion.meal_type.clone()),
            consumed_at: Set(occasion.moment.at),
            time_zone: Set(occasion.moment.time_zone.name().to_owned()),
            consumed_on: Set(occasion.moment.on),
            status: Set(occasion.status),
            note: Set(occasion.note.clone()),
            group_id: Set(group),
            ..self.amount.patch(ActiveModel::default())
        }
    }
}

impl Amount {
    /// A share of it, or several times as much, which is told as `quantity` of the same unit.
    pub(super) fn share(&self, share: Share, quantity: Decimal) -> Result<Self> {
        let too_much = || Error::invalid("quantity", "is more than anyone can eat: check the unit");
        let scaled = |value: Decimal, decimals: u32| share.amount(value).map(|value| round(value, decimals)).ok_or_else(too_much);
        Ok(Self {
            quantity,
            unit: self.unit.clone(),
            servings: scaled(self.servings, 12)?,
            nutrition: self.nutrition.share(share)?,
            milliliters: self.milliliters.map(|volume| scaled(volume, 6)).transpose()?,
        })
    }

    pub(super) fn document(&self) -> Document {
        let mut document = Document::new();
        document.insert("quantity".to_owned(), json!(self.quantity));
        document.insert("unit".to_owned(), json!(self.unit));
        document.insert("servings".to_owned(), json!(self.servings));
        document.insert("milliliters".to_owned(), json!(self.milliliters));
        document.insert("nutrients".to_owned(), self.nutrition.nutrients.clone());
        document.extend(self.nutrition.headline().map(|(name, amount)| (name.to_owned(), json!(amount))));
        document
    }

    pub(super) fn patch(self, row: ActiveModel) -> ActiveModel {
        ActiveModel {
            quantity: Set(self.quantity),
            unit: Set(self.unit),
            servings: Set(round(self.servings, 12)),
            calories: Set(self.nutrition.calories),
            protein: Set(self.nutrition.protein),
            carbohydrates: Set(self.nutrition.carbohydrates),
            fat: Set(self.nutrition.fat),
            fiber: Set(self.nutrition.fiber),
            sugar: Set(self.nutrition.sugar),
            sodium: Set(self.nutrition.sodium),
            nutrients: Set(self.nutrition.nutrients),
            milliliters: Set(self.milliliters),
            ..row
        }
    }
}

/// Writes amounts of entries of one person, told by their `id`, and with an amount what it is scaled from and the version of the food's
/// nutrition where a record tells them.
pub(super) async fn write_amounts(tx: &Tx, person: UserId, records: Vec<Document>) -> Result<()> {
    let records: Vec<_> = records.into_iter().map(JsonValue::Object).collect();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "UPDATE food_diary t SET quantity = r.quantity, unit = r.unit, servings = r.servings, calories = r.calories, protein = r.protein,
           carbohydrates = r.carbohydrates, fat = r.fat, fiber = r.fiber, sugar = r.sugar, sodium = r.sodium, nutrients = r.nutrients,
           milliliters = r.milliliters, group_base = coalesce(r.group_base, t.group_base),
           nutrition_version = coalesce(r.nutrition_version, t.nutrition_version)
         FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, quantity numeric, unit text, servings numeric, calories numeric, protein numeric,
           carbohydrates numeric, fat numeric, fiber numeric, sugar numeric, sodium numeric, nutrients jsonb, milliliters numeric,
           group_base jsonb, nutrition_version integer)
         WHERE t.user_id = $1 AND t.id = r.id",
        [person.0.into(), JsonValue::Array(records).into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// The unit of what has no food: one of it is what was typed.
const QUICK_UNIT: &str = "serving";

pub(super) fn quick_amount(nutrition: Headline, quantity: Decimal) -> Result<Amount> {
    Ok(Amount {
        quantity,
        unit: QUICK_UNIT.to_owned(),
        servings: quantity,
        nutrition: nutrition.checked()?.times(quantity)?,
        milliliters: None,
    })
}

pub(super) fn typed(nutrition: &Headline) -> Result<JsonValue> {
    let mut typed = serde_json::to_value(nutrition).map_err(|error| Error::Internal(error.into()))?;
    if let Some(fields) = typed.as_object_mut() {
        fields.retain(|_, amount| !amount.is_null());
    }
    Ok(typed)
}

pub(super) fn typed_nutrition(typed: &JsonValue) -> Result<Headline> {
    let example = r#"must be an object such as {"calories": "320", "protein": "12"}"#;
    serde_json::from_value(typed.clone()).map_err(|_| Error::invalid("quick_nutrition", example))
}

/// The volume in ml of servings of a food that is told by volume: the food is described by it, or this amount is told in a unit of it,
/// as milk may be that is described by weight. A spoon measures what is no drink, such as oil.
pub(crate) fn volume(food: &foods::Food, servings: Decimal, unit: &str) -> Option<Decimal> {
    let is_spoon = Unit::named(unit).is_some_and(|unit| matches!(unit.code, "tsp" | "tbsp"));
    let described = Unit::named(&food.serving_unit).filter(|_| !is_spoon)?;
    let amount = described.to_base(food.serving_size)?.checked_mul(servings)?;
    let volume = match described.dimension {
        Dimension::Volume => amount,
        Dimension::Mass if food.told_by(unit) == Some(Dimension::Volume) => amount.checked_div(food.density?)?,
        _ => return None,
    };
    Some(round(volume, 6)).filter(|volume| *volume <= Decimal::from(10_000_000_000_i64))
}

/// An entry as it was logged, from which another amount of it is told.
pub(super) struct Logged {
    amount: Amount,
    pub(super) nutrition_version: Option<i32>,
    pub(super) quick_nutrition: Option<JsonValue>,
}

impl Logged {
    /// Another amount of it; `food` is the food in the version it was logged with, while it exists.
    pub(super) fn rescaled(&self, food: Option<&foods::Food>, quantity: Decimal, unit: &str) -> Result<Amount> {
        let same_unit = unit.to_lowercase() == self.amount.unit.to_lowercase();
        if let Some(typed) = &self.quick_nutrition {
            let only = || Error::invalid("unit", format!("this was logged without a food, so only {QUICK_UNIT} can be told"));
            return if same_unit { quick_amount(typed_nutrition(typed)?, quantity) } else { Err(only()) };
        }
        let Some(food) = food else {
            let gone = || Error::invalid("unit", format!("the food is gone, so only {} can be told", self.amount.unit));
            return if same_unit { self.amount.share(Share::of(quantity, self.amount.quantity), quantity) } else { Err(gone()) };
        };
        let (servings, unit) = if same_unit {
            (self.servings_in_same_unit(food, quantity)?, self.amount.unit.clone())
        } else {
            food.servings(quantity, unit)?
        };
        Ok(Amount { quantity, servings, nutrition: food.nutrition.times(servings)?, milliliters: volume(food, servings, &unit), unit })
    }

    /// In the same unit the portion at the time of logging is what counts, whatever the food says today. Where it still says the
    /// same, the food gives the servings in full; the ones of the entry were rounded when they were kept.
    fn servings_in_same_unit(&self, food: &foods::Food, quantity: Decimal) -> Result<Decimal> {
        if let Ok((servings, _)) = food.servings(self.amount.quantity, &self.amount.unit)
            && round(servings, 12) == self.amount.servings
        {
            return Ok(food.servings(quantity, &self.amount.unit)?.0);
        }
        let servings = Share::of(quantity, self.amount.quantity).amount(self.amount.servings);
        servings.ok_or_else(|| Error::invalid("quantity", "is more than anyone can eat: check the unit"))
    }
}

impl From<&Model> for Amount {
    fn from(entry: &Model) -> Self {
        Self {
            quantity: entry.quantity,
            unit: entry.unit.clone(),
            servings: entry.servings,
            nutrition: Nutrition::from(entry),
            milliliters: entry.milliliters,
        }
    }
}

impl TryFrom<&Document> for Amount {
    type Error = Refused;

    fn try_from(entry: &Document) -> Result<Self, Refused> {
        Ok(Self {
            quantity: collection::required(collection::decimal(entry, "quantity")?, "quantity")?,
            unit: collection::required(collection::text(entry, "unit")?, "unit")?.to_owned(),
            servings: collection::required(collection::decimal(entry, "servings")?, "servings")?,
            nutrition: Nutrition::try_from(entry)?,
            milliliters: collection::decimal(entry, "milliliters")?,
        })
    }
}

impl From<&Model> for Logged {
    fn from(entry: &Model) -> Self {
        Self { amount: Amount::from(entry), nutrition_version: entry.nutrition_version, quick_nutrition: entry.quick_nutrition.clone() }
    }
}

impl TryFrom<&Document> for Logged {
    type Error = Refused;

    fn try_from(entry: &Document) -> Result<Self, Refused> {
        Ok(Self {
            amount: Amount::try_from(entry)?,
            nutrition_version: entry.get("nutrition_version").and_then(|version| i32::try_from(version.as_i64()?).ok()),
            quick_nutrition: entry.get("quick_nutrition").filter(|typed| !typed.is_null()).cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entry_whose_food_is_gone_is_scaled_linearly(calories in 0i64..1_000_000_000, logged in 1i64..1_000_000, a in 1i64..50_000, b in 1i64..50_000) {
            let thousandths = |number| Decimal::new(number, 3);
            // So that it stays in the range of what anyone eats.
            let logged = Decimal::TEN + thousandths(logged);
            let nutrition = Nutrition { calories: Some(Decimal::new(calories, 6)), ..Nutrition::unknown() };
            let amount = Amount { quantity: logged, unit: "g".to_owned(), servings: Decimal::ONE, nutrition, milliliters: Some(Decimal::new(calories, 6)) };
            let entry = Logged { amount, nutrition_version: None, quick_nutrition: None };
            let of = |quantity: i64| entry.rescaled(None, thousandths(quantity), "G").expect("in range");
            prop_assert_eq!(&entry.rescaled(None, logged, "g").expect("in range"), &entry.amount);
            let (one, other, both) = (of(a), of(b), of(a + b));
            let apart = |amount: fn(&Amount) -> Option<Decimal>| Some((amount(&one)? + amount(&other)? - amount(&both)?).abs());
            prop_assert!(apart(|amount| amount.nutrition.calories) <= Some(Decimal::new(1, 6)));
            prop_assert!(apart(|amount| amount.milliliters) <= Some(Decimal::new(1, 6)));
            prop_assert!(apart(|amount| Some(amount.servings)) <= Some(Decimal::new(1, 12)));
        }
    }
}
