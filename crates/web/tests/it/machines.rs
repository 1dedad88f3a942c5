//! What machines around the service ask for.

use crate::bench::Bench;

#[tokio::test]
async fn counts_that_anybody_may_ask_for_are_counted_once_a_second() {
    let bench = Bench::new().await;
    let questions = async || {
        let metrics = bench.get("/metrics").send().await.text(200);
        let line = metrics.lines().find(|line| line.starts_with("pushback_database_questions_"));
        line.unwrap().to_owned()
    };
    let first = questions().await;
    for _ in 0..20 {
        bench.get("/readyz").send().await.text(200);
    }
    assert_eq!(questions().await, first);
    bench.clock.forward_s(1);
    assert_ne!(questions().await, first);
    // A clock that goes back makes no count last.
    let second = questions().await;
    bench.clock.forward_s(-60);
    assert_ne!(questions().await, second);
}

#[tokio::test]
async fn connections_are_in_the_figures() {
    let bench = Bench::new().await;
    let metrics = bench.get("/metrics").send().await.text(200);
    for line in [
        "pushback_connections_open 0\n",
        "pushback_connections_refused_total{bound=\"address\"} 0\n",
        "pushback_connections_refused_total{bound=\"process\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}
