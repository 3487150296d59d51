//! GraphQL over HTTP: what the specification asks of a server, in one handler. async-graphql's own ignores Accept and status.

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    Response as GraphqlResponse, ServerError, Value as ConstValue, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, VariableDefinition},
};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use serde_json::{Map, Value, json};
use service::idempotency::KeyedRequest;

use super::{
    REQUEST_ID, Server, caller,
    idempotency::{self, REPLAYED},
    sse,
};
use crate::graphql::{
    Executed,
    error::{BAD_REQUEST, INTERNAL, LIMIT_EXCEEDED},
    limits::{LIMITS, Refusal},
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

/// How a client wants its answer.
#[derive(Clone, Copy)]
struct Accepted {
    /// The type of a single answer.
    media: Media,
    events: Events,
}

/// Whether a client takes a stream of events.
#[derive(Clone, Copy, PartialEq)]
enum Events {
    No,
    /// Where there is no single answer.
    ForSubscriptions,
    /// Rather than a single answer.
    Always,
}

impl Media {
    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

impl Accepted {
    /// What the client likes best; `None` when it accepts nothing of it.
    fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let accepts: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        if accepts.iter().all(|range| range.trim().is_empty()) {
            return Some(Self { media: Media::Json, events: Events::No });
        }
        let mut best: Option<(Media, f32)> = None;
        let mut events: Option<f32> = None;
        for range in accepts {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Some(Media::GraphqlResponse),
                "application/json" | "application/*" | "*/*" => Some(Media::Json),
                "text/event-stream" => None,
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
            if !utf8 || quality <= 0.0 {
                continue;
            }
            match media {
                Some(media) if best.is_none_or(|(_, best)| quality > best) => best = Some((media, quality)),
                Some(_) => {}
                None => events = Some(quality),
            }
        }
        // Of what is liked equally a single answer comes first: some clients list everything they could read.
        let events = match (best, events) {
            (None, None) => return None,
            (_, None) => Events::No,
            (Some((_, single)), Some(events)) if single >= events => Events::ForSubscriptions,
            (_, Some(_)) => Events::Always,
        };
        Some(Self { media: best.map_or(Media::Json, |(media, _)| media), events })
    }
}

fn is_utf8(charset: &str) -> bool {
    charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
}

/// What a client asks to have executed.
pub struct Operation {
    source: String,
    document: ExecutableDocument,
    name: Option<String>,
    variables: Variables,
}

/// What came of executing an operation, of a subscription once per event.
pub enum Outcome {
    /// An answer with data, errors of fields or both, as JSON.
    Executed(String),
    /// The answer that was given when the request came the first time.
    Replayed(String),
    /// It was not executed: the list of errors.
    Refused(Value),
    /// A defect. Nothing is said about it.
    Broken,
}

/// Why nothing was executed.
pub struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
    extensions: Map<String, Value>,
    position: Option<(usize, usize)>,
    /// It is the document that is wrong, not what carries it.
    of_document: bool,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: BAD_REQUEST,
            message: message.into(),
            extensions: Map::new(),
            position: None,
            of_document: false,
        }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// As a client reads it.
    pub fn errors(self) -> Value {
        let mut extensions = self.extensions;
        extensions.insert("code".into(), self.code.into());
        let mut error = json!({ "message": self.message, "extensions": extensions });
        if let Some((line, column)) = self.position {
            error["locations"] = json!([{ "line": line, "column": column }]);
        }
        json!([error])
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.message();
        match refusal {
            Refusal::Malformed { position, .. } => Self { position, of_document: true, ..Self::new(message) },
            Refusal::TooMuch { what, asked, allowed } => Self {
                code: LIMIT_EXCEEDED,
                extensions: Map::from_iter([
                    ("limit".into(), what.into()),
                    ("asked".into(), asked.into()),
                    ("allowed".into(), allowed.into()),
                ]),
                of_document: true,
                ..Self::new(message)
            },
        }
    }
}

/// POST /graphql.
pub async fn post(State(server): State<Server>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(accepted) = Accepted::negotiate(&parts.headers) else { return not_acceptable() };
    let scope = scope(&server, &parts.headers, address);
    let operation = match read_body(&parts.headers, body, scope.viewer().is_ok()).await {
        Ok(parameters) => operation(parameters),
        Err(refused) => Err(refused),
    };
    match operation {
        Ok(operation) => execute(&server, scope, operation, accepted, Method::POST, &parts.headers).await,
        Err(refused) => refusal(refused, accepted),
    }
}

/// GET /graphql, for what changes nothing.
pub async fn get(State(server): State<Server>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(accepted) = Accepted::negotiate(&parts.headers) else { return not_acceptable() };
    match query_string(parts.uri.query().unwrap_or_default()).and_then(operation) {
        Ok(operation) => execute(&server, scope(&server, &parts.headers, address), operation, accepted, Method::GET, &parts.headers).await,
        Err(refused) => refusal(refused, accepted),
    }
}

/// OPTIONS /graphql: no other origin is allowed, so a preflight learns the methods and nothing more.
pub async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, "GET, POST, OPTIONS")]).into_response()
}

fn scope(server: &Server, headers: &HeaderMap, address: SocketAddr) -> RequestScope {
    RequestScope::new(server.database.clone(), bearer(headers), caller(address))
}

/// The access token that a request brings; an empty one when it brings something else.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).map(|value| bearer_token(value.to_str().unwrap_or_default()))
}

/// The token of "Bearer …"; an empty one of anything else.
pub fn bearer_token(value: &str) -> &str {
    value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token.trim())
}

async fn read_body(headers: &HeaderMap, body: Body, signed_in: bool) -> Result<Map<String, Value>, Refused> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| {
        parameter.split_once('=').is_none_or(|(name, value)| !name.trim().eq_ignore_ascii_case("charset") || is_utf8(value.trim()))
    });
    if !json || !utf8 {
        return Err(Refused::new("send Content-Type: application/json").with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let most = if signed_in { MOST_BODY_BYTES_SIGNED_IN } else { MOST_BODY_BYTES };
    let bytes = match tokio::time::timeout(DEADLINE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let refused = Refused::from(Refusal::TooMuch { what: "bytes of body", asked: most + 1, allowed: most });
            return Err(Refused { of_document: false, ..refused }.with_status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Err(_) => return Err(Refused::new("the request took too long to arrive").with_status(StatusCode::REQUEST_TIMEOUT)),
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        Ok(Value::Array(_)) => Err(Refused::new("batches are not supported: send one operation per request")),
        Ok(_) => Err(Refused::new("the body must be a JSON object")),
        Err(error) => Err(Refused::new(format!("the body is not JSON: line {}, column {}", error.line(), error.column()))),
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
                serde_json::from_str(&value).map_err(|_| Refused::new(format!("{name} must be a JSON object")))?
            }
            _ => Value::String(value.into_owned()),
        };
        if parameters.insert(name.to_string(), value).is_some() {
            return Err(Refused::new(format!("{name} is given twice")));
        }
    }
    Ok(parameters)
}

/// The operation that the parameters of a request ask for, if its document keeps the limits.
pub fn operation(mut parameters: Map<String, Value>) -> Result<Operation, Refused> {
    let source = match parameters.remove("query") {
        Some(Value::String(query)) => query,
        _ => return Err(Refused::new("query must be a string that holds a GraphQL document")),
    };
    let name = match parameters.remove("operationName") {
        Some(Value::String(name)) => Some(name),
        Some(Value::Null) | None => None,
        Some(_) => return Err(Refused::new("operationName must be a string")),
    };
    let variables = match parameters.remove("variables") {
        Some(Value::Null) | None => Variables::default(),
        Some(variables @ Value::Object(_)) => Variables::from_json(variables),
        Some(_) => return Err(Refused::new("variables must be an object")),
    };
    if !matches!(parameters.remove("extensions"), Some(Value::Null | Value::Object(_)) | None) {
        return Err(Refused::new("extensions must be an object"));
    }
    let document = LIMITS.parse(&source)?;
    let mut operation = Operation { source, document, name, variables };
    operation.complete_integers();
    Ok(operation)
}

impl Operation {
    /// What will run; `None` when the name picks none, which execution will say.
    fn picked(&self) -> Option<&OperationDefinition> {
        let mut operations = self.document.operations.iter();
        let picked = match &self.name {
            Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name == wanted)),
            None => operations.next(),
        };
        picked.map(|(_, operation)| &operation.node)
    }

    fn kind(&self) -> Option<OperationType> {
        self.picked().map(|operation| operation.ty)
    }

    /// A subscription follows one thing: async-graphql would follow several, and nothing below a fragment.
    fn follows_several(&self) -> Option<Refused> {
        let fields = &self.picked()?.selection_set;
        let one = match fields.node.items.as_slice() {
            [field] => matches!(&field.node, Selection::Field(field) if field.node.directives.is_empty()),
            _ => false,
        };
        let position = (fields.pos.line, fields.pos.column);
        let message = "a subscription selects exactly one field, outside of fragments and without directives";
        (!one).then(|| Refused { position: Some(position), of_document: true, ..Refused::new(message) })
    }

    /// A variable that must be given and was not: async-graphql would execute what does not need it.
    fn missing_variable(&self) -> Option<Refused> {
        let given = |name| self.variables.get(name).is_some_and(|value| *value != ConstValue::Null);
        let mut definitions = self.picked()?.variable_definitions.iter().map(|definition| &definition.node);
        let missing = definitions
            .find(|variable| !variable.var_type.node.nullable && variable.default_value.is_none() && !given(&variable.name.node))?;
        let position = (missing.name.pos.line, missing.name.pos.column);
        let message = format!("the variable ${} of type {} must be given", missing.name.node, missing.var_type.node);
        Some(Refused { position: Some(position), of_document: true, ..Refused::new(message) })
    }

    /// The request under the key that its client gave it.
    fn keyed(&self, headers: &HeaderMap) -> Result<Option<KeyedRequest>, String> {
        let Some(picked) = self.picked() else { return Ok(None) };
        idempotency::keyed(headers, &self.document, picked, &(&self.source, &self.name, &self.variables))
    }

    /// Null for every Int variable that was not sent. async-graphql 8.0.0-rc.5 adds up costs before it executes, and there takes
    /// the variable of an absent `first` for an undefined one. Null and absent mean the same for each Int of the schema.
    fn complete_integers(&mut self) {
        let variables = self.picked().into_iter().flat_map(|operation| &operation.variable_definitions);
        let optional = variables.filter(|variable| {
            let VariableDefinition { var_type, default_value, .. } = &variable.node;
            default_value.is_none() && var_type.node.to_string() == "Int"
        });
        let names: Vec<_> = optional.map(|variable| variable.node.name.node.clone()).collect();
        for name in names {
            self.variables.entry(name).or_insert(ConstValue::Null);
        }
    }
}

async fn execute(
    server: &Server,
    scope: RequestScope,
    operation: Operation,
    accepted: Accepted,
    method: Method,
    headers: &HeaderMap,
) -> Response {
    let Accepted { media, events } = accepted;
    let kind = operation.kind();
    let streamed = events == Events::Always || events == Events::ForSubscriptions && kind == Some(OperationType::Subscription);
    if method == Method::GET && kind.is_some_and(|kind| kind == OperationType::Mutation || kind == OperationType::Subscription && !streamed)
    {
        let refused = Refused::new("only queries can be sent by GET: send this by POST").with_status(StatusCode::METHOD_NOT_ALLOWED);
        let mut response = refusal(refused, accepted);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if let Some(refused) = operation.missing_variable() {
        return refusal(refused, accepted);
    }
    let scope = match operation.keyed(headers) {
        Ok(Some(keyed)) => Arc::new(scope.keyed(keyed)),
        Ok(None) => Arc::new(scope),
        Err(message) => return refusal(Refused::new(message), accepted),
    };
    let request_id = headers.get(REQUEST_ID).cloned();
    if streamed {
        return sse::respond(server, &scope, outcomes(server, scope.clone(), operation, request_id));
    }
    if kind == Some(OperationType::Subscription) {
        let message = "a subscription has many answers: accept text/event-stream, or use the WebSocket of /graphql";
        return refusal(Refused { of_document: true, ..Refused::new(message) }, accepted);
    }
    match perform(server, scope, operation, request_id).await {
        Outcome::Executed(body) => json_response(StatusCode::OK, media, body),
        Outcome::Replayed(body) => {
            let mut response = json_response(StatusCode::OK, media, body);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
        Outcome::Refused(errors) => json_response(status_of_refusal(media), media, json!({ "errors": errors }).to_string()),
        Outcome::Broken => internal_error(),
    }
}

/// What comes of an operation: of a subscription one outcome per event, of anything else one.
pub fn outcomes(
    server: &Server,
    scope: Arc<RequestScope>,
    operation: Operation,
    request_id: Option<HeaderValue>,
) -> BoxStream<'static, Outcome> {
    let follows = operation.kind() == Some(OperationType::Subscription);
    let refused = operation.missing_variable().or_else(|| if follows { operation.follows_several() } else { None });
    if let Some(refused) = refused {
        return stream::once(async { Outcome::Refused(refused.errors()) }).boxed();
    }
    if !follows {
        let server = server.clone();
        return stream::once(async move { perform(&server, scope, operation, request_id).await }).boxed();
    }
    let (request, executed) = request(&scope, operation);
    let events = AssertUnwindSafe(server.schema.execute_stream(request)).catch_unwind();
    events
        .then(move |event| {
            let (scope, executed, request_id) = (scope.clone(), executed.clone(), request_id.clone());
            async move {
                match event {
                    Ok(answer) => outcome(answer, &scope, &executed, request_id).await,
                    Err(_) => Outcome::Broken,
                }
            }
        })
        .boxed()
}

fn request(scope: &Arc<RequestScope>, operation: Operation) -> (async_graphql::Request, Arc<Executed>) {
    let executed = Arc::new(Executed::default());
    let mut request =
        async_graphql::Request::new("").variables(operation.variables).data(executed.clone()).data(scope.loaders()).data(scope.clone());
    request.set_parsed_query(operation.document);
    request.operation_name = operation.name;
    (request, executed)
}

/// Executes a query or a mutation.
async fn perform(server: &Server, scope: Arc<RequestScope>, operation: Operation, request_id: Option<HeaderValue>) -> Outcome {
    let kind = operation.kind();
    let (request, executed) = request(&scope, operation);
    let schema = server.schema.clone();
    let work = async move { outcome(schema.execute(request).await, &scope, &executed, request_id).await };
    let work = AssertUnwindSafe(work).catch_unwind();
    let outcome = if kind == Some(OperationType::Mutation) {
        // A client that hangs up does not undo half of what it asked for: the task goes on by itself.
        let span = tracing::Span::current();
        let task = tokio::spawn(tracing::Instrument::instrument(work, span));
        tokio::time::timeout(DEADLINE, task).await.map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error))))
    } else {
        tokio::time::timeout(DEADLINE, work).await
    };
    match outcome {
        Ok(outcome) => outcome.unwrap_or(Outcome::Broken),
        Err(_) => {
            let body = json!({ "data": null, "errors": [{ "message": "this took too long and was given up", "extensions": { "code": "TIMEOUT" } }] });
            Outcome::Executed(body.to_string())
        }
    }
}

/// What is sent of an answer, once the request has ended with it.
async fn outcome(mut answer: GraphqlResponse, scope: &RequestScope, executed: &Executed, request_id: Option<HeaderValue>) -> Outcome {
    name_codes(&mut answer, request_id.as_ref());
    if !executed.get() {
        scope.end_read().await;
        return serde_json::to_value(&answer.errors).map_or(Outcome::Broken, Outcome::Refused);
    }
    let Ok(body) = serde_json::to_string(&answer) else { return Outcome::Broken };
    match scope.finish(body).await {
        Ok(Answer::New(body)) => Outcome::Executed(body),
        Ok(Answer::Before(body)) => Outcome::Replayed(body),
        Err(error) => {
            let error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
            let mut answer = GraphqlResponse::from_errors(vec![error]);
            name_codes(&mut answer, request_id.as_ref());
            serde_json::to_string(&answer).map_or(Outcome::Broken, Outcome::Executed)
        }
    }
}

/// The status of an operation that was not executed, in one place. It is a client's error, which plain JSON clients of old expect as 200.
fn status_of_refusal(media: Media) -> StatusCode {
    if media == Media::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

fn name_codes(answer: &mut GraphqlResponse, request_id: Option<&HeaderValue>) {
    answer.errors.truncate(MOST_ERRORS);
    for error in &mut answer.errors {
        name_code(error, request_id);
    }
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

fn refusal(refused: Refused, accepted: Accepted) -> Response {
    if accepted.events == Events::Always {
        return sse::refuse(refused.errors());
    }
    // What is wrong with the parameters is 400 in either type; what is wrong with the document depends on it.
    let status = if refused.of_document { status_of_refusal(accepted.media) } else { refused.status };
    json_response(status, accepted.media, json!({ "errors": refused.errors() }).to_string())
}

fn not_acceptable() -> Response {
    let refused = Refused::new("accept application/json, application/graphql-response+json or text/event-stream");
    refusal(refused.with_status(StatusCode::NOT_ACCEPTABLE), Accepted { media: Media::Json, events: Events::No })
}

/// What is said of a defect: nothing about it.
pub fn defect() -> Value {
    json!([{ "message": "internal error", "extensions": { "code": INTERNAL } }])
}

/// The answer to a defect.
pub fn internal_error() -> Response {
    json_response(StatusCode::INTERNAL_SERVER_ERROR, Media::Json, json!({ "errors": defect() }).to_string())
}

fn json_response(status: StatusCode, media: Media, body: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, media.content_type()), (header::CACHE_CONTROL, "no-store"), (header::VARY, "accept, authorization")];
    (status, headers, body).into_response()
}
