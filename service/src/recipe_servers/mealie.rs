//! Mealie, versions 1 and 2. Its amounts of nutrition are texts, per serving by convention.

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{FoundRecipes, PAGE, ProviderIngredient, ProviderRecipe, RecipeBook, RecipeSummary, Session, amounts};
use crate::{
    catalogue::{amount, tidy},
    error::Result,
    food_providers::failure::Failure,
    nutrition::Headline,
};

/// A Mealie in somebody's name.
pub(super) struct Mealie(pub Session);

#[async_trait]
impl RecipeBook for Mealie {
    async fn search(&self, words: &str, page: u32) -> Result<FoundRecipes, Failure> {
        let query = [("search", words), ("page", &page.to_string()), ("perPage", &PAGE.to_string()), ("orderBy", "name")];
        let Some(answer) = self.0.get("/api/recipes", &query).await? else { return Err(Failure::Unavailable) };
        let list: List = answer.json()?;
        let recipes = list.items.into_iter().filter_map(|row| {
            let name = tidy(&row.name?);
            Some(RecipeSummary { id: row.id?, name, description: row.description.as_deref().and_then(text) })
        });
        Ok(FoundRecipes { recipes: recipes.collect(), more: list.total_pages > page })
    }

    /// The slug of a recipe is its name and changes with it; the id stays, and Mealie takes either.
    async fn recipe(&self, id: &str) -> Result<Option<ProviderRecipe>, Failure> {
        if id.parse::<uuid::Uuid>().is_err() {
            return Ok(None);
        }
        let Some(answer) = self.0.get(&format!("/api/recipes/{id}"), &[]).await? else { return Ok(None) };
        Ok(Some(answer.json::<Recipe>()?.read()))
    }
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    total_pages: u32,
    #[serde(default)]
    items: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipe {
    id: String,
    #[serde(default)]
    name: String,
    description: Option<String>,
    recipe_yield: Option<String>,
    recipe_servings: Option<Box<RawValue>>,
    recipe_yield_quantity: Option<Box<RawValue>>,
    #[serde(rename = "orgURL")]
    org_url: Option<String>,
    #[serde(default)]
    recipe_ingredient: Option<Vec<Ingredient>>,
    #[serde(default)]
    recipe_instructions: Option<Vec<Instruction>>,
    nutrition: Option<Nutrition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingredient {
    quantity: Option<Box<RawValue>>,
    unit: Option<Box<RawValue>>,
    food: Option<Box<RawValue>>,
    note: Option<String>,
    display: Option<String>,
    original_text: Option<String>,
}

#[derive(Deserialize)]
struct Instruction {
    title: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Nutrition {
    calories: Option<Box<RawValue>>,
    carbohydrate_content: Option<Box<RawValue>>,
    fat_content: Option<Box<RawValue>>,
    fiber_content: Option<Box<RawValue>>,
    protein_content: Option<Box<RawValue>>,
    sodium_content: Option<Box<RawValue>>,
    sugar_content: Option<Box<RawValue>>,
}

/// A unit or a food: an object with a name, or the name itself.
#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

fn decoded<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn name(raw: Option<&RawValue>) -> Option<String> {
    let named = decoded::<Named>(raw).and_then(|named| named.name).or_else(|| decoded::<String>(raw));
    named.as_deref().and_then(text)
}

fn text(text: &str) -> Option<String> {
    Some(tidy(text)).filter(|text| !text.is_empty())
}

/// A number more than zero: none is what zero stands for there.
fn positive(raw: Option<&RawValue>) -> Option<Decimal> {
    amount::parse_amount(raw?.get().trim_matches('"')).ok().filter(|value| !value.is_zero())
}

impl Recipe {
    fn read(self) -> ProviderRecipe {
        let yield_text = self.recipe_yield.as_deref().and_then(text);
        // Version 1 has the text alone: "4 servings", but also "1 loaf".
        let written = yield_text.as_deref().and_then(|text| {
            let (number, of) = text.split_once(' ').unwrap_or((text, ""));
            let of = of.to_lowercase();
            let servings = of.is_empty() || ["serving", "portion", "person", "people"].iter().any(|word| of.contains(word));
            amount::parse_amount(number).ok().filter(|number| servings && !number.is_zero())
        });
        ProviderRecipe {
            id: self.id,
            name: tidy(&self.name),
            description: self.description.as_deref().and_then(text),
            servings: positive(self.recipe_servings.as_deref())
                .or(written)
                .or_else(|| positive(self.recipe_yield_quantity.as_deref()).filter(|_| yield_text.is_none())),
            yield_text,
            source_url: self.org_url.as_deref().and_then(text),
            steps: self.recipe_instructions.into_iter().flatten().filter_map(Instruction::read).collect(),
            ingredients: self.recipe_ingredient.into_iter().flatten().map(Ingredient::read).filter(|it| !it.text.is_empty()).collect(),
            nutrition: self.nutrition.unwrap_or_default().read(),
            lower_bounds: Vec::new(),
        }
    }
}

impl Instruction {
    fn read(self) -> Option<String> {
        let parts: Vec<_> = [self.title, self.text].into_iter().flatten().filter_map(|part| text(&part)).collect();
        (!parts.is_empty()).then(|| parts.join(": "))
    }
}

impl Ingredient {
    fn read(self) -> ProviderIngredient {
        let (amount, unit, food) = (positive(self.quantity.as_deref()), name(self.unit.as_deref()), name(self.food.as_deref()));
        let note = self.note.as_deref().and_then(text);
        let written = self.display.as_deref().and_then(text).or_else(|| self.original_text.as_deref().and_then(text));
        let amount_text = amount.map(|amount| amount.normalize().to_string());
        let put_together = || [&amount_text, &unit, &food, &note].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        ProviderIngredient { text: written.unwrap_or_else(put_together), amount, unit, food, note }
    }
}

impl Nutrition {
    fn read(self) -> Headline {
        let of = |raw: Option<Box<RawValue>>, unit| {
            let raw = raw?;
            let text = decoded::<String>(Some(&raw)).unwrap_or_else(|| raw.get().to_owned());
            amounts::read(&text, unit)
        };
        Headline {
            calories: of(self.calories, "kcal"),
            protein: of(self.protein_content, "g"),
            carbohydrates: of(self.carbohydrate_content, "g"),
            fat: of(self.fat_content, "g"),
            fiber: of(self.fiber_content, "g"),
            sugar: of(self.sugar_content, "g"),
            sodium: of(self.sodium_content, "mg"),
            ..Headline::default()
        }
    }
}
