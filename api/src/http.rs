//! HTTP: routes, headers, health, and the explorer.

mod calendars;
mod connections;
mod graphql;
pub mod idempotency;
mod json;
mod listener;
mod sse;
mod websocket;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Path, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use service::access::Database;
use tokio::{net::TcpListener, sync::watch};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::CorsLayer,
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::{DefaultOnResponse, TraceLayer},
};

use self::connections::Connections;
use crate::{
    config::Outside,
    graphql::{
        Schema,
        cost::{Allowance, Points},
        documents::Documents,
    },
};

include!(concat!(env!("OUT_DIR"), "/graphiql.rs"));

/// What the routes share.
#[derive(Clone)]
pub struct Server {
    schema: Schema,
    documents: Arc<Documents>,
    points: Arc<Points>,
    database: Database,
    explorable: bool,
    outside: Arc<Outside>,
    origins: Vec<HeaderValue>,
    /// How near its end the server is. Whoever has to end before it does has subscribed.
    stage: Arc<watch::Sender<Stage>>,
    connections: Connections,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_REQUEST_ID: usize = 64;
/// How long a browser may remember what an origin is allowed: no browser does for longer.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// How near its end a server is.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Stage {
    Serving,
    /// It still takes what comes, and says that it will not for long.
    Draining,
    /// It ends what it has begun.
    Stopping,
}

/// How often what callers spent is settled with other servers.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// How a server serves.
pub struct Options {
    /// Shows the explorer and answers introspection.
    pub explorable: bool,
    /// Web pages of these origins may call the API from a browser, and no others.
    pub origins: Vec<HeaderValue>,
    /// Which documents run.
    pub documents: Documents,
    /// What each person may spend.
    pub points_per_person: Allowance,
    /// What each address may spend while nobody is signed in.
    pub points_per_address: Allowance,
}

impl Server {
    /// A server over this database.
    pub fn new(database: Database, options: Options) -> Self {
        Self {
            schema: crate::graphql::schema(options.explorable),
            documents: Arc::new(options.documents),
            points: Arc::new(Points::new(options.points_per_person, options.points_per_address)),
            database,
            explorable: options.explorable,
            origins: options.origins,
            outside: Arc::default(),
            stage: Arc::new(watch::Sender::new(Stage::Serving)),
            connections: Connections::default(),
        }
    }

    /// The same server, which knows of others'.
    pub fn with_outside(self, outside: Outside) -> Self {
        Self { outside: Arc::new(outside), ..self }
    }

    /// From now on /readyz says no, so that a balancer sends nothing new, and each connection is closed with its next answer.
    pub fn drain(&self) {
        self.stage.send_replace(Stage::Draining);
    }

    /// From now on whatever stays open is closed, too.
    pub fn stop(&self) {
        self.stage.send_replace(Stage::Stopping);
    }

    /// Comes back when nothing is open any more that [`Self::stop`] closes.
    pub async fn drained(&self) {
        self.stage.closed().await;
    }

    /// Comes back when the server stops, which waits until this is dropped.
    fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stage = self.stage.subscribe();
        async move {
            // An error means that the server is gone.
            stage.wait_for(|stage| *stage == Stage::Stopping).await.ok();
        }
    }

    /// Serves whoever connects, until `stopped` comes back; then ends what has begun, and takes nothing new. A connection that says
    /// nothing for as long as `idle` is closed.
    pub async fn serve(&self, listener: TcpListener, idle: Duration, stopped: impl Future<Output = ()>) {
        tokio::select! {
            () = listener::serve(listener, self.router(), idle, stopped) => {}
            () = self.keep_settled() => {}
        }
    }

    /// Settles with the other servers on the database what was spent here.
    pub async fn settle_points(&self) -> Result<(), service::error::Error> {
        self.points.settle(&self.database).await
    }

    async fn keep_settled(&self) {
        loop {
            tokio::time::sleep(SETTLE_EVERY).await;
            // Where the database does not answer, nothing is spent either.
            if let Err(error) = self.settle_points().await {
                tracing::debug!(%error, "points are settled later");
            }
        }
    }

    /// The routes, with what surrounds every one of them.
    pub fn router(&self) -> Router {
        let mut router = Router::new()
            .route("/calendars/{file}", get(calendars::feed))
            .route(service::calendars::google::CALLBACK, get(calendars::callback).post(calendars::consented))
            .route(service::calendars::google::WEBHOOK, post(calendars::webhook))
            .route("/graphql", self.shared(get(websocket::get).post(graphql::post).options(graphql::options)))
            .route("/healthz", get(|| async { ([(header::CACHE_CONTROL, "no-store")], "ok\n") }))
            .route("/readyz", get(ready));
        if self.explorable {
            router = router
                .route("/", get(explorer))
                .route("/explorer.js", get(|| async { text("text/javascript; charset=utf-8", include_str!("../explorer.js")) }))
                .route("/explorer.css", get(|| async { text("text/css; charset=utf-8", include_str!("../explorer.css")) }))
                .route("/explorer/{*path}", get(|Path(path): Path<String>| async move { graphiql(&path) }));
        }
        router
            .with_state(self.clone())
            .layer(middleware::map_response_with_state(self.clone(), say_good_bye))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| graphql::internal_error()))
            .layer(middleware::map_response(security_headers))
            .layer(PropagateRequestIdLayer::new(REQUEST_ID))
            .layer(
                TraceLayer::new_for_http()
                    .make_span_with(|request: &Request| {
                        let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
                        // The query string of a GET holds variables, and a path may hold a secret, so the route is logged.
                        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
                        tracing::info_span!("request", %id, method = %request.method(), path = route)
                    })
                    .on_response(DefaultOnResponse::new().level(tracing::Level::INFO)),
            )
            .layer(SetRequestIdLayer::new(REQUEST_ID, Sequence(self.database.clone())))
            .layer(middleware::map_request(drop_strange_request_id))
    }

    /// A route that pages of the allowed origins may call. Tokens travel in a header, so no credentials of the browser's are allowed.
    fn shared(&self, route: MethodRouter<Self>) -> MethodRouter<Self> {
        if self.origins.is_empty() {
            return route;
        }
        let cors = CorsLayer::new()
            .allow_origin(self.origins.clone())
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE, REQUEST_ID, idempotency::IDEMPOTENCY_KEY])
            .expose_headers([header::RETRY_AFTER, REQUEST_ID, idempotency::REPLAYED])
            .max_age(PREFLIGHT_LIFETIME);
        route.layer(cors)
    }
}

/// Ids for requests that bring none. A client's own is kept if it is short and plain.
#[derive(Clone)]
struct Sequence(Database);

impl MakeRequestId for Sequence {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&self.0.new_id().to_string()).ok().map(RequestId::new)
    }
}

/// What a client calls its request ends up in the log.
async fn drop_strange_request_id(mut request: Request) -> Request {
    let plain = |id: &HeaderValue| {
        id.len() <= LONGEST_REQUEST_ID
            && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    if request.headers().get_all(REQUEST_ID).iter().any(|id| !plain(id)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

async fn security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    }
    response
}

/// Whoever keeps a connection sends the next request elsewhere.
async fn say_good_bye(State(server): State<Server>, mut response: Response) -> Response {
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !upgraded && *server.stage.borrow() >= Stage::Draining {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn ready(State(server): State<Server>) -> Response {
    let (status, text) = if *server.stage.borrow() >= Stage::Draining {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else {
        match tokio::time::timeout(Duration::from_secs(2), server.database.ping()).await {
            Ok(Ok(())) => (StatusCode::OK, "ready\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
        }
    };
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

fn text(content_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

/// GraphiQL where it was built, else the small page of our own.
async fn explorer() -> Response {
    const OWN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
                       form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    const GRAPHIQL_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
                            img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let (policy, page) = match GRAPHIQL.iter().find(|(path, _)| *path == "index.html") {
        Some((_, page)) => (GRAPHIQL_POLICY, *page),
        None => (OWN, include_str!("../explorer.html").as_bytes()),
    };
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, policy),
        ],
        page,
    )
        .into_response()
}

fn graphiql(path: &str) -> Response {
    let Some((_, file)) = GRAPHIQL.iter().find(|(name, _)| *name == path) else { return StatusCode::NOT_FOUND.into_response() };
    let content_type = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("ttf") => "font/ttf",
        Some("html") => "text/html; charset=utf-8",
        _ => "application/octet-stream",
    };
    // The names hold a hash of the content.
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")], *file).into_response()
}

/// The caller as limits count callers: an IPv6 network of 64 bits is one.
fn caller(address: SocketAddr) -> String {
    match address.ip() {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => address.segments()[..4].iter().map(|segment| format!("{segment:x}:")).collect(),
        },
    }
}
