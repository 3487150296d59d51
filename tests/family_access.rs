//! Family access: what is shared, with whom, and for how long.

use serde_json::{Value, json};

use crate::{
    exercise_diary,
    exercises::creates_exercise,
    goals,
    harness::{LOG_FOOD, Person, Refusal, TestApp, food_entry},
    measurements, organiser,
};

const OFFER: &str = "mutation($input: OfferAccessInput!) { offerAccess(input: $input) {
    offers { id accessType canWrite status granteeEmail expiresAt grantedAt grantee { id } grantor { id fullName } } } }";
const TYPES: [&str; 5] = ["CALORIE", "CHECKIN", "REPORTS", "FOOD_LIST", "ORGANISER"];

fn offer(email: &str, types: &[&str], input: Value) -> Value {
    let mut offer = json!({ "granteeEmail": email, "accessTypes": types });
    offer.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    json!({ "input": offer })
}

/// Offers access, one id per type.
async fn offers(grantor: &Person<'_>, email: &str, types: &[&str], input: Value) -> Vec<Value> {
    let answer = grantor.ask(OFFER, offer(email, types, input)).await;
    answer["offerAccess"]["offers"].as_array().unwrap().iter().map(|offer| offer["id"].clone()).collect()
}

fn answering(verb: &str) -> String {
    format!("mutation($id: UUID!) {{ {verb}Access(input: {{ id: $id }}) {{ access {{ id status grantedAt grantee {{ id }} }} }} }}")
}

/// Accepts, declines or revokes.
pub async fn answers(person: &Person<'_>, verb: &str, id: &Value) -> Value {
    person.ask(&answering(verb), json!({ "id": id })).await[format!("{verb}Access")]["access"].take()
}

async fn may_not(person: &Person<'_>, verb: &str, id: &Value) -> Refusal {
    person.refused(&answering(verb), json!({ "id": id })).await
}

/// Shares with a verified person who accepts at once.
pub async fn shares(grantor: &Person<'_>, grantee: &Person<'_>, types: &[&str], can_write: bool) -> Vec<Value> {
    let ids = offers(grantor, &grantee.email, types, json!({ "canWrite": can_write })).await;
    for id in &ids {
        assert_eq!(answers(grantee, "accept", id).await["status"], "ACTIVE");
    }
    ids
}

async fn runs_out(app: &TestApp) {
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("UPDATE family_access SET expires_at = '2020-01-01' WHERE status IN ('offered', 'active')")
        .execute(&mut owner)
        .await
        .unwrap();
}

/// Everything that one person may see of another.
async fn sight(viewer: &Person<'_>, person: &Person<'_>, food: &str) -> Value {
    let document = "query($id: UUID!, $food: UUID!) {
        person(id: $id) { fullName email preferences { theme } accessTypes accessGiven { id } accessReceived { id }
          foodDay { entries { name } totals { calories } goal { calories } }
          foodDays(from: \"2026-03-09\", to: \"2026-03-10\") { date totals { calories } }
          exerciseDay { caloriesBurned entries { name } }
          measurements { nodes { type value } }
          goals { type currentValue } lists { nodes { title } }
          nutritionReport(from: \"2026-03-01\", to: \"2026-03-10\") { days { date totals { calories } goal { calories } } average { calories } } }
        food(id: $food) { name }
        foods(search: \"granny secret stew\") { nodes { name } } }";
    viewer.ask(document, json!({ "id": person.id, "food": food })).await
}

fn sight_of(access_type: &str) -> Value {
    let mut person = json!({ "fullName": "ann", "email": null, "preferences": null, "accessTypes": [access_type], "accessGiven": null,
        "accessReceived": null, "foodDay": null, "foodDays": null, "exerciseDay": null, "measurements": null, "goals": null,
        "lists": null, "nutritionReport": null });
    let report = json!({ "days": [{ "date": "2026-03-10", "totals": { "calories": "100" }, "goal": { "calories": "2000" } }],
        "average": { "calories": "100" } });
    let (mut food, mut foods) = (json!(null), json!({ "nodes": [] }));
    match access_type {
        "CALORIE" => {
            person["foodDay"] =
                json!({ "entries": [{ "name": "Granny's secret stew" }], "totals": { "calories": "100" }, "goal": { "calories": "2000" } });
            person["foodDays"] =
                json!([{ "date": "2026-03-09", "totals": { "calories": "0" } }, { "date": "2026-03-10", "totals": { "calories": "100" } }]);
            person["exerciseDay"] = json!({ "caloriesBurned": "250", "entries": [{ "name": "Quarry hauling" }] });
            person["goals"] = json!([{ "type": "calorie_target", "currentValue": null }]);
            person["nutritionReport"] = report;
        }
        "CHECKIN" => {
            person["measurements"] = json!({ "nodes": [{ "type": "weight", "value": "70" }] });
            person["goals"] = json!([{ "type": "weight_loss", "currentValue": "70" }]);
        }
        "REPORTS" => person["nutritionReport"] = report,
        "ORGANISER" => person["lists"] = json!({ "nodes": [{ "title": "Granny's secret shopping" }] }),
        _ => {
            food = json!({ "name": "Granny's secret stew" });
            foods = json!({ "nodes": [{ "name": "Granny's secret stew" }] });
        }
    }
    json!({ "person": person, "food": food, "foods": foods })
}

fn nothing() -> Value {
    json!({ "person": null, "food": null, "foods": { "nodes": [] } })
}

/// A person with something of everything; answers a private food.
async fn fills_everything(person: &Person<'_>) -> String {
    let stew = person.creates_food(json!({ "name": "Granny's secret stew" })).await;
    person.logs_food(&stew, json!({})).await;
    let hauling = creates_exercise(person, json!({})).await;
    exercise_diary::logs(person, &hauling, json!({ "caloriesBurned": "250" })).await;
    measurements::records(person, json!({})).await;
    goals::sets(person, json!({})).await;
    goals::sets(person, json!({ "type": "weight_loss", "targetValue": "65" })).await;
    organiser::does(person, "createList", json!({ "kind": "SHOPPING", "title": "Granny's secret shopping" })).await;
    stew
}

#[tokio::test]
async fn each_type_of_access_shows_what_it_covers_while_it_is_active_and_nothing_else() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let stew = fills_everything(&ann).await;
    for (index, access_type) in TYPES.into_iter().enumerate() {
        let sees = async || sight(&ben, &ann, &stew).await;
        let offered = async || offers(&ann, &ben.email, &[access_type], json!({})).await.remove(0);
        assert_eq!(sees().await, nothing(), "{access_type} before it is offered");
        let first = offered().await;
        assert_eq!(sees().await, nothing(), "{access_type} offered");
        if index == 0 {
            // Whoever has not proved the address neither sees the offer nor can take it.
            let received = "{ viewer { accessReceived { id } } }";
            assert_eq!(ben.ask(received, json!({})).await["viewer"]["accessReceived"], json!([]));
            assert_eq!(may_not(&ben, "accept", &first).await.code, "NOT_FOUND");
            assert_eq!(may_not(&ben, "decline", &first).await.code, "NOT_FOUND");
            assert_eq!(may_not(&ben, "revoke", &first).await.code, "NOT_FOUND");
            app.verify(&ben).await;
            assert_eq!(sees().await, nothing(), "{access_type} offered to a verified address");
        }
        answers(&ben, "decline", &first).await;
        assert_eq!(sees().await, nothing(), "{access_type} declined");

        let second = offered().await;
        let accepted = answers(&ben, "accept", &second).await;
        assert_eq!((&accepted["status"], &accepted["grantee"]["id"]), (&json!("ACTIVE"), &json!(ben.id)));
        assert_eq!(sees().await, sight_of(access_type));
        assert_eq!(answers(&ann, "revoke", &second).await["status"], "REVOKED");
        assert_eq!(sees().await, nothing(), "{access_type} revoked by its grantor");

        let third = offered().await;
        answers(&ben, "accept", &third).await;
        assert_eq!(sees().await, sight_of(access_type));
        assert_eq!(answers(&ben, "revoke", &third).await["status"], "REVOKED");
        assert_eq!(sees().await, nothing(), "{access_type} revoked by its grantee");

        let fourth = offered().await;
        answers(&ben, "accept", &fourth).await;
        assert_eq!(sees().await, sight_of(access_type));
        runs_out(&app).await;
        assert_eq!(sees().await, nothing(), "{access_type} expired");
        assert_eq!(ben.ask("{ people { id } }", json!({})).await["people"], json!([]));
        let given = ann.ask("{ viewer { accessGiven { status } } }", json!({})).await;
        assert_eq!(given["viewer"]["accessGiven"][0]["status"], "EXPIRED");

        // What has run out makes room for a new offer, whose end is far away.
        let fifth = offers(&ann, &ben.email, &[access_type], json!({ "expiresAt": "2100-01-01T00:00:00Z" })).await.remove(0);
        answers(&ben, "accept", &fifth).await;
        assert_eq!(sees().await, sight_of(access_type));
        answers(&ann, "revoke", &fifth).await;
        for (verb, person) in [("accept", &ben), ("decline", &ben), ("revoke", &ben), ("revoke", &ann)] {
            for ended in [&first, &second, &third, &fifth] {
                assert_eq!(may_not(person, verb, ended).await.code, "NOT_FOUND", "{verb} of what has ended");
            }
        }
        assert_eq!(sees().await, nothing());
    }
}

#[tokio::test]
async fn all_types_together_show_everything_but_what_is_ones_own_alone() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let stew = fills_everything(&ann).await;
    let ids = shares(&ann, &ben, &TYPES, false).await;
    let seen = sight(&ben, &ann, &stew).await;
    let mut own = sight(&ann, &ann, &stew).await;
    for field in ["email", "preferences", "accessGiven", "accessReceived"] {
        assert_eq!(seen["person"][field], json!(null), "{field}");
        own["person"][field] = json!(null);
    }
    assert_eq!(seen, own);
    // Nothing looks back.
    assert_eq!(ann.ask("query($id: UUID!) { person(id: $id) { id } }", json!({ "id": ben.id })).await["person"], json!(null));
    assert_eq!(ann.ask("{ people { id } }", json!({})).await["people"], json!([]));
    let grantee = ann.ask("{ viewer { accessGiven { grantee { id fullName accessTypes foodDay { date } nutritionReport(from: \"2026-03-01\", to: \"2026-03-10\") { days { date } } } } } }", json!({})).await;
    assert_eq!(
        grantee["viewer"]["accessGiven"][0]["grantee"],
        json!({ "id": ben.id, "fullName": "ben", "accessTypes": [], "foodDay": null, "nutritionReport": null })
    );
    // One after the other they go.
    for (index, id) in ids.iter().enumerate() {
        answers(&ann, "revoke", id).await;
        let left = sight(&ben, &ann, &stew).await;
        assert_eq!(left["person"].get("accessTypes").map_or(0, |types| types.as_array().unwrap().len()), 4 - index);
    }
    assert_eq!(sight(&ben, &ann, &stew).await, nothing());
}

#[tokio::test]
async fn access_does_not_pass_from_one_to_the_next() {
    let app = TestApp::new().await;
    let (ann, ben, cy) = (app.person("ann").await, app.person("ben").await, app.person("cy").await);
    app.verify(&ben).await;
    app.verify(&cy).await;
    let stew = fills_everything(&ann).await;
    shares(&ann, &ben, &TYPES, true).await;
    shares(&ben, &cy, &TYPES, true).await;
    assert_eq!(sight(&cy, &ann, &stew).await, nothing());
    let people = cy.ask("{ people { fullName } }", json!({})).await;
    assert_eq!(people["people"], json!([{ "fullName": "ben" }]));
    let refused = cy.refused(LOG_FOOD, json!({ "input": food_entry(&stew, json!({ "personId": ann.id })) })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("personId")));
}

#[tokio::test]
async fn only_the_one_it_was_offered_to_accepts_and_only_once() {
    let app = TestApp::new().await;
    let (ann, ben, cy) = (app.person("ann").await, app.person("ben").await, app.person("cy").await);
    for person in [&ann, &ben, &cy] {
        app.verify(person).await;
    }
    let id = offers(&ann, " Ben@Example.ORG ", &["CALORIE"], json!({})).await.remove(0);
    let unknown = json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f");
    for verb in ["accept", "decline"] {
        let not_there = may_not(&cy, verb, &unknown).await;
        assert_eq!(not_there.code, "NOT_FOUND");
        for person in [&ann, &cy] {
            assert_eq!(may_not(person, verb, &id).await, not_there, "{verb}");
        }
        assert_eq!(app.nobody().refused(&answering(verb), json!({ "id": id })).await.code, "UNAUTHENTICATED");
    }
    assert_eq!(may_not(&cy, "revoke", &id).await, may_not(&cy, "revoke", &unknown).await);
    assert_eq!(cy.ask("{ viewer { accessReceived { id } } }", json!({})).await["viewer"]["accessReceived"], json!([]));

    let offered = ben.ask("{ viewer { accessReceived { id status accessType canWrite granteeEmail grantor { fullName email foodDay { date } accessTypes } } } }", json!({})).await;
    assert_eq!(
        offered["viewer"]["accessReceived"],
        json!([{ "id": id, "status": "OFFERED", "accessType": "CALORIE", "canWrite": false, "granteeEmail": "Ben@Example.ORG",
            "grantor": { "fullName": "ann", "email": null, "foodDay": null, "accessTypes": [] } }])
    );
    answers(&ben, "accept", &id).await;
    for verb in ["accept", "decline"] {
        assert_eq!(may_not(&ben, verb, &id).await.code, "NOT_FOUND");
    }
    assert_eq!(ben.ask("{ people { fullName } }", json!({})).await["people"], json!([{ "fullName": "ann" }]));
    assert_eq!(may_not(&cy, "revoke", &id).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn an_offer_that_ran_out_or_was_taken_back_cannot_be_accepted() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let id = offers(&ann, &ben.email, &["CALORIE"], json!({ "expiresAt": "2100-06-01T00:00:00Z" })).await.remove(0);
    runs_out(&app).await;
    assert_eq!(may_not(&ben, "accept", &id).await.code, "CONFLICT");
    assert_eq!(may_not(&ben, "decline", &id).await.code, "CONFLICT");
    let second = offers(&ann, &ben.email, &["CALORIE"], json!({})).await.remove(0);
    assert_eq!(answers(&ann, "revoke", &second).await["status"], "REVOKED");
    assert_eq!(may_not(&ben, "accept", &second).await.code, "NOT_FOUND");
    assert_eq!(ben.ask("{ people { id } }", json!({})).await["people"], json!([]));
}

#[tokio::test]
async fn an_offer_tells_nothing_about_the_address() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let mut shapes = Vec::new();
    for email in ["ben@example.org", "cy@example.org"] {
        let mut answer =
            ann.ask(OFFER, offer(email, &["CALORIE", "CHECKIN"], json!({ "canWrite": true }))).await["offerAccess"]["offers"].take();
        for (offer, access_type) in answer.as_array_mut().unwrap().iter_mut().zip(["CALORIE", "CHECKIN"]) {
            assert_eq!((&offer["granteeEmail"], &offer["accessType"]), (&json!(email), &json!(access_type)));
            assert!(offer["id"].take().is_string());
            offer["granteeEmail"].take();
        }
        shapes.push(answer);
    }
    assert_eq!(shapes[0], shapes[1]);
    assert_eq!(
        shapes[0][0],
        json!({ "id": null, "accessType": "CALORIE", "canWrite": true, "status": "OFFERED", "granteeEmail": null, "expiresAt": null,
            "grantedAt": null, "grantee": null, "grantor": { "id": ann.id, "fullName": "ann" } })
    );
    let given = ann.ask("{ viewer { accessGiven { grantee { id } status } } }", json!({})).await;
    assert_eq!(given["viewer"]["accessGiven"], json!(vec![json!({ "grantee": null, "status": "OFFERED" }); 4]));

    // Whoever signs up with the address later and proves it can accept.
    let cy = app.person("cy").await;
    assert_eq!(cy.ask("{ viewer { accessReceived { id } } }", json!({})).await["viewer"]["accessReceived"], json!([]));
    app.verify(&cy).await;
    let received = cy.ask("{ viewer { accessReceived { id } } }", json!({})).await["viewer"]["accessReceived"].take();
    assert_eq!(received.as_array().unwrap().len(), 2);
    assert_eq!(answers(&cy, "accept", &received[0]["id"]).await["status"], "ACTIVE");
}

#[tokio::test]
async fn an_offer_that_cannot_be_is_refused_and_makes_nothing() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    for (email, types, input, field) in [
        ("ann@example.org", vec!["CALORIE"], json!({}), "granteeEmail"),
        (" ANN@example.org", vec!["CALORIE"], json!({}), "granteeEmail"),
        ("not an address", vec!["CALORIE"], json!({}), "granteeEmail"),
        ("ben@example.org", vec![], json!({}), "accessTypes"),
        ("ben@example.org", vec!["CALORIE", "CALORIE"], json!({}), "accessTypes"),
        ("ben@example.org", vec!["CALORIE", "CHECKIN", "CALORIE"], json!({}), "accessTypes"),
        ("ben@example.org", vec!["CALORIE"], json!({ "expiresAt": "2026-03-10T12:00:00Z" }), "expiresAt"),
        ("ben@example.org", vec!["CALORIE"], json!({ "expiresAt": "2150-01-01T00:00:00Z" }), "expiresAt"),
        ("ben@example.org", vec!["CALORIE"], json!({ "expiresAt": "soon" }), "expiresAt"),
    ] {
        let refused = ann.refused(OFFER, offer(email, &types, input)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{email} {types:?}");
    }
    assert_eq!(ann.refused(OFFER, offer("ben@example.org", &["EVERYTHING"], json!({}))).await.code, "BAD_REQUEST");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM family_access").await, 0);

    offers(&ann, &ben.email, &["CALORIE"], json!({})).await;
    for types in [vec!["CALORIE"], vec!["CHECKIN", "CALORIE"]] {
        assert_eq!(ann.refused(OFFER, offer("BEN@example.org", &types, json!({ "canWrite": true }))).await.code, "CONFLICT");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM family_access").await, 1);
    app.verify(&ben).await;
    let id = ben.ask("{ viewer { accessReceived { id } } }", json!({})).await["viewer"]["accessReceived"][0]["id"].take();
    answers(&ben, "accept", &id).await;
    assert_eq!(ann.refused(OFFER, offer(&ben.email, &["CALORIE"], json!({}))).await.code, "CONFLICT");
}

#[tokio::test]
async fn the_family_is_everyone_who_shares_now_in_one_query() {
    let app = TestApp::new().await;
    let ben = app.person("ben").await;
    app.verify(&ben).await;
    for name in ["eve", "ann", "dan"] {
        let person = app.person(name).await;
        let oats = person.creates_food(json!({})).await;
        person.logs_food(&oats, json!({})).await;
        let types: &[&str] = if name == "dan" { &["CHECKIN"] } else { &["CALORIE", "REPORTS"] };
        shares(&person, &ben, types, false).await;
    }
    let gone = app.person("gil").await;
    let ids = shares(&gone, &ben, &["CALORIE"], false).await;
    answers(&gone, "revoke", &ids[0]).await;
    offers(&app.person("hal").await, &ben.email, &["CALORIE"], json!({})).await;
    shares(
        &ben,
        &{
            let ivy = app.person("ivy").await;
            app.verify(&ivy).await;
            ivy
        },
        &["CALORIE"],
        false,
    )
    .await;
    let people = ben.ask("{ people { fullName accessTypes foodDay { totals { calories } } } }", json!({})).await;
    let day = json!({ "totals": { "calories": "100" } });
    assert_eq!(
        people["people"],
        json!([
            { "fullName": "ann", "accessTypes": ["CALORIE", "REPORTS"], "foodDay": day },
            { "fullName": "dan", "accessTypes": ["CHECKIN"], "foodDay": null },
            { "fullName": "eve", "accessTypes": ["CALORIE", "REPORTS"], "foodDay": day },
        ])
    );
}

/// Every mutation that could write into somebody's rows, with the rows it would change.
struct Rows {
    food: String,
    exercise: String,
    food_entry: Value,
    exercise_entry: Value,
    measurement: Value,
}

impl Rows {
    async fn of(person: &Person<'_>, food: &str, exercise: &str) -> Self {
        Self {
            food: food.to_owned(),
            exercise: exercise.to_owned(),
            food_entry: person.logs_food(food, json!({})).await["entry"]["id"].take(),
            exercise_entry: exercise_diary::logs(person, exercise, json!({ "durationMinutes": "30" })).await["entry"]["id"].take(),
            measurement: measurements::records(person, json!({})).await["id"].take(),
        }
    }

    fn writes(&self, person: &Person<'_>) -> Vec<(&'static str, Value)> {
        let of = |id: &Value, input: Value| {
            let mut change = json!({ "id": id, "personId": person.id });
            change.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
            json!({ "input": change })
        };
        vec![
            (LOG_FOOD, json!({ "input": food_entry(&self.food, json!({ "personId": person.id })) })),
            (exercise_diary::LOG, json!({ "input": { "exerciseId": self.exercise, "personId": person.id } })),
            (measurements::RECORD, json!({ "input": { "type": "weight", "value": "71", "unit": "kg", "personId": person.id } })),
            (UPDATE_FOOD_ENTRY, of(&self.food_entry, json!({ "quantity": "2" }))),
            (exercise_diary::UPDATE, of(&self.exercise_entry, json!({ "notes": "changed", "sets": [{ "reps": 1 }] }))),
            (measurements::UPDATE, of(&self.measurement, json!({ "value": "72" }))),
            (DELETE_FOOD_ENTRY, of(&self.food_entry, json!({}))),
            (exercise_diary::DELETE, of(&self.exercise_entry, json!({}))),
            (measurements::DELETE, of(&self.measurement, json!({}))),
        ]
    }
}

const UPDATE_FOOD_ENTRY: &str =
    "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { id quantity version } } }";
const DELETE_FOOD_ENTRY: &str = "mutation($input: DeleteInput!) { deleteFoodEntry(input: $input) { deletedId } }";

/// A number that changes with every row that anybody writes.
async fn state(app: &TestApp) -> i64 {
    app.value(
        "SELECT (SELECT count(*) * 1000 + coalesce(sum(version), 0) FROM food_diary) + (SELECT count(*) * 1000 + coalesce(sum(version), 0) FROM exercise_diary)
           + (SELECT count(*) * 1000 + coalesce(sum(version), 0) FROM measurements) + (SELECT count(*) * 1000 FROM exercise_sets)
           + (SELECT count(*) * 1000 + coalesce(sum(version), 0) FROM food_items WHERE owner_id IS NOT NULL)",
    )
    .await
}

async fn shared_food(person: &Person<'_>) -> String {
    let found = person.ask("{ foods(search: \"avocado\", first: 1) { nodes { id } } }", json!({})).await;
    found["foods"]["nodes"][0]["id"].as_str().unwrap().to_owned()
}

async fn shared_exercise(person: &Person<'_>) -> String {
    let found = person.ask("{ exercises(search: \"stair climbing\", first: 1) { nodes { id } } }", json!({})).await;
    found["exercises"]["nodes"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_may_only_read_writes_nothing() {
    let app = TestApp::new().await;
    let (ann, ben, cy) = (app.person("ann").await, app.person("ben").await, app.person("cy").await);
    app.verify(&ben).await;
    app.verify(&cy).await;
    let rows = Rows::of(&ann, &shared_food(&ann).await, &shared_exercise(&ann).await).await;
    shares(&ann, &ben, &TYPES, false).await;
    offers(&ann, &cy.email, &TYPES, json!({ "canWrite": true })).await;
    // Writing of one type is not writing of another.
    let dan = app.person("dan").await;
    app.verify(&dan).await;
    shares(&ann, &dan, &["CALORIE", "CHECKIN"], false).await;
    shares(&ann, &dan, &["REPORTS", "FOOD_LIST"], true).await;
    let before = state(&app).await;
    for (document, variables) in rows.writes(&ann) {
        for person in [&ben, &cy, &dan] {
            let refused = person.refused(document, variables.clone()).await;
            assert_eq!(refused.code, "NOT_FOUND", "{document}: {}", refused.message);
        }
    }
    assert_eq!(state(&app).await, before);
}

#[tokio::test]
async fn a_carer_logs_changes_and_deletes_for_someone_and_both_see_who_it_was() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person_in("ann", "Pacific/Auckland").await, app.person("ben").await);
    app.verify(&ben).await;
    let (food, exercise) = (shared_food(&ben).await, shared_exercise(&ben).await);
    shares(&ann, &ben, &["CALORIE", "CHECKIN"], true).await;

    let logged = ben.logs_food(&food, json!({ "personId": ann.id })).await;
    // It is one o'clock of the next day where Ann lives.
    assert_eq!((&logged["entry"]["date"], &logged["day"]["date"]), (&json!("2026-03-11"), &json!("2026-03-11")));
    assert_eq!(logged["entry"]["createdBy"], json!({ "id": ben.id, "fullName": "ben" }));
    let measured = measurements::records(&ben, json!({ "personId": ann.id })).await;
    assert_eq!((&measured["date"], &measured["createdBy"]["id"]), (&json!("2026-03-11"), &json!(ben.id)));
    let trained = exercise_diary::logs(&ben, &exercise, json!({ "personId": ann.id, "durationMinutes": "30" })).await;
    assert_eq!((&trained["entry"]["date"], &trained["entry"]["createdBy"]["fullName"]), (&json!("2026-03-11"), &json!("ben")));
    // 8.8 MET × 3.5 × 70 kg / 200 × 30 min: Ann's weight, not Ben's.
    assert_eq!(trained["entry"]["caloriesBurned"], "323.4");

    let mine = "{ viewer { foodDay { entries { name version createdBy { fullName } } } exerciseDay { entries { createdBy { fullName } sets { reps } notes } }
        measurements { nodes { value createdBy { fullName } } } } }";
    let ben_did = json!({ "fullName": "ben" });
    let seen = ann.ask(mine, json!({})).await["viewer"].take();
    assert_eq!(seen["foodDay"]["entries"], json!([{ "name": "Avocado", "version": 1, "createdBy": ben_did }]));
    assert_eq!(seen["measurements"]["nodes"], json!([{ "value": "70", "createdBy": ben_did }]));
    assert_eq!(ben.ask(mine, json!({})).await["viewer"]["foodDay"]["entries"], json!([]));

    let rows = Rows {
        food,
        exercise,
        food_entry: logged["entry"]["id"].clone(),
        exercise_entry: trained["entry"]["id"].clone(),
        measurement: measured["id"].clone(),
    };
    let writes = rows.writes(&ann);
    for (document, variables) in &writes[3..6] {
        ben.ask(document, variables.clone()).await;
    }
    let change = json!({ "input": { "id": rows.food_entry, "mealType": "dinner" } });
    ann.ask(UPDATE_FOOD_ENTRY, change).await;
    let seen = ann.ask(mine, json!({})).await["viewer"].take();
    assert_eq!(seen["foodDay"]["entries"], json!([{ "name": "Avocado", "version": 3, "createdBy": ben_did }]));
    assert_eq!(seen["exerciseDay"]["entries"], json!([{ "createdBy": ben_did, "sets": [{ "reps": 1 }], "notes": "changed" }]));
    assert_eq!(seen["measurements"]["nodes"], json!([{ "value": "72", "createdBy": ben_did }]));
    for (document, variables) in &writes[6..] {
        ben.ask(document, variables.clone()).await;
    }
    let seen = ann.ask(mine, json!({})).await["viewer"].take();
    assert_eq!((&seen["foodDay"]["entries"], &seen["exerciseDay"]["entries"]), (&json!([]), &json!([])));
    assert_eq!(seen["measurements"]["nodes"], json!([]));
}

#[tokio::test]
async fn revocation_holds_for_the_next_write_with_the_same_token_and_leaves_what_was_logged() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let (food, exercise) = (shared_food(&ben).await, shared_exercise(&ben).await);
    let ids = shares(&ann, &ben, &["CALORIE", "CHECKIN"], true).await;
    let rows = Rows::of(&ann, &food, &exercise).await;
    app.clock.advance(chrono::TimeDelta::minutes(1));
    ben.logs_food(&food, json!({ "personId": ann.id })).await;
    for id in &ids {
        answers(&ann, "revoke", id).await;
    }
    let before = state(&app).await;
    for (document, variables) in rows.writes(&ann) {
        assert_eq!(ben.refused(document, variables).await.code, "NOT_FOUND", "{document}");
    }
    assert_eq!(state(&app).await, before);
    // Still not Ann's own doing, though he is no carer of hers any more.
    let entries = ann.ask("{ viewer { foodDay { entries { createdBy { id } } } } }", json!({})).await;
    assert_eq!(entries["viewer"]["foodDay"]["entries"], json!([{ "createdBy": null }, { "createdBy": { "id": ben.id } }]));
}

#[tokio::test]
async fn a_writer_needs_to_see_the_food_and_the_owner_keeps_what_it_was() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let (anns, bens) = (ann.creates_food(json!({ "name": "Stew" })).await, ben.creates_food(json!({ "name": "Broth" })).await);
    let (hauling, juggling) = (creates_exercise(&ann, json!({})).await, creates_exercise(&ben, json!({ "name": "Juggling" })).await);

    // Ann's private food and exercise are not Ben's to see, so he cannot log them even for her.
    let refused = ben.refused(LOG_FOOD, json!({ "input": food_entry(&anns, json!({ "personId": ann.id })) })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("foodId")));
    let refused = ben.refused(exercise_diary::LOG, json!({ "input": { "exerciseId": hauling, "personId": ann.id } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("exerciseId")));
    shares(&ann, &ben, &["FOOD_LIST"], true).await;
    ben.logs_food(&anns, json!({ "personId": ann.id })).await;

    app.clock.advance(chrono::TimeDelta::minutes(1));

    // His own he can; she keeps the name and the nutrition without seeing the food.
    ben.logs_food(&bens, json!({ "personId": ann.id })).await;
    exercise_diary::logs(&ben, &juggling, json!({ "personId": ann.id, "caloriesBurned": "90" })).await;
    let day = "query($id: UUID!) { person(id: $id) { foodDay { entries { name food { name } nutrition { calories } } totals { calories } }
        exerciseDay { entries { name exercise { name } } } } }";
    let seen = ann.ask(day, json!({ "id": ann.id })).await["person"].take();
    let per_serving = json!({ "calories": "100" });
    assert_eq!(
        seen,
        json!({
            "foodDay": { "totals": { "calories": "200" }, "entries": [
                { "name": "Stew", "food": { "name": "Stew" }, "nutrition": per_serving },
                { "name": "Broth", "food": null, "nutrition": per_serving } ] },
            "exerciseDay": { "entries": [{ "name": "Juggling", "exercise": null }] },
        })
    );
    let seen = ben.ask(day, json!({ "id": ann.id })).await["person"].take();
    assert_eq!(seen["foodDay"]["entries"][1]["food"], json!({ "name": "Broth" }));
    assert_eq!(seen["exerciseDay"]["entries"], json!([{ "name": "Juggling", "exercise": { "name": "Juggling" } }]));

    // Seeing a private food is not changing it, whatever the grant says.
    let update = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { id } } }";
    assert_eq!(ben.refused(update, json!({ "input": { "id": anns, "name": "Gruel" } })).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn an_estimate_survives_a_carer_who_cannot_see_the_weight() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    measurements::records(&ann, json!({})).await;
    let hauling = creates_exercise(&ann, json!({})).await;
    let id = exercise_diary::logs(&ann, &hauling, json!({ "durationMinutes": "30" })).await["entry"]["id"].take();
    let change = json!({ "input": { "id": id, "personId": ann.id, "durationMinutes": "60" } });
    let updated = ben.ask(exercise_diary::UPDATE, change).await["updateExerciseEntry"]["entry"].take();
    assert_eq!(updated["caloriesBurned"], "514.5");
    // Where there was none, there is none.
    let stairs = shared_exercise(&ben).await;
    let logged = exercise_diary::logs(&ben, &stairs, json!({ "personId": ann.id, "durationMinutes": "30" })).await;
    assert_eq!(logged["entry"]["caloriesBurned"], json!(null));
}

#[tokio::test]
async fn who_logged_something_cannot_be_said_in_the_input() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE", "CHECKIN"], true).await;
    let food = shared_food(&ben).await;
    for field in ["createdBy", "created_by", "userId"] {
        let entry = food_entry(&food, json!({ "personId": ann.id, field: ann.id }));
        assert_eq!(ben.refused(LOG_FOOD, json!({ "input": entry })).await.code, "BAD_REQUEST");
    }
    // Nor on the way around the server.
    let mut app_role = app.connect("hale_app").await;
    for sql in [
        "INSERT INTO measurements (user_id, id, type, value, unit, canonical_value, measured_at, time_zone, measured_on, created_by)
           VALUES (gen_random_uuid(), gen_random_uuid(), 'weight', 1, 'kg', 1000, now(), 'UTC', '2026-03-10', gen_random_uuid())",
        "UPDATE food_diary SET created_by = user_id",
        "UPDATE measurements SET user_id = created_by",
        "UPDATE family_access SET can_write = true",
        "UPDATE family_access SET grantee_user_id = grantor_user_id",
        "INSERT INTO family_access (grantor_user_id, grantee_email, access_type, status) VALUES (gen_random_uuid(), 'ben@example.org', 'calorie', 'active')",
    ] {
        let refused = sqlx::query(sql).execute(&mut app_role).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"), "{sql}");
    }
}

#[tokio::test]
async fn what_a_carer_wrote_outlives_the_carer() {
    let app = TestApp::new().await;
    let (ann, ben, cy) = (app.person("ann").await, app.person("ben").await, app.person("cy").await);
    app.verify(&ben).await;
    app.verify(&cy).await;
    shares(&ann, &ben, &["CALORIE", "CHECKIN"], true).await;
    shares(&ben, &cy, &["CALORIE"], true).await;
    let (broth, juggling) =
        (ben.creates_food(json!({ "name": "Broth" })).await, creates_exercise(&ben, json!({ "name": "Juggling" })).await);
    ben.logs_food(&broth, json!({ "personId": ann.id })).await;
    exercise_diary::logs(&ben, &juggling, json!({ "personId": ann.id, "sets": [{ "reps": 3 }] })).await;
    measurements::records(&ben, json!({ "personId": ann.id })).await;

    let mut owner = app.connect("hale_owner").await;
    let gone = sqlx::query("DELETE FROM users WHERE email = 'ben@example.org'").execute(&mut owner).await.unwrap();
    assert_eq!(gone.rows_affected(), 1);
    let seen = ann
        .ask(
            "{ viewer { foodDay { entries { name food { id } createdBy { id } nutrition { calories } } }
              exerciseDay { entries { name exercise { id } createdBy { id } sets { reps } } }
              measurements { nodes { value createdBy { id } } } accessGiven { id } } }",
            json!({}),
        )
        .await["viewer"]
        .take();
    assert_eq!(
        seen,
        json!({
            "foodDay": { "entries": [{ "name": "Broth", "food": null, "createdBy": null, "nutrition": { "calories": "100" } }] },
            "exerciseDay": { "entries": [{ "name": "Juggling", "exercise": null, "createdBy": null, "sets": [{ "reps": 3 }] }] },
            "measurements": { "nodes": [{ "value": "70", "createdBy": null }] },
            "accessGiven": [],
        })
    );
    assert_eq!(
        cy.ask("{ people { id } viewer { accessReceived { id } } }", json!({})).await,
        json!({ "people": [], "viewer": { "accessReceived": [] } })
    );
}

#[tokio::test]
async fn accepting_and_taking_back_at_once_end_the_same_way_for_both() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    for _ in 0..5 {
        let id = offers(&ann, &ben.email, &["CALORIE"], json!({})).await.remove(0);
        let (accept, revoke) = (answering("accept"), answering("revoke"));
        let (accepted, revoked) = tokio::join!(ben.json(&accept, json!({ "id": id })), ann.json(&revoke, json!({ "id": id })));
        // Whichever came first, taking back wins.
        assert_eq!(revoked["data"]["revokeAccess"]["access"]["status"], "REVOKED", "{accepted} {revoked}");
        assert_eq!(ben.ask("{ people { id } }", json!({})).await["people"], json!([]));
    }
}

#[tokio::test]
async fn an_address_is_the_same_however_it_is_typed() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let id = offers(&ann, "ＢＥＮ@Example.ORG", &["CHECKIN"], json!({})).await.remove(0);
    assert_eq!(answers(&ben, "accept", &id).await["status"], "ACTIVE");
    let shown = ann.ask("{ viewer { accessGiven { granteeEmail } } }", json!({})).await;
    assert_eq!(shown["viewer"]["accessGiven"], json!([{ "granteeEmail": "ＢＥＮ@Example.ORG" }]));
}
