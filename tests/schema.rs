//! The schema as clients know it: checked in, described, true to the contract and to the last release, and of one style.

mod changes;
mod definitions;

use std::path::Path;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, ServiceDocument, Type},
};

use self::{
    changes::breaking,
    definitions::{Definitions, Kind, definitions},
};
use crate::harness::report;

fn schema() -> ServiceDocument {
    parse_schema(api::graphql::sdl()).unwrap()
}

fn all() -> Definitions {
    definitions(&schema())
}

/// What of `contract` is missing in `schema` or of another type there.
fn deviations(contract: &Definitions, schema: &Definitions) -> Vec<String> {
    let deviation = |(name, promised): (&String, &definitions::Definition)| match schema.get(name) {
        None => Some(format!("{name} is missing")),
        Some(other) if other.text() != promised.text() => Some(format!("{name} is {}, not {}", other.text(), promised.text())),
        Some(_) => None,
    };
    contract.iter().filter_map(deviation).collect()
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
fn what_clients_of_the_last_release_use_is_still_there() {
    // Until something is released, what was promised first. `just release-schema` writes it anew.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/schema.released.graphql");
    let released = definitions(&parse_schema(std::fs::read_to_string(path).unwrap()).unwrap());
    assert!(released.len() > 200, "{} names", released.len());
    assert_eq!(breaking(&released, &all()), Vec::<String>::new(), "deprecate first, with a reason and the date from when it may go");
}

/// What RxDB's own query builders make: the field by which it knows that a document is deleted, and pushes, which take the rows by the
/// name of the collection and answer the documents in conflict.
const RXDB_DELETED: &str = "_deleted";

fn is_rxdb_push(field: &str) -> bool {
    ["pushFoodEntry", "pushMeasurement", "pushExerciseEntry", "pushGoal", "pushNoot"].contains(&field)
}

/// What is wrong with the style of a schema, in words.
fn faults(all: &Definitions) -> Vec<String> {
    let mut faults = Vec::new();
    // What the crate brings along has no words of ours.
    let crates_own = ["Boolean", "Int", "Float", "ID", "String"];
    for (name, definition) in all.iter().filter(|(name, _)| !crates_own.contains(&name.as_str())) {
        let mut fault = |what: &str| faults.push(format!("{name}: {what}"));
        if !definition.described {
            fault("is not described");
        }
        let own = name.trim_end_matches(')').rsplit(['.', '(']).next().unwrap();
        let letters =
            |first: fn(&char) -> bool, other: fn(char) -> bool| own.chars().next().is_some_and(|c| first(&c)) && own.chars().all(other);
        let right = match &definition.kind {
            Kind::Type(_) | Kind::Member => letters(char::is_ascii_uppercase, |c| c.is_ascii_alphanumeric()) || own == "UUID",
            Kind::Output(_) | Kind::Input(..) => letters(char::is_ascii_lowercase, |c| c.is_ascii_alphanumeric()) || own == RXDB_DELETED,
            Kind::Value => letters(char::is_ascii_uppercase, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
        };
        if !right {
            fault("types are named LikeThis, fields and arguments likeThis, values LIKE_THIS");
        }
        if definition.deprecated.as_ref().is_some_and(|reason| !reason.split([' ', ',', '.', ')']).any(is_date) || reason.len() < 20) {
            fault("@deprecated says what to use instead, and from which date on it may be gone");
        }
        if let Kind::Output(of) | Kind::Input(of, _) = &definition.kind {
            if holds_nulls(of) {
                fault("lists hold no nulls");
            }
            if of.to_string().contains("Float") {
                fault("nothing exact is a Float");
            }
        }
    }
    for (connection, _) in all.iter().filter(|(name, _)| name.ends_with("Connection") && !name.contains('.')) {
        let node = connection.trim_end_matches("Connection");
        let shape = [
            (format!("{connection}.edges"), format!("[{node}Edge!]!")),
            (format!("{connection}.nodes"), format!("[{node}!]!")),
            (format!("{connection}.pageInfo"), "PageInfo!".to_owned()),
            (format!("{node}Edge.node"), format!("{node}!")),
            (format!("{node}Edge.cursor"), "String!".to_owned()),
        ];
        let lacking = shape.into_iter().filter(|(name, of)| all.get(name).is_none_or(|definition| definition.text() != *of));
        faults.extend(lacking.map(|(name, of)| format!("{connection}: {name} is not {of}")));
        for (field, _) in all.iter().filter(|(_, definition)| definition.text().trim_end_matches('!') == connection) {
            let taken = |argument, of: &str| all.get(&format!("{field}({argument})")).is_some_and(|definition| definition.text() == of);
            if !taken("first", "Int") || !taken("after", "String") {
                faults.push(format!("{field}: a connection takes first and after"));
            }
        }
    }
    faults
}

fn is_date(word: &str) -> bool {
    word.len() == 10 && word.bytes().enumerate().all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
}

fn holds_nulls(of: &Type) -> bool {
    match &of.base {
        BaseType::Named(_) => false,
        BaseType::List(inner) => inner.nullable || holds_nulls(inner),
    }
}

#[test]
fn the_schema_is_of_one_style() {
    assert_eq!(faults(&all()), Vec::<String>::new());
    // Each fault is seen.
    let page = r#""""."""type PageInfo{"""."""hasNextPage:Boolean!} """."""type FoodEdge{"""."""cursor:String! """."""node:Food!} """."""type Food{"""."""id:Int!}
        """."""type FoodConnection{"""."""edges:[FoodEdge!]! """."""nodes:[Food!]! """."""pageInfo:PageInfo!}"#;
    let found = |text: &str| faults(&definitions(&parse_schema(format!("{page} {text}")).unwrap()));
    let fine = r#"""".""" type Query { """.""" foods(""".""" first: Int """.""" after: String): FoodConnection """.""" old: Int @deprecated(reason: "foods instead, gone on 2027-06-01") }"#;
    assert_eq!(found(fine), Vec::<String>::new());
    for (from, to, fault) in [
        (r#"""".""" foods"#, "foods", "Query.foods: is not described"),
        (r#"""".""" first: Int"#, "first: Int", "Query.foods(first): is not described"),
        (" old: Int", " Old: Int", "Query.Old: types are named LikeThis, fields and arguments likeThis, values LIKE_THIS"),
        (" old: Int", " old_one: Int", "Query.old_one: types are named LikeThis, fields and arguments likeThis, values LIKE_THIS"),
        (
            ", gone on 2027-06-01",
            " some day or other",
            "Query.old: @deprecated says what to use instead, and from which date on it may be gone",
        ),
        ("old: Int", "old: [Int]", "Query.old: lists hold no nulls"),
        ("old: Int", "old: Float", "Query.old: nothing exact is a Float"),
        (r#"""".""" after: String"#, "", "Query.foods: a connection takes first and after"),
    ] {
        assert!(fine.contains(from), "{from}");
        assert_eq!(found(&fine.replacen(from, to, 1)), [fault], "{to}");
    }
    let naked = found(&format!(r#"{fine} """.""" type NakedConnection {{ """.""" nodes: [Food!]! }} """.""" enum E {{ """.""" One }}"#));
    assert!(naked.contains(&"NakedConnection: NakedConnection.edges is not [NakedEdge!]!".to_owned()), "{naked:?}");
    assert!(naked.contains(&"E.One: types are named LikeThis, fields and arguments likeThis, values LIKE_THIS".to_owned()), "{naked:?}");
}

#[test]
fn every_mutation_takes_one_input_and_answers_a_payload() {
    let all = all();
    for (name, definition) in all.iter().filter(|(name, _)| name.starts_with("Mutation.")) {
        let field = name.trim_start_matches("Mutation.");
        match field.split_once('(') {
            Some((push, argument)) if is_rxdb_push(push) => {
                let collection = push.trim_start_matches("push");
                let rows = format!("{}{}PushRow)", collection[..1].to_lowercase(), &collection[1..]);
                assert_eq!((argument, definition.text()), (rows.as_str(), format!("[{collection}InputPushRow!]")), "{name}");
            }
            None if is_rxdb_push(field) => {
                assert_eq!(definition.text(), format!("[{}Document!]", field.trim_start_matches("push")), "{name}");
            }
            Some((_, argument)) => assert_eq!(argument, "input)", "{name}"),
            None => {
                let payload = format!("{}{}Payload", field[..1].to_uppercase(), &field[1..]);
                assert_eq!(definition.text(), payload, "{name}: nullable, so that one failure leaves the rest");
            }
        }
    }
    let strict: Vec<_> = all
        .iter()
        .filter(|(name, definition)| name.starts_with("Query.") && matches!(&definition.kind, Kind::Output(of) if !of.nullable))
        .map(|(name, _)| name)
        .collect();
    assert!(strict.is_empty(), "root fields that take the others with them: {strict:?}");
}

#[test]
fn the_contract_is_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/contract.graphql");
    let Ok(text) = std::fs::read_to_string(&path) else {
        report(&format!("skipped: {} is not there", path.display()));
        return;
    };
    let (promised, kept) = (definitions(&parse_schema(&text).unwrap()), all());
    assert!(promised.len() > 250, "{} names", promised.len());
    assert_eq!(deviations(&promised, &kept), Vec::<String>::new());
    assert_eq!(breaking(&promised, &kept), Vec::<String>::new(), "clients of the contract cannot know these");

    // The check sees what it is for.
    let doctored = text.replace("calories: Decimal!", "calories: Decimal").replace("fullName: String", "name: String");
    let found = deviations(&promised, &definitions(&parse_schema(doctored).unwrap()));
    assert!(found.contains(&"NutritionTotals.calories is Decimal, not Decimal!".to_owned()), "{found:?}");
    assert!(found.contains(&"Person.fullName is missing".to_owned()), "{found:?}");
}
