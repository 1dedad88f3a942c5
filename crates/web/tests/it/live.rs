//! Streams, over a real connection.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::Response;
use pushback_verify::OperatorId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Answer, BROKEN, Bench, code, digest, page_path, text};
use crate::document;

/// How a chunked answer ends.
const LAST: &str = "\r\n0\r\n\r\n";

/// Serves the bench on a free port of this machine.
async fn serve(bench: &Bench) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = bench.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// A stream of events, read as a browser does.
struct Events {
    socket: TcpStream,
    read: String,
    is_over: bool,
}

impl Events {
    async fn open(address: SocketAddr, path: &str, authorization: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let authorization =
            authorization.map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut events = Self { socket, read: String::new(), is_over: false };
        while !events.read.contains("\r\n\r\n") {
            assert!(!events.is_over, "the answer has a head");
            events.more().await;
        }
        let head = events.read.to_lowercase();
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        events
    }

    async fn more(&mut self) {
        let mut part = [0; 4_096];
        let read = tokio::time::timeout(BROKEN, self.socket.read(&mut part)).await.unwrap();
        let read = read.unwrap();
        self.read.push_str(std::str::from_utf8(&part[..read]).unwrap());
        self.is_over = read == 0 || self.read.ends_with(LAST);
    }

    /// The next event of this name, whose data fits the schema of the file.
    async fn next(&mut self, name: &str, schema: &str) -> Value {
        loop {
            let start = format!("event: {name}\n");
            if let Some((_, after)) = self.read.split_once(&start)
                && let Some((data, rest)) = after.split_once("\n\n")
            {
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                self.read = rest.to_owned();
                document::check_named(schema, &data);
                return data;
            }
            assert!(!self.is_over, "the stream ended before {name}");
            self.more().await;
        }
    }

    async fn ends(mut self) {
        while !self.is_over {
            self.more().await;
        }
        assert!(!self.read.contains("event:"), "{}", self.read);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relying_party_sees_pending_then_verified_and_the_stream_ends() {
    let (bench, phone) = Bench::with_phone().await;
    let address = serve(&bench).await;
    let started = bench.start().await;
    let path = format!("/v1/attempts/{}/events", text(&started, "id"));
    let mut events = Events::open(address, &path, Some(&bench.party.authorization())).await;
    assert_eq!(events.next("attempt", "Attempt").await, started);
    bench.type_code(&phone, &code(&started)).await;
    let verified = events.next("attempt", "Attempt").await;
    assert_eq!(text(&verified, "state"), "verified");
    assert!(verified["token"].is_string());
    events.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_a_problem_when_its_partys_secret_was_renewed() {
    let (bench, phone) = Bench::with_phone().await;
    let address = serve(&bench).await;
    let started = bench.start().await;
    let path = format!("/v1/attempts/{}/events", text(&started, "id"));
    let mut events = Events::open(address, &path, Some(&bench.party.authorization())).await;
    events.next("attempt", "Attempt").await;
    let sam = OperatorId::parse("sam").unwrap();
    bench.app.renew_relying_party(&sam, &bench.party.id).await.unwrap();
    bench.type_code(&phone, &code(&started)).await;
    let problem = events.next("problem", "Problem").await;
    assert_eq!(text(&problem, "code"), "unauthenticated");
    events.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosted_page_says_that_its_application_was_removed() {
    let (bench, phone) = Bench::with_phone().await;
    let address = serve(&bench).await;
    let started = bench.start().await;
    let page = page_path(&started);
    let mut events = Events::open(address, &format!("{page}/events"), None).await;
    events.next("state", "PageState").await;
    let sam = OperatorId::parse("sam").unwrap();
    bench.app.delete_relying_party(&sam, &bench.party.id).await.unwrap();
    let said = bench.type_code(&phone, &code(&started)).await;
    assert_eq!(said["code"], "application_removed");
    assert_eq!(text(&events.next("state", "PageState").await, "state"), "cancelled");
    events.ends().await;
    let page = bench.get(&page).send().await.text(200);
    assert!(page.contains("the application was removed"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosted_page_hears_of_a_no() {
    let (bench, phone) = Bench::with_phone().await;
    let address = serve(&bench).await;
    let started = bench.start().await;
    let path = format!("{}/events", page_path(&started));
    let mut events = Events::open(address, &path, None).await;
    let first = events.next("state", "PageState").await;
    assert_eq!(first, json!({ "version": started["version"], "state": "pending" }));
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/prompts/{}/deny", text(&prompt, "id"));
    bench.post(&path).json(&phone.denial(&prompt)).signed(&phone).send().await.json(200);
    assert_eq!(text(&events.next("state", "PageState").await, "state"), "denied");
    events.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_hears_of_a_prompt_and_of_its_end() {
    let (bench, phone) = Bench::with_phone().await;
    let address = serve(&bench).await;
    let ticket = bench.post("/v1/streams").signed(&phone).send().await.json(200);
    let path = format!("/v1/streams/{}", text(&ticket, "ticket"));
    let mut events = Events::open(address, &path, None).await;
    assert!(events.next("prompts", "Prompts").await["open"].is_null());
    let started = bench.start().await;
    let prompts = events.next("prompts", "Prompts").await;
    let prompt = &prompts["open"];
    assert_eq!(text(prompt, "attempt"), text(&started, "id"));
    assert_eq!(events.next("account", "AccountChanged").await, json!({}));
    let path = format!("/v1/prompts/{}/answer", text(prompt, "id"));
    let body = phone.confirmation(prompt, &code(&started));
    assert_eq!(body["context_digest"], digest(prompt));
    bench.post(&path).json(&body).signed(&phone).send().await.json(200);
    assert!(events.next("prompts", "Prompts").await["open"].is_null());
}

#[tokio::test]
async fn a_ticket_opens_a_stream_for_a_minute_and_no_other() {
    let (bench, phone) = Bench::with_phone().await;
    let ticket = bench.post("/v1/streams").signed(&phone).send().await.json(200);
    let ticket = text(&ticket, "ticket");
    let open = async |ticket: &str| bench.get(&format!("/v1/streams/{ticket}")).send().await;
    for wrong in ["x", "aut_1~9999999999999.x", &*format!("{ticket}x")] {
        assert_eq!(open(wrong).await.problem(401), "unauthenticated", "{wrong}");
    }
    bench.clock.forward_s(60);
    assert_eq!(open(ticket).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_over_a_connection_answers_at_the_change() {
    let (bench, phone) = Bench::with_phone().await;
    let address = serve(&bench).await;
    let started = bench.start().await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (path, version) = (page_path(&started), text(&started, "version"));
    let request = format!(
        "GET {path}/state?wait=60&after={version} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    bench.type_code(&phone, &code(&started)).await;
    let mut answer = String::new();
    tokio::time::timeout(BROKEN, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.contains("\"state\":\"verified\""), "{answer}");
}

/// Opens eight streams of this, and says what the ninth is told.
async fn nine(open: impl AsyncFn() -> Response<Body>, ninth: impl AsyncFn() -> Answer) {
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(open().await);
    }
    let refused = ninth().await;
    assert_eq!(refused.problem(429), "too_many_streams");
    assert_eq!(refused.header("retry-after"), Some("5"));
    held.pop();
    held.push(open().await);
}

#[tokio::test]
async fn a_page_has_eight_streams_and_is_told_to_ask_again() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let path = page_path(&started);
    let events = || bench.get(&format!("{path}/events"));
    nine(async || events().open().await, async || events().send().await).await;

    let held = futures_util::future::join_all((0..8).map(|_| events().open())).await;
    let version = text(&started, "version");
    let state = async |query: &str| bench.get(&format!("{path}/state?{query}")).send().await;
    let waits = format!("after={version}&wait=60");
    assert_eq!(state(&waits).await.problem(429), "too_many_streams", "to wait is a stream too");
    assert_eq!(state(&format!("after={version}&wait=0")).await.json(200)["version"], version);
    assert_eq!(state("after=another&wait=60").await.json(200)["version"], version);
    assert_eq!(bench.get(&path).send().await.status, 200);
    let metrics = bench.get("/metrics").send().await.text(200);
    for line in ["streams_open{of=\"page\"} 8\n", "streams_refused_total{of=\"page\"} 2\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    drop(held);
}

#[tokio::test]
async fn an_attempt_and_a_phone_have_eight_streams_each() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let path = format!("/v1/attempts/{}/events", text(&started, "id"));
    let events = || bench.get(&path).by(&bench.party);
    nine(async || events().open().await, async || events().send().await).await;

    let held = futures_util::future::join_all((0..8).map(|_| events().open())).await;
    let version = text(&started, "version");
    let show = async |query: &str| {
        let path = format!("/v1/attempts/{}?{query}", text(&started, "id"));
        bench.get(&path).by(&bench.party).send().await
    };
    let waits = format!("after={version}&wait=60");
    assert_eq!(show(&waits).await.problem(429), "too_many_streams", "to wait is a stream too");
    assert_eq!(show(&format!("after={version}&wait=0")).await.json(200)["version"], version);
    assert_eq!(show("after=another&wait=60").await.json(200)["version"], version);
    drop(held);

    let stream = async || {
        let ticket = bench.post("/v1/streams").signed(&phone).send().await.json(200);
        bench.get(&format!("/v1/streams/{}", text(&ticket, "ticket")))
    };
    nine(async || stream().await.open().await, async || stream().await.send().await).await;
}
