//! Who does a household's routine on which day, and why: a pure function of its input. It reads no clock, draws no random
//! number and computes in integers, so that the same input gives the same plan, on every machine and for ever.
//!
//! [`plan`] takes a [`Rota`] (members, what is stored, which days to fill) and answers a [`Plan`]: who does what on each day,
//! with a [`Decision`] to store beside it, what changed and for which recorded cause, and what cannot be done
//! ([`Problem`]). The order in which members, assignments, slots and absences are given does not matter.
//!
//! Two policies decide. [`Policy::NightRoutine`] is that of the Night Routine Scheduler, for two. [`Policy::Ledger`] keeps
//! accounts for any number: whoever takes part in a day owes a share of its effort, and whoever does it has paid.
#![deny(clippy::float_arithmetic)]

mod event_title;
mod explanation;
mod feasibility;
mod ledger;
mod night_routine;
mod planning;
#[cfg(test)]
mod scenario;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use event_title::doer_in_title;
pub use explanation::{CandidateExplanation, Explanation, explain};
pub use ledger::{EFFORT, Standing, standings};
pub use night_routine::Smoother;
pub use planning::plan;

use crate::error::{Error, Result};

/// The largest effort of a slot.
pub const MOST_EFFORT: u32 = 100;
/// The largest weight of a member.
pub const MOST_WEIGHT: u32 = 100;
/// The most members of a rota, those who left included.
pub const MOST_MEMBERS: usize = 100;
/// The most days that are planned at once.
pub const MOST_SLOTS: usize = 1_100;
/// Both policies look this many days back for what was done recently.
pub const RECENT_DAYS: u64 = 30;

/// A member of the household: an id of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub Uuid);

/// Days from `from` to `until`, both included; without an end where `until` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: Option<NaiveDate>,
}

/// A stretch of days in which a member belongs to the rota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participation {
    /// When. The stretches of a member must not overlap.
    pub span: Span,
    /// The member's part of the work, relative to the others': 1 to [`MOST_WEIGHT`]. Only the ledger reads it. A new weight is
    /// a new stretch, so that what was owed under the old one stays owed.
    pub weight: u32,
}

/// Somebody who takes turns, now or formerly. Leave those who left in: their nights still count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub id: MemberId,
    /// The member's place in the order that decides a tie which nothing else does: the lowest goes first, and of equal ranks the
    /// lower id. It is what makes one of two the night routine's first parent.
    pub rank: u32,
    /// When the member belongs to the rota.
    pub participations: Vec<Participation>,
    /// Weekdays on which the member is never assigned. The member still owes a share of them.
    pub unavailable: Vec<Weekday>,
    /// Days away: the member is not assigned, and owes nothing of them.
    pub absences: Vec<Span>,
    /// What the member can do, for slots that need it.
    pub skills: Vec<String>,
}

/// A day to fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The day; at most one slot each.
    pub date: NaiveDate,
    /// How much work it is, relative to other days: 1 to [`MOST_EFFORT`]. Only the ledger reads it.
    pub effort: u32,
    /// A skill that whoever does it must have.
    pub needs: Option<String>,
}

/// Who does, or did, a day's routine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doer {
    /// A member.
    Member(MemberId),
    /// Somebody from outside, such as a babysitter, by name. It counts for nobody: the night routine adds one to both, which
    /// changes no difference, and the ledger asks no share of it.
    Helper(String),
    /// Nobody: the day is unfilled, or was skipped. It counts for nobody.
    Nobody,
}

/// What is stored for a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The day; at most one assignment each.
    pub date: NaiveDate,
    /// Its effort, as its slot had it.
    pub effort: u32,
    /// Who is to do it.
    pub doer: Doer,
    /// Somebody decided it by hand (override, accepted swap): no run changes it.
    pub pinned: bool,
    /// Who really did it, once that is known. The credit goes there, and no run changes the day any more.
    pub done_by: Option<Doer>,
    /// The stored reason; `None` after an unlock, until the next run, and for an override that has no decision yet.
    pub reason: Option<Reason>,
}

/// Which rules decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The Night Routine Scheduler's: totals, then streaks, then the last 30 days, then alternation, and a swap that breaks up
    /// two doubles in a row. For rotas in which at most two members take part on any one day.
    NightRoutine,
    /// Accounts of effort for any number of members: whoever owes most is next.
    Ledger {
        /// How many times in a row one member is assigned where another is free; days without a member do not break a row.
        /// `None` for any number.
        streak_cap: Option<u32>,
    },
}

/// Which stored assignments a run may change. What is pinned or done never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// What is stored is published and stays, whatever day it is, unless a [`Cause`] of the run covers it. A daily run only
    /// fills new days.
    Published,
    /// As the Night Routine Scheduler does it: days up to today stay, except the first of the run and those after the first
    /// override in it; later days are decided anew by every run. It can change what was published without a cause.
    Past,
}

/// Why published assignments may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// Somebody was put on a day by hand.
    Override,
    /// A day's override was taken back: that day is decided anew too, even if it is past.
    Unlock,
    /// Two members exchanged days.
    Swap,
    /// A day was done by somebody else than planned, or skipped.
    Done,
    /// Days away were added, changed or removed.
    Absence,
    /// Weekdays on which a member is unavailable changed.
    Availability,
    /// A member joined or left, or has another weight, rank or skill.
    Membership,
    /// The policy or another setting of the routine changed.
    Settings,
    /// Somebody asked for a new plan from a day on: that day is decided anew too, even if it is past.
    Request,
    /// The day was unfilled: from today on every run tries again to fill it. The engine finds this one itself.
    Vacancy,
}

/// Something that happened since the last run, with the days that may change because of it: after today, and the first one
/// itself for [`CauseKind::Unlock`] and [`CauseKind::Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What happened.
    pub kind: CauseKind,
    /// The days that may change. For the least change, those of an absence alone; for the seed's behaviour, from the day of an
    /// override on.
    pub span: Span,
}

/// Everything a run needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rota {
    /// Which rules decide.
    pub policy: Policy,
    /// Everybody who takes or took turns.
    pub members: Vec<Member>,
    /// Everything that is stored of this routine, past and future: all of it counts.
    pub assignments: Vec<Assignment>,
    /// The days to fill.
    pub slots: Vec<Slot>,
    /// Today, for the household.
    pub today: NaiveDate,
    /// Which stored assignments may change.
    pub keep: Keep,
    /// What happened since the last run; only [`Keep::Published`] reads it.
    pub causes: Vec<Cause>,
}

/// Why somebody does a day's routine. Stored as [`Reason::name`], which is also how it is serialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// Nobody else could.
    #[serde(rename = "Unavailability")]
    Unavailability,
    /// Fewer nights in all (night routine).
    #[serde(rename = "Total Count")]
    TotalCount,
    /// Fewer nights in the last 30 days (night routine).
    #[serde(rename = "Recent Count")]
    RecentCount,
    /// Whoever was next by the other rules had done it too often in a row.
    #[serde(rename = "Consecutive Limit")]
    ConsecutiveLimit,
    /// The other one did it last (night routine).
    #[serde(rename = "Alternating")]
    Alternating,
    /// Decided by hand.
    #[serde(rename = "Override")]
    Override,
    /// Exchanged with a neighbouring night, so that two doubles in a row became turns (night routine).
    #[serde(rename = "Double Consecutive Swap")]
    DoubleConsecutiveSwap,
    /// Owed the most (ledger).
    #[serde(rename = "Largest Debt")]
    LargestDebt,
    /// Owed as much as others and had done the least in the last 30 days (ledger).
    #[serde(rename = "Recent Load")]
    RecentLoad,
    /// Otherwise equal and had waited longest (ledger).
    #[serde(rename = "Longest Wait")]
    LongestWait,
    /// Otherwise equal and first in the members' order (ledger).
    #[serde(rename = "Order")]
    Order,
    /// Nobody could.
    #[serde(rename = "Unfilled")]
    Unfilled,
}

/// A decision as it was taken, with all that was seen: stored beside the assignment as JSON, and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The day.
    pub date: NaiveDate,
    /// Which rules decided.
    pub policy: Policy,
    /// Who does it.
    pub doer: Doer,
    /// Why.
    pub reason: Reason,
    /// Everybody who belongs to the rota on that day, in the members' order, with the counts that were seen and why each was
    /// chosen or not.
    pub candidates: Vec<Candidate>,
    /// Who would have done it had the chosen one not been free, or had nobody decided by hand.
    pub otherwise: Option<MemberId>,
    /// For a smoothing swap: the night it was exchanged with. The counts are those from before the swap.
    pub swapped_with: Option<NaiveDate>,
}

/// What a decision saw of one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub member: MemberId,
    /// Nights before this day: in the night routine those of helpers included, in the ledger the member's own.
    pub total: u32,
    /// Of them, what lies in the last 30 days: nights in the night routine, effort in the ledger.
    pub recent: u32,
    /// What the member owes, this day's share included, in units of 1/[`EFFORT`] effort; negative for who is ahead. Ledger only.
    pub debt: Option<i64>,
    /// The last day that the member did.
    pub last: Option<NaiveDate>,
    /// How many times in a row the member has done it, up to this day; 0 for anyone but the last.
    pub streak: u32,
    /// Chosen, or why not.
    pub verdict: Verdict,
}

/// Why a candidate was chosen or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
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
    /// Has more nights in all.
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
    /// Was chosen first; then the night was exchanged with its neighbour.
    SwappedAway,
}

/// A planned day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The assignment as it is to be stored.
    pub assignment: Assignment,
    /// `true` where the stored assignment stays as it is.
    pub kept: bool,
    /// The record to store beside it: for every day that was decided now, and for a kept one by hand, the override as this run
    /// sees it (to be stored where there is none yet). `None` for what is otherwise kept: the stored record stands.
    pub decision: Option<Decision>,
}

/// An assignment that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The day.
    pub date: NaiveDate,
    /// Who was to do it.
    pub before: Doer,
    /// Who does it now.
    pub after: Doer,
    /// The first given cause that covers the day. Always there under [`Keep::Published`].
    pub cause: Option<CauseKind>,
}

/// What the rota cannot do. Reported instead of promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Problem {
    /// Nobody can do this day; it is left to [`Doer::Nobody`], and the days after it are planned.
    NobodyAvailable {
        /// The day.
        date: NaiveDate,
    },
    /// A day from today on stays with a member who cannot do it: a published one that no cause covers.
    KeptThoughUnavailable {
        /// The day.
        date: NaiveDate,
        /// Who has it.
        member: MemberId,
    },
    /// These members are together free on too few weekdays to ever do their share (ledger).
    ShareOutOfReach {
        /// Since when this has been so in the planned days.
        from: NaiveDate,
        /// Who cannot.
        members: Vec<MemberId>,
        /// The weekdays of the routine on which at least one of them is free.
        weekdays: Vec<Weekday>,
    },
    /// The member's share is more than the streak cap lets anyone do (ledger).
    StreakCapTooLow {
        /// Since when this has been so in the planned days.
        from: NaiveDate,
        /// Whose share is too large.
        member: MemberId,
        /// The smallest cap that would do.
        cap: u32,
    },
    /// Weekdays and streak cap together keep the member from the share: it drifts away for ever (ledger).
    Drift {
        /// Since when this has been so in the planned days.
        from: NaiveDate,
        /// Who.
        member: MemberId,
        /// How much more effort than the share (or, negative, less) the member does in 52 weeks, rounded towards zero.
        a_year: i64,
    },
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Every slot, by date.
    pub days: Vec<Planned>,
    /// The stored assignments that changed, by date.
    pub changes: Vec<Change>,
    /// What cannot be done.
    pub problems: Vec<Problem>,
    /// The most that anybody whom the plan chooses is then ahead of the share, in units of 1/[`EFFORT`] effort. `None` where
    /// nothing is promised: in the night routine, with absences, unavailable weekdays, needed skills, a streak cap that could
    /// bind, members who come or go, or a problem.
    pub bound: Option<i64>,
}

impl Member {
    /// The member's weight on `date`; `None` for who does not belong to the rota then.
    fn weight(&self, date: NaiveDate) -> Option<u32> {
        self.participations.iter().find(|participation| participation.span.contains(date)).map(|participation| participation.weight)
    }

    fn away(&self, date: NaiveDate) -> bool {
        self.absences.iter().any(|absence| absence.contains(date))
    }

    /// Why the member cannot do a slot.
    fn obstacle(&self, slot: &Slot) -> Option<Verdict> {
        if self.away(slot.date) {
            Some(Verdict::Away)
        } else if self.unavailable.contains(&slot.date.weekday()) {
            Some(Verdict::UnavailableWeekday)
        } else {
            slot.needs.as_ref().filter(|skill| !self.skills.contains(skill)).map(|_| Verdict::LacksSkill)
        }
    }

    fn check(&self) -> Result<()> {
        let spans = self.participations.iter().map(|participation| &participation.span);
        if spans.clone().chain(&self.absences).any(|span| span.until.is_some_and(|until| until < span.from)) {
            return Err(Error::invalid("until", "must not be before from"));
        }
        let mut spans: Vec<&Span> = spans.collect();
        spans.sort_by_key(|span| span.from);
        if spans.windows(2).any(|pair| pair[0].contains(pair[1].from)) {
            return Err(Error::invalid("participations", "must not overlap"));
        }
        match self.participations.iter().map(|participation| participation.weight).find(|weight| !(1..=MOST_WEIGHT).contains(weight)) {
            Some(weight) => Err(Error::invalid("weight", format!("must be between 1 and {MOST_WEIGHT}, is {weight}"))),
            None => Ok(()),
        }
    }
}

/// Whether an assignment of `date` may still be changed by hand: from `threshold_days` before today on.
pub fn may_change(date: NaiveDate, today: NaiveDate, threshold_days: u32) -> bool {
    (today - date).num_days() <= i64::from(threshold_days)
}

impl Span {
    /// Whether `date` is one of the days.
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.from <= date && self.until.is_none_or(|until| date <= until)
    }
}

impl Slot {
    /// A slot of effort 1 on each day from `from` to `to`, both included.
    pub fn daily(from: NaiveDate, to: NaiveDate) -> Vec<Self> {
        from.iter_days().take_while(|date| *date <= to).map(|date| Self { date, effort: 1, needs: None }).collect()
    }
}

impl Assignment {
    /// Whom the day counts for: who did it, else who is to.
    pub fn credited(&self) -> &Doer {
        self.done_by.as_ref().unwrap_or(&self.doer)
    }
}

impl Reason {
    /// The stored text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unavailability => "Unavailability",
            Self::TotalCount => "Total Count",
            Self::RecentCount => "Recent Count",
            Self::ConsecutiveLimit => "Consecutive Limit",
            Self::Alternating => "Alternating",
            Self::Override => "Override",
            Self::DoubleConsecutiveSwap => "Double Consecutive Swap",
            Self::LargestDebt => "Largest Debt",
            Self::RecentLoad => "Recent Load",
            Self::LongestWait => "Longest Wait",
            Self::Order => "Order",
            Self::Unfilled => "Unfilled",
        }
    }
}
