use axum::http::header;
use serde_json::{Value, json};

use crate::bench::{ALICE, Bench, code, code_on, context, page_path, party, text};

async fn page(bench: &Bench, attempt: &Value) -> String {
    bench.get(&page_path(attempt)).send().await.text(200)
}

const REFRESH: &str = "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>";

#[tokio::test]
async fn the_page_shows_the_code_while_it_counts_and_not_after() {
    let (bench, phone) = Bench::with_phone().await;
    let body = json!({
        "subscriber": ALICE, "context": context(), "return_url": "https://rp.example/back?a=1",
    });
    let started = bench.start_with(&body).await;
    let code = code(&started);
    let (live, cookie) = bench.open_page(&started).await;
    let cookie = cookie.unwrap();
    assert_eq!(code_on(&live), Some(code.clone()));
    assert!(live.contains(REFRESH), "it goes on without script");
    // It is that browser's, however often it is loaded.
    let path = page_path(&started);
    let again = bench.get(&path).header(header::COOKIE, &cookie).send().await.text(200);
    assert_eq!(code_on(&again), Some(code.clone()));

    bench.type_code(&phone, &code).await;
    let over = bench.get(&path).header(header::COOKIE, &cookie).send().await.text(200);
    assert_eq!(code_on(&over), None);
    assert!(!over.contains(&code) && !over.contains(REFRESH));
    let next = format!("https://rp.example/back?a=1&#38;attempt={}", text(&started, "id"));
    assert!(over.contains(&format!("href=\"{next}&#38;completion=")), "{over}");
    assert!(over.contains(&format!("content=\"1; url={next}&#38;completion=")), "{over}");
    let verified = bench.go_back(&started, &cookie).await;
    assert!(!over.contains(text(&verified, "token")), "the token is the relying party's");
}

#[tokio::test]
async fn another_browsers_page_shows_no_code_and_leads_nowhere() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    // A preview that asks whether there is a page does not take it.
    assert_eq!(bench.status("HEAD", &page_path(&started)).await, 200);
    let (_, cookie) = bench.open_page(&started).await;
    let (other, none) = bench.open_page(&started).await;
    assert_eq!((code_on(&other), none), (None, None));
    assert!(!other.contains(&code(&started)) && other.contains("The code is not shown here"));
    bench.type_code(&phone, &code(&started)).await;
    let (other, _) = bench.open_page(&started).await;
    assert!(other.contains("goes on in the browser that showed the code"), "{other}");
    assert!(!other.contains("completion") && !other.contains("data-go"), "{other}");
    assert_eq!(text(&bench.look(&started).await, "state"), "proven");
    assert_eq!(text(&bench.go_back(&started, &cookie.unwrap()).await, "state"), "verified");
}

#[tokio::test]
async fn a_page_that_has_nowhere_to_go_stays() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start_with(&json!({ "subscriber": ALICE, "context": context() })).await;
    bench.type_code(&phone, &code(&started)).await;
    let over = page(&bench, &started).await;
    assert!(!over.contains("http-equiv=\"refresh\""), "it would load itself for ever");
    assert!(!over.contains("data-go"), "{over}");
}

#[tokio::test]
async fn no_page_shows_a_code_after_its_end_however_it_ended() {
    for how in ["deny", "report", "cancel", "expire"] {
        let (bench, phone) = Bench::with_phone().await;
        let started = bench.start().await;
        let prompt = bench.open(&phone).await;
        let path = format!("/v1/prompts/{}/{how}", text(&prompt, "id"));
        match how {
            "deny" => {
                bench
                    .post(&path)
                    .json(&phone.denial(&prompt))
                    .signed(&phone)
                    .send()
                    .await
                    .json(200);
            }
            "report" => {
                let body = phone.report(&prompt, &[]);
                bench.post(&path).json(&body).signed(&phone).send().await.json(200);
            }
            "cancel" => {
                let path = format!("{}/cancel", page_path(&started));
                let answer = bench.post(&path).send().await;
                assert_eq!(
                    (answer.status, answer.header("location")),
                    (303, Some(&*page_path(&started)))
                );
            }
            _ => bench.clock.forward_s(600),
        }
        let over = page(&bench, &started).await;
        assert_eq!(code_on(&over), None, "{how}");
        assert!(!over.contains(&code(&started)), "{how}");
        assert!(!over.contains("report"), "a stranger need not know of a report: {how}");
        let state = bench.get(&format!("{}/state", page_path(&started))).send().await.json(200);
        assert_ne!(text(&state, "state"), "pending", "{how}");
    }
}

#[tokio::test]
async fn the_state_tells_that_something_changed_and_no_more() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let path = format!("{}/state", page_path(&started));
    let state = bench.get(&path).send().await.json(200);
    assert_eq!(state, json!({ "version": started["version"], "state": "pending" }));
    let path = format!("{path}?wait=60&after={}", text(&started, "version"));
    let code = code(&started);
    let (wait, change) = (bench.get(&path).send(), bench.type_code(&phone, &code));
    let (state, _) = tokio::join!(wait, change);
    assert_eq!(text(&state.json(200), "state"), "verified");
    let events = bench.get(&format!("{}/events", page_path(&started))).send().await.text(200);
    assert!(events.starts_with("event: state\ndata: {") && events.contains("verified"), "{events}");
}

#[tokio::test]
async fn an_address_that_was_not_given_out_opens_nothing() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let right = page_path(&started);
    let id = text(&started, "id");
    for wrong in [format!("/sign-in/{id}"), format!("/sign-in/{id}.x"), format!("{right}x")] {
        for more in ["", "/state", "/events"] {
            let answer = bench.get(&format!("{wrong}{more}")).send().await;
            assert_eq!(answer.problem(404), "not_found", "{wrong}{more}");
        }
        assert_eq!(bench.get(&format!("{wrong}/totp")).send().await.problem(404), "not_found");
        for more in ["/cancel", "/passkey/options", "/totp", "/certificate"] {
            let answer = bench.post(&format!("{wrong}{more}")).send().await;
            assert_eq!(answer.problem(404), "not_found", "{wrong}{more}");
        }
    }
}

#[tokio::test]
async fn names_are_text_and_never_markup() {
    let (bench, _phone) = Bench::with_phone().await;
    let name = "Pay\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let party = party(&bench.app, name).await;
    let body = json!({
        "subscriber": ALICE,
        "context": { "ip": "203.0.113.7", "user_agent": "<script>alert(2)</script>" },
        "return_url": "https://rp.example/\"><script>alert(3)</script>",
    });
    let started = bench.post("/v1/attempts").by(&party).json(&body).send().await.json(201);
    let live = page(&bench, &started).await;
    assert!(live.contains("Pay"));
    for markup in ["<script>", "<img src=x", "onerror=alert(1)>"] {
        assert!(!live.contains(markup), "{markup}: {live}");
    }
    bench.post(&format!("{}/cancel", page_path(&started))).send().await;
    let over = page(&bench, &started).await;
    assert!(over.contains("https://rp.example/") && !over.contains("<script>"), "{over}");
}

#[tokio::test]
async fn the_page_does_not_say_why_it_asks_for_a_passkey() {
    let (bench, phone) = Bench::with_phone().await;
    bench.post("/v1/reports").json(&json!({})).signed(&phone).send().await.json(200);
    let held = bench.start().await;
    assert_eq!(held["decision"]["reasons"][0]["code"], "push_suspended");
    let shown = page(&bench, &held).await;
    assert!(shown.contains("needs a passkey"), "{shown}");
    assert!(!shown.contains("suspended"), "{shown}");
    assert_eq!(code_on(&shown), None);

    let path = page_path(&held);
    bench.post(&format!("{path}/cancel")).send().await;
    let state = bench.get(&format!("{path}/state")).send().await.json(200);
    assert_eq!(text(&state, "state"), "cancelled");
}

#[tokio::test]
async fn pages_and_their_files_say_what_they_are() {
    let bench = Bench::new().await;
    let home = bench.get("/").send().await;
    assert_eq!((home.status, home.header("location")), (303, Some("/app")));
    for (path, kind) in [
        ("/app", "text/html; charset=utf-8"),
        ("/app/manifest.webmanifest", "application/manifest+json"),
        ("/app/worker.js", "text/javascript; charset=utf-8"),
        ("/assets/app/context.js", "text/javascript; charset=utf-8"),
        ("/assets/base.css", "text/css; charset=utf-8"),
    ] {
        let answer = bench.get(path).send().await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        if let Some(tag) = answer.header("etag") {
            let again = bench.get(path).header(header::IF_NONE_MATCH, tag).send().await;
            assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        }
    }
    for path in ["/assets/none.js", "/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml"] {
        assert_eq!(bench.get(path).send().await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn the_worker_may_look_after_the_app() {
    let bench = Bench::new().await;
    let answer = bench.get("/app/worker.js").send().await;
    assert_eq!(answer.header("service-worker-allowed"), Some("/app"));
}

#[tokio::test]
async fn whoever_follows_a_link_gets_a_page_when_something_fails() {
    let (bench, _phone) = Bench::with_phone().await;
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (path, words) in
        [("/sign-in/x", "There is nothing here"), ("/nowhere", "There is nothing here")]
    {
        let shown = bench.get(path).header(header::ACCEPT, browser).send().await;
        assert_eq!(shown.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(shown.text(404).contains(words), "{path}");
        // A program's answer stays one.
        assert_eq!(bench.get(path).send().await.problem(404), "not_found");
    }
}
