//! Whether the ledger's shares can be reached at all in the weekly pattern of the routine: with a streak cap, and with members
//! who are not free, or not able, on some of its weekdays.
//!
//! Nothing is said of a pattern that is known for less than a week, nor of absences that end.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};

use super::{
    EFFORT, Member, Participation, Problem, Slot, Span,
    ledger::Ledger,
    planning::{Book, assigned, on_rota},
};

/// How long before the first planned day what is stored tells of the pattern.
const PAST: Days = Days::new(28);
/// A Monday from which a pattern is played through.
const MONDAY: NaiveDate = NaiveDate::from_ymd_opt(2001, 1, 1).expect("a date");
/// For how many years of 52 weeks it is played through, twice.
const YEARS: u64 = 2;

/// A day of the weekly pattern.
struct Weekly {
    slot: Slot,
    /// Which members of the team can do it.
    free: Vec<bool>,
}

/// Why members cannot reach their shares, for each set of members and weights that the planned days meet.
pub(super) fn problems(members: &[&Member], streak_cap: Option<u32>, slots: &[&Slot], stored: &Book) -> Vec<Problem> {
    let Some(pattern) = weekly_pattern(slots, stored) else { return Vec::new() };
    let mut teams: Vec<Vec<Member>> = Vec::new();
    let mut problems = Vec::new();
    for from in slots.iter().map(|slot| slot.date) {
        let gone = |member: &&Member| member.absences.iter().any(|absence| absence.until.is_none() && absence.contains(from));
        let team: Vec<Member> = on_rota(members, from).filter(|member| !gone(member)).map(|member| lasting(member, from)).collect();
        if team.len() < 2 || teams.contains(&team) {
            continue;
        }
        let free = |slot: &Slot| team.iter().map(|member| member.obstacle(slot).is_none()).collect();
        let week: Vec<Weekly> = pattern.iter().map(|slot| Weekly { free: free(slot), slot: slot.clone() }).collect();
        let mut found: Vec<Problem> = share_out_of_reach(&team, &week, from).into_iter().collect();
        if let Some(cap) = streak_cap {
            found.extend(streak_cap_too_low(&team, &week, cap, from));
            if found.is_empty() {
                found.extend(drift(&team, &week, cap, from));
            }
        }
        problems.extend(found);
        teams.push(team);
    }
    problems
}

/// The routine's weekdays from Monday on, each with its latest slot.
fn weekly_pattern(slots: &[&Slot], stored: &Book) -> Option<Vec<Slot>> {
    let (first, last) = (slots.first()?.date, slots.last()?.date);
    let since = first.checked_sub_days(PAST).unwrap_or(NaiveDate::MIN);
    let past = stored.range(since..first).map(|(date, assignment)| Slot { date: *date, effort: assignment.effort, needs: None });
    let known: Vec<Slot> = past.chain(slots.iter().map(|slot| (*slot).clone())).collect();
    if (last - known.first()?.date).num_days() < 6 {
        return None;
    }
    let pattern: BTreeMap<u32, Slot> = known.into_iter().map(|slot| (slot.date.weekday().num_days_from_monday(), slot)).collect();
    Some(pattern.into_values().collect())
}

/// The member as of `from`, for ever, and never away.
fn lasting(member: &Member, from: NaiveDate) -> Member {
    let always = Span { from: NaiveDate::MIN, until: None };
    let weight = member.weight(from).unwrap_or(0);
    Member { participations: vec![Participation { span: always, weight }], absences: Vec::new(), ..member.clone() }
}

fn weight(member: &Member) -> u64 {
    member.participations.iter().map(|participation| u64::from(participation.weight)).sum()
}

/// Hall's condition: members who are free on some weekdays alone cannot owe more than those hold. It is enough to look at every
/// set of weekdays, and for each at all members who are free on none besides. Answers the worst.
fn share_out_of_reach(team: &[Member], week: &[Weekly], from: NaiveDate) -> Option<Problem> {
    let fillable: Vec<&Weekly> = week.iter().filter(|day| day.free.contains(&true)).collect();
    let effort = |days: u32| -> u64 {
        let among = fillable.iter().enumerate().filter(|(index, _)| days & (1 << index) != 0);
        among.map(|(_, day)| u64::from(day.slot.effort)).sum()
    };
    let all_days = (1_u32 << fillable.len()) - 1;
    let all_weights: u64 = team.iter().map(weight).sum();
    let free_on = |index: usize| -> u32 { (0..fillable.len()).filter(|day| fillable[*day].free[index]).map(|day| 1 << day).sum() };
    let tied_to = |days: u32| (0..team.len()).filter(move |&index| free_on(index) & !days == 0);
    let excess = |days: u32| {
        let owed = tied_to(days).map(|index| weight(&team[index])).sum::<u64>() * effort(all_days);
        owed.saturating_sub(effort(days) * all_weights)
    };
    // Of equal ones, the fewest weekdays.
    let worst = (0..=all_days).max_by_key(|&days| (excess(days), std::cmp::Reverse(days.count_ones())))?;
    (excess(worst) > 0).then(|| {
        let weekdays = fillable.iter().enumerate().filter(|(index, _)| worst & (1 << index) != 0);
        Problem::ShareOutOfReach {
            from,
            members: tied_to(worst).map(|index| team[index].id).collect(),
            weekdays: weekdays.map(|(_, day)| day.slot.date.weekday()).collect(),
        }
    })
}

/// After as many days as the cap allows, somebody else has one: nobody does more than cap / (cap + 1) of the days.
fn streak_cap_too_low(team: &[Member], week: &[Weekly], cap: u32, from: NaiveDate) -> Vec<Problem> {
    // Where not all are free or days differ, the cap need not bind; then the pattern is played through.
    let even = week.windows(2).all(|pair| pair[0].slot.effort == pair[1].slot.effort);
    if !even || week.iter().any(|day| day.free.contains(&false)) {
        return Vec::new();
    }
    let all: u64 = team.iter().map(weight).sum();
    let least_cap = |member: &Member| weight(member).div_ceil(all - weight(member));
    let too_low = team.iter().filter(|member| least_cap(member) > u64::from(cap));
    too_low.map(|member| Problem::StreakCapTooLow { from, member: member.id, cap: least_cap(member) as u32 }).collect()
}

/// Plays the weekly pattern through, from even accounts: where nothing drifts, balances repeat, and those of the second half go no
/// further than those of the first.
fn drift(team: &[Member], week: &[Weekly], cap: u32, from: NaiveDate) -> Vec<Problem> {
    let members: Vec<&Member> = team.iter().collect();
    let mut ledger = Ledger::new(&members, Some(cap));
    let mut half = |weeks: std::ops::Range<u64>| {
        let mut furthest = vec![0; members.len()];
        for monday in weeks.map(|week| MONDAY + Days::new(7 * week)) {
            for day in week {
                let weekday = u64::from(day.slot.date.weekday().num_days_from_monday());
                let slot = Slot { date: monday + Days::new(weekday), ..day.slot.clone() };
                ledger.post(&assigned(&slot, &ledger.decide(&slot)));
            }
            for (furthest, balance) in furthest.iter_mut().zip(ledger.balances()) {
                *furthest = balance.abs().max(*furthest);
            }
        }
        (furthest, ledger.balances())
    };
    let weeks = YEARS * 52;
    let (first, second) = (half(0..weeks), half(weeks..2 * weeks));
    let most_effort = week.iter().map(|day| i64::from(day.slot.effort)).max().unwrap_or(1) * EFFORT;
    let drifting = (0..team.len()).filter(|&index| second.0[index] >= first.0[index] + 2 * most_effort);
    let a_year = |index: usize| (second.1[index] - first.1[index]) / (YEARS as i64 * EFFORT);
    drifting.map(|index| Problem::Drift { from, member: team[index].id, a_year: a_year(index) }).collect()
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use proptest::{collection::vec, prelude::*};

    use super::{super::scenario::*, *};
    use crate::rota::{Policy, Rota, standings};

    fn capped(cap: u32, letters: &str) -> Rota {
        Rota::of(Policy::Ledger { streak_cap: Some(cap) }, letters, 14)
    }

    #[test]
    fn a_share_larger_than_the_streak_cap_allows_is_reported_with_the_cap_that_would_do() {
        let mut rota = capped(2, "AB");
        rota.member('A').participations[0].weight = 4;
        let problem = Problem::StreakCapTooLow { from: FIRST, member: id('A'), cap: 4 };
        assert_eq!(rota.planned().problems, [problem]);
        rota.policy = Policy::Ledger { streak_cap: Some(4) };
        assert_eq!(rota.planned().problems, []);
    }

    #[test]
    fn members_who_are_free_too_seldom_are_reported_with_their_weekdays() {
        let weekdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
        // Half of seven days is more than a weekend.
        let rota = Rota::of(LEDGER, "AB", 14).unavailable('B', &weekdays);
        let problem = |members: Vec<_>| Problem::ShareOutOfReach { from: FIRST, members, weekdays: vec![Weekday::Sat, Weekday::Sun] };
        assert_eq!(rota.planned().problems, [problem(vec![id('B')])]);
        assert_eq!(rota.planned().bound, None);
        // A quarter is not, but two quarters are.
        let rota = Rota::of(LEDGER, "ABCD", 14).unavailable('B', &weekdays);
        assert_eq!(rota.planned().problems, []);
        let rota = rota.unavailable('C', &weekdays);
        assert_eq!(rota.planned().problems, [problem(vec![id('B'), id('C')])]);
    }

    #[test]
    fn who_is_never_free_is_reported() {
        let week: Vec<Weekday> = (0_u8..7).map(|weekday| Weekday::try_from(weekday).unwrap()).collect();
        let problems = Rota::of(LEDGER, "AB", 7).unavailable('A', &week).planned().problems;
        assert_eq!(problems, [Problem::ShareOutOfReach { from: FIRST, members: vec![id('A')], weekdays: vec![] }]);
    }

    #[test]
    fn a_skill_that_one_member_alone_has_can_ask_too_much() {
        let mut rota = Rota::of(LEDGER, "ABC", 14);
        for slot in &mut rota.slots {
            slot.needs = (slot.date.weekday() != Weekday::Sun).then(|| "car".to_owned());
        }
        rota.member('A').skills = vec!["car".to_owned()];
        let out_of_reach = Problem::ShareOutOfReach { from: FIRST, members: vec![id('B'), id('C')], weekdays: vec![Weekday::Sun] };
        assert_eq!(rota.planned().problems, [out_of_reach]);
    }

    #[test]
    fn weekdays_and_a_streak_cap_that_only_together_ask_too_much_drift() {
        // Ben could do his half on four days, but two of them are neighbours and he may not have both.
        let mut rota = capped(1, "AB").unavailable('B', &[Weekday::Tue, Weekday::Thu, Weekday::Sat]);
        let problems = rota.planned().problems;
        let drifts: Vec<(bool, bool)> = problems
            .iter()
            .map(|problem| match problem {
                Problem::Drift { member, a_year, .. } => (*member == id('B'), *a_year < 0),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(drifts, [(false, false), (true, true)]);
        rota.policy = Policy::Ledger { streak_cap: Some(2) };
        assert_eq!(rota.planned().problems, []);
    }

    #[test]
    fn each_set_of_members_is_looked_at_once() {
        let mut rota = capped(2, "ABC");
        rota.member('A').participations[0].weight = 4;
        rota.member('C').participations[0].span = span(-100, 5);
        let from: Vec<NaiveDate> = rota
            .planned()
            .problems
            .iter()
            .map(|problem| match problem {
                Problem::StreakCapTooLow { from, .. } => *from,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(from, [day(6)]);
        // Who is away for good is not looked at, and alone one cannot be out of reach.
        for letter in ['B', 'C'] {
            rota.member(letter).absences = vec![Span { from: FIRST, until: None }];
        }
        assert_eq!(rota.planned().problems, []);
    }

    #[test]
    fn a_pattern_of_less_than_a_week_tells_nothing_unless_the_past_completes_it() {
        let daily = |letters: &str| {
            let mut rota = Rota::of(LEDGER, "AB", 1).after(letters);
            rota.member('B').unavailable = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu];
            rota.planned().problems
        };
        assert_eq!(daily(""), []);
        assert_eq!(daily("AAAABB").len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Where nothing is reported, no balance grows with time; where a share is out of reach, it does.
        #[test]
        fn what_is_not_reported_stays_within_bounds_for_years(
            weights in vec(1_u32..=4, 2..=4),
            busy in vec(0_u32..128, 4),
            cap in prop::option::of(1_u32..4),
        ) {
            let count = weights.len();
            let letters: String = ('A'..='D').take(count).collect();
            let mut rota = Rota::of(Policy::Ledger { streak_cap: cap }, &letters, 1_092);
            for ((member, weight), busy) in rota.members.iter_mut().zip(&weights).zip(&busy) {
                member.participations[0].weight = *weight;
                let weekdays = (0_u8..7).filter(|weekday| busy & (1 << weekday) != 0);
                member.unavailable = weekdays.map(|weekday| Weekday::try_from(weekday).unwrap()).collect();
            }
            let plan = rota.planned();
            rota.store(&plan);
            let balances: Vec<i64> = standings(&rota.members, &rota.assignments, day(1_092)).iter().map(|account| account.balance()).collect();
            let impossible: Vec<&Problem> = plan.problems.iter().filter(|problem| !matches!(problem, Problem::NobodyAvailable { .. })).collect();
            if impossible.is_empty() {
                prop_assert!(balances.iter().all(|balance| balance.abs() <= 8 * EFFORT), "{:?}", balances);
            }
            for problem in impossible {
                if let Problem::ShareOutOfReach { members, .. } = problem {
                    let owed: i64 = members.iter().map(|id| rota.members.iter().position(|member| member.id == *id).unwrap()).map(|index| -balances[index]).sum();
                    // At least a part of the weights' sum each week, for three years.
                    prop_assert!(owed >= 156 * EFFORT / i64::from(weights.iter().sum::<u32>()) - 8 * EFFORT);
                    prop_assert!(owed > 0);
                }
            }
        }
    }
}
