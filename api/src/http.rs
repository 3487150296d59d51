//! HTTP: routes, headers, health, and the explorer.

mod activities;
mod calendars;
mod charts;
pub mod client_address;
mod connections;
mod files;
mod food_export;
mod graphql;
pub mod idempotency;
mod json;
mod listener;
mod observation;
mod progress_photos;
mod sse;
mod websocket;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, RawQuery, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use service::access::Database;
use tokio::{net::TcpListener, sync::watch};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer};

use self::{client_address::TrustedProxies, connections::Connections};
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
    proxies: TrustedProxies,
    /// How near its end the server is. Whoever has to end before it does has subscribed.
    stage: Arc<watch::Sender<Stage>>,
    connections: Connections,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
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
    /// Proxies that are believed who called.
    pub proxies: TrustedProxies,
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
            proxies: options.proxies,
            outside: Arc::default(),
            stage: Arc::new(watch::Sender::new(Stage::Serving)),
            connections: Connections::default(),
        }
    }

    /// The same server, which knows of others'.
    pub fn with_outside(self, outside: Outside) -> Self {
        Self { outside: Arc::new(outside), ..self }
    }

    /// The database on account of the request with these headers.
    fn database_for(&self, headers: &HeaderMap) -> Database {
        observation::request_id(headers).map_or_else(|| self.database.clone(), |id| self.database.for_request(id))
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
            .route("/activities", self.shared(post(activities::import)))
            .route("/export/food-diary.csv", self.shared(get(food_export::diary)))
            .route("/export/foods.csv", self.shared(get(food_export::foods)))
            .route("/charts/{name}", self.shared(get(charts::show)))
            .route("/photos", self.shared(post(progress_photos::add)))
            .route("/photos/{id}", self.shared(get(progress_photos::show)))
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
            .layer(middleware::from_fn_with_state(self.clone(), observation::observe))
            .layer(middleware::map_request_with_state(self.clone(), |State(server): State<Self>, request: Request| async move {
                server.proxies.see_through(request)
            }))
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

async fn ready(State(server): State<Server>, RawQuery(query): RawQuery) -> Response {
    let (status, mut text) = if *server.stage.borrow() >= Stage::Draining {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned())
    } else {
        match tokio::time::timeout(Duration::from_secs(2), server.database.ping()).await {
            Ok(Ok(())) => (StatusCode::OK, "ready\n".to_owned()),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned()),
        }
    };
    if status == StatusCode::OK && query.as_deref() == Some("verbose") {
        text.push_str(&backups(&server.database).await);
    }
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// How backups went. Whether they go well decides nothing about being ready.
async fn backups(database: &Database) -> String {
    let Ok(last) = service::backup::last(database).await else { return "last backup: unknown\n".to_owned() };
    let made = match (last.succeeded_at, last.bytes, last.seconds) {
        (Some(at), Some(bytes), Some(seconds)) => format!("last backup: {}, {bytes} bytes in {seconds:.1} s\n", at.format("%FT%TZ")),
        _ => "last backup: none\n".to_owned(),
    };
    let failed = last.failed_at.map(|at| format!("a backup failed: {}\n", at.format("%FT%TZ")));
    made + &failed.unwrap_or_default()
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
