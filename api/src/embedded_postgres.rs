//! A PostgreSQL of Hale's own: found or fetched, initialised, started, shared and stopped.
//!
//! The data folder belongs to Hale's user and holds the locks and secrets. PostgreSQL's user owns `postgres/` below it:
//! `postgres/data` is the cluster, `postgres/server.log` its log, and the socket, its only door, lies beside them.
//! Every process that uses the server holds a shared lock; whoever gives up the last one stops it. A lock ends with its
//! process, so a killed Hale leaves a server that the next one adopts.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    process::Child,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

mod account;
mod binaries;
mod bundle;
mod error;
mod secrets;
mod socket;

pub use error::Error;

use account::Account;
use binaries::{Binaries, Wanted};
use socket::Server;

/// Receives lines for the person at the terminal, such as "initialising PostgreSQL 15 in …".
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

const SUPERUSER: &str = "postgres";
const SUPERUSER_SECRET: &str = "postgres_superuser";

const POLL: Duration = Duration::from_millis(20);
// Covers a first start of another process, with its download.
const LOCK_PATIENCE: Duration = Duration::from_secs(600);
// Recovery after a crash replays the log before it lets anyone in.
const START_PATIENCE: Duration = Duration::from_secs(300);
// Backends of a killed server end, and give back its shared memory, when they next look up from their work.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const LARGEST_LOG: u64 = 10 * 1024 * 1024;

const SETTINGS: [&str; 12] = [
    "listen_addresses=",
    "cluster_name=hale",
    "max_connections=100",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "jit=off",
    "log_min_messages=warning",
    // The details and texts of failed statements hold people's data.
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
];
const THROWAWAY_SETTINGS: [&str; 3] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];

/// Whether the data must outlive a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on disk before it is confirmed, and pages carry checksums.
    Durable,
    /// Nothing is forced to disk: for tests only.
    Throwaway,
}

/// How to run the server.
#[derive(Clone)]
pub struct Options {
    /// Hale's data folder, HALE_DATA_DIR; made if it does not exist.
    pub data_dir: PathBuf,
    /// The folder of PostgreSQL's programs, HALE_PG_BIN; looked for if not given.
    pub pg_bin: Option<PathBuf>,
    /// Whether the data must outlive a crash; counts for whoever starts the server, not for those who join.
    pub durability: Durability,
    /// Told what takes long.
    pub progress: Progress,
}

/// A running cluster of Hale's own; when the last user drops out the server stops.
///
/// Prefer [`EmbeddedPostgres::stop`], which waits for the server; dropping only tells it to stop.
pub struct EmbeddedPostgres {
    place: Place,
    superuser_password: String,
    pid: u32,
    /// The server's process, until it lets us in.
    child: Option<Child>,
    /// Watches the server, if this value started it.
    watch: Option<JoinHandle<()>>,
    /// Held exclusively while the server is being started.
    start_lock: Option<File>,
    /// Held shared until this value drops out.
    users_lock: Option<File>,
}

/// Where everything lies, and whose it is.
struct Place {
    data_dir: PathBuf,
    cluster: PathBuf,
    socket_folder: PathBuf,
    account: Account,
}

impl EmbeddedPostgres {
    /// Joins the server of this data folder, or initialises and starts it.
    ///
    /// # Errors
    /// Whatever stands in the way, as one line that says what to do about it.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let place = Place::prepare(&options).await?;
        let start_lock = place.lock_start(&options.progress).await?;
        let users_lock = open_lock(&place.users_lock())?;
        // Whoever holds it exclusively holds the start lock too, so this does not wait.
        users_lock
            .lock_shared()
            .map_err(Error::folder("lock", place.users_lock()))?;
        let superuser_password = place.superuser_password()?;
        let mut server = Self {
            place,
            superuser_password,
            pid: 0,
            child: None,
            watch: None,
            start_lock: Some(start_lock),
            users_lock: Some(users_lock),
        };
        server.join_or_launch(&options).await?;
        server.start_lock = None;
        Ok(server)
    }

    /// The URL of a database for the superuser `postgres`.
    #[must_use]
    pub fn admin_url(&self, database: &str) -> String {
        self.url(SUPERUSER, &self.superuser_password, database)
    }

    /// The URL of a database for a role; sqlx and PostgreSQL's own programs understand it.
    #[must_use]
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        let [role, password, database] = [role, password, database].map(percent_encoded);
        let folder = percent_encoded(&self.place.socket_folder.to_string_lossy());
        format!(
            "postgres://{role}:{password}@localhost/{database}?host={folder}&port={}",
            socket::PORT
        )
    }

    /// A random password that stays the same: made at its first use, kept in the data folder as `secrets/<name>`.
    ///
    /// # Errors
    /// If it can neither be read nor made, or if the name could not be a file's.
    pub fn secret(&self, name: &str) -> Result<String, Error> {
        secrets::read_or_create(&self.place.secrets(), name)
    }

    /// The process of the server that was joined or started.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        self.pid
    }

    /// Drops out; the last user waits until the server has shut down.
    ///
    /// # Errors
    /// If the server could not be told to stop, or takes very long.
    pub async fn stop(mut self) -> Result<(), Error> {
        let silent: Progress = Arc::new(|_| {});
        self.start_lock = Some(self.place.lock_start(&silent).await?);
        let server = socket::ask(&self.place.socket(), &self.place.account).await;
        if !self.leave() || server == Server::Absent {
            return Ok(());
        }
        let Some(pid) = self.server_process() else {
            return Ok(());
        };
        tell_to_stop(pid);
        self.wait_for_end(pid).await?;
        if self.place.socket_folder != self.place.cluster {
            let _ = fs::remove_dir(&self.place.socket_folder);
        }
        Ok(())
    }

    async fn join_or_launch(&mut self, options: &Options) -> Result<(), Error> {
        if let Server::Ready { pid } = socket::ask(&self.place.socket(), &self.place.account).await
        {
            self.pid = pid;
            return Ok(());
        }
        let data_major = self.place.data_major()?;
        let wanted = Wanted {
            data_dir: &self.place.data_dir,
            cluster: &self.place.cluster,
            data_major,
            account: &self.place.account,
            progress: &options.progress,
        };
        let binaries = binaries::find(options.pg_bin.as_deref(), &wanted).await?;
        if data_major.is_none() {
            let line = format!(
                "initialising PostgreSQL {} in {}",
                binaries.major,
                self.place.cluster.display()
            );
            (options.progress)(&line);
            self.place
                .initialise(&binaries, &self.superuser_password, options.durability)
                .await?;
        }
        self.launch(&binaries, options.durability).await
    }

    /// Starts the server and waits until it lets us in, again while what a killed one left is in the way.
    async fn launch(&mut self, binaries: &Binaries, durability: Durability) -> Result<(), Error> {
        let begun = Instant::now();
        let mut log_start = 0;
        while begun.elapsed() < START_PATIENCE {
            match socket::ask(&self.place.socket(), &self.place.account).await {
                Server::Ready { pid } => {
                    self.pid = pid;
                    self.watch = self.child.take().map(|child| tokio::spawn(watch(child)));
                    return Ok(());
                }
                Server::Busy => {}
                Server::Absent => match &mut self.child {
                    None => {
                        let (child, log_length) = self.place.spawn(binaries, durability)?;
                        self.child = Some(child);
                        log_start = log_length;
                    }
                    Some(child) => {
                        let ended = child
                            .try_wait()
                            .map_err(Error::folder("watch", "postgres"))?;
                        if ended.is_some() {
                            self.child = None;
                            let line = self.place.reason_in_log(log_start);
                            let is_passing =
                                line.contains("is still in use") || line.contains("already exists");
                            if !is_passing || begun.elapsed() > ORPHAN_PATIENCE {
                                return Err(Error::Ended {
                                    line,
                                    log: self.place.log(),
                                });
                            }
                            sleep(Duration::from_millis(300)).await;
                        }
                    }
                },
            }
            sleep(POLL).await;
        }
        Err(Error::NotReady {
            seconds: START_PATIENCE.as_secs(),
            log: self.place.log(),
        })
    }

    /// Gives up this value's share; tells whether it was the last. Needs the start lock.
    fn leave(&mut self) -> bool {
        let Some(users_lock) = self.users_lock.take() else {
            return false;
        };
        // Turning a shared lock into an exclusive one is not atomic anyway.
        users_lock.unlock().is_ok() && users_lock.try_lock().is_ok()
    }

    /// The server's process, if there is one that may be signalled without hitting a stranger.
    fn server_process(&self) -> Option<u32> {
        if let Some(pid) = self.child.as_ref().and_then(Child::id) {
            return Some(pid);
        }
        // After a crash the file may name a process that is somebody else's by now; a listening socket proves it does not.
        std::os::unix::net::UnixStream::connect(self.place.socket()).ok()?;
        self.place.recorded_pid()
    }

    async fn wait_for_end(&mut self, pid: u32) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < STOP_PATIENCE {
            if self.place.recorded_pid() != Some(pid) || !is_alive(pid) {
                // The file goes first, the process a moment later.
                if let Some(watch) = self.watch.take() {
                    let _ = timeout(Duration::from_secs(5), watch).await;
                }
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(Error::NotStopped {
            pid,
            seconds: STOP_PATIENCE.as_secs(),
            log: self.place.log(),
        })
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if self.users_lock.is_none() {
            return;
        }
        if self.start_lock.is_none() {
            let lock = open_lock(&self.place.start_lock()).ok();
            self.start_lock = lock.filter(|lock| lock.try_lock().is_ok());
        }
        // Without the start lock somebody else is starting or stopping, and decides.
        if self.start_lock.is_some()
            && self.leave()
            && let Some(pid) = self.server_process()
        {
            tell_to_stop(pid);
        }
    }
}

impl Place {
    async fn prepare(options: &Options) -> Result<Self, Error> {
        let given = &options.data_dir;
        if !given.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o711).create(given);
            // PostgreSQL's user passes through; the umask of whoever starts Hale does not count.
            made.and_then(|()| fs::set_permissions(given, fs::Permissions::from_mode(0o711)))
                .map_err(Error::folder("make the data folder", given))?;
        }
        let data_dir = given
            .canonicalize()
            .map_err(Error::folder("read the data folder", given))?;
        let cluster = data_dir.join("postgres");
        let account = Account::choose(&cluster.join("data"), &options.progress).await?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&cluster)
            .and_then(|()| account.give(&cluster))
            .map_err(Error::folder("write to", &data_dir))?;
        let cluster = cluster
            .canonicalize()
            .map_err(Error::folder("read", &cluster))?;
        if let Some(folder) = account.closed_folder(&cluster) {
            return Err(Error::ClosedFolder {
                account: account.name,
                folder,
            });
        }
        let socket_folder = socket::folder_for(&cluster, &account)?;
        Ok(Self {
            data_dir,
            cluster,
            socket_folder,
            account,
        })
    }

    fn data(&self) -> PathBuf {
        self.cluster.join("data")
    }

    fn log(&self) -> PathBuf {
        self.cluster.join("server.log")
    }

    fn socket(&self) -> PathBuf {
        socket::path_in(&self.socket_folder)
    }

    fn secrets(&self) -> PathBuf {
        self.data_dir.join("secrets")
    }

    fn start_lock(&self) -> PathBuf {
        self.data_dir.join("postgres.start.lock")
    }

    fn users_lock(&self) -> PathBuf {
        self.data_dir.join("postgres.users.lock")
    }

    /// Waits by asking again: a blocking lock would hold a worker of the runtime.
    async fn lock_start(&self, progress: &Progress) -> Result<File, Error> {
        let path = self.start_lock();
        let lock = open_lock(&path)?;
        let begun = Instant::now();
        let mut has_told = false;
        while begun.elapsed() < LOCK_PATIENCE {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(Error::folder("lock", path)(error)),
            }
            if !has_told && begun.elapsed() > Duration::from_secs(2) {
                progress("waiting for another Hale process that starts or stops PostgreSQL");
                has_told = true;
            }
            sleep(POLL).await;
        }
        Err(Error::Locked {
            lock: path,
            seconds: LOCK_PATIENCE.as_secs(),
        })
    }

    fn superuser_password(&self) -> Result<String, Error> {
        let file = self.secrets().join(SUPERUSER_SECRET);
        if self.data_major()?.is_some() && !file.exists() {
            return Err(Error::PasswordMissing {
                data: self.data(),
                file,
            });
        }
        secrets::read_or_create(&self.secrets(), SUPERUSER_SECRET)
    }

    /// The major version that made the data, if there is any.
    fn data_major(&self) -> Result<Option<u32>, Error> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => {
                text.trim().parse().map(Some).map_err(|_| {
                    Error::folder("understand", path)(io::ErrorKind::InvalidData.into())
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::folder("read", path)(error)),
        }
    }

    fn recorded_pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    async fn initialise(
        &self,
        binaries: &Binaries,
        password: &str,
        durability: Durability,
    ) -> Result<(), Error> {
        // Renamed when complete, so a half-made cluster is never taken for one.
        let draft = self.cluster.join("data.new");
        let password_file = self.cluster.join("password.new");
        remove(tokio::fs::remove_dir_all(&draft).await, &draft)?;
        remove(tokio::fs::remove_file(&password_file).await, &password_file)?;
        secrets::write_private(&password_file, password)
            .and_then(|()| self.account.give(&password_file))
            .map_err(Error::folder("write", &password_file))?;

        let program = binaries.folder.join("initdb");
        let mut initdb = self.account.command(&program, &self.cluster);
        initdb.args([
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-instructions",
        ]);
        initdb.arg(match durability {
            Durability::Durable => "--data-checksums",
            Durability::Throwaway => "--no-sync",
        });
        initdb
            .arg("--pwfile")
            .arg(&password_file)
            .arg("-D")
            .arg(&draft)
            .kill_on_drop(true);
        let output = initdb.output().await;
        let removed = remove(tokio::fs::remove_file(&password_file).await, &password_file);
        let output = output.map_err(|error| not_run(&program, &error))?;
        removed?;
        if !output.status.success() {
            let reason = telling_line(&String::from_utf8_lossy(&output.stderr));
            return Err(Error::Initialise {
                folder: self.cluster.clone(),
                reason,
            });
        }
        fs::rename(&draft, self.data())
            .and_then(|()| File::open(&self.cluster)?.sync_all())
            .map_err(Error::folder("write", self.data()))
    }

    /// Starts the server's process; tells also where in the log its lines begin.
    fn spawn(&self, binaries: &Binaries, durability: Durability) -> Result<(Child, u64), Error> {
        let (log, log_length) = self
            .open_log()
            .map_err(Error::folder("write", self.log()))?;
        let program = binaries.folder.join("postgres");
        let mut postgres = self.account.command(&program, &self.cluster);
        postgres
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.socket_folder);
        postgres.arg("-p").arg(socket::PORT.to_string());
        let throwaway = match durability {
            Durability::Durable => &[][..],
            Durability::Throwaway => &THROWAWAY_SETTINGS[..],
        };
        for setting in SETTINGS.iter().chain(throwaway) {
            postgres.arg("-c").arg(setting);
        }
        let error_log = log
            .try_clone()
            .map_err(Error::folder("write", self.log()))?;
        // A group of its own, or Ctrl-C would end the server before Hale has finished with it.
        postgres.stdout(log).stderr(error_log).process_group(0);
        let child = postgres
            .spawn()
            .map_err(|error| not_run(&program, &error))?;
        Ok((child, log_length))
    }

    fn open_log(&self) -> io::Result<(File, u64)> {
        let path = self.log();
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.len() > LARGEST_LOG) {
            fs::rename(&path, self.cluster.join("server.log.1"))?;
        }
        // The folder is PostgreSQL's user's, who must not lead root to write elsewhere.
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o640)
            .custom_flags(no_link)
            .open(path)?;
        let length = log.metadata()?.len();
        Ok((log, length))
    }

    fn reason_in_log(&self, start: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(self.log()).and_then(|mut log| {
            log.seek(SeekFrom::Start(start))?;
            log.read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => telling_line(&String::from_utf8_lossy(&bytes)),
            Err(error) => format!("its log cannot be read: {error}"),
        }
    }
}

/// The line that names the failure, else the last one.
fn telling_line(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_telling = |line: &&str| {
        ["FATAL:", "PANIC:", "error:"]
            .iter()
            .any(|word| line.contains(word))
    };
    lines()
        .rfind(is_telling)
        .or_else(|| lines().next_back())
        .unwrap_or("it said nothing")
        .to_owned()
}

fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map_err(Error::folder("write to", path))
}

fn remove(result: io::Result<()>, path: &Path) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::folder("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn not_run(program: &Path, error: &io::Error) -> Error {
    Error::Program {
        program: program.to_owned(),
        reason: error.to_string(),
    }
}

/// Waits for the server, whose process id would otherwise stay taken, as if it ran, after somebody killed it.
async fn watch(mut server: Child) {
    match server.wait().await {
        Ok(status) if status.success() => {}
        Ok(status) => tracing::error!("PostgreSQL ended unexpectedly ({status}); start Hale again"),
        Err(error) => tracing::warn!("PostgreSQL can no longer be watched: {error}"),
    }
}

fn as_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

fn is_alive(pid: u32) -> bool {
    as_pid(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// A fast shutdown: sessions end, what was committed is written.
fn tell_to_stop(pid: u32) {
    if let Some(pid) = as_pid(pid) {
        let _ = rustix::process::kill_process(pid, Signal::INT);
    }
}

fn percent_encoded(text: &str) -> String {
    // A form's "+" for a space is not understood by libpq.
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
