//! Reminders of one's own turns, by mail to a server that fails on demand.

use std::time::Duration;

use chrono::TimeDelta;
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
    google_calendar::again,
    harness::{
        Person, TestApp, http,
        smtp::{Fault, MailServer, Taken},
    },
    households::{does, founds, joins},
};

/// ann's household, in which she and ben, both with verified addresses, take turns from 10 March 2026 on.
pub struct Family<'a> {
    pub ann: Person<'a>,
    pub ben: Person<'a>,
    pub household: String,
    /// ann and ben as members.
    pub ids: [String; 2],
    pub routine: String,
}

impl<'a> Family<'a> {
    pub async fn of(app: &'a TestApp, settings: Value) -> Self {
        let (ann, ben) = (app.person("ann").await, app.person("ben").await);
        app.verify(&ann).await;
        let household = founds(&ann, "The Smiths").await;
        let you = ann.ask("query($id: UUID!) { household(id: $id) { you { id } } }", json!({ "id": household })).await;
        let ids = [you["household"]["you"]["id"].as_str().unwrap().to_owned(), joins(app, &ann, &household, &ben, "ben").await];
        let mut input = json!({ "householdId": household, "name": "Bedtime", "timeZone": "UTC", "lookAheadDays": 30,
            "members": [{ "memberId": ids[0] }, { "memberId": ids[1] }] });
        input.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let routine = does(&ann, "createRoutine", input, "routine { id }").await["routine"]["id"].as_str().unwrap().to_owned();
        does(&ann, "planRoutine", json!({ "householdId": household, "id": routine }), "applied").await;
        Self { ann, ben, household, ids, routine }
    }

    fn app(&self) -> &'a TestApp {
        self.ann.app
    }

    fn input(&self, more: Value) -> Value {
        let mut input = json!({ "householdId": self.household, "routineId": self.routine });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    }

    pub async fn reminds(&self, person: &Person<'_>, minutes: i32) -> Value {
        let fields = "routine { reminder { minutesBefore lastSentAt problem } }";
        does(person, "setRoutineReminder", self.input(json!({ "minutesBefore": minutes })), fields).await["routine"]["reminder"].take()
    }

    async fn reminder(&self, person: &Person<'_>) -> Value {
        let ask = "query($id: UUID!) { household(id: $id) { routines { reminder { minutesBefore lastSentAt problem } } } }";
        again(person).await.ask(ask, json!({ "id": self.household })).await["household"]["routines"][0]["reminder"].take()
    }

    /// The id of the turn of a day.
    pub async fn turn(&self, date: &str) -> Value {
        let ask = "query($id: UUID!, $routine: UUID!, $date: Date!) { household(id: $id) { routine(id: $routine) { plan(from: $date, to: $date) { id name } } } }";
        let days = json!({ "id": self.household, "routine": self.routine, "date": date });
        again(&self.ann).await.ask(ask, days).await["household"]["routine"]["plan"][0].take()
    }

    /// Does something with the turn of a day, as ann.
    pub async fn changes(&self, mutation: &str, date: &str, more: Value) {
        let mut input = json!({ "householdId": self.household, "id": self.turn(date).await["id"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        does(&again(&self.ann).await, mutation, input, "assignment { id }").await;
    }

    /// Gives the turn of a day to ann or ben.
    pub async fn gives(&self, date: &str, to: usize) {
        self.changes("overrideAssignment", date, json!({ "memberId": self.ids[to] })).await;
    }

    /// It is this instant now, and what is due is done: the mails.
    async fn at(&self, instant: &str, mail: &MailServer) -> Vec<Taken> {
        self.app().clock.set(instant);
        works(self.app()).await;
        mail.taken()
    }
}

async fn works(app: &TestApp) {
    Worker::new(app.database.clone(), None, app.outside.mailer.clone()).run_due().await.unwrap();
}

#[tokio::test]
async fn ann_is_reminded_of_each_of_her_turns_once_and_ben_of_none() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let family = Family::of(&app, json!({ "timeOfDay": "19:30", "durationMinutes": 45, "timeZone": "Europe/Berlin" })).await;
    assert_eq!(family.reminder(&family.ann).await, Value::Null, "off until she wants it");
    family.gives("2026-03-10", 0).await;
    family.gives("2026-03-11", 1).await;
    family.gives("2026-03-12", 0).await;
    let on = json!({ "minutesBefore": 30, "lastSentAt": null, "problem": null });
    assert_eq!(family.reminds(&again(&family.ann).await, 30).await, on);
    assert_eq!(family.reminder(&family.ben).await, Value::Null, "it is hers alone");

    assert!(family.at("2026-03-10T17:59:59Z", &mail).await.is_empty());
    let [reminder] = family.at("2026-03-10T18:00:00Z", &mail).await.try_into().unwrap();
    assert_eq!(reminder.to, "ann@example.org");
    assert_eq!(reminder.header("Subject"), "Your turn: Bedtime, Tuesday, 10 March 2026, 19:30 to 20:15");
    for line in ["Hello ann,", "When: Tuesday, 10 March 2026, 19:30 to 20:15 (Europe/Berlin)", "Household: The Smiths"] {
        assert!(reminder.body().contains(line), "{line} is not in {}", reminder.body());
    }
    assert_eq!(family.reminder(&family.ann).await["lastSentAt"], "2026-03-10T18:00:00Z");
    for instant in ["2026-03-10T18:00:01Z", "2026-03-10T18:29:00Z", "2026-03-11T18:00:00Z"] {
        assert!(family.at(instant, &mail).await.is_empty(), "{instant}");
    }
    // Another worker, another day.
    let [second] = family.at("2026-03-12T18:00:00Z", &mail).await.try_into().unwrap();
    assert_ne!(second.header("Message-ID"), reminder.header("Message-ID"));

    does(&again(&family.ann).await, "removeRoutineReminder", family.input(json!({})), "routine { id }").await;
    assert!(family.at("2026-03-16T20:00:00Z", &mail).await.is_empty());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'remind'").await, 0, "nothing is left to look at");
}

#[tokio::test]
async fn whoever_has_the_turn_when_it_is_due_is_reminded_and_nobody_of_what_is_skipped_or_done() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let family = Family::of(&app, json!({ "timeOfDay": "19:30" })).await;
    for day in 10..=16 {
        family.gives(&format!("2026-03-{day}"), 0).await;
    }
    app.verify(&family.ben).await;
    family.reminds(&again(&family.ann).await, 60).await;
    family.reminds(&again(&family.ben).await, 15).await;
    works(&app).await;
    // Given away before it is due.
    family.gives("2026-03-10", 1).await;
    assert!(family.at("2026-03-10T18:30:00Z", &mail).await.is_empty());
    let [to_ben] = family.at("2026-03-10T19:15:00Z", &mail).await.try_into().unwrap();
    assert_eq!(to_ben.to, "ben@example.org");
    // Skipped, and done before its time.
    family.changes("skipAssignment", "2026-03-11", json!({})).await;
    assert!(family.at("2026-03-11T18:30:00Z", &mail).await.is_empty());
    app.clock.set("2026-03-12T10:00:00Z");
    family.changes("completeAssignment", "2026-03-12", json!({})).await;
    assert!(family.at("2026-03-12T18:30:00Z", &mail).await.is_empty());
    // Skipped, and then not, when it is due already: at once.
    family.changes("skipAssignment", "2026-03-13", json!({})).await;
    assert!(family.at("2026-03-13T19:00:00Z", &mail).await.is_empty());
    family.changes("reopenAssignment", "2026-03-13", json!({})).await;
    assert_eq!(family.at("2026-03-13T19:00:01Z", &mail).await.len(), 1);
    // Another time of the routine is another time of the reminder.
    let update = json!({ "householdId": family.household, "id": family.routine, "timeOfDay": "21:00" });
    app.clock.set("2026-03-14T12:00:00Z");
    does(&again(&family.ann).await, "updateRoutine", update, "routine { id }").await;
    assert!(family.at("2026-03-14T18:30:00Z", &mail).await.is_empty());
    let [later] = family.at("2026-03-14T20:00:00Z", &mail).await.try_into().unwrap();
    assert!(later.body().contains("Saturday, 14 March 2026, 21:00 (UTC)"), "{}", later.body());
    // What is over reminds nobody, however long the server slept.
    assert!(family.at("2026-03-15T22:00:00Z", &mail).await.is_empty());
    assert_eq!(family.at("2026-03-16T20:30:00Z", &mail).await.len(), 1, "late, but of use");
}

#[tokio::test]
async fn a_reminder_comes_at_the_right_instant_where_clocks_change_and_days_start_late() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    // In the night to 29 March 2026 the clocks of Berlin leap from 02:00 to 03:00, which is where 02:30 is then.
    let family = Family::of(&app, json!({ "timeOfDay": "02:30", "timeZone": "Europe/Berlin" })).await;
    for day in 28..=30 {
        family.gives(&format!("2026-03-{day}"), 0).await;
    }
    family.reminds(&again(&family.ann).await, 90).await;
    for (before, due, clock) in [
        ("2026-03-27T23:59:59Z", "2026-03-28T00:00:00Z", "28 March 2026, 02:30"),
        ("2026-03-28T23:29:59Z", "2026-03-28T23:30:00Z", "29 March 2026, 03:00"),
        ("2026-03-29T22:59:59Z", "2026-03-29T23:00:00Z", "30 March 2026, 02:30"),
    ] {
        assert!(family.at(before, &mail).await.iter().all(|mail| !mail.body().contains(clock)), "{before}");
        let [taken] = family.at(due, &mail).await.try_into().unwrap();
        assert!(taken.body().contains(clock), "{clock}: {}", taken.body());
    }

    // Without a time a turn begins with its day. In Auckland that starts at 03:00, and on 5 April 2026 clocks go back at 03:00.
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    app.clock.set("2026-04-01T12:00:00Z");
    let family = Family::of(&app, json!({ "timeZone": "Pacific/Auckland", "dayStartsAt": "03:00" })).await;
    for day in ["2026-04-04", "2026-04-05", "2026-04-06"] {
        family.gives(day, 0).await;
    }
    family.gives("2026-04-02", 1).await;
    family.gives("2026-04-03", 1).await;
    family.reminds(&again(&family.ann).await, 8 * 60).await;
    for (before, due, day) in [
        ("2026-04-03T05:59:59Z", "2026-04-03T06:00:00Z", "Saturday, 4 April"),
        ("2026-04-04T06:59:59Z", "2026-04-04T07:00:00Z", "Sunday, 5 April"),
        ("2026-04-05T06:59:59Z", "2026-04-05T07:00:00Z", "Monday, 6 April"),
    ] {
        assert!(family.at(before, &mail).await.is_empty(), "{before}");
        let [taken] = family.at(due, &mail).await.try_into().unwrap();
        assert!(taken.body().contains(day), "{day}: {}", taken.body());
    }
}

#[tokio::test]
async fn what_fails_is_sent_again_as_the_same_mail_and_what_is_refused_is_said() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let family = Family::of(&app, json!({ "timeOfDay": "19:30", "durationMinutes": 1440 })).await;
    for day in 10..=13 {
        family.gives(&format!("2026-03-{day}"), 0).await;
    }
    family.reminds(&again(&family.ann).await, 60).await;
    mail.fails([Fault::HangUp, Fault::Recipient(450, "4.2.1 greylisted"), Fault::AnswerLost]);
    let first = family.at("2026-03-10T18:30:00Z", &mail).await;
    assert!(first.is_empty() && mail.connections() == 1, "it is left alone for a while");
    let mut taken = Vec::new();
    for _ in 0..10 {
        app.clock.advance(TimeDelta::minutes(4));
        works(&app).await;
        taken.extend(mail.taken());
    }
    let [lost, known] = taken.try_into().unwrap();
    assert_eq!(lost.header("Message-ID"), known.header("Message-ID"), "whoever gets both sees one");

    mail.fails([Fault::Recipient(550, "5.1.1 no such mailbox")]);
    assert!(family.at("2026-03-11T18:30:00Z", &mail).await.is_empty());
    let reminder = family.reminder(&family.ann).await;
    assert!(reminder["problem"].as_str().unwrap().contains("no such mailbox"), "{reminder}");
    let connections = mail.connections();
    assert!(family.at("2026-03-11T18:50:00Z", &mail).await.is_empty());
    assert_eq!(mail.connections(), connections, "it is not tried again");
    // The next turn is.
    assert_eq!(family.at("2026-03-12T18:30:00Z", &mail).await.len(), 1);
    assert_eq!(family.reminder(&family.ann).await["problem"], Value::Null);

    // A server that is down until nobody tries any more delays a reminder, and costs none while the turn lasts.
    mail.fails([Fault::HangUp; 12]);
    assert!(family.at("2026-03-13T18:30:00Z", &mail).await.is_empty());
    let connections = mail.connections();
    let mut taken = Vec::new();
    for _ in 0..80 {
        app.clock.advance(TimeDelta::minutes(10));
        works(&app).await;
        taken.extend(mail.taken());
    }
    assert_eq!((taken.len(), mail.connections() - connections), (1, 12), "eleven more in vain");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE dead_at IS NOT NULL").await, 0);
    // One that is down until the turn is over costs that reminder, and no later one.
    mail.fails([Fault::HangUp; 100]);
    family.gives("2026-03-15", 0).await;
    family.gives("2026-03-18", 0).await;
    family.at("2026-03-15T18:30:00Z", &mail).await;
    mail.recovers();
    assert!(family.at("2026-03-16T19:30:00Z", &mail).await.is_empty());
    assert_eq!(family.at("2026-03-18T18:30:00Z", &mail).await.len(), 1);
}

#[tokio::test]
async fn whoever_left_is_reminded_of_nothing() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let family = Family::of(&app, json!({ "timeOfDay": "19:30" })).await;
    app.verify(&family.ben).await;
    family.gives("2026-03-10", 1).await;
    family.reminds(&again(&family.ben).await, 60).await;
    works(&app).await;
    does(&family.ben, "leaveHousehold", json!({ "id": family.household }), "leftId").await;
    assert!(family.at("2026-03-10T18:30:00Z", &mail).await.is_empty());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'remind'").await, 0, "nothing is left to look at");
}

#[tokio::test]
async fn a_reminder_needs_a_turn_of_ones_own_a_verified_address_and_a_server_that_sends_mail() {
    let app = TestApp::new().await;
    let family = Family::of(&app, json!({})).await;
    const SET: &str = "mutation($input: SetRoutineReminderInput!) { setRoutineReminder(input: $input) { routine { id } } }";
    let with = |minutes: i32| json!({ "input": family.input(json!({ "minutesBefore": minutes })) });
    let dan = app.person("dan").await;
    assert_eq!(dan.refused(SET, with(30)).await.code, "NOT_FOUND");
    for minutes in [-1, 10_081] {
        let refused = family.ann.refused(SET, with(minutes)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("minutesBefore")));
    }
    let unverified = "UPDATE users SET email_verified_at = NULL WHERE email = 'ben@example.org'";
    sqlx::Executor::execute(&mut app.connect("hale_owner").await, unverified).await.unwrap();
    assert_eq!(family.ben.refused(SET, with(30)).await.code, "FORBIDDEN");
    let missing = json!({ "input": { "householdId": family.household, "routineId": family.household, "minutesBefore": 1 } });
    let refused = family.ann.refused(SET, missing).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("routineId")));

    // Where others connect and no server is set up, nothing is promised.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = api::http::Server::new(app.database.clone(), crate::harness::options()).router();
    tokio::spawn(async move { axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await });
    let body = json!({ "query": SET, "variables": with(30) });
    let request = http().post(format!("http://{address}/graphql")).bearer_auth(family.ann.token.unwrap()).json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("HALE_SMTP_URL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_while_it_sends_is_succeeded_by_one_that_sends_the_same_mail() {
    let (mail, folder) = (MailServer::start().await, Folder::new());
    let app = TestApp::with_mail(&mail).await;
    // Processes have the machine's clock, and so have all others here.
    app.clock.set(&SystemClock.now().to_rfc3339());
    let family = Family::of(&app, json!({})).await;
    let today = SystemClock.now().date_naive();
    for day in [today, today.succ_opt().unwrap()] {
        family.gives(&day.to_string(), 0).await;
    }
    let keys = folder.0.join("keys.json");
    std::fs::write(&keys, crate::harness::tokens::keys().to_json()).unwrap();
    let start = async || {
        let mut command = hale();
        command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).env("HALE_KEYS_FILE", &keys).arg("worker");
        command.env("HALE_SMTP_URL", mail.settings().url).env("HALE_MAIL_FROM", "Hale <hale@example.net>");
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = timeout(Duration::from_secs(60), lines.next_line()).await.expect("the worker is not ready in time").unwrap();
        assert_eq!(ready.as_deref(), Some("Hale's worker is ready."));
        child
    };
    let mut taken = Vec::new();
    let mut arrives = async |count: usize| {
        for _ in 0..600 {
            taken.extend(mail.taken());
            if taken.len() >= count {
                return taken.iter().map(|taken: &Taken| taken.header("Message-ID").to_owned()).collect::<Vec<_>>();
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("{} mails of {count}", taken.len());
    };
    // The turn of today has begun, and that of tomorrow is not due.
    mail.fails([Fault::Stalls]);
    family.reminds(&again(&family.ann).await, 0).await;
    let mut first = start().await;
    arrives(1).await;
    kill_process(Pid::from_raw(first.id().unwrap().cast_signed()).unwrap(), Signal::KILL).unwrap();
    first.wait().await.unwrap();
    let second = start().await;
    let ids = arrives(2).await;
    assert_eq!(ids[0], ids[1]);
    for _ in 0..600 {
        if app.value::<bool>("SELECT count(*) = 1 AND bool_and(sent_at IS NOT NULL) FROM reminder_mails").await {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM reminder_mails WHERE sent_at IS NOT NULL").await, 1);
    assert!(mail.taken().is_empty(), "and then it was sent");
    drop(second);
}
