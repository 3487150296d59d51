use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{net::UnixStream, time::timeout};

use super::{Error, account::Account};

/// No TCP port is opened; this only names the socket.
pub(super) const PORT: u16 = 5432;

// sockaddr_un holds 108 bytes on Linux and 104 on macOS and the BSDs, with the final NUL.
const LONGEST_PATH: usize = 103;

/// What a connection to the socket tells about the server.
#[derive(Debug, PartialEq)]
pub(super) enum Server {
    Absent,
    /// It starts, recovers or shuts down.
    Busy,
    Ready {
        pid: u32,
    },
}

/// The file of the server's socket.
pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// The folder for the socket: the cluster's own, unless a socket cannot live or be named there.
pub(super) fn folder_for(cluster: &Path, account: &Account) -> Result<PathBuf, Error> {
    let fits = path_in(cluster).as_os_str().len() <= LONGEST_PATH;
    // libpq and PostgreSQL take a comma for the end of one of several names.
    let is_nameable = cluster
        .to_str()
        .is_some_and(|name| !name.contains([',', '"']));
    if fits && is_nameable {
        return Ok(cluster.to_owned());
    }
    let hash = Sha256::digest(cluster.as_os_str().as_bytes());
    let hash: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Not $XDG_RUNTIME_DIR: a second process without it would look for the running server elsewhere.
    let folder = Path::new("/tmp").join(format!("hale-{hash}"));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => account
            .give(&folder)
            .map_err(Error::folder("set the owner of", &folder))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::folder("make the folder", &folder)(error)),
    }
    let metadata = fs::symlink_metadata(&folder).map_err(Error::folder("read", &folder))?;
    if !metadata.is_dir() || metadata.uid() != account.uid || metadata.mode() & 0o077 != 0 {
        return Err(Error::ForeignSocketFolder { folder });
    }
    Ok(folder)
}

/// Asks the server for a session: a socket that accepts a connection may still belong to one that starts.
pub(super) async fn ask(socket: &Path, account: &Account) -> Server {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Server::Busy,
        Err(_) => return Server::Absent,
    };
    // The kernel says who listens, so no process id has to be believed from a file.
    let pid = match stream.peer_cred() {
        Ok(peer) if peer.uid() == account.uid => peer
            .pid()
            .and_then(|pid| u32::try_from(pid).ok())
            .unwrap_or_default(),
        _ => return Server::Absent,
    };
    match timeout(Duration::from_secs(2), first_answer(&stream)).await {
        Ok(Ok(answer)) if answer.starts_with(b"R") => Server::Ready { pid },
        // Any refusal but "cannot connect now", such as too many clients, comes from a server at work.
        Ok(Ok(answer))
            if answer.starts_with(b"E") && !answer.windows(5).any(|code| code == b"57P03") =>
        {
            Server::Ready { pid }
        }
        _ => Server::Busy,
    }
}

async fn first_answer(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    let packet = [&length.to_be_bytes()[..], body].concat();
    stream.writable().await?;
    stream.try_write(&packet)?;
    let mut answer = vec![0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut answer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
            Ok(length) => {
                answer.truncate(length);
                return Ok(answer);
            }
        }
    }
}
