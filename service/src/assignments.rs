//! Turns: who has which day of a routine. The engine ([`crate::rota`]) decides, as a pure function of what is stored; here that is
//! read, and what came out is stored in one transaction, under a lock on the routine. What is published stays: only a cause moves
//! it, every move is written down, and days that have been are not planned again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use entity::{
    assignment_changes,
    assignments::{ActiveModel, AssignmentStatus, Column, DoerKind, Entity, Model},
    household_members::{self, MemberKind, MemberRole},
    id::{AssignmentId, HouseholdId, HouseholdMemberId, PlanCauseId, RoutineId},
    plan_causes,
    routines::{self, RoutinePolicy},
    unavailability::UnavailabilityKind,
};
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
};

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    households, input,
    rota::{
        self, Assignment, Cause, CauseKind, Decision, Doer, Explanation, Keep, Member, MemberId, Participation, Policy, Problem, Reason,
        Rota, Slot, Span,
    },
    routines::{Times, calendar, cause_name, cause_named, dates, times, turns, weekdays},
    unavailability,
};

/// A turn that is moved, or would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The day.
    pub date: NaiveDate,
    /// Who had it.
    pub before: String,
    /// Who has it now; `None` where it is taken out of the plan.
    pub after: Option<String>,
    /// Why, as stored.
    pub cause: String,
}

/// What planning came to, or would come to.
pub struct PlanOutcome {
    /// Turns of days that had none.
    pub added: Vec<Model>,
    /// Turns that changed hands or were taken out.
    pub changed: Vec<Move>,
    /// How many turns of the planned days stay with whoever had them.
    pub unchanged: usize,
    /// What cannot be done.
    pub problems: Vec<Problem>,
}

/// The longest range of days that is read or planned at once.
pub const MOST_DAYS: i64 = 400;

/// The turns of a routine from one day to another, by date.
pub async fn between(tx: &Tx, routine: &routines::Model, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let (from, to) = day::range(from, to, MOST_DAYS)?;
    Ok(of_routine(routine.household_id, routine.id).filter(Column::Date.between(from, to)).all(tx).await?)
}

pub(crate) fn of_routine(household: HouseholdId, routine: RoutineId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::HouseholdId.eq(household)).filter(Column::RoutineId.eq(routine)).order_by_asc(Column::Date)
}

/// A turn.
pub async fn find(tx: &Tx, household: HouseholdId, id: AssignmentId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((household, id)).one(tx).await?)
}

/// How turns changed hands from one day to another, the newest change first.
pub async fn changes(tx: &Tx, routine: &routines::Model, from: NaiveDate, to: NaiveDate) -> Result<Vec<assignment_changes::Model>> {
    let (from, to) = day::range(from, to, MOST_DAYS)?;
    Ok(assignment_changes::Entity::find()
        .filter(assignment_changes::Column::HouseholdId.eq(routine.household_id))
        .filter(assignment_changes::Column::RoutineId.eq(routine.id))
        .filter(assignment_changes::Column::Date.between(from, to))
        .order_by_desc(assignment_changes::Column::CreatedAt)
        .order_by_desc(assignment_changes::Column::Id)
        .all(tx)
        .await?)
}

/// The decision that a turn came from, with names as they are now; `None` where it was made by hand and nothing was planned since.
pub fn explain(turn: &Model, members: &[household_members::Model]) -> Option<(Decision, Explanation)> {
    let decision: Decision = serde_json::from_value(turn.explanation.clone()?).ok()?;
    let name = |id: MemberId| {
        members.iter().find(|member| member.id.0 == id.0).map_or_else(|| "somebody who is gone".to_owned(), |member| member.name.clone())
    };
    let explanation = rota::explain(&decision, name);
    Some((decision, explanation))
}

/// What a plan until `until` would change, for every member to see. Nothing is written.
pub async fn preview(
    tx: &Tx,
    household: HouseholdId,
    routine: RoutineId,
    until: Option<NaiveDate>,
    replan_from: Option<NaiveDate>,
) -> Result<PlanOutcome> {
    let routine = crate::routines::find(tx, household, routine).await?.ok_or(Error::NotFound("routine"))?;
    let asked = requested(tx, &routine, replan_from)?;
    let planning = Planning::read(tx, routine, until, asked).await?;
    planning.decide(tx).map(|decided| decided.outcome)
}

/// Plans a routine until `until`: the end of its look-ahead when absent, and no earlier than what is planned already. Days that
/// have a turn keep it, but for what a noted cause covers, or `replan_from`: from there on everything that no person has set is
/// decided anew.
pub async fn plan(
    tx: &Tx,
    household: HouseholdId,
    routine: RoutineId,
    until: Option<NaiveDate>,
    replan_from: Option<NaiveDate>,
) -> Result<PlanOutcome> {
    let routine = crate::routines::locked(tx, household, routine).await?;
    let asked = requested(tx, &routine, replan_from)?;
    run(tx, routine, until, asked).await
}

fn requested(tx: &Tx, routine: &routines::Model, replan_from: Option<NaiveDate>) -> Result<Option<Cause>> {
    let Some(from) = replan_from else { return Ok(None) };
    let today = calendar(routine)?.today(tx.now());
    if day::checked("replanFrom", from)? < today {
        return Err(Error::invalid("replanFrom", format!("must not be before today, {today}: what has been stays")));
    }
    Ok(Some(Cause { kind: CauseKind::Request, span: Span { from, until: None } }))
}

/// Decides and stores. The caller holds the lock on the routine.
async fn run(tx: &Tx, routine: routines::Model, until: Option<NaiveDate>, asked: Option<Cause>) -> Result<PlanOutcome> {
    // Members swap and complete turns without that lock: what they do now is done before this reads, or after it has written.
    let turns = Entity::find().filter(Column::HouseholdId.eq(routine.household_id)).filter(Column::RoutineId.eq(routine.id));
    turns.filter(Column::Status.eq(AssignmentStatus::Planned)).order_by_asc(Column::Id).lock_exclusive().all(tx).await?;
    let planning = Planning::read(tx, routine, until, asked).await?;
    let decided = planning.decide(tx)?;
    planning.store(tx, &decided).await?;
    Ok(decided.outcome)
}

/// Everything a plan is made from.
struct Planning {
    routine: routines::Model,
    members: BTreeMap<HouseholdMemberId, household_members::Model>,
    stored: BTreeMap<NaiveDate, Model>,
    /// The causes that this plan uses up: what is noted meanwhile is for the next one.
    noted: Vec<PlanCauseId>,
    rota: Rota,
}

/// What is to be written.
struct Decided {
    outcome: PlanOutcome,
    moved: Vec<Model>,
    gone: Vec<AssignmentId>,
}

impl Planning {
    async fn read(tx: &Tx, routine: routines::Model, until: Option<NaiveDate>, asked: Option<Cause>) -> Result<Self> {
        let today = calendar(&routine)?.today(tx.now());
        let here = (routine.household_id, routine.id);
        let stored: BTreeMap<_, _> = of_routine(here.0, here.1).all(tx).await?.into_iter().map(|row| (row.date, row)).collect();
        let noted = plan_causes::Entity::find()
            .filter(plan_causes::Column::HouseholdId.eq(here.0))
            .filter(plan_causes::Column::RoutineId.eq(here.1))
            .order_by_asc(plan_causes::Column::Id);
        let noted = noted.all(tx).await?;
        let happened = noted
            .iter()
            .filter_map(|row| Some(Cause { kind: cause_named(&row.kind)?, span: Span { from: row.starts_on, until: row.ends_on } }));
        let causes: Vec<_> = asked.into_iter().chain(happened).collect();
        let ahead = u64::try_from(routine.look_ahead_days).unwrap_or_default();
        let until = until.map_or(Ok(today + Days::new(ahead)), |date| day::checked("until", date))?;
        if until < today || (until - today).num_days() >= MOST_DAYS {
            return Err(Error::invalid("until", format!("must be from today, {today}, to {} days later", MOST_DAYS - 1)));
        }
        // A cause may concern everything that is published, so all of it is looked at.
        let last = stored.last_key_value().map_or(until, |(date, _)| until.max(*date));
        let first = asked.map_or(today, |cause| cause.span.from.min(today));
        let effort = u32::try_from(routine.effort).unwrap_or(1);
        let slots = dates(&routine, first..=last)?.into_iter().map(|date| Slot { date, effort, needs: None }).collect();
        let members: BTreeMap<_, _> = households::members(tx, here.0, true).await?.into_iter().map(|row| (row.id, row)).collect();
        let rota = Rota {
            policy: match routine.policy {
                RoutinePolicy::NightRoutine => Policy::NightRoutine,
                RoutinePolicy::Ledger => Policy::Ledger { streak_cap: routine.streak_limit.and_then(|limit| u32::try_from(limit).ok()) },
            },
            members: takers(tx, &routine, &members, &stored, last).await?,
            assignments: stored.values().map(|row| seen(row, &members)).collect(),
            slots,
            today,
            keep: Keep::Published,
            causes,
        };
        Ok(Self { routine, members, stored, noted: noted.into_iter().map(|row| row.id).collect(), rota })
    }

    fn decide(&self, tx: &Tx) -> Result<Decided> {
        let plan = rota::plan(&self.rota)?;
        let causes: BTreeMap<_, _> = plan.changes.iter().map(|change| (change.date, change.cause)).collect();
        let (mut added, mut changed, mut moved, mut gone, mut unchanged) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
        for day in &plan.days {
            let date = day.assignment.date;
            let stored = self.stored.get(&date);
            // What a person decided is explained once: how the rules saw it then.
            let explained = stored.is_some_and(|old| day.kept && old.explanation.is_some());
            let Some(decision) = day.decision.as_ref().filter(|_| !explained) else {
                unchanged += usize::from(stored.is_some());
                continue;
            };
            let cause = causes.get(&date).copied().flatten().map(cause_name);
            let Some(new) = self.turn(tx, stored, &day.assignment.doer, decision, cause.clone())? else {
                if let (Some(old), Some(cause)) = (stored, cause) {
                    gone.push(old.id);
                    changed.push(Move { date, before: old.name.clone(), after: None, cause });
                }
                continue;
            };
            match (stored, cause) {
                (None, _) => added.push(new),
                (Some(old), Some(cause)) => {
                    changed.push(Move { date, before: old.name.clone(), after: Some(new.name.clone()), cause });
                    moved.push(new);
                }
                (Some(_), None) => {
                    unchanged += 1;
                    moved.push(new);
                }
            }
        }
        // Days on which the routine is no longer done: what a change of it took away.
        let slots: BTreeSet<_> = self.rota.slots.iter().map(|slot| slot.date).collect();
        for (date, old) in self.stored.range(self.rota.today + Days::new(1)..) {
            let cause = self.rota.causes.iter().find(|cause| cause.kind == CauseKind::Settings && cause.span.contains(*date));
            if let (Some(cause), false, false, AssignmentStatus::Planned) = (cause, slots.contains(date), old.pinned, old.status) {
                gone.push(old.id);
                changed.push(Move { date: *date, before: old.name.clone(), after: None, cause: cause_name(cause.kind) });
            }
        }
        changed.sort_by_key(|change| change.date);
        let outcome = PlanOutcome { added, changed, unchanged, problems: plan.problems };
        Ok(Decided { outcome, moved, gone })
    }

    /// A turn as it is to be stored; `None` where nobody can.
    fn turn(&self, tx: &Tx, stored: Option<&Model>, doer: &Doer, decision: &Decision, cause: Option<String>) -> Result<Option<Model>> {
        let explanation = serde_json::to_value(decision).map_err(|error| Error::Internal(error.into()))?;
        if let Some(old) = stored.filter(|old| old.pinned || old.status != AssignmentStatus::Planned) {
            // What a person decided stays; how the rules saw it is kept beside it.
            return Ok(Some(Model { explanation: Some(explanation), ..old.clone() }));
        }
        let Doer::Member(id) = doer else { return Ok(None) };
        let member = self.members.get(&HouseholdMemberId(id.0)).ok_or_else(|| Error::internal("the rota chose nobody's id"))?;
        let Times { starts_at, ends_at } = times(&self.routine, decision.date)?;
        Ok(Some(Model {
            household_id: self.routine.household_id,
            id: stored.map_or_else(|| AssignmentId(tx.new_id()), |old| old.id),
            routine_id: self.routine.id,
            date: decision.date,
            starts_at,
            ends_at,
            member_id: Some(member.id),
            name: if stored.is_some_and(|old| old.member_id == Some(member.id)) {
                stored.map_or_else(String::new, |old| old.name.clone())
            } else {
                member.name.clone()
            },
            kind: DoerKind::Member,
            status: AssignmentStatus::Planned,
            done_by: None,
            done_at: None,
            pinned: false,
            reason: decision.reason.name().to_owned(),
            effort: self.routine.effort,
            explanation: Some(explanation),
            cause: cause.or_else(|| stored.and_then(|old| old.cause.clone())),
            created_by: None,
            version: stored.map_or(1, |old| old.version),
        }))
    }

    async fn store(&self, tx: &Tx, decided: &Decided) -> Result<()> {
        let household = self.routine.household_id;
        if !decided.gone.is_empty() {
            Entity::delete_many()
                .filter(Condition::all().add(Column::HouseholdId.eq(household)).add(Column::Id.is_in(decided.gone.clone())))
                .exec(tx)
                .await?;
        }
        let out = decided.outcome.changed.iter().filter(|change| change.after.is_none());
        let rows: Vec<_> = out
            .map(|change| assignment_changes::ActiveModel {
                household_id: Set(household),
                routine_id: Set(self.routine.id),
                date: Set(change.date),
                before_member_id: Set(self.stored.get(&change.date).and_then(|old| old.member_id)),
                before_name: Set(change.before.clone()),
                cause: Set(change.cause.clone()),
                ..Default::default()
            })
            .collect();
        if !rows.is_empty() {
            assignment_changes::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        if !decided.moved.is_empty() {
            let rows: Vec<_> = decided.moved.iter().map(stored_form).collect();
            let statement = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "UPDATE assignments a SET member_id = n.member_id, name = n.name, kind = n.kind, pinned = n.pinned, reason = n.reason, effort = n.effort,
                   starts_at = n.starts_at, ends_at = n.ends_at, explanation = n.explanation, cause = n.cause
                 FROM jsonb_to_recordset($2) AS n (id uuid, member_id uuid, name text, kind text, pinned boolean, reason text, effort integer,
                   starts_at timestamptz, ends_at timestamptz, explanation jsonb, cause text)
                 WHERE a.household_id = $1 AND a.id = n.id",
                [household.0.into(), JsonValue::Array(rows).into()],
            );
            tx.execute_raw(statement).await?;
        }
        if !decided.outcome.added.is_empty() {
            let rows = decided.outcome.added.iter().map(|turn| ActiveModel {
                household_id: Set(turn.household_id),
                id: Set(turn.id),
                routine_id: Set(turn.routine_id),
                date: Set(turn.date),
                starts_at: Set(turn.starts_at),
                ends_at: Set(turn.ends_at),
                member_id: Set(turn.member_id),
                name: Set(turn.name.clone()),
                kind: Set(turn.kind),
                reason: Set(turn.reason.clone()),
                effort: Set(turn.effort),
                explanation: Set(turn.explanation.clone()),
                ..Default::default()
            });
            Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        plan_causes::Entity::delete_many()
            .filter(plan_causes::Column::HouseholdId.eq(household))
            .filter(plan_causes::Column::Id.is_in(self.noted.iter().copied()))
            .exec(tx)
            .await?;
        Ok(())
    }
}

fn stored_form(turn: &Model) -> JsonValue {
    serde_json::json!({
        "id": turn.id, "member_id": turn.member_id, "name": turn.name, "kind": turn.kind.to_value(), "pinned": turn.pinned,
        "reason": turn.reason, "effort": turn.effort, "starts_at": turn.starts_at, "ends_at": turn.ends_at,
        "explanation": turn.explanation, "cause": turn.cause,
    })
}

/// Turns that are still to come begin and end when their routine says, which has changed.
pub(crate) async fn keep_times(tx: &Tx, routine: &routines::Model) -> Result<()> {
    let today = calendar(routine)?.today(tx.now());
    let turns = Entity::find().filter(Column::HouseholdId.eq(routine.household_id)).filter(Column::RoutineId.eq(routine.id));
    let turns = turns.filter(Column::Status.eq(AssignmentStatus::Planned)).filter(Column::Date.gte(today));
    let mut rows = Vec::new();
    for turn in turns.order_by_asc(Column::Id).lock_exclusive().all(tx).await? {
        let Times { starts_at, ends_at } = times(routine, turn.date)?;
        rows.push(serde_json::json!({ "id": turn.id, "starts_at": starts_at, "ends_at": ends_at }));
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "UPDATE assignments a SET starts_at = n.starts_at, ends_at = n.ends_at
         FROM jsonb_to_recordset($2) AS n (id uuid, starts_at timestamptz, ends_at timestamptz)
         WHERE a.household_id = $1 AND a.id = n.id AND (a.starts_at, a.ends_at) IS DISTINCT FROM (n.starts_at, n.ends_at)",
        [routine.household_id.0.into(), JsonValue::Array(rows).into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// Everybody who takes or took turns, or did one by hand, as the engine wants them. Whoever left takes none from the day they left.
pub(crate) async fn takers(
    tx: &Tx,
    routine: &routines::Model,
    members: &BTreeMap<HouseholdMemberId, household_members::Model>,
    stored: &BTreeMap<NaiveDate, Model>,
    last: NaiveDate,
) -> Result<Vec<Member>> {
    let calendar = calendar(routine)?;
    let blank = |id: HouseholdMemberId| Member {
        id: MemberId(id.0),
        rank: u32::MAX,
        participations: Vec::new(),
        unavailable: Vec::new(),
        absences: Vec::new(),
        skills: Vec::new(),
    };
    let mut takers: BTreeMap<HouseholdMemberId, Member> = BTreeMap::new();
    for turn in turns(tx, routine.household_id, routine.id).await? {
        let taker = takers.entry(turn.member_id).or_insert_with(|| blank(turn.member_id));
        taker.rank = u32::try_from(turn.rank).unwrap_or_default();
        let left = members.get(&turn.member_id).and_then(|member| member.removed_at);
        let stayed = left.map(|at| calendar.today(at).pred_opt().unwrap_or(day::FIRST));
        let until = match (turn.ends_on, stayed) {
            (Some(end), Some(stayed)) => Some(end.min(stayed)),
            (end, stayed) => end.or(stayed),
        };
        if until.is_none_or(|end| end >= turn.starts_on) {
            let weight = u32::try_from(turn.weight).unwrap_or(1);
            taker.participations.push(Participation { span: Span { from: turn.starts_on, until }, weight });
        }
    }
    for row in unavailability::list(tx, routine.household_id).await? {
        let Some(taker) = takers.get_mut(&row.member_id).filter(|_| row.routine_id.is_none_or(|id| id == routine.id)) else { continue };
        let days = weekdays(row.weekdays.as_deref().unwrap_or_default());
        match (row.kind, row.starts_on) {
            (UnavailabilityKind::Weekly, _) => taker.unavailable.extend(days),
            (UnavailabilityKind::Dates, Some(from)) => taker.absences.push(Span { from, until: row.ends_on }),
            (UnavailabilityKind::AlternatingWeeks, Some(from)) => {
                taker.absences.extend(unavailability::alternating(from, row.ends_on.map_or(last, |end| end.min(last)), &days));
            }
            _ => {}
        }
    }
    let by_hand = stored.values().flat_map(|row| [row.member_id.filter(|_| row.kind == DoerKind::Member), row.done_by]).flatten();
    for id in by_hand.filter(|id| members.get(id).is_some_and(|member| member.kind != MemberKind::Helper)) {
        takers.entry(id).or_insert_with(|| blank(id));
    }
    Ok(takers.into_values().collect())
}

/// A stored turn as the engine sees it.
pub(crate) fn seen(row: &Model, members: &BTreeMap<HouseholdMemberId, household_members::Model>) -> Assignment {
    let doer = match (row.kind, row.member_id) {
        (DoerKind::Member, Some(id)) => Doer::Member(MemberId(id.0)),
        _ => Doer::Helper(row.name.clone()),
    };
    let did = |id: HouseholdMemberId| match members.get(&id) {
        Some(member) if member.kind == MemberKind::Helper => Doer::Helper(member.name.clone()),
        _ => Doer::Member(MemberId(id.0)),
    };
    let done_by = match row.status {
        AssignmentStatus::Planned => None,
        AssignmentStatus::Done => Some(row.done_by.map_or_else(|| doer.clone(), did)),
        AssignmentStatus::Skipped => Some(Doer::Nobody),
    };
    let reason: Option<Reason> = serde_json::from_value(row.reason.clone().into()).ok();
    Assignment { date: row.date, effort: u32::try_from(row.effort).unwrap_or(1), doer, pinned: row.pinned, done_by, reason }
}

/// Who is to take a turn instead.
pub enum Substitute {
    /// A member; one who is a helper counts as such.
    Member(HouseholdMemberId),
    /// Somebody from outside, by name.
    Helper(String),
}

/// Puts somebody on a turn by hand. It stays so until it is unlocked, and counts for whoever got it; a helper counts for nobody.
/// For an administrator the days after it are planned anew; a member who gives an own turn to a helper leaves them as they are.
pub async fn reassign(
    tx: &Tx,
    household: HouseholdId,
    id: AssignmentId,
    to: Substitute,
    expected_version: Option<i32>,
) -> Result<(Model, Option<PlanOutcome>)> {
    let (routine, turn) = editable(tx, household, id, expected_version).await?;
    still_planned(&turn)?;
    let (member_id, name, kind) = match to {
        Substitute::Member(member) => {
            let member = households::member(tx, household, member, "memberId").await?;
            let kind = if member.kind == MemberKind::Helper { DoerKind::Helper } else { DoerKind::Member };
            (Some(member.id), member.name, kind)
        }
        Substitute::Helper(name) => (None, input::line("helperName", &name, 100)?, DoerKind::Helper),
    };
    let by_administrator = administers(tx, household).await?;
    let row = ActiveModel {
        member_id: Set(member_id),
        name: Set(name),
        kind: Set(kind),
        pinned: Set(true),
        reason: Set(Reason::Override.name().to_owned()),
        explanation: Set(None),
        cause: Set(Some(if kind == DoerKind::Helper { "helper".to_owned() } else { cause_name(CauseKind::Override) })),
        ..of(&turn)
    };
    let turn = Entity::update(row).exec(tx).await?;
    if !by_administrator {
        return Ok((turn, None));
    }
    let outcome = replan(tx, routine, CauseKind::Override, turn.date).await?;
    Ok((found(tx, household, id).await?, Some(outcome)))
}

/// Takes back what was decided by hand: the turn and the days after it are planned anew.
pub async fn unlock(tx: &Tx, household: HouseholdId, id: AssignmentId, expected_version: Option<i32>) -> Result<(Model, PlanOutcome)> {
    households::administered(tx, household).await?;
    let (routine, turn) = editable(tx, household, id, expected_version).await?;
    if !turn.pinned {
        return Err(Error::conflict("nobody decided this by hand, so there is nothing to take back"));
    }
    still_planned(&turn)?;
    Entity::update(ActiveModel { pinned: Set(false), ..of(&turn) }).exec(tx).await?;
    let outcome = replan(tx, routine, CauseKind::Unlock, turn.date).await?;
    match find(tx, household, id).await? {
        Some(turn) => Ok((turn, outcome)),
        None => Err(Error::conflict("nobody else can take this turn, so it stays as it is")),
    }
}

async fn replan(tx: &Tx, routine: routines::Model, kind: CauseKind, from: NaiveDate) -> Result<PlanOutcome> {
    let routine = crate::routines::locked(tx, routine.household_id, routine.id).await?;
    run(tx, routine, None, Some(Cause { kind, span: Span { from, until: None } })).await
}

/// Says that a turn was done, and by whom: whoever had it, unless said otherwise. The credit goes to whoever did it.
pub async fn complete(
    tx: &Tx,
    household: HouseholdId,
    id: AssignmentId,
    done_by: Option<HouseholdMemberId>,
    expected_version: Option<i32>,
) -> Result<Model> {
    let (routine, turn) = editable(tx, household, id, expected_version).await?;
    let today = calendar(&routine)?.today(tx.now());
    if turn.date > today {
        return Err(Error::conflict(format!("this is on {}, which is still to come: today is {today}", turn.date)));
    }
    if let Some(member) = done_by {
        households::member(tx, household, member, "doneById").await?;
    }
    let row = ActiveModel {
        status: Set(AssignmentStatus::Done),
        done_by: Set(done_by.or(turn.member_id)),
        done_at: Set(Some(tx.now())),
        ..of(&turn)
    };
    Ok(Entity::update(row).exec(tx).await?)
}

/// Says that nobody did a turn, or will: it counts for nobody.
pub async fn skip(tx: &Tx, household: HouseholdId, id: AssignmentId, expected_version: Option<i32>) -> Result<Model> {
    let (_, turn) = editable(tx, household, id, expected_version).await?;
    let row = ActiveModel { status: Set(AssignmentStatus::Skipped), done_by: Set(None), done_at: Set(None), ..of(&turn) };
    Ok(Entity::update(row).exec(tx).await?)
}

/// Skips a turn because somebody deleted its event in the calendar, and writes that down.
pub(crate) async fn skip_without_event(tx: &Tx, household: HouseholdId, id: AssignmentId) -> Result<()> {
    let turn = skip(tx, household, id, None).await?;
    let row = assignment_changes::ActiveModel {
        household_id: Set(household),
        routine_id: Set(turn.routine_id),
        date: Set(turn.date),
        before_member_id: Set(turn.member_id),
        before_name: Set(turn.name),
        cause: Set("event_deleted".to_owned()),
        ..Default::default()
    };
    assignment_changes::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes back that a turn was done or skipped.
pub async fn reopen(tx: &Tx, household: HouseholdId, id: AssignmentId, expected_version: Option<i32>) -> Result<Model> {
    let (_, turn) = editable(tx, household, id, expected_version).await?;
    let row = ActiveModel { status: Set(AssignmentStatus::Planned), done_by: Set(None), done_at: Set(None), ..of(&turn) };
    Ok(Entity::update(row).exec(tx).await?)
}

fn still_planned(turn: &Model) -> Result<()> {
    match turn.status {
        AssignmentStatus::Planned => Ok(()),
        AssignmentStatus::Done | AssignmentStatus::Skipped => Err(Error::conflict("this was done or skipped: reopen it first")),
    }
}

async fn administers(tx: &Tx, household: HouseholdId) -> Result<bool> {
    Ok(households::membership(tx, household).await?.role == MemberRole::Administrator)
}

fn of(turn: &Model) -> ActiveModel {
    ActiveModel { household_id: Unchanged(turn.household_id), id: Unchanged(turn.id), ..Default::default() }
}

async fn found(tx: &Tx, household: HouseholdId, id: AssignmentId) -> Result<Model> {
    find(tx, household, id).await?.ok_or(Error::NotFound("assignment"))
}

/// A turn to be changed by hand, and its routine: a plan and a swap wait until this transaction ends. Days further back than the
/// routine lets one change are settled.
async fn editable(tx: &Tx, household: HouseholdId, id: AssignmentId, expected_version: Option<i32>) -> Result<(routines::Model, Model)> {
    let turn = found(tx, household, id).await?;
    let routine = crate::routines::find(tx, household, turn.routine_id).await?.ok_or(Error::NotFound("routine"))?;
    // Whoever may plan waits for a plan that is being made; the turn alone would be locked the other way round.
    if administers(tx, household).await? {
        crate::routines::locked(tx, household, routine.id).await?;
    }
    let turn = lock(tx, household, &[id]).await?.pop().ok_or(Error::NotFound("assignment"))?;
    input::expect_version(expected_version, turn.version, || scalars(&turn))?;
    let today = calendar(&routine)?.today(tx.now());
    if !rota::may_change(turn.date, today, u32::try_from(routine.past_edit_days).unwrap_or_default()) {
        return Err(Error::conflict(format!(
            "{} is more than {} days ago and can no longer be changed",
            turn.date, routine.past_edit_days
        )));
    }
    Ok((routine, turn))
}

/// Turns that nobody else changes until this transaction ends, locked by id, so that two who lock the same do not wait for each other.
pub(crate) async fn lock(tx: &Tx, household: HouseholdId, ids: &[AssignmentId]) -> Result<Vec<Model>> {
    let rows = Entity::find().filter(Column::HouseholdId.eq(household)).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(rows.order_by_asc(Column::Id).lock_exclusive().all(tx).await?)
}

/// Gives a turn to the member who took it over.
pub(crate) async fn hand_over(tx: &Tx, turn: &Model, to: &household_members::Model) -> Result<Model> {
    let row = ActiveModel {
        member_id: Set(Some(to.id)),
        name: Set(to.name.clone()),
        kind: Set(if to.kind == MemberKind::Helper { DoerKind::Helper } else { DoerKind::Member }),
        pinned: Set(true),
        reason: Set(Reason::Override.name().to_owned()),
        explanation: Set(None),
        cause: Set(Some(cause_name(CauseKind::Swap))),
        ..of(turn)
    };
    Ok(Entity::update(row).exec(tx).await?)
}

fn scalars(turn: &Model) -> JsonValue {
    serde_json::json!({
        "id": turn.id, "date": turn.date, "name": turn.name, "status": turn.status.to_value().to_uppercase(), "pinned": turn.pinned,
        "reason": turn.reason, "version": turn.version,
    })
}

/// A problem in words.
pub fn sentence(problem: &Problem, members: &[household_members::Model]) -> String {
    let name = |id: &MemberId| {
        members.iter().find(|member| member.id.0 == id.0).map_or_else(|| "somebody who is gone".to_owned(), |member| member.name.clone())
    };
    match problem {
        Problem::NobodyAvailable { date } => format!("Nobody can on {date}."),
        Problem::KeptThoughUnavailable { date, member } => format!("{} has the turn of {date}, but cannot.", name(member)),
        Problem::ShareOutOfReach { from, members, .. } => {
            let names: Vec<_> = members.iter().map(name).collect();
            format!("From {from} on the weekdays of {} are too few for their share.", names.join(" and "))
        }
        Problem::StreakCapTooLow { from, member, cap } => {
            format!("From {from} on {}'s share needs a streak limit of at least {cap}.", name(member))
        }
        Problem::Drift { from, member, a_year } => {
            let way = if *a_year < 0 { "less" } else { "more" };
            format!("From {from} on {} does {} {way} than the share in a year.", name(member), a_year.abs())
        }
    }
}

/// The instant at which a turn has begun, for what may only happen before: the start of its day where it has no time.
pub(crate) fn begins(turn: &Model, today: NaiveDate, now: DateTime<Utc>) -> bool {
    turn.starts_at.map_or(turn.date < today, |at| at <= now)
}
