//! Real clients, as apps use them, in `tests/clients/`: what they generate compiles, and what they send is understood.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

use crate::harness::{TestApp, report};

const FILES: [&str; 9] = [
    ".npmrc",
    "package.json",
    "package-lock.json",
    "operations.graphql",
    "codegen.mjs",
    "clients.mjs",
    "rxdb.mjs",
    "usage.ts",
    "tsconfig.json",
];

/// A copy of the project with its packages, installed once for all runs; `None`, said aloud, where there is no npm or no way to a
/// registry.
static PROJECT: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    fs::create_dir_all(&folder).unwrap();
    let installed = folder.join("installed");
    let lock = fs::read(source.join("package-lock.json")).unwrap();
    let is_installed = fs::read(&installed).is_ok_and(|installed| installed == lock);
    for file in FILES {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    if !is_installed {
        let npm = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000"])
            .current_dir(&folder)
            .output();
        let reason = match npm {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()),
            Err(error) => Some(format!("there is no npm: {error}")),
        };
        if let Some(reason) = reason {
            report(&format!("skipped: the clients in tests/clients, since they cannot be installed ({reason})"));
            return None;
        }
        fs::write(&installed, &lock).unwrap();
    }
    Some(folder)
});

/// The folder of the project, if there is one.
pub async fn project() -> Option<&'static Path> {
    tokio::task::spawn_blocking(|| PROJECT.as_deref()).await.unwrap()
}

async fn node(folder: &Path, arguments: &[&str]) -> Output {
    tokio::process::Command::new("node").args(arguments).current_dir(folder).kill_on_drop(true).output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn what_codegen_makes_of_the_schema_compiles_strictly() {
    let Some(folder) = project().await else { return };
    let app = TestApp::new().await;
    let output = node(folder, &["codegen.mjs", &format!("http://{}/graphql", app.address), "."]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = node(folder, &["node_modules/typescript/bin/tsc", "--project", "tsconfig.json"]).await;
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[tokio::test]
async fn apollo_urql_graphql_ws_and_graphql_sse_do_what_apps_do() {
    let Some(folder) = project().await else { return };
    let app = TestApp::new().await;
    let output = node(folder, &["clients.mjs", &format!("http://{}/graphql", app.address)]).await;
    let worked: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(output.status.success(), "after {}: {}", worked.last().unwrap_or(&Value::Null), text(&output.stderr));
    for client in ["apollo", "urql", "graphql-ws", "graphql-sse"] {
        let of_client: Vec<_> =
            worked.iter().filter(|line| line["client"] == client).map(|line| line["worked"].as_str().unwrap()).collect();
        assert_eq!(of_client, ["sign up", "log", "page", "error", "event", "refused event"], "{client}");
    }
}
