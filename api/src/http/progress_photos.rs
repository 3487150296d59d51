//! Pictures of one's body, as files: they are added and shown to whoever brings their owner's access token in a header, and to nobody by a
//! link. What is said of them, and their deletion, is GraphQL's.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use entity::{id::ProgressPhotoId, progress_photos::PhotoKind};
use serde_json::json;
use service::{
    error::{Error, Result},
    progress_photos::{self, MOST_BYTES, NewPhoto},
};

use super::{Server, files};
use crate::graphql::limits::Refusal;

/// What adding a picture costs: reading it takes as long as a request of so many rows.
const POINTS_TO_ADD: usize = 200;
/// What showing one costs.
const POINTS_TO_SHOW: usize = 10;
/// How long a picture may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of a picture in the query string.
struct Said {
    id: Option<ProgressPhotoId>,
    kind: PhotoKind,
    date: Option<NaiveDate>,
}

impl Said {
    fn read(query: &str) -> Result<Self> {
        let (mut id, mut kind, mut date) = (None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "id" => id = Some(photo_id(&value).ok_or_else(|| Error::invalid("id", "must be a UUID"))?),
                "kind" => kind = Some(progress_photos::kind("kind", &value)?),
                "date" => date = Some(value.parse().map_err(|_| Error::invalid("date", "must be a date such as 2026-03-29"))?),
                _ => return Err(Error::invalid("query", "knows kind, date and id, and nothing else")),
            }
        }
        let kind = kind.ok_or_else(|| Error::invalid("kind", "must be front, side or back"))?;
        Ok(Self { id, kind, date })
    }
}

fn photo_id(text: &str) -> Option<ProgressPhotoId> {
    uuid::Uuid::parse_str(text).ok().map(ProgressPhotoId)
}

/// POST /photos?kind=front&date=2026-03-29: adds the picture that the body is. With an id of the client's it may be sent again.
pub async fn add(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response {
    let scope = match files::admit(&server, &headers, address, POINTS_TO_ADD) {
        Ok(scope) => scope,
        Err(response) => return *response,
    };
    let sent = match tokio::time::timeout(PATIENCE, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(_)) => {
            let refusal = Refusal::TooMuch { what: "bytes of picture", asked: MOST_BYTES + 1, allowed: MOST_BYTES };
            return files::answer(StatusCode::PAYLOAD_TOO_LARGE, &Vec::from(refusal));
        }
        Err(_) => return files::refused(Error::Timeout),
    };
    let added = async {
        let Said { id, kind, date } = Said::read(query.as_deref().unwrap_or_default())?;
        let picture = progress_photos::read(sent.into()).await?;
        let tx = scope.write().await?;
        let photo = progress_photos::add(&tx, NewPhoto { id, kind, taken_on: date, picture }).await?;
        tx.commit().await?;
        Ok::<_, crate::graphql::error::Error>(photo)
    };
    match added.await {
        Ok(photo) => {
            let path = format!("/photos/{}", photo.id);
            let location = HeaderValue::from_str(&path).unwrap_or(HeaderValue::from_static("/photos"));
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::LOCATION, location),
            ];
            let told = json!({ "photo": { "id": photo.id, "path": path, "width": photo.width, "height": photo.height } });
            (StatusCode::CREATED, headers, told.to_string()).into_response()
        }
        Err(error) => files::refused(error),
    }
}

/// GET /photos/{id}: the picture, as JPEG. Nobody keeps it on the way.
pub async fn show(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let scope = match files::admit(&server, &headers, address, POINTS_TO_SHOW) {
        Ok(scope) => scope,
        Err(response) => return *response,
    };
    let shown = async {
        let id = photo_id(&id).ok_or(Error::NotFound("photo"))?;
        let jpeg = progress_photos::jpeg(&*scope.read().await?, id).await?;
        scope.finish(String::new()).await?;
        Ok::<_, crate::graphql::error::Error>(jpeg)
    };
    match shown.await {
        Ok(jpeg) => ([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, no-store")], jpeg).into_response(),
        Err(error) => files::refused(error),
    }
}
