//! Connections that stay open, sockets and streams of events: how many a caller has, and who may not go on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use service::{access::Viewer, changes};

use crate::{graphql::scope::RequestScope, metrics::Connected};

/// How many connections of one person, or of one address without a session, stay open at a time.
pub const MOST_CONNECTIONS: usize = 20;
/// How long a connection without a session stays open.
const LIFETIME_WITHOUT_SESSION: Duration = Duration::from_secs(600);
/// How often something is sent over a connection, so that nothing between takes it for dead.
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(12);

/// The open connections of each caller.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<HashMap<String, usize>>>);

/// An open connection. It is counted until it is dropped.
pub struct Connection {
    connections: Connections,
    caller: String,
    _connected: Connected,
}

impl Connections {
    /// One more for whoever asks, by "websocket" or "sse"; `None` when there are enough.
    pub fn open(&self, scope: &RequestScope, transport: &'static str) -> Option<Connection> {
        let caller = scope.viewer().map_or_else(|_| scope.client().to_owned(), |viewer| viewer.user_id().to_string());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(caller.clone()).or_default();
        if *count >= MOST_CONNECTIONS {
            return None;
        }
        *count += 1;
        Some(Connection { connections: self.clone(), caller, _connected: Connected::by(transport) })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

/// Comes back when the caller may not go on: signed out, or never signed in and here for long.
pub async fn outstayed(viewer: Option<Viewer>) {
    match viewer {
        Some(viewer) => changes::signed_out(&viewer).await,
        None => tokio::time::sleep(LIFETIME_WITHOUT_SESSION).await,
    }
}
