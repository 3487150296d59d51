//! Copying what was logged, and taking deletions back.

use async_graphql::{Context, InputObject, Object, OneofObject, SimpleObject};
use entity::{
    family_access::AccessType,
    id::{FoodEntryId, FoodGroupId, UserId},
};
use service::food_diary;

use super::{FoodDay, FoodEntry, FoodEntryStatus, FoodGroup, with_day};
use crate::graphql::{
    error::Result,
    scalars::{CheckOption, Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What is copied: one of these.
#[derive(OneofObject)]
pub enum CopySource {
    /// These entries, as entries of their own.
    EntryIds(Vec<Unchecked<Uuid>>),
    /// A logged meal with its parts.
    GroupId(Unchecked<Uuid>),
    /// What was logged on a day.
    Day(CopyDayInput),
}

/// A day, or a meal of it.
#[derive(InputObject)]
pub struct CopyDayInput {
    /// The day.
    date: Unchecked<Date>,
    /// Only this meal; the whole day when absent.
    meal_type: Option<String>,
}

/// What is copied where.
#[derive(InputObject)]
pub struct CopyFoodEntriesInput {
    /// Made by the client, so that a repeated request copies nothing twice.
    id: Option<Unchecked<Uuid>>,
    /// From whose diary; the viewer's when absent.
    from_person_id: Option<Unchecked<Uuid>>,
    /// What; at most 500 entries.
    source: CopySource,
    /// Into whose diary: somebody who shares CALORIE with the viewer to write; the viewer's when absent.
    to_person_id: Option<Unchecked<Uuid>>,
    /// To which day.
    to_date: Unchecked<Date>,
    /// To which meal, at its usual time; the same one at the same time on the wall when absent.
    to_meal_type: Option<String>,
    /// Whether it was eaten there. When absent, what is planned stays planned, and what is copied to a day to come is planned.
    status: Option<FoodEntryStatus>,
}

/// What was copied, and the day to draw.
#[derive(SimpleObject)]
pub struct CopyFoodEntriesPayload {
    /// The copies, in the order of their sources.
    entries: Vec<FoodEntry>,
    /// The day they are on.
    day: FoodDay,
}

/// What to bring back.
#[derive(InputObject)]
pub struct RestoreInput {
    /// Which one.
    pub id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    pub person_id: Option<Unchecked<Uuid>>,
}

/// What is back, and the day to draw.
#[derive(SimpleObject)]
pub struct RestoreFoodEntryPayload {
    /// The entry.
    entry: FoodEntry,
    /// The day it is on.
    day: FoodDay,
}

/// What is back, and the days to draw.
#[derive(SimpleObject)]
pub struct RestoreFoodGroupPayload {
    /// The meal.
    group: FoodGroup,
    /// The days it and its parts are on.
    days: Vec<FoodDay>,
}

/// Copying, and taking deletions back.
#[derive(Default)]
pub struct FoodCopiesMutation;

#[Object]
impl FoodCopiesMutation {
    /// Copies entries, a logged meal, a meal or a whole day to any day and meal, and to a relative who lets the viewer write. A copy
    /// contains what its source did, whatever the food has become, and names the food where the other person sees it.
    async fn copy_food_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is copied where.")] input: CopyFoodEntriesInput,
    ) -> Option<Result<CopyFoodEntriesPayload>> {
        nullable(async {
            let source = match input.source {
                CopySource::EntryIds(ids) => {
                    let id = |id: Unchecked<Uuid>| id.check("source.entryIds").map(|id| FoodEntryId(id.0));
                    food_diary::Source::Entries(ids.into_iter().map(id).collect::<Result<_>>()?)
                }
                CopySource::GroupId(id) => food_diary::Source::Group(FoodGroupId(id.check("source.groupId")?.0)),
                CopySource::Day(day) => food_diary::Source::Day { date: day.date.check("source.day.date")?.0, meal_type: day.meal_type },
            };
            let new = food_diary::NewCopy {
                id: input.id.check("id")?.map(|id| id.0),
                from: input.from_person_id.check("fromPersonId")?.map(|id| UserId(id.0)),
                source,
                to: input.to_person_id.check("toPersonId")?.map(|id| UserId(id.0)),
                date: input.to_date.check("toDate")?.0,
                meal_type: input.to_meal_type,
                status: input.status.map(Into::into),
            };
            let date = new.date;
            let tx = scope(ctx).write().await?;
            let copied = food_diary::copy(&tx, new).await?;
            let day = FoodDay::on(&tx, copied.to, date).await?;
            scope(ctx).note_read(copied.from, AccessType::Calorie);
            scope(ctx).note_read(copied.to, AccessType::Calorie);
            tx.commit().await?;
            Ok(CopyFoodEntriesPayload { entries: copied.entries.into_iter().map(FoodEntry).collect(), day })
        })
        .await
    }

    /// Takes the deletion of an entry back. One that is there stays as it is.
    async fn restore_food_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RestoreInput,
    ) -> Option<Result<RestoreFoodEntryPayload>> {
        nullable(async {
            let id = FoodEntryId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (entry, day) = with_day(ctx, &tx, food_diary::restore(&tx, person, id).await?).await?;
            tx.commit().await?;
            Ok(RestoreFoodEntryPayload { entry, day })
        })
        .await
    }

    /// Takes the deletion of a logged meal back, with the parts that went with it. One that is there stays as it is.
    async fn restore_food_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RestoreInput,
    ) -> Option<Result<RestoreFoodGroupPayload>> {
        nullable(async {
            let id = FoodGroupId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let group = food_diary::restore_group(&tx, person, id).await?;
            let person = group.group.user_id;
            let dates = group.parts.iter().map(|part| part.consumed_on).chain([group.group.consumed_on]);
            let days = FoodDay::each(&tx, person, dates).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(RestoreFoodGroupPayload { group: FoodGroup(group), days })
        })
        .await
    }
}
