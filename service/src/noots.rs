//! Noots: containers of activities that clients keep offline and bring back whole. A noot is told apart by its version and by the
//! checksum of its content. Whatever loses against another copy is kept until its owner has decided.

pub mod content;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::{
    conflicted_noots,
    id::{ConflictedNootId, NootId, UserId},
    noots::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use self::content::{Content, Rejection, RejectionCode};
use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    metrics::{self, METRICS},
    page::{Page, PageRequest},
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, group, written},
        merge::Refused,
    },
};

/// The most noots that a request sends or asks for, and that an answer holds.
pub const MOST_NOOTS: usize = 500;
/// The most noots that a client may say it knows. Who has more compares page by page, by [`checksums`].
pub const MOST_KNOWN: usize = 10_000;
/// The most bytes of noots in an answer, but for a single one that has more.
const MOST_ANSWERED_BYTES: i64 = 2 * 1024 * 1024;
/// The highest version that a client may name.
const HIGHEST_VERSION: i32 = 1_000_000_000;
/// How far ahead of the stored version one that wins by being higher may be. A device that counts wildly wins no longer for ever.
const MOST_AHEAD: i32 = 1_000;

/// How long a copy that lost is kept.
const DAYS_KEPT: u32 = 90;

/// A noot that a client changed.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Which; made by the client.
    pub id: NootId,
    /// See [`Rule`].
    pub version: i32,
    /// The checksum of what the change was made from, where the client says it.
    pub base: Option<String>,
    /// SHA-256, in hex, of the canonical form of `{"activities": …}`.
    pub checksum: String,
    /// A list of activities.
    pub activities: JsonValue,
}

/// A noot that a client deleted.
#[derive(Clone, Copy, Debug)]
pub struct Gone {
    /// Which.
    pub id: NootId,
    /// See [`Rule`].
    pub version: i32,
}

/// A noot that a client has, and with what content.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which.
    pub id: NootId,
    /// The checksum of its content there.
    pub checksum: String,
}

/// How it is decided which of two copies wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A version is the one that the change was made from, and it must be the current one.
    BaseVersion,
    /// A version is counted by the client, and the higher one wins; of equal ones the higher checksum.
    HigherVersion,
}

/// What a client has to say.
#[derive(Clone, Debug)]
pub struct Request {
    /// Changed there, and not taken here yet.
    pub noots: Vec<Pushed>,
    /// Deleted there, and not here yet.
    pub deleted: Vec<Gone>,
    /// Everything that it has; when absent, it does not ask what it lacks.
    pub known: Option<Vec<Known>>,
    /// How it is decided which of two copies wins.
    pub rule: Rule,
}

/// What became of it.
#[derive(Debug)]
pub struct Synced {
    /// Noots whose content is another one than the client's, those in conflict first.
    pub noots: Vec<Model>,
    /// Whether there are more of them than fit: the client asks again, with what it has by then.
    pub has_more: bool,
    /// Those of the client's noots that are deleted here.
    pub deleted: Vec<NootId>,
    /// One for each noot that was sent, in the order they were sent in, first what was changed and then what was deleted.
    pub outcomes: Vec<Outcome>,
}

/// What became of one noot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which.
    pub id: NootId,
    /// What became of it.
    pub verdict: Settled,
    /// Its version here now; nothing where it was rejected or is not there.
    pub version: Option<i32>,
}

/// How one noot was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was taken.
    Accepted,
    /// The same is here already.
    Unchanged,
    /// Another change was first, and stays.
    Conflict {
        /// Where the losing copy is kept; nothing where nothing was lost.
        kept: Option<ConflictedNootId>,
    },
    /// It cannot be taken as it is.
    Rejected(Rejection),
}

impl Settled {
    /// As it is counted, among what devices send otherwise.
    fn status(&self) -> &'static str {
        match self {
            Self::Accepted => "applied",
            Self::Unchanged => "duplicate",
            Self::Conflict { .. } => "conflict",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// A noot as it is stored, without its content.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Head {
    /// Which.
    pub id: NootId,
    /// Its version.
    pub version: i32,
    /// The checksum of its content.
    pub checksum: String,
    /// Whether it is deleted.
    pub deleted: bool,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Takes what a client changed, and answers what it lacks. No noot fails because of another.
pub async fn sync(tx: &Tx, request: Request) -> Result<Synced> {
    let person = tx.viewer()?;
    check_sizes(&request)?;
    let (changes, rejected) = changes(&request);
    let mut settled = insert_new(tx, person, &changes, request.rule).await?;
    let others: Vec<_> = changes.values().filter(|change| !settled.contains_key(&change.id)).collect();
    settled.extend(settle(tx, person, &others, request.rule).await?);
    let (noots, has_more) = lacking(tx, person, &request, &changes, &settled).await?;
    let ids: Vec<_> = request.ids().collect();
    let outcomes = ids.iter().enumerate().filter_map(|(place, id)| match rejected.get(&place) {
        Some(rejection) => Some(Outcome { id: *id, verdict: Settled::Rejected(rejection.clone()), version: None }),
        None => settled.get(id).cloned(),
    });
    let outcomes: Vec<Outcome> = outcomes.collect();
    METRICS.batches.inc();
    for outcome in &outcomes {
        METRICS.mutations.get_or_create(&metrics::Outcome { outcome: outcome.verdict.status() }).inc();
    }
    let known = request.known.iter().flatten().map(|known| known.id);
    Ok(Synced { noots, has_more, outcomes, deleted: tombstones(tx, person, known.chain(ids).collect()).await? })
}

impl Request {
    fn ids(&self) -> impl Iterator<Item = NootId> {
        self.noots.iter().map(|noot| noot.id).chain(self.deleted.iter().map(|gone| gone.id))
    }
}

fn check_sizes(request: &Request) -> Result<()> {
    let (sent, known) = (request.noots.len() + request.deleted.len(), request.known.as_ref().map_or(0, Vec::len));
    if sent > MOST_NOOTS {
        return Err(Error::invalid(
            "noots",
            format!("a request takes at most {MOST_NOOTS} noots, not {sent}: send the rest in further ones"),
        ));
    }
    if known > MOST_KNOWN {
        let message = format!("must name at most {MOST_KNOWN} noots, not {known}: leave it out, and compare with nootChecksums");
        return Err(Error::invalid("knownNoots", message));
    }
    Ok(())
}

/// A change of one noot that can be stored.
struct Change {
    id: NootId,
    version: i32,
    base: Option<String>,
    /// Nothing when it is deleted.
    content: Option<Content>,
}

/// The changes that can be stored, and by the place in the request why others cannot.
fn changes(request: &Request) -> (BTreeMap<NootId, Change>, BTreeMap<usize, Rejection>) {
    let (mut changes, mut rejected, mut seen) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let pushed = request.noots.iter().map(|noot| (noot.id, noot.version, Some(noot)));
    let gone = request.deleted.iter().map(|gone| (gone.id, gone.version, None));
    for (place, (id, version, noot)) in pushed.chain(gone).enumerate() {
        let content = noot.map(|noot| Content::checked(&noot.activities, &noot.checksum)).transpose();
        let bad = |field, message: String| Rejection::new(RejectionCode::BadUserInput, field, message);
        match content {
            _ if !seen.insert(id) => drop(rejected.insert(place, bad("id", "is sent more than once in this request".to_owned()))),
            _ if !(0..=HIGHEST_VERSION).contains(&version) => {
                drop(rejected.insert(place, bad("version", format!("must be between 0 and {HIGHEST_VERSION}, is {version}"))));
            }
            Err(rejection) => drop(rejected.insert(place, rejection)),
            Ok(content) => {
                let base = noot.and_then(|noot| noot.base.as_ref()).map(|base| base.to_lowercase());
                drop(changes.insert(id, Change { id, version, base, content }));
            }
        }
    }
    (changes, rejected)
}

/// What is to be done about a change of a noot that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Unchanged,
    Accept {
        /// Whether what it replaces may be somebody's change that its client has not seen.
        overwrites: bool,
    },
    Conflict,
    TooFarAhead,
}

/// A deleted noot comes back only when its owner takes the deletion back, so every change of it is in conflict with that.
fn judge(version: i32, checksum: Option<&str>, stored: &Head, rule: Rule) -> Verdict {
    let accept = |overwrites| Verdict::Accept { overwrites };
    match (checksum, rule) {
        (None, _) if stored.deleted => Verdict::Unchanged,
        _ if stored.deleted => Verdict::Conflict,
        (Some(checksum), _) if checksum == stored.checksum => Verdict::Unchanged,
        (_, Rule::BaseVersion) if version == stored.version => accept(false),
        (_, Rule::BaseVersion) => Verdict::Conflict,
        (_, Rule::HigherVersion) if version > stored.version.saturating_add(MOST_AHEAD) => Verdict::TooFarAhead,
        // That a version is higher does not say that its client has seen the stored one.
        (_, Rule::HigherVersion) if version > stored.version => accept(true),
        (Some(checksum), Rule::HigherVersion) if version == stored.version && *checksum > *stored.checksum => accept(true),
        (_, Rule::HigherVersion) => Verdict::Conflict,
    }
}

type Outcomes = BTreeMap<NootId, Outcome>;

/// Stores what is not there yet. Whoever sends the same at the same moment waits here, and then finds it there.
async fn insert_new(tx: &Tx, person: UserId, changes: &BTreeMap<NootId, Change>, rule: Rule) -> Result<Outcomes> {
    let new = changes.values().filter_map(|change| {
        let version = match rule {
            Rule::BaseVersion => change.version + 1,
            Rule::HigherVersion => change.version.max(1),
        };
        Some(row(change.id, version, change.content.as_ref()?))
    });
    let versions = insert(tx, person, new.collect()).await?;
    Ok(versions.into_iter().map(|(id, version)| (id, Outcome { id, verdict: Settled::Accepted, version: Some(version) })).collect())
}

/// Decides about noots that are there, does it, and keeps what loses.
async fn settle(tx: &Tx, person: UserId, changes: &[&Change], rule: Rule) -> Result<Outcomes> {
    let stored = locked(tx, person, changes.iter().map(|change| change.id)).await?;
    let (mut outcomes, mut taken, mut overwritten, mut lost) = (Outcomes::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        let id = change.id;
        let mut outcome = |verdict, version| drop(outcomes.insert(id, Outcome { id, verdict, version }));
        let Some(head) = stored.get(&id) else {
            if change.content.is_some() {
                // It was there a moment ago, so nothing was inserted. Sent again, it is.
                return Err(Error::conflict("a noot was collected at the same moment: send it again"));
            }
            // A deletion of what was never here.
            outcome(Settled::Unchanged, None);
            continue;
        };
        let version = Some(head.version);
        match judge(change.version, change.content.as_ref().map(|content| content.checksum.as_str()), head, rule) {
            Verdict::Unchanged => outcome(Settled::Unchanged, version),
            Verdict::TooFarAhead => {
                let message = format!("must be at most {MOST_AHEAD} ahead of the stored one, which is {}", head.version);
                outcome(Settled::Rejected(Rejection::new(RejectionCode::VersionTooHigh, "version", message)), version);
            }
            Verdict::Accept { overwrites } => {
                outcome(Settled::Accepted, version);
                // Of what is deleted, the content stays.
                if overwrites && change.content.is_some() && change.base.as_ref() != Some(&head.checksum) {
                    overwritten.push(id.0);
                }
                let counted = if rule == Rule::HigherVersion { change.version } else { head.version };
                taken.push(match &change.content {
                    Some(content) => row(id, counted, content),
                    None => json!({ "id": id, "version": counted }),
                });
            }
            Verdict::Conflict => {
                outcome(Settled::Conflict { kept: None }, version);
                lost.extend(
                    change.content.as_ref().filter(|lost| lost.checksum != head.checksum).map(|lost| row(id, change.version, lost)),
                );
            }
        }
    }
    if !overwritten.is_empty() || !lost.is_empty() {
        forget_old_copies(tx, person).await?;
    }
    keep_stored(tx, person, overwritten).await?;
    for (id, version) in update(tx, person, taken).await? {
        outcomes.entry(id).and_modify(|outcome| outcome.version = Some(version));
    }
    for (id, kept) in keep_lost(tx, person, lost).await? {
        outcomes.entry(id).and_modify(|outcome| outcome.verdict = Settled::Conflict { kept: Some(kept) });
    }
    Ok(outcomes)
}

fn row(id: NootId, version: i32, content: &Content) -> JsonValue {
    json!({ "id": id, "version": version, "checksum": content.checksum, "data": content.json })
}

async fn locked(tx: &Tx, person: UserId, ids: impl Iterator<Item = NootId>) -> Result<BTreeMap<NootId, Head>> {
    let heads = heads_of(person).filter(among(ids)).order_by_asc(Column::Id).lock_exclusive();
    Ok(heads.into_model::<Head>().all(tx).await?.into_iter().map(|head| (head.id, head)).collect())
}

fn heads_of(person: UserId) -> sea_orm::Select<Entity> {
    let columns = [Column::Id, Column::Version, Column::Checksum, Column::Deleted, Column::UpdatedAt];
    Entity::find().select_only().columns(columns).filter(Column::UserId.eq(person))
}

/// As one parameter, so that it is the same statement for any number of ids.
fn among(ids: impl Iterator<Item = NootId>) -> Expr {
    Expr::cust_with_values("id = ANY ($1)", [Value::from(ids.map(|id| id.0).collect::<Vec<_>>())])
}

/// Runs a statement over rows, and answers the versions that it returns.
async fn versions(tx: &Tx, statement: &str, person: UserId, rows: Vec<JsonValue>) -> Result<Vec<(NootId, i32)>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, statement, [person.0.into(), JsonValue::Array(rows).into()]);
    let rows = tx.query_all_raw(statement).await?;
    let versions = rows.iter().map(|row| Ok((NootId(row.try_get_by_index(0)?), row.try_get_by_index(1)?)));
    Ok(versions.collect::<Result<_, sea_orm::DbErr>>()?)
}

/// Adds noots, but for those that are there.
async fn insert(tx: &Tx, person: UserId, rows: Vec<JsonValue>) -> Result<Vec<(NootId, i32)>> {
    let statement = "INSERT INTO noots (user_id, id, version, checksum, data) SELECT $1, n.id, n.version, n.checksum, n.data::jsonb
         FROM jsonb_to_recordset($2) AS n (id uuid, version integer, checksum text, data text) ORDER BY n.id
         ON CONFLICT (user_id, id) DO NOTHING RETURNING id, version";
    versions(tx, statement, person, rows).await
}

/// Changes and deletes noots that are there.
async fn update(tx: &Tx, person: UserId, rows: Vec<JsonValue>) -> Result<Vec<(NootId, i32)>> {
    let statement =
        "UPDATE noots n SET checksum = coalesce(c.checksum, n.checksum), data = coalesce(c.data::jsonb, n.data), deleted = c.data IS NULL,
           version = greatest(n.version, c.version)
         FROM jsonb_to_recordset($2) AS c (id uuid, version integer, checksum text, data text)
         WHERE n.user_id = $1 AND n.id = c.id RETURNING n.id, n.version";
    versions(tx, statement, person, rows).await
}

/// Makes room: nobody comes back to a copy after so long.
async fn forget_old_copies(tx: &Tx, person: UserId) -> Result<()> {
    use conflicted_noots::{Column, Entity};
    let old = Expr::cust(format!("created_at < statement_timestamp() - interval '{DAYS_KEPT} days'"));
    Entity::delete_many().filter(Column::UserId.eq(person)).filter(old).exec(tx).await?;
    Ok(())
}

/// Keeps noots as they are now, for they are about to be overwritten.
async fn keep_stored(tx: &Tx, person: UserId, ids: Vec<Uuid>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO conflicted_noots (user_id, noot_id, base_version, checksum, data)
         SELECT user_id, id, version, checksum, data FROM noots WHERE user_id = $1 AND id = ANY ($2::uuid[])
         ON CONFLICT (user_id, noot_id, checksum) DO NOTHING",
        [person.0.into(), ids.into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// Keeps what lost. Sent again, it is the same copy.
async fn keep_lost(tx: &Tx, person: UserId, rows: Vec<JsonValue>) -> Result<Vec<(NootId, ConflictedNootId)>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO conflicted_noots (user_id, noot_id, base_version, checksum, data)
         SELECT $1, l.id, l.version, l.checksum, l.data::jsonb FROM jsonb_to_recordset($2) AS l (id uuid, version integer, checksum text, data text)
         ON CONFLICT (user_id, noot_id, checksum) DO UPDATE SET base_version = excluded.base_version RETURNING noot_id, id",
        [person.0.into(), JsonValue::Array(rows).into()],
    );
    let rows = tx.query_all_raw(statement).await?;
    let kept = rows.iter().map(|row| Ok((NootId(row.try_get_by_index(0)?), ConflictedNootId(row.try_get_by_index(1)?))));
    Ok(kept.collect::<Result<_, sea_orm::DbErr>>()?)
}

/// The noots whose content is another one than the client has after this. What was rejected is still to be mended there, so it is
/// not sent over it.
async fn lacking(
    tx: &Tx,
    person: UserId,
    request: &Request,
    changes: &BTreeMap<NootId, Change>,
    settled: &Outcomes,
) -> Result<(Vec<Model>, bool)> {
    // What is no checksum is that of nothing here.
    let known = request.known.iter().flatten().filter(|known| known.checksum.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let mut has: BTreeMap<_, _> = known.map(|known| (known.id, known.checksum.to_lowercase())).collect();
    for change in changes.values() {
        match &change.content {
            Some(content) => drop(has.insert(change.id, content.checksum.clone())),
            None => drop(has.remove(&change.id)),
        }
    }
    let is = |id: &NootId, wanted: fn(&Settled) -> bool| settled.get(id).is_some_and(|outcome| wanted(&outcome.verdict));
    let conflicts: Vec<_> =
        changes.keys().filter(|id| is(id, |verdict| matches!(verdict, Settled::Conflict { .. }))).map(|id| id.0).collect();
    let taken = |id: &NootId| changes.contains_key(id) && !is(id, |verdict| matches!(verdict, Settled::Rejected(_)));
    let rejected: Vec<_> = request.ids().filter(|id| !taken(id)).map(|id| id.0).collect();
    let (ids, checksums): (Vec<_>, Vec<_>) = has.into_iter().map(|(id, checksum)| (id.0, checksum)).unzip();
    let which = "LEFT JOIN unnest($2::uuid[], $3::text[]) AS has (id, checksum) ON has.id = n.id
         WHERE n.user_id = $1 AND NOT n.deleted AND has.checksum IS DISTINCT FROM n.checksum AND n.id <> ALL ($4::uuid[])
           AND ($5 OR n.id = ANY ($6::uuid[])) ORDER BY n.id = ANY ($6::uuid[]) DESC, n.id";
    let values = [person.0.into(), ids.into(), checksums.into(), rejected.into(), request.known.is_some().into(), conflicts.into()];
    as_fit(tx, which, values).await
}

/// The first noots of a list, as many as an answer holds, and whether there are more.
async fn as_fit<const N: usize>(tx: &Tx, which: &str, values: [Value; N]) -> Result<(Vec<Model>, bool)> {
    #[derive(FromQueryResult)]
    struct Sized {
        #[sea_orm(nested)]
        noot: Model,
        place: i64,
        bytes: i64,
    }
    let sql = format!(
        "WITH listed AS (SELECT n.*, row_number() OVER () AS place FROM (SELECT n.* FROM noots n {which} LIMIT {} ) n),
           sized AS (SELECT *, (sum(octet_length(data::text)) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING))::bigint AS bytes FROM listed)
         SELECT * FROM sized WHERE place = 1 OR bytes - octet_length(data::text) <= {MOST_ANSWERED_BYTES} ORDER BY place",
        MOST_NOOTS + 1
    );
    let rows = Sized::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).all(tx).await?;
    let fits = |row: &Sized| row.place == 1 || row.bytes <= MOST_ANSWERED_BYTES && row.place <= MOST_NOOTS as i64;
    let has_more = rows.iter().any(|row| !fits(row));
    Ok((rows.into_iter().filter(fits).map(|row| row.noot).collect(), has_more))
}

/// Those of these noots that are deleted. Of what was never here, nothing is said.
async fn tombstones(tx: &Tx, person: UserId, ids: BTreeSet<NootId>) -> Result<Vec<NootId>> {
    let deleted = heads_of(person).filter(Column::Deleted.eq(true)).filter(among(ids.into_iter())).order_by_asc(Column::Id);
    Ok(deleted.into_model::<Head>().all(tx).await?.into_iter().map(|head| head.id).collect())
}

/// The checksums of the viewer's noots that are not deleted, by id; `after` is the last of the page before. And whether more follow.
pub async fn checksums(tx: &Tx, first: i32, after: Option<NootId>) -> Result<(Vec<Head>, bool)> {
    let first = usize::try_from(input::integer("first", first, 1..=1000)?).unwrap_or_default();
    let mut heads = heads_of(tx.viewer()?).filter(Column::Deleted.eq(false));
    if let Some(after) = after {
        heads = heads.filter(Column::Id.gt(after));
    }
    let mut heads = heads.order_by_asc(Column::Id).limit(first as u64 + 1).into_model::<Head>().all(tx).await?;
    let has_more = heads.len() > first;
    heads.truncate(first);
    Ok((heads, has_more))
}

/// These of the viewer's noots, as many as fit, and the ids of those that did not.
pub async fn fetch(tx: &Tx, ids: &[NootId]) -> Result<(Vec<Model>, Vec<NootId>)> {
    if ids.len() > MOST_NOOTS {
        return Err(Error::invalid("ids", format!("must be at most {MOST_NOOTS}, are {}", ids.len())));
    }
    let wanted: Vec<_> = ids.iter().map(|id| id.0).collect();
    let which = "WHERE n.user_id = $1 AND NOT n.deleted AND n.id = ANY ($2::uuid[]) ORDER BY n.id";
    let (noots, has_more) = as_fit(tx, which, [tx.viewer()?.0.into(), wanted.into()]).await?;
    let last = noots.last().map(|noot| noot.id);
    let remaining: BTreeSet<_> = ids.iter().copied().filter(|id| has_more && Some(*id) > last).collect();
    Ok((noots, remaining.into_iter().collect()))
}

/// Every noot of a person, deleted ones included, without its content.
pub async fn heads(tx: &Tx, person: UserId) -> Result<Vec<Head>> {
    Ok(heads_of(person).order_by_asc(Column::Id).into_model::<Head>().all(tx).await?)
}

/// The viewer's copies that lost, newest first.
pub async fn conflicted(tx: &Tx, page: &PageRequest) -> Result<Page<conflicted_noots::Model>> {
    use conflicted_noots::{Column, Entity};
    let viewer = tx.viewer()?;
    let mut rows = Entity::find().filter(Column::UserId.eq(viewer));
    if let Some((at, id)) = page.key::<(DateTime<Utc>, ConflictedNootId)>(&("conflicted_noots", viewer))? {
        let same_time = Condition::all().add(Column::CreatedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::CreatedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("conflicted_noots", viewer), rows, |row| (row.created_at, row.id))
}

/// Gives a noot the content of a copy that lost; it comes back if it was deleted. What it had until then is kept in turn.
pub async fn restore_conflicted(tx: &Tx, id: ConflictedNootId, expected_version: Option<i32>) -> Result<Model> {
    let person = tx.viewer()?;
    let copy = taken_out(tx, id).await?;
    let content = Content { json: copy.data.to_string(), checksum: copy.checksum };
    match locked(tx, person, std::iter::once(copy.noot_id)).await?.remove(&copy.noot_id) {
        Some(head) => {
            input::expect_version(expected_version, head.version, || head.scalars())?;
            if head.checksum != content.checksum {
                keep_stored(tx, person, vec![head.id.0]).await?;
            }
            if head.checksum != content.checksum || head.deleted {
                update(tx, person, vec![row(head.id, head.version, &content)]).await?;
            }
        }
        // Its tombstone was collected meanwhile.
        None => drop(insert(tx, person, vec![row(copy.noot_id, copy.base_version + 1, &content)]).await?),
    }
    find(tx, person, copy.noot_id).await
}

/// Lets a copy that lost go.
pub async fn dismiss_conflicted(tx: &Tx, id: ConflictedNootId) -> Result<ConflictedNootId> {
    Ok(taken_out(tx, id).await?.id)
}

async fn taken_out(tx: &Tx, id: ConflictedNootId) -> Result<conflicted_noots::Model> {
    use conflicted_noots::{Column, Entity};
    let taken = Entity::delete_many().filter(Column::UserId.eq(tx.viewer()?)).filter(Column::Id.eq(id)).exec_with_returning(tx).await?;
    taken.into_iter().next().ok_or(Error::NotFound("conflicted noot"))
}

async fn find(tx: &Tx, person: UserId, id: NootId) -> Result<Model> {
    Entity::find_by_id((person, id)).one(tx).await?.ok_or(Error::NotFound("noot"))
}

/// Noots on devices of other kinds, which merge their content as one.
pub static SYNCED: Collection = Collection {
    name: "noots",
    person_column: "user_id",
    access: Some("organiser"),
    deletion: Deletion::Flag,
    groups: &[group("activities", &[written("data", Kind::Json), derived("checksum", Kind::Text)])],
    complete,
    complement: None,
};

fn complete(_: &Context, draft: &mut Draft) -> Result<(), Refused> {
    if draft.changes("activities") {
        let JsonValue::Object(data) = draft.value("data") else {
            return Err(Error::invalid("data", "must be {\"activities\": […]}").into());
        };
        if let Some(other) = data.keys().find(|key| *key != "activities") {
            return Err(Error::invalid("data", format!("must hold nothing but activities, holds {other:.100}")).into());
        }
        let content = Content::of(data.get("activities").unwrap_or(&JsonValue::Null));
        let content = content.map_err(|rejection| Error::from(rejection).within("data"))?;
        draft.set("data", content.data()?);
        draft.set("checksum", content.checksum);
    }
    Ok(())
}

impl Head {
    fn scalars(&self) -> JsonValue {
        json!({ "id": self.id, "version": self.version, "checksum": self.checksum, "deleted": self.deleted, "updatedAt": self.updated_at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(version: i32, checksum: &str, deleted: bool) -> Head {
        Head { id: NootId(Uuid::nil()), version, checksum: checksum.to_owned(), deleted, updated_at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_change_is_taken_when_it_was_made_from_the_current_version() {
        use Verdict::*;
        let rule = Rule::BaseVersion;
        let accepted = Accept { overwrites: false };
        for (version, checksum, expected) in [
            (7, Some("b"), accepted),
            (7, None, accepted),
            (6, Some("b"), Conflict),
            (8, Some("b"), Conflict),
            (6, None, Conflict),
            (6, Some("a"), Unchanged),
            (1_000_000_000, Some("b"), Conflict),
        ] {
            assert_eq!(judge(version, checksum, &stored(7, "a", false), rule), expected, "{version} {checksum:?}");
        }
        for rule in [Rule::BaseVersion, Rule::HigherVersion] {
            assert_eq!(judge(7, None, &stored(7, "a", true), rule), Unchanged);
            assert_eq!(judge(7, Some("a"), &stored(7, "a", true), rule), Conflict);
            assert_eq!(judge(8, Some("b"), &stored(7, "a", true), rule), Conflict);
        }
    }

    #[test]
    fn the_higher_version_wins_where_that_is_asked_for() {
        use Verdict::*;
        for (version, checksum, expected) in [
            (8, Some("b"), Accept { overwrites: true }),
            (9, Some("b"), Accept { overwrites: true }),
            (1_007, Some("b"), Accept { overwrites: true }),
            (1_008, Some("b"), TooFarAhead),
            (1_008, None, TooFarAhead),
            (7, Some("b"), Accept { overwrites: true }),
            (7, Some("A"), Conflict),
            (7, None, Conflict),
            (6, Some("z"), Conflict),
            (9, Some("a"), Unchanged),
        ] {
            assert_eq!(judge(version, checksum, &stored(7, "a", false), Rule::HigherVersion), expected, "{version} {checksum:?}");
        }
    }

    proptest! {
        /// Two devices that count alike end with the same copy, whichever comes first, and what was overwritten unseen was kept.
        #[test]
        fn the_order_in_which_copies_come_does_not_matter(base in 1..50_i32, one in 1..20_i32, other in 1..20_i32, ties in any::<bool>()) {
            let other = if ties { one } else { other };
            let copies = [(base + one, "x"), (base + other, "y")];
            let winner = |order: [usize; 2]| {
                let mut now = stored(base, "a", false);
                let mut kept = Vec::new();
                for (version, checksum) in order.map(|place| copies[place]) {
                    match judge(version, Some(checksum), &now, Rule::HigherVersion) {
                        Verdict::Accept { overwrites } => {
                            kept.extend(overwrites.then(|| now.checksum.clone()));
                            now = stored(version.max(now.version), checksum, false);
                        }
                        _ => kept.push(checksum.to_owned()),
                    }
                }
                (now.checksum, kept)
            };
            let ((first, kept), (second, _)) = (winner([0, 1]), winner([1, 0]));
            prop_assert_eq!(&first, &second);
            let loser = if first == "x" { "y" } else { "x" };
            prop_assert!(kept.iter().any(|copy| copy == loser), "{kept:?}");
        }
    }
}
