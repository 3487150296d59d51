//! What goes wrong at a server that stands in for somebody else's: faults on demand, and what it was asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered with this status, type and text.
    Answers(u16, &'static str, String),
    /// It is asked too often, and is to be asked again after so many seconds.
    TooOften(u32),
    /// A page for people says that it is overloaded.
    Overloaded,
    /// Nothing comes.
    Silence,
    /// The answer comes after this time.
    Slow(Duration),
    /// The answer is larger than anybody reads.
    Oversized,
    /// It is somewhere else.
    Elsewhere(String),
}

/// Requests whose line contains this go wrong in this way, so many of them.
type Planned = (&'static str, Fault, usize);

/// The faults of one server, and the requests to it.
#[derive(Clone, Default)]
pub struct Trouble {
    faults: Arc<Mutex<Vec<Planned>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Trouble {
    /// A server of these routes, with trouble before them. Answers its address.
    pub async fn serve(&self, router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = router.layer(middleware::from_fn_with_state(self.clone(), stand_before));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// The next requests whose line contains `on`, so many of them, go wrong in this way.
    pub fn fails(&self, on: &'static str, fault: Fault, times: usize) {
        self.faults.lock().unwrap().push((on, fault, times));
    }

    /// Nothing goes wrong from now on.
    pub fn ends(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// The requests since this was asked last: method and path.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

async fn stand_before(State(trouble): State<Trouble>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let fault = {
        let mut faults = trouble.faults.lock().unwrap();
        let place = faults.iter().position(|(on, _, times)| line.contains(on) && *times > 0);
        place.map(|place| {
            faults[place].2 -= 1;
            faults[place].1.clone()
        })
    };
    trouble.log.lock().unwrap().push(line);
    let page = |status: u16, kind: &'static str, text: String| {
        (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, kind)], text).into_response()
    };
    match fault {
        None => next.run(request).await,
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Some(Fault::Answers(status, kind, text)) => page(status, kind, text),
        Some(Fault::TooOften(seconds)) => {
            let mut response = page(429, "application/json", "{}".to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
        Some(Fault::Overloaded) => page(503, "text/html", "<html><body><h1>503 Backend fetch failed</h1></body></html>".to_owned()),
        Some(Fault::Silence) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            page(200, "application/json", "{}".to_owned())
        }
        Some(Fault::Oversized) => (StatusCode::OK, Body::from(vec![b' '; 6 << 20])).into_response(),
        Some(Fault::Elsewhere(url)) => {
            let mut response = StatusCode::FOUND.into_response();
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&url).unwrap());
            response
        }
    }
}
