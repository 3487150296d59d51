//! What requests for files share: who asks is told by an access token as to GraphQL, what it costs is paid as there, and errors are told as
//! there.

use std::net::SocketAddr;

use async_graphql::ServerError;
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{Server, caller, graphql};
use crate::graphql::{cost::Caller, error::Error, scope::RequestScope};

/// The request of whoever is signed in, once it is paid for; else what to answer.
pub fn admit(server: &Server, headers: &HeaderMap, address: SocketAddr, points: usize) -> Result<RequestScope, Box<Response>> {
    let scope = RequestScope::new(server.database_for(headers), server.outside.clone(), graphql::bearer(headers), caller(address));
    let viewer = match scope.viewer() {
        Ok(viewer) => viewer.user_id(),
        Err(error) => return Err(refused(error).into()),
    };
    let charge = server.points.take(&Caller::Person(viewer), points, server.database.now());
    if let Some(error) = charge.refused() {
        let mut response = answer(StatusCode::TOO_MANY_REQUESTS, &[error]);
        response.headers_mut().insert(header::RETRY_AFTER, charge.retry_after.unwrap_or(1).into());
        return Err(response.into());
    }
    Ok(scope)
}

/// What went wrong.
pub fn refused(error: impl Into<Error>) -> Response {
    let error = error.into();
    let status = match error.code() {
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "FORBIDDEN" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "BAD_USER_INPUT" => StatusCode::BAD_REQUEST,
        "CONFLICT" => StatusCode::CONFLICT,
        "RATE_LIMITED" => StatusCode::TOO_MANY_REQUESTS,
        "TIMEOUT" | "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
        "PROVIDER_UNAVAILABLE" => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    answer(status, &[async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default())])
}

/// The same errors as of GraphQL.
pub fn answer(status: StatusCode, errors: &[ServerError]) -> Response {
    let errors: Vec<_> = errors.iter().map(|error| json!({ "message": error.message, "extensions": error.extensions })).collect();
    let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, json!({ "errors": errors }).to_string()).into_response()
}
