//! Cook once, eat in portions.

use std::collections::HashMap;

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject, dataloader::Loader};
use entity::{
    cooked_batches as rows, cooked_portions as portion_rows,
    family_access::AccessType,
    id::{CookedBatchId, CookedPortionId, MealId, UserId},
};
use service::cooked_batches::{self, Portioned, Serving};

use super::{
    error::{Error, Result},
    food_diary::FoodGroup,
    foods::DeleteInput,
    meals::{MealIngredientInput, ingredients},
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{Rows, loaders, nullable, scope},
};

/// What the viewer cooked once, to be eaten in portions. It keeps what is in it, whatever becomes of the recipe.
#[derive(Clone)]
pub struct CookedBatch(pub rows::Model);

/// What the viewer cooked once, to be eaten in portions. It keeps what is in it, whatever becomes of the recipe.
#[Object]
impl CookedBatch {
    /// Identifies the batch.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was cooked.
    async fn cooked_at(&self) -> DateTime {
        DateTime(self.0.cooked_at)
    }

    /// In what `total`, `leftOver` and the portions are told: by weight, if that is known.
    async fn measure(&self) -> BatchMeasure {
        if self.0.measure == "g" { BatchMeasure::Grams } else { BatchMeasure::Servings }
    }

    /// How much was cooked.
    async fn total(&self) -> Decimal {
        Decimal(self.0.total)
    }

    /// How many servings it gives.
    async fn servings(&self) -> Option<Decimal> {
        self.0.servings.map(Decimal)
    }

    /// How much of it nobody has eaten yet.
    async fn left_over(&self) -> Decimal {
        Decimal(self.0.total - self.0.portioned)
    }

    /// Who ate how much of it, in the order in which it was given out.
    async fn portions(&self, ctx: &Context<'_>) -> Option<Result<Vec<CookedPortion>>> {
        nullable(async {
            let portions = loaders(ctx).load_one(self.0.id).await?.unwrap_or_default();
            Ok(portions.into_iter().map(CookedPortion).collect())
        })
        .await
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// In what a batch is measured.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum BatchMeasure {
    /// By its cooked weight in g.
    Grams,
    /// By servings, for nobody weighed it.
    Servings,
}

/// A portion of what was cooked.
pub struct CookedPortion(portion_rows::Model);

/// A portion of what was cooked.
#[Object]
impl CookedPortion {
    /// Identifies the portion.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Who ate it; null when that account is gone.
    async fn person(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let eater = self.0.eater_id?;
        nullable(Person::known_as(ctx, eater)).await
    }

    /// How much, in the measure of the batch.
    async fn amount(&self) -> Decimal {
        Decimal(self.0.amount)
    }

    /// When it was given out.
    async fn portioned_at(&self) -> DateTime {
        DateTime(self.0.portioned_at)
    }
}

/// A portion for somebody.
#[derive(InputObject)]
pub struct PortionForInput {
    /// Made by the client, so that a repeated request gives out nothing twice; by the server when absent. What is logged for it has the same
    /// id in the diary of whoever eats it. Each portion of a request has one, or none has.
    id: Option<Unchecked<Uuid>>,
    /// Who eats it: the viewer, or someone who gave the viewer CALORIE with `canWrite`. It goes into that person's diary.
    person_id: Unchecked<Uuid>,
    /// How much; all that is left when absent.
    quantity: Option<Unchecked<Decimal>>,
    /// serving, batch (as 0.25 of it) or a unit of mass; serving when absent.
    unit: Option<String>,
}

/// When portions are eaten, and as what.
#[derive(InputObject)]
pub struct ServingInput {
    /// breakfast, lunch, dinner, snack or one of one's own.
    meal_type: String,
    /// When; now when absent.
    consumed_at: Option<Unchecked<DateTime>>,
    /// On which day, in place of `consumedAt`: now when that is today, else at the usual time of the meal type.
    date: Option<Unchecked<Date>>,
    /// Where; the zone of whoever eats when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// A meal that was cooked.
#[derive(InputObject)]
pub struct CookMealInput {
    /// Made by the client, so that a repeated request cooks nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Which meal.
    meal_id: Unchecked<Uuid>,
    /// Whose meal; the viewer's when absent.
    meal_person_id: Option<Unchecked<Uuid>>,
    /// How often the recipe: 2 is twice as much of everything. Not with `ingredients`.
    times: Option<Unchecked<Decimal>>,
    /// What really went in, in place of the recipe's ingredients.
    ingredients: Option<Vec<MealIngredientInput>>,
    /// What all of it weighs, in g; what the recipe says when absent.
    cooked_weight: Option<Unchecked<Decimal>>,
    /// How many servings it gives; what the recipe says when absent.
    servings: Option<Unchecked<Decimal>>,
    /// Who eats of it at once; at most 20.
    portions: Option<Vec<PortionForInput>>,
    /// When they eat, and as what; needed with `portions`.
    serving: Option<ServingInput>,
}

/// More portions of what was cooked.
#[derive(InputObject)]
pub struct PortionCookedBatchInput {
    /// Which batch of the viewer's.
    id: Unchecked<Uuid>,
    /// Who eats how much; at most 20.
    portions: Vec<PortionForInput>,
    /// When they eat, and as what.
    serving: ServingInput,
    /// Refuse with CONFLICT when the batch is at another version.
    expected_version: Option<i32>,
}

/// What was cooked, and what went into the diaries.
#[derive(SimpleObject)]
pub struct CookMealPayload {
    /// The batch.
    batch: CookedBatch,
    /// What was logged, in the order of the portions; when the request is repeated, what of that is in the diaries still.
    groups: Vec<FoodGroup>,
}

/// What is left, and what went into the diaries.
#[derive(SimpleObject)]
pub struct PortionCookedBatchPayload {
    /// The batch.
    batch: CookedBatch,
    /// What was logged, in the order of the portions; when the request is repeated, what of that is in the diaries still.
    groups: Vec<FoodGroup>,
}

/// The batch that was forgotten.
#[derive(SimpleObject)]
pub struct DeleteCookedBatchPayload {
    /// Its id.
    deleted_id: Uuid,
}

fn portions(inputs: Vec<PortionForInput>) -> Result<Vec<cooked_batches::NewPortion>> {
    let portion = |(place, input): (usize, PortionForInput)| {
        let field = |name: &str| format!("portions[{place}].{name}");
        let quantity = input.quantity.check(&field("quantity"))?.map(|quantity| quantity.0);
        let unit = input.unit.unwrap_or_else(|| "serving".to_owned());
        let person = UserId(input.person_id.check(&field("personId"))?.0);
        let id = input.id.check(&field("id"))?.map(|id| CookedPortionId(id.0));
        Ok(cooked_batches::NewPortion { id, person, amount: quantity.map(|quantity| (quantity, unit)) })
    };
    inputs.into_iter().enumerate().map(portion).collect()
}

fn serving(input: ServingInput) -> Result<Serving> {
    Ok(Serving {
        meal_type: input.meal_type,
        consumed_at: input.consumed_at.check("serving.consumedAt")?.map(|at| at.0),
        date: input.date.check("serving.date")?.map(|date| date.0),
        time_zone: input.time_zone.check("serving.timeZone")?.map(|zone| zone.0),
    })
}

fn groups(ctx: &Context<'_>, given: Vec<Portioned>) -> Vec<FoodGroup> {
    let group = |portioned: Portioned| {
        scope(ctx).note_read(portioned.group.group.user_id, AccessType::Calorie);
        FoodGroup(portioned.group)
    };
    given.into_iter().map(group).collect()
}

impl Loader<CookedBatchId> for Rows {
    type Value = Vec<portion_rows::Model>;
    type Error = Error;

    async fn load(&self, batches: &[CookedBatchId]) -> Result<HashMap<CookedBatchId, Vec<portion_rows::Model>>> {
        let mut portions: HashMap<_, Vec<_>> = HashMap::new();
        for portion in cooked_batches::portions_of(&*self.0.read().await?, batches).await? {
            portions.entry(portion.batch_id).or_default().push(portion);
        }
        Ok(portions)
    }
}

/// Cooking.
#[derive(Default)]
pub struct CookedBatchesMutation;

#[Object]
impl CookedBatchesMutation {
    /// Cooks a meal and gives out portions of it: each goes into the diary of whoever eats it, and together they are what was cooked, to
    /// the last digit. If one of them does not let the viewer write there, nothing happens. What is left can be given out later.
    async fn cook_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was cooked.")] input: CookMealInput,
    ) -> Option<Result<CookMealPayload>> {
        nullable(async {
            let owner = match input.meal_person_id.check("mealPersonId")? {
                Some(id) => UserId(id.0),
                None => scope(ctx).viewer()?.user_id(),
            };
            let portions = portions(input.portions.unwrap_or_default())?;
            let serving = match input.serving {
                Some(input) => serving(input)?,
                None if portions.is_empty() => Serving { meal_type: String::new(), consumed_at: None, date: None, time_zone: None },
                None => return Err(Error::invalid("serving", "say as which meal the portions are eaten")),
            };
            let new = cooked_batches::NewBatch {
                id: input.id.check("id")?.map(|id| CookedBatchId(id.0)),
                meal: (owner, MealId(input.meal_id.check("mealId")?.0)),
                times: input.times.check("times")?.map(|times| times.0),
                ingredients: input.ingredients.map(ingredients).transpose()?,
                cooked_weight: input.cooked_weight.check("cookedWeight")?.map(|weight| weight.0),
                servings: input.servings.check("servings")?.map(|servings| servings.0),
                portions,
                serving,
            };
            let tx = scope(ctx).write().await?;
            let (batch, given) = cooked_batches::cook(&tx, new).await?;
            let groups = groups(ctx, given);
            tx.commit().await?;
            Ok(CookMealPayload { batch: CookedBatch(batch), groups })
        })
        .await
    }

    /// Gives out more portions of what was cooked, never more than is left.
    async fn portion_cooked_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who eats how much.")] input: PortionCookedBatchInput,
    ) -> Option<Result<PortionCookedBatchPayload>> {
        nullable(async {
            let id = CookedBatchId(input.id.check("id")?.0);
            let (portions, serving) = (portions(input.portions)?, serving(input.serving)?);
            let tx = scope(ctx).write().await?;
            let (batch, given) = cooked_batches::portion(&tx, id, portions, &serving, input.expected_version).await?;
            let groups = groups(ctx, given);
            tx.commit().await?;
            Ok(PortionCookedBatchPayload { batch: CookedBatch(batch), groups })
        })
        .await
    }

    /// Forgets a batch and what is left of it. What was eaten of it stays in the diaries.
    async fn delete_cooked_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which batch.")] input: DeleteInput,
    ) -> Option<Result<DeleteCookedBatchPayload>> {
        nullable(async {
            let id = CookedBatchId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let deleted = cooked_batches::delete(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteCookedBatchPayload { deleted_id: Uuid(deleted.0) })
        })
        .await
    }
}
