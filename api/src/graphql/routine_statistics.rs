//! Statistics of a routine.

use async_graphql::SimpleObject;
use chrono::NaiveDate;
use entity::routines;
use service::{access::Tx, routine_statistics};

use super::{
    error::{Error, Result},
    scalars::{Date, Decimal, Uuid},
};

/// Who did how much of a routine, and how far everybody is ahead of their share or behind.
#[derive(SimpleObject)]
pub struct RoutineStatistics {
    /// The months, the oldest first; each is there, also when nothing was done in it.
    months: Vec<RoutineMonth>,
    /// At the end of today: today's turn counts as done.
    balances: Vec<MemberBalance>,
}

/// A month of a routine, up to today.
#[derive(SimpleObject)]
pub struct RoutineMonth {
    /// Its first day.
    month: Date,
    /// Who did how much, by name. Whoever really did a turn has it; skipped turns are nobody's.
    counts: Vec<MemberCount>,
    /// How far everybody was ahead of their share or behind when it began: fairness over time.
    balances: Vec<MemberBalance>,
}

/// How much somebody did in a month.
#[derive(SimpleObject)]
pub struct MemberCount {
    /// The member; null for a helper who is none.
    member_id: Option<Uuid>,
    /// The name.
    name: String,
    /// How many turns.
    turns: i32,
    /// How much work they were.
    effort: i32,
    /// Of the turns, how many somebody said were done.
    done: i32,
}

/// How far a member is ahead of their share, or behind. All together are 0.
#[derive(SimpleObject)]
pub struct MemberBalance {
    /// Who.
    member_id: Uuid,
    /// How many turns they did in all.
    turns: i32,
    /// Effort done.
    load: Decimal,
    /// Effort owed.
    share: Decimal,
    /// `load` less `share`: positive for who is ahead, negative for who owes.
    balance: Decimal,
}

impl RoutineStatistics {
    /// The statistics of the last `months` months.
    pub async fn read(tx: &Tx, routine: &routines::Model, months: i32) -> Result<Self> {
        let months = u32::try_from(months).ok().filter(|months| (1..=60).contains(months));
        let months = months.ok_or_else(|| Error::invalid("months", "must be between 1 and 60"))?;
        let today = service::routines::calendar(routine)?.today(tx.now());
        let begins = routine_statistics::months(today, months);
        let counts = routine_statistics::counts(tx, routine, &begins).await?;
        let days: Vec<NaiveDate> = begins.iter().copied().chain(today.succ_opt()).collect();
        let mut balances = routine_statistics::balances(tx, routine, &days).await?.into_iter().map(|at| MemberBalance::told(&at));
        let month = |begin: &NaiveDate| RoutineMonth {
            month: Date(*begin),
            counts: counts.iter().filter(|count| count.month == *begin).map(MemberCount::told).collect(),
            balances: balances.next().unwrap_or_default(),
        };
        let months = begins.iter().map(month).collect();
        Ok(Self { months, balances: balances.next().unwrap_or_default() })
    }
}

impl MemberCount {
    fn told(count: &routine_statistics::MonthCount) -> Self {
        let number = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            member_id: count.member.map(|id| Uuid(id.0)),
            name: count.name.clone(),
            turns: number(count.turns),
            effort: number(count.effort),
            done: number(count.done),
        }
    }
}

impl MemberBalance {
    fn told(balances: &routine_statistics::Balances) -> Vec<Self> {
        let told = balances.standings.iter().map(|standing| Self {
            member_id: Uuid(standing.member.0),
            turns: i32::try_from(standing.days).unwrap_or(i32::MAX),
            load: Decimal(routine_statistics::effort(standing.load)),
            share: Decimal(routine_statistics::effort(standing.share)),
            balance: Decimal(routine_statistics::effort(standing.balance())),
        });
        told.collect()
    }
}
