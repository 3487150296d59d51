//! The food diary: days, their entries, and logging.

mod copies;
mod corrections;
mod day;
mod groups;

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject, Subscription};
use entity::{
    family_access::AccessType,
    food_diary as rows,
    id::{FoodEntryId, FoodGroupId, FoodId, UserId},
};
use futures_util::{Stream, StreamExt};
use service::{
    access::Tx,
    completed_days,
    day::{Calendar, zone},
    family_access, food_diary,
    nutrition::Headline,
    nutrition_targets::NutritionTargets,
};

pub use copies::{FoodCopiesMutation, RestoreInput};
pub use corrections::FoodCorrectionsMutation;
pub use day::FoodDay;
pub use groups::{FoodGroup, FoodGroupsMutation};

use super::{
    changes::follow_person,
    error::Result,
    foods::{DeleteInput, Food, Nutrition, NutritionInput},
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
};

/// Whether something was eaten.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::EntryStatus")]
pub enum FoodEntryStatus {
    /// It was eaten.
    Eaten,
    /// It is planned, and counts in no sum of what was eaten.
    Planned,
}

/// Something eaten, as it was when it was logged.
pub struct FoodEntry(pub rows::Model);

/// Something eaten, as it was when it was logged.
#[Object]
impl FoodEntry {
    /// Identifies the entry in this person's diary.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The food as it is today; null when it was deleted, is not shared any more, or the entry was logged without a food.
    async fn food(&self, ctx: &Context<'_>) -> Option<Result<Food>> {
        let food = self.0.food_item_id?;
        loaders(ctx).load_one(food).await.map(|food| food.map(Food)).transpose()
    }

    /// The food's name when it was logged, or what an entry without a food is called.
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
        Ok(TimeZone(zone("timeZone", &self.0.time_zone)?))
    }

    /// The day it counts for, fixed when it was logged.
    async fn date(&self) -> Date {
        Date(self.0.consumed_on)
    }

    /// What the amount eaten contains, as it was when it was logged. Kept with 6 decimals.
    async fn nutrition(&self) -> Nutrition {
        Nutrition((&self.0).into())
    }

    /// Whether it was eaten.
    async fn status(&self) -> FoodEntryStatus {
        self.0.status.into()
    }

    /// What the person wrote beside it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Whether it was logged by what it contains, without a food: its name and nutrition can then be changed.
    async fn quick(&self) -> bool {
        self.0.quick_nutrition.is_some()
    }

    /// The meal that it is a part of.
    async fn group(&self, ctx: &Context<'_>) -> Option<Result<FoodGroup>> {
        let group: FoodGroupId = self.0.group_id?;
        loaders(ctx).load_one((self.0.user_id, group)).await.map(|group| group.map(FoodGroup)).transpose()
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
    /// On which day, in place of `consumedAt`: now when that is today, else at the usual time of the meal type.
    date: Option<Unchecked<Date>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Whether it was eaten, or is planned.
    #[graphql(default_with = "FoodEntryStatus::Eaten")]
    status: FoodEntryStatus,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// Something eaten of which energy and nutrients are known, and no food.
#[derive(InputObject)]
pub struct LogNutritionInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called, such as "Cake at Carla's".
    name: String,
    /// What one of it contains.
    nutrition: NutritionInput,
    /// How many of it: 0.001 to 100000 with at most 3 decimals; 1 when absent.
    quantity: Option<Unchecked<Decimal>>,
    /// breakfast, lunch, dinner, snack or one of the person's own, at most 20 characters.
    meal_type: String,
    /// When; now when absent.
    consumed_at: Option<Unchecked<DateTime>>,
    /// On which day, in place of `consumedAt`: now when that is today, else at the usual time of the meal type.
    date: Option<Unchecked<Date>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Whether it was eaten, or is planned.
    #[graphql(default_with = "FoodEntryStatus::Eaten")]
    status: FoodEntryStatus,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// What is to change of an entry. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateFoodEntryInput {
    /// Which entry.
    id: Unchecked<Uuid>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Another name, of an entry that was logged without a food.
    name: Option<String>,
    /// What one of it contains, of an entry that was logged without a food. Replaces all of it.
    nutrition: Option<NutritionInput>,
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
    /// Whether it was eaten.
    status: Option<FoodEntryStatus>,
    /// Anything to remember, at most 1000 characters.
    note: MaybeUndefined<String>,
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

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogNutritionPayload {
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

/// An entry that was written, with the day that its client draws again.
async fn with_day(ctx: &Context<'_>, tx: &Tx, entry: rows::Model) -> Result<(FoodEntry, FoodDay)> {
    let day = FoodDay::on(tx, entry.user_id, entry.consumed_on).await?;
    scope(ctx).note_read(entry.user_id, AccessType::Calorie);
    Ok((FoodEntry(entry), day))
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
                date: input.date.check("date")?.map(|date| date.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                status: input.status.into(),
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let (entry, day) = with_day(ctx, &tx, food_diary::log(&tx, new).await?).await?;
            tx.commit().await?;
            Ok(LogFoodPayload { entry, day })
        })
        .await
    }

    /// Logs something of which energy and nutrients are known, and no food.
    async fn log_nutrition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was eaten.")] input: LogNutritionInput,
    ) -> Option<Result<LogNutritionPayload>> {
        nullable(async {
            let new = food_diary::NewQuickEntry {
                id: input.id.check("id")?.map(|id| FoodEntryId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                name: input.name,
                nutrition: input.nutrition.try_into()?,
                quantity: input.quantity.check("quantity")?.map_or(rust_decimal::Decimal::ONE, |quantity| quantity.0),
                meal_type: input.meal_type,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                date: input.date.check("date")?.map(|date| date.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                status: input.status.into(),
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let (entry, day) = with_day(ctx, &tx, food_diary::log_nutrition(&tx, new).await?).await?;
            tx.commit().await?;
            Ok(LogNutritionPayload { entry, day })
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
                name: input.name,
                nutrition: input.nutrition.map(Headline::try_from).transpose()?,
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.0),
                unit: input.unit,
                meal_type: input.meal_type,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                status: input.status.map(Into::into),
                note: input.note.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (entry, before) = food_diary::update(&tx, person, id, change).await?;
            let days = FoodDay::each(&tx, entry.user_id, [before, entry.consumed_on]).await?;
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
    /// The day each time that an entry of it, what it is judged by or whether it is complete changed. Changes in quick succession may come as one. Nothing is
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
            let completed = completed_days::between(&tx, person, date, date).await?;
            Ok(Some(((date, day.entries.clone(), targets, completed), (person, day))))
        });
        let scope = scope(ctx).clone();
        Ok(followed.await?.map(move |followed| {
            let (person, day) = followed?;
            scope.note_read(person, AccessType::Calorie);
            Ok(day)
        }))
    }
}
