//! GraphQL over HTTP: what the specification asks of a server, in one handler. async-graphql's own ignores Accept and status.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_graphql::{Response as GraphqlResponse, ServerError, parser::types::OperationType};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::{Map, Value, json};

use super::{
    REQUEST_ID, Server, caller,
    idempotency::{self, REPLAYED},
};
use crate::graphql::{
    Executed,
    cost::{self, Bill, Caller, Charge},
    documents::{Operation, Wanted},
    error::{BAD_REQUEST, INTERNAL},
    limits::{Problem, Refusal},
    scope::{Answer, RequestScope},
};

const MOST_BODY_BYTES: usize = 256 * 1024;
/// Sync and bulk ingest travel in variables.
const MOST_BODY_BYTES_SIGNED_IN: usize = 2 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);
const MOST_ERRORS: usize = 10;
const LONGEST_MESSAGE: usize = 300;

/// The two media types of an answer. They differ in the status of a request that was not executed.
#[derive(Clone, Copy, PartialEq)]
enum Media {
    Json,
    GraphqlResponse,
}

impl Media {
    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// The type that the client likes best; `None` when it accepts neither.
    fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let accepts: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        if accepts.iter().all(|range| range.trim().is_empty()) {
            return Some(Self::Json);
        }
        let mut best: Option<(Self, f32)> = None;
        for range in accepts {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let mut quality = 1.0;
            let mut utf8 = true;
            for parameter in parts {
                match parameter.split_once('=').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())) {
                    Some((name, value)) if name == "q" => quality = value.parse().unwrap_or(0.0),
                    Some((name, value)) if name == "charset" => utf8 = is_utf8(value),
                    _ => {}
                }
            }
            if utf8 && quality > 0.0 && best.is_none_or(|(_, best)| quality > best) {
                best = Some((media, quality));
            }
        }
        best.map(|(media, _)| media)
    }
}

fn is_utf8(charset: &str) -> bool {
    charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
}

/// The parameters of a request, read.
struct Parameters {
    wanted: Wanted,
    operation_name: Option<String>,
    variables: Map<String, Value>,
    /// `extensions.cost`: whether the answer tells what it cost.
    shows_cost: bool,
}

/// Why nothing was executed.
struct Refused {
    /// `None` where it is the document that is wrong, not what carries it: its status depends on the type of the answer.
    status: Option<StatusCode>,
    errors: Vec<ServerError>,
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status: Some(status), ..Refusal::from(Problem::new(message)).into() }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { status: None, errors: refusal.into() }
    }
}

/// POST /graphql.
pub async fn post(State(server): State<Server>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(media) = Media::negotiate(&parts.headers) else { return not_acceptable() };
    let call = Call::new(&server, &parts.headers, address, media, Method::POST);
    if let Some(refused) = call.without_points() {
        return refused;
    }
    let parameters = read_body(&parts.headers, body, call.scope.viewer().is_ok()).await;
    call.answer(parameters.and_then(Parameters::read)).await
}

/// GET /graphql, for queries alone.
pub async fn get(State(server): State<Server>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(media) = Media::negotiate(&parts.headers) else { return not_acceptable() };
    let call = Call::new(&server, &parts.headers, address, media, Method::GET);
    match call.without_points() {
        Some(refused) => refused,
        None => call.answer(query_string(parts.uri.query().unwrap_or_default()).and_then(Parameters::read)).await,
    }
}

/// OPTIONS /graphql, where it is no preflight of an allowed origin: the methods and nothing more.
pub async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, "GET, POST, OPTIONS")]).into_response()
}

fn scope(server: &Server, headers: &HeaderMap, address: SocketAddr) -> RequestScope {
    let token = headers.get(header::AUTHORIZATION).map(|value| {
        let value = value.to_str().unwrap_or_default();
        value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token.trim())
    });
    RequestScope::new(server.database.clone(), server.outside.clone(), token, caller(address))
}

async fn read_body(headers: &HeaderMap, body: Body, signed_in: bool) -> Result<Map<String, Value>, Refused> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| {
        parameter.split_once('=').is_none_or(|(name, value)| !name.trim().eq_ignore_ascii_case("charset") || is_utf8(value.trim()))
    });
    if !json || !utf8 {
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json"));
    }
    // A small body can unpack to any size.
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"));
    }
    let most = if signed_in { MOST_BODY_BYTES_SIGNED_IN } else { MOST_BODY_BYTES };
    let bytes = match tokio::time::timeout(DEADLINE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let refusal = Refusal::TooMuch { what: "bytes of body", asked: most + 1, allowed: most };
            return Err(Refused { status: Some(StatusCode::PAYLOAD_TOO_LARGE), ..refusal.into() });
        }
        Err(_) => return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive")),
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        Ok(Value::Array(_)) => Err(Refused::bad_request("batches are not supported: send one operation per request")),
        Ok(_) => Err(Refused::bad_request("the body must be a JSON object")),
        Err(error) => Err(Refused::bad_request(format!("the body is not JSON: line {}, column {}", error.line(), error.column()))),
    }
}

/// The parameters of a GET: `variables` and `extensions` hold JSON, an empty one counts as absent.
fn query_string(query: &str) -> Result<Map<String, Value>, Refused> {
    let mut parameters = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        let value = match name.as_ref() {
            "variables" | "extensions" => {
                serde_json::from_str(&value).map_err(|_| Refused::bad_request(format!("{name} must be a JSON object")))?
            }
            _ => Value::String(value.into_owned()),
        };
        if parameters.insert(name.to_string(), value).is_some() {
            return Err(Refused::bad_request(format!("{:.100} is given twice", name.as_ref())));
        }
    }
    Ok(parameters)
}

impl Parameters {
    fn read(mut parameters: Map<String, Value>) -> Result<Self, Refused> {
        let text = |value: Option<Value>, name: &str| match value {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Null) | None => Ok(None),
            Some(_) => Err(Refused::bad_request(format!("{name} must be a string"))),
        };
        let mut object = |name: &str| match parameters.remove(name) {
            Some(Value::Object(object)) => Ok(object),
            Some(Value::Null) | None => Ok(Map::new()),
            Some(_) => Err(Refused::bad_request(format!("{name} must be an object"))),
        };
        let (variables, mut extensions) = (object("variables")?, object("extensions")?);
        let persisted = extensions.get_mut("persistedQuery").and_then(|persisted| persisted.get_mut("sha256Hash")).map(Value::take);
        let wanted = Wanted {
            text: text(parameters.remove("query"), "query")?,
            id: text(parameters.remove("documentId"), "documentId")?,
            persisted: text(persisted, "extensions.persistedQuery.sha256Hash")?,
        };
        if wanted.text.is_none() && wanted.id.is_none() && wanted.persisted.is_none() {
            return Err(Refused::bad_request("query must be a string that holds a GraphQL document"));
        }
        let operation_name = text(parameters.remove("operationName"), "operationName")?;
        Ok(Self { wanted, operation_name, variables, shows_cost: extensions.get("cost") == Some(&Value::Bool(true)) })
    }
}

/// One request on its way: who sent it, and how it wants to be answered.
struct Call<'a> {
    server: &'a Server,
    scope: RequestScope,
    caller: Caller,
    now: DateTime<Utc>,
    media: Media,
    method: Method,
    headers: &'a HeaderMap,
}

impl<'a> Call<'a> {
    fn new(server: &'a Server, headers: &'a HeaderMap, address: SocketAddr, media: Media, method: Method) -> Self {
        let scope = scope(server, headers, address);
        let caller = scope.viewer().map_or_else(|_| Caller::Address(caller(address)), |viewer| Caller::Person(viewer.user_id()));
        Self { server, scope, caller, now: server.database.now(), media, method, headers }
    }

    /// Takes the point that each request costs; the answer where there is none.
    fn without_points(&self) -> Option<Response> {
        let charge = self.server.points.take(&self.caller, 1, self.now);
        let refused = Refused { status: None, errors: vec![charge.refused()?] };
        Some(limited(refusal(refused, self.media), Some(&charge), self.media))
    }

    async fn answer(self, parameters: Result<Parameters, Refused>) -> Response {
        let media = self.media;
        let prepared = parameters.and_then(|parameters| {
            let documents = &self.server.documents;
            let document = documents.find(&parameters.wanted)?;
            let operation = documents.operation(document, parameters.operation_name, parameters.variables)?;
            Ok((operation, parameters.shows_cost))
        });
        match prepared {
            Ok((operation, shows_cost)) => self.execute(operation, shows_cost).await,
            Err(refused) => refusal(refused, media),
        }
    }

    async fn execute(self, operation: Operation, shows_cost: bool) -> Response {
        let Self { server, scope, caller, now, media, method, headers } = self;
        if method == Method::GET && operation.kind != OperationType::Query {
            let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, "only queries can be sent by GET: send this by POST");
            let mut response = refusal(refused, media);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let scope = match idempotency::keyed(headers, &operation) {
            Ok(Some(keyed)) => Arc::new(scope.keyed(keyed)),
            Ok(None) => Arc::new(scope),
            Err(message) => return refusal(Refused::bad_request(message), media),
        };
        let mutation = operation.kind == OperationType::Mutation;
        let surcharge = if mutation { cost::MUTATION * operation.root_fields().len() } else { 0 };
        let bill = Arc::new(Bill { points: server.points.clone(), caller, surcharge, now, charge: OnceLock::new() });
        let executed = Arc::new(Executed::default());
        let request = operation.request.data(executed.clone()).data(bill.clone()).data(scope.loaders()).data(scope.clone());

        let schema = server.schema.clone();
        let request_id = headers.get(REQUEST_ID).cloned();
        let paid = bill.clone();
        let work = async move {
            let mut answer = schema.execute(request).await;
            if let Some(charge) = paid.charge.get().filter(|_| shows_cost) {
                answer.extensions.insert("cost".into(), charge.to_value());
            }
            let executed = executed.get();
            let answer = scope.finish(body(answer, executed, request_id.as_ref())?).await;
            let answer = answer.or_else(|error| {
                let error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
                body(GraphqlResponse::from_errors(vec![error]), executed, request_id.as_ref()).map(Answer::New)
            })?;
            Ok::<_, serde_json::Error>((answer, executed))
        };
        let work = AssertUnwindSafe(work).catch_unwind();
        let answer = if mutation {
            // A client that hangs up does not undo half of what it asked for: the task goes on by itself.
            let span = tracing::Span::current();
            let task = tokio::spawn(tracing::Instrument::instrument(work, span));
            tokio::time::timeout(DEADLINE, task).await.map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error))))
        } else {
            tokio::time::timeout(DEADLINE, work).await
        };
        match answer {
            Ok(Ok(Ok((Answer::New(body), executed)))) => {
                limited(json_response(status(executed, media), media, body), bill.charge.get(), media)
            }
            Ok(Ok(Ok((Answer::Before(body), _)))) => {
                let mut response = json_response(StatusCode::OK, media, body);
                response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                response
            }
            Ok(Ok(Err(_)) | Err(_)) => internal_error(),
            Err(_) => {
                let body = json!({ "data": null, "errors": [{ "message": "this took too long and was given up", "extensions": { "code": "TIMEOUT" } }] });
                json_response(StatusCode::OK, media, body.to_string())
            }
        }
    }
}

/// Says when there will be points again, where there were too few.
fn limited(mut response: Response, charge: Option<&Charge>, media: Media) -> Response {
    if let Some(seconds) = charge.and_then(|charge| charge.retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        if media == Media::GraphqlResponse {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        }
    }
    response
}

/// The status of an answer, in one place. A request that was not executed is a client's error, which plain JSON clients of old
/// expect as 200.
fn status(executed: bool, media: Media) -> StatusCode {
    if executed || media == Media::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

fn body(mut answer: GraphqlResponse, executed: bool, request_id: Option<&HeaderValue>) -> serde_json::Result<String> {
    answer.errors.truncate(MOST_ERRORS);
    for error in &mut answer.errors {
        name_code(error, request_id);
    }
    if executed {
        return serde_json::to_string(&answer);
    }
    // A request that was not executed has no data, not even null.
    let mut refused = json!({ "errors": answer.errors });
    if !answer.extensions.is_empty() {
        refused["extensions"] = json!(answer.extensions);
    }
    serde_json::to_string(&refused)
}

/// async-graphql's own errors carry no code; every error that a client sees has one.
fn name_code(error: &mut ServerError, request_id: Option<&HeaderValue>) {
    if let Some((end, _)) = error.message.char_indices().nth(LONGEST_MESSAGE) {
        error.message.truncate(end);
    }
    let extensions = error.extensions.get_or_insert_default();
    match extensions.get("code") {
        None => extensions.set("code", BAD_REQUEST),
        Some(code) if *code == async_graphql::Value::from(INTERNAL) => {
            if let Some(id) = request_id.and_then(|id| id.to_str().ok()) {
                extensions.set("requestId", id);
            }
        }
        Some(_) => {}
    }
}

fn refusal(refused: Refused, media: Media) -> Response {
    // What is wrong with the parameters has its status in either type.
    let status = refused.status.unwrap_or_else(|| status(false, media));
    match body(GraphqlResponse::from_errors(refused.errors), false, None) {
        Ok(body) => json_response(status, media, body),
        Err(_) => internal_error(),
    }
}

fn not_acceptable() -> Response {
    refusal(Refused::new(StatusCode::NOT_ACCEPTABLE, "accept application/json or application/graphql-response+json"), Media::Json)
}

/// The answer to a defect: nothing about it.
pub fn internal_error() -> Response {
    let body = json!({ "errors": [{ "message": "internal error", "extensions": { "code": INTERNAL } }] });
    json_response(StatusCode::INTERNAL_SERVER_ERROR, Media::Json, body.to_string())
}

fn json_response(status: StatusCode, media: Media, body: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, media.content_type()), (header::CACHE_CONTROL, "no-store"), (header::VARY, "accept, authorization")];
    (status, headers, body).into_response()
}
