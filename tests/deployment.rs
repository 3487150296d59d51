//! What an operator deploys: settings and where they come from, secrets from files, proxies in front, and the files for containers and
//! systemd, held to what the command line really knows.

use std::{collections::BTreeSet, fs, process::Stdio};

use api::{
    graphql::cost::Allowance,
    http::{Options, client_address::TrustedProxies},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    command_line::{Folder, Served, fails, hale, succeeds},
    harness::{
        TestApp, database_url, empty_database, http, options, report,
        smtp::{MailServer, Tls},
    },
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{file}")).unwrap()
}

/// Every variable that a setting can be given in.
async fn variables() -> BTreeSet<String> {
    let page = succeeds(hale().args(["config", "--markdown"])).await;
    let names = page.lines().skip(2).filter_map(|line| line.split('|').nth(1)).flat_map(|names| names.split(','));
    names.map(|name| name.trim().trim_matches('`').to_owned()).collect()
}

/// What runs a program of the system; nothing, said aloud, where it is not installed.
async fn run(program: &str, arguments: &[&str], from: &str) -> Option<std::process::Output> {
    let output = Command::new(program).args(arguments).current_dir(ROOT).stdin(Stdio::null()).output().await;
    match output {
        Ok(output) => Some(output),
        Err(_) => {
            report(&format!("skipped: {program} is not here (apt-get install {from})"));
            None
        }
    }
}

#[tokio::test]
async fn hale_config_tells_what_is_set_by_whom_and_no_secret() {
    let folder = Folder::new();
    let file = folder.file("url", "postgres://hale_app:filesecret@db/hale\n").display().to_string();
    let told = succeeds(
        hale()
            .args(["config", "--listen", "127.0.0.1:4711"])
            .env("HALE_MAX_CONNECTIONS", "7")
            .env("DATABASE_OWNER_URL", "postgres://hale_owner:ownersecret@db/hale")
            .env("DATABASE_URL_FILE", &file)
            .env("HALE_SMTP_PASSWORD", "mailsecret")
            .env("HALE_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8"),
    )
    .await;
    let row = |name: &str| {
        let line = told.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("{name} in {told}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("SETTING"), ["SETTING", "FLAG", "VALUE", "FROM", "DEFAULT"]);
    assert_eq!(row("HALE_LISTEN"), ["HALE_LISTEN", "--listen", "127.0.0.1:4711", "--listen", "127.0.0.1:8080"]);
    assert_eq!(row("HALE_MAX_CONNECTIONS"), ["HALE_MAX_CONNECTIONS", "--max-connections", "7", "HALE_MAX_CONNECTIONS", "10"]);
    assert_eq!(row("HALE_STATEMENT_CACHE")[2..], ["100", "default", "100"]);
    assert_eq!(row("DATABASE_OWNER_URL")[2..], ["(secret)", "DATABASE_OWNER_URL"]);
    assert_eq!(row("DATABASE_URL")[2..], ["(secret)", &format!("{file}, by DATABASE_URL_FILE")]);
    assert_eq!(row("HALE_SMTP_PASSWORD")[2..], ["(secret)", "HALE_SMTP_PASSWORD"]);
    assert_eq!(row("HALE_TRUSTED_PROXIES")[2..], ["10.0.0.0/8,fd00::/8", "HALE_TRUSTED_PROXIES"]);
    assert_eq!(row("HALE_GOOGLE_CLIENT_ID")[2..], ["-", "not set"]);
    assert!(!told.contains("secret@") && !told.contains("mailsecret"), "{told}");
    assert!(!told.contains("HALE_GOOGLE_OAUTH_URL"), "what only tests set is not shown");
    let line = fails(hale().args(["config"]).env("HALE_LOG", "loud")).await;
    assert!(line.contains("HALE_LOG"), "{line}");
}

#[tokio::test]
async fn the_page_of_settings_is_what_the_code_says() {
    let page = succeeds(hale().args(["config", "--markdown"])).await;
    let written = read("docs/settings.md");
    assert!(written.contains(&page), "docs/settings.md is not what the settings are: just settings");
    assert!(read("README.md").contains("docs/settings.md"));
    // Whatever the pages for people call a setting is one.
    let known = variables().await;
    let not_settings = ["HALE_PUBLISH"];
    for file in ["README.md", "docs/deployment.md", "docs/observability.md", ".env.example", "hale.service"] {
        for word in read(file).split(|character: char| !character.is_ascii_alphanumeric() && character != '_') {
            let setting = word.starts_with("HALE_") || word.starts_with("DATABASE_");
            assert!(!setting || known.contains(word) || not_settings.contains(&word), "{file} knows of {word}, which is no setting");
        }
    }
}

#[tokio::test]
async fn every_secret_comes_from_a_file_too_and_never_from_both() {
    let folder = Folder::new();
    let known = variables().await;
    let secrets: Vec<_> = known.iter().filter(|name| known.contains(&format!("{name}_FILE"))).collect();
    let expected = [
        "DATABASE_ADMIN_URL",
        "DATABASE_LISTEN_URL",
        "DATABASE_OWNER_URL",
        "DATABASE_URL",
        "HALE_APP_PASSWORD",
        "HALE_FATSECRET_CLIENT_SECRET",
        "HALE_FDC_KEY",
        "HALE_GOOGLE_CLIENT_SECRET",
        "HALE_OWNER_PASSWORD",
        "HALE_SMTP_PASSWORD",
    ];
    for secret in expected {
        assert!(secrets.iter().any(|name| *name == secret), "{secret} comes from no file: {secrets:?}");
    }
    let app = TestApp::new().await;
    let file = folder.file("secret", "something\n").display().to_string();
    for secret in secrets {
        let command: &[&str] = match secret.as_str() {
            "DATABASE_ADMIN_URL" | "HALE_OWNER_PASSWORD" | "HALE_APP_PASSWORD" => &["migrate", "bootstrap"],
            _ => &["serve", "--listen", "127.0.0.1:0"],
        };
        let with = |value: Option<&str>, file: &str| {
            let mut command_line = hale();
            command_line.env("HALE_DATA_DIR", folder.0.join("data")).args(command).env(format!("{secret}_FILE"), file);
            if let Some(value) = value {
                command_line.env(secret, value);
            }
            if command[0] == "migrate" && secret != "DATABASE_ADMIN_URL" {
                command_line.env("DATABASE_ADMIN_URL", app.url("postgres"));
            }
            command_line
        };
        let line = fails(&mut with(Some("something"), &file)).await;
        assert!(line.contains(secret.as_str()) && line.contains("_FILE"), "{secret}: {line}");
        let line = fails(&mut with(None, "/nowhere/secret")).await;
        assert!(line.contains("/nowhere/secret"), "{secret}: {line}");
        assert!(!line.contains("something"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_secrets_are_all_in_files_is_ready_and_sends_mail_by_them() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let mail = MailServer::start_with(Tls::Never, Some("mail secret")).await;
    let mut command = hale();
    for (name, secret) in [
        ("DATABASE_URL", app.url("hale_app")),
        ("DATABASE_LISTEN_URL", app.url("hale_app")),
        ("DATABASE_OWNER_URL", app.url("hale_owner")),
        ("HALE_SMTP_PASSWORD", "mail secret".to_owned()),
        ("HALE_GOOGLE_CLIENT_SECRET", "client secret".to_owned()),
    ] {
        command.env(format!("{name}_FILE"), folder.file(name, &format!("{secret}\n")));
    }
    command.env("HALE_DATA_DIR", folder.0.join("data")).env("HALE_SMTP_URL", mail.settings().url).env("HALE_SMTP_USER", "hale");
    command.env("HALE_MAIL_FROM", "hale@example.net").env("HALE_GOOGLE_CLIENT_ID", "id").env("HALE_PUBLIC_URL", "https://hale.example.org");
    let server = Served::start(&mut command).await;
    assert_eq!(http().get(format!("http://{}/readyz", server.address)).send().await.unwrap().text().await.unwrap(), "ready\n");
}

#[tokio::test]
async fn behind_a_proxy_each_caller_has_points_of_their_own_and_nobody_chooses_whose() {
    let proxies = |networks: &str| TrustedProxies { networks: networks.parse().unwrap(), ..TrustedProxies::default() };
    let serve = async |networks: &str| {
        TestApp::with(
            4,
            Options { proxies: proxies(networks), points_per_address: Allowance::Bucket { burst: 6, per_second: 1 }, ..options() },
        )
        .await
    };
    let app = serve("127.0.0.0/8, ::1").await;
    let ask = async |app: &TestApp, told: &[(&str, &str)]| {
        let mut request =
            app.post("/graphql").header("accept", "application/graphql-response+json").json(&json!({ "query": "{ __typename }" }));
        for (name, value) in told {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status()
    };
    let told = |address: &'static str| [("x-forwarded-for", address)];
    for _ in 0..6 {
        assert_eq!(ask(&app, &told("203.0.113.1")).await, StatusCode::OK);
    }
    assert_eq!(ask(&app, &told("203.0.113.1")).await, StatusCode::TOO_MANY_REQUESTS);
    // Somebody else behind the same proxy has theirs.
    assert_eq!(ask(&app, &told("203.0.113.2")).await, StatusCode::OK);
    // Whoever writes other addresses before their own, or in headers that the proxy does not write, is who they are.
    for spoofed in [
        &[("x-forwarded-for", "198.51.100.7, 203.0.113.1")][..],
        &[("x-forwarded-for", "198.51.100.8"), ("x-forwarded-for", "203.0.113.1")],
        &[("forwarded", "for=198.51.100.9"), ("x-real-ip", "198.51.100.9"), ("x-forwarded-for", "203.0.113.1")],
        &[("x-forwarded-for", "127.0.0.1, 203.0.113.1")],
    ] {
        assert_eq!(ask(&app, spoofed).await, StatusCode::TOO_MANY_REQUESTS, "{spoofed:?}");
    }
    // Without proxies that are trusted, whatever a caller writes is nothing.
    for app in [serve("").await, serve("10.0.0.0/8").await] {
        for number in 0..6 {
            assert_eq!(ask(&app, &[("x-forwarded-for", &format!("203.0.113.{number}"))]).await, StatusCode::OK);
        }
        assert_eq!(ask(&app, &told("203.0.113.77")).await, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_proxy_is_in_front_others_reach_hale_though_it_listens_on_loopback() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let serve = async |proxies: &str| {
        let mut command = hale();
        command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", folder.0.join("data")).env("HALE_TRUSTED_PROXIES", proxies);
        Served::start(&mut command).await
    };
    for (proxies, status) in [("", StatusCode::OK), ("127.0.0.1", StatusCode::NOT_FOUND)] {
        let server = serve(proxies).await;
        assert_eq!(http().get(format!("http://{}/", server.address)).send().await.unwrap().status(), status, "{proxies:?}");
    }
    let wrong = hale().arg("config").env("HALE_TRUSTED_PROXIES", "everybody").output().await.unwrap();
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("192.0.2.7"));
}

/// The commands of hale in a text, each as its words.
fn commands(text: &str) -> Vec<Vec<String>> {
    let parts = text.split("&&").map(str::trim).filter_map(|part| part.strip_prefix("hale "));
    parts.map(|words| words.split_whitespace().map(str::to_owned).collect()).collect()
}

/// That the command line knows a command.
async fn knows(words: &[String]) {
    let help = succeeds(hale().args(words).arg("--help")).await;
    let last = words.last().unwrap();
    assert!(help.contains(&format!("hale-under-test {}", words.join(" "))) || help.contains(&format!(" {last} ")), "{words:?}: {help}");
}

#[tokio::test]
async fn the_compose_file_keeps_its_promises() {
    let compose: Value = serde_saphyr::from_str(&read("docker-compose.yml")).unwrap();
    let services = compose["services"].as_object().unwrap();
    assert_eq!(
        services.keys().collect::<BTreeSet<_>>(),
        ["hale", "postgres", "setup"].iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().iter().collect()
    );
    let (postgres, setup, hale) = (&services["postgres"], &services["setup"], &services["hale"]);
    // PostgreSQL is nobody's but the other containers'.
    assert!(postgres.get("ports").is_none() && postgres.get("network_mode").is_none(), "{postgres}");
    // No password has a default, and each that is missing is said.
    let text = read("docker-compose.yml");
    let mut passwords = 0;
    for variable in text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()) {
        let (name, rest) = variable.split_at(variable.find(':').unwrap_or(variable.len()));
        if name.contains("PASSWORD") && name != "HALE_SMTP_PASSWORD" {
            passwords += 1;
            assert!(rest.starts_with(":?set "), "{variable} may be missing");
        }
    }
    assert!(passwords >= 7, "{passwords}");
    assert!(!text.contains("trust"), "nobody comes in without a password");
    // Healthy in one `up`: each waits for what it needs.
    assert_eq!(setup["depends_on"]["postgres"]["condition"], "service_healthy");
    assert_eq!(hale["depends_on"]["setup"]["condition"], "service_completed_successfully");
    assert!(postgres["healthcheck"]["test"].to_string().contains("pg_isready"));
    // The server knows the role that is bound, and no other; published on this machine alone.
    let environment = hale["environment"].as_object().unwrap();
    assert!(environment["DATABASE_URL"].as_str().unwrap().starts_with("postgres://hale_app:"));
    assert!(!environment.contains_key("DATABASE_OWNER_URL") && !environment.contains_key("DATABASE_ADMIN_URL"));
    assert_eq!(hale["ports"], json!(["${HALE_PUBLISH:-127.0.0.1:8080}:8080"]));
    assert_eq!((&hale["read_only"], &hale["cap_drop"]), (&json!(true), &json!(["ALL"])));
    for (service, volume) in [(postgres, "postgres:/var/lib/postgresql/data"), (hale, "keys:/var/lib/hale")] {
        assert_eq!(service["volumes"], json!([volume]));
        assert!(compose["volumes"].as_object().unwrap().contains_key(volume.split(':').next().unwrap()));
    }
    // What PostgreSQL writes down holds nobody's data.
    let command = postgres["command"].to_string();
    for setting in [
        "log_error_verbosity=terse",
        "log_min_error_statement=panic",
        "log_parameter_max_length=0",
        "log_parameter_max_length_on_error=0",
        "%a ",
    ] {
        assert!(command.contains(setting), "{setting} in {command}");
    }
    // Whatever is set is a setting, and whatever is run is a command.
    let known = variables().await;
    for service in [setup, hale] {
        for name in service["environment"].as_object().unwrap().keys() {
            assert!(known.contains(name), "{name} is no setting");
        }
    }
    let script = setup["entrypoint"][2].as_str().unwrap();
    let run = commands(script);
    assert_eq!(run, [["migrate", "bootstrap"], ["migrate", "up"]]);
    for words in run {
        knows(&words).await;
    }
}

#[tokio::test]
async fn the_image_runs_a_command_that_there_is_as_nobody_special_and_asks_hale_itself_how_it_is() {
    let dockerfile = read("Dockerfile");
    let last = dockerfile.rsplit("FROM ").next().unwrap();
    let line = |instruction: &str| {
        let line = last.lines().find(|line| line.starts_with(instruction)).unwrap_or_else(|| panic!("{instruction} in {last}"));
        line[instruction.len()..].trim()
    };
    assert!(!["root", "0"].contains(&line("USER")));
    let user = last.find("USER ").unwrap();
    assert!(user < last.find("ENTRYPOINT ").unwrap() && user > last.find("COPY ").unwrap());
    assert_eq!((line("ENTRYPOINT"), line("CMD"), line("STOPSIGNAL")), ("[\"hale\"]", "[\"serve\"]", "SIGTERM"));
    let health: Vec<String> = serde_json::from_str(line("HEALTHCHECK").split_once("CMD ").unwrap().1).unwrap();
    assert_eq!(health[0], "hale");
    knows(&health[1..]).await;
    let known = variables().await;
    for setting in line("ENV").split(' ') {
        assert!(known.contains(setting.split('=').next().unwrap()), "{setting}");
    }
    // Nothing that is fetched by its newest name, nothing of the build, and no secret is in it.
    assert!(!dockerfile.contains(":latest") && !dockerfile.contains("ARG ") && last.matches("COPY --from=build").count() == 1);
    for from in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        assert!(from.contains(':'), "{from} is of no version");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_containers_do_done_by_hand_makes_a_server_that_says_it_is_healthy() {
    let folder = Folder::new();
    // What `setup` does, on a server whose roles are there already.
    let name = empty_database().await;
    let admin = database_url("postgres", "postgres");
    let done = succeeds(hale().args(["migrate", "bootstrap"]).env("DATABASE_ADMIN_URL", &admin).env("HALE_DATABASE", &name)).await;
    assert!(!done.contains("postgres://"), "{done}");
    let (owner, app) = (database_url("hale_owner", &name), database_url("hale_app", &name));
    succeeds(
        hale()
            .args(["migrate", "up"])
            .env("DATABASE_OWNER_URL", &owner)
            .env("DATABASE_URL", &app)
            .env("HALE_DATA_DIR", folder.0.join("setup")),
    )
    .await;
    // What `hale` does, and how it is asked.
    let mut command = hale();
    command.env("DATABASE_URL", &app).env("HALE_DATA_DIR", folder.0.join("data")).env("HALE_LOG_FORMAT", "json");
    for empty in ["HALE_SMTP_URL", "HALE_SMTP_USER", "HALE_SMTP_PASSWORD", "HALE_MAIL_FROM", "HALE_TRUSTED_PROXIES"] {
        command.env(empty, "");
    }
    let server = Served::start(&mut command).await;
    let port = server.address.port();
    for listen in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}")] {
        assert_eq!(succeeds(hale().arg("healthcheck").env("HALE_LISTEN", listen)).await, "ready\n");
    }
    drop(server);
    let line = fails(hale().arg("healthcheck").env("HALE_LISTEN", format!("127.0.0.1:{port}"))).await;
    assert!(line.contains("does not answer"), "{line}");
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_not_healthy() {
    let app = TestApp::new().await;
    let listen = app.address.to_string();
    assert_eq!(succeeds(hale().arg("healthcheck").env("HALE_LISTEN", &listen)).await, "ready\n");
    app.server.drain();
    let line = fails(hale().arg("healthcheck").env("HALE_LISTEN", &listen)).await;
    assert!(line.contains("is not ready: shutting down"), "{line}");
}

#[tokio::test]
async fn systemd_takes_the_unit_and_finds_it_well_locked_up() {
    let folder = Folder::new();
    let unit = read("hale.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/hale ")).unwrap();
    knows(&[command.to_owned()]).await;
    let unit = unit.replace("/usr/local/bin/hale", env!("CARGO_BIN_EXE_hale-under-test"));
    let file = folder.file("hale.service", &unit).display().to_string();
    let Some(verified) = run("systemd-analyze", &["verify", "--man=no", &file], "systemd").await else { return };
    let said = String::from_utf8_lossy(&verified.stderr);
    let said: Vec<_> = said.lines().filter(|line| line.contains("hale.service")).collect();
    assert!(said.is_empty(), "{said:?}");
    // Of ten, where ten is not locked up at all.
    let Some(judged) = run("systemd-analyze", &["security", "--offline=yes", "--threshold=25", &file], "systemd").await else { return };
    let told = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{told}\n{}", String::from_utf8_lossy(&judged.stderr));
}
