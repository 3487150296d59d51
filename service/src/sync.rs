//! Offline sync: one feed of what changed, and one way in which devices' writes are applied. Codecs translate, and decide nothing.
//!
//! The feed is written by triggers (`auth.log_change`), so every write is in it, whoever made it. Its numbers have no holes and are in
//! the order of the commits, so a reader that has seen a number has seen all before it.

pub mod clock;
pub mod collection;
pub mod merge;
mod postgres;
pub mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{family_access::AccessType, id::UserId};
use sea_orm::{ActiveEnum, ConnectionTrait, DbBackend, FromQueryResult, JsonValue, Statement, prelude::DateTimeUtc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use self::{
    clock::Clock,
    collection::{Collection, DELETED, Document, Named},
    merge::{Batch, Decision, Mutation, Outcome, Refused, Rejection, Row, SERVER, Write},
    store::{Decided, FeedSlice, Kept, Names, Store},
};
use crate::{
    access::{Tx, Viewer},
    error::{Error, Result},
    exercise_diary, fasts, food_diary, foods, goals, input, meal_types, measurements,
    metrics::{self, METRICS},
    moods, noots,
    page::{Page, PageRequest},
    people, sleep, water, workouts,
};

/// The most mutations that are applied at once.
pub const MOST_MUTATIONS: usize = 500;
/// How often a mutation is tried again that met somebody else's at the same moment.
const ATTEMPTS: u32 = 3;
/// The most rows of a page.
pub const LARGEST_PAGE: u32 = 1000;

/// What is synced. Rows of an earlier stage are written before those of a later one, which may name them.
static STAGES: [&[&Collection]; 2] = [
    &[&foods::SYNCED, &people::SYNCED, &noots::SYNCED, &food_diary::SYNCED_GROUPS, &meal_types::SYNCED, &workouts::SYNCED],
    &[
        &food_diary::SYNCED,
        &exercise_diary::SYNCED,
        &measurements::SYNCED,
        &goals::SYNCED,
        &water::SYNCED,
        &sleep::SYNCED,
        &moods::SYNCED,
        &fasts::SYNCED,
    ],
];

/// All collections.
pub fn collections() -> impl Iterator<Item = &'static Collection> {
    STAGES.iter().copied().flatten().copied()
}

/// The collection of this name.
pub fn collection(name: &str) -> Option<&'static Collection> {
    collections().find(|collection| collection.name == name)
}

/// Mutations of one device, in the order in which it made them.
#[derive(Clone, Debug)]
pub struct Push {
    /// Whose rows.
    pub person: UserId,
    /// The device, as the feed names it: 1 to 100 characters.
    pub client: String,
    /// What it wrote.
    pub mutations: Vec<Mutation>,
}

/// What became of a mutation.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// What became of it.
    pub decision: Decision,
    /// Whether that was decided before, when the same mutation came first.
    pub repeated: bool,
    /// The row as it is now, where there is one.
    pub row: Option<FeedRow>,
}

/// A row of the feed.
#[derive(Clone, Debug, FromQueryResult)]
pub struct FeedRow {
    /// Which table.
    pub collection: String,
    /// Which row.
    pub id: Uuid,
    /// The number of its last change.
    pub number: i64,
    /// Its columns.
    pub document: JsonValue,
    /// When its groups were written.
    pub clocks: JsonValue,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Counts its changes, from 1.
    pub version: i32,
    /// The type of family access that shows it; `own` for what nobody else sees.
    pub access_type: String,
}

impl FeedRow {
    /// A column.
    pub fn value(&self, column: &str) -> &Value {
        self.document.get(column).unwrap_or(&Value::Null)
    }

    /// The type of family access that shows it; `None` for what nobody else sees.
    pub fn shared_as(&self) -> Option<AccessType> {
        AccessType::try_from_value(&self.access_type).ok()
    }

    /// The columns that clients write, and whether the row is deleted.
    pub fn written(&self) -> Document {
        let columns = collection(&self.collection).into_iter().flat_map(Collection::columns).filter(|column| !column.derived);
        let mut written: Document = columns.map(|column| (column.name.to_owned(), self.value(column.name).clone())).collect();
        written.insert(DELETED.to_owned(), self.deleted.into());
        written
    }
}

/// How far a reader has come, and in which history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The history: a restored backup begins another one.
    pub epoch: Uuid,
    /// The number of the last change that was read.
    pub number: i64,
    /// The deleted rows up to this number had been forgotten when the reader began: it never had them.
    pub floor: i64,
    /// A number for what the reader was shown of a relative's rows, another one whenever that changed meanwhile; 0 in the reader's own feed.
    pub shown: i64,
}

impl Cursor {
    /// How far a reader has come in its history, as text: `number`, or `number:floor` while the number is below the floor, or
    /// `number:floor:shown` in a relative's feed.
    pub fn position(&self) -> String {
        match (self.number < self.floor, self.shown) {
            (false, 0) => self.number.to_string(),
            (true, 0) => format!("{}:{}", self.number, self.floor),
            (_, shown) => format!("{}:{}:{shown}", self.number, self.floor),
        }
    }

    /// The cursor of a position in a history.
    pub fn at(epoch: Uuid, position: &str) -> Option<Self> {
        let mut parts = position.split(':');
        let mut next = || parts.next().map(str::parse::<i64>).transpose().ok().filter(|number| number.is_none_or(|number| number >= 0));
        let (number, floor, shown) = (next()??, next()?.unwrap_or_default(), next()?.unwrap_or_default());
        let cursor = Self { epoch, number, floor, shown };
        parts.next().is_none().then_some(cursor)
    }
}

/// How much a page holds at most.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    /// Rows, 1 to [`LARGEST_PAGE`].
    pub rows: u32,
    /// Bytes of documents, but for a single one that has more.
    pub bytes: i64,
}

impl PageSize {
    /// As many rows, and no more bytes than an answer should have: a page may end before it is full.
    pub fn up_to(rows: u32) -> Self {
        Self { rows, bytes: 4 * 1024 * 1024 }
    }

    /// As many rows as there are, for clients to whom a page that is not full is the last.
    pub fn exactly(rows: u32) -> Self {
        Self { rows, bytes: i64::MAX }
    }
}

/// A page of the feed.
#[derive(Clone, Debug)]
pub struct FeedPage {
    /// The rows that changed, in the order of their last changes.
    pub rows: Vec<FeedRow>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether there is more already.
    pub has_more: bool,
    /// Whether the cursor was of another history, or so old that deleted rows may be missing, or a relative shows something else by now:
    /// this page begins anew, and rows that do not come again are gone.
    pub resync: bool,
}

/// Begins another history, in a transaction of [`crate::access::Maintenance`]: what a restored backup calls for, since devices know of
/// changes that it does not hold. They read everything anew, and send what they had not sent.
pub async fn begin_epoch(tx: &Tx) -> Result<Uuid> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "WITH spaces AS (UPDATE sync_spaces SET head = head + 1048576) INSERT INTO sync_epochs (id) VALUES ($1) RETURNING id",
        [tx.new_id().into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::internal("an epoch that did not begin"))?;
    Ok(row.try_get_by_index(0)?)
}

/// A page of what changed of a person's rows after `after`, as far as the viewer may see it.
pub async fn feed(store: &impl Store, person: UserId, after: Option<Cursor>, collections: &[&str], most: PageSize) -> Result<FeedPage> {
    if !(1..=LARGEST_PAGE).contains(&most.rows) {
        return Err(Error::invalid("limit", format!("must be between 1 and {LARGEST_PAGE}, is {}", most.rows)));
    }
    let mut number = after.map_or(0, |after| after.number);
    let mut slice = store.rows_after(person, number, collections, most).await?;
    // Also of a reader that was told nothing yet: it may hold what it wrote itself.
    let goes_on =
        |after: &Cursor| after.epoch == slice.epoch && after.shown == slice.shown && after.number.max(after.floor) >= slice.tombstone_floor;
    let known = after.filter(goes_on);
    let resync = after.is_some() && known.is_none();
    if resync && number > 0 {
        number = 0;
        slice = store.rows_after(person, number, collections, most).await?;
    }
    let FeedSlice { rows, has_more, epoch, tombstone_floor, shown } = slice;
    let floor = known.filter(|known| known.number > 0).map_or(tombstone_floor, |known| known.floor);
    let cursor = Cursor { epoch, number: rows.last().map_or(number, |row| row.number), floor, shown };
    METRICS.feed_pages.inc();
    Ok(FeedPage { rows, cursor, has_more, resync })
}

/// Where a person's feed stands.
#[derive(Clone, Debug)]
pub struct Head {
    /// The last change.
    pub cursor: Cursor,
    /// A digest for each collection that has rows, by which a device knows without reading that it has all of them: 32 hex digits,
    /// the exclusive or of the MD5 of `id:version:deleted` of each row, `deleted` being 0 or 1.
    pub digests: BTreeMap<String, String>,
}

/// Where the viewer's own feed stands.
pub async fn head(tx: &Tx) -> Result<Head> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT epoch, coalesce(head, 0), coalesce(digests, '{}') FROM auth.sync_epoch() epoch LEFT JOIN sync_spaces ON user_id = $1",
        [tx.viewer()?.0.into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::internal("no history"))?;
    let cursor = Cursor { epoch: row.try_get_by_index(0)?, number: row.try_get_by_index(1)?, floor: 0, shown: 0 };
    Ok(Head { cursor, digests: from_json(row.try_get_by_index(2)?)? })
}

/// What a device wrote that is not in the rows.
#[derive(Clone, Debug, FromQueryResult)]
pub struct RejectionRow {
    /// Identifies it among its writer's.
    pub id: Uuid,
    /// Whose row it was about.
    pub person_id: UserId,
    /// The device.
    pub client: String,
    /// What was written.
    pub mutation: JsonValue,
    /// Why it is not there.
    pub outcome: JsonValue,
    /// When it came.
    pub created_at: DateTimeUtc,
}

impl RejectionRow {
    /// What was written.
    pub fn mutation(&self) -> Result<Mutation> {
        from_json(self.mutation.clone())
    }

    /// Why it is not there.
    pub fn decision(&self) -> Result<Decision> {
        from_json(self.outcome.clone())
    }
}

const REJECTIONS: &str = "SELECT id, person_id, client, mutation, outcome, created_at FROM sync_rejections WHERE user_id = $1";

/// What the viewer's devices wrote that is not in the rows, newest first. It is kept for 90 days, or until it is resubmitted or dismissed.
pub async fn rejections(tx: &Tx, page: &PageRequest) -> Result<Page<RejectionRow>> {
    let before: Option<Uuid> = page.key(&"sync_rejections")?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!("{REJECTIONS} AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"),
        [tx.viewer()?.0.into(), before.into(), i64::try_from(page.limit()?).unwrap_or(i64::MAX).into()],
    );
    let rows = RejectionRow::find_by_statement(statement).all(tx).await?;
    page.page(&"sync_rejections", rows, |row| row.id)
}

/// Takes away something that is not in the rows: nobody wants it any more.
pub async fn dismiss(tx: &Tx, id: Uuid) -> Result<RejectionRow> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "DELETE FROM sync_rejections WHERE user_id = $1 AND id = $2 RETURNING id, person_id, client, mutation, outcome, created_at",
        [tx.viewer()?.0.into(), id.into()],
    );
    RejectionRow::find_by_statement(statement).one(tx).await?.ok_or(Error::NotFound("rejected change"))
}

/// Writes again what was not in the rows, with other values where they are told: over what the row is now.
pub async fn resubmit(viewer: &Viewer, id: Uuid, values: BTreeMap<String, Value>) -> Result<Receipt> {
    let tx = viewer.read().await?;
    let rejection = rejection(&tx, id).await?;
    let mutation = rejection.mutation()?;
    let lost = match rejection.decision()?.outcome {
        Outcome::Merged { lost } | Outcome::Conflict { lost } => Some(lost),
        _ => None,
    };
    let row = tx.rows(rejection.person_id, &Names::from([(mutation.collection.clone(), mutation.row)])).await?.pop();
    drop(tx);
    let written: Vec<(String, Value)> = match mutation.write {
        Write::Cells(cells) => cells.into_iter().map(|(name, cell)| (name, cell.value)).collect(),
        Write::Replace { new, .. } => new.into_iter().collect(),
    };
    let assumed = row.map(|row| row.written());
    let mut new = assumed.clone().unwrap_or_default();
    new.extend(written.into_iter().filter(|(name, _)| lost.as_ref().is_none_or(|lost| lost.contains(name))));
    new.extend(values);
    let mutation = Mutation { id: None, write: Write::Replace { assumed, new }, ..mutation };
    let push = Push { person: rejection.person_id, client: rejection.client, mutations: vec![mutation] };
    let receipt = apply(viewer, push).await?.pop().ok_or_else(|| Error::internal("a push without a receipt"))?;
    if !matches!(receipt.decision.outcome, Outcome::Rejected { .. }) {
        let tx = viewer.write().await?;
        dismiss(&tx, id).await?;
        tx.commit().await?;
    }
    Ok(receipt)
}

async fn rejection(tx: &Tx, id: Uuid) -> Result<RejectionRow> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, format!("{REJECTIONS} AND id = $2"), [tx.viewer()?.0.into(), id.into()]);
    RejectionRow::find_by_statement(statement).one(tx).await?.ok_or(Error::NotFound("rejected change"))
}

/// Applies what a device wrote: each mutation by itself, so that one that cannot be never keeps another from being. What cannot be
/// is kept for its writer.
pub async fn apply(viewer: &Viewer, push: Push) -> Result<Vec<Receipt>> {
    if push.person != viewer.user_id() && people::find(&viewer.read().await?, push.person).await?.is_none() {
        return Err(Error::NotFound("person who shares this"));
    }
    let receipts = apply_to(|| viewer.write(), push).await?;
    METRICS.batches.inc();
    for receipt in &receipts {
        METRICS.mutations.get_or_create(&metrics::Outcome { outcome: receipt.decision.outcome.status() }).inc();
    }
    Ok(receipts)
}

/// [`apply`], in transactions of any store.
pub async fn apply_to<S, Opening>(open: impl Fn() -> Opening, push: Push) -> Result<Vec<Receipt>>
where
    S: Store,
    Opening: Future<Output = Result<S>>,
{
    if push.mutations.len() > MOST_MUTATIONS {
        let asked = push.mutations.len();
        return Err(Error::invalid("mutations", format!("must be at most {MOST_MUTATIONS}, are {asked}: send the rest afterwards")));
    }
    let client = input::line("client", &push.client, 100)?;
    // What only the database can refuse is found by halves, so the others are applied all the same.
    let mut receipts = Vec::with_capacity(push.mutations.len());
    let mut rest = vec![push.mutations];
    let mut attempts = 0;
    while let Some(mut mutations) = rest.pop() {
        // On the heap, since without optimisation it is large.
        match Box::pin(apply_together(open().await?, push.person, &client, &mutations)).await {
            Ok(applied) => receipts.extend(applied),
            Err(error) if is_refusal(&error) && mutations.len() > 1 => {
                rest.push(mutations.split_off(mutations.len() / 2));
                rest.push(mutations);
            }
            Err(Error::Conflict { .. }) if attempts < ATTEMPTS => {
                attempts += 1;
                rest.push(mutations);
            }
            Err(error) if is_refusal(&error) => {
                let store = open().await?;
                let decision = Decision { outcome: Refused::from(error).into(), clock_skew: false };
                remember(&store, push.person, &client, mutations.iter().map(|mutation| (mutation, &decision))).await?;
                let row = store.rows(push.person, &names(&mutations)).await?.pop();
                store.commit().await?;
                receipts.push(Receipt { decision, repeated: false, row });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(receipts)
}

/// The rows that mutations are about.
fn names(mutations: &[Mutation]) -> Names {
    mutations.iter().map(|mutation| (mutation.collection.clone(), mutation.row)).collect()
}

/// Whether an error is about what was written, and not about the server.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Invalid { .. } | Error::NoSuch { .. } | Error::NotFound(_) | Error::Conflict { .. } | Error::Forbidden(_))
}

async fn apply_together(store: impl Store, person: UserId, client: &str, mutations: &[Mutation]) -> Result<Vec<Receipt>> {
    let writable = if person == store.viewer()? { None } else { Some(store.writable_types(person).await?) };
    let ids: Vec<Uuid> = mutations.iter().filter_map(|mutation| mutation.id).collect();
    let before = if ids.is_empty() { HashMap::new() } else { store.decided(&ids).await? };
    let rows: Vec<Uuid> = mutations.iter().map(|mutation| mutation.row).collect();
    let unfinished = store.unfinished(person, &rows).await?;
    let (mut decisions, mut repeated) = (vec![None; mutations.len()], vec![false; mutations.len()]);
    for (place, mutation) in mutations.iter().enumerate() {
        let may = || collection(&mutation.collection).is_some_and(|collection| may_write(collection, writable.as_deref()));
        decisions[place] = match mutation.id.and_then(|id| before.get(&id)) {
            Some(before) if before.request == input::fingerprint(mutation)? => {
                repeated[place] = true;
                Some(before.decision.clone())
            }
            Some(_) => Some(id_taken()),
            None => (!may()).then(|| not_writable(&mutation.collection)),
        };
    }

    let mut written: BTreeMap<&'static str, BTreeMap<Uuid, Row>> = BTreeMap::new();
    let mut seen = Clock { milliseconds: 0, counter: 0, node: SERVER.to_owned() };
    let mut waiting: Vec<Waiting<'_>> =
        unfinished.iter().map(|kept| Waiting { since: Since::Kept(kept.id), mutation: &kept.mutation }).collect();
    let mut finished = Vec::new();
    for stage in STAGES {
        let of_stage: Vec<(usize, &'static Collection, &Mutation)> = mutations
            .iter()
            .enumerate()
            .filter(|(place, _)| decisions[*place].is_none())
            .filter_map(|(place, mutation)| {
                let collection = stage.iter().copied().find(|collection| collection.name == mutation.collection)?;
                Some((place, collection, mutation))
            })
            .collect();
        if of_stage.is_empty() {
            continue;
        }
        let rows = load(&store, person, &of_stage).await?;
        let context = store
            .context(
                person,
                &named(&rows, of_stage.iter().map(|(.., mutation)| *mutation).chain(unfinished.iter().map(|kept| &kept.mutation))),
            )
            .await?;
        let mut batch = Batch { person, client, now: store.now(), context: &context, clock: seen.clone(), rows };
        for (place, collection, mutation) in of_stage {
            let mut decision = batch.apply(collection, &with_waiting(mutation, &waiting));
            // What waited may be of another device, whose clock is not this one's.
            decision.clock_skew &= batch.skew(&mutation.write).unwrap_or(true);
            if is_unfinished(&decision) && matches!(mutation.write, Write::Cells(_)) {
                waiting.push(Waiting { since: Since::Now(place), mutation });
            } else if !matches!(decision.outcome, Outcome::Rejected { .. }) {
                // What waited came along.
                for earlier in waiting.extract_if(.., |earlier| completes(mutation, earlier.mutation)) {
                    match earlier.since {
                        Since::Kept(id) => finished.push(id),
                        Since::Now(place) => {
                            let clock_skew = decisions[place].as_ref().is_some_and(|before: &Decision| before.clock_skew);
                            decisions[place] = Some(Decision { clock_skew, ..decision.clone() });
                        }
                    }
                }
            }
            decisions[place] = Some(decision);
        }
        seen = seen.max(batch.clock);
        for ((name, id), row) in batch.rows {
            if !row.written.is_empty() {
                written.entry(name).or_default().insert(id, row);
            }
        }
        for collection in stage {
            if let Some(rows) = written.get(collection.name) {
                store.write(person, collection, rows).await?;
            }
        }
    }
    let decisions: Vec<Decision> = decisions
        .into_iter()
        .map(|decision| decision.ok_or_else(|| Error::internal("a mutation without an outcome")))
        .collect::<Result<_>>()?;
    store.log(person, client, &seen, &written).await?;
    let new = mutations.iter().zip(&decisions).zip(&repeated).filter(|(_, repeated)| !**repeated).map(|(decided, _)| decided);
    remember(&store, person, client, new).await?;
    if !finished.is_empty() {
        store.forget(&finished).await?;
    }
    let rows: HashMap<_, _> =
        store.rows(person, &names(mutations)).await?.into_iter().map(|row| ((row.collection.clone(), row.id), row)).collect();
    store.commit().await?;
    Ok(decisions
        .into_iter()
        .zip(mutations)
        .zip(repeated)
        .map(|((decision, mutation), repeated)| Receipt {
            decision,
            repeated,
            row: rows.get(&(mutation.collection.clone(), mutation.row)).cloned(),
        })
        .collect())
}

/// Whether a write would come through: the policies decide, but what they refuse ends the transaction of all the others.
fn may_write(collection: &Collection, writable: Option<&[String]>) -> bool {
    writable.is_none_or(|writable| collection.access.is_some_and(|access| writable.iter().any(|writable| writable == access)))
}

fn not_writable(collection: &str) -> Decision {
    let message = format!("{collection} is no collection that you write for this person");
    Decision { outcome: Outcome::Rejected { code: Rejection::NotWritable, field: "collection".to_owned(), message }, clock_skew: false }
}

fn id_taken() -> Decision {
    let message = "another mutation has this id: make a new one".to_owned();
    Decision { outcome: Outcome::Rejected { code: Rejection::Conflict, field: "id".to_owned(), message }, clock_skew: false }
}

/// Cells of a row that is not complete.
struct Waiting<'a> {
    since: Since,
    mutation: &'a Mutation,
}

/// Since when cells wait: since an earlier batch, or since an earlier place of this one.
#[derive(Clone, Copy)]
enum Since {
    Kept(Uuid),
    Now(usize),
}

/// The mutation with what waits for its row.
fn with_waiting(mutation: &Mutation, waiting: &[Waiting<'_>]) -> Mutation {
    let mut joined = mutation.clone();
    for earlier in waiting.iter().filter(|earlier| completes(mutation, earlier.mutation)) {
        let (Write::Cells(cells), Write::Cells(earlier)) = (&mut joined.write, &earlier.mutation.write) else { continue };
        for (name, cell) in earlier {
            if cells.get(name).is_none_or(|later| later.clock < cell.clock) {
                cells.insert(name.clone(), cell.clone());
            }
        }
    }
    joined
}

/// Whether what was written earlier comes along with a mutation: cells with cells of the same row.
fn completes(mutation: &Mutation, earlier: &Mutation) -> bool {
    mutation.collection == earlier.collection
        && mutation.row == earlier.row
        && matches!((&mutation.write, &earlier.write), (Write::Cells(_), Write::Cells(_)))
}

fn is_unfinished(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Rejected { code: Rejection::Incomplete, .. })
}

/// The rows that are written to, locked in the order of their collections and ids, so that two devices never wait for each other.
async fn load(
    store: &impl Store,
    person: UserId,
    mutations: &[(usize, &'static Collection, &Mutation)],
) -> Result<HashMap<(&'static str, Uuid), Row>> {
    let mut ids: BTreeMap<&'static str, (&'static Collection, BTreeSet<Uuid>)> = BTreeMap::new();
    for (_, collection, mutation) in mutations {
        ids.entry(collection.name).or_insert((collection, BTreeSet::new())).1.insert(mutation.row);
    }
    let mut rows = HashMap::new();
    for (name, (collection, ids)) in ids {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        rows.extend(store.load(person, collection, &ids).await?.into_iter().map(|(id, row)| ((name, id), row)));
    }
    Ok(rows)
}

/// What these rows, and what is written to them, name.
fn named<'a>(rows: &HashMap<(&'static str, Uuid), Row>, mutations: impl Iterator<Item = &'a Mutation>) -> Named {
    let mut named = Named::default();
    for mutation in mutations {
        match &mutation.write {
            Write::Cells(cells) => cells.iter().for_each(|(name, cell)| named.note(name, &cell.value)),
            Write::Replace { new, .. } => new.iter().for_each(|(name, value)| named.note(name, value)),
        }
    }
    rows.values().filter_map(|row| row.document.as_ref()).for_each(|document| named.note_row(document));
    named
}

/// Keeps the outcomes of mutations that have an id, and what is not in the rows.
async fn remember<'a>(
    store: &impl Store,
    person: UserId,
    client: &str,
    new: impl Iterator<Item = (&'a Mutation, &'a Decision)>,
) -> Result<()> {
    let (mut decided, mut kept) = (Vec::new(), Vec::new());
    for (mutation, decision) in new {
        let request = input::fingerprint(mutation)?;
        let lost = match decision.outcome {
            Outcome::Rejected { .. } => true,
            Outcome::Merged { .. } | Outcome::Conflict { .. } => matches!(mutation.write, Write::Replace { .. }),
            Outcome::Applied | Outcome::Duplicate => false,
        };
        if lost {
            kept.push(Kept { id: store.new_id(), request: request.clone(), mutation: mutation.clone(), decision: decision.clone() });
        }
        if let Some(id) = mutation.id {
            decided.push(Decided { id, request, decision: decision.clone() });
        }
    }
    if !decided.is_empty() {
        store.remember(&decided).await?;
    }
    if !kept.is_empty() {
        store.keep(person, client, &kept).await?;
    }
    Ok(())
}

fn from_json<T: DeserializeOwned>(value: JsonValue) -> Result<T> {
    serde_json::from_value(value).map_err(Error::stored_json)
}
