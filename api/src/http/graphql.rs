//! GraphQL over HTTP: what the specification asks of a server, in one handler. async-graphql's own ignores Accept and status.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use async_graphql::{Response as GraphqlResponse, ServerError, parser::types::OperationType};
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
use tracing::Instrument;

use super::{
    REQUEST_ID, Server, caller,
    idempotency::{self, REPLAYED},
    json, sse,
};
use crate::{
    graphql::{
        Executed,
        cost::{self, Bill, Caller, Charge},
        documents::{Operation, Wanted},
        error::{BAD_REQUEST, INTERNAL, TIMEOUT, code_of},
        limits::{Problem, Refusal},
        scope::{Answer, RequestScope},
    },
    metrics::{self, Followed},
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

/// The parameters of a request, read.
struct Parameters {
    wanted: Wanted,
    operation_name: Option<String>,
    variables: Map<String, Value>,
    /// `extensions.cost`: whether the answer tells what it cost.
    shows_cost: bool,
}

/// What came of executing an operation, of a subscription once per event.
pub enum Outcome {
    /// An answer with data, errors of fields or both, as JSON.
    Executed(String),
    /// The answer that was given when the request came the first time.
    Replayed(String),
    /// It was not executed: the answer, which has errors and no data.
    Refused(Value),
    /// A defect. Nothing is said about it.
    Broken,
}

/// Why nothing was executed.
pub struct Refused {
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

    fn count(&self) {
        metrics::operation(&metrics::Operation { kind: "none", field: "none".to_owned() }, code_of(&self.errors), None);
    }

    /// The answer that says so.
    pub fn answer(self) -> Value {
        not_executed(GraphqlResponse::from_errors(self.errors), None)
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
    let Some(accepted) = Accepted::negotiate(&parts.headers) else { return not_acceptable() };
    let call = Call::new(&server, &parts.headers, address, accepted, Method::POST);
    if let Some(refused) = call.without_points() {
        return refused;
    }
    let parameters = read_body(&parts.headers, body, call.scope.viewer().is_ok()).await;
    call.answer(parameters).await
}

/// GET /graphql, for what changes nothing.
pub async fn get(State(server): State<Server>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(accepted) = Accepted::negotiate(&parts.headers) else { return not_acceptable() };
    let call = Call::new(&server, &parts.headers, address, accepted, Method::GET);
    match call.without_points() {
        Some(refused) => refused,
        None => call.answer(query_string(parts.uri.query().unwrap_or_default())).await,
    }
}

/// OPTIONS /graphql, where it is no preflight of an allowed origin: the methods and nothing more.
pub async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, "GET, POST, OPTIONS")]).into_response()
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
    match json::read(&bytes) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        Ok(Value::Array(_)) => Err(Refused::bad_request("batches are not supported: send one operation per request")),
        Ok(_) => Err(Refused::bad_request("the body must be a JSON object")),
        Err(error) => {
            let wrong = if error.is_data() { "the body has a key twice" } else { "the body is not JSON" };
            Err(Refused::bad_request(format!("{wrong}: line {}, column {}", error.line(), error.column())))
        }
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
            "variables" | "extensions" => json::read(value.as_bytes())
                .map_err(|_| Refused::bad_request(format!("{name} must be a JSON object without a key twice")))?,
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

/// An operation that a client asks for.
pub struct Asked {
    operation: Operation,
    counted: metrics::Operation,
    shows_cost: bool,
}

/// The operation that these parameters ask for, if it is valid. What is refused is counted.
pub fn asked(server: &Server, parameters: Map<String, Value>) -> Result<Asked, Refused> {
    find(server, parameters).inspect_err(Refused::count)
}

fn find(server: &Server, parameters: Map<String, Value>) -> Result<Asked, Refused> {
    let parameters = Parameters::read(parameters)?;
    let document = server.documents.find(&parameters.wanted)?;
    let operation = server.documents.operation(document, parameters.operation_name, parameters.variables)?;
    if operation.kind == OperationType::Subscription && !operation.is_one_plain_field() {
        return Err(
            Refusal::from(Problem::new("a subscription selects exactly one field, outside of fragments and without directives")).into()
        );
    }
    let counted = counted(&operation);
    Ok(Asked { operation, counted, shows_cost: parameters.shows_cost })
}

/// An operation by what it asks for, which is a name of the schema's: names that clients give are without number.
fn counted(operation: &Operation) -> metrics::Operation {
    let kind = match operation.kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    };
    let fields = operation.root_fields();
    let field = match fields.as_slice() {
        [] => "none",
        [first, others @ ..] if others.iter().all(|other| other == first) => first,
        _ => "several",
    };
    metrics::Operation { kind, field: field.to_owned() }
}

/// Takes the point that each request costs; why not, where there is none.
pub fn take_point(server: &Server, scope: &RequestScope) -> Result<(), (Refused, Charge)> {
    let charge = server.points.take(&payer(scope), 1, server.database.now());
    charge.refused().map_or(Ok(()), |error| {
        let refused = Refused { status: None, errors: vec![error] };
        refused.count();
        Err((refused, charge))
    })
}

/// Whose points are spent.
fn payer(scope: &RequestScope) -> Caller {
    scope.viewer().map_or_else(|_| Caller::Address(scope.client().to_owned()), |viewer| Caller::Person(viewer.user_id()))
}

/// One request on its way: who sent it, and how it wants to be answered.
struct Call<'a> {
    server: &'a Server,
    scope: RequestScope,
    accepted: Accepted,
    method: Method,
    headers: &'a HeaderMap,
}

impl<'a> Call<'a> {
    fn new(server: &'a Server, headers: &'a HeaderMap, address: SocketAddr, accepted: Accepted, method: Method) -> Self {
        let scope = RequestScope::new(server.database_for(headers), server.outside.clone(), bearer(headers), caller(address))
            .user_agent_is(headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned));
        Self { server, scope, accepted, method, headers }
    }

    /// Takes the point that each request costs; the answer where there is none.
    fn without_points(&self) -> Option<Response> {
        let (refused, charge) = take_point(self.server, &self.scope).err()?;
        Some(limited(refusal(refused, self.accepted), Some(&charge), self.accepted))
    }

    async fn answer(self, parameters: Result<Map<String, Value>, Refused>) -> Response {
        let accepted = self.accepted;
        match parameters.inspect_err(Refused::count).and_then(|parameters| asked(self.server, parameters)) {
            Ok(asked) => {
                tracing::Span::current().record("operation", &asked.counted.field);
                self.execute(asked).await
            }
            Err(refused) => refusal(refused, accepted),
        }
    }

    async fn execute(self, asked: Asked) -> Response {
        let Self { server, scope, accepted, method, headers } = self;
        let (kind, media) = (asked.operation.kind, accepted.media);
        let follows = kind == OperationType::Subscription;
        let streamed = accepted.events == Events::Always || accepted.events == Events::ForSubscriptions && follows;
        if method == Method::GET && (kind == OperationType::Mutation || follows && !streamed) {
            let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, "only queries can be sent by GET: send this by POST");
            let mut response = counted_refusal(refused, accepted);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let scope = match idempotency::keyed(headers, &asked.operation) {
            Ok(Some(keyed)) => Arc::new(scope.keyed(keyed)),
            Ok(None) => Arc::new(scope),
            Err(message) => return counted_refusal(Refused::bad_request(message), accepted),
        };
        let request_id = headers.get(REQUEST_ID).cloned();
        if streamed {
            return sse::respond(server, &scope, outcomes(server, scope.clone(), asked, request_id));
        }
        if follows {
            let message = "a subscription has many answers: accept text/event-stream, or use the WebSocket of /graphql";
            return counted_refusal(Refusal::from(Problem::new(message)).into(), accepted);
        }
        let bill = bill(server, &scope, &asked.operation);
        match perform(server, scope, asked, bill.clone(), request_id).await {
            Outcome::Executed(body) => limited(json_response(StatusCode::OK, media, body), bill.charge.get(), accepted),
            Outcome::Refused(body) => {
                limited(json_response(status_of_refusal(media), media, body.to_string()), bill.charge.get(), accepted)
            }
            Outcome::Replayed(body) => {
                let mut response = json_response(StatusCode::OK, media, body);
                response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                response
            }
            Outcome::Broken => internal_error(),
        }
    }
}

/// What comes of an operation: of a subscription one outcome per event, of anything else one.
pub fn outcomes(server: &Server, scope: Arc<RequestScope>, asked: Asked, request_id: Option<HeaderValue>) -> BoxStream<'static, Outcome> {
    let bill = bill(server, &scope, &asked.operation);
    if asked.operation.kind != OperationType::Subscription {
        let server = server.clone();
        return stream::once(async move { perform(&server, scope, asked, bill, request_id).await }).boxed();
    }
    let span = tracing::error_span!("operation", kind = asked.counted.kind, field = asked.counted.field);
    let followed = Arc::new(Followed::begin(asked.counted));
    let executed = Arc::new(Executed::default());
    let request = asked.operation.request.data(executed.clone()).data(bill).data(scope.loaders()).data(scope.clone());
    let events = AssertUnwindSafe(server.schema.execute_stream(request)).catch_unwind();
    let mut events = events
        .then(move |event| {
            let (scope, executed, request_id, followed) = (scope.clone(), executed.clone(), request_id.clone(), followed.clone());
            async move {
                let (outcome, code) = match event {
                    Ok(answer) => outcome(answer, &scope, &executed, request_id).await,
                    Err(_) => (Outcome::Broken, INTERNAL),
                };
                match outcome {
                    Outcome::Refused(_) => followed.is_refused(code),
                    _ => followed.tells(code),
                }
                outcome
            }
        })
        .boxed();
    let events = stream::poll_fn(move |context| {
        let _entered = span.enter();
        events.poll_next_unpin(context)
    });
    events.boxed()
}

/// What an operation costs, to be paid once its fields are counted. A subscription is paid when it begins.
fn bill(server: &Server, scope: &RequestScope, operation: &Operation) -> Arc<Bill> {
    let surcharge = if operation.kind == OperationType::Mutation { cost::MUTATION * operation.root_fields().len() } else { 0 };
    let (points, caller, now) = (server.points.clone(), payer(scope), server.database.now());
    Arc::new(Bill { points, caller, surcharge, now, charge: OnceLock::new() })
}

/// Executes a query or a mutation.
async fn perform(server: &Server, scope: Arc<RequestScope>, asked: Asked, bill: Arc<Bill>, request_id: Option<HeaderValue>) -> Outcome {
    let Asked { operation, counted, shows_cost } = asked;
    let (kind, kind_name, begun) = (operation.kind, counted.kind, Instant::now());
    let span = tracing::error_span!("operation", kind = counted.kind, field = counted.field);
    let executed = Arc::new(Executed::default());
    let request = operation.request.data(executed.clone()).data(bill.clone()).data(scope.loaders()).data(scope.clone());
    let schema = server.schema.clone();
    let work = async move {
        let mut answer = schema.execute(request).await;
        if let Some(charge) = bill.charge.get() {
            metrics::cost(kind_name, charge.requested);
            if shows_cost {
                answer.extensions.insert("cost".into(), charge.to_value());
            }
        }
        outcome(answer, &scope, &executed, request_id).await
    };
    let work = AssertUnwindSafe(work.instrument(span)).catch_unwind();
    let outcome = if kind == OperationType::Mutation {
        // A client that hangs up does not undo half of what it asked for: the task goes on by itself.
        let task = tokio::spawn(work.in_current_span());
        tokio::time::timeout(DEADLINE, task).await.map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error))))
    } else {
        tokio::time::timeout(DEADLINE, work).await
    };
    let (outcome, code) = match outcome {
        Ok(outcome) => outcome.unwrap_or((Outcome::Broken, INTERNAL)),
        Err(_) => {
            let body = json!({ "data": null, "errors": [{ "message": "this took too long and was given up", "extensions": { "code": TIMEOUT } }] });
            (Outcome::Executed(body.to_string()), TIMEOUT)
        }
    };
    metrics::operation(&counted, code, Some(begun.elapsed()));
    tracing::Span::current().record("code", code);
    tracing::debug!(kind = counted.kind, field = counted.field, code, milliseconds = begun.elapsed().as_millis(), "executed");
    outcome
}

/// What is sent of an answer, once the request has ended with it, and the code of its first error.
async fn outcome(
    mut answer: GraphqlResponse,
    scope: &RequestScope,
    executed: &Executed,
    request_id: Option<HeaderValue>,
) -> (Outcome, &'static str) {
    let code = code_of(&answer.errors);
    if !executed.get() {
        scope.end_read().await;
        return (Outcome::Refused(not_executed(answer, request_id.as_ref())), code);
    }
    name_codes(&mut answer, request_id.as_ref());
    let Ok(body) = serde_json::to_string(&answer) else { return (Outcome::Broken, INTERNAL) };
    match scope.finish(body).await {
        Ok(Answer::New(body)) => (Outcome::Executed(body), code),
        Ok(Answer::Before(body)) => (Outcome::Replayed(body), code),
        Err(error) => {
            let error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
            let mut answer = GraphqlResponse::from_errors(vec![error]);
            let code = code_of(&answer.errors);
            name_codes(&mut answer, request_id.as_ref());
            serde_json::to_string(&answer).map_or((Outcome::Broken, INTERNAL), |body| (Outcome::Executed(body), code))
        }
    }
}

/// Says when there will be points again, where there were too few.
fn limited(mut response: Response, charge: Option<&Charge>, accepted: Accepted) -> Response {
    if let Some(seconds) = charge.and_then(|charge| charge.retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        if accepted.media == Media::GraphqlResponse && accepted.events != Events::Always {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        }
    }
    response
}

/// The status of an operation that was not executed, in one place. It is a client's error, which plain JSON clients of old expect as 200.
fn status_of_refusal(media: Media) -> StatusCode {
    if media == Media::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

/// The answer to a request that was not executed: it has no data, not even null.
fn not_executed(mut answer: GraphqlResponse, request_id: Option<&HeaderValue>) -> Value {
    name_codes(&mut answer, request_id);
    let mut refused = json!({ "errors": answer.errors });
    if !answer.extensions.is_empty() {
        refused["extensions"] = json!(answer.extensions);
    }
    refused
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
        return sse::refuse(refused.answer());
    }
    // What is wrong with the parameters has its status in either type.
    let status = refused.status.unwrap_or_else(|| status_of_refusal(accepted.media));
    json_response(status, accepted.media, refused.answer().to_string())
}

fn counted_refusal(refused: Refused, accepted: Accepted) -> Response {
    refused.count();
    refusal(refused, accepted)
}

fn not_acceptable() -> Response {
    let message = "accept application/json, application/graphql-response+json or text/event-stream";
    counted_refusal(Refused::new(StatusCode::NOT_ACCEPTABLE, message), Accepted { media: Media::Json, events: Events::No })
}

/// The answer to a defect: nothing about it.
pub fn defect() -> Value {
    json!({ "errors": [{ "message": "internal error", "extensions": { "code": INTERNAL } }] })
}

/// The same as a response.
pub fn internal_error() -> Response {
    json_response(StatusCode::INTERNAL_SERVER_ERROR, Media::Json, defect().to_string())
}

fn json_response(status: StatusCode, media: Media, body: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, media.content_type()), (header::CACHE_CONTROL, "no-store"), (header::VARY, "accept, authorization")];
    (status, headers, body).into_response()
}
