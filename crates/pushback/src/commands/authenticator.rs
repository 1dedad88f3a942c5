//! `pushback authenticator`: the phone, on the command line.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use pushback_app::{
    PublicKey, Said, answer_text, binding_text, from_base64url, request_text, sha256, to_base64url,
    whole,
};
use pushback_model::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::serve::runtime;
use super::{Failure, note, print};
use crate::cli::{AuthenticatorArgs, AuthenticatorCommand, Exit};
use crate::report::text::sanitise;

/// How long one request may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
/// How often the service is asked for prompts.
const EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// A bound phone, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    service: String,
    id: String,
    subscriber: String,
    /// PKCS #8, base64url.
    key: String,
}

struct Phone {
    kept: Kept,
    pair: EcdsaKeyPair,
    client: reqwest::Client,
    offset_ms: i64,
}

pub fn run(args: &AuthenticatorArgs) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        match &args.command {
            AuthenticatorCommand::Bind { link, code, subscriber, name } => {
                let typed = code.as_deref().zip(subscriber.as_deref());
                bind(args, link, typed, name).await
            }
            AuthenticatorCommand::Watch { once } => watch(args, *once).await,
            AuthenticatorCommand::Answer { code, deny, report } => {
                answer(args, code.as_deref(), *deny, *report).await
            }
        }
    })
}

fn failed(what: &str) -> impl FnOnce(reqwest::Error) -> Failure {
    let what = what.to_owned();
    move |error| Failure::Service(format!("{what}: {}", whole(error.without_url())))
}

fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder().timeout(TIMEOUT).build().map_err(failed("the connection"))
}

/// The service, and what binds: the code that was typed, or the secret in an invitation's link.
fn parts(link: &str, typed: Option<&str>) -> Result<(String, String), Failure> {
    let usage = |what: &str| Failure::Usage(what.to_owned());
    let url = url::Url::parse(link).map_err(|_| usage("the link is an address: https://..."))?;
    let within = url.fragment().and_then(|fragment| fragment.strip_prefix("bind="));
    let missing = || usage("the link has no code; give one with --code and --subscriber");
    let code = typed.or(within).ok_or_else(missing)?;
    Ok((url.origin().ascii_serialization(), code.to_owned()))
}

fn public_key(pair: &EcdsaKeyPair) -> Result<(Value, PublicKey), Failure> {
    let point = pair.public_key().as_ref();
    let half = |range| to_base64url(point.get(range).unwrap_or_default());
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65) });
    let key = PublicKey::from_jwk(&jwk).map_err(|error| Failure::Service(error.to_string()))?;
    Ok((jwk, key))
}

fn sign(pair: &EcdsaKeyPair, text: &str) -> Result<String, Failure> {
    pair.sign(&SystemRandom::new(), text.as_bytes())
        .map(|signature| to_base64url(signature.as_ref()))
        .map_err(|_| Failure::Service("the key cannot sign".to_owned()))
}

async fn bind(
    args: &AuthenticatorArgs,
    link: &str,
    typed: Option<(&str, &str)>,
    name: &str,
) -> Result<Exit, Failure> {
    if args.key.exists() {
        let file = args.key.display();
        return Err(Failure::Usage(format!("{file} exists; name another with --key")));
    }
    let (service, code) = parts(link, typed.map(|(code, _)| code))?;
    let no_key = |_| Failure::Service("no key can be made".to_owned());
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(no_key)?;
    let (jwk, key) = public_key(&pair)?;
    let proof = sign(&pair, &binding_text(&code, &key))?;
    let subscriber = typed.map(|(_, subscriber)| subscriber);
    let body = json!({
        "binding": code, "subscriber": subscriber, "public_key": jwk, "name": name, "proof": proof,
    });
    let address = format!("{service}/v1/authenticators");
    let bound =
        said(client()?.post(&address).body(body.to_string()).send().await, &address).await?;
    let text = |name: &str| bound.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pkcs8 = pair.to_pkcs8v1().map_err(no_key)?;
    let kept = Kept {
        service,
        id: text("id"),
        subscriber: text("subscriber"),
        key: to_base64url(pkcs8.as_ref()),
    };
    save(&args.key, &kept)?;
    let people = format!(
        "bound: this file answers for {} from now on\n  {}\n{}\n",
        kept.subscriber,
        args.key.display(),
        text("notice")
    );
    tell(args, &bound, &people)
}

/// Readable by its owner alone: whoever has it answers for the subscriber.
fn save(path: &Path, kept: &Kept) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(kept).unwrap_or_default();
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Failure::io(path.display().to_string()))
}

/// The answer of the service, or what it said was wrong.
async fn said(
    sent: Result<reqwest::Response, reqwest::Error>,
    address: &str,
) -> Result<Value, Failure> {
    let response = sent.map_err(failed(address))?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(failed(address))?;
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    let detail = body.get("detail").and_then(Value::as_str).unwrap_or("no reason was given");
    Err(Failure::Service(format!("{address}: {status}: {}", sanitise(detail))))
}

impl Phone {
    async fn open(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::Usage(format!(
                "{}: {}; bind first: pushback authenticator bind LINK",
                path.display(),
                crate::config::why(&error)
            ))
        })?;
        let broken = || Failure::Usage(format!("{} is not a key file", path.display()));
        let kept: Kept = serde_json::from_str(&text).map_err(|_| broken())?;
        let pkcs8 = from_base64url(&kept.key).ok_or_else(broken)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
            .map_err(|_| broken())?;
        let client = client()?;
        let address = format!("{}/v1/time", kept.service);
        let time = said(client.get(&address).send().await, &address).await?;
        let theirs = time.get("unix_ms").and_then(Value::as_i64).unwrap_or_default();
        let offset_ms = theirs - own_time();
        Ok(Self { kept, pair, client, offset_ms })
    }

    async fn call(&self, method: Method, path: &str, body: &str) -> Result<Value, Failure> {
        let at = Timestamp::from_millis(own_time() + self.offset_ms);
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce)
            .map_err(|_| Failure::Service("no random bytes".to_owned()))?;
        let nonce = to_base64url(&nonce);
        let text = request_text((method.as_str(), path, body.as_bytes()), at, &nonce);
        let sig = sign(&self.pair, &text)?;
        let authorization = format!(
            r#"Pushback-Key id="{}", at="{}", nonce="{nonce}", sig="{sig}""#,
            self.kept.id,
            at.as_millis()
        );
        let address = format!("{}{path}", self.kept.service);
        let request = self.client.request(method, &address).header("authorization", authorization);
        said(request.body(body.to_owned()).send().await, &address).await
    }

    /// The prompt that waits: the one that rang, or the quiet one.
    async fn waiting(&self) -> Result<Option<Value>, Failure> {
        let prompts = self.call(Method::GET, "/v1/prompts", "").await?;
        let open = prompts.get("open").filter(|open| !open.is_null());
        Ok(open.or_else(|| prompts.pointer("/quiet/0")).cloned())
    }
}

fn own_time() -> i64 {
    use pushback_app::Clock as _;
    pushback_app::SystemClock.now().as_millis()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn lines(prompt: &Value) -> Vec<(&str, Option<&str>)> {
    let lines = prompt.get("lines").and_then(Value::as_array).map(Vec::as_slice);
    let line = |line| (text(line, "name"), line.get("value").and_then(Value::as_str));
    lines.unwrap_or_default().iter().map(line).collect()
}

/// The digest of what was shown, as `Context::canonical_bytes` of the rules states it.
fn digest(prompt: &Value) -> String {
    fn put(out: &mut Vec<u8>, part: &[u8]) {
        out.extend((part.len() as u64).to_be_bytes());
        out.extend(part);
    }
    let mut out = b"pushback prompt context 1".to_vec();
    put(&mut out, text(prompt, "subscriber").as_bytes());
    put(&mut out, &text(prompt, "id").parse::<u64>().unwrap_or_default().to_be_bytes());
    put(&mut out, text(prompt, "attempt").as_bytes());
    put(&mut out, text(prompt, "relying_party").as_bytes());
    for (name, value) in lines(prompt) {
        put(&mut out, name.as_bytes());
        match value {
            Some(value) => {
                out.push(1);
                put(&mut out, value.as_bytes());
            }
            None => out.push(0),
        }
    }
    to_base64url(&sha256(&out))
}

fn shown(prompt: &Value) -> String {
    let quiet = prompt.get("is_quiet").and_then(Value::as_bool).unwrap_or_default();
    let head = if quiet { "A sign-in waits (it did not ring)" } else { "A sign-in asks" };
    let mut out = format!("{head}, until {}\n", text(prompt, "expires_at"));
    for (name, value) in lines(prompt) {
        let value = value.map_or_else(|| "unknown".to_owned(), sanitise_owned);
        out.push_str(&format!("  {:<14} {value}\n", name.replace('_', " ")));
    }
    out
}

fn sanitise_owned(text: &str) -> String {
    sanitise(text).to_string()
}

async fn watch(args: &AuthenticatorArgs, once: bool) -> Result<Exit, Failure> {
    let phone = Phone::open(&args.key).await?;
    let mut seen = String::new();
    say_if_suspended(&phone).await?;
    loop {
        if let Some(prompt) = phone.waiting().await? {
            let id = text(&prompt, "id").to_owned();
            if id != seen {
                tell(args, &prompt, &shown(&prompt))?;
                seen = id;
                if once {
                    return Ok(Exit::Clean);
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Nothing comes while prompts are stopped: whoever watches is told, once.
async fn say_if_suspended(phone: &Phone) -> Result<(), Failure> {
    let me = phone.call(Method::GET, "/v1/me", "").await?;
    let Some(suspension) = me.get("suspension").filter(|it| !it.is_null()) else { return Ok(()) };
    let why = suspension.pointer("/reason/text").and_then(Value::as_str).unwrap_or("stopped");
    note(&format!(
        "no prompts come since {}: {}",
        sanitise(text(suspension, "since")),
        sanitise(why)
    ));
    Ok(())
}

/// Six digits, as they are shown: blanks between them do not count.
fn match_code(typed: &str) -> Result<String, Failure> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(code);
    }
    Err(Failure::Usage("the code of the sign-in page has six digits".to_owned()))
}

/// What came of an answer, in words.
fn came_of(answered: &Value) -> String {
    let outcome = text(answered, "outcome").replace('_', " ");
    let left = answered.get("entries_left").and_then(Value::as_u64);
    match (outcome.as_str(), left) {
        (_, Some(1)) => format!("{outcome}; 1 try left\n"),
        (_, Some(left)) => format!("{outcome}; {left} tries left\n"),
        ("ended", None) => {
            "ended: too many wrong codes, or the prompt had been answered, given up or \
                            had run out\n"
                .to_owned()
        }
        ("refused", None) => {
            let why = Some(text(answered, "text")).filter(|why| !why.is_empty());
            let why = why.unwrap_or("this sign-in has to be proven in another way");
            format!("refused: {}\n", sanitise(why))
        }
        (_, None) => format!("{outcome}\n"),
    }
}

async fn answer(
    args: &AuthenticatorArgs,
    code: Option<&str>,
    deny: bool,
    report: bool,
) -> Result<Exit, Failure> {
    let code = code.map(match_code).transpose()?;
    let phone = Phone::open(&args.key).await?;
    let prompt = phone.waiting().await?;
    let prompt =
        prompt.ok_or_else(|| Failure::Service("nothing waits for an answer".to_owned()))?;
    let (id, digest) = (text(&prompt, "id"), digest(&prompt));
    let (word, said, mut body) = match code.as_deref() {
        Some(code) if !deny && !report => ("answer", Said::Confirm(code), json!({ "code": code })),
        _ if report => ("report", Said::Report(""), json!({ "notes": [] })),
        _ => ("deny", Said::Deny, json!({})),
    };
    let signature = sign(&phone.pair, &answer_text(id, &digest, said))?;
    if let Some(object) = body.as_object_mut() {
        object.insert("context_digest".to_owned(), digest.into());
        object.insert("signature".to_owned(), signature.into());
    }
    let path = format!("/v1/prompts/{id}/{word}");
    let answered = phone.call(Method::POST, &path, &body.to_string()).await?;
    let outcome = text(&answered, "outcome").to_owned();
    tell(args, &answered, &came_of(&answered))?;
    // So that a script can tell.
    let is_done = matches!(&*outcome, "verified" | "denied" | "reported");
    Ok(if is_done { Exit::Clean } else { Exit::Found })
}

fn tell(args: &AuthenticatorArgs, machine: &Value, people: &str) -> Result<Exit, Failure> {
    if args.json {
        print(&format!("{machine}\n"))?
    } else {
        print(people)?
    }
    Ok(Exit::Clean)
}
