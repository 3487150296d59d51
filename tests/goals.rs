//! Goals: which one was in force when, and how far it has come.

use serde_json::{Value, json};

use crate::{
    harness::{PASSWORD, Person, TestApp},
    measurements,
};

const SET: &str = "mutation($input: SetGoalInput!) { setGoal(input: $input) {
    goal { id type targetValue targetUnit targetDate currentValue status validFrom validTo version } } }";
const UPDATE: &str = "mutation($input: UpdateGoalInput!) { updateGoal(input: $input) {
    goal { id targetValue targetUnit targetDate currentValue status version } } }";

/// Sets a goal of 2000 kcal from today on, unless `input` says otherwise.
pub async fn sets(person: &Person<'_>, input: Value) -> Value {
    let mut goal = json!({ "type": "calorie_target", "targetValue": "2000" });
    goal.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    person.ask(SET, json!({ "input": goal })).await["setGoal"]["goal"].take()
}

async fn goals(person: &Person<'_>, status: Option<&str>) -> Vec<Value> {
    let document = "query($status: GoalStatus) { viewer { goals(status: $status) { targetValue status validFrom validTo } } }";
    person.ask(document, json!({ "status": status })).await["viewer"]["goals"].as_array().unwrap().clone()
}

/// What each of some days is judged by, in the diary; the report must say the same.
async fn judged(person: &Person<'_>, days: &[&str]) -> Vec<Value> {
    let document = "query($from: Date!, $to: Date!) { viewer {
        foodDays(from: $from, to: $to) { date goal { calories protein carbohydrates fat } }
        nutritionReport(from: $from, to: $to) { days { date goal { calories protein carbohydrates fat } } } } }";
    let answer = person.ask(document, json!({ "from": "2026-02-20", "to": "2026-03-25" })).await;
    let on = |list: &Value, day: &str| list.as_array().unwrap().iter().find(|item| item["date"] == day).map(|item| item["goal"].clone());
    let mut goals = Vec::new();
    for day in days {
        let goal = on(&answer["viewer"]["foodDays"], day).unwrap();
        if let Some(reported) = on(&answer["viewer"]["nutritionReport"]["days"], day) {
            assert_eq!(reported, goal, "{day}");
        }
        let single = "query($date: Date) { viewer { foodDay(date: $date) { goal { calories protein carbohydrates fat } } } }";
        assert_eq!(person.ask(single, json!({ "date": day })).await["viewer"]["foodDay"]["goal"], goal, "{day}");
        goals.push(goal["calories"].clone());
    }
    goals
}

async fn logs_every_day(person: &Person<'_>) {
    let oats = person.creates_food(json!({})).await;
    for day in ["2026-02-28", "2026-03-01", "2026-03-04", "2026-03-05", "2026-03-09", "2026-03-10"] {
        person.logs_food(&oats, json!({ "consumedAt": format!("{day}T12:00:00Z") })).await;
    }
}

#[tokio::test]
async fn each_day_is_judged_by_the_goal_that_was_in_force_on_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    logs_every_day(&ann).await;
    sets(&ann, json!({ "validFrom": "2026-03-01" })).await;
    let days = ["2026-02-28", "2026-03-01", "2026-03-04", "2026-03-05", "2026-03-09", "2026-03-10", "2026-03-20"];
    assert_eq!(
        judged(&ann, &days).await,
        [json!(null), "2000".into(), "2000".into(), "2000".into(), "2000".into(), "2000".into(), "2000".into()]
    );
    let second = sets(&ann, json!({ "targetValue": "1800" })).await;
    assert_eq!((&second["validFrom"], &second["validTo"], &second["status"]), (&json!("2026-03-10"), &json!(null), &json!("ACTIVE")));
    assert_eq!(
        judged(&ann, &days).await,
        [json!(null), "2000".into(), "2000".into(), "2000".into(), "2000".into(), "1800".into(), "1800".into()]
    );

    // One in between, after the fact.
    let between = sets(&ann, json!({ "targetValue": "1900", "validFrom": "2026-03-05" })).await;
    assert_eq!((&between["validTo"], &between["status"]), (&json!("2026-03-10"), &json!("COMPLETED")));
    assert_eq!(
        judged(&ann, &days).await,
        [json!(null), "2000".into(), "2000".into(), "1900".into(), "1900".into(), "1800".into(), "1800".into()]
    );

    // Another for the same day takes its place.
    sets(&ann, json!({ "targetValue": "1950", "validFrom": "2026-03-05" })).await;
    sets(&ann, json!({ "targetValue": "1700" })).await;
    assert_eq!(
        judged(&ann, &days).await,
        [json!(null), "2000".into(), "2000".into(), "1950".into(), "1950".into(), "1700".into(), "1700".into()]
    );

    // And one before all of them.
    sets(&ann, json!({ "targetValue": "2200", "validFrom": "2026-02-25" })).await;
    assert_eq!(judged(&ann, &days[..2]).await, ["2200", "2000"]);
    let open: i64 = app.value("SELECT count(*) FROM goals WHERE valid_to IS NULL").await;
    assert_eq!((open, goals(&ann, Some("ACTIVE")).await.len(), goals(&ann, None).await.len()), (1, 1, 6));
}

#[tokio::test]
async fn a_goal_stays_in_force_until_the_one_set_for_later_begins() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    sets(&ann, json!({ "validFrom": "2026-03-01" })).await;
    sets(&ann, json!({ "targetValue": "1800", "validFrom": "2026-03-12" })).await;
    assert_eq!(judged(&ann, &["2026-03-10", "2026-03-11", "2026-03-12"]).await, ["2000", "2000", "1800"]);
    let both = json!([
        { "targetValue": "1800", "status": "ACTIVE", "validFrom": "2026-03-12", "validTo": null },
        { "targetValue": "2000", "status": "ACTIVE", "validFrom": "2026-03-01", "validTo": "2026-03-12" },
    ]);
    assert_eq!(Value::from(goals(&ann, Some("ACTIVE")).await), both);
    let until_then = sets(&ann, json!({ "targetValue": "1900" })).await;
    assert_eq!((&until_then["validTo"], &until_then["status"]), (&json!("2026-03-12"), &json!("ACTIVE")));
    assert_eq!(judged(&ann, &["2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"]).await, ["2000", "1900", "1900", "1800"]);
    assert_eq!(goals(&ann, Some("COMPLETED")).await.len(), 1);

    app.clock.advance(chrono::TimeDelta::days(2));
    // The access token has run out by then.
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
    let session = app.nobody().ask(sign_in, json!({ "input": { "email": ann.email, "password": PASSWORD } })).await;
    let ann = Person { token: session["signIn"]["session"]["accessToken"].as_str().map(str::to_owned), ..ann };
    assert_eq!(goals(&ann, Some("ACTIVE")).await.len(), 1);
    assert_eq!(goals(&ann, Some("COMPLETED")).await.len(), 2);
}

#[tokio::test]
async fn a_paused_goal_judges_no_day_even_once_it_was_replaced() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let first = sets(&ann, json!({ "validFrom": "2026-03-01" })).await;
    let update = async |status: &str| ann.ask(UPDATE, json!({ "input": { "id": first["id"], "status": status } })).await;
    assert_eq!(update("PAUSED").await["updateGoal"]["goal"]["status"], "PAUSED");
    assert_eq!(judged(&ann, &["2026-03-05", "2026-03-10"]).await, [json!(null), json!(null)]);
    assert_eq!(goals(&ann, Some("PAUSED")).await.len(), 1);
    sets(&ann, json!({ "targetValue": "1800" })).await;
    assert_eq!(judged(&ann, &["2026-03-05", "2026-03-10"]).await, [json!(null), "1800".into()]);
    assert_eq!(goals(&ann, Some("PAUSED")).await.len(), 1);
    assert_eq!(update("ACTIVE").await["updateGoal"]["goal"]["status"], "COMPLETED");
    assert_eq!(judged(&ann, &["2026-03-05", "2026-03-10"]).await, ["2000", "1800"]);
}

#[tokio::test]
async fn targets_of_a_day_are_told_in_kcal_and_grams() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    assert_eq!(sets(&ann, json!({ "targetValue": "8368", "targetUnit": "kj" })).await["targetUnit"], "kJ");
    assert_eq!(sets(&ann, json!({ "type": "Protein_Target", "targetValue": "120" })).await["targetUnit"], "g");
    sets(&ann, json!({ "type": "fat_target", "targetValue": "2", "targetUnit": "oz" })).await;
    sets(&ann, json!({ "type": "weight_loss", "targetValue": "65" })).await;
    let day = ann.ask("{ viewer { foodDay { goal { calories protein carbohydrates fat } } } }", json!({})).await;
    assert_eq!(
        day["viewer"]["foodDay"]["goal"],
        json!({ "calories": "2000", "protein": "120", "carbohydrates": null, "fat": "56.699046" })
    );
    for (input, field) in [
        (json!({ "targetValue": null }), "targetValue"),
        (json!({ "targetValue": "-1" }), "targetValue"),
        (json!({ "targetValue": 1.5 }), "targetValue"),
        (json!({ "targetUnit": "kg" }), "targetUnit"),
        (json!({ "type": "weight_loss", "targetUnit": "km" }), "targetUnit"),
        (json!({ "type": "marathons", "targetUnit": "stonks" }), "targetUnit"),
        (json!({ "type": "Calorie target" }), "type"),
        (json!({ "targetDate": "1899-12-31" }), "targetDate"),
        (json!({ "validFrom": "2101-01-01" }), "validFrom"),
    ] {
        let mut goal = json!({ "type": "calorie_target", "targetValue": "2000" });
        goal.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refused = ann.refused(SET, json!({ "input": goal })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
}

#[tokio::test]
async fn the_newest_measurement_tells_how_far_a_goal_has_come_in_its_own_unit() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    assert_eq!(sets(&ann, json!({ "type": "weight_loss", "targetValue": "65" })).await["currentValue"], json!(null));
    measurements::records(&ann, json!({ "value": "72", "measuredAt": "2026-03-09T07:00:00Z" })).await;
    measurements::records(&ann, json!({ "value": "80", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    for (kind, value, unit) in [("waist", "32", "in"), ("body_fat", "22.5", "%"), ("fat_mass", "16.2", "kg"), ("muscle_mass", "30", "kg")] {
        measurements::records(&ann, json!({ "type": kind, "value": value, "unit": unit })).await;
    }
    for (kind, unit, shown_unit, current) in [
        ("weight_loss", None, "kg", "72"),
        ("weight_gain", Some("lb"), "lb", "158.733"),
        ("weight", Some("st"), "st", "11.338"),
        ("waist", None, "cm", "81.28"),
        ("body_fat", None, "%", "22.5"),
        ("fat_loss", Some("%"), "%", "22.5"),
        ("fat_loss", Some("kg"), "kg", "16.2"),
        ("muscle_gain", Some("kg"), "kg", "30"),
    ] {
        let goal = sets(&ann, json!({ "type": kind, "targetValue": "20", "targetUnit": unit })).await;
        assert_eq!((&goal["targetUnit"], &goal["currentValue"]), (&json!(shown_unit), &json!(current)), "{kind} in {unit:?}");
    }
    let all = ann.ask("{ viewer { goals { type currentValue } } }", json!({})).await;
    let waist = all["viewer"]["goals"].as_array().unwrap().iter().find(|goal| goal["type"] == "waist").unwrap();
    assert_eq!(waist["currentValue"], "81.28");
}

#[tokio::test]
async fn an_update_keeps_what_is_absent_and_clears_what_is_null() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let set = sets(&ann, json!({ "type": "books_read", "targetValue": "12", "targetUnit": "piece", "targetDate": "2026-12-31" })).await;
    let id = set["id"].clone();
    let mut expected = json!({ "id": id, "targetValue": "12", "targetUnit": "piece", "targetDate": "2026-12-31", "currentValue": null, "status": "ACTIVE" });
    let mut version = 1;
    for change in [
        json!({}),
        json!({ "currentValue": "3.5" }),
        json!({ "targetValue": "24" }),
        json!({ "targetDate": null }),
        json!({ "targetDate": "2027-06-30", "expectedVersion": 4 }),
        json!({ "targetUnit": null }),
        json!({ "targetValue": null }),
        json!({ "currentValue": null }),
        json!({ "status": "COMPLETED" }),
    ] {
        version += i32::from(change != json!({}));
        let mut input = json!({ "id": id });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let updated = ann.ask(UPDATE, json!({ "input": input })).await["updateGoal"]["goal"].take();
        expected["version"] = json!(version);
        expected.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        expected.as_object_mut().unwrap().remove("expectedVersion");
        assert_eq!(updated, expected, "{change}");
    }
    let refused = ann.json(UPDATE, json!({ "input": { "id": id, "targetValue": "1", "expectedVersion": 2 } })).await;
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["current"]["version"]), (&json!("CONFLICT"), &json!(version)));
    assert_eq!(extensions["current"]["status"], "COMPLETED");

    let daily = sets(&ann, json!({})).await["id"].take();
    let refused = ann.refused(UPDATE, json!({ "input": { "id": daily, "targetValue": null } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("targetValue")));
    let ben = app.person("ben").await;
    assert_eq!(ben.refused(UPDATE, json!({ "input": { "id": daily, "targetValue": "1" } })).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn of_goals_set_at_once_only_one_stays_open() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut tasks = Vec::new();
    for value in 0..6 {
        let input = json!({ "type": "calorie_target", "targetValue": format!("{}", 1500 + value), "validFrom": "2026-03-01" });
        let (token, address) = (ann.token.clone().unwrap(), app.address);
        let body = json!({ "query": SET, "variables": { "input": input } });
        tasks.push(tokio::spawn(async move {
            let request = reqwest::Client::new().post(format!("http://{address}/graphql")).bearer_auth(token).json(&body);
            request.send().await.unwrap().json::<Value>().await.unwrap()
        }));
    }
    for task in tasks {
        let answer = task.await.unwrap();
        assert_eq!(answer.get("errors"), None, "{answer}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM goals WHERE valid_to IS NULL").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM goals WHERE valid_to IS NULL OR valid_to > valid_from").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM goals").await, 6);
}

#[tokio::test]
async fn setting_a_goal_twice_with_one_id_sets_one() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let first = sets(&ann, json!({ "id": id })).await;
    assert_eq!(sets(&ann, json!({ "id": id })).await, first);
    let other = json!({ "input": { "id": id, "type": "calorie_target", "targetValue": "1800" } });
    assert_eq!(ann.refused(SET, other).await.code, "CONFLICT");
    assert_eq!(goals(&ann, None).await.len(), 1);
    // Sent again after a newer one was set, it does not come back into force.
    sets(&ann, json!({ "targetValue": "1800" })).await;
    assert_eq!(sets(&ann, json!({ "id": id })).await["status"], "COMPLETED");
    assert_eq!(judged(&ann, &["2026-03-10"]).await, ["1800"]);
}
