//! Offline sync: one feed of what changed, and one way in which devices' writes are applied. Codecs translate, and decide nothing.
//!
//! The feed is written by triggers (`auth.log_change`), so every write is in it, whoever made it. Its numbers have no holes and are in
//! the order of the commits, so a reader that has seen a number has seen all before it.

pub mod clock;
pub mod collection;
pub mod merge;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    family_access::AccessType,
    id::{FoodId, UserId},
};
use sea_orm::{ActiveEnum, ConnectionTrait, DbBackend, FromQueryResult, JsonValue, Statement, prelude::DateTimeUtc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    clock::Clock,
    collection::{Clocks, Collection, Context, DELETED, Document},
    merge::{Batch, Decision, Mutation, Outcome, Refused, Rejection, Row, SERVER, Write},
};
use crate::{
    access::{Tx, Viewer},
    day::Calendar,
    error::{Error, Result},
    food_diary, foods, input, measurements,
    page::{Page, PageRequest},
};

/// The most mutations that are applied at once.
pub const MOST_MUTATIONS: usize = 500;
/// The most rows of a page.
pub const LARGEST_PAGE: u32 = 1000;

/// What is synced. Rows of an earlier stage are written before those of a later one, which may name them.
static STAGES: [&[&Collection]; 1] = [&[&food_diary::SYNCED, &measurements::SYNCED]];

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

/// A page of what changed of a person's rows after `after`, as far as the viewer may see it: 1 to [`LARGEST_PAGE`] rows, fewer than
/// asked for only at the end.
pub async fn feed(tx: &Tx, person: UserId, after: Option<Cursor>, collections: &[&str], limit: u32) -> Result<FeedPage> {
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Error::invalid("limit", format!("must be between 1 and {LARGEST_PAGE}, is {limit}")));
    }
    let epoch = epoch(tx).await?;
    let floor = tombstone_floor(tx, person).await?;
    let resync = after.is_some_and(|after| after.epoch != epoch || (after.number > 0 && after.number < floor));
    let number = after.filter(|_| !resync).map_or(0, |after| after.number);
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT collection, id, number, document, clocks, deleted, version, access_type FROM sync_rows
         WHERE user_id = $1 AND number > $2 AND (cardinality($3::text[]) = 0 OR collection = ANY ($3)) ORDER BY number LIMIT $4",
        [
            person.0.into(),
            number.into(),
            collections.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().into(),
            (i64::from(limit) + 1).into(),
        ],
    );
    let mut rows = FeedRow::find_by_statement(statement).all(tx).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let cursor = Cursor { epoch, number: rows.last().map_or(number, |row| row.number) };
    Ok(FeedPage { rows, cursor, has_more, resync })
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
    let digests: JsonValue = row.try_get_by_index(1)?;
    let digests = serde_json::from_value(digests).map_err(|error| Error::Internal(error.into()))?;
    Ok(Head { cursor: Cursor { epoch, number: row.try_get_by_index(0)? }, digests })
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
        serde_json::from_value(self.mutation.clone()).map_err(|error| Error::Internal(error.into()))
    }

    /// Why it is not there.
    pub fn decision(&self) -> Result<Decision> {
        serde_json::from_value(self.outcome.clone()).map_err(|error| Error::Internal(error.into()))
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
    let row = current(&tx, rejection.person_id, std::slice::from_ref(&mutation)).await?.into_values().next();
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
    if push.mutations.len() > MOST_MUTATIONS {
        let asked = push.mutations.len();
        return Err(Error::invalid("mutations", format!("must be at most {MOST_MUTATIONS}, are {asked}: send the rest afterwards")));
    }
    let client = input::line("client", &push.client, 100)?;
    // What only the database can refuse is found by halves, so the others are applied all the same.
    let mut receipts = Vec::with_capacity(push.mutations.len());
    let mut rest = vec![push.mutations];
    while let Some(mut mutations) = rest.pop() {
        match apply_together(viewer, push.person, &client, &mutations).await {
            Ok(applied) => receipts.extend(applied),
            Err(error) if is_refusal(&error) && mutations.len() > 1 => {
                rest.push(mutations.split_off(mutations.len() / 2));
                rest.push(mutations);
            }
            Err(error) if is_refusal(&error) => {
                let tx = viewer.write().await?;
                let decision = Decision { outcome: Refused::from(error).into(), clock_skew: false };
                remember(&tx, push.person, &client, &mutations, std::slice::from_ref(&decision)).await?;
                tx.commit().await?;
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

async fn apply_together(viewer: &Viewer, person: UserId, client: &str, mutations: &[Mutation]) -> Result<Vec<Receipt>> {
    let tx = viewer.write().await?;
    let writable = writable_types(&tx, person).await?;
    let before = decided_before(&tx, mutations).await?;
    let unfinished = unfinished(&tx, person, mutations).await?;
    let mut decisions: Vec<Option<Decision>> = mutations.iter().map(|_| None).collect();
    for (decision, mutation) in decisions.iter_mut().zip(mutations) {
        *decision = match collection(&mutation.collection) {
            Some(collection) if may_write(collection, writable.as_deref()) => repeated(&before, mutation)?,
            _ => Some(not_writable(&mutation.collection)),
        };
    }
    let repeated: Vec<bool> =
        decisions.iter().zip(mutations).map(|(decision, mutation)| decision.is_some() && is_known(&before, mutation)).collect();

    let mut written: BTreeMap<&'static str, BTreeMap<Uuid, Row>> = BTreeMap::new();
    let mut seen = Clock { milliseconds: 0, counter: 0, node: SERVER.to_owned() };
    for stage in STAGES {
        let of_stage: Vec<(usize, &'static Collection, Mutation)> = mutations
            .iter()
            .enumerate()
            .filter(|(place, _)| decisions[*place].is_none())
            .filter_map(|(place, mutation)| {
                let collection = stage.iter().copied().find(|collection| collection.name == mutation.collection)?;
                Some((place, collection, with_unfinished(mutation, &unfinished)))
            })
            .collect();
        if of_stage.is_empty() {
            continue;
        }
        let rows = load(&tx, person, &of_stage).await?;
        let context = context(&tx, person, &rows, &of_stage).await?;
        let mut batch = Batch { person, now: tx.now(), context: &context, clock: seen.clone(), rows };
        for (place, collection, mutation) in &of_stage {
            decisions[*place] = Some(batch.apply(collection, mutation));
        }
        seen = seen.max(batch.clock);
        for ((name, id), row) in batch.rows {
            if !row.written.is_empty() {
                written.entry(name).or_default().insert(id, row);
            }
        }
        for collection in stage {
            if let Some(rows) = written.get(collection.name) {
                write(&tx, person, collection, rows).await?;
            }
        }
    }
    let decisions: Vec<Decision> = decisions
        .into_iter()
        .map(|decision| decision.ok_or_else(|| Error::internal("a mutation without an outcome")))
        .collect::<Result<_>>()?;
    log(&tx, client, &seen, &written).await?;
    remember(&tx, person, client, mutations, &decisions).await?;
    forget_finished(&tx, &unfinished, mutations, &decisions).await?;
    let mut rows = current(&tx, person, mutations).await?;
    tx.commit().await?;
    Ok(decisions
        .into_iter()
        .zip(mutations)
        .zip(repeated)
        .map(|((decision, mutation), repeated)| Receipt {
            decision,
            repeated,
            row: rows.remove(&(mutation.collection.clone(), mutation.row)),
        })
        .collect())
}

/// The types of access by which the viewer writes for this person; `None` for oneself, who writes everything.
async fn writable_types(tx: &Tx, person: UserId) -> Result<Option<Vec<String>>> {
    if person == tx.viewer()? {
        return Ok(None);
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT access_type FROM family_access WHERE grantor_user_id = $1 AND grantee_user_id = $2 AND status = 'active' AND can_write
           AND (expires_at IS NULL OR expires_at > statement_timestamp())",
        [person.0.into(), tx.viewer()?.0.into()],
    );
    let rows = tx.query_all_raw(statement).await?;
    Ok(Some(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, sea_orm::DbErr>>()?))
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
struct DecidedBefore {
    id: Uuid,
    request: Vec<u8>,
    outcome: JsonValue,
}

async fn decided_before(tx: &Tx, mutations: &[Mutation]) -> Result<HashMap<Uuid, DecidedBefore>> {
    let ids: Vec<Uuid> = mutations.iter().filter_map(|mutation| mutation.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, request, outcome FROM sync_mutations WHERE user_id = $1 AND id = ANY ($2)",
        [tx.viewer()?.0.into(), ids.into()],
    );
    Ok(DecidedBefore::find_by_statement(statement).all(tx).await?.into_iter().map(|before| (before.id, before)).collect())
}

fn is_known(before: &HashMap<Uuid, DecidedBefore>, mutation: &Mutation) -> bool {
    mutation.id.is_some_and(|id| before.contains_key(&id))
}

/// What was decided when this mutation came first.
fn repeated(before: &HashMap<Uuid, DecidedBefore>, mutation: &Mutation) -> Result<Option<Decision>> {
    let Some(before) = mutation.id.and_then(|id| before.get(&id)) else { return Ok(None) };
    if before.request != input::fingerprint(mutation)? {
        let message = "another mutation has this id: make a new one".to_owned();
        let outcome = Outcome::Rejected { code: Rejection::Conflict, field: "id".to_owned(), message };
        return Ok(Some(Decision { outcome, clock_skew: false }));
    }
    serde_json::from_value(before.outcome.clone()).map(Some).map_err(|error| Error::Internal(error.into()))
}

#[derive(FromQueryResult)]
struct Unfinished {
    id: Uuid,
    mutation: JsonValue,
}

/// What was written before to rows that were not complete then.
async fn unfinished(tx: &Tx, person: UserId, mutations: &[Mutation]) -> Result<Vec<(Uuid, Mutation)>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, mutation FROM sync_rejections
         WHERE user_id = $1 AND person_id = $2 AND outcome ->> 'code' = 'incomplete' AND (mutation ->> 'row')::uuid = ANY ($3) ORDER BY id",
        [tx.viewer()?.0.into(), person.0.into(), mutations.iter().map(|mutation| mutation.row).collect::<Vec<_>>().into()],
    );
    let rows = Unfinished::find_by_statement(statement).all(tx).await?;
    rows.into_iter().map(|row| Ok((row.id, serde_json::from_value(row.mutation).map_err(|error| Error::Internal(error.into()))?))).collect()
}

/// The mutation with what its row was written before, when it was not complete.
fn with_unfinished(mutation: &Mutation, unfinished: &[(Uuid, Mutation)]) -> Mutation {
    let mut mutation = mutation.clone();
    let Write::Cells(cells) = &mut mutation.write else { return mutation };
    for (_, earlier) in unfinished.iter().filter(|(_, earlier)| earlier.collection == mutation.collection && earlier.row == mutation.row) {
        let Write::Cells(earlier) = &earlier.write else { continue };
        for (name, cell) in earlier {
            if cells.get(name).is_none_or(|later| later.clock < cell.clock) {
                cells.insert(name.clone(), cell.clone());
            }
        }
    }
    mutation
}

async fn forget_finished(tx: &Tx, unfinished: &[(Uuid, Mutation)], mutations: &[Mutation], decisions: &[Decision]) -> Result<()> {
    let done = |earlier: &Mutation| {
        mutations.iter().zip(decisions).any(|(mutation, decision)| {
            mutation.collection == earlier.collection
                && mutation.row == earlier.row
                && matches!(decision.outcome, Outcome::Applied | Outcome::Merged { .. } | Outcome::Conflict { .. })
        })
    };
    let ids: Vec<Uuid> = unfinished.iter().filter(|(_, earlier)| done(earlier)).map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "DELETE FROM sync_rejections WHERE user_id = $1 AND id = ANY ($2)",
        [tx.viewer()?.0.into(), ids.into()],
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

/// The rows that are written to, locked in the order of their ids, so that two devices never wait for each other.
async fn load(tx: &Tx, person: UserId, mutations: &[(usize, &'static Collection, Mutation)]) -> Result<HashMap<(&'static str, Uuid), Row>> {
    let mut ids: BTreeMap<&'static str, (&'static Collection, BTreeSet<Uuid>)> = BTreeMap::new();
    for (_, collection, mutation) in mutations {
        ids.entry(collection.name).or_insert((collection, BTreeSet::new())).1.insert(mutation.row);
    }
    let mut rows = HashMap::new();
    for (name, (collection, ids)) in ids {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let lock = format!("SELECT id FROM {name} WHERE {} = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE", collection.person_column);
        tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [person.0.into(), ids.clone().into()])).await?;
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT id, document, clocks, deleted FROM sync_rows WHERE user_id = $1 AND collection = $2 AND id = ANY ($3)",
            [person.0.into(), name.into(), ids.into()],
        );
        for stored in Stored::find_by_statement(statement).all(tx).await? {
            let Value::Object(document) = stored.document else { return Err(Error::internal("a document that is none")) };
            let clocks: Clocks = serde_json::from_value(stored.clocks).map_err(|error| Error::Internal(error.into()))?;
            rows.insert((name, stored.id), Row { document: Some(document), clocks, deleted: stored.deleted, ..Row::default() });
        }
    }
    Ok(rows)
}

/// What the rules need to know of the rows that are written to.
async fn context(
    tx: &Tx,
    person: UserId,
    rows: &HashMap<(&'static str, Uuid), Row>,
    mutations: &[(usize, &'static Collection, Mutation)],
) -> Result<Context> {
    let id = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    let (mut current, mut logged) = (BTreeSet::new(), Vec::new());
    for (_, _, mutation) in mutations {
        current.extend(match &mutation.write {
            Write::Cells(cells) => id(cells.get("food_item_id").map(|cell| &cell.value)),
            Write::Replace { new, .. } => id(new.get("food_item_id")),
        });
    }
    for document in rows.values().filter_map(|row| row.document.as_ref()) {
        let version = document.get("nutrition_version").and_then(|version| i32::try_from(version.as_i64()?).ok());
        if let (Some(food), Some(version)) = (id(document.get("food_item_id")), version) {
            logged.push((FoodId(food), version));
        }
    }
    let current: Vec<FoodId> = current.into_iter().map(FoodId).collect();
    let mut foods = HashMap::new();
    if !current.is_empty() {
        foods.extend(foods::by_ids(tx, &current).await?.into_iter().map(|food| ((food.id, None), food)));
    }
    if !logged.is_empty() {
        foods.extend(foods::in_versions(tx, &logged).await?.into_iter().map(|food| ((food.id, Some(food.nutrition_version)), food)));
    }
    Ok(Context { calendar: Some(Calendar::of(tx, person).await?), foods })
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
        groups.flat_map(|group| group.columns).map(|column| column.name).collect()
    };
    let types: Vec<String> = collection.columns().map(|column| format!("\"{}\" {}", column.name, column.kind.sql())).collect();
    let records = format!("jsonb_to_recordset($2::jsonb) AS r (id uuid, {DELETED} boolean, {})", types.join(", "));
    let (table, person_column) = (collection.name, collection.person_column);
    if !new.is_empty() {
        let columns = names(true);
        let sql = format!(
            "INSERT INTO {table} ({person_column}, id, deleted_at, {}) SELECT $1, r.id, CASE WHEN r.deleted THEN $3::timestamptz END, {} FROM {records}",
            columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
            columns.iter().map(|name| format!("r.\"{name}\"")).collect::<Vec<_>>().join(", "),
        );
        let records: Vec<Value> = new.iter().map(record).collect();
        run(tx, sql, person, records).await?;
    }
    if !old.is_empty() {
        let mut set: Vec<String> = names(false).iter().map(|name| format!("\"{name}\" = r.\"{name}\"")).collect();
        if collection.grows {
            set.push("deleted_at = CASE WHEN r.deleted THEN coalesce(t.deleted_at, $3::timestamptz) END".to_owned());
        } else {
            set.push("updated_at = $3::timestamptz".to_owned());
        }
        let sql = format!("UPDATE {table} t SET {} FROM {records} WHERE t.{person_column} = $1 AND t.id = r.id", set.join(", "));
        let records: Vec<Value> = old.iter().map(record).collect();
        if run(tx, sql, person, records).await? != old.len() as u64 {
            return Err(Error::NotFound("row"));
        }
    }
    Ok(())
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
async fn remember(tx: &Tx, person: UserId, client: &str, mutations: &[Mutation], decisions: &[Decision]) -> Result<()> {
    let (mut outcomes, mut kept) = (Vec::new(), Vec::new());
    for (mutation, decision) in mutations.iter().zip(decisions) {
        let request = hex(&input::fingerprint(mutation)?);
        if let Some(id) = mutation.id {
            outcomes.push(json!({ "id": id, "request": request, "outcome": decision }));
        }
        let lost = match decision.outcome {
            Outcome::Rejected { .. } => true,
            Outcome::Merged { .. } | Outcome::Conflict { .. } => matches!(mutation.write, Write::Replace { .. }),
            Outcome::Applied | Outcome::Duplicate => false,
        };
        if lost {
            kept.push(json!({ "id": tx.new_id(), "request": request, "mutation": mutation, "outcome": decision }));
        }
    }
    let viewer = tx.viewer()?;
    if !outcomes.is_empty() {
        tx.execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO sync_mutations (user_id, id, request, outcome)
             SELECT $1, r.id, decode(r.request, 'hex'), r.outcome FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, request text, outcome jsonb)
             ON CONFLICT (user_id, id) DO NOTHING",
            [viewer.0.into(), Value::Array(outcomes).into()],
        ))
        .await?;
    }
    if !kept.is_empty() {
        tx.execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO sync_rejections (user_id, person_id, client, id, request, mutation, outcome)
             SELECT $1, $3, $4, r.id, decode(r.request, 'hex'), r.mutation, r.outcome
             FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, request text, mutation jsonb, outcome jsonb)
             ON CONFLICT (user_id, person_id, request) DO NOTHING",
            [viewer.0.into(), Value::Array(kept).into(), person.0.into(), client.into()],
        ))
        .await?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rows that these mutations were about, as they are now.
async fn current(tx: &Tx, person: UserId, mutations: &[Mutation]) -> Result<HashMap<(String, Uuid), FeedRow>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT s.collection, s.id, s.number, s.document, s.clocks, s.deleted, s.version, s.access_type FROM sync_rows s
         JOIN (SELECT DISTINCT * FROM unnest($2::text[], $3::uuid[]) AS w (collection, id)) wanted USING (collection, id) WHERE s.user_id = $1",
        [
            person.0.into(),
            mutations.iter().map(|mutation| mutation.collection.clone()).collect::<Vec<_>>().into(),
            mutations.iter().map(|mutation| mutation.row).collect::<Vec<_>>().into(),
        ],
    );
    let rows = FeedRow::find_by_statement(statement).all(tx).await?;
    Ok(rows.into_iter().map(|row| ((row.collection.clone(), row.id), row)).collect())
}
