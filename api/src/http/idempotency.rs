//! The header Idempotency-Key: a signed-in client may send a mutation again, and gets what was answered the first time.

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use axum::http::{HeaderMap, HeaderName};
use service::idempotency::KeyedRequest;

/// The request header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says "true" on an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Their answers hold secrets, which are never stored.
pub const ANSWERS_WITH_SECRETS: [&str; 3] = ["signUp", "signIn", "refreshSession"];

/// The keyed request, if it is one. `request` is everything that makes it this one. An error says why the key cannot be used.
pub fn keyed(
    headers: &HeaderMap,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    request: &impl serde::Serialize,
) -> Result<Option<KeyedRequest>, String> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if operation.ty != OperationType::Mutation {
        return Ok(None);
    }
    let mut fields = Vec::new();
    root_fields(document, &operation.selection_set.node, &mut Vec::new(), &mut fields);
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
    KeyedRequest::new(key.to_str().unwrap_or_default(), request).map(Some).map_err(|error| error.to_string())
}

/// The fields at the root once fragments are expanded, each of which is entered once.
fn root_fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, entered: &mut Vec<&'a str>, fields: &mut Vec<&'a str>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => fields.push(&field.node.name.node),
            Selection::InlineFragment(fragment) => root_fields(document, &fragment.node.selection_set.node, entered, fields),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name).filter(|_| !entered.contains(&name.as_str())) {
                    entered.push(name);
                    root_fields(document, &fragment.node.selection_set.node, entered, fields);
                }
            }
        }
    }
}
