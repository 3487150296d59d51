//! Routines: what a household does by turns, and who takes them.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject, Subscription};
use entity::{
    id::{AssignmentId, HouseholdId, HouseholdMemberId, RoutineId},
    routine_members, routines as rows,
};
use futures_util::{Stream, StreamExt};
use service::{
    assignments,
    changes::{self, Followed},
    routines, swap_requests,
};

use super::{
    assignments::{Assignment, AssignmentChange},
    changes::follow,
    error::{Error, Result},
    households::HouseholdMember,
    reminders::RoutineReminder,
    routine_statistics::RoutineStatistics,
    scalars::{CheckOption, CheckPatch, Date, TimeZone, Unchecked, Uuid},
    scope::{boxed, loaders, nullable, scope},
    swap_requests::SwapRequest,
};

/// What a household does again and again, by turns.
pub struct Routine(pub rows::Model);

/// What a household does again and again, by turns.
#[Object]
impl Routine {
    /// Identifies the routine within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// On which days it is done.
    async fn schedule(&self) -> RoutineSchedule {
        let weekdays = self.0.weekdays.as_deref().map(|numbers| routines::weekdays(numbers).into_iter().map(Into::into).collect());
        RoutineSchedule { weekdays, rrule: self.0.rrule.clone() }
    }

    /// The first day.
    async fn starts_on(&self) -> Date {
        Date(self.0.starts_on)
    }

    /// The last day; null for no end.
    async fn ends_on(&self) -> Option<Date> {
        self.0.ends_on.map(Date)
    }

    /// When it begins on the clock of `timeZone`, such as "19:30"; null for the whole day. What comes before `dayStartsAt` is in the
    /// night after the date.
    async fn time_of_day(&self) -> Option<String> {
        self.0.time_of_day.map(|time| time.format("%H:%M").to_string())
    }

    /// How many minutes it takes; null when nobody said.
    async fn duration_minutes(&self) -> Option<i32> {
        self.0.duration_minutes
    }

    /// Where its days are those of.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(routines::calendar(&self.0)?.time_zone))
    }

    /// When its day starts, "00:00" to "12:00". What comes before counts for the day before.
    async fn day_starts_at(&self) -> String {
        self.0.day_starts_at.format("%H:%M").to_string()
    }

    /// Today, in its zone and by the start of its day.
    async fn today(&self, ctx: &Context<'_>) -> Result<Date> {
        Ok(Date(routines::calendar(&self.0)?.today(scope(ctx).database().now())))
    }

    /// The rules by which turns are given.
    async fn policy(&self) -> RoutinePolicy {
        self.0.policy.into()
    }

    /// How much work a turn is, 1 to 100.
    async fn effort(&self) -> i32 {
        self.0.effort
    }

    /// How many turns in a row one member gets at most, if somebody else can; null for no limit.
    async fn streak_limit(&self) -> Option<i32> {
        self.0.streak_limit
    }

    /// How many days ahead it is planned.
    async fn look_ahead_days(&self) -> i32 {
        self.0.look_ahead_days
    }

    /// How many days back a turn may be changed.
    async fn past_edit_days(&self) -> i32 {
        self.0.past_edit_days
    }

    /// Who takes or took turns: one item per stretch of days, in the order that decides a tie.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<RoutineMember>> {
        boxed(async {
            let rows = routines::turns(&*scope(ctx).read().await?, self.0.household_id, self.0.id).await?;
            Ok(rows.into_iter().map(RoutineMember).collect())
        })
        .await
    }

    /// The planned turns from one day to another, at most 400 days. What was never planned is missing.
    async fn plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Result<Vec<Assignment>> {
        boxed(async {
            let (from, to) = (from.check("from")?.0, to.check("to")?.0);
            let rows = assignments::between(&*scope(ctx).read().await?, &self.0, from, to).await?;
            Ok(rows.into_iter().map(Assignment).collect())
        })
        .await
    }

    /// One turn; null when there is none with this id.
    async fn assignment(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: Unchecked<Uuid>) -> Option<Result<Assignment>> {
        boxed(async {
            let id = AssignmentId(id.check("id")?.0);
            let turn = assignments::find(&*scope(ctx).read().await?, self.0.household_id, id).await?;
            Ok(turn.filter(|turn| turn.routine_id == self.0.id).map(Assignment))
        })
        .await
        .transpose()
    }

    /// How published turns of these days changed hands, the newest change first; at most 400 days.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Result<Vec<AssignmentChange>> {
        boxed(async {
            let (from, to) = (from.check("from")?.0, to.check("to")?.0);
            let rows = assignments::changes(&*scope(ctx).read().await?, &self.0, from, to).await?;
            Ok(rows.into_iter().map(AssignmentChange).collect())
        })
        .await
    }

    /// The newest 200 requests to swap a turn, newest first.
    async fn swap_requests(&self, ctx: &Context<'_>) -> Result<Vec<SwapRequest>> {
        boxed(async {
            let rows = swap_requests::list(&*scope(ctx).read().await?, &self.0).await?;
            Ok(rows.into_iter().map(SwapRequest).collect())
        })
        .await
    }

    /// How the viewer is reminded of their own turns; null when they are not.
    async fn reminder(&self, ctx: &Context<'_>) -> Option<Result<RoutineReminder>> {
        boxed(async { loaders(ctx).load_one((self.0.household_id, self.0.id)).await }).await.transpose()
    }

    /// Who did how much, month by month, and how far everybody is ahead of their share or behind.
    async fn statistics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many months, this one included: 1 to 60; 12 when absent.")] months: Option<i32>,
    ) -> Result<RoutineStatistics> {
        boxed(async { RoutineStatistics::read(&*scope(ctx).read().await?, &self.0, months.unwrap_or(12)).await }).await
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// On which days a routine is done: every day where both are null.
#[derive(SimpleObject)]
pub struct RoutineSchedule {
    /// Certain days of every week.
    weekdays: Option<Vec<Weekday>>,
    /// A recurrence rule of RFC 5545, counted from the first day.
    rrule: Option<String>,
}

/// A stretch of days in which a member takes turns.
pub struct RoutineMember(pub routine_members::Model);

/// A stretch of days in which a member takes turns.
#[Object]
impl RoutineMember {
    /// Who.
    async fn member(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        HouseholdMember::known_as(ctx, self.0.household_id, self.0.member_id).await.transpose()
    }

    /// Their part of the work, relative to the others': 1 to 100.
    async fn weight(&self) -> i32 {
        self.0.weight
    }

    /// The first day.
    async fn starts_on(&self) -> Date {
        Date(self.0.starts_on)
    }

    /// The last day; null for no end.
    async fn ends_on(&self) -> Option<Date> {
        self.0.ends_on.map(Date)
    }
}

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "chrono::Weekday")]
pub enum Weekday {
    /// Monday.
    #[graphql(name = "MONDAY")]
    Mon,
    /// Tuesday.
    #[graphql(name = "TUESDAY")]
    Tue,
    /// Wednesday.
    #[graphql(name = "WEDNESDAY")]
    Wed,
    /// Thursday.
    #[graphql(name = "THURSDAY")]
    Thu,
    /// Friday.
    #[graphql(name = "FRIDAY")]
    Fri,
    /// Saturday.
    #[graphql(name = "SATURDAY")]
    Sat,
    /// Sunday.
    #[graphql(name = "SUNDAY")]
    Sun,
}

/// The rules by which turns are given.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::RoutinePolicy")]
pub enum RoutinePolicy {
    /// Accounts of effort for any number of members: whoever takes part in a day owes a share of it, and whoever owes most is next.
    Ledger,
    /// Totals, then streaks, then the last 30 days, then alternation: for two.
    NightRoutine,
}

/// On which days a routine is done: every day when both are absent.
#[derive(InputObject)]
pub struct RoutineScheduleInput {
    /// Certain days of every week.
    weekdays: Option<Vec<Weekday>>,
    /// A recurrence rule of RFC 5545, counted from the first day, at most one turn a day: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO".
    rrule: Option<String>,
}

impl RoutineScheduleInput {
    fn read(self) -> Result<routines::Schedule> {
        match (self.weekdays, self.rrule) {
            (Some(_), Some(_)) => Err(Error::invalid("schedule", "must have either weekdays or rrule")),
            (Some(days), None) => Ok(routines::Schedule::Weekdays(days.into_iter().map(Into::into).collect())),
            (None, Some(rule)) => Ok(routines::Schedule::Rrule(rule)),
            (None, None) => Ok(routines::Schedule::EveryDay),
        }
    }
}

/// Somebody who takes turns.
#[derive(InputObject)]
pub struct RoutineMemberInput {
    /// Who.
    member_id: Unchecked<Uuid>,
    /// Their part of the work, relative to the others': 1 to 100; 1 when absent.
    weight: Option<i32>,
}

fn turns(members: Vec<RoutineMemberInput>) -> Result<Vec<routines::Turns>> {
    let turn = |(place, input): (usize, RoutineMemberInput)| {
        let member = HouseholdMemberId(input.member_id.check(&format!("members.{place}.memberId"))?.0);
        Ok(routines::Turns { member, weight: input.weight.unwrap_or(1) })
    };
    members.into_iter().enumerate().map(turn).collect()
}

/// A routine to set up.
#[derive(InputObject)]
pub struct CreateRoutineInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Made by the client, so that a repeated request makes nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What it is called, at most 100 characters.
    name: String,
    /// On which days; every day when absent.
    schedule: Option<RoutineScheduleInput>,
    /// The first day; today when absent.
    starts_on: Option<Unchecked<Date>>,
    /// The last day; no end when absent.
    ends_on: Option<Unchecked<Date>>,
    /// When it begins on the clock of `timeZone`, such as "19:30"; the whole day when absent.
    time_of_day: Option<String>,
    /// How many minutes it takes, 1 to 1440.
    duration_minutes: Option<i32>,
    /// Where its days are those of.
    time_zone: Unchecked<TimeZone>,
    /// When its day starts, "00:00" to "12:00"; midnight when absent.
    day_starts_at: Option<String>,
    /// The rules by which turns are given; LEDGER when absent.
    policy: Option<RoutinePolicy>,
    /// How much work a turn is, 1 to 100; 1 when absent.
    effort: Option<i32>,
    /// How many turns in a row one member gets at most; 2 when absent, null for no limit.
    streak_limit: MaybeUndefined<i32>,
    /// How many days ahead it is planned, 1 to 365; 30 when absent.
    look_ahead_days: Option<i32>,
    /// How many days back a turn may be changed, 0 to 30; 5 when absent.
    past_edit_days: Option<i32>,
    /// Who takes turns, in the order that decides a tie.
    members: Vec<RoutineMemberInput>,
}

/// A change of a routine. Absent keeps, null clears. Whoever has a published turn keeps it until the next plan.
#[derive(InputObject)]
pub struct UpdateRoutineInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which routine.
    id: Unchecked<Uuid>,
    /// What it is called, at most 100 characters.
    name: Option<String>,
    /// On which days.
    schedule: Option<RoutineScheduleInput>,
    /// The last day.
    ends_on: MaybeUndefined<Unchecked<Date>>,
    /// When it begins, such as "19:30".
    time_of_day: MaybeUndefined<String>,
    /// How many minutes it takes, 1 to 1440.
    duration_minutes: MaybeUndefined<i32>,
    /// Where its days are those of.
    time_zone: Option<Unchecked<TimeZone>>,
    /// When its day starts, "00:00" to "12:00".
    day_starts_at: Option<String>,
    /// The rules by which turns are given.
    policy: Option<RoutinePolicy>,
    /// How much work a turn is, 1 to 100.
    effort: Option<i32>,
    /// How many turns in a row one member gets at most.
    streak_limit: MaybeUndefined<i32>,
    /// How many days ahead it is planned, 1 to 365.
    look_ahead_days: Option<i32>,
    /// How many days back a turn may be changed, 0 to 30.
    past_edit_days: Option<i32>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// Who takes turns from today on.
#[derive(InputObject)]
pub struct SetRoutineMembersInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// In which routine.
    id: Unchecked<Uuid>,
    /// All who take turns, in the order that decides a tie.
    members: Vec<RoutineMemberInput>,
}

/// Which routine.
#[derive(InputObject)]
pub struct RoutineInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which routine.
    id: Unchecked<Uuid>,
}

/// The routine that was set up. Nothing is planned yet.
#[derive(SimpleObject)]
pub struct CreateRoutinePayload {
    /// The routine.
    routine: Routine,
}

/// The routine after the change.
#[derive(SimpleObject)]
pub struct UpdateRoutinePayload {
    /// The routine.
    routine: Routine,
}

/// The routine with those who take turns now.
#[derive(SimpleObject)]
pub struct SetRoutineMembersPayload {
    /// The routine.
    routine: Routine,
}

/// The routine that is gone.
#[derive(SimpleObject)]
pub struct DeleteRoutinePayload {
    /// Its id.
    deleted_id: Uuid,
}

/// Setting up routines.
#[derive(Default)]
pub struct RoutinesMutation;

#[Object]
impl RoutinesMutation {
    /// Sets up a routine. For administrators.
    async fn create_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The routine.")] input: CreateRoutineInput,
    ) -> Option<Result<CreateRoutinePayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let new = routines::NewRoutine {
                id: input.id.check("id")?.map(|id| RoutineId(id.0)),
                name: input.name,
                schedule: input.schedule.map_or(Ok(routines::Schedule::EveryDay), RoutineScheduleInput::read)?,
                starts_on: input.starts_on.check("startsOn")?.map(|date| date.0),
                ends_on: input.ends_on.check("endsOn")?.map(|date| date.0),
                time_of_day: input.time_of_day,
                duration_minutes: input.duration_minutes,
                time_zone: input.time_zone.check("timeZone")?.0,
                day_starts_at: input.day_starts_at,
                policy: input.policy.unwrap_or(RoutinePolicy::Ledger).into(),
                effort: input.effort,
                streak_limit: match input.streak_limit {
                    MaybeUndefined::Undefined => Some(2),
                    MaybeUndefined::Null => None,
                    MaybeUndefined::Value(limit) => Some(limit),
                },
                look_ahead_days: input.look_ahead_days,
                past_edit_days: input.past_edit_days,
                members: turns(input.members)?,
            };
            let tx = scope(ctx).write().await?;
            let routine = routines::create(&tx, household, new).await?;
            tx.commit().await?;
            Ok(CreateRoutinePayload { routine: Routine(routine) })
        })
        .await
    }

    /// Changes a routine. Whoever has a published turn keeps it until the next plan, which then names this as the cause; when turns to
    /// come begin and end changes at once. For administrators.
    async fn update_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateRoutineInput,
    ) -> Option<Result<UpdateRoutinePayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = RoutineId(input.id.check("id")?.0);
            let change = routines::RoutineChange {
                name: input.name,
                schedule: input.schedule.map(RoutineScheduleInput::read).transpose()?,
                ends_on: input.ends_on.check("endsOn")?.map(|date| date.map(|date| date.0)),
                time_of_day: input.time_of_day.into(),
                duration_minutes: input.duration_minutes.into(),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                day_starts_at: input.day_starts_at,
                policy: input.policy.map(Into::into),
                effort: input.effort,
                streak_limit: input.streak_limit.into(),
                look_ahead_days: input.look_ahead_days,
                past_edit_days: input.past_edit_days,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let routine = routines::update(&tx, household, id, change).await?;
            tx.commit().await?;
            Ok(UpdateRoutinePayload { routine: Routine(routine) })
        })
        .await
    }

    /// Sets who takes turns from today on. What was owed until then stays owed. For administrators.
    async fn set_routine_members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who takes turns.")] input: SetRoutineMembersInput,
    ) -> Option<Result<SetRoutineMembersPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = RoutineId(input.id.check("id")?.0);
            let members = turns(input.members)?;
            let tx = scope(ctx).write().await?;
            let routine = routines::set_members(&tx, household, id, &members).await?;
            tx.commit().await?;
            Ok(SetRoutineMembersPayload { routine: Routine(routine) })
        })
        .await
    }

    /// Deletes a routine with its plan and everything that was done. For administrators.
    async fn delete_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which routine.")] input: RoutineInput,
    ) -> Option<Result<DeleteRoutinePayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            routines::delete(&tx, household, RoutineId(id.0)).await?;
            tx.commit().await?;
            Ok(DeleteRoutinePayload { deleted_id: id })
        })
        .await
    }
}

/// Following routines.
#[derive(Default)]
pub struct RoutinesSubscription;

#[Subscription]
impl RoutinesSubscription {
    /// A routine each time that it or what belongs to it changed: who takes turns and when they cannot, the plan, what became of a turn, a
    /// request to swap, or the members of the household. Changes in quick succession may come as one. Nothing is sent at first, so
    /// subscribe, then ask what there is. When the routine is deleted or the viewer does not belong to the household any more, a
    /// last event has the error NOT_FOUND, and the stream completes.
    async fn routine_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The routine's household.")] household_id: Unchecked<Uuid>,
        #[graphql(desc = "Which routine.")] id: Unchecked<Uuid>,
    ) -> Result<impl Stream<Item = Result<Routine>>> {
        let (household, id) = (HouseholdId(household_id.check("householdId")?.0), RoutineId(id.check("id")?.0));
        scope(ctx).viewer()?;
        let followed = follow(scope(ctx), Followed::Household(household), async move |tx, _| {
            let Some(found) = routines::find(&tx, household, id).await? else { return Ok(None) };
            Ok(Some((changes::count_in_household(&tx, household, Some(id)).await?, found)))
        });
        Ok(followed.await?.map(|routine| routine.map(Routine)))
    }
}
