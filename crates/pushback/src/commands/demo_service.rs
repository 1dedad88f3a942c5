//! The second half of `pushback demo`: the prompt service, an invented company, and attacks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use pushback_model::Incident;
use pushback_web::Judged;

use super::serve::{log, runtime};
use super::{Failure, print};
use crate::cli::InputArgs;
use crate::config::Config;
use crate::scan::load;
use crate::serve::Doors;
use crate::serve::lan::LanAddress;
use crate::serve::settings::Settings;
use crate::serve::wiring;

/// Serves until it is stopped. Everything is in a folder of its own that goes with it.
pub fn run(listen: SocketAddr, lan: Option<LanAddress>) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::io("a folder for the demo"))?;
    let mut settings = Settings::default();
    settings.service.listen = listen;
    settings.service.data = folder.path().join("service");
    settings.service.help_desk = "Call Sam and Kim, extension 100.".to_owned();
    // What happens is on the page; the log has only what goes wrong.
    log("error");
    let trail = folder.path().join("audit.ndjson");
    runtime()?.block_on(async {
        let mut doors = Doors::listen(&mut settings).await?;
        let door = match lan {
            Some(lan) => Some(doors.listen_for_phones(lan, &settings).await?),
            None => None,
        };
        let service = wiring::build(&settings).await?;
        let judge = Arc::new(move |lines: &str| judge(&trail, lines));
        let demo = service.web.demo(judge, door).await?;
        let router = service.web.router_with(demo);
        let origin = settings.origin();
        crate::serve::run(&settings, service, router, doors, move |_| {
            let text = format!(
                "\nNOW TRY IT\n\n  {origin}/demo\n\nAn invented company, a phone beside it, and a \
                 panel that attacks. Ctrl-C ends it.\n"
            );
            // A reader that went away wants no address.
            let _ = print(&text);
        })
        .await
        .map_err(Failure::from)
    })
}

/// The engine over the audit trail, as `pushback scan` would judge it.
fn judge(trail: &Path, lines: &str) -> Vec<Judged> {
    let found = || -> Result<Vec<Incident>, Failure> {
        std::fs::write(trail, lines).map_err(Failure::io("the trail"))?;
        let input = InputArgs {
            paths: vec![trail.to_path_buf()],
            threads: Some(1),
            strict: false,
            quiet: true,
        };
        let config = Config::default();
        let loaded = load(&input, &config)?;
        let scan = loaded.judge(&config).map_err(Failure::io("the trail"))?;
        Ok(scan.incidents())
    };
    let incidents = match found() {
        Ok(incidents) => incidents,
        Err(error) => {
            tracing::error!(%error, "the trail could not be judged");
            return Vec::new();
        }
    };
    incidents
        .into_iter()
        .map(|incident| Judged {
            // A new stage of the same incident is news.
            id: format!("{} {}", incident.id, incident.stage.name()),
            text: format!(
                "The detection engine: {} is {} ({:.0} bits of evidence). Next: {}.",
                incident.subject.name,
                incident.stage.name(),
                incident.evidence_bits,
                incident.next_steps.first().map_or("look at it", String::as_str),
            ),
        })
        .collect()
}
