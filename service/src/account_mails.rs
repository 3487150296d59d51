//! Mail about an account: secrets that prove that an address is somebody's, and word of what happened.
//!
//! Asking is the same for every address, whether or not it has an account: a row, and one job, which finds out. The secret of a mail is
//! derived from its id by a key that is not in the database, so that the mail is the same however often an attempt to send it is
//! repeated; the database knows its hash.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{SessionId, UserId};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement, Value};
use uuid::Uuid;

use crate::{
    access::{Database, Tx, Viewer},
    accounts::{self, Limit, Proved, Session, SignedInFrom, address, bucket, limit},
    error::{Error, Result},
    jobs::{self, Claimed, Finished, Kind, Request},
    mail::{self, Mailer, Message},
    passwords,
    security_events::{self, Event},
    tokens::{Keys, secret_hash},
};

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    VerifyEmail,
    ChangeEmail,
    ResetPassword,
    SignIn,
}

/// How the kinds of mails begin that tell what happened.
const NEWS: &str = "tell_";
/// How long it is worth telling.
const NEWS_LIFETIME: TimeDelta = TimeDelta::days(1);

const MAILS_PER_ADDRESS: Limit = Limit { burst: 3, refill: TimeDelta::minutes(20) };
const MAILS_PER_CLIENT: Limit = Limit { burst: 60, refill: TimeDelta::minutes(1) };
const SECRETS_PER_CLIENT: Limit = Limit { burst: 100, refill: TimeDelta::seconds(2) };

/// A secret that opens nothing, or nothing any more.
fn stale() -> Error {
    Error::invalid("secret", "was used already, is too old, or never was one: ask for a new mail")
}

/// Mails the viewer a secret that verifies their address.
pub async fn request_verification(viewer: &Viewer) -> Result<()> {
    let tx = viewer.read().await?;
    let user = entity::users::Entity::find_by_id(viewer.user_id()).one(&tx).await?;
    drop(tx);
    let user = user.ok_or(Error::Unauthenticated("this account no longer exists"))?;
    if user.email_verified_at.is_some() {
        return Err(Error::conflict("this address is verified already"));
    }
    limit_mails(viewer.database(), Purpose::VerifyEmail, &user.email).await?;
    let tx = viewer.write().await?;
    request(&tx, Purpose::VerifyEmail, &user.email, viewer.session_id()).await?;
    tx.commit().await
}

/// Mails a secret to another address, which is the viewer's from when it is used. Whether somebody else has it is not told before.
pub async fn request_change(viewer: &Viewer, new_address: &str, password: String) -> Result<()> {
    let new_address = address("newEmail", new_address)?;
    let Proved { user, .. } = accounts::prove(viewer, "password", password).await?;
    if user.email == new_address {
        return Err(Error::invalid("newEmail", "is your address already"));
    }
    limit_mails(viewer.database(), Purpose::ChangeEmail, &user.id.to_string()).await?;
    limit_mails(viewer.database(), Purpose::ChangeEmail, &new_address).await?;
    let tx = viewer.write().await?;
    request(&tx, Purpose::ChangeEmail, &new_address, viewer.session_id()).await?;
    tx.commit().await
}

/// Mails a secret that sets the password anew, if the address has an account.
pub async fn request_password_reset(database: &Database, client: &str, email: &str) -> Result<()> {
    request_for_anybody(database, client, Purpose::ResetPassword, email).await
}

/// Mails a secret that signs in, if the address has an account.
pub async fn request_sign_in(database: &Database, client: &str, email: &str) -> Result<()> {
    request_for_anybody(database, client, Purpose::SignIn, email).await
}

/// Verifies the address that a secret was sent to, which becomes that of its account where that asked for it. The former one is told.
pub async fn verify_email(database: &Database, client: &str, secret: &str) -> Result<String> {
    limit_secrets(database, client).await?;
    let tx = database.without_viewer().await?;
    let values: [Value; 2] = [secret_hash(secret).into(), tx.now().into()];
    let verify = statement("SELECT person, address, former FROM auth.verify_email($1, $2)", values);
    let row = tx.query_one_raw(verify).await?.ok_or_else(stale)?;
    let (person, email, former) = (UserId(row.try_get_by_index(0)?), row.try_get_by_index(1)?, row.try_get_by_index::<Option<String>>(2)?);
    if let Some(former) = former {
        security_events::note(&tx, person, Event::EmailChanged, None, None, Some(&former)).await?;
    } else {
        security_events::note(&tx, person, Event::EmailVerified, None, None, None).await?;
    }
    tx.commit().await?;
    Ok(email)
}

/// Sets the password of the account that a secret was sent to. Every session of it ends.
pub async fn reset_password(database: &Database, client: &str, secret: &str, new_password: String) -> Result<()> {
    limit_secrets(database, client).await?;
    let hash = secret_hash(secret);
    let values: [Value; 3] = [hash.clone().into(), Purpose::ResetPassword.name().into(), database.now().into()];
    let tx = database.without_viewer().await?;
    let account = tx.query_one_raw(statement("SELECT email, full_name FROM auth.account_of_secret($1, $2, $3)", values)).await?;
    drop(tx);
    let account = account.ok_or_else(stale)?;
    let (email, full_name): (String, Option<String>) = (account.try_get_by_index(0)?, account.try_get_by_index(1)?);
    let new_password = passwords::hash_new("newPassword", new_password, &[&email, full_name.as_deref().unwrap_or_default()]).await?;

    let tx = database.without_viewer().await?;
    let values: [Value; 3] = [hash.into(), new_password.into(), tx.now().into()];
    let reset = statement("SELECT person, address FROM auth.reset_password($1, $2, $3)", values);
    let row = tx.query_one_raw(reset).await?.ok_or_else(stale)?;
    let (person, email) = (UserId(row.try_get_by_index(0)?), row.try_get_by_index::<String>(1)?);
    security_events::note(&tx, person, Event::PasswordChanged, None, None, Some(&email)).await?;
    tx.commit().await
}

/// Signs in with the secret of a mail.
pub async fn sign_in(database: &Database, secret: &str, from: SignedInFrom) -> Result<Session> {
    let from = from.checked()?;
    limit_secrets(database, &from.client).await?;
    let tx = database.without_viewer().await?;
    let values: [Value; 2] = [secret_hash(secret).into(), tx.now().into()];
    let row = tx.query_one_raw(statement("SELECT auth.sign_in_by_link($1, $2)", values)).await?.ok_or_else(stale)?;
    let person = UserId(row.try_get_by_index::<Option<Uuid>>(0)?.ok_or_else(stale)?);
    accounts::enter(database, tx, person, from, None).await
}

/// Tells a person, at this address, what happened to their account.
pub(crate) async fn tell(tx: &Tx, person: UserId, event: Event, to: &str) -> Result<()> {
    let id = tx.new_id();
    let values: [Value; 5] = [id.into(), person.0.into(), event.name().into(), to.into(), (tx.now() + NEWS_LIFETIME).into()];
    tx.execute_raw(statement("SELECT auth.notify_account($1, $2, $3, $4, $5)", values)).await?;
    enqueue(tx, id).await
}

async fn request_for_anybody(database: &Database, client: &str, purpose: Purpose, email: &str) -> Result<()> {
    let email = address("email", email)?;
    limit(database, &format!("mail_from:{client}"), &MAILS_PER_CLIENT).await?;
    limit_mails(database, purpose, &email).await?;
    let tx = database.without_viewer().await?;
    request(&tx, purpose, &email, None).await?;
    tx.commit().await
}

async fn request(tx: &Tx, purpose: Purpose, to: &str, session: Option<SessionId>) -> Result<()> {
    let id = tx.new_id();
    let session = session.map(|session| session.0);
    let values: [Value; 5] = [id.into(), purpose.name().into(), to.into(), session.into(), (tx.now() + purpose.lifetime()).into()];
    tx.execute_raw(statement("SELECT auth.request_account_mail($1, $2, $3, $4, $5)", values)).await?;
    enqueue(tx, id).await
}

async fn enqueue(tx: &Tx, mail: Uuid) -> Result<()> {
    let about = mail.to_string();
    jobs::enqueue_for_anybody(tx, Request { kind: Kind::MailAccount, about: &about, due: tx.now(), every: None, anew: false }).await
}

async fn limit_mails(database: &Database, purpose: Purpose, to: &str) -> Result<()> {
    limit(database, &bucket(&format!("mail_{}", purpose.name()), to), &MAILS_PER_ADDRESS).await
}

async fn limit_secrets(database: &Database, client: &str) -> Result<()> {
    limit(database, &format!("secrets_from:{client}"), &SECRETS_PER_CLIENT).await
}

/// Sends the mail that a job is about, unless it is too late or nobody has such an account.
pub(crate) async fn send(job: &Claimed, mailer: Option<&dyn Mailer>, app_url: Option<&str>) -> Result<Finished> {
    let id: Uuid = job.about.parse().map_err(|_| Error::internal("a mail without an id"))?;
    let secret = secret(job.database().keys(), id)?;
    let (tx, [job_id, claim]) = job.without_viewer().await?;
    let values: [Value; 4] = [job_id.into(), claim.into(), secret_hash(&secret).into(), tx.now().into()];
    let prepared = tx.query_one_raw(statement("SELECT what, recipient FROM auth.prepare_account_mail($1, $2, $3, $4)", values)).await?;
    let Some(row) = prepared else { return job.finish(tx).await };
    let (kind, to): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let Some(mailer) = mailer else {
        // Secrets are asked for only where mail is sent; news there is everywhere.
        return if kind.starts_with(NEWS) { job.finish(tx).await } else { Err(mail::NOT_CONFIGURED) };
    };
    let (subject, text) = written(&kind, &secret, app_url).ok_or_else(|| Error::internal("a mail of a kind that nobody knows"))?;
    let message = Message { id, to, subject: subject.to_owned(), text, at: id_time(id).unwrap_or_else(|| tx.now()) };
    tx.commit().await?;
    // Whoever refuses it for good does so for the next one, too: there is nobody to tell.
    mail::deliver(mailer, &message).await?;
    let (tx, _) = job.without_viewer().await?;
    job.finish(tx).await
}

/// When a mail was asked for, by its id: its Date is the same each time.
fn id_time(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(seconds.try_into().ok()?, nanoseconds)
}

fn secret(keys: &Keys, mail: Uuid) -> Result<String> {
    let key = keys.sealing_key(keys.sealing(), &format!("mail {mail}"));
    Ok(BASE64_URL_SAFE_NO_PAD.encode(key.ok_or_else(|| Error::internal("the current sealing key is missing"))?))
}

impl Purpose {
    const ALL: [Self; 4] = [Self::VerifyEmail, Self::ChangeEmail, Self::ResetPassword, Self::SignIn];

    fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ChangeEmail => "change_email",
            Self::ResetPassword => "reset_password",
            Self::SignIn => "sign_in",
        }
    }

    fn lifetime(self) -> TimeDelta {
        match self {
            Self::VerifyEmail | Self::ChangeEmail => TimeDelta::days(1),
            Self::ResetPassword => TimeDelta::minutes(30),
            Self::SignIn => TimeDelta::minutes(15),
        }
    }

    /// The subject, what it is for, and the page of a web client that takes the secret.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::VerifyEmail => ("Verify your e-mail address", "verify that this is your e-mail address, within a day", "verify-email"),
            Self::ChangeEmail => {
                ("Verify your new e-mail address", "make this the e-mail address of your account, within a day", "verify-email")
            }
            Self::ResetPassword => ("Set a new password", "set a new password, within half an hour", "reset-password"),
            Self::SignIn => ("Sign in to Hale", "sign in, within a quarter of an hour", "sign-in"),
        }
    }
}

/// The subject and the text of a mail of this kind.
fn written(kind: &str, secret: &str, app_url: Option<&str>) -> Option<(&'static str, String)> {
    if let Some(news) = kind.strip_prefix(NEWS) {
        let (subject, text) = Event::named(news)?.mail()?;
        return Some((subject, format!("{text}\n\nIf that was not you, set a new password now, and tell whoever runs this server.\n")));
    }
    let (subject, what, page) = Purpose::ALL.into_iter().find(|purpose| purpose.name() == kind)?.words();
    // What follows # never leaves the browser by itself.
    let link = app_url
        .map(|url| format!("Open this link to {what}:\n\n{url}/{page}#{secret}\n\nOr give this code to the app:"))
        .unwrap_or_else(|| format!("Give this code to the app to {what}:"));
    Some((subject, format!("{link}\n\n{secret}\n\nIf you did not ask for this, there is nothing to do: nobody else has the code.\n")))
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn the_secret_of_a_mail_is_the_same_each_time_and_another_for_each_mail_and_each_key() {
        let (keys, others) = (Keys::generate(&SystemRandom), Keys::generate(&SystemRandom));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(secret(&keys, one).unwrap(), secret(&keys, one).unwrap());
        assert_ne!(secret(&keys, one).unwrap(), secret(&keys, two).unwrap());
        assert_ne!(secret(&keys, one).unwrap(), secret(&others, one).unwrap());
        assert_eq!(secret(&keys, one).unwrap().len(), 43);
    }

    #[test]
    fn a_mail_has_the_code_and_where_there_is_a_web_client_a_link() {
        for purpose in Purpose::ALL {
            let (_, text) = written(purpose.name(), "SECRET", None).unwrap();
            assert!(text.contains("\n\nSECRET\n\n") && !text.contains("http"), "{text}");
            let (_, text) = written(purpose.name(), "SECRET", Some("https://app.example.org")).unwrap();
            assert!(text.contains("\nhttps://app.example.org/") && text.contains("#SECRET\n"), "{text}");
        }
        for event in Event::ALL.into_iter().filter(|event| event.mail().is_some()) {
            assert!(!written(&format!("{NEWS}{}", event.name()), "SECRET", None).unwrap().1.contains("SECRET"));
        }
        assert!(written("clean_up", "SECRET", None).is_none());
    }
}
