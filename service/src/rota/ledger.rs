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
    Assignment, Candidate, Decision, Doer, Member, MemberId, Policy, RECENT_DAYS, Reason, Slot, Verdict,
    planning::{Book, assigned, by_hand, in_order},
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
    done: Vec<(NaiveDate, usize, u32)>,
    /// Who did it last, and how many times in a row.
    run: Option<(usize, u32)>,
}

impl<'a> Ledger<'a> {
    /// Empty accounts of `members`, who are in their order.
    pub(super) fn new(members: &'a [&'a Member], streak_cap: Option<u32>) -> Self {
        let empty = |member: &&Member| Standing { member: member.id, days: 0, load: 0, share: 0, last: None };
        Self { members, streak_cap, accounts: members.iter().map(empty).collect(), done: Vec::new(), run: None }
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
        self.done.push((assignment.date, doer, assignment.effort));
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
            let recently = self.done.iter().rev().take_while(|done| done.0 >= since).filter(|done| done.1 == index);
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

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use proptest::{collection::vec, prelude::*};

    use super::{super::scenario::*, *};
    use crate::rota::{Participation, Plan, Rota, Span};

    /// Every member's balance after each planned day.
    fn balances(rota: &Rota, plan: &Plan) -> Vec<Vec<i64>> {
        let members = in_order(&rota.members);
        let mut ledger = Ledger::new(&members, None);
        for assignment in rota.assignments.iter().filter(|assignment| assignment.date < FIRST) {
            ledger.post(assignment);
        }
        let after = |planned: &super::super::Planned| {
            ledger.post(&planned.assignment);
            ledger.balances()
        };
        plan.days.iter().map(after).collect()
    }

    /// In thirds, halves and the like.
    fn parts(numerator: i64, denominator: i64) -> i64 {
        EFFORT * numerator / denominator
    }

    fn letters(count: usize) -> String {
        ('A'..='Z').take(count).collect()
    }

    #[test]
    fn equal_members_take_turns() {
        let rota = Rota::of(LEDGER, "ABC", 6);
        let plan = rota.planned();
        assert_eq!(plan.letters(), "ABCABC");
        let second_round = [Reason::LongestWait, Reason::LongestWait, Reason::LargestDebt];
        assert_eq!(plan.reasons(), [[Reason::Order, Reason::Order, Reason::LargestDebt], second_round].concat());
        assert_eq!(balances(&rota, &plan)[0], [parts(2, 3), parts(-1, 3), parts(-1, 3)]);
        assert_eq!(plan.bound, Some(parts(2, 3)));
    }

    #[test]
    fn a_double_weight_does_half_of_the_work_of_three() {
        let mut rota = Rota::of(LEDGER, "ABC", 8);
        rota.member('A').participations[0].weight = 2;
        assert_eq!(rota.planned().letters(), "ABCAABCA");
    }

    #[test]
    fn who_is_away_owes_nothing_and_who_is_not_free_on_a_weekday_owes_all_the_same() {
        let mut away = Rota::of(LEDGER, "AB", 4);
        away.member('B').absences = vec![span(0, 1)];
        assert_eq!(away.planned().letters(), "AABA");
        let not_free = Rota::of(LEDGER, "AB", 4).unavailable('B', &[Weekday::Mon, Weekday::Tue]);
        assert_eq!(not_free.planned().letters(), "AABB");
        let verdict = |plan: &Plan| plan.days[0].decision.as_ref().unwrap().candidates[1].verdict;
        assert_eq!((verdict(&away.planned()), verdict(&not_free.planned())), (Verdict::Away, Verdict::UnavailableWeekday));
    }

    #[test]
    fn who_did_less_lately_goes_first_of_those_who_owe_the_same() {
        let mut rota = Rota::of(LEDGER, "ABC", 1).after("ABAB");
        rota.member('C').participations[0].span.from = FIRST;
        let plan = rota.planned();
        assert_eq!((plan.letters().as_str(), plan.reasons()[0]), ("C", Reason::RecentLoad));
        let verdicts = plan.days[0].decision.as_ref().unwrap().candidates.iter().map(|candidate| candidate.verdict);
        assert_eq!(verdicts.collect::<Vec<_>>(), [Verdict::MoreRecently, Verdict::MoreRecently, Verdict::Chosen]);
    }

    #[test]
    fn a_streak_at_the_cap_is_broken_and_a_helper_does_not_hide_it() {
        let capped = Policy::Ledger { streak_cap: Some(2) };
        let plan = Rota::of(capped, "AB", 2).after("AAAABhB").planned();
        assert_eq!(plan.letters(), "AB");
        assert_eq!(plan.reasons()[0], Reason::ConsecutiveLimit);
        let decision = plan.days[0].decision.as_ref().unwrap();
        assert_eq!(decision.candidates[1].verdict, Verdict::StreakLimit);
        assert_eq!(plan.bound, None);
        // Where nobody else can, the cap gives way.
        let alone = Rota::of(capped, "AB", 1).after("AABB").unavailable('A', &[Weekday::Mon]).planned();
        assert_eq!((alone.letters().as_str(), alone.reasons()[0]), ("B", Reason::Unavailability));
    }

    #[test]
    fn a_helpers_day_and_one_that_nobody_did_are_owed_by_nobody() {
        let rota = Rota::of(LEDGER, "AB", 1).after("Ah-hB");
        assert!(standings(&rota.members, &rota.assignments, FIRST).iter().all(|account| account.balance() == 0));
    }

    #[test]
    fn a_week_of_helpers_leaves_the_accounts_and_the_turn_as_they_were() {
        let rota = Rota::of(LEDGER, "AB", 2).after("BAhhhhhhh");
        assert_eq!(rota.planned().letters(), "BA");
        assert_eq!(rota.planned().reasons()[0], Reason::LongestWait);
    }

    #[test]
    fn the_credit_follows_the_doer() {
        let mut rota = Rota::of(LEDGER, "AB", 1).after("A");
        rota.stored_on(-1).done_by = Some(doer('B'));
        let [ada, ben] = standings(&rota.members, &rota.assignments, FIRST)[..] else { panic!("two accounts") };
        assert_eq!((ada.balance(), ben.balance()), (parts(-1, 2), parts(1, 2)));
        assert_eq!((ada.days, ben.days, ben.last), (0, 1, Some(day(-1))));
        assert_eq!(rota.planned().letters(), "A");
    }

    #[test]
    fn who_comes_back_to_help_gets_the_credit_and_who_comes_when_nobody_takes_part_is_even() {
        let mut rota = Rota::of(LEDGER, "ABC", 1).after("C");
        rota.member('C').absences = vec![span(-1, -1)];
        let balance =
            |rota: &Rota| -> Vec<i64> { standings(&rota.members, &rota.assignments, FIRST).iter().map(Standing::balance).collect() };
        assert_eq!(balance(&rota), [parts(-1, 2), parts(-1, 2), EFFORT]);
        for letter in ['A', 'B'] {
            rota.member(letter).absences = vec![span(-1, -1)];
        }
        assert_eq!(balance(&rota), [0, 0, 0]);
    }

    #[test]
    fn a_skill_that_nobody_has_leaves_the_day_unfilled() {
        let mut rota = Rota::of(LEDGER, "AB", 3);
        rota.member('B').skills = vec!["car".to_owned()];
        rota.slots[0].needs = Some("car".to_owned());
        rota.slots[1].needs = Some("boat".to_owned());
        let plan = rota.planned();
        assert_eq!(plan.letters(), "B-A");
        assert_eq!(plan.problems, [super::super::Problem::NobodyAvailable { date: day(1) }]);
        assert_eq!(plan.days[0].decision.as_ref().unwrap().candidates[0].verdict, Verdict::LacksSkill);
    }

    #[test]
    fn a_new_weight_leaves_what_was_owed_under_the_old_one() {
        let mut rota = Rota::of(LEDGER, "AB", 1).after("ABAB");
        rota.member('A').participations = vec![
            Participation { span: Span { from: NaiveDate::MIN, until: Some(day(-1)) }, weight: 1 },
            Participation { span: Span { from: FIRST, until: None }, weight: 3 },
        ];
        assert!(standings(&rota.members, &rota.assignments, FIRST).iter().all(|account| account.balance() == 0));
        let debts = rota.planned().days[0].decision.as_ref().unwrap().candidates.iter().map(|candidate| candidate.debt).collect::<Vec<_>>();
        assert_eq!(debts, [Some(parts(3, 4)), Some(parts(1, 4))]);
    }

    #[test]
    fn a_long_absence_leaves_no_debt_to_pay_back() {
        let mut rota = Rota::of(LEDGER, "AB", 6).after(&"A".repeat(300));
        rota.member('B').absences = vec![span(-300, -1)];
        assert!(!rota.planned().letters().contains("BB"));
        // In the night routine it does.
        rota.policy = Policy::NightRoutine;
        assert_eq!(rota.planned().letters(), "BBBBBB");
    }

    proptest! {
        #[test]
        fn equal_members_are_never_more_than_one_apart(count in 1_usize..=8, days in 1_i64..120, cap in prop::option::of(2_u32..4)) {
            let rota = Rota::of(Policy::Ledger { streak_cap: cap }, &letters(count), days);
            let plan = rota.planned();
            let most = EFFORT - EFFORT / count as i64;
            for balances in balances(&rota, &plan) {
                prop_assert!(balances.iter().max().unwrap() - balances.iter().min().unwrap() <= EFFORT);
                prop_assert!(balances.iter().all(|balance| balance.abs() <= most));
            }
            prop_assert_eq!(plan.bound, Some(most));
            prop_assert_eq!(plan.problems, []);
        }

        #[test]
        fn nobody_is_ahead_by_more_than_a_days_effort_less_its_nth_part(
            weights in vec(1_u32..=100, 1..=8),
            efforts in vec(1_u32..=9, 1..100),
        ) {
            let mut rota = Rota::of(LEDGER, &letters(weights.len()), efforts.len() as i64);
            for (member, weight) in rota.members.iter_mut().zip(&weights) {
                member.participations[0].weight = *weight;
            }
            for (slot, effort) in rota.slots.iter_mut().zip(&efforts) {
                slot.effort = *effort;
            }
            let plan = rota.planned();
            let bound = plan.bound.unwrap();
            let most_effort = i64::from(*efforts.iter().max().unwrap()) * EFFORT;
            prop_assert_eq!(bound, most_effort - (most_effort + weights.len() as i64 - 1) / weights.len() as i64);
            for balances in balances(&rota, &plan) {
                prop_assert_eq!(balances.iter().sum::<i64>(), 0);
                prop_assert!(balances.iter().all(|balance| *balance <= bound));
            }
        }

        /// Whatever happened before, and whatever is decided by hand in between.
        #[test]
        fn whoever_the_plan_chooses_is_then_within_what_it_promises(past in "[ABCh.-]{0,60}", by_hand in "[.Ah]{20}", weight in 1_u32..9) {
            let mut rota = Rota::of(LEDGER, "ABC", 20).after(&past).storing(&by_hand);
            rota.member('B').participations[0].weight = weight;
            for assignment in &mut rota.assignments {
                assignment.pinned = true;
            }
            let plan = rota.planned();
            let bound = plan.bound.unwrap();
            for decision in plan.days.iter().filter(|planned| !planned.kept).filter_map(|planned| planned.decision.as_ref()) {
                let chosen = decision.candidates.iter().find(|candidate| candidate.verdict == Verdict::Chosen).unwrap();
                prop_assert!(EFFORT - chosen.debt.unwrap() <= bound);
            }
        }

        /// The carpool problem: who takes part differs from day to day.
        #[test]
        fn absences_leave_everybody_within_half_of_the_others(
            count in 2_usize..=8,
            present in vec(1_u32..256, 1..150),
        ) {
            let mut rota = Rota::of(LEDGER, &letters(count), present.len() as i64);
            for (index, member) in rota.members.iter_mut().enumerate() {
                let away = (0..).zip(&present).filter(|(_, present)| *present & (1 << index) == 0);
                member.absences = away.map(|(number, _)| span(number, number)).collect();
            }
            let plan = rota.planned();
            for balances in balances(&rota, &plan) {
                prop_assert_eq!(balances.iter().sum::<i64>(), 0);
                prop_assert!(balances.iter().all(|balance| 2 * balance.abs() <= (count as i64 - 1) * EFFORT), "{:?}", balances);
            }
            prop_assert_eq!(plan.bound.is_some(), present.iter().all(|present| present & ((1 << count) - 1) == (1 << count) - 1));
        }

        #[test]
        fn nobody_exceeds_the_streak_cap_while_another_is_free(
            cap in 1_u32..4,
            weights in vec(1_u32..=5, 2..=5),
            busy in vec(0_u32..128, 5),
        ) {
            let mut rota = Rota::of(Policy::Ledger { streak_cap: Some(cap) }, &letters(weights.len()), 60);
            for ((member, weight), busy) in rota.members.iter_mut().zip(&weights).zip(&busy) {
                member.participations[0].weight = *weight;
                let weekdays = (0_u8..7).filter(|weekday| busy & (1 << weekday) != 0);
                member.unavailable = weekdays.map(|weekday| Weekday::try_from(weekday).unwrap()).collect();
            }
            for planned in rota.planned().days {
                let decision = planned.decision.unwrap();
                let chosen = decision.candidates.iter().find(|candidate| candidate.verdict == Verdict::Chosen);
                let Some(chosen) = chosen else { continue };
                let member = rota.members.iter().find(|member| member.id == chosen.member).unwrap();
                prop_assert!(!member.unavailable.contains(&chrono::Datelike::weekday(&decision.date)));
                let others = decision.candidates.iter().filter(|candidate| candidate.member != chosen.member);
                let only = others.map(|other| other.verdict).all(|verdict| verdict == Verdict::UnavailableWeekday);
                prop_assert!(chosen.streak < cap || only);
            }
        }

        #[test]
        fn who_joins_owes_from_then_on_and_nothing_of_before(joins in 0_i64..60, weights in vec(1_u32..=9, 2..=5)) {
            let mut rota = Rota::of(LEDGER, &letters(weights.len()), 90);
            for (member, weight) in rota.members.iter_mut().zip(&weights) {
                member.participations[0].weight = *weight;
            }
            let late = rota.members.last().unwrap().id;
            rota.members.last_mut().unwrap().participations[0].span.from = day(joins);
            let plan = rota.planned();
            rota.store(&plan);
            let of = |date: NaiveDate| {
                let accounts = standings(&rota.members, &rota.assignments, date);
                *accounts.iter().find(|account| account.member == late).unwrap()
            };
            prop_assert_eq!(of(day(joins)), Standing { member: late, days: 0, load: 0, share: 0, last: None });
            let (weight, all) = (i64::from(*weights.last().unwrap()), weights.iter().map(|weight| i64::from(*weight)).sum::<i64>());
            let owed = of(day(90)).share;
            let exact = (90 - joins) * EFFORT * weight / all;
            // A unit a day is rounded.
            prop_assert!((owed - exact).abs() <= 90 - joins);
            // The newcomer is not made to catch up: nobody is ahead by a day at any time.
            for balances in balances(&rota, &plan) {
                prop_assert!(balances.iter().all(|balance| *balance < EFFORT));
            }
        }
    }
}
