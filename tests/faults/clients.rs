//! Clients that are too many, too slow, or gone without a word.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

use super::server::AGES;
use crate::{
    command_line::{Folder, Served, hale},
    harness::{LOG_FOOD, TestApp, food_entry, report},
};

/// A server of its own process over the database of `app`, with the same keys.
async fn served(app: &TestApp, folder: &Folder) -> Served {
    app.clock.set(&SystemClock.now().to_rfc3339());
    let keys = folder.file("keys.json", &crate::harness::tokens::keys().to_json());
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).env("HALE_KEYS_FILE", keys);
    command.env("HALE_POINTS_PER_PERSON", "off").env("HALE_POINTS_PER_ADDRESS", "off").env("HALE_IDLE_TIMEOUT", "5");
    Served::start(command.env("HALE_JOBS", "false")).await
}

/// A request by hand.
fn request(address: SocketAddr, token: &str, accept: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\naccept: {accept}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The status line of what comes over a connection; nothing where it is closed without a word.
async fn status(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 12];
    match timeout(AGES, stream.read_exact(&mut bytes)).await.expect("it stays open for ever") {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// Waits until a connection is closed, whatever comes before.
async fn closed(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    let read = async { while matches!(stream.read(&mut bytes).await, Ok(1..)) {} };
    timeout(AGES, read).await.expect("it stays open for ever");
}

/// How many connections the process has.
fn sockets(pid: u32) -> usize {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// How many connections of clients a server has open: what it has closed is not among them, though its last bytes wait to be read.
fn clients(address: SocketAddr) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let (port, established) = (format!(":{:04X}", address.port()), "01");
    let connections = table.lines().filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        Some((columns.next()?, columns.nth(1)?))
    });
    connections.filter(|(local, state)| local.ends_with(&port) && *state == established).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_connections_that_say_nothing_or_little_stops_nobody_and_passes() {
    const STORM: usize = 2_000;
    // This process has the other ends.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let (app, folder) = (TestApp::new().await, Folder::new());
    let server = served(&app, &folder).await;
    let (ann, pid) = (app.person("ann").await, server.child.id().unwrap());
    let before = sockets(pid);
    // Some say nothing, some begin a line, some begin a body, and some are gone without a word.
    let opened = join_all((0..STORM).map(|n| async move {
        let mut stream = timeout(AGES, TcpStream::connect(server.address)).await.expect("it does not connect").unwrap();
        match n % 4 {
            0 => {}
            1 => stream.write_all(b"POST /graphql HTTP/1.1\r\nhost: hale\r\nx-slow: ").await.unwrap(),
            2 => {
                let head = "POST /graphql HTTP/1.1\r\nhost: hale\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
                stream.write_all(head.as_bytes()).await.unwrap();
            }
            _ => return None,
        }
        Some(stream)
    }));
    let opened: Vec<_> = opened.await.into_iter().flatten().collect();
    // Where it takes a while to open so many, the first are closed by now.
    assert!(sockets(pid) > before + STORM / 10, "{before} and then {}", sockets(pid));
    // Meanwhile whoever has something to say is answered.
    let mut honest = TcpStream::connect(server.address).await.unwrap();
    let day = json!({ "query": "{ viewer { foodDay { date } } }" });
    honest.write_all(request(server.address, ann.token.as_deref().unwrap(), "application/json", &day).as_bytes()).await.unwrap();
    assert_eq!(status(&mut honest).await, "HTTP/1.1 200");
    // Nobody keeps a connection by saying a little now and then.
    join_all(opened.into_iter().map(|mut stream| async move {
        let (mut reading, mut writing) = stream.split();
        let mut bytes = [0; 1024];
        let drip = async {
            loop {
                sleep(Duration::from_secs(1)).await;
                if writing.write_all(b"a").await.is_err() {
                    return;
                }
            }
        };
        let read = async { while matches!(reading.read(&mut bytes).await, Ok(1..)) {} };
        tokio::select! {
            () = read => {}
            () = drip => {}
            () = sleep(AGES) => panic!("it stays open for ever"),
        }
    }))
    .await;
    let begun = Instant::now();
    while sockets(pid) > before + 10 {
        assert!(begun.elapsed() < AGES, "{before} connections before, {} after", sockets(pid));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(server.stops().await, Some(0));
}

/// Resident memory of a process, in bytes.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// A connection that takes as little as the system lets it.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.connect(address).await.unwrap()
}

/// Whoever asks for much and reads nothing of it is cut off, and so is whoever follows something and does not look.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_is_cut_off_and_costs_no_memory_meanwhile() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let server = served(&app, &folder).await;
    let (ann, pid) = (app.person("ann").await, server.child.id().unwrap());
    let food = ann.creates_food(json!({ "name": "x".repeat(200) })).await;
    for _ in 0..20 {
        ann.logs_food(&food, json!({})).await;
    }
    let token = ann.token.as_deref().unwrap();
    let entry = "id name brand quantity unit mealType consumedAt date nutrition { calories protein carbohydrates fat fiber sugar sodium }";
    let follow = json!({ "query": format!("subscription {{ foodDayChanged {{ entries {{ {entry} }} }} }}") });
    let read = json!({ "query": format!("{{ viewer {{ foodDay {{ entries {{ {entry} }} }} }} }}") });
    let mut followers = Vec::new();
    for _ in 0..10 {
        let mut stream = narrow(server.address).await;
        stream.write_all(request(server.address, token, "text/event-stream", &follow).as_bytes()).await.unwrap();
        followers.push(stream);
    }
    let mut askers = Vec::new();
    for _ in 0..15 {
        let mut stream = narrow(server.address).await;
        // So much that it does not fit into what lies between the two.
        let asked = request(server.address, token, "application/json", &read).repeat(500);
        askers.push(tokio::spawn(async move {
            // Written until nothing more is taken.
            timeout(AGES, stream.write_all(asked.as_bytes())).await.ok();
            stream
        }));
    }
    let client = crate::harness::http();
    let mut peak = 0;
    let (begun, before) = (Instant::now(), memory(pid));
    // News for the followers, until they are all cut off.
    let mut open = clients(server.address);
    assert!(open >= 25, "{open} connections");
    // All but the one that brings the news.
    while open > 1 {
        assert!(begun.elapsed() < AGES, "{open} connections stay open, memory {before}, {peak}");
        let log = json!({ "query": LOG_FOOD, "variables": { "input": food_entry(&food, json!({})) } });
        let answer: Value = client
            .post(format!("http://{}/graphql", server.address))
            .bearer_auth(token)
            .json(&log)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        // So many who ask at once make others wait, and some in vain.
        let code = answer.pointer("/errors/0/extensions/code").and_then(Value::as_str);
        assert!(matches!(code, None | Some("UNAVAILABLE")), "{answer}");
        peak = peak.max(memory(pid));
        open = clients(server.address);
        sleep(Duration::from_millis(50)).await;
    }
    report(&format!("slow readers: {} MiB before, at most {} MiB", before >> 20, peak >> 20));
    assert!(peak < before + (64 << 20), "{before} bytes before, {peak} then");
    for stream in followers {
        closed(stream).await;
    }
    for asker in askers {
        asker.abort();
    }
    assert_eq!(server.stops().await, Some(0));
}
