//! Who types on the machine: the system's word, never the environment's.

use std::borrow::Cow;

/// What the system says where nobody has logged in: a service, a container.
const NOBODY_LOGGED_IN: u32 = u32::MAX;

/// The name of whoever logged in, also behind `sudo` and `su`; else that of the user whose process this is.
///
/// # Errors
/// If the system does not say.
// SECURITY: a reset takes two people, and a variable of the environment can name anybody. Guarded by
// `who_types_is_not_for_the_environment_to_say`.
pub(super) fn user() -> Result<String, String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let id = who(&read("/proc/self/loginuid"), own_id)?;
    Ok(name(id, &read("/etc/passwd")).into_owned())
}

/// The number of whoever logged in, by what the kernel keeps of it (`audit(7)`), or else of this process.
fn who(login: &str, own: impl FnOnce() -> Result<u32, String>) -> Result<u32, String> {
    match login.trim().parse() {
        Ok(NOBODY_LOGGED_IN) | Err(_) => own(),
        Ok(login) => Ok(login),
    }
}

/// The real user of this process: what a program that was given other rights does not change.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere the system does not say")]
fn own_id() -> Result<u32, String> {
    Ok(rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn own_id() -> Result<u32, String> {
    Err("this system does not say who types; administer in the browser".to_owned())
}

/// The first name that this number has; the number itself if it has none here (a directory may know one).
fn name(id: u32, passwd: &str) -> Cow<'_, str> {
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    });
    named.map_or_else(|| format!("uid-{id}").into(), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          # no line of its own\n\
                          sam:x:1000:1000:Sam:/sam:/bin/sh\n\
                          again:x:1000:1000::/:/bin/false\n";

    #[test]
    fn whoever_logged_in_types_also_behind_sudo() {
        let own = || Ok(0);
        assert_eq!(who("1000\n", own), Ok(1000));
        assert_eq!(who("0", own), Ok(0));
        for nobody in ["4294967295", "", "x", "-1", "4294967296"] {
            assert_eq!(who(nobody, || Ok(7)), Ok(7), "{nobody}");
        }
        assert!(who("4294967295", || Err("?".to_owned())).is_err());
    }

    #[test]
    fn a_number_has_its_first_name_or_none() {
        assert_eq!(name(0, PASSWD), "root");
        assert_eq!(name(1000, PASSWD), "sam");
        assert_eq!(name(1001, PASSWD), "uid-1001");
        assert_eq!(name(0, ""), "uid-0");
    }
}
