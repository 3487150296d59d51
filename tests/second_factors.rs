//! Second factors: enrolment, codes that are taken once, recovery codes, and what a thief of the password gains.

use chrono::TimeDelta;
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use service::clock::Clock;
use sha1::Sha1;

use crate::{
    account_mails::{SESSION, does, is_signed_in, mails, refused, secret, signed_in, signs_in},
    harness::{PASSWORD, Person, TestApp, smtp::MailServer},
};

/// An authenticator app, as RFC 6238 has it.
struct App {
    secret: Vec<u8>,
}

impl App {
    fn code(&self, app: &TestApp) -> String {
        self.code_in(app, 0)
    }

    /// The code of so many half minutes from now.
    fn code_in(&self, app: &TestApp, steps: i64) -> String {
        let step = app.clock.now().timestamp() / 30 + steps;
        let mac = Hmac::<Sha1>::new_from_slice(&self.secret).unwrap().chain_update(step.to_be_bytes()).finalize().into_bytes();
        let offset = usize::from(mac[19] & 15);
        let number = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// Gives somebody an app, and answers it with their recovery codes.
async fn enrols(person: &Person<'_>) -> (App, Vec<String>) {
    let begun = does(person, "beginSecondFactor", json!({ "password": PASSWORD }), "secret uri").await;
    let text = begun["secret"].as_str().unwrap();
    let uri = begun["uri"].as_str().unwrap();
    assert_eq!(uri, format!("otpauth://totp/Hale:ann%40example.org?secret={text}&issuer=Hale&algorithm=SHA1&digits=6&period=30"));
    let app = App { secret: BASE32_NOPAD.decode(text.as_bytes()).unwrap() };
    let confirmed = does(person, "confirmSecondFactor", json!({ "code": app.code(person.app) }), "recoveryCodes").await;
    let codes: Vec<String> = serde_json::from_value(confirmed["recoveryCodes"].clone()).unwrap();
    (app, codes)
}

/// The challenge that a right password is answered with.
async fn challenged(app: &TestApp, email: &str) -> String {
    let document = format!("mutation {{ signIn(input: {{ email: \"{email}\", password: \"{PASSWORD}\" }}) {{ {SESSION} }} }}");
    challenge_of(&app.nobody().json(&document, json!({})).await)
}

fn challenge_of(answer: &Value) -> String {
    let extensions = answer.pointer("/errors/0/extensions").unwrap_or_else(|| panic!("{answer}"));
    assert_eq!((extensions["code"].as_str(), extensions["expiresAt"].is_string()), (Some("SECOND_FACTOR_REQUIRED"), true), "{answer}");
    extensions["challenge"].as_str().unwrap().to_owned()
}

fn with(challenge: &str, code: &str) -> Value {
    json!({ "challenge": challenge, "code": code })
}

#[tokio::test]
async fn ann_signs_in_with_password_and_code_and_no_code_is_taken_twice() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    let (totp, codes) = enrols(&ann).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(mails(&app, &mail).await[0].header("Subject"), "A second factor was added");
    let factor = ann.ask("{ viewer { secondFactor { enabledAt recoveryCodesLeft } } }", json!({})).await["viewer"]["secondFactor"].take();
    assert_eq!(factor, json!({ "enabledAt": "2026-03-10T12:00:00Z", "recoveryCodesLeft": 10 }));

    let challenge = challenged(&app, &ann.email).await;
    let confirmed = refused(&app.nobody(), "completeSignIn", with(&challenge, &totp.code(&app)), SESSION).await;
    assert_eq!((confirmed.code.as_str(), confirmed.field.as_deref()), ("BAD_USER_INPUT", Some("code")), "it confirmed the factor");
    app.clock.advance(TimeDelta::seconds(30));
    let code = totp.code(&app);
    let phone = signed_in(&app, &does(&app.nobody(), "completeSignIn", with(&challenge, &code), SESSION).await);
    assert!(phone.id == ann.id && is_signed_in(&phone).await);
    for taken in [code.as_str(), &totp.code_in(&app, -1)] {
        assert_eq!(
            refused(&app.nobody(), "completeSignIn", with(&challenge, taken), SESSION).await.field.as_deref(),
            Some("code"),
            "it was taken"
        );
    }
    // A clock that is half a minute fast.
    let next = totp.code_in(&app, 1);
    does(&app.nobody(), "completeSignIn", with(&challenge, &next), SESSION).await;
    app.clock.advance(TimeDelta::seconds(60));
    // The contract's way: the code at once.
    let at_once = json!({ "email": ann.email, "password": PASSWORD, "code": totp.code(&app) });
    does(&app.nobody(), "signIn", at_once, SESSION).await;

    app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(
        refused(&app.nobody(), "completeSignIn", with(&challenge, &totp.code(&app)), SESSION).await.code,
        "UNAUTHENTICATED",
        "it is five minutes old"
    );
}

#[tokio::test]
async fn a_challenge_opens_nothing_by_itself_and_a_token_is_no_challenge() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (totp, _) = enrols(&ann).await;
    let challenge = challenged(&app, &ann.email).await;
    let bearer = Person { token: Some(challenge.clone()), ..app.nobody() };
    assert!(!is_signed_in(&bearer).await);
    app.clock.advance(TimeDelta::seconds(30));
    let mut tampered = challenge.clone();
    tampered.pop();
    for forged in [ann.token.as_deref().unwrap(), &ann.refresh_token, "", "x", &tampered] {
        assert_eq!(
            refused(&app.nobody(), "completeSignIn", with(forged, &totp.code(&app)), SESSION).await.code,
            "UNAUTHENTICATED",
            "{forged}"
        );
    }
    // A wrong password tells nothing of a second factor.
    let wrong =
        refused(&app.nobody(), "signIn", json!({ "email": ann.email, "password": "not it", "code": totp.code(&app) }), SESSION).await;
    assert_eq!(wrong.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn recovery_codes_work_once_each_and_are_replaced() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    let (totp, codes) = enrols(&ann).await;
    mails(&app, &mail).await;
    let challenge = challenged(&app, &ann.email).await;
    does(&app.nobody(), "completeSignIn", with(&challenge, &codes[0].to_uppercase().replace('-', " ")), SESSION).await;
    assert_eq!(mails(&app, &mail).await[0].header("Subject"), "A recovery code was used");
    assert_eq!(refused(&app.nobody(), "completeSignIn", with(&challenge, &codes[0]), SESSION).await.field.as_deref(), Some("code"));
    let left = ann.ask("{ viewer { secondFactor { recoveryCodesLeft } } }", json!({})).await;
    assert_eq!(left["viewer"]["secondFactor"]["recoveryCodesLeft"], 9);

    app.clock.advance(TimeDelta::seconds(30));
    let replace = |code: &str| json!({ "password": PASSWORD, "code": code });
    let answer = does(&ann, "replaceRecoveryCodes", replace(&totp.code(&app)), "recoveryCodes").await;
    assert_eq!(refused(&app.nobody(), "completeSignIn", with(&challenge, &codes[1]), SESSION).await.field.as_deref(), Some("code"));
    does(&app.nobody(), "completeSignIn", with(&challenge, answer["recoveryCodes"][0].as_str().unwrap()), SESSION).await;
    let dump: Vec<(String,)> = sqlx::query_as("SELECT t::text FROM recovery_codes t UNION ALL SELECT t::text FROM second_factors t")
        .fetch_all(&mut app.connect("hale_owner").await)
        .await
        .unwrap();
    let secret = BASE32_NOPAD.encode(&totp.secret);
    assert_eq!(dump.len(), 11);
    assert!(!dump.iter().any(|(row,)| row.contains(&secret) || codes.iter().any(|code| row.contains(&code.replace('-', "")))));
}

#[tokio::test]
async fn guessing_codes_is_slow_on_all_servers_together() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (totp, codes) = enrols(&ann).await;
    let beside = app.beside(None).await;
    let challenge = challenged(&app, &ann.email).await;
    app.clock.advance(TimeDelta::seconds(30));
    let wrong = if totp.code(&app) == "000000" { "000001" } else { "000000" };
    for n in 0..10 {
        let server = if n % 2 == 0 { &app } else { &beside };
        assert_eq!(refused(&server.nobody(), "completeSignIn", with(&challenge, wrong), SESSION).await.field.as_deref(), Some("code"));
    }
    for server in [&app, &beside] {
        for code in [totp.code(&app), codes[0].clone()] {
            assert_eq!(refused(&server.nobody(), "completeSignIn", with(&challenge, &code), SESSION).await.code, "RATE_LIMITED");
        }
    }
    assert!(app.value::<bool>("SELECT relpersistence = 'p' FROM pg_class WHERE relname = 'rate_limits'").await, "a crash would empty it");
    app.clock.advance(TimeDelta::minutes(5));
    let challenge = challenged(&beside, &ann.email).await;
    does(&beside.nobody(), "completeSignIn", with(&challenge, &totp.code(&app)), SESSION).await;
}

#[tokio::test]
async fn it_is_asked_for_from_when_it_is_confirmed_until_it_is_disabled() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let password = |text: &str| json!({ "password": text });
    assert_eq!(refused(&ann, "beginSecondFactor", password("not it"), "secret").await.field.as_deref(), Some("password"));
    assert_eq!(refused(&ann, "confirmSecondFactor", json!({ "code": "123456" }), "recoveryCodes").await.code, "CONFLICT");
    does(&ann, "beginSecondFactor", password(PASSWORD), "secret").await;
    // Whoever begins and never confirms is not locked out.
    signs_in(&app, &ann.email, PASSWORD).await;
    assert_eq!(refused(&ann, "confirmSecondFactor", json!({ "code": "no" }), "recoveryCodes").await.field.as_deref(), Some("code"));
    let (totp, _) = enrols(&ann).await;
    assert_eq!(refused(&ann, "beginSecondFactor", password(PASSWORD), "secret").await.code, "CONFLICT");

    app.clock.advance(TimeDelta::seconds(30));
    let disable = |password: &str, code: &str| json!({ "password": password, "code": code });
    assert_eq!(
        refused(&ann, "disableSecondFactor", disable("not it", &totp.code(&app)), "disabled").await.field.as_deref(),
        Some("password")
    );
    assert_eq!(refused(&ann, "disableSecondFactor", disable(PASSWORD, "no"), "disabled").await.field.as_deref(), Some("code"));
    challenged(&app, &ann.email).await;
    does(&ann, "disableSecondFactor", disable(PASSWORD, &totp.code(&app)), "disabled").await;
    signs_in(&app, &ann.email, PASSWORD).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM recovery_codes").await, 0);
    assert_eq!(refused(&ann, "disableSecondFactor", disable(PASSWORD, "no"), "disabled").await.code, "CONFLICT");
}

#[tokio::test]
async fn neither_a_link_nor_a_new_password_goes_around_it() {
    let mail = MailServer::start().await;
    let app = TestApp::with_mail(&mail).await;
    let ann = app.person("ann").await;
    let (totp, _) = enrols(&ann).await;
    mails(&app, &mail).await;
    does(&app.nobody(), "requestSignInLink", json!({ "email": ann.email }), "requested").await;
    let link = secret(&app, &mail, &ann.email).await;
    let document = format!("mutation {{ signInWithLink(input: {{ secret: \"{link}\" }}) {{ {SESSION} }} }}");
    let challenge = challenge_of(&app.nobody().json(&document, json!({})).await);
    app.clock.advance(TimeDelta::seconds(30));
    does(&app.nobody(), "completeSignIn", with(&challenge, &totp.code(&app)), SESSION).await;

    does(&app.nobody(), "requestPasswordReset", json!({ "email": ann.email }), "requested").await;
    let reset = secret(&app, &mail, &ann.email).await;
    does(&app.nobody(), "resetPassword", json!({ "secret": reset, "newPassword": PASSWORD }), "reset").await;
    challenged(&app, &ann.email).await;
}
