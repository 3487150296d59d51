//! The food diary: days, their entries, and logging.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject, Subscription};
use chrono::NaiveDate;
use entity::{
    family_access::AccessType,
    food_diary as rows,
    id::{FoodEntryId, FoodId, UserId},
};
use futures_util::{Stream, StreamExt};
use service::{
    access::Tx,
    day::{self, Calendar},
    family_access, food_diary,
    nutrition::Totals,
    nutrition_targets::NutritionTargets,
};
use tokio::sync::OnceCell;

use super::{
    changes::follow_person,
    error::Result,
    foods::{DeleteInput, Food, Nutrition, NutritionTotals},
    nutrition_targets::{NutrientTarget, NutritionTarget},
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
};

/// What a person ate on a day.
pub struct FoodDay {
    date: NaiveDate,
    entries: Vec<rows::Model>,
    targets: Arc<Targets>,
}

/// The targets of a range of days, read when the first of its days is asked for its own.
struct Targets {
    person: UserId,
    from: NaiveDate,
    to: NaiveDate,
    in_force: OnceCell<NutritionTargets>,
}

impl FoodDay {
    /// The days from `from` to `to`, read by one statement.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        let (from, to) = day::range(from, to, 400)?;
        let mut entries = food_diary::between(tx, person, from, to).await?.into_iter().peekable();
        let targets = Arc::new(Targets { person, from, to, in_force: OnceCell::new() });
        let day = |date| {
            let mut of_day = Vec::new();
            while let Some(entry) = entries.next_if(|entry| entry.consumed_on == date) {
                of_day.push(entry);
            }
            Self { date, entries: of_day, targets: targets.clone() }
        };
        Ok(from.iter_days().take_while(|date| *date <= to).map(day).collect())
    }

    /// One day.
    pub async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let mut days = Self::between(tx, person, date, date).await?;
        Ok(days.swap_remove(0))
    }

    /// What the range that this day is of is judged by.
    async fn in_force(&self, ctx: &Context<'_>) -> Result<&NutritionTargets> {
        let Targets { person, from, to, in_force } = &*self.targets;
        let read = || async { Ok(NutritionTargets::between(&*scope(ctx).read().await?, *person, *from, *to).await?) };
        in_force.get_or_try_init(read).await
    }
}

/// What a person ate on a day.
#[Object]
impl FoodDay {
    /// The day, as the person's zone and start of day cut it.
    async fn date(&self) -> Date {
        Date(self.date)
    }

    /// What was eaten, in that order.
    async fn entries(&self) -> Vec<FoodEntry> {
        self.entries.iter().cloned().map(FoodEntry).collect()
    }

    /// The sums of the entries.
    async fn totals(&self) -> NutritionTotals {
        Totals::of(&self.entries).into()
    }

    /// What the day's energy and macronutrients are judged by, as one number each; null when by nothing. `targets` says more.
    async fn goal(&self, ctx: &Context<'_>) -> Option<Result<NutritionTarget>> {
        self.in_force(ctx).await.map(|targets| targets.on(self.date).map(NutritionTarget::from)).transpose()
    }

    /// What the day is judged by, nutrient by nutrient, what was eaten of it and what is left: energy, the macronutrients, then others by
    /// their codes. Of what is in force the more particular holds: what was set for the date, then for training days, weekdays, every
    /// day, and daily goals beside those for every day; of these what begins last.
    async fn targets(&self, ctx: &Context<'_>) -> Result<Vec<NutrientTarget>> {
        let targets = self.in_force(ctx).await?.of_day(self.date).into_iter();
        Ok(targets.map(|target| NutrientTarget::judging(target, &self.entries)).collect())
    }
}

/// Something eaten, as it was when it was logged.
pub struct FoodEntry(rows::Model);

/// Something eaten, as it was when it was logged.
#[Object]
impl FoodEntry {
    /// Identifies the entry in this person's diary.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The food as it is today; null when it was deleted or is not shared any more.
    async fn food(&self, ctx: &Context<'_>) -> Option<Result<Food>> {
        let food = self.0.food_item_id?;
        loaders(ctx).load_one(food).await.map(|food| food.map(Food)).transpose()
    }

    /// The food's name when it was logged.
    async fn name(&self) -> &str {
        &self.0.food_name
    }

    /// The food's brand when it was logged.
    async fn brand(&self) -> Option<&str> {
        self.0.food_brand.as_deref()
    }

    /// How much, as typed.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.quantity)
    }

    /// A unit code, serving, or the name of a portion of the food.
    async fn unit(&self) -> &str {
        &self.0.unit
    }

    /// breakfast, lunch, dinner, snack or one of the person's own.
    async fn meal_type(&self) -> &str {
        &self.0.meal_type
    }

    /// When it was eaten.
    async fn consumed_at(&self) -> DateTime {
        DateTime(self.0.consumed_at)
    }

    /// The zone it was eaten in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.time_zone)?))
    }

    /// The day it counts for, fixed when it was logged.
    async fn date(&self) -> Date {
        Date(self.0.consumed_on)
    }

    /// What the amount eaten contains, as it was when it was logged. Kept with 6 decimals.
    async fn nutrition(&self) -> Nutrition {
        Nutrition((&self.0).into())
    }

    /// Who logged it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.created_by.filter(|writer| *writer != self.0.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Something eaten.
#[derive(InputObject)]
pub struct LogFoodInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What was eaten.
    food_id: Unchecked<Uuid>,
    /// How much: 0.001 to 100000 with at most 3 decimals.
    quantity: Unchecked<Decimal>,
    /// A unit code (g, oz, ml, cup, …), serving, or the name of a portion of the food, upper or lower case. A portion wins over a
    /// volume unit of the same name.
    unit: String,
    /// breakfast, lunch, dinner, snack or one of the person's own, at most 20 characters.
    meal_type: String,
    /// When; now when absent.
    consumed_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// What is to change of an entry. Absent keeps.
#[derive(InputObject)]
pub struct UpdateFoodEntryInput {
    /// Which entry.
    id: Unchecked<Uuid>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// How much. What it contains follows, by the nutrition it was logged with.
    quantity: Option<Unchecked<Decimal>>,
    /// A unit code, serving, or a portion of the food.
    unit: Option<String>,
    /// Which meal.
    meal_type: Option<String>,
    /// When; the day follows.
    consumed_at: Option<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Refuse with CONFLICT when the entry is at another version.
    expected_version: Option<i32>,
}

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogFoodPayload {
    /// The entry.
    entry: FoodEntry,
    /// The day it is on.
    day: FoodDay,
}

/// The entry after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateFoodEntryPayload {
    /// The entry.
    entry: FoodEntry,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<FoodDay>,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DeleteFoodEntryPayload {
    /// The id of the entry.
    deleted_id: Uuid,
    /// The day it was on.
    day: FoodDay,
}

/// Logging food.
#[derive(Default)]
pub struct FoodDiaryMutation;

#[Object]
impl FoodDiaryMutation {
    /// Logs something eaten, and keeps what it contains today: later changes of the food do not change the day.
    async fn log_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was eaten.")] input: LogFoodInput,
    ) -> Option<Result<LogFoodPayload>> {
        nullable(async {
            let new = food_diary::NewFoodEntry {
                id: input.id.check("id")?.map(|id| FoodEntryId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                food: FoodId(input.food_id.check("foodId")?.0),
                quantity: input.quantity.check("quantity")?.0,
                unit: input.unit,
                meal_type: input.meal_type,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
            };
            let tx = scope(ctx).write().await?;
            let entry = food_diary::log(&tx, new).await?;
            let day = FoodDay::on(&tx, entry.user_id, entry.consumed_on).await?;
            scope(ctx).note_read(entry.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(LogFoodPayload { entry: FoodEntry(entry), day })
        })
        .await
    }

    /// Changes an entry.
    async fn update_food_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateFoodEntryInput,
    ) -> Option<Result<UpdateFoodEntryPayload>> {
        nullable(async {
            let id = FoodEntryId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = food_diary::FoodEntryChange {
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.0),
                unit: input.unit,
                meal_type: input.meal_type,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (entry, before) = food_diary::update(&tx, person, id, change).await?;
            let mut days = Vec::new();
            if before != entry.consumed_on {
                days.push(FoodDay::on(&tx, entry.user_id, before).await?);
            }
            days.push(FoodDay::on(&tx, entry.user_id, entry.consumed_on).await?);
            scope(ctx).note_read(entry.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateFoodEntryPayload { entry: FoodEntry(entry), days })
        })
        .await
    }

    /// Takes an entry out of the diary.
    async fn delete_food_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entry.")] input: DeleteInput,
    ) -> Option<Result<DeleteFoodEntryPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, date) = food_diary::delete(&tx, person, FoodEntryId(id.0), input.expected_version).await?;
            let day = FoodDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteFoodEntryPayload { deleted_id: id, day })
        })
        .await
    }
}

/// Following the food diary.
#[derive(Default)]
pub struct FoodDiarySubscription;

#[Subscription]
impl FoodDiarySubscription {
    /// The day each time that an entry of it or what it is judged by changed. Changes in quick succession may come as one. Nothing is
    /// sent at first, so subscribe, then ask for the day. Needs CALORIE: when it is not shared with the viewer any more, a last event
    /// has the error NOT_FOUND, and the stream completes.
    async fn food_day_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose day; the viewer's when absent.")] person_id: Option<Unchecked<Uuid>>,
        #[graphql(desc = "The day; whichever is today in the person's zone when absent.")] date: Option<Unchecked<Date>>,
    ) -> Result<impl Stream<Item = Result<FoodDay>>> {
        let person = person_id.check("personId")?.map(|id| UserId(id.0));
        let date = date.check("date")?.map(|date| date.0);
        let followed = follow_person(scope(ctx), person, async move |tx, person, _| {
            if !family_access::types_of(&tx, person).await?.contains(&AccessType::Calorie) {
                return Ok(None);
            }
            let date = match date {
                Some(date) => date,
                None => Calendar::of(&tx, person).await?.today(tx.now()),
            };
            let day = FoodDay::on(&tx, person, date).await?;
            let targets = NutritionTargets::between(&tx, person, date, date).await?.of_day(date);
            Ok(Some(((date, day.entries.clone(), targets), (person, day))))
        });
        let scope = scope(ctx).clone();
        Ok(followed.await?.map(move |followed| {
            let (person, day) = followed?;
            scope.note_read(person, AccessType::Calorie);
            Ok(day)
        }))
    }
}
