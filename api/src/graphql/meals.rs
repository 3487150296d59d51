//! Meals and recipes: what they are made of, what they contain, and one's own.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, dataloader::Loader};
use entity::{
    family_access::AccessType,
    id::{FoodGroupId, FoodId, MealId, UserId},
    meals as rows,
};
use service::{
    meals::{
        self,
        diary::{NewMealEntry, Occasion},
        dish::NewDish,
        recipe::{self, Of, Recipe},
        scaling::Share,
    },
    nutrition::Headline,
};

use super::{
    error::{Error, Result},
    food_diary::{FoodDay, FoodGroup},
    foods::{DeleteInput, Food, Nutrition, NutritionInput, NutritionTotals},
    person::Person,
    scalars::{CheckOption, CheckPatch, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{Rows, boxed, loaders, nullable, scope},
};

/// A meal or recipe: of one's own, or one that a relative shares.
#[derive(Clone)]
pub struct Meal(pub rows::Model);

impl Meal {
    async fn recipe(&self, ctx: &Context<'_>) -> Result<Arc<Recipe>> {
        let recipe = loaders(ctx).load_one(RecipeOf(self.0.user_id, self.0.id)).await?;
        recipe.ok_or_else(|| service::error::Error::NotFound("meal").into())
    }
}

/// A meal or recipe: of one's own, or one that a relative shares.
#[Object]
impl Meal {
    /// Identifies the meal among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Whose it is.
    async fn owner(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        nullable(Person::known_as(ctx, self.0.user_id)).await
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What its owner wants to remember.
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// How many servings it gives; null when only its weight is known.
    async fn servings(&self) -> Option<Decimal> {
        self.0.servings.map(Decimal)
    }

    /// How much all of it weighs when it is cooked, in g; null when only the servings are known.
    async fn cooked_weight(&self) -> Option<Decimal> {
        self.0.cooked_weight.map(Decimal)
    }

    /// How it is made, step by step.
    async fn steps(&self) -> &[String] {
        &self.0.steps
    }

    /// Where it comes from: user, mealie, tandoor, …
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// Where it can be read.
    async fn source_url(&self) -> Option<&str> {
        self.0.source_url.as_deref()
    }

    /// What a serving contains as its source says. Where there is this, it holds in place of what the ingredients come to.
    async fn stated_nutrition(&self) -> Option<Result<Nutrition>> {
        meals::stated(&self.0).map_err(Error::from).transpose().map(|stated| stated.map(Nutrition))
    }

    /// What it is made of, in order; at most 200.
    async fn ingredients(&self, ctx: &Context<'_>) -> Option<Result<Vec<MealIngredient>>> {
        nullable(async {
            let recipe = self.recipe(ctx).await?;
            Ok((0..recipe.ingredients.len()).map(|place| MealIngredient { recipe: recipe.clone(), place }).collect())
        })
        .await
    }

    /// What an amount of it contains, by the nutrition that its foods have today; all of it when no amount is given. What somebody
    /// logged or planned keeps what it had then.
    async fn nutrition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much; 1 when absent.")] quantity: Option<Unchecked<Decimal>>,
        #[graphql(desc = "serving, batch (all of it), or a unit of mass of the cooked meal; batch when absent.")] unit: Option<String>,
    ) -> Option<Result<NutritionTotals>> {
        nullable(async {
            let quantity = quantity.check("quantity")?.map_or(rust_decimal::Decimal::ONE, |quantity| quantity.0);
            let share = meals::share(&self.0, quantity, unit.as_deref().unwrap_or(recipe::BATCH))?;
            Ok(self.recipe(ctx).await?.totals(share)?.into())
        })
        .await
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// What a meal is made of: a food, another meal, or words alone.
pub struct MealIngredient {
    recipe: Arc<Recipe>,
    place: usize,
}

impl MealIngredient {
    fn ingredient(&self) -> &recipe::Ingredient {
        &self.recipe.ingredients[self.place]
    }
}

/// What a meal is made of: a food, another meal, or words alone.
#[Object]
impl MealIngredient {
    /// What it is called.
    async fn name(&self) -> &str {
        &self.ingredient().name
    }

    /// How much of it is in the whole meal; null where nothing says.
    async fn quantity(&self) -> Option<Decimal> {
        self.ingredient().quantity.map(Decimal)
    }

    /// A unit code, a portion of the food, serving or batch of a meal, or any word where it is words alone.
    async fn unit(&self) -> Option<&str> {
        self.ingredient().unit.as_deref()
    }

    /// What is to be done with it: "finely chopped".
    async fn note(&self) -> Option<&str> {
        self.ingredient().note.as_deref()
    }

    /// The food as it is today; null where it is none, and when it was deleted or is not shared any more.
    async fn food(&self, ctx: &Context<'_>) -> Option<Food> {
        match &self.ingredient().of {
            Of::Food(food) if food.deleted_at.is_none() => {
                if let Some(owner) = food.owner_id {
                    scope(ctx).note_read(owner, AccessType::FoodList);
                }
                Some(Food((**food).clone()))
            }
            _ => None,
        }
    }

    /// The meal; null where it is none.
    async fn meal(&self, ctx: &Context<'_>) -> Option<Result<Meal>> {
        let Of::Meal(part) = &self.ingredient().of else { return None };
        boxed(async { Ok(loaders(ctx).load_one((part.owner, part.id)).await?.map(Meal)) }).await.transpose()
    }

    /// What it contributes to the whole meal, by the nutrition that foods have today.
    async fn nutrition(&self) -> Option<Result<NutritionTotals>> {
        let parts = self.ingredient().parts(Share::WHOLE);
        Some(parts.map(|parts| recipe::totals(parts.iter().map(|part| &part.nutrition)).into()).map_err(Error::from))
    }
}

/// What a meal is made of. Give `foodId` or `mealId`, or for words alone neither.
#[derive(InputObject)]
pub struct MealIngredientInput {
    /// A food that the viewer sees.
    food_id: Option<Unchecked<Uuid>>,
    /// Or another meal of the viewer's own. A meal cannot contain itself, and meals may lie at most five deep in each other.
    meal_id: Option<Unchecked<Uuid>>,
    /// What it is called; what the food or the meal is called when absent. Words alone need it.
    name: Option<String>,
    /// How much of it is in the whole meal: 0.001 to 100000 with at most 3 decimals. Only words alone may do without.
    quantity: Option<Unchecked<Decimal>>,
    /// A unit code, serving, or a portion of the food; of a meal serving, batch (all of it) or a unit of mass of the cooked meal; of
    /// words alone any word.
    unit: Option<String>,
    /// What is to be done with it: "finely chopped".
    note: Option<String>,
}

/// What a meal is made of, each checked under its place.
pub fn ingredients(inputs: Vec<MealIngredientInput>) -> Result<Vec<meals::NewIngredient>> {
    let ingredient = |(place, input): (usize, MealIngredientInput)| {
        let field = |name: &str| format!("ingredients[{place}].{name}");
        Ok(meals::NewIngredient {
            food: input.food_id.check(&field("foodId"))?.map(|id| FoodId(id.0)),
            meal: input.meal_id.check(&field("mealId"))?.map(|id| MealId(id.0)),
            name: input.name,
            quantity: input.quantity.check(&field("quantity"))?.map(|quantity| quantity.0),
            unit: input.unit,
            note: input.note,
        })
    };
    inputs.into_iter().enumerate().map(ingredient).collect()
}

fn stated(input: NutritionInput) -> Result<Headline> {
    Headline::try_from(input).map_err(|error| error.renamed("nutrition", "statedNutrition"))
}

/// A meal or recipe of one's own. Say how much it gives: `servings`, `cookedWeight`, or both.
#[derive(InputObject)]
pub struct CreateMealInput {
    /// Made by the client, so that a repeated request creates nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// What it is.
    description: Option<String>,
    /// What its owner wants to remember.
    notes: Option<String>,
    /// How many servings it gives.
    servings: Option<Unchecked<Decimal>>,
    /// How much all of it weighs when it is cooked, in g.
    cooked_weight: Option<Unchecked<Decimal>>,
    /// How it is made, step by step; at most 100.
    steps: Option<Vec<String>>,
    /// Where it can be read, http or https.
    source_url: Option<String>,
    /// What a serving contains as its source says, in place of what the ingredients come to. Leave it out to have it computed.
    stated_nutrition: Option<NutritionInput>,
    /// What it is made of, in order; at most 200.
    ingredients: Option<Vec<MealIngredientInput>>,
}

/// What is to change of a meal of one's own. Absent keeps.
#[derive(InputObject)]
pub struct UpdateMealInput {
    /// Which meal.
    id: Unchecked<Uuid>,
    /// What it is called.
    name: Option<String>,
    /// What it is; null clears it.
    description: MaybeUndefined<String>,
    /// What its owner wants to remember; null clears it.
    notes: MaybeUndefined<String>,
    /// How many servings it gives; null clears it, if the weight is known.
    servings: MaybeUndefined<Unchecked<Decimal>>,
    /// How much all of it weighs when it is cooked, in g; null clears it, if the servings are known.
    cooked_weight: MaybeUndefined<Unchecked<Decimal>>,
    /// Replaces all steps.
    steps: Option<Vec<String>>,
    /// Where it can be read; null clears it.
    source_url: MaybeUndefined<String>,
    /// What a serving contains as its source says; null clears it, so that it is computed from the ingredients.
    stated_nutrition: MaybeUndefined<NutritionInput>,
    /// Replaces all ingredients.
    ingredients: Option<Vec<MealIngredientInput>>,
    /// Refuse with CONFLICT when the meal is at another version.
    expected_version: Option<i32>,
}

/// The meal that was made.
#[derive(SimpleObject)]
pub struct CreateMealPayload {
    /// The meal.
    meal: Meal,
}

/// The meal after the change.
#[derive(SimpleObject)]
pub struct UpdateMealPayload {
    /// The meal.
    meal: Meal,
}

/// The meal that was deleted.
#[derive(SimpleObject)]
pub struct DeleteMealPayload {
    /// Its id.
    deleted_id: Uuid,
}

/// Which meal is to come back.
#[derive(InputObject)]
pub struct RestoreMealInput {
    /// A meal of the viewer's own.
    id: Unchecked<Uuid>,
}

/// The meal that is back.
#[derive(SimpleObject)]
pub struct RestoreMealPayload {
    /// The meal.
    meal: Meal,
}

/// The fields of an input that name a dish: a meal, a food, or words.
pub struct DishFields {
    /// A meal.
    pub meal_id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    pub meal_person_id: Option<Unchecked<Uuid>>,
    /// Or a food.
    pub food_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    pub name: Option<String>,
    /// How much.
    pub quantity: Unchecked<Decimal>,
    /// The unit of `quantity`.
    pub unit: String,
}

impl DishFields {
    /// The dish, each field checked under its name in `path`.
    pub fn check(self, ctx: &Context<'_>, path: &str) -> Result<NewDish> {
        let field = |name: &str| format!("{path}{name}");
        let owner = match self.meal_person_id.check(&field("mealPersonId"))? {
            Some(id) => UserId(id.0),
            None => scope(ctx).viewer()?.user_id(),
        };
        Ok(NewDish {
            meal: self.meal_id.check(&field("mealId"))?.map(|id| (owner, MealId(id.0))),
            food: self.food_id.check(&field("foodId"))?.map(|id| FoodId(id.0)),
            name: self.name,
            quantity: self.quantity.check(&field("quantity"))?.0,
            unit: self.unit,
        })
    }
}

/// A meal that was eaten.
#[derive(InputObject)]
pub struct LogMealInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which meal.
    meal_id: Unchecked<Uuid>,
    /// Whose meal; the viewer's when absent.
    meal_person_id: Option<Unchecked<Uuid>>,
    /// How much: 0.001 to 100000 with at most 3 decimals.
    quantity: Unchecked<Decimal>,
    /// serving, batch (as 0.25 of it), or a unit of mass of the cooked meal.
    unit: String,
    /// breakfast, lunch, dinner, snack or one of the person's own, at most 20 characters.
    meal_type: String,
    /// When; now when absent.
    consumed_at: Option<Unchecked<DateTime>>,
    /// On which day, in place of `consumedAt`: now when that is today, else at the usual time of the meal type.
    date: Option<Unchecked<Date>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogMealPayload {
    /// The meal with its parts, as they were when it was logged.
    group: FoodGroup,
    /// The day it is on.
    day: FoodDay,
}

/// The recipe of a meal, for the loader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecipeOf(pub UserId, pub MealId);

impl Loader<RecipeOf> for Rows {
    type Value = Arc<Recipe>;
    type Error = Error;

    async fn load(&self, meals: &[RecipeOf]) -> Result<HashMap<RecipeOf, Arc<Recipe>>> {
        let wanted: Vec<_> = meals.iter().map(|RecipeOf(owner, id)| (*owner, *id)).collect();
        let recipes = recipe::read(&*self.0.read().await?, &wanted).await?;
        Ok(recipes.into_iter().map(|((owner, id), recipe)| (RecipeOf(owner, id), recipe)).collect())
    }
}

impl Loader<(UserId, MealId)> for Rows {
    type Value = rows::Model;
    type Error = Error;

    async fn load(&self, meals: &[(UserId, MealId)]) -> Result<HashMap<(UserId, MealId), rows::Model>> {
        let meals = meals::by_ids(&*self.0.read().await?, meals).await?;
        let noted = |meal: rows::Model| {
            self.0.note_read(meal.user_id, AccessType::FoodList);
            ((meal.user_id, meal.id), meal)
        };
        Ok(meals.into_iter().map(noted).collect())
    }
}

/// Finding meals.
#[derive(Default)]
pub struct MealsQuery;

#[Object]
impl MealsQuery {
    /// A meal of one's own, or of a relative who shares FOOD_LIST; null for any other.
    async fn meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which meal.")] id: Unchecked<Uuid>,
        #[graphql(desc = "Whose; the viewer's when absent.")] person_id: Option<Unchecked<Uuid>>,
    ) -> Option<Result<Meal>> {
        boxed(async {
            let id = MealId(id.check("id")?.0);
            let person = person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).read().await?;
            let meal = meals::find(&tx, tx.viewer_or(person)?, id).await?;
            Ok::<_, Error>(meal.map(|meal| {
                scope(ctx).note_read(meal.user_id, AccessType::FoodList);
                Meal(meal)
            }))
        })
        .await
        .transpose()
    }
}

/// Meals of one's own.
#[derive(Default)]
pub struct MealsMutation;

#[Object]
impl MealsMutation {
    /// Adds a meal or recipe that only the viewer sees, and those with whom the viewer shares FOOD_LIST.
    async fn create_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meal.")] input: CreateMealInput,
    ) -> Option<Result<CreateMealPayload>> {
        nullable(async {
            let new = meals::NewMeal {
                id: input.id.check("id")?.map(|id| MealId(id.0)),
                name: input.name,
                description: input.description,
                notes: input.notes,
                servings: input.servings.check("servings")?.map(|servings| servings.0),
                cooked_weight: input.cooked_weight.check("cookedWeight")?.map(|weight| weight.0),
                steps: input.steps.unwrap_or_default(),
                source: None,
                source_url: input.source_url,
                stated_nutrition: input.stated_nutrition.map(stated).transpose()?,
                ingredients: ingredients(input.ingredients.unwrap_or_default())?,
            };
            let tx = scope(ctx).write().await?;
            let meal = meals::create(&tx, new).await?;
            tx.commit().await?;
            Ok(CreateMealPayload { meal: Meal(meal) })
        })
        .await
    }

    /// Changes a meal of one's own. Days that were logged keep what they had.
    async fn update_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateMealInput,
    ) -> Option<Result<UpdateMealPayload>> {
        nullable(async {
            let id = MealId(input.id.check("id")?.0);
            let stated_nutrition: Option<Option<NutritionInput>> = input.stated_nutrition.into();
            let change = meals::MealChange {
                name: input.name,
                description: input.description.into(),
                notes: input.notes.into(),
                servings: input.servings.check("servings")?.map(|servings| servings.map(|servings| servings.0)),
                cooked_weight: input.cooked_weight.check("cookedWeight")?.map(|weight| weight.map(|weight| weight.0)),
                steps: input.steps,
                source_url: input.source_url.into(),
                stated_nutrition: stated_nutrition.map(|nutrition| nutrition.map(stated).transpose()).transpose()?,
                ingredients: input.ingredients.map(ingredients).transpose()?,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let meal = meals::update(&tx, id, change).await?;
            tx.commit().await?;
            Ok(UpdateMealPayload { meal: Meal(meal) })
        })
        .await
    }

    /// Logs a meal that was eaten, as a group that keeps its parts with what they contain today: later changes of the meal or of its foods
    /// do not change the day.
    async fn log_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was eaten.")] input: LogMealInput,
    ) -> Option<Result<LogMealPayload>> {
        nullable(async {
            let dish = DishFields {
                meal_id: Some(input.meal_id),
                meal_person_id: input.meal_person_id,
                food_id: None,
                name: None,
                quantity: input.quantity,
                unit: input.unit,
            };
            let new = NewMealEntry {
                id: input.id.check("id")?.map(|id| FoodGroupId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                dish: dish.check(ctx, "")?,
                occasion: Occasion {
                    meal_type: input.meal_type,
                    consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                    date: input.date.check("date")?.map(|date| date.0),
                    time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                    note: input.note,
                },
            };
            let tx = scope(ctx).write().await?;
            let group = meals::diary::log(&tx, new).await?;
            let day = FoodDay::on(&tx, group.group.user_id, group.group.consumed_on).await?;
            scope(ctx).note_read(group.group.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(LogMealPayload { group: FoodGroup(group), day })
        })
        .await
    }

    /// Deletes a meal of one's own; refused with CONFLICT while another meal is made of it. Days that were logged keep what they had.
    async fn delete_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which meal.")] input: DeleteInput,
    ) -> Option<Result<DeleteMealPayload>> {
        nullable(async {
            let id = MealId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let deleted = meals::delete(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteMealPayload { deleted_id: Uuid(deleted.0) })
        })
        .await
    }

    /// Brings a deleted meal of one's own back, for as long as it is kept. CONFLICT while another meal that it is made of is deleted.
    async fn restore_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which meal.")] input: RestoreMealInput,
    ) -> Option<Result<RestoreMealPayload>> {
        nullable(async {
            let id = MealId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let meal = meals::restore(&tx, id).await?;
            tx.commit().await?;
            Ok(RestoreMealPayload { meal: Meal(meal) })
        })
        .await
    }
}
