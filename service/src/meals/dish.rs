//! What somebody eats, plans or cooks: an amount of a meal, of a food, or of something that is known by its name alone.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::id::{FoodId, MealId, UserId};
use rust_decimal::Decimal;
use serde::Serialize;

use super::recipe::{self, Ingredient, Of, Part, Recipe};
use crate::{
    access::Tx,
    error::{Error, Result},
    foods::{self, Food},
    input,
    nutrition::Totals,
};

/// A dish as somebody names it: a meal, a food, or words.
#[derive(Clone, Debug, Serialize)]
pub struct NewDish {
    /// A meal, and whose it is.
    pub meal: Option<(UserId, MealId)>,
    /// Or a food.
    pub food: Option<FoodId>,
    /// What it is called; what the meal or the food is called when absent.
    pub name: Option<String>,
    /// How much.
    pub quantity: Decimal,
    /// Of a meal serving, batch or a unit of mass; of a food a unit or a portion; of words any word.
    pub unit: String,
}

/// A dish of which the amount can be told.
#[derive(Debug)]
pub struct Dish {
    /// The meal, and whose it is.
    pub meal: Option<(UserId, MealId)>,
    /// Or the food.
    pub food: Option<FoodId>,
    /// What it is called.
    pub name: String,
    /// How much.
    pub quantity: Decimal,
    /// The unit of `quantity`, as it is kept.
    pub unit: String,
    /// The same as an ingredient, which tells what is in it.
    content: Ingredient,
}

/// What dishes are made of, read for all of them at once.
pub struct Pantry {
    /// By what refers to them, which may be a duplicate that was merged into the food.
    foods: HashMap<FoodId, Food>,
    recipes: HashMap<(UserId, MealId), Arc<Recipe>>,
}

impl Pantry {
    /// The meals and foods of these ids, as far as the viewer sees them.
    pub async fn of(tx: &Tx, meals: impl Iterator<Item = (UserId, MealId)>, foods: impl Iterator<Item = FoodId>) -> Result<Self> {
        let meals: HashSet<_> = meals.collect();
        let foods: HashSet<_> = foods.collect();
        let recipes = if meals.is_empty() { HashMap::new() } else { recipe::read(tx, &meals.into_iter().collect::<Vec<_>>()).await? };
        let foods = if foods.is_empty() { Vec::new() } else { foods::by_references(tx, &foods.into_iter().collect::<Vec<_>>()).await? };
        Ok(Self { foods: foods.into_iter().collect(), recipes })
    }

    /// What these dishes are made of.
    pub async fn of_dishes(tx: &Tx, dishes: &[NewDish]) -> Result<Self> {
        Self::of(tx, dishes.iter().filter_map(|dish| dish.meal), dishes.iter().filter_map(|dish| dish.food)).await
    }

    /// Whose meals and foods these are.
    pub fn owners(&self) -> HashSet<UserId> {
        self.recipes.keys().map(|(owner, _)| *owner).chain(self.foods.values().filter_map(|food| food.owner_id)).collect()
    }

    /// The dish, if it is there and its amount can be told.
    pub fn dish(&self, new: NewDish) -> Result<Dish> {
        let quantity = input::number("quantity", new.quantity, 3, Decimal::new(1, 3)..=Decimal::from(100_000))?;
        let unit = input::line("unit", &new.unit, 100)?;
        let name = new.name.map(|name| input::line("name", &name, 255)).transpose()?;
        let (own_name, unit, of, food) = match (new.meal, new.food) {
            (Some(_), Some(_)) => return Err(Error::invalid("foodId", "give a meal or a food, not both")),
            (Some(meal), None) => {
                let recipe = self.recipes.get(&meal).ok_or(Error::NoSuch { field: "mealId", what: "meal" })?;
                let (_, unit) = recipe.yields.share(quantity, &unit)?;
                (Some(recipe.name.clone()), unit.to_owned(), Of::Meal(recipe.clone()), None)
            }
            (None, Some(food)) => {
                let food = self.foods.get(&food).ok_or(Error::NoSuch { field: "foodId", what: "food" })?;
                let (_, unit) = food.servings(quantity, &unit)?;
                (Some(food.name.clone()), unit, Of::Food(Box::new(food.clone())), Some(food.id))
            }
            (None, None) => (None, unit, Of::Words, None),
        };
        let name = name.or(own_name).ok_or_else(|| Error::invalid("name", "say what it is: a mealId, a foodId, or a name"))?;
        let content = Ingredient { name: name.clone(), quantity: Some(quantity), unit: Some(unit.clone()), note: None, of };
        Ok(Dish { meal: new.meal, food, name, quantity, unit, content })
    }
}

impl Pantry {
    /// The dish, or words alone if what it names is gone or cannot be told in its unit any more.
    pub fn dish_or_words(&self, new: NewDish) -> Result<Dish> {
        let words = NewDish { meal: None, food: None, ..new.clone() };
        self.dish(new).or_else(|_| self.dish(words))
    }
}

impl Dish {
    /// The dish that somebody names.
    pub async fn of(tx: &Tx, new: NewDish) -> Result<Self> {
        Pantry::of_dishes(tx, std::slice::from_ref(&new)).await?.dish(new)
    }

    /// What is in it, down to the foods.
    pub fn parts(&self) -> Result<Vec<Part>> {
        let parts = self.content.parts(super::scaling::Share::WHOLE)?;
        if parts.is_empty() { Ok(vec![Part::words(self.name.clone(), self.quantity, self.unit.clone())]) } else { Ok(parts) }
    }

    /// What it contains.
    pub fn totals(&self) -> Result<Totals> {
        Ok(recipe::totals(self.parts()?.iter().map(|part| &part.nutrition)))
    }

    /// What it is made of.
    pub fn content(&self) -> &Ingredient {
        &self.content
    }
}
