//! Reminders: whoever wants to is told of their own turns by mail, a while before they begin.
//!
//! One job per person looks at what is due and then waits for what is due next; every change of turns wakes it. A mail is noted
//! before it is sent and is the same mail when an attempt is repeated. No transaction is held while it is sent, so what it says is
//! read at the last moment: a turn that somebody else has by then, or nobody, reminds nobody.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    id::{HouseholdId, RoutineId, UserId},
    users,
};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    households, input,
    jobs::{self, Claimed, Finished, Kind, Request},
    mail::{self, Mailer, Message},
    routines,
};

/// The earliest that a turn may be reminded of, in minutes before it begins: a week.
pub const EARLIEST: i32 = 7 * 24 * 60;
/// How often a person's job looks though nothing woke it.
const CATCH_UP: TimeDelta = TimeDelta::hours(6);

/// That the viewer wants to be reminded of their turns in a routine, and what became of it last.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Reminder {
    /// Of which household.
    pub household_id: HouseholdId,
    /// Of which routine.
    pub routine_id: RoutineId,
    /// How long before a turn begins.
    pub minutes_before: i32,
    /// When the newest mail was sent that was sent.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Why nobody took the newest one, if nobody did.
    pub problem: Option<String>,
}

/// The viewer's own reminders in these households.
pub async fn list(tx: &Tx, households: &[HouseholdId]) -> Result<Vec<Reminder>> {
    let list = statement(
        "SELECT r.household_id, r.routine_id, r.minutes_before, newest.problem,
           (SELECT max(m.sent_at) FROM reminder_mails m WHERE m.household_id = r.household_id AND m.routine_id = r.routine_id AND m.member_id = r.member_id) AS last_sent_at
         FROM routine_reminders r LEFT JOIN LATERAL (
           SELECT m.problem FROM reminder_mails m WHERE m.household_id = r.household_id AND m.routine_id = r.routine_id AND m.member_id = r.member_id
             AND (m.sent_at IS NOT NULL OR m.problem IS NOT NULL) ORDER BY m.date DESC LIMIT 1) newest ON true
         WHERE r.household_id = ANY ($1)",
        [households.iter().map(|id| id.0).collect::<Vec<_>>().into()],
    );
    Ok(Reminder::find_by_statement(list).all(tx).await?)
}

/// Reminds the viewer of their turns in a routine from now on, at an address that they have verified.
pub async fn set(tx: &Tx, household: HouseholdId, routine: RoutineId, minutes_before: i32) -> Result<()> {
    let minutes_before = input::integer("minutesBefore", minutes_before, 0..=EARLIEST)?;
    let me = households::membership(tx, household).await?;
    routines::find(tx, household, routine).await?.ok_or(Error::NoSuch { field: "routineId", what: "routine" })?;
    if address(tx).await?.is_none() {
        return Err(Error::Forbidden("reminders go to a verified address: verify yours first".into()));
    }
    let values: [Value; 5] = [household.0.into(), tx.new_id().into(), routine.0.into(), me.id.0.into(), minutes_before.into()];
    let upsert = statement(
        "INSERT INTO routine_reminders (household_id, id, routine_id, member_id, minutes_before) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (household_id, routine_id, member_id) DO UPDATE SET minutes_before = EXCLUDED.minutes_before",
        values,
    );
    tx.execute_raw(upsert).await?;
    let about = tx.viewer()?.to_string();
    jobs::enqueue(tx, Request { kind: Kind::Remind, about: &about, due: tx.now(), every: Some(CATCH_UP), anew: true }).await
}

/// Reminds the viewer of no turns in a routine any more. Whether they were reminded before makes no difference.
pub async fn remove(tx: &Tx, household: HouseholdId, routine: RoutineId) -> Result<()> {
    let me = households::membership(tx, household).await?;
    routines::find(tx, household, routine).await?.ok_or(Error::NoSuch { field: "routineId", what: "routine" })?;
    let remove = "DELETE FROM routine_reminders WHERE household_id = $1 AND routine_id = $2 AND member_id = $3";
    tx.execute_raw(statement(remove, [household.0.into(), routine.0.into(), me.id.0.into()])).await?;
    Ok(())
}

/// The viewer's address, once they have proved that it is theirs: nobody else is to be written to.
async fn address(tx: &Tx) -> Result<Option<String>> {
    let user = users::Entity::find_by_id(tx.viewer()?).one(tx).await?;
    Ok(user.filter(|user| user.email_verified_at.is_some()).map(|user| user.email))
}

/// The turns of whoever wants to be reminded of them, at $1: when each is due to be reminded of, and when it is over.
const TURNS: &str = "turns AS (
    SELECT a.household_id, a.routine_id, a.member_id, a.date, a.starts_at, a.ends_at, o.name AS routine, o.time_zone,
      begins.at - make_interval(mins => r.minutes_before) AS due_at,
      CASE WHEN a.starts_at IS NULL THEN begins.at + interval '1 day' ELSE coalesce(a.ends_at, a.starts_at + interval '1 hour') END AS over_at
    FROM routine_reminders r
    JOIN routines o ON o.household_id = r.household_id AND o.id = r.routine_id
    JOIN assignments a ON a.household_id = r.household_id AND a.member_id = r.member_id AND a.routine_id = r.routine_id
    CROSS JOIN LATERAL (SELECT coalesce(a.starts_at, (a.date + o.day_starts_at) AT TIME ZONE o.time_zone) AS at) begins
    WHERE a.status = 'planned' AND a.date >= ($1::timestamptz AT TIME ZONE 'UTC')::date - 3)";

/// A turn to be reminded of, and the mail that does it.
#[derive(FromQueryResult)]
struct Due {
    household_id: HouseholdId,
    id: Uuid,
    date: NaiveDate,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    routine: String,
    time_zone: String,
    household: String,
    member: String,
}

/// Reminds the person whose job this is of what is due, one mail after the other, and waits for what is due next.
pub(crate) async fn remind(job: &Claimed, mailer: &dyn Mailer) -> Result<Finished> {
    let viewer = job.viewer()?;
    loop {
        let tx = viewer.write().await?;
        let Some(to) = address(&tx).await? else { return job.finish(tx).await };
        let Some(due) = next_mail(&tx).await? else { return wait(job, tx, viewer.user_id()).await };
        let message = due.message(to, tx.now())?;
        tx.commit().await?;

        let problem = mail::deliver(mailer, &message).await?;
        let sent_at = problem.is_none().then(|| viewer.database().now());
        let tx = viewer.write().await?;
        let values: [Value; 4] = [due.household_id.0.into(), due.id.into(), sent_at.into(), problem.into()];
        tx.execute_raw(statement("UPDATE reminder_mails SET sent_at = $3, problem = $4 WHERE household_id = $1 AND id = $2", values))
            .await?;
        tx.commit().await?;
    }
}

/// Notes the mails that are due, and answers the first that nobody has taken or refused yet.
async fn next_mail(tx: &Tx) -> Result<Option<Due>> {
    let note = format!(
        "WITH {TURNS} INSERT INTO reminder_mails (household_id, routine_id, member_id, date)
         SELECT household_id, routine_id, member_id, date FROM turns WHERE due_at <= $1 AND over_at > $1 ON CONFLICT DO NOTHING"
    );
    tx.execute_raw(statement(&note, [tx.now().into()])).await?;
    let next = format!(
        "WITH {TURNS} SELECT t.household_id, m.id, t.date, t.starts_at, t.ends_at, t.routine, t.time_zone, h.name AS household, w.name AS member
         FROM turns t JOIN reminder_mails m USING (household_id, routine_id, member_id, date)
         JOIN households h ON h.id = t.household_id JOIN household_members w ON w.household_id = t.household_id AND w.id = t.member_id
         WHERE t.due_at <= $1 AND t.over_at > $1 AND m.sent_at IS NULL AND m.problem IS NULL ORDER BY t.due_at, m.id LIMIT 1"
    );
    Ok(Due::find_by_statement(statement(&next, [tx.now().into()])).one(tx).await?)
}

/// Nothing is due now: the job comes round when something is, or never where nothing is wanted any more.
async fn wait(job: &Claimed, tx: Tx, person: UserId) -> Result<Finished> {
    let next = format!("WITH {TURNS} SELECT (SELECT min(due_at) FROM turns WHERE due_at > $1), EXISTS (SELECT FROM routine_reminders)");
    let row = tx.query_one_raw(statement(&next, [tx.now().into()])).await?.ok_or_else(|| Error::internal("a query without a row"))?;
    let (next, wanted): (Option<DateTime<Utc>>, bool) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    match next {
        Some(next) => job.finish_until(tx, next).await,
        None if wanted => job.finish(tx).await,
        None => {
            tracing::debug!(%person, "wants no reminders any more");
            job.finish_for_good(tx).await
        }
    }
}

impl Due {
    fn message(&self, to: String, at: DateTime<Utc>) -> Result<Message> {
        let zone = day::zone("timeZone", &self.time_zone)?;
        let day = |date: NaiveDate| date.format("%A, %-d %B %Y").to_string();
        let when = match self.starts_at.map(|at| at.with_timezone(&zone)) {
            None => day(self.date),
            Some(starts) => {
                let time = |at: DateTime<chrono_tz::Tz>| at.format("%H:%M").to_string();
                let ends = self.ends_at.map(|at| format!(" to {}", time(at.with_timezone(&zone)))).unwrap_or_default();
                format!("{}, {}{ends} ({})", day(starts.date_naive()), time(starts), self.time_zone)
            }
        };
        let Self { routine, household, member, .. } = self;
        Ok(Message {
            id: self.id,
            to,
            subject: format!("Your turn: {routine}, {when}"),
            text: format!(
                "Hello {member},\n\n{routine} is your turn.\n\nWhen: {when}\nHousehold: {household}\n\n\
                 You asked to be reminded of your turns in this routine, and can change or end that there.\n"
            ),
            at,
        })
    }
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(starts_at: Option<&str>, ends_at: Option<&str>) -> Message {
        let due = Due {
            household_id: HouseholdId(Uuid::nil()),
            id: Uuid::nil(),
            date: "2026-03-28".parse().unwrap(),
            starts_at: starts_at.map(|at| at.parse().unwrap()),
            ends_at: ends_at.map(|at| at.parse().unwrap()),
            routine: "Bedtime".into(),
            time_zone: "Europe/Berlin".into(),
            household: "The Does".into(),
            member: "Ann".into(),
        };
        due.message("ann@example.org".into(), "2026-03-28T12:00:00Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_mail_tells_the_time_on_the_clock_of_the_routine() {
        assert_eq!(due(None, None).subject, "Your turn: Bedtime, Saturday, 28 March 2026");
        let subject = |starts, ends| due(Some(starts), ends).subject;
        assert_eq!(subject("2026-03-28T18:30:00Z", None), "Your turn: Bedtime, Saturday, 28 March 2026, 19:30 (Europe/Berlin)");
        // Summer begins in that night: the turn of Saturday that begins at half past midnight is on Sunday's clock.
        let night = subject("2026-03-28T23:30:00Z", Some("2026-03-29T01:15:00Z"));
        assert_eq!(night, "Your turn: Bedtime, Sunday, 29 March 2026, 00:30 to 03:15 (Europe/Berlin)");
    }
}
