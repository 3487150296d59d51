//! Bad values for every argument and input field that the schema has, generated from it: each is refused with a code, nothing
//! is written, and the server stays. A field that is added later is covered without a word here.
//!
//! A value is either never right for its type, and then it must be refused wherever it stands; or it is right in some places (zero,
//! an empty text, null), and then a refusal must have a code and leave every row as it was. What is accepted is counted and told.

use std::{collections::BTreeMap, sync::LazyLock};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use reqwest::header;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::harness::{PASSWORD, TestApp, report};

/// Where the bad value is put into a JSON text.
const HERE: &str = "@here@";
/// How many values of each argument the suite tries; HALE_ATTACK=1 tries all.
const OF_EACH: usize = 8;

/// A bad value, as JSON: not every one could be a `Value`.
#[derive(Clone)]
struct Bad {
    json: String,
    /// Not right for any field of this type.
    never: bool,
}

/// Bad values of a named type: those of `bad_values.json`, and what is too long, too much or no JSON.
fn bad_values(schema: &Schema, name: &str) -> Vec<Bad> {
    #[derive(Deserialize)]
    struct OfType {
        never: Vec<Value>,
        perhaps: Vec<Value>,
    }
    static LISTED: LazyLock<BTreeMap<String, OfType>> = LazyLock::new(|| serde_json::from_str(include_str!("bad_values.json")).unwrap());
    let other = if schema.inputs.contains_key(name) { "an input" } else { "an enum or another scalar" };
    let listed = LISTED.get(name).unwrap_or_else(|| &LISTED[other]);
    let (never, perhaps) = (|json: String| Bad { json, never: true }, |json: String| Bad { json, never: false });
    let long = |text: &str, times: usize| json!(text.repeat(times)).to_string();
    let mut bad = Vec::new();
    if name == "String" {
        bad.extend([
            perhaps(long("x", 300)),
            perhaps(long("é", 20_000)),
            perhaps(long("x", 100_000)),
            perhaps(long("İ", 60)),
            perhaps(long("\u{fdfa}", 60)),
        ]);
        bad.extend([never(r#""\ud800""#.into()), never(r#""x\udc00\ud800""#.into())]);
    } else if name == "JSON" {
        // Every JSON is right; what is in it is judged where it belongs.
        bad.extend([perhaps(json!(vec![1; 20_000]).to_string()), perhaps(format!("{}1{}", "[".repeat(100), "]".repeat(100)))]);
        bad.extend([r#""\ud800""#, r#"{"a":1,"a":2}"#].map(|json| never(json.into())));
    } else {
        bad.extend([never(long("9", 41)), never(long("x", 300))]);
    }
    bad.extend(listed.never.iter().map(|value| never(value.to_string())));
    bad.extend(listed.perhaps.iter().map(|value| perhaps(value.to_string())));
    if name != "JSON" {
        bad.extend([never(json!(vec![1; 20_000]).to_string()), never(format!("{}1{}", "[".repeat(100), "]".repeat(100)))]);
    }
    bad.extend(["1e400", "-", "NaN", "'x'"].map(|json| never(json.into())));
    bad
}

/// So many of them: null, the first six of those that may be right somewhere, and of the others what is left.
fn chosen(bad: Vec<Bad>, nullable: bool, count: usize) -> Vec<Bad> {
    let (never, perhaps): (Vec<_>, Vec<_>) = bad.into_iter().partition(|bad| bad.never);
    let null = Bad { json: "null".into(), never: !nullable };
    let some = if count == usize::MAX { perhaps.len() } else { 6 };
    [null].into_iter().chain(perhaps.into_iter().take(some)).chain(never).take(count).collect()
}

/// The arguments of a field, and its type.
type Field = (Vec<(String, Type)>, Type);

/// What the schema says of inputs.
struct Schema {
    inputs: BTreeMap<String, Vec<(String, Type)>>,
    enums: BTreeMap<String, Vec<String>>,
    objects: BTreeMap<String, BTreeMap<String, Field>>,
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
            "JSON" => json!([]),
            "Date" => json!("2026-03-10"),
            "DateTime" => json!("2026-03-10T11:00:00Z"),
            "TimeZone" => json!("UTC"),
            "UUID" => {
                let noun = if field == "id" {
                    mutation.trim_start_matches(char::is_lowercase).to_owned()
                } else {
                    capital(field.trim_end_matches("Id"))
                };
                // A member is a HouseholdMember, and the RoutineMembers are those of a Routine.
                let close = || self.ids.iter().find(|(name, _)| name.ends_with(&noun) || noun.starts_with(name.as_str())).map(|(_, id)| id);
                json!(self.ids.get(&noun).or_else(close).map_or("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398e", String::as_str))
            }
            "String" if has("email") => json!("somebody@example.org"),
            "String" if has("password") => json!(PASSWORD),
            "String" if has("unit") && mutation.contains("Water") => json!("ml"),
            "String" if has("unit") => json!("g"),
            "String" if has("mealtype") => json!("lunch"),
            "String" if has("type") => json!("steps_of_my_own"),
            "String" if has("barcode") => json!("4006381333931"),
            "String" if has("nutrient") => json!("ALC"),
            "String" if has("code") && mutation.contains("Nutrient") => json!("X_RIGHT"),
            "String" if has("code") => json!("CA"),
            "String" => json!("right"),
            other => match self.schema.enums.get(other) {
                Some(values) => json!(values[0]),
                None => self.input(mutation, other),
            },
        }
    }

    /// The fields of an input without which it is not right.
    fn input(&self, mutation: &str, input: &str) -> Value {
        // Any of several would do there.
        let chosen: &[&str] = match input {
            "CreateMealInput" => &["servings"],
            "LogWaterInput" => &["quantity", "unit"],
            "PlanMealInput" => &["name"],
            _ => &[],
        };
        let fields = self.schema.inputs.get(input).into_iter().flatten();
        let needed = fields.filter(|(name, of)| !of.nullable || chosen.contains(&name.as_str()));
        Value::Object(needed.map(|(name, of)| (name.clone(), self.right(mutation, name, of))).collect::<Map<_, _>>())
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
    // Several processes of PostgreSQL may share the work, and end in any order.
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ") + " ORDER BY 1";
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
async fn made<'a>(app: &TestApp, token: &str, schema: &'a Schema) -> World<'a> {
    let mut world = World { schema, ids: BTreeMap::new() };
    for _ in 0..2 {
        for (mutation, (arguments, payload)) in &schema.objects["Mutation"] {
            let [(_, of)] = arguments.as_slice() else { continue };
            let creates =
                ["create", "log", "record", "set", "offer", "add", "send", "plan", "cook"].iter().any(|verb| mutation.starts_with(verb));
            let made = schema.objects.get(named(payload)).into_iter().flatten().find_map(|(field, (_, of))| {
                let name = named(of);
                schema.objects.get(name)?.contains_key("id").then(|| (field.clone(), name.to_owned()))
            });
            let (true, Some((field, made))) = (creates, made) else { continue };
            let document = format!("mutation($v: {of}) {{ {mutation}(input: $v) {{ {field} {{ id }} }} }}");
            let (_, answer) = send(app, token, &document, &world.input(mutation, named(of)).to_string()).await;
            let made_id = answer["data"][mutation][&field].pointer("/id").or_else(|| answer["data"][mutation][&field].pointer("/0/id"));
            if let Some(id) = made_id.and_then(Value::as_str) {
                world.ids.entry(made).or_insert_with(|| id.to_owned());
            }
        }
    }
    // Turns come of planning.
    let document = "query($v: UUID!) { household(id: $v) { routines { plan(from: \"2026-03-01\", to: \"2026-03-31\") { id } } } }";
    let (_, answer) = send(app, token, document, &json!(world.ids.get("Household")).to_string()).await;
    if let Some(id) = answer.pointer("/data/household/routines/0/plan/0/id").and_then(Value::as_str) {
        world.ids.insert("Assignment".to_owned(), id.to_owned());
    }
    for of in
        ["Food", "FoodEntry", "Exercise", "ExerciseEntry", "Measurement", "Goal", "Household", "HouseholdMember", "Routine", "Assignment"]
    {
        assert!(world.ids.contains_key(of), "no {of} could be created: {:?}", world.ids);
    }
    world
}

const CODES: [&str; 12] = [
    "BAD_REQUEST",
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
    let mut world = made(&app, &token, &schema).await;
    let fields = ["Query", "Person", "Mutation"].into_iter().flat_map(|root| schema.objects[root].keys().map(move |field| (root, field)));
    for (root, field) in fields {
        if root == "Mutation" {
            // What was accepted may have deleted what the next ones need.
            world = made(&app, &token, &schema).await;
        }
        let mut before = rows(&mut owner).await;
        for place in world.places(root, field) {
            let (mut refused, mut changed) = (Vec::new(), false);
            // What RxDB pushes is answered as a conflict when it cannot be, for a client that is told of an error sends it again for ever.
            let pushed_by_rxdb = place.name.contains("PushRow)");
            // Of samples the others are kept: those that cannot be are listed in the answer (tests/device_samples.rs).
            let answered_one_by_one = pushed_by_rxdb || place.name.contains("ingestSamples(input).series.samples.");
            for bad in chosen(bad_values(&schema, named(&place.of)), place.of.nullable, of_each) {
                // The empty list is no bad list.
                let empty_list = matches!(place.of.base, BaseType::List(_)) && bad.json == "[]";
                let never = bad.never && !answered_one_by_one && !empty_list;
                let variable = place.variable.to_string().replace(&format!("\"{HERE}\""), &bad.json);
                let (status, answer) = send(&app, &token, &place.document, &variable).await;
                tried += 1;
                let errors = answer["errors"].as_array().cloned().unwrap_or_default();
                let coded = errors.iter().all(|error| error["extensions"]["code"].as_str().is_some_and(|code| CODES.contains(&code)));
                if status >= 500 || !coded || errors.is_empty() && (never || status != 200) {
                    wrong.push(format!("{} = {:.60}: {status} {:.300}", place.name, bad.json, answer.to_string()));
                }
                if errors.is_empty() && pushed_by_rxdb {
                    changed = true;
                } else if errors.is_empty() {
                    accepted.entry(place.name.clone()).or_default().push(bad.json.chars().take(20).collect());
                    changed |= place.writes;
                } else {
                    refused.push(variable);
                }
            }
            if changed {
                // It may have ended the session. What was refused is sent again, to see that it alone changes nothing.
                if !lives(&app, &token).await {
                    token = signs_in(&app).await;
                }
                before = rows(&mut owner).await;
                for variable in &refused {
                    send(&app, &token, &place.document, variable).await;
                }
            }
            let after = rows(&mut owner).await;
            if after != before {
                let tables = after.lines().filter(|table| !before.contains(table)).filter_map(|table| table.split(' ').next());
                wrong.push(format!("{}: something was refused, and written to {}", place.name, tables.collect::<Vec<_>>().join(", ")));
                before = after;
            }
            // Attempts are limited; that they are is tested elsewhere.
            sqlx::query("DELETE FROM rate_limits").execute(&mut owner).await.unwrap();
        }
        if root == "Mutation" {
            let [(argument, of)] = schema.objects[root][field].0.as_slice() else { continue };
            let document = format!("mutation($v: {of}) {{ {field}({argument}: $v) {{ __typename }} }}");
            let (_, answer) = send(&app, &token, &document, &world.input(field, named(of)).to_string()).await;
            if answer.get("errors").is_none() {
                right.push(field.clone());
            }
            if !lives(&app, &token).await {
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
    // The others need what a device, a provider, a mail or somebody else has to say first, or what the values have just deleted.
    let all = schema.objects["Mutation"].len();
    assert!(3 * right.len() > all, "only {} of {all} mutations would have succeeded: {right:?}", right.len());
    assert!(accepted_count < tried / 4, "{accepted_count} of {tried} were accepted");
}

/// Whether the token's session still lives.
async fn lives(app: &TestApp, token: &str) -> bool {
    let (_, answer) = send(app, token, "{ viewer { id } }", "null").await;
    answer["data"]["viewer"]["id"].is_string()
}

async fn signs_in(app: &TestApp) -> String {
    let input = json!({ "email": "ann@example.org", "password": PASSWORD });
    let answer = app
        .nobody()
        .ask("mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }", json!({ "input": input }))
        .await;
    answer["signIn"]["session"]["accessToken"].as_str().unwrap().to_owned()
}
