//! A Google of one's own: OAuth and Calendar as they are documented, with state, and with faults on demand.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use api::config::Outside;
use axum::{
    Form, Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use service::{
    calendars::google::{Google, Settings},
    clock::{Clock, SystemClock},
};
use sha2::{Digest, Sha256};

use super::TestClock;

/// Where nobody answers.
pub const NOWHERE: &str = "http://127.0.0.1:9";
const CLIENT: &str = "hale-client";
const SECRET: &str = "hale-client-secret";

/// What a server takes for Google, and itself for.
pub fn outside(google: &str, address: SocketAddr) -> Outside {
    let public_url = format!("http://{address}");
    let settings = Settings {
        client_id: CLIENT.into(),
        client_secret: SECRET.into(),
        accounts_url: google.into(),
        oauth_url: google.into(),
        calendar_url: format!("{google}/calendar/v3"),
        public_url: public_url.clone(),
    };
    Outside { public_url: Some(public_url), google: Some(Arc::new(Google::new(settings).unwrap())), ..Outside::default() }
}

/// The settings with which the hale binary takes `google` for Google.
pub fn environment(google: &str) -> [(&'static str, String); 6] {
    [
        ("HALE_GOOGLE_CLIENT_ID", CLIENT.into()),
        ("HALE_GOOGLE_CLIENT_SECRET", SECRET.into()),
        ("HALE_GOOGLE_ACCOUNTS_URL", google.into()),
        ("HALE_GOOGLE_OAUTH_URL", google.into()),
        ("HALE_GOOGLE_CALENDAR_URL", format!("{google}/calendar/v3")),
        ("HALE_PUBLIC_URL", "http://127.0.0.1:9".into()),
    ]
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is refused with this status and reason, and perhaps a Retry-After.
    Refused(u16, &'static str, Option<u32>),
    /// It is done, and the answer is lost.
    AnswerLost,
    /// The answer ends in the middle.
    Truncated,
    /// It takes so long to begin.
    Slow(Duration),
    /// It is done, and the answer takes so long.
    Late(Duration),
    /// Nothing: this one is let through.
    None,
}

/// A calendar, and what happened to it in order.
#[derive(Default)]
struct Calendar {
    name: String,
    writable: bool,
    events: BTreeMap<String, Stored>,
}

#[derive(Clone)]
struct Stored {
    event: Value,
    change: u64,
}

#[derive(Clone)]
struct Channel {
    calendar: String,
    address: String,
    token: String,
    resource: String,
    expires_at: DateTime<Utc>,
    messages: u64,
}

/// A notification on its way.
#[derive(Clone)]
pub struct Notification {
    address: String,
    headers: Vec<(&'static str, String)>,
}

struct Grant {
    refresh: String,
    live: bool,
}

#[derive(Default)]
struct World {
    calendars: BTreeMap<String, Calendar>,
    changes: u64,
    /// Tokens for changes of an earlier era are too old.
    era: u64,
    codes: HashMap<String, (String, String)>,
    grants: Vec<Grant>,
    access: HashMap<String, (usize, DateTime<Utc>)>,
    channels: BTreeMap<String, Channel>,
    pending: VecDeque<Notification>,
    faults: Vec<(&'static str, Fault)>,
    log: Vec<String>,
    page: usize,
    longest_channel: Option<TimeDelta>,
    rotates: bool,
    counter: u64,
}

/// Google.
#[derive(Clone)]
pub struct Fake {
    pub url: String,
    world: Arc<Mutex<World>>,
    clock: Arc<Mutex<Option<Arc<TestClock>>>>,
}

type Answer = Result<Response, Response>;

impl Fake {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            world: Arc::new(Mutex::new(World { page: 250, ..World::default() })),
            clock: Arc::default(),
        };
        for (id, name, writable) in [("family@group", "Family", true), ("work", "Work", true), ("holidays", "Holidays", false)] {
            fake.world().calendars.insert(id.into(), Calendar { name: name.into(), writable, ..Calendar::default() });
        }
        let router = Router::new()
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .route("/calendar/v3/users/me/calendarList", get(calendar_list))
            .route("/calendar/v3/calendars/{calendar}/events", get(list).post(insert))
            .route("/calendar/v3/calendars/{calendar}/events/watch", post(watch))
            .route("/calendar/v3/calendars/{calendar}/events/{event}", put(update).delete(delete).get(read))
            .route("/calendar/v3/channels/stop", post(stop))
            .layer(middleware::from_fn_with_state(fake.clone(), trouble))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// Time passes here as it does there.
    pub fn follow(&self, clock: &Arc<TestClock>) {
        *self.clock.lock().unwrap() = Some(clock.clone());
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.lock().unwrap().as_ref().map_or_else(|| SystemClock.now(), |clock| clock.now())
    }

    /// Somebody opens the consent page of this address and agrees, or not; answers where they are sent with what.
    pub fn consents(&self, url: &str, agrees: bool) -> String {
        let url = reqwest::Url::parse(url).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let asked = |name: &str| query.get(name).unwrap_or_else(|| panic!("{name} is missing in {url}")).clone();
        assert_eq!((url.path(), asked("client_id").as_str(), asked("response_type").as_str()), ("/o/oauth2/v2/auth", CLIENT, "code"));
        assert_eq!((asked("access_type").as_str(), asked("code_challenge_method").as_str()), ("offline", "S256"));
        assert!(asked("scope").contains("calendar.events"));
        let back = asked("redirect_uri");
        if !agrees {
            return format!("{back}?error=access_denied&state={}", asked("state"));
        }
        let mut world = self.world();
        world.counter += 1;
        let code = format!("code-{}", world.counter);
        world.codes.insert(code.clone(), (asked("code_challenge"), back.clone()));
        format!("{back}?code={code}&state={}", asked("state"))
    }

    /// Requests whose line contains `on` go wrong in this way, the first ones in the order in which this was said.
    pub fn fails(&self, on: &'static str, fault: Fault) {
        self.world().faults.push((on, fault));
    }

    /// Whether every fault has happened.
    pub fn has_failed(&self) -> bool {
        self.world().faults.is_empty()
    }

    /// Somebody takes the consent back at Google's.
    pub fn forgets_consents(&self) {
        let mut world = self.world();
        world.grants.iter_mut().for_each(|grant| grant.live = false);
        world.access.clear();
    }

    /// Whether a consent is live.
    pub fn has_consent(&self) -> bool {
        self.world().grants.iter().any(|grant| grant.live)
    }

    /// Access tokens are refused from now on, before their time.
    pub fn drops_access_tokens(&self) {
        self.world().access.clear();
    }

    /// A refresh gives another refresh token, and the former one is void.
    pub fn rotates_refresh_tokens(&self) {
        self.world().rotates = true;
    }

    /// Pages have so many events.
    pub fn pages_of(&self, events: usize) {
        self.world().page = events;
    }

    /// Channels live no longer than this.
    pub fn channels_live(&self, longest: TimeDelta) {
        self.world().longest_channel = Some(longest);
    }

    /// What was said from where to go on is too old from now on.
    pub fn forgets_changes(&self) {
        self.world().era += 1;
    }

    /// A calendar is deleted.
    pub fn loses_calendar(&self, calendar: &str) {
        self.world().calendars.remove(calendar);
    }

    /// The titles of a calendar by day: what its owner sees.
    pub fn titles(&self, calendar: &str) -> BTreeMap<NaiveDate, String> {
        let world = self.world();
        let Some(calendar) = world.calendars.get(calendar) else { return BTreeMap::new() };
        let seen = calendar.events.values().filter(|stored| stored.event["status"] != "cancelled");
        seen.map(|stored| (day_of(&stored.event), stored.event["summary"].as_str().unwrap().to_owned())).collect()
    }

    /// How many events are in a calendar, and how many of them are of the same day as another.
    pub fn count(&self, calendar: &str) -> (usize, usize) {
        let world = self.world();
        let events = world.calendars[calendar].events.values().filter(|stored| stored.event["status"] != "cancelled");
        let days: Vec<_> = events.map(|stored| day_of(&stored.event)).collect();
        let different: std::collections::BTreeSet<_> = days.iter().collect();
        (days.len(), days.len() - different.len())
    }

    /// The event of a day.
    pub fn event(&self, calendar: &str, day: &str) -> Value {
        let day: NaiveDate = day.parse().unwrap();
        let world = self.world();
        world.calendars[calendar].events.values().find(|stored| day_of(&stored.event) == day).unwrap().event.clone()
    }

    /// Somebody changes the event of a day, by hand.
    pub fn edits(&self, calendar: &str, day: &str, change: Value) {
        let id = self.event(calendar, day)["id"].as_str().unwrap().to_owned();
        let mut event = self.world().calendars[calendar].events[&id].event.clone();
        event.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.put(calendar, &id, event);
    }

    /// Somebody deletes the event of a day, by hand.
    pub fn deletes(&self, calendar: &str, day: &str) {
        self.edits(calendar, day, json!({ "status": "cancelled" }));
    }

    /// Events that are not Hale's.
    pub fn has_others(&self, calendar: &str, count: u32) {
        for number in 0..count {
            let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap() + TimeDelta::days(i64::from(number % 28));
            let id = format!("other{number:05}");
            let event = json!({ "id": id, "status": "confirmed", "summary": format!("[Ben] Dentist {number}"),
                "start": { "date": day }, "end": { "date": day + TimeDelta::days(1) } });
            self.put(calendar, &id, event);
            // They count for no day of the family's.
            self.world().calendars.get_mut(calendar).unwrap().events.get_mut(&id).unwrap().event["start"] = json!({ "date": "1970-01-01" });
        }
    }

    fn put(&self, calendar: &str, id: &str, mut event: Value) -> Value {
        let now = self.now();
        let mut world = self.world();
        world.changes += 1;
        let change = world.changes;
        let fields = event.as_object_mut().unwrap();
        fields.insert("etag".into(), json!(format!("\"{change}\"")));
        fields.insert("updated".into(), json!(now));
        world.calendars.get_mut(calendar).unwrap().events.insert(id.to_owned(), Stored { event: event.clone(), change });
        let calls: Vec<_> = world
            .channels
            .iter_mut()
            .filter(|(_, channel)| channel.calendar == calendar && channel.expires_at > now)
            .map(|(id, channel)| channel.calls(id, "exists"))
            .collect();
        world.pending.extend(calls);
        event
    }

    /// How many notifications wait to be delivered.
    pub fn pending(&self) -> usize {
        self.world().pending.len()
    }

    /// Delivers what is pending, in order; answers the statuses.
    pub async fn delivers(&self) -> Vec<u16> {
        let pending: Vec<_> = self.world().pending.drain(..).collect();
        let mut statuses = Vec::new();
        for notification in pending {
            statuses.push(notification.send().await);
        }
        statuses
    }

    /// Takes what is pending: to be delivered twice, in another order, changed, or never.
    pub fn intercepts(&self) -> Vec<Notification> {
        self.world().pending.drain(..).collect()
    }

    /// The ids of channels that are open, and when they end.
    pub fn channels(&self) -> Vec<(String, DateTime<Utc>)> {
        let now = self.now();
        self.world().channels.iter().filter(|(_, c)| c.expires_at > now).map(|(id, c)| (id.clone(), c.expires_at)).collect()
    }

    /// The requests since this was asked last: method and path.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.world().log)
    }
}

impl Notification {
    pub async fn send(&self) -> u16 {
        let mut request = super::http().post(&self.address);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    /// The same with another header.
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let kept = self.headers.iter().filter(|(other, _)| *other != name).cloned();
        Self { address: self.address.clone(), headers: kept.chain([(name, value.to_owned())]).collect() }
    }
}

impl Channel {
    fn calls(&mut self, id: &str, state: &str) -> Notification {
        self.messages += 1;
        let headers = vec![
            ("X-Goog-Channel-ID", id.to_owned()),
            ("X-Goog-Channel-Token", self.token.clone()),
            ("X-Goog-Channel-Expiration", self.expires_at.to_rfc2822()),
            ("X-Goog-Resource-ID", self.resource.clone()),
            ("X-Goog-Resource-State", state.to_owned()),
            ("X-Goog-Message-Number", self.messages.to_string()),
        ];
        Notification { address: self.address.clone(), headers }
    }
}

fn day_of(event: &Value) -> NaiveDate {
    let start = &event["start"];
    let text = start["date"].as_str().or(start["dateTime"].as_str()).unwrap();
    text[..10].parse().unwrap()
}

fn refused(status: u16, reason: &str) -> Response {
    let error = json!({ "error": { "code": status, "message": reason, "errors": [{ "domain": "global", "reason": reason }] } });
    (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
}

/// An answer that breaks off.
fn broken(whole: &[u8]) -> Response {
    let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
    let parts: Vec<Result<Bytes, std::io::Error>> = vec![Ok(half), Err(std::io::Error::other("lost"))];
    let body = Body::from_stream(futures_util::stream::iter(parts));
    ([(header::CONTENT_TYPE, "application/json"), (header::CONTENT_LENGTH, &*whole.len().to_string())], body).into_response()
}

async fn trouble(State(fake): State<Fake>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let fault = {
        let mut world = fake.world();
        world.log.push(line.clone());
        let place = world.faults.iter().position(|(on, _)| line.contains(on));
        place.map(|place| world.faults.remove(place).1)
    };
    match fault {
        None | Some(Fault::None) => next.run(request).await,
        Some(Fault::Refused(status, reason, after)) => {
            let mut response = refused(status, reason);
            if let Some(seconds) = after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        Some(Fault::AnswerLost) => {
            next.run(request).await;
            broken(b"  ")
        }
        Some(Fault::Truncated) => {
            let body = next.run(request).await.into_body();
            broken(&axum::body::to_bytes(body, usize::MAX).await.unwrap())
        }
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Some(Fault::Late(time)) => {
            let response = next.run(request).await;
            tokio::time::sleep(time).await;
            response
        }
    }
}

async fn token(State(fake): State<Fake>, Form(form): Form<HashMap<String, String>>) -> Answer {
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let invalid = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if (text("client_id"), text("client_secret")) != (CLIENT, SECRET) {
        return Err(invalid("invalid_client"));
    }
    let now = fake.now();
    let mut world = fake.world();
    world.counter += 1;
    let number = world.counter;
    let (grant, refresh) = match text("grant_type") {
        "authorization_code" => {
            // A code works once.
            let (challenge, back) = world.codes.remove(text("code")).ok_or_else(|| invalid("invalid_grant"))?;
            let verifier = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text("code_verifier").as_bytes()));
            if challenge != verifier || back != text("redirect_uri") {
                return Err(invalid("invalid_grant"));
            }
            let refresh = format!("refresh-{number}");
            world.grants.push(Grant { refresh: refresh.clone(), live: true });
            (world.grants.len() - 1, Some(refresh))
        }
        "refresh_token" => {
            let grant = world.grants.iter().position(|grant| grant.live && grant.refresh == text("refresh_token"));
            let grant = grant.ok_or_else(|| invalid("invalid_grant"))?;
            let rotated = world.rotates.then(|| format!("refresh-{number}"));
            if let Some(rotated) = &rotated {
                world.grants[grant].refresh.clone_from(rotated);
            }
            (grant, rotated)
        }
        _ => return Err(invalid("unsupported_grant_type")),
    };
    let access = format!("access-{number}");
    world.access.insert(access.clone(), (grant, now + TimeDelta::hours(1)));
    let scope = "https://www.googleapis.com/auth/calendar.events https://www.googleapis.com/auth/calendar.calendarlist.readonly";
    let mut answer = json!({ "access_token": access, "expires_in": 3600, "token_type": "Bearer", "scope": scope });
    if let Some(refresh) = refresh {
        answer["refresh_token"] = json!(refresh);
    }
    Ok(Json(answer).into_response())
}

async fn revoke(State(fake): State<Fake>, Form(form): Form<HashMap<String, String>>) -> Answer {
    let mut world = fake.world();
    let token = form.get("token").cloned().unwrap_or_default();
    let grant = world.grants.iter().position(|grant| grant.live && grant.refresh == token);
    let grant = grant.ok_or_else(|| (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_token" }))).into_response())?;
    world.grants[grant].live = false;
    world.access.retain(|_, (of, _)| *of != grant);
    Ok(StatusCode::OK.into_response())
}

impl Fake {
    /// Lets through whoever has a valid access token, to a calendar that is there.
    #[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
    fn admits(&self, headers: &HeaderMap, calendar: Option<&str>, writes: bool) -> Result<(), Response> {
        let now = self.now();
        let world = self.world();
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ")).unwrap_or_default();
        if world.access.get(token).is_none_or(|(_, until)| *until <= now) {
            return Err(refused(401, "authError"));
        }
        let Some(calendar) = calendar else { return Ok(()) };
        let calendar = world.calendars.get(calendar).ok_or_else(|| refused(404, "notFound"))?;
        if writes && !calendar.writable { Err(refused(403, "requiredAccessLevel")) } else { Ok(()) }
    }
}

/// The part of a list that a page token asks for, and the next one.
fn page_of<T: Clone>(items: &[T], size: usize, query: &HashMap<String, String>) -> (Vec<T>, Option<String>) {
    let from: usize = query.get("pageToken").map_or(0, |token| token.strip_prefix("page-").unwrap().parse().unwrap());
    let asked = query.get("maxResults").map_or(250, |most| most.parse().unwrap());
    let to = (from + size.min(asked)).min(items.len());
    (items[from..to].to_vec(), (to < items.len()).then(|| format!("page-{to}")))
}

async fn calendar_list(State(fake): State<Fake>, headers: HeaderMap, Query(query): Query<HashMap<String, String>>) -> Answer {
    fake.admits(&headers, None, false)?;
    let world = fake.world();
    let writers = query.get("minAccessRole").is_some_and(|role| role == "writer");
    let entries: Vec<_> = world
        .calendars
        .iter()
        .filter(|(_, calendar)| calendar.writable || !writers)
        .map(|(id, calendar)| json!({ "id": id, "summary": calendar.name, "accessRole": if calendar.writable { "owner" } else { "reader" } }))
        .collect();
    let (items, next) = page_of(&entries, world.page, &query);
    Ok(Json(json!({ "items": items, "nextPageToken": next })).into_response())
}

async fn list(
    State(fake): State<Fake>,
    Path(calendar): Path<String>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    fake.admits(&headers, Some(&calendar), false)?;
    let world = fake.world();
    let (era, since) = match query.get("syncToken") {
        None => (world.era, None),
        Some(token) => {
            if ["timeMin", "timeMax", "orderBy", "updatedMin", "q", "privateExtendedProperty"].iter().any(|name| query.contains_key(*name))
            {
                return Err(refused(400, "badRequest"));
            }
            let (era, since) =
                token.strip_prefix("sync-").and_then(|rest| rest.split_once('-')).ok_or_else(|| refused(410, "fullSyncRequired"))?;
            (era.parse().unwrap(), Some(since.parse::<u64>().unwrap()))
        }
    };
    if era != world.era {
        return Err(refused(410, "fullSyncRequired"));
    }
    let start = query.get("timeMin").map(|time| time.parse::<DateTime<Utc>>().unwrap().date_naive());
    let mut events: Vec<_> = world.calendars[&calendar]
        .events
        .values()
        .filter(|stored| match since {
            Some(since) => stored.change > since,
            None => {
                stored.event["status"] != "cancelled"
                    && start.is_none_or(|start| day_of(&stored.event) >= start || day_of(&stored.event).to_string() == "1970-01-01")
            }
        })
        .collect();
    events.sort_by_key(|stored| stored.change);
    let events: Vec<_> = events
        .into_iter()
        .map(|stored| match stored.event["status"].as_str() {
            // Of a deleted event hardly anything is told.
            Some("cancelled") => json!({ "id": stored.event["id"], "status": "cancelled", "etag": stored.event["etag"] }),
            _ => stored.event.clone(),
        })
        .collect();
    let (items, next) = page_of(&events, world.page, &query);
    let mut answer = json!({ "kind": "calendar#events", "items": items });
    match next {
        Some(next) => answer["nextPageToken"] = json!(next),
        None => answer["nextSyncToken"] = json!(format!("sync-{}-{}", world.era, world.changes)),
    }
    Ok(Json(answer).into_response())
}

#[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
fn checked(event: &Value) -> Result<(), Response> {
    let (start, end) = (&event["start"], &event["end"]);
    let right = match (start["date"].as_str(), end["date"].as_str()) {
        (Some(start), Some(end)) => start < end,
        (None, None) => start["dateTime"].is_string() && end["dateTime"].is_string(),
        _ => false,
    };
    if right { Ok(()) } else { Err(refused(400, "timeRangeEmpty")) }
}

async fn insert(State(fake): State<Fake>, Path(calendar): Path<String>, headers: HeaderMap, Json(event): Json<Value>) -> Answer {
    fake.admits(&headers, Some(&calendar), true)?;
    checked(&event)?;
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    let legal = (5..=1024).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'));
    if !legal {
        return Err(refused(400, "invalid"));
    }
    // The id of a deleted event stays taken.
    if fake.world().calendars[&calendar].events.contains_key(&id) {
        return Err(refused(409, "duplicate"));
    }
    Ok(Json(fake.put(&calendar, &id, event)).into_response())
}

async fn update(
    State(fake): State<Fake>,
    Path((calendar, id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(event): Json<Value>,
) -> Answer {
    fake.admits(&headers, Some(&calendar), true)?;
    checked(&event)?;
    let there = fake.world().calendars[&calendar].events.get(&id).cloned().ok_or_else(|| refused(404, "notFound"))?;
    let expected = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    if expected.is_some_and(|etag| there.event["etag"] != etag) {
        return Err(refused(412, "conditionNotMet"));
    }
    Ok(Json(fake.put(&calendar, &id, event)).into_response())
}

async fn read(State(fake): State<Fake>, Path((calendar, id)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    fake.admits(&headers, Some(&calendar), false)?;
    let there = fake.world().calendars[&calendar].events.get(&id).cloned().ok_or_else(|| refused(404, "notFound"))?;
    Ok(Json(there.event).into_response())
}

async fn delete(State(fake): State<Fake>, Path((calendar, id)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    fake.admits(&headers, Some(&calendar), true)?;
    let mut there = fake.world().calendars[&calendar].events.get(&id).cloned().ok_or_else(|| refused(404, "notFound"))?;
    if there.event["status"] == "cancelled" {
        return Err(refused(410, "deleted"));
    }
    there.event["status"] = json!("cancelled");
    fake.put(&calendar, &id, there.event);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn watch(State(fake): State<Fake>, Path(calendar): Path<String>, headers: HeaderMap, Json(asked): Json<Value>) -> Answer {
    fake.admits(&headers, Some(&calendar), false)?;
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let (now, id) = (fake.now(), text("id"));
    let ttl = TimeDelta::seconds(asked["params"]["ttl"].as_str().map_or(604_800, |ttl| ttl.parse().unwrap()));
    let sync = {
        let mut world = fake.world();
        if world.channels.contains_key(&id) {
            return Err(refused(400, "channelIdNotUnique"));
        }
        world.counter += 1;
        let mut channel = Channel {
            calendar,
            address: text("address"),
            token: text("token"),
            resource: format!("resource-{}", world.counter),
            expires_at: now + world.longest_channel.map_or(ttl, |longest| longest.min(ttl)),
            messages: 0,
        };
        let sync = channel.calls(&id, "sync");
        world.channels.insert(id.clone(), channel);
        sync
    };
    // The first message may come before the answer.
    sync.send().await;
    let channel = fake.world().channels[&id].clone();
    let expiration = channel.expires_at.timestamp_millis().to_string();
    Ok(Json(json!({ "kind": "api#channel", "id": id, "resourceId": channel.resource, "resourceUri": "x", "expiration": expiration }))
        .into_response())
}

async fn stop(State(fake): State<Fake>, headers: HeaderMap, Json(asked): Json<Value>) -> Answer {
    fake.admits(&headers, None, false)?;
    let mut world = fake.world();
    let id = asked["id"].as_str().unwrap_or_default().to_owned();
    if world.channels.get(&id).is_none_or(|channel| asked["resourceId"] != json!(channel.resource)) {
        return Err(refused(404, "channelNotFound"));
    }
    world.channels.remove(&id);
    world.pending.retain(|call| !call.headers.contains(&("X-Goog-Channel-ID", id.clone())));
    Ok(StatusCode::NO_CONTENT.into_response())
}
