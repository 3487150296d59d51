//! What became of a schema: which changes break clients that were written for the old one.

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, Type},
};

use super::definitions::{Definition, Definitions, Kind, definitions};

/// What of the changes from `old` to `new` breaks a client of `old`, in words.
pub fn breaking(old: &Definitions, new: &Definitions) -> Vec<String> {
    let mut breaking = Vec::new();
    for (name, before) in old {
        match new.get(name) {
            // What goes with something else is told with it.
            None if before.deprecated.is_none() && around(name).is_none_or(|around| new.contains_key(around)) => {
                breaking.push(format!("{name} is gone and was not deprecated"));
            }
            None => {}
            Some(after) if !serves(before, after) => breaking.push(format!("{name} was {}, is {}", before.text(), after.text())),
            Some(_) => {}
        }
    }
    let demanded = new.iter().filter(|(name, after)| after.demanded() && !old.contains_key(*name));
    let of_old = demanded.filter(|(name, _)| around(name).is_some_and(|around| old.contains_key(around)));
    breaking.extend(of_old.map(|(name, _)| format!("{name} is new and must be given")));
    breaking
}

/// What a name belongs to: "Person.foodDay(date)" to "Person.foodDay", that to "Person".
fn around(name: &str) -> Option<&str> {
    name.rfind(['(', '.']).map(|end| &name[..end])
}

/// Whether a client that knows `before` can go on with `after`.
fn serves(before: &Definition, after: &Definition) -> bool {
    match (&before.kind, &after.kind) {
        // What is answered may become more certain, and what is taken less demanding.
        (Kind::Output(before), Kind::Output(after)) => fits(after, before),
        (Kind::Input(before, had_default), Kind::Input(after, has_default)) => {
            let (was_needed, is_needed) = (!before.nullable && !had_default, !after.nullable && !has_default);
            fits(before, after) && (was_needed || !is_needed)
        }
        (before, after) => before == after,
    }
}

/// Whether every value of `narrow` is one of `wide`.
fn fits(narrow: &Type, wide: &Type) -> bool {
    let base = match (&narrow.base, &wide.base) {
        (BaseType::Named(narrow), BaseType::Named(wide)) => narrow == wide,
        (BaseType::List(narrow), BaseType::List(wide)) => fits(narrow, wide),
        _ => false,
    };
    base && (wide.nullable || !narrow.nullable)
}

#[test]
fn breaking_changes_are_told_from_safe_ones() {
    let old = "
        type Query { a(x: Int, y: Int! = 1, z: Int!): Int  b: [Int!]  c: Int @deprecated(reason: \"d instead, gone on 2027-06-01\")  i: I }
        enum E { ONE TWO }
        input In { p: Int  q: Int! }
        type A { x: Int }  type B { x: Int }  union U = A | B  interface I { x: Int }  scalar S";
    let changed = |from: &str, to: &str| {
        assert!(old.contains(from), "{from}");
        let [old, new] = [old.to_owned(), old.replace(from, to)].map(|text| definitions(&parse_schema(text).unwrap()));
        breaking(&old, &new)
    };
    for (from, to) in [
        ("x: Int,", "x: Int, more: Int,"),
        ("x: Int,", "x: Int, more: Int! = 2,"),
        ("z: Int!", "z: Int"),
        ("y: Int! = 1", "y: Int = 1"),
        ("b: [Int!]", "b: [Int!]!"),
        ("a(x: Int, y: Int! = 1, z: Int!): Int", "a(x: Int, y: Int! = 1, z: Int!): Int!"),
        ("c: Int @deprecated(reason: \"d instead, gone on 2027-06-01\")", "d: Int"),
        ("ONE TWO", "ONE TWO THREE"),
        ("p: Int", "p: Int  r: Int"),
        ("q: Int!", "q: Int"),
        ("scalar S", "scalar S  type More { x: Int! }"),
        ("scalar S", "scalar S  input More { x: Int! }"),
        ("A | B", "A | B | C  type C { x: Int }"),
    ] {
        assert_eq!(changed(from, to), Vec::<String>::new(), "{to} is safe");
    }
    for (from, to, told) in [
        ("b: [Int!]", "", "Query.b is gone and was not deprecated"),
        ("x: Int,", "", "Query.a(x) is gone and was not deprecated"),
        ("x: Int,", "x: Int!,", "Query.a(x) was Int, is Int!"),
        ("x: Int,", "x: Int, more: Int!,", "Query.a(more) is new and must be given"),
        ("y: Int! = 1", "y: Int!", "Query.a(y) was Int!, is Int!"),
        ("b: [Int!]", "b: [Int]", "Query.b was [Int!], is [Int]"),
        ("b: [Int!]", "b: Int", "Query.b was [Int!], is Int"),
        ("z: Int!): Int", "z: Int!): String", "Query.a was Int, is String"),
        ("ONE TWO", "ONE", "E.TWO is gone and was not deprecated"),
        ("p: Int", "", "In.p is gone and was not deprecated"),
        ("p: Int", "p: Int!", "In.p was Int, is Int!"),
        ("q: Int!", "q: Int!  r: Int!", "In.r is new and must be given"),
        ("A | B", "A", "U.B is gone and was not deprecated"),
        ("interface I { x: Int }", "interface I { y: Int }", "I.x is gone and was not deprecated"),
        ("scalar S", "", "S is gone and was not deprecated"),
        ("scalar S", "enum S { X }", "S was scalar, is enum"),
    ] {
        assert_eq!(changed(from, to), [told], "{to}");
    }
}
