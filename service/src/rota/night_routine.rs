//! The decisions of the Night Routine Scheduler, for two.

use chrono::{Days, NaiveDate};

use super::{
    Assignment, Candidate, Decision, Doer, Member, MemberId, Policy, RECENT_DAYS, Reason, Slot, Verdict,
    planning::{Book, assigned, by_hand, on_rota},
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
        match book.get(&slot.date) {
            None => {
                let decision = decide(members, slot, book);
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
                    decisions.push(by_hand(decide(members, slot, book), kept.credited()));
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
        let free_choice = !matches!(newest.reason, Reason::Override | Reason::Unavailability | Reason::Unfilled);
        let member = match newest.doer {
            Doer::Member(member) if free_choice => member,
            _ => {
                *self = Self::default();
                return None;
            }
        };
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

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::{super::scenario::*, *};
    use crate::rota::{Keep, Plan, Problem, Rota};

    fn two(days: i64) -> Rota {
        Rota::of(Policy::NightRoutine, "AB", days)
    }

    /// The first night that was decided.
    fn first(plan: &Plan) -> &Decision {
        plan.days[0].decision.as_ref().unwrap()
    }

    fn verdicts(decision: &Decision) -> Vec<Verdict> {
        decision.candidates.iter().map(|candidate| candidate.verdict).collect()
    }

    #[test]
    fn whoever_is_free_does_what_the_other_cannot() {
        let plan = two(1).after("BABAB").unavailable('A', &[Weekday::Mon]).planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("B", Reason::Unavailability));
        assert_eq!(verdicts(first(&plan)), [Verdict::UnavailableWeekday, Verdict::Chosen]);
        assert_eq!(first(&plan).otherwise, None);
    }

    #[test]
    fn a_night_that_neither_can_do_is_reported_and_the_rest_is_planned() {
        let plan = two(4).unavailable('A', &[Weekday::Tue]).unavailable('B', &[Weekday::Tue]).planned();
        assert_eq!(plan.letters(), "A-BA");
        assert_eq!(plan.reasons()[1], Reason::Unfilled);
        assert_eq!(plan.problems, [Problem::NobodyAvailable { date: day(1) }]);
    }

    #[test]
    fn without_history_the_first_parent_begins() {
        let plan = two(4).planned();
        assert_eq!(plan.letters(), "ABAB");
        assert_eq!(plan.reasons(), [Reason::TotalCount, Reason::TotalCount, Reason::Alternating, Reason::TotalCount]);
        assert_eq!(verdicts(first(&plan)), [Verdict::Chosen, Verdict::LaterInOrder]);
        assert_eq!(first(&plan).otherwise, Some(id('B')));
    }

    #[test]
    fn seven_nights_of_helpers_leave_the_totals_alone_to_decide() {
        let even = two(1).after("BAhhhhhhh").planned();
        assert_eq!((even.letters().as_str(), first(&even).reason), ("A", Reason::TotalCount));
        let uneven = two(1).after("Ahhhhhhh").planned();
        assert_eq!((uneven.letters().as_str(), first(&uneven).reason), ("B", Reason::TotalCount));
        // Six are not enough to forget who did it last.
        let six = two(1).after("BAhhhhhh").planned();
        assert_eq!((six.letters().as_str(), first(&six).reason), ("B", Reason::Alternating));
    }

    #[test]
    fn a_difference_of_one_decides_and_outranks_a_streak() {
        let plan = two(6).after("AAAA").planned();
        assert_eq!(plan.letters(), "BBBBAB");
        assert_eq!(plan.reasons()[..4], [Reason::TotalCount; 4]);
        assert_eq!(plan.reasons()[4], Reason::ConsecutiveLimit);
        assert_eq!(verdicts(first(&plan)), [Verdict::MoreInTotal, Verdict::Chosen]);
        let seen: Vec<u32> = first(&plan).candidates.iter().map(|candidate| candidate.total).collect();
        assert_eq!(seen, [4, 0]);
    }

    #[test]
    fn two_in_a_row_are_enough_once_the_totals_are_even() {
        let plan = two(1).after("AABB").planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("A", Reason::ConsecutiveLimit));
        assert_eq!(verdicts(first(&plan)), [Verdict::Chosen, Verdict::StreakLimit]);
        // Helpers' nights and days without one are not seen.
        let plan = two(1).after("BB.AhA").planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("B", Reason::ConsecutiveLimit));
    }

    #[test]
    fn the_last_thirty_days_decide_next_even_for_whoever_did_it_last() {
        // The first of Ada's nights is 31 days ago.
        let long_ago = format!("A{}BBA", ".".repeat(27));
        let plan = two(1).after(&long_ago).planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("A", Reason::RecentCount));
        assert_eq!(verdicts(first(&plan)), [Verdict::Chosen, Verdict::MoreRecently]);
        let seen: Vec<(u32, u32)> = first(&plan).candidates.iter().map(|candidate| (candidate.total, candidate.recent)).collect();
        assert_eq!(seen, [(2, 1), (2, 2)]);
        // A day later in it counts.
        let plan = two(1).after(&long_ago.replacen("..", ".", 1)).planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("B", Reason::Alternating));
    }

    #[test]
    fn otherwise_they_take_turns() {
        let plan = two(1).after("AB").planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("A", Reason::Alternating));
        assert_eq!(verdicts(first(&plan)), [Verdict::Chosen, Verdict::DidItLast]);
    }

    #[test]
    fn a_helpers_night_counts_for_both() {
        let plan = two(1).after("Ah").planned();
        let seen: Vec<(u32, u32)> = first(&plan).candidates.iter().map(|candidate| (candidate.total, candidate.recent)).collect();
        assert_eq!(seen, [(2, 2), (1, 1)]);
    }

    #[test]
    fn the_nights_of_who_left_count_for_nobody_and_the_first_parent_follows() {
        let plan = two(1).after("ZZ").planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("A", Reason::ConsecutiveLimit));
        assert_eq!(verdicts(first(&plan)), [Verdict::Chosen, Verdict::LaterInOrder]);
        let plan = two(1).after("ABZ").planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("A", Reason::Alternating));
    }

    #[test]
    fn the_credit_goes_to_whoever_did_it_and_a_skipped_night_counts_for_nobody() {
        let mut rota = two(1).after("ABA");
        rota.stored_on(-1).done_by = Some(doer('B'));
        assert_eq!(rota.planned().letters(), "A");
        rota.stored_on(-1).done_by = Some(Doer::Nobody);
        let plan = rota.planned();
        assert_eq!((plan.letters().as_str(), first(&plan).reason), ("A", Reason::Alternating));
    }

    /// Ada: one night long ago. Ben: two, which leave the last thirty days while the plan goes on.
    fn double_double() -> Rota {
        let mut rota = two(4);
        rota.assignments = stored(day(-61), "A");
        rota.assignments.extend(stored(day(-29), "BB"));
        rota
    }

    #[test]
    fn two_doubles_in_a_row_become_turns() {
        let plan = double_double().planned();
        assert_eq!(plan.letters(), "ABAB");
        let swap = Reason::DoubleConsecutiveSwap;
        assert_eq!(plan.reasons(), [Reason::TotalCount, swap, swap, Reason::RecentCount]);
        let swapped = plan.days[1].decision.as_ref().unwrap();
        assert_eq!(swapped.doer, doer('B'));
        assert_eq!(verdicts(swapped), [Verdict::SwappedAway, Verdict::Chosen]);
        assert_eq!((swapped.swapped_with, swapped.otherwise), (Some(day(2)), Some(id('A'))));
    }

    #[test]
    fn no_swap_puts_anybody_on_a_day_that_is_not_free() {
        let mut away = double_double();
        away.member('B').absences = vec![span(1, 1)];
        // Ada has the second night because Ben is away, which is no double of her own making.
        assert_eq!(away.planned().letters(), "AABB");
        assert_eq!(double_double().unavailable('A', &[Weekday::Wed]).planned().letters(), "AABB");
    }

    /// Follows nights that were decided freely, but for those in lower case, which were decided by hand.
    fn smoothed(letters: &str, free: impl Fn(MemberId, NaiveDate) -> bool) -> String {
        let mut smoother = Smoother::default();
        let mut decisions: Vec<Decision> = Vec::new();
        for (number, letter) in (0..).zip(letters.chars()) {
            let reason = if letter.is_lowercase() { Reason::Override } else { Reason::TotalCount };
            decisions.push(Decision {
                date: day(number),
                policy: Policy::NightRoutine,
                doer: doer(letter.to_ascii_uppercase()),
                reason,
                candidates: Vec::new(),
                otherwise: None,
                swapped_with: None,
            });
            smoother.follow(&mut decisions, &free);
        }
        let letter = |decision: Decision| ['A', 'B'].into_iter().find(|letter| decision.doer == doer(*letter)).unwrap();
        decisions.into_iter().map(letter).collect()
    }

    #[test]
    fn the_smoother_moves_the_nights_between_two_doubles_and_no_other() {
        let always = |_: MemberId, _: NaiveDate| true;
        assert_eq!(smoothed("AABB", always), "ABAB");
        assert_eq!(smoothed("AAABBB", always), "AABABB");
        assert_eq!(smoothed("ABB", always), "ABB");
        assert_eq!(smoothed("AABAA", always), "AABAA");
        assert_eq!(smoothed("AaBB", always), "AABB");
        assert_eq!(smoothed("AABb", always), "AABB");
        let not_ada_on_wednesday = |member: MemberId, date: NaiveDate| member != id('A') || date != day(2);
        assert_eq!(smoothed("AABB", not_ada_on_wednesday), "AABB");
        // After a swap that cannot be, counting begins again with the last night.
        assert_eq!(smoothed("AABBAA", not_ada_on_wednesday), "AABBAA");
        assert_eq!(smoothed("AABBBAA", not_ada_on_wednesday), "AABBABA");
    }

    #[test]
    fn the_seeds_way_keeps_the_past_but_for_the_first_day_of_the_run() {
        let mut rota = two(6).storing("BBBBB");
        (rota.keep, rota.today) = (Keep::Past, day(3));
        let plan = rota.planned();
        assert_eq!(plan.letters(), "ABBBAA");
        let kept: Vec<bool> = plan.days.iter().map(|planned| planned.kept).collect();
        assert_eq!(kept, [false, true, true, true, false, false]);
    }

    #[test]
    fn the_seeds_way_decides_anew_what_follows_an_override_even_if_it_is_past() {
        let mut rota = two(6).storing("AABBAA");
        (rota.keep, rota.today) = (Keep::Past, day(4));
        rota.stored_on(2).pinned = true;
        let plan = rota.planned();
        let kept: Vec<bool> = plan.days.iter().map(|planned| planned.kept).collect();
        assert_eq!(kept, [false, true, true, false, false, false]);
        // An override stays whatever follows.
        rota.stored_on(4).pinned = true;
        assert!(rota.planned().days[4].kept);
    }

    #[test]
    fn the_seeds_way_undoes_a_swap_the_next_day_and_ours_does_not() {
        let mut rota = double_double();
        let published = rota.planned();
        assert_eq!(published.letters(), "ABAB");
        rota.store(&published);
        rota.today = day(1);
        rota.slots = Slot::daily(day(1), day(5));

        rota.keep = Keep::Past;
        let seeds = rota.planned();
        assert_eq!(seeds.changes[0].date, day(1));
        assert_eq!(seeds.changes[0].cause, None);

        rota.keep = Keep::Published;
        let ours = rota.planned();
        assert!(ours.letters().starts_with("BAB"));
        assert_eq!(ours.changes, []);
    }
}
