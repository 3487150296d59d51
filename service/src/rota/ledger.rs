//! The ledger: accounts of effort, for any number of members.
//!
//! Whoever takes part in a day owes a share of its effort by weight, and whoever does it has paid it. Weekdays on which a member
//! is not available are owed all the same; days away, before joining and after leaving are not. A helper's day, or one that
//! nobody did, is owed by nobody. Of those who can do a day, whoever owes most does it, so that nobody ever gets ahead by more
//! than one day's effort: what all owe together is that day's effort, hence the most that one of n owes is at least 1/n of it.

use std::cmp::{Ordering, Reverse};

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{
    Assignment, Book, Candidate, Decision, Doer, Member, MemberId, Policy, RECENT_DAYS, Reason, Slot, Verdict, assigned, by_hand, in_order,
};

/// One effort in the ledger's units. It divides by every sum of weights up to 20, and by 100, so that shares are then exact;
/// others are rounded to a unit each, in such a way that all balances together stay 0.
pub const EFFORT: i64 = 1_163_962_800;

/// A member's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whose.
    pub member: MemberId,
    /// Days done.
    pub days: u32,
    /// Effort done, in units of 1/[`EFFORT`].
    pub load: i64,
    /// Effort owed in all, in the same units.
    pub share: i64,
    /// The last day done.
    pub last: Option<NaiveDate>,
}

impl Standing {
    /// How far ahead of the share; negative for who owes. Over all members it is 0 together.
    pub fn balance(&self) -> i64 {
        self.load - self.share
    }
}

/// Every member's account as of the start of `date`, in the members' order: what was assigned before counts as done, unless it
/// is known who really did it. Under either policy.
pub fn standings(members: &[Member], assignments: &[Assignment], date: NaiveDate) -> Vec<Standing> {
    let members = in_order(members);
    let mut ledger = Ledger::new(&members, None);
    let mut before: Vec<&Assignment> = assignments.iter().filter(|assignment| assignment.date < date).collect();
    before.sort_by_key(|assignment| assignment.date);
    for assignment in before {
        ledger.post(assignment);
    }
    ledger.accounts
}

/// Decides every slot that is not in the book, day by day. Answers a record for each, and for what was decided by hand.
pub(super) fn fill(members: &[&Member], streak_cap: Option<u32>, slots: &[&Slot], book: &mut Book) -> Vec<Decision> {
    let mut ledger = Ledger::new(members, streak_cap);
    let mut decisions = Vec::new();
    let mut posted = NaiveDate::MIN;
    for slot in slots {
        for assignment in book.range(posted..slot.date).map(|(_, assignment)| assignment) {
            ledger.post(assignment);
        }
        posted = slot.date;
        match book.get(&slot.date) {
            None => {
                let decision = ledger.decide(slot);
                book.insert(slot.date, assigned(slot, &decision));
                decisions.push(decision);
            }
            Some(kept) if kept.pinned => decisions.push(by_hand(ledger.decide(slot), kept.credited())),
            Some(_) => {}
        }
    }
    decisions
}

/// Accounts as of a day, and what decides between them.
pub(super) struct Ledger<'a> {
    members: &'a [&'a Member],
    streak_cap: Option<u32>,
    accounts: Vec<Standing>,
    /// What was done, by date: day, index of the member, effort.
    recent: Vec<(NaiveDate, usize, u32)>,
    /// Who did it last, and how many times in a row.
    run: Option<(usize, u32)>,
}

impl<'a> Ledger<'a> {
    /// Empty accounts of `members`, who are in their order.
    pub(super) fn new(members: &'a [&'a Member], streak_cap: Option<u32>) -> Self {
        let empty = |member: &&Member| Standing { member: member.id, days: 0, load: 0, share: 0, last: None };
        Self { members, streak_cap, accounts: members.iter().map(empty).collect(), recent: Vec::new(), run: None }
    }

    /// Every member's balance, in the members' order.
    pub(super) fn balances(&self) -> Vec<i64> {
        self.accounts.iter().map(Standing::balance).collect()
    }

    /// Enters a day, which is later than all before.
    pub(super) fn post(&mut self, assignment: &Assignment) {
        let Doer::Member(id) = assignment.credited() else { return };
        let Some(doer) = self.members.iter().position(|member| member.id == *id) else { return };
        let shares = self.shares(assignment.date, assignment.effort);
        // Somebody who came for a day on which nobody took part owes it as well as pays it.
        let unowed = shares.iter().all(|share| *share == 0);
        for (account, share) in self.accounts.iter_mut().zip(shares) {
            account.share += share;
        }
        let effort = i64::from(assignment.effort) * EFFORT;
        let account = &mut self.accounts[doer];
        account.load += effort;
        account.share += if unowed { effort } else { 0 };
        account.days += 1;
        account.last = Some(assignment.date);
        self.recent.push((assignment.date, doer, assignment.effort));
        self.run = Some((doer, self.streak(doer) + 1));
    }

    /// What each member owes of a day: its effort by weight, among those who take part and are not away; the largest
    /// remainders are rounded up.
    fn shares(&self, date: NaiveDate, effort: u32) -> Vec<i64> {
        let weight = |member: &&Member| if member.away(date) { 0 } else { i64::from(member.weight(date).unwrap_or(0)) };
        let weights: Vec<i64> = self.members.iter().map(weight).collect();
        let all: i64 = weights.iter().sum();
        if all == 0 {
            return weights;
        }
        let effort = i64::from(effort) * EFFORT;
        let mut shares: Vec<i64> = weights.iter().map(|weight| effort * weight / all).collect();
        let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
        by_remainder.sort_by_key(|&index| Reverse(effort * weights[index] % all));
        let left = effort - shares.iter().sum::<i64>();
        for index in by_remainder.into_iter().take(left as usize) {
            shares[index] += 1;
        }
        shares
    }

    fn streak(&self, member: usize) -> u32 {
        self.run.filter(|run| run.0 == member).map_or(0, |run| run.1)
    }

    /// Decides a day that is later than all that was entered.
    pub(super) fn decide(&self, slot: &Slot) -> Decision {
        let since = slot.date.checked_sub_days(Days::new(RECENT_DAYS)).unwrap_or(NaiveDate::MIN);
        let shares = self.shares(slot.date, slot.effort);
        let seen = |(index, member): (usize, &&Member)| {
            let account = &self.accounts[index];
            let recently = self.recent.iter().rev().take_while(|done| done.0 >= since).filter(|done| done.1 == index);
            Candidate {
                member: member.id,
                total: account.days,
                recent: recently.map(|done| done.2).sum(),
                debt: Some(shares[index] - account.balance()),
                last: account.last,
                streak: self.streak(index),
                verdict: member.obstacle(slot).unwrap_or(Verdict::Chosen),
            }
        };
        let here = self.members.iter().enumerate().filter(|(_, member)| member.weight(slot.date).is_some());
        let mut candidates: Vec<Candidate> = here.map(seen).collect();
        let free: Vec<usize> = (0..candidates.len()).filter(|&index| candidates[index].verdict == Verdict::Chosen).collect();
        let (chosen, reason) = self.choose(&candidates, &free);
        let others: Vec<usize> = free.iter().copied().filter(|&index| Some(index) != chosen).collect();
        let otherwise = self.choose(&candidates, &others).0;
        if let Some(chosen) = chosen {
            for other in others {
                candidates[other].verdict = self.why_not(&candidates[other], &candidates[chosen]);
            }
        }
        Decision {
            date: slot.date,
            policy: Policy::Ledger { streak_cap: self.streak_cap },
            doer: chosen.map_or(Doer::Nobody, |index| Doer::Member(candidates[index].member)),
            reason,
            otherwise: otherwise.map(|index| candidates[index].member),
            candidates,
            swapped_with: None,
        }
    }

    fn at_cap(&self, candidate: &Candidate) -> bool {
        self.streak_cap.is_some_and(|cap| candidate.streak >= cap)
    }

    /// Who of the `free` is next, and why.
    fn choose(&self, candidates: &[Candidate], free: &[usize]) -> (Option<usize>, Reason) {
        let next = |of: &[usize]| of.iter().copied().min_by(|&one, &other| precedence(&candidates[one], &candidates[other]).0);
        let rested: Vec<usize> = free.iter().copied().filter(|&index| !self.at_cap(&candidates[index])).collect();
        let rested = if rested.is_empty() { free } else { &rested };
        let chosen = next(rested);
        let reason = match chosen {
            None => Reason::Unfilled,
            Some(_) if free.len() == 1 => Reason::Unavailability,
            Some(_) if chosen != next(free) => Reason::ConsecutiveLimit,
            // What set the chosen one apart from the closest of the others.
            Some(chosen) => {
                let others = rested.iter().filter(|index| **index != chosen);
                others.map(|other| precedence(&candidates[chosen], &candidates[*other]).1).max().unwrap_or(Reason::LargestDebt)
            }
        };
        (chosen, reason)
    }

    fn why_not(&self, other: &Candidate, chosen: &Candidate) -> Verdict {
        if self.at_cap(other) && !self.at_cap(chosen) {
            return Verdict::StreakLimit;
        }
        match precedence(chosen, other).1 {
            Reason::LargestDebt => Verdict::OwesLess,
            Reason::RecentLoad => Verdict::MoreRecently,
            Reason::LongestWait => Verdict::WaitedLess,
            _ => Verdict::LaterInOrder,
        }
    }
}

/// Which of two goes first, and by which rule; equal where only the members' order tells.
fn precedence(one: &Candidate, other: &Candidate) -> (Ordering, Reason) {
    let rules = [
        (other.debt.cmp(&one.debt), Reason::LargestDebt),
        (one.recent.cmp(&other.recent), Reason::RecentLoad),
        // Who never did it has waited longest.
        (one.last.cmp(&other.last), Reason::LongestWait),
    ];
    rules.into_iter().find(|rule| rule.0.is_ne()).unwrap_or((Ordering::Equal, Reason::Order))
}

/// The most that anybody whom the plan chooses is ahead after it: a day's effort less its n-th part. It holds where all who have
/// an account could do every day with one weight, and no streak cap came between.
pub(super) fn bound(members: &[&Member], slots: &[&Slot], decisions: &[Decision]) -> Option<i64> {
    let first = slots.first()?.date;
    let steady = |member: &&Member| {
        let always = |slot: &&Slot| member.weight(slot.date) == member.weight(first) && member.obstacle(slot).is_none();
        member.weight(first).is_some() && slots.iter().all(always)
    };
    if !members.iter().all(steady) || decisions.iter().any(|decision| decision.reason == Reason::ConsecutiveLimit) {
        return None;
    }
    let most_effort = slots.iter().map(|slot| i64::from(slot.effort)).max()? * EFFORT;
    // The one who owes most owes at least the n-th part, rounded up.
    Some(most_effort - (most_effort - 1) / i64::try_from(members.len()).ok()? - 1)
}
