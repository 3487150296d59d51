//! Mail as it leaves Hale: to a server that is spoken to as it wants, or into files that nobody else reads.

use std::{fs, os::unix::fs::PermissionsExt};

use service::{
    error::Error,
    mail::{Failure, MailFolder, Mailer, Message, Settings, Smtp},
};

use crate::{
    command_line::{Folder, fails, hale},
    harness::smtp::{Fault, MailServer, Tls},
};

fn message() -> Message {
    Message {
        id: "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f".parse().unwrap(),
        to: "ann@example.org".into(),
        subject: "Zähne putzen".into(),
        text: "Tonight at 19:30.\n\n.\nGute Nacht, Ben\n".into(),
        at: "2026-03-10T12:00:00Z".parse().unwrap(),
    }
}

async fn sends(settings: Settings) -> Result<(), Failure> {
    Smtp::new(settings).unwrap().send(&message()).await
}

fn refused(sent: Result<(), Failure>) -> String {
    match sent {
        Err(Failure::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

fn may_succeed_later(sent: Result<(), Failure>) -> bool {
    matches!(sent, Err(Failure::Other(Error::ProviderUnavailable { provider: "the mail server", .. })))
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let server = MailServer::start().await;
    sends(server.settings()).await.unwrap();
    let [taken] = server.taken().try_into().unwrap();
    assert_eq!((taken.to.as_str(), taken.encrypted, taken.user.as_deref()), ("ann@example.org", false, None));
    assert_eq!(taken.header("From"), "Hale <hale@example.net>");
    assert_eq!(taken.header("Message-ID"), "<0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f@example.net>");
    assert_eq!(taken.header("Subject"), "=?utf-8?b?WsOkaG5l?= putzen");
    // A line of one dot ends nothing.
    assert_eq!(taken.body(), "Tonight at 19:30.\n\n.\nGute Nacht, Ben\n\n");
}

#[tokio::test]
async fn whoever_takes_mail_is_who_they_say_and_nobody_listens() {
    for tls in [Tls::FromTheStart, Tls::Upgraded] {
        let server = MailServer::start_with(tls, Some("plum kettle")).await;
        sends(server.settings()).await.unwrap();
        let [taken] = server.taken().try_into().unwrap();
        assert!(taken.encrypted && taken.user.as_deref() == Some("hale"), "{tls:?}");
        // A server that nobody vouches for is told nothing.
        assert!(may_succeed_later(sends(Settings { authorities: None, ..server.settings() }).await), "{tls:?}");
        // A wrong password is the operator's to mend: no message is lost for it.
        assert!(may_succeed_later(sends(Settings { password: Some("x".into()), ..server.settings() }).await), "{tls:?}");
        assert!(may_succeed_later(sends(Settings { user: None, password: None, ..server.settings() }).await), "{tls:?}");
        assert!(server.taken().is_empty());
    }
    // Whoever is asked for TLS and has none is not spoken to in the clear.
    let plain = MailServer::start().await;
    let url = format!("{}?tls=required", plain.settings().url);
    assert!(may_succeed_later(sends(Settings { url, ..plain.settings() }).await));
    assert!(plain.taken().is_empty());
}

#[tokio::test]
async fn what_is_refused_for_good_is_told_from_what_may_succeed_later() {
    let server = MailServer::start().await;
    server.fails([
        Fault::Recipient(550, "5.1.1 no such mailbox"),
        Fault::Content(554, "5.7.1 spam"),
        Fault::Recipient(450, "4.2.1 greylisted"),
        Fault::Content(452, "4.3.1 disk full"),
        Fault::HangUp,
        Fault::AnswerLost,
    ]);
    assert!(refused(sends(server.settings()).await).contains("no such mailbox"));
    assert!(refused(sends(server.settings()).await).contains("spam"));
    for _ in 0..4 {
        assert!(may_succeed_later(sends(server.settings()).await));
    }
    assert_eq!(server.taken().len(), 1, "the last was taken, which Hale cannot know");
    let nobody = Settings { url: "smtp://127.0.0.1:9".into(), ..server.settings() };
    assert!(may_succeed_later(sends(nobody).await));
    // Whoever has taken a message and then says nothing has taken it.
    server.fails([Fault::FallsSilent]);
    sends(server.settings()).await.unwrap();
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn without_a_server_mail_is_a_file_that_its_owner_alone_reads() {
    let folder = Folder::new();
    let path = folder.0.join("mail");
    let mailer = MailFolder::new(path.clone(), "Hale <hale@localhost>").unwrap();
    mailer.send(&message()).await.unwrap();
    // Sent again it is the same file.
    mailer.send(&message()).await.unwrap();
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(&path)), (0o600, 0o700));
    assert_eq!(file.file_name().unwrap(), "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f.eml");
    let text = fs::read_to_string(file).unwrap();
    assert!(text.starts_with("From: Hale <hale@localhost>\r\nTo: ann@example.org\r\n"), "{text}");
    // Where there can be no folder, nothing was sent.
    let nowhere = MailFolder::new(folder.file("taken", "").join("mail"), "hale@localhost").unwrap();
    assert!(matches!(nowhere.send(&message()).await, Err(Failure::Other(_))));
}

#[tokio::test]
async fn settings_of_mail_that_cannot_work_stop_the_start() {
    let folder = Folder::new();
    let with = |settings: &[(&str, &str)]| {
        let mut command = hale();
        command.env("HALE_DATA_DIR", &folder.0).envs(settings.iter().copied()).arg("serve");
        command
    };
    let url = ("HALE_SMTP_URL", "smtps://mail.example.org");
    assert!(fails(&mut with(&[url])).await.contains("HALE_MAIL_FROM"));
    assert!(fails(&mut with(&[url, ("HALE_MAIL_FROM", "Hale")])).await.contains("HALE_MAIL_FROM: write an address"));
    let from = ("HALE_MAIL_FROM", "hale@example.org");
    assert!(fails(&mut with(&[("HALE_SMTP_URL", "mail.example.org"), from])).await.contains("HALE_SMTP_URL: write a URL"));
    assert!(fails(&mut with(&[url, from, ("HALE_SMTP_USER", "hale")])).await.contains("HALE_SMTP_PASSWORD"));
    assert!(fails(&mut with(&[url, from, ("HALE_SMTP_CA_FILE", "/nowhere")])).await.contains("/nowhere"));
    let password = folder.file("password", "x\n").display().to_string();
    let twice = [url, from, ("HALE_SMTP_PASSWORD", "x"), ("HALE_SMTP_PASSWORD_FILE", password.as_str())];
    assert!(fails(&mut with(&twice)).await.contains("HALE_SMTP_PASSWORD"));
}
