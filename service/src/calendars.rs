//! A household's turns in somebody's calendar: Google Calendar over its real API.
//!
//! An administrator consents (OAuth 2.0 with PKCE), chooses a calendar, and from then on [`sync`] keeps both sides the same: turns
//! become events, and a name that somebody writes into an event's title becomes the turn's. [`channel`] has the calendar call when
//! something changes. All of it is done by jobs that run as whoever connected the calendar, and no transaction is held while
//! somebody else's server is asked.

pub(crate) mod channel;
pub mod google;
pub(crate) mod sync;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    calendar_settings::{ActiveModel, CalendarStatus, Column, Entity, Model, WhenEventDeleted},
    household_members::{self, MemberRole},
    id::{CalendarId, HouseholdId, UserId},
};
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement, Value,
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use self::google::{CalendarEntry, Google, Grant};
use crate::{
    access::{Database, Tx, Viewer},
    error::{Error, Result},
    households,
    jobs::{self, Kind, Request},
    sealing, tokens,
};

/// How long somebody may take to consent.
const CONSENT: TimeDelta = TimeDelta::minutes(10);
/// How often a calendar is looked at though it did not call.
const CATCH_UP: TimeDelta = TimeDelta::minutes(15);

/// What an operator who wants none of this is told.
pub const NOT_CONFIGURED: Error =
    Error::NotConfigured("this server is not set up for Google Calendar: its operator sets HALE_GOOGLE_CLIENT_ID and HALE_PUBLIC_URL");

/// Where somebody goes to consent, and until when.
pub struct Consent {
    /// The address to open in a browser.
    pub url: String,
    /// When it is too late.
    pub expires_at: DateTime<Utc>,
}

/// Who is about to let whom write into a calendar, to be confirmed by the one before the browser.
pub struct Awaited {
    /// The account that will write.
    pub person: String,
    /// The household whose turns it writes.
    pub household: String,
}

/// A connection as its household sees it.
#[derive(Clone)]
pub struct Connection {
    /// What is stored.
    pub settings: Model,
    /// When the channel by which the calendar calls ends; `None` while there is none.
    pub channel_expires_at: Option<DateTime<Utc>>,
    /// Titles of events that name nobody, for the household to answer.
    pub questions: Vec<Question>,
    /// Whether whoever connected it has left, or no longer administers the household.
    pub abandoned: bool,
}

/// A title that somebody wrote into the calendar and that names nobody.
#[derive(Clone, FromQueryResult)]
pub struct Question {
    /// Of which routine.
    pub routine_id: entity::id::RoutineId,
    /// The day.
    pub date: chrono::NaiveDate,
    /// The name, or the title where there is none in it.
    pub question: String,
}

/// The connection of a household; `None` where there is none, or none any more.
pub async fn find(tx: &Tx, household: HouseholdId) -> Result<Option<Connection>> {
    let settings = stored(tx, household).await?.filter(|settings| settings.status != CalendarStatus::Disconnecting);
    let Some(settings) = settings else { return Ok(None) };
    let channel = statement(
        "SELECT max(expiration) FROM notification_channels WHERE household_id = $1 AND resource_id IS NOT NULL AND expiration > $2",
        [household.0.into(), tx.now().into()],
    );
    let channel = tx.query_one_raw(channel).await?;
    let questions = statement(
        "SELECT routine_id, date, question FROM calendar_events WHERE household_id = $1 AND question IS NOT NULL ORDER BY date, routine_id",
        [household.0.into()],
    );
    let members = households::members(tx, household, false).await?;
    let connects = |member: &household_members::Model| member.user_id == settings.created_by && member.role == MemberRole::Administrator;
    Ok(Some(Connection {
        channel_expires_at: channel.map(|row| row.try_get_by_index(0)).transpose()?.flatten(),
        questions: Question::find_by_statement(questions).all(tx).await?,
        abandoned: settings.created_by.is_none() || !members.iter().any(connects),
        settings,
    }))
}

async fn stored(tx: &Tx, household: HouseholdId) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::HouseholdId.eq(household)).one(tx).await?)
}

/// Sends an administrator to consent. What they bring back is theirs and works once.
pub async fn connect(database: &Database, google: &Google, tx: &Tx, household: HouseholdId) -> Result<Consent> {
    households::administered(tx, household).await?;
    refuse_while_another_is_connected(tx, household).await?;
    let person = tx.viewer()?;
    let (state, verifier) = (tokens::new_secret(database.random()), tokens::new_secret(database.random()));
    let expires_at = tx.now() + CONSENT;
    // One consent at a time; what was begun before is void.
    run(tx, "DELETE FROM oauth_consents WHERE user_id = $1 AND household_id = $2", [person.0.into(), household.0.into()]).await?;
    let values: [Value; 6] = [
        person.0.into(),
        tx.new_id().into(),
        household.0.into(),
        tokens::secret_hash(&state).into(),
        seal(database, person, household, "verifier", &verifier)?.into(),
        expires_at.into(),
    ];
    run(
        tx,
        "INSERT INTO oauth_consents (user_id, id, household_id, provider, state, verifier, expires_at) VALUES ($1, $2, $3, 'google', $4, $5, $6)",
        values,
    )
    .await?;
    Ok(Consent { url: google.consent_url(&state, &verifier)?, expires_at })
}

/// Whoever else connected a calendar keeps it, until somebody disconnects it.
async fn refuse_while_another_is_connected(tx: &Tx, household: HouseholdId) -> Result<()> {
    match find(tx, household).await? {
        Some(there)
            if there.settings.created_by != Some(tx.viewer()?) && !there.abandoned && there.settings.status != CalendarStatus::Broken =>
        {
            Err(Error::conflict("another administrator has connected a calendar: disconnect it first"))
        }
        _ => Ok(()),
    }
}

const UNKNOWN_CONSENT: Error = Error::NotFound("consent waiting");

/// What the one before the browser is about to agree to. Consenting in somebody else's place, by a link they sent, must be seen.
pub async fn awaited(database: &Database, state: &str) -> Result<Awaited> {
    let (tx, consent) = enter_consent(database, state).await?;
    let names = statement(
        "SELECT coalesce(u.full_name, u.email), h.name FROM oauth_consents c
         JOIN users u ON u.id = c.user_id JOIN households h ON h.id = c.household_id WHERE c.id = $1 AND c.used_at IS NULL",
        [consent.into()],
    );
    let row = tx.query_one_raw(names).await?.ok_or(UNKNOWN_CONSENT)?;
    Ok(Awaited { person: row.try_get_by_index(0)?, household: row.try_get_by_index(1)? })
}

async fn enter_consent(database: &Database, state: &str) -> Result<(Tx, Uuid)> {
    let door =
        statement("SELECT person, consent FROM auth.enter_consent($1, $2)", [tokens::secret_hash(state).into(), database.now().into()]);
    let (tx, row) = database.enter(door).await?.ok_or(UNKNOWN_CONSENT)?;
    Ok((tx, row.try_get_by_index(1)?))
}

/// Takes the code that somebody brought back: from now on Hale may write where they choose.
pub async fn consented(database: &Database, google: &Google, state: &str, code: &str) -> Result<()> {
    let (tx, consent) = enter_consent(database, state).await?;
    let used = statement(
        "UPDATE oauth_consents SET used_at = $2 WHERE id = $1 AND used_at IS NULL RETURNING household_id, verifier",
        [consent.into(), tx.now().into()],
    );
    let row = tx.query_one_raw(used).await?.ok_or(UNKNOWN_CONSENT)?;
    let (household, verifier) = (HouseholdId(row.try_get_by_index(0)?), row.try_get_by_index::<String>(1)?);
    let person = tx.viewer()?;
    tx.commit().await?;

    let verifier = open(database, person, household, "verifier", &verifier)?;
    let grant = google.exchange(code, &verifier).await.map_err(|failure| match failure {
        google::Failure::Revoked => Error::invalid("code", "Google does not know this code any more: begin again"),
        failure => failure.into(),
    })?;
    let Some(refresh_token) = grant.refresh_token.clone() else {
        return Err(Error::invalid("code", "Google gave no lasting access: begin again"));
    };
    if !grant.scope.split(' ').any(|scope| scope.ends_with("/auth/calendar.events")) {
        return Err(Error::invalid("scope", "without leave to write events there is nothing to do: begin again and leave it ticked"));
    }
    let calendars = google.calendars(&grant.access_token).await?;

    let (tx, _) = enter_consent(database, state).await?;
    run(&tx, "DELETE FROM oauth_consents WHERE user_id = $1 AND household_id = $2", [person.0.into(), household.0.into()]).await?;
    let expires_at = expiry(tx.now(), &grant);
    let values: [Value; 7] = [
        person.0.into(),
        tx.new_id().into(),
        household.0.into(),
        seal(database, person, household, "access", &grant.access_token)?.into(),
        seal(database, person, household, "refresh", &refresh_token)?.into(),
        expires_at.into(),
        json(&calendars)?,
    ];
    run(
        &tx,
        "INSERT INTO oauth_tokens (user_id, id, household_id, provider, access_token, refresh_token, expiry, calendars)
         VALUES ($1, $2, $3, 'google', $4, $5, $6, $7)
         ON CONFLICT (user_id, household_id, provider) DO UPDATE SET access_token = EXCLUDED.access_token,
           refresh_token = EXCLUDED.refresh_token, expiry = EXCLUDED.expiry, calendars = EXCLUDED.calendars",
        values,
    )
    .await?;
    let id = settle(&tx, household, expires_at).await?;
    begin_work(&tx, id).await?;
    tx.commit().await
}

/// The household's one connection is the viewer's now. Whoever had one already keeps their calendar, and the household what it wants done.
async fn settle(tx: &Tx, household: HouseholdId, token_expires_at: DateTime<Utc>) -> Result<CalendarId> {
    refuse_while_another_is_connected(tx, household).await?;
    let there = stored(tx, household).await?;
    if let Some(own) = there.as_ref().filter(|there| there.created_by == tx.viewer().ok() && there.status != CalendarStatus::Disconnecting)
    {
        let status = if own.calendar_id.is_some() { CalendarStatus::Connected } else { CalendarStatus::Choosing };
        let row = ActiveModel {
            status: Set(status),
            problem: Set(None),
            token_expires_at: Set(Some(token_expires_at)),
            sync_token: Set(None),
            ..Default::default()
        };
        change(tx, household, own.id, row).await?;
        return Ok(own.id);
    }
    run(tx, "DELETE FROM calendar_settings WHERE household_id = $1", [household.0.into()]).await?;
    let id = CalendarId(tx.new_id());
    let when_event_deleted = there.map_or(WhenEventDeleted::RestoreEvent, |there| there.when_event_deleted);
    run(
        tx,
        "INSERT INTO calendar_settings (household_id, id, provider, token_expires_at, when_event_deleted) VALUES ($1, $2, 'google', $3, $4)",
        [household.0.into(), id.0.into(), token_expires_at.into(), ActiveEnum::to_value(&when_event_deleted).into()],
    )
    .await?;
    Ok(id)
}

async fn begin_work(tx: &Tx, id: CalendarId) -> Result<()> {
    let about = id.to_string();
    for (kind, every) in [(Kind::CalendarSync, Some(CATCH_UP)), (Kind::CalendarChannel, None)] {
        jobs::enqueue(tx, Request { kind, about: &about, due: tx.now(), every, anew: true }).await?;
    }
    Ok(())
}

/// The calendars that the viewer may choose among, as Google listed them last; none for anybody but whoever connected it.
pub async fn calendars(tx: &Tx, household: HouseholdId) -> Result<Vec<CalendarEntry>> {
    let row = tx
        .query_one_raw(statement(
            "SELECT calendars FROM oauth_tokens WHERE user_id = $1 AND household_id = $2",
            [tx.viewer()?.0.into(), household.0.into()],
        ))
        .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    serde_json::from_value(row.try_get_by_index(0)?).map_err(Error::stored_json)
}

/// Asks Google once more which calendars there are.
pub async fn refresh_calendars(google: &Google, viewer: &Viewer, household: HouseholdId) -> Result<Vec<CalendarEntry>> {
    let access = Access::of(google, viewer, household).await?.ok_or(NOT_YOURS)?;
    let calendars = google.calendars(&access.token).await?;
    let tx = viewer.write().await?;
    run(
        &tx,
        "UPDATE oauth_tokens SET calendars = $3 WHERE user_id = $1 AND household_id = $2",
        [viewer.user_id().0.into(), household.0.into(), json(&calendars)?],
    )
    .await?;
    tx.commit().await?;
    Ok(calendars)
}

const NOT_YOURS: Error = Error::NotFound("calendar connected by you");

/// Chooses where the turns go. From a calendar that was chosen before they are taken away.
pub async fn choose(tx: &Tx, household: HouseholdId, calendar: &str) -> Result<Connection> {
    let settings = find(tx, household).await?.map(|connection| connection.settings);
    let settings = settings.filter(|settings| settings.created_by == tx.viewer().ok()).ok_or(NOT_YOURS)?;
    let calendar = calendars(tx, household).await?.into_iter().find(|entry| entry.id == calendar && !entry.name.is_empty());
    let calendar = calendar.ok_or_else(|| Error::invalid("calendarId", "choose one of availableCalendars, or refresh them"))?;
    let row = ActiveModel {
        status: Set(CalendarStatus::Connected),
        problem: Set(None),
        calendar_id: Set(Some(calendar.id)),
        calendar_name: Set(Some(calendar.name.chars().take(500).collect())),
        sync_token: Set(None),
        ..Default::default()
    };
    change(tx, household, settings.id, row).await?;
    begin_work(tx, settings.id).await?;
    find(tx, household).await?.ok_or(NOT_YOURS)
}

/// Says what comes of turns whose events somebody deletes from now on. For administrators.
pub async fn update(tx: &Tx, household: HouseholdId, when_event_deleted: Option<WhenEventDeleted>) -> Result<Connection> {
    const NONE: Error = Error::NotFound("calendar");
    households::administered(tx, household).await?;
    let settings = find(tx, household).await?.ok_or(NONE)?.settings;
    if let Some(wanted) = when_event_deleted {
        change(tx, household, settings.id, ActiveModel { when_event_deleted: Set(wanted), ..Default::default() }).await?;
    }
    find(tx, household).await?.ok_or(NONE)
}

/// Ends the connection: at once for the household, and as soon as Google answers for what Hale has there.
pub async fn disconnect(tx: &Tx, household: HouseholdId) -> Result<()> {
    households::administered(tx, household).await?;
    let connection = find(tx, household).await?.ok_or(Error::NotFound("calendar"))?;
    if connection.abandoned {
        // Nobody is left whose consent could be used to take down anything.
        return run(tx, "DELETE FROM calendar_settings WHERE household_id = $1", [household.0.into()]).await;
    }
    let row = ActiveModel { status: Set(CalendarStatus::Disconnecting), problem: Set(None), ..Default::default() };
    change(tx, household, connection.settings.id, row).await?;
    if connection.settings.created_by == Some(tx.viewer()?) {
        return begin_work(tx, connection.settings.id).await;
    }
    run(tx, "SELECT auth.refresh_calendar($1)", [household.0.into()]).await
}

/// A channel calls: something has changed. Answers nothing to whoever is not a channel of Hale's.
pub async fn notified(database: &Database, call: &Notification<'_>) -> Result<()> {
    const UNKNOWN: Error = Error::NotFound("channel");
    let channel = call.channel.parse::<Uuid>().map_err(|_| UNKNOWN)?;
    let door = statement(
        "SELECT person, calendar, secret FROM auth.enter_channel($1, $2, $3)",
        [channel.into(), call.resource.into(), database.now().into()],
    );
    let (tx, row) = database.enter(door).await?.ok_or(UNKNOWN)?;
    let secret: String = row.try_get_by_index(2)?;
    if !bool::from(tokens::secret_hash(call.token).as_bytes().ct_eq(secret.as_bytes())) {
        return Err(UNKNOWN);
    }
    // The first message only says that the channel is open.
    if call.state != "sync" {
        let about = row.try_get_by_index::<Uuid>(1)?.to_string();
        let request = Request { kind: Kind::CalendarSync, about: &about, due: tx.now(), every: Some(CATCH_UP), anew: false };
        jobs::enqueue(&tx, request).await?;
    }
    tx.commit().await
}

/// What a notification carries in its headers.
pub struct Notification<'a> {
    /// The channel's id.
    pub channel: &'a str,
    /// Its secret.
    pub token: &'a str,
    /// What is watched.
    pub resource: &'a str,
    /// What has happened: "sync", "exists" or "not_exists".
    pub state: &'a str,
}

/// The access to a calendar that somebody gave.
pub(crate) struct Access {
    /// A valid access token.
    pub token: String,
    refresh: String,
}

/// What is stored of it.
#[derive(FromQueryResult)]
struct Stored {
    access_token: String,
    refresh_token: String,
    expiry: DateTime<Utc>,
}

impl Access {
    /// The viewer's access for a household, with an access token that is valid for a while. `None` where they gave none. When it was
    /// taken back, that is noted, and an error.
    pub async fn of(google: &Google, viewer: &Viewer, household: HouseholdId) -> Result<Option<Self>> {
        let (database, person) = (viewer.database(), viewer.user_id());
        let tx = viewer.read().await?;
        let stored = statement(
            "SELECT access_token, refresh_token, expiry FROM oauth_tokens WHERE user_id = $1 AND household_id = $2",
            [person.0.into(), household.0.into()],
        );
        let Some(stored) = Stored::find_by_statement(stored).one(&tx).await? else { return Ok(None) };
        drop(tx);
        let secrets = open(database, person, household, "refresh", &stored.refresh_token)
            .and_then(|refresh| Ok((refresh, open(database, person, household, "access", &stored.access_token)?)));
        let Ok((refresh, token)) = secrets else {
            const PROBLEM: &str = "the keys that this consent was kept with are gone: connect the calendar again";
            note_broken(viewer, household, PROBLEM).await?;
            return Err(Error::Forbidden(PROBLEM.into()));
        };
        if stored.expiry > database.now() + TimeDelta::minutes(1) {
            return Ok(Some(Self { token, refresh }));
        }
        let grant = match google.refresh(&refresh).await {
            Err(google::Failure::Revoked) => {
                note_broken(viewer, household, "Google no longer accepts the consent: connect the calendar again").await?;
                return Err(google::Failure::Revoked.into());
            }
            refreshed => refreshed?,
        };
        let refresh = grant.refresh_token.clone().unwrap_or(refresh);
        let tx = viewer.write().await?;
        let values: [Value; 5] = [
            person.0.into(),
            household.0.into(),
            seal(database, person, household, "access", &grant.access_token)?.into(),
            seal(database, person, household, "refresh", &refresh)?.into(),
            expiry(tx.now(), &grant).into(),
        ];
        run(
            &tx,
            "UPDATE oauth_tokens SET access_token = $3, refresh_token = $4, expiry = $5 WHERE user_id = $1 AND household_id = $2",
            values,
        )
        .await?;
        run(
            &tx,
            "UPDATE calendar_settings SET token_expires_at = $2 WHERE household_id = $1 AND created_by = $3",
            [household.0.into(), expiry(tx.now(), &grant).into(), person.0.into()],
        )
        .await?;
        tx.commit().await?;
        Ok(Some(Self { token: grant.access_token, refresh }))
    }

    /// Gives the access back.
    pub async fn revoke(&self, google: &Google) -> Result<()> {
        google.revoke(&self.refresh).await
    }
}

/// An access token that Google refused before its time is as good as expired: the next attempt asks for another.
pub(crate) async fn expire_access(viewer: &Viewer, household: HouseholdId) -> Result<()> {
    let tx = viewer.write().await?;
    run(
        &tx,
        "UPDATE oauth_tokens SET expiry = $3 WHERE user_id = $1 AND household_id = $2",
        [viewer.user_id().0.into(), household.0.into(), tx.now().into()],
    )
    .await?;
    tx.commit().await
}

/// Notes that the viewer's connection does not work, and why.
pub(crate) async fn broken(tx: &Tx, household: HouseholdId, problem: &str) -> Result<()> {
    run(
        tx,
        "UPDATE calendar_settings SET status = 'broken', problem = $3 WHERE household_id = $1 AND created_by = $2 AND status IN ('choosing', 'connected')",
        [household.0.into(), tx.viewer()?.0.into(), problem.into()],
    )
    .await
}

async fn note_broken(viewer: &Viewer, household: HouseholdId, problem: &str) -> Result<()> {
    let tx = viewer.write().await?;
    broken(&tx, household, problem).await?;
    tx.commit().await
}

/// The connection that a job is about, if it is still there and the viewer's.
pub(crate) async fn of_job(tx: &Tx, about: &str) -> Result<Option<Model>> {
    let id = CalendarId(about.parse().map_err(|_| Error::internal("a job about no connection"))?);
    let viewer = tx.viewer()?;
    let settings = Entity::find().filter(Column::Id.eq(id)).one(tx).await?.filter(|settings| settings.created_by == Some(viewer));
    // Whoever no longer administers the household connects nothing for it.
    match settings {
        Some(settings) if households::administered(tx, settings.household_id).await.is_ok() => Ok(Some(settings)),
        _ => Ok(None),
    }
}

pub(crate) async fn change(tx: &Tx, household: HouseholdId, id: CalendarId, row: ActiveModel) -> Result<()> {
    Entity::update_many().set(row).filter(Column::HouseholdId.eq(household)).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

fn expiry(now: DateTime<Utc>, grant: &Grant) -> DateTime<Utc> {
    now + TimeDelta::seconds(grant.expires_in.clamp(0, 86_400))
}

/// What a secret is sealed for: it opens for no other person, household or purpose.
fn context(person: UserId, household: HouseholdId, purpose: &str) -> String {
    format!("google {household} {person} {purpose}")
}

fn seal(database: &Database, person: UserId, household: HouseholdId, purpose: &str, secret: &str) -> Result<String> {
    sealing::seal(database.keys(), database.random(), &context(person, household, purpose), secret)
}

fn open(database: &Database, person: UserId, household: HouseholdId, purpose: &str, sealed: &str) -> Result<String> {
    sealing::open(database.keys(), &context(person, household, purpose), sealed)
}

fn json(value: &impl serde::Serialize) -> Result<Value> {
    Ok(serde_json::to_value(value).map_err(|error| Error::Internal(error.into()))?.into())
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

async fn run(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<()> {
    tx.execute_raw(statement(sql, values)).await?;
    Ok(())
}
