//! The trend of a weight.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    measurements::records,
};

async fn trend(viewer: &Person<'_>, of: &Person<'_>, from: &str, to: &str) -> Value {
    let query = "query($id: UUID!, $from: Date!, $to: Date!) { person(id: $id) { weightTrend(from: $from, to: $to) { date weight trend
        explain { formula version inputs { name value unit } } } } }";
    viewer.ask(query, json!({ "id": of.id, "from": from, "to": to })).await["person"]["weightTrend"].take()
}

#[tokio::test]
async fn each_day_the_trend_goes_a_tenth_of_the_way_and_several_readings_count_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    for (at, value, unit) in [
        ("2026-03-01T07:00:00Z", "82.0", "kg"),
        ("2026-03-02T07:00:00Z", "81.2", "kg"),
        ("2026-03-02T21:00:00Z", "81.6", "kg"),
        ("2026-03-05T07:00:00Z", "176.4", "lb"),
    ] {
        records(&ann, json!({ "value": value, "unit": unit, "measuredAt": at })).await;
    }
    let points = trend(&ann, &ann, "2026-03-02", "2026-03-31").await;
    let shown = |point: &Value| {
        format!("{} {} {}", point["date"].as_str().unwrap(), point["weight"].as_str().unwrap(), point["trend"].as_str().unwrap())
    };
    // 82 − 0.1 × 0.6; then 0.271 of the way to 80.013694068 after three days.
    assert_eq!(points.as_array().unwrap().iter().map(shown).collect::<Vec<_>>(), ["2026-03-02 81.4 81.94", "2026-03-05 80.014 81.418"]);
    let expected = json!({ "formula": "trend = previous + (1 - 0.9^days) × (weight - previous)", "version": 1, "inputs": [
        { "name": "weight", "value": "80.013694068", "unit": "kg" }, { "name": "previous", "value": "81.94", "unit": "kg" },
        { "name": "days", "value": "3", "unit": "d" }] });
    assert_eq!(points[1]["explain"], expected);
    // The first point that is asked for follows one that is not.
    assert_eq!(points[0]["explain"]["inputs"][1], json!({ "name": "previous", "value": "82", "unit": "kg" }));

    let unseen = ben.ask("query($id: UUID!) { person(id: $id) { id } }", json!({ "id": ann.id })).await;
    assert_eq!(unseen["person"], Value::Null);
    shares(&ann, &ben, &["CALORIE"], false).await;
    assert_eq!(trend(&ben, &ann, "2026-03-02", "2026-03-31").await, Value::Null);
    shares(&ann, &ben, &["CHECKIN"], false).await;
    assert_eq!(trend(&ben, &ann, "2026-03-02", "2026-03-31").await, points);
}
