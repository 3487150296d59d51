//! Files of recorded activities, sent by whoever brings an access token as to GraphQL: the body is the file, as it is.

use std::{net::SocketAddr, time::Duration};

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

use super::{Server, files};
use crate::graphql::limits::Refusal;

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
    let scope = match files::admit(&server, &headers, address, POINTS) {
        Ok(scope) => scope,
        Err(response) => return *response,
    };
    let bytes = match tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let refusal = Refusal::TooMuch { what: "bytes of file", asked: LARGEST + 1, allowed: LARGEST };
            return files::answer(StatusCode::PAYLOAD_TOO_LARGE, &Vec::from(refusal));
        }
        Err(_) => return files::refused(Error::Timeout),
    };
    let imported = async {
        let time_zone = time_zone(query.as_deref().unwrap_or_default())?;
        let file = activities::read(bytes.to_vec(), server.database.now()).await?;
        let tx = scope.write().await?;
        let (activity, outcome) = activities::import(&tx, file, time_zone).await?;
        tx.commit().await?;
        Ok::<_, crate::graphql::error::Error>((activity, outcome))
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
        Err(error) => files::refused(error),
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
