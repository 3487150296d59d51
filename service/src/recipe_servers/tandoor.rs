//! Tandoor Recipes. What its foods contain is summed for the whole recipe, under names that each space chooses itself.

use std::collections::HashMap;

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{FoundRecipes, PAGE, ProviderIngredient, ProviderRecipe, RecipeBook, RecipeSummary, Session, amounts};
use crate::{
    catalogue::{amount, fdc_json, tidy},
    error::Result,
    food_providers::failure::Failure,
    nutrition::Headline,
};

/// A Tandoor in somebody's name. Every path ends with a slash: without it some proxies redirect, and lose the token.
pub(super) struct Tandoor(pub Session);

#[async_trait]
impl RecipeBook for Tandoor {
    async fn search(&self, words: &str, page: u32) -> Result<FoundRecipes, Failure> {
        let query = [("query", words), ("page", &page.to_string()), ("page_size", &PAGE.to_string())];
        // A page beyond the last is not there.
        let Some(answer) = self.0.get("/api/recipe/", &query).await? else { return Ok(FoundRecipes::default()) };
        let list: List<Row> = answer.json()?;
        let summary = |row: Row| RecipeSummary {
            id: row.id.to_string(),
            name: tidy(&row.name),
            description: row.description.as_deref().and_then(text),
        };
        Ok(FoundRecipes { more: list.next.is_some(), recipes: list.results.into_iter().map(summary).collect() })
    }

    async fn recipe(&self, id: &str) -> Result<Option<ProviderRecipe>, Failure> {
        let Ok(id) = id.parse::<u64>() else { return Ok(None) };
        let Some(answer) = self.0.get(&format!("/api/recipe/{id}/"), &[]).await? else { return Ok(None) };
        let recipe: Recipe = answer.json()?;
        // What a sum is of stands with its type, and nowhere in the recipe.
        let types = if recipe.food_properties.is_empty() { Vec::new() } else { self.types().await? };
        Ok(Some(recipe.read(&types)))
    }
}

impl Tandoor {
    async fn types(&self) -> Result<Vec<PropertyType>, Failure> {
        let Some(answer) = self.0.get("/api/property-type/", &[("page_size", "100")]).await? else { return Ok(Vec::new()) };
        // A list until version 1, and since then pages.
        let raw: Box<RawValue> = answer.json()?;
        let listed = serde_json::from_str::<Vec<PropertyType>>(raw.get());
        let paged = || serde_json::from_str::<List<PropertyType>>(raw.get()).map(|list| list.results);
        listed.or_else(|_| paged()).map_err(|_| Failure::Unreadable)
    }
}

#[derive(Deserialize)]
struct List<T> {
    next: Option<String>,
    #[serde(default = "Vec::new")]
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    #[serde(default)]
    name: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Recipe {
    id: u64,
    #[serde(default)]
    name: String,
    description: Option<String>,
    servings: Option<Box<RawValue>>,
    servings_text: Option<String>,
    source_url: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
    nutrition: Option<Nutrition>,
    #[serde(default)]
    properties: Option<Vec<Property>>,
    #[serde(default)]
    food_properties: HashMap<String, FoodProperty>,
}

#[derive(Deserialize)]
struct Step {
    name: Option<String>,
    instruction: Option<String>,
    #[serde(default)]
    ingredients: Vec<Ingredient>,
}

#[derive(Deserialize)]
struct Ingredient {
    food: Option<Named>,
    unit: Option<Named>,
    amount: Option<Box<RawValue>>,
    note: Option<String>,
    #[serde(default)]
    no_amount: bool,
    #[serde(default)]
    is_header: bool,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

/// What older versions held of a serving.
#[derive(Deserialize)]
struct Nutrition {
    calories: Option<Box<RawValue>>,
    carbohydrates: Option<Box<RawValue>>,
    fats: Option<Box<RawValue>>,
    proteins: Option<Box<RawValue>>,
}

/// What somebody wrote of a serving of the recipe.
#[derive(Deserialize)]
struct Property {
    property_amount: Option<Box<RawValue>>,
    property_type: PropertyType,
}

/// What the foods contain, summed for the whole recipe.
#[derive(Deserialize)]
struct FoodProperty {
    id: Option<u64>,
    unit: Option<String>,
    total_value: Option<Box<RawValue>>,
    #[serde(default)]
    missing_value: bool,
}

#[derive(Deserialize)]
struct PropertyType {
    id: Option<u64>,
    unit: Option<String>,
    fdc_id: Option<u32>,
    open_data_slug: Option<String>,
}

/// A headline nutrient by its name in Hale, and the unit in which it is kept.
type Nutrient = (&'static str, &'static str);

impl PropertyType {
    /// The nutrient, by what does not depend on a language: FoodData Central's id, or the name in Tandoor's open data.
    fn nutrient(&self) -> Option<Nutrient> {
        let by_id = |id: u32| {
            [
                (fdc_json::KILOCALORIES, ("calories", "kcal")),
                (fdc_json::KILOJOULES, ("calories", "kcal")),
                (fdc_json::PROTEIN, ("protein", "g")),
                (fdc_json::CARBOHYDRATES, ("carbohydrates", "g")),
                (fdc_json::FAT, ("fat", "g")),
                (fdc_json::FIBER, ("fiber", "g")),
                (fdc_json::SUGAR, ("sugar", "g")),
                (fdc_json::SODIUM, ("sodium", "mg")),
            ]
            .into_iter()
            .find_map(|(ids, nutrient)| ids.contains(&id).then_some(nutrient))
        };
        let by_slug = |slug: &str| match slug.strip_prefix("property-").unwrap_or(slug) {
            "calories" | "energy" => Some(("calories", "kcal")),
            "protein" | "proteins" => Some(("protein", "g")),
            "carbohydrate" | "carbohydrates" => Some(("carbohydrates", "g")),
            "fat" | "fats" => Some(("fat", "g")),
            "fiber" | "fibers" | "fibre" => Some(("fiber", "g")),
            "sugar" | "sugars" => Some(("sugar", "g")),
            "sodium" => Some(("sodium", "mg")),
            _ => None,
        };
        self.fdc_id.and_then(by_id).or_else(|| self.open_data_slug.as_deref().and_then(by_slug))
    }

    /// The unit in which amounts of it are, where none is written: kilojoules where it is FoodData Central's energy in these.
    fn usual_unit<'a>(&self, unit: Option<&'a str>, nutrient: &'a str) -> &'a str {
        let kilojoules = self.fdc_id.is_some_and(|id| fdc_json::KILOJOULES.contains(&id));
        match unit.map(str::trim).filter(|unit| !unit.is_empty()) {
            Some(unit) => unit,
            None if kilojoules => "kJ",
            None => nutrient,
        }
    }
}

fn text(text: &str) -> Option<String> {
    Some(tidy(text)).filter(|text| !text.is_empty())
}

fn number(raw: Option<&RawValue>) -> Option<Decimal> {
    amount::parse_amount(raw?.get().trim_matches('"')).ok()
}

fn positive(raw: Option<&RawValue>) -> Option<Decimal> {
    number(raw).filter(|value| !value.is_zero())
}

fn set(nutrition: &mut Headline, nutrient: &str, value: Decimal) {
    let field = match nutrient {
        "calories" => &mut nutrition.calories,
        "protein" => &mut nutrition.protein,
        "carbohydrates" => &mut nutrition.carbohydrates,
        "fat" => &mut nutrition.fat,
        "fiber" => &mut nutrition.fiber,
        "sugar" => &mut nutrition.sugar,
        "sodium" => &mut nutrition.sodium,
        _ => return,
    };
    *field = Some(value);
}

impl Recipe {
    fn read(self, types: &[PropertyType]) -> ProviderRecipe {
        let servings = positive(self.servings.as_deref());
        let (nutrition, lower_bounds) = self.nutrition(types, servings);
        let ingredients = self.steps.iter().flat_map(|step| &step.ingredients).filter(|ingredient| !ingredient.is_header);
        ProviderRecipe {
            id: self.id.to_string(),
            name: tidy(&self.name),
            description: self.description.as_deref().and_then(text),
            servings,
            yield_text: self.servings_text.as_deref().and_then(text),
            source_url: self.source_url.as_deref().and_then(text),
            ingredients: ingredients.map(Ingredient::read).filter(|it| !it.text.is_empty()).collect(),
            steps: self.steps.iter().filter_map(Step::read).collect(),
            nutrition,
            lower_bounds,
        }
    }

    /// What a serving contains: as written of the recipe, before what its foods sum up to, before what older versions held.
    fn nutrition(&self, types: &[PropertyType], servings: Option<Decimal>) -> (Headline, Vec<&'static str>) {
        let (mut nutrition, mut lower_bounds) = (Headline::default(), Vec::new());
        if let Some(older) = &self.nutrition {
            let of = |raw: &Option<Box<RawValue>>| number(raw.as_deref());
            nutrition.calories = of(&older.calories);
            nutrition.carbohydrates = of(&older.carbohydrates);
            nutrition.fat = of(&older.fats);
            nutrition.protein = of(&older.proteins);
        }
        // Sums are of the whole recipe, and tell nothing of a serving where nobody says how many there are.
        for (key, sum) in self.food_properties.iter().filter(|_| servings.is_some()) {
            let id = sum.id.or_else(|| key.parse().ok());
            let Some(of) = types.iter().find(|of| of.id.is_some() && of.id == id) else { continue };
            let Some((nutrient, kept)) = of.nutrient() else { continue };
            let unit = of.usual_unit(sum.unit.as_deref().or(of.unit.as_deref()), kept);
            let each = number(sum.total_value.as_deref()).and_then(|total| total.checked_div(servings?));
            let Some(value) = each.and_then(|value| amounts::in_unit(value, unit, kept)) else { continue };
            // Nothing that is known of any food is nothing known.
            if sum.missing_value && value.is_zero() {
                continue;
            }
            set(&mut nutrition, nutrient, value);
            if sum.missing_value {
                lower_bounds.push(nutrient);
            }
        }
        for property in self.properties.iter().flatten() {
            let of = &property.property_type;
            let Some((nutrient, kept)) = of.nutrient() else { continue };
            let unit = of.usual_unit(of.unit.as_deref(), kept);
            let value = number(property.property_amount.as_deref()).and_then(|value| amounts::in_unit(value, unit, kept));
            if let Some(value) = value {
                set(&mut nutrition, nutrient, value);
                lower_bounds.retain(|bound| *bound != nutrient);
            }
        }
        lower_bounds.sort_unstable();
        (nutrition, lower_bounds)
    }
}

impl Step {
    fn read(&self) -> Option<String> {
        let parts: Vec<_> = [&self.name, &self.instruction].into_iter().flatten().filter_map(|part| text(part)).collect();
        (!parts.is_empty()).then(|| parts.join(": "))
    }
}

impl Ingredient {
    fn read(&self) -> ProviderIngredient {
        let name = |named: &Option<Named>| named.as_ref()?.name.as_deref().and_then(text);
        let amount = positive(self.amount.as_deref()).filter(|_| !self.no_amount);
        let (unit, food, note) = (name(&self.unit).filter(|_| amount.is_some()), name(&self.food), self.note.as_deref().and_then(text));
        let amount_text = amount.map(|amount| amount.normalize().to_string());
        let text = [&amount_text, &unit, &food, &note].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        ProviderIngredient { amount, unit, food, note, text }
    }
}
