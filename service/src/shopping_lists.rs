//! What to buy for what is planned: a shopping list of the organiser, which is shared, ticked and edited like any other, and can be
//! computed anew.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use entity::{
    family_access::AccessType,
    id::{FoodId, NootId, UserId},
    planned_meals::PlanStatus,
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::JsonValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    family_access,
    foods::Food,
    meals::{
        dish::Pantry,
        recipe::{Ingredient, Of},
        scaling::Share,
    },
    organiser::{
        self, List, ListKind, NewList, Target,
        generated::{self, GeneratedItem},
    },
    planned_meals,
};

/// A shopping list as it is asked for.
#[derive(Clone, Debug)]
pub struct NewShoppingList {
    /// Made by the client, or by the server.
    pub id: Option<NootId>,
    /// Whose list; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called; the days when absent.
    pub title: Option<String>,
    /// What it is for.
    pub range: Range,
}

/// For whose plans on which days a list is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whose plans.
    pub people: Vec<UserId>,
}

const MOST_DAYS: i64 = 92;
const MOST_PEOPLE: usize = 10;

/// Makes a shopping list of what the plans need.
pub async fn create(tx: &Tx, new: NewShoppingList) -> Result<List> {
    let range = new.range.checked(tx).await?;
    let title = new.title.unwrap_or_else(|| format!("{} – {}", range.from, range.to));
    let list = NewList { id: new.id, person: new.person, kind: ListKind::Shopping, title, items: Vec::new() };
    let list = organiser::create(tx, list).await?;
    let target = Target { person: Some(list.noot.user_id), id: list.noot.id, expected_version: None };
    fill(tx, target, &range).await
}

/// Computes a shopping list anew, for other days if they are given. What was ticked, edited or added by hand stays.
pub async fn refresh(tx: &Tx, target: Target, days: Option<(NaiveDate, NaiveDate)>) -> Result<(List, Range)> {
    let person = tx.viewer_or(target.person)?;
    let list = organiser::find(tx, person, target.id).await?.ok_or(Error::NotFound("list"))?;
    let origin = generated::origin(&list).and_then(|origin| serde_json::from_value::<Range>(origin).ok());
    let mut range = origin.ok_or_else(|| Error::invalid("listId", "this list was not made of a plan: make one with createShoppingList"))?;
    if let Some((from, to)) = days {
        (range.from, range.to) = (from, to);
    }
    let range = range.checked(tx).await?;
    Ok((fill(tx, target, &range).await?, range))
}

async fn fill(tx: &Tx, target: Target, range: &Range) -> Result<List> {
    let origin = serde_json::to_value(range).map_err(|error| Error::Internal(error.into()))?;
    let needs = needs(tx, range).await?;
    let items = needs.into_iter().map(|(key, need)| need.item(target.id, &key)).collect::<Result<Vec<_>>>()?;
    generated::put(tx, target, origin, items).await
}

impl Range {
    /// The plans of people who share them, on days that there are.
    async fn checked(mut self, tx: &Tx) -> Result<Self> {
        (self.from, self.to) = day::range(self.from, self.to, MOST_DAYS)?;
        if self.people.is_empty() {
            self.people.push(tx.viewer()?);
        }
        if self.people.len() > MOST_PEOPLE {
            return Err(Error::invalid("planOf", format!("at most {MOST_PEOPLE} people")));
        }
        let sharing = family_access::sharing(tx, &self.people, AccessType::Calorie, false).await?;
        if let Some(place) = self.people.iter().position(|person| !sharing.contains(person)) {
            return Err(Error::invalid(format!("planOf[{place}]"), "does not share a plan with you: ask them for CALORIE"));
        }
        // Whoever is named twice eats once.
        let mut named = HashSet::new();
        self.people.retain(|person| named.insert(*person));
        Ok(self)
    }
}

/// What one is needed: by the food, or by name and kind of unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Food(FoodId),
    Words(String, String),
}

/// How much of something is needed.
struct Need<'a> {
    title: String,
    food: Option<&'a Food>,
    /// In the units of the recipes.
    amounts: Vec<(Decimal, String)>,
}

/// Something to buy, before it has an id.
struct Purchase {
    title: String,
    amount: Option<(Decimal, String)>,
}

/// What is planned and neither eaten nor skipped, down to what can be bought, in the order of names.
async fn needs(tx: &Tx, range: &Range) -> Result<Vec<(Key, Purchase)>> {
    let mut dishes = Vec::new();
    for person in &range.people {
        let planned = planned_meals::between(tx, *person, range.from, range.to).await?;
        dishes.extend(planned.iter().filter(|planned| planned.stands == PlanStatus::Planned).map(planned_meals::PlannedMeal::as_planned));
    }
    let pantry = Pantry::of_dishes(tx, &dishes).await?;
    // A meal that is gone by now is bought as it is called.
    let dishes: Vec<_> = dishes.into_iter().map(|dish| pantry.dish_or_words(dish)).collect::<Result<_>>()?;
    let mut needs: BTreeMap<Key, Need<'_>> = BTreeMap::new();
    for dish in &dishes {
        let mut leaves = Vec::new();
        dish.content().leaves(Share::WHOLE, &mut leaves)?;
        for (ingredient, share) in leaves {
            let (key, need) = need_of(ingredient, share)?;
            match needs.get_mut(&key) {
                Some(known) => known.amounts.extend(need.amounts),
                None => drop(needs.insert(key, need)),
            }
        }
    }
    let mut purchases: Vec<_> = needs.into_iter().map(|(key, need)| (key, need.purchase())).collect();
    purchases.sort_by_cached_key(|(_, purchase)| purchase.title.to_lowercase());
    Ok(purchases)
}

fn need_of(ingredient: &Ingredient, share: Share) -> Result<(Key, Need<'_>)> {
    let amount = ingredient.quantity.zip(ingredient.unit.clone().or(Some(String::new())));
    let amount = amount.map(|(quantity, unit)| share.amount(quantity).map(|quantity| (quantity, unit)));
    let too_much = || Error::invalid("from", "more is planned than anyone can buy");
    let amounts: Vec<_> = amount.map(|amount| amount.ok_or_else(too_much)).transpose()?.into_iter().collect();
    let (food, title) = match &ingredient.of {
        Of::Food(food) => (Some(&**food), food.name.clone()),
        Of::HiddenFood | Of::Meal(_) | Of::Words => (None, ingredient.name.clone()),
    };
    let measure = |unit: &String| match Unit::named(unit) {
        Some(unit) if matches!(unit.dimension, Dimension::Mass | Dimension::Volume | Dimension::Count) => unit.dimension.name().to_owned(),
        _ => unit.to_lowercase(),
    };
    let key = match food {
        Some(food) => Key::Food(food.id),
        None => Key::Words(title.to_lowercase(), amounts.first().map(|(_, unit)| measure(unit)).unwrap_or_default()),
    };
    Ok((key, Need { title, food, amounts }))
}

impl Need<'_> {
    fn purchase(self) -> Purchase {
        let amount = match self.food {
            Some(food) => of_food(food, &self.amounts),
            None => of_words(&self.amounts),
        };
        Purchase { title: self.title, amount }
    }
}

/// In the portion that all recipes use, if one buys it so; else by weight or volume.
fn of_food(food: &Food, amounts: &[(Decimal, String)]) -> Option<(Decimal, String)> {
    let (_, unit) = amounts.first()?;
    let is_bought_by = |unit: &str| Unit::named(unit).is_none_or(|unit| matches!(unit.dimension, Dimension::Count));
    if is_bought_by(unit) && amounts.iter().all(|(_, other)| other == unit) {
        let pieces: Decimal = amounts.iter().map(|(quantity, _)| *quantity).sum();
        return Some((whole(pieces), unit.clone()));
    }
    let servings: Decimal = amounts
        .iter()
        .map(|(quantity, unit)| food.servings(*quantity, unit).map(|(servings, _)| servings))
        .sum::<Result<Decimal>>()
        .ok()?;
    readable(servings.checked_mul(food.serving_size)?, Unit::named(&food.serving_unit)?)
}

fn of_words(amounts: &[(Decimal, String)]) -> Option<(Decimal, String)> {
    let (_, unit) = amounts.first()?;
    match Unit::named(unit).filter(|unit| matches!(unit.dimension, Dimension::Mass | Dimension::Volume)) {
        Some(base) => {
            let sum = amounts.iter().map(|(quantity, unit)| Unit::named(unit)?.to_base(*quantity)).sum::<Option<Decimal>>()?;
            readable(sum, Unit::named(if base.dimension == Dimension::Mass { "g" } else { "ml" })?)
        }
        None => Some((whole(amounts.iter().map(|(quantity, _)| *quantity).sum()), unit.clone())),
    }
}

/// As a shop has it: whole grams and millilitres, from a thousand on kilograms and litres, whole pieces.
fn readable(amount: Decimal, unit: &Unit) -> Option<(Decimal, String)> {
    let (small, large) = match unit.dimension {
        Dimension::Mass => ("g", "kg"),
        Dimension::Volume => ("ml", "l"),
        _ => return Some((whole(amount), unit.code.to_owned())),
    };
    let whole = whole(unit.to_base(amount)?);
    let thousand = Decimal::ONE_THOUSAND;
    Some(if whole >= thousand { ((whole / thousand).normalize(), large.to_owned()) } else { (whole, small.to_owned()) })
}

/// Rounded up, but for what only the last digits of thirds make more than a whole.
fn whole(amount: Decimal) -> Decimal {
    round(amount, 9).ceil()
}

impl Purchase {
    /// The item keeps its id for as long as the list needs the same thing.
    fn item(self, list: NootId, key: &Key) -> Result<GeneratedItem> {
        let of = match key {
            Key::Food(food) => format!("food {food}"),
            Key::Words(name, measure) => format!("words {measure} {name}"),
        };
        let hash = Sha256::digest(format!("{list} {of}"));
        let bytes: [u8; 16] = std::array::from_fn(|place| hash[place]);
        let (quantity, unit) = self.amount.unzip();
        let most = Decimal::from(1_000_000);
        if quantity.is_some_and(|quantity| quantity > most) {
            return Err(Error::invalid("from", format!("{} of more than {most} {} is planned", self.title, unit.unwrap_or_default())));
        }
        let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        let unit = unit.filter(|unit| !unit.is_empty());
        Ok(GeneratedItem { id, title: self.title, quantity: quantity.map(|quantity| quantity.normalize()), unit })
    }
}

/// The days and people of a list that was computed.
pub fn range_of(list: &List) -> Option<Range> {
    generated::origin(list).and_then(|origin: JsonValue| serde_json::from_value(origin).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    fn words(amounts: &[(&str, &str)]) -> Option<(String, String)> {
        let amounts: Vec<_> = amounts.iter().map(|(quantity, unit)| (decimal(quantity), (*unit).to_owned())).collect();
        of_words(&amounts).map(|(quantity, unit)| (quantity.normalize().to_string(), unit))
    }

    #[test]
    fn amounts_are_told_as_a_shop_has_them() {
        let bought = |amounts, quantity: &str, unit: &str| assert_eq!(words(amounts), Some((quantity.to_owned(), unit.to_owned())));
        bought(&[("400", "g"), ("0.6", "kg")], "1", "kg");
        bought(&[("400", "g"), ("1", "oz")], "429", "g");
        bought(&[("1", "cup"), ("1", "l")], "1.237", "l");
        bought(&[("1.5", "cans"), ("0.75", "cans")], "3", "cans");
        assert_eq!(words(&[]), None);
    }
}
