//! Bad values for every argument and input field that the schema has, generated from it: each is refused with a code, nothing
//! is written, and the server stays. A field that is added later is covered without a word here.
//!
//! A value is either never right for its type, and then it must be refused wherever it stands; or it is right in some places (zero,
//! an empty text, null), and then a refusal must have a code and leave every row as it was. What is accepted is counted and told.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use reqwest::header;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::harness::{PASSWORD, TestApp, report};

/// Where the bad value is put into a JSON text.
const HERE: &str = "@here@";
/// How many values of each argument the suite tries; HALE_ATTACK=1 tries all.
const OF_EACH: usize = 20;

/// A bad value, as JSON: not every one could be a `Value`.
#[derive(Clone)]
struct Bad {
    json: String,
    /// Not right for any field of this type.
    never: bool,
}

fn never(values: &[Value]) -> Vec<Bad> {
    values.iter().map(|value| Bad { json: value.to_string(), never: true }).collect()
}

fn perhaps(values: &[Value]) -> Vec<Bad> {
    values.iter().map(|value| Bad { json: value.to_string(), never: false }).collect()
}

/// Bad values of a named type. The worst come first.
fn bad_values(schema: &Schema, name: &str) -> Vec<Bad> {
    let long = |length: usize| json!("x".repeat(length));
    let many = json!(vec![1; 20_000]);
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let mut bad = match name {
        "Decimal" => [
            never(&[
                json!("NaN"),
                json!("1e400"),
                json!("Infinity"),
                json!("-Infinity"),
                json!(""),
                json!("1e2"),
                json!(1.5),
                json!("1,5"),
                json!("1\u{0}"),
                json!("9".repeat(41)),
                json!("99999999999999999999999999999"),
                json!(" 1"),
                json!("+1"),
                json!("0x10"),
                json!("1_000"),
                json!("."),
                json!("1."),
                json!(".5"),
                json!("--1"),
                json!("١"),
                json!("½"),
                json!(true),
                json!({}),
                json!([]),
                json!({ "amount": "1" }),
                json!("null"),
                json!("1 g"),
            ]),
            perhaps(&[
                json!("-5"),
                json!("0"),
                json!("0.0001"),
                json!("0.0000001"),
                json!(-1),
                json!(u64::MAX),
                json!("99999999999999999999"),
                json!("-0"),
            ]),
        ]
        .concat(),
        "Date" => [
            never(&[
                json!("2026-02-30"),
                json!("10000-01-01"),
                json!("1899-12-31"),
                json!("2101-01-01"),
                json!(""),
                json!("2026-13-01"),
                json!("2026-00-10"),
                json!("2026-01-32"),
                json!("2026-1-1"),
                json!("20260101"),
                json!("26-01-01"),
                json!("-2026-01-01"),
                json!("+2026-01-01"),
                json!("2026-01-01T00:00:00Z"),
                json!("2026-01-01\u{0}"),
                json!(" 2026-01-01"),
                json!("tomorrow"),
                json!("0000-00-00"),
                json!("2025-02-29"),
                json!("٢٠٢٦-٠١-٠١"),
                json!(20260101),
                json!(1.5),
                json!(true),
                json!([]),
                json!({}),
            ]),
            perhaps(&[json!("1900-01-01"), json!("2100-12-31")]),
        ]
        .concat(),
        "DateTime" => [
            never(&[
                json!("2026-02-30T00:00:00Z"),
                json!("10000-01-01T00:00:00Z"),
                json!("+10000-01-01T00:00:00Z"),
                json!(""),
                json!("2026-03-10"),
                json!("2026-03-10T12:00:00"),
                json!("2026-03-10T25:00:00Z"),
                json!("2026-03-10T12:60:00Z"),
                json!("2026-03-10T12:00:00+99:99"),
                json!("2026-03-10T12:00:00 Europe/Berlin"),
                json!("-0001-01-01T00:00:00Z"),
                json!("2026-03-10T12:00:00Z\u{0}"),
                json!("now"),
                json!("1767225600"),
                json!(1767225600),
                json!("Tue, 10 Mar 2026 12:00:00 GMT"),
                json!("2026-W10-2T12:00:00Z"),
                json!(true),
                json!([]),
                json!({}),
                json!(1.5),
            ]),
            perhaps(&[
                json!("0000-01-01T00:00:00Z"),
                json!("1899-12-31T23:59:59Z"),
                json!("2101-01-01T00:00:00Z"),
                json!("9999-12-31T23:59:59Z"),
                json!("2016-12-31T23:59:60Z"),
                json!("2026-03-10T12:00:00.123456789Z"),
            ]),
        ]
        .concat(),
        "TimeZone" => never(&[
            json!("Mars/Olympus"),
            json!(""),
            json!("UTC+25"),
            json!("../etc/passwd"),
            json!("Europe/Berlin\u{0}"),
            json!(" Europe/Berlin"),
            json!("Europe/Berlin "),
            json!("Europe"),
            json!("Europe\\Berlin"),
            json!("+02:00"),
            json!("GMT+25"),
            json!("CEST"),
            json!("'; DROP TABLE users; --"),
            json!("Etc/GMT+99"),
            json!("Europe/Bérlin"),
            long(300),
            json!(1),
            json!(1.5),
            json!(true),
            json!([]),
            json!({}),
            json!("local"),
        ]),
        "UUID" => [
            never(&[
                json!(""),
                json!("1"),
                json!("{0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f}"),
                json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398g"),
                json!("0199c1f05b7e7cc398c4dc0c0c07398f"),
                json!("urn:uuid:0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f"),
                json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f "),
                json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398"),
                json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398ff"),
                json!("0199c1f0_5b7e_7cc3_98c4_dc0c0c07398f"),
                json!("'; DROP TABLE users; --"),
                json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c0739\u{0}f"),
                long(300),
                json!("null"),
                json!("%"),
                json!("０199c1f0-5b7e-7cc3-98c4-dc0c0c07"),
                json!(1),
                json!(1.5),
                json!(true),
                json!([]),
                json!({}),
            ]),
            perhaps(&[
                json!("00000000-0000-0000-0000-000000000000"),
                json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
                json!("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f"),
            ]),
        ]
        .concat(),
        "Int" => [
            never(&[
                json!(2_147_483_648_i64),
                json!(-2_147_483_649_i64),
                json!(1.5),
                json!("1"),
                json!(true),
                json!(false),
                json!([]),
                json!({}),
                json!(""),
                json!("NaN"),
                json!(u64::MAX),
                json!(i64::MIN),
                json!(1e300),
                json!("0x10"),
                json!("1e2"),
                json!([1, 2]),
                json!({ "value": 1 }),
                json!(0.1),
                json!("null"),
                json!("١"),
                json!("1\u{0}"),
                json!(-0.5),
                json!(99_999_999_999_i64),
            ]),
            perhaps(&[json!(-1), json!(0), json!(2_147_483_647), json!(-2_147_483_648), json!(1_000_000)]),
        ]
        .concat(),
        "Boolean" => never(&[
            json!("true"),
            json!("false"),
            json!(0),
            json!(1),
            json!(""),
            json!("yes"),
            json!("on"),
            json!([]),
            json!({}),
            json!(1.5),
            json!("null"),
            json!([true, false]),
            json!({ "value": true }),
            json!(-1),
            json!("TRUE"),
            json!("t"),
            json!(u64::MAX),
            json!("1"),
            json!("0"),
            json!("\u{0}"),
        ]),
        "String" => [
            never(&[
                json!(1),
                json!(true),
                json!({}),
                json!([]),
                json!(1.5),
                json!({ "text": "x" }),
                json!([{}]),
                json!(-1),
                json!(u64::MAX),
                json!([[]]),
                json!(1e300),
            ]),
            perhaps(&[
                json!("a\u{0}b"),
                json!(""),
                long(300),
                json!(["x", "y"]),
                json!("   "),
                json!("\u{7}bell"),
                json!("a\r\nb"),
                json!("'; DROP TABLE users; --"),
                json!("%_\\"),
                json!("\u{202e}txet"),
                json!("é".repeat(20_000)),
                json!("<script>alert(1)</script>"),
                json!("İ".repeat(60)),
                json!("\u{feff}"),
                json!("${jndi:ldap://x}"),
                json!("x".repeat(100_000)),
                json!("\u{fdfa}".repeat(60)),
                json!("null"),
                json!("../../etc/passwd"),
                json!("👩‍👩‍👧‍👦".repeat(40)),
                json!("\\u0000"),
            ]),
        ]
        .concat(),
        _ => match schema.inputs.get(name) {
            Some(_) => never(&[
                json!([]),
                json!(1),
                json!("x"),
                json!(true),
                json!({ "nothing": 1 }),
                json!({ "__typename": "x" }),
                json!(1.5),
                json!(""),
                json!([[{}]]),
                json!({ "": 1 }),
                json!({ "\u{0}": 1 }),
                json!(-1),
                json!("{}"),
                json!([1]),
                json!(["x"]),
                json!({ "nothing": { "nothing": {} } }),
                json!({ "constructor": {} }),
                json!({ "__proto__": {} }),
                json!(u64::MAX),
                json!(false),
            ]),
            // An enum, or a scalar that is not known here.
            None => never(&[
                json!("NOTHING"),
                json!(""),
                json!(1),
                json!(true),
                json!({}),
                json!([]),
                json!(1.5),
                json!("nothing"),
                json!("\u{0}"),
                json!("0"),
                json!(-1),
                json!(u64::MAX),
                json!("null"),
                json!("'; DROP TABLE users; --"),
                json!([["X"]]),
                json!({ "value": "X" }),
                json!(" "),
                json!("__typename"),
                long(300),
                json!("undefined"),
            ]),
        },
    };
    let raw = |json: String| Bad { json, never: true };
    if name == "String" {
        bad.splice(0..0, [raw(r#""\ud800""#.into()), raw(r#""x\udc00\ud800""#.into())]);
    }
    bad.push(raw(many.to_string()));
    bad.push(raw(deep));
    bad.push(raw("1e400".into()));
    bad.push(raw("-".into()));
    bad
}

/// So many of them: null, the first six of those that may be right somewhere, and of the others what is left.
fn chosen(bad: Vec<Bad>, nullable: bool, count: usize) -> Vec<Bad> {
    let (never, perhaps): (Vec<_>, Vec<_>) = bad.into_iter().partition(|bad| bad.never);
    let null = Bad { json: "null".into(), never: !nullable };
    let some = if count == usize::MAX { perhaps.len() } else { 6 };
    [null].into_iter().chain(perhaps.into_iter().take(some)).chain(never).take(count).collect()
}

/// What the schema says of inputs.
struct Schema {
    inputs: BTreeMap<String, Vec<(String, Type)>>,
    enums: BTreeMap<String, Vec<String>>,
    objects: BTreeMap<String, BTreeMap<String, (Vec<(String, Type)>, Type)>>,
}

impl Schema {
    fn read() -> Self {
        let mut schema = Self { inputs: BTreeMap::new(), enums: BTreeMap::new(), objects: BTreeMap::new() };
        let values = |values: &[async_graphql::Positioned<InputValueDefinition>]| {
            values.iter().map(|value| (value.node.name.node.to_string(), value.node.ty.node.clone())).collect::<Vec<_>>()
        };
        for definition in parse_schema(api::graphql::sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match &definition.node.kind {
                TypeKind::InputObject(input) => drop(schema.inputs.insert(name, values(&input.fields))),
                TypeKind::Enum(of) => {
                    drop(schema.enums.insert(name, of.values.iter().map(|value| value.node.value.node.to_string()).collect()))
                }
                TypeKind::Object(object) => {
                    let fields = object
                        .fields
                        .iter()
                        .map(|field| (field.node.name.node.to_string(), (values(&field.node.arguments), field.node.ty.node.clone())));
                    schema.objects.insert(name, fields.collect());
                }
                _ => {}
            }
        }
        schema
    }

    /// A selection of a field of this type, if it needs one.
    fn selection(&self, of: &Type) -> &'static str {
        if self.objects.contains_key(named(of)) { "{ __typename }" } else { "" }
    }
}

fn named(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// One argument or input field: an operation whose variable `$v` holds the bad value somewhere.
struct Place {
    /// As a person would name it: "Mutation.logFood(input).quantity".
    name: String,
    document: String,
    /// The variable, with [`HERE`] in it.
    variable: Value,
    of: Type,
    writes: bool,
}

/// What is known to be right, so that it is the bad value that is refused.
struct World<'a> {
    schema: &'a Schema,
    /// An id of each type that something was created of.
    ids: BTreeMap<String, String>,
}

impl World<'_> {
    /// A right value of a field of an input of `mutation`.
    fn right(&self, mutation: &str, field: &str, of: &Type) -> Value {
        if let BaseType::List(inner) = &of.base {
            return json!([self.right(mutation, field, inner)]);
        }
        let has = |part: &str| field.to_lowercase().contains(part);
        match named(of) {
            "Decimal" | "Int" => json!(1),
            "Boolean" => json!(false),
            "Date" => json!("2026-03-10"),
            "DateTime" => json!("2026-03-10T11:00:00Z"),
            "TimeZone" => json!("UTC"),
            "UUID" => {
                let noun = if field == "id" {
                    mutation.trim_start_matches(char::is_lowercase).to_owned()
                } else {
                    capital(field.trim_end_matches("Id"))
                };
                json!(self.ids.get(&noun).map_or("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398e", String::as_str))
            }
            "String" if has("email") => json!("somebody@example.org"),
            "String" if has("password") => json!(PASSWORD),
            "String" if has("unit") => json!("g"),
            "String" if has("mealtype") => json!("lunch"),
            "String" if has("type") => json!("steps_of_my_own"),
            "String" if has("code") => json!("CA"),
            "String" => json!("right"),
            other => match self.schema.enums.get(other) {
                Some(values) => json!(values[0]),
                None => self.input(mutation, other),
            },
        }
    }

    /// The required fields of an input.
    fn input(&self, mutation: &str, input: &str) -> Value {
        let required = self.schema.inputs.get(input).into_iter().flatten().filter(|(_, of)| !of.nullable);
        Value::Object(required.map(|(name, of)| (name.clone(), self.right(mutation, name, of))).collect::<Map<_, _>>())
    }

    /// Every argument of a field of a root or of the viewer, and every field of its inputs.
    fn places(&self, root: &str, field: &str) -> Vec<Place> {
        let (prefix, suffix) = match root {
            "Query" => ("query($v: V) { ", " }"),
            "Person" => ("query($v: V) { viewer { ", " } }"),
            _ => ("mutation($v: V) { ", " }"),
        };
        let mut places = Vec::new();
        let (arguments, of) = &self.schema.objects[root][field];
        for (argument, argument_of) in arguments {
            let others = arguments.iter().filter(|(name, of)| name != argument && !of.nullable);
            let others: String = others.map(|(name, of)| format!(", {name}: {}", literal(&self.right(field, name, of)))).collect();
            let prefix = prefix.replace(": V)", &format!(": {argument_of})"));
            let document = format!("{prefix}{field}({argument}: $v{others}) {}{suffix}", self.schema.selection(of));
            let mut add = |name: String, variable: Value, of: &Type| {
                places.push(Place { name, document: document.clone(), variable, of: of.clone(), writes: root == "Mutation" });
            };
            let name = format!("{root}.{field}({argument})");
            add(name.clone(), json!(HERE), argument_of);
            if self.schema.inputs.contains_key(named(argument_of)) {
                self.fields(field, named(argument_of), &name, &|value| value, &mut add);
            }
        }
        places
    }

    /// The fields of an input and of those within it; `around` puts a value of the input where it belongs.
    fn fields(&self, mutation: &str, input: &str, name: &str, around: &dyn Fn(Value) -> Value, add: &mut dyn FnMut(String, Value, &Type)) {
        for (field, of) in &self.schema.inputs[input] {
            let with = |value: Value| {
                let mut right = self.input(mutation, input);
                right[field] = value;
                around(right)
            };
            let name = format!("{name}.{field}");
            add(name.clone(), with(json!(HERE)), of);
            let listed = matches!(of.base, BaseType::List(_));
            if self.schema.inputs.contains_key(named(of)) {
                self.fields(mutation, named(of), &name, &|value| with(if listed { json!([value]) } else { value }), add);
            } else if listed {
                let BaseType::List(inner) = &of.base else { continue };
                add(format!("{name}[0]"), with(json!([HERE])), inner);
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// A value as GraphQL writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            format!("{{ {} }}", fields.iter().map(|(name, value)| format!("{name}: {}", literal(value))).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A fingerprint of every row of every table; attempts are counted, so their buckets are left out.
async fn rows(owner: &mut PgConnection) -> String {
    let tables: Vec<(String,)> = sqlx::query_as(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'rate_limits' ORDER BY 1",
    )
    .fetch_all(&mut *owner)
    .await
    .unwrap();
    assert!(tables.len() > 10);
    let each = tables
        .iter()
        .map(|(table,)| format!("SELECT '{table} ' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"));
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(owner).await.unwrap();
    rows.into_iter().map(|(row,)| row + "\n").collect()
}

/// Sends JSON as it is; the status, and the answer.
async fn send(app: &TestApp, token: &str, document: &str, variable: &str) -> (u16, Value) {
    let body = format!(r#"{{"query":{},"variables":{{"v":{variable}}}}}"#, json!(document));
    let request = app.post("/graphql").header(header::CONTENT_TYPE, "application/json").bearer_auth(token).body(body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}")))
}

/// Creates what can be created, twice over, since some of it needs the rest; answers what exists then.
async fn world<'a>(app: &TestApp, token: &str, schema: &'a Schema) -> World<'a> {
    let mut world = World { schema, ids: BTreeMap::new() };
    for _ in 0..2 {
        for (mutation, (arguments, payload)) in &schema.objects["Mutation"] {
            let [(_, of)] = arguments.as_slice() else { continue };
            let creates = ["create", "log", "record", "set", "offer", "add", "send", "plan"].iter().any(|verb| mutation.starts_with(verb));
            let made = schema.objects.get(named(payload)).into_iter().flatten().find_map(|(field, (_, of))| {
                let name = named(of);
                schema.objects.get(name)?.contains_key("id").then(|| (field.clone(), name.to_owned()))
            });
            let (true, Some((field, made))) = (creates, made) else { continue };
            let document = format!("mutation($v: {of}) {{ {mutation}(input: $v) {{ {field} {{ id }} }} }}");
            let (_, answer) = send(app, token, &document, &world.input(mutation, named(of)).to_string()).await;
            let made_id = answer["data"][mutation][&field].pointer("/id").or_else(|| answer["data"][mutation][&field].pointer("/0/id"));
            if let Some(id) = made_id.and_then(Value::as_str) {
                world.ids.insert(made, id.to_owned());
            }
        }
    }
    world
}

const CODES: [&str; 14] = [
    "BAD_REQUEST",
    "DOCUMENT_NOT_FOUND",
    "UNAUTHENTICATED",
    "SECOND_FACTOR_REQUIRED",
    "FORBIDDEN",
    "NOT_FOUND",
    "BAD_USER_INPUT",
    "CONFLICT",
    "RATE_LIMITED",
    "LIMIT_EXCEEDED",
    "TIMEOUT",
    "UNAVAILABLE",
    "PROVIDER_UNAVAILABLE",
    "",
];

#[tokio::test]
async fn no_bad_value_is_accepted_written_or_too_much() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut owner = app.connect("hale_owner").await;
    let schema = Schema::read();
    let of_each = if std::env::var_os("HALE_ATTACK").is_some() { usize::MAX } else { OF_EACH };
    let (mut tried, mut right, mut accepted, mut wrong) = (0, Vec::new(), BTreeMap::<String, Vec<String>>::new(), Vec::new());
    let mut token = ann.token.clone().unwrap();
    let fields = ["Query", "Person", "Mutation"].into_iter().flat_map(|root| schema.objects[root].keys().map(move |field| (root, field)));
    for (root, field) in fields {
        // Of its own, for values that are accepted may delete what the next ones need.
        let world = world(&app, &token, &schema).await;
        for made in ["Food", "FoodEntry", "Exercise", "ExerciseEntry", "Measurement", "Goal"] {
            assert!(world.ids.contains_key(made), "no {made} could be created: {:?}", world.ids);
        }
        let mut before = rows(&mut owner).await;
        for place in world.places(root, field) {
            for bad in chosen(bad_values(&schema, named(&place.of)), place.of.nullable, of_each) {
                let listed = matches!(place.of.base, BaseType::List(_));
                // The empty list is no bad list.
                let never = bad.never && !(listed && bad.json == "[]");
                let variable = place.variable.to_string().replace(&format!("\"{HERE}\""), &bad.json);
                let (status, answer) = send(&app, &token, &place.document, &variable).await;
                tried += 1;
                let shown = format!("{} = {:.60}: {status} {:.300}", place.name, bad.json, answer.to_string());
                let errors = answer["errors"].as_array().cloned().unwrap_or_default();
                let coded = errors
                    .iter()
                    .all(|error| error["extensions"]["code"].as_str().is_some_and(|code| !code.is_empty() && CODES.contains(&code)));
                if status >= 500 || !coded || status != 200 && errors.is_empty() {
                    wrong.push(format!("not answered: {shown}"));
                } else if errors.is_empty() && never {
                    wrong.push(format!("accepted: {shown}"));
                }
                if errors.is_empty() {
                    accepted.entry(place.name.clone()).or_default().push(bad.json.chars().take(20).collect());
                }
                if place.writes {
                    if errors.is_empty() {
                        // It may have ended the session, or changed what was to be written.
                        if ann_asks(&app, &token).await.is_none() {
                            token = signs_in(&app).await;
                        }
                        before = rows(&mut owner).await;
                    } else if !never {
                        let after = rows(&mut owner).await;
                        if after != before {
                            wrong.push(format!("refused, but written: {shown}"));
                            before = after;
                        }
                    }
                }
            }
            // Attempts are limited; that they are is tested elsewhere.
            sqlx::query("DELETE FROM rate_limits").execute(&mut owner).await.unwrap();
            let after = rows(&mut owner).await;
            if after != before {
                wrong.push(format!("refused, but written: {}", place.name));
                before = after;
            }
        }
        if root == "Mutation" {
            let [(_, of)] = schema.objects[root][field].0.as_slice() else { continue };
            let document = format!("mutation($v: {of}) {{ {field}(input: $v) {{ __typename }} }}");
            let (_, answer) = send(&app, &token, &document, &world.input(field, named(of)).to_string()).await;
            if answer.get("errors").is_none() {
                right.push(field.clone());
            }
            if ann_asks(&app, &token).await.is_none() {
                token = signs_in(&app).await;
            }
        }
    }
    owner.close().await.unwrap();
    let accepted_count: usize = accepted.values().map(Vec::len).sum();
    if of_each == usize::MAX {
        report(&format!("{tried} values, of which {accepted_count} are right where they stand: {accepted:#?}"));
        report(&format!("without any bad value these succeed: {right:?}"));
    }
    assert!(wrong.is_empty(), "{} of {tried} values:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried >= 2_000, "{tried} values");
    assert!(2 * right.len() > schema.objects["Mutation"].len(), "hardly any mutation would have succeeded: {right:?}");
    assert!(accepted_count < tried / 4, "{accepted_count} of {tried} were accepted");
}

async fn ann_asks(app: &TestApp, token: &str) -> Option<String> {
    let (_, answer) = send(
        app,
        token,
        "query($v: Int) { viewer { id @skip(if: false) } foods(search: \"x\", first: $v) { pageInfo { hasNextPage } } }",
        "1",
    )
    .await;
    answer["data"]["viewer"]["id"].as_str().map(str::to_owned)
}

async fn signs_in(app: &TestApp) -> String {
    let input = json!({ "email": "ann@example.org", "password": PASSWORD });
    let answer = app
        .nobody()
        .ask("mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }", json!({ "input": input }))
        .await;
    answer["signIn"]["session"]["accessToken"].as_str().unwrap().to_owned()
}
