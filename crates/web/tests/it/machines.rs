//! What machines around the service ask for.

use crate::bench::Bench;

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
