//! What comes from outside about calendars: subscribed calendars that read a feed, people who come back from consenting, and
//! channels that call.

use std::net::SocketAddr;

use axum::{
    Form,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use service::{
    calendar_feeds,
    calendars::{self, Notification},
    error::Error,
};
use tracing::Instrument;

use super::{Server, caller};

const NO_STORE: (header::HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// GET /calendars/{secret}.ics
pub async fn feed(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    // A link that was never made and one that was taken back answer alike.
    let Some(secret) = file.strip_suffix(".ics") else { return refused(&Error::NotFound("calendar")) };
    let feed = match calendar_feeds::read(&server.database_for(&headers), &caller(address), secret).await {
        Ok(feed) => feed,
        Err(error) => return refused(&error),
    };
    let caching = [(header::ETAG, feed.etag.clone()), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if known.map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == feed.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], feed.text).into_response()
}

/// What Google sends people back with.
#[derive(Deserialize)]
pub struct Callback {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
}

/// GET /oauth/google/callback: shows what is about to happen. Nothing happens yet: a link does nothing by being opened, and whoever
/// was sent here by somebody else sees whom they would let write into their calendar.
pub async fn callback(State(server): State<Server>, headers: HeaderMap, Query(callback): Query<Callback>) -> Response {
    if let Some(error) = callback.error {
        let reason =
            if error == "access_denied" { "You did not consent, so nothing was connected." } else { "Google did not let you consent." };
        return page(StatusCode::OK, "Not connected", &format!("<p>{reason} You can close this page.</p>"));
    }
    if server.outside.google.is_none() {
        return refused_page(&calendars::NOT_CONFIGURED);
    }
    match calendars::awaited(&server.database_for(&headers), &callback.state).await {
        Ok(awaited) => page(
            StatusCode::OK,
            "Connect your calendar?",
            &format!(
                "<p><strong>{}</strong> asks to write the turns of the household <strong>{}</strong> into a Google calendar of yours. \
                 Go on only if that is you.</p>\
                 <form method=\"post\"><input type=\"hidden\" name=\"state\" value=\"{}\"><input type=\"hidden\" name=\"code\" value=\"{}\">\
                 <button>Connect</button></form>",
                escaped(&awaited.person),
                escaped(&awaited.household),
                escaped(&callback.state),
                escaped(&callback.code)
            ),
        ),
        Err(error) => refused_page(&error),
    }
}

/// POST /oauth/google/callback: connects.
pub async fn consented(State(server): State<Server>, headers: HeaderMap, Form(callback): Form<Callback>) -> Response {
    let Some(google) = server.outside.google.clone() else { return refused_page(&calendars::NOT_CONFIGURED) };
    // In a task of its own: a code can be exchanged once, so nobody who hangs up may lose what it was exchanged for.
    let database = server.database_for(&headers);
    let exchange = async move { calendars::consented(&database, &google, &callback.state, &callback.code).await };
    let connected = tokio::spawn(exchange.in_current_span()).await;
    match connected {
        Ok(Ok(())) => page(StatusCode::OK, "Connected", "<p>Go back to Hale and choose a calendar. You can close this page.</p>"),
        Ok(Err(error)) => refused_page(&error),
        Err(error) => {
            tracing::error!(%error, "taking a consent panicked");
            refused_page(&Error::Timeout)
        }
    }
}

/// POST /webhooks/google-calendar: a channel calls. It is answered at once; the work is a job's.
pub async fn webhook(State(server): State<Server>, headers: HeaderMap) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let call = Notification {
        channel: text("x-goog-channel-id"),
        token: text("x-goog-channel-token"),
        resource: text("x-goog-resource-id"),
        state: text("x-goog-resource-state"),
    };
    match calendars::notified(&server.database_for(&headers), &call).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &Error) -> Response {
    let mut response = (status(error), [NO_STORE], "").into_response();
    if let Error::RateLimited { retry_after } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
    }
    response
}

fn refused_page(error: &Error) -> Response {
    let reason = match error {
        Error::NotFound(_) => "This page is too old, or was used before. Begin again in Hale.".to_owned(),
        error => error.to_string(),
    };
    page(status(error), "Not connected", &format!("<p>{}</p>", escaped(&reason)))
}

/// The status that tells an error to whoever does not speak GraphQL.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) | Error::NoSuch { .. } | Error::Unauthenticated(_) | Error::SecondFactorRequired { .. } => StatusCode::NOT_FOUND,
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Conflict { .. } => StatusCode::CONFLICT,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Timeout | Error::Unavailable { .. } | Error::NotConfigured(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::ProviderUnavailable { .. } => {
            tracing::warn!(error = error.for_log(), "a provider did not answer");
            StatusCode::BAD_GATEWAY
        }
        Error::Internal(_) => {
            tracing::error!(error = error.for_log(), "internal error");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// A page that runs nothing, loads nothing and posts nowhere but back here.
fn page(status: StatusCode, title: &str, body: &str) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    let html = format!("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>{body}</html>");
    (
        status,
        [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")), (header::CONTENT_SECURITY_POLICY, POLICY), NO_STORE],
        html,
    )
        .into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
