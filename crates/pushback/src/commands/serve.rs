//! `pushback serve`: the prompt service.

use std::io::IsTerminal as _;

use pushback_web::PhoneDoor;
use tracing_subscriber::EnvFilter;

use super::{Failure, print};
use crate::cli::{Exit, ServeArgs, ServiceArgs};
use crate::serve::Doors;
use crate::serve::folder::{Alone, answers};
use crate::serve::note::Note;
use crate::serve::settings::{EXAMPLE, Settings};
use crate::serve::wiring;

pub fn run(args: &ServeArgs) -> Result<Exit, Failure> {
    if args.example {
        print(EXAMPLE)?;
        return Ok(Exit::Clean);
    }
    if args.check {
        let file = args.service.config();
        Settings::check(file.as_deref(), |settings| overlay(settings, &args.service))?;
        print("fine\n")?;
        return Ok(Exit::Clean);
    }
    let mut settings = given(&args.service)?;
    if let Some(listen) = args.listen {
        settings.service.listen = listen;
    }
    log("info");
    runtime()?.block_on(async {
        let mut doors = Doors::listen(&mut settings).await?;
        let door = match args.lan.lan {
            Some(lan) => Some(doors.listen_for_phones(lan, &settings).await?),
            None => None,
        };
        let _alone = Alone::serve(&settings.service.data)?;
        let service = wiring::build(&settings).await?;
        let router = service.web.router();
        let origin = settings.origin();
        let note = Note { listen: settings.service.listen, origin: origin.clone() };
        let is_first = service.app.operators().await.is_ok_and(|all| all.is_empty());
        let data = settings.service.data.clone();
        crate::serve::run(&settings, service, router, doors, move |address| {
            if let Err(error) = note.leave(&data) {
                tracing::warn!(%error, "other commands will not know this address");
            }
            tracing::info!(%address, origin, "serving");
            if let Some(door) = door {
                let PhoneDoor { origin, fingerprint } = door;
                tracing::info!(%origin, fingerprint, "phones of the local network");
                tracing::info!("bind one: pushback subscriber invite NAME --lan");
            }
            if is_first {
                tracing::info!("nobody administers yet: pushback operator invite NAME");
            }
        })
        .await
    })?;
    Ok(Exit::Clean)
}

/// The settings that a command beside the service works with: links lead to where it was last
/// started, unless something says otherwise.
pub fn settings(args: &ServiceArgs) -> Result<Settings, Failure> {
    let mut settings = given(args)?;
    // What the file says counts, unless the service was started with something else and runs.
    let listens = if settings.has_listen { Some(settings.service.listen) } else { None };
    let counts = |note: &Note| listens.is_none_or(|at| at == note.listen) || answers(note);
    if settings.service.origin.is_none()
        && let Some(note) = Note::read(&settings.service.data).filter(counts)
    {
        settings.service.listen = note.listen;
        settings.service.origin = Some(note.origin);
    }
    Ok(settings)
}

/// What the file and the options say.
fn given(args: &ServiceArgs) -> Result<Settings, Failure> {
    let mut settings = Settings::load(args.config().as_deref())?;
    overlay(&mut settings, args);
    settings.check_database().map_err(Failure::Usage)?;
    settings.check_origin().map_err(Failure::Usage)?;
    Ok(settings)
}

/// What the options say, over what the file says; gives the settings that they are.
fn overlay(settings: &mut Settings, args: &ServiceArgs) -> Vec<&'static str> {
    let mut overlaid = Vec::new();
    let service = &mut settings.service;
    if let Some(data) = args.data() {
        service.data = data;
        overlaid.push("service.data");
    }
    if let Some(database) = args.database() {
        service.database = database;
        overlaid.push("service.database");
    }
    if let Some(origin) = args.origin() {
        service.origin = Some(origin);
        overlaid.push("service.origin");
    }
    overlaid
}

/// The machinery that waits for many things at once.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().map_err(Failure::io("starting"))
}

/// Logs of this level and above, unless `PUSHBACK_LOG` says otherwise. They go to standard error: words
/// for people on a terminal, JSON for machines.
pub fn log(level: &str) {
    let wanted = std::env::var("PUSHBACK_LOG").unwrap_or_default();
    let read = if wanted.is_empty() { Ok(level.into()) } else { EnvFilter::try_new(&wanted) };
    let unread = read.as_ref().err().map(ToString::to_string);
    let filter = read.unwrap_or_else(|_| level.into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        // A second start of the same process keeps the first one's log.
        let _ = builder.with_target(false).try_init();
    } else {
        let _ = builder.json().try_init();
    }
    if let Some(error) = unread {
        tracing::error!(wanted, error, "PUSHBACK_LOG cannot be read; this level counts: {level}");
    }
}
