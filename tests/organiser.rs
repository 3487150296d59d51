//! The organiser: lists of one's own and of the family, which are noots to clients that keep those offline.

use serde_json::{Value, json};

use crate::{
    family_access::{answers, shares},
    harness::{Person, Refusal, TestApp},
    noots::{Client, noot_id, syncs, todo},
};

const LIST: &str = "{ id kind title version deleted createdBy { fullName }
    items { id activityType encrypted title text completed priority dueOn quantity unit } }";
const LISTS: &str =
    "query($person: UUID!, $kind: ListKind, $deleted: Boolean! = false, $first: Int, $after: String) { person(id: $person) {
    lists(kind: $kind, deleted: $deleted, first: $first, after: $after) { nodes { id title kind } pageInfo { hasNextPage endCursor } } } }";

/// A mutation of the organiser; answers its payload.
pub async fn does(person: &Person<'_>, mutation: &str, input: Value) -> Value {
    person.ask(&document(mutation), json!({ "input": input })).await[mutation].take()
}

async fn may_not(person: &Person<'_>, mutation: &str, input: Value) -> Refusal {
    person.refused(&document(mutation), json!({ "input": input })).await
}

fn document(mutation: &str) -> String {
    let input = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let (input, answer) = match mutation {
        "deleteList" => ("DeleteInput".to_owned(), "deletedId".to_owned()),
        "addListItem" | "updateListItem" | "moveListItem" => (input, format!("list {LIST} item {{ id title completed }}")),
        _ => (input, format!("list {LIST}")),
    };
    format!("mutation($input: {input}!) {{ {mutation}(input: $input) {{ {answer} }} }}")
}

/// Makes a shopping list of milk and bread.
async fn shopping_list(person: &Person<'_>) -> Value {
    let items = json!([{ "title": "Milk", "quantity": "1.5", "unit": "l" }, { "title": "Bread" }]);
    does(person, "createList", json!({ "kind": "SHOPPING", "title": "Groceries", "items": items })).await["list"].take()
}

fn titles(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap_or("?")).collect()
}

async fn list(person: &Person<'_>, of: &Person<'_>, id: &Value) -> Value {
    let document = format!("query($person: UUID!, $id: UUID!) {{ person(id: $person) {{ list(id: $id) {LIST} }} }}");
    person.ask(&document, json!({ "person": of.id, "id": id })).await["person"]["list"].take()
}

async fn lists(person: &Person<'_>, of: &Person<'_>, filter: Value) -> Value {
    let mut variables = json!({ "person": of.id });
    variables.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
    person.ask(LISTS, variables).await["person"]["lists"].take()
}

#[tokio::test]
async fn ann_keeps_a_shopping_list() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let made = shopping_list(&ann).await;
    assert_eq!((&made["kind"], &made["title"], &made["version"]), (&json!("SHOPPING"), &json!("Groceries"), &json!(1)));
    let milk = made["items"][0].clone();
    let expected = json!({ "id": milk["id"], "activityType": "shoppingItem", "encrypted": false, "title": "Milk", "text": null, "completed": false,
        "priority": null, "dueOn": null, "quantity": "1.5", "unit": "l" });
    assert_eq!(milk, expected);
    let id = &made["id"];
    let added = does(&ann, "addListItem", json!({ "listId": id, "item": { "title": "Eggs", "quantity": "10" }, "position": 1 })).await;
    assert_eq!((titles(&added["list"]), &added["item"]["title"]), (vec!["Milk", "Eggs", "Bread"], &json!("Eggs")));
    let ticked = does(
        &ann,
        "updateListItem",
        json!({ "listId": id, "itemId": milk["id"], "completed": true, "unit": null, "text": "the blue one" }),
    )
    .await;
    let item = &ticked["list"]["items"][0];
    assert_eq!(
        (&item["completed"], &item["unit"], &item["text"], &item["quantity"]),
        (&json!(true), &Value::Null, &json!("the blue one"), &json!("1.5"))
    );
    let moved = does(&ann, "moveListItem", json!({ "listId": id, "itemId": milk["id"], "position": 2 })).await;
    assert_eq!(titles(&moved["list"]), ["Eggs", "Bread", "Milk"]);
    let removed = does(&ann, "removeListItem", json!({ "listId": id, "itemId": added["item"]["id"] })).await;
    assert_eq!(titles(&removed["list"]), ["Bread", "Milk"]);
    let renamed = does(&ann, "renameList", json!({ "id": id, "title": "Saturday", "expectedVersion": 5 })).await;
    assert_eq!((&renamed["list"]["title"], &renamed["list"]["version"]), (&json!("Saturday"), &json!(6)));
    // What changes nothing is no change.
    let again = does(&ann, "renameList", json!({ "id": id, "title": "Saturday" })).await;
    assert_eq!(again["list"], renamed["list"]);
    assert_eq!(list(&ann, &ann, id).await, again["list"]);
}

#[tokio::test]
async fn a_todo_and_a_note_have_what_belongs_to_them_and_nothing_else() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let todo = json!({ "title": "Call mum", "priority": "HIGH", "dueOn": "2026-03-29" });
    let made = does(&ann, "createList", json!({ "kind": "TODO", "title": "This week", "items": [todo] })).await["list"].take();
    let item = &made["items"][0];
    assert_eq!((&item["priority"], &item["dueOn"], &item["completed"]), (&json!("HIGH"), &json!("2026-03-29"), &json!(false)));
    let note = json!({ "title": "Wine", "text": "The red one\nfrom Friday" });
    let notes = does(&ann, "createList", json!({ "kind": "NOTES", "title": "Notes", "items": [note] })).await["list"].take();
    assert_eq!((&notes["items"][0]["text"], &notes["items"][0]["completed"]), (&json!("The red one\nfrom Friday"), &Value::Null));
    let on = |list: &Value, change: Value| {
        let mut input = json!({ "listId": list["id"], "itemId": list["items"][0]["id"] });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        input
    };
    for (list, change, field) in [
        (&notes, json!({ "completed": true }), "completed"),
        (&notes, json!({ "dueOn": "2026-03-29" }), "dueOn"),
        (&made, json!({ "quantity": "1" }), "quantity"),
        (&made, json!({ "unit": "kg" }), "unit"),
        (&made, json!({ "title": " " }), "title"),
        (&made, json!({ "dueOn": "1899-01-01" }), "dueOn"),
        (&made, json!({ "text": "x".repeat(10_001) }), "text"),
    ] {
        let refused = may_not(&ann, "updateListItem", on(list, change)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    for (item, field) in [(json!({ "title": "" }), "items[0].title"), (json!({ "title": "x", "quantity": "1" }), "items[0].quantity")] {
        let refused = may_not(&ann, "createList", json!({ "kind": "NOTES", "title": "x", "items": [item] })).await;
        assert_eq!(refused.field.as_deref(), Some(field));
    }
    let refused = may_not(&ann, "moveListItem", json!({ "listId": made["id"], "itemId": item["id"], "position": 1 })).await;
    assert_eq!(refused.message, "position: must be between 0 and 0, is 1");
    let unknown = may_not(&ann, "removeListItem", json!({ "listId": made["id"], "itemId": "nothing" })).await;
    assert_eq!((unknown.code.as_str(), unknown.field.as_deref()), ("NOT_FOUND", Some("itemId")));
    let cleared = does(&ann, "updateListItem", on(&made, json!({ "priority": null, "dueOn": null }))).await;
    assert_eq!((&cleared["list"]["items"][0]["priority"], &cleared["list"]["items"][0]["dueOn"]), (&Value::Null, &Value::Null));
    assert_eq!(list(&ann, &ann, &notes["id"]).await, notes, "what was refused changed nothing");
}

#[tokio::test]
async fn requests_sent_again_make_nothing_twice_and_a_stale_version_is_told() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let input = json!({ "id": noot_id(1), "kind": "TODO", "title": "Today", "items": [{ "title": "Run" }] });
    let made = does(&ann, "createList", input.clone()).await;
    assert_eq!(does(&ann, "createList", input).await, made);
    let clash = may_not(&ann, "createList", json!({ "id": noot_id(1), "kind": "TODO", "title": "Tomorrow" })).await;
    assert_eq!(clash.code, "CONFLICT");
    let item = json!({ "id": noot_id(2), "title": "Swim" });
    let add = json!({ "listId": noot_id(1), "item": item });
    let added = does(&ann, "addListItem", add.clone()).await;
    assert_eq!(does(&ann, "addListItem", add).await, added);
    let other = may_not(&ann, "addListItem", json!({ "listId": noot_id(1), "item": { "id": noot_id(2), "title": "Sleep" } })).await;
    assert_eq!(other.code, "CONFLICT");
    let answer = ann.json(&document("renameList"), json!({ "input": { "id": noot_id(1), "title": "x", "expectedVersion": 1 } })).await;
    let current = &answer["errors"][0]["extensions"]["current"];
    assert_eq!((&current["version"], &current["title"], &current["kind"]), (&json!(2), &json!("Today"), &json!("TODO")));
    // Deleted, and back with all that was on it.
    assert_eq!(does(&ann, "deleteList", json!({ "id": noot_id(1), "expectedVersion": 2 })).await["deletedId"], noot_id(1));
    assert_eq!(list(&ann, &ann, &json!(noot_id(1))).await, Value::Null);
    for mutation in ["renameList", "deleteList"] {
        let input = if mutation == "renameList" { json!({ "id": noot_id(1), "title": "x" }) } else { json!({ "id": noot_id(1) }) };
        assert_eq!(may_not(&ann, mutation, input).await.code, "NOT_FOUND");
    }
    assert_eq!(lists(&ann, &ann, json!({ "deleted": true })).await["nodes"][0]["title"], "Today");
    let back = does(&ann, "undeleteList", json!({ "id": noot_id(1) })).await["list"].take();
    assert_eq!((titles(&back), &back["deleted"], &back["version"]), (vec!["Run", "Swim"], &json!(false), &json!(4)));
    assert_eq!(does(&ann, "undeleteList", json!({ "id": noot_id(1) })).await["list"], back);
}

#[tokio::test]
async fn lists_come_newest_first_page_by_page_and_by_kind() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (kind, title) in [("TODO", "a"), ("SHOPPING", "b"), ("TODO", "c"), ("NOTES", "d"), ("TODO", "e")] {
        does(&ann, "createList", json!({ "kind": kind, "title": title })).await;
    }
    let mut phone = Client::new(&ann);
    phone.edits(&noot_id(1), json!([todo("Milk")]));
    phone.edits(&noot_id(2), json!([{ "activityType": "shoppingItem", "properties": {} }]));
    phone.edits(&noot_id(3), json!([{ "activityType": "reading", "properties": {} }, { "activityType": "note", "properties": {} }]));
    phone.edits(&noot_id(4), json!([{ "activityType": "reading", "properties": {} }]));
    phone.edits(&noot_id(5), json!([{ "activityType": "list", "properties": { "kind": "wrong" } }, todo("x")]));
    phone.edits(&noot_id(6), json!([{ "activityType": "list", "properties": "AAAA", "baseProperties": { "encrypted": true } }, todo("x")]));
    phone.edits(
        &noot_id(7),
        json!([todo("x"), { "activityType": "list", "properties": { "kind": "shopping", "title": "From the phone" } }]),
    );
    phone.syncs().await;
    for (kind, count) in [("TODO", 6), ("SHOPPING", 3), ("NOTES", 2)] {
        let found = lists(&ann, &ann, json!({ "kind": kind, "first": 100 })).await;
        let nodes = found["nodes"].as_array().unwrap();
        assert!(nodes.iter().all(|list| list["kind"] == kind) && nodes.len() == count, "{kind}: {found}");
    }
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = lists(&ann, &ann, json!({ "first": 5, "after": after })).await;
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|list| list["title"].as_str().unwrap_or("?").to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, ["From the phone", "?", "?", "?", "?", "?", "?", "e", "d", "c", "b", "a"]);
}

#[tokio::test]
async fn what_a_client_brings_and_what_is_ticked_here_are_one_list() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut phone = Client::new(&ann);
    let secret =
        json!({ "activityType": "todo", "properties": "q83vEjRWeJq7", "baseProperties": { "encrypted": true, "syncPriority": "high" } });
    phone.edits(&noot_id(1), json!([todo("Milk"), todo("Milk"), secret]));
    phone.syncs().await;
    let id = json!(noot_id(1));
    let before = list(&ann, &ann, &id).await;
    let ids: Vec<_> = before["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert!(ids[0] != ids[1], "two that say the same are two");
    assert_eq!((&before["kind"], &before["title"]), (&json!("TODO"), &Value::Null));
    assert_eq!(
        before["items"][2],
        json!({ "id": ids[2], "activityType": "todo", "encrypted": true, "title": null, "text": null, "completed": null,
        "priority": null, "dueOn": null, "quantity": null, "unit": null })
    );

    let ticked = does(&ann, "updateListItem", json!({ "listId": id, "itemId": ids[1], "completed": true })).await;
    let items = ticked["list"]["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>(), ids, "everything is called what it was called");
    assert_eq!(items.iter().map(|item| item["completed"].clone()).collect::<Vec<_>>(), [json!(false), json!(true), Value::Null]);
    // The client gets it back with what it wrote and the organiser does not know.
    phone.syncs().await;
    let activities = phone.noots[&noot_id(1)].activities.clone();
    let mut expected = todo("Milk");
    expected["properties"]["completed"] = json!(true);
    expected["id"] = ids[1].clone();
    assert_eq!(activities, json!([todo("Milk"), expected, secret]));

    // What is encrypted can be moved and removed, and not be changed.
    let refused = may_not(&ann, "updateListItem", json!({ "listId": id, "itemId": ids[2], "title": "x" })).await;
    assert_eq!(refused.code, "FORBIDDEN");
    let moved = does(&ann, "moveListItem", json!({ "listId": id, "itemId": ids[2], "position": 0 })).await;
    assert_eq!(titles(&moved["list"]), ["?", "Milk", "Milk"]);
    let renamed = does(&ann, "renameList", json!({ "id": id, "title": "Shop" })).await;
    assert_eq!((&renamed["list"]["title"], titles(&renamed["list"])), (&json!("Shop"), vec!["?", "Milk", "Milk"]));
    let removed = does(&ann, "removeListItem", json!({ "listId": id, "itemId": ids[2] })).await;
    assert_eq!(titles(&removed["list"]), ["Milk", "Milk"]);
    phone.syncs().await;
    assert_eq!(phone.noots[&noot_id(1)].activities.as_array().unwrap().len(), 3, "with the activity that names the list");

    // The phone was offline meanwhile: it does not undo what was ticked here.
    let mut offline = phone.clone();
    does(&ann, "updateListItem", json!({ "listId": id, "itemId": ids[0], "completed": true })).await;
    offline.edits(&noot_id(1), json!([todo("Cheese")]));
    offline.syncs().await;
    assert!(offline.in_conflict.contains(&noot_id(1)));
    let now = list(&ann, &ann, &id).await;
    assert!(now["items"].as_array().unwrap().iter().all(|item| item["completed"] == true), "{now}");
    // And what is deleted here is gone there.
    does(&ann, "deleteList", json!({ "id": id })).await;
    phone.syncs().await;
    assert!(phone.noots.is_empty());
}

#[tokio::test]
async fn a_list_that_holds_what_the_organiser_does_not_know_is_shown_and_left_alone() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let activities = json!([{ "activityType": "reading", "id": "r1", "properties": { "title": "Emma", "pages": 12, "completed": "no" } }]);
    let mut phone = Client::new(&ann);
    phone.edits(&noot_id(1), activities);
    phone.syncs().await;
    let shown = list(&ann, &ann, &json!(noot_id(1))).await;
    assert_eq!(
        (&shown["kind"], &shown["items"][0]["title"], &shown["items"][0]["completed"]),
        (&Value::Null, &json!("Emma"), &Value::Null)
    );
    let refused = may_not(&ann, "addListItem", json!({ "listId": noot_id(1), "item": { "title": "x" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("listId")));
    let renamed = does(&ann, "updateListItem", json!({ "listId": noot_id(1), "itemId": "r1", "title": "Persuasion" })).await;
    assert_eq!(renamed["item"]["title"], "Persuasion");
    phone.syncs().await;
    assert_eq!(phone.noots[&noot_id(1)].activities[0]["properties"], json!({ "title": "Persuasion", "pages": 12, "completed": "no" }));
}

#[tokio::test]
async fn ben_ticks_anns_shopping_list_and_carla_cannot_see_it() {
    let app = TestApp::new().await;
    let (ann, ben, carla, dan) = (app.person("ann").await, app.person("ben").await, app.person("carla").await, app.person("dan").await);
    for person in [&ben, &dan] {
        app.verify(person).await;
    }
    let grant = shares(&ann, &ben, &["ORGANISER"], true).await.remove(0);
    shares(&ann, &dan, &["ORGANISER"], false).await;
    let made = shopping_list(&ann).await;
    let (id, milk) = (&made["id"], &made["items"][0]["id"]);
    let tick = |person: &Value| json!({ "listId": id, "personId": person, "itemId": milk, "completed": true });

    assert_eq!(lists(&ben, &ann, json!({ "kind": "SHOPPING" })).await["nodes"][0]["title"], "Groceries");
    let ticked = does(&ben, "updateListItem", tick(&json!(ann.id))).await;
    assert_eq!(ticked["item"]["completed"], true);
    // Both at once, each something else, without a version: nobody loses anything.
    let bread = &made["items"][1]["id"];
    let untick = json!({ "listId": id, "itemId": milk, "completed": false });
    let cut = json!({ "listId": id, "personId": ann.id, "itemId": bread, "text": "sliced" });
    tokio::join!(does(&ann, "updateListItem", untick), does(&ben, "updateListItem", cut));
    let now = list(&dan, &ann, id).await;
    assert_eq!((&now["items"][0]["completed"], &now["items"][1]["text"], &now["version"]), (&json!(false), &json!("sliced"), &json!(4)));
    let wine = does(&ben, "createList", json!({ "personId": ann.id, "kind": "SHOPPING", "title": "Wine" })).await["list"].take();
    assert_eq!(list(&ann, &ann, &wine["id"]).await["createdBy"]["fullName"], "ben");

    // Dan may look, Carla nothing; to her it is not there.
    assert_eq!(may_not(&dan, "updateListItem", tick(&json!(ann.id))).await.code, "NOT_FOUND");
    assert_eq!(may_not(&dan, "deleteList", json!({ "id": id, "personId": ann.id })).await.code, "NOT_FOUND");
    assert_eq!(may_not(&dan, "createList", json!({ "personId": ann.id, "kind": "TODO", "title": "x" })).await.code, "NOT_FOUND");
    for person in [json!(ann.id), Value::Null] {
        assert_eq!(may_not(&carla, "updateListItem", tick(&person)).await.code, "NOT_FOUND");
    }
    assert_eq!(carla.ask(LISTS, json!({ "person": ann.id })).await["person"], Value::Null);
    let log = ann.ask("{ viewer { accessLog { nodes { reader { fullName } accessType } } } }", json!({})).await;
    let mut readers: Vec<_> =
        log["viewer"]["accessLog"]["nodes"].as_array().unwrap().iter().map(|read| read["reader"]["fullName"].as_str().unwrap()).collect();
    readers.sort_unstable();
    assert_eq!(readers, ["ben", "dan"]);

    answers(&ann, "revoke", &grant).await;
    assert_eq!(may_not(&ben, "updateListItem", tick(&json!(ann.id))).await.code, "NOT_FOUND");
    assert_eq!(ben.ask(LISTS, json!({ "person": ann.id })).await["person"], Value::Null);
}

#[tokio::test]
async fn a_list_that_is_full_takes_no_more() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let many: Vec<_> = (0..499).map(|n| todo(&n.to_string())).collect();
    let mut phone = Client::new(&ann);
    phone.edits(&noot_id(1), json!(many));
    phone.syncs().await;
    does(&ann, "addListItem", json!({ "listId": noot_id(1), "item": { "title": "the last" } })).await;
    let refused = may_not(&ann, "addListItem", json!({ "listId": noot_id(1), "item": { "title": "one more" } })).await;
    assert_eq!(refused.message, "items: a noot holds at most 500 activities, this one has 501");
    let large: Vec<_> = (0..30).map(|_| json!({ "title": "x", "text": "y".repeat(10_000) })).collect();
    let refused = may_not(&ann, "createList", json!({ "kind": "NOTES", "title": "x", "items": large })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("items")));
    assert_eq!(syncs(&ann, json!({ "noots": [], "knownNoots": [] })).await["serverNoots"].as_array().unwrap().len(), 1);
}
