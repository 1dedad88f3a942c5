//! Cycles through a service in another process, over HTTP/1.1 on connections that are kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use pushback_app::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Measured;
use crate::people::People;
use crate::phone::Shown;
use crate::yardsticks::Failure;

/// Where the service is, and how the relying party shows who it is.
pub struct Server {
    address: String,
    basic: String,
}

impl Server {
    pub fn new(address: &str, id: &str, secret: &str) -> Self {
        let both = base64::prelude::BASE64_STANDARD.encode(format!("{id}:{secret}"));
        Self { address: address.to_owned(), basic: format!("Basic {both}") }
    }
}

/// Measures what clients do at once. What follows a cycle in the service goes on meanwhile; it is not
/// waited for.
pub async fn measure(
    server: &Arc<Server>,
    people: &Arc<People>,
    clients: usize,
    span: Duration,
) -> Result<Measured, Failure> {
    let begun = Instant::now();
    let until = begun + span;
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            let (server, people) = (Arc::clone(server), Arc::clone(people));
            tokio::spawn(async move {
                let mut client = Client::connect(&server.address).await?;
                let (mut waits, mut decisions) = (Vec::new(), Vec::new());
                while Instant::now() < until {
                    let one = Instant::now();
                    once(&server, &mut client, &people, &mut decisions).await?;
                    waits.push(one.elapsed());
                }
                Ok::<_, Failure>((waits, decisions))
            })
        })
        .collect();
    let mut measured = Measured::default();
    for client in clients {
        let (waits, decisions) = client.await??;
        measured.cycles.waits.extend(waits);
        measured.decisions.extend(decisions);
    }
    measured.cycles.took = begun.elapsed();
    Ok(measured)
}

async fn once(
    server: &Server,
    client: &mut Client,
    people: &People,
    decisions: &mut Vec<Duration>,
) -> Result<(), Failure> {
    let person = people.next();
    let body = json!({
        "subscriber": person.name,
        "context": { "ip": person.ip, "user_agent": AGENT, "browser": person.browser },
    });
    let begun = Instant::now();
    let started = client.ask("POST", "/v1/attempts", &server.basic, &body.to_string()).await?;
    decisions.push(begun.elapsed());
    let text =
        |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let (Some(id), Some(code)) = (text(&started, "/id"), text(&started, "/decision/code")) else {
        return Err(format!("{} was not asked: {started}", person.name).into());
    };
    let what = ("GET", "/v1/prompts", b"".as_slice());
    let authorization =
        people.phone().authorization(&person.authenticator, SystemClock.now(), what)?;
    let prompts = client.ask("GET", "/v1/prompts", &authorization, "").await?;
    let open = prompts.get("open").filter(|open| !open.is_null());
    let open = open.or_else(|| prompts.pointer("/quiet/0"));
    let shown = open.and_then(Shown::read).ok_or("the phone has nothing to show")?;
    let (prompt, digest) = (shown.id.to_string(), shown.digest());
    let signature = people.phone().confirm(&prompt, &digest, &code)?;
    let body = json!({ "code": code, "context_digest": digest, "signature": signature });
    let (path, body) = (format!("/v1/prompts/{prompt}/answer"), body.to_string());
    let what = ("POST", &*path, body.as_bytes());
    let authorization =
        people.phone().authorization(&person.authenticator, SystemClock.now(), what)?;
    let begun = Instant::now();
    let answered = client.ask("POST", &path, &authorization, &body).await?;
    decisions.push(begun.elapsed());
    if answered.get("outcome").and_then(Value::as_str) != Some("verified") {
        return Err(format!("{} was not believed: {answered}", person.name).into());
    }
    let path = format!("/v1/attempts/{id}");
    let seen = client.ask("GET", &path, &server.basic, "").await?;
    text(&seen, "/token").ok_or("the relying party got no token")?;
    if let Some(browser) = text(&seen, "/browser") {
        people.keep(&person, browser);
    }
    Ok(())
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The JSON that the service answers; anything but success is an error.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        authorization: &str,
        body: &str,
    ) -> Result<Value, Failure> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).await?;
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        loop {
            line.clear();
            if self.0.read_line(&mut line).await? == 0 {
                return Err("the service hung up".into());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            } else if status.is_empty() {
                status = header;
            } else if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        if !status.starts_with("http/1.1 2") {
            let body = String::from_utf8_lossy(&body);
            return Err(format!("{method} {path}: {status}: {body}").into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
