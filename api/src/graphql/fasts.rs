//! Fasting: the timer, and its history.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{
    family_access::AccessType,
    fasts as rows,
    id::{FastId, UserId},
};
use service::{
    access::Tx,
    day,
    fasts::{self, FastChange, NewFast, Statistics},
};

use super::{
    error::Result,
    foods::DeleteInput,
    person::Person,
    scalars::{CheckOption, CheckPatch, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A fast, which may still run.
#[derive(Clone)]
pub struct Fast(pub rows::Model);

/// A fast, which may still run.
#[Object]
impl Fast {
    /// Identifies it among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// When it ended; null while it runs.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }

    /// How long it is to be.
    async fn planned_minutes(&self) -> Option<i32> {
        self.0.planned_minutes
    }

    /// When it is as long as planned; null without a plan.
    async fn planned_end_at(&self) -> Option<DateTime> {
        fasts::planned_end(&self.0).map(DateTime)
    }

    /// How long it was, with at most 3 decimals; null while it runs.
    async fn minutes(&self) -> Option<Decimal> {
        fasts::minutes(&self.0).map(Decimal)
    }

    /// Whether it was as long as planned; null while it runs, and without a plan.
    async fn reached(&self) -> Option<bool> {
        Some(fasts::planned_end(&self.0)? <= self.0.ended_at?)
    }

    /// The zone it ended in, else the one it began in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.time_zone)?))
    }

    /// The person's day on which it ended, fixed when that was written; null while it runs.
    async fn date(&self) -> Option<Date> {
        self.0.ended_on.map(Date)
    }

    /// What the person wrote beside it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
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

/// What somebody's fasts come to. One that runs does not count yet.
pub struct FastingStatistics(Statistics);

/// What somebody's fasts come to. One that runs does not count yet.
#[Object]
impl FastingStatistics {
    /// How many ended in these days.
    async fn count(&self) -> i32 {
        whole(self.0.count)
    }

    /// How many of them were as long as planned, or had no plan.
    async fn reached_count(&self) -> i32 {
        whole(self.0.reached)
    }

    /// Minutes in all.
    async fn total_minutes(&self) -> Decimal {
        Decimal(self.0.total_minutes)
    }

    /// Minutes of one, on average; null without one.
    async fn average_minutes(&self) -> Option<Decimal> {
        self.0.average_minutes.map(Decimal)
    }

    /// Minutes of the longest; null without one.
    async fn longest_minutes(&self) -> Option<Decimal> {
        self.0.longest_minutes.map(Decimal)
    }

    /// On how many of the person's days in a row, up to today or yesterday, a fast ended that was as long as planned, whatever days were
    /// asked for.
    async fn current_streak_days(&self) -> i32 {
        whole(self.0.current_streak)
    }

    /// The most such days in a row that there ever were.
    async fn longest_streak_days(&self) -> i32 {
        whole(self.0.longest_streak)
    }
}

fn whole(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl FastingStatistics {
    /// Of the fasts that ended from `from` to `to`.
    pub async fn of(tx: &Tx, person: UserId, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Self> {
        Ok(Self(fasts::statistics(tx, person, from, to).await?))
    }
}

/// A fast that runs from now on.
#[derive(InputObject)]
pub struct StartFastInput {
    /// Made by the client, so that a repeated request starts nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When it began; now when absent.
    started_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// How long it is to be, 1 to 43200: 960 for 16 hours.
    planned_minutes: Option<i32>,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// A fast that is over.
#[derive(InputObject)]
pub struct LogFastInput {
    /// Made by the client, so that a repeated request adds nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When it began.
    started_at: Unchecked<DateTime>,
    /// When it ended, at most 60 days later.
    ended_at: Unchecked<DateTime>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// How long it was to be, 1 to 43200.
    planned_minutes: Option<i32>,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// The end of a fast.
#[derive(InputObject)]
pub struct EndFastInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When; now when absent.
    ended_at: Option<Unchecked<DateTime>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What is to change of a fast. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateFastInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When it began.
    started_at: Option<Unchecked<DateTime>>,
    /// When it ended; null lets it run again.
    ended_at: MaybeUndefined<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// How long it was to be, 1 to 43200.
    planned_minutes: MaybeUndefined<i32>,
    /// Anything to remember, at most 1000 characters.
    note: MaybeUndefined<String>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What was started.
#[derive(SimpleObject)]
pub struct StartFastPayload {
    /// The fast, which runs.
    fast: Fast,
}

/// What was added, and the statistics to draw.
#[derive(SimpleObject)]
pub struct LogFastPayload {
    /// The fast.
    fast: Fast,
    /// Of all fasts.
    statistics: FastingStatistics,
}

/// What has ended, and the statistics to draw.
#[derive(SimpleObject)]
pub struct EndFastPayload {
    /// The fast.
    fast: Fast,
    /// Of all fasts.
    statistics: FastingStatistics,
}

/// The fast after the change, and the statistics to draw.
#[derive(SimpleObject)]
pub struct UpdateFastPayload {
    /// The fast.
    fast: Fast,
    /// Of all fasts.
    statistics: FastingStatistics,
}

/// What is gone, and the statistics to draw.
#[derive(SimpleObject)]
pub struct DeleteFastPayload {
    /// The id of the fast.
    deleted_id: Uuid,
    /// Of all fasts.
    statistics: FastingStatistics,
}

/// Fasting.
#[derive(Default)]
pub struct FastsMutation;

#[Object]
impl FastsMutation {
    /// Starts a fast. At most one runs: CONFLICT tells which does.
    async fn start_fast(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fast.")] input: StartFastInput,
    ) -> Option<Result<StartFastPayload>> {
        nullable(async {
            let new = NewFast {
                id: input.id.check("id")?.map(|id| FastId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                started_at: input.started_at.check("startedAt")?.map(|at| at.0),
                ended_at: None,
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                planned_minutes: input.planned_minutes,
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let fast = fasts::log(&tx, new).await?;
            scope(ctx).note_read(fast.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(StartFastPayload { fast: Fast(fast) })
        })
        .await
    }

    /// Adds a fast that is over. Fasts of one person never overlap.
    async fn log_fast(&self, ctx: &Context<'_>, #[graphql(desc = "The fast.")] input: LogFastInput) -> Option<Result<LogFastPayload>> {
        nullable(async {
            let new = NewFast {
                id: input.id.check("id")?.map(|id| FastId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                started_at: Some(input.started_at.check("startedAt")?.0),
                ended_at: Some(input.ended_at.check("endedAt")?.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                planned_minutes: input.planned_minutes,
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let fast = fasts::log(&tx, new).await?;
            let statistics = FastingStatistics::of(&tx, fast.user_id, None, None).await?;
            scope(ctx).note_read(fast.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(LogFastPayload { fast: Fast(fast), statistics })
        })
        .await
    }

    /// Ends a fast that runs.
    async fn end_fast(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and when.")] input: EndFastInput,
    ) -> Option<Result<EndFastPayload>> {
        nullable(async {
            let id = FastId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let ended_at = input.ended_at.check("endedAt")?.map(|at| at.0);
            let tx = scope(ctx).write().await?;
            let fast = fasts::end(&tx, person, id, ended_at, input.expected_version).await?;
            let statistics = FastingStatistics::of(&tx, fast.user_id, None, None).await?;
            scope(ctx).note_read(fast.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(EndFastPayload { fast: Fast(fast), statistics })
        })
        .await
    }

    /// Changes a fast.
    async fn update_fast(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateFastInput,
    ) -> Option<Result<UpdateFastPayload>> {
        nullable(async {
            let id = FastId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = FastChange {
                started_at: input.started_at.check("startedAt")?.map(|at| at.0),
                ended_at: input.ended_at.check("endedAt")?.map(|at| at.map(|at| at.0)),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                planned_minutes: input.planned_minutes.into(),
                note: input.note.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let fast = fasts::update(&tx, person, id, change).await?;
            let statistics = FastingStatistics::of(&tx, fast.user_id, None, None).await?;
            scope(ctx).note_read(fast.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(UpdateFastPayload { fast: Fast(fast), statistics })
        })
        .await
    }

    /// Takes a fast away, whether it runs or is over.
    async fn delete_fast(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteFastPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let person = fasts::delete(&tx, person, FastId(id.0), input.expected_version).await?;
            let statistics = FastingStatistics::of(&tx, person, None, None).await?;
            scope(ctx).note_read(person, AccessType::Checkin);
            tx.commit().await?;
            Ok(DeleteFastPayload { deleted_id: id, statistics })
        })
        .await
    }
}
