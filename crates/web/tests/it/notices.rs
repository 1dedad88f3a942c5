//! The links in notices.

use std::sync::Mutex;

use pushback_app::{MailedCode, Notice, Outside, PushSubscription, Sent};
use pushback_model::Timestamp;
use serde_json::json;

use crate::bench::{ALICE, Bench, ORIGIN, Phone, operator, text};

/// The links that were told.
#[derive(Default)]
struct Links(Mutex<Vec<String>>);

impl Outside for Links {
    async fn wake(&self, _: &PushSubscription, _: &str, _: Timestamp) -> Sent {
        Sent::Done
    }

    async fn tell(&self, notice: &Notice) -> Sent {
        self.0.lock().unwrap().extend(notice.dispute_url.clone());
        Sent::Done
    }

    async fn mail_code(&self, _: &MailedCode) -> Sent {
        Sent::Done
    }
}

/// Alice with a phone, and the path of the link that she was mailed.
async fn bound() -> (Bench, Phone, String) {
    let (bench, phone) = Bench::with_phone().await;
    let links = Links::default();
    while bench.app.work(&links).await.unwrap() > 0 {}
    let link = links.0.into_inner().unwrap().pop().unwrap();
    (bench, phone, link.strip_prefix(ORIGIN).unwrap().to_owned())
}

#[tokio::test]
async fn looking_at_the_link_does_nothing_and_its_button_takes_the_binding_back() {
    let (bench, phone, path) = bound().await;
    for method in ["GET", "HEAD", "GET"] {
        assert_eq!(bench.status(method, &path).await, 200, "{method}");
    }
    let page = bench.get(&path).send().await.text(200);
    assert!(page.contains(&format!("<form method=\"post\" action=\"{path}\"")), "{page}");
    assert!(!page.contains("<script") && !page.contains(ALICE), "{page}");
    bench.sign_in(&phone).await;

    let done = bench.post(&path).send().await.text(200);
    assert!(done.contains("It is stopped") && done.contains("555 0100"), "{done}");
    let refused = bench.get("/v1/me").signed(&phone).send().await;
    assert_eq!(refused.problem(403), "authenticator_disputed");
    let held = bench.start().await;
    assert_eq!(text(&held["decision"], "kind"), "passkey_only");
}

#[tokio::test]
async fn a_link_that_is_over_says_the_same_whatever_the_reason() {
    let (bench, _phone, path) = bound().await;
    bench.post(&path).send().await.text(200);
    let used = bench.post(&path).send().await.text(403);
    let (late, _phone, path) = bound().await;
    late.clock.forward_s(14 * 86_400);
    let late_page = late.get(&path).send().await.text(403);
    let late_post = late.post(&path).send().await.text(403);
    let same = |page: &str| page.contains("This link no longer works") && !page.contains("<form");
    assert!(same(&used) && same(&late_page) && same(&late_post));
    assert_eq!(late_page, late_post);
    assert!(late.app.subscriber(ALICE).await.unwrap().suspended.is_none());
}

#[tokio::test]
async fn a_link_that_was_made_up_is_none() {
    let (bench, phone, path) = bound().await;
    for wrong in [format!("{path}x"), path.replace('.', "~"), "/notices/x".to_owned()] {
        assert_eq!(bench.get(&wrong).send().await.problem(404), "not_found", "{wrong}");
        assert_eq!(bench.post(&wrong).send().await.problem(404), "not_found", "{wrong}");
    }
    bench.sign_in(&phone).await;
}

#[tokio::test]
async fn what_was_disputed_answers_again_when_the_owner_or_the_help_desk_says_so() {
    let (bench, phone, path) = bound().await;
    let list = bench.get("/v1/authenticators").signed(&phone).send().await.json(200);
    assert_eq!(list[0]["is_disputed"], false);
    let id = text(&list[0], "id").to_owned();
    let settle = format!("/v1/authenticators/{id}/settle");
    let body = json!({ "right": "atm_1" });
    let answer = bench.post(&settle).json(&body).signed(&phone).send().await;
    assert_eq!(answer.problem(403), "not_authorised");

    bench.post(&path).send().await.text(200);
    let answer = bench.post(&settle).json(&body).signed(&phone).send().await;
    assert_eq!(answer.problem(403), "authenticator_disputed", "not by itself");
    let sam = || operator("sam");
    let serial = id.parse().unwrap();
    assert!(bench.app.settle_dispute(sam(), ALICE, serial).await.is_err(), "an incident is open");
    bench.app.close_incident(sam(), ALICE).await.unwrap();
    assert!(bench.app.settle_dispute(sam(), ALICE, serial).await.unwrap().is_some());
    let answer = bench.post(&settle).json(&body).signed(&phone).send().await;
    assert_eq!(answer.problem(403), "authenticator_disputed", "not by one alone");
    assert!(bench.app.settle_dispute(operator("kim"), ALICE, serial).await.unwrap().is_none());
    bench.app.restore(sam(), ALICE).await.unwrap();
    bench.sign_in(&phone).await;
}

#[tokio::test]
async fn a_reset_is_stopped_by_the_button_behind_the_link_of_its_notice() {
    let (bench, phone, _) = bound().await;
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    let links = Links::default();
    while bench.app.work(&links).await.unwrap() > 0 {}
    let links = links.0.into_inner().unwrap();
    assert_eq!(links.len(), 2);
    let path = links[0].strip_prefix(ORIGIN).unwrap();
    for method in ["GET", "HEAD", "GET"] {
        assert_eq!(bench.status(method, path).await, 200, "{method}");
    }
    let page = bench.get(path).send().await.text(200);
    assert!(page.contains(&format!("<form method=\"post\" action=\"{path}\"")), "{page}");
    assert!(!page.contains("<script") && !page.contains(ALICE), "{page}");
    assert!(bench.app.subscriber(ALICE).await.unwrap().reset.is_some(), "to look does nothing");

    let done = bench.post(path).send().await.text(200);
    assert!(done.contains("Nothing was reset") && done.contains("555 0100"), "{done}");
    assert!(bench.app.subscriber(ALICE).await.unwrap().reset.is_none());
    let used = bench.post(path).send().await.text(403);
    assert!(used.contains("This link no longer works") && !used.contains("<form"), "{used}");
    for wrong in [format!("{path}x"), path.replace("/stop/", "/notices/"), "/stop/x".to_owned()] {
        assert_eq!(bench.post(&wrong).send().await.problem(404), "not_found", "{wrong}");
    }
    bench.sign_in(&phone).await;
}
