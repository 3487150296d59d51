//! The channel by which a calendar calls when something has changed. It ends by itself, so a new one is opened while the old one
//! still has a fifth of its life before it, and the old one is closed only then: at no moment is there none.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    calendar_settings::{CalendarStatus, Model},
    id::HouseholdId,
};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::{
    Access, expire_access,
    google::{Failure, Google},
    of_job, run, statement, sync,
};
use crate::{
    access::Viewer,
    error::{Error, Result},
    jobs::{Claimed, Finished},
    tokens,
};

/// How long a channel is asked for; Google may grant less.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// How long a channel counts for before Google has answered: it may call at once.
const PROVISIONAL: TimeDelta = TimeDelta::hours(1);

#[derive(FromQueryResult)]
struct Channel {
    id: Uuid,
    in_calendar: String,
    resource_id: Option<String>,
    starts_at: DateTime<Utc>,
    expiration: DateTime<Utc>,
}

impl Channel {
    /// When the next one has to be opened.
    fn renewal(&self) -> DateTime<Utc> {
        self.expiration - (self.expiration - self.starts_at) / 5
    }
}

/// Sees to it that the calendar calls.
pub(crate) async fn keep_open(job: &Claimed, google: &Google) -> Result<Finished> {
    let viewer = job.viewer()?;
    let tx = viewer.read().await?;
    let settings = of_job(&tx, &job.about).await?;
    let now = tx.now();
    drop(tx);
    let chosen = settings.filter(|settings| settings.status == CalendarStatus::Connected);
    let Some((settings, calendar)) = chosen.and_then(|settings| settings.calendar_id.clone().map(|calendar| (settings, calendar))) else {
        return job.finish_for_good(viewer.write().await?).await;
    };
    let household = settings.household_id;
    let open =
        channels(&viewer, household).await?.into_iter().filter(|channel| channel.in_calendar == calendar && channel.resource_id.is_some());
    let newest = open.max_by_key(|channel| channel.expiration).filter(|channel| channel.renewal() > now);
    let kept = match newest {
        Some(channel) => Ok(channel),
        None => match Access::of(google, &viewer, household).await? {
            Some(access) => open_one(google, &viewer, &access, &settings, &calendar, &job.about).await,
            None => return job.finish_for_good(viewer.write().await?).await,
        },
    };
    let kept = match kept {
        Err(Failure::Unauthorized) => {
            expire_access(&viewer, household).await?;
            return Err(Error::conflict("Google wants another access token"));
        }
        kept => kept?,
    };
    if let Some(access) = Access::of(google, &viewer, household).await? {
        close_all_but(google, &viewer, &access, household, Some(kept.id)).await?;
    }
    job.finish_until(viewer.write().await?, kept.renewal()).await
}

async fn channels(viewer: &Viewer, household: HouseholdId) -> Result<Vec<Channel>> {
    let tx = viewer.read().await?;
    let channels = statement(
        "SELECT id, in_calendar, resource_id, starts_at, expiration FROM notification_channels WHERE household_id = $1 ORDER BY starts_at, id",
        [household.0.into()],
    );
    Ok(Channel::find_by_statement(channels).all(&tx).await?)
}

async fn open_one(
    google: &Google,
    viewer: &Viewer,
    access: &Access,
    settings: &Model,
    calendar: &str,
    about: &str,
) -> Result<Channel, Failure> {
    let household = settings.household_id;
    let tx = viewer.write().await?;
    let (id, secret, starts_at) = (tx.new_id(), tokens::new_secret(viewer.database().random()), tx.now());
    let values: [Value; 7] = [
        household.0.into(),
        id.into(),
        settings.id.0.into(),
        calendar.into(),
        tokens::secret_hash(&secret).into(),
        starts_at.into(),
        (starts_at + PROVISIONAL).into(),
    ];
    run(
        &tx,
        "INSERT INTO notification_channels (household_id, id, calendar_id, in_calendar, token, starts_at, expiration) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values,
    )
    .await?;
    tx.commit().await?;

    let watch = google.watch(&access.token, calendar, &id.to_string(), &secret, LIFETIME).await?;
    let lifetime = TimeDelta::from_std(LIFETIME).unwrap_or(PROVISIONAL);
    let expiration = watch.expires_at().unwrap_or(starts_at + lifetime).min(starts_at + lifetime);
    let tx = viewer.write().await?;
    run(
        &tx,
        "UPDATE notification_channels SET resource_id = $3, expiration = $4 WHERE household_id = $1 AND id = $2",
        [household.0.into(), id.into(), watch.resource_id.clone().into(), expiration.into()],
    )
    .await?;
    // What happened while there was no channel was not told.
    sync::request(&tx, about).await?;
    tx.commit().await?;
    Ok(Channel { id, in_calendar: calendar.to_owned(), resource_id: Some(watch.resource_id), starts_at, expiration })
}

/// Closes the household's channels but this one.
pub(super) async fn close_all_but(
    google: &Google,
    viewer: &Viewer,
    access: &Access,
    household: HouseholdId,
    kept: Option<Uuid>,
) -> Result<(), Failure> {
    for channel in channels(viewer, household).await?.into_iter().filter(|channel| Some(channel.id) != kept) {
        if let Some(resource) = &channel.resource_id {
            google.stop(&access.token, &channel.id.to_string(), resource).await?;
        }
        let tx = viewer.write().await?;
        let values: [Value; 2] = [household.0.into(), channel.id.into()];
        run(&tx, "DELETE FROM notification_channels WHERE household_id = $1 AND id = $2", values).await?;
        tx.commit().await?;
    }
    Ok(())
}
