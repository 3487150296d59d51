//! A server that keeps its rows in memory and numbers them as `auth.log_change` does. The engine above it is the real one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use chrono::{DateTime, NaiveTime, Utc};
use entity::id::{FoodId, UserId};
use serde_json::{Value, json};
use service::{
    day::{self, Calendar},
    error::{Error, Result},
    foods::{Food, Portions, Provenance},
    nutrition::Nutrition,
    sync::{
        Cursor, FeedPage, FeedRow, PageSize, Push, Receipt, apply_to,
        clock::{Clock, LAST_COUNTER},
        collection::{Clocks, Collection, Context, DELETED, Document, Draft, Named},
        feed,
        merge::{Mutation, Outcome, Rejection, Row, SERVER, Write},
        store::{Decided, FeedSlice, Kept, Names, Store, Unfinished},
    },
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    planted::Planted,
    server::{Change, Ordinary, Server, Space},
};

/// The server. What it holds outlives a transaction that is dropped.
pub struct Memory {
    state: Arc<Mutex<State>>,
    planted: Option<Planted>,
}

/// What a backup holds.
#[derive(Clone, Default)]
pub struct State {
    now: DateTime<Utc>,
    epoch: u128,
    ids: u128,
    spaces: BTreeMap<UserId, Held>,
    foods: BTreeMap<UserId, FoodId>,
    grants: BTreeSet<(UserId, UserId, &'static str)>,
    /// How often what a person gave to another one changed.
    given: BTreeMap<(UserId, UserId), i64>,
    decided: HashMap<(UserId, Uuid), Decided>,
    kept: BTreeMap<(UserId, UserId, Vec<u8>), Kept>,
    /// What has its numbers already and is not visible yet: only where that is planted.
    slow: Vec<Pending>,
}

#[derive(Clone, Default)]
struct Held {
    head: i64,
    /// What slow transactions have taken: only where that is planted.
    taken: i64,
    milliseconds: i64,
    counter: u32,
    change_floor: i64,
    tombstone_floor: i64,
    rows: BTreeMap<(String, Uuid), Arc<FeedRow>>,
    /// What the table keeps of rows whose tombstones were collected.
    buried: BTreeSet<Uuid>,
    changes: Vec<Arc<Change>>,
    digests: BTreeMap<String, u128>,
}

impl Memory {
    /// An empty server for these people, who have one food each.
    pub fn new(people: &[(UserId, FoodId)], now: DateTime<Utc>, planted: Option<Planted>) -> Self {
        let spaces = people.iter().map(|(person, _)| (*person, Held::default())).collect();
        let state = State { now, spaces, foods: people.iter().copied().collect(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), planted }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn open(&self, viewer: UserId, ends: Ends) -> Transaction {
        Transaction { state: self.state.clone(), planted: self.planted, viewer, ends, pending: Mutex::default() }
    }
}

impl Server for Memory {
    type Backup = State;

    async fn push(&self, viewer: UserId, mut push: Push, slowly: bool) -> Result<Vec<Receipt>> {
        if self.planted == Some(Planted::TornGroup) {
            for mutation in &mut push.mutations {
                if let Write::Cells(cells) = &mut mutation.write
                    && !cells.contains_key("type")
                    && cells.contains_key("value")
                {
                    cells.remove("unit");
                }
            }
        }
        if self.planted == Some(Planted::PoisonedBatch) {
            let row = push.mutations.iter().position(|mutation| mutation.collection == "measurements" && is_wrong(mutation));
            if let Some(place) = row {
                return Err(Error::invalid("mutations", format!("number {place} is not valid")));
            }
        }
        apply_to(async || Ok(self.open(viewer, if slowly { Ends::Late } else { Ends::AtOnce })), push).await
    }

    async fn crash_in(&self, viewer: UserId, push: Push) {
        // The statements run and the commit never comes.
        let crashed = apply_to(async || Ok(self.open(viewer, Ends::Never)), push).await;
        assert!(crashed.is_err());
    }

    async fn page(&self, viewer: UserId, person: UserId, after: Option<Cursor>, limit: u32) -> Result<FeedPage> {
        feed(&self.open(viewer, Ends::AtOnce), person, after, &[], PageSize::up_to(limit)).await
    }

    async fn write(&self, viewer: UserId, person: UserId, write: &Ordinary) -> Result<()> {
        let transaction = self.open(viewer, Ends::AtOnce);
        let collection = service::sync::collection("measurements").unwrap();
        let id = write.id();
        let held = transaction.load(person, collection, &[id]).await?.pop().map(|(_, row)| row);
        let before = held.as_ref().and_then(|row| row.document.clone());
        let alive = held.as_ref().is_some_and(|row| !row.deleted);
        let mut row = held.unwrap_or_default();
        let mut draft = Draft { person, id, document: before.clone().unwrap_or_default(), before, changed: BTreeSet::new() };
        let written = match write {
            Ordinary::Record { written, .. } if draft.before.is_none() => written,
            // Recorded before, and deleted or not the same.
            Ordinary::Record { .. } => return Err(Error::conflict("taken")),
            Ordinary::Change { written, .. } if alive => written,
            Ordinary::Delete { .. } if alive => &Document::new(),
            Ordinary::Change { .. } | Ordinary::Delete { .. } => return Err(Error::NotFound("measurement")),
        };
        draft.document.extend(written.clone());
        draft.changed.extend(["value", "moment"]);
        (collection.complete)(&transaction.context(person, &Named::default()).await?, &mut draft)
            .map_err(|refused| Error::invalid(refused.field, refused.message))?;
        row.made = row.document.is_none();
        row.document = Some(draft.document);
        row.deleted |= matches!(write, Ordinary::Delete { .. });
        transaction.write(person, collection, &BTreeMap::from([(id, row)])).await?;
        let nothing_seen = Clock { milliseconds: 0, counter: 0, node: SERVER.to_owned() };
        transaction.log(person, SERVER, &nothing_seen, &BTreeMap::new()).await?;
        transaction.commit().await
    }

    async fn share(&self, grantor: UserId, grantee: UserId, access: &'static str, shared: bool) {
        let mut state = self.state();
        *state.given.entry((grantor, grantee)).or_default() += 1;
        if shared {
            state.grants.insert((grantor, grantee, access));
        } else if self.planted != Some(Planted::GrantRemembered) {
            state.grants.remove(&(grantor, grantee, access));
        }
    }

    async fn collect_tombstones(&self, person: UserId, up_to: i64) {
        let mut state = self.state();
        let held = state.spaces.get_mut(&person).unwrap();
        let gone = held.rows.iter().filter(|(_, row)| row.deleted && row.number <= up_to);
        let gone: Vec<_> = gone.map(|(name, row)| (name.clone(), row.number)).collect();
        for (name, number) in gone {
            if self.planted != Some(Planted::CollectedByTime) {
                held.tombstone_floor = held.tombstone_floor.max(number);
            }
            let row = held.rows.remove(&name).unwrap();
            held.buried.insert(row.id);
            *held.digests.entry(row.collection.clone()).or_default() ^= row_hash(&row);
        }
    }

    async fn collect_changes(&self, person: UserId, up_to: i64) {
        let mut state = self.state();
        let held = state.spaces.get_mut(&person).unwrap();
        held.changes.retain(|change| change.number > up_to);
        held.change_floor = held.change_floor.max(up_to);
    }

    async fn space(&self, person: UserId, after: i64) -> Space {
        let state = self.state();
        let held = &state.spaces[&person];
        let known = held.changes.partition_point(|change| change.number <= after);
        Space {
            head: held.head,
            change_floor: held.change_floor,
            rows: held.rows.values().cloned().collect(),
            changes: held.changes[known..].to_vec(),
            digests_agree: held.digests.iter().all(|(collection, digest)| {
                let rows = held.rows.values().filter(|row| row.collection == *collection);
                rows.fold(0, |all, row| all ^ row_hash(row)) == *digest
            }),
        }
    }

    async fn keeps(&self, viewer: UserId, mutation: &Mutation) -> bool {
        let state = self.state();
        state
            .kept
            .range((viewer, UserId(Uuid::nil()), Vec::new())..)
            .take_while(|((whose, ..), _)| *whose == viewer)
            .any(|(_, kept)| kept.mutation == *mutation)
    }

    async fn backup(&self) -> State {
        self.state().clone()
    }

    async fn restore(&self, backup: &State) {
        let mut state = self.state();
        let (now, epoch, ids, grants, given) = (state.now, state.epoch, state.ids, state.grants.clone(), state.given.clone());
        *state = State { now, ids, grants, given, slow: Vec::new(), ..backup.clone() };
        if self.planted != Some(Planted::EpochIgnored) {
            state.epoch = epoch + 1;
        }
        for held in state.spaces.values_mut() {
            held.head += super::server::JUMP;
        }
    }

    fn set_now(&self, now: DateTime<Utc>) {
        let mut state = self.state();
        state.now = now;
        for pending in std::mem::take(&mut state.slow) {
            state.land(pending);
        }
    }
}

/// What no rule lets pass, as a server sees it that looks at the first wrong one only.
fn is_wrong(mutation: &Mutation) -> bool {
    let value = match &mutation.write {
        Write::Cells(cells) => cells.get("value").map(|cell| &cell.value),
        Write::Replace { new, .. } => new.get("value"),
    };
    value.is_some_and(|value| value.as_str().is_none_or(|value| value.parse::<u32>().is_err()))
}

/// A hash of what the digest tells of a row.
fn row_hash(row: &FeedRow) -> u128 {
    hash(&format!("{}:{}:{}", row.id, row.version, u8::from(row.deleted)))
}

fn hash(text: &str) -> u128 {
    let bytes = Sha256::digest(text);
    u128::from_be_bytes(bytes[..16].try_into().unwrap())
}

/// What a transaction has written and not committed.
#[derive(Clone, Default)]
struct Pending {
    person: Option<UserId>,
    /// As the tables hold it, in the order in which it was written.
    tables: Vec<(&'static str, Uuid, Document, bool)>,
    space: Option<(i64, i64, u32)>,
    rows: Vec<Arc<FeedRow>>,
    changes: Vec<Arc<Change>>,
    digests: Vec<(String, u128)>,
    decided: Vec<(UserId, Decided)>,
    kept: Vec<(UserId, UserId, Kept)>,
    forgotten: BTreeSet<Uuid>,
}

impl State {
    fn land(&mut self, pending: Pending) {
        if let (Some(person), Some((head, milliseconds, counter))) = (pending.person, pending.space) {
            let held = self.spaces.get_mut(&person).unwrap();
            (held.head, held.milliseconds, held.counter) = (held.head.max(head), milliseconds, counter);
            held.rows.extend(pending.rows.into_iter().map(|row| ((row.collection.clone(), row.id), row)));
            held.changes.extend(pending.changes);
            held.changes.sort_by_key(|change| change.number);
            for (collection, change) in pending.digests {
                *held.digests.entry(collection).or_default() ^= change;
            }
        }
        for (viewer, decided) in pending.decided {
            self.decided.entry((viewer, decided.id)).or_insert(decided);
        }
        for (viewer, person, kept) in pending.kept {
            self.kept.entry((viewer, person, kept.request.clone())).or_insert(kept);
        }
        self.kept.retain(|_, kept| !pending.forgotten.contains(&kept.id));
    }
}

/// When a transaction commits.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    AtOnce,
    Late,
    Never,
}

struct Transaction {
    state: Arc<Mutex<State>>,
    planted: Option<Planted>,
    viewer: UserId,
    ends: Ends,
    pending: Mutex<Pending>,
}

impl Transaction {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn sees(&self, state: &State, person: UserId, access_type: &str) -> bool {
        self.viewer == person || self.granted(state, person).any(|granted| granted == access_type)
    }

    /// The types of access that a person gave the viewer.
    fn granted(&self, state: &State, person: UserId) -> impl Iterator<Item = &'static str> {
        let of = move |grantee: UserId| ["checkin", "organiser"].map(|access| (person, grantee, access));
        of(self.viewer).into_iter().filter(|grant| state.grants.contains(grant)).map(|(.., access)| access)
    }
}

/// Where a write comes from.
struct Origin<'a> {
    client: &'a str,
    /// The latest clock that came along.
    seen: &'a Clock,
    wall: i64,
    planted: Option<Planted>,
}

/// A row as its table holds it, and as a device wrote it.
struct Logged<'a> {
    collection: &'a Collection,
    id: Uuid,
    document: &'a Document,
    deleted: bool,
    written: Option<&'a Row>,
}

/// What `auth.log_change` does: numbers what has become of a row since it was last numbered.
fn log_change(held: &Held, pending: &mut Pending, origin: &Origin<'_>, row: &Logged<'_>) {
    let Origin { client, seen, wall, planted } = *origin;
    let Logged { collection, id, document, deleted, written } = *row;
    let known = held.rows.get(&(collection.name.to_owned(), id));
    let clock_changes = |group: &str| {
        written
            .and_then(|row| row.written.get(group))
            .is_some_and(|clock| known.and_then(|row| row.clocks.get(group)) != Some(&json!(clock)))
    };
    let mut columns: Vec<(&str, &str)> = Vec::new();
    for group in collection.groups {
        for column in group.columns {
            let is = document.get(column.name).unwrap_or(&Value::Null);
            if known.is_none_or(|known| known.value(column.name) != is) || clock_changes(group.name) {
                columns.push((column.name, group.name));
            }
        }
    }
    if deleted != known.is_some_and(|known| known.deleted) || clock_changes(DELETED) {
        columns.push((DELETED, DELETED));
    }
    if columns.is_empty() {
        return;
    }
    columns.sort_unstable();
    let (head, milliseconds, counter) = pending.space.unwrap_or((held.head.max(held.taken), held.milliseconds, held.counter));
    let head = head + i64::try_from(columns.len()).unwrap();
    let (milliseconds, counter) = clock_after((milliseconds, counter), (seen.milliseconds, seen.counter), wall, planted);
    pending.space = Some((head, milliseconds, counter));
    let own = Clock { milliseconds, counter, node: SERVER.to_owned() };
    let clock_of = |group: &str| written.and_then(|row| row.written.get(group)).unwrap_or(&own).clone();
    let cells = columns.iter().map(|(column, group)| {
        let value = if *column == DELETED { json!(deleted) } else { document.get(*column).cloned().unwrap_or_default() };
        ((*column).to_owned(), (value, clock_of(group).to_string()))
    });
    pending.changes.push(Arc::new(Change {
        number: head,
        first_number: head - i64::try_from(columns.len()).unwrap() + 1,
        collection: collection.name.to_owned(),
        id,
        cells: cells.collect(),
        client: client.to_owned(),
    }));
    let mut clocks: Document = known.and_then(|row| row.clocks.as_object().cloned()).unwrap_or_default();
    clocks.extend(columns.iter().map(|(_, group)| ((*group).to_owned(), json!(clock_of(group)))));
    let row = Arc::new(FeedRow {
        collection: collection.name.to_owned(),
        id,
        number: head,
        document: Value::Object(document.clone()),
        clocks: Value::Object(clocks),
        deleted,
        version: known.map_or(0, |row| row.version) + 1,
        access_type: collection.access.unwrap_or("own").to_owned(),
    });
    let before = match (known, planted) {
        (Some(row), Some(Planted::ChecksumNotCanonical)) => hash(&format!("{}:{}:{}", row.id, row.version, row.deleted)),
        (Some(row), _) => row_hash(row),
        (None, _) => 0,
    };
    pending.digests.push((collection.name.to_owned(), before ^ row_hash(&row)));
    pending.rows.push(row);
}

/// What `auth.clock_after` does: the next clock of a space, later than its last one and than what came along.
fn clock_after(last: (i64, u32), seen: (i64, u32), wall: i64, planted: Option<Planted>) -> (i64, u32) {
    let (milliseconds, counter) = last.max(seen);
    if wall > milliseconds {
        (wall, 0)
    } else if counter < LAST_COUNTER {
        (milliseconds, counter + 1)
    } else if planted == Some(Planted::CounterWraps) {
        (milliseconds, 0)
    } else {
        (milliseconds + 1, 0)
    }
}

impl Store for Transaction {
    fn viewer(&self) -> Result<UserId> {
        Ok(self.viewer)
    }

    fn now(&self) -> DateTime<Utc> {
        self.state().now
    }

    fn new_id(&self) -> Uuid {
        let mut state = self.state();
        state.ids += 1;
        Uuid::from_u128(state.ids)
    }

    async fn rows_after(&self, person: UserId, number: i64, collections: &[&str], most: PageSize) -> Result<FeedSlice> {
        let state = self.state();
        let slice = FeedSlice {
            rows: Vec::new(),
            has_more: false,
            epoch: Uuid::from_u128(state.epoch),
            tombstone_floor: state.spaces[&person].tombstone_floor,
            shown: match self.planted {
                Some(Planted::SharedUnseen) => 0,
                _ => state.given.get(&(person, self.viewer)).copied().unwrap_or_default(),
            },
        };
        let from = if self.planted == Some(Planted::FromInsteadOfAfter) { number } else { number + 1 };
        let mut rows: Vec<&Arc<FeedRow>> = state.spaces[&person].rows.values().filter(|row| row.number >= from).collect();
        rows.sort_by_key(|row| row.number);
        let limit = match self.planted {
            Some(Planted::ClampedLimit) => most.rows.min(2),
            _ => most.rows,
        } as usize;
        if self.planted == Some(Planted::ShortPage) {
            // Deleted rows are left out of a new device's page, after the page was cut.
            rows.truncate(limit + 1);
            rows.retain(|row| number > 0 || !row.deleted);
        }
        rows.retain(|row| {
            self.sees(&state, person, &row.access_type) && (collections.is_empty() || collections.contains(&row.collection.as_str()))
        });
        let has_more = rows.len() > limit && self.planted != Some(Planted::ClampedLimit);
        Ok(FeedSlice { rows: rows.into_iter().take(limit).map(|row| FeedRow::clone(row)).collect(), has_more, ..slice })
    }

    async fn writable_types(&self, person: UserId) -> Result<Vec<String>> {
        Ok(self.granted(&self.state(), person).map(str::to_owned).collect())
    }

    async fn decided(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Decided>> {
        if self.planted == Some(Planted::NoDedupe) {
            return Ok(HashMap::new());
        }
        let state = self.state();
        Ok(ids.iter().filter_map(|id| Some((*id, state.decided.get(&(self.viewer, *id))?.clone()))).collect())
    }

    async fn unfinished(&self, person: UserId, rows: &[Uuid]) -> Result<Vec<Unfinished>> {
        let state = self.state();
        let of_viewer = (self.viewer, person, Vec::new());
        let kept = state.kept.range(of_viewer..).take_while(|((viewer, whose, _), _)| (*viewer, *whose) == (self.viewer, person));
        let unfinished = kept.map(|(_, kept)| kept).filter(|kept| {
            let incomplete = matches!(kept.decision.outcome, Outcome::Rejected { code: Rejection::Incomplete, .. });
            incomplete && rows.contains(&kept.mutation.row)
        });
        let mut unfinished: Vec<_> = unfinished.map(|kept| Unfinished { id: kept.id, mutation: kept.mutation.clone() }).collect();
        unfinished.sort_by_key(|unfinished| unfinished.id);
        Ok(unfinished)
    }

    async fn load(&self, person: UserId, collection: &Collection, ids: &[Uuid]) -> Result<Vec<(Uuid, Row)>> {
        let mut state = self.state();
        let held = state.spaces.get_mut(&person).unwrap();
        if self.planted == Some(Planted::NumberBeforeValidation) {
            held.head += 1;
        }
        let row = |id: &Uuid| {
            let held = held.rows.get(&(collection.name.to_owned(), *id))?;
            let mut clocks: Clocks = serde_json::from_value(held.clocks.clone()).unwrap();
            match self.planted {
                Some(Planted::DeleteWithoutClock) => _ = clocks.remove(DELETED),
                Some(Planted::NoTieBreak) => clocks.values_mut().for_each(|clock| clock.node = "node".to_owned()),
                _ => {}
            }
            Some((*id, Row { document: held.document.as_object().cloned(), clocks, deleted: held.deleted, ..Row::default() }))
        };
        Ok(ids.iter().filter_map(row).collect())
    }

    async fn context(&self, person: UserId, _: &Named) -> Result<Context> {
        let state = self.state();
        let calendar = Calendar { time_zone: day::zone("timeZone", "UTC")?, day_starts_at: NaiveTime::MIN };
        // Nobody sees another's food here.
        let own = state.foods[&self.viewer];
        let mut foods = HashMap::new();
        if person == self.viewer {
            foods.extend([None, Some(1)].map(|version| ((own, version), oats(own, self.viewer))));
        }
        Ok(Context { calendar: Some(calendar), foods, ..Context::default() })
    }

    async fn write(&self, person: UserId, collection: &Collection, rows: &BTreeMap<Uuid, Row>) -> Result<()> {
        let state = self.state();
        if rows.iter().any(|(id, row)| row.made && state.spaces[&person].buried.contains(id)) {
            return Err(Error::conflict("this id is taken by something else: make a new one"));
        }
        let mut pending = self.pending.lock().unwrap();
        pending.person = Some(person);
        // What is new is inserted by one statement, the others are updated by another.
        for made in [true, false] {
            for (id, row) in rows.iter().filter(|(_, row)| row.made == made) {
                let collection = service::sync::collection(collection.name).unwrap();
                let mut document = row.document.clone().unwrap();
                for column in collection.groups.iter().flat_map(|group| group.columns) {
                    document.entry(column.name).or_insert(Value::Null);
                }
                pending.tables.push((collection.name, *id, document, row.deleted));
            }
        }
        Ok(())
    }

    async fn log(&self, person: UserId, client: &str, seen: &Clock, written: &BTreeMap<&'static str, BTreeMap<Uuid, Row>>) -> Result<()> {
        let state = self.state();
        let held = &state.spaces[&person];
        let mut pending = self.pending.lock().unwrap();
        let wall = state.now.timestamp_millis();
        for (name, id, document, deleted) in std::mem::take(&mut pending.tables) {
            let collection = service::sync::collection(name).unwrap();
            let written = written.get(name).and_then(|rows| rows.get(&id));
            let origin = Origin { client, seen, wall, planted: self.planted };
            log_change(held, &mut pending, &origin, &Logged { collection, id, document: &document, deleted, written });
        }
        Ok(())
    }

    async fn remember(&self, decided: &[Decided]) -> Result<()> {
        self.pending.lock().unwrap().decided.extend(decided.iter().map(|decided| (self.viewer, decided.clone())));
        Ok(())
    }

    async fn keep(&self, person: UserId, _: &str, kept: &[Kept]) -> Result<()> {
        if self.planted != Some(Planted::RejectionDropped) {
            self.pending.lock().unwrap().kept.extend(kept.iter().map(|kept| (self.viewer, person, kept.clone())));
        }
        Ok(())
    }

    async fn forget(&self, kept: &[Uuid]) -> Result<()> {
        self.pending.lock().unwrap().forgotten.extend(kept);
        Ok(())
    }

    async fn rows(&self, person: UserId, names: &Names) -> Result<Vec<FeedRow>> {
        let (state, pending) = (self.state(), self.pending.lock().unwrap());
        let row = |name: &(String, Uuid)| {
            let written = pending.rows.iter().find(|row| (&row.collection, &row.id) == (&name.0, &name.1));
            written.or_else(|| state.spaces[&person].rows.get(name)).filter(|row| self.sees(&state, person, &row.access_type))
        };
        Ok(names.iter().filter_map(row).map(|row| FeedRow::clone(row)).collect())
    }

    async fn commit(self) -> Result<()> {
        if self.ends == Ends::Never {
            return Err(Error::NotConfigured("the server died"));
        }
        let pending = self.pending.into_inner().unwrap();
        let mut state = self.state.lock().unwrap();
        if self.ends == Ends::Late && self.planted == Some(Planted::IdentityNumbers) {
            if let (Some(person), Some((head, ..))) = (pending.person, pending.space) {
                state.spaces.get_mut(&person).unwrap().taken = head;
            }
            // What it decided is there, as whoever asks for it waits; what it wrote is not.
            let Pending { decided, kept, forgotten, .. } = pending.clone();
            state.land(Pending { decided, kept, forgotten, ..Pending::default() });
            state.slow.push(Pending { decided: Vec::new(), kept: Vec::new(), ..pending });
        } else {
            state.land(pending);
        }
        Ok(())
    }
}

/// Per 100 g: 100 kcal and nothing else known.
fn oats(id: FoodId, owner: UserId) -> Food {
    Food {
        id,
        owner_id: Some(owner),
        name: "Oats".to_owned(),
        brand: None,
        barcode: None,
        density: None,
        allergens: None,
        traces: None,
        source: "user".to_owned(),
        source_id: None,
        nutrition_version: 1,
        serving_size: "100".parse().unwrap(),
        serving_unit: "g".to_owned(),
        nutrition: Nutrition {
            calories: Some("100".parse().unwrap()),
            protein: None,
            carbohydrates: None,
            fat: None,
            fiber: None,
            sugar: None,
            sodium: None,
            nutrients: json!({}),
        },
        provenance: Provenance::default(),
        portions: Portions::default(),
        created_from: None,
        deleted_at: None,
        version: 1,
    }
}
