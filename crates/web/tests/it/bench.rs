//! A service on a fresh database, a relying party, a phone with a key of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, Request, Response, header};
use base64::Engine as _;
use pushback_app::{
    App, CapabilityKey, Clock, KEY_BYTES, Parts, PushSubscription, SystemEntropy, TokenKey, sha256,
    to_base64url,
};
use pushback_model::{Span, Timestamp};
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{Network, OperatorId, OperatorProof, Place, Policy, Text};
use pushback_web::{Describe, PasswordRanges, Settings, TrustedProxies, Web, certificate_header};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::Url;

use crate::document;

pub(crate) const ALICE: &str = "alice@example.org";
pub(crate) const ORIGIN: &str = "https://mfa.example.org";
pub(crate) const PUSH_KEY: &str = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA";
/// In the future, so that a verifier with a real clock takes the tokens.
const START_MS: i64 = 4_000_000_000_000;

/// Only a broken service takes so long.
pub(crate) const BROKEN: Duration = Duration::from_secs(40);

/// A clock that stands still until it is moved.
pub(crate) struct Hand {
    ms: AtomicI64,
    /// How far it was set, without time passing.
    set_by_ms: AtomicI64,
}

impl Hand {
    fn at(ms: i64) -> Self {
        Self { ms: AtomicI64::new(ms), set_by_ms: AtomicI64::new(0) }
    }

    pub(crate) fn forward_s(&self, seconds: i64) {
        self.ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Sets it, as if it had been wrong: no time passes.
    pub(crate) fn jump_s(&self, seconds: i64) {
        self.forward_s(seconds);
        self.set_by_ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub(crate) fn set_ms(&self, millis: i64) {
        self.ms.store(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.ms.load(Ordering::SeqCst))
    }

    fn running(&self) -> Span {
        let set_by = Span::millis(self.set_by_ms.load(Ordering::SeqCst));
        self.now() - set_by - Timestamp::default()
    }
}

/// Tables with one network in them.
struct Tables;

impl Describe for Tables {
    fn locate(&self, ip: IpAddr) -> (Option<Network>, Option<Place>) {
        if !ip.to_string().starts_with("203.0.113.") {
            return (None, None);
        }
        let network = Network { asn: 64_500, name: Text::new("Example Net"), is_hosting: false };
        let place = Place { country: Text::new("FR"), city: Some(Text::new("Paris")), point: None };
        (Some(network), Some(place))
    }

    fn check_push(&self, subscription: &PushSubscription) -> Result<(), String> {
        match subscription.endpoint.starts_with("https://push.example.net/") {
            true => Ok(()),
            false => Err("endpoint is of no push service that is known".to_owned()),
        }
    }

    /// The browser is what the text says, so that tests can say anything.
    fn browser(&self, user_agent: &str) -> (Option<String>, Option<String>) {
        (Some(user_agent.to_owned()), Some("Windows".to_owned()))
    }
}

/// One range; the others cannot be read.
struct Ranges;

impl PasswordRanges for Ranges {
    fn range<'r>(
        &'r self,
        prefix: &'r str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'r>> {
        Box::pin(async move {
            match prefix {
                "5BAA6" => Ok(b"1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\n".to_vec()),
                _ => Err("the file is gone".to_owned()),
            }
        })
    }
}

pub(crate) struct Bench {
    pub app: App,
    pub clock: Arc<Hand>,
    pub party: Party,
    pub router: Router,
    /// What phones of the local network reach.
    pub door: Router,
    /// Every bench is another address.
    pub peer: SocketAddr,
    folder: tempfile::TempDir,
}

/// Id and secret of a relying party.
#[derive(Clone)]
pub(crate) struct Party {
    pub id: String,
    pub secret: String,
}

impl Party {
    pub(crate) fn authorization(&self) -> String {
        let plain = format!("{}:{}", self.id, self.secret);
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(plain))
    }
}

fn settings() -> Settings {
    Settings {
        describe: Arc::new(Tables),
        proxies: TrustedProxies::default(),
        certificate_header: None,
        passwords: Some(Arc::new(Ranges)),
        push_key: Some(PUSH_KEY.to_owned()),
        help_desk: "Call 555 0100.".to_owned(),
        connections_max: 100,
    }
}

/// The proxy of [`Bench::behind_a_proxy`].
pub(crate) const PROXY: [u8; 4] = [127, 0, 0, 1];

pub(crate) fn operator(name: &str) -> OperatorProof {
    OperatorProof::passkey_session(OperatorId::parse(name).unwrap(), Text::new(name))
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::under(Policy::default()).await
    }

    pub(crate) async fn under(policy: Policy) -> Self {
        static PEERS: AtomicU16 = AtomicU16::new(1);
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(Keyring::generate().unwrap());
        let path = folder.path().join("pushback.db");
        let store = Store::open_sqlite(&path, options).await.unwrap();
        let clock = Arc::new(Hand::at(START_MS));
        let signer = pushback_store::Signer::create(&folder.path().join("receipts.pem"));
        let app = App::new(Parts {
            store,
            policy,
            name: "Example".to_owned(),
            origin: Url::parse(ORIGIN).unwrap(),
            models: Default::default(),
            tokens: TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap(),
            capabilities: CapabilityKey::new(&[7; KEY_BYTES]),
            receipts: Some(signer.unwrap()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SystemEntropy),
        })
        .unwrap();
        let party = party(&app, "Payroll").await;
        let web = Web::new(app.clone(), settings()).unwrap();
        let (router, door) = (web.router(), web.phone_router());
        let [high, low] = PEERS.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let peer = SocketAddr::from(([198, 51, 100 + high, low], 50_000));
        Self { app, clock, party, router, door, peer, folder }
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("pushback.db")
    }

    /// Behind a proxy, which hands over certificates in this header if any.
    pub(crate) fn behind_a_proxy(&mut self, header: Option<&str>) {
        let settings = Settings {
            proxies: TrustedProxies(vec!["127.0.0.0/8".parse().unwrap()]),
            certificate_header: header.map(|name| certificate_header(name).unwrap()),
            ..settings()
        };
        self.router = Web::new(self.app.clone(), settings).unwrap().router();
    }

    /// With Alice's phone bound.
    pub(crate) async fn with_phone() -> (Self, Phone) {
        let bench = Self::new().await;
        let phone = bench.bound(ALICE).await;
        (bench, phone)
    }

    pub(crate) async fn bound(&self, subscriber: &str) -> Phone {
        let code = self.binding_code(subscriber).await;
        let mut phone = Phone::new();
        let bound = self.post("/v1/authenticators").json(&phone.binding(&code)).send().await;
        phone.id = bound.json(201)["id"].as_str().unwrap().to_owned();
        phone
    }

    pub(crate) async fn binding_code(&self, subscriber: &str) -> String {
        let addresses = ["one@example.com", "two@example.net"].map(str::to_owned);
        self.app.set_addresses(operator("sam"), subscriber, &addresses).await.unwrap();
        self.app.invite(operator("sam"), subscriber).await.unwrap().secret
    }

    pub(crate) fn call(&self, method: &'static str, path: &str) -> Call<'_> {
        let (path, headers) = (path.to_owned(), HeaderMap::new());
        Call { bench: self, method, path, headers, body: Vec::new(), peer: self.peer }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call("POST", path)
    }

    /// The bare status, whatever the API's description says of the address.
    pub(crate) async fn status(&self, method: &str, path: &str) -> u16 {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        let mut request = request.unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    /// Starts a sign-in of Alice from a browser that nobody knows.
    pub(crate) async fn start(&self) -> Value {
        self.start_with(&start(ALICE)).await
    }

    pub(crate) async fn start_with(&self, body: &Value) -> Value {
        self.post("/v1/attempts").by(&self.party).json(body).send().await.json(201)
    }

    pub(crate) async fn look(&self, attempt: &Value) -> Value {
        let path = format!("/v1/attempts/{}", text(attempt, "id"));
        self.get(&path).by(&self.party).send().await.json(200)
    }

    /// The attempt, when the browser whose proof got this answer has come back to the relying party.
    pub(crate) async fn come_back(&self, attempt: &Value, proven: &Answer) -> Value {
        let cookie = proven.header("set-cookie").unwrap().to_owned();
        assert!(cookie.starts_with("__Host-pushback-completion="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=300"));
        let (pair, _) = cookie.split_once(';').unwrap();
        self.go_back(attempt, pair).await
    }

    /// The attempt, when the browser with this cookie has followed its page back to the relying party.
    pub(crate) async fn go_back(&self, attempt: &Value, cookie: &str) -> Value {
        let page =
            self.get(&page_path(attempt)).header(header::COOKIE, cookie).send().await.text(200);
        let (_, rest) = page.split_once("&#38;completion=").unwrap();
        let (completion, _) = rest.split_once('"').unwrap();
        let path = format!("/v1/attempts/{}?completion={completion}", text(attempt, "id"));
        self.get(&path).by(&self.party).send().await.json(200)
    }

    /// Opens a page in a browser that has nothing of ours; gives what it shows, and the cookie of a browser
    /// that holds it.
    pub(crate) async fn open_page(&self, attempt: &Value) -> (String, Option<String>) {
        let answer = self.get(&page_path(attempt)).send().await;
        let cookie = answer.header("set-cookie").map(|cookie| {
            assert!(cookie.starts_with("__Host-pushback-browser="), "{cookie}");
            assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
            cookie.split_once(';').unwrap().0.to_owned()
        });
        (answer.text(200), cookie)
    }

    /// The open prompt, as the phone gets it.
    pub(crate) async fn open(&self, phone: &Phone) -> Value {
        let prompts = self.get("/v1/prompts").signed(phone).send().await.json(200);
        let quiet = prompts["quiet"][0].clone();
        if prompts["open"].is_null() { quiet } else { prompts["open"].clone() }
    }

    /// Types this code on the phone.
    pub(crate) async fn type_code(&self, phone: &Phone, code: &str) -> Value {
        let prompt = self.open(phone).await;
        let body = phone.confirmation(&prompt, code);
        let path = format!("/v1/prompts/{}/answer", text(&prompt, "id"));
        self.post(&path).json(&body).signed(phone).send().await.json(200)
    }

    /// Signs Alice in; gives the verified attempt.
    pub(crate) async fn sign_in(&self, phone: &Phone) -> Value {
        let started = self.start().await;
        let answered = self.type_code(phone, &code(&started)).await;
        assert_eq!(answered, json!({ "outcome": "verified" }));
        self.look(&started).await
    }

    /// The right to change authenticators, proven with the phone: the code is on the hosted page.
    pub(crate) async fn right(&self, phone: &Phone) -> String {
        let asked = self.post("/v1/management").signed(phone).send().await.json(200);
        let page = self.get(&page_path(&asked)).send().await.text(200);
        let answered = self.type_code(phone, &code_on(&page).unwrap()).await;
        assert_eq!(answered["outcome"], "verified");
        text(&asked, "right").to_owned()
    }
}

pub(crate) async fn party(app: &App, name: &str) -> Party {
    let sam = OperatorId::parse("sam").unwrap();
    let new = app.create_relying_party(&sam, name).await.unwrap();
    Party { id: new.id, secret: new.secret }
}

/// What starts an attempt of a relying party to which the browser comes back.
pub(crate) fn start(subscriber: &str) -> Value {
    let back = "https://rp.example/back";
    json!({ "subscriber": subscriber, "context": context(), "return_url": back })
}

pub(crate) fn context() -> Value {
    json!({ "ip": "203.0.113.7", "user_agent": "Firefox" })
}

/// A text in an answer.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value:#}"))
}

/// The code that an attempt shows.
pub(crate) fn code(attempt: &Value) -> String {
    text(&attempt["decision"], "code").to_owned()
}

/// The path of an attempt's hosted page.
pub(crate) fn page_path(attempt: &Value) -> String {
    text(attempt, "page_url").strip_prefix(ORIGIN).unwrap().to_owned()
}

/// The code on a hosted page, if it shows one.
pub(crate) fn code_on(page: &str) -> Option<String> {
    let (_, code) = page.split_once("<p class=\"code\">")?;
    let (_, halves) = code.split_once("<b>")?;
    let digits: String =
        halves.split("</p>").next()?.chars().filter(char::is_ascii_digit).collect();
    Some(digits)
}

/// A request in the making.
pub(crate) struct Call<'b> {
    bench: &'b Bench,
    method: &'static str,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    peer: SocketAddr,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Once more, beside what is there.
    pub(crate) fn also(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    /// The body of a form.
    pub(crate) fn form(self, body: &str) -> Self {
        self.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .bytes(body.as_bytes())
    }

    pub(crate) fn by(self, party: &Party) -> Self {
        self.header(header::AUTHORIZATION, &party.authorization())
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let body = serde_json::to_vec(body).unwrap();
        self.header(header::CONTENT_TYPE, "application/json").bytes(&body)
    }

    pub(crate) fn bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) fn coming_from(mut self, peer: [u8; 4]) -> Self {
        self.peer = SocketAddr::from((peer, 50_000));
        self
    }

    /// Signed by a phone; the last word, since the body is part of what is signed.
    pub(crate) fn signed(self, phone: &Phone) -> Self {
        let at = self.bench.app.now().as_millis();
        let authorization = phone.authorization(at, self.method, &self.path, &self.body);
        self.header(header::AUTHORIZATION, &authorization)
    }

    fn request(&self) -> Request<Body> {
        let body = Body::from(self.body.clone());
        let request = Request::builder().method(self.method).uri(&self.path).body(body);
        let mut request = request.unwrap();
        *request.headers_mut() = self.headers.clone();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request
    }

    /// Opens a stream that stays open until it is dropped.
    pub(crate) async fn open(self) -> Response<Body> {
        let response = self.bench.router.clone().oneshot(self.request()).await.unwrap();
        assert_eq!(response.status(), 200);
        response
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.bench.router.clone().oneshot(self.request()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream has no end; whoever expects one should be told.
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX);
        let bytes = tokio::time::timeout(BROKEN, bytes).await.unwrap().unwrap();
        let answer = Answer { status, headers, bytes: bytes.to_vec() };
        if let Some(operation) = document::operation(self.method, &self.path) {
            let kind = answer.header("content-type");
            document::check_answer(operation, status, kind, &answer.bytes);
            if status < 300 && !self.body.is_empty() {
                document::check_request(operation, &self.body);
            }
        }
        answer
    }
}

/// What came back.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self, status: u16) -> String {
        let text = String::from_utf8(self.bytes.clone()).unwrap();
        assert_eq!(self.status, status, "{text}");
        text
    }

    pub(crate) fn json(&self, status: u16) -> Value {
        let text = self.text(status);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of a problem with this status.
    pub(crate) fn problem(&self, status: u16) -> String {
        let problem = self.json(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        document::check_named("Problem", &problem);
        assert_eq!(problem["status"], status);
        text(&problem, "code").to_owned()
    }
}

/// A phone with its key.
pub(crate) struct Phone {
    pair: EcdsaKeyPair,
    pub id: String,
    sent: AtomicI64,
}

impl Phone {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { pair, id: String::new(), sent: AtomicI64::new(0) }
    }

    /// Another key that says it is this phone's.
    pub(crate) fn forged(&self) -> Self {
        Self { id: self.id.clone(), ..Self::new() }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (to_base64url(&point[1..33]), to_base64url(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    pub(crate) fn sign(&self, text: &str) -> String {
        to_base64url(self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref())
    }

    /// The body that binds this phone.
    pub(crate) fn binding(&self, code: &str) -> Value {
        let jwk = self.jwk();
        let (x, y) = (text(&jwk, "x"), text(&jwk, "y"));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = to_base64url(&sha256(members.as_bytes()));
        let proof = self.sign(&format!("pushback-bind-v1\n{code}\n{thumbprint}"));
        json!({ "binding": code, "public_key": jwk, "name": "phone", "proof": proof })
    }

    /// The same with a code that was typed, beside a name.
    pub(crate) fn typed_binding(&self, code: &str, subscriber: &str) -> Value {
        let mut body = self.binding(code);
        body["subscriber"] = subscriber.into();
        body
    }

    pub(crate) fn authorization(&self, at: i64, method: &str, path: &str, body: &[u8]) -> String {
        let mut nonce = [9; 16];
        nonce[..8].copy_from_slice(&self.sent.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let (nonce, body) = (to_base64url(&nonce), to_base64url(&sha256(body)));
        let sig =
            self.sign(&format!("pushback-request-v1\n{method}\n{path}\n{at}\n{nonce}\n{body}"));
        format!(r#"Pushback-Key id="{}", at="{at}", nonce="{nonce}", sig="{sig}""#, self.id)
    }

    fn said(&self, prompt: &Value, word: &str, more: &str) -> (String, String) {
        let (id, digest) = (text(prompt, "id"), digest(prompt));
        let signature = self.sign(&format!("pushback-answer-v1\n{word}\n{id}\n{digest}\n{more}"));
        (digest, signature)
    }

    pub(crate) fn confirmation(&self, prompt: &Value, code: &str) -> Value {
        let (digest, signature) = self.said(prompt, "confirm", code);
        json!({ "code": code, "context_digest": digest, "signature": signature })
    }

    pub(crate) fn denial(&self, prompt: &Value) -> Value {
        let (digest, signature) = self.said(prompt, "deny", "");
        json!({ "context_digest": digest, "signature": signature })
    }

    pub(crate) fn report(&self, prompt: &Value, notes: &[&str]) -> Value {
        let (digest, signature) = self.said(prompt, "report", &notes.join(","));
        json!({ "notes": notes, "context_digest": digest, "signature": signature })
    }
}

/// The digest of a prompt as `assets/app/context.js` computes it, from nothing but the JSON.
pub(crate) fn digest(prompt: &Value) -> String {
    fn put(out: &mut Vec<u8>, part: &[u8]) {
        out.extend((part.len() as u64).to_be_bytes());
        out.extend(part);
    }
    let mut out = b"pushback prompt context 1".to_vec();
    put(&mut out, text(prompt, "subscriber").as_bytes());
    put(&mut out, &text(prompt, "id").parse::<u64>().unwrap().to_be_bytes());
    put(&mut out, text(prompt, "attempt").as_bytes());
    put(&mut out, text(prompt, "relying_party").as_bytes());
    for line in prompt["lines"].as_array().unwrap() {
        put(&mut out, text(line, "name").as_bytes());
        match line["value"].as_str() {
            Some(value) => {
                out.push(1);
                put(&mut out, value.as_bytes());
            }
            None => out.push(0),
        }
    }
    to_base64url(&sha256(&out))
}
