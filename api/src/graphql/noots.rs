//! Noots: containers of activities that clients keep offline and bring back whole.

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject, Subscription};
use entity::{
    conflicted_noots,
    family_access::AccessType,
    id::{ConflictedNootId, NootId, UserId},
    noots as rows,
};
use futures_util::{Stream, StreamExt, stream};
use service::{
    family_access,
    noots::{
        self, Head, Settled,
        content::{self, Rejection},
    },
};

use super::{
    changes::follow_person,
    error::Result,
    person::Person,
    scalars::{CheckOption, DateTime, Json, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A container of activities, which a client keeps offline and brings back whole.
#[derive(Clone)]
pub struct Noot(pub rows::Model);

/// A container of activities, which a client keeps offline and brings back whole.
#[Object]
impl Noot {
    /// Identifies the noot among this person's; made by the client.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Counts the changes.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The SHA-256, in hex, of `{"activities":…}` as RFC 8785 (JSON Canonicalization Scheme) writes it.
    async fn checksum(&self) -> &str {
        &self.0.checksum
    }

    /// The activities, as their client sent them: a list of objects with activityType, properties and baseProperties.
    async fn activities(&self) -> Json {
        Json(activities(&self.0.data))
    }

    /// Whether it was deleted. Its activities stay, so that it can be taken back.
    async fn deleted(&self) -> bool {
        self.0.deleted
    }

    /// Who made it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.created_by.filter(|writer| *writer != self.0.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// When it came to the server.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

fn activities(data: &serde_json::Value) -> serde_json::Value {
    data.get("activities").cloned().unwrap_or_default()
}

/// A copy of a noot that lost against another one, kept for 90 days, or until it is restored or dismissed.
#[derive(Clone)]
pub struct ConflictedNoot(pub conflicted_noots::Model);

/// A copy of a noot that lost against another one, kept for 90 days, or until it is restored or dismissed.
#[Object]
impl ConflictedNoot {
    /// Identifies the copy.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The noot that it is a copy of.
    async fn noot_id(&self) -> Uuid {
        Uuid(self.0.noot_id.0)
    }

    /// The version that its client said, or the one at which it was overwritten.
    async fn base_version(&self) -> i32 {
        self.0.base_version
    }

    /// The checksum of its activities.
    async fn checksum(&self) -> &str {
        &self.0.checksum
    }

    /// Its activities.
    async fn activities(&self) -> Json {
        Json(activities(&self.0.data))
    }

    /// When it lost.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// A noot without its activities.
#[derive(SimpleObject)]
pub struct NootChecksum {
    /// Which noot.
    id: Uuid,
    /// The checksum of its activities.
    checksum: String,
    /// Its version.
    version: i32,
}

/// A page of checksums.
#[derive(SimpleObject)]
pub struct NootChecksums {
    /// The noots, by id.
    noots: Vec<NootChecksum>,
    /// Whether more follow: ask again, with the last id as `after`.
    has_more: bool,
}

/// The noots that were asked for.
#[derive(SimpleObject)]
pub struct FetchedNoots {
    /// Those that are there and not deleted, by id.
    noots: Vec<Noot>,
    /// The ids of those for which an answer of 2 MiB had no room: ask for them again.
    remaining_ids: Vec<Uuid>,
}

/// A noot that a client changed.
#[derive(InputObject)]
pub struct NootInput {
    /// Which noot; made by the client.
    id: Unchecked<Uuid>,
    /// The version that the change was made from, 0 for a new noot; with HIGHER_VERSION, the version that the client counts.
    version: i32,
    /// The checksum of what the change was made from. With HIGHER_VERSION, a noot that was overwritten is kept unless this was it.
    base_checksum: Option<String>,
    /// The SHA-256, in hex, of `{"activities":…}` as RFC 8785 (JSON Canonicalization Scheme) writes it.
    checksum: String,
    /// A list of at most 500 objects with `activityType`, `properties` and `baseProperties: { encrypted, syncPriority }`, and an `id`
    /// where the client gives them one. At most 256 KiB in canonical form. Encrypted properties may be a text; nobody looks into them.
    activities: Unchecked<Json>,
}

/// A noot that a client has.
#[derive(InputObject)]
pub struct KnownNootInput {
    /// Which noot.
    id: Unchecked<Uuid>,
    /// The checksum of its activities there.
    checksum: String,
}

/// A noot that a client deleted.
#[derive(InputObject)]
pub struct DeletedNootInput {
    /// Which noot.
    id: Unchecked<Uuid>,
    /// The version that was deleted; with HIGHER_VERSION, the version that the client counts.
    version: i32,
}

/// How it is decided which of two copies of a noot wins. The other one is kept either way.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "noots::Rule")]
pub enum NootConflictRule {
    /// A change must have been made from the current version.
    BaseVersion,
    /// Clients count versions, and the higher one wins, at most 1,000 ahead; of equal ones the higher checksum.
    HigherVersion,
}

/// What a client changed and has.
#[derive(InputObject)]
pub struct NootSyncInput {
    /// The noots that were changed there, at most 500 with those deleted.
    noots: Vec<NootInput>,
    /// Everything that the client has, at most 10,000. When absent, only copies that won against what is sent come back; compare the
    /// rest with `nootChecksums`.
    known_noots: Option<Vec<KnownNootInput>>,
    /// The noots that were deleted there.
    #[graphql(default)]
    deleted_noots: Vec<DeletedNootInput>,
    /// How it is decided which of two copies wins.
    #[graphql(default_with = "NootConflictRule::BaseVersion")]
    conflict_rule: NootConflictRule,
}

/// What became of what a client sent, and what it lacks.
#[derive(SimpleObject)]
pub struct NootSyncPayload {
    /// The noots whose activities are others than the client's, those in conflict first, at most 500 or 2 MiB. What was rejected is
    /// not among them.
    server_noots: Vec<Noot>,
    /// Whether there are more of them: sync again, with what the client has by then.
    has_more: bool,
    /// Those of the client's noots that are deleted here. What the server never had is not among them.
    deleted_ids: Vec<Uuid>,
    /// The noots that were taken, or were here already: they need not be sent again.
    accepted: Vec<Uuid>,
    /// The noots of which another copy won. It is among `serverNoots`, or its id among `deletedIds`; the losing one is kept.
    conflicts: Vec<Uuid>,
    /// One for each noot that was sent, in that order.
    outcomes: Vec<NootOutcome>,
}

/// What became of one noot that was sent.
#[derive(SimpleObject)]
pub struct NootOutcome {
    /// Which noot.
    id: Uuid,
    /// What became of it.
    result: NootResult,
    /// Its version here now: the client's from now on, when it was taken. Null where it was rejected, or is not there.
    version: Option<i32>,
    /// Where the losing copy of a conflict is kept; null where nothing was lost.
    conflicted_noot_id: Option<Uuid>,
    /// Why it was rejected.
    rejection: Option<NootRejection>,
}

/// What became of one noot that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum NootResult {
    /// It was taken.
    Accepted,
    /// The same is here already.
    Unchanged,
    /// Another copy won.
    Conflict,
    /// It cannot be taken as it is.
    Rejected,
}

/// Why a noot was rejected.
#[derive(SimpleObject)]
pub struct NootRejection {
    /// The kind of reason.
    code: NootRejectionCode,
    /// Where in the noot, such as `activities[3].properties`.
    field: String,
    /// What is wrong, and what would be right.
    message: String,
}

/// Kinds of reasons to reject a noot.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "content::RejectionCode")]
pub enum NootRejectionCode {
    /// The checksum is not that of the activities.
    ChecksumMismatch,
    /// Something in it cannot be accepted.
    BadUserInput,
    /// It is too large.
    LimitExceeded,
    /// Its version is more than 1,000 ahead.
    VersionTooHigh,
}

/// Which copy is to win after all.
#[derive(InputObject)]
pub struct RestoreConflictedNootInput {
    /// The id of the copy.
    id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when the noot is at another version.
    expected_version: Option<i32>,
}

/// Which copy may go.
#[derive(InputObject)]
pub struct DismissConflictedNootInput {
    /// The id of the copy.
    id: Unchecked<Uuid>,
}

/// The noot with the activities of the copy.
#[derive(SimpleObject)]
pub struct RestoreConflictedNootPayload {
    /// The noot.
    noot: Noot,
}

/// The copy that is gone.
#[derive(SimpleObject)]
pub struct DismissConflictedNootPayload {
    /// Its id.
    dismissed_id: Uuid,
}

impl From<noots::Synced> for NootSyncPayload {
    fn from(synced: noots::Synced) -> Self {
        let of = |wanted: fn(&Settled) -> bool| {
            synced.outcomes.iter().filter(|outcome| wanted(&outcome.verdict)).map(|outcome| Uuid(outcome.id.0)).collect()
        };
        Self {
            accepted: of(|verdict| matches!(verdict, Settled::Accepted | Settled::Unchanged)),
            conflicts: of(|verdict| matches!(verdict, Settled::Conflict { .. })),
            server_noots: synced.noots.into_iter().map(Noot).collect(),
            has_more: synced.has_more,
            deleted_ids: synced.deleted.into_iter().map(|id| Uuid(id.0)).collect(),
            outcomes: synced.outcomes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<noots::Outcome> for NootOutcome {
    fn from(outcome: noots::Outcome) -> Self {
        let (result, kept, rejection) = match outcome.verdict {
            Settled::Accepted => (NootResult::Accepted, None, None),
            Settled::Unchanged => (NootResult::Unchanged, None, None),
            Settled::Conflict { kept } => (NootResult::Conflict, kept, None),
            Settled::Rejected(Rejection { code, field, message }) => {
                (NootResult::Rejected, None, Some(NootRejection { code: code.into(), field, message }))
            }
        };
        Self { id: Uuid(outcome.id.0), result, version: outcome.version, conflicted_noot_id: kept.map(|id| Uuid(id.0)), rejection }
    }
}

impl NootSyncInput {
    fn check(self) -> Result<noots::Request> {
        let noots = self.noots.into_iter().enumerate().map(|(place, noot)| {
            Ok(noots::Pushed {
                id: NootId(noot.id.check(&format!("noots[{place}].id"))?.0),
                version: noot.version,
                base: noot.base_checksum,
                checksum: noot.checksum,
                activities: noot.activities.check(&format!("noots[{place}].activities"))?.0,
            })
        });
        let deleted = self.deleted_noots.into_iter().enumerate().map(|(place, noot)| {
            Ok(noots::Gone { id: NootId(noot.id.check(&format!("deletedNoots[{place}].id"))?.0), version: noot.version })
        });
        let known = self.known_noots.map(|known| {
            let known = known.into_iter().enumerate().map(|(place, noot)| {
                Ok(noots::Known { id: NootId(noot.id.check(&format!("knownNoots[{place}].id"))?.0), checksum: noot.checksum })
            });
            known.collect::<Result<_>>()
        });
        Ok(noots::Request {
            noots: noots.collect::<Result<_>>()?,
            deleted: deleted.collect::<Result<_>>()?,
            known: known.transpose()?,
            rule: self.conflict_rule.into(),
        })
    }
}

/// Asking for noots.
#[derive(Default)]
pub struct NootsQuery;

#[Object]
impl NootsQuery {
    /// The checksums of the viewer's noots that are not deleted.
    #[graphql(complexity = "usize::try_from(first).unwrap_or_default() / 20 + child_complexity")]
    async fn noot_checksums(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 1000.", default = 1000)] first: i32,
        #[graphql(desc = "The id after which to go on.")] after: Option<Unchecked<Uuid>>,
    ) -> Option<Result<NootChecksums>> {
        nullable(async move {
            let after = after.check("after")?.map(|id| NootId(id.0));
            let (heads, has_more) = noots::checksums(&*scope(ctx).read().await?, first, after).await?;
            let noots = heads.into_iter().map(|head| NootChecksum { id: Uuid(head.id.0), checksum: head.checksum, version: head.version });
            Ok(NootChecksums { noots: noots.collect(), has_more })
        })
        .await
    }

    /// These of the viewer's noots.
    #[graphql(complexity = "ids.len() / 5 + child_complexity")]
    async fn noot_fetch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, at most 500. What is not there or was deleted is left out.")] ids: Vec<Unchecked<Uuid>>,
    ) -> Option<Result<FetchedNoots>> {
        nullable(async move {
            let ids = ids.into_iter().enumerate().map(|(place, id)| Ok(NootId(id.check(&format!("ids[{place}]"))?.0)));
            let (noots, remaining) = noots::fetch(&*scope(ctx).read().await?, &ids.collect::<Result<Vec<_>>>()?).await?;
            Ok(FetchedNoots {
                noots: noots.into_iter().map(Noot).collect(),
                remaining_ids: remaining.into_iter().map(|id| Uuid(id.0)).collect(),
            })
        })
        .await
    }
}

/// Bringing noots.
#[derive(Default)]
pub struct NootsMutation;

#[Object]
impl NootsMutation {
    /// Takes the noots that a client changed or deleted, and answers those that it lacks. Sending the same again changes nothing, and no
    /// noot fails because of another: see `outcomes`.
    async fn noot_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the client changed and has.")] input: NootSyncInput,
    ) -> Option<Result<NootSyncPayload>> {
        nullable(async {
            let request = input.check()?;
            let tx = scope(ctx).write().await?;
            let synced = noots::sync(&tx, request).await?;
            tx.commit().await?;
            Ok(synced.into())
        })
        .await
    }

    /// Gives a noot the activities of a copy that lost, whose place the current ones take. A deleted noot comes back.
    async fn restore_conflicted_noot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which copy.")] input: RestoreConflictedNootInput,
    ) -> Option<Result<RestoreConflictedNootPayload>> {
        nullable(async {
            let id = ConflictedNootId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let noot = noots::restore_conflicted(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(RestoreConflictedNootPayload { noot: Noot(noot) })
        })
        .await
    }

    /// Lets a copy that lost go, for good.
    async fn dismiss_conflicted_noot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which copy.")] input: DismissConflictedNootInput,
    ) -> Option<Result<DismissConflictedNootPayload>> {
        nullable(async {
            let id = ConflictedNootId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let dismissed = noots::dismiss_conflicted(&tx, id).await?;
            tx.commit().await?;
            Ok(DismissConflictedNootPayload { dismissed_id: Uuid(dismissed.0) })
        })
        .await
    }
}

/// That a noot changed, without its activities: `nootFetch` has them.
#[derive(SimpleObject)]
pub struct NootChange {
    /// Which noot.
    id: Uuid,
    /// What happened to it.
    kind: NootChangeKind,
    /// Whose it is.
    user_id: Uuid,
    /// When.
    timestamp: DateTime,
    /// Its version now.
    version: i32,
    /// The checksum of its activities now.
    checksum: String,
}

/// What happened to a noot.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum NootChangeKind {
    /// It is new, or was taken back after it had been deleted.
    Created,
    /// It has other activities.
    Updated,
    /// It was deleted.
    Deleted,
}

/// Following noots.
#[derive(Default)]
pub struct NootsSubscription;

#[Subscription]
impl NootsSubscription {
    /// Each noot that was created, changed or deleted. Of changes in quick succession the last may stand for all. Nothing is sent at
    /// first, so subscribe, then sync. Needs ORGANISER: when it is not shared with the viewer any more, a last event has the error
    /// NOT_FOUND, and the stream completes.
    async fn noot_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose noots; the viewer's when absent.")] person_id: Option<Unchecked<Uuid>>,
    ) -> Result<impl Stream<Item = Result<NootChange>>> {
        let person = person_id.check("personId")?.map(|id| UserId(id.0));
        let followed = follow_person(scope(ctx), person, async |tx, person, before: Option<&BTreeMap<NootId, Head>>| {
            if !family_access::types_of(&tx, person).await?.contains(&AccessType::Organiser) {
                return Ok(None);
            }
            let now: BTreeMap<_, _> = noots::heads(&tx, person).await?.into_iter().map(|head| (head.id, head)).collect();
            let changes: Vec<_> = now.values().filter_map(|head| NootChange::of(person, before?.get(&head.id), head)).collect();
            Ok(Some((now, (person, changes))))
        });
        let scope = scope(ctx).clone();
        Ok(followed.await?.flat_map(move |followed| {
            let changes = followed.map(|(person, changes)| {
                scope.note_read(person, AccessType::Organiser);
                changes
            });
            stream::iter(match changes {
                Ok(changes) => changes.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        }))
    }
}

impl NootChange {
    fn of(person: UserId, before: Option<&Head>, now: &Head) -> Option<Self> {
        let kind = match before.filter(|before| !before.deleted) {
            Some(before) if before.version == now.version => return None,
            Some(_) if now.deleted => NootChangeKind::Deleted,
            Some(_) => NootChangeKind::Updated,
            // Created and deleted while nobody looked.
            None if now.deleted => return None,
            None => NootChangeKind::Created,
        };
        let (id, timestamp) = (Uuid(now.id.0), DateTime(now.updated_at));
        Some(Self { id, kind, user_id: Uuid(person.0), timestamp, version: now.version, checksum: now.checksum.clone() })
    }
}
