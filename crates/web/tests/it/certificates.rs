use axum::http::HeaderName;
use serde_json::{Value, json};

use crate::bench::{ALICE, Answer, Bench, PROXY, Phone, page_path, start, text};

const LAPTOP: &str = include_str!("../../../app/src/tests/certificates/laptop.pem");
const SPENT: &str = include_str!("../../../app/src/tests/certificates/spent.pem");
const OTHER: &str = include_str!("../../../app/src/tests/certificates/other.pem");
/// What a page says to whoever presents none.
const NONE: &str = "this request carries no client certificate";
const HEADER: HeaderName = HeaderName::from_static("client-cert");

/// As RFC 9440 writes it.
fn bytes(pem: &str) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    format!(":{body}:")
}

/// As nginx writes it.
fn escaped(pem: &str) -> String {
    let escape = |c: char| match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '.' | '_' | '~' => c.to_string(),
        other => format!("%{:02X}", u32::from(other)),
    };
    pem.chars().map(escape).collect()
}

/// Behind a proxy that hands certificates over, with Alice's phone and laptop bound.
async fn with_laptop() -> (Bench, Phone) {
    let (mut bench, phone) = Bench::with_phone().await;
    bench.behind_a_proxy(Some("Client-Cert"));
    bind(&bench, &phone, LAPTOP).await.json(201);
    (bench, phone)
}

async fn bind(bench: &Bench, phone: &Phone, pem: &str) -> Answer {
    let right = bench.right(phone).await;
    let body = json!({ "right": right, "name": "laptop", "certificate": pem });
    bench.post("/v1/certificates").json(&body).signed(phone).send().await
}

/// The hosted page as a computer with this certificate sees it.
async fn page(bench: &Bench, attempt: &Value, value: &str, from: [u8; 4]) -> String {
    let call = bench.get(&page_path(attempt)).header(HEADER, value).coming_from(from);
    call.send().await.text(200)
}

/// What makes the page's button count, if there is one.
fn button_on(page: &str) -> Option<&str> {
    page.split_once("name=\"button\" value=\"")?.1.split('"').next()
}

async fn press(bench: &Bench, attempt: &Value, value: &str, button: &str) -> Answer {
    let path = format!("{}/certificate", page_path(attempt));
    let call = bench.post(&path).header(HEADER, value).coming_from(PROXY);
    call.form(&format!("button={button}")).send().await
}

async fn state(bench: &Bench, attempt: &Value) -> String {
    text(&bench.look(attempt).await, "state").to_owned()
}

#[tokio::test]
async fn a_computers_certificate_signs_in_by_one_button() {
    let (bench, _phone) = with_laptop().await;
    for value in [bytes(LAPTOP), escaped(LAPTOP)] {
        let started = bench.start().await;
        let shown = page(&bench, &started, &value, PROXY).await;
        let button = button_on(&shown).expect("a button");
        let answer = press(&bench, &started, &value, button).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*page_path(&started))));
        let verified = bench.come_back(&started, &answer).await;
        assert_eq!(text(&verified, "state"), "verified");
        assert!(verified["token"].is_string());
        assert!(verified.get("browser").is_none(), "a machine makes no browser known");
        let over = page(&bench, &started, &value, PROXY).await;
        assert_eq!(button_on(&over), None);
        let again = press(&bench, &started, &value, button).await;
        assert_eq!(again.status, 303, "it leads back, and no further");
    }
}

#[tokio::test]
async fn a_certificate_counts_from_a_trusted_proxy_only() {
    let (bench, _phone) = with_laptop().await;
    let started = bench.start().await;
    let value = bytes(LAPTOP);
    let shown = page(&bench, &started, &value, PROXY).await;
    let button = button_on(&shown).expect("a button");
    let stranger = [203, 0, 113, 7];
    assert_eq!(button_on(&page(&bench, &started, &value, stranger).await), None);
    let path = format!("{}/certificate", page_path(&started));
    let form = format!("button={button}");
    let forged = bench.post(&path).header(HEADER, &value).coming_from(stranger).form(&form);
    assert!(forged.send().await.text(403).contains(NONE));
    // Nor by saying that one came through a proxy.
    let forwarded = HeaderName::from_static("x-forwarded-for");
    let forged = bench.post(&path).header(HEADER, &value).coming_from(stranger).form(&form);
    let forged = forged.header(forwarded, "127.0.0.1").send().await;
    assert!(forged.text(403).contains(NONE));
    let none = bench.post(&path).coming_from(PROXY).form(&form).send().await;
    assert!(none.text(403).contains(NONE));
    assert_eq!(state(&bench, &started).await, "pending");
}

#[tokio::test]
async fn without_the_setting_no_certificate_counts() {
    let (mut bench, phone) = with_laptop().await;
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!(me["takes_certificates"], true);
    let started = bench.start().await;
    let value = bytes(LAPTOP);
    let button = button_on(&page(&bench, &started, &value, PROXY).await).unwrap().to_owned();
    bench.behind_a_proxy(None);
    assert_eq!(button_on(&page(&bench, &started, &value, PROXY).await), None);
    let pressed = press(&bench, &started, &value, &button).await;
    assert!(pressed.text(403).contains(NONE));
    assert_eq!(state(&bench, &started).await, "pending");
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!(me["takes_certificates"], false);
    let body = json!({ "right": "atm_x", "name": "laptop", "certificate": OTHER });
    let bound = bench.post("/v1/certificates").json(&body).signed(&phone).send().await;
    assert_eq!(bound.problem(404), "not_found");
}

#[tokio::test]
async fn two_certificates_in_one_request_are_refused() {
    let (bench, _phone) = with_laptop().await;
    let started = bench.start().await;
    let (mine, theirs) = (bytes(LAPTOP), bytes(OTHER));
    let button = button_on(&page(&bench, &started, &mine, PROXY).await).unwrap().to_owned();
    let path = page_path(&started);
    for (first, second) in [(&mine, &theirs), (&theirs, &mine), (&mine, &mine)] {
        let call = bench.get(&path).header(HEADER, first).also(HEADER, second);
        assert_eq!(call.coming_from(PROXY).send().await.problem(400), "invalid_request");
        let call = bench.post(&format!("{path}/certificate")).header(HEADER, first);
        let call = call.also(HEADER, second).coming_from(PROXY);
        let pressed = call.form(&format!("button={button}")).send().await;
        assert_eq!(pressed.problem(400), "invalid_request");
        // As a proxy may fold two into one.
        let folded = format!("{first}, {second}");
        assert_eq!(button_on(&page(&bench, &started, &folded, PROXY).await), None);
        let pressed = press(&bench, &started, &folded, &button).await;
        assert!(pressed.text(403).contains(NONE));
    }
    assert_eq!(state(&bench, &started).await, "pending");
}

#[tokio::test]
async fn a_certificate_that_ran_out_has_no_button_and_is_not_bound() {
    let (bench, phone) = with_laptop().await;
    let started = bench.start().await;
    let shown = page(&bench, &started, &bytes(SPENT), PROXY).await;
    assert_eq!(button_on(&shown), None);
    // The same key, so that its button would fit.
    let button =
        button_on(&page(&bench, &started, &bytes(LAPTOP), PROXY).await).unwrap().to_owned();
    let pressed = press(&bench, &started, &bytes(SPENT), &button).await;
    assert!(pressed.text(403).contains("the certificate has run out"));
    assert_eq!(state(&bench, &started).await, "pending");
    bench.post(&format!("{}/cancel", page_path(&started))).send().await;
    assert_eq!(bind(&bench, &phone, SPENT).await.problem(403), "certificate_refused");
    let body = json!({ "right": "atm_x", "name": "laptop", "certificate": "no certificate" });
    let bound = bench.post("/v1/certificates").json(&body).signed(&phone).send().await;
    assert_eq!(bound.problem(400), "invalid_request");
    let body = json!({ "right": "atm_x", "name": "laptop", "certificate": OTHER });
    let bound = bench.post("/v1/certificates").json(&body).signed(&phone).send().await;
    assert_eq!(bound.problem(403), "not_authorised");
}

#[tokio::test]
async fn a_certificate_that_is_not_bound_gets_the_same_answer_for_everybody() {
    let (bench, _phone) = with_laptop().await;
    let bob = bench.bound("bob@example.org").await;
    bind(&bench, &bob, OTHER).await.json(201);
    let mut seen = Vec::new();
    for name in [ALICE, "nobody@example.org"] {
        let body = start(name);
        let started = bench.start_with(&body).await;
        let shown = page(&bench, &started, &bytes(OTHER), PROXY).await;
        let button = button_on(&shown).expect("a button for whoever has a certificate");
        let pressed = press(&bench, &started, &bytes(OTHER), button).await.text(403);
        assert!(pressed.contains("this authenticator is not bound"), "{pressed}");
        seen.push(pressed.replace(&page_path(&started), "PAGE"));
        assert_eq!(state(&bench, &started).await, "pending");
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_form_of_another_site_or_another_attempt_uses_no_certificate() {
    let (bench, _phone) = with_laptop().await;
    let value = bytes(LAPTOP);
    let mine = bench.start().await;
    let button = button_on(&page(&bench, &mine, &value, PROXY).await).unwrap().to_owned();
    let theirs = bench.start().await;
    for button in ["", "x.y", &button] {
        let pressed = press(&bench, &theirs, &value, button).await.text(403);
        assert!(pressed.contains("the form is of another page"), "{pressed}");
    }
    assert_ne!(state(&bench, &theirs).await, "verified");
}

#[tokio::test]
async fn a_denied_attempt_stays_denied_whatever_certificate_comes() {
    let (bench, phone) = with_laptop().await;
    let value = bytes(LAPTOP);
    let started = bench.start().await;
    let button = button_on(&page(&bench, &started, &value, PROXY).await).unwrap().to_owned();
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/prompts/{}/deny", text(&prompt, "id"));
    bench.post(&path).json(&phone.denial(&prompt)).signed(&phone).send().await.json(200);
    assert_eq!(press(&bench, &started, &value, &button).await.status, 303);
    assert_eq!(state(&bench, &started).await, "denied");
    assert_eq!(button_on(&page(&bench, &started, &value, PROXY).await), None);
}

#[tokio::test]
async fn after_a_report_the_computers_certificate_is_not_offered_and_gets_nobody_in() {
    let (bench, phone) = with_laptop().await;
    let value = bytes(LAPTOP);
    let before = bench.start().await;
    let button = button_on(&page(&bench, &before, &value, PROXY).await).unwrap().to_owned();
    bench.post("/v1/reports").json(&json!({})).signed(&phone).send().await.json(200);
    press(&bench, &before, &value, &button).await;
    assert_ne!(state(&bench, &before).await, "proven");
    let after = bench.start().await;
    assert_eq!(text(&after["decision"], "kind"), "passkey_only");
    assert_eq!(button_on(&page(&bench, &after, &value, PROXY).await), None);
}
