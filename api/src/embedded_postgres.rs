//! A PostgreSQL of Hale's own: found or fetched, initialised, started, shared and stopped.
//!
//! The data folder belongs to Hale's user and holds the locks and secrets. PostgreSQL's user owns `postgres/` below it:
//! `postgres/data` is the cluster, `postgres/server.log` its log, with the old ones, and the socket, its only door, lies beside them.
//! Every process that uses the server holds a shared lock; whoever gives up the last one stops it. A lock ends with its
//! process, so a killed Hale leaves a server that the next one adopts. A server that ends while it is used is started again.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    process::Child,
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

mod account;
mod binaries;
mod bundle;
mod error;
mod log;
mod place;
mod secrets;
mod socket;

pub use error::Error;

use binaries::{Binaries, Wanted};
use place::{Place, SUPERUSER, StartLock, open_lock};
use socket::Server;

/// Receives lines for the person at the terminal, such as "initialising PostgreSQL 15 in …".
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

const POLL: Duration = Duration::from_millis(20);
// Recovery after a crash replays the log before it lets anyone in.
const START_PATIENCE: Duration = Duration::from_secs(300);
// Backends of a killed server end, and give back its shared memory, when they next look up from their work.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
// How often whoever did not start the server looks whether it still runs.
const LOOK: Duration = Duration::from_secs(1);
// Between attempts to start a server that ended: each longer, for what is in the way may be a full disk.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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

/// A running cluster of Hale's own; when the last user drops out the server stops. Until then, whenever it ends, it is started again.
///
/// Prefer [`EmbeddedPostgres::stop`], which waits for the server; dropping only tells it to stop.
pub struct EmbeddedPostgres {
    place: Arc<Place>,
    superuser_password: String,
    pid: Arc<AtomicU32>,
    /// What starts the server, until it lets us in.
    starter: Option<Starter>,
    keeper: Option<Keeper>,
    /// Looks after the log.
    log_keeper: Option<JoinHandle<()>>,
    /// Held exclusively while the server is being started.
    start_lock: Option<StartLock>,
    /// Held shared until this value drops out.
    users_lock: Option<File>,
}

/// What it takes to start the server, and its process, if this value started it.
struct Starter {
    place: Arc<Place>,
    options: Options,
    superuser_password: String,
    child: Option<Child>,
}

/// The task that looks after the running server.
struct Keeper {
    leaves: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl EmbeddedPostgres {
    /// Joins the server of this data folder, or initialises and starts it.
    ///
    /// # Errors
    /// Whatever stands in the way, as one line that says what to do about it.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let place = Arc::new(Place::prepare(&options).await?);
        let start_lock = place.lock_start(&options.progress).await?;
        let users_lock = open_lock(&place.users_lock())?;
        // Whoever holds it exclusively holds the start lock too, so this does not wait.
        users_lock.lock_shared().map_err(Error::folder("lock", place.users_lock()))?;
        let superuser_password = place.superuser_password()?;
        let starter = Starter { place: place.clone(), options, superuser_password: superuser_password.clone(), child: None };
        let mut server = Self {
            place,
            superuser_password,
            pid: Arc::default(),
            starter: None,
            keeper: None,
            log_keeper: None,
            start_lock: Some(start_lock),
            users_lock: Some(users_lock),
        };
        let pid = server.starter.insert(starter).join_or_launch().await?;
        server.pid.store(pid, Ordering::Relaxed);
        server.keeper = server.starter.take().map(|starter| starter.keep(server.pid.clone()));
        server.start_lock = None;
        server.log_keeper = Some(tokio::spawn(log::keep_small(Arc::clone(&server.place))));
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
        format!("postgres://{role}:{password}@localhost/{database}?host={folder}&port={}", socket::PORT)
    }

    /// A random password that stays the same: made at its first use, kept in the data folder as `secrets/<name>`.
    ///
    /// # Errors
    /// If it can neither be read nor made, or if the name could not be a file's.
    pub fn secret(&self, name: &str) -> Result<String, Error> {
        secrets::read_or_create(&self.place.secrets(), name)
    }

    /// The process of the server that was joined or started last.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Drops out; the last user waits until the server has shut down.
    ///
    /// # Errors
    /// If the server could not be told to stop, or takes very long.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(keeper) = &self.keeper {
            keeper.leaves.send_replace(true);
        }
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
        if let Some(pid) = self.starter.as_ref().and_then(|starter| starter.child.as_ref()?.id()) {
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
                if let Some(keeper) = self.keeper.take() {
                    let _ = timeout(Duration::from_secs(5), keeper.task).await;
                }
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(Error::NotStopped { pid, seconds: STOP_PATIENCE.as_secs(), log: self.place.log() })
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.leaves.send_replace(true);
        }
        if let Some(keeper) = self.log_keeper.take() {
            keeper.abort();
        }
        if self.users_lock.is_none() {
            return;
        }
        if self.start_lock.is_none() {
            self.start_lock = self.place.try_lock_start();
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

impl Starter {
    async fn join_or_launch(&mut self) -> Result<u32, Error> {
        if let Server::Ready { pid } = socket::ask(&self.place.socket(), &self.place.account).await {
            return Ok(pid);
        }
        let options = self.options.clone();
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
            let line = format!("initialising PostgreSQL {} in {}", binaries.major, self.place.cluster.display());
            (options.progress)(&line);
            self.place.initialise(&binaries, &self.superuser_password, options.durability).await?;
        }
        self.launch(&binaries).await
    }

    /// Starts the server and waits until it lets us in, again while what a killed one left is in the way.
    async fn launch(&mut self, binaries: &Binaries) -> Result<u32, Error> {
        let begun = Instant::now();
        let mut log_start = 0;
        let mut has_told = false;
        while begun.elapsed() < START_PATIENCE {
            match socket::ask(&self.place.socket(), &self.place.account).await {
                Server::Ready { pid } => return Ok(pid),
                Server::Busy => {}
                Server::Absent => match &mut self.child {
                    None => {
                        let (child, log_length) = self.place.spawn(binaries, self.options.durability)?;
                        self.child = Some(child);
                        log_start = log_length;
                    }
                    Some(child) => {
                        let ended = child.try_wait().map_err(Error::folder("watch", "postgres"))?;
                        if ended.is_some() {
                            self.child = None;
                            let (line, is_passing) = self.place.reason_in_log(log_start);
                            if !is_passing {
                                return Err(Error::Ended { line, log: self.place.log() });
                            }
                            if begun.elapsed() > ORPHAN_PATIENCE {
                                let seconds = ORPHAN_PATIENCE.as_secs();
                                return Err(Error::InUse { data: self.place.data(), line, seconds });
                            }
                            if !has_told {
                                let line = "waiting for what a killed PostgreSQL left to end";
                                (self.options.progress)(line);
                                has_told = true;
                            }
                            sleep(Duration::from_millis(300)).await;
                        }
                    }
                },
            }
            sleep(POLL).await;
        }
        Err(Error::NotReady { seconds: START_PATIENCE.as_secs(), log: self.place.log() })
    }

    /// Looks after the server from now on.
    fn keep(mut self, pid: Arc<AtomicU32>) -> Keeper {
        let (leaves, mut left) = watch::channel(false);
        // Nobody looks at the terminal for this any more.
        self.options.progress = Arc::new(|line| tracing::warn!("{line}"));
        let task = tokio::spawn(async move {
            loop {
                let how = self.ended(pid.load(Ordering::Relaxed), &mut left).await;
                if *left.borrow() {
                    return;
                }
                tracing::error!("PostgreSQL ended{how}, and is started again");
                let started = tokio::select! {
                    started = self.start_again() => started,
                    _ = left.wait_for(|left| *left) => return self.give_up(),
                };
                pid.store(started, Ordering::Relaxed);
                tracing::warn!("PostgreSQL is there again");
            }
        });
        Keeper { leaves, task }
    }

    /// Waits until the server has ended, and says how, where that is known. A child's process id would otherwise stay taken, as if
    /// it ran, even after whoever started it has dropped out.
    async fn ended(&mut self, pid: u32, left: &mut watch::Receiver<bool>) -> String {
        match self.child.take() {
            Some(mut child) => child.wait().await.map_or_else(|error| format!(" ({error})"), |status| format!(" ({status})")),
            None => {
                while !*left.borrow() && is_alive(pid) {
                    let _ = timeout(LOOK, left.changed()).await;
                }
                String::new()
            }
        }
    }

    /// Starts it, however often that takes, unless another Hale does.
    async fn start_again(&mut self) -> u32 {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = async {
                let _start_lock = self.place.lock_start(&self.options.progress).await?;
                self.join_or_launch().await
            };
            match started.await {
                Ok(pid) => return pid,
                Err(error) => tracing::error!("PostgreSQL cannot be started: {error}"),
            }
            self.child = None;
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Stops what has not let us in yet.
    fn give_up(&self) {
        if let Some(pid) = self.child.as_ref().and_then(Child::id) {
            tell_to_stop(pid);
        }
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
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests;
