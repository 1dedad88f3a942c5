//! privacyIDEA from the Python package index, with a scripted phone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use super::served::{free_address, wait_for};
use crate::run;

/// What is installed.
const PACKAGES: [&str; 2] = ["privacyidea==3.14", "gunicorn==27.0.1"];
/// Processes that serve.
const WORKERS: &str = "2";
/// Subscribers with a token; no two clients share one.
const USERS: usize = 8;

/// A running privacyIDEA; it is stopped when this is dropped.
pub struct Peer {
    child: Child,
    python: PathBuf,
    url: String,
    state: PathBuf,
}

impl Peer {
    /// Installs what is missing, and serves an empty database with a few tokens.
    ///
    /// # Errors
    /// What kept it from that, in one line: the measurement goes on without it.
    pub fn start(folder: &Path) -> Result<Self, String> {
        Self::try_start(folder).map_err(|error| format!("{error:#}"))
    }

    fn try_start(folder: &Path) -> anyhow::Result<Self> {
        let python = install(&folder.join("privacyidea"))?;
        let home = folder.join("privacyidea-data");
        if home.exists() {
            std::fs::remove_dir_all(&home)?;
        }
        std::fs::create_dir_all(&home)?;
        let config = home.join("pi.cfg");
        std::fs::write(&config, settings(&home))?;
        let manage = python.with_file_name("pi-manage");
        for chore in [
            &["setup", "create_enckey"][..],
            &["setup", "create_audit_keys"],
            &["setup", "create_tables"],
            &["admin", "add", "admin", "-p", "bench-admin", "-e", "admin@example.org"],
        ] {
            let mut command = Command::new(&manage);
            command.args(chore).env("PRIVACYIDEA_CONFIGFILE", &config);
            run::output(&mut command)?;
        }
        let state = home.join("phones.json");
        let mut people = String::new();
        for number in 0..USERS {
            let _ = writeln!(people, "u{number}:x:{}:100:U {number},,,:/:/bin/sh", 1_000 + number);
        }
        std::fs::write(home.join("phones.json.passwd"), people)?;
        let address = free_address()?;
        let application = format!(
            "privacyidea.app:create_app(config_name=\"production\", config_file=\"{}\", silent=True)",
            config.display()
        );
        let mut serve = Command::new(python.with_file_name("gunicorn"));
        serve.args(["-w", WORKERS, "-b", &address, &application]).current_dir(&home);
        serve.env("PRIVACYIDEA_CONFIGFILE", &config);
        let log = std::fs::File::create(home.join("gunicorn.log"))?;
        serve.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = serve.spawn().context("gunicorn did not start")?;
        let mut peer = Self { child, python, url: format!("http://{address}"), state };
        wait_for(&address, &mut peer.child)?;
        let users = USERS.to_string();
        run::output(peer.phone("enrol").arg(users)).context("no tokens could be bound")?;
        Ok(peer)
    }

    /// Cycles with so many clients for some seconds.
    ///
    /// # Errors
    /// If one fails.
    pub fn run(&self, clients: usize, seconds: f64) -> anyhow::Result<Value> {
        let mut phone = self.phone("run");
        phone.args([clients.to_string(), seconds.to_string()]);
        Ok(serde_json::from_str(&run::output(&mut phone)?)?)
    }

    /// What is measured.
    #[expect(clippy::unused_self, reason = "there is no version without the program")]
    pub const fn version(&self) -> &'static str {
        "privacyIDEA 3.14, gunicorn with 2 workers"
    }

    fn phone(&self, order: &str) -> Command {
        let script = run::root().join("crates/xtask/peers/privacyidea_phone.py");
        let mut phone = Command::new(&self.python);
        phone.arg(script).args([order, &self.url]).arg(&self.state);
        phone
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its workers end when it does; it is asked, because a killed one leaves them.
        let id = self.child.id().to_string();
        if run::works(Command::new("kill").arg(id)) {
            let _ = self.child.wait();
        }
    }
}

fn install(venv: &Path) -> anyhow::Result<PathBuf> {
    let python = venv.join("bin/python3");
    if run::works(Command::new(&python).args(["-c", "import privacyidea, gunicorn"])) {
        return Ok(python);
    }
    run::check(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    run::check(&mut pip).context("is the Python package index reachable?")?;
    Ok(python)
}

fn settings(home: &Path) -> String {
    let home = home.display();
    format!(
        "SQLALCHEMY_DATABASE_URI = 'sqlite:///{home}/pi.db'\n\
         PI_ENCFILE = '{home}/enckey'\n\
         PI_AUDIT_KEY_PRIVATE = '{home}/private.pem'\n\
         PI_AUDIT_KEY_PUBLIC = '{home}/public.pem'\n\
         PI_LOGFILE = '{home}/pi.log'\n\
         PI_LOGLEVEL = 40\n\
         PI_PEPPER = 'a bench has no secrets'\n\
         SECRET_KEY = 'a bench has no secrets, but this wants to be long'\n"
    )
}
