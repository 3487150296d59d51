//! A decision in words.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Candidate, Decision, Doer, EFFORT, MemberId, Reason, Verdict};

/// A decision in words. The decision itself is the same as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Why it came out so, and who would have been next.
    pub sentence: String,
    /// The same for every candidate, in the members' order.
    pub candidates: Vec<CandidateExplanation>,
}

/// Why a candidate was chosen or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateExplanation {
    /// Who.
    pub member: MemberId,
    /// The reason.
    pub verdict: Verdict,
    /// The reason and the counts that were seen, in a sentence.
    pub sentence: String,
}

/// Puts a stored decision into English, with the members' names as they are now.
pub fn explain(decision: &Decision, name: impl Fn(MemberId) -> String) -> Explanation {
    let doer = match &decision.doer {
        Doer::Member(member) => name(*member),
        Doer::Helper(helper) => helper.clone(),
        Doer::Nobody => "Nobody".to_owned(),
    };
    let because = because(decision, &name);
    let otherwise = match (&decision.otherwise, decision.reason) {
        (None, _) => String::new(),
        (Some(member), Reason::Override) => format!(" By the rules it would be {}.", name(*member)),
        (Some(member), Reason::DoubleConsecutiveSwap) => format!(" Before that it was {}.", name(*member)),
        (Some(member), _) => format!(" Next would be {}.", name(*member)),
    };
    let sentence = format!("{doer} is on for {}, because {because}.{otherwise}", day(decision.date));
    let candidate = |candidate: &Candidate| CandidateExplanation {
        member: candidate.member,
        verdict: candidate.verdict,
        sentence: format!("{} {}; {}.", name(candidate.member), why(decision, candidate), counts(candidate)),
    };
    Explanation { sentence, candidates: decision.candidates.iter().map(candidate).collect() }
}

fn because(decision: &Decision, name: &impl Fn(MemberId) -> String) -> String {
    let find = |verdict: Verdict| decision.candidates.iter().find(|candidate| candidate.verdict == verdict);
    let name = |candidate: &Candidate| name(candidate.member);
    let Some(chosen) = find(Verdict::Chosen) else {
        let by_hand = decision.reason == Reason::Override;
        return if by_hand { "somebody decided it by hand" } else { "nobody can" }.to_owned();
    };
    match decision.reason {
        Reason::Unavailability => "nobody else can".to_owned(),
        Reason::Override => "somebody decided it by hand".to_owned(),
        Reason::TotalCount => match find(Verdict::MoreInTotal) {
            Some(other) => format!("{} has {} so far and {} has {}", name(chosen), turns(chosen.total), name(other), other.total),
            None => format!("both have {} so far and {} comes first", turns(chosen.total), name(chosen)),
        },
        Reason::RecentCount => {
            let other = find(Verdict::MoreRecently).map(|other| format!(" and {} {}", name(other), other.recent)).unwrap_or_default();
            format!("both have {} so far, and in the last 30 days {} had {}{other}", turns(chosen.total), name(chosen), chosen.recent)
        }
        Reason::ConsecutiveLimit => match find(Verdict::StreakLimit) {
            Some(other) => format!("{} did the last {}", name(other), other.streak),
            None => format!("somebody who left did the last ones and {} comes first", name(chosen)),
        },
        Reason::Alternating => match find(Verdict::DidItLast) {
            Some(other) => format!("{} did it last and everything else is even", name(other)),
            None => format!("everything else is even and {} comes first", name(chosen)),
        },
        Reason::DoubleConsecutiveSwap => {
            let with = decision.swapped_with.map_or_else(|| "its neighbour".to_owned(), day);
            format!("it was exchanged with {with}, to make turns of two doubles in a row")
        }
        Reason::LargestDebt => match chosen.debt.filter(|debt| *debt > 0) {
            Some(debt) => format!("of those who can, {} owes most: {}", name(chosen), effort(debt)),
            None => format!("of those who can, {} is least ahead", name(chosen)),
        },
        Reason::RecentLoad => format!("of those who owe most, {} did least in the last 30 days", name(chosen)),
        Reason::LongestWait => format!("of those who owe most, {} has waited longest", name(chosen)),
        Reason::Order => format!("everything else is even and {} comes first", name(chosen)),
        Reason::Unfilled => "nobody can".to_owned(),
    }
}

fn why(decision: &Decision, candidate: &Candidate) -> String {
    match candidate.verdict {
        Verdict::Chosen => "does it".to_owned(),
        Verdict::Away => "is away".to_owned(),
        Verdict::UnavailableWeekday => format!("is never available on {}s", decision.date.format("%A")),
        Verdict::LacksSkill => "lacks the skill that it needs".to_owned(),
        Verdict::StreakLimit => format!("did the last {}", candidate.streak),
        Verdict::MoreInTotal => "has had more turns".to_owned(),
        Verdict::MoreRecently => "did more in the last 30 days".to_owned(),
        Verdict::DidItLast => "did it last".to_owned(),
        Verdict::OwesLess => "owes less".to_owned(),
        Verdict::WaitedLess => "has waited less long".to_owned(),
        Verdict::LaterInOrder => "is even and comes later in the order".to_owned(),
        Verdict::DecidedByHand => "was not the one decided on by hand".to_owned(),
        Verdict::SwappedAway => "had it before the exchange".to_owned(),
    }
}

fn counts(candidate: &Candidate) -> String {
    let total = turns(candidate.total);
    match candidate.debt {
        None => format!("{total} so far, {} in the last 30 days", candidate.recent),
        Some(debt) => {
            let account = if debt < 0 { format!("ahead by {}", effort(debt)) } else { format!("owes {}", effort(debt)) };
            format!("{account}, {total} so far, effort {} in the last 30 days", candidate.recent)
        }
    }
}

fn turns(turns: u32) -> String {
    if turns == 1 { "1 turn".to_owned() } else { format!("{turns} turns") }
}

fn day(date: NaiveDate) -> String {
    date.format("%A, %-d %B %Y").to_string()
}

/// An amount without its sign, in effort to two decimals, half away from zero.
fn effort(units: i64) -> String {
    let hundredths = (units.unsigned_abs() * 100 + EFFORT.unsigned_abs() / 2) / EFFORT.unsigned_abs();
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::{
        super::scenario::{LEDGER, id},
        *,
    };
    use crate::rota::{Plan, Policy, Rota};

    fn name(member: MemberId) -> String {
        let names = [('A', "Ada"), ('B', "Ben"), ('C', "Cleo")];
        names.into_iter().find(|(letter, _)| member == id(*letter)).map_or("Zoe", |(_, name)| name).to_owned()
    }

    fn explained(plan: &Plan, day: usize) -> Explanation {
        explain(plan.days[day].decision.as_ref().unwrap(), name)
    }

    #[test]
    fn a_night_of_the_night_routine_is_told_with_its_counts() {
        let plan = Rota::of(Policy::NightRoutine, "AB", 3).after("AAB").unavailable('B', &[Weekday::Wed]).planned();
        assert_eq!(
            explained(&plan, 0).sentence,
            "Ben is on for Monday, 1 June 2026, because Ben has 1 turn so far and Ada has 2. Next would be Ada."
        );
        let candidates: Vec<String> = explained(&plan, 0).candidates.into_iter().map(|candidate| candidate.sentence).collect();
        assert_eq!(
            candidates,
            ["Ada has had more turns; 2 turns so far, 2 in the last 30 days.", "Ben does it; 1 turn so far, 1 in the last 30 days."]
        );
        assert_eq!(explained(&plan, 1).sentence, "Ada is on for Tuesday, 2 June 2026, because Ben did the last 2. Next would be Ben.");
        assert_eq!(explained(&plan, 2).sentence, "Ada is on for Wednesday, 3 June 2026, because nobody else can.");
        assert_eq!(
            explained(&plan, 2).candidates[1].sentence,
            "Ben is never available on Wednesdays; 2 turns so far, 2 in the last 30 days."
        );
    }

    #[test]
    fn a_day_of_the_ledger_is_told_with_what_everybody_owes() {
        let plan = Rota::of(LEDGER, "ABC", 3).planned();
        assert_eq!(
            explained(&plan, 0).sentence,
            "Ada is on for Monday, 1 June 2026, because everything else is even and Ada comes first. Next would be Ben."
        );
        assert_eq!(
            explained(&plan, 2).sentence,
            "Cleo is on for Wednesday, 3 June 2026, because of those who can, Cleo owes most: 1.00. Next would be Ada."
        );
        assert_eq!(explained(&plan, 2).candidates[0].sentence, "Ada owes less; owes 0.00, 1 turn so far, effort 1 in the last 30 days.");
    }

    #[test]
    fn an_override_names_whom_the_rules_would_have_chosen() {
        let plan = Rota::of(LEDGER, "AB", 1).storing("h").planned();
        assert_eq!(
            explained(&plan, 0).sentence,
            "Dana is on for Monday, 1 June 2026, because somebody decided it by hand. By the rules it would be Ada."
        );
        let mut agreed = Rota::of(LEDGER, "AB", 1).storing("A");
        agreed.stored_on(0).pinned = true;
        assert_eq!(explained(&agreed.planned(), 0).sentence, "Ada is on for Monday, 1 June 2026, because somebody decided it by hand.");
    }

    #[test]
    fn a_day_that_nobody_can_do_is_told() {
        let plan = Rota::of(LEDGER, "A", 1).unavailable('A', &[Weekday::Mon]).planned();
        assert_eq!(explained(&plan, 0).sentence, "Nobody is on for Monday, 1 June 2026, because nobody can.");
    }

    #[test]
    fn amounts_are_rounded_half_away_from_zero() {
        assert_eq!(effort(EFFORT / 200), "0.01");
        assert_eq!(effort(EFFORT / 200 - 1), "0.00");
        assert_eq!(effort(-EFFORT * 5 / 3), "1.67");
    }
}
