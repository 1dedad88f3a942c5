//! Browser and server compute the same digest, or no prompt could ever be confirmed.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use pushback_app::{sha256, to_base64url};
use pushback_model::Timestamp;
use pushback_verify::{
    AttemptId, Context, Distance, FirstTime, Network, Place, PromptId, Purpose, RelyingPartyId,
    Requester, SubscriberId, Text,
};
use serde_json::{Value, json};

use crate::bench::{Bench, code, digest};
use crate::document;

/// Prints the digest of every prompt in the list that it reads.
const SCRIPT: &str = "
    import { readFileSync } from 'node:fs';
    if (!globalThis.navigator) globalThis.navigator = { languages: ['en'] };
    const { contextDigest } = await import('./app/context.js');
    for (const prompt of JSON.parse(readFileSync(0, 'utf8'))) console.log(await contextDigest(prompt));
";

/// What the app's own script makes of these prompts; `None` where there is no node to run it.
fn in_the_browser(prompts: &[Value]) -> Option<Vec<String>> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("app")).unwrap();
    for file in ["app/context.js", "app/keys.js", "app/words.js", "texts.en.js"] {
        std::fs::copy(assets.join(file), folder.path().join(file)).unwrap();
    }
    // As a browser takes them: every file is a module.
    std::fs::write(folder.path().join("package.json"), "{\"type\":\"module\"}").unwrap();
    std::fs::write(folder.path().join("digest.js"), SCRIPT).unwrap();
    let node = Command::new("node")
        .arg("digest.js")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut node) = node else {
        println!("skipped: node is not installed, so that the app's script cannot run here");
        return None;
    };
    let input = serde_json::to_vec(prompts).unwrap();
    node.stdin.take().unwrap().write_all(&input).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(str::to_owned).collect())
}

fn plain() -> Context {
    Context {
        subscriber: SubscriberId::parse("alice@example.org").unwrap(),
        prompt: PromptId(7),
        attempt: AttemptId::parse("atm_1").unwrap(),
        purpose: Purpose::SignIn,
        relying_party: RelyingPartyId::parse("rp_1").unwrap(),
        relying_party_name: Text::new("Payroll"),
        requester: Requester::default(),
        first_time: FirstTime::Unknown,
        distance: Distance::Unknown,
        asked_at: Timestamp::from_millis(1_772_442_900_000),
    }
}

/// Nothing is known; everything is; names of other scripts; a number that no double holds.
fn contexts() -> Vec<Context> {
    let requester = Requester {
        ip: Some("2001:db8::7".parse().unwrap()),
        network: Some(Network {
            asn: 64_500,
            name: Text::new("Example \"Net\" \\ 漢字"),
            is_hosting: true,
        }),
        place: Some(Place {
            country: Text::new("FR"),
            city: Some(Text::new("Saint-Étienne 🏔")),
            point: None,
        }),
        browser: Some(Text::new("Firefox <b>")),
        system: Some(Text::new("unknown")),
    };
    vec![
        plain(),
        Context {
            requester,
            first_time: FirstTime::NewCountry,
            distance: Distance::Kilometres(900),
            ..plain()
        },
        Context { prompt: PromptId(u64::MAX), relying_party_name: Text::new("給与"), ..plain() },
        Context { prompt: PromptId((1 << 53) + 1), purpose: Purpose::Recovery, ..plain() },
    ]
}

/// The context as the API hands it to a phone.
fn prompt(context: &Context) -> Value {
    let lines: Vec<Value> = context
        .lines()
        .iter()
        .map(|line| json!({ "name": line.name, "value": line.value }))
        .collect();
    let prompt = json!({
        "id": context.prompt.0.to_string(),
        "attempt": context.attempt.as_str(),
        "subscriber": context.subscriber.as_str(),
        "relying_party": context.relying_party.as_str(),
        "lines": lines,
        "created_at": context.asked_at.to_string(),
        "expires_at": context.asked_at.to_string(),
        "is_quiet": false,
        "entries_left": 3,
    });
    document::check_named("Prompt", &prompt);
    prompt
}

#[test]
fn the_app_computes_the_digest_that_the_rules_expect() {
    let contexts = contexts();
    let prompts: Vec<Value> = contexts.iter().map(prompt).collect();
    let expected: Vec<String> =
        contexts.iter().map(|context| to_base64url(&sha256(&context.canonical_bytes()))).collect();
    assert_eq!(prompts.iter().map(digest).collect::<Vec<_>>(), expected);
    if let Some(computed) = in_the_browser(&prompts) {
        assert_eq!(computed, expected);
    }
}

#[tokio::test]
async fn the_service_takes_the_digest_that_the_app_computes() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let prompt = bench.open(&phone).await;
    if let Some(computed) = in_the_browser(std::slice::from_ref(&prompt)) {
        assert_eq!(computed, [digest(&prompt)]);
    }
    assert_eq!(bench.type_code(&phone, &code(&started)).await["outcome"], "verified");
}
