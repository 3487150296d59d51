use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng, rngs::SysRng};

use super::Error;

/// The secret of that name, made at its first use.
pub(super) fn read_or_create(folder: &Path, name: &str) -> Result<String, Error> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(Error::SecretName {
            name: name.to_owned(),
        });
    }
    let path = folder.join(name);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let secret = random(32)?;
    let draft = folder.join(format!(".{name}.{}", random(9)?));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Error::folder("make the folder", folder))?;
    let created = write_private(&draft, &secret).and_then(|()| {
        // A link appears complete or not at all, and never replaces what another process made meanwhile.
        match fs::hard_link(&draft, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::File::open(folder)?.sync_all(),
        }
    });
    let _ = fs::remove_file(&draft);
    created.map_err(Error::folder("write", &path))?;
    Ok(read(&path)?.unwrap_or(secret))
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::folder("read", path)(error)),
    }
}

/// Writes a new file that only its owner reads.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn random(length: usize) -> Result<String, Error> {
    let mut bytes = vec![0; length];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Error::NoRandomness {
            reason: error.to_string(),
        })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
