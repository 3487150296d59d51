use std::{
    io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::{Error, Progress};

/// The user that PostgreSQL runs as.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    gid: u32,
    is_other: bool,
}

impl Account {
    /// This process's own user; as root, which PostgreSQL refuses, the owner of the data or a user without privileges.
    pub(super) async fn choose(data: &Path, progress: &Progress) -> Result<Self, Error> {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            let gid = rustix::process::getegid().as_raw();
            return Ok(Self {
                name: format!("user {uid}"),
                uid,
                gid,
                is_other: false,
            });
        }
        if let Ok(metadata) = tokio::fs::metadata(data).await
            && metadata.uid() != 0
        {
            let (uid, gid) = (metadata.uid(), metadata.gid());
            return Ok(Self {
                name: format!("user {uid}"),
                uid,
                gid,
                is_other: true,
            });
        }
        for name in ["postgres", "hale", "nobody"] {
            let (Some(uid), Some(gid)) = (id("-u", name).await, id("-g", name).await) else {
                continue;
            };
            if uid == 0 {
                continue;
            }
            if name == "nobody" {
                let warning = "warning: PostgreSQL runs as `nobody`, whose files other services may share; `useradd --system hale` gives it a user of its own";
                tracing::warn!("{warning}");
                progress(warning);
            }
            return Ok(Self {
                name: name.to_owned(),
                uid,
                gid,
                is_other: true,
            });
        }
        Err(Error::NoAccount)
    }

    /// A command of this user, away from the environment (PGDATA, PGPORT, a locale) of whoever started Hale.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", folder)
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        command.env(
            "PATH",
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
        );
        command.current_dir(folder).stdin(Stdio::null());
        if self.is_other {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes this user the owner of a file or folder that Hale has just made.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        if self.is_other {
            chown(path, Some(self.uid), Some(self.gid))
        } else {
            Ok(())
        }
    }

    /// The outermost folder on the way to an absolute path, or at its end, that this user may not enter.
    pub(super) fn closed_folder(&self, path: &Path) -> Option<PathBuf> {
        if !self.is_other {
            return None;
        }
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        let closed = ancestors.into_iter().find(|folder| {
            folder.metadata().is_ok_and(|metadata| {
                let enter = match (metadata.uid() == self.uid, metadata.gid() == self.gid) {
                    (true, _) => 0o100,
                    (false, true) => 0o010,
                    (false, false) => 0o001,
                };
                metadata.is_dir() && metadata.mode() & enter == 0
            })
        });
        closed.map(Path::to_owned)
    }
}

// `id` also knows the users that are not in /etc/passwd (LDAP, macOS).
async fn id(flag: &str, name: &str) -> Option<u32> {
    let output = Command::new("id")
        .args([flag, name])
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    let number: i64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .ok()?;
    // macOS prints nobody's 4294967294 as -2.
    u32::try_from(number)
        .or_else(|_| i32::try_from(number).map(i32::cast_unsigned))
        .ok()
}
