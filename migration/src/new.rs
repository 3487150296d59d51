//! Starts a new migration.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::file;

/// Writes an empty pair of files stamped with `now`, and returns their paths, up first.
pub async fn new(
    directory: &Path,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(PathBuf, PathBuf), Error> {
    if !file::is_snake_case(name) {
        return Err(Error::BadName(name.to_owned()));
    }
    let fail = |path: &Path| {
        let path = path.display().to_string();
        move |source| Error::File { path, source }
    };
    tokio::fs::create_dir_all(directory)
        .await
        .map_err(fail(directory))?;
    let version = now.format("%Y_%m_%d_%H_%M").to_string();
    let mut entries = tokio::fs::read_dir(directory)
        .await
        .map_err(fail(directory))?;
    while let Some(entry) = entries.next_entry().await.map_err(fail(directory))? {
        let taken = entry.file_name().to_string_lossy().into_owned();
        if taken.starts_with(&version) {
            return Err(Error::VersionTaken(taken));
        }
    }
    let path = |direction| directory.join(format!("{version}_{name}.{direction}.sql"));
    let pair = (path("up"), path("down"));
    for path in [&pair.0, &pair.1] {
        tokio::fs::File::create_new(path)
            .await
            .map_err(fail(path))?;
    }
    Ok(pair)
}
