use std::sync::Arc;

use axum::body::Body;
use axum::routing::get;
use futures_util::stream;
use pushback_web::TrustedProxies;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::*;

/// Nothing here takes that long.
const BROKEN: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);
const PATIENT: Waits = Waits { first_request: BROKEN, next_request: BROKEN };

const REQUEST: &[u8] = b"GET /one HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A door that is open.
struct Open {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    served: JoinHandle<io::Result<()>>,
    /// What the stream says next.
    say: mpsc::Sender<&'static str>,
}

impl Open {
    async fn with(connections_max: usize, waits: Waits) -> Self {
        let (say, said) = mpsc::channel(1);
        let said = Arc::new(Mutex::new(said));
        let events = move || {
            let said = Arc::clone(&said);
            std::future::ready(Body::from_stream(stream::unfold(said, async |said| {
                let word = said.lock().await.recv().await?;
                Some((Ok::<_, io::Error>(word), said))
            })))
        };
        let router = Router::new().route("/one", get(async || "one")).route("/stream", get(events));
        let connections = Connections::new(connections_max, TrustedProxies::default());
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").await.unwrap();
        let door = Door { listener, tls: None, connections, waits };
        let handle = Handle::new();
        let served = tokio::spawn(door.serve(router, handle.clone()));
        let address = handle.listening().await.unwrap();
        Self { address, handle, served, say }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which one request was answered.
    async fn answered(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        hear(&mut stream, "\r\n\r\none").await;
        stream
    }

    async fn stream(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        stream
    }
}

/// Reads until this was said.
async fn hear(stream: &mut TcpStream, what: &str) {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(what) {
        let read = tokio::time::timeout(BROKEN, stream.read_buf(&mut heard)).await.unwrap();
        assert_ne!(read.unwrap(), 0, "closed before {what}");
    }
}

/// Waits for the other side to close, without another word.
async fn is_closed(stream: &mut TcpStream) {
    let read = tokio::time::timeout(BROKEN / 2, stream.read_u8()).await;
    read.expect("it is closed").unwrap_err();
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let open = Open::with(100, Waits { first_request: SHORT, ..PATIENT }).await;
    is_closed(&mut open.connect().await).await;
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let open = Open::with(100, Waits { first_request: SHORT, ..PATIENT }).await;
    let mut first = open.connect().await;
    first.write_all(b"GET /one HTTP/1.1\r\nhost:").await.unwrap();
    is_closed(&mut first).await;

    let open = Open::with(100, Waits { next_request: SHORT, ..PATIENT }).await;
    let mut second = open.connect().await;
    second.write_all(&[REQUEST, b"GET /one HTTP/1.1\r\nhost:"].concat()).await.unwrap();
    hear(&mut second, "\r\n\r\none").await;
    is_closed(&mut second).await;
}

#[tokio::test]
async fn a_connection_is_closed_when_nothing_follows_an_answer() {
    let open = Open::with(100, Waits { next_request: SHORT, ..PATIENT }).await;
    is_closed(&mut open.answered().await).await;
}

#[tokio::test]
async fn a_stream_outlives_those_that_say_nothing() {
    let open = Open::with(100, Waits { next_request: SHORT, ..PATIENT }).await;
    let mut stream = open.stream().await;
    hear(&mut stream, "\r\n\r\n").await;
    for word in ["first", "second"] {
        is_closed(&mut open.answered().await).await;
        open.say.send(word).await.unwrap();
        hear(&mut stream, word).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_with_too_many_connections_is_refused_and_others_are_answered() {
    let open = Open::with(40, PATIENT).await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(open.connect().await);
    }
    is_closed(&mut open.connect().await).await;

    let other = TcpSocket::new_v4().unwrap();
    other.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    let mut other = other.connect(open.address).await.unwrap();
    other.write_all(REQUEST).await.unwrap();
    hear(&mut other, "\r\n\r\none").await;
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_has_ended() {
    let open = Open::with(4, PATIENT).await;
    for _ in 0..3 {
        let mut stream = open.connect().await;
        let last = b"GET /one HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(last).await.unwrap();
        hear(&mut stream, "\r\n\r\none").await;
        is_closed(&mut stream).await;
    }
}

#[tokio::test]
async fn the_service_stops_though_streams_are_open_and_others_say_nothing() {
    let open = Open::with(100, PATIENT).await;
    let mut stream = open.stream().await;
    hear(&mut stream, "\r\n\r\n").await;
    let mut silent = open.connect().await;
    open.handle.graceful_shutdown(Some(SHORT));
    tokio::time::timeout(BROKEN, open.served).await.unwrap().unwrap().unwrap();
    is_closed(&mut stream).await;
    is_closed(&mut silent).await;
}

#[tokio::test]
async fn a_port_that_is_in_use_is_said_with_what_chooses_another() {
    let open = Open::with(4, PATIENT).await;
    let said = listen(open.address, "--listen").await.unwrap_err().to_string();
    assert!(said.starts_with(&format!("{} is in use", open.address)), "{said}");
    assert!(said.ends_with("choose another with --listen"), "{said}");
}

#[test]
fn the_database_and_what_leaves_keep_files_of_their_own() {
    for (files, connections) in
        [(Some(1_024), 640), (Some(256), 128), (Some(65_536), 32_000), (None, 32_000)]
    {
        assert_eq!(connections_within(files), connections, "{files:?}");
    }
}
