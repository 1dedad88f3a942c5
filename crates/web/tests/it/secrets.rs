//! What must never be in a log.

use std::fmt::{Debug, Write as _};
use std::sync::Mutex;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::bench::{Bench, code, page_path, text};
use crate::recovery::mailed_and_tried;

/// Everything that anybody says at any level, in this process.
static SAID: Mutex<String> = Mutex::new(String::new());

struct Listener;

struct Words<'t>(&'t mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Words(&mut SAID.lock().unwrap()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Words(&mut SAID.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Words(&mut SAID.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn no_secret_is_ever_logged() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let right = code(&started);
    let wrong = if right == "735291" { "735292" } else { "735291" };
    bench.type_code(&phone, wrong).await;
    let (_, browser) = bench.open_page(&started).await;
    let browser = browser.unwrap();
    bench.type_code(&phone, &right).await;
    let verified = bench.go_back(&started, &browser).await;
    let ticket = bench.post("/v1/streams").signed(&phone).send().await.json(200);
    let allowed = json!({ "right": bench.right(&phone).await });
    let codes = bench.post("/v1/recovery-codes").json(&allowed).signed(&phone).send().await;
    let codes = codes.json(201);
    let new = bench.post("/v1/totps/options").json(&allowed).signed(&phone).send().await;
    let new = new.json(200);
    let body = json!({ "subscriber": "a", "context": { "code": right } });
    bench.post("/v1/attempts").by(&bench.party).json(&body).send().await.problem(400);
    let body = json!({ "prefix": "00000" });
    bench.post("/v1/passwords/check").by(&bench.party).json(&body).send().await.problem(503);
    let mailed = mailed_and_tried(&bench, &bench.start().await).await;

    let said = SAID.lock().unwrap().clone();
    assert!(said.contains("a range of burned passwords could not be read"), "it listens");
    let (page, authorization) = (page_path(&started), bench.party.authorization());
    let secrets: [&str; 11] = [
        browser.split_once('=').unwrap().1,
        &mailed,
        text(&verified, "token"),
        text(&verified, "browser"),
        text(&ticket, "ticket"),
        text(&new, "secret"),
        codes["codes"][0].as_str().unwrap(),
        &bench.party.secret,
        &authorization,
        &page,
        "Pushback-Key",
    ];
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} is in the log");
    }
    // As a word: longer numbers may hold the same digits.
    let mut words = said.split(|letter: char| !letter.is_ascii_alphanumeric());
    assert!(words.all(|word| word != right && word != wrong), "a code is in the log");
}
