//! Turns: who has which day of a routine, why, and what became of it.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{
    assignment_changes, assignments as rows,
    id::{AssignmentId, HouseholdId, HouseholdMemberId, RoutineId},
};
use service::{
    assignments,
    rota::{Problem, Verdict},
    routine_statistics,
};

use super::{
    error::{Error, Result},
    households::{HouseholdMember, Members, all_members},
    person::Person,
    routines::Routine,
    scalars::{CheckOption, Date, DateTime, Decimal, Unchecked, Uuid},
    scope::{boxed, nullable, scope},
};

/// A turn: who has a day of a routine.
pub struct Assignment(pub rows::Model);

/// A turn: who has a day of a routine.
#[Object]
impl Assignment {
    /// Identifies the turn within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The routine's day.
    async fn date(&self) -> Date {
        Date(self.0.date)
    }

    /// When it begins; null for the whole day.
    async fn starts_at(&self) -> Option<DateTime> {
        self.0.starts_at.map(DateTime)
    }

    /// When it ends; null where nobody said how long it takes.
    async fn ends_at(&self) -> Option<DateTime> {
        self.0.ends_at.map(DateTime)
    }

    /// The member who has it; null for a helper who is none.
    async fn member(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        let id = self.0.member_id?;
        HouseholdMember::known_as(ctx, self.0.household_id, id).await.transpose()
    }

    /// Who has it, by the name they had when they got it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it counts for a member or is covered by a helper.
    async fn kind(&self) -> DoerKind {
        self.0.kind.into()
    }

    /// What became of it.
    async fn status(&self) -> AssignmentStatus {
        self.0.status.into()
    }

    /// The member who really did it, and has the credit; null until it is done, or where a helper did who is no member.
    async fn done_by(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        let id = self.0.done_by?;
        HouseholdMember::known_as(ctx, self.0.household_id, id).await.transpose()
    }

    /// When somebody said that it was done.
    async fn done_at(&self) -> Option<DateTime> {
        self.0.done_at.map(DateTime)
    }

    /// Whether a person decided it: no plan changes it until it is unlocked.
    async fn pinned(&self) -> bool {
        self.0.pinned
    }

    /// Why they have it: Unavailability, Total Count, Recent Count, Consecutive Limit, Alternating, Override, Double Consecutive
    /// Swap, Largest Debt, Recent Load, Longest Wait or Order.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// How much work it is, 1 to 100.
    async fn effort(&self) -> i32 {
        self.0.effort
    }

    /// Why it last changed hands; null as long as it never did.
    async fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The decision as it was taken, in words and as data; null where it was made by hand and nothing was planned since.
    async fn explanation(&self, ctx: &Context<'_>) -> Option<Result<AssignmentExplanation>> {
        boxed(async {
            let members = all_members(ctx, self.0.household_id).await?;
            Ok(assignments::explain(&self.0, &members).map(|(decision, explanation)| {
                let candidates = decision.candidates.iter().zip(explanation.candidates).map(|(seen, told)| AssignmentCandidate {
                    member_id: Uuid(seen.member.0),
                    verdict: seen.verdict.into(),
                    sentence: told.sentence,
                    total: i32::try_from(seen.total).unwrap_or(i32::MAX),
                    recent: i32::try_from(seen.recent).unwrap_or(i32::MAX),
                    debt: seen.debt.map(|debt| Decimal(routine_statistics::effort(debt))),
                    last: seen.last.map(Date),
                    streak: i32::try_from(seen.streak).unwrap_or(i32::MAX),
                });
                AssignmentExplanation {
                    sentence: explanation.sentence,
                    candidates: candidates.collect(),
                    otherwise_member_id: decision.otherwise.map(|id| Uuid(id.0)),
                }
            }))
        })
        .await
        .transpose()
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// A decision as it was taken.
#[derive(SimpleObject)]
pub struct AssignmentExplanation {
    /// Why it came out so, in a sentence or two.
    sentence: String,
    /// Everybody who took turns on that day, in the order that decides a tie.
    candidates: Vec<AssignmentCandidate>,
    /// Who would have had it otherwise.
    otherwise_member_id: Option<Uuid>,
}

/// What a decision saw of one member.
#[derive(SimpleObject)]
pub struct AssignmentCandidate {
    /// Who.
    member_id: Uuid,
    /// Chosen, or why not.
    verdict: AssignmentVerdict,
    /// The same with the counts that were seen, in a sentence.
    sentence: String,
    /// Turns before that day.
    total: i32,
    /// Of them, those of the last 30 days: how many, or in the ledger their effort.
    recent: i32,
    /// What the member owed, that day's share included; negative for who was ahead. Ledger only.
    debt: Option<Decimal>,
    /// The last day that the member did.
    last: Option<Date>,
    /// How many times in a row the member had done it.
    streak: i32,
}

/// Why a member was chosen for a turn or not.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verdict")]
pub enum AssignmentVerdict {
    /// Does it.
    Chosen,
    /// Is away on that day.
    Away,
    /// Is never available on that weekday.
    UnavailableWeekday,
    /// Lacks the skill that the day needs.
    LacksSkill,
    /// Has done it too often in a row.
    StreakLimit,
    /// Has more turns in all.
    MoreInTotal,
    /// Has more in the last 30 days.
    MoreRecently,
    /// Did it last.
    DidItLast,
    /// Owes less.
    OwesLess,
    /// Has waited less long.
    WaitedLess,
    /// Comes later in the members' order.
    LaterInOrder,
    /// Somebody else was put there by hand.
    DecidedByHand,
    /// Was chosen first; then the turn was exchanged with its neighbour.
    SwappedAway,
}

/// Whom a turn counts for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::DoerKind")]
pub enum DoerKind {
    /// A member who takes turns.
    Member,
    /// Somebody who covers for them: it counts for nobody.
    Helper,
}

/// What became of a turn.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::AssignmentStatus")]
pub enum AssignmentStatus {
    /// Nothing was said yet.
    Planned,
    /// Somebody did it.
    Done,
    /// Nobody did it: it counts for nobody.
    Skipped,
}

/// How a published turn changed hands.
pub struct AssignmentChange(pub assignment_changes::Model);

/// How a published turn changed hands.
#[Object]
impl AssignmentChange {
    /// Identifies the change within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Of which day.
    async fn date(&self) -> Date {
        Date(self.0.date)
    }

    /// Who had it.
    async fn before(&self) -> &str {
        &self.0.before_name
    }

    /// Who got it; null where the turn was taken out of the plan, or skipped for the deletion of its event.
    async fn after(&self) -> Option<&str> {
        self.0.after_name.as_deref()
    }

    /// Why: override, helper, unlock, swap, absence, availability, membership, settings, request, vacancy or event_deleted.
    async fn cause(&self) -> &str {
        &self.0.cause
    }

    /// Who did it; null when their account is gone.
    async fn changed_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let id = self.0.created_by?;
        Some(Person::known_as(ctx, id).await)
    }

    /// When.
    async fn changed_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// What a plan adds, moves and leaves as it is.
#[derive(SimpleObject)]
pub struct RoutinePlan {
    /// Turns of days that had none.
    added: Vec<Assignment>,
    /// Turns that changed hands, or would, each with its cause; by date.
    changed: Vec<PlannedChange>,
    /// How many turns of the planned days stay with whoever had them.
    unchanged: i32,
    /// What cannot be done as it was set up.
    problems: Vec<RoutineProblem>,
}

impl RoutinePlan {
    fn told(outcome: assignments::PlanOutcome, members: &Members) -> Self {
        let changed = outcome.changed.into_iter().map(|change| PlannedChange {
            date: Date(change.date),
            before: change.before,
            after: change.after,
            cause: change.cause,
        });
        Self {
            added: outcome.added.into_iter().map(Assignment).collect(),
            changed: changed.collect(),
            unchanged: i32::try_from(outcome.unchanged).unwrap_or(i32::MAX),
            problems: outcome.problems.iter().map(|problem| RoutineProblem::told(problem, members)).collect(),
        }
    }
}

/// A turn that a plan moves.
#[derive(SimpleObject)]
pub struct PlannedChange {
    /// The day.
    date: Date,
    /// Who had it.
    before: String,
    /// Who gets it; null where it is taken out of the plan.
    after: Option<String>,
    /// Why: override, unlock, absence, availability, membership, settings, request or vacancy.
    cause: String,
}

/// What a routine cannot do as it was set up.
#[derive(SimpleObject)]
pub struct RoutineProblem {
    /// What kind of problem it is.
    kind: RoutineProblemKind,
    /// The same in a sentence, with names.
    message: String,
    /// The day, or the first of them.
    date: Date,
    /// Whom it concerns.
    member_ids: Vec<Uuid>,
}

impl RoutineProblem {
    fn told(problem: &Problem, members: &Members) -> Self {
        let (kind, date, concerned) = match problem {
            Problem::NobodyAvailable { date } => (RoutineProblemKind::NobodyAvailable, *date, Vec::new()),
            Problem::KeptThoughUnavailable { date, member } => (RoutineProblemKind::KeptThoughUnavailable, *date, vec![*member]),
            Problem::ShareOutOfReach { from, members, .. } => (RoutineProblemKind::ShareOutOfReach, *from, members.clone()),
            Problem::StreakCapTooLow { from, member, .. } => (RoutineProblemKind::StreakLimitTooLow, *from, vec![*member]),
            Problem::Drift { from, member, .. } => (RoutineProblemKind::Drift, *from, vec![*member]),
        };
        Self {
            kind,
            message: assignments::sentence(problem, members),
            date: Date(date),
            member_ids: concerned.iter().map(|id| Uuid(id.0)).collect(),
        }
    }
}

/// A kind of problem of a routine.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum RoutineProblemKind {
    /// Nobody can on this day: it stays without a turn.
    NobodyAvailable,
    /// A published turn stays with a member who cannot.
    KeptThoughUnavailable,
    /// These members are free on too few weekdays to ever do their share.
    ShareOutOfReach,
    /// The member's share is more than the streak limit lets anyone do.
    StreakLimitTooLow,
    /// Weekdays and streak limit together keep the member from the share.
    Drift,
}

/// What to plan.
#[derive(InputObject)]
pub struct PlanRoutineInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which routine.
    id: Unchecked<Uuid>,
    /// The last day to plan; the end of the look-ahead when absent. What is planned beyond it is looked at too.
    until: Option<Unchecked<Date>>,
    /// Decide anew from this day on, today at the earliest. What a person decided, and what was done, stays. When absent, only what
    /// happened since the last plan changes anything.
    replan_from: Option<Unchecked<Date>>,
    /// Only tell what would change, and write nothing. Every member may; to apply it is for administrators. False when absent.
    preview: Option<bool>,
}

/// What the plan came to.
#[derive(SimpleObject)]
pub struct PlanRoutinePayload {
    /// Whether it was applied.
    applied: bool,
    /// What was added, changed and left as it was, or would be.
    plan: RoutinePlan,
    /// The routine.
    routine: Option<Routine>,
}

/// Which turn.
#[derive(InputObject)]
pub struct AssignmentInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which turn.
    id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

impl AssignmentInput {
    fn read(self) -> Result<(HouseholdId, AssignmentId, Option<i32>)> {
        let household = HouseholdId(self.household_id.check("householdId")?.0);
        Ok((household, AssignmentId(self.id.check("id")?.0), self.expected_version))
    }
}

/// Another member for a turn.
#[derive(InputObject)]
pub struct OverrideAssignmentInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which turn.
    id: Unchecked<Uuid>,
    /// Who gets it.
    member_id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// A helper for a turn: a member who is one, or somebody by name.
#[derive(InputObject)]
pub struct AssignHelperInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which turn.
    id: Unchecked<Uuid>,
    /// A member who is a helper.
    member_id: Option<Unchecked<Uuid>>,
    /// Or the name of somebody from outside, at most 100 characters.
    helper_name: Option<String>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// A turn that was done.
#[derive(InputObject)]
pub struct CompleteAssignmentInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which turn.
    id: Unchecked<Uuid>,
    /// The member who really did it; whoever had it when absent.
    done_by_id: Option<Unchecked<Uuid>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The turn in its new hands.
#[derive(SimpleObject)]
pub struct OverrideAssignmentPayload {
    /// The turn.
    assignment: Assignment,
    /// What that changed on the days after it.
    plan: Option<RoutinePlan>,
}

/// The turn in the hands of a helper.
#[derive(SimpleObject)]
pub struct AssignHelperPayload {
    /// The turn.
    assignment: Assignment,
    /// What that changed on the days after it; null where a member gave an own turn away.
    plan: Option<RoutinePlan>,
}

/// The turn as it was decided anew.
#[derive(SimpleObject)]
pub struct UnlockAssignmentPayload {
    /// The turn.
    assignment: Assignment,
    /// What that changed.
    plan: RoutinePlan,
}

/// The turn that was done.
#[derive(SimpleObject)]
pub struct CompleteAssignmentPayload {
    /// The turn.
    assignment: Assignment,
}

/// The turn that nobody did.
#[derive(SimpleObject)]
pub struct SkipAssignmentPayload {
    /// The turn.
    assignment: Assignment,
}

/// The turn of which nothing is said any more.
#[derive(SimpleObject)]
pub struct ReopenAssignmentPayload {
    /// The turn.
    assignment: Assignment,
}

/// Planning turns and saying what became of them.
#[derive(Default)]
pub struct AssignmentsMutation;

#[Object]
impl AssignmentsMutation {
    /// Plans a routine, or tells with `preview` what a plan would change. What is published stays: only something that happened
    /// moves a turn, and each move is written down with its cause. The same input gives the same plan.
    async fn plan_routine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to plan.")] input: PlanRoutineInput,
    ) -> Option<Result<PlanRoutinePayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = RoutineId(input.id.check("id")?.0);
            let until = input.until.check("until")?.map(|date| date.0);
            let replan_from = input.replan_from.check("replanFrom")?.map(|date| date.0);
            let applied = !input.preview.unwrap_or_default();
            let tx = scope(ctx).write().await?;
            let outcome = if applied {
                assignments::plan(&tx, household, id, until, replan_from).await?
            } else {
                assignments::preview(&tx, household, id, until, replan_from).await?
            };
            let routine = service::routines::find(&tx, household, id).await?.map(Routine);
            tx.commit().await?;
            let members = all_members(ctx, household).await?;
            Ok(PlanRoutinePayload { applied, plan: RoutinePlan::told(outcome, &members), routine })
        })
        .await
    }

    /// Gives a turn to another member by hand, today's and coming ones and those of the last `pastEditDays` days. It stays so until it
    /// is unlocked, and the days after it are planned anew. For administrators.
    async fn override_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who gets which turn.")] input: OverrideAssignmentInput,
    ) -> Option<Result<OverrideAssignmentPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = AssignmentId(input.id.check("id")?.0);
            let to = assignments::Substitute::Member(HouseholdMemberId(input.member_id.check("memberId")?.0));
            let tx = scope(ctx).write().await?;
            let (turn, outcome) = assignments::reassign(&tx, household, id, to, input.expected_version).await?;
            tx.commit().await?;
            let members = all_members(ctx, household).await?;
            Ok(OverrideAssignmentPayload {
                assignment: Assignment(turn),
                plan: outcome.map(|outcome| RoutinePlan::told(outcome, &members)),
            })
        })
        .await
    }

    /// Gives a turn to a helper: it counts for nobody. For administrators, who plan the days after it anew by this; a member may give
    /// away an own turn.
    async fn assign_helper(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who helps with which turn.")] input: AssignHelperInput,
    ) -> Option<Result<AssignHelperPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = AssignmentId(input.id.check("id")?.0);
            let to = match (input.member_id.check("memberId")?, input.helper_name) {
                (Some(member), None) => assignments::Substitute::Member(HouseholdMemberId(member.0)),
                (None, Some(name)) => assignments::Substitute::Helper(name),
                _ => return Err(Error::invalid("helperName", "name either a helper or a memberId")),
            };
            let tx = scope(ctx).write().await?;
            let (turn, outcome) = assignments::reassign(&tx, household, id, to, input.expected_version).await?;
            tx.commit().await?;
            let members = all_members(ctx, household).await?;
            Ok(AssignHelperPayload { assignment: Assignment(turn), plan: outcome.map(|outcome| RoutinePlan::told(outcome, &members)) })
        })
        .await
    }

    /// Takes back what was decided by hand: the turn and the days after it are planned anew. For administrators.
    async fn unlock_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which turn.")] input: AssignmentInput,
    ) -> Option<Result<UnlockAssignmentPayload>> {
        nullable(async {
            let (household, id, expected_version) = input.read()?;
            let tx = scope(ctx).write().await?;
            let (turn, outcome) = assignments::unlock(&tx, household, id, expected_version).await?;
            tx.commit().await?;
            let members = all_members(ctx, household).await?;
            Ok(UnlockAssignmentPayload { assignment: Assignment(turn), plan: RoutinePlan::told(outcome, &members) })
        })
        .await
    }

    /// Says that a turn of today or before was done, and by whom: the credit goes to whoever did it. Everybody says it of an own turn
    /// and of one that they did themselves, an administrator of every turn.
    async fn complete_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which turn, and who did it.")] input: CompleteAssignmentInput,
    ) -> Option<Result<CompleteAssignmentPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = AssignmentId(input.id.check("id")?.0);
            let done_by = input.done_by_id.check("doneById")?.map(|id| HouseholdMemberId(id.0));
            let tx = scope(ctx).write().await?;
            let turn = assignments::complete(&tx, household, id, done_by, input.expected_version).await?;
            tx.commit().await?;
            Ok(CompleteAssignmentPayload { assignment: Assignment(turn) })
        })
        .await
    }

    /// Says that nobody did a turn, or will: it counts for nobody. Of an own turn, or as an administrator.
    async fn skip_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which turn.")] input: AssignmentInput,
    ) -> Option<Result<SkipAssignmentPayload>> {
        nullable(async {
            let (household, id, expected_version) = input.read()?;
            let tx = scope(ctx).write().await?;
            let turn = assignments::skip(&tx, household, id, expected_version).await?;
            tx.commit().await?;
            Ok(SkipAssignmentPayload { assignment: Assignment(turn) })
        })
        .await
    }

    /// Takes back that a turn was done or skipped.
    async fn reopen_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which turn.")] input: AssignmentInput,
    ) -> Option<Result<ReopenAssignmentPayload>> {
        nullable(async {
            let (household, id, expected_version) = input.read()?;
            let tx = scope(ctx).write().await?;
            let turn = assignments::reopen(&tx, household, id, expected_version).await?;
            tx.commit().await?;
            Ok(ReopenAssignmentPayload { assignment: Assignment(turn) })
        })
        .await
    }
}
