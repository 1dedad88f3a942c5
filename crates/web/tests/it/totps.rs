use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};

use crate::bench::{ALICE, Answer, Bench, Phone, context, page_path, start, text};

/// Another app with codes by time (RFC 6238), written once more.
struct Other(Vec<u8>);

impl Other {
    fn at(&self, now_s: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &(now_s / 30).to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 0xf);
        let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap());
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
    }

    fn shows(&self, bench: &Bench) -> String {
        self.at(bench.app.now().as_millis() / 1_000)
    }

    /// What it does not show in these minutes.
    fn never_shows(&self, bench: &Bench) -> String {
        let now_s = bench.app.now().as_millis() / 1_000;
        let near: Vec<String> = (-20..20).map(|step| self.at(now_s + 30 * step)).collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

async fn with_other_app() -> (Bench, Phone, Other) {
    let (bench, phone) = Bench::with_phone().await;
    let right = json!({ "right": bench.right(&phone).await });
    let new = bench.post("/v1/totps/options").json(&right).signed(&phone).send().await.json(200);
    let secret = text(&new, "secret");
    assert!(text(&new, "uri").contains(&format!("secret={secret}&")));
    assert!(text(&new, "qr").starts_with("<svg "));
    let other = Other(BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    let finish = async |code: &str| {
        let body = json!({ "ceremony": new["ceremony"], "name": "other", "code": code });
        bench.post("/v1/totps").json(&body).signed(&phone).send().await
    };
    let wrong = other.never_shows(&bench);
    assert_eq!(finish(&wrong).await.problem(403), "wrong_proof", "nothing is bound by it");
    let code = other.shows(&bench);
    finish(&code).await.json(201);
    assert_eq!(finish(&code).await.problem(403), "code_expired", "it is bound once");
    let bound = bench.get("/v1/authenticators").signed(&phone).send().await;
    let bound = bound.text(200);
    assert!(bound.contains("\"kind\":\"totp\"") && !bound.contains(secret), "{bound}");
    // The code that bound it is used up.
    bench.clock.forward_s(60);
    (bench, phone, other)
}

/// Types a code on the page of an attempt: the status and what came.
async fn submit(bench: &Bench, attempt: &Value, code: &str) -> Answer {
    let path = format!("{}/totp", page_path(attempt));
    bench.post(&path).form(&format!("code={code}")).send().await
}

async fn typed(bench: &Bench, attempt: &Value, code: &str) -> (u16, String) {
    let answer = submit(bench, attempt, code).await;
    let came = answer.header("location").map(str::to_owned);
    (answer.status, came.unwrap_or_else(|| answer.text(403)))
}

#[tokio::test]
async fn the_history_says_what_was_bound_and_what_was_used() {
    let (bench, phone, other) = with_other_app().await;
    let started = bench.start().await;
    typed(&bench, &started, &other.never_shows(&bench)).await;
    typed(&bench, &started, &other.shows(&bench)).await;
    let history = bench.get("/v1/history").signed(&phone).send().await.json(200);
    let told: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["authenticator"] == "totp")
        .map(|item| text(item, "kind"))
        .collect();
    assert_eq!(told, ["succeeded", "proof_refused", "bound"]);
}

async fn state(bench: &Bench, attempt: &Value) -> String {
    text(&bench.look(attempt).await, "state").to_owned()
}

#[tokio::test]
async fn a_code_of_another_app_is_a_plain_form_and_signs_in() {
    let (bench, _phone, other) = with_other_app().await;
    let started = bench.start().await;
    assert_eq!(started["can_use_totp"], true);
    let path = page_path(&started);
    let page = bench.get(&path).send().await.text(200);
    assert!(page.contains(&format!("href=\"{path}/totp\"")), "{page}");
    let form = bench.get(&format!("{path}/totp")).send().await.text(200);
    assert!(form.contains(&format!("action=\"{path}/totp\"")), "{form}");
    assert!(!form.contains("http-equiv") && !form.contains("<script"), "what is typed stays");

    let shown = other.shows(&bench);
    let answer = submit(&bench, &started, &shown).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(&*path)));
    assert_eq!(state(&bench, &started).await, "proven");
    let verified = bench.come_back(&started, &answer).await;
    assert_eq!(text(&verified, "state"), "verified");
    assert!(verified["token"].is_string() && verified["browser"].is_string());
    assert_eq!(typed(&bench, &started, &shown).await.0, 303, "it leads back, and no further");
    let answer = bench.get(&format!("{path}/totp")).send().await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(&*path)));
}

#[tokio::test]
async fn a_wrong_code_counts_and_a_right_one_counts_once() {
    let (bench, _phone, other) = with_other_app().await;
    let started = bench.start().await;
    let (status, page) = typed(&bench, &started, &other.never_shows(&bench)).await;
    assert_eq!(status, 403);
    assert!(page.contains("that did not match") && page.contains("<form"), "{page}");
    assert_eq!(state(&bench, &started).await, "pending");
    let shown = other.shows(&bench);
    assert_eq!(typed(&bench, &started, &shown).await.0, 303);
    let second = bench.start().await;
    let (status, page) = typed(&bench, &second, &shown).await;
    assert_eq!(status, 403);
    assert!(page.contains("this code was used before"), "{page}");
    assert_ne!(state(&bench, &second).await, "verified");
}

#[tokio::test]
async fn wrong_codes_wait_as_wrong_answers_do() {
    let (bench, _phone, other) = with_other_app().await;
    let started = bench.start().await;
    let wrong = other.never_shows(&bench);
    for _ in 0..3 {
        assert!(typed(&bench, &started, &wrong).await.1.contains("that did not match"));
    }
    let (_, page) = typed(&bench, &started, &other.shows(&bench)).await;
    assert!(page.contains("too many tries failed"), "{page}");
    bench.clock.forward_s(31);
    assert_eq!(typed(&bench, &started, &other.shows(&bench)).await.0, 303);
    assert_eq!(state(&bench, &started).await, "proven");
}

/// Two attempts: the second waits for the first, and offers the other app meanwhile.
async fn first_and_waiting(bench: &Bench) -> (Value, Value) {
    let (first, second) = (bench.start().await, bench.start().await);
    assert_eq!(text(&second["decision"], "kind"), "wait");
    assert_eq!(second["can_use_totp"], true);
    (first, second)
}

#[tokio::test]
async fn after_a_denial_strangers_cannot_type_a_code_instead() {
    let (bench, phone, other) = with_other_app().await;
    let (first, second) = first_and_waiting(&bench).await;
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/prompts/{}/deny", text(&prompt, "id"));
    bench.post(&path).json(&phone.denial(&prompt)).signed(&phone).send().await.json(200);
    assert_eq!(typed(&bench, &first, &other.shows(&bench)).await, (303, page_path(&first)));
    assert_eq!(state(&bench, &first).await, "denied");
    let (status, page) = typed(&bench, &second, &other.shows(&bench)).await;
    assert_eq!(status, 403);
    assert!(page.contains("a sign-in was just denied"), "{page}");
    let third = bench.start().await;
    assert_eq!(third["can_use_totp"], false);
    assert!(typed(&bench, &third, &other.shows(&bench)).await.1.contains("is not bound"));
    for attempt in [&second, &third] {
        assert_ne!(state(&bench, attempt).await, "verified");
    }
}

#[tokio::test]
async fn after_a_report_no_code_of_another_app_gets_in() {
    let (bench, phone, other) = with_other_app().await;
    let (_, second) = first_and_waiting(&bench).await;
    bench.post("/v1/reports").json(&json!({})).signed(&phone).send().await.json(200);
    let (status, page) = typed(&bench, &second, &other.shows(&bench)).await;
    assert_eq!(status, 403);
    assert!(page.contains("prompts are suspended"), "{page}");
    let third = bench.start().await;
    assert_eq!(
        (text(&third["decision"], "kind"), &third["can_use_totp"]),
        ("passkey_only", &json!(false))
    );
    assert_ne!(state(&bench, &second).await, "verified");
}

#[tokio::test]
async fn a_relying_party_that_wants_a_passkey_is_given_no_code_of_another_app() {
    let (bench, _phone, other) = with_other_app().await;
    let body = json!({
        "subscriber": ALICE, "context": context(), "assurance": "phishing_resistant",
        "return_url": "https://rp.example/back",
    });
    let started = bench.start_with(&body).await;
    assert_eq!(started["can_use_totp"], false);
    assert_eq!(typed(&bench, &started, &other.shows(&bench)).await.0, 403);
    assert_eq!(state(&bench, &started).await, "held");
}

#[tokio::test]
async fn somebody_without_another_app_looks_like_nobody() {
    let (bench, _phone) = Bench::with_phone().await;
    let mut seen = Vec::new();
    for name in [ALICE, "nobody@example.org"] {
        let body = start(name);
        let started = bench.start_with(&body).await;
        assert_eq!(started["can_use_totp"], false);
        let path = page_path(&started);
        let page = bench.get(&path).send().await.text(200);
        assert!(!page.contains(&format!("{path}/totp")));
        let form = bench.get(&format!("{path}/totp")).send().await;
        let (status, page) = typed(&bench, &started, "123456").await;
        seen.push((form.status, status, page.replace(&path, "PAGE")));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn another_app_is_bound_with_the_right_alone() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    for right in ["atm_none", text(&started, "id")] {
        let body = json!({ "right": right });
        let answer = bench.post("/v1/totps/options").json(&body).signed(&phone).send().await;
        assert_eq!(answer.problem(403), "not_authorised");
    }
    let forged = phone.forged();
    for path in ["/v1/totps/options", "/v1/totps", "/v1/certificates"] {
        let answer = bench.post(path).json(&json!({})).signed(&forged).send().await;
        assert_eq!(answer.problem(401), "unauthenticated", "{path}");
    }
}

#[tokio::test]
async fn where_codes_of_other_apps_are_turned_off_the_app_is_told_and_none_is_set_up() {
    let mut policy = pushback_verify::Policy::default();
    policy.account.takes_totp = false;
    let bench = Bench::under(policy).await;
    let phone = bench.bound(ALICE).await;
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!(me["takes_totp"], false);
    let right = json!({ "right": bench.right(&phone).await });
    let begun = bench.post("/v1/totps/options").json(&right).signed(&phone).send().await;
    assert_eq!(begun.problem(403), "kind_not_taken");
    let started = bench.start().await;
    assert_eq!(started["can_use_totp"], false);
    assert_eq!(typed(&bench, &started, "123456").await.0, 403);

    let (bench, phone) = Bench::with_phone().await;
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!(me["takes_totp"], true);
}
