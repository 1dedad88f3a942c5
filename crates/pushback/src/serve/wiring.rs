//! From settings to a service: keys, database, use cases.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pushback_app::{
    App, CapabilityKey, KEY_BYTES, Parts, SystemClock, SystemEntropy, TokenKey, whole,
};
use pushback_edges::passwords::{RangeSource, Upstream};
use pushback_edges::web_push::{Contact, Sender, VapidKey};
use pushback_edges::whereabouts::{Atlas, Tables as TableFiles};
use pushback_store::{Change, Commit, Key, Keyring, Options, Signer, Store};
use pushback_web::{Settings as WebSettings, TrustedProxies, Web};

use super::describe::{Ranges, Tables};
use super::folder::{self, By};
use super::mails::Mails;
use super::outside::World;
use super::settings::{Settings, check_program};
use super::{door, private};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(String);

impl SetupError {
    pub const fn new(what: String) -> Self {
        Self(what)
    }
}

fn failed(what: impl std::fmt::Display) -> impl FnOnce(String) -> SetupError {
    move |error| SetupError(format!("{what}: {error}"))
}

/// A service that is ready to answer.
pub struct Service {
    pub app: App,
    pub web: Web,
    pub world: World,
}

/// Opens the database and the keys; makes what is missing.
pub async fn open(settings: &Settings, by: By) -> Result<App, SetupError> {
    let service = &settings.service;
    let data = &service.data;
    folder::check_database(service, by)?;
    let origin = settings.check_origin().map_err(SetupError)?;
    let models = settings.models().map_err(failed("passkeys.models"))?;
    private::make_folder(data).map_err(|e| failed(data.display())(e.to_string()))?;
    let is_new = !folder::has_state(settings)?;
    let path = data.join("keys");
    let keys = if is_new { Keyring::create(&path) } else { Keyring::open(&path) };
    let keys = keys.map_err(|error| failed("the key file")(whole(error)))?;
    // It holds our keys, so it is ours.
    private::tighten(data);
    let path = data.join("receipts.pem");
    let receipts = if path.exists() { Signer::open(&path) } else { Signer::create(&path) };
    let receipts = receipts.map_err(|error| failed("the key of receipts")(whole(error)))?;
    let mut options = Options::new(keys);
    options.chain.clone_from(&service.chain);
    let database = folder::database(service);
    // Before there is a file: who finds keys and neither asks where the state is.
    if is_new && database.starts_with("sqlite:") {
        folder::remember_database(service)?;
    }
    let store = Store::open(&database, options)
        .await
        .map_err(|error| failed("the database")(whole(error)))?;
    if is_new || by == By::Service {
        folder::remember_database(service)?;
    }
    let pkcs8 = secret(&store, "token-key", || TokenKey::generate().map_err(whole)).await?;
    let tokens = TokenKey::from_pkcs8(&pkcs8).map_err(|e| failed("the token key")(whole(e)))?;
    let bytes = secret(&store, "capability-key", || Ok(random()?.to_vec())).await?;
    let bytes: [u8; KEY_BYTES] =
        bytes.try_into().map_err(|_| SetupError("the capability key is damaged".to_owned()))?;
    let app = App::new(Parts {
        store,
        policy: settings.policy.clone(),
        name: service.name.clone(),
        origin,
        models,
        tokens,
        capabilities: CapabilityKey::new(&bytes),
        receipts: Some(receipts),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })
    .map_err(|error| SetupError(whole(error)))?;
    app.load_keys().await.map_err(|error| failed("the renewed keys")(whole(error)))?;
    // Not refused here: a service says so where it is looked at, and a command that decides nothing works.
    let compared = app.check_clock().await;
    compared.map_err(|error| failed("the clock of the database")(whole(error)))?;
    Ok(app)
}

/// The whole service.
pub async fn build(settings: &Settings) -> Result<Service, SetupError> {
    // What the settings name comes first: a start that fails for it leaves no state behind.
    let files = TableFiles {
        places: settings.tables.places.clone(),
        networks: settings.tables.networks.clone(),
        hosting: settings.tables.hosting.clone(),
    };
    let atlas = Atlas::open(&files).map_err(|error| SetupError(whole(error)))?;
    let passwords = match (&settings.passwords.local, &settings.passwords.upstream) {
        (Some(path), _) => {
            Some(RangeSource::local(path).map_err(|error| SetupError(whole(error)))?)
        }
        (None, Some(base)) => {
            let upstream = Upstream::new(base, false).map_err(|error| SetupError(whole(error)))?;
            Some(RangeSource::Upstream(upstream))
        }
        (None, None) => None,
    };
    let app = open(settings, By::Service).await?;
    let push = match &settings.push.contact {
        Some(contact) => Some(sender(app.store(), contact).await?),
        None => None,
    };
    let service = &settings.service;
    let web = Web::new(
        app.clone(),
        WebSettings {
            describe: Arc::new(Tables { atlas, has_warned: AtomicBool::new(false) }),
            proxies: TrustedProxies(service.trusted_proxies.clone()),
            certificate_header: service
                .client_certificate_header
                .as_deref()
                .map(pushback_web::certificate_header)
                .transpose()
                .map_err(SetupError)?,
            passwords: passwords.map(|source| Arc::new(Ranges(source)) as Arc<_>),
            push_key: push.as_ref().map(|sender| sender.public_key().to_owned()),
            help_desk: service.help_desk.clone(),
            connections_max: door::connections_max(),
        },
    )
    .map_err(SetupError)?;
    let host = app.origin().host_str().unwrap_or("localhost").to_owned();
    if let Some(Err(what)) = settings.notices.sendmail.as_deref().map(check_program) {
        tracing::error!(what, "notices wait until the program that sends them is there");
    }
    let from = settings.notices.from.clone();
    let world = World {
        app: app.clone(),
        push,
        from: from.unwrap_or_else(|| format!("{} <pushback@{host}>", service.name)),
        help_desk: service.help_desk.clone(),
        sendmail: settings.notices.sendmail.clone(),
        mails: Mails::at(service.data.join("notices")),
    };
    Ok(Service { app, web, world })
}

async fn sender(store: &Store, contact: &str) -> Result<Sender, SetupError> {
    let pkcs8 = secret(store, "push-key", || {
        VapidKey::generate().map(|(_, pkcs8)| pkcs8.to_vec()).map_err(whole)
    })
    .await?;
    let key = VapidKey::from_pkcs8(&pkcs8).map_err(|e| failed("the push key")(whole(e)))?;
    let contact = Contact::parse(contact).map_err(|e| failed("push.contact")(whole(e)))?;
    Sender::new(key, contact, false).map_err(|error| SetupError(whole(error)))
}

fn random() -> Result<[u8; KEY_BYTES], String> {
    let mut bytes = [0; KEY_BYTES];
    pushback_app::Entropy::fill(&SystemEntropy, &mut bytes);
    Ok(bytes)
}

/// A secret that all nodes share: sealed in the database, made by whoever is first.
async fn secret(
    store: &Store,
    name: &str,
    make: impl Fn() -> Result<Vec<u8>, String>,
) -> Result<Vec<u8>, SetupError> {
    let database = |error| failed("the database")(whole(error));
    let key = Key::new("pushback.secret", name).map_err(database)?;
    loop {
        if let Some(document) = store.load(&key).await.map_err(database)? {
            return Ok(document.body);
        }
        let bytes = make().map_err(SetupError)?;
        let change = Change::default().create(key.clone(), bytes);
        match store.commit(change).await.map_err(database)? {
            Commit::Committed(_) | Commit::Conflict(_) => {}
            Commit::Refused(_) => return Err(SetupError("the database is full".to_owned())),
        }
    }
}
