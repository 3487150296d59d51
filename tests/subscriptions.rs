//! Subscriptions: over WebSocket and server-sent events, for oneself and for relatives, from whichever server the change was made,
//! and until whoever follows may not any more. The frames are raw: what no client library would send is sent too.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;
use futures_util::{SinkExt, StreamExt};
use reqwest::header;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use crate::{
    family_access::{answers, shares},
    goals,
    harness::{LOG_FOOD, Person, TestApp, food_entry},
    measurements::records,
};

const PROTOCOL: &str = "graphql-transport-ws";
const DAY: &str = "subscription($person: UUID, $date: Date) { foodDayChanged(personId: $person, date: $date) { date entries { name } totals { calories } goal { calories } } }";
const PERSON: &str =
    "subscription($person: UUID) { personChanged(personId: $person) { id accessTypes measurements(first: 1) { nodes { value } } } }";
const STRANGER: &str = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
/// How long anything may take at most.
const AGES: Duration = Duration::from_secs(60);

/// A socket, frame by frame.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// One on which nothing was said yet.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, &[("sec-websocket-protocol", PROTOCOL)]).await.unwrap()
    }

    async fn open_with(address: SocketAddr, headers: &[(&'static str, &str)]) -> tungstenite::Result<Self> {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Self(connect_async(request).await?.0))
    }

    /// One of this person's, over which operations can be sent.
    pub async fn of(person: &Person<'_>) -> Self {
        Self::to(person.app, person).await
    }

    /// The same at another server.
    pub async fn to(app: &TestApp, person: &Person<'_>) -> Self {
        let mut socket = Self::open(app.address).await;
        let token = person.token.as_ref().unwrap();
        socket.say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// What is sent to a socket that was closed is not missed.
    async fn send(&mut self, message: Message) {
        self.0.send(message).await.ok();
    }

    pub async fn operate(&mut self, id: &str, document: &str, variables: Value) {
        self.say(json!({ "id": id, "type": "subscribe", "payload": { "query": document, "variables": variables } })).await;
    }

    async fn frame(&mut self) -> Option<tungstenite::Result<Message>> {
        timeout(AGES, self.0.next()).await.expect("nothing comes")
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    /// The message that comes within a second or so, if one does.
    pub async fn soon(&mut self) -> Option<Value> {
        timeout(Duration::from_millis(1500), self.hear()).await.ok()
    }

    /// The code and reason with which it is closed, whatever was said before.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.frame().await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(Message::Text(_) | Message::Ping(_))) => {}
                other => panic!("not closed properly: {other:?}"),
            }
        }
    }

    /// The code and reason with which it is closed before anything is said.
    pub async fn closed_at_once(&mut self) -> (u16, String) {
        loop {
            match self.frame().await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("not closed at once: {other:?}"),
            }
        }
    }

    /// The answer to an operation that has one.
    async fn ask(&mut self, document: &str, variables: Value) -> Value {
        self.operate("asked", document, variables).await;
        let mut next = self.hear().await;
        assert_eq!((&next["id"], &next["type"]), (&json!("asked"), &json!("next")), "{next}");
        assert_eq!(self.hear().await, json!({ "id": "asked", "type": "complete" }));
        next["payload"].take()
    }

    /// The errors with which an operation is refused.
    pub async fn refused(&mut self, document: &str, variables: Value) -> Value {
        self.operate("refused", document, variables).await;
        let mut error = self.hear().await;
        assert_eq!((&error["id"], &error["type"]), (&json!("refused"), &json!("error")), "{error}");
        error["payload"].take()
    }
}

pub fn payload(message: Value) -> Value {
    assert_eq!(message["type"], "next", "{message}");
    message["payload"].clone()
}

/// Nothing says when a subscription has begun. So something is done again and again until what was done last is told of.
pub async fn told_of<D: Future<Output = String>>(socket: &mut Socket, mut act: impl FnMut(usize) -> D, pointer: &str) -> Value {
    let begun = Instant::now();
    for n in 1.. {
        assert!(begun.elapsed() < AGES, "nothing is told");
        let done = act(n).await;
        while let Some(message) = socket.soon().await {
            let told = payload(message);
            if told.pointer(pointer).and_then(Value::as_str) == Some(&done) {
                return told;
            }
        }
    }
    unreachable!()
}

const CALORIES: &str = "/data/foodDayChanged/totals/calories";
const VALUE: &str = "/data/personChanged/measurements/nodes/0/value";

/// Logs a food until `socket` is told of all that was logged.
async fn logs_until_told(person: &Person<'_>, food: &str, socket: &mut Socket) -> Value {
    let log = async |_| person.logs_food(food, json!({})).await["day"]["totals"]["calories"].as_str().unwrap().to_owned();
    told_of(socket, log, CALORIES).await
}

async fn weighs(person: &Person<'_>, value: &str) {
    person.app.clock.advance(TimeDelta::seconds(1));
    records(person, json!({ "value": value })).await;
}

async fn weighs_until_told(person: &Person<'_>, socket: &mut Socket) -> Value {
    let weigh = async |n: usize| {
        let value = (50 + n).to_string();
        weighs(person, &value).await;
        value
    };
    told_of(socket, weigh, VALUE).await
}

#[tokio::test]
async fn ann_logs_oats_and_her_other_device_sees_the_day() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;
    let mut tablet = Socket::of(&ann).await;
    tablet.operate("day", DAY, json!({ "date": "2026-03-10" })).await;
    let told = logs_until_told(&ann, &oats, &mut tablet).await;
    let day = &told["data"]["foodDayChanged"];
    assert_eq!((&day["date"], &day["entries"][0]["name"], &day["goal"]), (&json!("2026-03-10"), &json!("Oats"), &Value::Null));

    // Another day is not this one, and what is not eaten is none of its business.
    ann.logs_food(&oats, json!({ "consumedAt": "2026-03-09T08:00:00Z" })).await;
    weighs(&ann, "70").await;
    goals::sets(&ann, json!({ "validFrom": "2026-03-01" })).await;
    let told = payload(tablet.hear().await);
    assert_eq!(told.pointer("/data/foodDayChanged/goal/calories"), Some(&json!("2000")), "{told}");
    assert_eq!(told.pointer("/data/foodDayChanged/entries"), Some(&day["entries"]));

    // Without a date it is today, and without an id it is oneself.
    tablet.say(json!({ "id": "day", "type": "complete" })).await;
    tablet.operate("today", "subscription { foodDayChanged { date totals { calories } } }", json!({})).await;
    app.clock.advance(TimeDelta::minutes(1));
    let told = logs_until_told(&ann, &oats, &mut tablet).await;
    assert_eq!(told.pointer("/data/foodDayChanged/date"), Some(&json!("2026-03-10")));
    tablet.say(json!({ "id": "today", "type": "complete" })).await;
    assert_eq!(tablet.ask("{ viewer { fullName } }", json!({})).await, json!({ "data": { "viewer": { "fullName": "ann" } } }));
    ann.logs_food(&oats, json!({})).await;
    assert_eq!(tablet.soon().await, None, "what was completed is told of no more");
}

#[tokio::test]
async fn ben_follows_what_ann_shares_until_she_revokes_it_and_carla_nothing() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    app.verify(&ben).await;
    let grant = shares(&ann, &ben, &["CALORIE"], false).await.remove(0);
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;

    let mut stranger = Socket::of(&carla).await;
    let at = json!({ "person": ann.id, "date": "2026-03-10" });
    let hidden = stranger.refused(DAY, at.clone()).await;
    let missing = stranger.refused(DAY, json!({ "person": STRANGER, "date": "2026-03-10" })).await;
    assert_eq!(hidden, missing, "not hers and not there answer alike");
    assert_eq!(hidden[0]["extensions"]["code"], "NOT_FOUND");
    assert_eq!(stranger.refused(PERSON, at.clone()).await[0]["extensions"]["code"], "NOT_FOUND");

    let mut phone = Socket::of(&ben).await;
    phone.operate("day", DAY, at).await;
    let told = logs_until_told(&ann, &oats, &mut phone).await;
    assert_eq!(told.pointer("/data/foodDayChanged/entries/0/name"), Some(&json!("Oats")));
    let log = ann.ask("{ viewer { accessLog { nodes { reader { fullName } accessType } } } }", json!({})).await;
    assert_eq!(log["viewer"]["accessLog"]["nodes"], json!([{ "reader": { "fullName": "ben" }, "accessType": "CALORIE" }]));

    // She ends it: he learns that it is over, and nothing of what comes after.
    answers(&ann, "revoke", &grant).await;
    ann.logs_food(&oats, json!({})).await;
    let told = payload(phone.hear().await);
    assert_eq!(told["data"], Value::Null);
    assert_eq!(told["errors"][0]["extensions"]["code"], "NOT_FOUND", "{told}");
    assert_eq!(phone.hear().await, json!({ "id": "day", "type": "complete" }));
    // The socket is his, and goes on.
    assert_eq!(phone.ask("{ viewer { fullName } }", json!({})).await["data"]["viewer"]["fullName"], "ben");
}

#[tokio::test]
async fn what_ben_may_not_see_does_not_wake_him() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CHECKIN"], false).await;
    let oats = ann.creates_food(json!({})).await;
    let mut phone = Socket::of(&ben).await;
    phone.operate("ann", PERSON, json!({ "person": ann.id })).await;
    weighs_until_told(&ann, &mut phone).await;

    ann.logs_food(&oats, json!({})).await;
    ann.creates_food(json!({ "name": "Beans" })).await;
    assert_eq!(phone.soon().await, None, "neither her diary nor her foods are his");
    weighs(&ann, "90").await;
    let told = payload(phone.hear().await);
    assert_eq!(told.pointer(VALUE), Some(&json!("90")));
    // What is shared is news too.
    shares(&ann, &ben, &["CALORIE"], false).await;
    let told = payload(phone.hear().await);
    assert_eq!(told.pointer("/data/personChanged/accessTypes"), Some(&json!(["CALORIE", "CHECKIN"])));
    ann.logs_food(&oats, json!({})).await;
    assert_eq!(payload(phone.hear().await).pointer("/data/personChanged/id"), Some(&json!(ann.id)));
}

#[tokio::test]
async fn everything_that_is_kept_of_a_person_is_news() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut tablet = Socket::of(&ann).await;
    tablet.operate("ann", PERSON, json!({})).await;
    weighs_until_told(&ann, &mut tablet).await;
    let food = ann.creates_food(json!({})).await;
    tablet.hear().await;
    let entry = ann.logs_food(&food, json!({})).await["entry"]["id"].take();
    tablet.hear().await;
    let input = json!({ "input": { "id": entry, "quantity": "2" } });
    ann.ask("mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { id } } }", input).await;
    tablet.hear().await;
    ann.ask("mutation($id: UUID!) { deleteFoodEntry(input: { id: $id }) { deletedId } }", json!({ "id": entry })).await;
    tablet.hear().await;
    let exercise = crate::exercises::creates_exercise(&ann, json!({})).await;
    tablet.hear().await;
    crate::exercise_diary::logs(&ann, &exercise, json!({ "sets": [{ "reps": 5 }] })).await;
    tablet.hear().await;
    goals::sets(&ann, json!({})).await;
    tablet.hear().await;
    ann.ask("mutation { updatePreferences(input: { theme: \"dark\" }) { preferences { theme } } }", json!({})).await;
    tablet.hear().await;
    let offer = json!({ "input": { "granteeEmail": "ben@example.org", "accessTypes": ["CALORIE"] } });
    ann.ask("mutation($input: OfferAccessInput!) { offerAccess(input: $input) { offers { id } } }", offer).await;
    tablet.hear().await;
    // To read is no news, nor is a change that was not made.
    ann.ask("{ viewer { foodDay { date } } }", json!({})).await;
    ann.refused(LOG_FOOD, json!({ "input": food_entry(STRANGER, json!({})) })).await;
    assert_eq!(tablet.soon().await, None);
}

#[tokio::test]
async fn a_change_made_at_one_server_is_told_by_another() {
    let app = TestApp::new().await;
    let other = app.beside(None).await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    let mut tablet = Socket::to(&other, &ann).await;
    tablet.operate("day", DAY, json!({})).await;
    logs_until_told(&ann, &oats, &mut tablet).await;
}

#[tokio::test]
async fn changes_are_told_when_the_listening_connection_is_cut_and_when_there_is_none() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    let mut tablet = Socket::of(&ann).await;
    tablet.operate("day", DAY, json!({})).await;
    logs_until_told(&ann, &oats, &mut tablet).await;
    let mut admin = app.connect("postgres").await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let (cut,): (i64,) = sqlx::query_as(cut).fetch_one(&mut admin).await.unwrap();
    assert_eq!(cut, 1, "one connection listens");
    // This is not lost, whether or not anybody listens yet.
    ann.logs_food(&oats, json!({ "unit": "g", "quantity": "7" })).await;
    let told = payload(tablet.hear().await);
    let entries = told["data"]["foodDayChanged"]["totals"]["calories"].as_str().unwrap();
    assert_eq!(entries, ann.calories_on(None).await);
    logs_until_told(&ann, &oats, &mut tablet).await;

    // A server that hears nothing asks.
    let deaf = app.beside(Some("postgres://hale_app:nothing@127.0.0.1:1/nowhere".to_owned())).await;
    let mut tablet = Socket::to(&deaf, &ann).await;
    tablet.operate("day", DAY, json!({})).await;
    let mut told = false;
    let begun = Instant::now();
    while !told {
        assert!(begun.elapsed() < AGES, "nothing is told");
        ann.logs_food(&oats, json!({})).await;
        told = timeout(Duration::from_secs(8), tablet.hear()).await.is_ok();
    }
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_how() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let init = json!({ "type": "connection_init" });
    let text = |message: Value| Message::text(message.to_string());
    let nothing = json!({ "id": "1", "type": "subscribe", "payload": { "query": "subscription { personChanged { id } }" } });
    let cases = [
        ("subscribe before init", vec![text(nothing.clone())], 4401),
        ("a second init", vec![text(init.clone()), text(init.clone())], 4429),
        ("no JSON", vec![text(init.clone()), Message::text("{ not JSON")], 4400),
        ("no JSON before init", vec![Message::text("hello")], 4400),
        ("deep JSON", vec![Message::text("[".repeat(50_000))], 4400),
        ("an unknown type", vec![text(init.clone()), text(json!({ "type": "start", "id": "1" }))], 4400),
        ("no type", vec![text(init.clone()), text(json!({ "id": "1" }))], 4400),
        ("no id", vec![text(init.clone()), text(json!({ "type": "subscribe", "payload": { "query": "{ viewer { id } }" } }))], 4400),
        (
            "an empty id",
            vec![text(init.clone()), text(json!({ "id": "", "type": "subscribe", "payload": { "query": "{ viewer { id } }" } }))],
            4400,
        ),
        ("a payload that is none", vec![text(init.clone()), text(json!({ "id": "1", "type": "subscribe", "payload": [] }))], 4400),
        ("bytes", vec![text(init.clone()), Message::binary(b"{}".to_vec())], 4400),
        ("a token that is none", vec![text(json!({ "type": "connection_init", "payload": { "authorization": "Bearer nonsense" } }))], 4403),
        (
            "a token of another scheme",
            vec![text(json!({ "type": "connection_init", "payload": { "authorization": "Basic YW5uOg==" } }))],
            4403,
        ),
        ("an access token that is none", vec![text(json!({ "type": "connection_init", "payload": { "accessToken": 7 } }))], 4403),
        (
            "too much",
            vec![text(init.clone()), Message::text(format!("{{\"type\":\"ping\",\"payload\":\"{}\"}}", "x".repeat(100_000)))],
            1009,
        ),
        ("silence", vec![], 4408),
        ("pings instead of init", vec![text(json!({ "type": "ping" })), text(json!({ "type": "pong" }))], 4408),
    ];
    let tries = cases.map(|(what, messages, code)| {
        let app = &app;
        async move {
            let mut socket = Socket::open(app.address).await;
            for message in messages {
                socket.send(message).await;
            }
            let (closed, reason) = socket.closed().await;
            assert_eq!(closed, code, "{what}: {reason}");
            assert!((5..=123).contains(&reason.len()), "{what}: {reason}");
        }
    });
    futures_util::future::join_all(tries).await;

    let mut socket = Socket::of(&ann).await;
    socket.say(nothing.clone()).await;
    socket.say(nothing).await;
    assert_eq!(socket.closed().await.0, 4409);
    let mut socket = Socket::open_with(app.address, &[]).await.unwrap();
    assert_eq!(socket.closed().await.0, 4406);
}

#[tokio::test]
async fn a_session_can_be_given_in_the_header_or_as_a_bare_token_and_pings_are_answered() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let token = ann.token.clone().unwrap();
    let bearer = format!("Bearer {token}");
    let mut socket = Socket::open_with(app.address, &[("sec-websocket-protocol", PROTOCOL), ("authorization", &bearer)]).await.unwrap();
    socket.say(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    assert_eq!(socket.ask("{ viewer { fullName } }", json!({})).await["data"]["viewer"]["fullName"], "ann");

    let mut socket = Socket::open(app.address).await;
    socket.say(json!({ "type": "connection_init", "payload": { "accessToken": token } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    assert_eq!(socket.ask("{ viewer { fullName } }", json!({})).await["data"]["viewer"]["fullName"], "ann");

    // Without a session there is as little to follow as there is to ask.
    let mut socket = Socket::open(app.address).await;
    socket.say(json!({ "type": "connection_init", "payload": null })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    assert_eq!(socket.refused(PERSON, json!({})).await[0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(socket.ask("{ viewer { fullName } }", json!({})).await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn queries_and_mutations_over_a_socket_answer_as_by_post() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut socket = Socket::of(&ann).await;
    let weighing = "mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) { measurement { value } } }";
    let input = json!({ "input": { "type": "weight", "value": "71.5", "unit": "kg" } });
    assert_eq!(socket.ask(weighing, input).await["data"]["recordMeasurement"]["measurement"]["value"], "71.5");
    let wrong = json!({ "input": { "type": "weight", "value": "many", "unit": "kg" } });
    let answer = socket.ask(weighing, wrong).await;
    assert_eq!((&answer["data"], &answer["errors"][0]["extensions"]["field"]), (&json!({ "recordMeasurement": null }), &json!("value")));

    let aliases: String = (0..31).map(|n| format!("a{n}: __typename ")).collect();
    let several = "subscription { personChanged { id } foodDayChanged { date } }";
    let hidden = "subscription { ...f } fragment f on Subscription { personChanged { id } }";
    for (document, variables, code) in [
        ("{ viewer { nothing } }", json!({}), "BAD_REQUEST"),
        ("{ viewer", json!({}), "BAD_REQUEST"),
        ("query($id: UUID!) { person(id: $id) { id } }", json!({}), "BAD_REQUEST"),
        (&format!("{{ {aliases} }}"), json!({}), "LIMIT_EXCEEDED"),
        (&format!("subscription {{ personChanged {{ {aliases} }} }}"), json!({}), "LIMIT_EXCEEDED"),
        (several, json!({}), "BAD_REQUEST"),
        (hidden, json!({}), "BAD_REQUEST"),
        ("subscription($on: Boolean!) { personChanged @include(if: $on) { id } }", json!({ "on": true }), "BAD_REQUEST"),
        ("subscription { nothingChanged { id } }", json!({}), "BAD_REQUEST"),
        (DAY, json!({ "date": "2026-02-30" }), "BAD_USER_INPUT"),
        (PERSON, json!({ "person": "ann" }), "BAD_USER_INPUT"),
    ] {
        let errors = socket.refused(document, variables).await;
        assert_eq!(errors[0]["extensions"]["code"], code, "{document}: {errors}");
    }
    assert_eq!(socket.refused(DAY, json!({ "date": "2026-02-30" })).await[0]["extensions"]["field"], "date");
}

#[tokio::test]
async fn one_socket_has_twenty_operations_and_one_person_twenty_connections() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let mut tablet = Socket::of(&ann).await;
    for n in 0..20 {
        tablet.operate(&n.to_string(), PERSON, json!({})).await;
    }
    let error = tablet.refused(PERSON, json!({})).await;
    assert_eq!(error[0]["extensions"], json!({ "code": "LIMIT_EXCEEDED", "limit": "operations at a time", "asked": 21, "allowed": 20 }));
    tablet.say(json!({ "id": "7", "type": "complete" })).await;
    assert_eq!(tablet.ask("{ viewer { fullName } }", json!({})).await["data"]["viewer"]["fullName"], "ann");

    let mut more = Vec::new();
    for _ in 1..20 {
        more.push(Socket::of(&ann).await);
    }
    let mut last = Socket::open(app.address).await;
    last.say(json!({ "type": "connection_init", "payload": { "accessToken": ann.token } })).await;
    assert_eq!(last.closed().await.0, 4429);
    assert!(events(&app, &ann, PERSON).await.text().await.unwrap().contains("LIMIT_EXCEEDED"));
    // It is not ben's fault, and one that is closed makes room.
    Socket::of(&ben).await;
    more.pop().unwrap().0.close(None).await.unwrap();
    let begun = Instant::now();
    loop {
        let mut next = Socket::open(app.address).await;
        next.say(json!({ "type": "connection_init", "payload": { "accessToken": ann.token } })).await;
        match next.frame().await {
            Some(Ok(Message::Text(_))) => break,
            _ => assert!(begun.elapsed() < AGES, "there is no room"),
        }
    }
}

#[tokio::test]
async fn who_signs_out_or_whose_token_runs_out_is_closed() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], false).await;
    let sign_in = json!({ "input": { "email": ben.email, "password": crate::harness::PASSWORD } });
    let answer = app.nobody().ask("mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }", sign_in).await;
    let elsewhere = Person { token: answer["signIn"]["session"]["accessToken"].as_str().map(str::to_owned), ..ben.clone() };
    let (mut phone, mut laptop) = (Socket::of(&ben).await, Socket::of(&elsewhere).await);
    // He follows someone else, so nothing of his own wakes the stream.
    phone.operate("ann", PERSON, json!({ "person": ann.id })).await;
    let mut stream = events(&app, &ben, PERSON).await;
    ben.ask("mutation { signOut { signedOut } }", json!({})).await;
    let (code, reason) = phone.closed().await;
    assert_eq!(code, 4403, "{reason}");
    let text = everything(&mut stream).await;
    assert!(text.contains("UNAUTHENTICATED") && text.contains("event: complete"), "{text}");
    assert_eq!(laptop.ask("{ viewer { fullName } }", json!({})).await["data"]["viewer"]["fullName"], "ben", "that is another session");

    app.clock.advance(TimeDelta::minutes(11));
    assert_eq!(laptop.closed().await.0, 4403);
    let mut late = Socket::open(app.address).await;
    late.say(json!({ "type": "connection_init", "payload": { "accessToken": elsewhere.token } })).await;
    assert_eq!(late.closed().await.0, 4403);
}

#[tokio::test]
async fn pages_of_other_origins_get_no_socket() {
    let app = TestApp::new().await;
    let open = async |origin: &str| Socket::open_with(app.address, &[("sec-websocket-protocol", PROTOCOL), ("origin", origin)]).await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", &format!("http://{}.evil.example", app.address)] {
        match open(origin).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|_| ())),
        }
    }
    let mut socket = open(&format!("http://{}", app.address)).await.unwrap();
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
}

#[tokio::test]
async fn a_server_that_stops_closes_its_sockets_and_streams() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut idle = Socket::of(&ann).await;
    let mut silent = Socket::open(app.address).await;
    idle.operate("day", DAY, json!({})).await;
    let mut stream = events(&app, &ann, PERSON).await;
    let server = app.server.clone();
    server.stop();
    for socket in [&mut idle, &mut silent] {
        assert_eq!(socket.closed().await.0, 1012);
        socket.0.close(None).await.ok();
    }
    // It breaks off, so that a client connects again elsewhere.
    assert!(!everything(&mut stream).await.contains("complete"));
    timeout(AGES, server.drained()).await.expect("something stays open");
}

/// A page that never reads: what it asked for waits in the sockets' buffers, no more is executed, and in the end it is cut off.
#[tokio::test]
async fn a_slow_reader_is_cut_off() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut socket = Socket::of(&ann).await;
    let big = "{ foods(search: \"a\", first: 15) { nodes { id name brand barcode source servingSize servingUnit nutrition { calories protein fat } portions { name amount unit } } } }";
    let bytes = socket.ask(big, json!({})).await.to_string().len();
    assert!(bytes > 1_000, "{bytes}");
    let flood = async {
        for n in 0.. {
            let message =
                json!({ "id": n.to_string(), "type": "subscribe", "payload": { "query": big, "variables": { "n": "x".repeat(2_000) } } });
            if socket.0.send(Message::text(message.to_string())).await.is_err() {
                break;
            }
        }
    };
    timeout(AGES * 2, flood).await.expect("a reader that never reads is served for ever");
}

/// A stream of events of an operation.
async fn events(app: &TestApp, person: &Person<'_>, document: &str) -> reqwest::Response {
    let body = json!({ "query": document });
    let request = app.post("/graphql").header(header::ACCEPT, "text/event-stream").bearer_auth(person.token.as_ref().unwrap());
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    response
}

/// The rest of a stream, up to its end.
async fn everything(stream: &mut reqwest::Response) -> String {
    let mut text = String::new();
    while let Some(chunk) = timeout(AGES, stream.chunk()).await.expect("the stream does not end").unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
    }
    text
}

#[tokio::test]
async fn a_stream_of_events_tells_what_a_socket_would() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    // urql lists it last, beside what it likes as much.
    let urql = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed";
    let ask = async |accept: &str, document: &str| {
        let request = app.post("/graphql").header(header::ACCEPT, accept).bearer_auth(ann.token.as_ref().unwrap());
        request.json(&json!({ "query": document })).send().await.unwrap()
    };
    let kind = |response: &reqwest::Response| response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    assert_eq!(kind(&ask(urql, "{ __typename }").await), "application/graphql-response+json; charset=utf-8");
    assert_eq!(kind(&ask("application/json;q=0.5, text/event-stream", "{ __typename }").await), "text/event-stream");
    let refused = ask("application/json", "subscription { personChanged { id } }").await;
    assert_eq!(kind(&refused), "application/json; charset=utf-8");
    assert!(refused.text().await.unwrap().contains("text/event-stream"));

    let answer = events(&app, &ann, "{ viewer { fullName } }").await.text().await.unwrap();
    assert_eq!(answer, "event: next\ndata: {\"data\":{\"viewer\":{\"fullName\":\"ann\"}}}\n\nevent: complete\ndata:\n\n");
    for refused in ["{ viewer { nothing } }", "{", "subscription { personChanged { id } foodDayChanged { date } }"] {
        let answer = events(&app, &ann, refused).await.text().await.unwrap();
        assert!(answer.starts_with("event: next\ndata: {\"errors\":[{") && answer.ends_with("event: complete\ndata:\n\n"), "{answer}");
    }
    let by_get = app.get("/graphql?query=mutation%7BsignOut%7BsignedOut%7D%7D").header(header::ACCEPT, "text/event-stream");
    let by_get = by_get.bearer_auth(ann.token.as_ref().unwrap()).send().await.unwrap().text().await.unwrap();
    assert!(by_get.contains("BAD_REQUEST"), "{by_get}");

    let mut stream = ask(urql, "subscription { foodDayChanged { totals { calories } } }").await;
    assert_eq!(kind(&stream), "text/event-stream");
    assert_eq!(stream.headers()[header::CACHE_CONTROL], "no-store");
    let begun = Instant::now();
    let told = loop {
        assert!(begun.elapsed() < AGES, "nothing is told");
        ann.logs_food(&oats, json!({})).await;
        if let Ok(chunk) = timeout(Duration::from_secs(2), stream.chunk()).await {
            break String::from_utf8(chunk.unwrap().unwrap().to_vec()).unwrap();
        }
    };
    assert!(told.starts_with("event: next\ndata: {\"data\":{\"foodDayChanged\":{\"totals\":{\"calories\":\""), "{told}");
}

/// Whoever writes for the same person at the same time waits for no one but at the very end, and every write is counted.
#[tokio::test]
async fn writers_of_one_person_do_not_lock_each_other_out() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    weighs(&ann, "70").await;
    let mut first = app.connect("hale_owner").await;
    let mut second = app.connect("hale_owner").await;
    for (connection, kind) in [(&mut first, "weight"), (&mut second, "height")] {
        connection.execute("BEGIN").await.unwrap();
        let insert = format!(
            "INSERT INTO measurements (user_id, id, type, value, unit, canonical_value, measured_at, measured_on, time_zone)
             SELECT user_id, gen_random_uuid(), '{kind}', value, unit, canonical_value, measured_at, measured_on, time_zone FROM measurements"
        );
        connection.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    second.execute("COMMIT").await.unwrap();
    first.execute("COMMIT").await.unwrap();
    let counted: i64 = app.value("SELECT sum(number)::bigint FROM change_counts WHERE access_type = 'checkin'").await;
    assert_eq!(counted, 3);
}
