//! Mails that are kept because nothing sends them.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pushback_app::sha256;
use pushback_model::Timestamp;

use super::private;

/// How long a mail is kept. What it links to has ended long before.
const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
const ENDING: &str = "eml";

/// What a mail is called, in its `Message-ID` and as a file: the same for the same notice, and for no other.
pub fn name(key: &str) -> String {
    sha256(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mails(PathBuf);

impl Mails {
    /// In this folder, which need not be there yet. What earlier versions left there is for its owner
    /// alone from now on.
    pub fn at(folder: PathBuf) -> Self {
        let mails = Self(folder);
        if mails.0.exists() {
            private::tighten(&mails.0);
        }
        let tightened = mails.each(|path, _| {
            private::tighten(path);
            Ok(())
        });
        if let Err(error) = tightened {
            tracing::warn!(path = %mails.0.display(), %error, "others may read mails there");
        }
        mails
    }

    /// Keeps a mail, over the same one of an earlier try.
    ///
    /// # Errors
    /// What could not be written, and why.
    pub async fn keep(&self, key: &str, message: String) -> Result<(), String> {
        let folder = self.0.clone();
        let path = folder.join(name(key)).with_extension(ENDING);
        let shown = path.display().to_string();
        let keeping = tokio::task::spawn_blocking(move || {
            private::make_folder(&folder)?;
            private::write(&path, message.as_bytes())
        });
        let kept = keeping.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        kept.map_err(|error| format!("{shown}: {error}"))
    }

    /// Takes out what is older than 30 days at `now`.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn sweep(&self, now: Timestamp) -> io::Result<()> {
        let mails = self.clone();
        let sweeping = tokio::task::spawn_blocking(move || mails.take_out(now));
        sweeping.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn take_out(&self, now: Timestamp) -> io::Result<()> {
        let since_epoch = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or_default());
        let Some(oldest) = (SystemTime::UNIX_EPOCH + since_epoch).checked_sub(KEPT_FOR) else {
            return Ok(());
        };
        self.each(|path, found| match found.modified()? < oldest {
            true => fs::remove_file(path),
            false => Ok(()),
        })
    }

    /// What lies there under the names that mails have.
    fn each(&self, act: impl Fn(&Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
        let found = match fs::read_dir(&self.0) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for file in found {
            let file = file?;
            let (path, found) = (file.path(), file.metadata()?);
            if found.is_file() && path.extension() == Some(OsStr::new(ENDING)) {
                act(&path, &found)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pushback_model::Span;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

    fn at(at: Timestamp) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(at.as_millis().unsigned_abs())
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn each_notice_has_a_file_of_its_own_and_a_second_try_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mails = Mails::at(folder.path().join("notices"));
        for (key, message) in [
            ("a.b@example.org/7/0", "first"),
            ("a-b@example.org/7/0", "second"),
            ("a.b@example.org/7/0", "again"),
        ] {
            mails.keep(key, message.to_owned()).await.unwrap();
        }
        let mut kept: Vec<String> = names(&folder.path().join("notices"))
            .iter()
            .map(|name| fs::read_to_string(folder.path().join("notices").join(name)).unwrap())
            .collect();
        kept.sort();
        assert_eq!(kept, ["again", "second"]);
    }

    #[tokio::test]
    async fn mails_are_taken_out_after_thirty_days_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [
            ("young.eml", Span::days(30)),
            ("old.eml", Span::days(30) + Span::millis(1)),
            ("old.txt", Span::days(60)),
        ] {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(at(NOW - age)).unwrap();
        }
        Mails::at(folder.path().to_owned()).sweep(NOW).await.unwrap();
        assert_eq!(names(folder.path()), ["old.txt", "young.eml"]);
        Mails::at(folder.path().join("none")).sweep(NOW).await.unwrap();
    }
}
