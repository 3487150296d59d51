//! Embeds `sql/*.sql` in the crate, and stops the build at a file that the runner could not order or pair.

// The build script uses less of it than the crate does.
#[expect(dead_code, reason = "shared with the crate, which uses the rest")]
#[path = "src/file.rs"]
mod file;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use file::{Direction, FileName};

/// The two files of one version.
struct Pair {
    description: String,
    up: Option<PathBuf>,
    down: Option<PathBuf>,
}

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), String> {
    let directory = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("sql");
    println!("cargo::rerun-if-changed={}", directory.display());
    println!("cargo::rerun-if-changed=src/file.rs");
    let pairs = if directory.is_dir() {
        read(&directory)?
    } else {
        BTreeMap::new()
    };

    let mut code = String::from("&[\n");
    for (version, pair) in pairs {
        let missing = |direction: &str| {
            let stem = format!("{version}_{}", pair.description);
            format!(
                "migration/sql/{stem}.{direction}.sql is missing: each migration is a pair of files"
            )
        };
        let up = pair.up.as_ref().ok_or_else(|| missing("up"))?;
        let down = pair.down.as_ref().ok_or_else(|| missing("down"))?;
        let stem = format!("{version}_{}", pair.description);
        writeln!(
            code,
            "SqlMigration::new({stem:?}, include_str!({up:?}), include_str!({down:?})),"
        )
        .map_err(|error| error.to_string())?;
    }
    code.push(']');
    let target = Path::new(&variable("OUT_DIR")?).join("migrations.rs");
    fs::write(&target, code).map_err(|error| format!("{}: {error}", target.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

fn read(directory: &Path) -> Result<BTreeMap<String, Pair>, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        // .gitkeep, and what editors leave while a file is open.
        if name.starts_with('.') {
            continue;
        }
        let parsed =
            FileName::parse(&name).map_err(|reason| format!("migration/sql/{name}: {reason}"))?;
        let text =
            fs::read_to_string(&path).map_err(|error| format!("migration/sql/{name}: {error}"))?;
        file::check(&text).map_err(|reason| format!("migration/sql/{name}: {reason}"))?;

        let pair = pairs
            .entry(parsed.version.to_owned())
            .or_insert_with(|| Pair {
                description: parsed.description.to_owned(),
                up: None,
                down: None,
            });
        if pair.description != parsed.description {
            return Err(format!(
                "migration/sql/{name}: version {} is taken by {}; give one of them another minute",
                parsed.version, pair.description
            ));
        }
        match parsed.direction {
            Direction::Up => pair.up = Some(path),
            Direction::Down => pair.down = Some(path),
        }
    }
    Ok(pairs)
}
