//! Households: who belongs to one, who may do what in it, and that it opens nothing else.

use serde_json::{Value, json};

use crate::harness::{Person, Refusal, TestApp};

const HOUSEHOLD: &str = "query($id: UUID!) { household(id: $id) { id name version you { id role }
    members { id name kind role leftAt person { id fullName email foodDay { date } } } invitations { id email status } routines { id name } unavailability { id } } }";

/// Does something to a household: the mutation `verb` with its input type, answering `fields` of its payload.
pub async fn does(person: &Person<'_>, mutation: &str, input: Value, fields: &str) -> Value {
    person.ask(&document(mutation, fields), json!({ "input": input })).await[mutation].take()
}

/// The refusal of what must not work.
pub async fn may_not(person: &Person<'_>, mutation: &str, input: Value, fields: &str) -> Refusal {
    person.refused(&document(mutation, fields), json!({ "input": input })).await
}

fn document(mutation: &str, fields: &str) -> String {
    let type_name = match mutation {
        "addFavouriteFood" => "FavouriteFood".to_owned(),
        "completeFoodDay" => "FoodDay".to_owned(),
        "commitImport" => "Import".to_owned(),
        "deleteHousehold" | "leaveHousehold" => "Household".to_owned(),
        "removeHouseholdMember" => "HouseholdMember".to_owned(),
        "acceptHouseholdInvitation" | "declineHouseholdInvitation" => "HouseholdInvitation".to_owned(),
        "deleteRoutine" => "Routine".to_owned(),
        "unlockAssignment" | "skipAssignment" | "reopenAssignment" => "Assignment".to_owned(),
        "pauseWorkout" | "resumeWorkout" => "Workout".to_owned(),
        "deleteWorkoutTemplate" | "deleteTrainingProgramme" => "Delete".to_owned(),
        "acceptSwap" | "declineSwap" | "withdrawSwap" => "SwapRequest".to_owned(),
        _ => mutation[..1].to_uppercase() + &mutation[1..],
    };
    format!("mutation($input: {type_name}Input!) {{ {mutation}(input: $input) {{ {fields} }} }}")
}

/// A household, by its id.
pub async fn founds(person: &Person<'_>, name: &str) -> String {
    does(person, "createHousehold", json!({ "name": name }), "household { id }").await["household"]["id"].as_str().unwrap().to_owned()
}

/// A member without an account, by its id.
pub async fn adds(person: &Person<'_>, household: &str, name: &str, kind: &str) -> String {
    let input = json!({ "householdId": household, "name": name, "kind": kind });
    does(person, "addHouseholdMember", input, "member { id }").await["member"]["id"].as_str().unwrap().to_owned()
}

/// Invites a member and answers the invitation's id.
async fn invites(person: &Person<'_>, household: &str, member: &str, email: &str) -> String {
    let input = json!({ "householdId": household, "memberId": member, "email": email });
    does(person, "inviteHouseholdMember", input, "invitation { id }").await["invitation"]["id"].as_str().unwrap().to_owned()
}

/// Somebody with an account becomes a member, by invitation; answers the member's id.
pub async fn joins(app: &TestApp, administrator: &Person<'_>, household: &str, newcomer: &Person<'_>, name: &str) -> String {
    app.verify(newcomer).await;
    let member = adds(administrator, household, name, "ADULT").await;
    let invitation = invites(administrator, household, &member, &newcomer.email).await;
    does(newcomer, "acceptHouseholdInvitation", json!({ "id": invitation }), "household { id }").await;
    member
}

async fn sees(person: &Person<'_>, household: &str) -> Value {
    person.ask(HOUSEHOLD, json!({ "id": household })).await["household"].take()
}

fn code(refusal: &Refusal) -> &str {
    &refusal.code
}

#[tokio::test]
async fn ann_founds_a_household_and_a_stranger_knows_nothing_of_it() {
    let app = TestApp::new().await;
    let (ann, zoe) = (app.person("ann").await, app.person("zoe").await);
    let id = founds(&ann, "The Smiths").await;
    let household = sees(&ann, &id).await;
    assert_eq!(household["name"], "The Smiths");
    assert_eq!(household["you"]["role"], "ADMINISTRATOR");
    assert_eq!(household["members"][0]["name"], "ann");
    assert_eq!(sees(&zoe, &id).await, json!(null));
    assert_eq!(
        zoe.ask("{ households { id } householdInvitations { id } }", json!({})).await,
        json!({ "households": [], "householdInvitations": [] })
    );
    for (mutation, input, fields) in [
        ("renameHousehold", json!({ "id": id, "name": "Mine" }), "household { id }"),
        ("deleteHousehold", json!({ "id": id }), "deletedId"),
        ("leaveHousehold", json!({ "id": id }), "leftId"),
        ("addHouseholdMember", json!({ "householdId": id, "name": "Zoe" }), "member { id }"),
    ] {
        assert_eq!(code(&may_not(&zoe, mutation, input, fields).await), "NOT_FOUND", "{mutation}");
    }
    assert_eq!(sees(&ann, &id).await, household);
    assert_eq!(app.nobody().refused("{ households { id } }", json!({})).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_household_is_made_once_and_its_id_is_nobody_elses() {
    let app = TestApp::new().await;
    let (ann, zoe) = (app.person("ann").await, app.person("zoe").await);
    let input = json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c070001", "name": "The Smiths" });
    let first = does(&ann, "createHousehold", input.clone(), "household { id version }").await;
    assert_eq!(does(&ann, "createHousehold", input.clone(), "household { id version }").await, first);
    assert_eq!(code(&may_not(&zoe, "createHousehold", input.clone(), "household { id }").await), "CONFLICT");
    let other = json!({ "id": input["id"], "name": "The Joneses" });
    assert_eq!(code(&may_not(&ann, "createHousehold", other, "household { id }").await), "CONFLICT");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM household_members").await, 1);
    let id = input["id"].as_str().unwrap();
    let renamed =
        does(&ann, "renameHousehold", json!({ "id": id, "name": "Smiths", "expectedVersion": 1 }), "household { name version }").await;
    assert_eq!(renamed["household"], json!({ "name": "Smiths", "version": 2 }));
    let stale = ann
        .json(&document("renameHousehold", "household { id }"), json!({ "input": { "id": id, "name": "X", "expectedVersion": 1 } }))
        .await;
    assert_eq!(stale.pointer("/errors/0/extensions/current/name"), Some(&json!("Smiths")));
    for (field, input) in
        [("name", json!({ "name": " " })), ("id", json!({ "name": "X", "id": "7" })), ("yourName", json!({ "name": "X", "yourName": "" }))]
    {
        let refusal = may_not(&ann, "createHousehold", input, "household { id }").await;
        assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

#[tokio::test]
async fn ben_joins_by_invitation_and_sees_the_household_but_nobodys_diary() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = founds(&ann, "The Smiths").await;
    let oats = ann.creates_food(json!({})).await;
    ann.logs_food(&oats, json!({})).await;
    joins(&app, &ann, &id, &ben, "Papa").await;
    let household = sees(&ben, &id).await;
    assert_eq!(household["you"]["role"], "MEMBER");
    let members = household["members"].as_array().unwrap();
    assert_eq!(members.iter().map(|member| &member["name"]).collect::<Vec<_>>(), ["ann", "Papa"]);
    // Id and full name of the account, and nothing else of it.
    assert_eq!(members[0]["person"], json!({ "id": ann.id, "fullName": "ann", "email": null, "foodDay": null }));
    assert_eq!(household["invitations"], json!([]), "invitations are for administrators");
    assert_eq!(ben.ask("query($id: UUID!) { person(id: $id) { id } }", json!({ "id": ann.id })).await, json!({ "person": null }));
    // A member manages nothing of it.
    for (mutation, input, fields) in [
        ("renameHousehold", json!({ "id": id, "name": "Mine" }), "household { id }"),
        ("deleteHousehold", json!({ "id": id }), "deletedId"),
        ("addHouseholdMember", json!({ "householdId": id, "name": "Zoe" }), "member { id }"),
        ("updateHouseholdMember", json!({ "householdId": id, "id": household["you"]["id"], "role": "ADMINISTRATOR" }), "member { id }"),
        ("removeHouseholdMember", json!({ "householdId": id, "id": members[0]["id"] }), "member { id }"),
        (
            "inviteHouseholdMember",
            json!({ "householdId": id, "memberId": members[0]["id"], "email": "x@example.org" }),
            "invitation { id }",
        ),
    ] {
        assert_eq!(code(&may_not(&ben, mutation, input, fields).await), "FORBIDDEN", "{mutation}");
    }
}

#[tokio::test]
async fn an_invitation_answers_alike_for_every_address_and_needs_a_verified_one() {
    let app = TestApp::new().await;
    let (ann, ben, zoe) = (app.person("ann").await, app.person("ben").await, app.person("zoe").await);
    let id = founds(&ann, "The Smiths").await;
    let (papa, kid) = (adds(&ann, &id, "Papa", "ADULT").await, adds(&ann, &id, "Kid", "CHILD").await);
    let fields = "invitation { email status householdName member { name } invitedBy { fullName } }";
    let mut answers = Vec::new();
    for (member, email) in [(&papa, "ben@example.org"), (&kid, "nobody@example.org")] {
        let mut answer =
            does(&ann, "inviteHouseholdMember", json!({ "householdId": id, "memberId": member, "email": email }), fields).await;
        answer["invitation"]["email"] = json!("");
        answer["invitation"]["member"] = json!(null);
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    let received = "{ householdInvitations { id householdName member { name } invitedBy { fullName email } } }";
    assert_eq!(ben.ask(received, json!({})).await["householdInvitations"], json!([]), "ben has not verified his address");
    let invitation: String = app.value("SELECT id::text FROM household_invitations WHERE address = 'ben@example.org'").await;
    assert_eq!(code(&may_not(&ben, "acceptHouseholdInvitation", json!({ "id": invitation }), "household { id }").await), "NOT_FOUND");
    app.verify(&ben).await;
    app.verify(&zoe).await;
    let mut received = ben.ask(received, json!({})).await["householdInvitations"].take();
    assert_eq!(received[0]["id"].take(), json!(invitation));
    assert_eq!(
        received,
        json!([{ "id": null, "householdName": "The Smiths", "member": null, "invitedBy": { "fullName": "ann", "email": null } }])
    );
    // Nobody else's, and only once.
    for mutation in ["acceptHouseholdInvitation", "declineHouseholdInvitation"] {
        let fields = if mutation.starts_with("accept") { "household { id }" } else { "invitation { id }" };
        assert_eq!(code(&may_not(&zoe, mutation, json!({ "id": invitation }), fields).await), "NOT_FOUND");
    }
    let again = json!({ "householdId": id, "memberId": papa, "email": "other@example.org" });
    assert_eq!(code(&may_not(&ann, "inviteHouseholdMember", again, fields).await), "CONFLICT");
    does(&ben, "acceptHouseholdInvitation", json!({ "id": invitation }), "household { id }").await;
    assert_eq!(code(&may_not(&ben, "acceptHouseholdInvitation", json!({ "id": invitation }), "household { id }").await), "NOT_FOUND");
    assert_eq!(sees(&ben, &id).await["you"]["id"], json!(papa));
}

#[tokio::test]
async fn what_was_declined_revoked_or_has_run_out_lets_nobody_in() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let id = founds(&ann, "The Smiths").await;
    let papa = adds(&ann, &id, "Papa", "ADULT").await;
    let declined = invites(&ann, &id, &papa, "ben@example.org").await;
    let answer = does(&ben, "declineHouseholdInvitation", json!({ "id": declined }), "invitation { status }").await;
    assert_eq!(answer["invitation"]["status"], "DECLINED");
    let revoked = invites(&ann, &id, &papa, "ben@example.org").await;
    does(&ann, "revokeHouseholdInvitation", json!({ "householdId": id, "id": revoked }), "invitation { status }").await;
    let run_out = invites(&ann, &id, &papa, "ben@example.org").await;
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("UPDATE household_invitations SET expires_at = '2020-01-01' WHERE status = 'offered'").execute(&mut owner).await.unwrap();
    for invitation in [&declined, &revoked, &run_out] {
        assert_eq!(code(&may_not(&ben, "acceptHouseholdInvitation", json!({ "id": invitation }), "household { id }").await), "NOT_FOUND");
    }
    assert_eq!(sees(&ben, &id).await, json!(null));
    // What has run out makes room.
    let renewed = invites(&ann, &id, &papa, "ben@example.org").await;
    does(&ben, "acceptHouseholdInvitation", json!({ "id": renewed }), "household { id }").await;
}

#[tokio::test]
async fn whoever_is_removed_sees_nothing_from_the_next_statement_on_and_stays_a_name() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = founds(&ann, "The Smiths").await;
    let papa = joins(&app, &ann, &id, &ben, "Papa").await;
    assert_ne!(sees(&ben, &id).await, json!(null));
    does(&ann, "removeHouseholdMember", json!({ "householdId": id, "id": papa }), "member { leftAt }").await;
    assert_eq!(sees(&ben, &id).await, json!(null));
    assert_eq!(code(&may_not(&ben, "leaveHousehold", json!({ "id": id }), "leftId").await), "NOT_FOUND");
    assert_eq!(sees(&ann, &id).await["members"].as_array().unwrap().len(), 1);
    let former = "query($id: UUID!) { household(id: $id) { members(former: true) { name leftAt person { fullName } } } }";
    let former = ann.ask(former, json!({ "id": id })).await;
    assert_eq!(former.pointer("/household/members/1/name"), Some(&json!("Papa")));
    assert!(former.pointer("/household/members/1/leftAt").unwrap().is_string());
    assert_eq!(
        former.pointer("/household/members/1/person/fullName"),
        Some(&json!(null)),
        "they have nothing to do with each other any more"
    );
    // Nobody comes back by a change; a new member may.
    let back = json!({ "householdId": id, "id": papa, "name": "Daddy" });
    assert_eq!(code(&may_not(&ann, "updateHouseholdMember", back, "member { id }").await), "CONFLICT");
    joins(&app, &ann, &id, &ben, "Papa again").await;
    assert_ne!(sees(&ben, &id).await, json!(null));
}

#[tokio::test]
async fn the_last_administrator_hands_over_and_the_last_account_takes_the_household_along() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = founds(&ann, "The Smiths").await;
    let kid = adds(&ann, &id, "Kid", "CHILD").await;
    let papa = joins(&app, &ann, &id, &ben, "Papa").await;
    let me = sees(&ann, &id).await["you"]["id"].clone();
    assert_eq!(code(&may_not(&ann, "leaveHousehold", json!({ "id": id }), "leftId").await), "CONFLICT");
    let down = json!({ "householdId": id, "id": me, "role": "MEMBER" });
    assert_eq!(code(&may_not(&ann, "updateHouseholdMember", down, "member { id }").await), "CONFLICT");
    let up = json!({ "householdId": id, "id": kid, "role": "ADMINISTRATOR" });
    assert_eq!(
        may_not(&ann, "updateHouseholdMember", up, "member { id }").await.field.as_deref(),
        Some("role"),
        "a child without an account"
    );
    does(&ann, "updateHouseholdMember", json!({ "householdId": id, "id": papa, "role": "ADMINISTRATOR" }), "member { role }").await;
    let left = does(&ann, "leaveHousehold", json!({ "id": id }), "deleted").await;
    assert_eq!(left["deleted"], false);
    assert_eq!(sees(&ann, &id).await, json!(null));
    assert_eq!(sees(&ben, &id).await["you"]["role"], "ADMINISTRATOR");
    let left = does(&ben, "leaveHousehold", json!({ "id": id }), "deleted").await;
    assert_eq!(left["deleted"], true);
    assert_eq!(app.value::<i64>("SELECT (SELECT count(*) FROM households) + (SELECT count(*) FROM household_members)").await, 0);
}

#[tokio::test]
async fn of_two_administrators_who_leave_at_once_one_stays() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    for round in 0..4 {
        let id = founds(&ann, &format!("Round {round}")).await;
        let papa = joins(&app, &ann, &id, &ben, "Papa").await;
        joins(&app, &ann, &id, &carla, "Carla").await;
        does(&ann, "updateHouseholdMember", json!({ "householdId": id, "id": papa, "role": "ADMINISTRATOR" }), "member { role }").await;
        let leave = document("leaveHousehold", "leftId");
        let (one, other) =
            tokio::join!(ann.json(&leave, json!({ "input": { "id": id } })), ben.json(&leave, json!({ "input": { "id": id } })));
        let refused = [&one, &other].iter().filter(|answer| answer.get("errors").is_some()).count();
        assert_eq!(refused, 1, "{one} {other}");
        let administrators =
            sees(&carla, &id).await["members"].as_array().unwrap().iter().filter(|member| member["role"] == "ADMINISTRATOR").count();
        assert_eq!(administrators, 1);
    }
}

#[tokio::test]
async fn an_account_that_is_deleted_is_succeeded_and_the_last_takes_the_household_along() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = founds(&ann, "The Smiths").await;
    joins(&app, &ann, &id, &ben, "Papa").await;
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("DELETE FROM users WHERE email = 'ann@example.org'").execute(&mut owner).await.unwrap();
    let household = sees(&ben, &id).await;
    assert_eq!(household["you"]["role"], "ADMINISTRATOR");
    assert_eq!(
        household["members"][0],
        json!({ "id": household["members"][0]["id"], "name": "ann", "kind": "ADULT", "role": "MEMBER", "leftAt": null, "person": null })
    );
    sqlx::query("DELETE FROM users WHERE email = 'ben@example.org'").execute(&mut owner).await.unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM households").await, 0);
}
