use axum::http::header;
use serde_json::{Value, json};

use crate::bench::{ALICE, Bench, PUSH_KEY, Phone, code, digest, operator, page_path, text};

/// A code that is not this one.
fn other_than(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

#[tokio::test]
async fn a_phone_is_bound_by_the_code_and_its_own_proof() {
    let bench = Bench::new().await;
    let code = bench.binding_code(ALICE).await;
    let phone = Phone::new();
    let bind = async |body: &Value| bench.post("/v1/authenticators").json(body).send().await;

    let mut wrong = phone.binding(&code);
    wrong["proof"] = Phone::new().binding(&code)["proof"].clone();
    assert_eq!(bind(&wrong).await.problem(401), "unauthenticated");
    assert_eq!(
        bind(&phone.binding("AAAAA-AAAAA")).await.problem(400),
        "invalid_request",
        "no name"
    );
    let wrong = phone.typed_binding("AAAAA-AAAAA", ALICE);
    assert_eq!(bind(&wrong).await.problem(403), "wrong_proof");
    let mut wrong = phone.binding(&code);
    wrong["public_key"]["crv"] = "P-384".into();
    assert_eq!(bind(&wrong).await.problem(400), "invalid_request");

    let bound = bind(&phone.binding(&code)).await.json(201);
    assert_eq!(text(&bound, "subscriber"), ALICE);
    assert!(text(&bound, "notice").contains("555 0100"));
    assert_eq!(bind(&Phone::new().binding(&code)).await.problem(403), "wrong_proof", "used");
}

#[tokio::test]
async fn an_address_that_tries_codes_is_stopped_and_the_others_are_not() {
    let bench = Bench::new().await;
    let body = Phone::new().typed_binding("AAAAA-AAAAA", ALICE);
    let bind =
        async |peer| bench.post("/v1/authenticators").json(&body).coming_from(peer).send().await;
    for _ in 0..10 {
        assert_eq!(bind([192, 0, 2, 1]).await.problem(403), "wrong_proof");
    }
    assert_eq!(bind([192, 0, 2, 1]).await.problem(429), "too_many_codes");
    assert_eq!(bind([192, 0, 2, 2]).await.problem(403), "wrong_proof");
    bench.clock.forward_s(60);
    assert_eq!(bind([192, 0, 2, 1]).await.problem(403), "wrong_proof", "a minute later");
}

#[tokio::test]
async fn wrong_codes_keep_no_administrator_out() {
    let bench = Bench::new().await;
    let body = Phone::new().typed_binding("AAAAA-AAAAA", ALICE);
    let peer = [192, 0, 2, 9];
    let bind = async || bench.post("/v1/authenticators").json(&body).coming_from(peer).send().await;
    while bind().await.status == 403 {}
    assert_eq!(bind().await.problem(429), "too_many_codes");
    let begin = bench.post("/admin/sign-in/options").coming_from(peer).send().await;
    assert!(begin.json(200)["ceremony"].is_string());
}

#[tokio::test]
async fn a_phone_that_asks_without_end_waits() {
    let (bench, phone) = Bench::with_phone().await;
    let report = async || {
        bench.post("/v1/reports").json(&json!({ "notes": [] })).signed(&phone).send().await
    };
    for _ in 0..120 {
        assert_eq!(report().await.status, 200);
    }
    assert_eq!(report().await.problem(429), "too_many_requests");
    assert_eq!(bench.get("/v1/me").signed(&phone).send().await.status, 200, "it may look");
    let other = bench.bound("bob@example.org").await;
    let theirs = bench.post("/v1/reports").json(&json!({ "notes": [] })).signed(&other);
    assert_eq!(theirs.send().await.status, 200);
    bench.clock.forward_s(60);
    assert_eq!(report().await.status, 200, "a minute later");
}

#[tokio::test]
async fn codes_that_bind_are_no_failures() {
    let bench = Bench::new().await;
    for number in 0..12 {
        bench.bound(&format!("person{number}@example.org")).await;
    }
}

#[tokio::test]
async fn a_phone_learns_whose_it_is() {
    let (bench, phone) = Bench::with_phone().await;
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!((text(&me, "subscriber"), text(&me, "authenticator")), (ALICE, &*phone.id));
    assert_eq!((text(&me, "name"), text(&me, "server_name")), ("phone", "Example"));
    assert_eq!(me["is_suspended"], false);
}

#[tokio::test]
async fn what_is_not_signed_by_a_bound_phone_is_refused_everywhere() {
    let (bench, phone) = Bench::with_phone().await;
    for (method, path) in [
        ("GET", "/v1/me"),
        ("GET", "/v1/prompts"),
        ("POST", "/v1/prompts/1/answer"),
        ("POST", "/v1/prompts/1/deny"),
        ("POST", "/v1/prompts/1/report"),
        ("POST", "/v1/reports"),
        ("POST", "/v1/streams"),
        ("GET", "/v1/history"),
        ("GET", "/v1/authenticators"),
        ("DELETE", "/v1/authenticators/1?right=atm_1"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions/1?right=atm_1"),
        ("POST", "/v1/management"),
        ("POST", "/v1/invitations"),
        ("POST", "/v1/passkeys/options"),
        ("POST", "/v1/passkeys"),
        ("POST", "/v1/recovery-codes"),
        ("POST", "/v1/suspension/lift"),
        ("GET", "/v1/calls"),
        ("POST", "/v1/calls/answer"),
        ("GET", "/v1/push-key"),
        ("PUT", "/v1/push-subscription"),
        ("DELETE", "/v1/push-subscription"),
    ] {
        let call = || bench.call(method, path);
        let unsigned = call().send().await;
        assert_eq!(unsigned.problem(401), "unauthenticated", "{method} {path}");
        assert_eq!(unsigned.header("www-authenticate"), Some("Pushback-Key"));
        let forged = call().signed(&phone.forged()).send().await;
        assert_eq!(forged.problem(401), "unauthenticated", "{method} {path}");
        let unknown = call().signed(&Phone::new()).send().await;
        assert_eq!(unknown.problem(401), "authenticator_unknown", "{method} {path}");
    }
}

#[tokio::test]
async fn a_signature_covers_method_path_query_body_and_minute() {
    let (bench, phone) = Bench::with_phone().await;
    let at = bench.app.now().as_millis();
    let get = async |path: &str, authorization: &str| {
        bench.get(path).header(header::AUTHORIZATION, authorization).send().await
    };
    let good = phone.authorization(at, "GET", "/v1/history?cursor=1", b"");
    assert_eq!(get("/v1/history?cursor=1", &good).await.status, 200);
    for path in ["/v1/history?cursor=2", "/v1/history", "/v1/me"] {
        assert_eq!(get(path, &good).await.problem(401), "unauthenticated", "{path}");
    }
    let posted = phone.authorization(at, "POST", "/v1/me", b"");
    assert_eq!(get("/v1/me", &posted).await.problem(401), "unauthenticated");
    let with_body = phone.authorization(at, "GET", "/v1/me", b"{}");
    assert_eq!(get("/v1/me", &with_body).await.problem(401), "unauthenticated");
    for off in [-60_001, 60_001] {
        let off = phone.authorization(at + off, "GET", "/v1/me", b"");
        assert_eq!(get("/v1/me", &off).await.problem(401), "clock_wrong");
    }
    let time = bench.get("/v1/time").send().await.json(200);
    assert_eq!(time["unix_ms"], at);
}

#[tokio::test]
async fn the_right_code_verifies_and_a_wrong_one_costs_a_try() {
    let (bench, phone) = Bench::with_phone().await;
    let code = code(&bench.start().await);
    let prompt = bench.open(&phone).await;
    assert!(!prompt.to_string().contains(&code), "the phone is not told the code");
    assert_eq!(prompt["entries_left"], 3);
    let shown = |name: &str| {
        let lines = prompt["lines"].as_array().unwrap();
        lines.iter().find(|line| line["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(
        (shown("relying_party"), shown("address")),
        ("Payroll".into(), "203.0.113.7".into())
    );
    assert_eq!((shown("city"), shown("browser")), ("Paris".into(), "Firefox".into()));

    let wrong = bench.type_code(&phone, other_than(&code)).await;
    assert_eq!(wrong, json!({ "outcome": "wrong_code", "entries_left": 2 }));
    assert_eq!(bench.open(&phone).await["entries_left"], 2);
    assert_eq!(bench.type_code(&phone, &code).await, json!({ "outcome": "verified" }));
    assert!(bench.open(&phone).await.is_null());
}

#[tokio::test]
async fn three_wrong_codes_end_the_prompt() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let wrong = other_than(&code(&started));
    bench.type_code(&phone, wrong).await;
    bench.type_code(&phone, wrong).await;
    assert_eq!(text(&bench.type_code(&phone, wrong).await, "outcome"), "ended");
    assert_eq!(text(&bench.look(&started).await, "state"), "denied");
}

#[tokio::test]
async fn an_answer_to_something_else_than_what_was_asked_is_none() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let prompt = bench.open(&phone).await;
    let mut shown = prompt.clone();
    shown["lines"][1]["value"] = "Cantine".into();
    let path = format!("/v1/prompts/{}/answer", text(&prompt, "id"));
    let body = phone.confirmation(&shown, &code(&started));
    let answer = bench.post(&path).json(&body).signed(&phone).send().await;
    assert_eq!(answer.problem(401), "unauthenticated");
    let body = json!({ "context_digest": digest(&prompt), "signature": "x" });
    let answer = bench.post(&path).json(&body).signed(&phone).send().await;
    assert_eq!(answer.problem(400), "invalid_request", "without a code");
    for path in ["/v1/prompts/none/answer", "/v1/prompts/99999999999999999999/answer"] {
        let body = phone.confirmation(&prompt, "123456");
        let answer = bench.post(path).json(&body).signed(&phone).send().await;
        assert_eq!(answer.problem(404), "not_found");
    }
    assert_eq!(text(&bench.look(&started).await, "state"), "pending");
}

#[tokio::test]
async fn a_signed_answer_counts_once() {
    let (bench, phone) = Bench::with_phone().await;
    let code = code(&bench.start().await);
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/prompts/{}/answer", text(&prompt, "id"));
    let body = serde_json::to_vec(&phone.confirmation(&prompt, other_than(&code))).unwrap();
    let at = bench.app.now().as_millis();
    let authorization = phone.authorization(at, "POST", &path, &body);
    let send = async || {
        let call = bench.post(&path).header(header::AUTHORIZATION, &authorization).bytes(&body);
        call.send().await
    };
    assert_eq!(send().await.json(200)["entries_left"], 2);
    assert_eq!(send().await.problem(401), "unauthenticated");
    assert_eq!(bench.open(&phone).await["entries_left"], 2);
}

#[tokio::test]
async fn no_ends_the_attempt() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/prompts/{}/deny", text(&prompt, "id"));
    let answer = bench.post(&path).json(&phone.denial(&prompt)).signed(&phone).send().await;
    assert_eq!(answer.json(200), json!({ "outcome": "denied" }));
    assert_eq!(text(&bench.look(&started).await, "state"), "denied");
}

#[tokio::test]
async fn a_report_suspends_prompts_and_says_what_to_do() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/prompts/{}/report", text(&prompt, "id"));
    let mut unsigned_note = phone.report(&prompt, &["someone_called"]);
    unsigned_note["notes"] = json!(["someone_called", "gave_a_code"]);
    let answer = bench.post(&path).json(&unsigned_note).signed(&phone).send().await;
    assert_eq!(answer.problem(401), "unauthenticated", "the notes are signed too");

    let body = phone.report(&prompt, &["someone_called", "typed_password"]);
    let reported = bench.post(&path).json(&body).signed(&phone).send().await.json(200);
    assert_eq!(text(&reported, "outcome"), "reported");
    assert!(!reported["checklist"].as_array().unwrap().is_empty());
    assert_eq!(text(&bench.look(&started).await, "state"), "reported");
    the_page_does_not_tell_of_a_report(&bench, &started).await;
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!(me["suspension"]["reason"]["code"], "reported");
    assert_eq!((&me["is_suspended"], &me["password_is_burned"]), (&true.into(), &true.into()));
    let next = bench.start().await;
    assert_eq!(text(&next, "state"), "held");
    assert_eq!(next["decision"]["reasons"][0]["code"], "push_suspended");
}

/// The relying party is told; whoever has the page, which may be a stranger, is not.
async fn the_page_does_not_tell_of_a_report(bench: &Bench, attempt: &Value) {
    let state = bench.get(&format!("{}/state", page_path(attempt))).send().await.json(200);
    assert_eq!(state["state"], "denied");
    let page = bench.get(&page_path(attempt)).send().await.text(200);
    assert!(!page.contains("report"), "{page}");
}

#[tokio::test]
async fn a_report_needs_no_prompt() {
    let (bench, phone) = Bench::with_phone().await;
    let body = json!({ "notes": ["gave_a_code"] });
    let reported = bench.post("/v1/reports").json(&body).signed(&phone).send().await.json(200);
    assert_eq!(text(&reported, "outcome"), "reported");
    let me = bench.get("/v1/me").signed(&phone).send().await.json(200);
    assert_eq!(me["is_suspended"], true);
}

#[tokio::test]
async fn the_history_tells_what_happened_page_by_page() {
    let (bench, phone) = Bench::with_phone().await;
    bench.sign_in(&phone).await;
    for _ in 0..19 {
        bench.clock.forward_s(3_600);
        bench.sign_in(&phone).await;
    }
    let history = async |path: &str| bench.get(path).signed(&phone).send().await.json(200);
    let first = history("/v1/history").await;
    let items = first["items"].as_array().unwrap();
    assert_eq!(items.len(), 30);
    assert!(items[0]["at"].as_str() >= items[29]["at"].as_str(), "newest first");
    let prompt = items.iter().find(|item| item["kind"] == "prompt_ended").unwrap();
    assert_eq!((text(prompt, "outcome"), text(prompt, "application")), ("approved", "Payroll"));
    let cursor = text(&first, "next");
    let second = history(&format!("/v1/history?cursor={cursor}")).await;
    assert!(!second["items"].as_array().unwrap().is_empty());
    assert!(second["items"][0]["at"].as_str() <= items[29]["at"].as_str());
    let answer = bench.get("/v1/history?cursor=x").signed(&phone).send().await;
    assert_eq!(answer.problem(400), "invalid_request");
}

#[tokio::test]
async fn a_call_is_known_when_both_see_the_same_code() {
    let (bench, phone) = Bench::with_phone().await;
    let none = bench.get("/v1/calls").signed(&phone).send().await.json(200);
    assert_eq!(none, json!({ "calls": [] }));
    for (word, is_known) in [("same", true), ("different", false)] {
        let console = bench.app.start_call(operator("sam"), ALICE).await.unwrap();
        let calls = bench.get("/v1/calls").signed(&phone).send().await.json(200);
        assert_eq!(
            (text(&calls["calls"][0], "code"), text(&calls["calls"][0], "who")),
            (&*console.code, "sam")
        );
        let body = json!({ "id": calls["calls"][0]["id"], "outcome": word });
        let answer = bench.post("/v1/calls/answer").json(&body).signed(&phone).send().await;
        assert_eq!(answer.json(200), json!({ "is_known": is_known }));
    }
    let body = json!({ "id": "99", "outcome": "same" });
    let answer = bench.post("/v1/calls/answer").json(&body).signed(&phone).send().await;
    assert_eq!(answer.problem(403), "not_found");
}

#[tokio::test]
async fn what_is_bound_and_known_changes_only_with_the_right() {
    let (bench, phone) = Bench::with_phone().await;
    bench.sign_in(&phone).await;
    let list = async |path: &str| bench.get(path).signed(&phone).send().await.json(200);
    let (bound, known) = (list("/v1/authenticators").await, list("/v1/sessions").await);
    assert_eq!((&bound[0]["is_this"], text(&bound[0], "kind")), (&true.into(), "phone"));
    let session = format!("/v1/sessions/{}", text(&known[0], "id"));
    let own = format!("/v1/authenticators/{}", text(&bound[0], "id"));
    for path in [&session, &own] {
        let without = bench.call("DELETE", path).signed(&phone).send().await;
        assert_eq!(without.problem(400), "invalid_request");
        let path = format!("{path}?right=atm_1");
        let made_up = bench.call("DELETE", &path).signed(&phone).send().await;
        assert_eq!(made_up.problem(403), "not_authorised");
    }
    for path in ["/v1/invitations", "/v1/passkeys/options", "/v1/recovery-codes"] {
        let body = json!({ "right": "atm_1" });
        let answer = bench.post(path).json(&body).signed(&phone).send().await;
        assert_eq!(answer.problem(403), "not_authorised", "{path}");
    }

    let right = bench.right(&phone).await;
    let path = format!("{session}?right={right}");
    assert_eq!(bench.call("DELETE", &path).signed(&phone).send().await.text(204), "");
    let left = list("/v1/sessions").await;
    assert!(!left.as_array().unwrap().iter().any(|one| one["id"] == known[0]["id"]));
    let body = json!({ "right": right });
    let drawn = bench.post("/v1/recovery-codes").json(&body).signed(&phone).send().await;
    assert_eq!(drawn.json(201)["codes"].as_array().unwrap().len(), 10);
    let invited = bench.post("/v1/invitations").json(&body).signed(&phone).send().await.json(201);
    let second = Phone::new().typed_binding(text(&invited, "code"), ALICE);
    bench.post("/v1/authenticators").json(&second).send().await.json(201);
    assert_eq!(list("/v1/authenticators").await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn wake_ups_go_to_push_services_only() {
    let (bench, phone) = Bench::with_phone().await;
    let key = bench.get("/v1/push-key").signed(&phone).send().await.json(200);
    assert_eq!(key, json!({ "key": PUSH_KEY }));
    let put = async |endpoint: &str| {
        let body = json!({
            "endpoint": endpoint, "expirationTime": null, "keys": { "p256dh": "BNcR", "auth": "tBHI" },
        });
        bench.call("PUT", "/v1/push-subscription").json(&body).signed(&phone).send().await
    };
    assert_eq!(put("https://push.example.net/send/1").await.text(204), "");
    assert_eq!(put("http://127.0.0.1/").await.problem(400), "invalid_request");
    let gone = bench.call("DELETE", "/v1/push-subscription").signed(&phone).send().await;
    assert_eq!(gone.text(204), "");
}

#[tokio::test]
async fn a_phone_that_is_unbound_is_a_stranger() {
    let (bench, phone) = Bench::with_phone().await;
    let invited = json!({ "right": bench.right(&phone).await });
    let code = bench.post("/v1/invitations").json(&invited).signed(&phone).send().await.json(201);
    let mut second = Phone::new();
    let body = second.typed_binding(text(&code, "code"), ALICE);
    let bound = bench.post("/v1/authenticators").json(&body).send().await.json(201);
    second.id = text(&bound, "id").to_owned();
    let list = bench.get("/v1/authenticators").signed(&phone).send().await.json(200);
    let other = list.as_array().unwrap().iter().find(|one| one["is_this"] == false).unwrap();
    let path =
        format!("/v1/authenticators/{}?right={}", text(other, "id"), text(&invited, "right"));
    assert_eq!(bench.call("DELETE", &path).signed(&phone).send().await.text(204), "");
    let answer = bench.get("/v1/prompts").signed(&second).send().await;
    assert_eq!(answer.problem(401), "authenticator_unknown");
}

#[tokio::test]
async fn the_door_for_phones_leads_to_the_app_alone() {
    let mut bench = Bench::new().await;
    let code = bench.binding_code(ALICE).await;
    let started = bench.start().await;
    bench.router = bench.door.clone();

    let home = bench.get("/").send().await;
    assert_eq!((home.status, home.header("location")), (303, Some("/app")));
    let _ = bench.get("/app").send().await.text(200);
    let _ = bench.get("/assets/app.css").send().await.text(200);
    let mut phone = Phone::new();
    let bound = bench.post("/v1/authenticators").json(&phone.binding(&code)).send().await;
    phone.id = text(&bound.json(201), "id").to_owned();
    let _ = bench.get("/v1/prompts").signed(&phone).send().await.json(200);

    let page = page_path(&started);
    for elsewhere in ["/admin", "/metrics", "/demo", "/.well-known/jwks.json", page.as_str()] {
        assert_eq!(bench.status("GET", elsewhere).await, 404, "{elsewhere}");
    }
    assert_eq!(bench.status("POST", "/v1/attempts").await, 404);
}
