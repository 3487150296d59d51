//! Keeping a household's turns and their events the same, in both directions.
//!
//! What Hale last wrote of an event is kept, and the etag that Google gave it: an event that comes back with that etag is Hale's own
//! echo. Any other change is somebody's: a member's name in the title becomes the turn's, and what names nobody is kept as a
//! question. Everything else about an event is the rota's, and is put right again. What was deleted is put back, or its turn is skipped:
//! the household says which.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use entity::{
    assignments::AssignmentStatus,
    calendar_settings::{ActiveModel, CalendarStatus, Model, WhenEventDeleted},
    household_members,
    id::{AssignmentId, HouseholdId, HouseholdMemberId, RoutineId},
};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ActiveValue::Set, FromQueryResult, Value};
use sha2::{Digest, Sha256};

use super::{
    Access, change, expire_access,
    google::{Event, ExtendedProperties, Failure, Google, Since, Source, When},
    of_job, run, statement,
};
use crate::{
    access::{Database, Tx, Viewer},
    assignments::{self, Substitute},
    error::{Error, Result},
    households,
    jobs::{Claimed, Finished, Kind, Request, enqueue},
    rota::{Doer, MemberId, doer_in_title},
    routines,
};

/// How far back events are looked after: as far as a turn may still be changed.
const PAST: Days = Days::new(31);
/// How many events at most.
const MOST: i64 = 5_000;
/// How often both sides may change under each other's hands in one go.
const ROUNDS: u32 = 3;

/// Brings a connection up to date, or takes it down.
pub(crate) async fn sync(job: &Claimed, google: &Google) -> Result<Finished> {
    let viewer = job.viewer()?;
    let tx = viewer.read().await?;
    let settings = of_job(&tx, &job.about).await?;
    drop(tx);
    let Some(settings) = settings else {
        give_back_what_is_left(google, &viewer).await?;
        return job.finish_for_good(viewer.write().await?).await;
    };
    match (settings.status, &settings.calendar_id) {
        (CalendarStatus::Disconnecting, _) => return take_down(job, google, &viewer, &settings).await,
        (CalendarStatus::Connected, Some(_)) => {}
        // Until somebody chooses a calendar, or consents again, there is nothing to do.
        _ => return job.finish_for_good(viewer.write().await?).await,
    }
    let done = bring_up_to_date(google, &viewer, settings.household_id).await;
    if let Err(Failure::Unauthorized) = done {
        expire_access(&viewer, settings.household_id).await?;
    }
    if let Err(Failure::NotFound) = done {
        let tx = viewer.write().await?;
        super::broken(&tx, settings.household_id, "this calendar is gone: choose another").await?;
        return job.finish_for_good(tx).await;
    }
    let tx = viewer.write().await?;
    match done.map_err(|failure| match failure {
        Failure::Unauthorized => Error::conflict("Google wants another access token"),
        failure => failure.into(),
    }) {
        Ok(()) => {
            change(&tx, settings.household_id, settings.id, ActiveModel { last_synced_at: Set(Some(tx.now())), ..Default::default() })
                .await?;
            job.finish(tx).await
        }
        // The consent is gone, or the calendar is not writable: it was noted, and nothing helps but connecting again.
        Err(Error::Forbidden(problem)) => {
            super::broken(&tx, settings.household_id, &problem).await?;
            job.finish_for_good(tx).await
        }
        Err(error) => Err(error),
    }
}

async fn bring_up_to_date(google: &Google, viewer: &Viewer, household: HouseholdId) -> Result<(), Failure> {
    for _ in 0..ROUNDS {
        let access = Access::of(google, viewer, household).await?;
        let access = access.ok_or_else(|| Error::Forbidden("the consent is gone: connect the calendar again".into()))?;
        pull(google, viewer, &access, household).await?;
        if push(google, viewer, &access, household).await? {
            return Ok(());
        }
    }
    Err(Error::conflict("the calendar changes faster than it can be followed").into())
}

async fn current(tx: &Tx, household: HouseholdId) -> Result<(Model, String)> {
    let gone = || Error::conflict("this calendar was disconnected meanwhile");
    let settings = super::stored(tx, household).await?.filter(|settings| settings.status == CalendarStatus::Connected).ok_or_else(gone)?;
    let calendar = settings.calendar_id.clone().ok_or_else(gone)?;
    Ok((settings, calendar))
}

/// The event of a turn, as it is stored.
#[derive(FromQueryResult)]
struct Known {
    event_id: String,
    etag: Option<String>,
    routine_id: RoutineId,
    date: NaiveDate,
}

/// Takes what was changed in the calendar, all pages of it; and saves from where to go on together with what came of it.
async fn pull(google: &Google, viewer: &Viewer, access: &Access, household: HouseholdId) -> Result<(), Failure> {
    let tx = viewer.read().await?;
    let (settings, calendar) = current(&tx, household).await?;
    let from = tx.now().date_naive() - PAST;
    drop(tx);
    let start = from.and_time(NaiveTime::MIN).and_utc();
    let (changes, complete) = match &settings.sync_token {
        Some(token) => match google.changes(&access.token, &calendar, Since::Token(token)).await {
            // Google no longer knows what had changed since: it is asked for everything.
            Err(Failure::Gone) => (google.changes(&access.token, &calendar, Since::Start(start)).await?, true),
            changes => (changes?, false),
        },
        None => (google.changes(&access.token, &calendar, Since::Start(start)).await?, true),
    };
    let changed: BTreeMap<&str, &Event> = changes.events.iter().map(|event| (event.id.as_str(), event)).collect();

    let mut refused = BTreeSet::new();
    loop {
        let tx = viewer.write().await?;
        let events = statement(
            "SELECT event_id, etag, routine_id, date FROM calendar_events
             WHERE household_id = $1 AND in_calendar = $2 AND date >= $3 AND etag IS NOT NULL AND ($4 OR event_id = ANY ($5)) ORDER BY date, event_id",
            [
                household.0.into(),
                calendar.clone().into(),
                from.into(),
                complete.into(),
                changed.keys().map(|id| (*id).to_owned()).collect::<Vec<_>>().into(),
            ],
        );
        let known = Known::find_by_statement(events).all(&tx).await.map_err(Error::from)?;
        let members = households::members(&tx, household, false).await?;
        let mut failed = None;
        for event in &known {
            match changed.get(event.event_id.as_str()) {
                None => deleted(&tx, &settings, event).await?,
                Some(now) if event.etag.as_deref() == Some(now.etag.as_str()) => {}
                Some(now) => {
                    if let Err(error) = edited(&tx, &settings, &members, event, now, refused.contains(&event.event_id)).await {
                        failed = Some((event.event_id.clone(), error));
                        break;
                    }
                }
            }
        }
        match failed {
            None => {
                let row = ActiveModel { sync_token: Set(Some(changes.next.clone())), ..Default::default() };
                change(&tx, household, settings.id, row).await?;
                tx.commit().await?;
                return Ok(());
            }
            // The rota refuses this one for good: it is put right again, and the others are heard.
            Some((event, Error::NotFound(_) | Error::NoSuch { .. } | Error::Forbidden(_) | Error::Invalid { .. }))
                if !refused.contains(&event) =>
            {
                refused.insert(event);
            }
            Some((_, error)) => return Err(error.into()),
        }
    }
}

/// Somebody deleted the event. Where the household wants that, its turn is skipped; any turn that is not, is there all the same, and
/// its event comes back.
async fn deleted(tx: &Tx, settings: &Model, event: &Known) -> Result<()> {
    let household = settings.household_id;
    if settings.when_event_deleted == WhenEventDeleted::SkipTurn
        && may_change(tx, household, event).await?
        && let Some(turn) = turn_of(tx, household, event).await?
        && turn.status == AssignmentStatus::Planned
    {
        assignments::skip_without_event(tx, household, turn.id).await?;
    }
    run(
        tx,
        "UPDATE calendar_events SET etag = NULL, written = NULL WHERE household_id = $1 AND event_id = $2",
        [household.0.into(), event.event_id.clone().into()],
    )
    .await
}

/// A turn as far as an edited event is about it.
#[derive(FromQueryResult)]
struct Turn {
    id: AssignmentId,
    member_id: Option<HouseholdMemberId>,
    name: String,
    starts_at: Option<DateTime<Utc>>,
    status: AssignmentStatus,
}

async fn turn_of(tx: &Tx, household: HouseholdId, event: &Known) -> Result<Option<Turn>> {
    let turn = statement(
        "SELECT id, member_id, name, starts_at, status FROM assignments WHERE household_id = $1 AND routine_id = $2 AND date = $3",
        [household.0.into(), event.routine_id.0.into(), event.date.into()],
    );
    Ok(Turn::find_by_statement(turn).one(tx).await?)
}

/// Somebody edited the event.
async fn edited(tx: &Tx, settings: &Model, members: &[household_members::Model], event: &Known, now: &Event, refused: bool) -> Result<()> {
    if now.status == "cancelled" {
        return deleted(tx, settings, event).await;
    }
    let household = settings.household_id;
    let mut question = None;
    let mut put_right = refused;
    if let Some(turn) = turn_of(tx, household, event).await?
        && !refused
    {
        match doer_in_title(&now.summary, |name| member_named(members, name)) {
            Some(Doer::Member(MemberId(member))) if turn.member_id != Some(HouseholdMemberId(member)) => {
                if may_change(tx, household, event).await? {
                    let to = Substitute::Member(HouseholdMemberId(member));
                    assignments::reassign(tx, household, turn.id, to, None).await?;
                }
                put_right = true;
            }
            Some(Doer::Member(_)) => put_right = !now.summary.starts_with(&format!("[{}] ", turn.name)),
            Some(Doer::Helper(name)) if name == turn.name => {}
            Some(Doer::Helper(name)) => question = Some(name),
            Some(Doer::Nobody) | None => question = Some(now.summary.clone()),
        }
        put_right |= When::of(turn.starts_at, event.date) != now.start;
    }
    // A title that is a question stays as it is until the household has answered it.
    let question = question.map(|text| text.chars().filter(|character| !character.is_control()).take(200).collect::<String>());
    let question = question.map(|text| if text.trim().is_empty() { "(no title)".to_owned() } else { text });
    run(
        tx,
        "UPDATE calendar_events SET etag = $3, question = $4, written = CASE WHEN $5 THEN NULL ELSE written END WHERE household_id = $1 AND event_id = $2",
        [household.0.into(), event.event_id.clone().into(), now.etag.clone().into(), question.into(), put_right.into()],
    )
    .await
}

/// Whether the rota still lets this day be changed.
async fn may_change(tx: &Tx, household: HouseholdId, event: &Known) -> Result<bool> {
    let Some(routine) = routines::find(tx, household, event.routine_id).await? else { return Ok(false) };
    let today = routines::calendar(&routine)?.today(tx.now());
    Ok(crate::rota::may_change(event.date, today, u32::try_from(routine.past_edit_days).unwrap_or_default()))
}

/// The one member of this name, however it is capitalised; none where two could be meant.
fn member_named(members: &[household_members::Model], name: &str) -> Option<MemberId> {
    let mut named = members.iter().filter(|member| member.name.to_lowercase() == name.to_lowercase());
    let exact = members.iter().filter(|member| member.name == name);
    let mut exact = exact.take(2).collect::<Vec<_>>();
    let one = match (exact.pop(), exact.pop()) {
        (Some(member), None) => Some(member),
        _ => named.next().filter(|_| named.next().is_none()),
    };
    one.map(|member| MemberId(member.id.0))
}

/// A turn that should be in the calendar, and what is there.
#[derive(FromQueryResult)]
struct Wanted {
    routine_id: RoutineId,
    routine: String,
    date: NaiveDate,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    name: String,
    event_id: Option<String>,
    etag: Option<String>,
    written: Option<String>,
}

/// An event that should not be there.
#[derive(FromQueryResult)]
struct Leftover {
    event_id: String,
    in_calendar: String,
}

/// Writes what is not in the calendar as it should be. Answers whether both sides are the same now; else somebody was faster.
async fn push(google: &Google, viewer: &Viewer, access: &Access, household: HouseholdId) -> Result<bool, Failure> {
    let tx = viewer.read().await?;
    let (settings, calendar) = current(&tx, household).await?;
    let from = tx.now().date_naive() - PAST;
    let leftovers = statement(
        "SELECT e.event_id, e.in_calendar FROM calendar_events e WHERE e.household_id = $1 AND (e.in_calendar <> $2 OR e.date >= $3 AND NOT EXISTS (
           SELECT FROM assignments a WHERE a.household_id = e.household_id AND a.routine_id = e.routine_id AND a.date = e.date AND a.status <> $4))
         ORDER BY e.date, e.event_id",
        [household.0.into(), calendar.clone().into(), from.into(), sea_orm::ActiveEnum::to_value(&AssignmentStatus::Skipped).into()],
    );
    let leftovers = Leftover::find_by_statement(leftovers).all(&tx).await.map_err(Error::from)?;
    drop(tx);
    for leftover in leftovers {
        match google.delete(&access.token, &leftover.in_calendar, &leftover.event_id).await {
            // A calendar that was chosen before may be gone with all its events.
            Err(Failure::Other(Error::Forbidden(_))) if leftover.in_calendar != calendar => {}
            done => done?,
        }
        let tx = viewer.write().await?;
        let values: [Value; 2] = [household.0.into(), leftover.event_id.into()];
        run(&tx, "DELETE FROM calendar_events WHERE household_id = $1 AND event_id = $2", values).await?;
        tx.commit().await?;
    }

    let tx = viewer.read().await?;
    let wanted = statement(
        "SELECT a.routine_id, r.name AS routine, a.date, a.starts_at, a.ends_at, a.name, e.event_id, e.etag, e.written
         FROM assignments a JOIN routines r ON r.household_id = a.household_id AND r.id = a.routine_id
         LEFT JOIN calendar_events e ON e.household_id = a.household_id AND e.routine_id = a.routine_id AND e.date = a.date
         WHERE a.household_id = $1 AND a.date >= $2 AND a.status <> $3 ORDER BY a.date, a.routine_id LIMIT $4",
        [household.0.into(), from.into(), sea_orm::ActiveEnum::to_value(&AssignmentStatus::Skipped).into(), MOST.into()],
    );
    let wanted = Wanted::find_by_statement(wanted).all(&tx).await.map_err(Error::from)?;
    drop(tx);
    let mut same = true;
    for turn in &wanted {
        let id = turn.event_id.clone().map_or_else(|| event_id(viewer.database(), &settings, turn), Ok)?;
        let event = turn.event(id, google.public_url());
        let hash = hash(&event)?;
        if turn.etag.is_some() && turn.written.as_deref() == Some(hash.as_str()) {
            continue;
        }
        if turn.event_id.is_none() {
            plan_event(viewer, &settings, &calendar, turn, &event.id).await?;
        }
        match write(google, access, &calendar, &event, turn.etag.as_deref()).await {
            Ok(written) => {
                let tx = viewer.write().await?;
                let values: [Value; 4] = [household.0.into(), event.id.into(), written.etag.into(), hash.into()];
                run(
                    &tx,
                    "UPDATE calendar_events SET etag = $3, written = $4, question = NULL WHERE household_id = $1 AND event_id = $2",
                    values,
                )
                .await?;
                tx.commit().await?;
            }
            // Somebody has edited it since it was read: their edit is heard first.
            Err(Failure::Changed) => same = false,
            Err(failure) => return Err(failure),
        }
    }
    Ok(same)
}

/// Notes the event before it is made, so that a worker that dies in between makes the same one again.
async fn plan_event(viewer: &Viewer, settings: &Model, calendar: &str, turn: &Wanted, event: &str) -> Result<()> {
    let tx = viewer.write().await?;
    let values: [Value; 6] =
        [settings.household_id.0.into(), settings.id.0.into(), event.into(), calendar.into(), turn.routine_id.0.into(), turn.date.into()];
    run(
        &tx,
        "INSERT INTO calendar_events (household_id, calendar_id, event_id, in_calendar, routine_id, date) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING",
        values,
    )
    .await?;
    tx.commit().await
}

/// Makes the event what it should be, whether it is there or not, and however often.
async fn write(google: &Google, access: &Access, calendar: &str, event: &Event, etag: Option<&str>) -> Result<Event, Failure> {
    let there = match etag {
        Some(etag) => google.update(&access.token, calendar, event, Some(etag)).await,
        None => Err(Failure::NotFound),
    };
    match there {
        Err(Failure::NotFound | Failure::Gone) => match google.insert(&access.token, calendar, event).await {
            // It was made by an attempt whose answer was lost, or deleted by somebody: an update brings that back, too.
            Err(Failure::Duplicate) => google.update(&access.token, calendar, event, None).await,
            inserted => inserted,
        },
        there => there,
    }
}

/// The id of a turn's event: always the same for this connection, and nobody's to guess. Google wants base32hex.
fn event_id(database: &Database, settings: &Model, turn: &Wanted) -> Result<String> {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let keys = database.keys();
    let key = keys.sealing_key(keys.sealing(), "ids of events").ok_or_else(|| Error::internal("no key for the ids of events"))?;
    let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| Error::Internal(error.into()))?;
    let mac = mac.chain_update(format!("{} {} {}", settings.id, turn.routine_id, turn.date)).finalize().into_bytes();
    // Five bits of each byte are plenty: 160 in all.
    Ok(mac.iter().map(|byte| char::from(DIGITS[usize::from(byte & 31)])).collect())
}

fn hash(event: &Event) -> Result<String> {
    let json = serde_json::to_vec(event).map_err(|error| Error::Internal(error.into()))?;
    Ok(Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect())
}

impl When {
    fn of(at: Option<DateTime<Utc>>, date: NaiveDate) -> Self {
        match at {
            Some(at) => Self { date_time: Some(at), date: None },
            None => Self { date: Some(date), date_time: None },
        }
    }
}

impl Wanted {
    fn event(&self, id: String, public_url: &str) -> Event {
        // Google wants an end: of an instant without a length, the instant itself.
        let end = self.ends_at.or(self.starts_at);
        Event {
            id,
            status: "confirmed".into(),
            summary: format!("[{}] {}", self.name, self.routine),
            description: format!(
                "{} has this turn. To give it to somebody else, write their name between the brackets of the title.",
                self.name
            ),
            start: When::of(self.starts_at, self.date),
            end: When::of(end, self.date + Days::new(1)),
            transparency: "transparent".into(),
            source: Some(Source { title: "Hale".into(), url: public_url.into() }),
            extended_properties: ExtendedProperties {
                private: [("app", "hale".to_owned()), ("routine", self.routine_id.to_string()), ("date", self.date.to_string())]
                    .map(|(name, value)| (name.to_owned(), value))
                    .into(),
            },
            ..Event::default()
        }
    }
}

/// Takes down a connection: its channels, the events of days to come, and the consent.
async fn take_down(job: &Claimed, google: &Google, viewer: &Viewer, settings: &Model) -> Result<Finished> {
    let household = settings.household_id;
    if let Some(access) = access_if_any(google, viewer, household).await? {
        match remove_everything(google, viewer, &access, household).await {
            Ok(()) => access.revoke(google).await?,
            // The consent was taken back at Google's side already.
            Err(Failure::Revoked | Failure::Unauthorized) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    let tx = viewer.write().await?;
    forget(&tx, household).await?;
    run(&tx, "DELETE FROM calendar_settings WHERE household_id = $1", [household.0.into()]).await?;
    job.finish_for_good(tx).await
}

async fn access_if_any(google: &Google, viewer: &Viewer, household: HouseholdId) -> Result<Option<Access>> {
    match Access::of(google, viewer, household).await {
        Err(Error::Forbidden(_)) => Ok(None),
        access => access,
    }
}

async fn remove_everything(google: &Google, viewer: &Viewer, access: &Access, household: HouseholdId) -> Result<(), Failure> {
    super::channel::close_all_but(google, viewer, access, household, None).await?;
    let tx = viewer.read().await?;
    let events = statement(
        "SELECT event_id, in_calendar FROM calendar_events WHERE household_id = $1 AND date >= $2 ORDER BY date, event_id",
        [household.0.into(), tx.now().date_naive().into()],
    );
    let events = Leftover::find_by_statement(events).all(&tx).await.map_err(Error::from)?;
    drop(tx);
    for event in events {
        google.delete(&access.token, &event.in_calendar, &event.event_id).await?;
        let tx = viewer.write().await?;
        let values: [Value; 2] = [household.0.into(), event.event_id.into()];
        run(&tx, "DELETE FROM calendar_events WHERE household_id = $1 AND event_id = $2", values).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn forget(tx: &Tx, household: HouseholdId) -> Result<()> {
    run(tx, "DELETE FROM oauth_tokens WHERE user_id = $1 AND household_id = $2", [tx.viewer()?.0.into(), household.0.into()]).await
}

/// Consents for households for which the viewer connects nothing any more: they left, or somebody else does it now.
async fn give_back_what_is_left(google: &Google, viewer: &Viewer) -> Result<()> {
    let tx = viewer.read().await?;
    let idle = statement(
        "SELECT t.household_id FROM oauth_tokens t WHERE t.user_id = $1 AND (t.household_id <> ALL ((SELECT auth.administered_households())::uuid[])
           OR NOT EXISTS (SELECT FROM calendar_settings s WHERE s.household_id = t.household_id AND s.created_by = t.user_id))",
        [viewer.user_id().0.into()],
    );
    let rows = sea_orm::ConnectionTrait::query_all_raw(&tx, idle).await?;
    drop(tx);
    for row in rows {
        let household = HouseholdId(row.try_get_by_index(0)?);
        if let Some(access) = access_if_any(google, viewer, household).await? {
            access.revoke(google).await?;
        }
        let tx = viewer.write().await?;
        forget(&tx, household).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Asks for a connection to be looked at, because something may have been missed.
pub(super) async fn request(tx: &Tx, about: &str) -> Result<()> {
    enqueue(tx, Request { kind: Kind::CalendarSync, about, due: tx.now(), every: Some(super::CATCH_UP), anew: false }).await
}
