use chrono::{NaiveTime, TimeZone};
use entity::sleep_stages::Stage;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn number(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a literal")
}

/// A sleep in UTC. Stages follow each other from its beginning, each for so many minutes.
fn slept(source: &str, from: &str, to: &str, stages: &[(Stage, i64)]) -> Sleep {
    let (started_at, ended_at) = (at(from), at(to));
    let mut next = started_at;
    let span = |&(stage, minutes): &(Stage, i64)| {
        let started_at = next;
        next += TimeDelta::minutes(minutes);
        StageSpan { stage, started_at, ended_at: next }
    };
    let stages = stages.iter().map(span).collect();
    let row = Model {
        user_id: UserId(Uuid::nil()),
        id: SleepEntryId(Uuid::nil()),
        started_at,
        ended_at,
        time_zone: "UTC".to_owned(),
        woke_on: day_of_waking("endedAt", ended_at, chrono_tz::UTC).expect("in range"),
        is_nap: false,
        asleep_minutes: None,
        source: source.to_owned(),
        source_id: None,
        told: None,
        device_score: None,
        note: None,
        created_from: None,
        created_by: None,
        deleted_at: None,
        version: 1,
    };
    Sleep { row, stages }
}

#[test]
fn a_night_has_the_figures_of_the_reference() {
    use Stage::{Asleep, Awake, Deep, Light, Rem};
    // 465 minutes in bed: 13 to fall asleep, 20 + 4 awake in between, 16 before getting up; 412 asleep.
    let stages = [(Awake, 13), (Light, 120), (Deep, 92), (Awake, 12), (Awake, 8), (Rem, 90), (Awake, 4), (Asleep, 110), (Awake, 16)];
    let night = slept("manual", "2026-03-09T22:00:00Z", "2026-03-10T05:45:00Z", &stages);
    assert_eq!(night.in_bed(), number("465"));
    assert_eq!(night.asleep(), Some(number("412")));
    assert_eq!(night.efficiency(), Some(number("88.602")));
    assert_eq!(night.latency(), Some(number("13")));
    assert_eq!(night.awake_after_onset(), Some(number("24")));
    assert_eq!(night.midpoint(), at("2026-03-10T01:51:00Z"), "between 22:13 and 05:29");
    assert_eq!(night.minutes_in(Deep), Some(number("92")));

    let mut told = slept("manual", "2026-03-09T22:00:00Z", "2026-03-10T05:45:00Z", &[]);
    assert_eq!((told.asleep(), told.efficiency(), told.latency(), told.awake_after_onset()), (None, None, None, None));
    told.row.asleep_minutes = Some(number("412"));
    assert_eq!(told.efficiency(), Some(number("88.602")));
    assert_eq!(told.midpoint(), at("2026-03-10T01:52:30Z"));
}

#[test]
fn a_night_in_two_parts_is_one_night() {
    use Stage::{Deep, Light, Rem};
    let early = slept("watch", "2026-03-09T22:00:00Z", "2026-03-10T02:00:00Z", &[(Light, 150), (Deep, 90)]);
    let late = slept("watch", "2026-03-10T02:30:00Z", "2026-03-10T06:30:00Z", &[(Rem, 90), (Light, 150)]);
    let mut nap = slept("watch", "2026-03-10T13:00:00Z", "2026-03-10T13:40:00Z", &[]);
    nap.row.is_nap = true;
    let date = early.row.woke_on;
    let days = SleepDay::between(vec![early, late, nap], &[], date, date, |_| None).expect("zones are known");
    let day = &days[0];
    assert_eq!((day.night.len(), day.naps.len()), (2, 1));
    assert_eq!((day.in_bed(), day.asleep(), day.napped()), (Some(number("480")), Some(number("480")), number("40")));
    assert_eq!(day.awake_after_onset(), Some(number("30")), "half an hour out of bed");
    assert_eq!(day.midpoint(), Some(at("2026-03-10T02:15:00Z")));
    let score = day.score().expect("zones are known").expect("its length is known");
    // Eight hours, both stages, and half an hour awake in one go; no nights before it: (40·100 + 20·100 + 20·89) / 80.
    assert_eq!((score.value, score.is_complete()), (number("97"), false));
}

#[test]
fn overlapping_stages_are_refused_by_name() {
    let stages = [("deep", "23:00", "23:40"), ("rem", "23:30", "23:50")].map(|(stage, from, to)| {
        serde_json::from_value(serde_json::json!({
            "stage": stage, "started_at": format!("2026-03-09T{from}:00Z"), "ended_at": format!("2026-03-09T{to}:00Z"),
        }))
        .expect("a span")
    });
    let checked = |stages: &[StageSpan]| checked_stages(at("2026-03-09T22:00:00Z"), at("2026-03-10T06:00:00Z"), stages.to_vec());
    let refused = checked(&stages).expect_err("they overlap").to_string();
    assert_eq!(
        refused,
        "stages[1]: rem from 2026-03-09T23:30:00Z to 2026-03-09T23:50:00Z overlaps stages[0], deep from 2026-03-09T23:00:00Z to 2026-03-09T23:40:00Z"
    );
    assert_eq!(checked(&[stages[1]]).expect("it lies alone"), [stages[1]]);
    let outside = StageSpan { ended_at: at("2026-03-10T06:00:01Z"), ..stages[0] };
    assert!(checked(&[outside]).expect_err("it is too long").to_string().starts_with("stages[0]: deep from "));
    let backwards = StageSpan { ended_at: stages[0].started_at, ..stages[0] };
    assert_eq!(checked(&[backwards]).expect_err("it has no length").to_string(), "stages[0].endedAt: must be after startedAt");
}

proptest! {
    /// Whatever the zone does to its clocks that night.
    #[test]
    fn a_sleep_belongs_to_the_date_that_clocks_show_at_waking(days in 0i64..40_000, minutes in 0u32..1440, hours in 1i64..24, zone in 0usize..chrono_tz::TZ_VARIANTS.len()) {
        let zone = chrono_tz::TZ_VARIANTS[zone];
        let date = day::FIRST + TimeDelta::days(days + 1);
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minutes * 60, 0).expect("a time");
        for woke in zone.from_local_datetime(&date.and_time(time)).earliest().iter().chain(zone.from_local_datetime(&date.and_time(time)).latest().iter()) {
            let ended_at = woke.to_utc();
            let (_, ended_at) = in_bed(ended_at - TimeDelta::hours(hours), ended_at).expect("a sleep");
            prop_assert_eq!(day_of_waking("endedAt", ended_at, zone).expect("in range"), date);
        }
    }

    /// What counts never overlaps; what does not count does so because of something that counts and is ranked no lower; nothing is lost.
    #[test]
    fn of_several_sources_the_one_ranked_higher_counts(sleeps in prop::collection::vec((0usize..3, 0i64..96, 1i64..20), 0..12)) {
        let names = ["ring", "watch", "phone"];
        let start = at("2026-03-10T00:00:00Z");
        let all: Vec<_> = sleeps.iter().map(|(source, from, length)| {
            let from = start + TimeDelta::minutes(from * 30);
            slept(names[*source], &from.to_rfc3339(), &(from + TimeDelta::minutes(length * 30)).to_rfc3339(), &[])
        }).collect();
        let ranking = ["watch".to_owned(), "phone".to_owned()];
        let first = start.date_naive();
        let days = SleepDay::between(all.clone(), &ranking, first, first + TimeDelta::days(3), |_| None).expect("zones are known");
        let counting: Vec<_> = days.iter().flat_map(|day| &day.night).collect();
        let outranked: Vec<_> = days.iter().flat_map(|day| &day.outranked).collect();
        prop_assert_eq!(counting.len() + outranked.len(), all.len());
        let overlap = |one: &Sleep, other: &Sleep| one.row.started_at < other.row.ended_at && other.row.started_at < one.row.ended_at;
        for (position, sleep) in counting.iter().enumerate() {
            prop_assert!(counting.iter().skip(position + 1).all(|other| !overlap(sleep, other)));
        }
        let rank = |sleep: &Sleep| source_rankings::rank(&ranking, &sleep.row.source).0;
        for sleep in outranked {
            prop_assert!(counting.iter().any(|other| overlap(sleep, other) && rank(other) <= rank(sleep)));
        }
    }
}
