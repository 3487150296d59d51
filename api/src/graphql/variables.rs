//! Variables, checked against their types before anything is executed: async-graphql would find a wrong one in the middle.

use apollo_compiler::{
    Node, Schema,
    ast::Type,
    executable::{Operation, VariableDefinition},
    schema::{ExtendedType, InputObjectType},
};
use serde_json::{Map, Value};

use super::limits::Problem;

/// What is wrong with the variables that an operation was sent with. Custom scalars are left to the resolvers, which know fields.
pub fn problems(schema: &Schema, operation: &Operation, given: &Map<String, Value>) -> Vec<Problem> {
    operation.variables.iter().filter_map(|definition| problem(schema, definition, given.get(definition.name.as_str()))).collect()
}

fn problem(schema: &Schema, definition: &Node<VariableDefinition>, given: Option<&Value>) -> Option<Problem> {
    let name = format!("${}", definition.name);
    match given {
        Some(value) => value_problem(schema, &name, &definition.ty, value),
        None if definition.ty.is_non_null() && definition.default_value.is_none() => {
            Some(format!("{name} of type {} must be given", definition.ty))
        }
        None => None,
    }
    .map(Problem::new)
}

/// `path` names the value as a client would: "$input.sets[1].weight". No message repeats a value, which may be a secret.
fn value_problem(schema: &Schema, path: &str, ty: &Type, value: &Value) -> Option<String> {
    let wrong = |expected: &str| Some(format!("{path} must be {expected}, not {}", kind(value)));
    if value.is_null() {
        return if ty.is_non_null() { wrong(&format!("of type {ty}")) } else { None };
    }
    if let Type::List(inner) | Type::NonNullList(inner) = ty {
        // A single value stands for a list of it.
        return match value {
            Value::Array(items) => {
                items.iter().enumerate().find_map(|(at, item)| value_problem(schema, &format!("{path}[{at}]"), inner, item))
            }
            single => value_problem(schema, path, inner, single),
        };
    }
    let integer = value.is_i64() || value.is_u64();
    match (ty.inner_named_type().as_str(), schema.types.get(ty.inner_named_type())) {
        ("Int", _) if !integer => wrong("an integer"),
        ("Int", _) if value.as_i64().and_then(|number| i32::try_from(number).ok()).is_none() => {
            Some(format!("{path} must be an integer from -2147483648 to 2147483647"))
        }
        ("Float", _) if !value.is_number() => wrong("a number"),
        ("String", _) if !value.is_string() => wrong("a string"),
        ("Boolean", _) if !value.is_boolean() => wrong("true or false"),
        ("ID", _) if !value.is_string() && !integer => wrong("a string or an integer"),
        (name, Some(ExtendedType::Enum(values))) => match value.as_str() {
            Some(text) if values.values.contains_key(text) => None,
            Some(_) => Some(format!("{path} must be a value of {name}")),
            None => wrong(&format!("a value of {name}, as a string")),
        },
        (name, Some(ExtendedType::InputObject(input))) => match value {
            Value::Object(fields) => object_problem(schema, path, input, fields),
            _ => wrong(&format!("an object of type {name}")),
        },
        _ => None,
    }
}

fn object_problem(schema: &Schema, path: &str, input: &InputObjectType, given: &Map<String, Value>) -> Option<String> {
    if let Some(unknown) = given.keys().find(|name| !input.fields.contains_key(name.as_str())) {
        let unknown: String = unknown.chars().take(100).collect();
        return Some(format!("{path} has a field {unknown:?}, which {} does not have", input.name));
    }
    if input.is_one_of() && (given.len() != 1 || given.values().any(Value::is_null)) {
        return Some(format!("{path} must have exactly one field of {}, and not null", input.name));
    }
    input.fields.values().find_map(|field| {
        let path = format!("{path}.{}", field.name);
        match given.get(field.name.as_str()) {
            Some(value) => value_problem(schema, &path, &field.ty, value),
            None if field.is_required() => Some(format!("{path} of type {} must be given", field.ty)),
            None => None,
        }
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::ExecutableDocument;
    use serde_json::json;

    use super::*;

    const SCHEMA: &str =
        "type Query { all(int: Int, texts: [String!], id: ID, flag: Boolean, size: Size, input: Meal, by: By, date: Date): Int }
        enum Size { SMALL LARGE } scalar Date
        input Meal { name: String!, size: Size! = SMALL, sets: [Set!] } input Set { weight: Int! }
        input By @oneOf { id: ID, name: String }";

    fn problem_of(ty: &str, value: Option<Value>) -> Option<String> {
        let schema = Schema::parse_and_validate(SCHEMA, "schema").expect("a schema");
        let source = format!("query($v: {ty}) {{ all(int: $v) }}");
        // Only the definition matters here, not where the variable stands.
        let document = ExecutableDocument::parse(&schema, &source, "document").expect("a document");
        let given = value.map(|value| Map::from_iter([("v".to_owned(), value)])).unwrap_or_default();
        problems(&schema, document.operations.get(None).expect("one operation"), &given).pop().map(|problem| problem.message)
    }

    #[test]
    fn right_values_pass() {
        for (ty, value) in [
            ("Int", json!(-2_147_483_648)),
            ("Int = 1", json!(null)),
            ("[Int!]", json!(1)),
            ("[[Int]]", json!([[1, null], 2])),
            ("ID!", json!(7)),
            ("ID!", json!("seven")),
            ("Size", json!("LARGE")),
            ("Boolean", json!(false)),
            ("Date", json!({ "anything": ["a resolver", "refuses"] })),
            ("Meal!", json!({ "name": "Soup", "sets": [{ "weight": 1 }] })),
            ("By", json!({ "id": "1" })),
        ] {
            assert_eq!(problem_of(ty, Some(value.clone())), None, "{ty} {value}");
        }
        for ty in ["Int", "Int! = 1", "Meal", "[Int!]"] {
            assert_eq!(problem_of(ty, None), None, "{ty}");
        }
    }

    #[test]
    fn wrong_values_are_named_and_not_repeated() {
        for (ty, value, expected) in [
            ("Int", json!(2_147_483_648_i64), "$v must be an integer from -2147483648 to 2147483647"),
            ("Int", json!(18_446_744_073_709_551_615_u64), "$v must be an integer from -2147483648 to 2147483647"),
            ("Int", json!("1"), "$v must be an integer, not a string"),
            ("Int", json!(1.5), "$v must be an integer, not a number"),
            ("Int!", json!(null), "$v must be of type Int!, not null"),
            ("[Int!]", json!([1, null]), "$v[1] must be of type Int!, not null"),
            ("[Int!]", json!([1, [2]]), "$v[1] must be an integer, not a list"),
            ("String", json!({ "secret": 1 }), "$v must be a string, not an object"),
            ("Boolean", json!(0), "$v must be true or false, not a number"),
            ("ID", json!(1.5), "$v must be a string or an integer, not a number"),
            ("Size", json!("secret"), "$v must be a value of Size"),
            ("Size", json!(1), "$v must be a value of Size, as a string, not a number"),
            ("Meal", json!([]), "$v must be an object of type Meal, not a list"),
            ("Meal", json!({ "size": "SMALL" }), "$v.name of type String! must be given"),
            ("Meal", json!({ "name": "Soup", "size": null }), "$v.size must be of type Size!, not null"),
            ("Meal", json!({ "name": "Soup", "salt": 1 }), "$v has a field \"salt\", which Meal does not have"),
            ("Meal", json!({ "name": "Soup", "sets": [{ "weight": 1 }, {}] }), "$v.sets[1].weight of type Int! must be given"),
            ("By", json!({}), "$v must have exactly one field of By, and not null"),
            ("By", json!({ "id": null }), "$v must have exactly one field of By, and not null"),
            ("By", json!({ "id": "1", "name": "x" }), "$v must have exactly one field of By, and not null"),
        ] {
            assert_eq!(problem_of(ty, Some(value.clone())).as_deref(), Some(expected), "{ty} {value}");
        }
        assert_eq!(problem_of("Int!", None).as_deref(), Some("$v of type Int! must be given"));
    }
}
