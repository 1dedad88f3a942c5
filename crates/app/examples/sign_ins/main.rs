//! Sign-ins without end, with a worker beside them, and a word about each that was acknowledged:
//! something to kill at any moment.
//!
//! `sign_ins DATABASE FOLDER ID SECRET LIFE` works on a database that has its keys in FOLDER, for the
//! relying party ID. Every LIFE has people of its own, and its clock is a minute ahead of the one
//! before, so that what was taken and not ended comes back while its prompt is still open.

#[path = "../prompts/phone.rs"]
#[expect(dead_code, reason = "the bench uses more of it")]
mod phone;
mod yardsticks {
    /// Why it could not go on.
    pub type Failure = Box<dyn std::error::Error + Send + Sync>;
}

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use pushback_app::{
    Answered, App, CapabilityKey, Clock, DecisionView, KEY_BYTES, MailedCode, NewAttempt, NewPhone,
    Notice, Outside, Parts, PhoneRequest, PushSubscription, RelyingParty, SaidBy, Sent,
    SignedAnswer, SystemClock, SystemEntropy, TokenKey, binding_text,
};
use pushback_model::{Span, Timestamp};
use pushback_store::{Keyring, Options, Store};
use pushback_verify::{Accepts, OperatorId, OperatorProof, Policy, Requester, Text};

use phone::{Phone, Shown};
use yardsticks::Failure;

/// People who sign in at once.
const PEOPLE: u64 = 8;
/// How many seconds each life's clock is ahead of the one before: a lease of the outbox has ended then, and a
/// prompt has not.
const AHEAD_S: i64 = 61;

struct Ahead(Span);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

/// Says whom it wakes, before it could be interrupted.
struct Said;

impl Outside for Said {
    async fn wake(&self, _: &PushSubscription, key: &str, _: Timestamp) -> Sent {
        say(&format!("rang {key}"));
        Sent::Done
    }

    async fn tell(&self, _: &Notice) -> Sent {
        Sent::Done
    }

    async fn mail_code(&self, _: &MailedCode) -> Sent {
        Sent::Done
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, folder, id, secret, life] = arguments.as_slice() else {
        return Err("sign_ins DATABASE FOLDER ID SECRET LIFE".into());
    };
    let life: u64 = life.parse()?;
    let app = open(database, Path::new(folder), life).await?;
    let party = app.authenticate(id, secret).await?;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(Person::bind(&app, format!("{life}-{number}@example.org")).await?);
    }
    let (worker, outside) = (app.clone(), Arc::new(Said));
    tokio::spawn(async move {
        loop {
            match worker.start_work(&outside).await {
                Ok(0) => worker.wait_for_work().await,
                Ok(_) => {}
                Err(error) => say(&format!("failed {error}")),
            }
        }
    });
    let all = people.into_iter().map(|person| {
        let (app, party) = (app.clone(), party.clone());
        tokio::spawn(async move {
            for turn in 0_u64.. {
                person.sign_in(&app, &party, turn).await?;
            }
            Ok::<_, Failure>(())
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await??;
    }
    Ok(())
}

async fn open(database: &str, folder: &Path, life: u64) -> Result<App, Failure> {
    let mut options = Options::new(Keyring::open(&folder.join("keys"))?);
    options.claims_max = u32::MAX;
    Ok(App::new(Parts {
        store: Store::open(database, options).await?,
        policy: Policy::default(),
        name: "Endless".to_owned(),
        origin: "http://localhost:8420".parse()?,
        models: Default::default(),
        tokens: TokenKey::from_pkcs8(&TokenKey::generate()?)?,
        capabilities: CapabilityKey::new(&[7; KEY_BYTES]),
        receipts: None,
        clock: Arc::new(Ahead(Span::seconds(AHEAD_S * i64::try_from(life)?))),
        entropy: Arc::new(SystemEntropy),
    })?)
}

/// Somebody with a phone that can be woken.
struct Person {
    name: String,
    phone: Phone,
    authenticator: String,
}

impl Person {
    async fn bind(app: &App, name: String) -> Result<Self, Failure> {
        let by = || -> Result<_, Failure> {
            Ok(OperatorProof::passkey_session(OperatorId::parse("endless")?, Text::new("endless")))
        };
        let addresses = ["one@example.com", "two@example.net"].map(str::to_owned);
        app.set_addresses(by()?, &name, &addresses).await?;
        let invitation = app.invite(by()?, &name).await?;
        let phone = Phone::new()?;
        let key = phone.key()?;
        let proof = phone.sign(&binding_text(&invitation.secret, &key))?;
        let label = "phone".to_owned();
        let new = NewPhone { code: invitation.secret, subscriber: None, key, proof, label };
        let authenticator = app.bind_phone(&new).await?.id;
        let person = Self { name, phone, authenticator };
        let push = PushSubscription {
            endpoint: format!("https://push.example/{}", person.name),
            p256dh: "p".to_owned(),
            auth: "a".to_owned(),
        };
        app.set_push(&person.proven(app, "PUT", "/v1/push-subscription").await?, Some(push))
            .await?;
        Ok(person)
    }

    async fn proven(
        &self,
        app: &App,
        method: &str,
        path: &str,
    ) -> Result<pushback_app::Phone, Failure> {
        let body = b"{}".as_slice();
        let what = (method, path, body);
        let authorization = self.phone.authorization(&self.authenticator, app.now(), what)?;
        let from = Requester::default();
        let request =
            PhoneRequest { authorization: &authorization, method, path, body, from: &from };
        Ok(app.phone(&request).await?)
    }

    /// Asks, and answers with the code.
    async fn sign_in(&self, app: &App, party: &RelyingParty, turn: u64) -> Result<(), Failure> {
        let new = NewAttempt {
            subscriber: self.name.clone(),
            requester: Requester::default(),
            browser: None,
            accepts: Accepts::Any,
            return_url: None,
            idempotency_key: None,
        };
        let started = app.start_attempt(party, new).await?;
        let DecisionView::Prompt { code: Some(code), .. } = started.decision else {
            return Err(format!("{} was not asked: {:?}", self.name, started.decision).into());
        };
        say(&format!("asked {}", started.id));
        let open = app.prompts(&self.proven(app, "GET", "/v1/prompts").await?).await?.open;
        let open = open.ok_or("the phone has nothing to show")?;
        let shown = Shown {
            id: open.id,
            attempt: &open.attempt,
            subscriber: &open.subscriber,
            relying_party: &open.relying_party,
            lines: open.lines.iter().map(|line| (line.name, line.value.as_deref())).collect(),
        };
        let digest = shown.digest();
        // A phone that looks is rung first.
        tokio::time::sleep(std::time::Duration::from_millis(turn % 5)).await;
        let signature = self.phone.confirm(&open.id.to_string(), &digest, &code)?;
        let path = format!("/v1/prompts/{}/answer", open.id);
        let answer = SignedAnswer {
            prompt: open.id,
            said: SaidBy::Confirm(code),
            context_digest: digest,
            signature,
        };
        let answered = app.answer_prompt(&self.proven(app, "POST", &path).await?, &answer).await?;
        if answered != Answered::Verified {
            return Err(format!("{} was not believed: {answered:?}", self.name).into());
        }
        say(&format!("verified {}", started.id));
        Ok(())
    }
}

/// The dot tells a whole line from one that was cut off.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever does not listen any more is about to kill this process.
    let _ = writeln!(out, "{what} .").and_then(|()| out.flush());
}
