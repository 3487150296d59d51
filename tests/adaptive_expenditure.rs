//! What a person really burns.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    measurements::records,
    profiles::says,
};

const EXPENDITURE: &str = "query($id: UUID!, $to: Date, $days: Int!) { person(id: $id) { expenditure(to: $to, days: $days) {
    from to estimate interval { least most } loggedDays weighedDays leftOut { date reason } lacking explain { formula inputs { name value } } } } }";

async fn expenditure(viewer: &Person<'_>, of: &Person<'_>, days: i32) -> Value {
    viewer.ask(EXPENDITURE, json!({ "id": of.id, "days": days })).await["person"]["expenditure"].take()
}

#[tokio::test]
async fn what_went_in_and_is_not_on_the_scales_was_burnt() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person_in("ann", "Europe/Berlin").await, app.person("ben").await);
    app.verify(&ben).await;
    let oats = ann.creates_food(json!({ "nutrition": { "calories": "100" }, "servingSize": "100", "servingUnit": "g" })).await;
    let unknown = expenditure(&ann, &ann, 14).await;
    assert_eq!((&unknown["from"], &unknown["to"], &unknown["estimate"]), (&json!("2026-02-24"), &json!("2026-03-09"), &Value::Null));
    assert_eq!(unknown["lacking"], json!(["LOGGED_DAYS", "WEIGHTS"]));

    // 2200 kcal on each of 13 days, something on the fourteenth, and 600 g less from the first to the last.
    for day in 0..14 {
        let date = if day < 5 { format!("2026-02-{}", 24 + day) } else { format!("2026-03-{:02}", day - 4) };
        let grams = if day == 13 { "300" } else { "2200" };
        ann.logs_food(&oats, json!({ "quantity": grams, "unit": "g", "consumedAt": format!("{date}T11:00:00Z") })).await;
        records(&ann, json!({ "value": format!("{}", 82_000 - 600 * day / 13), "unit": "g", "measuredAt": format!("{date}T06:00:00Z") }))
            .await;
    }
    let by_balance = expenditure(&ann, &ann, 14).await;
    assert_eq!(
        (&by_balance["weighedDays"], &by_balance["loggedDays"]),
        (&json!(14), &json!(14)),
        "nothing says that 300 kcal are too little"
    );

    for (kind, value, unit) in [("height", "180", "cm"), ("weight", "81.4", "kg")] {
        records(&ann, json!({ "type": kind, "value": value, "unit": unit, "measuredAt": "2026-03-09T06:00:00Z" })).await;
    }
    says(&ann, json!({ "validFrom": "2026-01-01", "bornOn": "1995-06-01", "sex": "MALE", "activityLevel": "LIGHT" })).await;
    let known = expenditure(&ann, &ann, 14).await;
    assert_eq!((&known["loggedDays"], &known["leftOut"]), (&json!(13), &json!([{ "date": "2026-03-09", "reason": "TOO_LITTLE" }])));
    let number = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    let (estimate, least, most) = (number(&known["estimate"]), number(&known["interval"]["least"]), number(&known["interval"]["most"]));
    // The balance says about 2555, the formula 2461.
    assert!((2461..=2560).contains(&estimate) && least < estimate && estimate < most, "{known}");
    let inputs = known["explain"]["inputs"].as_array().unwrap();
    assert_eq!((&inputs[0], inputs.len()), (&json!({ "name": "intake", "value": "2200" }), 6));

    // Whoever sees the food alone could tell neither, so there is no answer.
    shares(&ann, &ben, &["CALORIE"], false).await;
    assert_eq!(expenditure(&ben, &ann, 14).await, Value::Null);
    shares(&ann, &ben, &["CHECKIN"], false).await;
    assert_eq!(expenditure(&ben, &ann, 14).await, known);

    for (input, field) in [(json!({ "id": ann.id, "days": 13 }), "days"), (json!({ "id": ann.id, "days": 28, "to": "2026-03-10" }), "to")] {
        let refused = ann.refused(EXPENDITURE, input).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}
