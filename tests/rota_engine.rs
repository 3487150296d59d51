//! The rota engine against the recorded decisions of the Night Routine Scheduler and of the proposed ledger.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, Weekday};
use serde_json::Value;
use service::rota::{
    Assignment, Decision, Doer, EFFORT, Keep, Member, MemberId, Participation, Plan, Policy, Problem, Reason, Rota, Slot, Smoother, Span,
    doer_in_title, may_change, plan, standings,
};
use uuid::Uuid;

use crate::harness::{report, shared_data};

/// The vectors, where they are.
fn vectors() -> Option<Value> {
    let file = shared_data("rota_vectors.json")?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn day(value: &Value) -> NaiveDate {
    text(value).parse().unwrap()
}

fn reason(value: &Value) -> Option<Reason> {
    serde_json::from_value(value.clone()).unwrap()
}

/// An id for every name.
fn id(name: &str) -> MemberId {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    MemberId(Uuid::from_bytes(bytes))
}

fn doer(row: &Value) -> Doer {
    let who = text(&row["who"]);
    if row["kind"] == "babysitter" { Doer::Helper(who.to_owned()) } else { Doer::Member(id(who)) }
}

fn weekdays(names: &Value) -> Vec<Weekday> {
    list(names).iter().map(|name| text(name).parse().unwrap()).collect()
}

fn member(name: &str, rank: usize) -> Member {
    let always = Span { from: NaiveDate::MIN, until: None };
    Member {
        id: id(name),
        rank: u32::try_from(rank).unwrap(),
        participations: vec![Participation { span: always, weight: 1 }],
        unavailable: Vec::new(),
        absences: Vec::new(),
        skills: Vec::new(),
    }
}

fn parents(case: &Value, names: &[&str]) -> Vec<Member> {
    let parent = |(rank, name): (usize, &&str)| Member { unavailable: weekdays(&case["unavailable"][*name]), ..member(name, rank) };
    names.iter().enumerate().map(parent).collect()
}

fn stored(row: &Value) -> Assignment {
    Assignment {
        date: day(&row["date"]),
        effort: 1,
        doer: doer(row),
        pinned: row["override"] == true,
        done_by: None,
        reason: reason(&row["reason"]),
    }
}

/// One store, on which the steps of a case are carried out in order.
struct NightRoutine {
    members: Vec<Member>,
    store: BTreeMap<NaiveDate, Assignment>,
    comparisons: usize,
}

impl NightRoutine {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, id: &str, found: T, expected: T) {
        assert_eq!(found, expected, "{id}");
        self.comparisons += 1;
    }

    fn step(&mut self, case: &str, step: &Value) {
        match text(&step["op"]) {
            "seed" => self.store.extend(list(&step["rows"]).iter().map(stored).map(|row| (row.date, row))),
            "generate" => self.generate(case, step),
            "override" | "babysitter" => {
                let row = self.store.get_mut(&day(&step["date"])).unwrap();
                let helper = step["op"] == "babysitter";
                let who = text(&step["who"]);
                row.doer = if helper { Doer::Helper(who.to_owned()) } else { Doer::Member(id(who)) };
                (row.pinned, row.reason) = (true, Some(Reason::Override));
            }
            "unlock" => {
                let row = self.store.get_mut(&day(&step["date"])).unwrap();
                (row.pinned, row.reason) = (false, None);
            }
            other => panic!("{case}: {other} is no step"),
        }
    }

    fn generate(&mut self, case: &str, step: &Value) {
        let rota = Rota {
            policy: Policy::NightRoutine,
            members: self.members.clone(),
            assignments: self.store.values().cloned().collect(),
            slots: Slot::daily(day(&step["from"]), day(&step["to"])),
            today: day(&step["today"]),
            keep: Keep::Past,
            causes: Vec::new(),
        };
        let Plan { days, problems, .. } = plan(&rota).unwrap();
        if let Some(message) = step["expect_error"].as_str() {
            // Where the seed gives up with half of a run stored, the plan says which night it cannot fill.
            let Some(Problem::NobodyAvailable { date }) = problems.first() else { panic!("{case}: no problem") };
            self.same(case, format!("both parents unavailable on {}", date.format("%A")), message.to_owned());
            let before = days.iter().map(|planned| &planned.assignment).take_while(|row| row.date < *date).map(brief);
            let expected = list(&step["expect_rows_persisted"]).iter().map(|row| brief(&stored(row)));
            self.same(case, before.collect::<Vec<_>>(), expected.collect());
            return;
        }
        self.same(case, problems, Vec::new());
        let expected = list(&step["expect"]);
        self.same(case, days.len(), expected.len());
        for (planned, expected) in days.iter().zip(expected) {
            let expected = stored(expected);
            self.same(case, &planned.assignment, &expected);
        }
        for details in list(&step["expect_details"]) {
            let planned = days.iter().find(|planned| planned.assignment.date == day(&details["date"])).unwrap();
            let seen = &planned.decision.as_ref().unwrap().candidates;
            let seen: Vec<u32> = seen.iter().flat_map(|candidate| [candidate.total, candidate.recent]).collect();
            let expected = ["a_total", "a_30", "b_total", "b_30"].map(|field| u32::try_from(details[field].as_u64().unwrap()).unwrap());
            self.same(case, seen, expected.to_vec());
        }
        self.store.extend(days.into_iter().map(|planned| (planned.assignment.date, planned.assignment)));
    }
}

/// What the vectors tell of a night that was stored before a run failed.
fn brief(row: &Assignment) -> (NaiveDate, Doer, Option<Reason>) {
    (row.date, row.doer.clone(), row.reason)
}

#[test]
fn the_night_routine_decides_as_recorded() {
    let Some(vectors) = vectors() else { return };
    let (mut cases, mut comparisons) = (0, 0);
    for case in list(&vectors["night_routine"]["cases"]) {
        let names: Vec<&str> = list(&case["members"]).iter().map(text).collect();
        let mut store = NightRoutine { members: parents(case, &names), store: BTreeMap::new(), comparisons: 0 };
        for step in list(&case["steps"]) {
            store.step(text(&case["id"]), step);
        }
        cases += 1;
        comparisons += store.comparisons;
    }
    assert!(cases > 0);
    report(&format!("night routine: {cases} cases, {comparisons} comparisons"));
}

#[test]
fn the_night_routine_smooths_as_recorded() {
    let Some(vectors) = vectors() else { return };
    let cases = list(&vectors["night_routine"]["smoothing"]);
    assert!(!cases.is_empty());
    for case in cases {
        let members = parents(case, &["Ada", "Ben"]);
        let free = |id: MemberId, date: NaiveDate| {
            let weekday = chrono::Datelike::weekday(&date);
            members.iter().any(|member| member.id == id && !member.unavailable.contains(&weekday))
        };
        let mut smoother = Smoother::default();
        let mut decisions = Vec::new();
        for row in list(&case["input"]) {
            decisions.push(Decision {
                date: day(&row["date"]),
                policy: Policy::NightRoutine,
                doer: doer(row),
                reason: reason(&row["reason"]).unwrap(),
                candidates: Vec::new(),
                otherwise: None,
                swapped_with: None,
            });
            smoother.follow(&mut decisions, free);
        }
        let found: Vec<(NaiveDate, Doer, Reason)> = decisions.into_iter().map(|row| (row.date, row.doer, row.reason)).collect();
        let expected = list(&case["expect"]).iter().map(|row| (day(&row["date"]), doer(row), reason(&row["reason"]).unwrap()));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{}", case["id"]);
    }
    report(&format!("smoothing: {} cases", cases.len()));
}

#[test]
fn titles_and_thresholds_are_read_as_recorded() {
    let Some(vectors) = vectors() else { return };
    let titles = &vectors["night_routine"]["event_titles"];
    let members: Vec<&str> = list(&titles["members"]).iter().map(text).collect();
    let cases = list(&titles["cases"]);
    for case in cases {
        let found = doer_in_title(text(&case["title"]), |name| members.contains(&name).then(|| id(name)));
        let expected = case["expect"].as_object().map(|expected| {
            let name = text(&expected["name"]);
            if expected["kind"] == "parent" { Doer::Member(id(name)) } else { Doer::Helper(name.to_owned()) }
        });
        assert_eq!(found, expected, "{}", case["title"]);
    }
    let thresholds = list(&vectors["night_routine"]["override_threshold"]);
    for case in thresholds {
        let days = u32::try_from(case["threshold_days"].as_u64().unwrap()).unwrap();
        assert_eq!(may_change(day(&case["assignment_date"]), day(&case["today"]), days), case["accepted"] == true, "{case}");
    }
    assert!(!cases.is_empty() && !thresholds.is_empty());
    report(&format!("titles: {} cases, thresholds: {} cases", cases.len(), thresholds.len()));
}

/// `"-2/3"` in the ledger's units.
fn units(fraction: &str) -> i64 {
    let (numerator, denominator) = fraction.split_once('/').unwrap_or((fraction, "1"));
    let (numerator, denominator): (i64, i64) = (numerator.parse().unwrap(), denominator.parse().unwrap());
    assert_eq!(EFFORT % denominator, 0);
    numerator * EFFORT / denominator
}

fn ledger_member(rank: usize, value: &Value) -> Member {
    let mut member = member(text(&value["id"]), rank);
    if let Some(weight) = value["weight"].as_u64() {
        member.participations[0].weight = u32::try_from(weight).unwrap();
    }
    if !value["from"].is_null() {
        member.participations[0].span.from = day(&value["from"]);
    }
    let span = |span: &Value| Span { from: day(&span[0]), until: Some(day(&span[1])) };
    member.absences = list(&value["away"]).iter().map(span).collect();
    member.unavailable = weekdays(&value["unavailable"]);
    member.skills = list(&value["skills"]).iter().map(|skill| text(skill).to_owned()).collect();
    member
}

#[test]
fn the_ledger_decides_as_proposed() {
    let Some(vectors) = vectors() else { return };
    let cases = list(&vectors["generalised_proposal"]["cases"]);
    let mut comparisons = 0;
    for case in cases {
        let members: Vec<Member> = list(&case["members"]).iter().enumerate().map(|(rank, member)| ledger_member(rank, member)).collect();
        let slot = |slot: &Value| Slot {
            date: day(&slot["date"]),
            effort: u32::try_from(slot["effort"].as_u64().unwrap_or(1)).unwrap(),
            needs: slot["needs"].as_str().map(str::to_owned),
        };
        let rota = Rota {
            policy: Policy::Ledger { streak_cap: case["max_streak"].as_u64().map(|cap| u32::try_from(cap).unwrap()) },
            members: members.clone(),
            assignments: Vec::new(),
            slots: list(&case["slots"]).iter().map(slot).collect(),
            today: day(&case["slots"][0]["date"]),
            keep: Keep::Published,
            causes: Vec::new(),
        };
        let days = plan(&rota).unwrap().days;
        let assignments: Vec<Assignment> = days.iter().map(|planned| planned.assignment.clone()).collect();
        for (planned, expected) in days.iter().zip(list(&case["expect"])) {
            let case = format!("{} {}", case["id"], expected["date"]);
            let who = expected["who"].as_str().map_or(Doer::Nobody, |name| Doer::Member(id(name)));
            assert_eq!(planned.assignment.doer, who, "{case}");
            let code = match planned.assignment.reason.unwrap() {
                Reason::Unavailability => "ONLY_AVAILABLE",
                Reason::ConsecutiveLimit => "STREAK_LIMIT",
                Reason::LargestDebt => "LARGEST_DEBT",
                Reason::RecentLoad => "RECENT_LOAD",
                Reason::LongestWait => "LONGEST_WAIT",
                Reason::Order => "ORDER",
                Reason::Unfilled => "UNFILLED",
                other => panic!("{case}: {other:?} is no reason of the ledger's"),
            };
            assert_eq!(code, expected["reason"], "{case}");
            if let Some(balances) = expected["balance_after"].as_object() {
                let standings = standings(&members, &assignments, planned.assignment.date + Days::new(1));
                let found: BTreeMap<MemberId, i64> = standings.iter().map(|account| (account.member, account.balance())).collect();
                let expected = balances.iter().map(|(name, balance)| (id(name), units(text(balance))));
                assert_eq!(found, expected.collect::<BTreeMap<_, _>>(), "{case}");
            }
            comparisons += 1;
        }
        assert_eq!(days.len(), list(&case["expect"]).len());
    }
    assert!(!cases.is_empty());
    report(&format!("ledger: {} cases, {comparisons} days", cases.len()));
}
