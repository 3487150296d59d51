//! The decisions of the Night Routine Scheduler, for two.

use chrono::{Days, NaiveDate};

use super::{
    Assignment, Book, Candidate, Decision, Doer, Member, MemberId, Policy, RECENT_DAYS, Reason, Slot, Verdict, assigned, by_hand, on_rota,
};

/// How many stored nights are looked at to see who did it last and how often in a row.
const HISTORY: usize = 7;
/// How many nights in a row are too many once the totals are even.
const STREAK: u32 = 2;

/// Decides every slot that is not in the book, day by day, each from what the book has before it. Answers a record for each,
/// and for what was decided by hand.
pub(super) fn fill(members: &[&Member], slots: &[&Slot], book: &mut Book) -> Vec<Decision> {
    let free = |id: MemberId, date: NaiveDate| {
        let slot = slots.iter().find(|slot| slot.date == date);
        slot.is_some_and(|slot| on_rota(members, date).any(|member| member.id == id && member.obstacle(slot).is_none()))
    };
    let mut decisions = Vec::new();
    let mut smoother = Smoother::default();
    for slot in slots {
        let decision = decide(members, slot, book);
        match book.get(&slot.date) {
            None => {
                book.insert(slot.date, assigned(slot, &decision));
                decisions.push(decision);
                if let Some(swapped) = smoother.follow(&mut decisions, free) {
                    for decision in &decisions[swapped..=swapped + 1] {
                        if let Some(assignment) = book.get_mut(&decision.date) {
                            assignment.doer = decision.doer.clone();
                            assignment.reason = Some(decision.reason);
                        }
                    }
                }
            }
            Some(kept) => {
                smoother = Smoother::default();
                if kept.pinned {
                    decisions.push(by_hand(decision, kept.credited()));
                }
            }
        }
    }
    decisions
}

/// Decides one night from what the book has before it.
fn decide(members: &[&Member], slot: &Slot, book: &Book) -> Decision {
    let mut candidates: Vec<Candidate> = on_rota(members, slot.date).map(|member| seen(member, slot, book)).collect();
    let free: Vec<usize> = (0..candidates.len()).filter(|&index| candidates[index].verdict == Verdict::Chosen).collect();
    let (chosen, reason, verdict) = match free[..] {
        [] => (None, Reason::Unfilled, Verdict::Chosen),
        [only] => (Some(only), Reason::Unavailability, Verdict::Chosen),
        [first, second, ..] => {
            let (takes_first, reason, verdict) = turn(&candidates[first], &candidates[second], &history(slot.date, book));
            (Some(if takes_first { first } else { second }), reason, verdict)
        }
    };
    let other = free.iter().copied().find(|&index| Some(index) != chosen);
    if let Some(other) = other {
        candidates[other].verdict = verdict;
    }
    Decision {
        date: slot.date,
        policy: Policy::NightRoutine,
        doer: chosen.map_or(Doer::Nobody, |index| Doer::Member(candidates[index].member)),
        reason,
        otherwise: other.map(|index| candidates[index].member),
        candidates,
        swapped_with: None,
    }
}

/// Whether it is the first one's turn, where both are free; why, and why not the other's.
fn turn(first: &Candidate, second: &Candidate, history: &[MemberId]) -> (bool, Reason, Verdict) {
    let Some(&last) = history.first() else {
        let verdict = if first.total == second.total { Verdict::LaterInOrder } else { Verdict::MoreInTotal };
        return (first.total <= second.total, Reason::TotalCount, verdict);
    };
    if first.total != second.total {
        return (first.total < second.total, Reason::TotalCount, Verdict::MoreInTotal);
    }
    // The other one of somebody who is neither, such as one who left, is the first.
    let first_is_other = last != first.member;
    let known = last == first.member || last == second.member;
    if streak(history, last) >= STREAK {
        return (first_is_other, Reason::ConsecutiveLimit, if known { Verdict::StreakLimit } else { Verdict::LaterInOrder });
    }
    if first.recent != second.recent {
        return (first.recent < second.recent, Reason::RecentCount, Verdict::MoreRecently);
    }
    (first_is_other, Reason::Alternating, if known { Verdict::DidItLast } else { Verdict::LaterInOrder })
}

/// What is seen of a member, with [`Verdict::Chosen`] for who is free.
fn seen(member: &Member, slot: &Slot, book: &Book) -> Candidate {
    let counts = |assignment: &&Assignment| match assignment.credited() {
        Doer::Member(id) => *id == member.id,
        Doer::Helper(_) => true,
        Doer::Nobody => false,
    };
    let since = slot.date.checked_sub_days(Days::new(RECENT_DAYS)).unwrap_or(NaiveDate::MIN);
    let count = |from: NaiveDate| book.range(from..slot.date).filter(|(_, assignment)| counts(assignment)).count() as u32;
    let own = book.range(..slot.date).rev().find(|(_, assignment)| *assignment.credited() == Doer::Member(member.id));
    let history = history(slot.date, book);
    Candidate {
        member: member.id,
        total: count(NaiveDate::MIN),
        recent: count(since),
        debt: None,
        last: own.map(|(date, _)| *date),
        streak: streak(&history, member.id),
        verdict: member.obstacle(slot).unwrap_or(Verdict::Chosen),
    }
}

/// Which members did the last nights before `date`, the newest first. Helpers' nights take up places and are then left out, so
/// that seven of them leave nothing.
fn history(date: NaiveDate, book: &Book) -> Vec<MemberId> {
    let nights = book.range(..date).rev().map(|(_, assignment)| assignment.credited()).filter(|doer| **doer != Doer::Nobody);
    let member = |doer: &Doer| match doer {
        Doer::Member(id) => Some(*id),
        Doer::Helper(_) | Doer::Nobody => None,
    };
    nights.take(HISTORY).filter_map(member).collect()
}

/// How many of the newest in a row are `member`'s.
fn streak(history: &[MemberId], member: MemberId) -> u32 {
    history.iter().take_while(|id| **id == member).count() as u32
}

/// Breaks up two doubles in a row: of A A B B it makes A B A B. It sees freshly decided nights alone; what was decided by hand or
/// left no choice is not moved, and neither is anything across it.
#[derive(Debug, Default)]
pub struct Smoother {
    previous: Option<Run>,
    current: Option<Run>,
}

/// Nights in a row of one member.
#[derive(Clone, Copy, Debug)]
struct Run {
    member: MemberId,
    nights: usize,
}

impl Smoother {
    /// Takes note of the last of `decisions`, and where it makes a double after a double exchanges the nights between the two,
    /// if both members are free: `free` tells. Answers the index of the first of the exchanged ones.
    pub fn follow(&mut self, decisions: &mut [Decision], free: impl Fn(MemberId, NaiveDate) -> bool) -> Option<usize> {
        let newest = decisions.last()?;
        let fixed = matches!(newest.reason, Reason::Override | Reason::Unavailability | Reason::Unfilled);
        let Doer::Member(member) = newest.doer else {
            *self = Self::default();
            return None;
        };
        if fixed {
            *self = Self::default();
            return None;
        }
        match &mut self.current {
            Some(run) if run.member == member => run.nights += 1,
            _ => self.previous = self.current.replace(Run { member, nights: 1 }),
        }
        let (Some(previous), Some(current)) = (self.previous, self.current) else { return None };
        if previous.nights < 2 || current.nights < 2 {
            return None;
        }
        let index = decisions.len() - 3;
        if !free(current.member, decisions[index].date) || !free(previous.member, decisions[index + 1].date) {
            *self = Self { previous: None, current: Some(Run { member, nights: 1 }) };
            return None;
        }
        let dates = [decisions[index].date, decisions[index + 1].date];
        decisions[index].exchange(current.member, dates[1]);
        decisions[index + 1].exchange(previous.member, dates[0]);
        *self = Self::default();
        Some(index)
    }
}

impl Decision {
    /// Makes it `member`'s, in exchange for the night of `date`.
    fn exchange(&mut self, member: MemberId, date: NaiveDate) {
        for candidate in &mut self.candidates {
            if candidate.member == member {
                candidate.verdict = Verdict::Chosen;
            } else if candidate.verdict == Verdict::Chosen {
                candidate.verdict = Verdict::SwappedAway;
                self.otherwise = Some(candidate.member);
            }
        }
        self.doer = Doer::Member(member);
        self.reason = Reason::DoubleConsecutiveSwap;
        self.swapped_with = Some(date);
    }
}
