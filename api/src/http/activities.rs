//! Files of recorded activities, sent by whoever brings an access token as to GraphQL: the body is the file, as it is.

use std::{net::SocketAddr, time::Duration};

use async_graphql::Value;
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono_tz::Tz;
use serde_json::json;
use service::{
    activities::{self, Outcome},
    activity_files::LARGEST,
    day,
    error::{Error, Result},
};

use super::{Server, calendars, caller, food_export, graphql};
use crate::graphql::{cost::Caller, error::LIMIT_EXCEEDED, scope::RequestScope};

/// What an import costs: as much as a request may that asks for as many rows as it can.
const POINTS: usize = 500;
/// How long sending a file may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// POST /activities: a GPX, TCX or FIT file, or one of them compressed with gzip, becomes an activity of the viewer's.
pub async fn import(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response {
    let scope = RequestScope::new(server.database_for(&headers), server.outside.clone(), graphql::bearer(&headers), caller(address));
    let viewer = match scope.viewer() {
        Ok(viewer) => viewer,
        Err(error) => return food_export::refused(StatusCode::UNAUTHORIZED, error.into()),
    };
    let charge = server.points.take(&Caller::Person(viewer.user_id()), POINTS, server.database.now());
    if let Some(error) = charge.refused() {
        let mut response = food_export::answer(StatusCode::TOO_MANY_REQUESTS, &error);
        response.headers_mut().insert(header::RETRY_AFTER, charge.retry_after.unwrap_or(1).into());
        return response;
    }
    let bytes = match tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let mut error = async_graphql::Error::new(format!("file: must have at most {LARGEST} bytes"));
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("code", LIMIT_EXCEEDED);
            extensions.set("asked", Value::from(LARGEST + 1));
            extensions.set("allowed", Value::from(LARGEST));
            return food_export::refused(StatusCode::PAYLOAD_TOO_LARGE, error);
        }
        Err(_) => {
            let late = Error::invalid("file", "took too long to arrive");
            return food_export::refused(StatusCode::REQUEST_TIMEOUT, crate::graphql::error::Error::from(late).into());
        }
    };
    let imported = async {
        let time_zone = time_zone(query.as_deref().unwrap_or_default())?;
        let file = activities::read(bytes.to_vec(), server.database.now()).await?;
        let tx = viewer.write().await?;
        let (activity, outcome) = activities::import(&tx, file, time_zone).await?;
        tx.commit().await?;
        Ok::<_, Error>((activity, outcome))
    };
    match imported.await {
        Ok((activity, outcome)) => {
            let (status, outcome) = match outcome {
                Outcome::Created => (StatusCode::CREATED, "CREATED"),
                Outcome::Repeated => (StatusCode::OK, "REPEATED"),
                Outcome::Merged => (StatusCode::OK, "MERGED"),
            };
            let answer = json!({ "activityId": activity.id, "exerciseEntryId": activity.exercise_entry_id, "outcome": outcome });
            let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (status, headers, answer.to_string()).into_response()
        }
        Err(error) => {
            let status = match &error {
                Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
                error => calendars::status(error),
            };
            food_export::refused(status, crate::graphql::error::Error::from(error).into())
        }
    }
}

/// Where the activity was, if the query string says so.
fn time_zone(query: &str) -> Result<Option<Tz>> {
    let mut time_zone = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "timeZone" {
            return Err(Error::invalid("query", "knows timeZone, and nothing else"));
        }
        time_zone = Some(day::zone("timeZone", &value)?);
    }
    Ok(time_zone)
}
