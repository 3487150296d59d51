use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    process::Child,
    time::{Instant, sleep},
};

use super::{Durability, Error, Options, POLL, Progress, account::Account, binaries::Binaries, log, secrets, socket};

pub(super) const SUPERUSER: &str = "postgres";
pub(super) const SUPERUSER_SECRET: &str = "postgres_superuser";

// Covers a first start of another process, with its download.
const LOCK_PATIENCE: Duration = Duration::from_secs(600);

/// What a letter is, in the order of preference: by Unicode on Linux, on macOS, and else by ASCII alone, with which words of
/// other scripts are not found. Sorting is by code point in any case.
const CTYPES: [&str; 3] = ["C.UTF-8", "UTF-8", "C"];

const SETTINGS: [&str; 13] = [
    "listen_addresses=",
    "cluster_name=hale",
    "max_connections=100",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "jit=off",
    // %a is which request or job it was.
    "log_line_prefix=%m [%p] %q%a ",
    "log_min_messages=warning",
    // The details and texts of failed statements hold people's data.
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
];
const THROWAWAY_SETTINGS: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// Where everything lies, and whose it is.
pub(super) struct Place {
    pub(super) data_dir: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) socket_folder: PathBuf,
    pub(super) account: Account,
}

impl Place {
    pub(super) async fn prepare(options: &Options) -> Result<Self, Error> {
        let given = &options.data_dir;
        if !given.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o711).create(given);
            // PostgreSQL's user passes through; the umask of whoever starts Hale does not count.
            made.and_then(|()| fs::set_permissions(given, fs::Permissions::from_mode(0o711)))
                .map_err(Error::folder("make the data folder", given))?;
        }
        let data_dir = given.canonicalize().map_err(Error::folder("read the data folder", given))?;
        let cluster = data_dir.join("postgres");
        let account = Account::choose(&cluster.join("data"), &options.progress).await?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&cluster)
            .and_then(|()| account.give(&cluster))
            .map_err(Error::folder("write to", &data_dir))?;
        let cluster = cluster.canonicalize().map_err(Error::folder("read", &cluster))?;
        if let Some(folder) = account.closed_folder(&cluster) {
            return Err(Error::ClosedFolder { account: account.name, folder });
        }
        let socket_folder = socket::folder_for(&cluster, &account)?;
        Ok(Self { data_dir, cluster, socket_folder, account })
    }

    pub(super) fn data(&self) -> PathBuf {
        self.cluster.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.cluster.join("server.log")
    }

    pub(super) fn socket(&self) -> PathBuf {
        socket::path_in(&self.socket_folder)
    }

    pub(super) fn secrets(&self) -> PathBuf {
        self.data_dir.join("secrets")
    }

    pub(super) fn start_lock(&self) -> PathBuf {
        self.data_dir.join("postgres.start.lock")
    }

    pub(super) fn users_lock(&self) -> PathBuf {
        self.data_dir.join("postgres.users.lock")
    }

    /// Waits by asking again: a blocking lock would hold a worker of the runtime.
    pub(super) async fn lock_start(&self, progress: &Progress) -> Result<StartLock, Error> {
        let path = self.start_lock();
        let lock = open_lock(&path)?;
        let begun = Instant::now();
        let mut has_told = false;
        while begun.elapsed() < LOCK_PATIENCE {
            match lock.try_lock() {
                Ok(()) => return Ok(StartLock(lock)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(Error::folder("lock", path)(error)),
            }
            if !has_told && begun.elapsed() > Duration::from_secs(2) {
                progress("waiting for another Hale process that starts or stops PostgreSQL");
                has_told = true;
            }
            sleep(POLL).await;
        }
        Err(Error::Locked { lock: path, seconds: LOCK_PATIENCE.as_secs() })
    }

    /// The start lock, if nobody holds it.
    pub(super) fn try_lock_start(&self) -> Option<StartLock> {
        let lock = open_lock(&self.start_lock()).ok()?;
        lock.try_lock().is_ok().then_some(StartLock(lock))
    }

    pub(super) fn superuser_password(&self) -> Result<String, Error> {
        let file = self.secrets().join(SUPERUSER_SECRET);
        if self.data_major()?.is_some() && !file.exists() {
            return Err(Error::PasswordMissing { data: self.data(), file });
        }
        secrets::read_or_create(&self.secrets(), SUPERUSER_SECRET)
    }

    /// The major version that made the data, if there is any.
    pub(super) fn data_major(&self) -> Result<Option<u32>, Error> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| Error::folder("understand", path)(io::ErrorKind::InvalidData.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::folder("read", path)(error)),
        }
    }

    pub(super) fn recorded_pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    pub(super) async fn initialise(&self, binaries: &Binaries, password: &str, durability: Durability) -> Result<(), Error> {
        // Renamed when complete, so a half-made cluster is never taken for one.
        let draft = self.cluster.join("data.new");
        let password_file = self.cluster.join("password.new");
        remove(tokio::fs::remove_dir_all(&draft).await, &draft)?;
        remove(tokio::fs::remove_file(&password_file).await, &password_file)?;
        secrets::write_private(&password_file, password)
            .and_then(|()| self.account.give(&password_file))
            .map_err(Error::folder("write", &password_file))?;

        let program = binaries.folder.join("initdb");
        let mut made = self.initdb(&program, CTYPES[0], &draft, &password_file, durability).await;
        for ctype in &CTYPES[1..] {
            if made.is_ok() {
                break;
            }
            remove(tokio::fs::remove_dir_all(&draft).await, &draft)?;
            made = self.initdb(&program, ctype, &draft, &password_file, durability).await;
        }
        remove(tokio::fs::remove_file(&password_file).await, &password_file)?;
        made?;
        fs::rename(&draft, self.data()).and_then(|()| File::open(&self.cluster)?.sync_all()).map_err(Error::folder("write", self.data()))
    }

    async fn initdb(&self, program: &Path, ctype: &str, draft: &Path, password_file: &Path, durability: Durability) -> Result<(), Error> {
        let mut initdb = self.account.command(program, &self.cluster);
        initdb.args(["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--lc-ctype", ctype, "--no-instructions"]);
        initdb.arg(match durability {
            Durability::Durable => "--data-checksums",
            Durability::Throwaway => "--no-sync",
        });
        initdb.arg("--pwfile").arg(password_file).arg("-D").arg(draft).kill_on_drop(true);
        let output = initdb.output().await.map_err(|error| not_run(program, &error))?;
        if output.status.success() {
            return Ok(());
        }
        let reason = telling_line(&String::from_utf8_lossy(&output.stderr));
        Err(Error::Initialise { folder: self.cluster.clone(), reason })
    }

    /// Starts the server's process; tells also where in the log its lines begin.
    pub(super) fn spawn(&self, binaries: &Binaries, durability: Durability) -> Result<(Child, u64), Error> {
        let (log, log_length) = log::open(self).map_err(Error::folder("write", self.log()))?;
        let program = binaries.folder.join("postgres");
        let mut postgres = self.account.command(&program, &self.cluster);
        postgres.arg("-D").arg(self.data()).arg("-k").arg(&self.socket_folder);
        postgres.arg("-p").arg(socket::PORT.to_string());
        let throwaway = match durability {
            Durability::Durable => &[][..],
            Durability::Throwaway => &THROWAWAY_SETTINGS[..],
        };
        for setting in SETTINGS.iter().chain(throwaway) {
            postgres.arg("-c").arg(setting);
        }
        let error_log = log.try_clone().map_err(Error::folder("write", self.log()))?;
        // A group of its own, or Ctrl-C would end the server before Hale has finished with it.
        postgres.stdout(log).stderr(error_log).process_group(0);
        let child = postgres.spawn().map_err(|error| not_run(&program, &error))?;
        Ok((child, log_length))
    }

    /// Why the server ended, from what was logged since its start, and whether that passes by itself.
    pub(super) fn reason_in_log(&self, start: u64) -> (String, bool) {
        let mut bytes = Vec::new();
        let read = File::open(self.log()).and_then(|mut log| {
            // Another process may have cut the log off since.
            log.seek(SeekFrom::Start(if start > log.metadata()?.len() { 0 } else { start }))?;
            log.read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return (format!("its log cannot be read: {error}"), false);
        }
        let text = String::from_utf8_lossy(&bytes);
        let passing = ["is still in use", "already exists"];
        let is_passing = text.lines().any(|line| line.contains("FATAL:") && passing.iter().any(|reason| line.contains(reason)));
        (telling_line(&text), is_passing)
    }
}

/// The line that names the failure, else the last one.
fn telling_line(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_telling = |line: &&str| {
        ["FATAL:", "PANIC:", "error:"].iter().any(|word| line.contains(word))
            // What sessions of a killed server say at their end.
            && !line.contains("terminating connection")
    };
    let line = lines().rfind(is_telling).or_else(|| lines().next_back());
    line.unwrap_or("it said nothing").to_owned()
}

/// Held while the server is being started or stopped.
pub(super) struct StartLock(pub(super) File);

impl Drop for StartLock {
    fn drop(&mut self) {
        // Closing alone does not release it: a program that is being started has the file too, for a moment.
        let _ = self.0.unlock();
    }
}

pub(super) fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map_err(Error::folder("write to", path))
}

fn remove(result: io::Result<()>, path: &Path) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::folder("remove", path)(error)),
        _ => Ok(()),
    }
}

fn not_run(program: &Path, error: &io::Error) -> Error {
    Error::Program { program: program.to_owned(), reason: error.to_string() }
}
