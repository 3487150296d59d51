//! Google Calendar, version 3, and the OAuth 2.0 that opens it: what is sent and what is answered, as it is documented.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate, Utc};
use reqwest::{RequestBuilder, Url, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Result},
    provider::{Answer, Provider},
};

/// How Hale is known to Google, and where things are. The addresses are configuration, never a person's input.
#[derive(Clone)]
pub struct Settings {
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where people consent: `https://accounts.google.com`.
    pub accounts_url: String,
    /// Where tokens come from: `https://oauth2.googleapis.com`.
    pub oauth_url: String,
    /// Where calendars are: `https://www.googleapis.com/calendar/v3`.
    pub calendar_url: String,
    /// Where Hale itself is reached, by people and by Google.
    pub public_url: String,
}

const SCOPES: &str = "https://www.googleapis.com/auth/calendar.events https://www.googleapis.com/auth/calendar.calendarlist.readonly";
/// The path that a consent comes back to.
pub const CALLBACK: &str = "/oauth/google/callback";
/// The path that notifications come to.
pub const WEBHOOK: &str = "/webhooks/google-calendar";
/// How long the ids are that Hale gives to events.
pub const EVENT_ID: usize = 32;
const PAGE: u32 = 250;
/// A calendar with more pages than this is not read to its end.
const MOST_PAGES: usize = 400;

/// Google Calendar, as Hale's own client.
pub struct Google {
    provider: Provider,
    settings: Settings,
}

/// Why Google did not do what was asked, where that matters to what comes next.
#[derive(Debug)]
pub enum Failure {
    /// The consent is gone: only the person can give it again.
    Revoked,
    /// The access token is not valid.
    Unauthorized,
    /// There is no such thing, or no longer.
    NotFound,
    /// What the answer would start from is too old: start again.
    Gone,
    /// There is one of this id already.
    Duplicate,
    /// It has changed since it was read.
    Changed,
    /// Anything else.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Other(error) => error,
            Failure::Revoked | Failure::Unauthorized => Self::Forbidden("the calendar's owner has taken back the consent".into()),
            Failure::NotFound => Self::NotFound("calendar"),
            Failure::Gone | Failure::Duplicate | Failure::Changed => Self::conflict("the calendar has changed meanwhile"),
        }
    }
}

/// What a consent or a refresh gave.
#[derive(Deserialize)]
pub struct Grant {
    /// Opens the calendar.
    pub access_token: String,
    /// For how many seconds.
    pub expires_in: i64,
    /// Gets further access tokens. A refresh may leave it as it is.
    pub refresh_token: Option<String>,
    /// What was consented to.
    #[serde(default)]
    pub scope: String,
}

/// A calendar that may be chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalendarEntry {
    /// As Google calls it.
    pub id: String,
    /// As people call it.
    #[serde(rename(deserialize = "summary"), alias = "name", default)]
    pub name: String,
    /// Whether it is the account's main one.
    #[serde(default)]
    pub primary: bool,
    /// "owner" and "writer" may write.
    #[serde(rename = "accessRole", default)]
    pub access_role: String,
}

/// An event, as far as Hale reads and writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Made by Hale, so that a repeated insertion is the same event.
    pub id: String,
    /// "confirmed" or "cancelled".
    pub status: String,
    /// Changes with the event.
    #[serde(skip_serializing)]
    pub etag: String,
    /// The title.
    pub summary: String,
    /// What is said below it.
    pub description: String,
    /// When it begins.
    pub start: When,
    /// When it ends; for a day, the day after.
    pub end: When,
    /// "transparent": nobody is busy because of it.
    pub transparency: String,
    /// None: Hale does not wake people.
    pub reminders: Reminders,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// How Hale knows it again.
    pub extended_properties: ExtendedProperties,
}

/// A day or an instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct When {
    /// A day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<NaiveDate>,
    /// An instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_time: Option<DateTime<Utc>>,
}

/// Whether the calendar's reminders apply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reminders {
    /// Whether they do.
    pub use_default: bool,
}

/// Where an event comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Its name.
    pub title: String,
    /// Its address.
    pub url: String,
}

/// What only Hale sees of an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtendedProperties {
    /// Names and values.
    pub private: BTreeMap<String, String>,
}

/// From where changes are read.
pub enum Since<'a> {
    /// From where the last answer ended.
    Token(&'a str),
    /// Everything from this instant on.
    Start(DateTime<Utc>),
}

/// What has changed, and from where to go on.
pub struct Changes {
    /// Events as they are now; cancelled ones among them.
    pub events: Vec<Event>,
    /// From where to go on.
    pub next: String,
}

/// A channel that Google has opened.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// What it calls what it watches.
    pub resource_id: String,
    /// When it ends, in milliseconds since 1970, as text.
    expiration: Option<String>,
}

impl Watch {
    /// When it ends.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.expiration.as_ref()?.parse().ok()?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    next_page_token: Option<String>,
    next_sync_token: Option<String>,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: serde_json::Value,
}

impl Refused {
    fn says(&self, words: &[&str]) -> bool {
        let code = self.error.as_str().unwrap_or_default();
        let reasons = self.error.get("errors").and_then(serde_json::Value::as_array).into_iter().flatten();
        let mut reasons = reasons.filter_map(|error| error.get("reason")?.as_str()).chain([code]);
        reasons.any(|reason| words.contains(&reason))
    }
}

impl Google {
    /// A client with these settings.
    pub fn new(settings: Settings) -> Result<Self> {
        for (field, url) in [
            ("HALE_GOOGLE_ACCOUNTS_URL", &settings.accounts_url),
            ("HALE_GOOGLE_OAUTH_URL", &settings.oauth_url),
            ("HALE_GOOGLE_CALENDAR_URL", &settings.calendar_url),
            ("HALE_PUBLIC_URL", &settings.public_url),
        ] {
            let web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if !web || url.ends_with('/') {
                return Err(Error::invalid(field, "write a URL such as https://hale.example.org, without a slash at its end"));
            }
        }
        Ok(Self { provider: Provider::new("Google")?, settings })
    }

    /// Where Hale itself is reached.
    pub fn public_url(&self) -> &str {
        &self.settings.public_url
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.settings.public_url)
    }

    /// Where somebody goes to consent. Coming back they bring `state`; `verifier` shows that the one who sent them is the one who asks
    /// for the tokens (PKCE).
    pub fn consent_url(&self, state: &str, verifier: &str) -> Result<String> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let url = Url::parse_with_params(
            &format!("{}/o/oauth2/v2/auth", self.settings.accounts_url),
            [
                ("client_id", self.settings.client_id.as_str()),
                ("redirect_uri", &self.redirect_uri()),
                ("response_type", "code"),
                ("scope", SCOPES),
                ("access_type", "offline"),
                ("prompt", "consent"),
                ("state", state),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        );
        Ok(url.map_err(|error| Error::Internal(error.into()))?.into())
    }

    /// Exchanges the code of a consent for tokens.
    pub async fn exchange(&self, code: &str, verifier: &str) -> Result<Grant, Failure> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", &self.redirect_uri()),
        ])
        .await
    }

    /// A further access token.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Grant, Failure> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<Grant, Failure> {
        let client = [("client_id", self.settings.client_id.as_str()), ("client_secret", &self.settings.client_secret)];
        let form: Vec<_> = form.iter().copied().chain(client).collect();
        let request = self.provider.client().post(format!("{}/token", self.settings.oauth_url)).form(&form);
        let answer = self.provider.send(request).await?;
        match answer.status {
            200 => Ok(answer.json()?),
            429 => Err(limited(&answer).into()),
            _ if answer.json::<Refused>().unwrap_or_default().says(&["invalid_grant"]) => Err(Failure::Revoked),
            status => Err(unexpected(status).into()),
        }
    }

    /// Whether Google answers and knows this client: it is asked about a consent that nobody gave.
    pub async fn check(&self) -> Result<()> {
        match self.refresh("asked by hale doctor").await {
            Ok(_) | Err(Failure::Revoked) => {}
            Err(failure) => return Err(failure.into()),
        }
        match self.calendars("asked by hale doctor").await {
            Ok(_) | Err(Failure::Unauthorized) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Takes the consent back. One that is gone already is as good.
    pub async fn revoke(&self, token: &str) -> Result<()> {
        let request = self.provider.client().post(format!("{}/revoke", self.settings.oauth_url)).form(&[("token", token)]);
        match self.provider.send(request).await?.status {
            200 | 400 => Ok(()),
            status => Err(unexpected(status)),
        }
    }

    /// The calendars that the account may write.
    pub async fn calendars(&self, access: &str) -> Result<Vec<CalendarEntry>, Failure> {
        let mut calendars = Vec::new();
        let mut page_token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("minAccessRole", "writer".to_owned()), ("maxResults", PAGE.to_string())];
            query.extend(page_token.take().map(|token| ("pageToken", token)));
            let request = self.provider.client().get(format!("{}/users/me/calendarList", self.settings.calendar_url)).query(&query);
            let page: Page<CalendarEntry> = self.ask(access, request).await?.json()?;
            calendars.extend(page.items);
            page_token = page.next_page_token;
            if page_token.is_none() {
                break;
            }
        }
        Ok(calendars)
    }

    /// What has changed, all pages of it. Events that cannot be Hale's, by the length of their ids, are left out.
    pub async fn changes(&self, access: &str, calendar: &str, since: Since<'_>) -> Result<Changes, Failure> {
        let mut events = Vec::new();
        let mut page_token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("singleEvents", "true".to_owned()), ("maxResults", PAGE.to_string())];
            match since {
                Since::Token(token) => query.push(("syncToken", token.to_owned())),
                Since::Start(start) => query.push(("timeMin", start.to_rfc3339())),
            }
            query.extend(page_token.take().map(|token| ("pageToken", token)));
            let request = self.provider.client().get(self.events(calendar, &[])?).query(&query);
            let page: Page<Event> = self.ask(access, request).await?.json()?;
            events.extend(page.items.into_iter().filter(|event| event.id.len() == EVENT_ID));
            match (page.next_page_token, page.next_sync_token) {
                (Some(token), _) => page_token = Some(token),
                (None, Some(next)) => return Ok(Changes { events, next }),
                (None, None) => return Err(unexpected(200).into()),
            }
        }
        Err(Error::Forbidden("this calendar has too many events: choose one that is only for the family".into()).into())
    }

    /// Adds an event.
    pub async fn insert(&self, access: &str, calendar: &str, event: &Event) -> Result<Event, Failure> {
        let request = self.provider.client().post(self.events(calendar, &[])?).json(event);
        Ok(self.ask(access, request).await?.json()?)
    }

    /// Replaces an event, if it is still as it was with this etag. A deleted one comes back.
    pub async fn update(&self, access: &str, calendar: &str, event: &Event, if_match: Option<&str>) -> Result<Event, Failure> {
        let mut request = self.provider.client().put(self.events(calendar, &[&event.id])?).json(event);
        if let Some(etag) = if_match {
            request = request.header(header::IF_MATCH, etag);
        }
        Ok(self.ask(access, request).await?.json()?)
    }

    /// Deletes an event. One that is gone already is as good.
    pub async fn delete(&self, access: &str, calendar: &str, event: &str) -> Result<(), Failure> {
        match self.ask(access, self.provider.client().delete(self.events(calendar, &[event])?)).await {
            Ok(_) | Err(Failure::NotFound | Failure::Gone) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Opens a channel of this id, by which Google tells that something has changed, for about so long.
    pub async fn watch(&self, access: &str, calendar: &str, channel: &str, secret: &str, lifetime: Duration) -> Result<Watch, Failure> {
        let body = serde_json::json!({
            "id": channel,
            "type": "web_hook",
            "address": format!("{}{WEBHOOK}", self.settings.public_url),
            "token": secret,
            "params": { "ttl": lifetime.as_secs().to_string() },
        });
        let request = self.provider.client().post(self.events(calendar, &["watch"])?).json(&body);
        Ok(self.ask(access, request).await?.json()?)
    }

    /// Closes a channel. One that is gone already is as good.
    pub async fn stop(&self, access: &str, channel: &str, resource: &str) -> Result<(), Failure> {
        let body = serde_json::json!({ "id": channel, "resourceId": resource });
        let request = self.provider.client().post(format!("{}/channels/stop", self.settings.calendar_url)).json(&body);
        match self.ask(access, request).await {
            Ok(_) | Err(Failure::NotFound | Failure::Gone) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// The address of a calendar's events. What is in its path was said by Google or made by Hale, and is escaped.
    fn events(&self, calendar: &str, rest: &[&str]) -> Result<Url> {
        let mut url = Url::parse(&self.settings.calendar_url).map_err(|error| Error::Internal(error.into()))?;
        url.path_segments_mut()
            .map_err(|()| Error::internal("a URL without a path"))?
            .extend(["calendars", calendar, "events"])
            .extend(rest);
        Ok(url)
    }

    async fn ask(&self, access: &str, request: RequestBuilder) -> Result<Answer, Failure> {
        let answer = self.provider.send(request.bearer_auth(access)).await?;
        let refused = || answer.json::<Refused>().unwrap_or_default();
        const LIMITS: [&str; 4] = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "calendarUsageLimitsExceeded"];
        Err(match answer.status {
            200..=299 => return Ok(answer),
            401 => Failure::Unauthorized,
            429 => limited(&answer).into(),
            403 if refused().says(&LIMITS) => limited(&answer).into(),
            403 => Error::Forbidden("this calendar may not be written by the account that connected it".into()).into(),
            404 => Failure::NotFound,
            409 => Failure::Duplicate,
            410 => Failure::Gone,
            412 => Failure::Changed,
            status => unexpected(status).into(),
        })
    }
}

fn limited(answer: &Answer) -> Error {
    Error::RateLimited { retry_after: answer.retry_after.unwrap_or(Duration::from_secs(30)) }
}

fn unexpected(status: u16) -> Error {
    Error::ProviderUnavailable {
        provider: "Google",
        retry_after: Duration::from_secs(60),
        source: format!("an answer {status} that was not expected").into(),
    }
}
