//! Mail to people: plain text, over SMTP (RFC 5321) or, where no server is set up, as files that nobody else can read.
//!
//! Mail is sent by jobs and never inside a [`crate::access::Tx`]. A message has an id that stays the same however often it is
//! sent, so that a repetition is the same message (its Message-ID, or its file).

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lettre::{
    Address,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
        response::Severity,
    },
};
use reqwest::Url;
use tokio::{fs, io::AsyncWriteExt, time::timeout};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    metrics::{self, METRICS},
};

/// How long a server may take to let one in, to take a message, and to say good-bye.
const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(60);
const GOOD_BYE: Duration = Duration::from_secs(3);
/// When to try again where the server does not say.
const RETRY: Duration = Duration::from_secs(60);
/// Answers that are about Hale's own account at the server, whoever the message is for (RFC 4954).
const ABOUT_SIGNING_IN: [u16; 4] = [530, 534, 535, 538];

/// What an operator who wants none of this is told.
pub const NOT_CONFIGURED: Error =
    Error::NotConfigured("this server is not set up to send mail: its operator sets HALE_SMTP_URL and HALE_MAIL_FROM");

/// A message to one person.
#[derive(Clone, Debug)]
pub struct Message {
    /// Stays the same when it is sent again.
    pub id: Uuid,
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// Why a message was not sent.
#[derive(Debug)]
pub enum Failure {
    /// Nobody will take it for this address, however often it is tried. Why, for people.
    Refused(String),
    /// Anything else: it may succeed later.
    Other(Error),
}

/// Whatever brings messages to people.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends a message. When this comes back without an error, somebody else has taken it over.
    async fn send(&self, message: &Message) -> Result<(), Failure>;

    /// Whether a message would be taken now, as far as that can be known without sending one.
    async fn check(&self) -> Result<()>;
}

/// Sends a message, which is counted. Answers why nobody takes it, where it was refused for good; an error may be gone the next time.
pub(crate) async fn deliver(mailer: &dyn Mailer, message: &Message) -> Result<Option<String>> {
    let sent = mailer.send(message).await;
    let outcome = match &sent {
        Ok(()) => "sent",
        Err(Failure::Refused(_)) => "refused",
        Err(Failure::Other(_)) => "failed",
    };
    METRICS.mails.get_or_create(&metrics::Outcome { outcome }).inc();
    match sent {
        Ok(()) => Ok(None),
        Err(Failure::Refused(reason)) => {
            tracing::warn!(mail = %message.id, "nobody takes a mail");
            Ok(Some(reason.chars().filter(|character| !character.is_control()).take(500).collect()))
        }
        Err(Failure::Other(error)) => Err(error),
    }
}

impl Message {
    /// The message in the form of RFC 5322. Whatever its parts hold, none of them can become a header.
    fn written(&self, from: &Mailbox) -> Result<lettre::Message, Failure> {
        let to: Address = self.to.parse().map_err(|_| Failure::Refused("this is not an address that mail can be sent to".into()))?;
        let subject: String = self.subject.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        let message = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(self.at.into())
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone());
        message.map_err(|error| Failure::Other(Error::Internal(error.into())))
    }
}

fn sender(from: &str) -> Result<Mailbox> {
    from.parse().map_err(|_| Error::invalid("HALE_MAIL_FROM", "write an address such as Hale <hale@example.org>"))
}

/// How a server is reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `smtps://host` speaks TLS from the start; `smtp://host` begins with STARTTLS, and refuses a server that does not, unless it is on
    /// this machine or the URL ends in `?tls=none`. Ports are 465 and 587 where none is named.
    pub url: String,
    /// Hale's account at the server.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Who the mail comes from.
    pub from: String,
    /// Certificates (PEM) of those that vouch for the server, beside the usual ones.
    pub authorities: Option<Vec<u8>>,
}

/// A server that is given messages by SMTP.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
}

enum Security {
    FromTheStart(TlsParameters),
    StartTls(TlsParameters),
    None,
}

impl Smtp {
    /// A server as it is set up. What is wrong with the settings is said by their names.
    pub fn new(settings: Settings) -> Result<Self> {
        let wrong = |message: &str| Error::invalid("HALE_SMTP_URL", message);
        let url = Url::parse(&settings.url).map_err(|_| wrong("write a URL such as smtps://mail.example.org"))?;
        let host = url.host_str().map(|host| host.trim_matches(['[', ']'])).filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("must not name an account: set HALE_SMTP_USER and HALE_SMTP_PASSWORD"));
        }
        let tls = || {
            let mut tls = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
            if let Some(pem) = &settings.authorities {
                // Of a text that is no PEM lettre makes a certificate that vouches for nobody.
                let authority = Certificate::from_pem(pem).ok().filter(|_| pem.starts_with(b"-----BEGIN CERTIFICATE-----"));
                tls = tls.add_root_certificate(authority.ok_or_else(|| Error::invalid("HALE_SMTP_CA_FILE", "holds no certificate (PEM)"))?);
            }
            tls.build_rustls().map_err(|error| Error::invalid("HALE_SMTP_CA_FILE", error.to_string()))
        };
        let local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        let (port, security) = match (url.scheme(), url.query()) {
            ("smtps", None) => (465, Security::FromTheStart(tls()?)),
            ("smtp", Some("tls=none")) => (587, Security::None),
            ("smtp", None) if local => (587, Security::None),
            ("smtp", None | Some("tls=required")) => (587, Security::StartTls(tls()?)),
            _ => return Err(wrong("write smtps://host, smtp://host or smtp://host?tls=none")),
        };
        let credentials = match (settings.user, settings.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user, password)),
            (None, None) => None,
            _ => return Err(Error::invalid("HALE_SMTP_USER", "goes with HALE_SMTP_PASSWORD: set both or neither")),
        };
        let from = sender(&settings.from)?;
        let hello = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(port), security, credentials, from, hello })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let from_the_start = match &self.security {
            Security::FromTheStart(tls) => Some(tls.clone()),
            Security::StartTls(_) | Security::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &self.hello, from_the_start, None).await.map_err(failed)?;
        if let Security::StartTls(tls) = &self.security {
            connection.starttls(tls.clone(), &self.hello).await.map_err(failed)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(failed)?;
        }
        Ok(connection)
    }

    async fn hand_over(&self, message: &lettre::Message) -> Result<(), Failure> {
        let mut connection = self.connect().await?;
        connection.send(message.envelope(), &message.formatted()).await.map_err(|error| {
            let about_this_message = error.status().map_or(error.is_client(), |code| {
                code.severity == Severity::PermanentNegativeCompletion && !ABOUT_SIGNING_IN.contains(&code.into())
            });
            if about_this_message {
                tracing::warn!(reason = told(&error), "the mail server refuses a message");
                Failure::Refused(error.to_string())
            } else {
                failed(error)
            }
        })?;
        // The message is theirs now, whatever comes of this.
        timeout(GOOD_BYE, connection.quit()).await.ok();
        Ok(())
    }
}

/// What the log is told: what a server says often names the recipient.
fn told(error: &lettre::transport::smtp::Error) -> String {
    error.status().map_or_else(|| error.to_string(), |code| format!("it answers {code}"))
}

fn failed(error: lettre::transport::smtp::Error) -> Failure {
    unavailable(told(&error))
}

fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::Other(Error::ProviderUnavailable { provider: "the mail server", retry_after: RETRY, source: source.into() })
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, message: &Message) -> Result<(), Failure> {
        let message = message.written(&self.from)?;
        timeout(TOTAL, self.hand_over(&message)).await.unwrap_or_else(|_| Err(unavailable("it took too long")))
    }

    async fn check(&self) -> Result<()> {
        let connected = timeout(TOTAL, self.connect()).await.unwrap_or_else(|_| Err(unavailable("it took too long")));
        let mut connection = connected.map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::Refused(reason) => Error::internal(reason),
        })?;
        timeout(GOOD_BYE, connection.quit()).await.ok();
        Ok(())
    }
}

/// A folder that takes the place of a server: each message is a file that its owner alone reads, `<id>.eml`.
pub struct MailFolder {
    path: PathBuf,
    from: Mailbox,
}

impl MailFolder {
    /// A folder, made when there is something to put into it.
    pub fn new(path: PathBuf, from: &str) -> Result<Self> {
        Ok(Self { path, from: sender(from)? })
    }

    async fn make(&self) -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).await
    }

    async fn put(&self, id: Uuid, text: &[u8]) -> std::io::Result<PathBuf> {
        self.make().await?;
        let (draft, path) = (self.path.join(format!(".{id}")), self.path.join(format!("{id}.eml")));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).await?;
        file.write_all(text).await?;
        file.sync_all().await?;
        fs::rename(&draft, &path).await?;
        Ok(path)
    }
}

fn not_written(source: std::io::Error) -> Error {
    Error::ProviderUnavailable { provider: "the folder for mail", retry_after: RETRY, source: source.into() }
}

#[async_trait]
impl Mailer for MailFolder {
    async fn send(&self, message: &Message) -> Result<(), Failure> {
        let text = message.written(&self.from)?.formatted();
        let path = self.put(message.id, &text).await.map_err(|error| Failure::Other(not_written(error)))?;
        tracing::info!(path = %path.display(), "wrote a mail to a file, since no mail server is set up");
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        self.make().await.map_err(not_written)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message() -> Message {
        Message {
            id: Uuid::nil(),
            to: "ann@example.org".into(),
            subject: "Bedtime".into(),
            text: "Good night".into(),
            at: "2026-03-10T12:00:00Z".parse().unwrap(),
        }
    }

    fn written(message: &Message) -> String {
        String::from_utf8(message.written(&sender("Hale <hale@example.net>").unwrap()).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_message_says_what_it_is_and_looks_the_same_each_time() {
        let text = written(&message());
        for line in [
            "From: Hale <hale@example.net>",
            "To: ann@example.org",
            "Subject: Bedtime",
            "Date: Tue, 10 Mar 2026 12:00:00 +0000",
            "Message-ID: <00000000-0000-0000-0000-000000000000@example.net>",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} is not in {text}");
        }
        assert!(text.ends_with("\r\n\r\nGood night"), "{text}");
        assert_eq!(text, written(&message()));
    }

    proptest! {
        #[test]
        fn no_text_becomes_a_header_or_ends_the_message(subject in "[\\PC\r\n\t]{0,200}", text in "[\\PC\r\n.]{0,400}") {
            let written = written(&Message { subject, text, ..message() });
            let (head, _) = written.split_once("\r\n\r\n").unwrap();
            let names: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(names, ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding"]);
            prop_assert!(written.is_ascii());
            prop_assert!(!written.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert!(written.split("\r\n").all(|line| line.len() <= 998));
        }
    }

    #[test]
    fn an_address_cannot_bring_others_along() {
        for to in ["ann@example.org\r\nBcc: ben@example.org", "ann@example.org, ben@example.org", "<ann@example.org>", "ann", ""] {
            let message = Message { to: to.into(), ..message() };
            assert!(matches!(message.written(&sender("hale@example.net").unwrap()), Err(Failure::Refused(_))), "{to}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_by_name() {
        let settings = |url: &str| Settings { url: url.into(), from: "Hale <hale@example.net>".into(), ..Settings::default() };
        for url in [
            "mail.example.org",
            "http://mail.example.org",
            "smtps://",
            "smtp://mail.example.org?tls=maybe",
            "smtp://ann:x@mail.example.org",
        ] {
            assert!(matches!(Smtp::new(settings(url)), Err(Error::Invalid { field, .. }) if field == "HALE_SMTP_URL"), "{url}");
        }
        let from = Settings { from: "Hale".into(), ..settings("smtps://mail.example.org") };
        assert!(matches!(Smtp::new(from), Err(Error::Invalid { field, .. }) if field == "HALE_MAIL_FROM"));
        let half = Settings { user: Some("hale".into()), ..settings("smtps://mail.example.org") };
        assert!(matches!(Smtp::new(half), Err(Error::Invalid { field, .. }) if field == "HALE_SMTP_USER"));
        let authorities = Settings { authorities: Some(b"x".to_vec()), ..settings("smtps://mail.example.org") };
        assert!(matches!(Smtp::new(authorities), Err(Error::Invalid { field, .. }) if field == "HALE_SMTP_CA_FILE"));
    }

    #[test]
    fn only_this_machine_and_who_says_so_is_spoken_to_in_the_clear() {
        let security = |url: &str| {
            let smtp = Smtp::new(Settings { url: url.into(), from: "hale@example.net".into(), ..Settings::default() }).unwrap();
            (smtp.port, matches!(smtp.security, Security::None))
        };
        assert_eq!(security("smtps://mail.example.org"), (465, false));
        assert_eq!(security("smtp://mail.example.org"), (587, false));
        assert_eq!(security("smtp://mail.example.org:25?tls=none"), (25, true));
        assert_eq!(security("smtp://127.0.0.1:1025"), (1025, true));
        assert_eq!(security("smtp://localhost:1025?tls=required"), (1025, false));
    }
}
