//! Marking days complete: on such a day nothing logged is nothing eaten.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{family_access::AccessType, id::UserId};
use service::completed_days;

use super::{
    error::Result,
    food_diary::FoodDay,
    scalars::{CheckOption, Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// Which day.
#[derive(InputObject)]
pub struct FoodDayInput {
    /// The day.
    date: Unchecked<Date>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
}

/// The day that is complete.
#[derive(SimpleObject)]
pub struct CompleteFoodDayPayload {
    /// The day.
    day: FoodDay,
}

/// The day on which something is still to be logged.
#[derive(SimpleObject)]
pub struct ReopenFoodDayPayload {
    /// The day.
    day: FoodDay,
}

/// Marking days complete.
#[derive(Default)]
pub struct CompletedDaysMutation;

#[Object]
impl CompletedDaysMutation {
    /// Marks a day complete: all that was eaten is logged, nothing at all on a day of fasting. Entries that are added or changed later
    /// leave the mark. Marking it again changes nothing.
    async fn complete_food_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which day.")] input: FoodDayInput,
    ) -> Option<Result<CompleteFoodDayPayload>> {
        nullable(async {
            let (date, person) = (input.date.check("date")?.0, input.person_id.check("personId")?.map(|id| UserId(id.0)));
            let tx = scope(ctx).write().await?;
            let person = completed_days::complete(&tx, person, date).await?;
            let day = FoodDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(CompleteFoodDayPayload { day })
        })
        .await
    }

    /// Takes the mark from a day: something is still to be logged.
    async fn reopen_food_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which day.")] input: FoodDayInput,
    ) -> Option<Result<ReopenFoodDayPayload>> {
        nullable(async {
            let (date, person) = (input.date.check("date")?.0, input.person_id.check("personId")?.map(|id| UserId(id.0)));
            let tx = scope(ctx).write().await?;
            let person = completed_days::reopen(&tx, person, date).await?;
            let day = FoodDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(ReopenFoodDayPayload { day })
        })
        .await
    }
}
