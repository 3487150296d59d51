//! Errors as a client sees them: a closed set of codes, and never a source.

use async_graphql::{ErrorExtensions, Value};
use service::error::Error as ServiceError;

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
const TIMEOUT: &str = "TIMEOUT";
const UNAVAILABLE: &str = "UNAVAILABLE";
/// A defect of Hale's.
pub const INTERNAL: &str = "INTERNAL";

impl Error {
    /// A value of `field` that cannot be accepted.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        ServiceError::invalid(field, message).into()
    }

    /// Whether it says nothing about the request: the same may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self.code, UNAVAILABLE | TIMEOUT)
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        let of = |code, extensions| Self { code, message: message.clone(), extensions };
        let seconds = |duration: std::time::Duration| Value::from(duration.as_secs().max(1));
        match error {
            ServiceError::Unauthenticated(_) => of(UNAUTHENTICATED, Vec::new()),
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
            ServiceError::Unavailable { retry_after, source } => {
                tracing::warn!(error = %source, "the database did not answer");
                of(UNAVAILABLE, vec![("retryAfter", seconds(retry_after))])
            }
            ServiceError::Internal(source) => {
                tracing::error!(error = %source, "internal error");
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
