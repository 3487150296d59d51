//! A mail server of one's own: SMTP as it is documented, with TLS and an account where asked for, and with faults on demand.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use service::mail::Settings;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::sleep,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// What goes wrong with a message.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nothing: this one is let through.
    None,
    /// The recipient is answered with this.
    Recipient(u16, &'static str),
    /// The message is answered with this.
    Content(u16, &'static str),
    /// The message is taken, and the connection breaks before that is said.
    AnswerLost,
    /// The connection breaks before anything is said.
    HangUp,
    /// The message is taken, and then nothing is answered any more.
    FallsSilent,
    /// The message is taken, and that is never said.
    Stalls,
}

/// Whether and when the server speaks TLS: upgraded by STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tls {
    Never,
    FromTheStart,
    Upgraded,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub to: String,
    /// Who signed in to send it.
    pub user: Option<String>,
    pub encrypted: bool,
    /// Headers and text, with lines that end in \n.
    pub text: String,
}

impl Taken {
    /// The value of a header.
    pub fn header(&self, name: &str) -> &str {
        let (head, _) = self.text.split_once("\n\n").unwrap();
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_else(|| panic!("no {name} in {head}"))
    }

    /// What comes after the headers.
    pub fn body(&self) -> &str {
        self.text.split_once("\n\n").unwrap().1
    }
}

#[derive(Default)]
struct World {
    taken: Vec<Taken>,
    faults: VecDeque<Fault>,
    connections: usize,
}

/// The server.
#[derive(Clone)]
pub struct MailServer {
    address: SocketAddr,
    tls: Tls,
    /// PEM of the certificate that vouches for it.
    authority: Vec<u8>,
    acceptor: TlsAcceptor,
    password: Option<&'static str>,
    world: Arc<Mutex<World>>,
}

impl MailServer {
    /// One that takes whatever comes, in the clear.
    pub async fn start() -> Self {
        Self::start_with(Tls::Never, None).await
    }

    /// One that speaks TLS, and lets only `hale` with this password in.
    pub async fn start_with(tls: Tls, password: Option<&'static str>) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            tls,
            authority: certified.cert.pem().into_bytes(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            password,
            world: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = serving.clone();
                tokio::spawn(async move {
                    server.world().connections += 1;
                    if server.tls == Tls::FromTheStart {
                        if let Ok(stream) = server.acceptor.accept(stream).await {
                            server.converses(stream, true, true).await.ok();
                        }
                        return;
                    }
                    if let Ok(Some(stream)) = server.converses(stream, true, false).await
                        && let Ok(stream) = server.acceptor.accept(stream).await
                    {
                        server.converses(stream, false, true).await.ok();
                    }
                });
            }
        });
        server
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// How Hale is told of it.
    pub fn settings(&self) -> Settings {
        let port = self.address.port();
        let url = match self.tls {
            Tls::Never => format!("smtp://localhost:{port}"),
            Tls::FromTheStart => format!("smtps://localhost:{port}"),
            Tls::Upgraded => format!("smtp://localhost:{port}?tls=required"),
        };
        Settings {
            url,
            user: self.password.map(|_| "hale".to_owned()),
            password: self.password.map(str::to_owned),
            from: "Hale <hale@example.net>".into(),
            authorities: Some(self.authority.clone()),
        }
    }

    /// What goes wrong with the next messages, one after the other.
    pub fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.world().faults.extend(faults);
    }

    /// Nothing goes wrong any more.
    pub fn recovers(&self) {
        self.world().faults.clear();
    }

    /// The messages that were taken since the last time that this was asked.
    pub fn taken(&self) -> Vec<Taken> {
        std::mem::take(&mut self.world().taken)
    }

    /// How often it was connected to.
    pub fn connections(&self) -> usize {
        self.world().connections
    }

    /// A conversation; answers the stream when it goes on in TLS.
    async fn converses<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, greets: bool, encrypted: bool) -> std::io::Result<Option<S>> {
        let fault =
            if self.tls == Tls::Upgraded && !encrypted { Fault::None } else { self.world().faults.pop_front().unwrap_or(Fault::None) };
        if matches!(fault, Fault::HangUp) {
            return Ok(None);
        }
        let mut stream = BufReader::new(stream);
        if greets {
            stream.write_all(b"220 localhost ESMTP\r\n").await?;
        }
        let (mut to, mut user, mut line) = (String::new(), None, String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let command = line.trim_end().to_owned();
            let verb = command.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => {
                    let mut lines = vec!["localhost"];
                    lines.extend((self.tls == Tls::Upgraded && !encrypted).then_some("STARTTLS"));
                    lines.extend(self.password.map(|_| "AUTH PLAIN LOGIN"));
                    lines.push("8BITMIME");
                    let last = lines.len() - 1;
                    lines.iter().enumerate().map(|(at, text)| format!("250{}{text}\r\n", if at == last { ' ' } else { '-' })).collect()
                }
                "STARTTLS" if self.tls == Tls::Upgraded && !encrypted => {
                    stream.write_all(b"220 go ahead\r\n").await?;
                    return Ok(Some(stream.into_inner()));
                }
                "AUTH" => {
                    let expected = format!("\0hale\0{}", self.password.unwrap_or_default());
                    let given = command.rsplit(' ').next().and_then(|text| BASE64_STANDARD.decode(text).ok());
                    if given.as_deref() == Some(expected.as_bytes()) {
                        user = Some("hale".to_owned());
                        "235 welcome\r\n".to_owned()
                    } else {
                        "535 5.7.8 wrong\r\n".to_owned()
                    }
                }
                "MAIL" if self.password.is_some() && user.is_none() => "530 5.7.0 sign in first\r\n".to_owned(),
                "RCPT" => {
                    to = command.trim_start_matches("RCPT TO:<").split('>').next().unwrap_or_default().to_owned();
                    match fault {
                        Fault::Recipient(code, text) => format!("{code} {text}\r\n"),
                        _ => "250 ok\r\n".to_owned(),
                    }
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut text = String::new();
                    loop {
                        line.clear();
                        if stream.read_line(&mut line).await? == 0 {
                            return Ok(None);
                        }
                        match line.trim_end_matches(['\r', '\n']) {
                            "." => break,
                            line => text.extend([line.strip_prefix('.').unwrap_or(line), "\n"]),
                        }
                    }
                    if let Fault::Content(code, why) = fault {
                        format!("{code} {why}\r\n")
                    } else {
                        self.world().taken.push(Taken { to: to.clone(), user: user.clone(), encrypted, text });
                        match fault {
                            Fault::AnswerLost => return Ok(None),
                            Fault::Stalls => {
                                sleep(Duration::from_secs(600)).await;
                                return Ok(None);
                            }
                            Fault::FallsSilent => {
                                stream.write_all(b"250 taken\r\n").await?;
                                sleep(Duration::from_secs(600)).await;
                                return Ok(None);
                            }
                            _ => "250 taken\r\n".to_owned(),
                        }
                    }
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(None);
                }
                "MAIL" | "NOOP" | "RSET" => "250 ok\r\n".to_owned(),
                _ => "502 what?\r\n".to_owned(),
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}
