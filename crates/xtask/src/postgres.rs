//! A private PostgreSQL for the tests: made, started and stopped by whoever needs it.
//!
//! It listens on a Unix socket in a folder of its own and on no port, so nothing on the machine can
//! collide with it or reach it. Commits are durable, as the tests and benches want them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::run;

/// What tests look at; without it they run on SQLite alone.
pub const VARIABLE: &str = "PUSHBACK_TEST_POSTGRES";

/// The user that the server runs as when we are root, which PostgreSQL refuses to run as. Debian's
/// package makes it.
const SERVER_USER: &str = "postgres";

/// Where Debian's packages put the programs, one folder a version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The oldest major version that the store is meant for.
const VERSION_MIN: u32 = 14;

/// Options of `cargo xtask postgres`.
#[derive(clap::Args)]
pub struct Args {
    /// The command to run while the server runs, with its address in PUSHBACK_TEST_POSTGRES
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs a command with a private PostgreSQL beside it.
///
/// # Errors
/// If the server cannot be had, or the command fails.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let server = Server::start()?;
    let (program, rest) = args.command.split_first().context("there is no command to run")?;
    run::check(Command::new(program).args(rest).env(VARIABLE, server.url()))
}

/// A running server; it is stopped and its files are removed when this is dropped.
pub struct Server {
    programs: PathBuf,
    user: Option<&'static str>,
    home: PathBuf,
}

impl Server {
    /// Makes and starts a server; PostgreSQL is installed if it is missing and that is possible.
    ///
    /// # Errors
    /// If PostgreSQL is missing and cannot be installed, or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let programs = match find() {
            Some(programs) => programs,
            None => install()?,
        };
        let user = is_root().then_some(SERVER_USER);
        for home in forgotten() {
            drop(Self { programs: programs.clone(), user, home });
        }
        let home = home(user)?;
        let server = Self { programs, user, home };
        server.make().and_then(|()| server.boot()).inspect_err(|_| server.show_log())?;
        Ok(server)
    }

    /// `postgres://…`, understood by the store and by PostgreSQL's own programs.
    pub fn url(&self) -> String {
        let socket = self.home.to_string_lossy().replace('/', "%2F");
        format!("postgres://pushback@{socket}/postgres")
    }

    fn make(&self) -> anyhow::Result<()> {
        let mut initdb = self.program("initdb");
        initdb.arg("--pgdata").arg(self.data());
        // Whoever can open the socket's folder may connect: that is its owner, and root.
        initdb.args(["--username=pushback", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        run::output(&mut initdb).map(|_| ()).context("the server's files cannot be made")
    }

    fn boot(&self) -> anyhow::Result<()> {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c unix_socket_permissions=0700 \
             -c max_connections=400 -c shared_buffers=128MB",
            self.home.display()
        );
        let mut start = self.program("pg_ctl");
        start.arg("--pgdata").arg(self.data()).arg("--log").arg(self.log());
        start.args(["--wait", "--timeout=60", "--options", &options, "start"]);
        // The server inherits the streams; a pipe would wait for it for ever.
        start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        println!("$ pg_ctl start (private server in {})", self.home.display());
        match start.status().context("pg_ctl did not start")?.success() {
            true => Ok(()),
            false => bail!("PostgreSQL did not start"),
        }
    }

    fn halt(&self) {
        if !self.runs() {
            return;
        }
        let mut stop = self.program("pg_ctl");
        stop.arg("--pgdata").arg(self.data()).args(["--mode=immediate", "--wait", "stop"]);
        // One that has just stopped by itself cannot be stopped; that is fine too.
        let _ = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    /// Whether the process in the server's own note is the server. The number may be another's by
    /// now, and what is told to stop must be ours.
    fn runs(&self) -> bool {
        if !Path::new("/proc/self").exists() {
            return true;
        }
        let note = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let process = Path::new("/proc").join(note.lines().next().unwrap_or("none"));
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&*self.data().to_string_lossy())
    }

    fn show_log(&self) {
        if let Ok(log) = std::fs::read_to_string(self.log()) {
            println!("{log}");
        }
        self.halt();
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn log(&self) -> PathBuf {
        self.home.join("server.log")
    }

    fn program(&self, name: &str) -> Command {
        as_user(self.user, &self.programs.join(name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.halt();
        // What cannot be removed is cleared by the next run.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn as_user(user: Option<&str>, program: &Path) -> Command {
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    // The user may not be allowed to enter the folder that we are in.
    command.current_dir("/");
    command
}

/// What the folders of private servers are called, before the number of the process that made them.
const HOME: &str = "pushback-postgres-";

fn parents() -> [PathBuf; 2] {
    [run::target_dir(), std::env::temp_dir()]
}

/// Folders of servers whose maker was killed before it could stop them.
fn forgotten() -> Vec<PathBuf> {
    let entries = parents().into_iter().flat_map(std::fs::read_dir).flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            let maker = name.to_str().and_then(|name| name.strip_prefix(HOME));
            maker.is_some_and(|maker| {
                let is_number = maker.parse::<u32>().is_ok();
                // Without a list of processes nothing is known about them: leave them alone.
                let is_known = Path::new("/proc/self").exists();
                is_number && is_known && !Path::new("/proc").join(maker).exists()
            })
        })
        .map(|entry| entry.path())
        .collect()
}

/// A folder of the server's own: in the target folder, or in the system's temporary one if the user
/// cannot get there or the path is too long for a socket.
fn home(user: Option<&str>) -> anyhow::Result<PathBuf> {
    // 107 bytes and a NUL (unix(7)); the socket is called `.s.PGSQL.5432.lock` at the longest.
    const PATH_BYTES_MAX: usize = 85;
    let name = format!("{HOME}{}", std::process::id());
    for parent in parents() {
        let home = parent.join(&name);
        if home.as_os_str().len() > PATH_BYTES_MAX {
            continue;
        }
        std::fs::create_dir_all(&home)
            .with_context(|| format!("{} cannot be made", home.display()))?;
        if let Some(user) = user {
            run::output(Command::new("chown").arg(user).arg(&home))?;
        }
        run::output(Command::new("chmod").arg("700").arg(&home))?;
        if run::works(as_user(user, Path::new("test")).arg("-w").arg(&home)) {
            return Ok(home);
        }
        std::fs::remove_dir(&home)?;
    }
    bail!("no folder can hold the files of a private PostgreSQL")
}

/// The folder with the newest usable programs.
fn find() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            let is_usable = version >= VERSION_MIN && programs.join("initdb").exists();
            is_usable.then_some((version, programs))
        })
        .max();
    if let Some((_, programs)) = newest {
        return Some(programs);
    }
    let asked = run::output(Command::new("pg_config").arg("--bindir")).ok()?;
    let programs = PathBuf::from(asked.trim());
    programs.join("initdb").exists().then_some(programs)
}

fn install() -> anyhow::Result<PathBuf> {
    if !is_root() || !run::works(Command::new("apt-get").arg("--version")) {
        bail!(
            "PostgreSQL {VERSION_MIN} or later is needed to test the store on it; \
             on Debian: apt-get install postgresql"
        );
    }
    run::check(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", "postgresql"]);
    run::check(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    find().context("PostgreSQL is installed, but its initdb is not found")
}

fn is_root() -> bool {
    run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_holds_the_socket_as_its_host() {
        let server = Server { programs: PathBuf::new(), user: None, home: PathBuf::from("a/b c") };
        assert_eq!(server.url(), "postgres://pushback@a%2Fb c/postgres");
        std::mem::forget(server);
    }
}
