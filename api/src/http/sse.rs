//! GraphQL over server-sent events: the protocol `graphql-sse` in its distinct connections mode, one stream per operation. Errors
//! come as events too, since a browser's EventSource tells nothing of an answer that is none.

use std::{convert::Infallible, pin::Pin};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use serde_json::{Value, json};

use super::{
    Server,
    connections::{Connection, MOST_CONNECTIONS, SIGN_OF_LIFE, outstayed},
    graphql::{Outcome, defect},
};
use crate::graphql::{
    error::{LIMIT_EXCEEDED, UNAUTHENTICATED},
    scope::RequestScope,
};

/// Sends each outcome as an event, until there are no more, the caller is signed out or the server stops.
pub fn respond(server: &Server, scope: &RequestScope, outcomes: BoxStream<'static, Outcome>) -> Response {
    let Some(connection) = server.connections.open(scope, "sse") else {
        let extensions = json!({ "code": LIMIT_EXCEEDED, "limit": "open connections", "allowed": MOST_CONNECTIONS });
        return refuse(json!({ "errors": [{ "message": "too many open connections: close one", "extensions": extensions }] }));
    };
    let streaming = Streaming {
        outcomes,
        stopping: Box::pin(server.stopping()),
        outstayed: Box::pin(outstayed(scope.viewer().ok().cloned())),
        _connection: connection,
    };
    events(stream::unfold(Some(streaming), async |streaming| streaming?.next().await))
}

/// Answers errors alone.
pub fn refuse(answer: Value) -> Response {
    events(stream::iter([last(&answer)]))
}

struct Streaming {
    outcomes: BoxStream<'static, Outcome>,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    outstayed: Pin<Box<dyn Future<Output = ()> + Send>>,
    _connection: Connection,
}

impl Streaming {
    /// What is sent next, and what follows; nothing at all where the stream breaks off, so that a client connects again.
    async fn next(mut self) -> Option<(String, Option<Self>)> {
        let outcome = tokio::select! {
            outcome = self.outcomes.next() => outcome,
            () = tokio::time::sleep(SIGN_OF_LIFE) => return Some((SILENCE.to_owned(), Some(self))),
            () = &mut self.outstayed => {
                let error = json!({ "message": "the session has ended: sign in again", "extensions": { "code": UNAUTHENTICATED } });
                Some(Outcome::Refused(json!({ "errors": [error] })))
            }
            () = &mut self.stopping => return None,
        };
        Some(match outcome {
            Some(Outcome::Executed(answer) | Outcome::Replayed(answer)) => (next(&answer), Some(self)),
            Some(Outcome::Refused(answer)) => (last(&answer), None),
            Some(Outcome::Broken) => (last(&defect()), None),
            None => (COMPLETE.to_owned(), None),
        })
    }
}

/// A comment.
const SILENCE: &str = ":\n\n";
/// EventSource hears of an event only if it has data, be they empty: axum's own events cannot.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// JSON is one line.
fn next(answer: &str) -> String {
    format!("event: next\ndata: {answer}\n\n")
}

fn last(answer: &Value) -> String {
    next(&answer.to_string()) + COMPLETE
}

fn events(events: impl Stream<Item = String> + Send + 'static) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store"), (header::VARY, "accept, authorization")];
    (headers, Body::from_stream(events.map(Ok::<_, Infallible>))).into_response()
}
