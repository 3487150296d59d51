//! graphql-js and graphql-http, in Node, where it is there: they judge Hale.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{io::AsyncWriteExt, process::Command, sync::OnceCell};

use super::report;

/// Runs a script of `tests/graphql_js` and answers what it prints; `None`, said aloud, where there is no Node, no npm or no way to a
/// registry.
pub async fn graphql_js(script: &str, arguments: &[&str], input: &str) -> Option<String> {
    static FOLDER: OnceCell<Option<PathBuf>> = OnceCell::const_new();
    let Some(folder) = FOLDER.get_or_init(install).await else {
        report(&format!("skipped: {script}, since graphql-js is not there"));
        return None;
    };
    let mut node = Command::new("node");
    node.arg(script).args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = node.spawn().unwrap();
    let mut stdin = node.stdin.take().unwrap();
    let (written, output) = tokio::join!(
        async move {
            stdin.write_all(input.as_bytes()).await?;
            stdin.shutdown().await
        },
        node.wait_with_output()
    );
    let output = output.unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    written.unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Installs the packages beside a copy of the scripts, once for all runs of the same lock file.
async fn install() -> Option<PathBuf> {
    const FILES: [&str; 4] = ["package.json", "package-lock.json", "audits.mjs", "judge.mjs"];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql_js");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphql_js");
    fs::create_dir_all(&folder).unwrap();
    let locked = fs::read(source.join("package-lock.json")).unwrap();
    let installed = folder.join("installed.json");
    for file in FILES {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    if fs::read(&installed).is_ok_and(|installed| installed == locked) {
        return Some(folder);
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000"])
        .current_dir(&folder)
        .output()
        .await;
    match npm {
        Ok(output) if output.status.success() => {
            fs::write(installed, locked).unwrap();
            return Some(folder);
        }
        Ok(output) => {
            report(&format!("npm cannot install: {}", String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default()))
        }
        Err(error) => report(&format!("npm is not there: {error}")),
    }
    None
}
