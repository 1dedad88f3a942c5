//! The prompt service: `pushback serve`.

mod describe;
mod door;
pub mod folder;
pub mod lan;
mod mails;
pub mod note;
mod outside;
mod private;
pub mod settings;
mod tls;
pub mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use pushback_app::{App, whole};
use pushback_web::PhoneDoor;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use self::door::{Door, Waits};
use self::lan::{Lan, LanAddress};
use self::mails::Mails;
use self::outside::World;
use self::settings::Settings;
use self::wiring::{Service, SetupError};

/// How long requests that are being answered may take when the service stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How long effects that are on their way may take then: a wake-up takes 5 s at most. What takes
/// longer comes back when its lease ends.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// How often what has run out is taken out.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// How often it is looked whether the service's keys were renewed.
const FOLLOW_EVERY: Duration = Duration::from_secs(5);
/// How often this node's clock is compared, whether anybody signs in or not: so soon the minute begins in
/// which a jump settles, and one that agrees with the database's is believed again.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How long to wait after the database failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where the service will be reached. Everything that can be refused about it is refused before there
/// is any state, so that a start that fails leaves nothing behind.
pub struct Doors {
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    lan: Option<(Lan, TcpListener)>,
}

impl Doors {
    /// Listens where the settings say; afterwards they say which port it is, if any would do.
    ///
    /// # Errors
    /// [`SetupError`] naming the address, or the file of certificate or key.
    pub async fn listen(settings: &mut Settings) -> Result<Self, SetupError> {
        let tls = settings.tls.as_ref().map(tls::read).transpose().map_err(|wrong| {
            let wrong: Vec<String> = wrong.into_iter().map(|(_, what)| what).collect();
            SetupError::new(wrong.join("; "))
        })?;
        let listen = &mut settings.service.listen;
        let listener = door::listen(*listen, "--listen or service.listen").await?;
        *listen = listener.local_addr().map_err(|e| SetupError::new(format!("{listen}: {e}")))?;
        Ok(Self { listener, tls, lan: None })
    }

    /// Listens for phones of the local network too, one port further.
    ///
    /// # Errors
    /// [`SetupError`] if there is no address, it is in use, or there is no certificate.
    pub async fn listen_for_phones(
        &mut self,
        at: LanAddress,
        settings: &Settings,
    ) -> Result<PhoneDoor, SetupError> {
        let service = &settings.service;
        let at = at.beside(service.listen.port())?;
        let listener = door::listen(at, "--listen: it is one port further").await?;
        let lan = Lan::prepare(at, &service.data).await?;
        let door = lan.door.clone();
        self.lan = Some((lan, listener));
        Ok(door)
    }
}

/// Serves until it is told to stop; phones of the local network too, if there is a door for them.
/// `started` is told the address.
///
/// # Errors
/// [`SetupError`] if it cannot go on.
pub async fn run(
    settings: &Settings,
    service: Service,
    router: Router,
    doors: Doors,
    started: impl FnOnce(SocketAddr),
) -> Result<(), SetupError> {
    let Doors { listener, tls, lan } = doors;
    let (handle, lan_handle) = (Handle::new(), Handle::new());
    tokio::spawn(stop(signals()?, [handle.clone(), lan_handle.clone()]));
    let Service { app, world, web } = service;
    let mails = world.mails.clone();
    let listen = settings.service.listen;
    let (stopping, is_stopping) = watch::channel(false);
    let mut worker = tokio::spawn(work(app.clone(), Arc::new(world), is_stopping));
    let sweeper = tokio::spawn(sweep(app.clone(), mails));
    let comparer = tokio::spawn(compare_clocks(app.clone()));
    let follower = tokio::spawn(follow_keys(app.clone()));
    let waits = match settings.service.trusted_proxies.is_empty() {
        true => Waits::OF_CLIENTS,
        false => Waits::OF_PROXIES,
    };
    let failed = |at: SocketAddr| move |error| SetupError::new(format!("{at}: {error}"));
    let served = async {
        let door = Door { listener, tls, connections: web.connections().clone(), waits };
        door.serve(router, handle).await.map_err(failed(listen))
    };
    let let_in = async {
        let Some((Lan { listen, tls, .. }, listener)) = lan else { return Ok(()) };
        let connections = web.connections().clone();
        let door = Door { listener, tls: Some(tls), connections, waits: Waits::OF_CLIENTS };
        door.serve(web.phone_router(), lan_handle).await.map_err(failed(listen))
    };
    started(listen);
    let ended = tokio::try_join!(served, let_in).map(drop);
    sweeper.abort();
    comparer.abort();
    follower.abort();
    let _ = stopping.send(true);
    if tokio::time::timeout(LEAVE_WITHIN, &mut worker).await.is_err() {
        worker.abort();
        tracing::warn!("effects were on their way when the service stopped");
    }
    if let Err(error) = app.forget_what_left().await {
        tracing::warn!(%error, "some rings that left will be listed as given up");
    }
    ended
}

/// The provider is one for the whole process; whoever was first had the same one.
fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The signals to stop, caught from now on.
fn signals() -> Result<[Signal; 2], SetupError> {
    let failed = |error| SetupError::new(format!("the signals to stop: {error}"));
    Ok([
        signal(SignalKind::interrupt()).map_err(failed)?,
        signal(SignalKind::terminate()).map_err(failed)?,
    ])
}

/// Waits for a signal to stop, then lets what is being answered end.
async fn stop([mut interrupted, mut terminated]: [Signal; 2], doors: [Handle<SocketAddr>; 2]) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    tracing::info!("stopping");
    for door in doors {
        door.graceful_shutdown(Some(STOP_WITHIN));
    }
}

/// Lets effects leave until the service stops, and then waits for those that are on their way.
async fn work(app: App, world: Arc<World>, mut is_stopping: watch::Receiver<bool>) {
    let mut is_lost = false;
    while !*is_stopping.borrow_and_update() {
        let ended = app.start_work(&world).await;
        if is_lost && ended.is_ok() {
            is_lost = false;
            tracing::info!("the database answers again: effects leave");
        }
        // A round is never cut off: what it has taken would wait for its lease to end.
        match ended {
            Ok(0) => tokio::select! {
                () = app.wait_for_work() => {}
                _ = is_stopping.changed() => {}
            },
            Ok(_) => {}
            Err(error) => {
                is_lost = true;
                tracing::error!(error = whole(error), "effects wait");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
    // What the last requests committed leaves too.
    if let Err(error) = app.start_work(&world).await {
        tracing::error!(error = whole(error), "effects wait");
    }
    app.finish_work().await;
}

async fn sweep(app: App, mails: Mails) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = mails.sweep(app.now()).await {
            tracing::error!(%error, "old mails are still kept");
        }
        if let Err(error) = app.sweep().await {
            tracing::error!(error = whole(error), "sweeping failed");
        }
    }
}

/// Takes up keys that were renewed, whichever node they were renewed on; says once when it cannot.
async fn follow_keys(app: App) {
    let mut has_failed = false;
    let mut every = tokio::time::interval(FOLLOW_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let loaded = app.load_keys().await;
        let is_first = !std::mem::replace(&mut has_failed, loaded.is_err());
        if let (true, Err(error)) = (is_first, loaded) {
            tracing::error!(error = whole(error), "renewed keys were not read: the old ones go on");
        }
    }
}

/// Compares this node's clock with all there is, and says once when it is not believed, and once when it
/// is again.
async fn compare_clocks(app: App) {
    let mut every = tokio::time::interval(COMPARE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_doubted = false;
    loop {
        every.tick().await;
        match app.check_clock().await {
            Ok(Some(doubt)) if !is_doubted => {
                is_doubted = true;
                tracing::error!(%doubt, "this node's clock is not believed");
            }
            Ok(None) if is_doubted => {
                is_doubted = false;
                tracing::info!("this node's clock is believed again");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = whole(error), "the clock was not compared"),
        }
    }
}
