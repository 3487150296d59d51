//! GraphQL over HTTP: what the specification asks of a server, in one handler. async-graphql's own ignores Accept and status.

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    Response as GraphqlResponse, ServerError, Value as ConstValue, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType, VariableDefinition},
};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use service::idempotency::KeyedRequest;

use super::{
    REQUEST_ID, Server, caller,
    idempotency::{self, REPLAYED},
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

/// What a client asks to have executed.
struct Operation {
    source: String,
    document: ExecutableDocument,
    name: Option<String>,
    variables: Variables,
}

/// Why nothing was executed.
struct Refused {
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
    let Some(media) = Media::negotiate(&parts.headers) else { return not_acceptable() };
    let scope = scope(&server, &parts.headers, address);
    let operation = match read_body(&parts.headers, body, scope.viewer().is_ok()).await {
        Ok(parameters) => operation(parameters),
        Err(refused) => Err(refused),
    };
    match operation {
        Ok(operation) => execute(&server, scope, operation, media, Method::POST, &parts.headers).await,
        Err(refused) => refusal(refused, media),
    }
}

/// GET /graphql, for queries alone.
pub async fn get(State(server): State<Server>, ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(media) = Media::negotiate(&parts.headers) else { return not_acceptable() };
    match query_string(parts.uri.query().unwrap_or_default()).and_then(operation) {
        Ok(operation) => execute(&server, scope(&server, &parts.headers, address), operation, media, Method::GET, &parts.headers).await,
        Err(refused) => refusal(refused, media),
    }
}

/// OPTIONS /graphql: no other origin is allowed, so a preflight learns the methods and nothing more.
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

fn operation(mut parameters: Map<String, Value>) -> Result<Operation, Refused> {
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
    media: Media,
    method: Method,
    headers: &HeaderMap,
) -> Response {
    let kind = operation.picked().map(|operation| operation.ty);
    if method == Method::GET && kind.is_some_and(|kind| kind != OperationType::Query) {
        let refused = Refused::new("only queries can be sent by GET: send this by POST").with_status(StatusCode::METHOD_NOT_ALLOWED);
        let mut response = refusal(refused, media);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if let Some(refused) = operation.missing_variable() {
        return refusal(refused, media);
    }
    let scope = match operation.keyed(headers) {
        Ok(Some(keyed)) => Arc::new(scope.keyed(keyed)),
        Ok(None) => Arc::new(scope),
        Err(message) => return refusal(Refused::new(message), media),
    };
    let executed = Arc::new(Executed::default());
    let mut request =
        async_graphql::Request::new("").variables(operation.variables).data(executed.clone()).data(scope.loaders()).data(scope.clone());
    request.set_parsed_query(operation.document);
    request.operation_name = operation.name;

    let schema = server.schema.clone();
    let request_id = headers.get(REQUEST_ID).cloned();
    let work = async move {
        let answer = schema.execute(request).await;
        let executed = executed.get();
        let answer = scope.finish(body(answer, executed, request_id.as_ref())?).await;
        let answer = answer.or_else(|error| {
            let error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
            body(GraphqlResponse::from_errors(vec![error]), executed, request_id.as_ref()).map(Answer::New)
        })?;
        Ok::<_, serde_json::Error>((answer, executed))
    };
    let work = AssertUnwindSafe(work).catch_unwind();
    let answer = if kind == Some(OperationType::Mutation) {
        // A client that hangs up does not undo half of what it asked for: the task goes on by itself.
        let span = tracing::Span::current();
        let task = tokio::spawn(tracing::Instrument::instrument(work, span));
        tokio::time::timeout(DEADLINE, task).await.map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error))))
    } else {
        tokio::time::timeout(DEADLINE, work).await
    };
    match answer {
        Ok(Ok(Ok((Answer::New(body), executed)))) => json_response(status(executed, media), media, body),
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
    if executed { serde_json::to_string(&answer) } else { serde_json::to_string(&json!({ "errors": answer.errors })) }
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
    let mut extensions = refused.extensions;
    extensions.insert("code".into(), refused.code.into());
    let mut error = json!({ "message": refused.message, "extensions": extensions });
    if let Some((line, column)) = refused.position {
        error["locations"] = json!([{ "line": line, "column": column }]);
    }
    // What is wrong with the parameters is 400 in either type; what is wrong with the document depends on it.
    let status = if refused.of_document { status(false, media) } else { refused.status };
    json_response(status, media, json!({ "errors": [error] }).to_string())
}

fn not_acceptable() -> Response {
    let refused = Refused::new("accept application/json or application/graphql-response+json").with_status(StatusCode::NOT_ACCEPTABLE);
    refusal(refused, Media::Json)
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
