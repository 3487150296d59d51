//! The command line: what each command does, once its settings are read.

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use indicatif::HumanBytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use service::{
    access::{Database, Tx},
    accounts, catalogue, jobs,
    maintain::{self, Task},
    sync,
};
use tokio::{net::TcpListener, signal::unix::SignalKind, sync::watch, task::JoinHandle};
use tracing_subscriber::EnvFilter;

use crate::{
    config::{self, Admin, Arguments, Command, ExerciseFormat, FoodFormat, Import, Jobs, LogFormat, Outside, SchemaOf, Settings},
    doctor,
    graphql::documents::{Documents, trusted_documents},
    http::{Options, Server},
    progress::Progress,
    store::{Error, Store},
};

/// How long running requests may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How long a server that others reach says that it stops before it does.
const STOP_DELAY: Duration = Duration::from_secs(5);

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    allow_connections();
    if let Err(error) = log(&arguments.settings) {
        return fail(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::Other(format!("cannot start: {error}"))),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// As many connections as the system lets this process have: what it gets without asking is meant for programs of old.
fn allow_connections() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}

fn fail(error: &Error) -> ExitCode {
    say(&mut io::stderr(), &format!("hale: {error}"));
    ExitCode::FAILURE
}

/// Writes a line; nobody reads a closed pipe, so a failure to write one is no failure.
fn say(to: &mut dyn Write, line: &str) {
    drop(writeln!(to, "{line}"));
}

fn log(settings: &Settings) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| Error::Other(format!("HALE_LOG cannot be read: {error}")))?;
    let format = settings.log_format.unwrap_or(if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.compact().with_target(false).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let settings = arguments.settings;
    let done = match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&settings).await,
        Command::Worker => worker(&settings).await,
        Command::Jobs(what) => look_after_jobs(&settings, what).await,
        Command::Migrate(command) => migrate(&settings, command).await,
        Command::Doctor(how) => return doctor(&settings, how).await,
        Command::Maintain { dry_run } => maintain(&settings, dry_run).await,
        Command::Import(what) => import(&settings, what).await,
        Command::Demo { yes } => demo(&settings, yes).await,
        Command::Admin(Admin::Verify { address }) => verify(&settings, &address).await,
        Command::Admin(Admin::NewEpoch) => new_epoch(&settings).await,
        Command::Schema { of } => {
            let schema = match of {
                None => crate::graphql::sdl(),
                Some(SchemaOf::Talon) => talon_schema()?,
            };
            say(&mut io::stdout(), schema.trim_end());
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// What Talon works on: the tables of a device, and the view of the server, as the migration that makes it does.
fn talon_schema() -> Result<String, Error> {
    let view = migration::migrations().iter().find(|migration| migration.description() == "talon_messages");
    let view = view.ok_or_else(|| Error::Other("there is no migration talon_messages".to_owned()))?;
    let local = service::talon::local_schema();
    Ok(format!("-- On the device (SQLite)\n\n{local}\n-- On the server (PostgreSQL), where it is already\n\n{}", view.sql()))
}

async fn serve(settings: &Settings) -> Result<(), Error> {
    // Both signals are caught from the start: a server that is told to stop while it starts must not leave its PostgreSQL behind.
    let mut stop = Stop::listen()?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            Error::Other(format!("{} is taken: stop what listens there, or choose another address with --listen", settings.listen))
        }
        _ => Error::Other(format!("cannot listen on {}: {error}; choose another address with --listen", settings.listen)),
    })?;
    let outside = Outside::of(settings).await?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let explorable = settings.explorer || address.ip().is_loopback();
    let options = options(settings, explorable)?;
    let progress = Arc::new(Progress::new());
    let store = tokio::select! {
        opened = Store::open(settings, &progress) => opened,
        () = stop.asked() => return Ok(()),
    };
    progress.finish();
    let store = store?;
    let database = match store.database().await {
        Ok(database) => database,
        Err(error) => {
            store.close().await;
            return Err(error);
        }
    };
    let server = Server::new(database.clone(), options).with_outside(outside.clone());
    let working = settings.jobs.then(|| Working::start(&database, &outside));
    announce(&store, address, explorable);

    let delay = if address.ip().is_loopback() { Duration::ZERO } else { STOP_DELAY };
    let delay = settings.stop_delay.map_or(delay, |seconds| Duration::from_secs(seconds.into()));
    let (stops, mut stopped) = watch::channel(false);
    let mut also_stopped = stopped.clone();
    let asked = async {
        stop.asked().await;
        tracing::info!("stopping");
        server.drain();
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // Whoever asks twice does not wait.
            () = stop.asked() => {}
        }
        server.stop();
        stops.send_replace(true);
    };
    let served = async {
        server.serve(listener, Duration::from_secs(settings.idle_timeout.into()), asked).await;
        // Sockets are no requests any more, so nobody has waited for them.
        server.drained().await;
    };
    let overdue = async {
        stopped.wait_for(|stopped| *stopped).await.ok();
        tokio::time::sleep(DRAIN).await;
        tracing::warn!("some requests did not end in time");
    };
    let answered = async {
        tokio::select! {
            () = served => {}
            () = overdue => {}
        }
    };
    let worked = async {
        also_stopped.wait_for(|stopped| *stopped).await.ok();
        if let Some(working) = working {
            working.stop().await;
        }
    };
    tokio::join!(answered, worked);
    database.close().await;
    store.close().await;
    Ok(())
}

/// A worker that runs in this process.
struct Working {
    stop: watch::Sender<bool>,
    worker: JoinHandle<()>,
}

impl Working {
    fn start(database: &Database, outside: &Outside) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self {
            stop,
            worker: tokio::spawn(jobs::Worker::new(database.clone(), outside.google.clone(), outside.mailer.clone()).run(stopped)),
        }
    }

    /// Takes no further job, and waits a while for those that run.
    async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.worker.await {
            tracing::error!(%error, "the worker ended");
        }
    }
}

async fn worker(settings: &Settings) -> Result<(), Error> {
    let mut stop = Stop::listen()?;
    let outside = Outside::of(settings).await?;
    let progress = Arc::new(Progress::new());
    let store = tokio::select! {
        opened = Store::open(settings, &progress) => opened,
        () = stop.asked() => return Ok(()),
    };
    progress.finish();
    let store = store?;
    let worked = async {
        let database = store.database().await?;
        let working = Working::start(&database, &outside);
        say(&mut io::stdout(), "Hale's worker is ready.");
        say(&mut io::stdout(), &format!("  data      {}", store.place()));
        stop.asked().await;
        tracing::info!("stopping");
        working.stop().await;
        database.close().await;
        Ok(())
    }
    .await;
    store.close().await;
    worked
}

async fn look_after_jobs(settings: &Settings, what: Jobs) -> Result<(), Error> {
    let progress = Arc::new(Progress::new());
    let store = Store::open(settings, &progress).await?;
    progress.finish();
    let lines = async {
        let maintenance = store.maintenance().await?;
        let tx = maintenance.begin().await?;
        let lines = match what {
            Jobs::List { dead } => jobs::list(&tx, dead).await?.iter().map(line_of).collect(),
            Jobs::Retry { id } if jobs::retry(&tx, id).await? => vec![format!("{id} is tried again")],
            Jobs::Retry { id } => return Err(Error::Other(format!("no job with the id {id} was given up"))),
        };
        tx.commit().await?;
        maintenance.close().await;
        Ok(lines)
    }
    .await;
    store.close().await;
    for line in lines? {
        say(&mut io::stdout(), &line);
    }
    Ok(())
}

/// A job, in columns that a script can split.
fn line_of(job: &jobs::Listed) -> String {
    let at = job.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let reason = job.last_error.as_deref().unwrap_or_default().replace(char::is_control, " ");
    format!("{}  {:<7}  {:<16}  {at}  {:>2}  {}  {reason}", job.id, job.state, job.kind, job.attempts, job.key).trim_end().to_owned()
}

/// How the settings want the server to serve. What is wrong with them is said before anything else starts.
fn options(settings: &Settings, explorable: bool) -> Result<Options, Error> {
    let trusted = match &settings.trusted_documents {
        Some(path) => {
            let file = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
            trusted_documents(&file).map_err(|reason| Error::Other(format!("{}: {reason}", path.display())))?
        }
        None if settings.only_trusted_documents => {
            return Err(Error::Other("HALE_ONLY_TRUSTED_DOCUMENTS needs HALE_TRUSTED_DOCUMENTS: nothing else would run".to_owned()));
        }
        None => Vec::new(),
    };
    let documents = Documents::new(&crate::graphql::sdl(), explorable, trusted, settings.only_trusted_documents).map_err(Error::Other)?;
    Ok(Options {
        explorable,
        documents,
        origins: settings.cors_origins.clone(),
        points_per_person: settings.points_per_person,
        points_per_address: settings.points_per_address,
    })
}

fn announce(store: &Store, address: std::net::SocketAddr, explorable: bool) {
    let mut out = io::stdout();
    say(&mut out, "Hale is ready.");
    if explorable {
        say(&mut out, &format!("  explorer  http://{address}/"));
    }
    say(&mut out, &format!("  graphql   http://{address}/graphql"));
    say(&mut out, &format!("  health    http://{address}/readyz"));
    say(&mut out, &format!("  data      {}", store.place()));
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Result<Self, Error> {
        let listen = |kind| tokio::signal::unix::signal(kind).map_err(|error| Error::Other(format!("cannot listen for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn migrate(settings: &Settings, command: migration::cli::Command) -> Result<(), Error> {
    use migration::cli::{Command, Urls, run, secret};
    let text = match &command {
        Command::New { .. } => run(command, &Urls::default()).await?,
        Command::Bootstrap(_) => {
            let admin_url =
                secret("DATABASE_ADMIN_URL", settings.database_admin_url.clone(), settings.database_admin_url_file.clone()).await?;
            run(command, &Urls { admin_url, ..Urls::default() }).await?
        }
        _ => {
            let progress = Arc::new(Progress::new());
            let found = Store::find(settings, &progress).await;
            progress.finish();
            let store = found?;
            let up = matches!(command, Command::Up);
            let done = async {
                let text = run(command, &store.migration_urls()).await?;
                if up {
                    store.load_starter().await?;
                }
                Ok::<_, Error>(text)
            }
            .await;
            store.close().await;
            done?
        }
    };
    say(&mut io::stdout(), &text);
    Ok(())
}

async fn import(settings: &Settings, what: Import) -> Result<(), Error> {
    let (path, noun) = match &what {
        Import::Foods { file, .. } => (file.clone(), "foods"),
        Import::Exercises { file, .. } => (file.clone(), "exercises"),
    };
    let (file, size) = readable(&path)?;
    let progress = Arc::new(Progress::new());
    let store = Store::open(settings, &progress).await?;
    progress.step(&format!("importing {}", path.display()));
    let imported = async {
        let maintenance = store.maintenance().await?;
        let shown = progress.clone();
        let advance = move |done| shown.advance(done, size);
        let reader = io::BufReader::new(file);
        let outcome = match what {
            Import::Foods { format: FoodFormat::UsdaSr, .. } => {
                catalogue::import_foods(&maintenance, catalogue::FoodFormat::UsdaSr, reader, advance).await
            }
            Import::Foods { format: FoodFormat::FdcJson, .. } => {
                catalogue::import_foods(&maintenance, catalogue::FoodFormat::FdcJson, reader, advance).await
            }
            Import::Exercises { format: ExerciseFormat::FreeExerciseDb, .. } => {
                catalogue::import_exercises(&maintenance, catalogue::ExerciseFormat::FreeExerciseDb, reader, advance).await
            }
        };
        maintenance.close().await;
        Ok::<_, Error>(outcome?)
    }
    .await;
    progress.finish();
    store.close().await;
    let outcome = imported?;
    for row in &outcome.skipped {
        say(&mut io::stderr(), &format!("skipped {row}"));
    }
    let catalogue::Outcome { added, changed, unchanged, skipped } = &outcome;
    let nothing = if added + changed == 0 { ": nothing to do" } else { "" };
    say(&mut io::stdout(), &format!("{noun}: {added} added, {changed} changed, {unchanged} unchanged, {} skipped{nothing}", skipped.len()));
    Ok(())
}

fn readable(path: &Path) -> Result<(File, u64), Error> {
    let failed = |source| Error::File { path: PathBuf::from(path), source };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok((file, size))
}

async fn doctor(settings: &Settings, how: config::Doctor) -> Result<ExitCode, Error> {
    let progress = Arc::new(Progress::new());
    let report = doctor::examine(settings, how, &progress).await;
    progress.finish();
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            fail(&error);
            return Ok(ExitCode::from(doctor::BROKEN));
        }
    };
    say(&mut io::stdout(), &if how.json { report.json() } else { report.text() });
    Ok(report.exit_code())
}

async fn maintain(settings: &Settings, dry_run: bool) -> Result<(), Error> {
    let progress = Arc::new(Progress::new());
    let store = Store::open(settings, &progress).await?;
    let maintained = async {
        let maintenance = store.maintenance().await?;
        let lines = if dry_run {
            let line = |Task { command, relation, reason }| format!("would {command} {relation}: {reason}");
            (maintain::plan(&maintenance).await?.into_iter().map(line).collect(), 0)
        } else {
            let done = maintain::maintain(&maintenance, |task| progress.step(&format!("{} {}", task.command, task.relation))).await?;
            (done.iter().map(line_of_task).collect::<Vec<_>>(), done.iter().filter(|done| done.failure.is_some()).count())
        };
        maintenance.close().await;
        Ok::<_, Error>(lines)
    }
    .await;
    progress.finish();
    store.close().await;
    let (lines, failures) = maintained?;
    if lines.is_empty() {
        say(&mut io::stdout(), "nothing pays");
    }
    for line in lines {
        say(&mut io::stdout(), &line);
    }
    if failures > 0 {
        return Err(Error::Other(format!("{failures} of them failed: run it again; hale doctor --fix clears away what they left")));
    }
    Ok(())
}

fn line_of_task(done: &maintain::Done) -> String {
    let maintain::Done { task: Task { command, relation, reason }, before, after, failure } = done;
    let size = |bytes: &i64| HumanBytes(bytes.unsigned_abs());
    match failure {
        None => format!("{command} {relation}: {} before, {} after ({reason})", size(before), size(after)),
        Some(failure) => format!("{command} {relation} failed: {failure}"),
    }
}

async fn demo(settings: &Settings, yes: bool) -> Result<(), Error> {
    let progress = Arc::new(Progress::new());
    let store = Store::open(settings, &progress).await?;
    progress.step("writing 120 days of three people");
    let written = async {
        let (database, maintenance) = (store.database().await?, store.maintenance().await?);
        let people = service::demo::create(&database, &maintenance, yes, |done, total| progress.advance(done, total)).await;
        maintenance.close().await;
        database.close().await;
        Ok::<_, Error>(people?)
    }
    .await;
    progress.finish();
    store.close().await;
    let people = written?;
    say(&mut io::stdout(), "The demo household. Its passwords are shown this once:");
    for person in people {
        say(&mut io::stdout(), &format!("  {:<16} {:<24} {}", person.full_name, person.email, person.password));
    }
    Ok(())
}

async fn new_epoch(settings: &Settings) -> Result<(), Error> {
    let epoch = as_owner(settings, async |tx| sync::begin_epoch(tx).await).await?;
    say(&mut io::stdout(), &format!("devices read everything anew, in epoch {epoch}"));
    Ok(())
}

/// Does something in a transaction that no policy binds.
async fn as_owner<T>(settings: &Settings, work: impl AsyncFnOnce(&Tx) -> service::error::Result<T>) -> Result<T, Error> {
    let progress = Arc::new(Progress::new());
    let store = Store::open(settings, &progress).await?;
    progress.finish();
    let done = async {
        let maintenance = store.maintenance().await?;
        let tx = maintenance.begin().await?;
        let done = work(&tx).await?;
        tx.commit().await?;
        maintenance.close().await;
        Ok::<_, Error>(done)
    }
    .await;
    store.close().await;
    done
}

async fn verify(settings: &Settings, address: &str) -> Result<(), Error> {
    if as_owner(settings, async |tx| accounts::verify_address(tx, address).await).await? {
        say(&mut io::stdout(), &format!("{address} is verified"));
        Ok(())
    } else {
        Err(Error::Other(format!("no account has the address {address}")))
    }
}
