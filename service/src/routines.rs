//! Routines: what a household does again and again, on which days, and who takes turns in it. What is changed
//! here changes no published turn: it notes a cause, and the next plan says what it would do ([`crate::assignments`]).

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use entity::{
    household_members::MemberKind,
    id::{HouseholdId, HouseholdMemberId, PlanCauseId, RoutineId, RoutineMemberId},
    plan_causes, routine_members,
    routines::{ActiveModel, Column, Entity, Model, Recurrence, RoutinePolicy},
};
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    assignments,
    day::{self, Calendar},
    error::{Error, Result},
    households, input,
    rota::{CauseKind, MOST_EFFORT, MOST_MEMBERS, MOST_SLOTS, MOST_WEIGHT, Span},
};

/// On which days a routine is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Schedule {
    /// Every day.
    EveryDay,
    /// These days of every week.
    Weekdays(Vec<Weekday>),
    /// A recurrence rule of RFC 5545, counted from the first day, at most one turn a day: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO".
    Rrule(String),
}

/// A routine as it is set up.
#[derive(Clone, Debug, Serialize)]
pub struct NewRoutine {
    /// Made by the client, or by the server.
    pub id: Option<RoutineId>,
    /// What it is called.
    pub name: String,
    /// On which days.
    pub schedule: Schedule,
    /// The first day; today when absent.
    pub starts_on: Option<NaiveDate>,
    /// The last day.
    pub ends_on: Option<NaiveDate>,
    /// When, "HH:MM" on the clock of `time_zone`; the whole day when absent.
    pub time_of_day: Option<String>,
    /// How long it takes.
    pub duration_minutes: Option<i32>,
    /// Where the days are those of.
    pub time_zone: Tz,
    /// When the day starts, "HH:MM"; midnight when absent.
    pub day_starts_at: Option<String>,
    /// Who is next.
    pub policy: RoutinePolicy,
    /// How much work a turn is; 1 when absent.
    pub effort: Option<i32>,
    /// Turns in a row at most; `None` for no limit.
    pub streak_limit: Option<i32>,
    /// How far ahead it is planned; 30 days when absent.
    pub look_ahead_days: Option<i32>,
    /// How many days back a turn may be changed; 5 when absent.
    pub past_edit_days: Option<i32>,
    /// Who takes turns, in the order that decides a tie.
    pub members: Vec<Turns>,
}

/// What is to change of a routine; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct RoutineChange {
    /// What it is called.
    pub name: Option<String>,
    /// On which days.
    pub schedule: Option<Schedule>,
    /// The last day.
    pub ends_on: Option<Option<NaiveDate>>,
    /// When.
    pub time_of_day: Option<Option<String>>,
    /// How long it takes.
    pub duration_minutes: Option<Option<i32>>,
    /// Where the days are those of.
    pub time_zone: Option<Tz>,
    /// When the day starts.
    pub day_starts_at: Option<String>,
    /// Who is next.
    pub policy: Option<RoutinePolicy>,
    /// How much work a turn is, from the next plan on.
    pub effort: Option<i32>,
    /// Turns in a row at most.
    pub streak_limit: Option<Option<i32>>,
    /// How far ahead it is planned.
    pub look_ahead_days: Option<i32>,
    /// How many days back a turn may be changed.
    pub past_edit_days: Option<i32>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// Somebody who takes turns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Turns {
    /// Who.
    pub member: HouseholdMemberId,
    /// Their part of the work, relative to the others': 1 to 100.
    pub weight: i32,
}

/// The routines of a household, by name.
pub async fn list(tx: &Tx, household: HouseholdId) -> Result<Vec<Model>> {
    let rows = Entity::find().filter(Column::HouseholdId.eq(household));
    Ok(rows.order_by_asc(Column::Name).order_by_asc(Column::Id).all(tx).await?)
}

/// A routine.
pub async fn find(tx: &Tx, household: HouseholdId, id: RoutineId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((household, id)).one(tx).await?)
}

/// A routine that nobody else changes or plans until this transaction ends. For administrators.
pub(crate) async fn locked(tx: &Tx, household: HouseholdId, id: RoutineId) -> Result<Model> {
    households::administered(tx, household).await?;
    Entity::find_by_id((household, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("routine"))
}

/// How the days of a routine are cut: its own zone decides what today is, not the server's nor the viewer's.
pub fn calendar(routine: &Model) -> Result<Calendar> {
    Ok(Calendar { time_zone: day::zone("timeZone", &routine.time_zone)?, day_starts_at: routine.day_starts_at })
}

/// Sets up a routine and who takes turns in it.
pub async fn create(tx: &Tx, household: HouseholdId, new: NewRoutine) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    households::administered(tx, household).await?;
    let id = new.id.unwrap_or_else(|| RoutineId(tx.new_id()));
    let day_starts_at = new.day_starts_at.as_deref().map_or(Ok(NaiveTime::MIN), day_start)?;
    let today = Calendar { time_zone: new.time_zone, day_starts_at }.today(tx.now());
    let starts_on = new.starts_on.map_or(Ok(today), |date| day::checked("startsOn", date))?;
    let (recurrence, weekdays, rrule) = schedule(new.schedule, starts_on)?;
    let row = ActiveModel {
        household_id: Set(household),
        id: Set(id),
        name: Set(input::line("name", &new.name, 100)?),
        recurrence: Set(recurrence),
        weekdays: Set(weekdays),
        rrule: Set(rrule),
        starts_on: Set(starts_on),
        ends_on: Set(new.ends_on.map(|date| last_day(date, starts_on)).transpose()?),
        time_of_day: Set(new.time_of_day.as_deref().map(|text| input::time("timeOfDay", text)).transpose()?),
        duration_minutes: Set(duration(new.duration_minutes, new.time_of_day.is_some())?),
        time_zone: Set(new.time_zone.name().to_owned()),
        day_starts_at: Set(day_starts_at),
        policy: Set(new.policy),
        effort: Set(within("effort", new.effort.unwrap_or(1), MOST_EFFORT)?),
        streak_limit: Set(new.streak_limit.map(|limit| input::integer("streakLimit", limit, 1..=365)).transpose()?),
        look_ahead_days: Set(input::integer("lookAheadDays", new.look_ahead_days.unwrap_or(30), 1..=365)?),
        past_edit_days: Set(input::integer("pastEditDays", new.past_edit_days.unwrap_or(5), 0..=30)?),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let insert = Entity::insert(row).on_conflict_do_nothing_on([Column::HouseholdId, Column::Id]);
    let Some(routine) = input::created(tx, insert).await? else {
        return input::repeated(find(tx, household, id).await?, |row| row.created_from.as_ref() == Some(&created_from));
    };
    take_turns(tx, &routine, &new.members, starts_on).await?;
    Ok(routine)
}

/// Changes a routine. Whoever has a published turn keeps it until the next plan, which names this as its cause; when it begins and ends
/// changes at once.
pub async fn update(tx: &Tx, household: HouseholdId, id: RoutineId, change: RoutineChange) -> Result<Model> {
    let old = locked(tx, household, id).await?;
    input::expect_version(change.expected_version, old.version, || scalars(&old))?;
    let mut row = ActiveModel { household_id: Unchanged(household), id: Unchanged(id), ..Default::default() };
    if let Some(name) = change.name {
        row.name = Set(input::line("name", &name, 100)?);
    }
    if let Some(new) = change.schedule {
        let (recurrence, weekdays, rrule) = schedule(new, old.starts_on)?;
        (row.recurrence, row.weekdays, row.rrule) = (Set(recurrence), Set(weekdays), Set(rrule));
    }
    if let Some(date) = change.ends_on {
        row.ends_on = Set(date.map(|date| last_day(date, old.starts_on)).transpose()?);
    }
    let timed = change.time_of_day.as_ref().map_or(old.time_of_day.is_some(), Option::is_some);
    if let Some(text) = change.time_of_day {
        row.time_of_day = Set(text.as_deref().map(|text| input::time("timeOfDay", text)).transpose()?);
    }
    row.duration_minutes = match change.duration_minutes {
        Some(minutes) => Set(duration(minutes, timed)?),
        // A routine of the whole day has no duration.
        None if !timed && old.duration_minutes.is_some() => Set(None),
        None => sea_orm::ActiveValue::NotSet,
    };
    if let Some(zone) = change.time_zone {
        row.time_zone = Set(zone.name().to_owned());
    }
    if let Some(text) = change.day_starts_at {
        row.day_starts_at = Set(day_start(&text)?);
    }
    if let Some(policy) = change.policy {
        row.policy = Set(policy);
    }
    if let Some(effort) = change.effort {
        row.effort = Set(within("effort", effort, MOST_EFFORT)?);
    }
    if let Some(limit) = change.streak_limit {
        row.streak_limit = Set(limit.map(|limit| input::integer("streakLimit", limit, 1..=365)).transpose()?);
    }
    if let Some(days) = change.look_ahead_days {
        row.look_ahead_days = Set(input::integer("lookAheadDays", days, 1..=365)?);
    }
    if let Some(days) = change.past_edit_days {
        row.past_edit_days = Set(input::integer("pastEditDays", days, 0..=30)?);
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok(old);
    }
    let new = Entity::update(row).exec(tx).await?;
    let today = calendar(&new)?.today(tx.now());
    if new.policy != old.policy {
        let current: Vec<_> =
            turns(tx, household, id).await?.into_iter().filter(|row| row.ends_on.is_none_or(|end| end >= today)).collect();
        at_most_two(new.policy, current.len())?;
    }
    let decides = |routine: &Model| {
        let days = (routine.recurrence, routine.weekdays.clone(), routine.rrule.clone(), routine.ends_on);
        (days, routine.policy, routine.effort, routine.streak_limit)
    };
    let when = |routine: &Model| (routine.time_of_day, routine.duration_minutes, routine.time_zone.clone(), routine.day_starts_at);
    if when(&new) != when(&old) {
        assignments::keep_times(tx, &new).await?;
    }
    if decides(&new) != decides(&old) {
        note_cause(tx, household, &[id], CauseKind::Settings, Span { from: today, until: None }).await?;
    }
    Ok(new)
}

/// Deletes a routine with its plan and everything that was done.
pub async fn delete(tx: &Tx, household: HouseholdId, id: RoutineId) -> Result<()> {
    let routine = locked(tx, household, id).await?;
    Entity::delete_by_id((household, routine.id)).exec(tx).await?;
    Ok(())
}

/// Who takes or took turns in a routine: one row per stretch of days, in the order that decides a tie.
pub async fn turns(tx: &Tx, household: HouseholdId, id: RoutineId) -> Result<Vec<routine_members::Model>> {
    Ok(routine_members::Entity::find()
        .filter(routine_members::Column::HouseholdId.eq(household))
        .filter(routine_members::Column::RoutineId.eq(id))
        .order_by_asc(routine_members::Column::Rank)
        .order_by_asc(routine_members::Column::StartsOn)
        .order_by_asc(routine_members::Column::Id)
        .all(tx)
        .await?)
}

/// Sets who takes turns from today on. What was owed until then stays owed.
pub async fn set_members(tx: &Tx, household: HouseholdId, id: RoutineId, members: &[Turns]) -> Result<Model> {
    let routine = locked(tx, household, id).await?;
    let today = calendar(&routine)?.today(tx.now());
    take_turns(tx, &routine, members, today.max(routine.starts_on)).await?;
    note_cause(tx, household, &[id], CauseKind::Membership, Span { from: today, until: None }).await?;
    Ok(routine)
}

async fn take_turns(tx: &Tx, routine: &Model, members: &[Turns], from: NaiveDate) -> Result<()> {
    let here = (routine.household_id, routine.id);
    if members.is_empty() || members.len() > MOST_MEMBERS {
        return Err(Error::invalid("members", format!("must name 1 to {MOST_MEMBERS} members")));
    }
    at_most_two(routine.policy, members.len())?;
    let known: BTreeMap<_, _> = households::members(tx, here.0, false).await?.into_iter().map(|row| (row.id, row)).collect();
    for (place, turn) in members.iter().enumerate() {
        within(&format!("members.{place}.weight"), turn.weight, MOST_WEIGHT)?;
        let member = known.get(&turn.member).ok_or(Error::NoSuch { field: "members", what: "member" })?;
        if member.kind == MemberKind::Helper {
            return Err(Error::invalid(format!("members.{place}.memberId"), "a helper has no turns: make them an adult or a child"));
        }
        if members[..place].iter().any(|other| other.member == turn.member) {
            return Err(Error::invalid(format!("members.{place}.memberId"), "must not be named twice"));
        }
    }
    let current: Vec<_> = turns(tx, here.0, here.1).await?.into_iter().filter(|row| row.ends_on.is_none_or(|end| end >= from)).collect();
    let goes_on = |row: &&routine_members::Model| {
        row.ends_on.is_none() && members.iter().any(|turn| turn.member == row.member_id && turn.weight == row.weight)
    };
    let of = |ids: Vec<RoutineMemberId>| {
        Condition::all().add(routine_members::Column::HouseholdId.eq(here.0)).add(routine_members::Column::Id.is_in(ids))
    };
    let (ending, not_begun): (Vec<_>, Vec<_>) = current.iter().filter(|row| !goes_on(row)).partition(|row| row.starts_on < from);
    routine_members::Entity::update_many()
        .col_expr(routine_members::Column::EndsOn, Expr::value(from.pred_opt()))
        .filter(of(ending.iter().map(|row| row.id).collect()))
        .exec(tx)
        .await?;
    routine_members::Entity::delete_many().filter(of(not_begun.iter().map(|row| row.id).collect())).exec(tx).await?;
    let begins = members.iter().enumerate().filter(|(_, turn)| !current.iter().filter(goes_on).any(|row| row.member_id == turn.member));
    let rows: Vec<_> = begins
        .map(|(place, turn)| routine_members::ActiveModel {
            household_id: Set(here.0),
            id: Set(RoutineMemberId(tx.new_id())),
            routine_id: Set(here.1),
            member_id: Set(turn.member),
            rank: Set(i32::try_from(place).unwrap_or_default()),
            weight: Set(turn.weight),
            starts_on: Set(from),
            ..Default::default()
        })
        .collect();
    if !rows.is_empty() {
        routine_members::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    for (place, turn) in members.iter().enumerate() {
        let place = i32::try_from(place).unwrap_or_default();
        routine_members::Entity::update_many()
            .col_expr(routine_members::Column::Rank, Expr::value(place))
            .filter(routine_members::Column::HouseholdId.eq(here.0))
            .filter(routine_members::Column::RoutineId.eq(here.1))
            .filter(routine_members::Column::MemberId.eq(turn.member))
            .filter(routine_members::Column::Rank.ne(place))
            .exec(tx)
            .await?;
    }
    Ok(())
}

fn at_most_two(policy: RoutinePolicy, members: usize) -> Result<()> {
    match policy {
        RoutinePolicy::NightRoutine if members > 2 => {
            Err(Error::invalid("policy", format!("NIGHT_ROUTINE is for two, and {members} take turns: LEDGER is for any number")))
        }
        _ => Ok(()),
    }
}

/// The routine of this id, or all routines, in which a member takes turns.
pub(crate) async fn routines_of(
    tx: &Tx,
    household: HouseholdId,
    routine: Option<RoutineId>,
    member: HouseholdMemberId,
) -> Result<Vec<Model>> {
    let theirs = routine_members::Entity::find()
        .filter(routine_members::Column::HouseholdId.eq(household))
        .filter(routine_members::Column::MemberId.eq(member))
        .all(tx)
        .await?;
    let mut routines = list(tx, household).await?;
    routines.retain(|row| routine.is_none_or(|id| id == row.id) && theirs.iter().any(|turn| turn.routine_id == row.id));
    Ok(routines)
}

/// Notes that a member goes: their turns from today on may be given to others.
pub(crate) async fn note_departure(tx: &Tx, household: HouseholdId, member: HouseholdMemberId) -> Result<()> {
    for routine in routines_of(tx, household, None, member).await? {
        let from = calendar(&routine)?.today(tx.now());
        note_cause(tx, household, &[routine.id], CauseKind::Membership, Span { from, until: None }).await?;
    }
    Ok(())
}

/// Notes what happened, for the next plan.
pub(crate) async fn note_cause(tx: &Tx, household: HouseholdId, routines: &[RoutineId], kind: CauseKind, span: Span) -> Result<()> {
    let rows = routines.iter().map(|routine| plan_causes::ActiveModel {
        household_id: Set(household),
        id: Set(PlanCauseId(tx.new_id())),
        routine_id: Set(*routine),
        kind: Set(cause_name(kind)),
        starts_on: Set(span.from),
        ends_on: Set(span.until),
    });
    plan_causes::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// A cause as it is stored.
pub(crate) fn cause_name(kind: CauseKind) -> String {
    serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A stored cause.
pub(crate) fn cause_named(name: &str) -> Option<CauseKind> {
    serde_json::from_value(name.into()).ok()
}

/// The days of a routine within a range, both ends included.
pub(crate) fn dates(routine: &Model, range: RangeInclusive<NaiveDate>) -> Result<Vec<NaiveDate>> {
    let from = routine.starts_on.max(*range.start());
    let to = routine.ends_on.map_or(*range.end(), |end| end.min(*range.end()));
    if to < from {
        return Ok(Vec::new());
    }
    let days = from.iter_days().take_while(|date| *date <= to);
    Ok(match routine.recurrence {
        Recurrence::EveryDay => days.collect(),
        Recurrence::Weekdays => {
            let wanted = weekdays(routine.weekdays.as_deref().unwrap_or_default());
            days.filter(|date| wanted.contains(&date.weekday())).collect()
        }
        Recurrence::Rrule => rule_dates(routine.rrule.as_deref().unwrap_or_default(), routine.starts_on, from, to)?,
    })
}

/// When a turn begins and ends, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) starts_at: Option<DateTime<Utc>>,
    pub(crate) ends_at: Option<DateTime<Utc>>,
}

/// When a turn of this date begins and ends. Before the start of the day the clock shows the night after the date. A time that
/// the clock leaps over is when it leaps; of one that comes twice it is the first.
pub(crate) fn times(routine: &Model, date: NaiveDate) -> Result<Times> {
    let Some(time) = routine.time_of_day else { return Ok(Times::default()) };
    let zone = calendar(routine)?.time_zone;
    let date = if time < routine.day_starts_at { date + Days::new(1) } else { date };
    let starts_at = day::instant(date.and_time(time), zone);
    let ends_at = routine.duration_minutes.map(|minutes| starts_at + TimeDelta::minutes(minutes.into()));
    Ok(Times { starts_at: Some(starts_at), ends_at })
}

/// The dates of a recurrence rule that starts on `starts_on`. They are days, not instants, so they are counted in UTC.
fn rule_dates(rule: &str, starts_on: NaiveDate, from: NaiveDate, to: NaiveDate) -> Result<Vec<NaiveDate>> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().with_timezone(&rrule::Tz::UTC);
    let refused = |message: String| Error::invalid("rrule", message);
    // UNTIL may be a date, or a time without a zone; the days are counted in UTC, so it is read so.
    let parts = rule.split(';').map(|part| match part.split_once('=') {
        Some((name, date)) if name.eq_ignore_ascii_case("UNTIL") && !date.ends_with(['Z', 'z']) => {
            format!("UNTIL={date}{}", if date.contains(['T', 't']) { "Z" } else { "T000000Z" })
        }
        _ => part.to_owned(),
    });
    let rule: rrule::RRule<rrule::Unvalidated> = parts
        .collect::<Vec<_>>()
        .join(";")
        .parse()
        .map_err(|error| refused(format!("not a recurrence rule such as FREQ=WEEKLY;INTERVAL=2;BYDAY=MO: {error}")))?;
    let (finer, hours) = (rule.get_freq() > rrule::Frequency::Daily, [rule.get_by_hour(), rule.get_by_minute(), rule.get_by_second()]);
    if finer || hours.iter().any(|times| !times.is_empty()) {
        return Err(refused("has at most one turn a day: FREQ must be DAILY or longer, without BYHOUR, BYMINUTE and BYSECOND".to_owned()));
    }
    let rule = rule.validate(midnight(starts_on)).map_err(|error| refused(format!("not a valid recurrence rule: {error}")))?;
    let most = u16::try_from(MOST_SLOTS + 1).unwrap_or(u16::MAX);
    let found = rrule::RRuleSet::new(midnight(starts_on)).rrule(rule).after(midnight(from)).before(midnight(to)).all(most);
    if found.limited && found.dates.is_empty() {
        return Err(refused("has no day that could be found in reasonable time".to_owned()));
    }
    Ok(found.dates.iter().map(|at| at.date_naive()).collect())
}

/// Weekdays as they are stored: 1 = Monday to 7 = Sunday, each once.
pub(crate) fn numbers(days: &[Weekday]) -> Result<Vec<i16>> {
    let mut numbers: Vec<_> = days.iter().map(|day| i16::try_from(day.number_from_monday()).unwrap_or_default()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() { Err(Error::invalid("weekdays", "must name at least one day")) } else { Ok(numbers) }
}

/// Stored weekdays.
pub fn weekdays(numbers: &[i16]) -> Vec<Weekday> {
    numbers.iter().filter_map(|number| Weekday::try_from(u8::try_from(number - 1).ok()?).ok()).collect()
}

fn schedule(schedule: Schedule, starts_on: NaiveDate) -> Result<(Recurrence, Option<Vec<i16>>, Option<String>)> {
    Ok(match schedule {
        Schedule::EveryDay => (Recurrence::EveryDay, None, None),
        Schedule::Weekdays(days) => (Recurrence::Weekdays, Some(numbers(&days)?), None),
        Schedule::Rrule(rule) => {
            let rule = input::line("rrule", &rule, 500)?;
            let rule = rule.strip_prefix("RRULE:").unwrap_or(&rule).to_owned();
            rule_dates(&rule, starts_on, starts_on, starts_on + Days::new(366))?;
            (Recurrence::Rrule, None, Some(rule))
        }
    })
}

fn day_start(text: &str) -> Result<NaiveTime> {
    let start = input::time("dayStartsAt", text).ok().filter(|start| *start <= day::LATEST_START);
    start.ok_or_else(|| Error::invalid("dayStartsAt", "must be a time between 00:00 and 12:00, such as 03:00"))
}

fn duration(minutes: Option<i32>, timed: bool) -> Result<Option<i32>> {
    if minutes.is_some() && !timed {
        return Err(Error::invalid("durationMinutes", "needs a timeOfDay"));
    }
    minutes.map(|minutes| input::integer("durationMinutes", minutes, 1..=1440)).transpose()
}

fn last_day(date: NaiveDate, starts_on: NaiveDate) -> Result<NaiveDate> {
    let date = day::checked("endsOn", date)?;
    if date < starts_on { Err(Error::invalid("endsOn", format!("must not be before the first day, {starts_on}"))) } else { Ok(date) }
}

fn within(field: &str, value: i32, most: u32) -> Result<i32> {
    input::integer(field, value, 1..=i32::try_from(most).unwrap_or(i32::MAX))
}

fn scalars(routine: &Model) -> JsonValue {
    serde_json::json!({
        "id": routine.id, "name": routine.name, "rrule": routine.rrule, "startsOn": routine.starts_on, "endsOn": routine.ends_on,
        "timeZone": routine.time_zone, "policy": routine.policy.to_value().to_uppercase(), "effort": routine.effort,
        "streakLimit": routine.streak_limit, "lookAheadDays": routine.look_ahead_days, "pastEditDays": routine.past_edit_days,
        "version": routine.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn of_rule(rule: &str, starts_on: &str, from: &str, to: &str) -> Vec<String> {
        let dates = rule_dates(rule, day(starts_on), day(from), day(to)).expect("a rule");
        dates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_other_monday_is_counted_from_the_first_day() {
        assert_eq!(of_rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2026-03-02", "2026-03-10", "2026-04-01"), ["2026-03-16", "2026-03-30"]);
    }

    #[test]
    fn a_rule_ends_by_count_and_by_date() {
        assert_eq!(of_rule("FREQ=DAILY;COUNT=3", "2026-03-02", "2026-03-03", "2026-04-01"), ["2026-03-03", "2026-03-04"]);
        assert_eq!(of_rule("FREQ=DAILY;UNTIL=20260304", "2026-03-02", "2026-03-03", "2026-04-01"), ["2026-03-03", "2026-03-04"]);
        assert_eq!(of_rule("FREQ=MONTHLY;BYDAY=-1FR", "2026-03-01", "2026-03-01", "2026-04-30"), ["2026-03-27", "2026-04-24"]);
    }

    #[test]
    fn rules_that_are_none_or_finer_than_a_day_are_refused() {
        for rule in ["", "every day", "FREQ=HOURLY", "FREQ=DAILY;BYHOUR=1,2", "FREQ=DAILY;INTERVAL=-1", "FREQ=YEARLY;BYMONTH=13"] {
            assert!(rule_dates(rule, day("2026-03-02"), day("2026-03-02"), day("2027-03-02")).is_err(), "{rule}");
        }
    }

    #[test]
    fn a_rule_without_a_single_day_is_given_up() {
        let started = day("2026-03-02");
        let found = rule_dates("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", started, started, day("2027-03-02"));
        assert!(found.is_err() || found.is_ok_and(|dates| dates.is_empty()));
    }
}
