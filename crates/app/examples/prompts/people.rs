//! A population of subscribers, each with a bound phone.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pushback_app::{NewPhone, binding_text};
use pushback_store::{Change, Commit, Key, Store};
use pushback_verify::{OperatorId, OperatorProof, Text};

use crate::phone::Phone;
use crate::yardsticks::Failure;
use crate::{Service, cycle};

/// Sign-ins that everybody has behind them: documents have their lasting size then.
const PAST: usize = 40;
/// Subscribers that are written in one change.
const A_CHANGE: usize = 16;
/// Changes on their way at once.
const AT_ONCE: usize = 64;

/// Subscribers by number. All phones have one key: what a signature costs does not depend on it, and
/// keys of their own for a million of them would.
pub struct People {
    phone: Phone,
    authenticator: String,
    count: usize,
    next: AtomicUsize,
    browsers: Mutex<BTreeMap<usize, String>>,
}

/// One of them.
pub struct Person {
    number: usize,
    /// The name.
    pub name: String,
    /// The phone's public id.
    pub authenticator: String,
    /// Where this one signs in from; nobody else does.
    pub ip: IpAddr,
    /// The cookie of the browser, after the first sign-in.
    pub browser: Option<String>,
}

impl People {
    /// Binds the first one's phone through the use cases, lets it sign in for a while, and copies
    /// what is known of it for the others.
    pub async fn bind(service: &Service, count: usize) -> Result<Self, Failure> {
        let by = || -> Result<_, Failure> {
            Ok(OperatorProof::passkey_session(OperatorId::parse("bench")?, Text::new("bench")))
        };
        let app = &service.app;
        let first = name(0);
        let addresses = ["one@example.com", "two@example.net"].map(str::to_owned);
        app.set_addresses(by()?, &first, &addresses).await?;
        let invitation = app.invite(by()?, &first).await?;
        let phone = Phone::new()?;
        let proof = phone.sign(&binding_text(&invitation.secret, &phone.key()?))?;
        let key = phone.key()?;
        let new = NewPhone {
            code: invitation.secret,
            subscriber: None,
            key,
            proof,
            label: "phone".to_owned(),
        };
        let authenticator = app.bind_phone(&new).await?.id;
        let mut people = Self {
            phone,
            authenticator,
            count: 1,
            next: AtomicUsize::new(0),
            browsers: Mutex::default(),
        };
        for _ in 0..PAST {
            cycle::once(service, &people, &mut cycle::Steps::default()).await?;
        }
        people.copy(app.store(), count).await?;
        people.count = count;
        Ok(people)
    }

    async fn copy(&self, store: &Store, count: usize) -> Result<(), Failure> {
        let first = name(0);
        let mut papers = Vec::new();
        for (kind, id) in [
            ("subscriber", &first),
            ("keys", &first),
            ("contact", &first),
            ("authenticator", &self.authenticator),
        ] {
            let key = Key::new(kind, id)?;
            let document = store.load(&key).await?.ok_or("a document is missing")?;
            papers.push((kind, id.clone(), String::from_utf8(document.body)?));
        }
        let mut on_their_way = Vec::new();
        for from in (1..count).step_by(A_CHANGE) {
            let mut change = Change::default();
            for number in from..count.min(from + A_CHANGE) {
                let (name, authenticator) = (name(number), self.id(number));
                let own = |text: &str| {
                    text.replace(&first, &name).replace(&self.authenticator, &authenticator)
                };
                for (kind, id, body) in &papers {
                    change = change.create(Key::new(kind, &own(id))?, own(body).into_bytes());
                }
            }
            let store = store.clone();
            on_their_way.push(tokio::spawn(async move { store.commit(change).await }));
            if on_their_way.len() == AT_ONCE || from + A_CHANGE >= count {
                for commit in on_their_way.drain(..) {
                    if !matches!(commit.await??, Commit::Committed(_)) {
                        return Err("a subscriber could not be written".into());
                    }
                }
            }
        }
        Ok(())
    }

    /// The phone's key.
    pub const fn phone(&self) -> &Phone {
        &self.phone
    }

    /// The next one. Everybody's turn comes before anybody's comes again, in an order in which
    /// neighbours of the database are no neighbours.
    pub fn next(&self) -> Person {
        // A prime, so that it shares no factor with a count below it.
        const STEP: usize = 7_368_787;
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.count;
        let number = turn * STEP % self.count;
        let (name, authenticator) = (name(number), self.id(number));
        let ip = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | u32::try_from(number).unwrap_or(0)));
        let browser = self.browsers().get(&number).cloned();
        Person { number, name, authenticator, ip, browser }
    }

    /// Keeps the cookie that a browser got.
    pub fn keep(&self, person: &Person, browser: String) {
        self.browsers().insert(person.number, browser);
    }

    fn browsers(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, String>> {
        self.browsers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, number: usize) -> String {
        if number == 0 { self.authenticator.clone() } else { format!("aut_{number:032x}") }
    }
}

fn name(number: usize) -> String {
    format!("subscriber-{number:07}@example.org")
}
