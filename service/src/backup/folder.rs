//! The folder that backups lie in: their names, and files that are being written.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDateTime, Timelike, Utc};

use super::Error;

const PREFIX: &str = "hale_backup_";
const STAMP: &str = "%Y-%m-%d_%H-%M-%S";
const PLAIN: &str = ".tar.zst";
const ENCRYPTED: &str = ".tar.zst.age";
/// The ending of a file that is being written, whose name is also hidden.
const DRAFT: &str = ".partial";

/// A backup in a folder, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// How large it is.
    pub bytes: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

fn name(at: DateTime<Utc>, encrypted: bool) -> String {
    format!("{PREFIX}{}{}", at.format(STAMP), if encrypted { ENCRYPTED } else { PLAIN })
}

/// When the backup of this name was begun, and whether it is encrypted; `None` for a name that is no backup's.
fn read_name(name: &str) -> Option<(DateTime<Utc>, bool)> {
    let rest = name.strip_prefix(PREFIX)?;
    let (stamp, encrypted) = match rest.strip_suffix(ENCRYPTED) {
        Some(stamp) => (stamp, true),
        None => (rest.strip_suffix(PLAIN)?, false),
    };
    let at = NaiveDateTime::parse_from_str(stamp, STAMP).ok()?.and_utc();
    (self::name(at, encrypted) == name).then_some((at, encrypted))
}

/// The backups in a folder, the oldest first. What has another name is none.
pub fn list(folder: &Path) -> Result<Vec<Found>, Error> {
    let failed = Error::file(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let Some((at, encrypted)) = entry.file_name().to_str().and_then(read_name) else { continue };
        let metadata = entry.metadata().map_err(&failed)?;
        if metadata.is_file() {
            found.push(Found { path: entry.path(), at, bytes: metadata.len(), encrypted });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// A backup that is being written, for its owner's eyes alone. It has its name once it is complete and on the disk; what is dropped
/// before leaves nothing.
pub(super) struct Draft {
    draft: PathBuf,
    path: PathBuf,
    /// Locked for as long as somebody writes.
    file: File,
}

impl Draft {
    /// Begins a backup, and removes what killed ones left. `None` where there is one of the same second.
    pub fn begin(folder: &Path, at: DateTime<Utc>, encrypted: bool) -> Result<Option<Self>, Error> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::file(folder))?;
        remove_left_drafts(folder)?;
        let name = name(at.with_nanosecond(0).unwrap_or(at), encrypted);
        let (path, draft) = (folder.join(&name), folder.join(format!(".{name}{DRAFT}")));
        if path.exists() {
            return Ok(None);
        }
        let file = match fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&draft) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            opened => opened.map_err(Error::file(&draft))?,
        };
        file.lock().map_err(Error::file(&draft))?;
        Ok(Some(Self { draft, path, file }))
    }

    /// What to write to.
    pub fn file(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(Error::file(&self.draft))
    }

    /// Gives the complete file its name, which lasts when this has answered.
    pub fn publish(self) -> Result<PathBuf, Error> {
        let failed = Error::file(&self.path);
        // A link, unlike a new name, never takes the place of a file that is there.
        fs::hard_link(&self.draft, &self.path)
            .or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Err(error),
                // Some file systems have no links.
                _ => fs::rename(&self.draft, &self.path),
            })
            .map_err(&failed)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(&failed)?;
        Ok(self.path.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is gone already where it was given its name by renaming it.
        drop(fs::remove_file(&self.draft));
    }
}

/// Removes drafts that nobody writes any more.
fn remove_left_drafts(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let entry = entry.map_err(Error::file(folder))?;
        let file_name = entry.file_name();
        let stem = file_name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(DRAFT));
        if stem.and_then(read_name).is_none() {
            continue;
        }
        let path = entry.path();
        // Whoever cannot open it did not make it.
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            tracing::info!(file = %path.display(), "removing what an interrupted backup left");
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_nothing_else_is_a_backup() {
        let at = DateTime::from_timestamp(1_795_795_200, 0).unwrap();
        for encrypted in [false, true] {
            assert_eq!(read_name(&name(at, encrypted)), Some((at, encrypted)));
        }
        assert_eq!(name(at, true), "hale_backup_2026-11-27_16-00-00.tar.zst.age");
        for other in [
            "hale_backup_2026-11-27_16-00-00.tar",
            "hale_backup_2026-11-27_16-00-00.tar.zst.partial",
            "hale_backup_2026-11-27_16-00-0.tar.zst",
            "hale_backup_2026-13-27_16-00-00.tar.zst",
            "before_hale_backup_2026-11-27_16-00-00.tar.zst",
            "hale_backup_2026-11-27_16-00-00 (keep).tar.zst",
        ] {
            assert_eq!(read_name(other), None, "{other}");
        }
    }
}
