//! `pushback serve` as a process: how it starts, what it refuses, and what commands do beside it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::run::{Ran, command, service};

/// Nothing here takes that long.
const BROKEN: Duration = Duration::from_secs(60);
/// Any port that is free.
const ANY: &str = "127.0.0.1:0";

/// A service that answers, until it is dropped.
struct Running {
    child: Child,
    /// Where it listens.
    address: String,
    /// Kept open, so that the service can go on writing.
    log: Option<BufReader<ChildStderr>>,
}

impl Running {
    fn start(data: &Path) -> Self {
        let child = serve(data, &["--listen", ANY]).stderr(Stdio::piped()).spawn().unwrap();
        let mut running = Self { child, address: String::new(), log: None };
        let mut log = BufReader::new(running.child.stderr.take().unwrap());
        let mut line = String::new();
        while log.read_line(&mut line).unwrap() > 0 {
            let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if said["fields"]["message"] == "serving" {
                running.address = said["fields"]["address"].as_str().unwrap().to_owned();
                running.log = Some(log);
                return running;
            }
            line.clear();
        }
        panic!("it did not start");
    }

    /// Stops it as systemd does, and gives its exit code.
    fn stop(&mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let code = self.child.wait().unwrap().code();
        self.log = None;
        code
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(data: &Path, args: &[&str]) -> Command {
    let mut command = command();
    for variable in
        ["PUSHBACK_SERVE_CONFIG", "PUSHBACK_DATABASE", "PUSHBACK_ORIGIN", "PUSHBACK_LOG"]
    {
        command.env_remove(variable);
    }
    command.env("PUSHBACK_DATA", data).arg("serve").args(args);
    command
}

/// What a start says that does not get as far as to serve.
fn refused(data: &Path, args: &[&str]) -> Ran {
    let child = serve(data, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = rustix::process::Pid::from_child(&child);
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    match end.recv_timeout(BROKEN) {
        Ok(output) => output.unwrap().into(),
        Err(_) => {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            panic!("it neither serves nor ends");
        }
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_certificate_that_cannot_be_used_ends_the_start_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("serve.toml");
    std::fs::write(folder.path().join("garbage.pem"), "garbage").unwrap();
    for (certificate, said) in
        [("none.pem", "none.pem: does not exist"), ("garbage.pem", "garbage.pem holds no")]
    {
        let text = format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"none.pem\"\n");
        std::fs::write(&config, text).unwrap();
        let ran = refused(&data, &["--listen", ANY, "--config", config.to_str().unwrap()]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
        assert!(!data.exists(), "nothing is left behind");
    }
}

#[test]
fn a_port_in_use_ends_the_start_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind(ANY).unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ran = refused(folder.path(), &["--listen", &address]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains(&format!("{address} is in use")), "{}", ran.err);
    assert!(ran.err.contains("--listen"), "{}", ran.err);
    assert!(is_empty(folder.path()));

    // The door of phones is one port further.
    let before = other.local_addr().unwrap().port() - 1;
    let before = format!("127.0.0.1:{before}");
    let ran = refused(folder.path(), &["--listen", &before, "--lan=127.0.0.1"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("is in use"), "{}", ran.err);
    assert!(is_empty(folder.path()));
}

#[test]
fn a_folder_has_one_service_and_its_keys_are_not_rotated_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut running = Running::start(data);
    let second = refused(data, &["--listen", ANY]);
    assert_eq!(second.code, 3, "{}", second.err);
    assert!(second.err.contains("another service"), "{}", second.err);
    let invited = service(data, &["operator", "invite", "kim"]);
    let port = running.address.rsplit(':').next().unwrap();
    assert!(invited.out.contains(&format!("http://localhost:{port}/")), "{}", invited.out);

    let keys = std::fs::read(data.join("keys")).unwrap();
    for args in [["keys", "rotate"].as_slice(), &["restored"]] {
        let beside = service(data, args);
        assert_eq!((beside.code, beside.out.as_str()), (3, ""), "{args:?}");
        assert!(beside.err.contains("stop it first, on every node"), "{args:?}: {}", beside.err);
    }
    assert_eq!(std::fs::read(data.join("keys")).unwrap(), keys);
    assert_eq!(service(data, &["keys", "renew"]).code, 0);

    assert_eq!(running.stop(), Some(0));
    let rotated = service(data, &["keys", "rotate"]);
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    let said = rotated.out;
    assert!(said.contains("stopped everywhere: copy") && said.contains("keys reseal"), "{said}");
}

#[test]
fn an_explicit_address_counts_unless_the_service_runs_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let config = folder.path().join("serve.toml");
    std::fs::write(&config, "[service]\nlisten = \"127.0.0.1:9\"\ndata = \".\"\n").unwrap();
    let invite = || {
        let config = config.to_str().unwrap();
        service(data, &["operator", "invite", "kim", "--config", config]).out
    };
    let mut running = Running::start(data);
    let port = running.address.rsplit(':').next().unwrap().to_owned();
    assert!(invite().contains(&format!("http://localhost:{port}/")), "{}", invite());
    running.stop();
    assert!(invite().contains("http://localhost:9/"), "{}", invite());
}

#[test]
fn a_log_that_cannot_be_read_as_a_choice_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind(ANY).unwrap();
    let listen = port.local_addr().unwrap().to_string();
    let mut command = serve(folder.path(), &["--listen", &listen]);
    let ran: Ran = command.env("PUSHBACK_LOG", "pushback=loud").output().unwrap().into();
    assert!(ran.err.contains("PUSHBACK_LOG cannot be read"), "{}", ran.err);
}
