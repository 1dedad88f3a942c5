//! `pushback serve`: the prompt service.

use std::io::IsTerminal as _;

use pushback_web::PhoneDoor;
use tracing_subscriber::EnvFilter;

use super::{Failure, print};
use crate::cli::{Exit, ServeArgs, ServiceArgs};
use crate::serve::lan::Lan;
use crate::serve::note::Note;
use crate::serve::settings::{EXAMPLE, Settings};
use crate::serve::wiring;

pub fn run(args: &ServeArgs) -> Result<Exit, Failure> {
    if args.example {
        print(EXAMPLE)?;
        return Ok(Exit::Clean);
    }
    let mut settings = given(&args.service)?;
    if let Some(listen) = args.listen {
        settings.service.listen = listen;
    }
    if args.check {
        settings.models().map_err(|what| Failure::Usage(format!("passkeys.models: {what}")))?;
        print("fine\n")?;
        return Ok(Exit::Clean);
    }
    log("info");
    runtime()?.block_on(async {
        let service = wiring::build(&settings).await?;
        let router = service.web.router();
        let origin = settings.origin();
        let note = Note { listen: settings.service.listen, origin: origin.clone() };
        let lan = match args.lan.lan {
            Some(lan) => {
                let port = settings.service.listen.port();
                Some(Lan::prepare(lan, port, &settings.service.data).await?)
            }
            None => None,
        };
        let door = lan.as_ref().map(|lan| lan.door.clone());
        let is_first = service.app.operators().await.is_ok_and(|all| all.is_empty());
        let data = settings.service.data.clone();
        crate::serve::run(&settings, service, router, lan, move |address| {
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
    if settings.service.origin.is_none()
        && let Some(note) = Note::read(&settings.service.data)
    {
        settings.service.listen = note.listen;
        settings.service.origin = Some(note.origin);
    }
    Ok(settings)
}

/// What the file and the options say.
fn given(args: &ServiceArgs) -> Result<Settings, Failure> {
    let mut settings = Settings::load(args.config.as_deref())?;
    if let Some(data) = &args.data {
        settings.service.data.clone_from(data);
    }
    if let Some(database) = &args.database {
        settings.service.database.clone_from(database);
    }
    if let Some(origin) = &args.origin {
        settings.service.origin = Some(origin.clone());
        settings.check_origin().map_err(Failure::Usage)?;
    }
    Ok(settings)
}

/// The machinery that waits for many things at once.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().map_err(Failure::io("starting"))
}

/// Logs of this level and above, unless `PUSHBACK_LOG` says otherwise. They go to standard error: words for people on a terminal, JSON for machines.
pub fn log(level: &str) {
    let filter = EnvFilter::try_from_env("PUSHBACK_LOG").unwrap_or_else(|_| level.into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        // A second start of the same process keeps the first one's log.
        let _ = builder.with_target(false).try_init();
    } else {
        let _ = builder.json().try_init();
    }
}
