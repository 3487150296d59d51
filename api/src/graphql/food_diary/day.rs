//! A day of the food diary: its entries, meals, sums, and what it is judged by.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Context, Enum, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{completed_days, food_diary as rows, id::UserId};
use service::{
    access::Tx,
    day, food_diary,
    nutrition::{self, Totals},
    nutrition_targets::NutritionTargets,
};
use tokio::sync::OnceCell;

use super::{FoodEntry, FoodGroup};
use crate::graphql::{
    error::{Error, Result},
    foods::NutritionTotals,
    meal_types::MealType,
    nutrients,
    nutrition_targets::{NutrientTarget, NutritionTarget},
    scalars::{Date, DateTime, Decimal},
    scope::{boxed, loaders, nullable, scope},
};

/// What a person ate on a day.
pub struct FoodDay {
    date: NaiveDate,
    /// What was eaten and what is planned.
    pub(super) entries: Vec<rows::Model>,
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
            targets.map_err(Error::from)
        };
        self.targets.get_or_try_init(read).await
    }

    async fn completed(&self, ctx: &Context<'_>) -> Result<&[completed_days::Model]> {
        let read = async || {
            let days = service::completed_days::between(&*scope(ctx).read().await?, self.person, self.from, self.to).await;
            days.map_err(Error::from)
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
    pub(super) async fn each(tx: &Tx, person: UserId, dates: impl IntoIterator<Item = NaiveDate>) -> Result<Vec<Self>> {
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

    /// How much of any nutrient was eaten, such as CAFFN for caffeine or ALC for alcohol, and how much of that is known. A code that the
    /// catalogue of nutrients does not have is one that no entry states.
    async fn nutrient(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its code: an INFOODS tag name such as CAFFN, ALC or CA, or one that somebody defined, such as X_CREATINE.")]
        code: String,
    ) -> Result<NutrientTotal> {
        boxed(NutrientTotal::of(ctx, code, food_diary::eaten(&self.entries))).await
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
    /// The sum of what entries state, in the nutrient's unit; null when no entry states any.
    amount: Option<Decimal>,
    /// How many entries state how much of it they contain.
    known_entries: i32,
    /// How many do not: while there are some, the amount is a lower bound.
    unknown_entries: i32,
}

impl NutrientTotal {
    async fn of<'a>(ctx: &Context<'_>, code: String, entries: impl Iterator<Item = &'a rows::Model>) -> Result<Self> {
        let eaten: Vec<_> = entries.map(nutrition::Nutrition::from).collect();
        let keys = nutrients::keys_of(ctx, &code, eaten.iter()).await?;
        let mut total = Self { code, amount: None, known_entries: 0, unknown_entries: 0 };
        for nutrition in &eaten {
            match keys.iter().find_map(|key| nutrition.nutrient(key)) {
                Some(amount) => {
                    total.amount = Some(Decimal(total.amount.map_or(amount, |sum| sum.0 + amount)));
                    total.known_entries += 1;
                }
                None => total.unknown_entries += 1,
            }
        }
        Ok(total)
    }
}
