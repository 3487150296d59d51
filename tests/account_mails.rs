//! Mail about an account: verified and changed addresses, passwords set anew, and links that sign in.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service::jobs::Worker;

use crate::harness::{
    PASSWORD, Person, Refusal, TestApp,
    smtp::{Fault, MailServer, Taken},
};

pub const ANOTHER: &str = "seven grey otters juggling";

/// Asks for something, with or without a session.
pub async fn does(person: &Person<'_>, mutation: &str, input: Value, answer: &str) -> Value {
    person.ask(&document(mutation, &input, answer), json!({})).await[mutation].take()
}

pub async fn refused(person: &Person<'_>, mutation: &str, input: Value, answer: &str) -> Refusal {
    person.refused(&document(mutation, &input, answer), json!({})).await
}

fn document(mutation: &str, input: &Value, answer: &str) -> String {
    let fields = input.as_object().unwrap().iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ");
    let arguments = if fields.is_empty() { String::new() } else { format!("(input: {{ {fields} }})") };
    format!("mutation {{ {mutation}{arguments} {{ {answer} }} }}")
}

/// What the mail server has got once the jobs are done.
pub async fn mails(app: &TestApp, mail: &MailServer) -> Vec<Taken> {
    Worker::new(app.database.clone(), None, app.outside.mailer.clone()).run_due().await.unwrap();
    mail.taken()
}

/// The secret in the only mail there is, which is for `to`.
pub async fn secret(app: &TestApp, mail: &MailServer, to: &str) -> String {
    let [taken] = mails(app, mail).await.try_into().unwrap_or_else(|mails| panic!("not one mail: {mails:?}"));
    assert_eq!(taken.to, to);
    secret_in(&taken)
}

fn secret_in(mail: &Taken) -> String {
    let secrets: Vec<_> = mail.body().lines().filter(|line| line.len() == 43 && !line.contains(' ')).collect();
    assert_eq!(secrets.len(), 1, "{}", mail.body());
    secrets[0].to_owned()
}

pub async fn signs_in<'a>(app: &'a TestApp, login: &str, password: &str) -> Person<'a> {
    let answer = does(&app.nobody(), "signIn", json!({ "email": login, "password": password }), SESSION).await;
    signed_in(app, &answer)
}

pub const SESSION: &str = "session { accessToken refreshToken } viewer { id email }";

pub fn signed_in<'a>(app: &'a TestApp, answer: &Value) -> Person<'a> {
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    Person {
        app,
        token: Some(text("/session/accessToken")),
        refresh_token: text("/session/refreshToken"),
        id: text("/viewer/id"),
        email: text("/viewer/email"),
    }
}

pub async fn is_signed_in(person: &Person<'_>) -> bool {
    person.json("{ viewer { id } }", json!({})).await.get("errors").is_none()
}

fn stale(refusal: &Refusal) -> bool {
    (refusal.code.as_str(), refusal.field.as_deref()) == ("BAD_USER_INPUT", Some("secret"))
}

#[tokio::test]
async fn ann_verifies_her_address_and_only_then_is_what_was_offered_to_it_hers_to_accept() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let offer = "mutation { offerAccess(input: { granteeEmail: \"Ann@example.org\", accessTypes: [CALORIE] }) { offers { id } } }";
    let offer = ben.ask(offer, json!({})).await["offerAccess"]["offers"][0]["id"].take();
    let accept = json!({ "id": offer });
    assert_eq!(refused(&ann, "acceptAccess", accept.clone(), "access { status }").await.code, "NOT_FOUND");

    does(&ann, "requestEmailVerification", json!({}), "requested").await;
    let secret = secret(&app, &mail, "ann@example.org").await;
    // Whoever reads the mail verifies it, signed in or not.
    let answer = does(&app.nobody(), "verifyEmail", json!({ "secret": secret }), "email").await;
    assert_eq!(answer, json!({ "email": "ann@example.org" }));
    assert_eq!(does(&ann, "acceptAccess", accept, "access { status }").await["access"]["status"], "ACTIVE");

    assert!(stale(&refused(&app.nobody(), "verifyEmail", json!({ "secret": secret }), "email").await), "it was used");
    assert_eq!(refused(&ann, "requestEmailVerification", json!({}), "requested").await.code, "CONFLICT");
    assert!(mails(&app, &mail).await.is_empty());
}

#[tokio::test]
async fn a_new_address_counts_once_it_is_verified_and_the_old_one_is_told() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let (ann, _ben) = (app.person("ann").await, app.person("ben").await);
    let laptop = signs_in(&app, &ann.email, PASSWORD).await;
    let change = |password: &str, email: &str| json!({ "newEmail": email, "password": password });
    let wrong = refused(&ann, "requestEmailChange", change("not it", "ann@example.com"), "requested").await;
    assert_eq!((wrong.code.as_str(), wrong.field.as_deref()), ("BAD_USER_INPUT", Some("password")));
    does(&ann, "requestEmailChange", change(PASSWORD, "Ann@Example.com"), "requested").await;
    let secret = secret(&app, &mail, "ann@example.com").await;
    assert_eq!(ann.ask("{ viewer { email } }", json!({})).await["viewer"]["email"], "ann@example.org", "not yet");

    // A secret that was mailed to the old address opens nothing afterwards.
    does(&app.nobody(), "requestPasswordReset", json!({ "email": ann.email }), "requested").await;
    let former = mails(&app, &mail).await;
    does(&app.nobody(), "verifyEmail", json!({ "secret": secret }), "email").await;
    assert_eq!(ann.ask("{ viewer { email } }", json!({})).await["viewer"]["email"], "ann@example.com");
    assert!(!is_signed_in(&laptop).await, "other sessions end");
    let reset = json!({ "secret": secret_in(&former[0]), "newPassword": ANOTHER });
    assert!(stale(&refused(&app.nobody(), "resetPassword", reset, "reset").await));
    let [told] = mails(&app, &mail).await.try_into().unwrap();
    assert_eq!((told.to.as_str(), told.header("Subject")), ("ann@example.org", "Your e-mail address was changed"));
    signs_in(&app, "ann@example.com", PASSWORD).await;

    // That somebody has an address is told to whoever reads its mail, and to nobody else.
    does(&ann, "requestEmailChange", change(PASSWORD, "ben@example.org"), "requested").await;
    let taken = self::secret(&app, &mail, "ben@example.org").await;
    assert_eq!(refused(&app.nobody(), "verifyEmail", json!({ "secret": taken }), "email").await.code, "CONFLICT");
    assert_eq!(ann.ask("{ viewer { email } }", json!({})).await["viewer"]["email"], "ann@example.com");
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once_and_every_session_ends() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    does(&app.nobody(), "requestPasswordReset", json!({ "email": " ANN@example.org" }), "requested").await;
    let secret = secret(&app, &mail, "ann@example.org").await;
    let reset = |secret: &str, password: &str| json!({ "secret": secret, "newPassword": password });
    // A password that is refused does not use the secret up.
    for password in ["short", "password1234", "ann@example.org"] {
        let refusal = refused(&app.nobody(), "resetPassword", reset(&secret, password), "reset").await;
        assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("BAD_USER_INPUT", Some("newPassword")), "{password}");
    }
    assert!(is_signed_in(&ann).await);
    does(&app.nobody(), "resetPassword", reset(&secret, ANOTHER), "reset").await;
    assert!(!is_signed_in(&ann).await);
    let old = refused(&app.nobody(), "signIn", json!({ "email": ann.email, "password": PASSWORD }), "viewer { id }").await;
    assert_eq!(old.code, "UNAUTHENTICATED");
    signs_in(&app, &ann.email, ANOTHER).await;
    assert!(stale(&refused(&app.nobody(), "resetPassword", reset(&secret, PASSWORD), "reset").await));
    let [told] = mails(&app, &mail).await.try_into().unwrap();
    assert_eq!(told.header("Subject"), "Your password was changed");

    does(&app.nobody(), "requestPasswordReset", json!({ "email": ann.email }), "requested").await;
    let late = self::secret(&app, &mail, "ann@example.org").await;
    app.clock.advance(TimeDelta::minutes(30));
    assert!(stale(&refused(&app.nobody(), "resetPassword", reset(&late, PASSWORD), "reset").await));
    for never in ["", "x", &"x".repeat(10_000), "\\u0000"] {
        assert!(stale(&refused(&app.nobody(), "resetPassword", reset(never, PASSWORD), "reset").await), "{never:.20}");
    }
}

#[tokio::test]
async fn asking_for_a_mail_is_the_same_for_an_address_that_nobody_has() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    app.person("ann").await;
    for mutation in ["requestPasswordReset", "requestSignInLink"] {
        let ask = async |email: &str| app.nobody().send(&document(mutation, &json!({ "email": email }), "requested"), json!({})).await;
        let (known, unknown) = (ask("ann@example.org").await, ask("nobody@example.org").await);
        assert_eq!(known.status(), unknown.status());
        assert_eq!(known.text().await.unwrap(), unknown.text().await.unwrap());
        // The work is the same, too: a row and a job each, and whether there is an account is looked up by the job.
        let rows: Vec<i64> = app.value("SELECT array_agg(n) FROM (SELECT count(*) AS n FROM account_mails GROUP BY address) counts").await;
        assert_eq!(rows[0], rows[1]);
        assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'mail_account'").await, 2);
        let waiting =
            "SELECT count(*) FROM account_mails m JOIN jobs j ON j.key = m.id::text WHERE m.owner_id IS NULL AND m.secret IS NULL";
        assert_eq!(app.value::<i64>(waiting).await, 2);
        assert_eq!(mails(&app, &mail).await.len(), 1);
        // Nor does it tell how often one may ask.
        for email in ["ann@example.org", "nobody@example.org"] {
            for _ in 0..2 {
                assert_eq!(ask(email).await.text().await.unwrap(), format!("{{\"data\":{{\"{mutation}\":{{\"requested\":true}}}}}}"));
            }
            let refusal: Value = ask(email).await.json().await.unwrap();
            assert_eq!(refusal.pointer("/errors/0/extensions"), Some(&json!({ "code": "RATE_LIMITED", "retryAfter": 1200 })), "{refusal}");
        }
        assert_eq!(mails(&app, &mail).await.len(), 2);
    }
    app.clock.advance(TimeDelta::days(2));
    mails(&app, &mail).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM account_mails").await, 0, "nobody needs them any more");
}

#[tokio::test]
async fn a_link_signs_in_once_within_a_quarter_of_an_hour() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    let asks = async || {
        does(&app.nobody(), "requestSignInLink", json!({ "email": ann.email }), "requested").await;
        secret(&app, &mail, "ann@example.org").await
    };
    let first = asks().await;
    let by = |secret: &str| json!({ "secret": secret, "deviceName": "Ann's phone" });
    let answer = does(&app.nobody(), "signInWithLink", by(&first), SESSION).await;
    let phone = signed_in(&app, &answer);
    assert!(phone.id == ann.id && is_signed_in(&phone).await);
    assert!(app.value::<bool>("SELECT email_verified_at IS NOT NULL FROM users").await, "whoever reads the mail has the address");
    assert!(stale(&refused(&app.nobody(), "signInWithLink", by(&first), SESSION).await));
    let second = asks().await;
    assert!(
        stale(&refused(&app.nobody(), "resetPassword", json!({ "secret": second, "newPassword": ANOTHER }), "reset").await),
        "it is for signing in"
    );
    app.clock.advance(TimeDelta::minutes(15));
    assert!(stale(&refused(&app.nobody(), "signInWithLink", by(&second), SESSION).await));
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_wrong_ones_are_counted() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    let laptop = signs_in(&app, &ann.email, PASSWORD).await;
    let change = |old: &str, new: &str| json!({ "password": old, "newPassword": new });
    let weak = refused(&ann, "changePassword", change(PASSWORD, "ann ann ann"), "changed").await;
    assert_eq!((weak.code.as_str(), weak.field.as_deref()), ("BAD_USER_INPUT", Some("newPassword")));
    assert!(weak.message.contains("too easy to guess") && weak.message.contains("uncommon words"), "{}", weak.message);
    does(&ann, "changePassword", change(PASSWORD, ANOTHER), "changed").await;
    assert!(is_signed_in(&ann).await && !is_signed_in(&laptop).await);
    assert_eq!(mails(&app, &mail).await[0].header("Subject"), "Your password was changed");
    for _ in 0..10 {
        assert_eq!(refused(&ann, "changePassword", change(PASSWORD, PASSWORD), "changed").await.field.as_deref(), Some("password"));
    }
    assert_eq!(refused(&ann, "changePassword", change(ANOTHER, PASSWORD), "changed").await.code, "RATE_LIMITED");
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_sent_again_as_it_was_and_no_secret_is_in_the_database() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    does(&app.nobody(), "requestPasswordReset", json!({ "email": ann.email }), "requested").await;
    mail.fails([Fault::AnswerLost]);
    let mut taken = mails(&app, &mail).await;
    app.clock.advance(TimeDelta::seconds(70));
    taken.extend(mails(&app, &mail).await);
    let [first, second] = taken.try_into().unwrap();
    assert_eq!(first.text, second.text);
    let secret = secret_in(&first);
    let mut owner = app.connect("hale_owner").await;
    let dump: Vec<(String,)> =
        sqlx::query_as("SELECT t::text FROM account_mails t UNION ALL SELECT t::text FROM jobs t").fetch_all(&mut owner).await.unwrap();
    assert!(!dump.is_empty() && !dump.iter().any(|(row,)| row.contains(&secret)));
    does(&app.nobody(), "resetPassword", json!({ "secret": secret, "newPassword": ANOTHER }), "reset").await;
}

#[tokio::test]
async fn a_server_that_sends_no_mail_says_so_and_does_nothing() {
    let app = TestApp::without_mail().await;
    let ann = app.person("ann").await;
    for (mutation, input) in [
        ("requestEmailVerification", json!({})),
        ("requestEmailChange", json!({ "newEmail": "ann@example.com", "password": PASSWORD })),
        ("requestPasswordReset", json!({ "email": "ann@example.org" })),
        ("requestSignInLink", json!({ "email": "ann@example.org" })),
    ] {
        let refusal = refused(&ann, mutation, input, "requested").await;
        assert_eq!(refusal.code, "UNAVAILABLE", "{mutation}");
        assert!(refusal.message.contains("HALE_SMTP_URL"), "{}", refusal.message);
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'mail_account'").await, 0);
    // What needs no mail works, and leaves no job that never ends.
    does(&ann, "changePassword", json!({ "password": PASSWORD, "newPassword": ANOTHER }), "changed").await;
    Worker::new(app.database.clone(), None, None).run_due().await.unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'mail_account'").await, 0);
}
