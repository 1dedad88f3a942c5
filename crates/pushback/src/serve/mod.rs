//! The prompt service: `pushback serve`.

mod describe;
mod door;
pub mod lan;
mod mails;
pub mod note;
mod outside;
mod private;
pub mod settings;
pub mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use pushback_app::{App, whole};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use self::door::{Door, Waits};
use self::lan::Lan;
use self::mails::Mails;
use self::outside::World;
use self::settings::{Settings, Tls};
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

/// Serves until it is told to stop; phones of the local network too, if there is a door for them.
/// `started` is told the address.
///
/// # Errors
/// [`SetupError`] if it cannot start.
pub async fn run(
    settings: &Settings,
    service: Service,
    router: Router,
    lan: Option<Lan>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), SetupError> {
    let Service { app, world, web } = service;
    let mails = world.mails.clone();
    let listen = settings.service.listen;
    let handle = Handle::new();
    let (stopping, is_stopping) = watch::channel(false);
    let mut worker = tokio::spawn(work(app.clone(), Arc::new(world), is_stopping));
    let sweeper = tokio::spawn(sweep(app.clone(), mails));
    let comparer = tokio::spawn(compare_clocks(app.clone()));
    let follower = tokio::spawn(follow_keys(app.clone()));
    tokio::spawn(stop(handle.clone()));
    let told = handle.clone();
    let bound = async move {
        if let Some(address) = told.listening().await {
            started(address);
        }
    };
    let refused = |error: std::io::Error| SetupError::new(format!("{listen}: {error}"));
    let connections = web.connections().clone();
    let waits = match settings.service.trusted_proxies.is_empty() {
        true => Waits::OF_CLIENTS,
        false => Waits::OF_PROXIES,
    };
    let served = async {
        let tls = match &settings.tls {
            Some(tls) => Some(tls_config(tls).await?),
            None => None,
        };
        let door = Door { listen, tls, connections, waits };
        door.serve(router, handle).await.map_err(refused)
    };
    let let_in = async {
        let Some(Lan { listen, tls, .. }) = lan else { return Ok(()) };
        let handle = Handle::new();
        tokio::spawn(stop(handle.clone()));
        let connections = web.connections().clone();
        let door = Door { listen, tls: Some(tls), connections, waits: Waits::OF_CLIENTS };
        let ended = door.serve(web.phone_router(), handle).await;
        ended.map_err(|error| SetupError::new(format!("{listen}: {error}")))
    };
    let all = async { tokio::try_join!(served, let_in).map(drop) };
    let (ended, ()) = tokio::join!(all, bound);
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

async fn tls_config(tls: &Tls) -> Result<RustlsConfig, SetupError> {
    let Tls { certificate, key } = tls;
    install_provider();
    RustlsConfig::from_pem_file(certificate, key).await.map_err(|error| {
        SetupError::new(format!("{} and {}: {error}", certificate.display(), key.display()))
    })
}

/// The provider is one for the whole process; whoever was first had the same one.
fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Waits for the signal to stop, then lets what is being answered end.
async fn stop(handle: Handle<SocketAddr>) {
    let interrupted = tokio::signal::ctrl_c();
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupted => {}
        () = terminated => {}
    }
    tracing::info!("stopping");
    handle.graceful_shutdown(Some(STOP_WITHIN));
}

/// Lets effects leave until the service stops, and then waits for those that are on their way.
async fn work(app: App, world: Arc<World>, mut is_stopping: watch::Receiver<bool>) {
    while !*is_stopping.borrow_and_update() {
        let ended = app.start_work(&world).await;
        // A round is never cut off: what it has taken would wait for its lease to end.
        match ended {
            Ok(0) => tokio::select! {
                () = app.wait_for_work() => {}
                _ = is_stopping.changed() => {}
            },
            Ok(_) => {}
            Err(error) => {
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

/// Takes up keys that were renewed, whichever node they were renewed on.
async fn follow_keys(app: App) {
    let mut every = tokio::time::interval(FOLLOW_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = app.load_keys().await {
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
