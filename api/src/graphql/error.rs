//! Errors as a client sees them: a closed set of codes, and never a source.

use async_graphql::{ErrorExtensions, ScalarType, ServerError, Value};
use service::error::Error as ServiceError;

use super::scalars::DateTime;

/// A result of a resolver.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with a code. Deliberately not `Display`: async-graphql would publish the text of anything that is, SQL included,
/// and `?` on a database error must not compile in a resolver.
#[derive(Clone, Debug)]
pub struct Error {
    code: &'static str,
    message: String,
    extensions: Vec<(&'static str, Value)>,
}

/// The document does not parse, validate or coerce.
pub const BAD_REQUEST: &str = "BAD_REQUEST";
/// No trusted document has this id, or the server runs nothing else.
pub const DOCUMENT_NOT_FOUND: &str = "DOCUMENT_NOT_FOUND";
/// Too many points were spent.
pub const RATE_LIMITED: &str = "RATE_LIMITED";
/// A limit of the server was reached.
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
/// Nobody is signed in, or not any more.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// It took too long.
pub const TIMEOUT: &str = "TIMEOUT";
const UNAVAILABLE: &str = "UNAVAILABLE";
/// A defect of Hale's.
pub const INTERNAL: &str = "INTERNAL";

/// Every code.
const CODES: [&str; 14] = [
    BAD_REQUEST,
    DOCUMENT_NOT_FOUND,
    RATE_LIMITED,
    LIMIT_EXCEEDED,
    UNAUTHENTICATED,
    TIMEOUT,
    UNAVAILABLE,
    INTERNAL,
    "BAD_USER_INPUT",
    "CONFLICT",
    "FORBIDDEN",
    "NOT_FOUND",
    "PROVIDER_UNAVAILABLE",
    "SECOND_FACTOR_REQUIRED",
];

/// The code of the first of an answer's errors, as it is counted: "OK" where there is none.
pub fn code_of(errors: &[ServerError]) -> &'static str {
    let Some(first) = errors.first() else { return "OK" };
    let code = first.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    CODES.into_iter().find(|known| code == Some(&Value::from(*known))).unwrap_or(BAD_REQUEST)
}

impl Error {
    /// A value of `field` that cannot be accepted.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        ServiceError::invalid(field, message).into()
    }

    /// The same about a field that is called otherwise where its input stands.
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        self.message = self.message.replacen(from, to, 1);
        for (name, value) in &mut self.extensions {
            if let ("field", Value::String(field)) = (*name, value) {
                *field = field.replacen(from, to, 1);
            }
        }
        self
    }

    /// Its code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong and what would be right.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The input field that it is about.
    pub fn field(&self) -> Option<&str> {
        self.extensions.iter().find_map(|(name, value)| match value {
            Value::String(field) if *name == "field" => Some(field.as_str()),
            _ => None,
        })
    }

    /// Whether it says nothing about the request: the same may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self.code, UNAVAILABLE | TIMEOUT)
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        let (message, for_log) = (error.to_string(), error.for_log());
        let of = |code, extensions| Self { code, message: message.clone(), extensions };
        let seconds = |duration: std::time::Duration| Value::from(duration.as_secs().max(1));
        match error {
            ServiceError::Unauthenticated(_) => of(UNAUTHENTICATED, Vec::new()),
            ServiceError::SecondFactorRequired { challenge, expires_at } => {
                let until = DateTime(expires_at).to_value();
                of("SECOND_FACTOR_REQUIRED", vec![("challenge", challenge.into()), ("expiresAt", until)])
            }
            ServiceError::NotFound(_) => of("NOT_FOUND", Vec::new()),
            ServiceError::NoSuch { field, .. } => of("NOT_FOUND", vec![("field", field.into())]),
            ServiceError::Forbidden(_) => of("FORBIDDEN", Vec::new()),
            ServiceError::Invalid { field, .. } => of("BAD_USER_INPUT", vec![("field", field.into())]),
            ServiceError::Conflict { current, .. } => {
                let current = current.and_then(|row| Value::from_json(row).ok());
                of("CONFLICT", current.map(|row| ("current", row)).into_iter().collect())
            }
            ServiceError::RateLimited { retry_after } => of(RATE_LIMITED, vec![("retryAfter", seconds(retry_after))]),
            ServiceError::Timeout => of(TIMEOUT, Vec::new()),
            ServiceError::Unavailable { retry_after, .. } => {
                tracing::warn!(error = for_log, "the database did not answer");
                of(UNAVAILABLE, vec![("retryAfter", seconds(retry_after))])
            }
            ServiceError::ProviderUnavailable { retry_after, .. } => {
                tracing::warn!(error = for_log, "a provider did not answer");
                of("PROVIDER_UNAVAILABLE", vec![("retryAfter", seconds(retry_after))])
            }
            ServiceError::NotConfigured(_) => of("UNAVAILABLE", Vec::new()),
            ServiceError::Internal(_) => {
                tracing::error!(error = for_log, "internal error");
                of(INTERNAL, Vec::new())
            }
        }
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        Self::new(error.message).extend_with(|_, extensions| {
            extensions.set("code", error.code);
            for (name, value) in error.extensions {
                extensions.set(name, value);
            }
        })
    }
}
