//! What a document may cost, counted before it is executed: bytes, tokens and nesting before it is parsed (deep nesting would
//! overflow the parser's stack), then its fields with fragments expanded, each fragment visited once.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, ServerError,
    parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};

use super::{
    error::{BAD_REQUEST, DOCUMENT_NOT_FOUND, LIMIT_EXCEEDED},
    parser::{self, Parsed},
};

/// The limits of a document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Length of the document.
    pub bytes: usize,
    /// Names, numbers, strings and punctuators.
    pub tokens: usize,
    /// Brackets of any kind within each other.
    pub nesting: usize,
    /// Fields within each other.
    pub depth: usize,
    /// The same below `__schema` and `__type`.
    pub introspection_depth: usize,
    /// Uses of `__schema` and `__type`, with fragments expanded.
    pub introspections: usize,
    /// Lists of introspection within each other: each multiplies the answer by all that the schema has of it.
    pub introspection_lists: usize,
    /// Selections within each other, those of fragments too.
    pub selections: usize,
    /// Fields that were given another name.
    pub aliases: usize,
    /// Fields of an operation itself, with fragments expanded.
    pub root_fields: usize,
    /// Directives on one field or fragment.
    pub directives: usize,
    /// Fields once all fragments are expanded.
    pub fields: usize,
    /// The sum of the costs of all fields; a page costs its size times its fields.
    pub cost: usize,
}

/// What Hale allows.
pub const LIMITS: Limits = Limits {
    bytes: 15_000,
    tokens: 1_000,
    nesting: 64,
    depth: 10,
    introspection_depth: 16,
    introspections: 1,
    introspection_lists: 3,
    // The most that async-graphql follows.
    selections: 32,
    aliases: 30,
    root_fields: 30,
    directives: 10,
    fields: 500,
    cost: 1_000,
};

/// One thing that is wrong with a document or its variables.
#[derive(Debug, PartialEq)]
pub struct Problem {
    /// What is wrong, without the source and without any value.
    pub message: String,
    /// Where: line and column.
    pub position: Option<(usize, usize)>,
}

impl Problem {
    /// A problem of the whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), position: None }
    }
}

/// Why a document is not executed.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// It does not parse, validate or coerce.
    Invalid(Vec<Problem>),
    /// It asks for too much.
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much was asked for, as far as it was counted.
        asked: usize,
        /// How much is allowed.
        allowed: usize,
    },
    /// It is not among the trusted documents.
    Unknown(&'static str),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl From<Refusal> for Vec<ServerError> {
    fn from(refusal: Refusal) -> Self {
        let error = |message: String, position: Option<(usize, usize)>, code: &str| {
            let mut error = ServerError::new(message, position.map(|(line, column)| Pos { line, column }));
            error.extensions.get_or_insert_default().set("code", code);
            error
        };
        match refusal {
            Refusal::Invalid(problems) => {
                problems.into_iter().map(|problem| error(problem.message, problem.position, BAD_REQUEST)).collect()
            }
            Refusal::TooMuch { what, asked, allowed } => {
                let mut error = error(format!("too much: {asked} {what}, {allowed} are allowed"), None, LIMIT_EXCEEDED);
                let extensions = error.extensions.get_or_insert_default();
                extensions.set("limit", what);
                extensions.set("asked", asked);
                extensions.set("allowed", allowed);
                vec![error]
            }
            Refusal::Unknown(message) => vec![error(message.to_owned(), None, DOCUMENT_NOT_FOUND)],
        }
    }
}

impl Limits {
    /// Parses a document that stays within these limits.
    pub fn parse(&self, source: &str) -> Result<Parsed, Refusal> {
        at_most("bytes", source.len(), self.bytes)?;
        let measure = Measure::of(source);
        at_most("tokens", measure.tokens, self.tokens)?;
        at_most("nested brackets", measure.nesting, self.nesting)?;
        let parsed = parser::parse(source)?;
        self.check(&parsed.executable)?;
        Ok(parsed)
    }

    fn check(&self, document: &ExecutableDocument) -> Result<(), Refusal> {
        let mut fragments = Fragments { document, known: HashMap::new(), visited: 0 };
        let mut names = Names::default();
        for set in document
            .operations
            .iter()
            .map(|(_, operation)| &operation.node.selection_set)
            .chain(document.fragments.values().map(|fragment| &fragment.node.selection_set))
        {
            names.count(&set.node);
        }
        at_most("aliases", names.aliases, self.aliases)?;
        at_most("directives on one field", names.directives, self.directives)?;
        for (_, operation) in document.operations.iter() {
            self.check_operation(&operation.node, &mut fragments)?;
        }
        Ok(())
    }

    fn check_operation<'a>(&self, operation: &'a OperationDefinition, fragments: &mut Fragments<'a>) -> Result<(), Refusal> {
        let extent = fragments.set(&operation.selection_set.node);
        at_most("nested fields", extent.depth, self.depth)?;
        at_most("nested fields", extent.introspection_depth, self.introspection_depth)?;
        at_most("uses of introspection", extent.introspections, self.introspections)?;
        at_most("nested lists of introspection", extent.introspection_lists, self.introspection_lists)?;
        at_most("fields", extent.fields, self.fields)?;
        at_most("root fields", extent.root_fields, self.root_fields)?;
        at_most("nested selections", extent.selections, self.selections)
    }
}

fn at_most(what: &'static str, asked: usize, allowed: usize) -> Result<(), Refusal> {
    if asked > allowed { Err(Refusal::TooMuch { what, asked, allowed }) } else { Ok(()) }
}

/// The tokens of a document, counted without parsing it.
pub struct Measure {
    /// How many there are. Strings and comments hold none.
    pub tokens: usize,
    /// How deep its brackets nest.
    pub nesting: usize,
    /// How many of the tokens are names, but for the keyword that a query may leave out.
    pub names: usize,
}

impl Measure {
    /// Counts.
    pub fn of(source: &str) -> Self {
        let bytes = source.as_bytes();
        let run = |from: usize, within: fn(&u8) -> bool| bytes[from..].iter().position(|byte| !within(byte)).unwrap_or(bytes.len() - from);
        let (mut measure, mut open, mut at) = (Self { tokens: 0, nesting: 0, names: 0 }, 0usize, 0);
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            at += match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    at += 1;
                    continue;
                }
                b'#' => {
                    at += run(at, |byte| !matches!(byte, b'\n' | b'\r'));
                    continue;
                }
                b'"' => string_length(&bytes[start..]),
                b'{' | b'[' | b'(' => {
                    open += 1;
                    measure.nesting = measure.nesting.max(open);
                    1
                }
                b'}' | b']' | b')' => {
                    open = open.saturating_sub(1);
                    1
                }
                b'.' => run(at, |byte| *byte == b'.'),
                b'-' | b'0'..=b'9' => run(at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    let length = run(at, |byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                    measure.names += usize::from(&bytes[at..at + length] != b"query");
                    length
                }
                _ => 1,
            };
            measure.tokens += 1;
        }
        measure
    }
}

fn string_length(bytes: &[u8]) -> usize {
    let (quote, block): (&[u8], bool) = if bytes.starts_with(b"\"\"\"") { (b"\"\"\"", true) } else { (b"\"", false) };
    let mut at = quote.len();
    while at < bytes.len() {
        if bytes[at] == b'\\' && (!block || bytes[at..].starts_with(b"\\\"\"\"")) {
            at += if block { 4 } else { 2 };
        } else if bytes[at..].starts_with(quote) {
            return at + quote.len();
        } else if !block && matches!(bytes[at], b'\n' | b'\r') {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// What is counted where it is written, however often it is spread.
#[derive(Default)]
struct Names {
    aliases: usize,
    directives: usize,
}

impl Names {
    fn count(&mut self, set: &SelectionSet) {
        for selection in &set.items {
            self.directives = self.directives.max(selection.node.directives().len());
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    self.count(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.count(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

/// How large a selection is once its fragments are expanded.
#[derive(Clone, Copy, Default)]
struct Extent {
    fields: usize,
    root_fields: usize,
    depth: usize,
    selections: usize,
    /// Lists that fields of introspection would answer.
    lists: usize,
    introspections: usize,
    introspection_depth: usize,
    introspection_lists: usize,
}

impl Extent {
    /// A fragment that leads nowhere. It counts, or fragments that lead to nothing else could double for ever.
    const NOWHERE: Self = Self {
        fields: 1,
        root_fields: 0,
        depth: 0,
        selections: 0,
        lists: 0,
        introspections: 0,
        introspection_depth: 0,
        introspection_lists: 0,
    };

    /// The same, one selection further out.
    fn within(self) -> Self {
        Self { selections: self.selections + 1, ..self }
    }

    /// Both beside each other.
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            introspections: self.introspections.saturating_add(other.introspections),
            depth: self.depth.max(other.depth),
            selections: self.selections.max(other.selections),
            lists: self.lists.max(other.lists),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
        }
    }
}

/// The extents of fragments, each computed once, whatever the number of its spreads.
struct Fragments<'a> {
    document: &'a ExecutableDocument,
    known: HashMap<&'a Name, Extent>,
    visited: usize,
}

impl<'a> Fragments<'a> {
    fn selection(&mut self, selection: &'a Selection) -> Extent {
        match selection {
            Selection::Field(field) => {
                let inner = self.set(&field.node.selection_set.node).within();
                let outer = Extent { fields: inner.fields.saturating_add(1), root_fields: 1, ..inner };
                match field.node.name.node.as_str() {
                    "__schema" | "__type" => Extent {
                        depth: 0,
                        lists: 0,
                        introspections: inner.introspections.saturating_add(1),
                        introspection_depth: inner.depth + 1,
                        introspection_lists: inner.lists,
                        ..outer
                    },
                    "fields" | "inputFields" | "interfaces" | "possibleTypes" | "types" => {
                        Extent { depth: inner.depth + 1, lists: inner.lists + 1, ..outer }
                    }
                    _ => Extent { depth: inner.depth + 1, ..outer },
                }
            }
            Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node).within(),
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node).within(),
        }
    }

    fn set(&mut self, set: &'a SelectionSet) -> Extent {
        set.items.iter().fold(Extent::default(), |extent, selection| extent.beside(self.selection(&selection.node)))
    }

    fn fragment(&mut self, name: &'a Name) -> Extent {
        if let Some(extent) = self.known.get(name) {
            return *extent;
        }
        // A fragment that spreads itself finds this, and validation refuses it afterwards.
        self.known.insert(name, Extent::NOWHERE);
        self.visited += 1;
        let document = self.document;
        let extent = document.fragments.get(name).map_or(Extent::NOWHERE, |fragment| self.set(&fragment.node.selection_set.node));
        self.known.insert(name, extent);
        extent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> &'static str {
        match LIMITS.parse(source) {
            Err(Refusal::TooMuch { what, asked, allowed }) => {
                assert!(asked > allowed, "{asked} of {allowed}");
                what
            }
            Err(_) => "invalid",
            Ok(_) => "nothing",
        }
    }

    #[test]
    fn an_ordinary_document_passes() {
        assert_eq!(
            refused("query Day($d: Date) { viewer { ...P foodDay(date: $d) { totals { calories } } } } fragment P on Person { id }"),
            "nothing"
        );
    }

    #[test]
    fn each_limit_refuses_what_is_beyond_it() {
        assert_eq!(refused(&format!("{{ viewer {{ id }} }} # {}", "x".repeat(15_000))), "bytes");
        assert_eq!(refused(&format!("{{ {} }}", "viewer ".repeat(1_000))), "tokens");
        assert_eq!(refused(&format!("{{ food(id: {}1{}) {{ id }} }}", "[".repeat(65), "]".repeat(65))), "nested brackets");
        assert_eq!(refused(&format!("{}{}", "{ a ".repeat(11), "}".repeat(11))), "nested fields");
        assert_eq!(refused(&format!("{{ {} }}", (0..31).map(|n| format!("a{n}: viewer {{ id }} ")).collect::<String>())), "aliases");
        assert_eq!(refused(&format!("{{ viewer {{ id {} }} }}", "@include(if: true) ".repeat(11))), "directives on one field");
        assert_eq!(refused(&format!("{}{}", "{ ... ".repeat(34), "}".repeat(34)).replace("... }", "id }")), "nested selections");
        assert_eq!(refused(&format!("{{ {} }}", "viewer { id } ".repeat(31))), "root fields");
        assert_eq!(refused(&format!("{{ {} }}", "viewer { id } ".repeat(30))), "nothing");
        assert_eq!(refused(&format!("{{ viewer {{ {} }} }}", "id ".repeat(500))), "fields");
        assert_eq!(refused(&format!("{{ viewer {{ {} }} }}", "id ".repeat(499))), "nothing");
    }

    #[test]
    fn nesting_that_would_overflow_the_parser_is_refused_before_it() {
        assert_eq!(refused(&format!("{{ a(b: {}", "[".repeat(14_000))), "tokens");
        assert_eq!(refused(&format!("{{ a(b: {}", "{a:".repeat(300))), "nested brackets");
    }

    #[test]
    fn brackets_in_strings_and_comments_are_text() {
        assert_eq!(refused(&format!("{{ foods(search: \"{}\") {{ nodes {{ id }} }} }} # {}", "[".repeat(200), "{".repeat(200))), "nothing");
        assert_eq!(refused(&format!("{{ foods(search: \"x\n{}", "[".repeat(200))), "nested brackets", "a line ends a string");
        assert_eq!(refused(&format!("{{ foods(search: \"\"\"\\\"\"\" {} \"\"\") {{ nodes {{ id }} }} }}", "[".repeat(200))), "nothing");
    }

    #[test]
    fn doubling_fragments_are_counted_by_visiting_each_once() {
        let doubling: String = (0..30).map(|n| format!("fragment F{n} on Person {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
        let source = format!("{{ viewer {{ ...F0 }} }} {doubling} fragment F30 on Person {{ id fullName }}");
        assert_eq!(refused(&source), "fields");
        let document = parser::parse(&source).expect("parses").executable;
        let mut fragments = Fragments { document: &document, known: HashMap::new(), visited: 0 };
        let (_, operation) = document.operations.iter().next().expect("one operation");
        let extent = fragments.set(&operation.node.selection_set.node);
        assert_eq!((extent.fields, fragments.visited), ((1 << 31) + 1, 31));
    }

    #[test]
    fn doubling_fragments_that_lead_nowhere_are_counted_too() {
        let doubling: String = (0..30).map(|n| format!("fragment F{n} on Person {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
        assert_eq!(refused(&format!("{{ viewer {{ ...F0 }} }} {doubling}")), "fields");
    }

    #[test]
    fn introspection_cannot_multiply_itself() {
        let ordinary = "{ __schema { types { fields { args { type { ofType { ofType { name } } } } } inputFields { name } } } }";
        assert_eq!(refused(ordinary), "nothing");
        let multiplied = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
        assert_eq!(refused(multiplied), "nested lists of introspection");
        let hidden = multiplied.replacen("{ __schema", "{ ...F } fragment F on Query { ... { a: __schema", 1) + "}";
        assert_eq!(refused(&hidden), "nested lists of introspection");
        assert_eq!(
            refused("{ a: __schema { types { name } } ...F } fragment F on Query { __type(name: \"Food\") { name } }"),
            "uses of introspection"
        );
    }

    #[test]
    fn a_fragment_that_spreads_itself_ends() {
        assert_eq!(refused("{ viewer { ...A } } fragment A on Person { ...B } fragment B on Person { ...A }"), "nothing");
    }
}
