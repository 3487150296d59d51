//! Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.
//!
//! A code is taken once: the half minute of the newest one is noted, and no code of it, or of an earlier one, is taken again. Attempts
//! are limited for each person, so that guessing among a million takes years.

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE32_NOPAD;
use entity::id::UserId;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::{
    access::{Database, Tx, Viewer},
    accounts::{self, Limit, Proved, limit, refill},
    error::{Error, Result},
    random::Random,
    sealing,
    security_events::{self, Event},
    tokens::secret_hash,
};

/// How long a code is that of the moment, in seconds.
const STEP: i64 = 30;
/// How many steps a clock may be wrong, either way.
const DRIFT: i64 = 1;
const DIGITS: usize = 6;
/// As long as the hash, as RFC 4226 has it.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;
const RECOVERY_CODE_BYTES: usize = 10;
const CODES_PER_PERSON: Limit = Limit { burst: 10, refill: TimeDelta::minutes(5) };

/// The viewer's second factor.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// Since when it is asked for.
    pub enabled_at: DateTime<Utc>,
    /// How many recovery codes were not used yet.
    pub recovery_codes: i64,
}

/// A secret to be put into an authenticator app.
pub struct Enrolment {
    /// In base 32, for typing.
    pub secret: String,
    /// The same as an address that apps read as a QR code.
    pub uri: String,
}

#[derive(FromQueryResult)]
struct Stored {
    secret: String,
    confirmed_at: Option<DateTime<Utc>>,
    recovery_codes: i64,
}

/// The viewer's second factor, if one is asked for.
pub async fn own(tx: &Tx) -> Result<Option<SecondFactor>> {
    let stored = stored(tx).await?;
    Ok(stored.and_then(|stored| Some(SecondFactor { enabled_at: stored.confirmed_at?, recovery_codes: stored.recovery_codes })))
}

async fn stored(tx: &Tx) -> Result<Option<Stored>> {
    let own = statement("SELECT secret, confirmed_at, recovery_codes FROM auth.own_second_factor()", []);
    Ok(Stored::find_by_statement(own).one(tx).await?)
}

/// Makes a secret for an authenticator app. It is asked for once [`confirm`] has seen a code of it.
pub async fn begin(viewer: &Viewer, password: String) -> Result<Enrolment> {
    let Proved { user, .. } = accounts::prove(viewer, "password", password).await?;
    let database = viewer.database();
    let mut bytes = [0; SECRET_BYTES];
    database.random().fill(&mut bytes);
    let secret = BASE32_NOPAD.encode(&bytes);
    let sealed = sealing::seal(database.keys(), database.random(), &context(user.id), &secret)?;
    let tx = viewer.write().await?;
    if !ask(&tx, "SELECT auth.begin_second_factor($1)", [sealed.into()]).await? {
        return Err(Error::conflict("there is a second factor already: disable it first"));
    }
    tx.commit().await?;
    let account: String =
        user.email
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            })
            .collect();
    let uri = format!("otpauth://totp/Hale:{account}?secret={secret}&issuer=Hale&algorithm=SHA1&digits={DIGITS}&period={STEP}");
    Ok(Enrolment { secret, uri })
}

/// From now on the second factor is asked for, since the viewer's app makes its codes. Answers the recovery codes, which nobody sees again.
pub async fn confirm(viewer: &Viewer, code: &str) -> Result<Vec<String>> {
    let (database, person) = (viewer.database(), viewer.user_id());
    let tx = viewer.read().await?;
    let stored = stored(&tx).await?.filter(|stored| stored.confirmed_at.is_none());
    drop(tx);
    let stored = stored.ok_or_else(|| Error::conflict("there is no second factor to confirm: begin with one"))?;
    limit(database, &attempts(person), &CODES_PER_PERSON).await?;
    let secret = open(database, person, &stored.secret)?;
    let step = step_of(&secret, code, database.now()).ok_or_else(wrong)?;
    let codes = recovery_codes(database.random());
    let tx = viewer.write().await?;
    if !ask(&tx, "SELECT auth.confirm_second_factor($1, $2, $3)", [stored.secret.into(), step.into(), tx.now().into()]).await? {
        return Err(Error::conflict("this was changed at the same moment: begin again"));
    }
    keep(&tx, &codes).await?;
    refill(&tx, &attempts(person)).await?;
    security_events::note_own(&tx, viewer, Event::SecondFactorAdded).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Gives the viewer new recovery codes. The old ones open nothing any more.
pub async fn replace_recovery_codes(viewer: &Viewer, password: String, code: &str) -> Result<Vec<String>> {
    accounts::prove(viewer, "password", password).await?;
    prove(viewer.database(), viewer.user_id(), code).await?;
    let codes = recovery_codes(viewer.database().random());
    let tx = viewer.write().await?;
    keep(&tx, &codes).await?;
    security_events::note_own(&tx, viewer, Event::RecoveryCodesReplaced).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Asks the viewer for no second factor any more.
pub async fn disable(viewer: &Viewer, password: String, code: &str) -> Result<()> {
    accounts::prove(viewer, "password", password).await?;
    prove(viewer.database(), viewer.user_id(), code).await?;
    let tx = viewer.write().await?;
    tx.execute_raw(statement("SELECT auth.remove_second_factor()", [])).await?;
    security_events::note_own(&tx, viewer, Event::SecondFactorRemoved).await?;
    tx.commit().await
}

/// Whether a second factor is asked of a person.
pub(crate) async fn is_asked_of(tx: &Tx, person: UserId) -> Result<bool> {
    Ok(secret_of(tx, person).await?.is_some())
}

async fn secret_of(tx: &Tx, person: UserId) -> Result<Option<String>> {
    let row = tx.query_one_raw(statement("SELECT secret FROM auth.second_factor_of($1)", [person.0.into()])).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// Takes a code of a person's app, or one of their recovery codes.
pub(crate) async fn prove(database: &Database, person: UserId, code: &str) -> Result<()> {
    limit(database, &attempts(person), &CODES_PER_PERSON).await?;
    let tx = database.without_viewer().await?;
    let sealed = secret_of(&tx, person).await?.ok_or_else(|| Error::conflict("there is no second factor"))?;
    let secret = open(database, person, &sealed)?;
    let by_app = match step_of(&secret, code, tx.now()) {
        Some(step) => ask(&tx, "SELECT auth.take_code($1, $2)", [person.0.into(), step.into()]).await?,
        None => false,
    };
    if !by_app {
        let hash = secret_hash(&normal_form(code));
        let recovered = ask(&tx, "SELECT auth.take_recovery_code($1, $2, $3)", [person.0.into(), hash.into(), tx.now().into()]).await?;
        if !recovered {
            security_events::note(&tx, person, Event::SecondFactorFailed, None, None, None).await?;
            tx.commit().await?;
            return Err(wrong());
        }
        security_events::note(&tx, person, Event::RecoveryCodeUsed, None, None, email_of(&tx, person).await?.as_deref()).await?;
    }
    refill(&tx, &attempts(person)).await?;
    tx.commit().await
}

async fn email_of(tx: &Tx, person: UserId) -> Result<Option<String>> {
    let row = tx.query_one_raw(statement("SELECT email FROM auth.second_factor_of($1)", [person.0.into()])).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

fn wrong() -> Error {
    Error::invalid("code", "is not the code of this moment, or was used already: wait for the next one, or use a recovery code")
}

fn attempts(person: UserId) -> String {
    format!("second_factor:{person}")
}

fn context(person: UserId) -> String {
    format!("second factor of {person}")
}

fn open(database: &Database, person: UserId, sealed: &str) -> Result<Vec<u8>> {
    let secret = sealing::open(database.keys(), &context(person), sealed)?;
    BASE32_NOPAD.decode(secret.as_bytes()).map_err(|_| Error::internal("a second factor that is no base 32"))
}

async fn keep(tx: &Tx, codes: &[String]) -> Result<()> {
    let hashes: Vec<_> = codes.iter().map(|code| secret_hash(&normal_form(code))).collect();
    tx.execute_raw(statement("SELECT auth.replace_recovery_codes($1)", [hashes.into()])).await?;
    Ok(())
}

/// Codes as they are shown: 80 random bits each, in groups that can be read out.
fn recovery_codes(random: &dyn Random) -> Vec<String> {
    let code = |_| {
        let mut bytes = [0; RECOVERY_CODE_BYTES];
        random.fill(&mut bytes);
        let code = BASE32_NOPAD.encode(&bytes).to_lowercase();
        [&code[..4], &code[4..8], &code[8..12], &code[12..]].join("-")
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// A recovery code as it is compared, however it was typed.
fn normal_form(code: &str) -> String {
    code.chars().filter(|character| character.is_ascii_alphanumeric()).take(100).map(|character| character.to_ascii_lowercase()).collect()
}

/// The step whose code this is, if it is that of now or of a neighbour.
fn step_of(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let code: String = code.chars().filter(|character| !character.is_whitespace()).take(DIGITS + 1).collect();
    let current = now.timestamp() / STEP;
    (current - DRIFT..=current + DRIFT).find(|step| bool::from(code_of(secret, *step).as_bytes().ct_eq(code.as_bytes())))
}

/// The code of a step: RFC 4226, section 5.3.
fn code_of(secret: &[u8], step: i64) -> String {
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    let hash = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let offset = usize::from(hash[19] & 0x0f);
    let number = hash[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:0DIGITS$}", number % 10_u32.pow(6))
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

async fn ask(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<bool> {
    let row = tx.query_one_raw(statement(sql, values)).await?;
    Ok(row.ok_or_else(|| Error::internal("a function without an answer"))?.try_get_by_index(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B has eight digits; the last six are the code of six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_of(RFC, seconds / STEP), code);
            assert_eq!(step_of(RFC, code, DateTime::from_timestamp(seconds, 0).unwrap()), Some(seconds / STEP));
        }
    }

    #[test]
    fn a_clock_may_be_wrong_by_half_a_minute() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        for (seconds, found) in
            [(1_234_567_890 - 30, true), (1_234_567_890 + 59, true), (1_234_567_890 - 31, false), (1_234_567_890 + 60, false)]
        {
            assert_eq!(step_of(RFC, "005924", at(seconds)).is_some(), found, "{seconds}");
        }
        for code in ["", "5924", "0005924", "005925", "００５９２４", "00592"] {
            assert_eq!(step_of(RFC, code, at(1_234_567_890)), None, "{code}");
        }
        assert!(step_of(RFC, " 005 924 ", at(1_234_567_890)).is_some());
    }

    #[test]
    fn recovery_codes_are_all_different_and_may_be_typed_in_any_way() {
        let mut codes = recovery_codes(&SystemRandom);
        for code in &codes {
            assert_eq!((code.len(), normal_form(code).len()), (19, 16), "{code}");
            assert_eq!(normal_form(&code.to_uppercase().replace('-', " ")), normal_form(code));
        }
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), RECOVERY_CODES);
    }
}
