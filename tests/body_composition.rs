//! What a body is made of, and how much energy it needs.

use serde_json::{Value, json};

use crate::{
    harness::{Person, TestApp},
    measurements::records,
    profiles::says,
};

const BODY: &str = "query($date: Date) { viewer {
    bodyComposition(date: $date) { bmi { value reason explain { formula inputs { name value unit } } } bmiClass navyBodyFat { value reason }
      leanMass { value } fatFreeMassIndex { value } waistToHip { value reason } waistToHeight { value } }
    energyNeeds(date: $date) { date formula resting { least most } activityFactor total { least most } missing explain { version remarks } } } }";

async fn body(person: &Person<'_>, date: &str) -> Value {
    person.ask(BODY, json!({ "date": date })).await["viewer"].take()
}

#[tokio::test]
async fn a_day_is_told_by_what_was_known_and_measured_until_then() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let unknown = body(&ann, "2026-03-10").await;
    assert_eq!(unknown["bodyComposition"]["bmi"], json!({ "value": null, "reason": "needs a weight and a height", "explain": null }));
    assert_eq!(unknown["energyNeeds"]["missing"], json!(["WEIGHT", "HEIGHT", "BORN_ON", "ACTIVITY_LEVEL"]));
    assert_eq!((&unknown["energyNeeds"]["resting"], &unknown["energyNeeds"]["total"]), (&Value::Null, &Value::Null));

    says(&ann, json!({ "validFrom": "2026-01-01", "bornOn": "1997-06-01", "sex": "FEMALE", "activityLevel": "LIGHT" })).await;
    for (kind, value, unit, at) in [
        ("weight", "65", "kg", "2026-02-01T07:00:00Z"),
        ("height", "165", "cm", "2026-02-01T07:00:00Z"),
        ("neck", "33", "cm", "2026-02-01T07:00:00Z"),
        ("waist", "75", "cm", "2026-02-01T07:00:00Z"),
        ("hips", "98", "cm", "2026-02-01T07:00:00Z"),
        ("weight", "70", "kg", "2026-03-09T07:00:00Z"),
    ] {
        records(&ann, json!({ "type": kind, "value": value, "unit": unit, "measuredAt": at })).await;
    }
    let before = body(&ann, "2026-03-08").await;
    let needs = json!({ "date": "2026-03-08", "formula": "MIFFLIN_ST_JEOR", "resting": { "least": "1380.25", "most": "1380.25" },
        "activityFactor": "1.375", "total": { "least": "1897.844", "most": "1897.844" }, "missing": [], "explain": { "version": 1, "remarks": [] } });
    assert_eq!(before["energyNeeds"], needs);
    let composition = &before["bodyComposition"];
    assert_eq!((&composition["bmi"]["value"], &composition["bmiClass"]), (&json!("23.8751"), &json!("NORMAL")));
    assert_eq!(composition["bmi"]["explain"]["inputs"][1], json!({ "name": "height", "value": "165", "unit": "cm" }));
    assert_eq!(composition["navyBodyFat"]["value"], "28.435");
    assert_eq!((&composition["waistToHip"]["value"], &composition["waistToHeight"]["value"]), (&json!("0.7653"), &json!("0.4545")));

    let after = body(&ann, "2026-03-09").await;
    assert_eq!(
        (&after["bodyComposition"]["bmi"]["value"], &after["bodyComposition"]["bmiClass"]),
        (&json!("25.7117"), &json!("OVERWEIGHT"))
    );
    assert_eq!(after["energyNeeds"]["resting"]["least"], "1430.25");
    assert_eq!(body(&ann, "2026-01-31").await["bodyComposition"]["bmi"]["value"], Value::Null, "nothing was measured yet");

    // Pregnant, her weight is no overweight.
    says(&ann, json!({ "validFrom": "2026-03-10", "maternity": "PREGNANT" })).await;
    assert_eq!(body(&ann, "2026-03-10").await["bodyComposition"]["bmiClass"], Value::Null);
    assert_eq!(body(&ann, "2026-03-09").await["bodyComposition"]["bmiClass"], "OVERWEIGHT");
}
