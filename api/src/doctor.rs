//! `hale doctor`: the whole installation, of which the database is one part. What is wrong is told and, where it was asked for and
//! is safe, mended; whatever cannot be looked at is said to be skipped, and never to be well.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use indicatif::HumanBytes;
use migration::Error as MigrationError;
use serde_json::json;
use service::{
    access::{self, Maintenance},
    accounts,
    clock::{Clock, SystemClock},
    doctor::{self, Expectations, Finding, Status},
    tokens::Keys,
};

use crate::{
    config::{Doctor, Outside, Settings},
    progress::Progress,
    store::{Error, Store, backups_in, data_dir, keys_file},
};

/// The form of [`Report::json`]. It counts up when something that is there changes or goes; additions leave it.
const FORMAT: u32 = 1;
/// The exit code when something is broken, or nothing could be examined.
pub const BROKEN: u8 = 2;
/// How many things a person is shown of one check.
const SHOWN: usize = 12;
/// A backup that is older leaves two days to be lost.
const OLD_BACKUP: TimeDelta = TimeDelta::hours(48);
/// What PostgreSQL and its log may need at any moment.
const LEAST_FREE: u64 = 256 << 20;
const FREE: u64 = 1 << 30;

/// Everything that was found.
pub struct Report {
    at: DateTime<Utc>,
    findings: Vec<Finding>,
}

impl Report {
    fn status(&self) -> Status {
        // What was skipped is no fault.
        let faults = self.findings.iter().map(|finding| finding.status).filter(|status| *status > Status::Skipped);
        faults.max().unwrap_or(Status::Ok)
    }

    /// As monitoring plugins have it: 0 when all is well, 1 with warnings, 2 when something is broken.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.status() {
            Status::Ok | Status::Skipped => 0,
            Status::Warning => 1,
            Status::Failed => BROKEN,
        })
    }

    /// For machines.
    pub fn json(&self) -> String {
        let report = json!({
            "format": FORMAT, "hale": env!("CARGO_PKG_VERSION"), "at": self.at.to_rfc3339(), "status": self.status(), "checks": self.findings,
        });
        format!("{report:#}")
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for finding in &self.findings {
            let word = word(finding.status);
            lines.push(format!("{word:<8} {:<17} {}", finding.name, finding.found));
            let indent = |mark: &str, text: &str| format!("{:<26} {mark} {text}", "");
            lines.extend(finding.details.iter().take(SHOWN).map(|line| indent("-", line)));
            if finding.details.len() > SHOWN {
                lines.push(indent("-", &format!("and {} more, which --json lists", finding.details.len() - SHOWN)));
            }
            lines.extend(finding.fixed.iter().map(|line| indent("fixed:", line)));
            lines.extend(finding.advice.iter().map(|line| indent("→", line)));
        }
        let count = |status| self.findings.iter().filter(|finding| finding.status == status).count();
        let (failed, warnings, skipped) = (count(Status::Failed), count(Status::Warning), count(Status::Skipped));
        lines.push(format!("{} checks: {failed} failed, {warnings} warnings, {skipped} skipped", self.findings.len()));
        lines.join("\n")
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Skipped => "skipped",
        Status::Warning => "WARNING",
        Status::Failed => "FAILED",
    }
}

/// Examines the installation that these settings describe. Neither migrates nor makes one where there is none.
pub async fn examine(settings: &Settings, how: Doctor, progress: &Arc<Progress>) -> Result<Report, Error> {
    let at = SystemClock.now();
    let folder = data_dir(settings)?;
    let mut findings = Vec::new();
    let database = examine_database(settings, how, &folder, progress, &mut findings).await;
    let (accounts, size) = database?;
    findings.push(disk(&folder, size));
    findings.push(key_file(&keys_file(settings, &folder), accounts, how.fix));
    findings.push(secrets(&folder.join("secrets"), how.fix));
    let backups = backups_in(settings, &folder);
    findings.push(backup_age(&backups, at));
    findings.push(keys_copy(&keys_file(settings, &folder), &backups));
    if how.providers {
        progress.step("asking providers");
    }
    findings.extend(providers(settings, how.providers).await?);
    Ok(Report { at, findings })
}

/// How many accounts there are, and how large the database is, where that is known.
type Known = (Option<i64>, Option<u64>);

async fn examine_database(
    settings: &Settings,
    how: Doctor,
    folder: &Path,
    progress: &Arc<Progress>,
    findings: &mut Vec<Finding>,
) -> Result<Known, Error> {
    let own = [&settings.database_url, &settings.database_owner_url].into_iter().all(|url| url.as_deref().unwrap_or_default().is_empty())
        && settings.database_url_file.as_deref().is_none_or(|path| path.as_os_str().is_empty());
    if own && !folder.join("postgres/data").exists() {
        let found = format!("there is no database in {} yet", folder.display());
        findings.push(Finding::new("connection", Status::Failed, found, "start `hale`, which makes one, or name the right HALE_DATA_DIR"));
        findings.extend(skipped(["isolation", "roles", "migrations"].into_iter().chain(doctor::names()), "there is no database"));
        return Ok((Some(0), None));
    }
    progress.step("connecting");
    let store = match Store::find(settings, progress).await {
        Ok(store) => store,
        Err(error) => {
            findings.push(Finding::new(
                "connection",
                Status::Failed,
                error.to_string(),
                "see that the server runs and that the settings are right",
            ));
            findings.extend(skipped(["isolation", "roles", "migrations"].into_iter().chain(doctor::names()), "there is no connection"));
            return Ok((None, None));
        }
    };
    let known = async {
        findings.extend(connections(&store).await);
        findings.extend(schema(&store).await);
        let Ok(maintenance) = store.maintenance().await else {
            findings.extend(skipped(doctor::names(), "they need the owner of the database, DATABASE_OWNER_URL"));
            return Ok((None, None));
        };
        let expected = Expectations { connections: settings.max_connections };
        let examined = doctor::examine(&maintenance, expected, how.fix, |name| progress.step(&format!("examining {name}"))).await;
        let known = (count_accounts(&maintenance).await, doctor::size(&maintenance).await.ok());
        maintenance.close().await;
        findings.extend(examined?);
        Ok(known)
    }
    .await;
    store.close().await;
    known
}

fn skipped(names: impl Iterator<Item = &'static str>, why: &str) -> impl Iterator<Item = Finding> {
    names.map(move |name| Finding::new(name, Status::Skipped, why, "see connection"))
}

async fn count_accounts(maintenance: &Maintenance) -> Option<i64> {
    let tx = maintenance.begin().await.ok()?;
    accounts::count(&tx).await.ok()
}

/// Both ways in, and whether tenants are isolated on the one that requests take.
async fn connections(store: &Store) -> [Finding; 2] {
    let owner = match store.maintenance().await {
        Ok(maintenance) => {
            maintenance.close().await;
            Ok("as hale_app and as hale_owner")
        }
        Err(error) if store.migration_urls().owner_url.is_some() => Err(error),
        Err(_) => Ok("as hale_app; DATABASE_OWNER_URL is not set"),
    };
    let unsafe_reasons = access::why_unsafe(&store.connection()).await.map_err(Error::from);
    let (name, advice) =
        ("isolation", "DATABASE_URL must be the role hale_app on a migrated database; restore what was dropped, as its migration has it");
    let connection = match (&unsafe_reasons, owner) {
        (Ok(_), Ok(how)) => Finding::ok("connection", how),
        (Err(error), _) => Finding::new("connection", Status::Failed, format!("as hale_app: {error}"), "check DATABASE_URL"),
        (_, Err(error)) => Finding::new("connection", Status::Failed, format!("as hale_owner: {error}"), "check DATABASE_OWNER_URL"),
    };
    let isolation = match unsafe_reasons {
        Ok(reasons) => {
            let lines = reasons.into_iter().map(|reason| (Status::Failed, reason)).collect();
            Finding::of(name, lines, "every table has FORCE ROW LEVEL SECURITY and a policy for what hale_app may do", advice)
        }
        Err(_) => Finding::new(name, Status::Skipped, "there is no connection as hale_app", "see connection"),
    };
    [connection, isolation]
}

/// What bootstrap promises, and where the schema stands.
async fn schema(store: &Store) -> [Finding; 2] {
    let urls = store.migration_urls();
    let url = urls.owner_url.or(urls.app_url).unwrap_or_default();
    let advice = "run `hale migrate bootstrap` as an administrator again: it changes only what is not so";
    let roles = match migration::unmet(&url).await {
        Ok(unmet) => {
            let lines = unmet.into_iter().map(|line| (Status::Failed, line)).collect();
            Finding::of("roles", lines, "as bootstrap makes them", advice)
        }
        Err(error) => Finding::new("roles", Status::Skipped, error.to_string(), "see connection"),
    };
    let name = "migrations";
    let migrations = match migration::verify(&url).await {
        Ok(()) => Finding::ok(name, format!("{} applied, none pending", migration::migrations().len())),
        Err(error @ (MigrationError::Pending { .. } | MigrationError::Drift { .. } | MigrationError::NewerSchema { .. })) => {
            let advice = "`hale migrate status` lists them; docs/migrations.md says what to do";
            let details = match migration::pending(&url).await {
                Ok(pending) => pending.iter().map(pending_line).collect(),
                Err(_) => Vec::new(),
            };
            Finding { details, ..Finding::new(name, Status::Failed, error.to_string(), advice) }
        }
        Err(error) => Finding::new(name, Status::Skipped, error.to_string(), "see connection"),
    };
    [roles, migrations]
}

fn pending_line(pending: &migration::Pending) -> String {
    let order = if pending.out_of_order { ", and a newer one is applied: it was forgotten, or broken off half-way" } else { "" };
    format!("{} {} is pending{order}", pending.version, pending.name)
}

fn disk(folder: &Path, database: Option<u64>) -> Finding {
    match rustix::fs::statvfs(folder) {
        Ok(space) => room(folder, space.f_bavail.saturating_mul(space.f_frsize), database),
        Err(error) => Finding::new("disk", Status::Skipped, format!("{}: {error}", folder.display()), "see that the folder can be read"),
    }
}

/// A rebuilt index, a backup and a restored database all need room beside what is there.
fn room(folder: &Path, free: u64, database: Option<u64>) -> Finding {
    let found = format!("{} are free where {} is", HumanBytes(free), folder.display());
    let found = database.map_or(found.clone(), |size| format!("{found}; the database takes {}", HumanBytes(size)));
    let advice = "make room: a full disk stops every write";
    match free {
        _ if free < LEAST_FREE => Finding::new("disk", Status::Failed, found, advice),
        _ if free < FREE + database.unwrap_or(0) => Finding::new("disk", Status::Warning, found, advice),
        _ => Finding::ok("disk", found),
    }
}

fn key_file(path: &Path, accounts: Option<i64>, fix: bool) -> Finding {
    let name = "key_file";
    let failed = |found: String, advice: &str| Finding::new(name, Status::Failed, found, advice);
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && accounts == Some(0) => {
            Finding::ok(name, "none yet: the first start makes it")
        }
        Err(error) => failed(
            format!("{}: {error}", path.display()),
            "restore it from where you keep it: without it Hale makes new keys, which signs everybody out, and cannot open the calendars' tokens",
        ),
        Ok(json) => match Keys::from_json(&json) {
            Err(reason) => failed(format!("{}: {reason}", path.display()), "restore it from where you keep it"),
            Ok(_) => closed(name, &[path.to_owned()], fix),
        },
    }
}

/// The passwords of Hale's own PostgreSQL.
fn secrets(folder: &Path, fix: bool) -> Finding {
    let files: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    if files.is_empty() { Finding::ok("secrets", "none: this server is not Hale's own") } else { closed("secrets", &files, fix) }
}

/// Nobody but their owner may read these files.
fn closed(name: &'static str, files: &[PathBuf], fix: bool) -> Finding {
    let open = |path: &&PathBuf| fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
    let mut fixed = Vec::new();
    for path in files.iter().filter(open).filter(|_| fix) {
        fixed.push(match fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
            Ok(()) => format!("chmod 600 {}", path.display()),
            Err(error) => format!("could not chmod 600 {}: {error}", path.display()),
        });
    }
    let lines = files.iter().filter(open).map(|path| (Status::Failed, format!("{} can be read by others", path.display()))).collect();
    let fine = files.first().map_or_else(String::new, |path| match files.len() {
        1 => format!("{} is there, and nobody else's to read", path.display()),
        count => format!("{count} files, nobody else's to read"),
    });
    Finding { fixed, ..Finding::of(name, lines, fine, "hale doctor --fix, or chmod 600; change what somebody may have read") }
}

/// The newest of the backups `hale_backup_YYYY-MM-DD_HH-MM-SS…` in a folder, by the time in its name.
fn newest_backup(folder: &Path) -> Option<(PathBuf, DateTime<Utc>)> {
    let made = |path: PathBuf| {
        let stamp = path.file_name()?.to_str()?.strip_prefix("hale_backup_")?.get(..19)?;
        let at = NaiveDateTime::parse_from_str(stamp, "%Y-%m-%d_%H-%M-%S").ok()?.and_utc();
        Some((path, at))
    };
    fs::read_dir(folder).ok()?.flatten().filter_map(|entry| made(entry.path())).max_by_key(|(_, at)| *at)
}

fn backup_age(folder: &Path, now: DateTime<Utc>) -> Finding {
    let (name, advice) = ("backups", "make one with `hale backup`, and let it be made every day; HALE_BACKUP_DIR says where they are");
    match newest_backup(folder) {
        None => Finding::new(name, Status::Warning, format!("there is none in {}", folder.display()), advice),
        Some((path, at)) => {
            let found = format!("the newest, {}, is {} h old", path.display(), (now - at).num_hours());
            if now - at > OLD_BACKUP { Finding::new(name, Status::Warning, found, advice) } else { Finding::ok(name, found) }
        }
    }
}

/// A backup holds no keys, so whoever restores one on another machine needs a copy of them.
fn keys_copy(keys: &Path, backups: &Path) -> Finding {
    let name = "keys_copy";
    let copy = backups.join(keys.file_name().unwrap_or_default());
    match (fs::read(keys), fs::read(&copy)) {
        (Err(_), _) => Finding::new(name, Status::Skipped, "there are no keys to compare with", "see key_file"),
        (Ok(_), Err(_)) if newest_backup(backups).is_none() => {
            Finding::new(name, Status::Skipped, "there are no backups that it could lie beside", "see backups")
        }
        (Ok(keys), Ok(copy)) if keys == copy => Finding::ok(name, "a copy of the keys lies where the backups are"),
        (Ok(_), Ok(_)) => {
            Finding::new(name, Status::Warning, format!("{} is not a copy of the keys in use", copy.display()), "copy them again")
        }
        (Ok(_), Err(_)) => Finding::new(
            name,
            Status::Warning,
            format!("there is no copy of the keys at {}", copy.display()),
            "copy them there, or where else a restored machine will find them: a backup without them opens no calendar, and signs everybody out",
        ),
    }
}

async fn providers(settings: &Settings, ask: bool) -> Result<Vec<Finding>, Error> {
    let names = ["google_calendar", "mail"];
    if !ask {
        return Ok(names.map(|name| Finding::new(name, Status::Skipped, "not asked", "hale doctor --providers asks")).into());
    }
    let outside = match Outside::of(settings).await {
        Ok(outside) => outside,
        Err(error) => return Ok(names.map(|name| Finding::new(name, Status::Failed, error.to_string(), "correct the settings")).into()),
    };
    let google = match &outside.google {
        None => Finding::new("google_calendar", Status::Skipped, "not set up", "HALE_GOOGLE_CLIENT_ID sets it up"),
        Some(google) => match google.check().await {
            Ok(()) => Finding::ok("google_calendar", "answers, and knows this client"),
            Err(error) => Finding::new(
                "google_calendar",
                Status::Failed,
                Error::from(error).to_string(),
                "check the network, and the client's id and secret",
            ),
        },
    };
    let mail = match &outside.mailer {
        None => Finding::new("mail", Status::Skipped, "not set up", "HALE_SMTP_URL sets it up"),
        Some(mailer) => match mailer.check().await {
            Ok(()) => Finding::ok("mail", "would be taken"),
            Err(error) => {
                Finding::new("mail", Status::Failed, Error::from(error).to_string(), "check the network, HALE_SMTP_URL and the account")
            }
        },
    };
    Ok(vec![google, mail])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_to_hold_the_database_once_more() {
        let status = |free, database| room(Path::new("/"), free, database).status;
        assert_eq!(status(100 << 20, None), Status::Failed);
        assert_eq!(status(FREE, None), Status::Ok);
        assert_eq!(status(FREE, Some(1)), Status::Warning);
        assert_eq!(status(5 << 30, Some(4 << 30)), Status::Ok);
        assert_eq!(status(4 << 30, Some(4 << 30)), Status::Warning);
    }

    #[test]
    fn what_was_skipped_is_no_fault() {
        let report = |statuses: &[Status]| Report {
            at: DateTime::UNIX_EPOCH,
            findings: statuses.iter().map(|status| Finding::new("x", *status, "", "")).collect(),
        };
        assert_eq!(report(&[]).status(), Status::Ok);
        assert_eq!(report(&[Status::Skipped, Status::Ok]).status(), Status::Ok);
        assert_eq!(report(&[Status::Warning, Status::Skipped]).status(), Status::Warning);
        assert_eq!(report(&[Status::Failed, Status::Warning]).status(), Status::Failed);
    }
}
