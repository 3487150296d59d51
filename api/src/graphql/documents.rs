//! Documents: from a client's text to what can be executed. A document is counted, parsed and validated once; one that comes
//! again is remembered, and a trusted one was prepared before anybody asked.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use apollo_compiler::{ExecutableDocument as ValidDocument, Schema, validation::Valid};
use async_graphql::{
    Request, Value as ConstValue, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet, VariableDefinition},
};
use lru::LruCache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    limits::{LIMITS, Problem, Refusal},
    parser::Parsed,
    variables,
};

/// How many valid documents are remembered. An app sends a few dozen.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// Problems that are reported of one document.
const MOST_PROBLEMS: usize = 10;

/// A document that was found valid.
pub struct Document {
    fingerprint: String,
    executable: ExecutableDocument,
    valid: Valid<ValidDocument>,
}

/// An operation of a valid document, with variables that fit it.
pub struct Operation {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// What async-graphql executes.
    pub request: Request,
    document: Arc<Document>,
}

impl Operation {
    /// All that makes it this operation and no other: the document's SHA-256, the operation's name and the variables.
    pub fn identity(&self) -> (&str, Option<&str>, &Variables) {
        (&self.document.fingerprint, self.request.operation_name.as_deref(), &self.request.variables)
    }

    /// Whether its root is one field and nothing else: async-graphql follows nothing below a fragment of a subscription.
    pub fn is_one_plain_field(&self) -> bool {
        let definition = self.document.definition(self.request.operation_name.as_deref());
        let items = definition.map_or(&[][..], |definition| &definition.selection_set.node.items);
        matches!(items, [item] if matches!(&item.node, Selection::Field(field) if field.node.directives.is_empty()))
    }

    /// The fields that it asks of its root type once fragments are expanded, each of which is entered once.
    pub fn root_fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        if let Some(definition) = self.document.definition(self.request.operation_name.as_deref()) {
            root_fields(&self.document.executable, &definition.selection_set.node, &mut Vec::new(), &mut fields);
        }
        fields
    }
}

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

impl Document {
    /// The operation of this name; without one, the only operation.
    fn definition(&self, name: Option<&str>) -> Option<&OperationDefinition> {
        let name = self.valid.operations.get(name).ok()?.name.as_deref();
        let mut operations = self.executable.operations.iter();
        operations.find(|(known, _)| known.map(|known| known.as_str()) == name).map(|(_, operation)| &operation.node)
    }
}

/// Proves to the schema that an operation was found valid here: it does not validate again.
pub struct Validated(());

/// How a client names the document that it wants executed.
#[derive(Default)]
pub struct Wanted {
    /// Its text.
    pub text: Option<String>,
    /// `documentId`: its SHA-256 in hexadecimal, after "sha256:" or alone.
    pub id: Option<String>,
    /// `extensions.persistedQuery.sha256Hash`, as Apollo's clients send it.
    pub persisted: Option<String>,
}

/// Reads a file that maps the SHA-256 of each trusted document to its text. The error says what is wrong with it.
pub fn trusted_documents(file: &[u8]) -> Result<Vec<String>, String> {
    let texts: HashMap<String, String> =
        serde_json::from_slice(file).map_err(|error| format!("it must be a JSON object of documents by their SHA-256 ({error})"))?;
    match texts.iter().find(|(id, text)| !fingerprint(text).eq_ignore_ascii_case(bare(id))) {
        Some((id, text)) => Err(format!("the document under {id:.80} has the SHA-256 {}", fingerprint(text))),
        None => Ok(texts.into_values().collect()),
    }
}

/// All documents that a server knows, and how it judges others.
pub struct Documents {
    schema: Valid<Schema>,
    suggests: bool,
    trusted: HashMap<String, Arc<Document>>,
    only_trusted: bool,
    recent: Mutex<LruCache<String, Arc<Document>>>,
}

impl Documents {
    /// Documents over a schema in the schema definition language. `suggests` tells what a misspelt name may have meant;
    /// `only_trusted` runs nothing but the trusted ones. The error says which of them is not valid and why.
    pub fn new(sdl: &str, suggests: bool, trusted: Vec<String>, only_trusted: bool) -> Result<Self, String> {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").map_err(|error| format!("the schema is not valid: {error}"))?;
        let recent = Mutex::new(LruCache::new(REMEMBERED));
        let mut documents = Self { schema, suggests, trusted: HashMap::new(), only_trusted, recent };
        for text in trusted {
            let document = documents.check(&text).map_err(|refusal| {
                let errors: Vec<async_graphql::ServerError> = refusal.into();
                let reason = errors.into_iter().next().map(|error| error.message).unwrap_or_default();
                format!("the trusted document {} is refused: {reason}", fingerprint(&text))
            })?;
            documents.trusted.insert(document.fingerprint.clone(), Arc::new(document));
        }
        Ok(documents)
    }

    /// The document that a client wants.
    pub fn find(&self, wanted: &Wanted) -> Result<Arc<Document>, Refusal> {
        let unknown = Refusal::Unknown(match wanted.persisted {
            // By these words Apollo's clients know that they should send the text.
            Some(_) => "PersistedQueryNotFound",
            None => "no trusted document has this documentId",
        });
        let Some(text) = &wanted.text else {
            let id = wanted.id.as_ref().or(wanted.persisted.as_ref());
            let id = id.ok_or_else(|| Problem::new("query must be a string that holds a GraphQL document"))?;
            return self.trusted.get(&bare(id).to_ascii_lowercase()).cloned().ok_or(unknown);
        };
        if wanted.id.is_some() {
            return Err(Problem::new("send either query or documentId").into());
        }
        if wanted.persisted.as_ref().is_some_and(|id| !fingerprint(text).eq_ignore_ascii_case(bare(id))) {
            return Err(Problem::new("extensions.persistedQuery.sha256Hash is not the SHA-256 of query").into());
        }
        if self.only_trusted {
            const ONLY: Refusal = Refusal::Unknown("this server runs nothing but the documents that it was started with: send documentId");
            return self.trusted.get(&fingerprint(text)).cloned().ok_or(ONLY);
        }
        if let Some(known) = self.recent().get(text) {
            return Ok(known.clone());
        }
        let document = Arc::new(self.check(text)?);
        self.recent().put(text.clone(), document.clone());
        Ok(document)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, LruCache<String, Arc<Document>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts, parses and validates. async-graphql's own validation misses some of what the specification refuses, such as conflicts
    /// of nested fields and variables where their type does not fit.
    fn check(&self, text: &str) -> Result<Document, Refusal> {
        let Parsed { ast, executable } = LIMITS.parse(text)?;
        let valid = ast.to_executable_validate(&self.schema).map_err(|invalid| {
            let problems = invalid.errors.iter().take(MOST_PROBLEMS).map(|diagnostic| {
                let mut message = diagnostic.error.to_string();
                if let Some(meant) = self.suggests.then(|| self.suggestion(&message)).flatten() {
                    message = format!("{message}: did you mean `{meant}`?");
                }
                Problem { message, position: diagnostic.to_json().locations.first().map(|place| (place.line, place.column)) }
            });
            Refusal::Invalid(problems.collect())
        })?;
        Ok(Document { fingerprint: fingerprint(text), executable, valid })
    }

    /// What a message's first unknown name may have meant: the closest of the names beside it.
    fn suggestion(&self, message: &str) -> Option<&str> {
        let mut quoted = message.split('`').skip(1).step_by(2);
        let (first, second) = (quoted.next()?, quoted.next());
        let (name, names): (&str, Vec<&str>) = if message.starts_with("type condition ") || message.starts_with("cannot find type ") {
            (first, self.schema.types.keys().map(|name| name.as_str()).collect())
        } else if message.starts_with("type ") {
            (second?, self.fields(first))
        } else if message.starts_with("the argument ") {
            let (parent, field) = second?.split_once('.')?;
            let field = self.schema.type_field(parent, field).ok()?;
            (first, field.arguments.iter().map(|argument| argument.name.as_str()).collect())
        } else {
            (first, self.fields(second?))
        };
        let distance = |other: &&str| strsim::osa_distance(name, other);
        names.into_iter().filter(|other| distance(other) <= name.len() / 3 + 1).min_by_key(distance)
    }

    /// The names of the fields of an object or input, or of the values of an enum.
    fn fields(&self, of: &str) -> Vec<&str> {
        use apollo_compiler::schema::ExtendedType;
        match self.schema.types.get(of) {
            Some(ExtendedType::Object(object)) => object.fields.keys().map(|name| name.as_str()).collect(),
            Some(ExtendedType::InputObject(input)) => input.fields.keys().map(|name| name.as_str()).collect(),
            Some(ExtendedType::Enum(values)) => values.values.keys().map(|name| name.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// The operation of a document that is to be executed.
    pub fn operation(&self, document: Arc<Document>, name: Option<String>, variables: Map<String, Value>) -> Result<Operation, Refusal> {
        let (Ok(valid), Some(definition)) = (document.valid.operations.get(name.as_deref()), document.definition(name.as_deref())) else {
            return Err(Problem::new(match name {
                Some(_) => "the document holds no operation of this operationName",
                None => "the document holds several operations: name one with operationName",
            })
            .into());
        };
        let problems = variables::problems(&self.schema, valid, &variables);
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        let variables = complete(Variables::from_json(Value::Object(variables)), definition);
        let mut request = Request::new("").variables(variables).data(Validated(()));
        request.set_parsed_query(document.executable.clone());
        request.operation_name = name;
        Ok(Operation { kind: definition.ty, request, document })
    }
}

/// Null for every Int variable that was not sent. async-graphql 8.0.0-rc.5 adds up costs before it executes, and there takes
/// the variable of an absent `first` for an undefined one. Null and absent mean the same for each Int of the schema.
fn complete(mut variables: Variables, operation: &OperationDefinition) -> Variables {
    for VariableDefinition { name, var_type, default_value, .. } in operation.variable_definitions.iter().map(|variable| &variable.node) {
        if default_value.is_none() && var_type.node.to_string() == "Int" {
            variables.entry(name.node.clone()).or_insert(ConstValue::Null);
        }
    }
    variables
}

/// The SHA-256 of a text in hexadecimal.
fn fingerprint(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id without the prefix that names its kind.
fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}
