//! Connections: taken, bounded in time, and let go when the server stops. axum's own server waits for slow clients as long as they like.

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulConnection, GracefulShutdown},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// How long a client may take nothing of what is sent to it.
const STUCK: Duration = Duration::from_secs(10);
/// How long nobody is taken when there is no room for another connection.
const FULL: Duration = Duration::from_millis(200);

/// Serves whoever connects, until `stopped` comes back; then ends what has begun. A connection may be idle, and the head of a request
/// take to arrive, for as long as `idle`.
pub async fn serve(listener: TcpListener, router: Router, idle: Duration, stopped: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let connection = connections.watch(connection(stream, address, router.clone(), idle));
                // Whatever a client does to its connection is its own affair.
                tokio::spawn(async move { connection.await.ok() });
            }
            // Gone before it was taken.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                sleep(FULL).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

fn connection(stream: TcpStream, address: SocketAddr, router: Router, idle: Duration) -> impl GracefulConnection<Error: Send> + Send {
    // What is sent over a socket is small, and should not wait for more.
    stream.set_nodelay(true).ok();
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STUCK));
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().oneshot(request)
    });
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(idle);
    server.serve_connection_with_upgrades(TokioIo::new(Box::pin(stream)), answer).into_owned()
}
