//! Meal plan templates of the viewer's own: some days of meals, to be put on dates.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, dataloader::Loader};
use entity::{family_access::AccessType, id::MealPlanTemplateId, meal_plan_template_items as item_rows, meal_plan_templates as rows};
use service::{meal_plans, nutrition::Totals};

use super::{
    error::{Error, Result},
    foods::{DeleteInput, Food, NutritionTotals},
    meals::{DishFields, Meal},
    scalars::{CheckOption, CheckPatch, Decimal, Unchecked, Uuid},
    scope::{Rows, boxed, loaders, nullable, scope},
};

/// Some days of meals, such as a week, to be put on dates. Its owner's alone.
#[derive(Clone)]
pub struct MealPlanTemplate(pub rows::Model);

/// Some days of meals, such as a week, to be put on dates. Its owner's alone.
#[Object]
impl MealPlanTemplate {
    /// Identifies the template.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// kcal a day that it aims at.
    async fn target_calories(&self) -> Option<Decimal> {
        self.0.target_calories.map(Decimal)
    }

    /// How long it is before it begins anew.
    async fn days(&self) -> i32 {
        self.0.days
    }

    /// Whether its owner uses it.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }

    /// What is eaten on its days, in order; at most 500.
    async fn items(&self, ctx: &Context<'_>) -> Option<Result<Vec<MealPlanItem>>> {
        nullable(async {
            let items = loaders(ctx).load_one(self.0.id).await?.unwrap_or_default();
            Ok(items.into_iter().map(MealPlanItem).collect())
        })
        .await
    }

    /// What each of its days comes to today, from the first one to the last, beside what it aims at.
    async fn day_totals(&self, ctx: &Context<'_>) -> Option<Result<Vec<MealPlanTemplateDay>>> {
        nullable(async {
            let mut totals = loaders(ctx).load_one(DaysOf(self.0.id)).await?.unwrap_or_default();
            let target_calories = self.0.target_calories.map(Decimal);
            let day = |day| MealPlanTemplateDay { day, totals: totals.remove(&day).unwrap_or_default().into(), target_calories };
            Ok((1..=self.0.days).map(day).collect())
        })
        .await
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// What a day of a template comes to.
#[derive(SimpleObject)]
pub struct MealPlanTemplateDay {
    /// Which of its days, from 1.
    day: i32,
    /// The sums of what is known, and what is not known of everything.
    totals: NutritionTotals,
    /// kcal that the template aims at.
    target_calories: Option<Decimal>,
}

/// What is eaten on a day of a template.
pub struct MealPlanItem(item_rows::Model);

/// What is eaten on a day of a template.
#[Object]
impl MealPlanItem {
    /// On which of its days, from 1.
    async fn day(&self) -> i32 {
        self.0.day
    }

    /// breakfast, lunch, dinner, snack or one of one's own.
    async fn meal_type(&self) -> &str {
        &self.0.meal_type
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The meal as it is today; null when it is none, was deleted or is not shared any more.
    async fn meal(&self, ctx: &Context<'_>) -> Option<Result<Meal>> {
        let meal = self.0.meal_owner_id.zip(self.0.meal_id)?;
        boxed(async { Ok(loaders(ctx).load_one(meal).await?.map(Meal)) }).await.transpose()
    }

    /// The food as it is today; null when it is none, was deleted or is not shared any more.
    async fn food(&self, ctx: &Context<'_>) -> Option<Result<Food>> {
        let food = self.0.food_item_id?;
        boxed(async { Ok(loaders(ctx).load_one(food).await?.map(Food)) }).await.transpose()
    }

    /// How much.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.quantity)
    }

    /// The unit of `quantity`.
    async fn unit(&self) -> &str {
        &self.0.unit
    }

    /// What is to be remembered.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }
}

/// What is eaten on a day of a template: a meal, a food, or a name alone.
#[derive(InputObject)]
pub struct MealPlanItemInput {
    /// On which day, from 1.
    day: i32,
    /// breakfast, lunch, dinner, snack or one of one's own.
    meal_type: String,
    /// A meal.
    meal_id: Option<Unchecked<Uuid>>,
    /// Whose meal; the viewer's when absent.
    meal_person_id: Option<Unchecked<Uuid>>,
    /// Or a food.
    food_id: Option<Unchecked<Uuid>>,
    /// What it is called; needed where it is neither a meal nor a food.
    name: Option<String>,
    /// How much: 0.001 to 100000 with at most 3 decimals.
    quantity: Unchecked<Decimal>,
    /// Of a meal serving, batch or a unit of mass; of a food a unit code, serving or a portion.
    unit: String,
    /// What is to be remembered.
    note: Option<String>,
}

fn items(ctx: &Context<'_>, inputs: Vec<MealPlanItemInput>) -> Result<Vec<meal_plans::NewItem>> {
    let item = |(place, input): (usize, MealPlanItemInput)| {
        let dish = DishFields {
            meal_id: input.meal_id,
            meal_person_id: input.meal_person_id,
            food_id: input.food_id,
            name: input.name,
            quantity: input.quantity,
            unit: input.unit,
        };
        let dish = dish.check(ctx, &format!("items[{place}]."))?;
        Ok(meal_plans::NewItem { day: input.day, meal_type: input.meal_type, dish, note: input.note })
    };
    inputs.into_iter().enumerate().map(item).collect()
}

/// Some days of meals.
#[derive(InputObject)]
pub struct CreateMealPlanTemplateInput {
    /// Made by the client, so that a repeated request creates nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// What it is.
    description: Option<String>,
    /// kcal a day that it aims at.
    target_calories: Option<Unchecked<Decimal>>,
    /// How long it is before it begins anew: 1 to 366.
    #[graphql(default = 7)]
    days: i32,
    /// What is eaten on its days, in order; at most 500.
    items: Option<Vec<MealPlanItemInput>>,
}

/// What is to change of a template. Absent keeps, null clears. What was planned by it stays.
#[derive(InputObject)]
pub struct UpdateMealPlanTemplateInput {
    /// Which template.
    id: Unchecked<Uuid>,
    /// What it is called.
    name: Option<String>,
    /// What it is; null clears it.
    description: MaybeUndefined<String>,
    /// kcal a day that it aims at; null clears it.
    target_calories: MaybeUndefined<Unchecked<Decimal>>,
    /// How long it is.
    days: Option<i32>,
    /// Whether its owner uses it.
    is_active: Option<bool>,
    /// Replaces all items.
    items: Option<Vec<MealPlanItemInput>>,
    /// Refuse with CONFLICT when the template is at another version.
    expected_version: Option<i32>,
}

/// The template that was made.
#[derive(SimpleObject)]
pub struct CreateMealPlanTemplatePayload {
    /// The template.
    template: MealPlanTemplate,
}

/// The template after the change.
#[derive(SimpleObject)]
pub struct UpdateMealPlanTemplatePayload {
    /// The template.
    template: MealPlanTemplate,
}

/// The template that was deleted.
#[derive(SimpleObject)]
pub struct DeleteMealPlanTemplatePayload {
    /// Its id.
    deleted_id: Uuid,
}

impl Loader<MealPlanTemplateId> for Rows {
    type Value = Vec<item_rows::Model>;
    type Error = Error;

    async fn load(&self, templates: &[MealPlanTemplateId]) -> Result<HashMap<MealPlanTemplateId, Vec<item_rows::Model>>> {
        let mut items: HashMap<_, Vec<_>> = HashMap::new();
        for item in meal_plans::items(&*self.0.read().await?, templates).await? {
            items.entry(item.template_id).or_default().push(item);
        }
        Ok(items)
    }
}

/// What the days of a template come to, for the loader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DaysOf(MealPlanTemplateId);

impl Loader<DaysOf> for Rows {
    type Value = BTreeMap<i32, Totals>;
    type Error = Error;

    async fn load(&self, templates: &[DaysOf]) -> Result<HashMap<DaysOf, BTreeMap<i32, Totals>>> {
        let templates: Vec<_> = templates.iter().map(|DaysOf(template)| *template).collect();
        let totals = meal_plans::day_totals(&*self.0.read().await?, &templates).await?;
        totals.owners.into_iter().for_each(|owner| self.0.note_read(owner, AccessType::FoodList));
        Ok(totals.of.into_iter().map(|(template, days)| (DaysOf(template), days)).collect())
    }
}

/// Meal plan templates of one's own.
#[derive(Default)]
pub struct MealPlansMutation;

#[Object]
impl MealPlansMutation {
    /// Adds a template: some days of meals, to be put on dates with planMeals.
    async fn create_meal_plan_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The template.")] input: CreateMealPlanTemplateInput,
    ) -> Option<Result<CreateMealPlanTemplatePayload>> {
        nullable(async {
            let new = meal_plans::NewTemplate {
                id: input.id.check("id")?.map(|id| MealPlanTemplateId(id.0)),
                name: input.name,
                description: input.description,
                target_calories: input.target_calories.check("targetCalories")?.map(|calories| calories.0),
                days: input.days,
                items: items(ctx, input.items.unwrap_or_default())?,
            };
            let tx = scope(ctx).write().await?;
            let template = meal_plans::create(&tx, new).await?;
            tx.commit().await?;
            Ok(CreateMealPlanTemplatePayload { template: MealPlanTemplate(template) })
        })
        .await
    }

    /// Changes a template. What was planned by it stays.
    async fn update_meal_plan_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateMealPlanTemplateInput,
    ) -> Option<Result<UpdateMealPlanTemplatePayload>> {
        nullable(async {
            let id = MealPlanTemplateId(input.id.check("id")?.0);
            let change = meal_plans::TemplateChange {
                name: input.name,
                description: input.description.into(),
                target_calories: input.target_calories.check("targetCalories")?.map(|calories| calories.map(|calories| calories.0)),
                days: input.days,
                is_active: input.is_active,
                items: input.items.map(|inputs| items(ctx, inputs)).transpose()?,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let template = meal_plans::update(&tx, id, change).await?;
            tx.commit().await?;
            Ok(UpdateMealPlanTemplatePayload { template: MealPlanTemplate(template) })
        })
        .await
    }

    /// Deletes a template. What was planned by it stays.
    async fn delete_meal_plan_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which template.")] input: DeleteInput,
    ) -> Option<Result<DeleteMealPlanTemplatePayload>> {
        nullable(async {
            let id = MealPlanTemplateId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let deleted = meal_plans::delete(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteMealPlanTemplatePayload { deleted_id: Uuid(deleted.0) })
        })
        .await
    }
}
