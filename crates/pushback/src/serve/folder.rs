//! The folder of keys: whether it holds state, in which database that is, and who works on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::note::Note;
use super::private;
use super::settings::{Service, Settings};
use super::wiring::SetupError;
use crate::config::why;

/// Which database the state is in, without its password.
const DATABASE: &str = "database";
/// Locked by whoever works on the folder alone.
const LOCK: &str = "lock";
/// How long a service of this machine may take to accept a connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(1);

/// Who opens the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The service itself: what it uses is where the state is.
    Service,
    /// A command beside it, which could be told something else by mistake.
    Command,
}

fn unusable(path: &Path, error: &io::Error) -> SetupError {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => ": run this as the service's user",
        _ => "",
    };
    SetupError::new(format!("{}: {}{hint}", path.display(), why(error)))
}

/// Whether something is there. What cannot be looked at is not taken for absent.
fn is_there(path: &Path) -> Result<bool, SetupError> {
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(false)
        }
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Whether there is state to open: it is sealed, so nothing is state without its keys.
///
/// # Errors
/// [`SetupError`] if the folder may not be looked into.
pub fn has_state(settings: &Settings) -> Result<bool, SetupError> {
    is_there(&settings.service.data.join("keys"))
}

/// The file of an embedded database, as it is named and where it is; `None` for a server.
fn sqlite<'s>(data: &Path, database: &'s str) -> Option<(&'s str, PathBuf)> {
    if database.starts_with("postgres") && database.contains("://") {
        return None;
    }
    let file = database.strip_prefix("sqlite:").unwrap_or(database);
    Some((file, data.join(file)))
}

/// The database's address for the store: a path within the folder is meant from there.
pub fn database(service: &Service) -> String {
    match sqlite(&service.data, &service.database) {
        Some((_, path)) => format!("sqlite:{}", path.display()),
        None => service.database.clone(),
    }
}

/// What may be shown and kept of a database's address.
// SECURITY: neither password nor user is in it, however the address is written. Guarded by
// `a_password_is_neither_kept_nor_shown`.
fn shown(data: &Path, database: &str) -> String {
    if let Some((file, _)) = sqlite(data, database) {
        return format!("sqlite:{file}");
    }
    let place = database.split_once("://").map_or("", |(_, rest)| rest);
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let place = place.split_once('?').map_or(place, |(place, _)| place);
    let is_place = |c: char| c.is_ascii_alphanumeric() || ".,:_/%-[]".contains(c);
    let place = if place.chars().all(is_place) { place } else { "..." };
    format!("postgres://{place}")
}

/// Whether two addresses are one database: a file can be named from the folder or from the root.
fn is_same(data: &Path, one: &str, other: &str) -> bool {
    let place = |database| {
        let (_, path) = sqlite(data, database)?;
        Some(fs::canonicalize(&path).unwrap_or(path))
    };
    one == other || place(one).is_some_and(|path| place(other) == Some(path))
}

/// Refuses another database than the one that the folder's state is in: it would be empty, and answer
/// "nobody" to every question.
///
/// # Errors
/// [`SetupError`] naming both, and what to do.
// SECURITY: who is suspended in one database is not in an empty one. Guarded by
// `another_database_than_that_of_the_folder_is_refused`.
pub fn check_database(service: &Service, by: By) -> Result<(), SetupError> {
    const HOW: &str = "PUSHBACK_DATABASE, --database, or `database` in the configuration";
    let Service { data, database, .. } = service;
    if !is_there(&data.join("keys"))? {
        return Ok(());
    }
    let file = data.join(DATABASE);
    let kept = fs::read_to_string(&file).ok().map(|text| text.trim().to_owned());
    let named = shown(data, database);
    if let Some(kept) = kept.as_deref().filter(|kept| !is_same(data, kept, &named)) {
        let is_empty = match sqlite(data, kept) {
            Some((_, path)) => !is_there(&path)?,
            // The service may find its server under another name today.
            None => by == By::Service && named.starts_with("postgres://"),
        };
        if !is_empty {
            return Err(SetupError::new(format!(
                "the state of {} is in {kept}, but {named} is asked for: give the one that the service \
                 has, with {HOW}; if the state was moved there, remove {}",
                data.display(),
                file.display(),
            )));
        }
    }
    let Some((name, path)) = sqlite(data, database) else { return Ok(()) };
    if is_there(&path)? || (by == By::Service && kept.is_some()) {
        return Ok(());
    }
    Err(SetupError::new(format!(
        "{} holds keys, but {name} is not there: if the state is in PostgreSQL, name it with {HOW}; if it \
         was lost, put a copy back; to begin anew with these keys, write `sqlite:{name}` into {} and \
         start the service",
        data.display(),
        file.display(),
    )))
}

/// Remembers which database the state is in.
///
/// # Errors
/// [`SetupError`] if the file cannot be written.
pub fn remember_database(service: &Service) -> Result<(), SetupError> {
    let file = service.data.join(DATABASE);
    let line = format!("{}\n", shown(&service.data, &service.database));
    if fs::read_to_string(&file).is_ok_and(|kept| kept == line) {
        return Ok(());
    }
    private::write(&file, line.as_bytes()).map_err(|error| unusable(&file, &error))
}

/// The folder, for as long as this is kept, for one alone.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "kept locked")] Option<File>);

impl Alone {
    /// Makes the folder and takes it for a service.
    ///
    /// # Errors
    /// [`SetupError`] if a service, or a command that needs it stopped, is at work there.
    pub fn serve(data: &Path) -> Result<Self, SetupError> {
        private::make_folder(data).map_err(|error| unusable(data, &error))?;
        let path = data.join(LOCK);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(Some(file))),
            Err(TryLockError::WouldBlock) => Err(SetupError::new(format!(
                "another service, or a command that needs it stopped, is at work in {}: each service has \
                 a folder of its own, also on one database",
                data.display()
            ))),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "a second service on this folder would not be noticed");
                Ok(Self(None))
            }
        }
    }

    /// Takes the folder for a command that needs its service stopped. Nothing is made there: what belongs
    /// to another user would keep the service out.
    ///
    /// Nodes on other machines are not seen from here.
    ///
    /// # Errors
    /// [`SetupError`] if the service runs, or something answers where it was last started.
    pub fn without_service(data: &Path) -> Result<Self, SetupError> {
        let file = File::open(data.join(LOCK)).ok();
        if let Some(Err(TryLockError::WouldBlock)) = file.as_ref().map(File::try_lock) {
            return Err(SetupError::new(format!(
                "the service of {} runs: stop it first, on every node",
                data.display()
            )));
        }
        match Note::read(data).filter(answers) {
            None => Ok(Self(file)),
            Some(note) => Err(SetupError::new(format!(
                "something answers at {}, where the service of this folder was last started: stop it \
                 first, on every node. If it is another program, remove {}",
                note.listen,
                Note::path(data).display(),
            ))),
        }
    }
}

/// Whether something answers where a service was last started.
pub fn answers(note: &Note) -> bool {
    TcpStream::connect_timeout(&note.listen, CONNECTS_WITHIN).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(data: &Path, database: &str) -> Service {
        Service { data: data.to_owned(), database: database.to_owned(), ..Service::default() }
    }

    #[test]
    fn a_password_is_neither_kept_nor_shown() {
        for (address, said) in [
            ("postgres://pb:SECRET@db.example.org/pb?sslrootcert=/ca.pem", "db.example.org/pb"),
            ("postgresql://pb:SE@CR?ET@[2001:db8::1]:5432/pb", "[2001:db8::1]:5432/pb"),
            ("postgres://db.example.org/pb?user=a&password=SECRET", "db.example.org/pb"),
            ("postgres://db.example.org/pb?user=a@b&password=SECRET", "..."),
            ("postgres:///pb?host=/run/postgresql", "/pb"),
        ] {
            assert_eq!(shown(Path::new("x"), address), format!("postgres://{said}"));
        }
        assert_eq!(shown(Path::new("x"), "foo.db"), "sqlite:foo.db");
    }

    #[test]
    fn another_database_than_that_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let check = |database: &str, by| check_database(&service(data, database), by);
        let (server, other) = ("postgres://pb:SECRET@db.example.org/pb", "postgres://other/pb");
        assert!(check("sqlite:pushback.db", By::Command).is_ok(), "nothing is there yet");
        fs::write(data.join("keys"), "").unwrap();

        // As earlier versions left it.
        for by in [By::Command, By::Service] {
            let said = check("sqlite:pushback.db", by).unwrap_err().to_string();
            assert!(said.contains("holds keys, but pushback.db is not there"), "{said}");
            assert!(check(server, by).is_ok());
        }

        remember_database(&service(data, server)).unwrap();
        for by in [By::Command, By::Service] {
            let said = check("sqlite:pushback.db", by).unwrap_err().to_string();
            assert!(said.contains("is in postgres://db.example.org/pb"), "{said}");
            assert!(said.contains("but sqlite:pushback.db is asked for"), "{said}");
            assert!(check(server, by).is_ok());
        }
        assert!(check(other, By::Command).is_err());
        assert!(check(other, By::Service).is_ok(), "a server may be called otherwise");

        remember_database(&service(data, "sqlite:pushback.db")).unwrap();
        assert!(check("pushback.db", By::Service).is_ok(), "a first start that broke off");
        assert!(check("other.db", By::Service).is_ok(), "and one that was mistyped");
        assert!(check("pushback.db", By::Command).is_err(), "it was there");
        fs::write(data.join("pushback.db"), "").unwrap();
        assert!(check("pushback.db", By::Command).is_ok());
        let whole = data.join("pushback.db");
        assert!(check(whole.to_str().unwrap(), By::Command).is_ok(), "the same file");
        assert!(check("other.db", By::Service).is_err());
        assert!(check(server, By::Service).is_err());
    }

    #[test]
    fn a_folder_has_one_service_and_none_beside_a_command_that_needs_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        drop(Alone::without_service(&data).unwrap());
        assert!(!data.exists(), "nothing is made");
        let first = Alone::serve(&data).unwrap();
        let second = Alone::serve(&data).unwrap_err().to_string();
        assert!(second.starts_with("another service"), "{second}");
        let beside = Alone::without_service(&data).unwrap_err().to_string();
        assert!(beside.ends_with("runs: stop it first, on every node"), "{beside}");
        drop(first);
        let stopped = Alone::without_service(&data).unwrap();
        assert!(Alone::serve(&data).is_err());
        drop(stopped);
        assert!(Alone::serve(&data).is_ok());
    }
}
