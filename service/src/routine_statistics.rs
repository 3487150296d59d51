//! Statistics of a routine: who did how much in which month, and how far everybody is ahead of their share or behind.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, Months, NaiveDate};
use entity::{id::HouseholdMemberId, routines};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{
    access::Tx,
    assignments::{of_routine, seen, takers},
    day,
    error::Result,
    households,
    rota::{self, EFFORT, Standing},
    routines::calendar,
};

/// What a member has done and owes.
#[derive(Clone, Debug)]
pub struct MonthCount {
    /// The first day of the month.
    pub month: NaiveDate,
    /// Who; `None` for helpers who are no members.
    pub member: Option<HouseholdMemberId>,
    /// The name, for those who are no members.
    pub name: String,
    /// Turns of days that have been, skipped ones not among them.
    pub turns: i64,
    /// Their effort.
    pub effort: i64,
    /// Of the turns, those that somebody said were done.
    pub done: i64,
}

/// How far members are ahead of their share, or behind, at the start of a day.
pub struct Balances {
    /// The day.
    pub date: NaiveDate,
    /// One each, in the members' order.
    pub standings: Vec<Standing>,
}

#[derive(FromQueryResult)]
struct CountRow {
    month: NaiveDate,
    member: Option<HouseholdMemberId>,
    name: String,
    turns: i64,
    effort: i64,
    done: i64,
}

/// The first days of the last `months` months, this one last.
pub fn months(today: NaiveDate, months: u32) -> Vec<NaiveDate> {
    let this = today - Days::new(u64::from(today.day0()));
    (0..months).rev().map(|back| this - Months::new(back)).collect()
}

/// Who did how much in each of these months, up to today. Whoever really did a turn has it; skipped ones are nobody's.
pub async fn counts(tx: &Tx, routine: &routines::Model, months: &[NaiveDate]) -> Result<Vec<MonthCount>> {
    let (Some(first), today) = (months.first(), calendar(routine)?.today(tx.now())) else { return Ok(Vec::new()) };
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT date_trunc('month', a.date::timestamp)::date AS month, m.id AS member, coalesce(m.name, a.name) AS name, count(*) AS turns,
           sum(a.effort)::bigint AS effort, count(*) FILTER (WHERE a.status = 'done') AS done
         FROM assignments a LEFT JOIN household_members m ON m.household_id = a.household_id AND m.id = coalesce(a.done_by, a.member_id)
         WHERE a.household_id = $1 AND a.routine_id = $2 AND a.date BETWEEN $3 AND $4 AND a.status <> 'skipped'
         GROUP BY 1, 2, 3 ORDER BY 1, 3, 2",
        [routine.household_id.0.into(), routine.id.0.into(), (*first).into(), today.into()],
    );
    let rows = CountRow::find_by_statement(statement).all(tx).await?;
    Ok(rows
        .into_iter()
        .map(|row| MonthCount {
            month: row.month,
            member: row.member,
            name: row.name,
            turns: row.turns,
            effort: row.effort,
            done: row.done,
        })
        .collect())
}

/// How far everybody was ahead of their share or behind, at the start of each of these days.
pub async fn balances(tx: &Tx, routine: &routines::Model, days: &[NaiveDate]) -> Result<Vec<Balances>> {
    let here = (routine.household_id, routine.id);
    let stored: BTreeMap<_, _> = of_routine(here.0, here.1).all(tx).await?.into_iter().map(|row| (row.date, row)).collect();
    let members: BTreeMap<_, _> = households::members(tx, here.0, true).await?.into_iter().map(|row| (row.id, row)).collect();
    let last = days.iter().max().copied().unwrap_or(day::LAST);
    let takers = takers(tx, routine, &members, &stored, last).await?;
    let assignments: Vec<_> = stored.values().map(|row| seen(row, &members)).collect();
    Ok(days.iter().map(|date| Balances { date: *date, standings: rota::standings(&takers, &assignments, *date) }).collect())
}

/// Units of the ledger as an amount of effort, with at most three decimals.
pub fn effort(units: i64) -> Decimal {
    (Decimal::from(units) / Decimal::from(EFFORT)).round_dp(3).normalize()
}
