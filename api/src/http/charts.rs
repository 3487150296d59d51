//! Charts as SVG: asked for as the API is, with an access token in a header and none in the address, and under the same policies. What is
//! read of a relative goes into their access log before it is sent.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Path, RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use entity::{family_access::AccessType, id::UserId};
use service::{
    charts::{self, Asked, Theme},
    error::{Error, Result},
    family_access,
};

use super::{Server, files};
use crate::graphql::scope::RequestScope;

/// What a chart costs: as much as a request for as many days.
const POINTS: usize = 100;

/// What is asked for in the query string.
#[derive(Default)]
struct Query {
    person: Option<UserId>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    unit: Option<String>,
    theme: Theme,
}

impl Query {
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
                "unit" => asked.unit = Some(value.into_owned()),
                "theme" => asked.theme = Theme::named("theme", &value)?,
                _ => return Err(Error::invalid("query", "knows personId, from, to, unit and theme, and nothing else")),
            }
        }
        Ok(asked)
    }
}

/// GET /charts/weight-trend: the weights of some days, and their trend.
pub async fn show(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let scope = match files::admit(&server, &headers, address, POINTS) {
        Ok(scope) => scope,
        Err(response) => return *response,
    };
    match drawn(&scope, &name, query.as_deref().unwrap_or_default()).await {
        Ok(svg) => {
            let headers = [
                (header::CONTENT_TYPE, "image/svg+xml"),
                (header::CACHE_CONTROL, "private, no-store"),
                // Its own style alone, which is how it knows the dark.
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            ];
            (headers, svg).into_response()
        }
        Err(error) => files::refused(error),
    }
}

async fn drawn(scope: &RequestScope, name: &str, query: &str) -> Result<String, crate::graphql::error::Error> {
    if name != "weight-trend" {
        return Err(Error::NotFound("chart").into());
    }
    let query = Query::read(query)?;
    let person = query.person.unwrap_or(scope.viewer()?.user_id());
    let svg = {
        let tx = scope.read().await?;
        if person != scope.viewer()?.user_id() {
            let shared = family_access::types_of(&tx, person).await?;
            if !shared.contains(&AccessType::Checkin) {
                return Err(Error::NoSuch { field: "personId", what: "person" }.into());
            }
            scope.note_read(person, AccessType::Checkin);
        }
        let asked = Asked { person, from: query.from, to: query.to, unit: query.unit, theme: query.theme };
        charts::weight_trend(&tx, asked).await?
    };
    scope.finish(String::new()).await?;
    Ok(svg)
}
