use std::sync::Mutex;

use pushback_app::{MailedCode, Notice, Outside, PushSubscription, Sent};
use pushback_model::Timestamp;
use pushback_verify::{Act, Notice as Word};
use serde_json::{Value, json};

use crate::bench::{ALICE, Answer, Bench, ORIGIN, Phone, context, page_path, text};

/// Mail and notices, remembered.
#[derive(Default)]
struct Post {
    mailed: Mutex<Vec<MailedCode>>,
    told: Mutex<Vec<Notice>>,
}

impl Outside for Post {
    async fn wake(&self, _: &PushSubscription, _: &str, _: Timestamp) -> Sent {
        Sent::Done
    }

    async fn tell(&self, notice: &Notice) -> Sent {
        self.told.lock().unwrap().push(notice.clone());
        Sent::Done
    }

    async fn mail_code(&self, mailed: &MailedCode) -> Sent {
        self.mailed.lock().unwrap().push(mailed.clone());
        Sent::Done
    }
}

/// Alice with a phone, saved codes, and a sign-in that waits for the phone which she has lost.
struct Lost {
    bench: Bench,
    phone: Phone,
    saved: Vec<String>,
    post: Post,
    attempt: Value,
}

async fn lost() -> Lost {
    let (bench, phone) = Bench::with_phone().await;
    let allowed = json!({ "right": bench.right(&phone).await });
    let codes = bench.post("/v1/recovery-codes").json(&allowed).signed(&phone).send().await;
    let codes = codes.json(201)["codes"].as_array().unwrap().clone();
    let saved = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    let attempt = bench.start().await;
    let lost = Lost { bench, phone, saved, post: Post::default(), attempt };
    lost.work().await;
    lost.post.told.lock().unwrap().clear();
    lost
}

impl Lost {
    async fn work(&self) {
        while self.bench.app.work(&self.post).await.unwrap() > 0 {}
    }

    /// Asks for a mail, and gives the codes of all mails that left so far.
    async fn mail(&self, attempt: &Value, address: &str) -> Vec<String> {
        let asked = post(&self.bench, attempt, "mail", &format!("address={address}")).await;
        let next = format!("{}/recovery/codes", page_path(attempt));
        assert_eq!((asked.status, asked.header("location")), (303, Some(&*next)));
        self.work().await;
        self.post.mailed.lock().unwrap().iter().map(|mail| mail.code.clone()).collect()
    }

    async fn mailed(&self) -> String {
        self.mail(&self.attempt, "first").await.pop().unwrap()
    }

    async fn try_pair(&self, mailed: &str, saved: &str) -> Answer {
        self.try_at(&self.attempt, mailed, saved).await
    }

    async fn try_at(&self, attempt: &Value, mailed: &str, saved: &str) -> Answer {
        post(&self.bench, attempt, "codes", &format!("mailed={mailed}&saved={saved}")).await
    }
}

/// The code in the mail that this attempt's page asks for, and whoever reads it tries it.
pub(crate) async fn mailed_and_tried(bench: &Bench, attempt: &Value) -> String {
    let mail = Post::default();
    post(bench, attempt, "mail", "address=first").await;
    while bench.app.work(&mail).await.unwrap() > 0 {}
    let code = mail.mailed.lock().unwrap().pop().unwrap().code;
    post(bench, attempt, "codes", &format!("mailed={code}&saved=x")).await.text(403);
    code
}

async fn post(bench: &Bench, attempt: &Value, what: &str, body: &str) -> Answer {
    bench.post(&format!("{}/recovery/{what}", page_path(attempt))).form(body).send().await
}

/// A refusal, without what differs between any two attempts.
fn refusal(answer: &Answer, attempt: &Value) -> String {
    answer.text(403).replace(&page_path(attempt), "PAGE")
}

async fn of_nobody(bench: &Bench) -> Value {
    let body = json!({ "subscriber": "nobody@example.org", "context": context() });
    bench.start_with(&body).await
}

#[tokio::test]
async fn a_lost_phone_is_replaced_with_a_mailed_and_a_saved_code() {
    let lost = lost().await;
    let Lost { bench, attempt, .. } = &lost;
    let path = page_path(attempt);
    let hosted = bench.get(&path).send().await.text(200);
    assert!(hosted.contains(&format!("href=\"{path}/recovery\"")), "{hosted}");
    let page = bench.get(&format!("{path}/recovery")).send().await.text(200);
    assert!(!page.contains("one@example.com") && !page.contains("<script"), "{page}");

    let mailed = lost.mailed().await;
    assert_eq!(lost.post.mailed.lock().unwrap()[0].to, "one@example.com");
    let form = bench.get(&format!("{path}/recovery/codes")).send().await.text(200);
    assert!(form.contains("name=\"mailed\"") && form.contains("name=\"saved\""), "{form}");
    // As people type them.
    let answer = lost.try_pair(&mailed.to_lowercase(), &lost.saved[0].replace('-', " ")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let done = answer.text(200);
    assert!(done.contains("<svg"), "{done}");
    let (_, link) = done.split_once(&format!("href=\"{ORIGIN}/app#bind=")).unwrap();
    let code = link.split('"').next().unwrap();

    let mut new = Phone::new();
    let bound = bench.post("/v1/authenticators").json(&new.binding(code)).send().await.json(201);
    new.id = text(&bound, "id").to_owned();
    bench.get("/v1/me").signed(&new).send().await.json(200);
    lost.work().await;
    let told = lost.post.told.lock().unwrap().clone();
    let words: Vec<&Notice> = told
        .iter()
        .filter(|told| matches!(&told.act, Act::Notify { notice: Word::Recovered, .. }))
        .collect();
    let mut to: Vec<&str> = words.iter().filter_map(|told| told.to.as_deref()).collect();
    to.sort_unstable();
    assert_eq!(to, ["one@example.com", "two@example.net"], "every address is told");
    assert_eq!(text(&bench.look(attempt).await, "state"), "pending", "it is no sign-in");
}

#[tokio::test]
async fn the_second_address_gets_the_mail_if_it_is_asked_for() {
    let lost = lost().await;
    assert_eq!(lost.mail(&lost.attempt, "second").await.len(), 1);
    assert_eq!(lost.post.mailed.lock().unwrap()[0].to, "two@example.net");
    let third = post(&lost.bench, &lost.attempt, "mail", "address=third").await;
    assert_eq!(third.problem(400), "invalid_request");
}

#[tokio::test]
async fn no_refusal_says_why_or_who_exists() {
    let mut seen = Vec::new();
    // Neither, one, or the other is right.
    for (is_mailed, is_saved) in [(false, false), (true, false), (false, true)] {
        let lost = lost().await;
        let mailed = lost.mailed().await;
        let mailed = if is_mailed { &mailed } else { "0000-0000" };
        let saved = if is_saved { &lost.saved[0] } else { "0000-0000-0000-0000" };
        seen.push(refusal(&lost.try_pair(mailed, saved).await, &lost.attempt));
    }
    // The code is too old.
    let old = lost().await;
    let mailed = old.mailed().await;
    old.bench.clock.forward_s(600);
    seen.push(refusal(&old.try_pair(&mailed, &old.saved[0]).await, &old.attempt));
    // Used codes, both and each.
    let used = lost().await;
    let mailed = used.mailed().await;
    used.try_pair(&mailed, &used.saved[0]).await.text(200);
    seen.push(refusal(&used.try_pair(&mailed, &used.saved[0]).await, &used.attempt));
    seen.push(refusal(&used.try_pair(&mailed, &used.saved[1]).await, &used.attempt));
    let again = used.mail(&used.attempt, "first").await.pop().unwrap();
    assert_ne!(again, mailed);
    seen.push(refusal(&used.try_pair(&again, &used.saved[0]).await, &used.attempt));
    // An incident is open.
    let hit = lost().await;
    let mailed = hit.mailed().await;
    hit.bench.post("/v1/reports").json(&json!({})).signed(&hit.phone).send().await.json(200);
    let held = hit.bench.start().await;
    seen.push(refusal(&hit.try_at(&held, &mailed, &hit.saved[0]).await, &held));
    // Nobody has the name, and somebody tries Alice's codes with it.
    let nobody = lost().await;
    let mailed = nobody.mailed().await;
    let other = of_nobody(&nobody.bench).await;
    seen.push(refusal(&nobody.try_at(&other, &mailed, &nobody.saved[0]).await, &other));

    assert!(seen[0].contains("Call 555 0100."), "it says what to do: {}", seen[0]);
    for (place, page) in seen.iter().enumerate() {
        assert_eq!(page, &seen[0], "refusal {place}");
    }
}

#[tokio::test]
async fn nobodys_name_gets_the_same_pages_and_no_mail() {
    let lost = lost().await;
    let mine = &lost.attempt;
    let other = of_nobody(&lost.bench).await;
    for page in ["/recovery", "/recovery/codes"] {
        let shown = async |attempt: &Value| {
            let path = page_path(attempt);
            let page = lost.bench.get(&format!("{path}{page}")).send().await.text(200);
            page.replace(&path, "PAGE")
        };
        assert_eq!(shown(mine).await, shown(&other).await);
    }
    for address in ["first", "second"] {
        assert!(lost.mail(&other, address).await.is_empty());
    }
    let rows = lost.bench.app.store().outbox().await.unwrap();
    assert_eq!(rows.dead, 0);
}

#[tokio::test]
async fn an_open_incident_sends_no_mail() {
    let lost = lost().await;
    lost.bench.post("/v1/reports").json(&json!({})).signed(&lost.phone).send().await.json(200);
    let held = lost.bench.start().await;
    assert!(lost.mail(&held, "first").await.is_empty());
}

#[tokio::test]
async fn mails_are_one_at_a_time_and_few_a_day_and_the_page_says_nothing() {
    let lost = lost().await;
    assert_eq!(lost.mail(&lost.attempt, "first").await.len(), 1);
    assert_eq!(lost.mail(&lost.attempt, "first").await.len(), 1, "one is out");
    for sent in [2, 3, 3, 3] {
        lost.bench.clock.forward_s(601);
        let attempt = lost.bench.start().await;
        assert_eq!(lost.mail(&attempt, "first").await.len(), sent);
    }
    // Whoever asks for one address takes nothing from the other, nor from tomorrow.
    let attempt = lost.bench.start().await;
    assert_eq!(lost.mail(&attempt, "second").await.len(), 4);
    lost.bench.clock.forward_s(3 * 3_600);
    let attempt = lost.bench.start().await;
    assert_eq!(lost.mail(&attempt, "first").await.len(), 5);
}

#[tokio::test]
async fn three_guesses_beside_a_saved_code_use_the_mailed_code_up_and_nonsense_does_not() {
    let owner = lost().await;
    let mailed = owner.mailed().await;
    for _ in 0..5 {
        owner.try_pair("0000-0000", "nonsense").await.text(403);
    }
    owner.try_pair(&mailed, &owner.saved[0]).await.text(200);

    let lost = lost().await;
    let mailed = lost.mailed().await;
    for _ in 0..3 {
        lost.try_pair("0000-0000", &lost.saved[0]).await.text(403);
    }
    lost.bench.clock.forward_s(60);
    lost.try_pair(&mailed, &lost.saved[0]).await.text(403);
}

#[tokio::test]
async fn a_page_asks_ten_times_and_writes_nothing_after() {
    let lost = lost().await;
    for _ in 0..9 {
        lost.try_pair("x", "y").await.text(403);
    }
    let mailed = lost.mailed().await;
    let before = lost.bench.app.audit_about(ALICE, Timestamp::from_millis(0)).await.unwrap();
    lost.try_pair(&mailed, &lost.saved[0]).await.text(403);
    lost.mail(&lost.attempt, "first").await;
    let after = lost.bench.app.audit_about(ALICE, Timestamp::from_millis(0)).await.unwrap();
    assert_eq!(before.len(), after.len());
}

#[tokio::test]
async fn a_sign_in_that_is_over_or_old_leads_to_no_recovery() {
    let lost = lost().await;
    let path = page_path(&lost.attempt);
    let recovery = format!("{path}/recovery");
    // Nobody answered: that is how a lost phone looks.
    lost.bench.clock.forward_s(90);
    assert!(lost.bench.get(&path).send().await.text(200).contains(&recovery));
    assert_eq!(lost.bench.get(&recovery).send().await.status, 200);
    lost.bench.clock.forward_s(3_600);
    assert!(!lost.bench.get(&path).send().await.text(200).contains(&recovery));
    let answer = lost.bench.get(&recovery).send().await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(&*path)));
    assert!(lost.mail(&lost.attempt, "first").await.is_empty());

    let denied = lost.bench.start().await;
    let prompt = lost.bench.open(&lost.phone).await;
    let no = lost.phone.denial(&prompt);
    let deny = format!("/v1/prompts/{}/deny", text(&prompt, "id"));
    lost.bench.post(&deny).json(&no).signed(&lost.phone).send().await.json(200);
    assert!(lost.mail(&denied, "first").await.is_empty());
    let made_up = lost.bench.get("/sign-in/atm_1.x/recovery").send().await;
    assert_eq!(made_up.problem(404), "not_found");
}
