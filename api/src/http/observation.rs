//! What is written down about each request: a span that its lines and traces belong to, one line, and the metrics.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use service::access::RequestId;
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{REQUEST_ID, Server};
use crate::metrics;

/// The id of a request: what its client calls it, if that is short and plain.
pub fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(REQUEST_ID).and_then(|id| RequestId::new(id.to_str().ok()?))
}

/// Gives each request an id, which the answer repeats, and tells of it.
pub async fn observe(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers()).map_or_else(|| server.database.new_id().to_string(), |id| id.to_string());
    let id_value = HeaderValue::from_str(&id).ok();
    if let Some(id) = &id_value {
        request.headers_mut().insert(REQUEST_ID, id.clone());
    }
    // The query string of a GET holds variables, and a path may hold a secret, so the route is told.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let span =
        tracing::error_span!("request", %id, method, path = route, operation = Empty, code = Empty, status = Empty, otel.kind = "server");
    follow(&span, request.headers());
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    span.record("status", status);
    span.in_scope(|| tracing::info!(milliseconds = took.as_millis(), "answered"));
    metrics::request(metrics::Request { route, method, status }, took);
    if let Some(id) = id_value {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A method as it may be told: of others there is no end.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// Makes the span part of the trace that the request comes with.
fn follow(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        // Where no traces are written there is nothing to be part of.
        span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers))).ok();
    }
}
