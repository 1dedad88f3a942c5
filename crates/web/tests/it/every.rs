//! What holds for every answer.

use serde_json::json;

use crate::bench::{ALICE, Bench, page_path, start, text};

/// Written out once more: a change of the policy is a decision, not a slip.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn every_answer_has_the_strict_policy() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let page = page_path(&started);
    let attempt = format!("/v1/attempts/{}", text(&started, "id"));
    let answers = [
        bench.get("/").send().await,
        bench.get("/app").send().await,
        bench.get("/assets/app/app.js").send().await,
        bench.get("/assets/none").send().await,
        bench.get("/app/worker.js").send().await,
        bench.get(&page).send().await,
        bench.get(&format!("{page}/state")).send().await,
        bench.post(&format!("{page}/cancel")).send().await,
        bench.get(&format!("{page}/events")).send().await,
        bench.get(&attempt).by(&bench.party).send().await,
        bench.get(&attempt).send().await,
        bench.get("/v1/me").signed(&phone).send().await,
        bench.get("/v1/me").send().await,
        bench.get("/v1/time").send().await,
        bench.get("/.well-known/jwks.json").send().await,
        bench.post("/v1/attempts").by(&bench.party).bytes(b"{").send().await,
        bench.get("/nothing").send().await,
        bench.call("PATCH", "/v1/me").send().await,
        bench.get("/healthz").send().await,
        bench.get("/readyz").send().await,
        bench.get("/metrics").send().await,
    ];
    for answer in &answers {
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{}", answer.status);
        }
        assert!(answer.header("cache-control").is_some());
        assert!(answer.header("access-control-allow-origin").is_none());
    }
    let cached = answers.iter().filter(|a| a.header("cache-control") != Some("no-store")).count();
    assert_eq!(cached, 3, "two files that are asked for anew, and the public keys");
}

#[tokio::test]
async fn no_page_has_script_or_style_of_its_own() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start().await;
    for path in [page_path(&started), "/app".to_owned()] {
        let page = bench.get(&path).send().await.text(200);
        assert!(!page.contains(" style=") && !page.contains("<style"), "{path}");
        assert!(!page.contains(" onclick=") && !page.contains("javascript:"), "{path}");
        for script in page.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=\"/assets/") && rest.starts_with("</script>"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let (bench, phone) = Bench::with_phone().await;
    let body = |bytes: usize| {
        let mut body = json!({ "subscriber": ALICE, "context": { "user_agent": "" } });
        let more = bytes - body.to_string().len();
        body["context"]["user_agent"] = "x".repeat(more).into();
        body
    };
    let start =
        async |bytes| bench.post("/v1/attempts").by(&bench.party).json(&body(bytes)).send().await;
    assert_eq!(start(65_536).await.status, 201);
    assert_eq!(start(65_537).await.problem(413), "body_too_large");
    for path in ["/v1/authenticators", "/v1/passwords/check"] {
        let call = bench.post(path).by(&bench.party).json(&body(65_537));
        assert_eq!(call.send().await.problem(413), "body_too_large", "{path}");
    }
    let call = bench.post("/v1/reports").json(&body(65_537)).signed(&phone);
    assert_eq!(call.send().await.problem(413), "body_too_large");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/v2/attempts").send().await.problem(404), "not_found");
    // Bytes that are no text name nothing either.
    for path in ["/v1/attempts/%FF", "/sign-in/%FF", "/sign-in/%FF/recovery", "/assets/%FF"] {
        let answer = bench.get(path).by(&bench.party).send().await;
        assert_eq!(answer.problem(404), "not_found", "{path}");
    }
    let answer = bench.call("DELETE", "/v1/time").send().await;
    assert_eq!(answer.problem(405), "method_not_allowed");
}

#[tokio::test]
async fn machines_learn_how_the_service_is() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/healthz").send().await.text(200), "ok\n");
    assert_eq!(bench.get("/readyz").send().await.text(200), "ready\n");
    let metrics = bench.get("/metrics").send().await.text(200);
    for name in [
        "pushback_http_answers_total{class=\"2xx\"} ",
        "pushback_outbox_waiting ",
        "pushback_outbox_dead 0\n",
    ] {
        assert!(metrics.contains(name), "{metrics}");
    }
}

#[tokio::test]
async fn a_node_whose_clock_jumped_says_so_and_decides_nothing() {
    let (bench, _phone) = Bench::with_phone().await;
    let half_a_year_s = 180 * 86_400;
    bench.clock.jump_s(half_a_year_s);
    let asked = bench.call("POST", "/v1/attempts").by(&bench.party).json(&start(ALICE));
    let refused = asked.send().await;
    assert_eq!(refused.problem(503), "clock_in_doubt");
    assert!(!refused.text(503).contains("180d"), "how far is for operators");
    let ready = bench.get("/readyz").send().await;
    assert_eq!(ready.problem(503), "not_ready");
    assert!(ready.text(503).contains("clock jumped by 180d"), "{}", ready.text(503));
    let metrics = bench.get("/metrics").send().await.text(200);
    assert!(metrics.contains("pushback_clock_doubted 1\n"), "{metrics}");
    assert!(metrics.contains("pushback_clock_refusals_total 1\n"), "{metrics}");

    bench.clock.jump_s(-half_a_year_s);
    assert_eq!(bench.get("/readyz").send().await.text(200), "ready\n");
    assert!(bench.get("/metrics").send().await.text(200).contains("pushback_clock_doubted 0\n"));
    assert_eq!(bench.start().await["decision"]["kind"], "prompt");
}

#[tokio::test]
async fn a_relying_party_is_told_that_a_clock_had_run_ahead() {
    let (bench, _phone) = Bench::with_phone().await;
    bench.clock.forward_s(180 * 86_400);
    bench.start().await;
    bench.clock.forward_s(-180 * 86_400);
    let held = bench.start().await;
    let decision = &held["decision"];
    assert_eq!(decision["kind"], "passkey_only", "{held}");
    assert_eq!(decision["reasons"][0]["code"], "clock_ahead", "{held}");
}
