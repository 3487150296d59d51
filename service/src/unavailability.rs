//! When members take no turns. A weekday that never suits is owed all the same; days away are not.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use entity::{
    id::{HouseholdId, HouseholdMemberId, RoutineId, UnavailabilityId},
    unavailability::{ActiveModel, Column, Entity, Model, UnavailabilityKind},
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    households, input,
    rota::{CauseKind, Span},
    routines::{self, calendar, note_cause, numbers, routines_of},
};

/// When a member takes no turns.
#[derive(Clone, Debug, Serialize)]
pub struct NewUnavailability {
    /// Made by the client, or by the server.
    pub id: Option<UnavailabilityId>,
    /// Who.
    pub member: HouseholdMemberId,
    /// Of which routine; all when absent.
    pub routine: Option<RoutineId>,
    /// Which days.
    pub when: Absence,
}

/// Days on which a member takes no turns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Absence {
    /// Never on these weekdays. A share of them is owed all the same.
    Weekly(Vec<Weekday>),
    /// Away from one day to another. Nothing of them is owed.
    Dates {
        /// The first day.
        from: NaiveDate,
        /// The last day; without an end when absent.
        until: Option<NaiveDate>,
    },
    /// Away on these weekdays of every other week. Nothing of them is owed.
    AlternatingWeeks {
        /// The weekdays.
        weekdays: Vec<Weekday>,
        /// A day of the first week away: nothing before that week counts.
        from: NaiveDate,
        /// The last day; without an end when absent.
        until: Option<NaiveDate>,
    },
}

/// When members take no turns, in the order it was said.
pub async fn list(tx: &Tx, household: HouseholdId) -> Result<Vec<Model>> {
    let rows = Entity::find().filter(Column::HouseholdId.eq(household));
    Ok(rows.order_by_asc(Expr::cust("created_at")).order_by_asc(Column::Id).all(tx).await?)
}

/// Says when a member takes no turns: everybody for themselves, an administrator for everybody.
pub async fn add(tx: &Tx, household: HouseholdId, new: NewUnavailability) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    mine_or_administered(tx, household, new.member).await?;
    households::member(tx, household, new.member, "memberId").await?;
    if let Some(routine) = new.routine {
        routines::find(tx, household, routine).await?.ok_or(Error::NoSuch { field: "routineId", what: "routine" })?;
    }
    let id = new.id.unwrap_or_else(|| UnavailabilityId(tx.new_id()));
    let (kind, days, from, until) = match new.when {
        Absence::Weekly(days) => (UnavailabilityKind::Weekly, Some(numbers(&days)?), None, None),
        Absence::Dates { from, until } => (UnavailabilityKind::Dates, None, Some(from), until),
        Absence::AlternatingWeeks { weekdays, from, until } => {
            (UnavailabilityKind::AlternatingWeeks, Some(numbers(&weekdays)?), Some(from), until)
        }
    };
    let from = from.map(|date| day::checked("from", date)).transpose()?;
    let until = until.map(|date| day::checked("until", date)).transpose()?;
    if until.is_some_and(|end| from.is_some_and(|start| end < start)) {
        return Err(Error::invalid("until", "must not be before from"));
    }
    let row = ActiveModel {
        household_id: Set(household),
        id: Set(id),
        member_id: Set(new.member),
        routine_id: Set(new.routine),
        kind: Set(kind),
        weekdays: Set(days),
        starts_on: Set(from),
        ends_on: Set(until),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let insert = Entity::insert(row).on_conflict_do_nothing_on([Column::HouseholdId, Column::Id]);
    match input::created(tx, insert).await? {
        Some(row) => {
            note_absence(tx, &row).await?;
            Ok(row)
        }
        None => {
            let existing = Entity::find_by_id((household, id)).one(tx).await?;
            input::repeated(existing, |row| row.created_from.as_ref() == Some(&created_from))
        }
    }
}

/// Takes back that a member cannot. Days away that have been stay: nothing is owed for them.
pub async fn remove(tx: &Tx, household: HouseholdId, id: UnavailabilityId) -> Result<()> {
    let found = Entity::find_by_id((household, id)).one(tx).await?.ok_or(Error::NotFound("unavailability"))?;
    mine_or_administered(tx, household, found.member_id).await?;
    note_absence(tx, &found).await?;
    let mut today = None;
    for routine in routines_of(tx, household, found.routine_id, found.member_id).await? {
        today = today.max(Some(calendar(&routine)?.today(tx.now())));
    }
    let yesterday = today.unwrap_or_else(|| tx.now().date_naive()).pred_opt().unwrap_or(day::FIRST);
    if found.starts_on.is_some_and(|start| start <= yesterday) {
        if found.ends_on.is_none_or(|end| end > yesterday) {
            let row =
                ActiveModel { household_id: Unchanged(household), id: Unchanged(id), ends_on: Set(Some(yesterday)), ..Default::default() };
            Entity::update(row).exec(tx).await?;
        }
    } else {
        Entity::delete_by_id((household, id)).exec(tx).await?;
    }
    Ok(())
}

async fn mine_or_administered(tx: &Tx, household: HouseholdId, member: HouseholdMemberId) -> Result<()> {
    if households::membership(tx, household).await?.id == member { Ok(()) } else { households::administered(tx, household).await }
}

async fn note_absence(tx: &Tx, row: &Model) -> Result<()> {
    let kind = if row.kind == UnavailabilityKind::Weekly { CauseKind::Availability } else { CauseKind::Absence };
    for routine in routines_of(tx, row.household_id, row.routine_id, row.member_id).await? {
        let today = calendar(&routine)?.today(tx.now());
        let span = Span { from: row.starts_on.map_or(today, |start| start.max(today)), until: row.ends_on };
        if span.until.is_none_or(|end| end >= span.from) {
            note_cause(tx, row.household_id, &[routine.id], kind, span).await?;
        }
    }
    Ok(())
}

/// The dates from the first one on, until the rota's last, on which somebody is away every other week.
pub(crate) fn alternating(first: NaiveDate, until: NaiveDate, days: &[Weekday]) -> Vec<Span> {
    let monday = first - Days::new(first.weekday().num_days_from_monday().into());
    let away = monday
        .iter_days()
        .take_while(|date| *date <= until)
        .filter(|date| (*date - monday).num_days() / 7 % 2 == 0 && days.contains(&date.weekday()));
    let mut spans: Vec<Span> = Vec::new();
    for date in away {
        match spans.last_mut() {
            Some(span) if span.until == date.pred_opt() => span.until = Some(date),
            _ => spans.push(Span { from: date, until: Some(date) }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn every_other_week_away_is_every_other_week() {
        let spans = alternating(day("2026-03-04"), day("2026-03-31"), &[Weekday::Mon, Weekday::Tue, Weekday::Fri]);
        let spans: Vec<_> = spans.iter().map(|span| format!("{} {}", span.from, span.until.expect("an end"))).collect();
        assert_eq!(
            spans,
            ["2026-03-02 2026-03-03", "2026-03-06 2026-03-06", "2026-03-16 2026-03-17", "2026-03-20 2026-03-20", "2026-03-30 2026-03-31"]
        );
    }
}
