//! Logging food: snapshots, days, units, and who sees them.

use serde_json::json;

use crate::harness::{LOG_FOOD, TestApp, food_entry};

#[tokio::test]
async fn ann_logs_oats_and_ben_cannot_see_it() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ann.creates_food(json!({})).await;
    let logged = ann.logs_food(&oats, json!({ "quantity": "80", "unit": "g" })).await;
    assert_eq!(logged["entry"]["nutrition"]["calories"], "80");
    assert_eq!(ann.calories_on(None).await, "80");

    assert_eq!(ben.calories_on(None).await, "0");
    assert_eq!(
        ben.ask("query($id: UUID!) { food(id: $id) { name } person(id: $id) { id } }", json!({ "id": oats })).await,
        json!({ "food": null, "person": null })
    );
    assert_eq!(ben.ask("query($id: UUID!) { person(id: $id) { id } }", json!({ "id": ann.id })).await["person"], json!(null));
    let refused = ben.refused(LOG_FOOD, json!({ "input": food_entry(&oats, json!({})) })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("foodId")));
}
