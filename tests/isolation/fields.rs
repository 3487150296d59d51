//! The matrix over GraphQL: every field of Query, Mutation, Subscription and Person, asked by every principal through the real HTTP stack,
//! and compared with `fields.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use futures_util::{StreamExt, future::join_all, stream};
use reqwest::header;
use serde_json::{Value, json};
use sqlx::raw_sql;
use tokio::time::sleep;

use super::{
    access::Access,
    people::{NOBODY, Principal, row_id},
    world::World,
};
use crate::harness::{Person, report};

/// One field that one principal asks for.
pub struct FieldCell {
    pub field: String,
    /// Which of the ways to ask for it.
    pub way: String,
    pub principal: Principal,
    pub expected: String,
    document: String,
    /// Whether it is judged by what it changed, else by what it shows.
    changes: bool,
}

impl FieldCell {
    /// The cells of a field ("Person.foodDay") for a principal. A field of a person is asked of oneself, of the target, and of
    /// everybody who shares with the viewer.
    pub fn of(field: &str, asks: &BTreeMap<String, String>, principal: &Principal, expected: impl Fn(&str) -> String) -> Vec<Self> {
        let cell = |way: &str, document: String| Self {
            field: field.to_owned(),
            way: way.to_owned(),
            principal: *principal,
            expected: expected(way),
            document: fill(&document, principal),
            changes: field.starts_with("Mutation."),
        };
        let of_person = |ask: &String| {
            vec![
                cell("of oneself", format!("{{ viewer {{ {ask} }} }}")),
                cell("of the target", format!("{{ person(id: \"{{theirs:users}}\") {{ {ask} }} }}")),
                cell("of the family", format!("{{ people {{ {ask} }} }}")),
            ]
        };
        match (field.split_once('.').map(|(of, _)| of), asks.get("field")) {
            (Some("Person"), Some(ask)) => of_person(ask),
            (Some("Query"), None) => asks.iter().map(|(way, ask)| cell(way, format!("{{ {ask} }}"))).collect(),
            (Some("Mutation"), None) => asks.iter().map(|(way, ask)| cell(way, format!("mutation {{ {ask} }}"))).collect(),
            (Some("Subscription"), None) => asks.iter().map(|(way, ask)| cell(way, format!("subscription {{ {ask} }}"))).collect(),
            _ => panic!("fields.toml does not say how to ask for {field}"),
        }
    }

    fn title(&self) -> String {
        format!("{} · {} · {}", self.field, self.principal.name, self.way)
    }

    async fn answer(&self, world: &World) -> Value {
        let app = &world.app;
        let token = self.principal.subject().map(|(user, session)| app.token(&user, &session));
        Person { token, ..app.nobody() }.json(&self.document, json!({})).await
    }

    /// The first event of a subscription.
    async fn event(&self, world: &World) -> Value {
        let mut request = world.app.post("/graphql").header(header::ACCEPT, "text/event-stream").json(&json!({ "query": self.document }));
        if let Some((user, session)) = self.principal.subject() {
            request = request.bearer_auth(world.app.token(&user, &session));
        }
        let mut response = request.send().await.unwrap();
        let mut text = String::new();
        while !text.contains("event: next") || !text.ends_with("\n\n") {
            let chunk = response.chunk().await.unwrap().unwrap_or_else(|| panic!("{}: {text}", self.title()));
            text += std::str::from_utf8(&chunk).unwrap();
        }
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        serde_json::from_str(data).unwrap()
    }
}

/// Fills in `{mine:food_diary}`, `{theirs:…}`, `{hidden:…}` and `{common:…}` (the id of a row of the viewer, the target, a stranger or
/// the catalogue), `{grant:offered}` (what ann offered somebody of calorie), `{invitation:household_invited}` (to ann's household), `{viewer}` and `{target}` (names).
fn fill(template: &str, principal: &Principal) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (place, after) = after.split_once('}').map_or((None, after), |(place, rest)| (Some(place), rest));
        let value = place.and_then(|place| match place.split_once(':') {
            Some(("mine", relation)) => Some(row_id(principal.viewer(), relation, 0).to_string()),
            Some(("theirs", relation)) => Some(row_id(principal.target, relation, 0).to_string()),
            Some(("hidden", relation)) => Some(row_id("stranger", relation, 0).to_string()),
            Some(("common", relation)) => Some(row_id(NOBODY, relation, 0).to_string()),
            Some(("grant", grantee)) => Some(super::people::grant_id("ann", grantee, "calorie").to_string()),
            Some(("invitation", name)) => Some(row_id(name, "household_invitations", 1).to_string()),
            None if place == "viewer" => Some(principal.viewer().to_owned()),
            None if place == "target" => Some(principal.target.to_owned()),
            _ => None,
        });
        match (value, place) {
            (Some(value), _) => {
                filled.push_str(&value);
                rest = after;
            }
            (None, _) => {
                filled.push('{');
                rest = &rest[before.len() + 1..];
            }
        }
    }
    filled + rest
}

/// The names of errors, or what is there: whose rows, "something" that is nobody's row, "nothing", "null".
fn shown(world: &World, cell: &FieldCell, answer: &Value) -> String {
    if let Some(codes) = codes(answer) {
        return codes;
    }
    let mut values = vec![&answer["data"]];
    // Down to the field: through the one root field, and for a person's field through the person, or everybody in the list.
    let levels = if cell.field.starts_with("Person.") { 2 } else { 1 };
    for level in 0..levels {
        if level == 1 && values.iter().all(|value| value.is_null()) {
            return "nobody".to_owned();
        }
        values = values.into_iter().flat_map(inside).collect();
    }
    let words = world.whose(&cell.principal, values.iter().flat_map(|value| texts(value)));
    match words.is_empty() {
        false => words.into_iter().collect::<Vec<_>>().join(" "),
        true if cell.way == "of the family" && values.is_empty() => "nobody".to_owned(),
        true if values.iter().all(|value| value.is_null()) => "null".to_owned(),
        true if values.iter().all(|value| leaves(value) == 0) => "nothing".to_owned(),
        true => "something".to_owned(),
    }
}

fn codes(answer: &Value) -> Option<String> {
    let errors = answer.get("errors")?.as_array()?;
    let codes: BTreeSet<_> = errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or("no code").to_owned()).collect();
    Some(codes.into_iter().collect::<Vec<_>>().join(" "))
}

fn inside(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().flat_map(inside).collect(),
        _ => Vec::new(),
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}

/// How many questions are on their way at once.
const WIDTH: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_answers_every_principal_as_the_reviewed_file_says() {
    let access = Access::read();
    let cells = access.fields();
    let mut world = World::new().await;
    world.run("COMMIT").await;
    let (changing, others): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| cell.changes);
    let (following, showing): (Vec<_>, Vec<_>) = others.into_iter().partition(|cell| cell.field.starts_with("Subscription."));
    let asking = stream::iter(&showing).map(|cell| async { (*cell, shown(&world, cell, &cell.answer(&world).await)) });
    let mut outcomes: Vec<_> = asking.buffered(WIDTH).collect().await;
    world.keep().await;
    // Everybody's data change until everybody who follows somebody was told of it, or was refused. A person may have 20 connections, so
    // ann looks back only after she has looked.
    let (looking_back, looking): (Vec<_>, Vec<_>) = following.into_iter().partition(|cell| cell.principal.name == "grantor");
    for following in [looking, looking_back] {
        let waiting: Mutex<BTreeSet<_>> = Mutex::new(following.iter().map(|cell| cell.title()).collect());
        let told = stream::iter(&following).map(|cell| async {
            let event = cell.event(&world).await;
            waiting.lock().unwrap().remove(&cell.title());
            (*cell, shown(&world, cell, &event))
        });
        let told = told.buffered(following.len()).collect::<Vec<_>>();
        outcomes.extend(tokio::select! {
            told = told => told,
            () = keep_changing(&world) => unreachable!(),
            () = sleep(Duration::from_secs(600)) => panic!("they are told of nothing: {:#?}", waiting.lock().unwrap()),
        });
    }
    world.undo_changes().await;
    // Here one follows the other, on a world for each share: what a cell changed must be told from what others do.
    let mut worlds = vec![world];
    while worlds.len() < SHARES {
        let mut world = World::new().await;
        world.run("COMMIT").await;
        world.keep().await;
        worlds.push(world);
    }
    let shares = worlds.iter_mut().enumerate().map(|(share, world)| changed(world, changing.iter().copied().skip(share).step_by(SHARES)));
    outcomes.extend(join_all(shares).await.into_iter().flatten());
    let mismatches: Vec<_> = outcomes
        .iter()
        .filter(|(cell, outcome)| *outcome != cell.expected)
        .map(|(cell, outcome)| format!("{}: {outcome}, not {}", cell.title(), cell.expected))
        .collect();
    report(&format!("isolation: {} cells of GraphQL", cells.len()));
    assert!(cells.len() >= 1_700, "only {} cells", cells.len());
    assert!(mismatches.is_empty(), "{} cells differ:\n{}", mismatches.len(), mismatches.join("\n"));
}

/// How many worlds are changed at once.
const SHARES: usize = 3;

async fn changed<'a>(world: &mut World, cells: impl Iterator<Item = &'a FieldCell>) -> Vec<(&'a FieldCell, String)> {
    let mut outcomes = Vec::new();
    for cell in cells {
        let answer = cell.answer(world).await;
        let changed = world.changed_by(&cell.principal).await;
        let outcome = match codes(&answer) {
            Some(codes) if changed == "none" => codes,
            Some(codes) => format!("{codes}, and yet it changed {changed}"),
            None => changed,
        };
        outcomes.push((cell, outcome));
    }
    outcomes
}

async fn keep_changing(world: &World) {
    let mut owner = world.app.connect("postgres").await;
    loop {
        let change = "UPDATE food_diary SET quantity = quantity % 100 + 1;
            UPDATE measurements SET value = value % 100 + 1;
            UPDATE exercise_diary SET notes = coalesce(notes, '') || '.';
            UPDATE goals SET current_value = coalesce(current_value, 0) % 100 + 1;
            UPDATE noots SET deleted = NOT deleted;
            SELECT auth.count_change(id, '{own,calorie,checkin,reports,food_list,organiser}') FROM users;
            SELECT auth.count_household_change(id, NULL) FROM households";
        raw_sql(change).execute(&mut owner).await.unwrap();
        sleep(Duration::from_millis(500)).await;
    }
}

/// A field without an entry, or an entry without a field, fails.
#[test]
fn every_field_is_classified() {
    let roots = ["Query", "Mutation", "Subscription", "Person"];
    let mut there = BTreeSet::new();
    for definition in parse_schema(api::graphql::sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let (name, TypeKind::Object(object)) = (&definition.node.name.node, &definition.node.kind) else { continue };
        if roots.contains(&name.as_str()) {
            there.extend(object.fields.iter().map(|field| format!("{name}.{}", field.node.name.node)));
        }
    }
    let classified: BTreeSet<_> = Access::read().field.into_keys().collect();
    assert_eq!(there, classified, "fields of the schema, and those in fields.toml");
}
