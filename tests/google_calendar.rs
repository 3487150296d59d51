//! A household's turns in a Google calendar, against a Google that keeps state and fails on demand.

use std::{collections::BTreeMap, time::Duration};

use chrono::{NaiveDate, TimeDelta};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use service::{
    clock::{Clock, SystemClock},
    jobs::Worker,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::{sleep, timeout},
};

use crate::{
    command_line::{Folder, hale},
    harness::{
        PASSWORD, Person, TestApp,
        google::{Fake, Fault, environment},
        http,
    },
};

const CALENDAR: &str = "family@group";

/// ann's household: she and Ben, who has no account, put somebody to bed every day. Six days are planned, from 10 March 2026 on.
pub struct Family {
    pub household: String,
    pub ann: String,
    pub ben: String,
    pub routine: String,
}

/// A turn as a client sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub id: String,
    pub date: String,
    pub name: String,
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}")).to_owned()
}

impl Family {
    pub async fn of(ann: &Person<'_>) -> Self {
        let create = "mutation($input: CreateHouseholdInput!) { createHousehold(input: $input) { household { id you { id } } } }";
        let made = ann.ask(create, json!({ "input": { "name": "The Does", "yourName": "ann" } })).await;
        let household = text(&made, "/createHousehold/household/id");
        let add = "mutation($input: AddHouseholdMemberInput!) { addHouseholdMember(input: $input) { member { id } } }";
        let added = ann.ask(add, json!({ "input": { "householdId": household, "name": "Ben" } })).await;
        let mut family = Self {
            ann: text(&made, "/createHousehold/household/you/id"),
            ben: text(&added, "/addHouseholdMember/member/id"),
            household,
            routine: String::new(),
        };
        family.routine = family.adds_routine(ann, "Bedtime").await;
        family
    }

    /// Adds a routine like the first and plans it; its id.
    pub async fn adds_routine(&self, ann: &Person<'_>, name: &str) -> String {
        let create = "mutation($input: CreateRoutineInput!) { createRoutine(input: $input) { routine { id } } }";
        let input = json!({ "householdId": self.household, "name": name, "timeZone": "UTC", "lookAheadDays": 5, "startsOn": ann.app.clock.now().date_naive(),
            "members": [{ "memberId": self.ann }, { "memberId": self.ben }] });
        let id = text(&ann.ask(create, json!({ "input": input })).await, "/createRoutine/routine/id");
        let plan = "mutation($input: PlanRoutineInput!) { planRoutine(input: $input) { applied } }";
        ann.ask(plan, json!({ "input": { "householdId": self.household, "id": id } })).await;
        id
    }

    /// The turns of the first routine, in order.
    pub async fn plan(&self, person: &Person<'_>) -> Vec<Turn> {
        let ask = "query($id: UUID!, $routine: UUID!, $from: Date!, $to: Date!) {
            household(id: $id) { routine(id: $routine) { plan(from: $from, to: $to) { id date name } } } }";
        let today = person.app.clock.now().date_naive();
        let days = json!({ "id": self.household, "routine": self.routine, "from": today - TimeDelta::days(30), "to": today + TimeDelta::days(30) });
        let answer = person.ask(ask, days).await;
        let turns = answer.pointer("/household/routine/plan").unwrap().as_array().unwrap();
        turns.iter().map(|turn| Turn { id: text(turn, "/id"), date: text(turn, "/date"), name: text(turn, "/name") }).collect()
    }

    pub async fn overrides(&self, person: &Person<'_>, turn: &str, member: &str) {
        let document = "mutation($input: OverrideAssignmentInput!) { overrideAssignment(input: $input) { assignment { id } } }";
        person.ask(document, json!({ "input": { "householdId": self.household, "id": turn, "memberId": member } })).await;
    }

    /// Ben gets an account, and administers the household too.
    pub async fn invites_ben<'a>(&self, ann: &Person<'a>) -> Person<'a> {
        let ben = ann.app.person("ben").await;
        ann.app.verify(&ben).await;
        let invite = "mutation($input: InviteHouseholdMemberInput!) { inviteHouseholdMember(input: $input) { invitation { id } } }";
        let input = json!({ "householdId": self.household, "memberId": self.ben, "email": "ben@example.org" });
        let invited = ann.ask(invite, json!({ "input": input })).await;
        let accept = "mutation($input: HouseholdInvitationInput!) { acceptHouseholdInvitation(input: $input) { household { id } } }";
        ben.ask(accept, json!({ "input": { "id": text(&invited, "/inviteHouseholdMember/invitation/id") } })).await;
        let update = "mutation($input: UpdateHouseholdMemberInput!) { updateHouseholdMember(input: $input) { member { id } } }";
        ann.ask(update, json!({ "input": { "householdId": self.household, "id": self.ben, "role": "ADMINISTRATOR" } })).await;
        ben
    }

    async fn titles(&self, person: &Person<'_>) -> BTreeMap<NaiveDate, String> {
        let plan = self.plan(person).await;
        plan.into_iter().map(|turn| (turn.date.parse().unwrap(), format!("[{}] Bedtime", turn.name))).collect()
    }

    async fn connection(&self, person: &Person<'_>) -> Value {
        let ask =
            "query($id: UUID!) { household(id: $id) { calendar { status problem calendarId calendarName connectedBy { id } tokenExpiresAt
            lastSyncedAt channelExpiresAt questions { date text routineId } availableCalendars { id name } } } }";
        person.ask(ask, json!({ "id": self.household })).await["household"]["calendar"].take()
    }
}

const CONNECT: &str = "mutation($input: CalendarInput!) { connectCalendar(input: $input) { authorizationUrl expiresAt } }";
const CHOOSE: &str = "mutation($input: ChooseCalendarInput!) { chooseCalendar(input: $input) { calendar { status calendarName } } }";
const DISCONNECT: &str = "mutation($input: CalendarInput!) { disconnectCalendar(input: $input) { disconnected } }";

async fn google() -> (Fake, TestApp) {
    let fake = Fake::start().await;
    let app = TestApp::with_google(8, &fake.url).await;
    fake.follow(&app.clock);
    (fake, app)
}

fn worker(app: &TestApp) -> Worker {
    Worker::new(app.database.clone(), app.outside.google.clone(), app.outside.mailer.clone())
}

/// Signs in once more: access tokens are over after ten minutes.
pub async fn again<'a>(person: &Person<'a>) -> Person<'a> {
    let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
    let answer = person.app.nobody().ask(document, json!({ "input": { "email": person.email, "password": PASSWORD } })).await;
    Person { token: Some(text(&answer, "/signIn/session/accessToken")), ..person.clone() }
}

/// Runs what is due.
async fn works(app: &TestApp) {
    worker(app).run_due().await.unwrap();
}

/// What a browser shows at the address that people come back to.
async fn opens(address: &str) -> (u16, String) {
    let response = http().get(address).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Presses the button of that page.
async fn confirms(address: &str) -> (u16, String) {
    let url = reqwest::Url::parse(address).unwrap();
    let form: Vec<_> = url.query_pairs().into_owned().collect();
    let mut plain = url.clone();
    plain.set_query(None);
    let response = http().post(plain).form(&form).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn authorization_url(person: &Person<'_>, family: &Family) -> String {
    text(&person.ask(CONNECT, json!({ "input": { "householdId": family.household } })).await, "/connectCalendar/authorizationUrl")
}

async fn consents(person: &Person<'_>, family: &Family, fake: &Fake) {
    let back = fake.consents(&authorization_url(person, family).await, true);
    let (status, page) = confirms(&back).await;
    assert_eq!(status, 200, "{page}");
}

async fn chooses(person: &Person<'_>, family: &Family, calendar: &str) {
    person.ask(CHOOSE, json!({ "input": { "householdId": family.household, "calendarId": calendar } })).await;
}

async fn connects(person: &Person<'_>, family: &Family, fake: &Fake) {
    consents(person, family, fake).await;
    chooses(person, family, CALENDAR).await;
    works(person.app).await;
}

/// Delivers what Google has to tell, and does what comes of it, until nothing more does.
async fn settles(app: &TestApp, fake: &Fake) {
    for _ in 0..10 {
        assert!(fake.delivers().await.iter().all(|status| *status == 204));
        works(app).await;
        if fake.pending() == 0 {
            return;
        }
    }
    panic!("Hale and Google never come to rest");
}

#[tokio::test]
async fn ann_consents_chooses_a_calendar_and_the_turns_are_in_it() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    assert_eq!(family.connection(&ann).await, Value::Null);
    let back = fake.consents(&authorization_url(&ann, &family).await, true);
    // Opening the address does nothing yet: it shows who asks whom for what.
    let (status, page) = opens(&back).await;
    assert!(status == 200 && page.contains("<strong>ann</strong>") && page.contains("The Does") && page.contains("<button>"), "{page}");
    assert_eq!(family.connection(&ann).await, Value::Null);
    assert_eq!(confirms(&back).await.0, 200);

    let connection = family.connection(&ann).await;
    assert_eq!((text(&connection, "/status"), text(&connection, "/connectedBy/id")), ("CHOOSING".into(), ann.id.clone()));
    assert_eq!(connection["tokenExpiresAt"], "2026-03-10T13:00:00Z");
    // Only what can be written is offered.
    let offered = json!([{ "id": "family@group", "name": "Family" }, { "id": "work", "name": "Work" }]);
    assert_eq!(connection["availableCalendars"], offered);
    let unknown = json!({ "input": { "householdId": family.household, "calendarId": "holidays" } });
    assert_eq!(ann.refused(CHOOSE, unknown).await.field.as_deref(), Some("calendarId"));

    chooses(&ann, &family, CALENDAR).await;
    works(&app).await;
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await);
    assert_eq!(fake.count(CALENDAR), (6, 0));
    let event = fake.event(CALENDAR, "2026-03-10");
    assert_eq!((&event["start"], &event["end"]), (&json!({ "date": "2026-03-10" }), &json!({ "date": "2026-03-11" })));
    assert_eq!((&event["transparency"], &event["reminders"]["useDefault"]), (&json!("transparent"), &json!(false)));
    let connection = family.connection(&ann).await;
    assert_eq!((text(&connection, "/status"), text(&connection, "/calendarName")), ("CONNECTED".into(), "Family".into()));
    assert_eq!(connection["lastSyncedAt"], "2026-03-10T12:00:00Z");
    assert_eq!(connection["channelExpiresAt"], "2026-04-09T12:00:00Z");

    // Nothing readable is stored, and nobody but ann has it.
    let secrets = "SELECT string_agg(access_token || refresh_token, ' ') FROM oauth_tokens";
    let stored = app.value::<String>(secrets).await;
    assert!(!stored.contains("access-") && !stored.contains("refresh-"), "{stored}");
}

#[tokio::test]
async fn a_consent_is_its_askers_works_once_and_not_for_long() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let url = authorization_url(&ann, &family).await;
    assert!(opens(&fake.consents(&url, false)).await.1.contains("did not consent"));

    let back = fake.consents(&url, true);
    let (status, page) = confirms(&back.replace("state=", "state=x")).await;
    assert!(status == 404 && page.contains("Begin again"), "{page}");
    let (status, _) = confirms(&back.replace("code=", "code=x")).await;
    assert_eq!(status, 400, "Google does not know the code");
    // Whatever came of it, the state was used.
    assert_eq!(confirms(&back).await.0, 404);

    // What was begun later makes what was begun before void.
    let earlier = authorization_url(&ann, &family).await;
    let later = authorization_url(&ann, &family).await;
    assert_eq!(confirms(&fake.consents(&earlier, true)).await.0, 404);
    app.clock.advance(TimeDelta::minutes(11));
    assert_eq!(confirms(&fake.consents(&later, true)).await.0, 404);
    let ann = again(&ann).await;
    assert_eq!(family.connection(&ann).await, Value::Null);

    let ben = family.invites_ben(&ann).await;
    connects(&ann, &family, &fake).await;
    let input = json!({ "input": { "householdId": family.household } });
    assert_eq!(ben.refused(CONNECT, input).await.code, "CONFLICT", "somebody has connected one");
    let seen = family.connection(&ben).await;
    assert_eq!((seen["calendarName"].as_str(), &seen["availableCalendars"]), (Some("Family"), &json!([])));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM oauth_consents").await, 0);
}

#[tokio::test]
async fn a_server_that_is_not_set_up_for_it_says_so() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = api::http::Server::new(app.database.clone(), crate::harness::options()).router();
    tokio::spawn(async move { axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await });
    let body = json!({ "query": CONNECT, "variables": { "input": { "householdId": family.household } } });
    let request = http().post(format!("http://{address}/graphql")).bearer_auth(ann.token.unwrap()).json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert!(text(&answer, "/errors/0/message").contains("HALE_GOOGLE_CLIENT_ID"));
}

#[tokio::test]
async fn what_changes_in_hale_changes_in_the_calendar_and_nothing_else_does() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    fake.has_others(CALENDAR, 3);
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let before = fake.event(CALENDAR, "2026-03-12");

    let turn = family.plan(&ann).await.remove(4);
    let other = if turn.name == "ann" { &family.ben } else { &family.ann };
    family.overrides(&ann, &turn.id, other).await;
    fake.requests();
    works(&app).await;
    let titles = fake.titles(CALENDAR).into_iter().filter(|(day, _)| day.to_string() != "1970-01-01").collect::<BTreeMap<_, _>>();
    assert_eq!(titles, family.titles(&ann).await);
    assert_eq!(fake.event(CALENDAR, "2026-03-12"), before, "what stays is not written again");
    let writes = fake.requests().into_iter().filter(|line| line.starts_with("PUT") || line.starts_with("POST")).count();
    assert!((1..=2).contains(&writes), "{writes}");
    // Its own changes come back, and are no news.
    settles(&app, &fake).await;
    assert!(fake.requests().iter().all(|line| line.starts_with("GET")));

    // A skipped turn has no event; it has one again when it is taken back.
    let skip = "mutation($input: AssignmentInput!) { skipAssignment(input: $input) { assignment { id } } }";
    let which = json!({ "input": { "householdId": family.household, "id": turn.id } });
    ann.ask(skip, which.clone()).await;
    settles(&app, &fake).await;
    let day: NaiveDate = turn.date.parse().unwrap();
    assert!(!fake.titles(CALENDAR).contains_key(&day));
    ann.ask("mutation($input: AssignmentInput!) { reopenAssignment(input: $input) { assignment { id } } }", which).await;
    settles(&app, &fake).await;
    assert!(fake.titles(CALENDAR).contains_key(&day));
    assert_eq!(fake.count(CALENDAR).0, 9);
}

#[tokio::test]
async fn a_name_that_is_written_in_the_calendar_becomes_the_turns() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let turn = family.plan(&ann).await.remove(3);
    let other = if turn.name == "ann" { "Ben" } else { "ann" };
    // However it is written.
    fake.edits(CALENDAR, &turn.date, json!({ "summary": format!("[{}] swapped with me", other.to_uppercase()) }));
    settles(&app, &fake).await;
    assert_eq!(family.plan(&ann).await[3].name, other);
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await, "and the title is the rota's again");
    let pinned = app.value::<i64>("SELECT count(*) FROM assignments WHERE pinned AND reason = 'Override'").await;
    assert_eq!(pinned, 1);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_a_question_and_no_helper() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let turn = family.plan(&ann).await.remove(2);
    fake.edits(CALENDAR, &turn.date, json!({ "summary": "[Bne] Bedtime" }));
    settles(&app, &fake).await;
    assert_eq!(family.plan(&ann).await[2].name, turn.name, "nothing was guessed");
    let questions = family.connection(&ann).await["questions"].take();
    assert_eq!(questions, json!([{ "date": turn.date, "text": "Bne", "routineId": family.routine }]));
    assert_eq!(fake.titles(CALENDAR)[&turn.date.parse().unwrap()], "[Bne] Bedtime", "what somebody wrote stays until it is answered");

    // The answer: written right, or given to somebody in Hale.
    let other = if turn.name == "ann" { &family.ben } else { &family.ann };
    family.overrides(&ann, &turn.id, other).await;
    settles(&app, &fake).await;
    assert_eq!(family.connection(&ann).await["questions"], json!([]));
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await);
    fake.edits(CALENDAR, &turn.date, json!({ "summary": "Granny does it" }));
    settles(&app, &fake).await;
    assert_eq!(family.connection(&ann).await["questions"][0]["text"], "Granny does it");
    fake.edits(CALENDAR, &turn.date, json!({ "summary": format!("[{}] Bedtime", turn.name) }));
    settles(&app, &fake).await;
    assert_eq!((family.connection(&ann).await["questions"].take(), family.plan(&ann).await[2].name.clone()), (json!([]), turn.name));
}

#[tokio::test]
async fn events_that_are_deleted_or_moved_come_back_as_they_were() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let expected = family.titles(&ann).await;
    fake.deletes(CALENDAR, "2026-03-12");
    fake.edits(CALENDAR, "2026-03-13", json!({ "start": { "date": "2026-03-20" }, "end": { "date": "2026-03-21" } }));
    assert_ne!(fake.titles(CALENDAR), expected);
    settles(&app, &fake).await;
    assert_eq!(fake.titles(CALENDAR), expected);
    assert_eq!(fake.count(CALENDAR), (6, 0), "restored, not doubled");
    assert_eq!(family.titles(&ann).await, expected, "the rota stands");
}

/// What is known of a turn that may be skipped: its status, and why it last changed.
async fn fate(ann: &Person<'_>, family: &Family, date: &str) -> (String, Value) {
    let ask = "query($id: UUID!, $routine: UUID!, $date: Date!) { household(id: $id) { routine(id: $routine) {
        plan(from: $date, to: $date) { status } changes(from: $date, to: $date) { before after cause changedBy { fullName } } } } }";
    let mut answer = ann.ask(ask, json!({ "id": family.household, "routine": family.routine, "date": date })).await;
    (text(&answer, "/household/routine/plan/0/status"), answer["household"]["routine"]["changes"].take())
}

const UPDATE: &str = "mutation($input: UpdateCalendarInput!) { updateCalendar(input: $input) { calendar { whenEventDeleted } } }";

#[tokio::test]
async fn a_household_may_want_a_turn_skipped_when_its_event_is_deleted() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let input = json!({ "input": { "householdId": family.household, "whenEventDeleted": "SKIP_TURN" } });
    assert_eq!(ann.refused(UPDATE, input.clone()).await.code, "NOT_FOUND", "there is no calendar yet");
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let unchanged = json!({ "input": { "householdId": family.household } });
    assert_eq!(ann.ask(UPDATE, unchanged).await["updateCalendar"]["calendar"]["whenEventDeleted"], "RESTORE_EVENT");
    assert_eq!(ann.ask(UPDATE, input.clone()).await["updateCalendar"]["calendar"]["whenEventDeleted"], "SKIP_TURN");

    let had = family.plan(&ann).await[2].clone();
    fake.deletes(CALENDAR, "2026-03-12");
    settles(&app, &fake).await;
    let cause = json!([{ "before": had.name, "after": null, "cause": "event_deleted", "changedBy": { "fullName": "ann" } }]);
    assert_eq!(fate(&ann, &family, "2026-03-12").await, ("SKIPPED".into(), cause));
    assert!(!fake.titles(CALENDAR).contains_key(&"2026-03-12".parse().unwrap()), "and it stays away");
    assert_eq!(fake.count(CALENDAR), (5, 0));
    assert_eq!(fate(&ann, &family, "2026-03-13").await, ("PLANNED".into(), json!([])), "the others stand");

    // It is there again when the turn is.
    let reopen = "mutation($input: AssignmentInput!) { reopenAssignment(input: $input) { assignment { id } } }";
    ann.ask(reopen, json!({ "input": { "householdId": family.household, "id": had.id } })).await;
    settles(&app, &fake).await;
    assert_eq!((fake.titles(CALENDAR), fake.count(CALENDAR)), (family.titles(&ann).await, (6, 0)));

    // What was done stands. A deletion is found, too, when Google no longer tells what has changed.
    let done = "mutation($input: CompleteAssignmentInput!) { completeAssignment(input: $input) { assignment { id } } }";
    let first = family.plan(&ann).await[0].clone();
    ann.ask(done, json!({ "input": { "householdId": family.household, "id": first.id } })).await;
    settles(&app, &fake).await;
    fake.deletes(CALENDAR, "2026-03-10");
    fake.deletes(CALENDAR, "2026-03-14");
    fake.forgets_changes();
    settles(&app, &fake).await;
    assert_eq!((fate(&ann, &family, "2026-03-10").await.0, fate(&ann, &family, "2026-03-14").await.0), ("DONE".into(), "SKIPPED".into()));
    assert!(fake.titles(CALENDAR).contains_key(&"2026-03-10".parse().unwrap()));
    app.clock.advance(TimeDelta::days(8));
    let ann = again(&ann).await;
    works(&app).await;
    fake.deletes(CALENDAR, "2026-03-11");
    settles(&app, &fake).await;
    assert_eq!(fate(&ann, &family, "2026-03-11").await.0, "PLANNED");
    assert!(fake.titles(CALENDAR).contains_key(&"2026-03-11".parse().unwrap()), "put back");

    // It is the household's, whoever connects its calendar, and an administrator's to say.
    let ben = family.invites_ben(&ann).await;
    let remove = "mutation($input: HouseholdMemberInput!) { removeHouseholdMember(input: $input) { member { leftAt } } }";
    ben.ask(remove, json!({ "input": { "householdId": family.household, "id": family.ann } })).await;
    assert_eq!(ann.refused(UPDATE, input.clone()).await.code, "NOT_FOUND");
    works(&app).await;
    connects(&ben, &family, &fake).await;
    let kept = ben.ask(UPDATE, json!({ "input": { "householdId": family.household } })).await;
    assert_eq!(kept["updateCalendar"]["calendar"]["whenEventDeleted"], "SKIP_TURN");
}

#[tokio::test]
async fn an_edit_of_a_day_long_past_is_put_right() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    app.clock.advance(TimeDelta::days(7));
    let ann = again(&ann).await;
    works(&app).await;
    let before = family.plan(&ann).await[0].clone();
    let other = if before.name == "ann" { "Ben" } else { "ann" };
    fake.edits(CALENDAR, &before.date, json!({ "summary": format!("[{other}] Bedtime") }));
    settles(&app, &fake).await;
    assert_eq!(family.plan(&ann).await[0], before);
    assert_eq!(fake.titles(CALENDAR)[&before.date.parse().unwrap()], format!("[{}] Bedtime", before.name));
}

#[tokio::test]
async fn edits_of_a_long_downtime_over_many_pages_are_all_heard() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    fake.has_others(CALENDAR, 25);
    fake.pages_of(4);
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    // Every notification is lost, and there are changes of others between those of the family.
    let plan = family.plan(&ann).await;
    for turn in &plan[1..4] {
        fake.edits(CALENDAR, &turn.date, json!({ "summary": "[Ben] Bedtime" }));
        fake.has_others(CALENDAR, 9);
    }
    fake.intercepts();
    works(&app).await;
    assert_eq!(family.plan(&ann).await, plan, "nobody told Hale");
    app.clock.advance(TimeDelta::minutes(15));
    works(&app).await;
    let ann = again(&ann).await;
    assert!(family.plan(&ann).await[1..4].iter().all(|turn| turn.name == "Ben"), "it looked by itself");

    // A page that breaks off loses nothing: the token is saved with the effects of all pages.
    fake.edits(CALENDAR, &plan[2].date, json!({ "summary": "[ann] Bedtime" }));
    fake.has_others(CALENDAR, 9);
    fake.fails("pageToken=page-4", Fault::Truncated);
    fake.delivers().await;
    works(&app).await;
    assert!(fake.has_failed());
    assert_eq!(family.plan(&ann).await[2].name, "Ben");
    app.clock.advance(TimeDelta::minutes(1));
    works(&app).await;
    assert_eq!(family.plan(&ann).await[2].name, "ann");
}

#[tokio::test]
async fn when_google_forgets_what_had_changed_everything_is_read_again() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let plan = family.plan(&ann).await;
    fake.edits(CALENDAR, &plan[2].date, json!({ "summary": "[Ben] Bedtime" }));
    fake.deletes(CALENDAR, &plan[4].date);
    fake.forgets_changes();
    settles(&app, &fake).await;
    assert_eq!(family.plan(&ann).await[2].name, "Ben");
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await);
    assert_eq!(fake.count(CALENDAR), (6, 0));
}

#[tokio::test]
async fn a_channel_calls_with_its_secret_or_is_nobody() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let plan = family.plan(&ann).await;
    fake.edits(CALENDAR, &plan[3].date, json!({ "summary": "[Ben] Bedtime" }));
    let call = fake.intercepts().remove(0);
    for forged in [
        call.with("X-Goog-Channel-Token", "x"),
        call.with("X-Goog-Channel-Token", ""),
        call.with("X-Goog-Channel-ID", "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f"),
        call.with("X-Goog-Channel-ID", "x"),
        call.with("X-Goog-Resource-ID", "another"),
    ] {
        assert_eq!(forged.send().await, 404);
    }
    assert_eq!(app.post("/webhooks/google-calendar").send().await.unwrap().status(), 404);
    assert_eq!(worker(&app).run_due().await.unwrap(), 0, "none of them was heard");
    // Twice, out of order, whatever: it is one job.
    for _ in 0..3 {
        assert_eq!(call.send().await, 204);
    }
    assert_eq!(worker(&app).run_due().await.unwrap(), 1);
    assert_eq!(family.plan(&ann).await[3].name, "Ben");
    let stored = app.value::<String>("SELECT token FROM notification_channels").await;
    assert!(!format!("{:?}", fake.channels()).contains(&stored));
}

#[tokio::test]
async fn the_channel_is_renewed_before_it_ends_and_there_is_always_one() {
    let (fake, app) = google().await;
    fake.channels_live(TimeDelta::days(10));
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let first = fake.channels();
    assert_eq!((first.len(), first[0].1.to_string()), (1, "2026-03-20 12:00:00 UTC".into()));
    // With another worker each time: what a channel is, is in the database.
    app.clock.advance(TimeDelta::days(7));
    works(&app).await;
    assert_eq!(fake.channels(), first, "a channel with most of its life before it is kept");
    app.clock.advance(TimeDelta::hours(25));
    fake.requests();
    works(&app).await;
    let requests = fake.requests();
    let place = |what: &str| requests.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {requests:?}"));
    assert!(place("/events/watch") < place("/channels/stop"), "the new one is opened before the old one is closed");
    let second = fake.channels();
    assert!(second.len() == 1 && second[0].0 != first[0].0 && second[0].1 > first[0].1);
    let ann = again(&ann).await;
    assert_eq!(family.connection(&ann).await["channelExpiresAt"], "2026-03-28T13:00:00Z");

    // A watch whose answer is lost is tried again, and does not leave Hale deaf.
    app.clock.advance(TimeDelta::days(8));
    fake.fails("/events/watch", Fault::AnswerLost);
    works(&app).await;
    assert!(fake.has_failed());
    app.clock.advance(TimeDelta::minutes(1));
    works(&app).await;
    let ann = again(&ann).await;
    let plan = family.plan(&ann).await;
    let last = plan.last().unwrap();
    fake.edits(CALENDAR, &last.date, json!({ "summary": "[Ben] Bedtime" }));
    assert!(fake.delivers().await.contains(&204));
    works(&app).await;
    assert_eq!(family.plan(&ann).await.last().unwrap().name, "Ben");
}

#[tokio::test]
async fn whatever_fails_is_tried_again_later_and_makes_no_event_twice() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    consents(&ann, &family, &fake).await;
    chooses(&ann, &family, CALENDAR).await;
    let inserts = "POST /calendar/v3/calendars/family@group/events";
    for fault in [
        Fault::AnswerLost,
        Fault::Refused(503, "backendError", None),
        Fault::Refused(500, "internalError", None),
        Fault::Refused(403, "rateLimitExceeded", None),
        Fault::Refused(429, "rateLimitExceeded", Some(120)),
        Fault::Truncated,
        Fault::Refused(401, "authError", None),
    ] {
        fake.fails(inserts, fault);
        app.clock.advance(TimeDelta::minutes(1));
        works(&app).await;
    }
    for _ in 0..30 {
        app.clock.advance(TimeDelta::minutes(20));
        works(&app).await;
    }
    let ann = again(&ann).await;
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await);
    assert_eq!(fake.count(CALENDAR).1, 0, "no day has two");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE dead_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn google_is_left_alone_for_as_long_as_it_asks() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    fake.fails("GET /calendar", Fault::Refused(429, "rateLimitExceeded", Some(600)));
    let plan = family.plan(&ann).await;
    fake.edits(CALENDAR, &plan[2].date, json!({ "summary": "[Ben] Bedtime" }));
    fake.delivers().await;
    works(&app).await;
    fake.requests();
    // Another change does not make it ask earlier.
    fake.edits(CALENDAR, &plan[3].date, json!({ "summary": "[Ben] Bedtime" }));
    fake.delivers().await;
    app.clock.advance(TimeDelta::minutes(9));
    works(&app).await;
    assert_eq!(fake.requests(), Vec::<String>::new());
    app.clock.advance(TimeDelta::minutes(1));
    works(&app).await;
    let ann = again(&ann).await;
    assert!(family.plan(&ann).await[2..4].iter().all(|turn| turn.name == "Ben"));
}

#[tokio::test]
async fn somebody_who_edits_while_hale_writes_is_not_overwritten() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let plan = family.plan(&ann).await;
    // A turn changes hands in Hale; while that is on its way somebody gives another day's turn, and this one's, to Ben.
    family.overrides(&ann, &plan[2].id, &family.ann).await;
    family.overrides(&ann, &plan[2].id, &family.ben).await;
    fake.fails("GET /calendar", Fault::Slow(Duration::from_millis(300)));
    let run = tokio::spawn({
        let worker = worker(&app);
        async move { worker.run_due().await.unwrap() }
    });
    sleep(Duration::from_millis(100)).await;
    fake.edits(CALENDAR, &plan[4].date, json!({ "summary": "[Ben] Bedtime" }));
    run.await.unwrap();
    settles(&app, &fake).await;
    assert_eq!((family.plan(&ann).await[2].name.as_str(), family.plan(&ann).await[4].name.as_str()), ("Ben", "Ben"));
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await);
}

#[tokio::test]
async fn access_is_renewed_by_itself_and_a_consent_that_is_gone_is_said_and_mended() {
    let (fake, app) = google().await;
    fake.rotates_refresh_tokens();
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    for _ in 0..3 {
        app.clock.advance(TimeDelta::minutes(61));
        works(&app).await;
    }
    let ann = again(&ann).await;
    let connection = family.connection(&ann).await;
    assert_eq!((text(&connection, "/status"), text(&connection, "/lastSyncedAt")), ("CONNECTED".into(), "2026-03-10T15:03:00Z".into()));
    // An access token that is refused before its time is replaced.
    fake.drops_access_tokens();
    app.clock.advance(TimeDelta::minutes(15));
    works(&app).await;
    app.clock.advance(TimeDelta::minutes(1));
    works(&app).await;
    let ann = again(&ann).await;
    assert_eq!(family.connection(&ann).await["lastSyncedAt"], "2026-03-10T15:19:00Z");

    fake.forgets_consents();
    app.clock.advance(TimeDelta::minutes(90));
    works(&app).await;
    app.clock.advance(TimeDelta::minutes(90));
    works(&app).await;
    let ann = again(&ann).await;
    let connection = family.connection(&ann).await;
    assert_eq!(text(&connection, "/status"), "BROKEN");
    assert!(text(&connection, "/problem").contains("connect the calendar again"), "{connection}");
    fake.requests();
    app.clock.advance(TimeDelta::hours(5));
    works(&app).await;
    assert_eq!(fake.requests(), Vec::<String>::new(), "nobody knocks at a closed door");
    // The same calendar goes on where it was left.
    let ann = again(&ann).await;
    consents(&ann, &family, &fake).await;
    works(&app).await;
    settles(&app, &fake).await;
    let connection = family.connection(&ann).await;
    assert_eq!((text(&connection, "/status"), text(&connection, "/calendarName")), ("CONNECTED".into(), "Family".into()));
    assert_eq!((fake.titles(CALENDAR), fake.count(CALENDAR).1), (family.titles(&ann).await, 0));
}

#[tokio::test]
async fn another_calendar_is_chosen_and_the_former_is_left_clean() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    chooses(&ann, &family, "work").await;
    settles(&app, &fake).await;
    assert_eq!((fake.count(CALENDAR), fake.titles("work")), ((0, 0), family.titles(&ann).await));
    assert_eq!(fake.channels().len(), 1);
    // A calendar that is deleted is said.
    fake.loses_calendar("work");
    app.clock.advance(TimeDelta::minutes(15));
    let ann = again(&ann).await;
    works(&app).await;
    let connection = family.connection(&ann).await;
    assert_eq!(
        (text(&connection, "/status"), text(&connection, "/problem")),
        ("BROKEN".into(), "this calendar is gone: choose another".into())
    );
    chooses(&ann, &family, CALENDAR).await;
    settles(&app, &fake).await;
    assert_eq!(fake.titles(CALENDAR), family.titles(&ann).await);
}

#[tokio::test]
async fn whoever_no_longer_administers_the_household_connects_nothing_for_it() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let ben = family.invites_ben(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    let remove = "mutation($input: HouseholdMemberInput!) { removeHouseholdMember(input: $input) { member { leftAt } } }";
    ben.ask(remove, json!({ "input": { "householdId": family.household, "id": family.ann } })).await;
    let connection = family.connection(&ben).await;
    assert_eq!(text(&connection, "/status"), "BROKEN");
    app.clock.advance(TimeDelta::minutes(15));
    works(&app).await;
    assert!(!fake.has_consent(), "ann's consent was given back");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM oauth_tokens").await, 0);
    let ben = again(&ben).await;
    connects(&ben, &family, &fake).await;
    assert_eq!(text(&family.connection(&ben).await, "/status"), "CONNECTED");
}

#[tokio::test]
async fn disconnecting_leaves_nothing_of_days_to_come_no_channel_and_no_consent() {
    let (fake, app) = google().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    connects(&ann, &family, &fake).await;
    settles(&app, &fake).await;
    app.clock.advance(TimeDelta::days(2));
    let ann = again(&ann).await;
    works(&app).await;
    // Another administrator may, too.
    let ben = family.invites_ben(&ann).await;
    ben.ask(DISCONNECT, json!({ "input": { "householdId": family.household } })).await;
    assert_eq!(family.connection(&ann).await, Value::Null, "at once for the household");
    works(&app).await;
    let left: Vec<_> = fake.titles(CALENDAR).into_keys().map(|day| day.to_string()).collect();
    assert_eq!(left, ["2026-03-10", "2026-03-11"], "what has been stays");
    assert!(fake.channels().is_empty() && !fake.has_consent());
    let rows = "SELECT (SELECT count(*) FROM oauth_tokens) + (SELECT count(*) FROM calendar_settings) + (SELECT count(*) FROM notification_channels)
        + (SELECT count(*) FROM calendar_events) + (SELECT count(*) FROM jobs WHERE kind = 'calendar_sync')";
    assert_eq!(app.value::<i64>(rows).await, 0);
    // And anew.
    connects(&ben, &family, &fake).await;
    assert_eq!(fake.count(CALENDAR).1, 2, "the two days that have been are there twice: they were left as they were");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_while_it_writes_makes_no_event_twice() {
    let (fake, folder) = (Fake::start().await, Folder::new());
    let app = TestApp::with_google(8, &fake.url).await;
    // Processes have the machine's clock, and so have all others here.
    app.clock.set(&SystemClock.now().to_rfc3339());
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    consents(&ann, &family, &fake).await;
    chooses(&ann, &family, CALENDAR).await;
    let keys = folder.0.join("keys.json");
    std::fs::write(&keys, crate::harness::tokens::keys().to_json()).unwrap();
    let start = async || {
        let mut command = hale();
        command.envs(environment(&fake.url)).env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0);
        command.env("HALE_KEYS_FILE", &keys).arg("worker");
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = timeout(Duration::from_secs(60), lines.next_line()).await.expect("the worker is not ready in time").unwrap();
        assert_eq!(ready.as_deref(), Some("Hale's worker is ready."));
        child
    };
    // The third event is made, but the answer does not come before the worker is killed.
    let inserts = "POST /calendar/v3/calendars/family@group/events";
    fake.fails("events/watch", Fault::Refused(503, "backendError", None));
    for fault in [Fault::None, Fault::None, Fault::Late(Duration::from_secs(60))] {
        fake.fails(inserts, fault);
    }
    let mut first = start().await;
    for _ in 0..600 {
        if fake.count(CALENDAR).0 >= 3 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fake.count(CALENDAR).0, 3);
    kill_process(Pid::from_raw(first.id().unwrap().cast_signed()).unwrap(), Signal::KILL).unwrap();
    first.wait().await.unwrap();
    let second = start().await;
    let expected = family.titles(&ann).await;
    for _ in 0..600 {
        if fake.titles(CALENDAR) == expected {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((fake.titles(CALENDAR), fake.count(CALENDAR)), (expected, (6, 0)));
    drop(second);
}
