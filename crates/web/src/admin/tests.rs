mod desk;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use pushback_app::{MailedCode, NewAttempt, Notice, Outside, PushSubscription, Sent};
use pushback_model::Timestamp;
use pushback_store::{Change, Commit, Key};
use pushback_verify::{Accepts, OperatorId, Requester, Text};
use serde_json::json;

use self::desk::{ALICE, Desk, sam};

const PAGES: [&str; 8] = [
    "/admin",
    "/admin/subscribers",
    "/admin/subscribers/alice@example.org",
    "/admin/relying-parties",
    "/admin/incidents",
    "/admin/prompts",
    "/admin/policy",
    "/admin/audit",
];

const FORMS: [&str; 19] = [
    "/admin/sign-out",
    "/admin/relying-parties",
    "/admin/relying-parties/rp_x/secret",
    "/admin/relying-parties/rp_x/delete",
    "/admin/subscribers",
    "/admin/subscribers/alice@example.org/authenticators/1/invalidate",
    "/admin/subscribers/alice@example.org/authenticators/1/dispute",
    "/admin/subscribers/alice@example.org/authenticators/1/settle",
    "/admin/subscribers/alice@example.org/invitations",
    "/admin/subscribers/alice@example.org/calls",
    "/admin/subscribers/alice@example.org/addresses",
    "/admin/subscribers/alice@example.org/role",
    "/admin/subscribers/alice@example.org/suspend",
    "/admin/subscribers/alice@example.org/restore",
    "/admin/subscribers/alice@example.org/incident/close",
    "/admin/subscribers/alice@example.org/clock",
    "/admin/subscribers/alice@example.org/resets",
    "/admin/subscribers/alice@example.org/resets/1/confirm",
    "/admin/subscribers/alice@example.org/resets/1/cancel",
];

fn of_alice(path: &str) -> String {
    format!("/admin/subscribers/{ALICE}{path}")
}

#[tokio::test]
async fn every_page_and_every_form_needs_a_session() {
    let desk = Desk::open().await;
    for cookie in ["", "__Host-pushback-admin=x", "pushback-admin="] {
        let request = |method: Method, path: &str| {
            let request = Request::builder().method(method).uri(path);
            request.header(header::COOKIE, cookie).body(Body::empty()).unwrap()
        };
        for path in PAGES.into_iter().chain(["/admin/audit/download"]) {
            let got = desk.send(request(Method::GET, path)).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{path}");
            assert_eq!(got.header(header::LOCATION), "/admin/sign-in", "{path}");
        }
        for path in FORMS {
            let got = desk.send(request(Method::POST, path)).await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    let open = desk.send(Request::get("/admin/sign-in").body(Body::empty()).unwrap()).await;
    assert_eq!(open.status, StatusCode::OK);
    let open = desk.send(Request::get("/admin/enrol").body(Body::empty()).unwrap()).await;
    assert_eq!(open.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_without_the_sessions_token_changes_nothing() {
    let desk = Desk::open().await;
    let (sam, kim) = (desk.signed_in("sam").await, desk.signed_in("kim").await);
    let before = desk.app.audit_chains().await.unwrap()[0].entries;
    for wrong in ["", "x", &kim.csrf, &sam.csrf[1..]] {
        for path in FORMS {
            let got = sam.post_with(wrong, path, &[("name", "Payroll")]).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert_eq!(desk.app.audit_chains().await.unwrap()[0].entries, before);
    assert_eq!(sam.get("/admin/policy").await.status, StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn a_sign_in_cannot_be_sent_by_a_form() {
    let desk = Desk::open().await;
    for path in ["/admin/sign-in", "/admin/enrol", "/admin/enrol/options"] {
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let request = Request::post(path).header(header::CONTENT_TYPE, kind);
            let got = desk.send(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {kind}");
        }
    }
}

#[tokio::test]
async fn the_sessions_cookie_is_strict() {
    let desk = Desk::open().await;
    let sam = desk.signed_in("sam").await;
    let (value, rest) = sam.set_cookie.split_once(';').unwrap();
    assert!(value.starts_with("__Host-pushback-admin="));
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Strict; Secure");
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let desk = Desk::open().await;
    let sam = desk.signed_in("sam").await;
    let out = sam.post("/admin/sign-out", &[]).await;
    assert!(out.header(header::SET_COOKIE).contains("Max-Age=0"));
    assert_eq!(sam.get("/admin/policy").await.header(header::LOCATION), "/admin/sign-in");
}

#[tokio::test]
async fn every_page_has_the_strict_headers() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let sam = desk.signed_in("sam").await;
    for path in PAGES.into_iter().chain(["/admin/sign-in", "/admin/enrol"]) {
        let got = sam.get(path).await;
        assert!(got.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(got.header("cache-control"), "no-store", "{path}");
        assert_eq!(got.header("x-frame-options"), "DENY", "{path}");
        for inline in ["<style", " style=", " onclick=", "javascript:"] {
            assert!(!got.body.contains(inline), "{path} has {inline}");
        }
        let scripts = got.body.matches("<script").count();
        assert_eq!(scripts, got.body.matches("<script type=\"module\" src=").count(), "{path}");
    }
}

#[tokio::test]
async fn a_relying_party_is_made_and_its_secret_works() {
    let desk = Desk::open().await;
    let admin = desk.signed_in("sam").await;
    let made = admin.post("/admin/relying-parties", &[("name", "Payroll")]).await;
    let id = made.after("<dt>Id</dt><dd><code class=\"pick\">");
    let secret = made.after("<dt>Secret</dt><dd><code class=\"pick\">");
    assert_eq!(desk.app.authenticate(&id, &secret).await.unwrap().name, "Payroll");
    let listed = admin.get("/admin/relying-parties").await;
    assert!(listed.body.contains(&id) && !listed.body.contains(&secret), "shown once");

    let renewed = admin.post(&format!("/admin/relying-parties/{id}/secret"), &[]).await;
    let newer = renewed.after("<dt>Secret</dt><dd><code class=\"pick\">");
    assert!(desk.app.authenticate(&id, &secret).await.is_err());
    assert!(desk.app.authenticate(&id, &newer).await.is_ok());

    let gone = admin.follow(&format!("/admin/relying-parties/{id}/delete"), &[]).await;
    assert!(gone.body.contains("The relying party is deleted."));
    assert!(desk.app.authenticate(&id, &newer).await.is_err());
    let nameless = admin.post("/admin/relying-parties", &[("name", " ")]).await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
    assert!(nameless.body.contains("A relying party needs a name"));
}

#[tokio::test]
async fn an_invitation_binds_a_phone() {
    let desk = Desk::open().await;
    let admin = desk.signed_in("sam").await;
    let form = [
        ("name", "Alice@Example.org"),
        ("first", "one@example.com"),
        ("second", "two@example.net"),
    ];
    let added = admin.follow("/admin/subscribers", &form).await;
    assert!(added.body.contains("Added."));
    let again = admin.post("/admin/subscribers", &form).await;
    assert!(again.body.contains("There is a subscriber of this name."));

    let invited = admin.post(&of_alice("/invitations"), &[]).await;
    assert!(invited.body.contains("<svg"));
    let code = invited.after("<dt>Code</dt><dd><code class=\"pick\">");
    let link = invited.after("<dt>Link</dt><dd><code class=\"pick\">");
    let (_, secret) = link.split_once("#bind=").unwrap();
    assert_eq!(desk.bind(secret, "phone <b>of</b> Alice").await.subscriber, ALICE);
    let page = admin.get(&of_alice("")).await;
    assert!(page.body.contains("phone &#60;b&#62;of&#60;/b&#62; Alice"));
    assert!(!page.body.contains(&code) && !page.body.contains(secret), "shown once");

    let second = admin.follow(&of_alice("/invitations"), &[]).await;
    assert!(
        second.body.contains("Not done. A second person has to confirm, or the delay to pass.")
    );
}

#[tokio::test]
async fn a_refusal_of_the_rules_is_told_in_words() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let admin = desk.signed_in("sam").await;
    let refused = admin.follow(&of_alice("/calls"), &[]).await;
    assert!(refused.body.contains("Not done. No phone is bound."));
    let wrong = admin.post(&of_alice("/addresses"), &[("first", "<b>"), ("second", "x")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.body.contains("is no mail address.") && !wrong.body.contains("<b>\""));
    let strange = admin.get(&of_alice("?done=%3Cb%3E&refused=you+won")).await;
    assert!(!strange.body.contains("role=\"status\""), "a link puts no words on a page");
    let nobody = admin.get("/admin/subscribers/nobody").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    assert!(nobody.body.contains("There is no such thing."));
}

#[tokio::test]
async fn names_with_markup_are_escaped() {
    let desk = Desk::open().await;
    let admin = desk.signed_in("sam").await;
    let name = "<script>alert(1)</script>";
    let made = admin.post("/admin/relying-parties", &[("name", name)]).await;
    assert!(made.body.contains("&#60;script&#62;alert(1)") && !made.body.contains(name));
    let found = admin.get("/admin/subscribers?q=%22%3E%3Cscript%3E").await;
    assert!(
        found.body.contains("&#34;&#62;&#60;script&#62;") && !found.body.contains("\"><script>")
    );
}

#[tokio::test]
async fn a_report_stops_prompts_until_somebody_lets_them_ring_again() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let admin = desk.signed_in("sam").await;
    let stopped = admin.follow(&of_alice("/suspend"), &[]).await;
    assert!(stopped.body.contains("Prompts are stopped, and an incident is open."));
    assert!(stopped.body.contains("They reported an attack."));
    assert!(admin.get("/admin/incidents").await.body.contains(ALICE));
    assert!(admin.get("/admin/subscribers").await.body.contains("<strong>stopped</strong>"));
    let invited = admin.follow(&of_alice("/invitations"), &[]).await;
    assert!(invited.body.contains("Not done. An incident is open; close it first."));

    let closed = admin.follow(&of_alice("/incident/close"), &[]).await;
    assert!(closed.body.contains("The incident is closed."));
    let restored = admin.follow(&of_alice("/restore"), &[]).await;
    assert!(restored.body.contains("Prompts ring again."));
    assert!(!admin.get("/admin/incidents").await.body.contains(ALICE));
}

#[tokio::test]
async fn a_clock_that_had_run_ahead_is_set_right_by_the_button_that_shows_only_then() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let admin = desk.signed_in("sam").await;
    let button = "Set the clock right";
    assert!(!admin.get(&of_alice("")).await.body.contains(button));
    let key = Key::new("subscriber", ALICE).unwrap();
    let found = desk.app.store().load(&key).await.unwrap().unwrap();
    let mut state: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
    state["seen_at"] = json!("2031-01-01T00:00:00Z");
    let ahead =
        Change::at(desk.app.now()).update(key, found.version, state.to_string().into_bytes());
    assert!(matches!(desk.app.store().commit(ahead).await.unwrap(), Commit::Committed(_)));

    let page = admin.get(&of_alice("")).await;
    assert!(page.body.contains(button) && page.body.contains("2031-01-01"), "{}", page.body);
    let set = admin.follow(&of_alice("/clock"), &[]).await;
    assert!(set.body.contains("The clock is set right.") && !set.body.contains(button));
    assert_eq!(desk.app.subscriber(ALICE).await.unwrap().clock_ahead, None);
}

#[tokio::test]
async fn a_reset_is_confirmed_by_a_second_person() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let invitation = desk.app.invite(sam(), ALICE).await.unwrap();
    desk.bind(&invitation.secret, "phone").await;
    let (sam, kim) = (desk.signed_in("sam").await, desk.signed_in("kim").await);
    let asked = sam.follow(&of_alice("/resets"), &[]).await;
    assert!(asked.body.contains("The reset waits."));
    let (id, _, _) = desk.app.subscriber(ALICE).await.unwrap().reset.unwrap();
    let confirm = of_alice(&format!("/resets/{id}/confirm"));
    let alone = sam.follow(&confirm, &[]).await;
    assert!(alone.body.contains("Not done. A second person has to confirm"));
    let done = kim.follow(&confirm, &[]).await;
    assert!(done.body.contains("All authenticators are untied."));
    assert!(desk.app.subscriber(ALICE).await.unwrap().authenticators.is_empty());
    let gone = kim.follow(&of_alice(&format!("/resets/{id}/cancel")), &[]).await;
    assert!(gone.body.contains("Not done."));
}

/// The links that were told.
#[derive(Default)]
struct Links(std::sync::Mutex<Vec<String>>);

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

#[tokio::test]
async fn what_was_disputed_answers_again_when_a_second_person_says_so() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let invitation = desk.app.invite(sam(), ALICE).await.unwrap();
    desk.bind(&invitation.secret, "phone").await;
    let links = Links::default();
    while desk.app.work(&links).await.unwrap() > 0 {}
    let link = links.0.into_inner().unwrap().pop().unwrap();
    desk.app.dispute(link.rsplit_once('/').unwrap().1).await.unwrap();
    let (sam, kim) = (desk.signed_in("sam").await, desk.signed_in("kim").await);
    sam.follow(&of_alice("/incident/close"), &[]).await;
    let serial = desk.app.subscriber(ALICE).await.unwrap().authenticators[0].id;
    let settle = of_alice(&format!("/authenticators/{serial}/settle"));
    let asked = sam.follow(&settle, &[]).await;
    assert!(asked.body.contains("A second administrator confirms it"));
    assert!(asked.body.contains("to answer again, asked by sam, alone from"));
    let alone = sam.follow(&settle, &[]).await;
    assert!(alone.body.contains("Not done. A second person has to confirm"));
    assert!(desk.app.subscriber(ALICE).await.unwrap().authenticators[0].is_disputed);
    let done = kim.follow(&settle, &[]).await;
    assert!(done.body.contains("It can answer again."));
    assert!(!desk.app.subscriber(ALICE).await.unwrap().authenticators[0].is_disputed);
}

#[tokio::test]
async fn a_phone_in_other_hands_is_disputed_and_does_not_stop_the_reset() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let invitation = desk.app.invite(sam(), ALICE).await.unwrap();
    desk.bind(&invitation.secret, "phone").await;
    let (sam, kim) = (desk.signed_in("sam").await, desk.signed_in("kim").await);
    let serial = desk.app.subscriber(ALICE).await.unwrap().authenticators[0].id;
    let dispute = of_alice(&format!("/authenticators/{serial}/dispute"));
    assert!(sam.get(&of_alice("")).await.body.contains(&dispute));
    let done = sam.follow(&dispute, &[]).await;
    assert!(done.body.contains("It answers nothing more."));
    assert!(desk.app.subscriber(ALICE).await.unwrap().authenticators[0].is_disputed);
    assert!(!done.body.contains(&dispute), "offered once");
    sam.follow(&of_alice("/incident/close"), &[]).await;
    let asked = sam.follow(&of_alice("/resets"), &[]).await;
    assert!(asked.body.contains("The reset waits."));
    let reset = desk.app.subscriber(ALICE).await.unwrap().reset.unwrap().0;
    let done = kim.follow(&of_alice(&format!("/resets/{reset}/confirm")), &[]).await;
    assert!(done.body.contains("All authenticators are untied."));
}

#[tokio::test]
async fn a_role_can_be_changed_and_the_last_authenticator_stays() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let invitation = desk.app.invite(sam(), ALICE).await.unwrap();
    desk.bind(&invitation.secret, "phone").await;
    let admin = desk.signed_in("sam").await;
    let page = admin.follow(&of_alice("/role"), &[("role", "administrator")]).await;
    assert!(page.body.contains("administers something: passkeys only"));
    let page = admin.follow(&of_alice("/role"), &[("role", "member")]).await;
    assert!(page.body.contains("asked for by sam, alone from"), "{}", page.body);
    assert!(page.body.contains("Confirm that they administer nothing"));
    let alone = admin.follow(&of_alice("/role"), &[("role", "member")]).await;
    assert!(alone.body.contains("Not done."));
    let kept = admin.follow(&of_alice("/role"), &[("role", "administrator")]).await;
    assert!(!kept.body.contains("asked for by sam"));
    let call = admin.post(&of_alice("/calls"), &[]).await;
    assert!(call.body.contains("<dt>Read them this code</dt><dd class=\"call-code\">"));
    let serial = desk.app.subscriber(ALICE).await.unwrap().authenticators[0].id;
    let untie = of_alice(&format!("/authenticators/{serial}/invalidate"));
    // The last one is untied by a reset only, which takes two people.
    let last = admin.follow(&untie, &[]).await;
    assert!(last.body.contains("Not done. It is the last one that signs in; a reset unties it."));
    assert_eq!(desk.app.subscriber(ALICE).await.unwrap().authenticators.len(), 1);
}

#[tokio::test]
async fn the_latest_prompts_are_shown_with_reason_and_outcome() {
    let desk = Desk::open().await;
    desk.subscriber(ALICE).await;
    let invitation = desk.app.invite(sam(), ALICE).await.unwrap();
    desk.bind(&invitation.secret, "phone").await;
    let made =
        desk.app.create_relying_party(&OperatorId::parse("sam").unwrap(), "Payroll").await.unwrap();
    let party = desk.app.authenticate(&made.id, &made.secret).await.unwrap();
    let attempt = || NewAttempt {
        subscriber: ALICE.to_owned(),
        requester: Requester {
            ip: Some("203.0.113.7".parse().unwrap()),
            browser: Some(Text::new("Firefox")),
            ..Requester::default()
        },
        browser: None,
        accepts: Accepts::Any,
        return_url: None,
        idempotency_key: None,
    };
    let first = desk.app.start_attempt(&party, attempt()).await.unwrap();
    desk.app.start_attempt(&party, attempt()).await.unwrap();
    desk.app.cancel_attempt(&party, &first.id).await.unwrap();

    let admin = desk.signed_in("sam").await;
    for path in ["/admin/prompts", &of_alice("")] {
        let page = admin.get(path).await;
        for expected in ["Payroll", "203.0.113.7", "phone rang", "cancelled"] {
            assert!(page.body.contains(expected), "{path} has no {expected}");
        }
        assert!(page.body.contains("another sign-in is waiting for an answer"), "{path}");
    }
}

#[tokio::test]
async fn the_audit_trail_is_paged_walked_and_downloaded() {
    let desk = Desk::open().await;
    for number in 0..60 {
        desk.subscriber(&format!("person-{number:02}@example.org")).await;
    }
    let admin = desk.signed_in("sam").await;
    let chain = desk.app.audit_chains().await.unwrap().remove(0);
    let page = admin.get("/admin/audit").await;
    assert!(page.body.contains(&chain.head));
    assert!(page.body.contains(&format!("class=\"num\">{}<", chain.entries)));
    assert!(!page.body.contains("The trail is whole"), "not walked without being asked");
    let older = page.after("<p><a class=\"button\" href=\"").replace("&#38;", "&");
    let mut next = Some(older);
    let mut shown = page.body.matches("class=\"num\"").count();
    while let Some(address) = next.take() {
        let page = admin.get(&address).await;
        shown += page.body.matches("class=\"num\"").count();
        if page.body.contains(">Older ones<") {
            next = Some(page.after("<p><a class=\"button\" href=\"").replace("&#38;", "&"));
        }
    }
    assert_eq!(i64::try_from(shown).unwrap(), chain.entries, "every entry once");
    let walked = admin.get("/admin/audit?verify=1").await;
    assert!(walked.body.contains(&format!("The trail is whole: {} entries.", chain.entries)));

    let file = admin.get("/admin/audit/download").await;
    assert_eq!(file.header(header::CONTENT_TYPE), "application/x-ndjson");
    let numbers: Vec<i64> = file
        .body
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| line["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=chain.entries).collect::<Vec<_>>());
}

#[tokio::test]
async fn subscribers_are_found_by_how_their_name_begins() {
    let desk = Desk::open().await;
    for name in ["al", "alice@example.org", "bob@example.org"] {
        desk.subscriber(name).await;
    }
    for number in 0..60 {
        desk.subscriber(&format!("person-{number:02}@example.org")).await;
    }
    let admin = desk.signed_in("sam").await;
    let found = admin.get("/admin/subscribers?q=AL").await.body;
    assert!(found.contains(">al</a>") && found.contains(ALICE));
    assert!(!found.contains("bob") && !found.contains(">Next page<"));
    let first = admin.get("/admin/subscribers?q=person").await;
    assert!(first.body.contains("person-00") && !first.body.contains("person-59"));
    let next = first.after("<p><a class=\"button\" href=\"").replace("&#38;", "&");
    let second = admin.get(&next).await.body;
    assert!(second.contains("person-59") && !second.contains(">Next page<"));
    let none = admin.get("/admin/subscribers?q=%3Cb%3E").await.body;
    assert!(none.contains("Nobody whose name begins like that."));
}

#[tokio::test]
async fn a_ceremony_of_a_stranger_opens_nothing() {
    let desk = Desk::open().await;
    desk.signed_in("sam").await;
    for body in [json!({}), json!({ "ceremony": "ops_x", "credential": {} })] {
        let got = desk.post_json("/admin/sign-in", &body).await;
        assert!(got.status.is_client_error());
        assert_eq!(got.header(header::SET_COOKIE), "");
    }
    let got = desk.post_json("/admin/enrol/options", &json!({ "invitation": "sam.x" })).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
}
