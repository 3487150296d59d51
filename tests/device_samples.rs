//! What devices tell in bulk: once, corrected, late, and each minute by the source that is trusted most.

use sea_orm::prelude::Decimal;
use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
};

const INGEST: &str = "mutation($input: IngestSamplesInput!) { ingestSamples(input: $input) {
    created replaced unchanged refused { series index id code field message } } }";
const DAYS: &str =
    "query($id: UUID!, $metric: String!, $from: Date!, $to: Date!) { person(id: $id) { sampleDays(metric: $metric, from: $from, to: $to) {
    date value sources { source samples value counted minimum maximum } } } }";
const LIST: &str = "query($metric: String!, $source: String, $first: Int, $after: String) { viewer { samples(metric: $metric, source: $source, first: $first, after: $after) {
    nodes { source sourceId at until value date } pageInfo { hasNextPage endCursor } } } }";
const RANK: &str = "mutation($input: SetSourceRankingInput!) { setSourceRanking(input: $input) { rankings { metric sources } } }";
const DELETE: &str =
    "mutation($input: DeleteSamplesOfSourceInput!) { deleteSamplesOfSource(input: $input) { deletedCount sources { name metrics } } }";

async fn tells(person: &Person<'_>, source: &str, series: Value) -> Value {
    person.ask(INGEST, json!({ "input": { "source": source, "series": series } })).await["ingestSamples"].take()
}

/// Steps of 10 March between two times of day.
fn steps(id: &str, from: &str, to: &str, value: &str) -> Value {
    json!({ "id": id, "at": format!("2026-03-10T{from}:00Z"), "until": format!("2026-03-10T{to}:00Z"), "value": value })
}

async fn days(viewer: &Person<'_>, of: &Person<'_>, metric: &str, from: &str, to: &str) -> Value {
    viewer.ask(DAYS, json!({ "id": of.id, "metric": metric, "from": from, "to": to })).await["person"]["sampleDays"].take()
}

async fn day(person: &Person<'_>, metric: &str) -> Value {
    days(person, person, metric, "2026-03-10", "2026-03-10").await[0].take()
}

#[tokio::test]
async fn ten_thousand_samples_come_in_one_call_and_again_change_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let start: chrono::DateTime<chrono::Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
    let sample = |number: i64| {
        let at = |minute| (start + chrono::TimeDelta::minutes(minute)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        json!({ "id": uuid::Uuid::from_u128(number as u128), "at": at(number), "until": at(number + 1), "value": (number % 120).to_string() })
    };
    let input = json!({ "source": "watch", "timeZone": "Europe/Berlin", "series": [{ "metric": "steps", "samples": (0..10_000).map(sample).collect::<Vec<_>>() }] });
    let body = json!({ "query": INGEST, "variables": { "input": input } }).to_string();
    // 2 MiB are allowed with a valid token.
    assert!((1 << 20..2 << 20).contains(&body.len()), "{} bytes", body.len());
    let told = json!({ "created": 10_000, "replaced": 0, "unchanged": 0, "refused": [] });
    assert_eq!(ann.ask(INGEST, json!({ "input": input })).await["ingestSamples"], told);
    let again = json!({ "created": 0, "replaced": 0, "unchanged": 10_000, "refused": [] });
    assert_eq!(ann.ask(INGEST, json!({ "input": input })).await["ingestSamples"], again);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM device_samples").await, 10_000);
    // Midnight in Berlin is at eleven in UTC.
    let week = days(&ann, &ann, "steps", "2026-03-01", "2026-03-07").await;
    let sum: i64 = week.as_array().unwrap().iter().map(|day| day["value"].as_str().unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!((week[0]["sources"][0]["samples"].clone(), sum), (json!(23 * 60), (0..10_000).map(|number| number % 120).sum::<i64>()));

    let mut more = input.clone();
    more["series"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "metric": "heart_rate", "samples": [{ "id": "x", "at": "2026-03-10T00:00:00Z", "value": "60" }] }));
    let refused = ann.refused(INGEST, json!({ "input": more })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("series")));
}

#[tokio::test]
async fn what_cannot_be_is_listed_and_the_rest_is_kept() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let at = "2026-03-10T08:00:00Z";
    let told = tells(
        &ann,
        "watch",
        json!([
            { "metric": "heart_rate", "unit": "bpm", "samples": [
                { "id": "a", "at": at, "value": "61" },
                { "id": "b", "at": at, "value": "0" },
                { "id": "c", "at": "yesterday", "value": "61" },
                { "id": "d", "at": at, "value": 61.5 },
                { "id": "e", "at": at, "value": "62", "timeZone": "Mars/Olympus" },
                { "id": "f", "at": at, "until": "2026-03-10T07:00:00Z", "value": "62" },
                { "id": " ", "at": at, "value": "62" },
                { "id": "g", "at": "1800-01-01T00:00:00Z", "value": "62" },
                { "id": "h", "at": at, "value": 64, "revision": 1_773_144_060_000_u64 },
                { "id": "i", "at": at, "value": 64, "revision": "1.5" },
            ] },
            { "metric": "luck", "samples": [{ "id": "a", "at": at, "value": "7" }] },
            { "metric": "active_energy", "unit": "kg", "samples": [{ "id": "a", "at": at, "value": "7" }] },
            { "metric": "active_energy", "unit": "kJ", "samples": [{ "id": "b", "at": at, "value": "418.4" }] },
        ]),
    )
    .await;
    assert_eq!((&told["created"], &told["unchanged"]), (&json!(3), &json!(0)));
    let refused: Vec<_> =
        told["refused"].as_array().unwrap().iter().map(|refused| json!([refused["series"], refused["index"], refused["field"]])).collect();
    assert_eq!(
        json!(refused),
        json!([
            [0, 1, "value"],
            [0, 2, "at"],
            [0, 3, "value"],
            [0, 4, "timeZone"],
            [0, 5, "until"],
            [0, 6, "id"],
            [0, 7, "at"],
            [0, 9, "revision"],
            [1, 0, "metric"],
            [2, 0, "unit"]
        ])
    );
    assert_eq!(
        told["refused"][0],
        json!({ "series": 0, "index": 1, "id": "b", "code": "BAD_USER_INPUT", "field": "value", "message": "value: must be between 1 and 400, is 0" })
    );
    let rate = day(&ann, "heart_rate").await;
    assert_eq!((&rate["value"], &rate["sources"][0]["samples"]), (&json!("62.5"), &json!(2)));
    assert_eq!(day(&ann, "active_energy").await["value"], "100");
    assert_eq!(day(&ann, "steps").await, json!({ "date": "2026-03-10", "value": null, "sources": [] }), "unknown is not zero");
    let unnamed = ann.refused(INGEST, json!({ "input": { "source": " ", "series": [] } })).await;
    assert_eq!(unnamed.field.as_deref(), Some("source"));
    assert_eq!(
        ann.refused(DAYS, json!({ "id": ann.id, "metric": "luck", "from": "2026-03-10", "to": "2026-03-10" })).await.field.as_deref(),
        Some("metric")
    );
    let metrics = ann.ask("{ sampleMetrics { code unit minimum maximum fold } }", json!({})).await["sampleMetrics"].take();
    assert!(
        metrics.as_array().unwrap().contains(&json!({ "code": "steps", "unit": "steps", "minimum": 0, "maximum": 500_000, "fold": "SUM" }))
    );
}

#[tokio::test]
async fn a_correction_replaces_and_what_comes_later_than_it_does_not() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let told = |value: &str, revision: i32| json!([{ "metric": "steps", "samples": [{ "id": "1", "at": "2026-03-10T08:00:00Z", "until": "2026-03-10T09:00:00Z", "value": value, "revision": revision }] }]);
    let outcome = |created: i32, replaced: i32, unchanged: i32| json!({ "created": created, "replaced": replaced, "unchanged": unchanged, "refused": [] });
    assert_eq!(tells(&ann, "watch", told("100", 1)).await, outcome(1, 0, 0));
    assert_eq!(tells(&ann, "watch", told("120", 3)).await, outcome(0, 1, 0));
    assert_eq!(tells(&ann, "watch", told("110", 2)).await, outcome(0, 0, 1), "it came late");
    assert_eq!(day(&ann, "steps").await["value"], "120");
    assert_eq!(tells(&ann, "watch", told("121", 3)).await, outcome(0, 1, 0), "a source without revisions corrects itself, too");
    assert_eq!(tells(&ann, "phone", told("90", 0)).await, outcome(1, 0, 0), "another source's is another sample");
    // Both in one batch: the greater revision counts, wherever it stands.
    let mut both = told("130", 5);
    both[0]["samples"].as_array_mut().unwrap().extend(told("125", 4)[0]["samples"].as_array().unwrap().clone());
    assert_eq!(tells(&ann, "watch", both).await, outcome(0, 1, 1));
    assert_eq!(
        day(&ann, "steps").await["sources"],
        json!([
            { "source": "phone", "samples": 1, "value": "90", "counted": "90", "minimum": "90", "maximum": "90" },
            { "source": "watch", "samples": 1, "value": "130", "counted": "0", "minimum": "130", "maximum": "130" },
        ])
    );
}

#[tokio::test]
async fn no_minute_counts_twice_and_the_loser_is_kept() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    ann.ask(RANK, json!({ "input": { "metric": "steps", "sources": ["watch", "phone"] } })).await;
    // The watch was off from nine to ten; the phone counted all the while, and tells its whole day too.
    tells(
        &ann,
        "watch",
        json!([{ "metric": "steps", "samples": [steps("1", "08:00", "09:00", "1000"), steps("2", "10:00", "11:00", "2000")] }]),
    )
    .await;
    tells(
        &ann,
        "phone",
        json!([{ "metric": "steps", "samples": [steps("1", "08:30", "09:30", "600"), steps("2", "09:30", "10:30", "800")] }]),
    )
    .await;
    let shown = day(&ann, "steps").await;
    // 1000 + 2000, and of the phone half of 600 and half of 800.
    assert_eq!(shown["value"], "3700");
    assert_eq!(
        shown["sources"],
        json!([
            { "source": "watch", "samples": 2, "value": "3000", "counted": "3000", "minimum": "1000", "maximum": "2000" },
            { "source": "phone", "samples": 2, "value": "1400", "counted": "700", "minimum": "600", "maximum": "800" },
        ])
    );
    // Ranked the other way, it is computed anew: 600 + 800, and of the watch half of 1000 and half of 2000.
    ann.ask(RANK, json!({ "input": { "metric": "steps", "sources": ["phone"] } })).await;
    assert_eq!(day(&ann, "steps").await["value"], "2900");
    ann.ask(RANK, json!({ "input": { "metric": "steps", "sources": [] } })).await;
    assert_eq!(day(&ann, "steps").await["sources"][0]["source"], "phone", "by name where nothing is said");

    // One source: a sum for the hour and the minutes in it are the same steps.
    tells(&ann, "ring", json!([{ "metric": "floors_climbed", "samples": [steps("hour", "08:00", "09:00", "12"), steps("a", "08:10", "08:11", "4"), steps("b", "08:58", "09:02", "8")] }])).await;
    assert_eq!(day(&ann, "floors_climbed").await["value"], "16", "12, and half of what lasted until two past nine");

    // Over midnight, in two sources: the watch's night counts, in the day of its middle.
    let night = |id: &str, from: &str, to: &str, value: &str| json!([{ "metric": "resting_energy", "samples": [{ "id": id, "at": from, "until": to, "value": value }] }]);
    ann.ask(RANK, json!({ "input": { "metric": "resting_energy", "sources": ["watch"] } })).await;
    tells(&ann, "watch", night("n", "2026-03-09T23:00:00Z", "2026-03-10T03:00:00Z", "280")).await;
    tells(&ann, "phone", night("n", "2026-03-09T22:00:00Z", "2026-03-10T01:00:00Z", "300")).await;
    let two = days(&ann, &ann, "resting_energy", "2026-03-09", "2026-03-10").await;
    assert_eq!((&two[0]["value"], &two[1]["value"]), (&json!("100"), &json!("280")), "the hour before eleven is the phone's");

    // What is no sum is of one source.
    for (source, values) in [("watch", ["60", "64"]), ("ring", ["52", "53"])] {
        let samples = json!([{ "id": "1", "at": "2026-03-10T08:00:00Z", "value": values[0] }, { "id": "2", "at": "2026-03-10T08:05:00Z", "value": values[1] }]);
        tells(
            &ann,
            source,
            json!([{ "metric": "heart_rate", "samples": samples }, { "metric": "resting_heart_rate", "samples": samples }]),
        )
        .await;
    }
    ann.ask(RANK, json!({ "input": { "metric": "heart_rate", "sources": ["watch"] } })).await;
    assert_eq!((&day(&ann, "heart_rate").await["value"], &day(&ann, "resting_heart_rate").await["value"]), (&json!("62"), &json!("53")));

    let listed = ann.ask(LIST, json!({ "metric": "steps", "first": 3 })).await["viewer"]["samples"].take();
    let of = |page: &Value| {
        page["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| format!("{} {}", node["source"].as_str().unwrap(), node["value"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&listed), ["watch 2000", "phone 800", "phone 600"]);
    let rest =
        ann.ask(LIST, json!({ "metric": "steps", "first": 3, "after": listed["pageInfo"]["endCursor"] })).await["viewer"]["samples"].take();
    assert_eq!((of(&rest), &rest["pageInfo"]["hasNextPage"]), (vec!["watch 1000".to_owned()], &json!(false)));
    assert_eq!(of(&ann.ask(LIST, json!({ "metric": "steps", "source": "phone" })).await["viewer"]["samples"]), ["phone 800", "phone 600"]);
}

#[tokio::test]
async fn a_day_is_that_of_where_it_happened_and_a_whole_day_is_one_day() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    let preferences = "mutation($input: UpdatePreferencesInput!) { updatePreferences(input: $input) { preferences { dayStartsAt } } }";
    ann.ask(preferences, json!({ "input": { "dayStartsAt": "04:00" } })).await;
    let told = json!([{ "metric": "steps", "samples": [
        // One in the morning of the eleventh in Auckland is still her tenth; in Berlin it is noon of the tenth.
        { "id": "auckland", "at": "2026-03-10T12:00:00Z", "value": "10" },
        { "id": "berlin", "at": "2026-03-11T02:30:00Z", "value": "20", "timeZone": "Europe/Berlin" },
        // A summary from midnight to midnight in Auckland.
        { "id": "day", "at": "2026-03-11T11:00:00Z", "until": "2026-03-12T11:00:00Z", "value": "9000" },
    ] }]);
    tells(&ann, "watch", told).await;
    let shown = days(&ann, &ann, "steps", "2026-03-09", "2026-03-12").await;
    let values: Vec<_> = shown.as_array().unwrap().iter().map(|day| day["value"].clone()).collect();
    assert_eq!(values, [json!(null), json!("30"), json!(null), json!("9000")]);
}

#[tokio::test]
async fn sources_are_listed_and_forgotten_and_shown_to_those_who_may_see_them() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let of = |id: &str, metric: &str| json!([{ "metric": metric, "samples": [steps(id, "08:00", "09:00", "5")] }]);
    for metric in ["steps", "distance", "floors_climbed"] {
        tells(&ann, "watch", of("1", metric)).await;
        tells(&ann, "phone", of("1", metric)).await;
    }
    let sources = "query($id: UUID!) { person(id: $id) { sampleSources { name lastReceivedAt metrics } } }";
    let all = ["phone", "watch"]
        .map(|name| json!({ "name": name, "lastReceivedAt": "2026-03-10T12:00:00Z", "metrics": ["distance", "floors_climbed", "steps"] }));
    assert_eq!(ann.ask(sources, json!({ "id": ann.id })).await["person"]["sampleSources"], json!(all));
    assert_eq!(ben.ask(sources, json!({ "id": ann.id })).await["person"], json!(null));
    app.verify(&ben).await;
    shares(&ann, &ben, &["CHECKIN"], true).await;
    assert_eq!(ben.ask(sources, json!({ "id": ann.id })).await["person"]["sampleSources"], json!(all));
    assert_eq!(days(&ben, &ann, "steps", "2026-03-10", "2026-03-10").await[0]["value"], "5");
    assert_eq!(ben.refused(DELETE, json!({ "input": { "source": "watch" } })).await.code, "NOT_FOUND", "he has no such source of his own");

    let forgotten = ann.ask(DELETE, json!({ "input": { "source": "phone", "metric": "steps" } })).await["deleteSamplesOfSource"].take();
    assert_eq!((&forgotten["deletedCount"], &forgotten["sources"][0]["metrics"]), (&json!(1), &json!(["distance", "floors_climbed"])));
    let forgotten = ann.ask(DELETE, json!({ "input": { "source": "phone" } })).await["deleteSamplesOfSource"].take();
    assert_eq!(
        forgotten,
        json!({ "deletedCount": 2, "sources": [{ "name": "watch", "metrics": ["distance", "floors_climbed", "steps"] }] })
    );
    assert_eq!(app.value::<i64>("SELECT count(*) FROM device_samples WHERE source = 'phone'").await, 0);
}

/// A sample of the comparison below: source, number, half hours since midnight of its day, value.
struct Told {
    source: usize,
    number: i64,
    from: i64,
    to: i64,
    value: i64,
}

/// What each source counts for, half hour by half hour: those of a sample that neither an earlier one of its source nor a source ranked
/// higher tells of.
fn counted(all: &[Told], source: usize) -> Decimal {
    let earlier = |one: &Told, other: &Told| (one.from, -one.to, one.number) < (other.from, -other.to, other.number);
    let uncovered = |sample: &Told, cell: i64| {
        !all.iter().any(|other| {
            let better = other.source < sample.source || other.source == sample.source && earlier(other, sample);
            better && (other.from..other.to).contains(&cell)
        })
    };
    let of = |sample: &Told| {
        let cells = (sample.from..sample.to).filter(|cell| uncovered(sample, *cell)).count();
        Decimal::from(sample.value) * Decimal::from(cells) / Decimal::from(sample.to - sample.from)
    };
    all.iter().filter(|sample| sample.source == source).map(of).sum()
}

#[tokio::test]
async fn sums_are_those_of_counting_each_half_hour_by_hand() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let sources = ["ring", "phone", "watch"];
    ann.ask(RANK, json!({ "input": { "metric": "distance", "sources": sources } })).await;
    let mut state = 20_260_310_u64;
    let mut below = |most: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % most
    };
    let first: chrono::DateTime<chrono::Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut days: Vec<Vec<Told>> = Vec::new();
    for _ in 0..30 {
        let mut told = Vec::new();
        for source in 0..3 {
            for number in 0..below(7) {
                let from = below(40);
                told.push(Told { source, number, from, to: from + 1 + below(8), value: 1 + below(50) });
            }
        }
        days.push(told);
    }
    for (position, name) in sources.iter().enumerate() {
        let of_day = |(day, told): (i64, &Vec<Told>)| {
            let at = |cell: i64| (first + chrono::TimeDelta::days(day) + chrono::TimeDelta::minutes(30 * cell)).to_rfc3339();
            let sample = |told: &Told| json!({ "id": format!("{day}-{}", told.number), "at": at(told.from), "until": at(told.to), "value": told.value.to_string() });
            told.iter().filter(|told| told.source == position).map(sample).collect::<Vec<_>>()
        };
        let samples: Vec<_> = (0..).zip(&days).flat_map(of_day).collect();
        tells(&ann, name, json!([{ "metric": "distance", "samples": samples }])).await;
    }
    let shown = self::days(&ann, &ann, "distance", "2026-01-01", "2026-01-30").await;
    for (day, told) in shown.as_array().unwrap().iter().zip(&days) {
        for (position, name) in sources.iter().enumerate() {
            let expected = counted(told, position);
            let found = day["sources"].as_array().unwrap().iter().find(|source| source["source"] == *name);
            let found: Decimal = found.map_or("0", |source| source["counted"].as_str().unwrap()).parse().unwrap();
            assert!((found - expected).abs() < Decimal::new(1, 5), "{day}: {name} {expected}");
        }
    }
}
