//! The server's log: one file that PostgreSQL appends to, and a few old ones beside it, so that it never fills the disk.
//!
//! PostgreSQL holds the file open for as long as it runs, so the log is copied away and then cut off where it is: the next line
//! goes to its beginning. (Its own collector bounds how large a file becomes, but not how many there are.)

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::place::Place;

/// When a log becomes an old one, in bytes.
pub(super) const LARGEST: u64 = 10 << 20;
/// How many old ones are kept.
pub(super) const OLD: u32 = 4;
const LOOK: Duration = Duration::from_secs(5);

/// Opens the log for a server; tells also how long it is.
pub(super) fn open(place: &Place) -> io::Result<(File, u64)> {
    let log = options().create(true).append(true).open(place.log())?;
    let length = log.metadata()?.len();
    Ok((log, length))
}

/// Looks after the log for as long as it is let.
pub(super) async fn keep_small(place: Arc<Place>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let place = Arc::clone(&place);
        match tokio::task::spawn_blocking(move || rotate(&place)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "PostgreSQL's log cannot be rotated"),
            Err(error) => tracing::error!(%error, "PostgreSQL's log cannot be rotated"),
        }
    }
}

/// Makes a log that has become too large an old one. Of several processes one does it.
pub(super) fn rotate(place: &Place) -> io::Result<()> {
    let mut log = match options().read(true).write(true).open(place.log()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(place.data_dir.join("postgres.log.lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if log.metadata()?.len() <= LARGEST {
        return Ok(());
    }
    let draft = place.cluster.join("server.log.new");
    forgive_absence(fs::remove_file(&draft))?;
    let mut copy = options().create_new(true).write(true).open(&draft)?;
    io::copy(&mut log, &mut copy)?;
    place.account.give(&draft)?;
    for number in (1..OLD).rev() {
        forgive_absence(fs::rename(old(place, number), old(place, number + 1)))?;
    }
    fs::rename(&draft, old(place, 1))?;
    // What was written since the copy began.
    io::copy(&mut log, &mut copy)?;
    log.set_len(0)
}

pub(super) fn old(place: &Place, number: u32) -> PathBuf {
    place.cluster.join(format!("server.log.{number}"))
}

/// The folder is PostgreSQL's user's, who must not lead root to write elsewhere.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o640).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

fn forgive_absence(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
