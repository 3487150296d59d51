//! GraphQL over WebSocket: the protocol `graphql-transport-ws`, in a loop of our own. async-graphql's does not wait for
//! connection_init with a limit, mixes up the close codes, and caps nothing.
//!
//! One task per socket reads, executes and writes. Operations are pulled: none is asked for its next event before the last one is
//! written, so a slow reader costs one message and no queue.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    extract::{
        ConnectInfo, FromRequestParts, Request, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{
    access::Database,
    error::Error as ServiceError,
    sync::{self, Cursor},
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_stream::StreamMap;
use tracing::Instrument;

use super::{
    REQUEST_ID, Server, caller,
    connections::{SIGN_OF_LIFE, outstayed},
    graphql::{self, Outcome, asked, bearer, bearer_token, defect, outcomes, take_point},
    json,
};
use crate::graphql::{
    error::{LIMIT_EXCEEDED, UNAUTHENTICATED},
    scope::RequestScope,
};

const PROTOCOL: &str = "graphql-transport-ws";
const MOST_MESSAGE_BYTES: usize = 64 * 1024;
/// Buffers grow when they have to; most sockets are idle.
const BUFFER_BYTES: usize = 4 * 1024;
const MOST_STREAMS: usize = 20;
/// How long a client may take for connection_init.
const INIT: Duration = Duration::from_secs(3);
/// How long a client may take to read what is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to answer that the socket is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// GET /graphql: a socket for whoever asks for one, an answer for anyone else.
pub async fn get(state: State<Server>, address: ConnectInfo<SocketAddr>, request: Request) -> Response {
    let asked = request.headers().get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !asked {
        return graphql::get(state, address, request).await;
    }
    let (mut parts, _) = request.into_parts();
    if !may_connect(&parts.headers, &state.origins) {
        return (StatusCode::FORBIDDEN, "this origin may not open sockets here: name it in HALE_CORS_ORIGINS\n").into_response();
    }
    let (State(server), ConnectInfo(address)) = (state, address);
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &server).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    // The lines of its operations belong to it, as long as it is open.
    let span = tracing::error_span!("socket", id = parts.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()));
    let client = Client {
        database: server.database_for(&parts.headers),
        server,
        address: caller(address),
        token: bearer(&parts.headers).map(str::to_owned),
        request_id: parts.headers.get(REQUEST_ID).cloned(),
        head: None,
    };
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MOST_MESSAGE_BYTES).max_frame_size(MOST_MESSAGE_BYTES);
    upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(0).on_upgrade(|socket| Socket { socket, client }.serve().instrument(span))
}

/// Browsers let any page open a socket, and say which page it was: one of this server's own, or of an origin that may call the API.
/// Programs say nothing.
fn may_connect(headers: &HeaderMap, origins: &[HeaderValue]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN).filter(|origin| !origins.contains(origin)) else { return true };
    let (origin, host) = (origin.to_str().ok(), headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let page = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    page.is_some() && page == host
}

/// What a client says. Anything else is no message.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Ping { payload: Option<Value> },
    Pong {},
    Subscribe { id: String, payload: Map<String, Value> },
    Complete { id: String },
}

/// Why a socket is closed, in the protocol's own codes.
struct Closing {
    code: u16,
    /// At most 123 bytes.
    reason: &'static str,
}

impl Closing {
    /// The other side is gone, or takes nothing any more.
    const GONE: Self = Self::new(1001, "gone");
    const TOO_BIG: Self = Self::new(1009, "a message may have 64 KiB");
    const STOPPING: Self = Self::new(1012, "the server stops");
    const TRY_LATER: Self = Self::new(1013, "the server cannot answer right now");
    const INVALID: Self = Self::new(4400, "Invalid message: send JSON of the protocol graphql-transport-ws");
    const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized: send connection_init first");
    const FORBIDDEN: Self = Self::new(4403, "Forbidden: the access token is not valid any more");
    const PROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable: ask for graphql-transport-ws");
    const NO_INIT: Self = Self::new(4408, "Connection initialisation timeout");
    const SECOND_INIT: Self = Self::new(4429, "Too many initialisation requests");
    const TOO_MANY: Self = Self::new(4429, "Too many connections");
    const TAKEN: Self = Self::new(4409, "Subscriber already exists: ids are for one operation at a time");

    const fn new(code: u16, reason: &'static str) -> Self {
        assert!(reason.len() <= 123, "a close frame has no room for more");
        Self { code, reason }
    }
}

/// Who is at the other end.
struct Client {
    server: Server,
    /// On account of the request that opened the socket.
    database: Database,
    address: String,
    token: Option<String>,
    request_id: Option<HeaderValue>,
    /// Where the viewer's feed stood before the connection was acknowledged.
    head: Option<Cursor>,
}

impl Client {
    /// What one operation shares.
    fn scope(&self) -> Arc<RequestScope> {
        let (database, outside) = (self.database.clone(), self.server.outside.clone());
        Arc::new(RequestScope::new(database, outside, self.token.as_deref(), self.address.clone()).acknowledged_at(self.head))
    }

    /// Takes the token of connection_init, if there is one: `authorization` as in the header, by itself or in `headers`, where RxDB
    /// puts it, or `accessToken` alone. One that was sent and is not good for anything ends the connection.
    async fn authenticate(&mut self, payload: Option<Map<String, Value>>) -> Result<(), Closing> {
        let payload = payload.unwrap_or_default();
        let headers = payload.get("headers").and_then(Value::as_object);
        let given = |name: &str| {
            let value = payload.get(name).or_else(|| headers.and_then(|headers| headers.get(name)))?;
            Some(value.as_str().unwrap_or_default())
        };
        let token = given("authorization").or_else(|| given("Authorization")).map(bearer_token).or_else(|| given("accessToken"));
        if let Some(token) = token {
            self.token = Some(token.to_owned());
        }
        if self.token.is_none() {
            return Ok(());
        }
        let scope = self.scope();
        let viewer = scope.viewer().map_err(|_| Closing::FORBIDDEN)?;
        let head = async { sync::head(&viewer.read().await?).await };
        match head.await {
            Ok(head) => self.head = Some(head.cursor),
            Err(ServiceError::Unauthenticated(_)) => return Err(Closing::FORBIDDEN),
            Err(_) => return Err(Closing::TRY_LATER),
        }
        Ok(())
    }
}

struct Socket {
    socket: WebSocket,
    client: Client,
}

impl Socket {
    async fn serve(mut self) {
        let Err(Closing { code, reason }) = self.converse().await else { return };
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // The client has a moment to read it: what it still sends is read too, or its end would be a reset, which may overtake the frame.
        let farewell = async {
            self.socket.send(frame).await.ok();
            if code == Closing::TOO_BIG.code {
                // There is no reading past such a message.
                return std::future::pending().await;
            }
            while matches!(self.socket.recv().await, Some(Ok(_))) {}
        };
        timeout(FAREWELL, farewell).await.ok();
    }

    /// Talks until there is a reason to close.
    async fn converse(&mut self) -> Result<(), Closing> {
        let stopping = self.client.server.stopping();
        let mut stopping = pin!(stopping);
        if self.socket.protocol().is_none_or(|protocol| protocol.as_bytes() != PROTOCOL.as_bytes()) {
            return Err(Closing::PROTOCOL);
        }
        let payload = tokio::select! {
            begun = timeout(INIT, self.begin()) => begun.unwrap_or(Err(Closing::NO_INIT))?,
            () = &mut stopping => return Err(Closing::STOPPING),
        };
        self.client.authenticate(payload).await?;
        let scope = self.client.scope();
        let _connection = self.client.server.connections.open(&scope, "websocket").ok_or(Closing::TOO_MANY)?;
        let mut outstayed = pin!(outstayed(scope.viewer().ok().cloned()));
        drop(scope);
        self.send(json!({ "type": "connection_ack" })).await?;

        let mut operations = StreamMap::new();
        let mut alive = true;
        let mut ping = interval(SIGN_OF_LIFE);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                said = self.hear() => {
                    alive = true;
                    if let Some(said) = said? {
                        self.answer(said, &mut operations).await?;
                    }
                }
                Some((id, outcome)) = operations.next(), if !operations.is_empty() => {
                    if self.tell(&id, outcome).await? {
                        operations.remove(&id);
                    }
                }
                _ = ping.tick() => {
                    if !std::mem::replace(&mut alive, false) {
                        return Err(Closing::GONE);
                    }
                    self.write(Message::Ping(Default::default())).await?;
                }
                () = &mut outstayed => return Err(Closing::FORBIDDEN),
                () = &mut stopping => return Err(Closing::STOPPING),
            }
        }
    }

    /// Waits for connection_init, and answers its payload.
    async fn begin(&mut self) -> Result<Option<Map<String, Value>>, Closing> {
        loop {
            match self.hear().await? {
                Some(Said::ConnectionInit { payload }) => return Ok(payload),
                Some(Said::Ping { payload }) => self.pong(payload).await?,
                Some(Said::Subscribe { .. }) => return Err(Closing::UNAUTHORIZED),
                Some(Said::Pong {} | Said::Complete { .. }) | None => {}
            }
        }
    }

    async fn answer(&mut self, said: Said, operations: &mut StreamMap<String, BoxStream<'static, Option<Outcome>>>) -> Result<(), Closing> {
        match said {
            Said::ConnectionInit { .. } => return Err(Closing::SECOND_INIT),
            Said::Ping { payload } => self.pong(payload).await?,
            Said::Pong {} => {}
            Said::Complete { id } => drop(operations.remove(&id)),
            Said::Subscribe { id, .. } if id.is_empty() => return Err(Closing::INVALID),
            Said::Subscribe { id, .. } if operations.contains_key(&id) => return Err(Closing::TAKEN),
            Said::Subscribe { id, .. } if operations.len() >= MOST_STREAMS => {
                let extensions =
                    json!({ "code": LIMIT_EXCEEDED, "limit": "operations at a time", "asked": MOST_STREAMS + 1, "allowed": MOST_STREAMS });
                let error = json!({ "message": "too many operations at a time: complete one", "extensions": extensions });
                self.error(&id, json!({ "errors": [error] })).await?;
            }
            Said::Subscribe { id, payload } => {
                let (server, scope) = (&self.client.server, self.client.scope());
                let wanted = take_point(server, &scope).map_err(|(refused, _)| refused).and_then(|()| asked(server, payload));
                match wanted {
                    Ok(asked) => {
                        let outcomes = outcomes(server, scope, asked, self.client.request_id.clone());
                        operations.insert(id, outcomes.map(Some).chain(stream::once(ready(None))).boxed());
                    }
                    Err(refused) => self.error(&id, refused.answer()).await?,
                }
            }
        }
        Ok(())
    }

    /// Tells what came of an operation, and answers whether that was all. `None` is the end of it.
    async fn tell(&mut self, id: &str, outcome: Option<Outcome>) -> Result<bool, Closing> {
        match outcome {
            Some(Outcome::Executed(answer) | Outcome::Replayed(answer)) => {
                // The answer is JSON already.
                let message = format!(r#"{{"id":{},"type":"next","payload":{answer}}}"#, Value::from(id));
                self.write(Message::Text(message.into())).await?;
                return Ok(false);
            }
            // The session has ended since: a client comes back from that, but not from an error of an operation.
            Some(Outcome::Refused(answer)) if self.client.token.is_some() && is_unauthenticated(&answer) => return Err(Closing::FORBIDDEN),
            Some(Outcome::Refused(answer)) => self.error(id, answer).await?,
            Some(Outcome::Broken) => self.error(id, defect()).await?,
            None => self.send(json!({ "id": id, "type": "complete" })).await?,
        }
        Ok(true)
    }

    /// Tells why an operation was not executed: the errors of an answer that has nothing else.
    async fn error(&mut self, id: &str, answer: Value) -> Result<(), Closing> {
        self.send(json!({ "id": id, "type": "error", "payload": answer["errors"] })).await
    }

    async fn pong(&mut self, payload: Option<Value>) -> Result<(), Closing> {
        let message = match payload {
            Some(payload) => json!({ "type": "pong", "payload": payload }),
            None => json!({ "type": "pong" }),
        };
        self.send(message).await
    }

    /// The next message; `None` for a frame that is none, such as the answer to a ping.
    async fn hear(&mut self) -> Result<Option<Said>, Closing> {
        match self.socket.recv().await {
            Some(Ok(Message::Text(text))) => {
                json::read(text.as_bytes()).and_then(serde_json::from_value).map(Some).map_err(|_| Closing::INVALID)
            }
            Some(Ok(Message::Binary(_))) => Err(Closing::INVALID),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Err(error)) if is_too_big(&error) => Err(Closing::TOO_BIG),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Closing::GONE),
        }
    }

    async fn send(&mut self, message: Value) -> Result<(), Closing> {
        self.write(Message::Text(message.to_string().into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Closing> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Closing::GONE),
        }
    }
}

fn is_unauthenticated(answer: &Value) -> bool {
    answer.pointer("/errors/0/extensions/code").and_then(Value::as_str) == Some(UNAUTHENTICATED)
}

fn is_too_big(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    source.and_then(|source| source.downcast_ref()).is_some_and(|error| matches!(error, tungstenite::Error::Capacity(_)))
}
