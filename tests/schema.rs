//! The schema as clients know it: checked in, described, and true to the contract.

use std::{collections::BTreeMap, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, ServiceDocument, Type, TypeKind, TypeSystemDefinition},
};

use crate::harness::report;

/// A type by the names of what is in it: fields and arguments ("Person.foodDay(date)"), input fields, enum values.
type Names = BTreeMap<String, String>;

/// Everything that a document defines, and of which type it is; descriptions where `described` is asked for.
fn names(document: &ServiceDocument) -> (Names, Vec<String>) {
    let (mut names, mut undescribed) = (Names::new(), Vec::new());
    let mut add = |name: String, kind: String, described: bool| {
        if !described {
            undescribed.push(name.clone());
        }
        names.insert(name, kind);
    };
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = &definition.node;
        let name = definition.name.node.as_str();
        let kind = match &definition.kind {
            TypeKind::Scalar => "scalar",
            TypeKind::Object(_) => "type",
            TypeKind::Interface(_) => "interface",
            TypeKind::Union(_) => "union",
            TypeKind::Enum(_) => "enum",
            TypeKind::InputObject(_) => "input",
        };
        add(name.to_owned(), kind.to_owned(), definition.description.is_some());
        match &definition.kind {
            TypeKind::Object(object) => {
                for field in object.fields.iter().map(|field| &field.node) {
                    add(format!("{name}.{}", field.name.node), field.ty.node.to_string(), field.description.is_some());
                    for argument in field.arguments.iter().map(|argument| &argument.node) {
                        let full = format!("{name}.{}({})", field.name.node, argument.name.node);
                        add(full, argument.ty.node.to_string(), argument.description.is_some());
                    }
                }
            }
            TypeKind::InputObject(input) => {
                for field in input.fields.iter().map(|field| &field.node) {
                    add(format!("{name}.{}", field.name.node), field.ty.node.to_string(), field.description.is_some());
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values.iter().map(|value| &value.node) {
                    add(format!("{name}.{}", value.value.node), "value".to_owned(), value.description.is_some());
                }
            }
            TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) => {}
        }
    }
    (names, undescribed)
}

fn schema() -> ServiceDocument {
    parse_schema(api::graphql::sdl()).unwrap()
}

/// What of `contract` is missing in `schema` or of another type there.
fn deviations(contract: &Names, schema: &Names) -> Vec<String> {
    let deviation = |(name, kind): (&String, &String)| match schema.get(name) {
        None => Some(format!("{name} is missing")),
        Some(other) if other != kind => Some(format!("{name} is {other}, not {kind}")),
        Some(_) => None,
    };
    contract.iter().filter_map(deviation).collect()
}

/// Arguments and input fields that were added and must be given: clients of the contract do not know them.
fn demands(contract: &ServiceDocument, schema: &ServiceDocument) -> Vec<String> {
    let (known, _) = names(contract);
    let (all, _) = names(schema);
    let inputs: Vec<&str> = all.iter().filter(|(_, kind)| *kind == "input").map(|(name, _)| name.as_str()).collect();
    all.iter()
        .filter(|(name, kind)| kind.ends_with('!') && !known.contains_key(*name))
        .filter(|(name, _)| match name.split_once('(') {
            Some((field, _)) => known.contains_key(field),
            None => name.split_once('.').is_some_and(|(parent, _)| inputs.contains(&parent) && known.contains_key(parent)),
        })
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn the_schema_that_is_checked_in_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/schema.graphql");
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert!(
        checked_in.trim_end() == api::graphql::sdl().trim_end(),
        "run `cargo run -- schema > api/schema.graphql`, and read the difference"
    );
}

#[test]
fn everything_is_described() {
    let (all, undescribed) = names(&schema());
    assert!(all.len() > 200, "{} names", all.len());
    // The roots and what the crate brings along have no words of ours.
    let crates_own = ["Boolean", "Int", "Float", "ID", "String"];
    let undescribed: Vec<_> = undescribed.into_iter().filter(|name| !crates_own.contains(&name.as_str())).collect();
    assert!(undescribed.is_empty(), "without a description: {undescribed:#?}");
}

#[test]
fn nothing_exact_is_a_float_and_lists_hold_no_nulls() {
    let (all, _) = names(&schema());
    assert!(!all.values().any(|kind| kind.contains("Float")), "a Float in {:?}", all.iter().find(|(_, kind)| kind.contains("Float")));
    fn holds_nulls(kind: &Type) -> bool {
        match &kind.base {
            BaseType::Named(_) => false,
            BaseType::List(inner) => inner.nullable || holds_nulls(inner),
        }
    }
    let loose: Vec<_> =
        all.iter().filter(|(_, kind)| kind.starts_with('[') && Type::new(kind).is_some_and(|kind| holds_nulls(&kind))).collect();
    assert!(loose.is_empty(), "{loose:?}");
}

#[test]
fn every_mutation_takes_one_input_and_answers_a_payload() {
    let (all, _) = names(&schema());
    for (name, kind) in all.iter().filter(|(name, _)| name.starts_with("Mutation.")) {
        let field = name.trim_start_matches("Mutation.");
        match field.split_once('(') {
            Some((_, argument)) => assert_eq!(argument, "input)", "{name}"),
            None => {
                let payload = format!("{}{}Payload", field[..1].to_uppercase(), &field[1..]);
                assert_eq!(*kind, payload, "{name}: nullable, so that one failure leaves the rest");
            }
        }
    }
    let strict: Vec<_> =
        all.iter().filter(|(name, kind)| name.starts_with("Query.") && !name.contains('(') && kind.ends_with('!')).collect();
    assert!(strict.is_empty(), "root fields that take the others with them: {strict:?}");
}

#[test]
fn the_contract_is_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/contract.graphql");
    let Ok(text) = std::fs::read_to_string(&path) else {
        report(&format!("skipped: {} is not there", path.display()));
        return;
    };
    let contract = parse_schema(&text).unwrap();
    let ((promised, _), schema) = (names(&contract), schema());
    assert!(promised.len() > 250, "{} names", promised.len());
    let kept = names(&schema).0;
    assert_eq!(deviations(&promised, &kept), Vec::<String>::new());
    assert_eq!(demands(&contract, &schema), Vec::<String>::new(), "clients of the contract cannot know these");

    // Both checks see what they are for.
    let doctored =
        parse_schema(text.replace("calories: Decimal!", "calories: Decimal").replace("fullName: String", "name: String")).unwrap();
    let found = deviations(&promised, &names(&doctored).0);
    assert!(found.contains(&"NutritionTotals.calories is Decimal, not Decimal!".to_owned()), "{found:?}");
    assert!(found.contains(&"Person.fullName is missing".to_owned()), "{found:?}");
    let doctored = parse_schema(
        text.replace("foodDay(date: Date)", "foodDay(date: Date, zone: String!)")
            .replace("input AccessInput {", "input AccessInput { why: String!"),
    )
    .unwrap();
    assert_eq!(demands(&contract, &doctored), ["AccessInput.why", "Person.foodDay(zone)"]);
}
