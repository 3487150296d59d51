//! Offline sync: one feed of what changed, and one way in which devices' writes are applied. Codecs translate, and decide nothing.
//!
//! The feed is written by triggers (`auth.log_change`), so every write is in it, whoever made it. Its numbers have no holes and are in
//! the order of the commits, so a reader that has seen a number has seen all before it.

pub mod clock;
pub mod collection;
pub mod merge;
pub mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{family_access::AccessType, id::UserId};
use sea_orm::{ActiveEnum, ConnectionTrait, DbBackend, FromQueryResult, JsonValue, Statement, prelude::DateTimeUtc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    clock::Clock,
    collection::{Clocks, Collection, Context, DELETED, Deletion, Document, Named},
    merge::{Batch, Decision, Mutation, Outcome, Refused, Rejection, Row, SERVER, Write},
    store::{Decided, Kept, Names, Store, Unfinished},
};
use crate::{
    access::{Tx, Viewer},
    day::Calendar,
    error::{Error, Result},
    exercise_diary, exercises, food_diary, foods, goals, input, measurements,
    page::{Page, PageRequest},
    people,
};

/// The most mutations that are applied at once.
pub const MOST_MUTATIONS: usize = 500;
/// How often a mutation is tried again that met somebody else's at the same moment.
const ATTEMPTS: u32 = 3;
/// The most rows of a page.
pub const LARGEST_PAGE: u32 = 1000;

/// What is synced. Rows of an earlier stage are written before those of a later one, which may name them.
static STAGES: [&[&Collection]; 2] =
    [&[&foods::SYNCED, &people::SYNCED], &[&food_diary::SYNCED, &exercise_diary::SYNCED, &measurements::SYNCED, &goals::SYNCED]];

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
    /// Whether the cursor was of another history, or so old that deleted rows may be missing: this page begins anew, and rows that
    /// do not come again are gone.
    pub resync: bool,
}

/// Which history this is.
pub async fn epoch(tx: &Tx) -> Result<Uuid> {
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, "SELECT auth.sync_epoch()")).await?;
    Ok(row.ok_or_else(|| Error::internal("no epoch"))?.try_get_by_index(0)?)
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

/// A page of what changed of a person's rows after `after`, as far as the viewer may see it: 1 to [`LARGEST_PAGE`] rows, fewer than
/// asked for only at the end.
pub async fn feed(store: &impl Store, person: UserId, after: Option<Cursor>, collections: &[&str], limit: u32) -> Result<FeedPage> {
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Error::invalid("limit", format!("must be between 1 and {LARGEST_PAGE}, is {limit}")));
    }
    let epoch = store.epoch().await?;
    let floor = store.tombstone_floor(person).await?;
    let resync = after.is_some_and(|after| after.epoch != epoch || (after.number > 0 && after.number < floor));
    let number = after.filter(|_| !resync).map_or(0, |after| after.number);
    let mut rows = store.rows_after(person, number, collections, limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let cursor = Cursor { epoch, number: rows.last().map_or(number, |row| row.number) };
    Ok(FeedPage { rows, cursor, has_more, resync })
}

async fn rows_after(tx: &Tx, person: UserId, number: i64, collections: &[&str], limit: u32) -> Result<Vec<FeedRow>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT collection, id, number, document, clocks, deleted, version, access_type FROM sync_rows
         WHERE user_id = $1 AND number > $2 AND (cardinality($3::text[]) = 0 OR collection = ANY ($3)) ORDER BY number LIMIT $4",
        [
            person.0.into(),
            number.into(),
            collections.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().into(),
            i64::from(limit).into(),
        ],
    );
    Ok(FeedRow::find_by_statement(statement).all(tx).await?)
}

async fn tombstone_floor(tx: &Tx, person: UserId) -> Result<i64> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT tombstone_floor FROM sync_spaces WHERE user_id = $1",
        [person.0.into()],
    );
    Ok(tx.query_one_raw(statement).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
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
        "SELECT head, digests FROM sync_spaces WHERE user_id = $1",
        [tx.viewer()?.0.into()],
    );
    let epoch = epoch(tx).await?;
    let Some(row) = tx.query_one_raw(statement).await? else {
        return Ok(Head { cursor: Cursor { epoch, number: 0 }, digests: BTreeMap::new() });
    };
    Ok(Head { cursor: Cursor { epoch, number: row.try_get_by_index(0)? }, digests: from_json(row.try_get_by_index(1)?)? })
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
    let row = rows(&tx, rejection.person_id, &Names::from([(mutation.collection.clone(), mutation.row)])).await?.pop();
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
    apply_to(|| viewer.write(), push).await
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
                store.commit().await?;
                receipts.push(Receipt { decision, repeated: false, row: None });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(receipts)
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
        let mut batch = Batch { person, now: store.now(), context: &context, clock: seen.clone(), rows };
        for (place, collection, mutation) in of_stage {
            let decision = batch.apply(collection, &with_waiting(mutation, &waiting));
            if is_unfinished(&decision) && matches!(mutation.write, Write::Cells(_)) {
                waiting.push(Waiting { since: Since::Now(place), mutation });
            } else if !matches!(decision.outcome, Outcome::Rejected { .. }) {
                // What waited came along.
                for earlier in waiting.extract_if(.., |earlier| completes(mutation, earlier.mutation)) {
                    match earlier.since {
                        Since::Kept(id) => finished.push(id),
                        Since::Now(place) => decisions[place] = Some(decision.clone()),
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
    let names: Names = mutations.iter().map(|mutation| (mutation.collection.clone(), mutation.row)).collect();
    let rows: HashMap<_, _> = store.rows(person, &names).await?.into_iter().map(|row| ((row.collection.clone(), row.id), row)).collect();
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

async fn writable_types(tx: &Tx, person: UserId) -> Result<Vec<String>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT access_type FROM family_access WHERE grantor_user_id = $1 AND grantee_user_id = $2 AND status = 'active' AND can_write
           AND (expires_at IS NULL OR expires_at > statement_timestamp())",
        [person.0.into(), tx.viewer()?.0.into()],
    );
    let rows = tx.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, sea_orm::DbErr>>()?)
}

/// Whether a write would come through: the policies decide, but what they refuse ends the transaction of all the others.
fn may_write(collection: &Collection, writable: Option<&[String]>) -> bool {
    writable.is_none_or(|writable| collection.access.is_some_and(|access| writable.iter().any(|writable| writable == access)))
}

fn not_writable(collection: &str) -> Decision {
    let message = format!("{collection} is no collection that you write for this person");
    Decision { outcome: Outcome::Rejected { code: Rejection::NotWritable, field: "collection".to_owned(), message }, clock_skew: false }
}

#[derive(FromQueryResult)]
struct DecidedRow {
    id: Uuid,
    request: Vec<u8>,
    outcome: JsonValue,
}

async fn decided(tx: &Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, Decided>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, request, outcome FROM sync_mutations WHERE user_id = $1 AND id = ANY ($2)",
        [tx.viewer()?.0.into(), ids.to_vec().into()],
    );
    let rows = DecidedRow::find_by_statement(statement).all(tx).await?;
    let decided = |row: DecidedRow| Ok((row.id, Decided { id: row.id, request: row.request, decision: from_json(row.outcome)? }));
    rows.into_iter().map(decided).collect()
}

fn from_json<T: DeserializeOwned>(value: JsonValue) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::Internal(error.into()))
}

fn id_taken() -> Decision {
    let message = "another mutation has this id: make a new one".to_owned();
    Decision { outcome: Outcome::Rejected { code: Rejection::Conflict, field: "id".to_owned(), message }, clock_skew: false }
}

#[derive(FromQueryResult)]
struct UnfinishedRow {
    id: Uuid,
    mutation: JsonValue,
}

async fn unfinished(tx: &Tx, person: UserId, rows: &[Uuid]) -> Result<Vec<Unfinished>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, mutation FROM sync_rejections
         WHERE user_id = $1 AND person_id = $2 AND outcome ->> 'code' = 'incomplete' AND (mutation ->> 'row')::uuid = ANY ($3) ORDER BY id",
        [tx.viewer()?.0.into(), person.0.into(), rows.to_vec().into()],
    );
    let rows = UnfinishedRow::find_by_statement(statement).all(tx).await?;
    rows.into_iter().map(|row| Ok(Unfinished { id: row.id, mutation: from_json(row.mutation)? })).collect()
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

async fn forget(tx: &Tx, ids: &[Uuid]) -> Result<()> {
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "DELETE FROM sync_rejections WHERE user_id = $1 AND id = ANY ($2)",
        [tx.viewer()?.0.into(), ids.to_vec().into()],
    ))
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Stored {
    id: Uuid,
    document: JsonValue,
    clocks: JsonValue,
    deleted: bool,
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

async fn locked(tx: &Tx, person: UserId, collection: &Collection, ids: &[Uuid]) -> Result<Vec<(Uuid, Row)>> {
    let lock =
        format!("SELECT id FROM {} WHERE {} = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE", collection.name, collection.person_column);
    tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [person.0.into(), ids.to_vec().into()])).await?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, document, clocks, deleted FROM sync_rows WHERE user_id = $1 AND collection = $2 AND id = ANY ($3)",
        [person.0.into(), collection.name.into(), ids.to_vec().into()],
    );
    let rows = Stored::find_by_statement(statement).all(tx).await?.into_iter().map(|stored| {
        let Value::Object(document) = stored.document else { return Err(Error::internal("a document that is none")) };
        let clocks: Clocks = from_json(stored.clocks)?;
        Ok((stored.id, Row { document: Some(document), clocks, deleted: stored.deleted, ..Row::default() }))
    });
    rows.collect()
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

async fn context(tx: &Tx, person: UserId, named: &Named) -> Result<Context> {
    let mut context = Context { calendar: Some(Calendar::of(tx, person).await?), ..Context::default() };
    if !named.foods.is_empty() {
        let foods = foods::by_ids(tx, &named.foods.iter().copied().collect::<Vec<_>>()).await?;
        context.foods.extend(foods.into_iter().map(|food| ((food.id, None), food)));
    }
    if !named.logged_foods.is_empty() {
        let foods = foods::in_versions(tx, &named.logged_foods.iter().copied().collect::<Vec<_>>()).await?;
        context.foods.extend(foods.into_iter().map(|food| ((food.id, Some(food.nutrition_version)), food)));
    }
    if !named.exercises.is_empty() {
        let exercises = exercises::by_ids(tx, &named.exercises.iter().copied().collect::<Vec<_>>()).await?;
        context.exercises.extend(exercises.into_iter().map(|exercise| (exercise.id, exercise)));
        context.weights = exercise_diary::weights_at(tx, person, &named.instants.iter().copied().collect::<Vec<_>>()).await?;
    }
    Ok(context)
}

/// Writes the rows of a collection: those that are new by one statement, the others by another.
async fn write(tx: &Tx, person: UserId, collection: &Collection, rows: &BTreeMap<Uuid, Row>) -> Result<()> {
    let (new, old): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, row)| row.made);
    let record = |(id, row): &(&Uuid, &Row)| {
        let mut record = row.document.clone().unwrap_or_default();
        record.insert("id".to_owned(), json!(id));
        record.insert(DELETED.to_owned(), json!(row.deleted));
        Value::Object(record)
    };
    let names = |fixed: bool| -> Vec<&str> {
        let groups = collection.groups.iter().filter(|group| fixed || !group.fixed);
        groups.flat_map(|group| group.columns).filter(|column| !column.elsewhere).map(|column| column.name).collect()
    };
    let types: Vec<String> = collection.columns().map(|column| format!("\"{}\" {}", column.name, column.kind.sql())).collect();
    let records = format!("jsonb_to_recordset($2::jsonb) AS r (id uuid, {DELETED} boolean, {})", types.join(", "));
    let (table, person_column) = (collection.name, collection.person_column);
    if !new.is_empty() {
        let columns = names(true);
        let (tombstone, deleted) = match collection.deletion {
            Deletion::Flag => (DELETED, "r.deleted"),
            Deletion::At | Deletion::Never => ("deleted_at", "CASE WHEN r.deleted THEN $3::timestamptz END"),
        };
        let sql = format!(
            "INSERT INTO {table} ({person_column}, id, {tombstone}, {}) SELECT $1, r.id, {deleted}, {} FROM {records}",
            columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
            columns.iter().map(|name| format!("r.\"{name}\"")).collect::<Vec<_>>().join(", "),
        );
        let records: Vec<Value> = new.iter().map(record).collect();
        run(tx, sql, person, records).await?;
    }
    if !old.is_empty() {
        let mut set: Vec<String> = names(false).iter().map(|name| format!("\"{name}\" = r.\"{name}\"")).collect();
        set.extend(match collection.deletion {
            Deletion::At => Some("deleted_at = CASE WHEN r.deleted THEN coalesce(t.deleted_at, $3::timestamptz) END".to_owned()),
            Deletion::Flag => Some("deleted = r.deleted AND $3::timestamptz IS NOT NULL".to_owned()),
            Deletion::Never => None,
        });
        let sql = format!("UPDATE {table} t SET {} FROM {records} WHERE t.{person_column} = $1 AND t.id = r.id", set.join(", "));
        let records: Vec<Value> = old.iter().map(record).collect();
        if run(tx, sql, person, records).await? != old.len() as u64 {
            return Err(Error::NotFound("row"));
        }
    }
    match collection.complement {
        Some(complement) => complement(tx, person, rows).await,
        None => Ok(()),
    }
}

async fn run(tx: &Tx, sql: String, person: UserId, records: Vec<Value>) -> Result<u64> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, sql, [person.0.into(), Value::Array(records).into(), tx.now().into()]);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// Lets the triggers number what was written, now, with the clocks that the device gave it.
async fn log(tx: &Tx, client: &str, seen: &Clock, written: &BTreeMap<&'static str, BTreeMap<Uuid, Row>>) -> Result<()> {
    let rows: BTreeMap<_, BTreeMap<_, _>> = written
        .iter()
        .map(|(name, rows)| (name, rows.iter().map(|(id, row)| (id, json!({ "clocks": row.written, "messages": row.messages }))).collect()))
        .collect();
    let origin = json!({ "client": client, "milliseconds": seen.milliseconds, "counter": seen.counter, "rows": rows });
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, "SELECT set_config('app.sync', $1, true)", [origin.to_string().into()]);
    tx.query_one_raw(statement).await?;
    tx.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await?;
    Ok(())
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

async fn remember_decided(tx: &Tx, decided: &[Decided]) -> Result<()> {
    let records =
        decided.iter().map(|decided| json!({ "id": decided.id, "request": hex(&decided.request), "outcome": decided.decision })).collect();
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO sync_mutations (user_id, id, request, outcome)
         SELECT $1, r.id, decode(r.request, 'hex'), r.outcome FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, request text, outcome jsonb)
         ON CONFLICT (user_id, id) DO NOTHING",
        [tx.viewer()?.0.into(), Value::Array(records).into()],
    ))
    .await?;
    Ok(())
}

async fn keep(tx: &Tx, person: UserId, client: &str, kept: &[Kept]) -> Result<()> {
    let record = |kept: &Kept| json!({ "id": kept.id, "request": hex(&kept.request), "mutation": kept.mutation, "outcome": kept.decision });
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO sync_rejections (user_id, person_id, client, id, request, mutation, outcome)
         SELECT $1, $3, $4, r.id, decode(r.request, 'hex'), r.mutation, r.outcome
         FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, request text, mutation jsonb, outcome jsonb)
         ON CONFLICT (user_id, person_id, request) DO NOTHING",
        [tx.viewer()?.0.into(), Value::Array(kept.iter().map(record).collect()).into(), person.0.into(), client.into()],
    ))
    .await?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn rows(tx: &Tx, person: UserId, names: &Names) -> Result<Vec<FeedRow>> {
    let (collections, ids): (Vec<String>, Vec<Uuid>) = names.iter().cloned().unzip();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT s.collection, s.id, s.number, s.document, s.clocks, s.deleted, s.version, s.access_type FROM sync_rows s
         JOIN unnest($2::text[], $3::uuid[]) AS wanted (collection, id) USING (collection, id) WHERE s.user_id = $1",
        [person.0.into(), collections.into(), ids.into()],
    );
    Ok(FeedRow::find_by_statement(statement).all(tx).await?)
}
