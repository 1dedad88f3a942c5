use std::time::Duration;

use axum::http::{HeaderName, header};
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use pushback_app::Claims;
use serde_json::{Value, json};

use crate::bench::{ALICE, Bench, ORIGIN, Party, code, context, party, text};

fn idempotency_key() -> HeaderName {
    HeaderName::from_static("idempotency-key")
}

/// Verifies a token as a relying party would that knows the address of the service and its own id.
async fn verify(
    bench: &Bench,
    token: &str,
    audience: &str,
) -> jsonwebtoken::errors::Result<TokenData<Claims>> {
    let keys = bench.get("/.well-known/jwks.json").send().await.json(200);
    let head = decode_header(token)?;
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"].as_str() == head.kid.as_deref()).unwrap();
    let key = DecodingKey::from_ec_components(text(key, "x"), text(key, "y"))?;
    // Never the algorithm that the token names.
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_issuer(&[ORIGIN]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    decode(token, &key, &rules)
}

#[tokio::test]
async fn a_code_typed_on_the_phone_gives_a_token_that_the_relying_party_verifies() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    assert_eq!((text(&started, "state"), &started["token"]), ("pending", &Value::Null));
    assert_eq!(bench.look(&started).await, started);
    bench.type_code(&phone, &code(&started)).await;

    let verified = bench.look(&started).await;
    assert_eq!(text(&verified, "state"), "verified");
    assert!(verified["decision"]["code"].is_null(), "the code is over");
    let token = text(&verified, "token");
    let claims = verify(&bench, token, &bench.party.id).await.unwrap().claims;
    assert_eq!(claims.sub, ALICE);
    assert_eq!(claims.attempt, text(&started, "id"));
    assert_eq!(claims.acr, "urn:pushback:aal2");
    assert_eq!((claims.iat, claims.exp - claims.iat), (claims.auth_time, 300));
    assert_eq!(decode_header(token).unwrap().typ.as_deref(), Some("pushback-attempt+jwt"));

    assert!(verify(&bench, token, "rp_other").await.is_err(), "it is for one relying party");
    let (_, rest) = token.split_once('.').unwrap();
    let none = pushback_app::to_base64url(br#"{"alg":"none","typ":"JWT"}"#);
    assert!(verify(&bench, &format!("{none}.{rest}"), &bench.party.id).await.is_err());
}

#[tokio::test]
async fn a_token_of_long_ago_is_none_however_often_it_is_asked_for() {
    let bench = Bench::new().await;
    bench.clock.set_ms(1_772_442_900_000);
    let phone = bench.bound(ALICE).await;
    let verified = bench.sign_in(&phone).await;
    let token = text(&verified, "token");
    let error = verify(&bench, token, &bench.party.id).await.unwrap_err();
    assert_eq!(*error.kind(), jsonwebtoken::errors::ErrorKind::ExpiredSignature);
}

#[tokio::test]
async fn a_known_browser_is_known_by_the_cookie_that_it_was_given() {
    let (bench, phone) = Bench::with_phone().await;
    let verified = bench.sign_in(&phone).await;
    let mut context = context();
    context["browser"] = verified["browser"].clone();
    let again = bench.start_with(&json!({ "subscriber": ALICE, "context": context })).await;
    assert_eq!(text(&again["decision"], "kind"), "prompt");
}

#[tokio::test]
async fn whoever_does_not_prove_a_relying_party_is_asked_to() {
    let bench = Bench::new().await;
    let body = json!({ "subscriber": ALICE });
    let Party { id, secret } = bench.party.clone();
    let wrong = Party { id, secret: "wrong".to_owned() };
    let nobody = Party { id: "rp_nobody".to_owned(), secret };
    for authorization in
        [wrong.authorization(), nobody.authorization(), "Basic !".to_owned(), "Bearer x".to_owned()]
    {
        let call = bench.post("/v1/attempts").json(&body);
        let answer = call.header(header::AUTHORIZATION, &authorization).send().await;
        assert_eq!(answer.problem(401), "unauthenticated", "{authorization}");
        let asked = answer.header("www-authenticate").unwrap();
        assert_eq!(asked, "Basic realm=\"pushback\", charset=\"UTF-8\"");
    }
    let answer = bench.post("/v1/attempts").json(&body).send().await;
    assert_eq!(answer.problem(401), "unauthenticated");
}

#[tokio::test]
async fn an_attempt_of_another_relying_party_is_none() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let other = party(&bench.app, "Wiki").await;
    let path = format!("/v1/attempts/{}", text(&started, "id"));
    for (method, path) in [
        ("GET", path.clone()),
        ("GET", format!("{path}/events")),
        ("POST", format!("{path}/cancel")),
        ("GET", format!("{path}/receipt")),
        ("GET", "/v1/attempts/atm_none".to_owned()),
    ] {
        let answer = bench.call(method, &path).by(&other).send().await;
        assert_eq!(answer.problem(404), "not_found", "{method} {path}");
    }
    assert_eq!(bench.look(&started).await, started);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_place() {
    let bench = Bench::new().await;
    for (body, told) in [
        ("{", "line 1 column 1"),
        ("{\"subscriber\":\n 7}", "line 2 column 2"),
        ("{\"subscriber\":\"a\",\"colour\":1}", "unknown field `colour`"),
        ("{\"subscriber\":\"a\",\"context\":{\"code\":1}}", "unknown field `code`"),
        ("{\"subscriber\":\"a\",\"context\":{\"ip\":\"here\"}}", "invalid IP address"),
        ("{\"subscriber\":\"a\",\"assurance\":\"none\"}", "unknown variant `none`"),
        ("{\"context\":{}}", "missing field `subscriber`"),
        ("{\"subscriber\":\"\"}", "the subscriber's name cannot be used"),
    ] {
        let call = bench.post("/v1/attempts").by(&bench.party).bytes(body.as_bytes());
        let answer = call.send().await;
        assert_eq!(answer.problem(400), "invalid_request");
        let detail = answer.json(400);
        assert!(text(&detail, "detail").contains(told), "{body}: {detail}");
    }
    let answer = bench.get("/v1/attempts/atm_1?wait=long").by(&bench.party).send().await;
    assert_eq!(answer.problem(400), "invalid_request");
}

#[tokio::test]
async fn an_address_that_a_browser_would_run_is_refused() {
    let bench = Bench::new().await;
    for url in
        ["javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x", "/back", ""]
    {
        let body = json!({ "subscriber": ALICE, "return_url": url });
        let answer = bench.post("/v1/attempts").by(&bench.party).json(&body).send().await;
        assert_eq!(answer.problem(400), "invalid_request", "{url}");
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_attempt_and_with_another_request_a_problem() {
    let (bench, phone) = Bench::with_phone().await;
    let start = async |key: &str, subscriber: &str| {
        let body = json!({ "subscriber": subscriber, "context": context() });
        let call = bench.post("/v1/attempts").by(&bench.party).json(&body);
        call.header(idempotency_key(), key).send().await
    };
    let first = start("k-1", ALICE).await.json(201);
    let prompt = bench.open(&phone).await;
    assert_eq!(start("k-1", ALICE).await.json(201), first);
    assert_eq!(bench.open(&phone).await, prompt, "it rang once");
    assert_eq!(start("k-1", "bob@example.org").await.problem(422), "idempotency_key_reused");
    assert_ne!(start("k-2", ALICE).await.json(201)["id"], first["id"]);
    assert_eq!(start(&"k".repeat(129), ALICE).await.problem(400), "invalid_request");
    let other = party(&bench.app, "Wiki").await;
    let body = json!({ "subscriber": "bob@example.org" });
    let call = bench.post("/v1/attempts").by(&other).json(&body);
    call.header(idempotency_key(), "k-1").send().await.json(201);
}

#[tokio::test]
async fn a_long_poll_answers_at_the_change() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let (id, version) = (text(&started, "id"), text(&started, "version"));
    let path = format!("/v1/attempts/{id}?wait=60&after={version}");
    let wait = bench.get(&path).by(&bench.party).send();
    let code = code(&started);
    let change = bench.type_code(&phone, &code);
    // The upper bound is for a broken service only; a good one answers at once.
    let both = async { tokio::join!(wait, change) };
    let (answer, _) = tokio::time::timeout(Duration::from_secs(40), both).await.unwrap();
    assert_eq!(text(&answer.json(200), "state"), "verified");

    let path = format!("/v1/attempts/{id}?wait=60&after=another");
    let wait = bench.get(&path).by(&bench.party).send();
    let answer = tokio::time::timeout(Duration::from_secs(40), wait).await.unwrap();
    assert_eq!(text(&answer.json(200), "state"), "verified", "it has changed already");
}

#[tokio::test]
async fn a_cancelled_attempt_is_over_on_the_phone_too() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start().await;
    let prompt = bench.open(&phone).await;
    let path = format!("/v1/attempts/{}/cancel", text(&started, "id"));
    for _ in 0..2 {
        let cancelled = bench.post(&path).by(&bench.party).send().await.json(200);
        assert_eq!(text(&cancelled, "state"), "cancelled");
        assert!(cancelled["decision"]["code"].is_null());
    }
    assert!(bench.open(&phone).await.is_null());
    let body = phone.confirmation(&prompt, &code(&started));
    let path = format!("/v1/prompts/{}/answer", text(&prompt, "id"));
    let late = bench.post(&path).json(&body).signed(&phone).send().await;
    assert_ne!(late.status, 500);
    assert_ne!(text(&bench.look(&started).await, "state"), "verified");
}

#[tokio::test]
async fn a_name_that_nobody_has_gets_the_answers_of_somebody() {
    let (bench, _phone) = Bench::with_phone().await;
    // What is drawn anew each time, and what the name itself is.
    let plain = |mut attempt: Value| {
        for member in ["id", "version", "page_url", "subscriber"] {
            if attempt.get(member).is_some() {
                attempt[member] = "*".into();
            }
        }
        for member in ["code", "expires_at", "until", "prompt"] {
            if attempt["decision"].get(member).is_some() {
                attempt["decision"][member] = "*".into();
            }
        }
        attempt
    };
    let mut answers = Vec::new();
    for name in [ALICE, "nobody@example.org"] {
        let mut series = Vec::new();
        // The second waits for the first, and the third for the second's end.
        for _ in 0..3 {
            let asked = json!({ "subscriber": name, "context": context() });
            let started = bench.start_with(&asked).await;
            series.push(plain(started.clone()));
            series.push(plain(bench.look(&started).await));
            let cancel = format!("/v1/attempts/{}/cancel", text(&started, "id"));
            bench.post(&cancel).by(&bench.party).send().await;
            series.push(plain(bench.look(&started).await));
        }
        answers.push(series);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_relying_party_that_wants_a_passkey_gets_no_code() {
    let (bench, phone) = Bench::with_phone().await;
    let back = "https://rp.example/back";
    let body =
        json!({ "subscriber": ALICE, "assurance": "phishing_resistant", "return_url": back });
    let started = bench.start_with(&body).await;
    assert_eq!(text(&started, "state"), "held");
    assert!(bench.open(&phone).await.is_null());
}

/// Its digest covers the distance to the phone, and all else in it can be guessed.
#[tokio::test]
async fn a_token_says_nothing_of_what_the_phone_showed() {
    let (bench, phone) = Bench::with_phone().await;
    let verified = bench.sign_in(&phone).await;
    let claims = text(&verified, "token").split('.').nth(1).unwrap();
    let claims = pushback_app::from_base64url(claims).unwrap();
    let claims: std::collections::BTreeMap<String, Value> =
        serde_json::from_slice(&claims).unwrap();
    let names: Vec<&str> = claims.keys().map(String::as_str).collect();
    let wanted = ["acr", "amr", "attempt", "aud", "auth_time", "exp", "iat", "iss", "jti", "sub"];
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn receipts_tell_how_the_attempt_ended() {
    let (bench, phone) = Bench::with_phone().await;
    let verified = bench.sign_in(&phone).await;
    let path = format!("/v1/attempts/{}/receipt", text(&verified, "id"));
    let receipts = bench.get(&path).by(&bench.party).send().await.json(200);
    assert!(receipts["receipts"].as_array().unwrap().len() >= 2);
}

#[tokio::test]
async fn a_range_of_burned_passwords_is_told_and_its_failure_is_no_clearance() {
    let bench = Bench::new().await;
    let ask = async |prefix: &str| {
        let body = json!({ "prefix": prefix });
        bench.post("/v1/passwords/check").by(&bench.party).json(&body).send().await
    };
    assert!(ask("5baa6").await.text(200).starts_with("1E4C9B93F3F0682250B6CF8331B7EE68FD8:"));
    assert_eq!(ask("00000").await.problem(503), "no_password_list");
    for wrong in ["5BAA", "5BAA61", "5BAAG"] {
        assert_eq!(ask(wrong).await.problem(400), "invalid_request");
    }
}
