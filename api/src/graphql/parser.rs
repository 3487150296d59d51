//! Parses a document once, for two: apollo-compiler validates its tree, async-graphql executes its own. The latter's parser knows
//! neither `\u{…}` nor descriptions, and forgets keys that are given twice.

use std::collections::HashMap;

use apollo_compiler::{Name as AstName, Node, ast, parser::SourceMap, parser::SourceSpan};
use async_graphql::{
    Name, Pos, Positioned,
    indexmap::IndexMap,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread, InlineFragment, OperationDefinition,
        OperationType, Selection, SelectionSet, Type, TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::limits::{Measure, Problem, Refusal};

/// A document as apollo-compiler and as async-graphql know it.
pub struct Parsed {
    /// To validate.
    pub ast: ast::Document,
    /// To execute.
    pub executable: ExecutableDocument,
}

/// Parses a document whose nesting was measured: a parser follows it on its stack.
pub fn parse(text: &str) -> Result<Parsed, Refusal> {
    let mut ast = ast::Document::parse(text, "document.graphql").map_err(|invalid| {
        // The parser's own words quote the source.
        let position = invalid.errors.iter().next().and_then(|error| error.to_json().locations.first().map(|at| (at.line, at.column)));
        Problem { message: "the document has a syntax error".to_owned(), position }
    })?;
    // apollo-parser 0.9.0-beta.2 drops an argument or input field that has no value, and says nothing.
    if Measure::of(&ast.to_string()).names != Measure::of(text).names {
        return Err(Problem::new("the document has a syntax error: an argument or input field without a value").into());
    }
    forget_null_defaults(&mut ast);
    let executable = Converter { sources: &ast.sources }.document(&ast)?;
    Ok(Parsed { ast, executable })
}

/// A default of null adds nothing to a nullable variable, but apollo-compiler 2.0.0-beta.2 takes any default for one that makes the
/// variable fit a place that must not be null.
fn forget_null_defaults(document: &mut ast::Document) {
    for definition in &mut document.definitions {
        let ast::Definition::OperationDefinition(operation) = definition else { continue };
        let null = |variable: &Node<ast::VariableDefinition>| {
            !variable.ty.is_non_null() && variable.default_value.as_ref().is_some_and(|value| value.is_null())
        };
        if operation.variables.iter().any(null) {
            for variable in operation.make_mut().variables.iter_mut().filter(|variable| null(variable)) {
                variable.make_mut().default_value = None;
            }
        }
    }
}

type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

struct Converter<'a> {
    sources: &'a SourceMap,
}

impl Converter<'_> {
    fn document(&self, document: &ast::Document) -> Result<ExecutableDocument, Problem> {
        let (mut anonymous, mut named, mut fragments) = (None, HashMap::new(), HashMap::new());
        for definition in &document.definitions {
            let twice = match definition {
                ast::Definition::OperationDefinition(operation) => {
                    let converted = self.at(operation.location(), self.operation(operation)?);
                    match &operation.name {
                        Some(name) => named.insert(Name::new(name), converted).map(|_| "two operations have the same name"),
                        None => anonymous.replace(converted).map(|_| "an operation without a name must be the only one"),
                    }
                }
                ast::Definition::FragmentDefinition(fragment) => {
                    let converted = self.at(fragment.location(), self.fragment(fragment)?);
                    fragments.insert(Name::new(&fragment.name), converted).map(|_| "two fragments have the same name")
                }
                _ => Some("a document that is executed holds operations and fragments alone"),
            };
            if let Some(message) = twice {
                return Err(self.problem(message, definition.location()));
            }
        }
        let operations = match (anonymous, named.is_empty()) {
            (Some(operation), true) => DocumentOperations::Single(operation),
            (None, false) => DocumentOperations::Multiple(named),
            (Some(_), false) => return Err(Problem::new("an operation without a name must be the only one")),
            (None, true) => return Err(Problem::new("the document holds no operation")),
        };
        Ok(ExecutableDocument { operations, fragments })
    }

    fn operation(&self, operation: &Node<ast::OperationDefinition>) -> Result<OperationDefinition, Problem> {
        let ty = match operation.operation_type {
            ast::OperationType::Query => OperationType::Query,
            ast::OperationType::Mutation => OperationType::Mutation,
            ast::OperationType::Subscription => OperationType::Subscription,
        };
        Ok(OperationDefinition {
            ty,
            variable_definitions: operation.variables.iter().map(|variable| self.variable(variable)).collect::<Result<_, _>>()?,
            directives: self.directives(&operation.directives)?,
            selection_set: self.selections(operation.location(), &operation.selection_set)?,
        })
    }

    fn fragment(&self, fragment: &Node<ast::FragmentDefinition>) -> Result<FragmentDefinition, Problem> {
        Ok(FragmentDefinition {
            type_condition: self.type_condition(&fragment.type_condition),
            directives: self.directives(&fragment.directives)?,
            selection_set: self.selections(fragment.location(), &fragment.selection_set)?,
        })
    }

    fn variable(&self, variable: &Node<ast::VariableDefinition>) -> Result<Positioned<VariableDefinition>, Problem> {
        let ty = Type::new(&variable.ty.to_string()).ok_or_else(|| self.problem("this type has a syntax error", variable.location()))?;
        let default_value = variable.default_value.as_ref().map(|value| {
            let constant = self.value(value)?.node.into_const();
            let constant = constant.ok_or_else(|| self.problem("a default value holds no variables", value.location()))?;
            Ok(self.at(value.location(), constant))
        });
        let converted = VariableDefinition {
            name: self.name(&variable.name),
            var_type: self.at(variable.ty.location(), ty),
            directives: self.directives(&variable.directives)?,
            default_value: default_value.transpose()?,
        };
        Ok(self.at(variable.location(), converted))
    }

    /// The position is that of what selects: the tree knows none of the braces. The specification of September 2026 allows empty
    /// ones, which clients of today do not expect.
    fn selections(&self, place: Option<SourceSpan>, set: &[ast::Selection]) -> Result<Positioned<SelectionSet>, Problem> {
        if set.is_empty() {
            return Err(self.problem("a selection must not be empty", place));
        }
        let items = set.iter().map(|selection| self.selection(selection)).collect::<Result<_, _>>()?;
        Ok(self.at(place, SelectionSet { items }))
    }

    fn selection(&self, selection: &ast::Selection) -> Result<Positioned<Selection>, Problem> {
        let place = selection.location();
        let selection = match selection {
            ast::Selection::Field(field) => Selection::Field(self.at(
                place,
                Field {
                    alias: field.alias.as_ref().map(|alias| self.name(alias)),
                    name: self.name(&field.name),
                    arguments: self.arguments(&field.arguments)?,
                    directives: self.directives(&field.directives)?,
                    selection_set: match &field.selection_set {
                        Some(set) => self.selections(place, set)?,
                        None => self.at(place, SelectionSet::default()),
                    },
                },
            )),
            ast::Selection::FragmentSpread(spread) => Selection::FragmentSpread(self.at(
                place,
                FragmentSpread { fragment_name: self.name(&spread.fragment_name), directives: self.directives(&spread.directives)? },
            )),
            ast::Selection::InlineFragment(fragment) => Selection::InlineFragment(self.at(
                place,
                InlineFragment {
                    type_condition: fragment.type_condition.as_ref().map(|on| self.type_condition(on)),
                    directives: self.directives(&fragment.directives)?,
                    selection_set: self.selections(place, &fragment.selection_set)?,
                },
            )),
        };
        Ok(self.at(place, selection))
    }

    fn directives(&self, directives: &[Node<ast::Directive>]) -> Result<Vec<Positioned<Directive>>, Problem> {
        let convert = |directive: &Node<ast::Directive>| {
            let converted = Directive { name: self.name(&directive.name), arguments: self.arguments(&directive.arguments)? };
            Ok(self.at(directive.location(), converted))
        };
        directives.iter().map(convert).collect()
    }

    fn arguments(&self, arguments: &[Node<ast::Argument>]) -> Result<Arguments, Problem> {
        arguments.iter().map(|argument| Ok((self.name(&argument.name), self.value(&argument.value)?))).collect()
    }

    fn value(&self, value: &Node<ast::Value>) -> Result<Positioned<Value>, Problem> {
        let place = value.location();
        let out_of_range = || self.problem("this number is out of range", place);
        let converted = match value.as_ref() {
            ast::Value::Null => Value::Null,
            ast::Value::Enum(name) => Value::Enum(Name::new(name)),
            ast::Value::Variable(name) => Value::Variable(Name::new(name)),
            ast::Value::String(text) => Value::String(text.clone()),
            ast::Value::Boolean(boolean) => Value::Boolean(*boolean),
            // "-0" is an integer here, and a float to serde_json.
            ast::Value::Int(int) => match int.as_str().parse::<i64>() {
                Ok(number) => Value::Number(number.into()),
                Err(_) => Value::Number(int.as_str().parse().map_err(|_| out_of_range())?),
            },
            ast::Value::Float(float) => Value::Number(float.as_str().parse().map_err(|_| out_of_range())?),
            ast::Value::List(items) => Value::List(items.iter().map(|item| Ok(self.value(item)?.node)).collect::<Result<_, Problem>>()?),
            ast::Value::Object(fields) => {
                let mut object = IndexMap::with_capacity(fields.len());
                for (name, value) in fields {
                    if object.insert(Name::new(name), self.value(value)?.node).is_some() {
                        return Err(self.problem(&format!("the field {name} is given twice"), name.location()));
                    }
                }
                Value::Object(object)
            }
        };
        Ok(self.at(place, converted))
    }

    fn type_condition(&self, on: &AstName) -> Positioned<TypeCondition> {
        self.at(on.location(), TypeCondition { on: self.name(on) })
    }

    fn name(&self, name: &AstName) -> Positioned<Name> {
        self.at(name.location(), Name::new(name))
    }

    fn at<T>(&self, place: Option<SourceSpan>, node: T) -> Positioned<T> {
        let place = place.and_then(|place| place.line_column(self.sources));
        Positioned::new(node, place.map_or_else(Pos::default, |at| Pos { line: at.line, column: at.column }))
    }

    fn problem(&self, message: &str, place: Option<SourceSpan>) -> Problem {
        let place = place.and_then(|place| place.line_column(self.sources));
        Problem { message: message.to_owned(), position: place.map(|at| (at.line, at.column)) }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// What both parsers understand they understand alike.
    #[test]
    fn documents_come_out_as_from_async_graphql() {
        for text in [
            "{ viewer { id } }",
            "query Q($a: [Int!]! = [1, -2], $b: Date) @skip(if: false) { x: foods(search: \"a\\n\\u00e9\", first: $a) @include(if: true) { nodes { id } } }",
            "mutation A { a(input: { x: 1, y: { z: [E, null, true, 1.5, \"t\"] } }) { id } } mutation B { b }",
            "subscription { s { ... on T @skip(if: true) { id } ...F ... { x } } }\nfragment F on T {\n  id\n}",
            "{ a(b: \"\"\"\n    block\n      text\n  \"\"\") }",
        ] {
            let ours = parse(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}")).executable;
            let theirs = parse_query(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(plain(&ours), plain(&theirs), "{text}");
        }
    }

    /// Without positions of selection sets, which async-graphql takes from the brace.
    fn plain(document: &ExecutableDocument) -> String {
        let mut value = serde_json::to_value(document).expect("a document");
        strip(&mut value);
        value.to_string()
    }

    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.remove("pos");
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }

    #[test]
    fn what_async_graphql_does_not_understand_is_understood() {
        for text in ["\"Why.\" query Q { a }", "{ a(b: \"\\u{1F600} \\uD83D\\uDE00\") }", "{ a(b: -0) }"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn nothing_of_a_document_is_dropped() {
        for text in [
            "{ a(b b: 1) }",
            "{ a(b: 1 c) }",
            "{ a(b: { c c: 1 }) }",
            "{ a(b: { c: null null }) }",
            "{ a @skip(if if: true) }",
            "query($a: Int) { a(b: $a c) }",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in [
            "query { query(query: 1) { ... F ...on T { a } } } fragment F on T { b }",
            "query query($a: [ Int ] = [1 2]) { a(b: $a c: \"\"\"d e\"\"\") } # f g",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_field_given_twice_is_refused() {
        for text in [
            "{ a(b: { c: 1, c: 1 }) }",
            "{ a(b: [{ c: { d: 1, d: 2 } }]) }",
            "query($a: In = { c: 1, c: 2 }) { a(b: $a) }",
            "{ a @b(c: { d: 1, d: 1 }) }",
        ] {
            let Err(Refusal::Invalid(problems)) = parse(text) else { panic!("{text}") };
            assert!(problems[0].message.ends_with("is given twice") && problems[0].position.is_some(), "{problems:?}");
        }
    }
}
