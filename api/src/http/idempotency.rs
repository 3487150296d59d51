//! The header Idempotency-Key: a signed-in client may send a mutation again, and gets what was answered the first time.

use async_graphql::parser::types::OperationType;
use axum::http::{HeaderMap, HeaderName};
use service::idempotency::KeyedRequest;

use crate::graphql::documents::Operation;

/// The request header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says "true" on an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Their answers hold secrets, which are never stored.
pub const ANSWERS_WITH_SECRETS: [&str; 10] = [
    "signUp",
    "signIn",
    "signInWithLink",
    "completeSignIn",
    "refreshSession",
    "beginSecondFactor",
    "confirmSecondFactor",
    "replaceRecoveryCodes",
    "createCalendarFeed",
    "connectCalendar",
];

/// The keyed request, if it is one. An error says why the key cannot be used.
pub fn keyed(headers: &HeaderMap, operation: &Operation) -> Result<Option<KeyedRequest>, String> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if operation.kind != OperationType::Mutation {
        return Ok(None);
    }
    let fields = operation.root_fields();
    match fields[..] {
        [field] if ANSWERS_WITH_SECRETS.contains(&field) => {
            return Err(format!("Idempotency-Key cannot be used with {field}: its answer holds a secret, which is not stored"));
        }
        [_] => {}
        _ => return Err(format!("Idempotency-Key is for an operation with one mutation field, this one has {}", fields.len())),
    }
    if keys.next().is_some() {
        return Err("Idempotency-Key is given twice".to_owned());
    }
    KeyedRequest::new(key.to_str().unwrap_or_default(), &operation.identity()).map(Some).map_err(|error| error.to_string())
}
