//! CSV files of a diary and of one's own foods, for whoever brings an access token as to GraphQL: scripts keep the file, web pages fetch it
//! and hand it on as a download.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use entity::id::UserId;
use futures_util::{StreamExt, stream};
use service::{
    day,
    error::{Error, Result},
    food_export::{self, Export, What},
};
use tokio::sync::mpsc;
use tracing::Instrument;

use super::{Server, files};

/// What an export costs: as much as a request may that asks for as many rows as it can.
const POINTS: usize = 500;
/// How long a reader may take for a part. The transaction that it is read in would not last much longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tells Excel that what follows is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What is asked for in the query string.
#[derive(Default)]
struct Asked {
    person: Option<UserId>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    byte_order_mark: bool,
}

impl Asked {
    fn read(query: &str) -> Result<Self> {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let date = || value.parse().map_err(|_| Error::invalid(name.as_ref(), "must be a date such as 2026-03-29"));
            match name.as_ref() {
                "from" => asked.from = Some(date()?),
                "to" => asked.to = Some(date()?),
                "personId" => {
                    let id = uuid::Uuid::parse_str(&value).map_err(|_| Error::invalid("personId", "must be a UUID"))?;
                    asked.person = Some(UserId(id));
                }
                "bom" => asked.byte_order_mark = value == "1",
                _ => return Err(Error::invalid("query", "knows from, to, personId and bom=1, and nothing else")),
            }
        }
        Ok(asked)
    }
}

/// GET /export/food-diary.csv: the diary from one day to another, all of it when neither is given.
pub async fn diary(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    respond(&server, &headers, address, query, "food-diary", |asked| What::Diary {
        from: asked.from.unwrap_or(day::FIRST),
        to: asked.to.unwrap_or(day::LAST),
    })
    .await
}

/// GET /export/foods.csv: the foods of one's own.
pub async fn foods(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    respond(&server, &headers, address, query, "foods", |_| What::Foods).await
}

async fn respond(
    server: &Server,
    headers: &HeaderMap,
    address: SocketAddr,
    query: Option<String>,
    name: &str,
    what: impl FnOnce(&Asked) -> What,
) -> Response {
    let scope = match files::admit(server, headers, address, POINTS) {
        Ok(scope) => scope,
        Err(response) => return *response,
    };
    let begun = async {
        let asked = Asked::read(query.as_deref().unwrap_or_default())?;
        let mut export = food_export::begin(scope.viewer()?, asked.person, what(&asked)).await?;
        // What is wrong shows with the first part, while a status can still tell.
        let first = export.next().await?.unwrap_or_default();
        Ok::<_, crate::graphql::error::Error>((asked.byte_order_mark, first, export))
    };
    let (byte_order_mark, first, export) = match begun.await {
        Ok(begun) => begun,
        Err(error) => return files::refused(error),
    };
    let mark = if byte_order_mark { Bytes::from_static(BYTE_ORDER_MARK.as_bytes()) } else { Bytes::new() };
    let head = stream::iter([Ok(mark), Ok(Bytes::from(first))]);
    let file = Body::from_stream(head.chain(tokio_stream::wrappers::ReceiverStream::new(rest(export))));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, file).into_response()
}

/// The other parts of a file, as they are taken. A file that breaks off ends without the last chunk, so that its reader knows.
fn rest(mut export: Export) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, parts) = mpsc::channel(1);
    let read = async move {
        loop {
            let part = match export.next().await {
                Ok(Some(part)) => Ok(Bytes::from(part)),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(error = error.for_log(), "an export broke off");
                    Err(std::io::ErrorKind::Interrupted.into())
                }
            };
            let failed = part.is_err();
            // Whoever hung up or is too slow gets no more of it.
            if !matches!(tokio::time::timeout(PATIENCE, sender.send(part)).await, Ok(Ok(()))) || failed {
                return;
            }
        }
    };
    tokio::spawn(read.in_current_span());
    parts
}
