//! The command line: what each command does, once its settings are read.

use std::{
    fs::File,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use indicatif::HumanBytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use service::{
    access::{Database, Tx},
    accounts, catalogue, jobs,
    maintain::{self, Task},
    sync,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    signal::unix::SignalKind,
    sync::watch,
    task::JoinHandle,
};

use crate::{
    backup::{self, Scheduled},
    config::{self, Admin, Arguments, Command, ExerciseFormat, FoodFormat, Import, Jobs, Outside, SchemaOf, Settings},
    doctor,
    graphql::documents::{Documents, trusted_documents},
    http::{Options, Server, client_address::TrustedProxies},
    metrics::Listening,
    progress::Progress,
    settings,
    store::{Error, Store},
    telemetry::Telemetry,
};

/// How long running requests may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How long a server that others reach says that it stops before it does.
const STOP_DELAY: Duration = Duration::from_secs(5);
/// How long a server may take to say that it is ready.
const HEALTHCHECK: Duration = Duration::from_secs(4);

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    allow_connections();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::Other(format!("cannot start: {error}"))),
    };
    let telemetry = match Telemetry::start(&arguments.settings, runtime.handle()) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&error),
    };
    let done = runtime.block_on(run(arguments, &matches));
    telemetry.end();
    match done {
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
pub(crate) fn say(to: &mut dyn Write, line: &str) {
    drop(writeln!(to, "{line}"));
}

async fn run(arguments: Arguments, matches: &ArgMatches) -> Result<ExitCode, Error> {
    let Arguments { settings, command } = arguments;
    let done = match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&settings).await,
        Command::Worker => worker(&settings).await,
        Command::Jobs(what) => look_after_jobs(&settings, what).await,
        Command::Migrate(command) => migrate(&settings, command).await,
        Command::Doctor(how) => return doctor(&settings, how).await,
        Command::Maintain { dry_run } => maintain(&settings, dry_run).await,
        Command::Backup { make, what } => backup::run(&settings, make, what).await,
        Command::Restore(arguments) => backup::restore(&settings, arguments).await,
        Command::Import(what) => import(&settings, what).await,
        Command::Demo { yes } => demo(&settings, yes).await,
        Command::Admin(Admin::Verify { address }) => verify(&settings, &address).await,
        Command::Admin(Admin::NewEpoch) => new_epoch(&settings).await,
        Command::Config { markdown } => {
            let command = Arguments::command();
            let text = if markdown { settings::page(&command) } else { settings::present(&command, matches) };
            say(&mut io::stdout(), &text);
            Ok(())
        }
        Command::Healthcheck => healthcheck(settings.listen).await,
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
    let explorable = settings.explorer || !settings.is_reached_by_others(address);
    let options = options(settings, explorable)?;
    let progress = Arc::new(Progress::new());
    let store = tokio::select! {
        opened = Store::open(settings, &progress) => opened,
        () = stop.asked() => return Ok(()),
    };
    progress.finish();
    let store = store?;
    let opened = async {
        let database = store.database().await?;
        // Before any work begins, which would have to be ended again.
        let metrics = listening(settings, &database).await?;
        let working = if settings.jobs { Some(Working::start(settings, &store, &database, &outside).await?) } else { None };
        Ok((database, metrics, working))
    }
    .await;
    let (database, metrics, working) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            store.close().await;
            return Err(error);
        }
    };
    let server = Server::new(database.clone(), options).with_outside(outside.clone());
    announce(&store, address, explorable, metrics.as_ref());

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
    drop(metrics);
    database.close().await;
    store.close().await;
    Ok(())
}

/// Where Prometheus reads, if it is to.
async fn listening(settings: &Settings, database: &Database) -> Result<Option<Listening>, Error> {
    match settings.metrics_listen {
        Some(address) => Ok(Some(Listening::start(address, database).await?)),
        None => Ok(None),
    }
}

/// What runs in this process beside requests: a worker, and backups.
struct Working {
    stop: watch::Sender<bool>,
    worker: JoinHandle<()>,
    scheduled: Option<Scheduled>,
}

impl Working {
    async fn start(settings: &Settings, store: &Store, database: &Database, outside: &Outside) -> Result<Self, Error> {
        let scheduled = Scheduled::start(settings, store).await?;
        let (stop, stopped) = watch::channel(false);
        let worker =
            jobs::Worker::new(database.clone(), outside.google.clone(), outside.mailer.clone()).with_app_url(outside.app_url.clone());
        let worker = tokio::spawn(worker.run(stopped));
        Ok(Self { stop, worker, scheduled })
    }

    /// Takes no further job, and waits a while for those that run.
    async fn stop(self) {
        if let Some(scheduled) = self.scheduled {
            scheduled.stop().await;
        }
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
        let metrics = listening(settings, &database).await?;
        let working = Working::start(settings, &store, &database, &outside).await?;
        say(&mut io::stdout(), "Hale's worker is ready.");
        if let Some(metrics) = &metrics {
            say(&mut io::stdout(), &format!("  metrics   http://{}/metrics", metrics.address));
        }
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

/// Asks the server that listens there whether it is ready. Whoever listens everywhere is asked on this machine.
async fn healthcheck(listen: SocketAddr) -> Result<(), Error> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer).await?;
        io::Result::Ok(answer)
    };
    let answer = match tokio::time::timeout(HEALTHCHECK, ask).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(Error::Other(format!("{address} does not answer: {error}"))),
        Err(_) => return Err(Error::Other(format!("{address} does not answer in time"))),
    };
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    let said = answer.lines().last().unwrap_or_default().to_owned();
    if status == "200" {
        say(&mut io::stdout(), &said);
        return Ok(());
    }
    Err(Error::Other(format!("{address} is not ready: {said}")))
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
        proxies: TrustedProxies { networks: settings.trusted_proxies.clone(), header: settings.forwarded_header },
        points_per_person: settings.points_per_person,
        points_per_address: settings.points_per_address,
    })
}

fn announce(store: &Store, address: SocketAddr, explorable: bool, metrics: Option<&Listening>) {
    let mut out = io::stdout();
    say(&mut out, "Hale is ready.");
    if explorable {
        say(&mut out, &format!("  explorer  http://{address}/"));
    }
    say(&mut out, &format!("  graphql   http://{address}/graphql"));
    say(&mut out, &format!("  health    http://{address}/readyz"));
    if let Some(metrics) = metrics {
        say(&mut out, &format!("  metrics   http://{}/metrics", metrics.address));
    }
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
