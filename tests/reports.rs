//! Reports: the same sums as the diary's, for days with entries.

use serde_json::{Value, json};

use crate::{
    goals,
    harness::{Person, TestApp},
};

const TOTALS: &str = "totals { calories protein carbohydrates fat fiber sugar sodium unknown }";

async fn report_and_days(person: &Person<'_>, from: &str, to: &str) -> (Value, Value) {
    let document = format!(
        "query($from: Date!, $to: Date!) {{ viewer {{
          nutritionReport(from: $from, to: $to) {{ days {{ date {TOTALS} goal {{ calories }} }}
            average {{ calories protein carbohydrates fat fiber sugar sodium unknown }} }}
          foodDays(from: $from, to: $to) {{ date {TOTALS} goal {{ calories }} entries {{ id }} }} }} }}"
    );
    let mut answer = person.ask(&document, json!({ "from": from, "to": to })).await;
    (answer["viewer"]["nutritionReport"].take(), answer["viewer"]["foodDays"].take())
}

fn millionths(amount: &Value) -> i128 {
    let text = amount.as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<6}").parse().unwrap()
}

#[tokio::test]
async fn a_report_says_what_the_diary_says() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let foods = [
        ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "379.3", "protein": "13.15", "fiber": "10.1" } })).await,
        ann.creates_food(
            json!({ "name": "Milk", "nutrition": { "calories": "61.1", "protein": "3.2", "carbohydrates": "4.8", "fat": "3.3",
            "fiber": "0", "sugar": "4.8", "sodium": "43" } }),
        )
        .await,
        ann.creates_food(json!({ "name": "Mystery", "nutrition": {} })).await,
    ];
    goals::sets(&ann, json!({ "validFrom": "2026-03-03" })).await;
    goals::sets(&ann, json!({ "targetValue": "1800", "validFrom": "2026-03-06" })).await;
    for (step, day) in [1, 1, 2, 3, 3, 3, 5, 6, 8, 8].into_iter().enumerate() {
        for (index, food) in foods.iter().enumerate().filter(|(index, _)| (step + index) % 3 != 0) {
            let quantity = format!("{}.{}", 17 * (step + 1) + index, step + 1);
            let at = format!("2026-03-{day:02}T0{step}:00:00Z");
            ann.logs_food(food, json!({ "quantity": quantity, "unit": "g", "consumedAt": at })).await;
        }
    }
    for (from, to) in
        [("2026-03-01", "2026-03-08"), ("2026-03-02", "2026-03-05"), ("2026-03-08", "2026-03-08"), ("2026-02-01", "2026-12-31")]
    {
        let (report, days) = report_and_days(&ann, from, to).await;
        let eaten: Vec<Value> = days
            .as_array()
            .unwrap()
            .iter()
            .filter(|day| day["entries"] != json!([]))
            .map(|day| json!({ "date": day["date"], "totals": day["totals"], "goal": day["goal"] }))
            .collect();
        assert!(!eaten.is_empty());
        assert_eq!(report["days"], json!(eaten), "{from} to {to}");
        for nutrient in ["calories", "protein", "carbohydrates", "fat", "fiber", "sugar", "sodium"] {
            let sum: i128 = eaten.iter().map(|day| millionths(&day["totals"][nutrient])).sum();
            let count = i128::try_from(eaten.len()).unwrap();
            // Rounded half away from zero at the sixth decimal.
            assert_eq!(millionths(&report["average"][nutrient]), (2 * sum + count) / (2 * count), "{nutrient} {from} to {to}");
            let unknown = |totals: &Value| totals["unknown"].as_array().unwrap().contains(&json!(nutrient));
            assert_eq!(unknown(&report["average"]), eaten.iter().any(|day| unknown(&day["totals"])), "{nutrient}");
        }
    }
}

#[tokio::test]
async fn a_report_without_entries_has_no_average() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ben.creates_food(json!({})).await;
    ben.logs_food(&oats, json!({})).await;
    let (report, days) = report_and_days(&ann, "2026-03-01", "2026-03-31").await;
    assert_eq!(report, json!({ "days": [], "average": null }));
    assert_eq!(days.as_array().unwrap().len(), 31);

    // What was taken back counts no more.
    let oats = ann.creates_food(json!({})).await;
    let id = ann.logs_food(&oats, json!({})).await["entry"]["id"].take();
    assert_eq!(report_and_days(&ann, "2026-03-01", "2026-03-31").await.0["average"]["calories"], "100");
    ann.ask("mutation($id: UUID!) { deleteFoodEntry(input: { id: $id }) { deletedId } }", json!({ "id": id })).await;
    assert_eq!(report_and_days(&ann, "2026-03-01", "2026-03-31").await.0, json!({ "days": [], "average": null }));
}

#[tokio::test]
async fn a_report_reaches_over_400_days_and_no_more() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let document = "query($from: Date!, $to: Date!) { viewer { nutritionReport(from: $from, to: $to) { average { calories } } } }";
    for (from, to) in [("2025-01-01", "2026-02-04"), ("2026-03-10", "2026-03-10")] {
        ann.ask(document, json!({ "from": from, "to": to })).await;
    }
    for (from, to, field) in [
        ("2025-01-01", "2026-02-05", "to"),
        ("2026-03-10", "2026-03-09", "to"),
        ("1899-12-31", "1900-01-01", "from"),
        ("2026-02-30", "2026-03-01", "from"),
    ] {
        let refused = ann.refused(document, json!({ "from": from, "to": to })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{from} to {to}");
    }
}
