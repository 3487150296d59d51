//! Meals that were logged as one, with their parts.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, dataloader::Loader};
use entity::{
    family_access::AccessType,
    id::{FoodGroupId, FoodId, UserId},
};
use service::{
    day, food_diary,
    nutrition::{Headline, Totals},
};

use super::{FoodDay, FoodEntry, FoodEntryStatus};
use crate::graphql::{
    error::{Error, Result},
    foods::{DeleteInput, NutritionInput, NutritionTotals},
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{Rows, nullable, scope},
};

/// A meal that was logged as one. Its parts are entries, which can be changed one by one.
#[derive(Clone)]
pub struct FoodGroup(pub food_diary::FoodGroup);

/// A meal that was logged as one. Its parts are entries, which can be changed one by one.
#[Object]
impl FoodGroup {
    /// Identifies it in this person's diary.
    async fn id(&self) -> Uuid {
        Uuid(self.0.group.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.group.name
    }

    /// How much of the meal.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.group.quantity)
    }

    /// What `quantity` counts, such as serving.
    async fn unit(&self) -> &str {
        &self.0.group.unit
    }

    /// breakfast, lunch, dinner, snack or one of the person's own.
    async fn meal_type(&self) -> &str {
        &self.0.group.meal_type
    }

    /// When it was eaten.
    async fn consumed_at(&self) -> DateTime {
        DateTime(self.0.group.consumed_at)
    }

    /// The zone it was eaten in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.group.time_zone)?))
    }

    /// The day it counts for, fixed when it was logged.
    async fn date(&self) -> Date {
        Date(self.0.group.consumed_on)
    }

    /// What the person wrote beside it.
    async fn note(&self) -> Option<&str> {
        self.0.group.note.as_deref()
    }

    /// Its parts, in the order in which they were logged.
    async fn entries(&self) -> Vec<FoodEntry> {
        self.0.parts.iter().cloned().map(FoodEntry).collect()
    }

    /// The sums of its parts that were eaten.
    async fn totals(&self) -> NutritionTotals {
        Totals::of(food_diary::eaten(&self.0.parts)).into()
    }

    /// The sums of its parts that are planned.
    async fn planned(&self) -> NutritionTotals {
        Totals::of(food_diary::planned(&self.0.parts)).into()
    }

    /// Who logged it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.group.created_by.filter(|writer| *writer != self.0.group.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change. Its parts have versions of their own.
    async fn version(&self) -> i32 {
        self.0.group.version
    }
}

impl Loader<(UserId, FoodGroupId)> for Rows {
    type Value = food_diary::FoodGroup;
    type Error = Error;

    async fn load(&self, keys: &[(UserId, FoodGroupId)]) -> Result<HashMap<(UserId, FoodGroupId), food_diary::FoodGroup>> {
        let mut by_person: HashMap<UserId, Vec<FoodGroupId>> = HashMap::new();
        for (person, id) in keys {
            by_person.entry(*person).or_default().push(*id);
        }
        let tx = self.0.read().await?;
        let mut groups = HashMap::with_capacity(keys.len());
        for (person, ids) in by_person {
            let found = food_diary::groups_by_ids(&tx, person, &ids).await?;
            groups.extend(found.into_iter().map(|group| ((person, group.group.id), group)));
        }
        Ok(groups)
    }
}

/// A part of a meal: an amount of a food, or what is known of something without one.
#[derive(InputObject)]
pub struct FoodGroupPartInput {
    /// A food; leave out `name` and `nutrition` then.
    food_id: Option<Unchecked<Uuid>>,
    /// What something without a food is called.
    name: Option<String>,
    /// What one of it contains.
    nutrition: Option<NutritionInput>,
    /// How much: 0.001 to 100000 with at most 3 decimals.
    quantity: Unchecked<Decimal>,
    /// A unit code, serving, or the name of a portion of the food; serving when absent.
    unit: Option<String>,
}

impl FoodGroupPartInput {
    fn part(self, place: usize) -> Result<food_diary::NewPart> {
        let within = |field: &str| format!("parts[{place}].{field}");
        let quantity = self.quantity.check(&within("quantity"))?.0;
        let food = self.food_id.check(&within("foodId"))?.map(|id| FoodId(id.0));
        Ok(match (food, self.name, self.nutrition) {
            (Some(food), None, None) => {
                food_diary::NewPart::Food { food, quantity, unit: self.unit.unwrap_or_else(|| "serving".to_owned()) }
            }
            (None, Some(name), Some(nutrition)) if self.unit.as_deref().is_none_or(|unit| unit == "serving") => {
                food_diary::NewPart::Quick { name, nutrition: Headline::try_from(nutrition)?, quantity }
            }
            _ => {
                return Err(service::error::Error::invalid(
                    within("foodId"),
                    "a part is either a food, or name and nutrition, of which the unit is serving",
                )
                .into());
            }
        })
    }
}

/// A meal that is logged as one.
#[derive(InputObject)]
pub struct LogFoodGroupInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// How much of the meal: 0.001 to 100000 with at most 3 decimals; 1 when absent. The parts are what that much contains.
    quantity: Option<Unchecked<Decimal>>,
    /// What `quantity` counts; serving when absent.
    unit: Option<String>,
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
    /// What it consists of, 1 to 100.
    parts: Vec<FoodGroupPartInput>,
}

/// What is to change of a logged meal. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateFoodGroupInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: Option<String>,
    /// How much of the meal. Its parts are scaled by the same factor, each from what it is now.
    quantity: Option<Unchecked<Decimal>>,
    /// Which meal; its parts follow.
    meal_type: Option<String>,
    /// When; its parts and their day follow.
    consumed_at: Option<Unchecked<DateTime>>,
    /// Where; its parts and their day follow.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Whether all of its parts were eaten.
    status: Option<FoodEntryStatus>,
    /// Anything to remember, at most 1000 characters.
    note: MaybeUndefined<String>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The meal that was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogFoodGroupPayload {
    /// The meal.
    group: FoodGroup,
    /// The day it is on.
    day: FoodDay,
}

/// The meal after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateFoodGroupPayload {
    /// The meal.
    group: FoodGroup,
    /// The days its parts were on, and at last the one that it is on.
    days: Vec<FoodDay>,
}

/// What is gone, and the days to draw.
#[derive(SimpleObject)]
pub struct DeleteFoodGroupPayload {
    /// The id of the meal.
    deleted_id: Uuid,
    /// The days it and its parts were on.
    days: Vec<FoodDay>,
}

/// Logging meals as one.
#[derive(Default)]
pub struct FoodGroupsMutation;

#[Object]
impl FoodGroupsMutation {
    /// Logs a meal as one, and keeps what its parts contain today.
    async fn log_food_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was eaten.")] input: LogFoodGroupInput,
    ) -> Option<Result<LogFoodGroupPayload>> {
        nullable(async {
            let parts = input.parts.into_iter().enumerate().map(|(place, part)| part.part(place)).collect::<Result<Vec<_>>>()?;
            let new = food_diary::NewGroup {
                id: input.id.check("id")?.map(|id| FoodGroupId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                meal_id: None,
                name: input.name,
                quantity: input.quantity.check("quantity")?.map_or(rust_decimal::Decimal::ONE, |quantity| quantity.0),
                unit: input.unit.unwrap_or_else(|| "serving".to_owned()),
                meal_type: input.meal_type,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                date: input.date.check("date")?.map(|date| date.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                status: input.status.into(),
                note: input.note,
                created_from: None,
                parts,
            };
            let tx = scope(ctx).write().await?;
            let group = food_diary::log_group(&tx, new).await?;
            let day = FoodDay::on(&tx, group.group.user_id, group.group.consumed_on).await?;
            scope(ctx).note_read(group.group.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(LogFoodGroupPayload { group: FoodGroup(group), day })
        })
        .await
    }

    /// Changes a logged meal, and its parts with it.
    async fn update_food_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateFoodGroupInput,
    ) -> Option<Result<UpdateFoodGroupPayload>> {
        nullable(async {
            let id = FoodGroupId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = food_diary::GroupChange {
                name: input.name,
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.0),
                meal_type: input.meal_type,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                status: input.status.map(Into::into),
                note: input.note.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (group, before) = food_diary::update_group(&tx, person, id, change).await?;
            let person = group.group.user_id;
            let now = group.parts.iter().map(|part| part.consumed_on).chain([group.group.consumed_on]);
            let days = FoodDay::each(&tx, person, before.into_iter().chain(now)).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateFoodGroupPayload { group: FoodGroup(group), days })
        })
        .await
    }

    /// Takes a logged meal out of the diary, with its parts.
    async fn delete_food_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteFoodGroupPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, dates) = food_diary::delete_group(&tx, person, FoodGroupId(id.0), input.expected_version).await?;
            let days = FoodDay::each(&tx, person, dates).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteFoodGroupPayload { deleted_id: id, days })
        })
        .await
    }
}
