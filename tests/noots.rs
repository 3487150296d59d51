//! Noots: what clients that keep them offline do, told by a client that does as Toadist's documentation says, and what must not happen
//! to anybody's noots.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    family_access::{answers, shares},
    harness::{Person, TestApp},
    subscriptions::{Socket, payload},
    sync::{Device, change},
};

pub const SYNC: &str = "mutation($input: NootSyncInput!) { nootSync(input: $input) {
    serverNoots { id version checksum activities deleted } hasMore deletedIds accepted conflicts
    outcomes { id result version conflictedNootId rejection { code field message } } } }";
const CONFLICTED: &str = "{ viewer { conflictedNoots { nodes { id nootId baseVersion checksum activities } } } }";
const RESTORE: &str =
    "mutation($input: RestoreConflictedNootInput!) { restoreConflictedNoot(input: $input) { noot { id version activities deleted } } }";
const DISMISS: &str = "mutation($input: DismissConflictedNootInput!) { dismissConflictedNoot(input: $input) { dismissedId } }";
const CHECKSUMS: &str =
    "query($first: Int! = 1000, $after: UUID) { nootChecksums(first: $first, after: $after) { noots { id checksum version } hasMore } }";
const FETCH: &str = "query($ids: [UUID!]!) { nootFetch(ids: $ids) { noots { id version checksum activities } remainingIds } }";
const CHANGED: &str = "subscription($person: UUID) { nootChanged(personId: $person) { id kind userId version checksum } }";

/// An activity of the type that Toadist documents.
pub fn todo(title: &str) -> Value {
    json!({
        "activityType": "todo",
        "properties": { "title": title, "completed": false, "priority": "high" },
        "baseProperties": { "encrypted": false, "syncPriority": "normal" },
    })
}

/// The checksum as a client computes it. serde_json sorts keys, and there is nothing here that RFC 8785 writes in another way.
pub fn checksum(activities: &Value) -> String {
    Sha256::digest(json!({ "activities": activities }).to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The nth noot's id.
pub fn noot_id(n: u32) -> String {
    format!("0199c1f0-5b7e-7cc3-98c4-dc0c{n:08x}")
}

fn pushed(id: &str, version: i64, activities: &Value) -> Value {
    json!({ "id": id, "version": version, "checksum": checksum(activities), "activities": activities })
}

pub async fn syncs(person: &Person<'_>, input: Value) -> Value {
    person.ask(SYNC, json!({ "input": input })).await["nootSync"].take()
}

async fn conflicted(person: &Person<'_>) -> Vec<Value> {
    person.ask(CONFLICTED, json!({})).await["viewer"]["conflictedNoots"]["nodes"].as_array().unwrap().clone()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// What a client has of a noot.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalNoot {
    pub version: i64,
    pub activities: Value,
    /// Whether it waits to be sent.
    pending: bool,
}

/// A client that does what Toadist's documentation says: collect the checksums, send them with what waits, merge what comes back,
/// clear the queue, and mark the conflicts. Only of the queue it clears what was accepted.
#[derive(Clone)]
pub struct Client<'a> {
    pub person: Person<'a>,
    pub noots: BTreeMap<String, LocalNoot>,
    deleted: BTreeMap<String, i64>,
    pub in_conflict: BTreeSet<String>,
    /// Whether it counts versions itself, and the higher one is to win.
    counts: bool,
}

impl<'a> Client<'a> {
    pub fn new(person: &Person<'a>) -> Self {
        Self { person: person.clone(), noots: BTreeMap::new(), deleted: BTreeMap::new(), in_conflict: BTreeSet::new(), counts: false }
    }

    pub fn edits(&mut self, id: &str, activities: Value) {
        let known = self.noots.get(id).map_or(0, |noot| noot.version);
        let version = if self.counts { known + 1 } else { known };
        self.noots.insert(id.to_owned(), LocalNoot { version, activities, pending: true });
    }

    pub fn deletes(&mut self, id: &str) {
        let noot = self.noots.remove(id).unwrap();
        self.deleted.insert(id.to_owned(), noot.version + i64::from(self.counts));
    }

    /// What it would send now.
    pub fn request(&self) -> Value {
        let pending = self.noots.iter().filter(|(_, noot)| noot.pending);
        json!({
            "noots": pending.map(|(id, noot)| pushed(id, noot.version, &noot.activities)).collect::<Vec<_>>(),
            "knownNoots": self.noots.iter().map(|(id, noot)| json!({ "id": id, "checksum": checksum(&noot.activities) })).collect::<Vec<_>>(),
            "deletedNoots": self.deleted.iter().map(|(id, version)| json!({ "id": id, "version": version })).collect::<Vec<_>>(),
            "conflictRule": if self.counts { "HIGHER_VERSION" } else { "BASE_VERSION" },
        })
    }

    /// Takes an answer in.
    pub fn merges(&mut self, answer: &Value) {
        for outcome in answer["outcomes"].as_array().unwrap() {
            let id = outcome["id"].as_str().unwrap();
            if outcome["result"] != "REJECTED" {
                self.deleted.remove(id);
            }
            if let (Some(noot), true) = (self.noots.get_mut(id), texts(&answer["accepted"]).contains(&id)) {
                noot.pending = false;
                noot.version = outcome["version"].as_i64().unwrap();
            }
        }
        self.in_conflict.extend(texts(&answer["conflicts"]).into_iter().map(str::to_owned));
        for noot in answer["serverNoots"].as_array().unwrap() {
            let (id, version) = (noot["id"].as_str().unwrap(), noot["version"].as_i64().unwrap());
            assert_eq!(noot["checksum"], checksum(&noot["activities"]), "the server's checksum is that of its activities");
            self.noots.insert(id.to_owned(), LocalNoot { version, activities: noot["activities"].clone(), pending: false });
        }
        for id in texts(&answer["deletedIds"]) {
            self.noots.remove(id);
        }
    }

    /// Synchronises until there is no more.
    pub async fn syncs(&mut self) {
        loop {
            let answer = syncs(&self.person, self.request()).await;
            self.merges(&answer);
            if answer["hasMore"] == false {
                break;
            }
        }
    }

    pub fn titles(&self, id: &str) -> Vec<String> {
        let activities = self.noots[id].activities.as_array().unwrap();
        activities.iter().map(|activity| activity["properties"]["title"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn what_ann_writes_on_her_phone_is_on_her_tablet_and_what_she_deletes_is_gone_there() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (mut phone, mut tablet) = (Client::new(&ann), Client::new(&ann));
    phone.edits(&noot_id(1), json!([todo("Buy groceries")]));
    phone.edits(&noot_id(2), json!([]));
    phone.syncs().await;
    tablet.syncs().await;
    assert_eq!(tablet.noots, phone.noots);
    assert_eq!((tablet.titles(&noot_id(1)), tablet.noots[&noot_id(1)].version), (vec!["Buy groceries".to_owned()], 1));

    tablet.edits(&noot_id(1), json!([todo("Buy groceries"), todo("Call mum")]));
    tablet.syncs().await;
    assert_eq!(tablet.noots[&noot_id(1)].version, 2);
    phone.syncs().await;
    assert_eq!(phone.noots, tablet.noots);

    phone.deletes(&noot_id(2));
    phone.syncs().await;
    tablet.syncs().await;
    assert_eq!((tablet.noots.len(), &tablet.noots), (1, &phone.noots));
    // A tombstone is told of to whoever still has the noot; what was never here is not called deleted.
    let known = [2, 3].map(|n| json!({ "id": noot_id(n), "checksum": "x" }));
    let answer = syncs(&ann, json!({ "noots": [], "knownNoots": known })).await;
    assert_eq!(answer["deletedIds"], json!([noot_id(2)]));
    assert!(conflicted(&ann).await.is_empty() && phone.in_conflict.is_empty() && tablet.in_conflict.is_empty());
}

#[tokio::test]
async fn two_changes_of_one_noot_are_both_there_in_the_end() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (mut phone, mut tablet) = (Client::new(&ann), Client::new(&ann));
    let id = noot_id(1);
    phone.edits(&id, json!([todo("Milk")]));
    phone.syncs().await;
    tablet.syncs().await;
    // Both change it without knowing of each other; another noot of the same request is not held up.
    phone.edits(&id, json!([todo("Milk"), todo("Bread")]));
    tablet.edits(&id, json!([todo("Milk"), todo("Eggs")]));
    tablet.edits(&noot_id(2), json!([todo("Call mum")]));
    phone.syncs().await;
    let answer = syncs(&ann, tablet.request()).await;
    assert_eq!((&answer["accepted"], &answer["conflicts"]), (&json!([noot_id(2)]), &json!([id])));
    let kept = answer["outcomes"][0]["conflictedNootId"].clone();
    tablet.merges(&answer);
    assert_eq!(tablet.titles(&id), ["Milk", "Bread"], "the server's copy comes back");
    assert_eq!(tablet.in_conflict, BTreeSet::from([id.clone()]));

    // The losing copy is there, once, however often it is sent.
    let losing = json!([todo("Milk"), todo("Eggs")]);
    let again = syncs(&ann, json!({ "noots": [pushed(&id, 1, &losing)] })).await;
    assert_eq!(again["outcomes"][0]["conflictedNootId"], kept);
    let copies = conflicted(&ann).await;
    assert_eq!(copies.len(), 1);
    let copy = json!({ "id": kept, "nootId": id, "baseVersion": 1, "checksum": checksum(&losing), "activities": losing });
    assert_eq!(copies[0], copy);

    // Restoring it changes the places.
    let refused = ann.refused(RESTORE, json!({ "input": { "id": kept, "expectedVersion": 1 } })).await;
    assert_eq!(refused.code, "CONFLICT");
    assert_eq!(conflicted(&ann).await.len(), 1, "and nothing is lost by that");
    let restored = ann.ask(RESTORE, json!({ "input": { "id": kept, "expectedVersion": 2 } })).await["restoreConflictedNoot"]["noot"].take();
    assert_eq!(restored, json!({ "id": id, "version": 3, "activities": losing, "deleted": false }));
    let copies = conflicted(&ann).await;
    assert_eq!((copies.len(), &copies[0]["activities"]), (1, &json!([todo("Milk"), todo("Bread")])));
    for client in [&mut phone, &mut tablet] {
        client.syncs().await;
        assert_eq!(client.titles(&id), ["Milk", "Eggs"]);
    }
    let dismissed = ann.ask(DISMISS, json!({ "input": { "id": copies[0]["id"] } })).await;
    assert_eq!(dismissed["dismissConflictedNoot"]["dismissedId"], copies[0]["id"]);
    assert!(conflicted(&ann).await.is_empty());
    assert_eq!(ann.refused(DISMISS, json!({ "input": { "id": copies[0]["id"] } })).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn a_deletion_and_a_change_of_the_same_noot_lose_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (mut phone, mut tablet) = (Client::new(&ann), Client::new(&ann));
    for id in [noot_id(1), noot_id(2)] {
        phone.edits(&id, json!([todo("Milk")]));
    }
    phone.syncs().await;
    tablet.syncs().await;
    // Deleted first, then changed elsewhere: it stays deleted, and the change is kept.
    phone.deletes(&noot_id(1));
    tablet.edits(&noot_id(1), json!([todo("Oat milk")]));
    // Changed first, then deleted elsewhere: it stays.
    phone.edits(&noot_id(2), json!([todo("Soy milk")]));
    tablet.deletes(&noot_id(2));
    phone.syncs().await;
    tablet.syncs().await;
    phone.syncs().await;
    assert_eq!(tablet.in_conflict, BTreeSet::from([noot_id(1), noot_id(2)]));
    assert_eq!((phone.noots.keys().collect::<Vec<_>>(), &phone.noots), (vec![&noot_id(2)], &tablet.noots));
    assert_eq!(tablet.titles(&noot_id(2)), ["Soy milk"]);
    let copies = conflicted(&ann).await;
    assert_eq!((copies.len(), &copies[0]["activities"]), (1, &json!([todo("Oat milk")])));
    // Restoring the change takes the deletion back.
    ann.ask(RESTORE, json!({ "input": { "id": copies[0]["id"] } })).await;
    for client in [&mut phone, &mut tablet] {
        client.syncs().await;
        assert_eq!(client.titles(&noot_id(1)), ["Oat milk"]);
    }
    // A deletion of what is gone already is none, nor is one of what never was.
    tablet.deletes(&noot_id(1));
    let request = tablet.request();
    syncs(&ann, request.clone()).await;
    let answer = syncs(&ann, request).await;
    assert_eq!((&answer["outcomes"][0]["result"], &answer["outcomes"][0]["version"]), (&json!("UNCHANGED"), &json!(4)));
    let answer = syncs(&ann, json!({ "noots": [], "deletedNoots": [{ "id": noot_id(9), "version": 1 }] })).await;
    assert_eq!((&answer["outcomes"][0]["result"], &answer["outcomes"][0]["version"]), (&json!("UNCHANGED"), &Value::Null));
    assert_eq!(answer["deletedIds"], json!([]));
}

#[tokio::test]
async fn a_lost_reply_sent_again_and_a_client_restored_from_a_backup_change_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut phone = Client::new(&ann);
    phone.edits(&noot_id(1), json!([todo("Milk")]));
    let backup = phone.clone();
    let request = phone.request();
    let first = syncs(&ann, request.clone()).await;
    assert_eq!(
        first["outcomes"][0],
        json!({ "id": noot_id(1), "result": "ACCEPTED", "version": 1, "conflictedNootId": null, "rejection": null })
    );
    // The reply was lost.
    let again = syncs(&ann, request).await;
    assert_eq!((&again["outcomes"][0]["result"], &again["outcomes"][0]["version"]), (&json!("UNCHANGED"), &json!(1)));
    assert_eq!(again["accepted"], json!([noot_id(1)]));
    phone.merges(&again);
    phone.edits(&noot_id(1), json!([todo("Milk"), todo("Bread")]));
    phone.edits(&noot_id(2), json!([todo("Call mum")]));
    phone.syncs().await;

    // What was in the backup waits to be sent once more, from before anything was here.
    let mut restored = backup;
    restored.syncs().await;
    assert_eq!(restored.noots, phone.noots);
    let copies = conflicted(&ann).await;
    assert_eq!((copies.len(), &copies[0]["activities"]), (1, &json!([todo("Milk")])));
    phone.syncs().await;
    assert_eq!(restored.noots, phone.noots);
}

#[tokio::test]
async fn a_server_restored_from_a_backup_gets_what_it_lacks_and_loses_no_change() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (mut phone, mut tablet) = (Client::new(&ann), Client::new(&ann));
    phone.edits(&noot_id(1), json!([todo("Milk")]));
    for title in ["Bread", "Eggs"] {
        phone.syncs().await;
        phone.edits(&noot_id(1), json!([todo("Milk"), todo(title)]));
    }
    phone.syncs().await;
    tablet.syncs().await;
    assert_eq!(tablet.noots[&noot_id(1)].version, 3);
    // The backup is from before the noot came.
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("DELETE FROM noots").execute(&mut owner).await.unwrap();
    phone.edits(&noot_id(1), json!([todo("Butter")]));
    tablet.edits(&noot_id(1), json!([todo("Cheese")]));
    phone.syncs().await;
    tablet.syncs().await;
    // Both changed version 3; the second of them may not take the first for it.
    assert_eq!((tablet.titles(&noot_id(1)), tablet.noots[&noot_id(1)].version), (vec!["Butter".to_owned()], 4));
    assert_eq!(conflicted(&ann).await[0]["activities"], json!([todo("Cheese")]));
}

#[tokio::test]
async fn clients_that_count_versions_themselves_lose_nothing_either() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (mut phone, mut tablet) = (Client::new(&ann), Client::new(&ann));
    (phone.counts, tablet.counts) = (true, true);
    let id = noot_id(1);
    phone.edits(&id, json!([todo("Milk")]));
    phone.syncs().await;
    assert_eq!(phone.noots[&id].version, 1);
    tablet.syncs().await;
    // The tablet changes it twice, the phone once: two is more than one, whoever comes first.
    phone.edits(&id, json!([todo("Bread")]));
    tablet.edits(&id, json!([todo("Oat")]));
    tablet.edits(&id, json!([todo("Oats")]));
    phone.syncs().await;
    tablet.syncs().await;
    phone.syncs().await;
    assert_eq!((phone.titles(&id), phone.noots[&id].version), (vec!["Oats".to_owned()], 3));
    assert_eq!(conflicted(&ann).await[0]["activities"], json!([todo("Bread")]), "what was overwritten is kept");
    // Of equal versions the higher checksum wins.
    let (one, other) = (json!([todo("one")]), json!([todo("other")]));
    let (winner, loser) = if checksum(&one) > checksum(&other) { (one, other) } else { (other, one) };
    phone.edits(&id, winner.clone());
    tablet.edits(&id, loser.clone());
    phone.syncs().await;
    tablet.syncs().await;
    assert_eq!((&phone.noots[&id].activities, &tablet.noots[&id].activities), (&winner, &winner));
    assert_eq!(conflicted(&ann).await[0]["activities"], loser);
    // What its client says that it saw is not kept.
    let mut seen = pushed(&id, 5, &json!([todo("Seen")]));
    seen["baseChecksum"] = json!(checksum(&winner));
    let kept = conflicted(&ann).await.len();
    let answer = syncs(&ann, json!({ "noots": [seen], "conflictRule": "HIGHER_VERSION" })).await;
    assert_eq!((&answer["outcomes"][0]["result"], conflicted(&ann).await.len()), (&json!("ACCEPTED"), kept));
    // After 90 days a copy makes room for others.
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("UPDATE conflicted_noots SET created_at = now() - interval '90 days 1 minute'").execute(&mut owner).await.unwrap();
    syncs(&ann, json!({ "noots": [pushed(&id, 1, &json!([todo("Late")]))] })).await;
    assert_eq!(conflicted(&ann).await.iter().map(|copy| copy["activities"].clone()).collect::<Vec<_>>(), [json!([todo("Late")])]);
    // A device that counts wildly does not win for ever.
    phone.noots.get_mut(&id).unwrap().version = 1_000_000;
    phone.edits(&id, json!([todo("For ever")]));
    let answer = syncs(&ann, phone.request()).await;
    let rejection =
        json!({ "code": "VERSION_TOO_HIGH", "field": "version", "message": "must be at most 1000 ahead of the stored one, which is 5" });
    assert_eq!(answer["outcomes"][0]["rejection"], rejection);
    assert_eq!(answer["serverNoots"], json!([]), "what was rejected is not overwritten at its client");
}

#[tokio::test]
async fn one_bad_noot_fails_no_other() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let good = json!([todo("Milk")]);
    let large = json!([todo(&"x".repeat(300 * 1024))]);
    let deep = (0..90).fold(json!({}), |inner, _| json!({ "a": inner }));
    let mut wrong = todo("Bread");
    wrong["baseProperties"]["encrypted"] = json!("yes");
    let noots = json!([
        pushed(&noot_id(1), 0, &good),
        { "id": noot_id(2), "version": 0, "checksum": checksum(&json!([])), "activities": good },
        pushed(&noot_id(3), 0, &json!(vec![todo("x"); 501])),
        pushed(&noot_id(4), 0, &large),
        pushed(&noot_id(5), 0, &json!([{ "activityType": "todo", "properties": deep }])),
        pushed(&noot_id(6), 0, &json!({ "activities": [] })),
        pushed(&noot_id(7), 0, &json!([wrong])),
        pushed(&noot_id(8), 0, &json!([todo("a\u{0}b")])),
        pushed(&noot_id(9), 0, &json!([{ "activityType": "todo", "properties": { "n": 9_007_199_254_740_993_i64 } }])),
        pushed(&noot_id(10), -1, &good),
        pushed(&noot_id(1), 0, &good),
        pushed(&noot_id(11), 0, &good),
    ]);
    let answer = syncs(&ann, json!({ "noots": noots, "knownNoots": [] })).await;
    assert_eq!(answer["accepted"], json!([noot_id(1), noot_id(11)]));
    let outcomes = answer["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 12);
    let rejections: Vec<_> =
        outcomes[1..11].iter().map(|outcome| (&outcome["rejection"]["code"], &outcome["rejection"]["field"])).collect();
    let expected = [
        ("CHECKSUM_MISMATCH", "checksum"),
        ("LIMIT_EXCEEDED", "activities"),
        ("LIMIT_EXCEEDED", "activities"),
        ("BAD_USER_INPUT", "activities[0]"),
        ("BAD_USER_INPUT", "activities"),
        ("BAD_USER_INPUT", "activities[0].baseProperties.encrypted"),
        ("BAD_USER_INPUT", "activities[0]"),
        ("BAD_USER_INPUT", "activities[0]"),
        ("BAD_USER_INPUT", "version"),
        ("BAD_USER_INPUT", "id"),
    ];
    assert_eq!(rejections, expected.map(|(code, field)| (json!(code), json!(field))).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    let message = answer["outcomes"][1]["rejection"]["message"].as_str().unwrap();
    assert!(message.contains(&checksum(&good)), "{message}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM noots").await, 2);
}

#[tokio::test]
async fn what_is_no_json_or_two_is_refused_before_anything_is_done() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let good = checksum(&json!([]));
    for (activities, message) in [
        (r#"[{"activityType":"todo","activityType":"note","properties":{}}]"#, "the body has a key twice: line 1, column "),
        (r#"[{"activityType":"todo","properties":{"a":1,"\u0061":2}}]"#, "the body has a key twice: line 1, column "),
        (r#"[{"activityType":"todo","properties":{"a":NaN}}]"#, "the body is not JSON: line 1, column "),
        (r#"[{"activityType":"todo","properties":{"a":1e400}}]"#, "the body is not JSON: line 1, column "),
        (r#"[{"activityType":"todo","properties":{"a":"\ud800"}}]"#, "the body is not JSON: line 1, column "),
    ] {
        let variables =
            format!(r#"{{"input":{{"noots":[{{"id":"{}","version":0,"checksum":"{good}","activities":{activities}}}]}}}}"#, noot_id(1));
        let body = format!(r#"{{"query":{},"variables":{variables}}}"#, json!(SYNC));
        let request = app.post("/graphql").header("content-type", "application/json").bearer_auth(ann.token.as_ref().unwrap());
        let response = request.body(body).send().await.unwrap();
        let (status, answer) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (400, &json!("BAD_REQUEST")), "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().starts_with(message), "{answer}");
    }
    let refused =
        ann.refused(SYNC, json!({ "input": { "noots": [{ "id": "1", "version": 0, "checksum": good, "activities": [] }] } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("noots[0].id")));
    let many: Vec<_> = (0..501).map(|n| pushed(&noot_id(n), 0, &json!([]))).collect();
    let refused = ann.refused(SYNC, json!({ "input": { "noots": many } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("noots")));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM noots").await, 0);
}

#[tokio::test]
async fn numbers_and_texts_come_back_as_they_were_sent() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    // Checksums by Node's crypto over JSON.stringify, whose numbers and strings are those of RFC 8785.
    for (n, (activities, checksum)) in [
        (
            r#"[{"activityType":"x","properties":{"a":1e+23,"b":5e-324,"c":1152921504606847000,"d":-0.0000033333333333333333,"e":0.1,"f":1e-7}}]"#,
            "1eaca3cd07501c13c2a2acd8f98d0f4b3f25ac2495397e3673a24181adf55170",
        ),
        (r#"[{"activityType":"x","properties":{"z":1,"€":"😀 \u000f\n\"\\/","\ufb33":null,"😀":[true,false,{}]}}]"#, "226a7eebb49fdf71847d372900605e8a8a24f6eaa6bc431af2528fa0b9cdd4b6"),
    ]
    .into_iter()
    .enumerate()
    {
        let sent: Value = serde_json::from_str(activities).unwrap();
        let noot = json!({ "id": noot_id(n as u32), "version": 0, "checksum": checksum, "activities": sent });
        let answer = syncs(&ann, json!({ "noots": [noot] })).await;
        assert_eq!(answer["outcomes"][0]["result"], "ACCEPTED", "{answer}");
        let fetched = ann.ask(FETCH, json!({ "ids": [noot_id(n as u32)] })).await["nootFetch"]["noots"][0].take();
        assert_eq!((&fetched["activities"], fetched["checksum"].as_str()), (&sent, Some(checksum)));
    }
}

#[tokio::test]
async fn what_is_encrypted_is_kept_and_not_looked_into() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let base = json!({ "encrypted": true, "syncPriority": "high" });
    let activities = json!([
        { "activityType": "todo", "properties": "q83vEjRWeJq7zN3u", "baseProperties": base },
        { "activityType": "todo", "properties": { "iv": "AAAA", "title": 7, "completed": "no" }, "baseProperties": base },
    ]);
    let answer = syncs(&ann, json!({ "noots": [pushed(&noot_id(1), 0, &activities)] })).await;
    assert_eq!(answer["accepted"], json!([noot_id(1)]));
    let fetched = ann.ask(FETCH, json!({ "ids": [noot_id(1)] })).await;
    assert_eq!(fetched["nootFetch"]["noots"][0]["activities"], activities);
}

#[tokio::test]
async fn more_than_an_answer_holds_comes_in_several() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    // Twenty noots of 200 KiB, of which an answer holds ten; and six hundred small ones.
    let large = json!([todo(&"x".repeat(200 * 1024))]);
    for n in 0..20 {
        syncs(&ann, json!({ "noots": [pushed(&noot_id(n), 0, &large)] })).await;
    }
    for start in [1000, 1300] {
        let noots: Vec<_> = (start..start + 300).map(|n| pushed(&noot_id(n), 0, &json!([todo("Milk")]))).collect();
        let answer = syncs(&ann, json!({ "noots": noots })).await;
        assert_eq!(answer["accepted"].as_array().unwrap().len(), 300);
        assert_eq!((&answer["serverNoots"], &answer["hasMore"]), (&json!([]), &json!(false)), "nobody asked what else there is");
    }
    let first = syncs(&ann, json!({ "noots": [], "knownNoots": [] })).await;
    assert_eq!((first["serverNoots"].as_array().unwrap().len(), &first["hasMore"]), (10, &json!(true)));
    // What is no checksum is that of no noot.
    let known = json!([{ "id": noot_id(0), "checksum": "a\u{0}b" }]);
    let same = syncs(&ann, json!({ "noots": [], "knownNoots": known })).await;
    assert_eq!(same["serverNoots"], first["serverNoots"]);
    let mut tablet = Client::new(&ann);
    tablet.syncs().await;
    assert_eq!(tablet.noots.len(), 620);
    // Page by page and by ids, as a client does that has more than it can name.
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let mut page = ann.ask(CHECKSUMS, json!({ "first": 250, "after": after })).await["nootChecksums"].take();
        seen.extend(page["noots"].as_array().unwrap().iter().map(|noot| noot["id"].as_str().unwrap().to_owned()));
        after = seen.last().map_or(Value::Null, |id| json!(id));
        if page["hasMore"].take() == false {
            break;
        }
    }
    assert_eq!(seen, tablet.noots.keys().cloned().collect::<Vec<_>>());
    let (mut fetched, mut wanted) = (0, json!(seen[..500]));
    while wanted != json!([]) {
        let mut answer = ann.ask(FETCH, json!({ "ids": wanted })).await["nootFetch"].take();
        fetched += answer["noots"].as_array().unwrap().len();
        wanted = answer["remainingIds"].take();
    }
    assert_eq!(fetched, 500);
    assert_eq!(ann.refused(FETCH, json!({ "ids": seen[..501] })).await.field.as_deref(), Some("ids"));
    assert_eq!(ann.refused(CHECKSUMS, json!({ "first": 1001 })).await.field.as_deref(), Some("first"));
}

#[tokio::test]
async fn ids_of_anns_noots_tell_ben_nothing_and_let_him_do_nothing() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (hers, his) = (json!([todo("Hers")]), json!([todo("His")]));
    syncs(&ann, json!({ "noots": [pushed(&noot_id(1), 0, &hers)] })).await;
    let taken = syncs(&ben, json!({ "noots": [pushed(&noot_id(1), 0, &his)], "knownNoots": [] })).await;
    let known = json!([{ "id": noot_id(1), "checksum": checksum(&his) }]);
    let new = syncs(&ben, json!({ "noots": [pushed(&noot_id(2), 0, &his)], "knownNoots": known })).await;
    for answer in [&taken, &new] {
        assert_eq!((&answer["outcomes"][0]["result"], &answer["outcomes"][0]["version"]), (&json!("ACCEPTED"), &json!(1)));
        assert_eq!((&answer["serverNoots"], &answer["deletedIds"]), (&json!([]), &json!([])));
    }
    let answer = syncs(&ben, json!({ "noots": [], "deletedNoots": [{ "id": noot_id(1), "version": 1 }] })).await;
    assert_eq!(answer["outcomes"][0]["result"], "ACCEPTED");
    let fetched = ann.ask(FETCH, json!({ "ids": [noot_id(1), noot_id(2)] })).await["nootFetch"]["noots"].take();
    assert_eq!((fetched.as_array().unwrap().len(), &fetched[0]["activities"]), (1, &hers));
    // What ann lost is hers alone.
    syncs(&ann, json!({ "noots": [pushed(&noot_id(1), 0, &json!([]))] })).await;
    let copy = conflicted(&ann).await.remove(0)["id"].take();
    assert_eq!(ben.refused(RESTORE, json!({ "input": { "id": copy } })).await.code, "NOT_FOUND");
    assert_eq!(app.nobody().refused(SYNC, json!({ "input": { "noots": [] } })).await.code, "UNAUTHENTICATED");
}

/// A device that reads the feed and writes cells, and a client that knows nothing of either, change one noot.
#[tokio::test]
async fn a_noot_is_the_same_to_every_kind_of_client() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut phone = Client::new(&ann);
    phone.edits(&noot_id(1), json!([todo("Milk")]));
    phone.syncs().await;
    let feed = "{ viewer { syncPage(collections: [\"noots\"]) { rows { id number deleted document } } } }";
    let rows = ann.ask(feed, json!({})).await["viewer"]["syncPage"]["rows"].take();
    let document = |activities: &Value| json!({ "data": { "activities": activities }, "checksum": checksum(activities) });
    assert_eq!(
        rows,
        json!([{ "id": noot_id(1), "number": rows[0]["number"], "deleted": false, "document": document(&json!([todo("Milk")])) }])
    );

    let device = Device::new(&ann, "tablet");
    let data = json!({ "activities": [todo("Milk"), todo("Eggs")] });
    let wrong = json!({ "activities": [{ "activityType": "todo" }] });
    let results = device
        .pushes(json!([
            change("noots", &noot_id(1), &device.at("13:00:00"), json!({ "data": data })),
            change("noots", &noot_id(2), &device.at("13:00:01"), json!({ "data": wrong })),
            change("noots", &noot_id(3), &device.at("13:00:02"), json!({ "data": { "activities": [], "more": 1 } })),
            change("noots", &noot_id(1), &device.at("13:00:03"), json!({ "checksum": "x" })),
        ]))
        .await;
    let told: Vec<_> = results.iter().map(|result| (result["status"].as_str().unwrap(), result["field"].as_str())).collect();
    let expected = [
        ("APPLIED", None),
        ("REJECTED", Some("data.activities[0].properties")),
        ("REJECTED", Some("data")),
        ("REJECTED", Some("checksum")),
    ];
    assert_eq!(told, expected, "{results:?}");
    assert_eq!(results[0]["row"]["document"], document(&data["activities"]));
    phone.syncs().await;
    assert_eq!((phone.titles(&noot_id(1)), phone.noots[&noot_id(1)].version), (vec!["Milk".to_owned(), "Eggs".to_owned()], 2));

    // What the phone deletes is deleted in the feed, and what lost there never was in it.
    phone.deletes(&noot_id(1));
    phone.syncs().await;
    syncs(&ann, json!({ "noots": [pushed(&noot_id(1), 2, &json!([]))] })).await;
    let rows = ann.ask(feed, json!({})).await["viewer"]["syncPage"]["rows"].take();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["deleted"]), (1, &json!(true)));
}

#[tokio::test]
async fn whoever_follows_noots_is_told_which_changed_and_how() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    app.verify(&ben).await;
    let grant = shares(&ann, &ben, &["ORGANISER"], false).await.remove(0);
    syncs(&ann, json!({ "noots": [pushed(&noot_id(9), 0, &json!([]))] })).await;
    let mut stranger = Socket::of(&carla).await;
    assert_eq!(stranger.refused(CHANGED, json!({ "person": ann.id })).await[0]["extensions"]["code"], "NOT_FOUND");
    let (mut tablet, mut bens) = (Socket::of(&ann).await, Socket::of(&ben).await);
    tablet.operate("noots", CHANGED, json!({})).await;
    bens.operate("noots", CHANGED, json!({ "person": ann.id })).await;
    let mut phone = Client::new(&ann);
    // Until both certainly listen.
    let mut heard = [false, false];
    for n in 100.. {
        phone.edits(&noot_id(n), json!([]));
        phone.syncs().await;
        for (heard, socket) in heard.iter_mut().zip([&mut tablet, &mut bens]) {
            while socket.soon().await.is_some() {
                *heard = true;
            }
        }
        if heard == [true, true] {
            break;
        }
    }
    for (kind, version) in [("CREATED", 1), ("UPDATED", 2), ("DELETED", 3)] {
        match kind {
            "DELETED" => phone.deletes(&noot_id(1)),
            _ => phone.edits(&noot_id(1), json!([todo(kind)])),
        }
        phone.syncs().await;
        for socket in [&mut tablet, &mut bens] {
            let told = payload(socket.hear().await)["data"]["nootChanged"].take();
            let now = if kind == "DELETED" { checksum(&json!([todo("UPDATED")])) } else { checksum(&json!([todo(kind)])) };
            assert_eq!(told, json!({ "id": noot_id(1), "kind": kind, "userId": ann.id, "version": version, "checksum": now }));
        }
    }
    // Two in one request are two events.
    phone.edits(&noot_id(2), json!([]));
    phone.edits(&noot_id(3), json!([]));
    phone.syncs().await;
    for n in [2, 3] {
        assert_eq!(payload(tablet.hear().await)["data"]["nootChanged"]["id"], noot_id(n));
        assert_eq!(payload(bens.hear().await)["data"]["nootChanged"]["id"], noot_id(n));
    }
    let log = ann.ask("{ viewer { accessLog { nodes { reader { fullName } accessType } } } }", json!({})).await;
    assert_eq!(log["viewer"]["accessLog"]["nodes"], json!([{ "reader": { "fullName": "ben" }, "accessType": "ORGANISER" }]));
    answers(&ann, "revoke", &grant).await;
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(payload(bens.hear().await)["errors"][0]["extensions"]["code"], "NOT_FOUND");
}
