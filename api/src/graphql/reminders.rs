//! Reminders of one's own turns, by mail.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject, dataloader::Loader};
use entity::id::{HouseholdId, RoutineId};
use service::{reminders, routines};

use super::{
    error::{Error, Result},
    routines::Routine,
    scalars::{DateTime, Unchecked, Uuid},
    scope::{Rows, nullable, scope},
};

/// That the viewer is reminded of their own turns in a routine, by mail to their address. Nobody else sees it.
#[derive(Clone, SimpleObject)]
pub struct RoutineReminder {
    /// How many minutes before a turn begins: at its time, and where the routine has none, when its day starts.
    minutes_before: i32,
    /// When the newest mail was handed over that was; null for never.
    last_sent_at: Option<DateTime>,
    /// Why nobody took the newest mail, as the server for the address said it; null when it was taken. That mail is not tried again,
    /// the next turn's is.
    problem: Option<String>,
}

/// The routines of a household of which the viewer is reminded: a routine's key is its household and its id.
impl Loader<(HouseholdId, RoutineId)> for Rows {
    type Value = RoutineReminder;
    type Error = Error;

    async fn load(&self, keys: &[(HouseholdId, RoutineId)]) -> Result<HashMap<(HouseholdId, RoutineId), RoutineReminder>> {
        let households: Vec<_> = keys.iter().map(|(household, _)| *household).collect();
        let rows = reminders::list(&*self.0.read().await?, &households).await?;
        let reminder = |row: reminders::Reminder| {
            let last_sent_at = row.last_sent_at.map(DateTime);
            ((row.household_id, row.routine_id), RoutineReminder { minutes_before: row.minutes_before, last_sent_at, problem: row.problem })
        };
        Ok(rows.into_iter().map(reminder).collect())
    }
}

/// How the viewer is reminded of their own turns in a routine.
#[derive(InputObject)]
pub struct SetRoutineReminderInput {
    /// The routine's household.
    household_id: Unchecked<Uuid>,
    /// The routine.
    routine_id: Unchecked<Uuid>,
    /// How many minutes before a turn begins, 0 to 10080, which is a week. A turn without a time begins when the routine's day starts: 300
    /// before midnight is 19:00 of the evening before.
    minutes_before: i32,
}

/// Of which routine's turns the viewer is not reminded any more.
#[derive(InputObject)]
pub struct RemoveRoutineReminderInput {
    /// The routine's household.
    household_id: Unchecked<Uuid>,
    /// The routine.
    routine_id: Unchecked<Uuid>,
}

/// The routine of whose turns the viewer is reminded.
#[derive(SimpleObject)]
pub struct SetRoutineReminderPayload {
    /// The routine, with `reminder`.
    routine: Option<Routine>,
}

/// The routine of whose turns the viewer is not reminded any more.
#[derive(SimpleObject)]
pub struct RemoveRoutineReminderPayload {
    /// The routine.
    routine: Option<Routine>,
}

/// Reminders of one's own turns.
#[derive(Default)]
pub struct RemindersMutation;

#[Object]
impl RemindersMutation {
    /// Reminds the viewer of their own turns in a routine, by one mail for each turn that is theirs when it is due. Off until this is
    /// called; needs a verified address, and a server that sends mail (else UNAVAILABLE).
    async fn set_routine_reminder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How to remind of what.")] input: SetRoutineReminderInput,
    ) -> Option<Result<SetRoutineReminderPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let routine = RoutineId(input.routine_id.check("routineId")?.0);
            scope(ctx).viewer()?;
            scope(ctx).outside().mailer()?;
            let tx = scope(ctx).write().await?;
            reminders::set(&tx, household, routine, input.minutes_before).await?;
            let routine = routines::find(&tx, household, routine).await?;
            tx.commit().await?;
            Ok(SetRoutineReminderPayload { routine: routine.map(Routine) })
        })
        .await
    }

    /// Reminds the viewer of no turns in a routine any more.
    async fn remove_routine_reminder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which routine.")] input: RemoveRoutineReminderInput,
    ) -> Option<Result<RemoveRoutineReminderPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let routine = RoutineId(input.routine_id.check("routineId")?.0);
            let tx = scope(ctx).write().await?;
            reminders::remove(&tx, household, routine).await?;
            let routine = routines::find(&tx, household, routine).await?;
            tx.commit().await?;
            Ok(RemoveRoutineReminderPayload { routine: routine.map(Routine) })
        })
        .await
    }
}
