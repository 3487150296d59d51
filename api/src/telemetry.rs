//! What is written down for the operator while Hale works: log lines, and traces for a collector. Nobody's data is among them.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal},
    panic::PanicHookInfo,
};

use async_graphql::async_trait::async_trait;
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, fmt, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt};

use crate::{
    config::{LogFormat, Settings},
    store::Error,
};

/// Hale's crates: whose lines were written to be read. Others' may hold whatever goes through them, such as the messages of a socket,
/// so from them come warnings alone.
const OWN: [&str; 4] = ["api", "entity", "migration", "service"];

/// What goes on being written until it ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Writes from now on, as the settings have it.
    pub fn start(settings: &Settings, runtime: &Handle) -> Result<Self, Error> {
        let filter = filter(&settings.log).map_err(|error| Error::Other(format!("HALE_LOG cannot be read: {error}")))?;
        let format = settings.log_format.unwrap_or(if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json });
        let traces = settings.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
        let traces = traces.map(|endpoint| exporting(endpoint, runtime.clone())).transpose()?;
        let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
        let lines = match format {
            LogFormat::Text => lines.compact().with_target(false).boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.as_ref().map(spans)).init();
        std::panic::set_hook(Box::new(tell));
        Ok(Self { traces })
    }

    /// Sends what was not sent yet. Not in a task: it waits for one.
    pub fn end(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

/// What HALE_LOG lets through: a level counts for Hale's own crates, which a filter may also name.
fn filter(text: &str) -> Result<EnvFilter, String> {
    let mut directives = Vec::new();
    let mut others = LevelFilter::WARN;
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        if let Ok(level) = directive.parse::<LevelFilter>() {
            others = level.min(LevelFilter::WARN);
            directives.extend(OWN.map(|own| format!("{own}={level}")));
            continue;
        }
        let named = directive.split(['=', '[', ':']).next().unwrap_or_default();
        if !OWN.contains(&named) {
            return Err(format!("{directive:?} names neither a level nor one of {}, whose lines alone hold nobody's data", OWN.join(", ")));
        }
        directives.push(directive.to_owned());
    }
    directives.insert(0, others.to_string());
    EnvFilter::try_new(directives.join(",")).map_err(|error| error.to_string())
}

/// Says where a panic was. What was formatted for it may hold anything, so only a text of the source is repeated.
fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("with a message that may hold data");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => tracing::error!(place, message, %backtrace, "a defect: something panicked"),
        _ => tracing::error!(place, message, "a defect: something panicked"),
    }
}

/// The spans of Hale's own crates, without the lines in them.
fn spans<S>(traces: &SdkTracerProvider) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let own = filter_fn(|of| of.is_span() && of.target().split("::").next().is_some_and(|target| OWN.contains(&target)));
    let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer("hale"));
    layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false).with_filter(own)
}

/// Sends spans in batches to a collector at this address, in protobuf over HTTP.
fn exporting(endpoint: &str, runtime: Handle) -> Result<SdkTracerProvider, Error> {
    let client = Client { client: service::provider::client()?, runtime };
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(endpoint).build();
    let exporter = exporter.map_err(|error| Error::Other(format!("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: {error}")))?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("hale").with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Hale's client. Batches are sent from a thread of their own, which has no runtime.
#[derive(Debug)]
struct Client<C> {
    client: C,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client<service::provider::Client> {
    async fn send_bytes(&self, request: opentelemetry_http::Request<Bytes>) -> Result<opentelemetry_http::Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), request.try_into()?);
        let answered = self.runtime.spawn(async move {
            let answer = client.execute(request).await.map_err(|error| error.without_url())?;
            let mut response = opentelemetry_http::Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
            }
            Ok::<_, HttpError>(response.body(answer.bytes().await?)?)
        });
        answered.await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_for_hales_own_crates_and_others_only_warn() {
        for (text, filter_text) in [
            ("trace", "warn,api=trace,entity=trace,migration=trace,service=trace"),
            ("error", "error,api=error,entity=error,migration=error,service=error"),
            ("info, service::jobs=debug", "warn,api=info,entity=info,migration=info,service=info,service::jobs=debug"),
        ] {
            let expected = EnvFilter::try_new(filter_text).unwrap().to_string();
            assert_eq!(filter(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["tungstenite=trace", "info,sqlx::query=debug", "a=b=c", "[request]=trace", "api=loud"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }
}
