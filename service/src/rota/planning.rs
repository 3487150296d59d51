//! A run: what stays, what is decided anew, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{
    Assignment, Cause, CauseKind, Change, Decision, Doer, Keep, MOST_EFFORT, MOST_MEMBERS, MOST_SLOTS, Member, Plan, Planned, Policy,
    Problem, Reason, Rota, Slot, Verdict, feasibility, ledger, night_routine,
};
use crate::error::{Error, Result};

/// Fills the slots.
///
/// # Errors
/// [`Error::Invalid`] where the input contradicts itself: a date or id twice, a weight, effort or number of members, slots out of
/// range, stretches that overlap or end before they start, or more than two at a time in the night routine. What people set up
/// that merely cannot work is no error but a [`Problem`].
pub fn plan(rota: &Rota) -> Result<Plan> {
    rota.check()?;
    let members = in_order(&rota.members);
    let mut slots: Vec<&Slot> = rota.slots.iter().collect();
    slots.sort_by_key(|slot| slot.date);
    let stored: Book = rota.assignments.iter().map(|assignment| (assignment.date, assignment.clone())).collect();

    let open = rota.open_days(&slots, &stored);
    let mut book = stored.clone();
    book.retain(|date, _| !open.contains(date));
    let decisions = match rota.policy {
        Policy::NightRoutine => night_routine::fill(&members, &slots, &mut book),
        Policy::Ledger { streak_cap } => ledger::fill(&members, streak_cap, &slots, &mut book),
    };

    let mut problems = day_problems(&members, &slots, &book, rota.today);
    if let Policy::Ledger { streak_cap } = rota.policy {
        problems.extend(feasibility::problems(&members, streak_cap, &slots, &stored));
    }
    let bound = match rota.policy {
        Policy::Ledger { .. } if problems.is_empty() => ledger::bound(&members, &slots, &decisions),
        _ => None,
    };
    let changes = slots.iter().filter_map(|slot| rota.change(stored.get(&slot.date)?, book.get(&slot.date)?)).collect();
    let mut decisions: BTreeMap<NaiveDate, Decision> = decisions.into_iter().map(|decision| (decision.date, decision)).collect();
    let days = slots.iter().filter_map(|slot| {
        let kept = stored.contains_key(&slot.date) && !open.contains(&slot.date);
        Some(Planned { assignment: book.remove(&slot.date)?, kept, decision: decisions.remove(&slot.date) })
    });
    Ok(Plan { days: days.collect(), changes, problems, bound })
}

/// What counts, by day.
pub(super) type Book = BTreeMap<NaiveDate, Assignment>;

impl Rota {
    /// Refuses what contradicts itself.
    fn check(&self) -> Result<()> {
        let within = |field: &str, value: usize, most: usize| {
            if value <= most { Ok(()) } else { Err(Error::invalid(field, format!("must be at most {most}, are {value}"))) }
        };
        within("members", self.members.len(), MOST_MEMBERS)?;
        within("slots", self.slots.len(), MOST_SLOTS)?;
        distinct("members", self.members.iter().map(|member| member.id))?;
        distinct("slots", self.slots.iter().map(|slot| slot.date))?;
        distinct("assignments", self.assignments.iter().map(|assignment| assignment.date))?;
        for member in &self.members {
            member.check()?;
        }
        let mut efforts = self.slots.iter().map(|slot| slot.effort).chain(self.assignments.iter().map(|assignment| assignment.effort));
        if let Some(effort) = efforts.find(|effort| !(1..=MOST_EFFORT).contains(effort)) {
            return Err(Error::invalid("effort", format!("must be between 1 and {MOST_EFFORT}, is {effort}")));
        }
        if self.policy == (Policy::Ledger { streak_cap: Some(0) }) {
            return Err(Error::invalid("streakCap", "must be at least 1"));
        }
        let crowd = |slot: &&Slot| self.members.iter().filter(|member| member.weight(slot.date).is_some()).count() > 2;
        match self.slots.iter().find(crowd) {
            Some(slot) if self.policy == Policy::NightRoutine => Err(Error::invalid(
                "policy",
                format!("the night routine is for two, and on {} more take part: choose the ledger", slot.date),
            )),
            _ => Ok(()),
        }
    }

    /// The days that are decided now.
    fn open_days(&self, slots: &[&Slot], stored: &Book) -> BTreeSet<NaiveDate> {
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return BTreeSet::new() };
        let first_override = stored.range(first.date..=last.date).find(|(_, assignment)| assignment.pinned).map(|(date, _)| *date);
        let stays = |stored: &Assignment| {
            stored.pinned
                || stored.done_by.is_some()
                || match self.keep {
                    Keep::Published => self.cause(stored).is_none(),
                    Keep::Past => {
                        let recomputed = first_override.is_some_and(|date| stored.date > date);
                        stored.date != first.date && !recomputed && stored.date <= self.today
                    }
                }
        };
        slots.iter().map(|slot| slot.date).filter(|date| !stored.get(date).is_some_and(stays)).collect()
    }

    /// Why what is stored may change.
    fn cause(&self, stored: &Assignment) -> Option<CauseKind> {
        let covers = |cause: &&Cause| {
            let asked_for = matches!(cause.kind, CauseKind::Unlock | CauseKind::Request) && cause.span.from == stored.date;
            cause.span.contains(stored.date) && (stored.date > self.today || asked_for)
        };
        let given = self.causes.iter().find(covers).map(|cause| cause.kind);
        given.or_else(|| (stored.doer == Doer::Nobody && stored.date >= self.today).then_some(CauseKind::Vacancy))
    }

    fn change(&self, stored: &Assignment, planned: &Assignment) -> Option<Change> {
        (stored.doer != planned.doer).then(|| Change {
            date: stored.date,
            before: stored.doer.clone(),
            after: planned.doer.clone(),
            cause: self.cause(stored),
        })
    }
}

fn distinct<T: Ord + Copy>(field: &str, values: impl Iterator<Item = T>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(Error::invalid(field, "must not have the same one twice"));
        }
    }
    Ok(())
}

/// The members in the order that decides ties.
pub(super) fn in_order(members: &[Member]) -> Vec<&Member> {
    let mut members: Vec<&Member> = members.iter().collect();
    members.sort_by_key(|member| (member.rank, member.id));
    members
}

/// The members who belong to the rota on `date`.
pub(super) fn on_rota<'a>(members: &'a [&'a Member], date: NaiveDate) -> impl Iterator<Item = &'a Member> {
    members.iter().copied().filter(move |member| member.weight(date).is_some())
}

/// The assignment that a decision makes.
pub(super) fn assigned(slot: &Slot, decision: &Decision) -> Assignment {
    Assignment {
        date: slot.date,
        effort: slot.effort,
        doer: decision.doer.clone(),
        pinned: false,
        done_by: None,
        reason: Some(decision.reason),
    }
}

/// A day that was given to `doer` by hand, beside what the rules would have `decided`.
pub(super) fn by_hand(mut decided: Decision, doer: &Doer) -> Decision {
    decided.otherwise = match &decided.doer {
        Doer::Member(member) if decided.doer != *doer => Some(*member),
        _ => None,
    };
    for candidate in &mut decided.candidates {
        candidate.verdict = if *doer == Doer::Member(candidate.member) { Verdict::Chosen } else { Verdict::DecidedByHand };
    }
    decided.doer = doer.clone();
    decided.reason = Reason::Override;
    decided
}

/// Days that nobody can do, and days from today on that stay with somebody who cannot.
fn day_problems(members: &[&Member], slots: &[&Slot], book: &Book, today: NaiveDate) -> Vec<Problem> {
    let problem = |slot: &&Slot| {
        let assignment = book.get(&slot.date).filter(|assignment| !assignment.pinned && assignment.done_by.is_none())?;
        match assignment.doer {
            Doer::Nobody => Some(Problem::NobodyAvailable { date: slot.date }),
            Doer::Member(id) if slot.date >= today => {
                let can = on_rota(members, slot.date).any(|member| member.id == id && member.obstacle(slot).is_none());
                (!can).then_some(Problem::KeptThoughUnavailable { date: slot.date, member: id })
            }
            Doer::Member(_) | Doer::Helper(_) => None,
        }
    };
    slots.iter().filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::{super::scenario::*, *};
    use crate::rota::{MOST_WEIGHT, Participation, Span, explain, may_change};

    const BOTH: [Policy; 2] = [Policy::NightRoutine, LEDGER];

    fn cause(kind: CauseKind, from: i64, until: Option<i64>) -> Cause {
        Cause { kind, span: Span { from: day(from), until: until.map(day) } }
    }

    #[test]
    fn what_is_published_stays_and_new_days_are_added() {
        for policy in BOTH {
            let plan = Rota::of(policy, "AB", 6).storing("BBAA").planned();
            assert!(plan.letters().starts_with("BBAA"));
            let kept: Vec<bool> = plan.days.iter().map(|planned| planned.kept).collect();
            assert_eq!(kept, [true, true, true, true, false, false]);
            assert!(plan.days[..4].iter().all(|planned| planned.decision.is_none()));
            assert_eq!(plan.changes, []);
        }
    }

    #[test]
    fn a_cause_opens_its_days_after_today_and_no_others() {
        for policy in BOTH {
            let mut rota = Rota::of(policy, "AB", 6).storing("BBBBBB");
            rota.today = day(1);
            rota.causes = vec![cause(CauseKind::Absence, 0, Some(3))];
            rota.member('B').absences = vec![span(0, 3)];
            let plan = rota.planned();
            assert_eq!(plan.letters(), "BBAABB");
            let change = |number| Change { date: day(number), before: doer('B'), after: doer('A'), cause: Some(CauseKind::Absence) };
            assert_eq!(plan.changes, [change(2), change(3)]);
            // Today's is too late to change, and said to be wrong.
            assert_eq!(plan.problems[0], Problem::KeptThoughUnavailable { date: day(1), member: id('B') });
        }
    }

    #[test]
    fn an_override_stays_shifts_what_follows_and_is_recorded_with_what_the_rules_say() {
        let mut rota = Rota::of(Policy::NightRoutine, "AB", 6).storing("ABABAB");
        *rota.stored_on(3) = Assignment { pinned: true, doer: doer('A'), reason: None, ..rota.stored_on(3).clone() };
        rota.causes = vec![cause(CauseKind::Override, 3, None)];
        let plan = rota.planned();
        assert_eq!(plan.letters(), "ABAABB");
        let recorded = plan.days[3].decision.as_ref().unwrap();
        assert_eq!((recorded.reason, recorded.otherwise), (Reason::Override, Some(id('B'))));
        let verdicts: Vec<Verdict> = recorded.candidates.iter().map(|candidate| candidate.verdict).collect();
        assert_eq!(verdicts, [Verdict::Chosen, Verdict::DecidedByHand]);
        assert!(plan.changes.iter().all(|change| change.cause == Some(CauseKind::Override) && change.date > day(3)));
    }

    #[test]
    fn an_unlocked_day_is_decided_anew_even_if_it_is_past() {
        for policy in BOTH {
            let mut rota = Rota::of(policy, "AB", 3).after("AB").storing("hBA");
            (rota.today, rota.stored_on(0).pinned) = (day(2), false);
            rota.causes = vec![cause(CauseKind::Unlock, 0, None)];
            let plan = rota.planned();
            assert_eq!(plan.letters(), "ABA");
            assert_eq!(plan.changes, [Change { date: day(0), before: doer('h'), after: doer('A'), cause: Some(CauseKind::Unlock) }]);
        }
    }

    #[test]
    fn what_was_done_is_never_changed() {
        for keep in [Keep::Published, Keep::Past] {
            let mut rota = Rota::of(Policy::NightRoutine, "AB", 2).storing("BB");
            rota.keep = keep;
            rota.causes = vec![cause(CauseKind::Request, 0, None)];
            rota.stored_on(0).done_by = Some(doer('B'));
            assert!(rota.planned().days[0].kept);
            assert_eq!(rota.planned().letters(), "BA");
        }
    }

    #[test]
    fn an_unfilled_day_is_filled_as_soon_as_somebody_can_until_it_is_past() {
        for policy in BOTH {
            let mut rota = Rota::of(policy, "AB", 3).storing("-BA");
            let plan = rota.planned();
            assert_eq!(plan.letters(), "ABA");
            assert_eq!(plan.changes[0].cause, Some(CauseKind::Vacancy));
            rota.today = day(1);
            assert_eq!(rota.planned().letters(), "-BA");
        }
    }

    #[test]
    fn an_override_of_someone_who_is_away_is_no_problem_of_the_plans() {
        let mut rota = Rota::of(LEDGER, "AB", 1).storing("A");
        rota.member('A').absences = vec![span(0, 0)];
        assert_eq!(rota.planned().problems, [Problem::KeptThoughUnavailable { date: day(0), member: id('A') }]);
        rota.stored_on(0).pinned = true;
        assert_eq!(rota.planned().problems, []);
    }

    #[test]
    fn the_rank_decides_a_tie_and_the_order_of_the_input_does_not() {
        for policy in BOTH {
            let mut rota = Rota::of(policy, "AB", 1);
            rota.members.reverse();
            assert_eq!(rota.planned().letters(), "A");
            rota.member('A').rank = 5;
            assert_eq!(rota.planned().letters(), "B");
        }
    }

    #[test]
    fn changes_by_hand_reach_back_as_far_as_the_threshold() {
        assert!(may_change(day(-5), FIRST, 5));
        assert!(!may_change(day(-6), FIRST, 5));
        assert!(may_change(day(0), FIRST, 0) && !may_change(day(-1), FIRST, 0));
        assert!(may_change(day(100), FIRST, 0));
    }

    #[test]
    fn input_that_contradicts_itself_is_refused_with_the_field() {
        let refused = |change: &dyn Fn(&mut Rota)| {
            let mut rota = Rota::of(LEDGER, "ABC", 3).after("ABC");
            change(&mut rota);
            match plan(&rota) {
                Err(Error::Invalid { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(&|rota| rota.policy = Policy::NightRoutine), "policy");
        assert_eq!(refused(&|rota| rota.policy = Policy::Ledger { streak_cap: Some(0) }), "streakCap");
        assert_eq!(refused(&|rota| rota.members[1].id = rota.members[0].id), "members");
        assert_eq!(refused(&|rota| rota.slots[1].date = rota.slots[0].date), "slots");
        assert_eq!(refused(&|rota| rota.assignments[1].date = rota.assignments[0].date), "assignments");
        assert_eq!(refused(&|rota| rota.slots[0].effort = 0), "effort");
        assert_eq!(refused(&|rota| rota.assignments[0].effort = MOST_EFFORT + 1), "effort");
        assert_eq!(refused(&|rota| rota.members[0].participations[0].weight = 0), "weight");
        assert_eq!(refused(&|rota| rota.members[0].absences = vec![span(3, 2)]), "until");
        assert_eq!(refused(&|rota| rota.members[0].participations.push(Participation { span: span(0, 1), weight: 1 })), "participations");
        assert_eq!(refused(&|rota| rota.slots = Slot::daily(FIRST, day(MOST_SLOTS as i64))), "slots");
        assert_eq!(refused(&|rota| rota.members = vec![rota.members[0].clone(); MOST_MEMBERS + 1]), "members");
        // A third who has left is none too many.
        let mut rota = Rota::of(Policy::NightRoutine, "ABC", 3);
        rota.member('C').participations[0].span.until = Some(day(-1));
        assert_eq!(rota.planned().letters(), "ABA");
    }

    #[test]
    fn the_most_that_is_allowed_overflows_nothing() {
        for policy in BOTH {
            let mut rota = Rota::of(policy, "AB", 1);
            for member in &mut rota.members {
                member.participations[0].weight = MOST_WEIGHT;
            }
            rota.assignments = stored(FIRST - chrono::Days::new(20_000), &"A".repeat(20_000));
            for assignment in &mut rota.assignments {
                assignment.effort = MOST_EFFORT;
            }
            assert_eq!(rota.planned().letters(), "B");
        }
        let mut edge = Rota::of(LEDGER, "AB", 1);
        edge.slots[0].date = NaiveDate::MIN;
        assert_eq!(edge.planned().letters(), "A");
        edge.policy = Policy::NightRoutine;
        assert_eq!(edge.planned().letters(), "A");
    }

    #[test]
    fn a_decision_is_stored_by_the_names_of_the_night_routine() {
        let plan = Rota::of(Policy::NightRoutine, "AB", 1).after("AAB").planned();
        let decision = plan.days[0].decision.clone().unwrap();
        let json = serde_json::to_value(&decision).unwrap();
        assert_eq!(json["reason"], "Total Count");
        assert_eq!(json["policy"], "night_routine");
        assert_eq!(json["doer"]["member"], id('B').0.to_string());
        assert_eq!(json["candidates"][0]["verdict"], "more_in_total");
        assert_eq!(serde_json::from_value::<Decision>(json).unwrap(), decision);
        for reason in [
            Reason::Unavailability,
            Reason::TotalCount,
            Reason::RecentCount,
            Reason::ConsecutiveLimit,
            Reason::Alternating,
            Reason::Override,
            Reason::DoubleConsecutiveSwap,
            Reason::LargestDebt,
            Reason::RecentLoad,
            Reason::LongestWait,
            Reason::Order,
            Reason::Unfilled,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
    }

    /// Any rota for two, under either policy: a past, weekdays that are not free, days away, helpers, days by hand.
    fn any_rota() -> impl Strategy<Value = Rota> {
        let policy =
            prop_oneof![Just(Policy::NightRoutine), Just(LEDGER), (1_u32..4).prop_map(|cap| Policy::Ledger { streak_cap: Some(cap) })];
        (policy, "[ABZh.-]{0,50}", "[.]{0,6}[AB-]{0,9}[ABh]{0,3}", vec(0_u8..7, 0..3), vec(0_u8..7, 0..3), vec((0_i64..40, 0_i64..9), 0..3))
            .prop_map(|(policy, past, published, busy_a, busy_b, away)| {
                let weekdays = |numbers: Vec<u8>| numbers.into_iter().map(|number| Weekday::try_from(number).unwrap()).collect::<Vec<_>>();
                let mut rota = Rota::of(policy, "AB", 30)
                    .after(&past)
                    .storing(&published)
                    .unavailable('A', &weekdays(busy_a))
                    .unavailable('B', &weekdays(busy_b));
                rota.member('B').absences = away.into_iter().map(|(from, days)| span(from, from + days)).collect();
                rota
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_same_input_in_any_order_gives_the_same_plan(rota in any_rota(), turns in vec(any::<Index>(), 3)) {
            let mut shuffled = rota.clone();
            shuffled.members.reverse();
            for absences in shuffled.members.iter_mut().map(|member| &mut member.absences) {
                absences.reverse();
            }
            shuffled.slots.rotate_left(turns[0].index(rota.slots.len()));
            if !rota.assignments.is_empty() {
                shuffled.assignments.rotate_left(turns[1].index(rota.assignments.len()));
                shuffled.assignments.reverse();
            }
            prop_assert_eq!(rota.planned(), shuffled.planned());
        }

        #[test]
        fn planning_again_changes_nothing_on_any_later_day(mut rota in any_rota(), later in 0_i64..30) {
            let published = rota.planned();
            rota.store(&published);
            rota.today = day(later);
            rota.slots = Slot::daily(day(later), day(later + 29));
            let again = rota.planned();
            prop_assert!(again.changes.is_empty());
            let still: Vec<&Assignment> = published.days[later as usize..].iter().map(|planned| &planned.assignment).collect();
            prop_assert!(still.iter().zip(&again.days).all(|(before, after)| **before == after.assignment));
        }

        #[test]
        fn nothing_changes_without_a_cause_that_covers_it(mut rota in any_rota(), from in 0_i64..15, days in 0_i64..15) {
            let published = rota.planned();
            rota.store(&published);
            rota.causes = vec![cause(CauseKind::Settings, from, Some(from + days))];
            rota.policy = LEDGER;
            rota.member('A').unavailable = vec![Weekday::Mon];
            for change in rota.planned().changes {
                let vacancy = change.cause == Some(CauseKind::Vacancy) && change.before == Doer::Nobody;
                let covered = change.cause == Some(CauseKind::Settings) && rota.causes[0].span.contains(change.date) && change.date > rota.today;
                prop_assert!(vacancy || covered, "{:?}", change);
            }
        }

        #[test]
        fn nobody_is_put_on_a_day_that_is_not_free_and_by_hand_stays_by_hand(rota in any_rota()) {
            let plan = rota.planned();
            for (planned, slot) in plan.days.iter().zip(&rota.slots) {
                let before = rota.assignments.iter().find(|assignment| assignment.date == slot.date);
                if let Some(before) = before.filter(|before| before.pinned) {
                    prop_assert!(planned.kept && planned.assignment == *before);
                }
                if let (false, Doer::Member(doer)) = (planned.kept, &planned.assignment.doer) {
                    let member = rota.members.iter().find(|member| member.id == *doer).unwrap();
                    prop_assert_eq!(member.obstacle(slot), None);
                }
                if planned.assignment.doer == Doer::Nobody {
                    let problem = Problem::NobodyAvailable { date: slot.date };
                    prop_assert!(plan.problems.contains(&problem));
                }
            }
        }

        #[test]
        fn every_decision_says_of_everybody_why_or_why_not(rota in any_rota()) {
            let plan = rota.planned();
            for decision in plan.days.iter().filter_map(|planned| planned.decision.as_ref()) {
                prop_assert_eq!(decision.candidates.len(), 2);
                let chosen = decision.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Chosen);
                let expected = usize::from(matches!(decision.doer, Doer::Member(member) if member != id('Z')));
                prop_assert_eq!(chosen.count(), expected);
                prop_assert!(decision.otherwise.is_none_or(|member| decision.doer != Doer::Member(member)));
                let told = explain(decision, |member| member.0.to_string());
                prop_assert_eq!(told.candidates.len(), 2);
            }
        }

        /// The ledger has no smoothing, so what is planned further ahead does not depend on how far.
        #[test]
        fn planning_further_ahead_agrees_with_planning_less_far(mut rota in any_rota(), less in 1_usize..30) {
            if rota.policy == Policy::NightRoutine {
                rota.policy = LEDGER;
            }
            let far = rota.planned();
            rota.slots.truncate(less);
            let near = rota.planned();
            prop_assert_eq!(&far.days[..less], &near.days[..]);
        }

        #[test]
        fn taking_an_override_back_brings_back_the_plan(rota in any_rota(), number in 1_i64..30) {
            // Days that somebody decided by hand before are not what this is about.
            let mut rota = Rota { assignments: rota.assignments.into_iter().filter(|row| row.date < FIRST).collect(), ..rota };
            let published = rota.planned();
            rota.store(&published);
            let before = rota.stored_on(number).doer.clone();
            (rota.stored_on(number).doer, rota.stored_on(number).pinned) = (doer('h'), true);
            rota.causes = vec![cause(CauseKind::Override, number, None)];
            let overridden = rota.planned();
            rota.store(&overridden);
            rota.stored_on(number).pinned = false;
            rota.causes = vec![cause(CauseKind::Unlock, number, None)];
            let restored = rota.planned();
            if rota.policy == Policy::NightRoutine {
                // A smoothing swap may lie across the day.
                prop_assert!(restored.days[number as usize].decision.is_some());
            } else {
                prop_assert_eq!(&restored.days[number as usize].assignment.doer, &before);
                prop_assert_eq!(restored.letters(), published.letters());
            }
        }
    }
}
