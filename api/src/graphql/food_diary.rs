//! The food diary: days, their entries, and logging.

mod copies;
mod groups;

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject, Subscription};
use chrono::NaiveDate;
use entity::{
    completed_days,
    family_access::AccessType,
    food_diary as rows,
    id::{FoodEntryId, FoodGroupId, FoodId, UserId},
};
use futures_util::{Stream, StreamExt};
use service::{
    access::Tx,
    day::{self, Calendar},
    family_access, food_diary,
    nutrition::{self, Totals},
    nutrition_targets::NutritionTargets,
};
use tokio::sync::OnceCell;

pub use copies::FoodCopiesMutation;
pub use groups::{FoodGroup, FoodGroupsMutation};

use super::{
    changes::follow_person,
    error::Result,
    foods::{DeleteInput, Food, Nutrition, NutritionInput, NutritionTotals},
    meal_types::MealType,
    nutrition_targets::{NutrientTarget, NutritionTarget},
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
};

/// What a person ate on a day.
pub struct FoodDay {
    date: NaiveDate,
    entries: Vec<rows::Model>,
    range: Arc<Range>,
}

/// What days share that are read together: each is read when the first of them is asked for it.
struct Range {
    person: UserId,
    from: NaiveDate,
    to: NaiveDate,
    targets: OnceCell<NutritionTargets>,
    completed: OnceCell<Vec<completed_days::Model>>,
    meal_types: OnceCell<Vec<MealType>>,
}

impl Range {
    async fn targets(&self, ctx: &Context<'_>) -> Result<&NutritionTargets> {
        let read = async || {
            let targets = NutritionTargets::between(&*scope(ctx).read().await?, self.person, self.from, self.to).await;
            targets.map_err(super::error::Error::from)
        };
        self.targets.get_or_try_init(read).await
    }

    async fn completed(&self, ctx: &Context<'_>) -> Result<&[completed_days::Model]> {
        let read = async || {
            let days = service::completed_days::between(&*scope(ctx).read().await?, self.person, self.from, self.to).await;
            days.map_err(super::error::Error::from)
        };
        self.completed.get_or_try_init(read).await.map(Vec::as_slice)
    }

    async fn meal_types(&self, ctx: &Context<'_>) -> Result<&[MealType]> {
        let read = async || MealType::of(&*scope(ctx).read().await?, self.person).await;
        self.meal_types.get_or_try_init(read).await.map(Vec::as_slice)
    }
}

impl FoodDay {
    /// The days from `from` to `to`, read by one statement.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        let (from, to) = day::range(from, to, 400)?;
        let mut entries = food_diary::between(tx, person, from, to).await?.into_iter().peekable();
        let (targets, completed, meal_types) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let range = Arc::new(Range { person, from, to, targets, completed, meal_types });
        let day = |date| {
            let mut of_day = Vec::new();
            while let Some(entry) = entries.next_if(|entry| entry.consumed_on == date) {
                of_day.push(entry);
            }
            Self { date, entries: of_day, range: range.clone() }
        };
        Ok(from.iter_days().take_while(|date| *date <= to).map(day).collect())
    }

    /// One day.
    pub async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let mut days = Self::between(tx, person, date, date).await?;
        Ok(days.swap_remove(0))
    }
}

impl FoodDay {
    /// These days, each once, in the order in which they are named last.
    async fn each(tx: &Tx, person: UserId, dates: impl IntoIterator<Item = NaiveDate>) -> Result<Vec<Self>> {
        let mut wanted: Vec<NaiveDate> = Vec::new();
        for date in dates {
            wanted.retain(|known| *known != date);
            wanted.push(date);
        }
        let mut days = Vec::with_capacity(wanted.len());
        for date in wanted {
            days.push(Self::on(tx, person, date).await?);
        }
        Ok(days)
    }
}

/// What a person ate on a day.
#[Object]
impl FoodDay {
    /// The day, as the person's zone and start of day cut it.
    async fn date(&self) -> Date {
        Date(self.date)
    }

    /// What was eaten and what is planned, in that order.
    async fn entries(&self) -> Vec<FoodEntry> {
        self.entries.iter().cloned().map(FoodEntry).collect()
    }

    /// The meals that were logged as one, with their parts; those parts are among `entries` too.
    async fn groups(&self, ctx: &Context<'_>) -> Option<Result<Vec<FoodGroup>>> {
        nullable(async {
            let ids: Vec<_> = self.entries.iter().filter_map(|entry| Some((entry.user_id, entry.group_id?))).collect();
            let mut known = loaders(ctx).load_many(ids.iter().copied()).await?;
            // In the order of their first parts.
            Ok(ids.iter().filter_map(|id| known.remove(id)).map(FoodGroup).collect())
        })
        .await
    }

    /// The sums of what was eaten. What is planned does not count.
    async fn totals(&self) -> NutritionTotals {
        Totals::of(food_diary::eaten(&self.entries)).into()
    }

    /// The sums of what is planned and was not eaten.
    async fn planned(&self) -> NutritionTotals {
        Totals::of(food_diary::planned(&self.entries)).into()
    }

    /// What the day's energy and macronutrients are judged by, as one number each; null when by nothing. `targets` says more.
    async fn goal(&self, ctx: &Context<'_>) -> Option<Result<NutritionTarget>> {
        self.range.targets(ctx).await.map(|targets| targets.on(self.date).map(NutritionTarget::from)).transpose()
    }

    /// What the day is judged by, nutrient by nutrient, what was eaten of it and what is left: energy, the macronutrients, then others by
    /// their codes. Of what is in force the more particular holds: what was set for the date, then for training days, weekdays, every
    /// day, and daily goals beside those for every day; of these what begins last.
    async fn targets(&self, ctx: &Context<'_>) -> Result<Vec<NutrientTarget>> {
        let targets = self.range.targets(ctx).await?.of_day(self.date).into_iter();
        Ok(targets.map(|target| NutrientTarget::judging(target, &self.entries)).collect())
    }

    /// The day by its meals, in the order of the person's meal types: those that are offered, and those that something was logged for.
    /// Meals that the person has no type for come last.
    async fn meals(&self, ctx: &Context<'_>) -> Option<Result<Vec<FoodDayMeal>>> {
        nullable(async {
            let types = self.range.meal_types(ctx).await?;
            let mut by_code: BTreeMap<&str, Vec<rows::Model>> = BTreeMap::new();
            for entry in &self.entries {
                by_code.entry(&entry.meal_type).or_default().push(entry.clone());
            }
            let known = types.iter().filter_map(|meal| {
                let entries = by_code.remove(meal.code.as_str());
                (entries.is_some() || !meal.hidden).then(|| FoodDayMeal {
                    code: meal.code.clone(),
                    meal_type: Some(meal.clone()),
                    entries: entries.unwrap_or_default(),
                })
            });
            let mut meals: Vec<FoodDayMeal> = known.collect();
            meals.extend(by_code.into_iter().map(|(code, entries)| FoodDayMeal { code: code.to_owned(), meal_type: None, entries }));
            Ok(meals)
        })
        .await
    }

    /// How much of any nutrient was eaten, such as CAFFN for caffeine or ALC for alcohol, and how much of that is known.
    async fn nutrient(&self, #[graphql(desc = "Its code, an INFOODS tag name such as CAFFN, ALC or CA.")] code: String) -> NutrientTotal {
        NutrientTotal::of(code, food_diary::eaten(&self.entries))
    }

    /// Whether what was eaten on the day is known.
    async fn status(&self, ctx: &Context<'_>) -> Option<Result<FoodDayStatus>> {
        nullable(async {
            let complete = self.range.completed(ctx).await?.iter().any(|day| day.consumed_on == self.date);
            Ok(match (complete, food_diary::eaten(&self.entries).next().is_some()) {
                (true, true) => FoodDayStatus::Complete,
                (true, false) => FoodDayStatus::Fasted,
                (false, true) => FoodDayStatus::Open,
                (false, false) => FoodDayStatus::NotLogged,
            })
        })
        .await
    }

    /// When the day was marked complete; null while it is not.
    async fn completed_at(&self, ctx: &Context<'_>) -> Option<Result<DateTime>> {
        let completed = self.range.completed(ctx).await;
        completed.map(|days| days.iter().find(|day| day.consumed_on == self.date).map(|day| DateTime(day.completed_at))).transpose()
    }
}

/// Whether what was eaten on a day is known.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum FoodDayStatus {
    /// Nothing was logged: nobody knows what was eaten.
    NotLogged,
    /// Something was logged, and more may come.
    Open,
    /// All that was eaten is logged.
    Complete,
    /// The day is complete, and nothing was eaten.
    Fasted,
}

/// A meal of a day.
pub struct FoodDayMeal {
    code: String,
    meal_type: Option<MealType>,
    entries: Vec<rows::Model>,
}

/// A meal of a day.
#[Object]
impl FoodDayMeal {
    /// What its entries hold as their `mealType`.
    async fn code(&self) -> &str {
        &self.code
    }

    /// The person's meal type; null where the person has none of this code, or no more.
    async fn meal_type(&self) -> Option<MealType> {
        self.meal_type.clone()
    }

    /// What was eaten and what is planned, in that order.
    async fn entries(&self) -> Vec<FoodEntry> {
        self.entries.iter().cloned().map(FoodEntry).collect()
    }

    /// The sums of what was eaten.
    async fn totals(&self) -> NutritionTotals {
        Totals::of(food_diary::eaten(&self.entries)).into()
    }

    /// The sums of what is planned.
    async fn planned(&self) -> NutritionTotals {
        Totals::of(food_diary::planned(&self.entries)).into()
    }
}

/// How much of a nutrient entries contain.
#[derive(SimpleObject)]
pub struct NutrientTotal {
    /// Its code.
    code: String,
    /// The sum of what entries state, in the unit that the catalogue of nutrients gives it; null when no entry states any.
    amount: Option<Decimal>,
    /// How many entries state how much of it they contain.
    known_entries: i32,
    /// How many do not: while there are some, the amount is a lower bound.
    unknown_entries: i32,
}

impl NutrientTotal {
    fn of<'a>(code: String, entries: impl Iterator<Item = &'a rows::Model>) -> Self {
        let mut total = Self { code, amount: None, known_entries: 0, unknown_entries: 0 };
        for entry in entries {
            match nutrition::Nutrition::from(entry).nutrient(&total.code) {
                Some(amount) => {
                    total.amount = Some(Decimal(total.amount.map_or(amount, |sum| sum.0 + amount)));
                    total.known_entries += 1;
                }
                None => total.unknown_entries += 1,
            }
        }
        total
    }
}

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
                nutrition: input.nutrition.map(nutrition::Headline::try_from).transpose()?,
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
