//! What relying parties have to act on.

use serde_json::json;

use crate::bench::{ALICE, Bench, party, text};

#[tokio::test]
async fn every_relying_party_reads_what_a_report_asks_of_it() {
    let (bench, phone) = Bench::with_phone().await;
    let other = party(&bench.app, "Wiki").await;
    bench.sign_in(&phone).await;
    let before = bench.get("/v1/signals").by(&bench.party).send().await.json(200);
    assert_eq!((&before["signals"], &before["has_more"]), (&json!([]), &json!(false)));
    bench.post("/v1/reports").json(&json!({})).signed(&phone).send().await.json(200);

    let path = format!("/v1/signals?after={}&wait=60", text(&before, "next"));
    for party in [&bench.party, &other] {
        let found = bench.get(&path).by(party).send().await.json(200);
        let signals = found["signals"].as_array().unwrap();
        let kinds: Vec<&str> = signals.iter().map(|signal| text(signal, "kind")).collect();
        assert_eq!(kinds, ["password_burned", "sessions_ended"]);
        assert!(signals.iter().all(|signal| text(signal, "subscriber") == ALICE));
        assert!(signals[0]["since"].is_null() && signals[1]["since"].is_string());
        let path = format!("/v1/signals?after={}", text(&found, "next"));
        let after = bench.get(&path).by(party).send().await.json(200);
        assert_eq!(after["signals"], json!([]));
    }
}

#[tokio::test]
async fn eight_wait_for_the_signals_of_a_relying_party() {
    let (bench, _phone) = Bench::with_phone().await;
    let other = party(&bench.app, "Wiki").await;
    let now = bench.get("/v1/signals").by(&bench.party).send().await.json(200);
    let path = format!("/v1/signals?after={}&wait=60", text(&now, "next"));
    let wait = || bench.get(&path).by(&bench.party).send();
    let all = std::pin::pin!(futures_util::future::join_all((0..8).map(|_| wait())));
    let ninth = std::pin::pin!(async {
        let waiting = "streams_open{of=\"relying_party\"} 8\n";
        while !bench.get("/metrics").send().await.text(200).contains(waiting) {
            tokio::task::yield_now().await;
        }
        assert_eq!(wait().await.problem(429), "too_many_streams");
        bench.get("/v1/signals").by(&bench.party).send().await.json(200);
        bench.get("/v1/signals?wait=1").by(&other).send().await.json(200)
    });
    match futures_util::future::select(ninth, all).await {
        futures_util::future::Either::Left((answered, _)) => assert!(answered["next"].is_string()),
        futures_util::future::Either::Right(_) => panic!("all were answered"),
    }
}

#[tokio::test]
async fn signals_are_for_relying_parties_and_their_cursors_are_ours() {
    let (bench, phone) = Bench::with_phone().await;
    assert_eq!(bench.get("/v1/signals").send().await.problem(401), "unauthenticated");
    let signed = bench.get("/v1/signals").signed(&phone).send().await;
    assert_eq!(signed.problem(401), "unauthenticated");
    let made_up = bench.get("/v1/signals?after=x").by(&bench.party).send().await;
    assert_eq!(made_up.problem(400), "invalid_request");
}
