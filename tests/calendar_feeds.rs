//! Calendars that subscribe to a household's turns by a secret link.

use calcard::{
    Entry, Parser,
    icalendar::{ICalendar, ICalendarComponentType, ICalendarEntry, ICalendarProperty, ICalendarValue},
};
use reqwest::{Response, header};
use serde_json::json;

use crate::{
    google_calendar::Family,
    harness::{Person, TestApp},
};

const CREATE: &str = "mutation($input: CreateCalendarFeedInput!) { createCalendarFeed(input: $input) { path url feed { id revokedAt } } }";
const REVOKE: &str = "mutation($input: RevokeCalendarFeedInput!) { revokeCalendarFeed(input: $input) { feed { id revokedAt } } }";

/// Makes a link; its id and path.
async fn link(person: &Person<'_>, family: &Family, more: serde_json::Value) -> (String, String) {
    let mut input = json!({ "householdId": family.household });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = person.ask(CREATE, json!({ "input": input })).await;
    let text = |pointer: &str| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let path = text("/createCalendarFeed/path");
    assert!(text("/createCalendarFeed/url").ends_with(&path));
    (text("/createCalendarFeed/feed/id"), path)
}

async fn read(app: &TestApp, path: &str) -> Response {
    app.get(path).send().await.unwrap()
}

/// The titles of a calendar, as another program reads it.
async fn titles(app: &TestApp, path: &str) -> Vec<String> {
    let response = read(app, path).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/calendar; charset=utf-8");
    let text = response.text().await.unwrap();
    summaries(&parsed(&text))
}

fn parsed(text: &str) -> ICalendar {
    let Entry::ICalendar(calendar) = Parser::new(text).entry() else { panic!("not a calendar: {text}") };
    calendar
}

fn summaries(calendar: &ICalendar) -> Vec<String> {
    let events = calendar.components.iter().filter(|component| component.component_type == ICalendarComponentType::VEvent);
    let entries = events.flat_map(|event| &event.entries).filter(|entry| entry.name == ICalendarProperty::Summary);
    let text = |entry: &ICalendarEntry| match &entry.values[..] {
        [ICalendarValue::Text(text)] => text.clone(),
        other => panic!("not one text: {other:?}"),
    };
    entries.map(text).collect()
}

#[tokio::test]
async fn a_calendar_subscribes_to_the_turns_and_sees_them_change() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let (_, path) = link(&ann, &family, json!({})).await;
    let expected: Vec<_> = family.plan(&ann).await.into_iter().map(|turn| format!("[{}] Bedtime", turn.name)).collect();
    assert_eq!(titles(&app, &path).await, expected);

    // Nothing has changed: nothing is sent again.
    let first = read(&app, &path).await;
    let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
    let text = first.text().await.unwrap();
    let again = app.get(&path).header(header::IF_NONE_MATCH, &etag).send().await.unwrap();
    assert_eq!((again.status(), again.headers()[header::ETAG].to_str().unwrap()), (reqwest::StatusCode::NOT_MODIFIED, etag.as_str()));
    assert_eq!(again.text().await.unwrap(), "");
    let weak = app.get(&path).header(header::IF_NONE_MATCH, format!("\"x\", W/{etag}")).send().await.unwrap();
    assert_eq!(weak.status(), 304);

    // A turn changes hands: the same event, one further.
    let turn = family.plan(&ann).await.remove(1);
    let other = if turn.name == "ann" { &family.ben } else { &family.ann };
    family.overrides(&ann, &turn.id, other).await;
    let changed = app.get(&path).header(header::IF_NONE_MATCH, &etag).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let changed = changed.text().await.unwrap();
    let of = |text: &str, name: &str| {
        let day = turn.date.replace('-', "");
        let event = text.split("BEGIN:VEVENT").find(|event| event.contains(&format!("DTSTART;VALUE=DATE:{day}\r\n"))).unwrap().to_owned();
        event.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap()
    };
    assert_eq!(of(&text, "UID:"), of(&changed, "UID:"));
    let sequence = |text: &str| of(text, "SEQUENCE:").parse::<u32>().unwrap();
    assert!(sequence(&changed) > sequence(&text));
    assert!(summaries(&parsed(&changed)).len() == 6 && text != changed);
}

#[tokio::test]
async fn a_link_shows_one_members_or_one_routines_turns() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let dishes = family.adds_routine(&ann, "Dishes").await;
    let (_, bens) = link(&ann, &family, json!({ "memberId": family.ben })).await;
    let (_, of_dishes) = link(&ann, &family, json!({ "routineId": dishes })).await;
    let (_, all) = link(&ann, &family, json!({})).await;
    assert!(titles(&app, &bens).await.iter().all(|title| title.starts_with("[Ben] ")));
    assert!(titles(&app, &of_dishes).await.iter().all(|title| title.ends_with("] Dishes")));
    assert_eq!(titles(&app, &all).await.len(), 12);

    let stranger = app.person("stranger").await;
    let input = json!({ "input": { "householdId": family.household } });
    assert_eq!(stranger.refused(CREATE, input).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn unknown_and_revoked_links_and_those_of_who_left_answer_alike() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let (id, path) = link(&ann, &family, json!({})).await;
    assert_eq!(read(&app, &path).await.status(), 200);
    let listed = "query($id: UUID!) { household(id: $id) { calendarFeeds { id lastReadAt createdBy { id } } } }";
    let feeds = ann.ask(listed, json!({ "id": family.household })).await;
    assert_eq!(feeds["household"]["calendarFeeds"][0]["lastReadAt"], "2026-03-10T12:00:00Z");

    let secret = path.strip_prefix("/calendars/").unwrap().strip_suffix(".ics").unwrap();
    assert_eq!(secret.len(), 43, "256 bits");
    let stored = app.value::<String>("SELECT token FROM calendar_feeds").await;
    assert!(!stored.contains(secret));

    ann.ask(REVOKE, json!({ "input": { "householdId": family.household, "id": id } })).await;
    let mut answers = Vec::new();
    for path in [path.as_str(), "/calendars/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.ics", "/calendars/x", "/calendars/%00.ics"] {
        let answer = read(&app, path).await;
        answers.push((answer.status().as_u16(), answer.headers().get(header::ETAG).cloned(), answer.text().await.unwrap()));
    }
    assert!(answers.iter().all(|answer| *answer == (404, None, String::new())), "{answers:?}");
    assert_eq!(ann.ask(listed, json!({ "id": family.household })).await["household"]["calendarFeeds"], json!([]));

    // Another administrator's link ends with their membership.
    let ben = family.invites_ben(&ann).await;
    let (_, path) = link(&ben, &family, json!({})).await;
    assert_eq!(read(&app, &path).await.status(), 200);
    let remove = "mutation($input: HouseholdMemberInput!) { removeHouseholdMember(input: $input) { member { leftAt } } }";
    ann.ask(remove, json!({ "input": { "householdId": family.household, "id": family.ben } })).await;
    assert_eq!(read(&app, &path).await.status(), 404);
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_to_wait() {
    let app = TestApp::new().await;
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..301 {
        *statuses.entry(read(&app, "/calendars/x.ics").await.status().as_u16()).or_insert(0) += 1;
    }
    assert_eq!(statuses, [(404, 300), (429, 1)].into());
}
