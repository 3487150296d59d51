//! Who a person is to formulas, from a day on.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
};

pub const UPDATE: &str = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) {
    profile { validFrom bornOn sex maternity activityLevel bmrFormula } } }";

pub async fn says(person: &Person<'_>, input: Value) -> Value {
    person.ask(UPDATE, json!({ "input": input })).await["updateProfile"]["profile"].take()
}

async fn profile(viewer: &Person<'_>, of: &Person<'_>, date: &str) -> Value {
    let query =
        "query($id: UUID!, $date: Date) { person(id: $id) { profile(date: $date) { validFrom bornOn sex maternity activityLevel } } }";
    viewer.ask(query, json!({ "id": of.id, "date": date })).await["person"]["profile"].take()
}

#[tokio::test]
async fn what_ann_says_holds_from_its_day_on_and_earlier_days_keep_what_was_true() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let unknown = json!({ "validFrom": null, "bornOn": null, "sex": null, "maternity": null, "activityLevel": null });
    assert_eq!(profile(&ann, &ann, "2026-03-10").await, unknown);

    says(&ann, json!({ "validFrom": "2026-01-01", "bornOn": "1990-05-18", "sex": "FEMALE", "activityLevel": "MODERATE" })).await;
    // Nobody is born twice: the correction holds for all days.
    let pregnant =
        says(&ann, json!({ "validFrom": "2026-02-01", "bornOn": "1990-05-17", "maternity": "PREGNANT", "bmrFormula": "SCHOFIELD" })).await;
    let expected = json!({ "validFrom": "2026-02-01", "bornOn": "1990-05-17", "sex": "FEMALE", "maternity": "PREGNANT", "activityLevel": "MODERATE",
        "bmrFormula": "SCHOFIELD" });
    assert_eq!(pregnant, expected);
    let today = says(&ann, json!({ "activityLevel": "LIGHT" })).await;
    assert_eq!((&today["validFrom"], &today["maternity"]), (&json!("2026-03-10"), &json!("PREGNANT")));

    let of = |from: &str, maternity: Value, level: &str| json!({ "validFrom": from, "bornOn": "1990-05-17", "sex": "FEMALE", "maternity": maternity, "activityLevel": level });
    assert_eq!(profile(&ann, &ann, "2025-06-01").await, of("2026-01-01", Value::Null, "MODERATE"), "before anything was said");
    assert_eq!(profile(&ann, &ann, "2026-01-31").await, of("2026-01-01", Value::Null, "MODERATE"));
    assert_eq!(profile(&ann, &ann, "2026-02-01").await, of("2026-02-01", json!("PREGNANT"), "MODERATE"));
    assert_eq!(profile(&ann, &ann, "2026-03-10").await, of("2026-03-10", json!("PREGNANT"), "LIGHT"));
    // Said again of the same day, it is corrected; null clears.
    says(&ann, json!({ "activityLevel": null, "maternity": null })).await;
    assert_eq!(
        profile(&ann, &ann, "2026-03-10").await,
        of("2026-03-10", Value::Null, "LIGHT")
            .as_object()
            .map(|all| {
                let mut all = all.clone();
                all.insert("activityLevel".to_owned(), Value::Null);
                Value::Object(all)
            })
            .unwrap()
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_name() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (input, field) in [
        (json!({ "bornOn": "2026-03-11" }), "bornOn"),
        (json!({ "bornOn": "1900-01-01", "validFrom": "2126-01-01" }), "validFrom"),
        (json!({ "bornOn": "1890-01-01" }), "bornOn"),
        (json!({ "sex": "MALE", "maternity": "PREGNANT" }), "maternity"),
    ] {
        let refused = ann.refused(UPDATE, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
    assert_eq!(profile(&ann, &ann, "2026-03-10").await["validFrom"], Value::Null);
}

#[tokio::test]
async fn ben_reads_it_with_checkin_and_changes_it_where_he_may() {
    let app = TestApp::new().await;
    let (ann, ben, carer) = (app.person("ann").await, app.person("ben").await, app.person("carer").await);
    app.verify(&ben).await;
    app.verify(&carer).await;
    says(&ann, json!({ "sex": "FEMALE" })).await;
    let id = json!({ "id": ann.id });
    let unseen = ben.ask("query($id: UUID!) { person(id: $id) { id } }", id.clone()).await;
    assert_eq!(unseen["person"], Value::Null);
    shares(&ann, &ben, &["CHECKIN"], false).await;
    shares(&ann, &carer, &["CHECKIN"], true).await;
    assert_eq!(profile(&ben, &ann, "2026-03-10").await["sex"], "FEMALE");
    let refused = ben.refused(UPDATE, json!({ "input": { "personId": ann.id, "activityLevel": "LIGHT" } })).await;
    assert_eq!(refused.code, "NOT_FOUND");
    says(&carer, json!({ "personId": ann.id, "activityLevel": "LIGHT" })).await;
    assert_eq!(profile(&ann, &ann, "2026-03-10").await["activityLevel"], "LIGHT");
}
