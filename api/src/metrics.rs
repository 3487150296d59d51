//! What is counted, and where Prometheus reads it: on an address of its own, so that nobody reads it who only reaches the API.
//!
//! Labels are from closed sets: routes, media, codes, and names of fields of the schema, which a valid document alone can hold. Nothing
//! that a client chose, and no person, is ever among them.

use std::{
    fs, io,
    net::SocketAddr,
    sync::{Arc, LazyLock, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, prometheus_text},
    metrics::{
        counter::{ConstCounter, Counter},
        family::{Family, MetricConstructor},
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};
use service::{
    access::Database,
    clock::{Clock, SystemClock},
    metrics::Durations,
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::store::Error;

/// A request of HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route as it is declared, or "none".
    pub route: String,
    /// One that some route knows, or "other".
    pub method: &'static str,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// An operation, as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Operation {
    /// "query", "mutation" or "subscription"; "none" where there was no valid document.
    pub kind: &'static str,
    /// The field of the root type that it asks for, "several" or "none".
    pub field: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    kind: &'static str,
    field: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Transport {
    transport: &'static str,
}

/// Upper bounds of what an operation costs: at most 1,000 points, and what its mutations cost besides.
const POINTS: [f64; 8] = [1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0];

#[derive(Clone)]
struct Points;

impl MetricConstructor<Histogram> for Points {
    fn new_metric(&self) -> Histogram {
        Histogram::new(POINTS)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

struct Metrics {
    requests: Family<Request, Counter>,
    request_durations: Family<Route, Histogram, Durations>,
    operations: Family<Answered, Counter>,
    operation_durations: Family<Operation, Histogram, Durations>,
    costs: Family<Kind, Histogram, Points>,
    connections: Family<Transport, Gauge>,
    subscriptions: Family<Operation, Gauge>,
    events: Family<Answered, Counter>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    requests: Family::default(),
    request_durations: Family::new_with_constructor(Durations::QUICK),
    operations: Family::default(),
    operation_durations: Family::new_with_constructor(Durations::QUICK),
    costs: Family::new_with_constructor(Points),
    connections: Family::default(),
    subscriptions: Family::default(),
    events: Family::default(),
});

/// A request was answered.
pub fn request(request: Request, took: Duration) {
    let route = Route { route: request.route.clone() };
    METRICS.request_durations.get_or_create(&route).observe(took.as_secs_f64());
    METRICS.requests.get_or_create(&request).inc();
}

/// An operation came to its end, or was refused: `code` is that of its first error, or "OK".
pub fn operation(operation: &Operation, code: &'static str, took: Option<Duration>) {
    let Operation { kind, field } = operation.clone();
    METRICS.operations.get_or_create(&Answered { kind, field, code }).inc();
    if let Some(took) = took {
        METRICS.operation_durations.get_or_create(operation).observe(took.as_secs_f64());
    }
}

/// An operation costs so many points.
pub fn cost(kind: &'static str, points: usize) {
    METRICS.costs.get_or_create(&Kind { kind }).observe(f64::from(u32::try_from(points).unwrap_or(u32::MAX)));
}

/// A connection that stays open, counted until it is dropped.
pub struct Connected(Gauge);

impl Connected {
    /// By "websocket" or "sse".
    pub fn by(transport: &'static str) -> Self {
        let gauge = METRICS.connections.get_or_create_owned(&Transport { transport });
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A subscription that somebody follows, until it is dropped. Then it counts as an operation that has ended.
pub struct Followed {
    subscription: Operation,
    refused: OnceLock<&'static str>,
}

impl Followed {
    /// From now on.
    pub fn begin(subscription: Operation) -> Self {
        METRICS.subscriptions.get_or_create(&subscription).inc();
        Self { subscription, refused: OnceLock::new() }
    }

    /// It told something: data, or errors of which this is the first's code.
    pub fn tells(&self, code: &'static str) {
        let Operation { kind, field } = self.subscription.clone();
        METRICS.events.get_or_create(&Answered { kind, field, code }).inc();
    }

    /// It never began, for this reason.
    pub fn is_refused(&self, code: &'static str) {
        self.refused.set(code).ok();
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        METRICS.subscriptions.get_or_create(&self.subscription).dec();
        operation(&self.subscription, self.refused.get().copied().unwrap_or("OK"), None);
    }
}

/// The address that Prometheus reads from, until this is dropped.
pub struct Listening {
    /// Where that is.
    pub address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl Listening {
    /// Answers at this address, once there is something to tell.
    pub async fn start(address: SocketAddr, database: &Database) -> Result<Self, Error> {
        let failed = |error| Error::Other(format!("cannot listen on {address} for HALE_METRICS_LISTEN: {error}"));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = Router::new().route("/metrics", get(tell)).with_state((Arc::new(registry()), database.clone()));
        Ok(Self { address, task: tokio::spawn(async move { axum::serve(listener, router).await }) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tell(State((registry, database)): State<(Arc<Registry>, Database)>) -> Response {
    service::metrics::look(&database).await;
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, prometheus_text::CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process { started: SystemClock.now().timestamp() }));
    let hale = registry.sub_registry_with_prefix("hale");
    hale.register("build", "Which Hale this is", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    let metrics = &*METRICS;
    hale.register("http_requests", "Requests, by route, method and status of the answer", metrics.requests.clone());
    hale.register_with_unit(
        "http_request_duration",
        "How long requests took until their answer began",
        Unit::Seconds,
        metrics.request_durations.clone(),
    );
    hale.register("graphql_operations", "Operations, by kind, field and code of the first error", metrics.operations.clone());
    hale.register_with_unit(
        "graphql_operation_duration",
        "How long queries and mutations took",
        Unit::Seconds,
        metrics.operation_durations.clone(),
    );
    hale.register("graphql_cost_points", "What operations cost, in points", metrics.costs.clone());
    hale.register("graphql_connections", "Connections that stay open", metrics.connections.clone());
    hale.register("graphql_subscriptions", "Subscriptions that somebody follows", metrics.subscriptions.clone());
    hale.register("graphql_subscription_events", "What subscriptions told", metrics.events.clone());
    service::metrics::register(hale);
    registry
}

/// This process, by the names that every Prometheus client gives it.
#[derive(Debug)]
struct Process {
    started: i64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, unit: Option<Unit>, value: Option<i64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit.as_ref(), gauge.metric_type())?)
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<i64>().ok()? * 1024)
        };
        gauge("process_resident_memory", "Memory in use", Some(Unit::Bytes), bytes("VmRSS"))?;
        gauge("process_virtual_memory", "Address space in use", Some(Unit::Bytes), bytes("VmSize"))?;
        gauge("process_start_time", "When it started, since 1970", Some(Unit::Seconds), Some(self.started))?;
        let open = fs::read_dir("/proc/self/fd").ok().and_then(|files| i64::try_from(files.count()).ok());
        gauge("process_open_fds", "Open file descriptors", None, open)?;
        let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        gauge("process_max_fds", "Open file descriptors at most", None, most.and_then(|most| i64::try_from(most).ok()))?;
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a processor")]
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        let counter = ConstCounter::new(seconds);
        let descriptor =
            encoder.encode_descriptor("process_cpu", "Time of processors used", Some(&Unit::Seconds), counter.metric_type())?;
        counter.encode(descriptor)
    }
}
