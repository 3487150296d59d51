//! What days are judged by: targets by date, training day, weekday and day, in grams and percent, and what is left today.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::{
    exercise_diary,
    exercises::creates_exercise,
    family_access::shares,
    goals,
    harness::{Person, TestApp},
};

const SET: &str = "mutation($input: SetNutritionTargetInput!) { setNutritionTarget(input: $input) {
    target { id days weekdays validFrom validTo aims { nutrient minimum maximum } percentages { protein carbohydrates fat } version }
    today { date targets { nutrient maximum } } } }";
const END: &str =
    "mutation($input: EndNutritionTargetInput!) { endNutritionTarget(input: $input) { target { id validTo version } today { date } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteNutritionTarget(input: $input) { deletedId today { targets { nutrient } } } }";
const DAYS: &str =
    "query($from: Date!, $to: Date!) { viewer { foodDays(from: $from, to: $to) { date goal { calories protein carbohydrates fat }
    targets { nutrient minimum maximum percent eaten complete missing left over standing reason setBy } } } }";

async fn sets(person: &Person<'_>, input: Value) -> Value {
    person.ask(SET, json!({ "input": input })).await["setNutritionTarget"]["target"].take()
}

fn calories(amount: u32) -> Value {
    json!([{ "nutrient": "calories", "amount": amount.to_string() }])
}

/// The days of March 2026 from one to another.
async fn days(person: &Person<'_>, from: u32, to: u32) -> Vec<Value> {
    let range = json!({ "from": format!("2026-03-{from:02}"), "to": format!("2026-03-{to:02}") });
    person.ask(DAYS, range).await["viewer"]["foodDays"].as_array().unwrap().clone()
}

/// What a day of March 2026 is judged by, as lines of nutrient, least, most and reason.
async fn judged(person: &Person<'_>, day: u32) -> Vec<String> {
    let day = days(person, day, day).await.remove(0);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |target: &Value| ["nutrient", "minimum", "maximum", "reason"].map(|field| text(&target[field])).join(" ");
    day["targets"].as_array().unwrap().iter().map(line).collect()
}

async fn trains(person: &Person<'_>, day: u32) -> Value {
    let squat = creates_exercise(person, json!({ "name": format!("Squat {day}") })).await;
    let entry = json!({ "durationMinutes": "30", "performedAt": format!("2026-03-{day:02}T18:00:00Z") });
    exercise_diary::logs(person, &squat, entry).await["entry"]["id"].take()
}

#[tokio::test]
async fn the_date_comes_before_the_training_day_the_weekday_and_every_day() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    goals::sets(&ann, json!({ "validFrom": "2026-03-01" })).await;
    assert_eq!(judged(&ann, 9).await, ["ENERC_KCAL 2000 2000 GOAL"]);
    sets(&ann, json!({ "days": "EVERY_DAY", "validFrom": "2026-03-02", "aims": calories(1900) })).await;
    let weekend =
        json!({ "days": "WEEKDAYS", "weekdays": ["SUNDAY", "SATURDAY", "SUNDAY"], "validFrom": "2026-03-02", "aims": calories(2300) });
    assert_eq!(sets(&ann, weekend).await["weekdays"], json!(["SATURDAY", "SUNDAY"]));
    let training = json!({ "days": "TRAINING_DAYS", "weekdays": ["TUESDAY"], "validFrom": "2026-03-02", "aims": calories(2600) });
    sets(&ann, training).await;
    sets(&ann, json!({ "days": "DATE", "date": "2026-03-17", "aims": calories(4000) })).await;

    // Tuesday is planned; on Sunday she trained, until she takes that back.
    let entry = trains(&ann, 15).await;
    let expected = [
        (1, "2000 2000 GOAL"),
        (9, "1900 1900 EVERY_DAY"),
        (14, "2300 2300 WEEKDAY"),
        (10, "2600 2600 TRAINING_PLANNED"),
        (15, "2600 2600 TRAINED"),
        (17, "4000 4000 DATE"),
    ];
    for (day, judge) in expected {
        assert_eq!(judged(&ann, day).await, [format!("ENERC_KCAL {judge}")], "{day}");
    }
    ann.ask("mutation($id: UUID!) { deleteExerciseEntry(input: { id: $id }) { deletedId } }", json!({ "id": entry })).await;
    assert_eq!(judged(&ann, 15).await, ["ENERC_KCAL 2300 2300 WEEKDAY"]);

    // Of goal and target for every day, what begins later holds.
    goals::sets(&ann, json!({ "targetValue": "1700", "validFrom": "2026-03-11" })).await;
    assert_eq!(judged(&ann, 10).await, ["ENERC_KCAL 2600 2600 TRAINING_PLANNED"]);
    assert_eq!(judged(&ann, 11).await, ["ENERC_KCAL 1700 1700 GOAL"]);
    assert_eq!(judged(&ann, 9).await, ["ENERC_KCAL 1900 1900 EVERY_DAY"]);
}

#[tokio::test]
async fn a_new_target_leaves_the_days_before_it_as_they_were_and_holds_until_it_ends() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let first = sets(&ann, json!({ "days": "EVERY_DAY", "validFrom": "2026-03-01", "aims": calories(2000) })).await;
    let second = sets(&ann, json!({ "days": "EVERY_DAY", "aims": calories(1800) })).await;
    assert_eq!((&second["validFrom"], &second["validTo"]), (&json!("2026-03-10"), &json!(null)));
    let diet_break = json!({ "days": "EVERY_DAY", "validFrom": "2026-03-14", "validTo": "2026-03-16", "aims": calories(2400) });
    sets(&ann, diet_break).await;
    let calories_of =
        async |from, to| -> Vec<Value> { days(&ann, from, to).await.iter().map(|day| day["goal"]["calories"].clone()).collect() };
    assert_eq!(calories_of(8, 17).await, ["2000", "2000", "1800", "1800", "1800", "1800", "2400", "2400", "1800", "1800"]);

    let ended = ann.ask(END, json!({ "input": { "id": second["id"], "validTo": "2026-03-12", "expectedVersion": 1 } })).await;
    assert_eq!(ended["endNutritionTarget"]["target"], json!({ "id": second["id"], "validTo": "2026-03-12", "version": 2 }));
    assert_eq!(calories_of(9, 17).await, ["2000", "1800", "1800", "2000", "2000", "2400", "2400", "2000", "2000"]);
    assert_eq!(ann.refused(END, json!({ "input": { "id": second["id"], "expectedVersion": 1 } })).await.code, "CONFLICT");
    let early = ann.refused(END, json!({ "input": { "id": second["id"], "validTo": "2026-03-09" } })).await;
    assert_eq!((early.code.as_str(), early.field.as_deref()), ("BAD_USER_INPUT", Some("validTo")));

    let gone = ann.ask(DELETE, json!({ "input": { "id": first["id"] } })).await;
    assert_eq!(gone["deleteNutritionTarget"]["deletedId"], first["id"]);
    assert_eq!(calories_of(9, 10).await, [json!(null), "1800".into()]);
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": first["id"] } })).await.code, "NOT_FOUND");

    // Listed are those that have an end ahead, or none.
    let list = "query($from: Date, $after: String) { viewer { nutritionTargets(from: $from, first: 1, after: $after) {
        nodes { validFrom } pageInfo { hasNextPage endCursor } } } }";
    let page = ann.ask(list, json!({})).await["viewer"]["nutritionTargets"].take();
    assert_eq!((&page["nodes"][0]["validFrom"], &page["pageInfo"]["hasNextPage"]), (&json!("2026-03-14"), &json!(true)));
    let next = ann.ask(list, json!({ "after": page["pageInfo"]["endCursor"] })).await["viewer"]["nutritionTargets"].take();
    assert_eq!((&next["nodes"][0]["validFrom"], &next["pageInfo"]["hasNextPage"]), (&json!("2026-03-10"), &json!(false)));
    let later = ann.ask(list, json!({ "from": "2026-03-12" })).await["viewer"]["nutritionTargets"].take();
    assert_eq!((&later["nodes"][0]["validFrom"], &later["pageInfo"]["hasNextPage"]), (&json!("2026-03-14"), &json!(false)));
}

#[tokio::test]
async fn percent_of_the_energy_become_grams_and_grams_become_percent_that_make_a_hundred() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let split = json!({ "protein": "30", "carbohydrates": "40", "fat": "30" });
    sets(&ann, json!({ "days": "EVERY_DAY", "validFrom": "2026-03-01", "aims": calories(2000), "percentages": split })).await;
    // A training day has more energy, by the same split.
    sets(&ann, json!({ "days": "TRAINING_DAYS", "validFrom": "2026-03-01", "aims": calories(2600) })).await;
    trains(&ann, 9).await;
    let days = days(&ann, 9, 10).await;
    assert_eq!(days[0]["goal"], json!({ "calories": "2600", "protein": "195", "carbohydrates": "260", "fat": "86.7" }));
    assert_eq!(days[1]["goal"], json!({ "calories": "2000", "protein": "150", "carbohydrates": "200", "fat": "66.7" }));
    let percent =
        |day: &Value| -> Vec<Value> { day["targets"].as_array().unwrap().iter().map(|target| target["percent"].clone()).collect() };
    assert_eq!(percent(&days[0]), [json!(null), "30".into(), "40".into(), "30".into()]);

    // A third of the energy each: the first has the one percent that is left.
    let grams = [("protein", "9"), ("carbohydrates", "9"), ("fat", "4")]
        .map(|(nutrient, amount)| json!({ "nutrient": nutrient, "amount": amount }));
    sets(&ann, json!({ "days": "DATE", "date": "2026-03-10", "aims": grams })).await;
    let day = self::days(&ann, 10, 10).await.remove(0);
    assert_eq!(day["goal"], json!({ "calories": "2000", "protein": "9", "carbohydrates": "9", "fat": "4" }));
    assert_eq!(percent(&day), [json!(null), "34".into(), "33".into(), "33".into()]);
}

#[tokio::test]
async fn what_is_left_today_is_told_for_a_least_a_most_an_amount_and_a_range() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let aims = json!([
        { "nutrient": "calories", "amount": "2000" },
        { "nutrient": "Protein", "minimum": "100", "maximum": "150" },
        { "nutrient": "fiber", "minimum": "30" },
        { "nutrient": "NA", "maximum": "2300" },
        { "nutrient": "CA", "minimum": "800" },
    ]);
    sets(&ann, json!({ "days": "EVERY_DAY", "aims": aims })).await;
    let known = json!({ "nutrition": { "calories": "500", "protein": "60", "fiber": "35", "sodium": "2500" } });
    let stew = ann.creates_food(known).await;
    ann.logs_food(&stew, json!({})).await;
    let told = |day: &Value| -> Vec<String> {
        let fields = ["nutrient", "eaten", "missing", "left", "over", "standing"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let line =
            |target: &Value| fields.map(|field| text(&target[field])).join(" ") + if target["complete"] == true { "" } else { " at least" };
        day["targets"].as_array().unwrap().iter().map(line).collect()
    };
    assert_eq!(
        told(&days(&ann, 10, 10).await[0]),
        [
            "ENERC_KCAL 500 1500 1500 0 BELOW",
            "PROCNT 60 40 90 0 BELOW",
            "CA 0 800 800 0 BELOW at least",
            "FIBTG 35 0 0 0 WITHIN",
            "NA 2500 0 0 200 ABOVE",
        ]
    );
    let feast = ann.creates_food(json!({ "nutrition": { "calories": "1600", "protein": "100", "fiber": "0", "sodium": "0" } })).await;
    // What is planned is not eaten.
    ann.logs_food(&feast, json!({ "status": "PLANNED" })).await;
    assert_eq!(told(&days(&ann, 10, 10).await[0])[0], "ENERC_KCAL 500 1500 1500 0 BELOW");
    ann.logs_food(&feast, json!({})).await;
    let today = days(&ann, 10, 10).await.remove(0);
    assert_eq!(told(&today)[..2], ["ENERC_KCAL 2100 0 0 100 ABOVE", "PROCNT 160 0 0 10 ABOVE"]);
    // As one number each, a range is its middle.
    assert_eq!(today["goal"], json!({ "calories": "2000", "protein": "125", "carbohydrates": null, "fat": null }));
}

#[tokio::test]
async fn percentages_that_do_not_make_a_hundred_and_aims_that_contradict_themselves_are_refused() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let percentages =
        |protein: &str, carbohydrates: &str, fat: &str| json!({ "protein": protein, "carbohydrates": carbohydrates, "fat": fat });
    for (change, field) in [
        (json!({ "percentages": percentages("33.3", "33.3", "33.3") }), "percentages"),
        (json!({ "percentages": percentages("33.33", "33.33", "33.34") }), "percentages.protein"),
        (json!({ "percentages": percentages("-10", "60", "50") }), "percentages.protein"),
        (json!({ "percentages": percentages("30", "40", "30"), "aims": [{ "nutrient": "FASAT", "maximum": "20" }] }), "percentages"),
        (
            json!({ "percentages": percentages("30", "40", "30"), "aims": [{ "nutrient": "calories", "amount": "2000" }, { "nutrient": "fat", "amount": "60" }] }),
            "aims[1].nutrient",
        ),
        (json!({ "aims": [] }), "aims"),
        (json!({ "aims": [{ "nutrient": "calories" }] }), "aims[0]"),
        (json!({ "aims": [{ "nutrient": "calories", "amount": "1", "maximum": "2" }] }), "aims[0]"),
        (json!({ "aims": [{ "nutrient": "calories", "minimum": "3", "maximum": "2" }] }), "aims[0].maximum"),
        (json!({ "aims": [{ "nutrient": "calories", "amount": "-1" }] }), "aims[0].amount"),
        (json!({ "aims": [{ "nutrient": "fat", "minimum": "1" }, { "nutrient": "FAT", "maximum": "2" }] }), "aims[1].nutrient"),
        (json!({ "aims": [{ "nutrient": "UNOBTAINIUM", "minimum": "1" }] }), "aims[0].nutrient"),
        (json!({ "days": "DATE" }), "date"),
        (json!({ "days": "DATE", "date": "2026-03-10", "validFrom": "2026-03-10" }), "validFrom"),
        (json!({ "days": "WEEKDAYS" }), "weekdays"),
        (json!({ "days": "WEEKDAYS", "weekdays": [] }), "weekdays"),
        (json!({ "weekdays": ["MONDAY"] }), "weekdays"),
        (json!({ "date": "2026-03-10" }), "date"),
        (json!({ "validFrom": "2026-03-10", "validTo": "2026-03-10" }), "validTo"),
    ] {
        let mut input = json!({ "days": "EVERY_DAY", "aims": calories(2000) });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = ann.refused(SET, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{change}: {}", refused.message);
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM nutrition_targets").await, 0);
}

#[tokio::test]
async fn a_carer_sets_targets_for_ann_a_reader_sees_them_and_a_stranger_does_neither() {
    let app = TestApp::new().await;
    let (ann, ben, carla, dora) = (app.person("ann").await, app.person("ben").await, app.person("carla").await, app.person("dora").await);
    for person in [&ben, &carla] {
        app.verify(person).await;
    }
    shares(&ann, &ben, &["CALORIE"], true).await;
    shares(&ann, &carla, &["CALORIE"], false).await;
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let input = json!({ "id": id, "personId": ann.id, "days": "EVERY_DAY", "aims": calories(2100) });
    let set = sets(&ben, input.clone()).await;
    assert_eq!(sets(&ben, input.clone()).await, set);
    assert_eq!(judged(&ann, 10).await, ["ENERC_KCAL 2100 2100 EVERY_DAY"]);
    for person in [&carla, &dora] {
        assert_eq!(
            person.refused(SET, json!({ "input": { "personId": ann.id, "days": "EVERY_DAY", "aims": calories(1) } })).await.code,
            "NOT_FOUND"
        );
        for document in [END, DELETE] {
            assert_eq!(person.refused(document, json!({ "input": { "id": id, "personId": ann.id } })).await.code, "NOT_FOUND");
        }
    }
    let seen = "query($id: UUID!) { person(id: $id) { nutritionTargets { nodes { id } } foodDay { targets { left } } } }";
    assert_eq!(
        carla.ask(seen, json!({ "id": ann.id })).await["person"],
        json!({ "nutritionTargets": { "nodes": [{ "id": id }] }, "foodDay": { "targets": [{ "left": "2100" }] } })
    );
    assert_eq!(dora.ask(seen, json!({ "id": ann.id })).await["person"], json!(null));
    let other = json!({ "input": { "id": id, "personId": ann.id, "days": "EVERY_DAY", "aims": calories(2200) } });
    assert_eq!(ben.refused(SET, other).await.code, "CONFLICT");
}

#[tokio::test]
async fn whoever_sees_reports_sees_the_days_judged_by_targets_and_no_training() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["REPORTS"], false).await;
    sets(&ann, json!({ "days": "EVERY_DAY", "validFrom": "2026-03-01", "aims": calories(2000) })).await;
    sets(&ann, json!({ "days": "TRAINING_DAYS", "validFrom": "2026-03-01", "aims": calories(2600) })).await;
    trains(&ann, 10).await;
    let oats = ann.creates_food(json!({})).await;
    for day in ["2026-03-09", "2026-03-10"] {
        ann.logs_food(&oats, json!({ "consumedAt": format!("{day}T12:00:00Z") })).await;
    }
    let report =
        "query($id: UUID!) { person(id: $id) { nutritionReport(from: \"2026-03-01\", to: \"2026-03-31\") { days { goal { calories } } }
        nutritionTargets { nodes { id } } exerciseDay { entries { id } } } }";
    let seen = ben.ask(report, json!({ "id": ann.id })).await["person"].take();
    assert_eq!(seen["nutritionReport"]["days"], json!([{ "goal": { "calories": "2000" } }, { "goal": { "calories": "2600" } }]));
    assert_eq!((&seen["nutritionTargets"], &seen["exerciseDay"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn ninety_days_are_judged_by_one_statement() {
    let app = TestApp::new().await;
    let mut admin = app.connect("postgres").await;
    let database: String = app.value("SELECT current_database()::text").await;
    admin.execute(AssertSqlSafe(format!("ALTER DATABASE \"{database}\" SET track_functions = 'all'"))).await.unwrap();
    let app = app.beside(None).await;
    let ann = app.person("ann").await;
    let set = "mutation($input: SetNutritionTargetInput!) { setNutritionTarget(input: $input) { target { id } } }";
    let target = json!({ "days": "TRAINING_DAYS", "weekdays": ["MONDAY"], "validFrom": "2026-01-01", "aims": calories(2600) });
    ann.ask(set, json!({ "input": target })).await;
    let range = json!({ "from": "2026-01-01", "to": "2026-03-31" });
    let days = ann.ask(DAYS, range).await["viewer"]["foodDays"].take();
    assert_eq!(days.as_array().unwrap().iter().filter(|day| day["goal"]["calories"] == "2600").count(), 13);
    assert_eq!(days.as_array().unwrap().len(), 90);
    // What a session counted is told at its end at the latest.
    let others = "FROM pg_stat_activity WHERE datname = current_database() AND usename = 'hale_app'";
    admin.execute(AssertSqlSafe(format!("SELECT pg_terminate_backend(pid, 10000) {others}"))).await.unwrap();
    let called = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_user_functions WHERE schemaname = 'reports' AND funcname = 'nutrition_targets'";
    assert_eq!(app.value::<i64>(called).await, 1);
}
