//! Backups from the command line and by schedule, and restoring them.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use migration::cli::secret;
use service::{
    backup::{self, Due, Lock, Made, Request, Schedule, Unlock, Verified},
    clock::{Clock, SystemClock},
    restore,
};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    command::say,
    config::{Backups, MakeBackup, OpenBackup, Restore, Settings},
    progress::Progress,
    store::{self, Error, Store},
};

/// How often to look whether a scheduled backup is due.
const LOOK: Duration = Duration::from_secs(30);
/// How long to wait after one that failed.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(15);
/// When people sleep, mostly.
const NIGHT: Schedule = match NaiveTime::from_hms_opt(3, 30, 0) {
    Some(time) => Schedule::Daily(time),
    None => Schedule::Off,
};

/// `hale backup`.
pub async fn run(settings: &Settings, make: MakeBackup, what: Option<Backups>) -> Result<(), Error> {
    match what {
        None => make_backup(settings, make).await,
        Some(Backups::Verify { file, open }) => {
            let verified = read(settings, &file, open, &Arc::new(Progress::new())).await?;
            say(&mut io::stdout(), &format!("{} is whole: {}", file.display(), describe(&verified)));
            Ok(())
        }
        Some(Backups::List { folder }) => {
            let folder = match folder.or_else(|| store::backup_dir(settings)) {
                Some(folder) => folder,
                None => store::data_dir(settings)?.join("backups"),
            };
            for found in backup::list(&folder)? {
                let at = found.at.format("%Y-%m-%d %H:%M:%S UTC");
                let encrypted = if found.encrypted { "encrypted" } else { "plain" };
                say(&mut io::stdout(), &format!("{at}  {:>14}  {encrypted:<9}  {}", found.bytes, found.path.display()));
            }
            Ok(())
        }
    }
}

async fn make_backup(settings: &Settings, make: MakeBackup) -> Result<(), Error> {
    let lock = lock(settings, make.encrypt_to, make.passphrase_file).await?;
    let progress = Arc::new(Progress::new());
    let store = Store::find(settings, &progress).await?;
    progress.step("backing up");
    let made = async {
        let maintenance = store.maintenance().await?;
        let folder = make.to.unwrap_or_else(|| store.backup_dir());
        let advance = |done, total| progress.advance(done, total);
        let request = Request { folder: &folder, lock, keys: store.key_names(), progress: &advance };
        let made = backup::back_up(&maintenance, request).await;
        maintenance.close().await;
        Ok::<_, Error>(made?)
    }
    .await;
    progress.finish();
    store.close().await;
    let Made { path, bytes, rows, .. } = made?;
    say(&mut io::stdout(), &format!("{}: {rows} rows, {bytes} bytes", path.display()));
    Ok(())
}

/// What to encrypt with: what the command says, else what the settings say, if anything.
async fn lock(settings: &Settings, encrypt_to: Vec<String>, passphrase_file: Option<PathBuf>) -> Result<Option<Lock>, Error> {
    if !encrypt_to.is_empty() {
        return Ok(Lock::to(&encrypt_to)?);
    }
    if passphrase_file.is_some() {
        return Ok(passphrase(None, passphrase_file).await?.map(Lock::with_passphrase));
    }
    let recipients: Vec<_> = settings.backup_encrypt_to.iter().filter(|recipient| !recipient.is_empty()).cloned().collect();
    let passphrase = passphrase(settings.backup_passphrase.clone(), settings.backup_passphrase_file.clone()).await?;
    match passphrase {
        Some(_) if !recipients.is_empty() => {
            Err(Error::Other("HALE_BACKUP_ENCRYPT_TO and HALE_BACKUP_PASSPHRASE are both set: age takes one or the other".to_owned()))
        }
        Some(passphrase) => Ok(Some(Lock::with_passphrase(passphrase))),
        None => Ok(Lock::to(&recipients)?),
    }
}

async fn passphrase(value: Option<String>, file: Option<PathBuf>) -> Result<Option<String>, Error> {
    let named = file.clone();
    let passphrase = secret("HALE_BACKUP_PASSPHRASE", value, file).await?;
    match (&passphrase, named) {
        (Some(passphrase), Some(file)) if passphrase.is_empty() => Err(Error::Other(format!("{} holds no passphrase", file.display()))),
        _ => Ok(passphrase),
    }
}

async fn unlock(settings: &Settings, open: OpenBackup) -> Result<Option<Unlock>, Error> {
    let (identity, file) = match open {
        OpenBackup { identity: None, passphrase_file: None } => {
            let identity = settings.backup_identity_file.clone().filter(|path| !path.as_os_str().is_empty());
            if identity.is_none() {
                let passphrase = passphrase(settings.backup_passphrase.clone(), settings.backup_passphrase_file.clone()).await?;
                return Ok(passphrase.map(Unlock::passphrase));
            }
            (identity, None)
        }
        OpenBackup { identity, passphrase_file } => (identity, passphrase_file),
    };
    match identity {
        Some(path) => {
            let text = tokio::fs::read_to_string(&path).await.map_err(|source| Error::File { path, source })?;
            Ok(Some(Unlock::identities(&text)?))
        }
        None => Ok(passphrase(None, file).await?.map(Unlock::passphrase)),
    }
}

/// Reads a whole backup, which is right then.
async fn read(settings: &Settings, file: &Path, open: OpenBackup, progress: &Arc<Progress>) -> Result<Verified, Error> {
    let unlock = unlock(settings, open).await?;
    progress.step(&format!("reading {}", file.display()));
    let shown = progress.clone();
    let verified = backup::verify(file, unlock, move |done, total| shown.advance(done, total)).await;
    progress.finish();
    Ok(verified?)
}

fn describe(verified: &Verified) -> String {
    let head = &verified.contents.head;
    format!(
        "made {} by Hale {} on PostgreSQL {}, {} rows of {} tables",
        head.created_at.format("%Y-%m-%d %H:%M:%S UTC"),
        head.version,
        head.postgresql,
        verified.contents.rows(),
        verified.contents.manifest.tables.len()
    )
}

/// `hale restore`.
pub async fn restore(settings: &Settings, arguments: Restore) -> Result<(), Error> {
    let Restore { file, open, yes, drop_previous } = arguments;
    let Some(file) = file.filter(|_| !drop_previous) else { return drop_kept(settings, yes).await };
    let progress = Arc::new(Progress::new());
    let backup = read(settings, &file, open, &progress).await?;
    let applied = &backup.contents.head.migrations;
    migration::compatible(applied.iter().map(|one| (one.version.as_str(), one.name.as_str(), one.checksum.as_str())))
        .map_err(|error| Error::Other(format!("this backup cannot be restored, and nothing was changed: {error}")))?;

    let progress = Arc::new(Progress::new());
    let store = Store::find(settings, &progress).await?;
    let kept = replace(&store, &file, &backup, yes, &progress).await;
    progress.finish();
    store.close().await;
    let mut out = io::stdout();
    match kept? {
        None => say(&mut out, "nothing was changed"),
        Some(kept) => {
            say(&mut out, &format!("restored {}: {}", file.display(), describe(&backup)));
            if let Some(kept) = kept {
                say(&mut out, &format!("what was there before is kept as the database {kept} until `hale restore --drop-previous`"));
            }
        }
    }
    Ok(())
}

/// Puts the backup in the place of the data. Answers what keeps the data of before, where there were any; or nothing at all, when
/// whoever was asked did not want it.
async fn replace(
    store: &Store,
    file: &Path,
    backup: &Verified,
    yes: bool,
    progress: &Arc<Progress>,
) -> Result<Option<Option<String>>, Error> {
    let owner_url = store.owner_url()?;
    let missing = missing_keys(store, backup);
    if !missing.is_empty() {
        let text = format!(
            "keys that this backup was made with are missing from the key file ({}): who is signed in has to sign in again, and calendars have to be connected again. Keys are in no backup; restore their file first if you have it",
            missing.join(", ")
        );
        say(&mut io::stderr(), &text);
    }
    let mut restore = restore::Restore::begin(owner_url).await?;
    let question = format!(
        "Put {} ({}) in the place of the database {}? What is there now is kept under another name.",
        file.display(),
        describe(backup),
        restore.live()
    );
    if !confirmed(yes, &question)? {
        restore.end().await;
        return Ok(None);
    }
    let was_empty = migration::status(owner_url).await?.iter().all(|migration| migration.applied_at.is_none());
    let now = SystemClock.now();
    let filling = restore.create(now).await?;
    let swapped = async {
        fill(store, &filling, backup, progress).await?;
        progress.step("putting it in place");
        Ok::<_, Error>(restore.swap(&filling, now).await?)
    }
    .await;
    if swapped.is_err() {
        restore.remove(&filling).await?;
    }
    let kept = swapped?;
    if was_empty {
        restore.remove(&kept).await?;
    }
    restore.end().await;
    Ok(Some((!was_empty).then_some(kept)))
}

/// Makes of an empty database what the backup holds, as this Hale would have it.
async fn fill(store: &Store, database: &str, backup: &Verified, progress: &Arc<Progress>) -> Result<(), Error> {
    progress.step("making the schema of the backup");
    let mut url = url::Url::parse(store.owner_url()?).map_err(|_| migration::Error::BadUrl)?;
    url.set_path(database);
    let url = url.as_str();
    // What `hale doctor` looks with only an administrator can make, whom Hale knows where PostgreSQL is its own.
    let admin_url = store.migration_urls().admin_url;
    migration::prepare(admin_url.as_deref().unwrap_or(store.owner_url()?), database).await?;
    let versions: Vec<_> = backup.contents.head.migrations.iter().map(|migration| migration.version.as_str()).collect();
    migration::up_to(url, &versions).await?;
    let maintenance = store::maintenance(url).await?;
    let filled = async {
        progress.step("writing the rows, and reading them again");
        for table in restore::load(&maintenance, backup, |done, total| progress.advance(done, total)).await? {
            say(&mut io::stderr(), &format!("{table} is no table of Hale's: its rows stay in the backup and in the database of before"));
        }
        progress.step("migrating to this version");
        migration::up(url, |_| {}).await?;
        service::catalogue::load_starter(&maintenance).await?;
        restore::begin_history(&maintenance).await?;
        Ok(())
    }
    .await;
    maintenance.close().await;
    filled
}

/// The names of keys that the backup was made with and that are not there.
fn missing_keys(store: &Store, backup: &Verified) -> Vec<String> {
    let there = store.key_names();
    backup.contents.head.keys.iter().filter(|name| !there.contains(name)).cloned().collect()
}

/// Removes what restores kept.
async fn drop_kept(settings: &Settings, yes: bool) -> Result<(), Error> {
    let progress = Arc::new(Progress::new());
    let store = Store::find(settings, &progress).await?;
    progress.finish();
    let removed = async {
        let mut restore = restore::Restore::begin(store.owner_url()?).await?;
        let kept = restore.kept().await?;
        let question = format!("Remove {} for good?", kept.join(", "));
        let remove = !kept.is_empty() && confirmed(yes, &question)?;
        let kept = if remove { kept } else { Vec::new() };
        for database in &kept {
            restore.remove(database).await?;
        }
        restore.end().await;
        Ok::<_, Error>(kept)
    }
    .await;
    store.close().await;
    let removed = removed?;
    if removed.is_empty() {
        say(&mut io::stdout(), "nothing was removed");
    }
    for database in removed {
        say(&mut io::stdout(), &format!("removed the database {database}"));
    }
    Ok(())
}

/// Asks at the terminal. Where there is none nobody can say yes.
fn confirmed(yes: bool, question: &str) -> Result<bool, Error> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(Error::Other(format!("{question} Say --yes. Nothing was changed")));
    }
    let failed = |error| Error::Other(format!("cannot ask: {error}"));
    write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stderr().flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

/// Backups that this process makes by itself, until it is dropped.
pub struct Scheduled(JoinHandle<()>);

impl Scheduled {
    /// Begins to make them, where the settings or the kind of database call for it.
    pub async fn start(settings: &Settings, store: &Store) -> Result<Option<Self>, Error> {
        let by_default = store.is_embedded() || store::backup_dir(settings).is_some();
        let schedule = settings.backup_schedule.unwrap_or(if by_default { NIGHT } else { Schedule::Off });
        if schedule == Schedule::Off {
            return Ok(None);
        }
        let Ok(owner_url) = store.owner_url() else {
            tracing::error!("no backups are made: HALE_BACKUP_SCHEDULE or HALE_BACKUP_DIR asks for them, and they need DATABASE_OWNER_URL");
            return Ok(None);
        };
        let scheduled = Scheduling {
            owner_url: owner_url.to_owned(),
            folder: store.backup_dir(),
            lock: lock(settings, Vec::new(), None).await?,
            keys: store.key_names(),
            settings: settings.clone(),
            schedule,
        };
        tracing::info!(%schedule, keep = %settings.backup_keep, folder = %scheduled.folder.display(), "backups are made by themselves");
        Ok(Some(Self(tokio::spawn(scheduled.run()))))
    }

    /// Ends. A backup that is being made leaves nothing, and is made by the next one who looks.
    pub async fn stop(self) {
        self.0.abort();
        drop(self.0.await);
    }
}

struct Scheduling {
    owner_url: String,
    folder: PathBuf,
    lock: Option<Lock>,
    keys: Vec<String>,
    settings: Settings,
    schedule: Schedule,
}

impl Scheduling {
    async fn run(self) {
        // What was made or failed is in the database, so that this holds for all servers together.
        while let Some(since) = self.schedule.last(SystemClock.now()) {
            match self.make_if_due(since).await {
                Ok(None) => {}
                Ok(Some(Made { path, bytes, rows, took, .. })) => {
                    tracing::info!(file = %path.display(), bytes, rows, milliseconds = took.num_milliseconds(), "made a backup");
                }
                Err(error) => tracing::error!(%error, "the scheduled backup failed"),
            }
            sleep(LOOK).await;
        }
    }

    async fn make_if_due(&self, since: DateTime<Utc>) -> Result<Option<Made>, Error> {
        let maintenance = store::maintenance(&self.owner_url).await?;
        let due = Due { since, again_after: AGAIN_AFTER };
        let request = Request { folder: &self.folder, lock: self.lock.clone(), keys: self.keys.clone(), progress: &|_, _| {} };
        let made = backup::back_up_if_due(&maintenance, due, self.settings.backup_keep, request).await;
        maintenance.close().await;
        Ok(made?)
    }
}
