//! Secret links to a household's turns, for calendars that subscribe to them: iCalendar (RFC 5545).
//!
//! The link speaks for whoever made it, as long as they belong to the household: it shows what they see, of one member or one
//! routine where it says so, and nothing else. Its secret is stored as a hash, shown once, and can be taken back.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use entity::{
    assignments::AssignmentStatus,
    calendar_feeds::{ActiveModel, Column, Entity, Model},
    id::{CalendarFeedId, HouseholdId, HouseholdMemberId, RoutineId},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement};
use sha2::{Digest, Sha256};

use crate::{
    access::{Database, Tx},
    accounts::{self, Limit},
    error::{Error, Result},
    tokens,
};

/// How far back a feed goes.
const PAST: Days = Days::new(60);
/// How many turns at most.
const MOST: i64 = 10_000;
/// How many links a household has at most.
const MOST_FEEDS: usize = 100;
/// A subscribed calendar asks every few minutes; a hundred of them may live behind one address.
const READS_PER_CLIENT: Limit = Limit { burst: 300, refill: TimeDelta::seconds(1) };

/// A link to make.
pub struct NewFeed {
    /// Whose turns.
    pub household: HouseholdId,
    /// Of this member alone.
    pub member: Option<HouseholdMemberId>,
    /// Of this routine alone.
    pub routine: Option<RoutineId>,
}

/// What a subscribed calendar is answered.
pub struct Feed {
    /// Changes whenever the calendar does: a strong entity tag, with its quotes.
    pub etag: String,
    /// The calendar.
    pub text: String,
}

/// The links of a household that were not taken back, oldest first.
pub async fn list(tx: &Tx, household: HouseholdId) -> Result<Vec<Model>> {
    let feeds = Entity::find().filter(Column::HouseholdId.eq(household)).filter(Column::RevokedAt.is_null());
    Ok(feeds.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(tx).await?)
}

/// Makes a link; answers it with its secret, which nobody can be told again.
pub async fn create(database: &Database, tx: &Tx, new: NewFeed) -> Result<(Model, String)> {
    if list(tx, new.household).await?.len() >= MOST_FEEDS {
        return Err(Error::conflict(format!("a household has at most {MOST_FEEDS} links: take one back first")));
    }
    let (secret, id) = (tokens::new_secret(database.random()), CalendarFeedId(tx.new_id()));
    let insert = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO calendar_feeds (household_id, id, member_id, routine_id, token) VALUES ($1, $2, $3, $4, $5)",
        [
            new.household.0.into(),
            id.0.into(),
            new.member.map(|id| id.0).into(),
            new.routine.map(|id| id.0).into(),
            tokens::secret_hash(&secret).into(),
        ],
    );
    sea_orm::ConnectionTrait::execute_raw(tx, insert).await?;
    let feed = Entity::find_by_id((new.household, id)).one(tx).await?;
    Ok((feed.ok_or_else(|| Error::internal("a link that is not there"))?, secret))
}

/// Takes a link back: from now on it is as if it had never been.
pub async fn revoke(tx: &Tx, household: HouseholdId, id: CalendarFeedId) -> Result<Model> {
    let revoke = Entity::update_many()
        .set(ActiveModel { revoked_at: Set(Some(tx.now())), ..Default::default() })
        .filter(Column::HouseholdId.eq(household))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null());
    revoke.exec(tx).await?;
    let feed = Entity::find_by_id((household, id)).one(tx).await?.ok_or(Error::NotFound("calendar feed"))?;
    if feed.revoked_at.is_none() {
        return Err(Error::Forbidden("only whoever made this link, or an administrator, takes it back".into()));
    }
    Ok(feed)
}

/// The calendar behind a link. `client` is what reading is limited by: the address of the caller.
pub async fn read(database: &Database, client: &str, secret: &str) -> Result<Feed> {
    const UNKNOWN: Error = Error::NotFound("calendar");
    accounts::limit(database, &format!("calendar_feed:{client}"), &READS_PER_CLIENT).await?;
    let enter = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT person, household, member, routine FROM auth.enter_feed($1, $2)",
        [tokens::secret_hash(secret).into(), database.now().into()],
    );
    let (tx, feed) = database.enter(enter).await?.ok_or(UNKNOWN)?;
    let household = HouseholdId(feed.try_get_by_index(1)?);
    let scope = Scope { member: feed.try_get_by_index(2)?, routine: feed.try_get_by_index(3)? };
    let turns = turns(&tx, household, scope).await?;
    let name = entity::households::Entity::find_by_id(household).one(&tx).await?.ok_or(UNKNOWN)?.name;
    tx.commit().await?;
    let text = calendar(&name, &turns);
    let etag = Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(Feed { etag: format!("\"{etag}\""), text })
}

struct Scope {
    member: Option<uuid::Uuid>,
    routine: Option<uuid::Uuid>,
}

/// A turn, as an event.
#[derive(FromQueryResult)]
struct Turn {
    routine_id: RoutineId,
    routine: String,
    date: NaiveDate,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    name: String,
    status: AssignmentStatus,
    version: i32,
    updated_at: DateTime<Utc>,
}

async fn turns(tx: &Tx, household: HouseholdId, scope: Scope) -> Result<Vec<Turn>> {
    let from = tx.now().date_naive() - PAST;
    let turns = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT a.routine_id, r.name AS routine, a.date, a.starts_at, a.ends_at, a.name, a.status, a.version, greatest(a.updated_at, r.updated_at) AS updated_at
         FROM assignments a JOIN routines r ON r.household_id = a.household_id AND r.id = a.routine_id
         WHERE a.household_id = $1 AND ($2::uuid IS NULL OR a.member_id = $2) AND ($3::uuid IS NULL OR a.routine_id = $3) AND a.date >= $4
         ORDER BY a.date, a.routine_id LIMIT $5",
        [household.0.into(), scope.member.into(), scope.routine.into(), from.into(), MOST.into()],
    );
    Ok(Turn::find_by_statement(turns).all(tx).await?)
}

/// The longest line in octets, its end not counted.
const LONGEST_LINE: usize = 75;

fn calendar(name: &str, turns: &[Turn]) -> String {
    let mut text = String::new();
    for (property, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//Hale//Family rota//EN"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", &escaped(name)),
        ("NAME", &escaped(name)),
        ("REFRESH-INTERVAL;VALUE=DURATION", "PT15M"),
        ("X-PUBLISHED-TTL", "PT15M"),
    ] {
        line(&mut text, property, value);
    }
    for turn in turns {
        turn.event(&mut text);
    }
    line(&mut text, "END", "VCALENDAR");
    text
}

impl Turn {
    fn event(&self, text: &mut String) {
        const INSTANT: &str = "%Y%m%dT%H%M%SZ";
        const DAY: &str = "%Y%m%d";
        let mut add = |property: &str, value: &str| line(text, property, value);
        let changed = self.updated_at.format(INSTANT).to_string();
        add("BEGIN", "VEVENT");
        // The turn is the routine's on that day, whoever has it and however often it is planned anew.
        add("UID", &format!("{}-{}@hale", self.routine_id, self.date.format(DAY)));
        add("DTSTAMP", &changed);
        add("LAST-MODIFIED", &changed);
        add("SEQUENCE", &(self.version - 1).to_string());
        match self.starts_at {
            // An instant needs no rules of a zone: each calendar shows it on its own clock.
            Some(starts) => {
                add("DTSTART", &starts.format(INSTANT).to_string());
                if let Some(ends) = self.ends_at {
                    add("DTEND", &ends.format(INSTANT).to_string());
                }
            }
            None => {
                add("DTSTART;VALUE=DATE", &self.date.format(DAY).to_string());
                add("DTEND;VALUE=DATE", &(self.date + Days::new(1)).format(DAY).to_string());
            }
        }
        add("SUMMARY", &escaped(&format!("[{}] {}", self.name, self.routine)));
        add("STATUS", if self.status == AssignmentStatus::Skipped { "CANCELLED" } else { "CONFIRMED" });
        add("TRANSP", "TRANSPARENT");
        add("END", "VEVENT");
    }
}

/// A text as a value: what would end or divide it is escaped.
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => value.extend(['\\', character]),
            '\n' => value.push_str("\\n"),
            other if other.is_control() => {}
            other => value.push(other),
        }
    }
    value
}

/// Adds a line, folded so that none is too long and no character is torn.
fn line(text: &mut String, property: &str, value: &str) {
    let mut length = 0;
    for character in property.chars().chain([':']).chain(value.chars()) {
        if length + character.len_utf8() > LONGEST_LINE {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(character);
        length += character.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn turn(name: &str) -> Turn {
        Turn {
            routine_id: RoutineId(Uuid::nil()),
            routine: "Bedtime".into(),
            date: "2026-03-29".parse().unwrap(),
            starts_at: None,
            ends_at: None,
            name: name.into(),
            status: AssignmentStatus::Planned,
            version: 3,
            updated_at: "2026-03-01T10:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_turn_of_the_whole_day_ends_where_the_next_day_begins() {
        let text = calendar("The Does", &[turn("Ann, the \"night\" owl; always")]);
        for line in [
            "BEGIN:VCALENDAR",
            "UID:00000000-0000-0000-0000-000000000000-20260329@hale",
            "DTSTART;VALUE=DATE:20260329",
            "DTEND;VALUE=DATE:20260330",
            "SEQUENCE:2",
            "DTSTAMP:20260301T100000Z",
            "SUMMARY:[Ann\\, the \"night\" owl\\; always] Bedtime",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} is not in {text}");
        }
        assert_eq!(text, calendar("The Does", &[turn("Ann, the \"night\" owl; always")]));
    }

    #[test]
    fn a_turn_with_a_time_is_an_instant() {
        let timed = Turn {
            starts_at: Some("2026-03-29T18:30:00Z".parse().unwrap()),
            ends_at: Some("2026-03-29T19:15:00Z".parse().unwrap()),
            ..turn("Ann")
        };
        let text = calendar("x", &[timed]);
        assert!(text.contains("DTSTART:20260329T183000Z\r\n") && text.contains("DTEND:20260329T191500Z\r\n"), "{text}");
    }

    proptest! {
        #[test]
        fn lines_are_folded_at_75_octets_and_never_within_a_character(name in "\\PC{1,100}") {
            let text = calendar(&name, &[turn(&name)]);
            prop_assert!(text.ends_with("END:VCALENDAR\r\n"));
            for line in text.split("\r\n") {
                prop_assert!(line.len() <= 75, "{} octets: {line}", line.len());
                prop_assert!(!line.contains(['\r', '\n']));
            }
            let unfolded = text.replace("\r\n ", "");
            let summary = format!("SUMMARY:[{}] Bedtime\r\n", escaped(&name));
            prop_assert!(unfolded.contains(&summary));
        }
    }
}
