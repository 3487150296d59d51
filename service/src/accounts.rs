//! Accounts and sessions: signing up, in and out, and the rotation of refresh tokens.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    id::{DeviceId, SessionId, UserId},
    users,
};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement, Value};
use unicode_normalization::UnicodeNormalization;

use crate::{
    access::{Database, Tx, Viewer},
    devices,
    error::{Error, Result},
    input, passwords, second_factors,
    security_events::{self, Event},
    tokens::{self, REFRESH_TOKEN_LIFETIME, SESSION_LIFETIME},
};

/// What a client keeps to stay signed in.
pub struct Session {
    /// Sent with each request; short-lived.
    pub access_token: String,
    /// When it stops being valid.
    pub access_token_expires_at: DateTime<Utc>,
    /// Exchanged once for the next session tokens.
    pub refresh_token: String,
    /// Who is signed in.
    pub viewer: Viewer,
}

/// A new account.
pub struct SignUp {
    /// Address to sign in with.
    pub email: String,
    /// 8 to 128 characters, and not easy to guess.
    pub password: String,
    /// How others see the person.
    pub full_name: Option<String>,
    /// Where the person lives; UTC when absent.
    pub time_zone: Option<Tz>,
}

/// A password attempt.
pub struct SignIn {
    /// E-mail address or username.
    pub login: String,
    /// The password.
    pub password: String,
    /// A code of the second factor, where one is asked for.
    pub code: Option<String>,
}

/// Where somebody signs in.
#[derive(Clone, Default)]
pub struct SignedInFrom {
    /// How the person will recognise this sign-in in a list.
    pub device_name: Option<String>,
    /// The device, where it keeps a copy.
    pub device: Option<DeviceId>,
    /// The address of the caller: what attempts are limited by.
    pub client: String,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl SignedInFrom {
    /// The network of the caller, which is less than their address: of IPv4 24 bits, of IPv6 48.
    pub(crate) fn network(&self) -> Option<String> {
        match self.client.parse::<std::net::Ipv4Addr>() {
            Ok(address) => Some(format!("{}.{}.{}.0/24", address.octets()[0], address.octets()[1], address.octets()[2])),
            Err(_) => {
                let groups: Vec<_> = self.client.split(':').take(3).filter(|group| !group.is_empty()).collect();
                (groups.len() == 3).then(|| format!("{}::/48", groups.join(":")))
            }
        }
    }

    /// What the client calls itself, as far as that can be shown.
    pub(crate) fn agent(&self) -> Option<String> {
        let agent: String = self.user_agent.as_deref()?.chars().filter(|character| !character.is_control()).take(200).collect();
        Some(agent).filter(|agent| !agent.trim().is_empty())
    }

    pub(crate) fn checked(self) -> Result<Self> {
        let device_name = self.device_name.map(|name| input::line("deviceName", &name, 100)).transpose()?;
        Ok(Self { device_name, ..self })
    }
}

/// How long a repeated rotation counts as a lost answer and not as theft.
const ROTATION_GRACE: TimeDelta = TimeDelta::seconds(10);

/// A bucket of attempts that fills again, one per `refill`.
pub(crate) struct Limit {
    pub burst: i32,
    pub refill: TimeDelta,
}

const SIGN_UPS_PER_CLIENT: Limit = Limit { burst: 60, refill: TimeDelta::minutes(1) };
const SIGN_INS_PER_CLIENT: Limit = Limit { burst: 100, refill: TimeDelta::seconds(2) };
const FAILURES_PER_ACCOUNT: Limit = Limit { burst: 10, refill: TimeDelta::minutes(1) };
/// A hundred, and then about as many a day.
const FAILURES_PER_DAY: Limit = Limit { burst: 100, refill: TimeDelta::minutes(15) };

/// Makes an account and signs in.
pub async fn sign_up(database: &Database, new: SignUp, from: SignedInFrom) -> Result<Session> {
    let email = address("email", &new.email)?;
    let full_name = new.full_name.map(|name| input::line("fullName", &name, 255)).transpose()?;
    limit(database, &format!("sign_up:{}", from.client), &SIGN_UPS_PER_CLIENT).await?;
    let hash = passwords::hash_new("password", new.password, &[&email, full_name.as_deref().unwrap_or_default()]).await?;

    let user_id = UserId(database.new_id());
    let tx = database.without_viewer().await?;
    let zone = new.time_zone.unwrap_or(Tz::UTC).name();
    run(&tx, "SELECT auth.sign_up($1, $2, $3, $4, $5)", [user_id.0.into(), email.into(), hash.into(), full_name.into(), zone.into()])
        .await?;
    let session = open_session(database, &tx, user_id, &from).await?;
    tx.commit().await?;
    Ok(session)
}

/// Signs in. An unknown login costs as much and answers as a wrong password does. Where a second factor is asked for, `code` is it.
pub async fn sign_in(database: &Database, attempt: SignIn, from: SignedInFrom) -> Result<Session> {
    const REFUSED: Error = Error::Unauthenticated("e-mail address or password is wrong");
    let from = from.checked()?;
    let login = normalized(&attempt.login);
    let account = bucket("sign_in", &login);
    limit(database, &format!("sign_in_from:{}", from.client), &SIGN_INS_PER_CLIENT).await?;
    limit_guesses(database, &account).await?;

    let found = credentials(database, &login).await?;
    let (user_id, hash) = found.map_or((None, passwords::DUMMY_HASH.clone()), |(user_id, hash)| (Some(user_id), hash));
    let matches = passwords::verify(attempt.password, hash).await?;
    let Some(user_id) = user_id.filter(|_| matches) else {
        // PostgreSQL's text holds no NUL.
        if !login.contains('\0') {
            let tx = database.without_viewer().await?;
            security_events::note_failed_sign_in(&tx, &login, &from).await?;
            tx.commit().await?;
        }
        return Err(REFUSED);
    };

    let tx = database.without_viewer().await?;
    forgive_guesses(&tx, &account).await?;
    enter(database, tx, user_id, from, attempt.code).await
}

/// Completes a sign-in that wanted a second factor, too.
pub async fn complete_sign_in(database: &Database, challenge: &str, code: &str, from: SignedInFrom) -> Result<Session> {
    let from = from.checked()?;
    let user_id = database.keys().challenged(challenge, database.now())?;
    limit(database, &format!("sign_in_from:{}", from.client), &SIGN_INS_PER_CLIENT).await?;
    second_factors::prove(database, user_id, code).await?;
    let tx = database.without_viewer().await?;
    open(database, tx, user_id, from).await
}

/// Lets somebody in who has proved who they are, in the transaction of the proof, once they have given the second factor that is asked of
/// them, if one is.
pub(crate) async fn enter(database: &Database, tx: Tx, user_id: UserId, from: SignedInFrom, code: Option<String>) -> Result<Session> {
    if !second_factors::is_asked_of(&tx, user_id).await? {
        return open(database, tx, user_id, from).await;
    }
    tx.commit().await?;
    let Some(code) = code else {
        let (challenge, expires_at) = database.keys().challenge(user_id, database.now())?;
        return Err(Error::SecondFactorRequired { challenge, expires_at });
    };
    second_factors::prove(database, user_id, &code).await?;
    let tx = database.without_viewer().await?;
    open(database, tx, user_id, from).await
}

async fn open(database: &Database, tx: Tx, user_id: UserId, from: SignedInFrom) -> Result<Session> {
    let session = open_session(database, &tx, user_id, &from).await?;
    security_events::note(&tx, user_id, Event::SignedIn, None, Some(&from), None).await?;
    tx.commit().await?;
    if let (Some(id), Some(opened)) = (from.device, session.viewer.session_id()) {
        let tx = session.viewer.write().await?;
        devices::register(&tx, opened, id, from.device_name.as_deref().unwrap_or("a device without a name")).await?;
        tx.commit().await?;
    }
    Ok(session)
}

async fn credentials(database: &Database, login: &str) -> Result<Option<(UserId, String)>> {
    // PostgreSQL's text holds no NUL, so nobody is called that.
    if login.contains('\0') {
        return Ok(None);
    }
    let tx = database.without_viewer().await?;
    let row = tx.query_one_raw(statement("SELECT user_id, password_hash FROM auth.credentials($1)", [login.into()])).await?;
    row.map(|row| Ok((UserId(row.try_get_by_index(0)?), row.try_get_by_index(1)?))).transpose()
}

/// What shows that somebody who is signed in still knows their password.
pub(crate) struct Proved {
    pub user: users::Model,
    hash: String,
}

/// Makes sure that whoever holds the viewer's session knows the password, too. Attempts are limited as those to sign in are.
pub(crate) async fn prove(viewer: &Viewer, field: &'static str, password: String) -> Result<Proved> {
    let database = viewer.database();
    let tx = viewer.read().await?;
    let user = users::Entity::find_by_id(viewer.user_id()).one(&tx).await?;
    drop(tx);
    let user = user.ok_or(Error::Unauthenticated("this account no longer exists"))?;
    let attempts = format!("password_of:{}", user.id);
    limit_guesses(database, &attempts).await?;
    let (_, hash) = credentials(database, &user.email).await?.ok_or(Error::Unauthenticated("this account no longer exists"))?;
    if !passwords::verify(password, hash.clone()).await? {
        return Err(Error::invalid(field, "is not your password"));
    }
    let tx = database.without_viewer().await?;
    forgive_guesses(&tx, &attempts).await?;
    tx.commit().await?;
    Ok(Proved { user, hash })
}

/// Changes the viewer's password. Their other sessions end, and they are told by mail.
pub async fn change_password(viewer: &Viewer, password: String, new_password: String) -> Result<()> {
    let Proved { user, hash } = prove(viewer, "password", password).await?;
    let words = [user.email.as_str(), user.full_name.as_deref().unwrap_or_default(), user.username.as_deref().unwrap_or_default()];
    let new_hash = passwords::hash_new("newPassword", new_password, &words).await?;
    let tx = viewer.write().await?;
    let session = viewer.session_id().map(|session| session.0);
    let values: [Value; 4] = [hash.into(), new_hash.into(), session.into(), tx.now().into()];
    let row = tx.query_one_raw(statement("SELECT auth.change_password($1, $2, $3, $4)", values)).await?;
    if !row.ok_or_else(|| Error::internal("a function without an answer"))?.try_get_by_index::<bool>(0)? {
        return Err(Error::conflict("the password was changed at the same moment: sign in again"));
    }
    security_events::note_own(&tx, viewer, Event::PasswordChanged).await?;
    tx.commit().await
}

/// Exchanges a refresh token for new tokens. A token that was used before ends its whole session: one of its holders is a thief.
pub async fn refresh_session(database: &Database, refresh_token: &str) -> Result<Session> {
    let now = database.now();
    let next = tokens::new_secret(database.random());
    let tx = database.without_viewer().await?;
    let rotation = statement(
        "SELECT person, session FROM auth.rotate($1, $2, $3, $4, make_interval(secs => $5))",
        [
            tokens::secret_hash(refresh_token).into(),
            tokens::secret_hash(&next).into(),
            (now + REFRESH_TOKEN_LIFETIME).into(),
            now.into(),
            #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
            (ROTATION_GRACE.num_seconds() as f64).into(),
        ],
    );
    let row = tx.query_one_raw(rotation).await?;
    // Committed in either case: a reuse has just ended its session.
    tx.commit().await?;
    let row = row.ok_or(Error::Unauthenticated("this refresh token is not valid any more: sign in again"))?;
    session(database, UserId(row.try_get_by_index(0)?), SessionId(row.try_get_by_index(1)?), next)
}

/// Marks an address as verified, in a transaction of [`crate::access::Maintenance`]. Answers whether it has an account.
pub async fn verify_address(tx: &Tx, email: &str) -> Result<bool> {
    let verify = statement(
        "WITH verified AS (UPDATE users SET email_verified_at = $2 WHERE email = $1 AND email_verified_at IS NULL)
         SELECT FROM users WHERE email = $1",
        [address("address", email)?.into(), tx.now().into()],
    );
    Ok(tx.query_one_raw(verify).await?.is_some())
}

/// How many accounts there are, in a transaction of [`crate::access::Maintenance`].
pub async fn count(tx: &Tx) -> Result<i64> {
    let row = tx.query_one_raw(statement("SELECT count(*) FROM users", [])).await?;
    Ok(row.ok_or_else(|| Error::internal("a count without an answer"))?.try_get_by_index(0)?)
}

async fn open_session(database: &Database, tx: &Tx, user_id: UserId, from: &SignedInFrom) -> Result<Session> {
    let now = database.now();
    let session_id = SessionId(tx.new_id());
    let refresh_token = tokens::new_secret(database.random());
    let values: [Value; 9] = [
        user_id.0.into(),
        session_id.0.into(),
        from.device_name.clone().into(),
        (now + SESSION_LIFETIME).into(),
        tokens::secret_hash(&refresh_token).into(),
        (now + REFRESH_TOKEN_LIFETIME).into(),
        from.network().into(),
        from.agent().into(),
        now.into(),
    ];
    run(tx, "SELECT auth.open_session($1, $2, $3, $4, $5, $6, $7, $8, $9)", values).await?;
    session(database, user_id, session_id, refresh_token)
}

fn session(database: &Database, user_id: UserId, session_id: SessionId, refresh_token: String) -> Result<Session> {
    let (access_token, access_token_expires_at) = database.keys().sign(user_id, session_id, database.now())?;
    let viewer = database.authenticate(&access_token)?;
    Ok(Session { access_token, access_token_expires_at, refresh_token, viewer })
}

/// Takes an attempt at a password.
async fn limit_guesses(database: &Database, of: &str) -> Result<()> {
    limit(database, of, &FAILURES_PER_ACCOUNT).await?;
    limit(database, &format!("{of}:day"), &FAILURES_PER_DAY).await
}

/// Forgets the attempts at a password, since it was given.
async fn forgive_guesses(tx: &Tx, of: &str) -> Result<()> {
    refill(tx, of).await?;
    refill(tx, &format!("{of}:day")).await
}

/// The name of the bucket of a text that somebody typed, which it does not tell.
pub(crate) fn bucket(of: &str, text: &str) -> String {
    format!("{of}:{}", &tokens::secret_hash(text)[..32])
}

/// Gives a bucket its attempts back, since one was right.
pub(crate) async fn refill(tx: &Tx, bucket: &str) -> Result<()> {
    run(tx, "SELECT auth.refill($1)", [bucket.into()]).await
}

/// Takes an attempt from a bucket, or says when there will be one.
pub(crate) async fn limit(database: &Database, bucket: &str, limit: &Limit) -> Result<()> {
    let tx = database.without_viewer().await?;
    let take = statement(
        "SELECT extract(epoch FROM auth.take($1, $2, make_interval(secs => $3), $4))::float8",
        [
            bucket.into(),
            limit.burst.into(),
            #[expect(clippy::cast_precision_loss, reason = "a day at most in milliseconds")]
            (limit.refill.num_milliseconds() as f64 / 1000.0).into(),
            database.now().into(),
        ],
    );
    let row = tx.query_one_raw(take).await?.ok_or_else(|| Error::internal("a rate limit without an answer"))?;
    let seconds: f64 = row.try_get_by_index(0)?;
    tx.commit().await?;
    if seconds > 0.0 { Err(Error::RateLimited { retry_after: Duration::from_secs_f64(seconds.ceil()) }) } else { Ok(()) }
}

fn normalized(login: &str) -> String {
    login.trim().nfkc().collect::<String>().to_lowercase()
}

/// An e-mail address in the form in which it is compared: NFKC, lower case.
pub(crate) fn address(field: &str, text: &str) -> Result<String> {
    let address = normalized(&input::line(field, text, 255)?);
    let valid = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.') && !domain.contains(['@', '/'])
    });
    if valid && address.len() <= 255 && !address.contains(char::is_whitespace) {
        Ok(address)
    } else {
        Err(Error::invalid(field, "not an e-mail address: write one such as ann@example.org"))
    }
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

async fn run(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<()> {
    tx.execute_raw(statement(sql, values)).await?;
    Ok(())
}
