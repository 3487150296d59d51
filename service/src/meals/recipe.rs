//! What a meal comes to: its ingredients down to the foods, through whatever other meals it contains, and what any amount of it
//! contains.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use entity::{
    id::{FoodId, MealId, UserId},
    meal_ingredients,
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromJsonQueryResult, FromQueryResult, JsonValue, Statement};
use serde::{Deserialize, Serialize};

use super::scaling::Share;
use crate::{
    access::Tx,
    error::{Error, Result},
    food_diary,
    foods::{self, Food},
    nutrition::{Headline, Nutrition, Totals},
};

/// A unit in which an amount of a meal can be told: all that was cooked.
pub const BATCH: &str = "batch";

/// A meal with all that it contains, by the nutrition that holds now.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Whose.
    pub owner: UserId,
    /// Which meal.
    pub id: MealId,
    /// What it is called.
    pub name: String,
    /// How much comes out.
    pub yields: Yield,
    /// What a serving contains according to its source, which then holds in place of the ingredients.
    pub stated: Option<Nutrition>,
    /// What it is made of, in order.
    pub ingredients: Vec<Ingredient>,
}

/// How much a meal gives: servings, a weight, or both.
#[derive(Clone, Copy, Debug)]
pub struct Yield {
    /// How many servings.
    pub servings: Option<Decimal>,
    /// How much it weighs when it is cooked, in g.
    pub cooked_weight: Option<Decimal>,
}

/// What a meal is made of.
#[derive(Clone, Debug)]
pub struct Ingredient {
    /// What it is called.
    pub name: String,
    /// How much.
    pub quantity: Option<Decimal>,
    /// The unit of `quantity`.
    pub unit: Option<String>,
    /// What is to be done with it.
    pub note: Option<String>,
    /// What it is.
    pub of: Of,
}

/// What an ingredient is.
#[derive(Clone, Debug)]
pub enum Of {
    /// A food, in the version that holds now.
    Food(Box<Food>),
    /// A food that the viewer does not see.
    HiddenFood,
    /// Another meal.
    Meal(Arc<Recipe>),
    /// Nothing that is known here.
    Words,
}

/// An amount of a food or the like that is in an amount of a meal.
#[derive(Clone, Debug)]
pub struct Part {
    /// The food, unless it was deleted, and the version of its nutrition; no version where it was another food that became this one.
    pub food: Option<(FoodId, Option<i32>)>,
    /// What it is called.
    pub name: String,
    /// Who makes it.
    pub brand: Option<String>,
    /// How much, for reading: what is counted with is `nutrition`.
    pub quantity: Option<Decimal>,
    /// The unit of `quantity`.
    pub unit: Option<String>,
    /// How many of the food's servings.
    pub servings: Option<Decimal>,
    /// Its volume in ml, where the food is told by volume.
    pub milliliters: Option<Decimal>,
    /// What it contains.
    pub nutrition: Nutrition,
}

#[derive(FromQueryResult)]
struct Row {
    user_id: UserId,
    id: MealId,
    name: String,
    servings: Option<Decimal>,
    cooked_weight: Option<Decimal>,
    stated_nutrition: Option<JsonValue>,
    ingredients: IngredientRows,
}

#[derive(FromJsonQueryResult, Serialize, Deserialize)]
struct IngredientRows(Vec<IngredientRow>);

#[derive(Serialize, Deserialize)]
struct IngredientRow {
    food_item_id: Option<FoodId>,
    nutrition_version: Option<i32>,
    part_meal_id: Option<MealId>,
    name: String,
    quantity: Option<Decimal>,
    unit: Option<String>,
    note: Option<String>,
}

/// These meals and all that they contain, each once. A duplicate that was merged means the food that was kept.
const SELECT: &str = "
    WITH RECURSIVE wanted AS (
      SELECT w.user_id, w.id FROM unnest($1::uuid[], $2::uuid[]) AS w (user_id, id)
      UNION
      SELECT i.user_id, i.part_meal_id FROM wanted w JOIN meal_ingredients i ON i.user_id = w.user_id AND i.meal_id = w.id
      WHERE i.part_meal_id IS NOT NULL)
    SELECT m.user_id, m.id, m.name, m.servings, m.cooked_weight, m.stated_nutrition,
      coalesce((SELECT jsonb_agg(jsonb_build_object('food_item_id', coalesce(k.id, i.food_item_id), 'nutrition_version', coalesce(k.nutrition_version, f.nutrition_version),
                  'part_meal_id', i.part_meal_id, 'name', i.name, 'quantity', i.quantity::text, 'unit', i.unit, 'note', i.note) ORDER BY i.position)
                FROM meal_ingredients i LEFT JOIN food_items f ON f.id = i.food_item_id LEFT JOIN food_items k ON k.id = f.merged_into
                WHERE i.user_id = m.user_id AND i.meal_id = m.id), '[]') AS ingredients
    FROM wanted w JOIN meals m ON m.user_id = w.user_id AND m.id = w.id AND m.deleted_at IS NULL";

/// The recipes of these meals, as far as the viewer sees them: one statement for all that they contain, and one for the foods.
pub async fn read(tx: &Tx, meals: &[(UserId, MealId)]) -> Result<HashMap<(UserId, MealId), Arc<Recipe>>> {
    let (people, ids): (Vec<_>, Vec<_>) = meals.iter().map(|(person, id)| (person.0, id.0)).unzip();
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, SELECT, [people.into(), ids.into()]);
    let rows = Row::find_by_statement(statement).all(tx).await?;
    let versions: BTreeSet<_> = rows
        .iter()
        .flat_map(|row| &row.ingredients.0)
        .filter_map(|ingredient| ingredient.food_item_id.zip(ingredient.nutrition_version))
        .collect();
    let foods = foods::in_versions(tx, &versions.into_iter().collect::<Vec<_>>()).await?;
    let mut building = Building {
        rows: rows.into_iter().map(|row| ((row.user_id, row.id), row)).collect(),
        foods: foods.into_iter().map(|food| (food.id, food)).collect(),
        built: HashMap::new(),
    };
    meals.iter().try_for_each(|meal| building.recipe(*meal).map(drop))?;
    Ok(building.built)
}

/// The recipe of a meal that the viewer sees.
pub async fn of(tx: &Tx, owner: UserId, id: MealId) -> Result<Option<Arc<Recipe>>> {
    Ok(read(tx, &[(owner, id)]).await?.remove(&(owner, id)))
}

struct Building {
    rows: HashMap<(UserId, MealId), Row>,
    foods: HashMap<FoodId, Food>,
    built: HashMap<(UserId, MealId), Arc<Recipe>>,
}

impl Building {
    /// The database holds that no meal contains itself, so this ends.
    fn recipe(&mut self, meal: (UserId, MealId)) -> Result<Option<Arc<Recipe>>> {
        if let Some(built) = self.built.get(&meal) {
            return Ok(Some(built.clone()));
        }
        let Some(row) = self.rows.remove(&meal) else { return Ok(None) };
        let mut ingredients = Vec::with_capacity(row.ingredients.0.len());
        for ingredient in row.ingredients.0 {
            let of = match (ingredient.food_item_id, ingredient.part_meal_id) {
                (Some(food), _) => self.foods.get(&food).map_or(Of::HiddenFood, |food| Of::Food(Box::new(food.clone()))),
                (None, Some(part)) => self.recipe((row.user_id, part))?.map_or(Of::Words, Of::Meal),
                (None, None) => Of::Words,
            };
            let IngredientRow { name, quantity, unit, note, .. } = ingredient;
            ingredients.push(Ingredient { name, quantity, unit, note, of });
        }
        let recipe = Arc::new(Recipe {
            owner: row.user_id,
            id: row.id,
            name: row.name,
            yields: Yield { servings: row.servings, cooked_weight: row.cooked_weight },
            stated: row.stated_nutrition.map(stated).transpose()?,
            ingredients,
        });
        self.built.insert(meal, recipe.clone());
        Ok(Some(recipe))
    }
}

/// Ingredients that are not those of a stored meal.
pub(crate) async fn ingredients(tx: &Tx, owner: UserId, rows: Vec<meal_ingredients::ActiveModel>) -> Result<Vec<Ingredient>> {
    let rows: Vec<_> = rows
        .into_iter()
        .map(|mut row| (row.food_item_id.take().flatten(), row.part_meal_id.take().flatten().map(|meal| (owner, meal)), row))
        .collect();
    let recipes = read(tx, &rows.iter().filter_map(|(_, meal, _)| *meal).collect::<Vec<_>>()).await?;
    let foods = foods::by_ids(tx, &rows.iter().filter_map(|(food, _, _)| *food).collect::<Vec<_>>()).await?;
    let ingredient = |(food, meal, mut row): (Option<FoodId>, Option<(UserId, MealId)>, meal_ingredients::ActiveModel)| {
        let food = food.and_then(|food| foods.iter().find(|other| other.id == food)).map(|food| Of::Food(Box::new(food.clone())));
        let meal = meal.and_then(|meal| recipes.get(&meal)).map(|recipe| Of::Meal(recipe.clone()));
        Ingredient {
            name: row.name.take().unwrap_or_default(),
            quantity: row.quantity.take().flatten(),
            unit: row.unit.take().flatten(),
            note: row.note.take().flatten(),
            of: food.or(meal).unwrap_or(Of::Words),
        }
    };
    Ok(rows.into_iter().map(ingredient).collect())
}

/// Nutrition per serving as it is stored.
pub(super) fn stated(mut json: JsonValue) -> Result<Nutrition> {
    let nutrients = json["nutrients"].take();
    let headline: Headline = serde_json::from_value(json).map_err(Error::stored_json)?;
    Ok(Nutrition { nutrients, ..headline.checked()? })
}

impl Yield {
    /// Which share of the whole `quantity` of `unit` is, and the spelling in which the unit is kept.
    pub fn share(&self, quantity: Decimal, unit: &str) -> Result<(Share, &'static str)> {
        if unit.trim().eq_ignore_ascii_case(BATCH) {
            return Ok((Share::of(quantity, Decimal::ONE), BATCH));
        }
        let refused = |why: &str| {
            let mut choices = vec![BATCH.to_owned()];
            choices.extend(self.servings.map(|_| "serving".to_owned()));
            choices.extend(self.cooked_weight.map(|_| Unit::codes(Dimension::Mass)));
            Error::invalid("unit", format!("{why}: write one of {}", choices.join(", ")))
        };
        let unit = Unit::named(unit).ok_or_else(|| refused(&format!("\"{unit}\" is no unit of a meal")))?;
        let share = match unit.dimension {
            Dimension::Serving => {
                let servings = self.servings.ok_or_else(|| refused("nothing says how many servings this meal gives"))?;
                Share::of(quantity, servings)
            }
            Dimension::Mass => {
                let weight = self.cooked_weight.ok_or_else(|| refused("nothing says how much this meal weighs when it is cooked"))?;
                Share::of(unit.to_base(quantity).ok_or_else(too_much)?, weight)
            }
            _ => return Err(refused(&format!("a meal is not told in {}", unit.code))),
        };
        Ok((share, unit.code))
    }
}

impl Recipe {
    /// What is in a share of this meal, down to the foods.
    pub fn parts(&self, share: Share) -> Result<Vec<Part>> {
        if let (Some(stated), Some(servings)) = (&self.stated, self.yields.servings) {
            let servings = share.amount(servings).ok_or_else(too_much)?;
            return Ok(vec![Part {
                food: None,
                name: self.name.clone(),
                brand: None,
                quantity: Some(for_reading(servings)),
                unit: Some("serving".to_owned()),
                servings: Some(servings),
                milliliters: None,
                nutrition: stated.times(servings)?,
            }]);
        }
        let mut parts = Vec::with_capacity(self.ingredients.len());
        for ingredient in &self.ingredients {
            parts.extend(ingredient.parts(share)?);
        }
        Ok(parts)
    }

    /// What a share of it contains.
    pub fn totals(&self, share: Share) -> Result<Totals> {
        Ok(totals(self.parts(share)?.iter().map(|part| &part.nutrition)))
    }
}

impl Ingredient {
    /// What is in the share of this ingredient that a share of its meal holds.
    pub fn parts(&self, share: Share) -> Result<Vec<Part>> {
        let amount = |quantity: Decimal| share.amount(quantity).ok_or_else(too_much);
        if let (Of::Meal(recipe), Some(quantity), Some(unit)) = (&self.of, self.quantity, &self.unit)
            && let Ok((part, _)) = recipe.yields.share(quantity, unit)
        {
            return recipe.parts(part.within(share).ok_or_else(too_much)?);
        }
        let mut part = Part {
            food: None,
            name: self.name.clone(),
            brand: None,
            quantity: self.quantity.map(amount).transpose()?.map(for_reading),
            unit: self.unit.clone(),
            servings: None,
            milliliters: None,
            nutrition: Nutrition::unknown(),
        };
        if let Of::Food(food) = &self.of {
            part.food = food.deleted_at.is_none().then_some((food.id, Some(food.nutrition_version)));
            part.brand.clone_from(&food.brand);
            // A portion may have gone since; then it is not known how much this is.
            if let (Some(quantity), Some(unit)) = (self.quantity, &self.unit)
                && let Ok((servings, unit)) = food.servings(quantity, unit)
            {
                let servings = amount(servings)?;
                part.milliliters = food_diary::volume(food, servings, &unit);
                part.nutrition = food.nutrition.times(servings)?;
                part.servings = Some(servings);
            }
        }
        Ok(vec![part])
    }
}

impl Ingredient {
    /// What is to be bought for a share of it, with the share of it that is needed. A meal is bought as what it is made of, whatever its
    /// source says that it contains.
    pub fn leaves<'a>(&'a self, share: Share, into: &mut Vec<(&'a Self, Share)>) -> Result<()> {
        if let (Of::Meal(recipe), Some(quantity), Some(unit)) = (&self.of, self.quantity, &self.unit)
            && !recipe.ingredients.is_empty()
            && let Ok((part, _)) = recipe.yields.share(quantity, unit)
        {
            let share = part.within(share).ok_or_else(too_much)?;
            return recipe.ingredients.iter().try_for_each(|ingredient| ingredient.leaves(share, into));
        }
        into.push((self, share));
        Ok(())
    }
}

impl Part {
    /// Something that is known by its name alone.
    pub fn words(name: String, quantity: Decimal, unit: String) -> Self {
        Self {
            food: None,
            name,
            brand: None,
            quantity: Some(quantity),
            unit: Some(unit),
            servings: None,
            milliliters: None,
            nutrition: Nutrition::unknown(),
        }
    }
}

/// The sums of what is known, and what is not known of all. Of nothing nothing is known.
pub fn totals<'a>(parts: impl IntoIterator<Item = &'a Nutrition>) -> Totals {
    let mut parts = parts.into_iter().peekable();
    if parts.peek().is_none() { Totals::of_nutrition([&Nutrition::unknown()]) } else { Totals::of_nutrition(parts) }
}

/// A quantity as a diary can hold it.
pub(super) fn for_reading(quantity: Decimal) -> Decimal {
    round(quantity, 3).max(Decimal::new(1, 3))
}

fn too_much() -> Error {
    Error::invalid("quantity", "is more than anyone can eat: check the unit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    fn of_calories(calories: &str) -> Nutrition {
        Headline { calories: Some(decimal(calories)), ..Headline::default() }.checked().expect("nothing to refuse")
    }

    /// A meal with this in each serving.
    fn meal(servings: &str, weight: Option<&str>, stated: Option<&str>, ingredients: Vec<Ingredient>) -> Recipe {
        Recipe {
            owner: UserId(uuid::Uuid::nil()),
            id: MealId(uuid::Uuid::nil()),
            name: "meal".into(),
            yields: Yield { servings: Some(decimal(servings)), cooked_weight: weight.map(decimal) },
            stated: stated.map(of_calories),
            ingredients,
        }
    }

    fn ingredient(quantity: &str, unit: &str, of: Of) -> Ingredient {
        Ingredient { name: "part".into(), quantity: Some(decimal(quantity)), unit: Some(unit.into()), note: None, of }
    }

    #[test]
    fn an_amount_of_a_meal_is_told_by_servings_weight_or_batch() {
        let yields = Yield { servings: Some(decimal("4")), cooked_weight: Some(decimal("1000")) };
        for (quantity, unit, share) in [("2", "servings", "0.5"), ("250", "g", "0.25"), ("0.1", "KG", "0.1"), ("0.5", "batch", "0.5")] {
            assert_eq!(yields.share(decimal(quantity), unit).expect("converts").0.amount(Decimal::ONE), Some(decimal(share)), "{unit}");
        }
        let by_servings = Yield { cooked_weight: None, ..yields };
        let Err(Error::Invalid { field, message }) = by_servings.share(Decimal::ONE, "g") else { panic!("it has no weight") };
        assert_eq!(field, "unit");
        assert!(message.contains("batch, serving") && !message.contains("kg"), "{message}");
        assert!(yields.share(Decimal::ONE, "ml").is_err() && yields.share(Decimal::ONE, "slice").is_err());
    }

    #[test]
    fn a_meal_in_a_meal_is_scaled_once() {
        // 4 servings of sauce have 400 kcal; 300 g of its 600 g are in a lasagne for 6, of which 2 are eaten.
        let sauce = meal("4", Some("600"), Some("100"), Vec::new());
        let lasagne = meal("6", None, None, vec![ingredient("300", "g", Of::Meal(Arc::new(sauce)))]);
        let (share, _) = lasagne.yields.share(decimal("2"), "serving").expect("converts");
        let parts = lasagne.parts(share).expect("in range");
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].nutrition.calories, Some(decimal("66.666667")));
        assert_eq!(parts[0].quantity, Some(decimal("0.667")));
        assert_eq!(lasagne.totals(Share::WHOLE).expect("in range").calories, decimal("200"));
    }

    #[test]
    fn what_is_not_known_is_named_and_is_not_zero() {
        let salad = meal("1", None, None, vec![ingredient("1", "handful", Of::Words)]);
        assert_eq!(salad.totals(Share::WHOLE).expect("in range").unknown.len(), 7);
        assert_eq!(meal("1", None, None, Vec::new()).totals(Share::WHOLE).expect("in range").unknown.len(), 7);
    }
}
