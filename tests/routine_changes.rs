//! Following a household and its routines: every member who follows is told of each change, nobody else is, and whoever does not
//! belong to it any more is told that.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::{
    harness::{Person, TestApp},
    households::{adds, does},
    reminders::Family,
    subscriptions::{Socket, payload, told_of},
};

const HOUSEHOLD: &str = "subscription($id: UUID!) { householdChanged(id: $id) { name members { name } routines { name } } }";
const ROUTINE: &str = "subscription($household: UUID!, $id: UUID!) { routineChanged(householdId: $household, id: $id) {
    name plan(from: \"2026-03-10\", to: \"2026-03-10\") { name status } swapRequests { status } } }";
const NOWHERE: &str = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";

/// Follows the household as this person, and is told of it.
async fn follows(family: &Family<'_>, socket: &mut Socket) {
    socket.operate("household", HOUSEHOLD, json!({ "id": family.household })).await;
    let rename = async |n: usize| {
        let name = format!("The Smiths {n}");
        does(&family.ann, "renameHousehold", json!({ "id": family.household, "name": name }), "household { id }").await;
        name
    };
    told_of(socket, rename, "/data/householdChanged/name").await;
}

/// The same of the routine.
async fn follows_routine(family: &Family<'_>, socket: &mut Socket) {
    socket.operate("routine", ROUTINE, json!({ "household": family.household, "id": family.routine })).await;
    let rename = async |n: usize| {
        let name = format!("Bedtime {n}");
        let input = json!({ "householdId": family.household, "id": family.routine, "name": name });
        does(&family.ann, "updateRoutine", input, "routine { id }").await;
        name
    };
    told_of(socket, rename, "/data/routineChanged/name").await;
}

async fn routine(socket: &mut Socket) -> Value {
    payload(socket.hear().await)["data"]["routineChanged"].take()
}

/// That the stream of this id ends, since there is nothing to see any more.
async fn is_over(socket: &mut Socket, id: &str) {
    let told = payload(socket.hear().await);
    assert_eq!((&told["data"], &told["errors"][0]["extensions"]["code"]), (&Value::Null, &json!("NOT_FOUND")), "{told}");
    assert_eq!(socket.hear().await, json!({ "id": id, "type": "complete" }));
}

async fn plans(person: &Person<'_>, family: &Family<'_>, routine: &str) {
    does(person, "planRoutine", json!({ "householdId": family.household, "id": routine, "until": "2026-04-20" }), "applied").await;
}

#[tokio::test]
async fn ben_sees_the_plan_change_on_his_phone_and_dan_nothing() {
    let app = TestApp::new().await;
    let family = Family::of(&app, json!({ "lookAheadDays": 5 })).await;
    let dan = app.person("dan").await;
    let mut stranger = Socket::of(&dan).await;
    let of = |household: &str, routine: &str| json!({ "household": household, "id": routine });
    let hidden = stranger.refused(ROUTINE, of(&family.household, &family.routine)).await;
    assert_eq!(hidden, stranger.refused(ROUTINE, of(NOWHERE, NOWHERE)).await, "not his and not there answer alike");
    assert_eq!(hidden[0]["extensions"]["code"], "NOT_FOUND");
    assert_eq!(stranger.refused(HOUSEHOLD, json!({ "id": family.household })).await[0]["extensions"]["code"], "NOT_FOUND");

    let mut phone = Socket::of(&family.ben).await;
    follows_routine(&family, &mut phone).await;
    // The plan, what becomes of a turn, and who has it.
    plans(&family.ann, &family, &family.routine).await;
    phone.hear().await;
    family.gives("2026-03-10", 1).await;
    assert_eq!(routine(&mut phone).await["plan"], json!([{ "name": "ben", "status": "PLANNED" }]));
    family.changes("completeAssignment", "2026-03-10", json!({})).await;
    assert_eq!(routine(&mut phone).await["plan"], json!([{ "name": "ben", "status": "DONE" }]));
    // A request to swap, and its answer, which moves the turn.
    family.gives("2026-03-11", 0).await;
    phone.hear().await;
    let asked =
        json!({ "householdId": family.household, "assignmentId": family.turn("2026-03-11").await["id"], "toMemberId": family.ids[1] });
    let asked = does(&family.ann, "requestSwap", asked, "swapRequest { id }").await;
    assert_eq!(routine(&mut phone).await["swapRequests"], json!([{ "status": "OPEN" }]));
    does(&family.ben, "acceptSwap", json!({ "householdId": family.household, "id": asked["swapRequest"]["id"] }), "swapRequest { id }")
        .await;
    assert_eq!(routine(&mut phone).await["swapRequests"], json!([{ "status": "ACCEPTED" }]));
    // Who takes turns, and when they cannot.
    let alone = json!({ "householdId": family.household, "id": family.routine, "members": [{ "memberId": family.ids[0] }] });
    does(&family.ann, "setRoutineMembers", alone, "routine { id }").await;
    phone.hear().await;
    let away = json!({ "householdId": family.household, "memberId": family.ids[1], "from": "2026-03-20" });
    does(&family.ben, "addUnavailability", away, "unavailability { id }").await;
    phone.hear().await;
    // Who belongs to the household concerns all its routines.
    adds(&family.ann, &family.household, "kid", "CHILD").await;
    phone.hear().await;

    // To read is no news, nor is what was refused, nor what ben eats.
    family.turn("2026-03-10").await;
    does(&family.ann, "planRoutine", json!({ "householdId": family.household, "id": family.routine, "preview": true }), "applied").await;
    family.ben.creates_food(json!({})).await;
    assert_eq!(phone.soon().await, None);
    assert_eq!(stranger.soon().await, None);
}

#[tokio::test]
async fn a_routine_is_not_woken_by_another_one_and_the_household_is_by_both() {
    let app = TestApp::new().await;
    let family = Family::of(&app, json!({ "lookAheadDays": 5 })).await;
    let (mut one, mut all) = (Socket::of(&family.ben).await, Socket::of(&family.ben).await);
    follows_routine(&family, &mut one).await;
    follows(&family, &mut all).await;
    while one.soon().await.is_some() {}

    let cooking = json!({ "householdId": family.household, "name": "Cooking", "timeZone": "UTC", "lookAheadDays": 5, "members": [{ "memberId": family.ids[0] }] });
    let cooking = does(&family.ann, "createRoutine", cooking, "routine { id }").await["routine"]["id"].as_str().unwrap().to_owned();
    let told = payload(all.hear().await);
    assert_eq!(told["data"]["householdChanged"]["routines"].as_array().unwrap().len(), 2, "{told}");
    plans(&family.ann, &family, &cooking).await;
    all.hear().await;
    assert_eq!(one.soon().await, None);
    // A plan of many turns is one change.
    let counted = "SELECT number FROM household_change_counts WHERE routine_id = (SELECT id FROM routines WHERE name = 'Cooking')";
    assert_eq!(app.value::<i64>(counted).await, 2, "created, and planned");

    // What is deleted ends what followed it, and nothing else.
    does(&family.ann, "deleteRoutine", json!({ "householdId": family.household, "id": family.routine }), "deletedId").await;
    is_over(&mut one, "routine").await;
    let told = payload(all.hear().await);
    assert_eq!(told["data"]["householdChanged"]["routines"], json!([{ "name": "Cooking" }]));
    does(&family.ann, "deleteHousehold", json!({ "id": family.household }), "deletedId").await;
    is_over(&mut all, "household").await;
}

#[tokio::test]
async fn whoever_leaves_or_is_removed_follows_no_longer() {
    let app = TestApp::new().await;
    let family = Family::of(&app, json!({ "lookAheadDays": 5 })).await;
    let (mut phone, mut tablet, mut own) = (Socket::of(&family.ben).await, Socket::of(&family.ben).await, Socket::of(&family.ann).await);
    follows(&family, &mut phone).await;
    follows_routine(&family, &mut tablet).await;
    follows(&family, &mut own).await;
    for socket in [&mut phone, &mut tablet] {
        while socket.soon().await.is_some() {}
    }
    does(&family.ann, "removeHouseholdMember", json!({ "householdId": family.household, "id": family.ids[1] }), "member { id }").await;
    is_over(&mut phone, "household").await;
    is_over(&mut tablet, "routine").await;
    let told = payload(own.hear().await);
    assert_eq!(told["data"]["householdChanged"]["members"], json!([{ "name": "ann" }]));
    plans(&family.ann, &family, &family.routine).await;
    own.hear().await;
    assert_eq!((phone.soon().await, tablet.soon().await), (None, None));
    assert_eq!(phone.refused(HOUSEHOLD, json!({ "id": family.household })).await[0]["extensions"]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_change_made_at_one_server_is_told_by_another_and_by_one_that_hears_nothing() {
    let app = TestApp::new().await;
    let other = app.beside(None).await;
    let deaf = app.beside(Some("postgres://hale_app:nothing@127.0.0.1:1/nowhere".to_owned())).await;
    let family = Family::of(&app, json!({ "lookAheadDays": 5 })).await;
    for server in [&other, &deaf] {
        let mut socket = Socket::to(server, &family.ben).await;
        follows(&family, &mut socket).await;
    }
}

/// Whoever writes for the same household at the same time waits for no one but at the very end, and every write is counted.
#[tokio::test]
async fn writers_of_one_household_do_not_lock_each_other_out() {
    let app = TestApp::new().await;
    let family = Family::of(&app, json!({ "lookAheadDays": 5 })).await;
    let counted = "SELECT sum(number)::bigint FROM household_change_counts";
    let before: i64 = app.value(counted).await;
    let (mut first, mut second) = (app.connect("hale_owner").await, app.connect("hale_owner").await);
    for (connection, table) in [(&mut first, "routines"), (&mut second, "assignments")] {
        connection.execute("BEGIN").await.unwrap();
        let update = format!("UPDATE {table} SET effort = 2 WHERE household_id = '{}'", family.household);
        connection.execute(AssertSqlSafe(update)).await.unwrap();
    }
    second.execute("COMMIT").await.unwrap();
    first.execute("COMMIT").await.unwrap();
    assert_eq!(app.value::<i64>(counted).await, before + 2);
}
