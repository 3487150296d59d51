//! A real `hale serve` on a PostgreSQL of its own whose data must outlive everything, and whatever befalls the two.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    command_line::{Folder, hale, is_alive},
    harness::http,
};

/// How long anything may take at most.
pub const AGES: Duration = Duration::from_secs(90);

/// The server, its process and where its data are. It comes back at the same address.
pub struct Server {
    folder: Folder,
    pub address: SocketAddr,
    settings: Vec<(String, String)>,
    child: Child,
}

impl Server {
    /// On a fresh cluster of its own.
    pub async fn start() -> Self {
        Self::start_with(Folder::new(), &[]).await
    }

    /// On what is in the folder, with these settings beside the usual ones.
    pub async fn start_with(folder: Folder, settings: &[(&str, &str)]) -> Self {
        // Freed at once, so that the server can have it again and again.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // A backup would keep a transaction open, and the disk busy, whenever it is made.
        let settings: Vec<_> = [("HALE_POINTS_PER_PERSON", "off"), ("HALE_POINTS_PER_ADDRESS", "off"), ("HALE_BACKUP_SCHEDULE", "off")]
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let child = spawn(&folder, address, &settings);
        let mut server = Self { folder, address, settings, child };
        server.ready().await;
        server
    }

    /// Waits until it is ready, and answers how long that took.
    pub async fn ready(&mut self) -> Duration {
        let begun = Instant::now();
        while self.status("/readyz").await != Some(200) {
            assert!(self.child.try_wait().unwrap().is_none(), "hale ended: {}", self.log());
            assert!(begun.elapsed() < AGES, "hale is not ready in time: {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    }

    /// Waits until /readyz says no.
    pub async fn not_ready(&self) {
        let begun = Instant::now();
        while self.status("/readyz").await != Some(503) {
            assert!(begun.elapsed() < AGES, "hale says that it is ready");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The status of a path; `None` where nobody answers.
    pub async fn status(&self, path: &str) -> Option<u16> {
        let asked = http().get(format!("http://{}{path}", self.address)).send();
        Some(timeout(Duration::from_secs(10), asked).await.ok()?.ok()?.status().as_u16())
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().expect("it runs").cast_signed()).unwrap()
    }

    /// Kills it without a warning, and starts it again.
    pub async fn killed(&mut self) {
        kill_process(self.pid(), Signal::KILL).unwrap();
        self.child.wait().await.unwrap();
        self.child = spawn(&self.folder, self.address, &self.settings);
    }

    /// Asks it to stop, as a service manager does; its exit code.
    pub async fn stops(&mut self) -> Option<i32> {
        kill_process(self.pid(), Signal::TERM).unwrap();
        timeout(Duration::from_secs(60), self.child.wait()).await.expect("hale does not stop").unwrap().code()
    }

    /// Starts it again after that.
    pub async fn starts_again(&mut self) {
        self.child = spawn(&self.folder, self.address, &self.settings);
        self.ready().await;
    }

    /// Sends a signal to its PostgreSQL, waits for its end, and answers when the signal was sent.
    pub async fn signals_postgres(&self, signal: Signal) -> Instant {
        let postmaster = self.postmaster().expect("PostgreSQL runs");
        let at = Instant::now();
        kill_process(postmaster, signal).unwrap();
        while is_alive(postmaster) {
            assert!(at.elapsed() < AGES, "PostgreSQL does not end");
            sleep(Duration::from_millis(5)).await;
        }
        at
    }

    /// The process of its PostgreSQL.
    pub fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.postgres().join("data/postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
    }

    /// The folder of its PostgreSQL.
    pub fn postgres(&self) -> PathBuf {
        self.folder.0.join("data/postgres")
    }

    /// What it logged, of this run and those before.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.0.join("log")).unwrap_or_default()
    }

    /// A connection around it, as a role of its PostgreSQL.
    pub async fn connect(&self, role: &str) -> sqlx::Result<PgConnection> {
        let secret = if role == "postgres" { "postgres_superuser" } else { role };
        let password = fs::read_to_string(self.folder.0.join("data/secrets").join(secret)).unwrap();
        let folder = self.postgres().canonicalize().unwrap();
        let folder = folder.to_str().unwrap().replace('/', "%2F");
        PgConnection::connect(&format!("postgres://{role}:{}@localhost/hale?host={folder}&port=5432", password.trim())).await
    }

    /// Nothing in it fell over.
    pub fn demand_no_defect(&self) {
        let log = self.log();
        let defect = log.lines().find(|line| line.contains("panicked") || line.contains("internal error"));
        assert_eq!(defect, None);
    }
}

fn spawn(folder: &Folder, address: SocketAddr, settings: &[(String, String)]) -> Child {
    let log = File::options().create(true).append(true).open(folder.0.join("log")).unwrap();
    let mut command: Command = hale();
    command.arg("--data-dir").arg(folder.0.join("data")).args(["--listen", &address.to_string()]);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}
