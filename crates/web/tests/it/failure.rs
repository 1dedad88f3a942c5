//! A database that fails: whatever is asked meanwhile, nothing succeeds, and nobody is told that a
//! phone is bound no longer or that a code was wrong.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bench::{ALICE, Answer, Bench, Call, Phone, code, context, page_path, text};
use crate::document;

/// The database, as another process breaks and mends it.
struct Hammer(Connection);

impl Hammer {
    fn at(database: &Path) -> Self {
        Self(Connection::open(database).unwrap())
    }

    fn run(&self, sql: &str) {
        self.0.execute_batch(sql).unwrap();
    }

    fn take_the_tables_away(&self) {
        self.run("ALTER TABLE documents RENAME TO gone; ALTER TABLE outbox RENAME TO gone_too");
    }

    fn bring_the_tables_back(&self) {
        self.run("ALTER TABLE gone RENAME TO documents; ALTER TABLE gone_too RENAME TO outbox");
    }

    /// What is there can be read, and nothing can be written: as on a disk that is full.
    fn fill_the_disk(&self) {
        for what in ["INSERT", "UPDATE", "DELETE"] {
            self.run(&format!(
                "CREATE TRIGGER full_{what} BEFORE {what} ON documents \
                 BEGIN SELECT RAISE(ABORT, 'no room'); END"
            ));
        }
    }

    fn make_room(&self) {
        for what in ["INSERT", "UPDATE", "DELETE"] {
            self.run(&format!("DROP TRIGGER full_{what}"));
        }
    }
}

/// Alice's phone and a sign-in that waits for it.
struct Waiting {
    bench: Bench,
    phone: Phone,
    attempt: Value,
    prompt: Value,
    hammer: Hammer,
}

async fn waiting() -> Waiting {
    let (bench, phone) = Bench::with_phone().await;
    let attempt = bench.start().await;
    let prompt = bench.open(&phone).await;
    let hammer = Hammer::at(&bench.database());
    Waiting { bench, phone, attempt, prompt, hammer }
}

impl Waiting {
    fn of_attempt(&self, more: &str) -> String {
        format!("/v1/attempts/{}{more}", text(&self.attempt, "id"))
    }

    fn of_page(&self, more: &str) -> String {
        format!("{}{more}", page_path(&self.attempt))
    }

    fn of_prompt(&self, more: &str) -> String {
        format!("/v1/prompts/{}/{more}", text(&self.prompt, "id"))
    }

    /// The right code, typed on the phone.
    fn right_answer(&self) -> Call<'_> {
        let body = self.phone.confirmation(&self.prompt, &code(&self.attempt));
        self.bench.post(&self.of_prompt("answer")).json(&body).signed(&self.phone)
    }

    fn start(&self) -> Call<'_> {
        let body = json!({ "subscriber": ALICE, "context": context() });
        self.bench.post("/v1/attempts").by(&self.bench.party).json(&body)
    }

    /// The database works again: nothing has happened meanwhile, and the owner signs in.
    async fn goes_on(&self) {
        assert_eq!(text(&self.bench.look(&self.attempt).await, "state"), "pending");
        let prompt = self.bench.open(&self.phone).await;
        assert_eq!(prompt, self.prompt, "no try was counted");
        assert_eq!(self.right_answer().send().await.json(200)["outcome"], "verified");
        assert!(self.bench.look(&self.attempt).await["token"].is_string());
    }
}

fn unavailable(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", String::from_utf8_lossy(&answer.bytes));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    assert_eq!(answer.header("retry-after"), Some("1"), "{what}");
    let said = String::from_utf8_lossy(&answer.bytes);
    for inside in ["sqlite", "SQLite", "documents", "no room", "table"] {
        assert!(!said.contains(inside), "{what}: {said}");
    }
}

/// What answers without the database.
const WITHOUT: [&str; 4] = ["/healthz", "/metrics", "/v1/time", "/.well-known/jwks.json"];

#[tokio::test]
async fn every_route_answers_503_while_the_database_cannot_be_read() {
    let it = waiting().await;
    let (bench, phone) = (&it.bench, &it.phone);
    let ticket = bench.post("/v1/streams").json(&json!({})).signed(phone).send().await.json(200);
    it.hammer.take_the_tables_away();
    let mut asked = 0;
    for (method, template) in document::routes() {
        let id = if template.starts_with("/v1/attempts") { text(&it.attempt, "id") } else { "1" };
        let path = template
            .replace("/sign-in/{secret}", &page_path(&it.attempt))
            .replace("{id}", id)
            .replace("{ticket}", text(&ticket, "ticket"));
        let path = if method == "DELETE" { format!("{path}?right=atm_1") } else { path };
        let body = match template {
            "/v1/attempts" => json!({ "subscriber": ALICE, "context": context() }),
            "/v1/authenticators" => Phone::new().binding(&"A".repeat(24)),
            "/sign-in/{secret}/passkey" => passkey_answer(),
            _ => json!({}),
        };
        let call = bench.call(method, &path).json(&body);
        let is_partys = ["/v1/attempts", "/v1/passwords", "/v1/signals"]
            .iter()
            .any(|p| template.starts_with(p));
        let call = if is_partys { call.by(&bench.party) } else { call.signed(phone) };
        let answer = call.send().await;
        if WITHOUT.contains(&template) {
            assert_eq!(answer.status, 200, "{template}");
        } else {
            // Never 401 either: the app would forget its key.
            unavailable(&answer, &format!("{method} {template}"));
            asked += 1;
        }
    }
    assert!(asked > 35, "only {asked} routes were asked");
    let figures = bench.get("/metrics").send().await.text(200);
    assert!(figures.contains("pushback_database_up 0\n"), "{figures}");
    it.hammer.bring_the_tables_back();
    it.goes_on().await;
}

#[tokio::test]
async fn every_page_answers_503_while_the_database_cannot_be_read() {
    let it = waiting().await;
    let bench = &it.bench;
    it.hammer.take_the_tables_away();
    for path in ["", "/totp", "/recovery", "/recovery/codes"] {
        unavailable(&bench.get(&it.of_page(path)).send().await, path);
    }
    for (path, form) in [
        ("/cancel", ""),
        ("/totp", "code=123456"),
        ("/certificate", "button=x"),
        ("/recovery/mail", "address=first"),
        ("/recovery/codes", "mailed=x&saved=x"),
    ] {
        unavailable(&bench.post(&it.of_page(path)).form(form).send().await, path);
    }
    // Administration: a session that cannot be looked up is none, and no invitation to sign in either.
    for path in ["/admin", "/admin/subscribers", "/admin/audit/download"] {
        let cookie = "__Host-pushback-admin=ses_1.x";
        let answer = bench.get(path).header(axum::http::header::COOKIE, cookie).send().await;
        assert!(matches!(answer.status, 303 | 503), "{path}: {}", answer.status);
        assert_ne!(answer.header("location"), Some("/admin/subscribers"), "{path}");
    }
    it.hammer.bring_the_tables_back();
    it.goes_on().await;
}

#[tokio::test]
async fn nothing_succeeds_that_cannot_be_written_down() {
    let it = waiting().await;
    let (bench, phone) = (&it.bench, &it.phone);
    it.hammer.fill_the_disk();
    let json = |method, path: &str, body: &Value| bench.call(method, path).json(body).signed(phone);
    let (denial, report) = (phone.denial(&it.prompt), phone.report(&it.prompt, &[]));
    let calls = [
        ("the right code", it.right_answer()),
        ("no", json("POST", &it.of_prompt("deny"), &denial)),
        ("a report", json("POST", &it.of_prompt("report"), &report)),
        ("a report elsewhere", json("POST", "/v1/reports", &json!({}))),
        ("an attempt", it.start()),
        ("giving up", bench.post(&it.of_attempt("/cancel")).by(&bench.party)),
        ("giving up on the page", bench.post(&it.of_page("/cancel"))),
        ("a mailed code", bench.post(&it.of_page("/recovery/mail")).form("address=first")),
        ("a pair of codes", bench.post(&it.of_page("/recovery/codes")).form("mailed=x&saved=x")),
        ("the right to change", json("POST", "/v1/management", &json!({}))),
        ("a stream", json("POST", "/v1/streams", &json!({}))),
    ];
    for (what, call) in calls {
        unavailable(&call.send().await, what);
        let shown = bench.look(&it.attempt).await;
        assert!(text(&shown, "state") == "pending" && shown.get("token").is_none(), "{what}");
    }
    it.hammer.make_room();
    it.goes_on().await;
}

#[tokio::test]
async fn a_phone_that_could_not_be_written_down_is_not_bound_and_its_code_counts_yet() {
    let bench = Bench::new().await;
    let invited = bench.binding_code(ALICE).await;
    let hammer = Hammer::at(&bench.database());
    hammer.fill_the_disk();
    let mut phone = Phone::new();
    let bind = async |phone: &Phone| {
        bench.post("/v1/authenticators").json(&phone.binding(&invited)).send().await
    };
    unavailable(&bind(&phone).await, "binding");
    hammer.make_room();
    phone.id = text(&bind(&phone).await.json(201), "id").to_owned();
    bench.sign_in(&phone).await;
}

#[tokio::test]
async fn a_locked_database_is_no_success_either() {
    let it = waiting().await;
    // For longer than the service waits for another process that writes.
    it.hammer.run("BEGIN IMMEDIATE");
    let (answered, started) = tokio::join!(it.right_answer().send(), it.start().send());
    unavailable(&answered, "the right code");
    unavailable(&started, "an attempt");
    it.hammer.run("ROLLBACK");
    it.goes_on().await;
}

/// Something with the shape of a passkey's answer.
fn passkey_answer() -> Value {
    json!({
        "id": "AA", "rawId": "AA", "type": "public-key", "extensions": {},
        "response": { "authenticatorData": "AA", "clientDataJSON": "AA", "signature": "AA" },
    })
}
