//! Somebody else's server, asked with care: bounded in time and size, never followed elsewhere, and left alone for a while when
//! it does not answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use reqwest::Client;
use reqwest::{ClientBuilder, RequestBuilder, header, redirect::Policy};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    error::{Error, Result},
    metrics::METRICS,
};

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(20);
const LARGEST_BODY: usize = 4 << 20;
/// After so many failures in a row nobody asks for a while.
const FAILURES: u32 = 5;
pub(crate) const REST: Duration = Duration::from_secs(30);

/// A client of one provider.
pub(crate) struct Provider {
    name: &'static str,
    client: Client,
    rest: Duration,
    breaker: Mutex<Breaker>,
}

/// Why a request was not sent: its provider failed several times, and is left alone for a while.
#[derive(Debug, thiserror::Error)]
#[error("it did not answer several times, and is left alone")]
pub(crate) struct Resting;

/// An answer that is not what was expected. What serde says may quote it, so only the place is told.
#[derive(Debug, thiserror::Error)]
#[error("its answer is not what was expected: line {line}, column {column}")]
pub(crate) struct Unreadable {
    line: usize,
    column: usize,
}

#[derive(Default)]
struct Breaker {
    failures: u32,
    rests_until: Option<Instant>,
}

/// What a provider answered, whatever the status.
pub(crate) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// When it asks to be asked again.
    pub retry_after: Option<Duration>,
    body: Vec<u8>,
    provider: &'static str,
}

/// A client for somebody else's server: without a system's TLS or certificates, and bounded in time.
pub fn client() -> Result<Client> {
    builder()?.build().map_err(|error| Error::Internal(error.into()))
}

/// The same, to be built with what only one of them needs.
pub(crate) fn builder() -> Result<ClientBuilder> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Internal(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .user_agent(concat!("hale/", env!("CARGO_PKG_VERSION"))))
}

impl Provider {
    /// A client of the provider that people know as `name`.
    pub fn new(name: &'static str) -> Result<Self> {
        Ok(Self::over(name, client()?, REST))
    }

    /// The same over a client of its own, and left alone for so long once it fails.
    pub fn over(name: &'static str, client: Client, rest: Duration) -> Self {
        METRICS.rests(name, false);
        Self { name, client, rest, breaker: Mutex::default() }
    }

    /// What requests are built with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request and reads the whole answer. A server that does not answer, or answers with a 5xx, is an error.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        self.refuse_while_it_rests().inspect_err(|_| METRICS.provider(self.name, "resting", None))?;
        let begun = Instant::now();
        let answer = self.ask(request).await;
        METRICS.provider(self.name, if answer.is_ok() { "answered" } else { "failed" }, Some(begun.elapsed()));
        self.note(answer.is_ok());
        answer
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer> {
        // An error of reqwest names the URL, in which a secret may stand.
        let failed = |error: reqwest::Error| self.unavailable(None, error.without_url());
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        if status.is_server_error() {
            return Err(self.unavailable(retry_after, format!("it answers {status}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(self.unavailable(None, "its answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: status.as_u16(), retry_after, body, provider: self.name })
    }

    fn unavailable(&self, retry_after: Option<Duration>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::ProviderUnavailable {
            provider: self.name,
            retry_after: retry_after.unwrap_or(Duration::from_secs(10)),
            source: source.into(),
        }
    }

    fn refuse_while_it_rests(&self) -> Result<()> {
        let breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        match breaker.rests_until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(rest) if !rest.is_zero() => Err(self.unavailable(Some(rest), Resting)),
            _ => Ok(()),
        }
    }

    fn note(&self, answered: bool) {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.failures = if answered { 0 } else { breaker.failures.saturating_add(1) };
        breaker.rests_until = (breaker.failures >= FAILURES).then(|| Instant::now() + self.rest);
        METRICS.rests(self.name, breaker.rests_until.is_some());
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::ProviderUnavailable {
            provider: self.provider,
            retry_after: Duration::from_secs(60),
            source: Unreadable { line: error.line(), column: error.column() }.into(),
        })
    }
}
