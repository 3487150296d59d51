//! Offline sync in Hale's own terms: the feed of what changed, and changes that devices made while nobody heard them.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject, Subscription};
use entity::id::UserId;
use futures_util::{Stream, StreamExt};
use service::{
    access::Tx,
    error::Error as ServiceError,
    people,
    sync::{
        self, Cursor, FeedPage, FeedRow, PageSize, Push, Receipt,
        clock::Clock,
        merge::{self, Cell, Mutation, Outcome, Write},
    },
};

use super::{
    changes::follow_pages,
    error::{Error, Result},
    page::Connection,
    person::Person,
    scalars::{CheckOption, DateTime, Json, Unchecked, Uuid},
    scope::{RequestScope, boxed, nullable, scope},
};

/// A synced row.
#[derive(Clone)]
pub struct SyncRow(FeedRow);

/// A synced row as it is now: a row that changed often is told once.
#[Object]
impl SyncRow {
    /// The table: food_diary, measurements, …
    async fn collection(&self) -> &str {
        &self.0.collection
    }

    /// Identifies the row in its table.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id)
    }

    /// The number of its last change, a 64 bit integer. A person's numbers have no holes and grow in the order of the commits.
    async fn number(&self) -> String {
        self.0.number.to_string()
    }

    /// Counts its changes, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Whether it is deleted. A deleted row keeps what it was.
    async fn deleted(&self) -> bool {
        self.0.deleted
    }

    /// Its columns by name. Decimals, ids, dates and instants are strings.
    async fn document(&self) -> Json {
        Json(self.0.document.clone())
    }

    /// The hybrid logical clock of the last write of each column group, `{milliseconds}:{counter}:{node}`.
    async fn clocks(&self) -> Json {
        Json(self.0.clocks.clone())
    }
}

/// A page of the feed.
#[derive(SimpleObject)]
pub struct SyncPage {
    /// The rows that changed after the cursor that was asked for, in the order of their last changes.
    rows: Vec<SyncRow>,
    /// Pass it as `after` to go on. Keep it only after the rows are kept.
    cursor: String,
    /// Whether there is more already.
    has_more: bool,
    /// Whether the cursor that was asked for means nothing any more: this page begins anew. Send what was not sent yet, and forget
    /// the rows that do not come again.
    resync: bool,
}

impl From<FeedPage> for SyncPage {
    fn from(page: FeedPage) -> Self {
        Self { rows: page.rows.into_iter().map(SyncRow).collect(), cursor: text(page.cursor), has_more: page.has_more, resync: page.resync }
    }
}

/// Where the viewer's feed stands.
#[derive(SimpleObject)]
pub struct SyncHead {
    /// The cursor of the last change.
    cursor: String,
    /// By which a device knows that it has all rows.
    digests: Vec<SyncDigest>,
}

/// By which a device knows that it has all rows of a collection.
#[derive(SimpleObject)]
pub struct SyncDigest {
    /// The table.
    collection: String,
    /// 16 bytes in hex: the exclusive or of the MD5 of `id:version:deleted` of each row, `deleted` being 0 or 1.
    digest: String,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ChangeStatus {
    /// All of it is the newest there is.
    Applied,
    /// Some of it is; `lost` names the columns that had been written later.
    Merged,
    /// It was there before.
    Duplicate,
    /// None of it is; `lost` names the columns that had been written later.
    Conflict,
    /// It cannot be; nothing changed. It is among `syncRejections`.
    Rejected,
}

/// Why a change was rejected.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "merge::Rejection")]
pub enum RejectionCode {
    /// A value cannot be, alone or with the rest of the row.
    Invalid,
    /// The row is not complete yet. The next change of the row takes it along.
    Incomplete,
    /// It refers to something that is not there, or not the writer's to know about.
    NotFound,
    /// The device's clock is more than a day ahead.
    ClockSkew,
    /// The collection or column is unknown, or not for clients to write.
    NotWritable,
    /// The id is taken by something else.
    Conflict,
}

/// What became of a change.
#[derive(SimpleObject)]
pub struct ChangeResult {
    /// What became of it.
    status: ChangeStatus,
    /// The columns that stayed as they were.
    lost: Vec<String>,
    /// Why it was rejected.
    code: Option<RejectionCode>,
    /// Which column, or another field of the change, is wrong.
    field: Option<String>,
    /// What would be right.
    message: Option<String>,
    /// Whether the device's clock was more than five minutes ahead: the server's was taken instead. Set the device's clock back.
    clock_skew: bool,
    /// Whether the same change came before, and this is what became of it then.
    repeated: bool,
    /// The row as it is now, where there is one.
    row: Option<SyncRow>,
}

impl From<Receipt> for ChangeResult {
    fn from(receipt: Receipt) -> Self {
        let (status, lost, rejection) = match receipt.decision.outcome {
            Outcome::Applied => (ChangeStatus::Applied, Vec::new(), None),
            Outcome::Merged { lost } => (ChangeStatus::Merged, lost, None),
            Outcome::Duplicate => (ChangeStatus::Duplicate, Vec::new(), None),
            Outcome::Conflict { lost } => (ChangeStatus::Conflict, lost, None),
            Outcome::Rejected { code, field, message } => (ChangeStatus::Rejected, Vec::new(), Some((code, field, message))),
        };
        let (code, field, message) = match rejection {
            Some((code, field, message)) => (Some(code.into()), Some(field), Some(message)),
            None => (None, None, None),
        };
        Self {
            status,
            lost,
            code,
            field,
            message,
            clock_skew: receipt.decision.clock_skew,
            repeated: receipt.repeated,
            row: receipt.row.map(SyncRow),
        }
    }
}

/// Something that a device wrote and that is not in the rows: rejected, or lost to another write.
#[derive(Clone, SimpleObject)]
pub struct RejectedChange {
    /// Identifies it among its writer's.
    id: Uuid,
    /// Whose row it was about.
    person_id: Uuid,
    /// The device that wrote it.
    client: String,
    /// The table.
    collection: String,
    /// The row.
    row: Uuid,
    /// What was written, by column.
    values: Json,
    /// Why it was rejected; null where it was lost to another write.
    code: Option<RejectionCode>,
    /// Which column is wrong.
    field: Option<String>,
    /// What would be right.
    message: Option<String>,
    /// The columns that another write kept.
    lost: Vec<String>,
    /// When it came.
    received_at: DateTime,
}

impl RejectedChange {
    /// From the row of the service.
    pub fn new(row: sync::RejectionRow) -> Result<Self> {
        let mutation = row.mutation()?;
        let values: serde_json::Map<_, _> = match mutation.write {
            Write::Cells(cells) => cells.into_iter().map(|(name, cell)| (name, cell.value)).collect(),
            Write::Replace { new, .. } => new,
        };
        let (rejection, lost) = match row.decision()?.outcome {
            Outcome::Rejected { code, field, message } => (Some((code, field, message)), Vec::new()),
            Outcome::Merged { lost } | Outcome::Conflict { lost } => (None, lost),
            Outcome::Applied | Outcome::Duplicate => (None, Vec::new()),
        };
        let (code, field, message) = match rejection {
            Some((code, field, message)) => (Some(code.into()), Some(field), Some(message)),
            None => (None, None, None),
        };
        Ok(Self {
            id: Uuid(row.id),
            person_id: Uuid(row.person_id.0),
            client: row.client,
            collection: mutation.collection,
            row: Uuid(mutation.row),
            values: Json(values.into()),
            code,
            field,
            message,
            lost,
            received_at: DateTime(row.created_at),
        })
    }
}

/// What a device wrote.
#[derive(InputObject)]
pub struct PushChangesInput {
    /// Whose rows; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// The device, 1 to 100 characters, always the same.
    client: String,
    /// What it wrote, in that order; at most 500.
    changes: Vec<ChangeInput>,
}

/// What a device wrote to one row. Columns that are not named stay as they are.
#[derive(InputObject)]
pub struct ChangeInput {
    /// Made by the client, by which a repetition is known.
    id: Unchecked<Uuid>,
    /// The table: food_diary, measurements, …
    collection: String,
    /// The row: made by the client for a new one.
    row: Unchecked<Uuid>,
    /// What was written.
    cells: Vec<CellInput>,
}

/// A value and when it was written.
#[derive(InputObject)]
pub struct CellInput {
    /// The column; `deleted` with true or false deletes the row and brings it back.
    column: String,
    /// The value. Decimals, ids, dates and instants are strings.
    value: Option<Unchecked<Json>>,
    /// When: a hybrid logical clock, `{milliseconds since 1970}:{counter in base 36}:{client}`. The later one wins, column group by column group.
    clock: String,
}

/// What became of what a device wrote.
#[derive(SimpleObject)]
pub struct PushChangesPayload {
    /// What became of each change, in the order of the changes.
    results: Vec<ChangeResult>,
    /// The server's clock, which the device's next clocks must be later than.
    clock: String,
}

/// What is written again.
#[derive(InputObject)]
pub struct ResubmitChangeInput {
    /// Which rejected change.
    id: Unchecked<Uuid>,
    /// Other values, by column; the rest as it was written.
    values: Option<Unchecked<Json>>,
}

/// What became of it.
#[derive(SimpleObject)]
pub struct ResubmitChangePayload {
    /// What became of it.
    result: ChangeResult,
}

/// What nobody wants any more.
#[derive(InputObject)]
pub struct DismissChangeInput {
    /// Which rejected change.
    id: Unchecked<Uuid>,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DismissChangePayload {
    /// The id of the rejected change.
    dismissed_id: Uuid,
}

/// Writing from devices.
#[derive(Default)]
pub struct SyncMutation;

#[Object]
impl SyncMutation {
    /// Applies what a device wrote while nobody heard it, each change by itself. Sending it again does no harm.
    async fn push_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was written.")] input: PushChangesInput,
    ) -> Option<Result<PushChangesPayload>> {
        nullable(async {
            let viewer = scope(ctx).viewer()?;
            let person = input.person_id.check("personId")?.map_or(viewer.user_id(), |id| UserId(id.0));
            let mutations = input.changes.into_iter().enumerate().map(mutation).collect::<Result<_>>()?;
            scope(ctx).end_read().await;
            let receipts = sync::apply(viewer, Push { person, client: input.client, mutations }).await?;
            note_reads(scope(ctx), person, receipts.iter().filter_map(|receipt| receipt.row.as_ref()));
            let clock = Clock::after(None, scope(ctx).database().now(), merge::SERVER).to_string();
            Ok(PushChangesPayload { results: receipts.into_iter().map(Into::into).collect(), clock })
        })
        .await
    }

    /// Writes again what was rejected or lost, over what the row is now.
    async fn resubmit_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and other values.")] input: ResubmitChangeInput,
    ) -> Option<Result<ResubmitChangePayload>> {
        nullable(async {
            let id = input.id.check("id")?.0;
            let values = match input.values.check("values")?.map(|values| values.0) {
                None | Some(serde_json::Value::Null) => BTreeMap::new(),
                Some(serde_json::Value::Object(values)) => values.into_iter().collect(),
                Some(_) => return Err(Error::invalid("values", "must be an object: values by column")),
            };
            scope(ctx).end_read().await;
            let receipt = sync::resubmit(scope(ctx).viewer()?, id, values).await?;
            Ok(ResubmitChangePayload { result: receipt.into() })
        })
        .await
    }

    /// Forgets what was rejected or lost.
    async fn dismiss_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: DismissChangeInput,
    ) -> Option<Result<DismissChangePayload>> {
        nullable(async {
            let id = input.id.check("id")?.0;
            let tx = scope(ctx).write().await?;
            let dismissed = sync::dismiss(&tx, id).await?;
            tx.commit().await?;
            Ok(DismissChangePayload { dismissed_id: Uuid(dismissed.id) })
        })
        .await
    }
}

fn mutation((place, change): (usize, ChangeInput)) -> Result<Mutation> {
    let field = |name: &str| format!("changes[{place}].{name}");
    let mut cells = BTreeMap::new();
    for (position, cell) in change.cells.into_iter().enumerate() {
        let field = |name: &str| field(&format!("cells[{position}].{name}"));
        let value = cell.value.check(&field("value"))?.map_or(serde_json::Value::Null, |value| value.0);
        let clock = cell.clock.parse().map_err(|error: sync::clock::NotAClock| Error::invalid(field("clock"), error.to_string()))?;
        if cells.insert(cell.column, Cell { value, clock, message: None }).is_some() {
            return Err(Error::invalid(field("column"), "stands twice in this change"));
        }
    }
    Ok(Mutation {
        id: Some(change.id.check(&field("id"))?.0),
        collection: change.collection,
        row: change.row.check(&field("row"))?.0,
        write: Write::Cells(cells),
    })
}

/// Notes what is shown of somebody else's rows.
pub fn note_reads<'a>(scope: &RequestScope, person: UserId, rows: impl Iterator<Item = &'a FeedRow>) {
    for row in rows {
        if let Some(access_type) = row.shared_as() {
            scope.note_read(person, access_type);
        }
    }
}

/// A page of a person's feed.
pub async fn page(
    scope: &RequestScope,
    tx: &Tx,
    person: UserId,
    after: Option<Cursor>,
    collections: &[&str],
    limit: u32,
) -> Result<FeedPage> {
    let page = sync::feed(tx, person, after, collections, PageSize::up_to(limit)).await?;
    note_reads(scope, person, page.rows.iter());
    Ok(page)
}

/// All pages after a cursor, the first even when it is empty, and those that come as long as anybody listens.
pub async fn follow_feed(
    scope: &Arc<RequestScope>,
    person: UserId,
    after: Option<Cursor>,
    collections: Vec<&'static str>,
    limit: u32,
) -> Result<impl Stream<Item = Result<FeedPage>> + use<>> {
    let reader = scope.clone();
    let read = async move |tx: Arc<Tx>, (after, begun): (Option<Cursor>, bool)| {
        people::find(&tx, person).await?.ok_or(ServiceError::NotFound("person who shares this"))?;
        let page = page(&reader, &tx, person, after, &collections, limit).await?;
        let told = !begun || page.resync || !page.rows.is_empty();
        Ok(((Some(page.cursor), true), told.then_some(page)))
    };
    boxed(follow_pages(scope, person, (after, false), read)).await
}

/// Following feeds.
#[derive(Default)]
pub struct SyncSubscription;

#[Subscription]
impl SyncSubscription {
    /// The rows after `after`, then each that changes, in pages of at most 500, and none is left out. The first page may be empty. Keep the cursor of a page once
    /// its rows are kept, and subscribe with it again after a broken connection.
    async fn sync_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose; the viewer's when absent.")] person_id: Option<Unchecked<Uuid>>,
        #[graphql(desc = "The cursor after which to go on; from the beginning when absent.")] after: Option<String>,
        #[graphql(desc = "Only these tables; all when absent.")] collections: Option<Vec<String>>,
    ) -> Result<impl Stream<Item = Result<SyncPage>>> {
        let person = person_id.check("personId")?.map_or(scope(ctx).viewer()?.user_id(), |id| UserId(id.0));
        let pages =
            follow_feed(scope(ctx), person, after.map(|after| cursor("after", &after)).transpose()?, named(collections)?, 500).await?;
        Ok(pages.map(|page| page.map(Into::into)))
    }
}

/// Where the viewer's feed stands; nothing for anybody else.
pub async fn head(ctx: &Context<'_>) -> Result<SyncHead> {
    let head = sync::head(&*scope(ctx).read().await?).await?;
    let digests = head.digests.into_iter().map(|(collection, digest)| SyncDigest { collection, digest });
    Ok(SyncHead { cursor: text(head.cursor), digests: digests.collect() })
}

/// What a page costs: its rows are read whole, by one scan of an index, and need nothing else.
pub fn page_cost(first: Option<i32>, fields: usize) -> usize {
    super::page::cost(Some(first.unwrap_or(100) / 10), fields)
}

/// The page of `person` that was asked for.
pub async fn asked(
    ctx: &Context<'_>,
    person: &Person,
    after: Option<String>,
    first: Option<i32>,
    collections: Option<Vec<String>>,
) -> Result<SyncPage> {
    let limit = u32::try_from(first.unwrap_or(100)).unwrap_or_default();
    if !(1..=sync::LARGEST_PAGE).contains(&limit) {
        return Err(Error::invalid("first", format!("must be between 1 and {}", sync::LARGEST_PAGE)));
    }
    let tx = scope(ctx).read().await?;
    Ok(page(scope(ctx), &tx, person.0.id, after.map(|after| cursor("after", &after)).transpose()?, &named(collections)?, limit)
        .await?
        .into())
}

/// What the viewer's devices wrote that is not in the rows.
pub async fn rejections(ctx: &Context<'_>, first: Option<i32>, after: Option<String>) -> Result<Connection<RejectedChange>> {
    let continued = after.is_some();
    let page = sync::rejections(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
    let items = page.items.into_iter().map(|(cursor, row)| Ok((cursor, RejectedChange::new(row)?))).collect::<Result<_>>()?;
    Ok(Connection::new(service::page::Page { items, has_next: page.has_next }, continued, |row| row))
}

fn named(collections: Option<Vec<String>>) -> Result<Vec<&'static str>> {
    let known = |name: String| {
        let known = sync::collection(&name).map(|collection| collection.name);
        known.ok_or_else(|| {
            let names: Vec<_> = sync::collections().map(|collection| collection.name).collect();
            Error::invalid("collections", format!("no collection {name}: write some of {}", names.join(", ")))
        })
    };
    collections.unwrap_or_default().into_iter().map(known).collect()
}

/// A cursor as clients see it.
pub fn text(cursor: Cursor) -> String {
    format!("{}:{}", cursor.epoch, cursor.position())
}

/// A cursor that a client sends back.
pub fn cursor(field: &str, text: &str) -> Result<Cursor> {
    let read = || {
        let (epoch, position) = text.split_once(':')?;
        Cursor::at(epoch.parse().ok()?, position)
    };
    read().ok_or_else(|| Error::invalid(field, "not a cursor that this server gave"))
}
