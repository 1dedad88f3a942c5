//! What leaves this machine: wake-ups of phones, notices to people.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pushback_app::{App, MailedCode, Notice as Told, Outside, PushSubscription, Sent};
use pushback_edges::web_push::{Outcome, Push, Sender, Subscription, Urgency};
use pushback_model::Timestamp;
use pushback_verify::{Act, AuthenticatorKind, Notice, Text};
use tokio::io::AsyncWriteExt as _;

use super::mails::{self, Mails};

/// How long a mailer may take.
const MAILER_TIMEOUT: Duration = Duration::from_secs(30);

/// The real world.
pub struct World {
    pub app: App,
    pub push: Option<Sender>,
    pub from: String,
    pub help_desk: String,
    pub sendmail: Option<PathBuf>,
    /// Where messages are kept when nothing sends them.
    pub mails: Mails,
}

impl Outside for World {
    async fn wake(&self, to: &PushSubscription, _: &str, until: Timestamp) -> Sent {
        let Some(sender) = &self.push else { return Sent::Done };
        let PushSubscription { endpoint, p256dh, auth } = to;
        let subscription = match Subscription::parse(endpoint, p256dh, auth) {
            Ok(subscription) => subscription,
            Err(error) => return Sent::Never(error.to_string()),
        };
        let now = self.app.now();
        let left = (until - now).as_millis().max(0) / 1_000;
        let push = Push {
            ttl_s: u32::try_from(left).unwrap_or(0),
            urgency: Urgency::High,
            now_s: u64::try_from(now.as_millis() / 1_000).unwrap_or(0),
        };
        match sender.wake(&subscription, push).await {
            Ok(outcome) => sent(outcome),
            // Our own side failed before anything was posted.
            Err(error) => Sent::Later(error.to_string()),
        }
    }

    async fn tell(&self, told: &Told) -> Sent {
        let Act::Notify { notice, .. } = &told.act else {
            // For machines. They read it in the audit trail; the log has it for people.
            tracing::warn!(subscriber = told.subscriber, act = ?told.act, "act");
            return Sent::Done;
        };
        let Some(to) = &told.to else {
            tracing::warn!(subscriber = told.subscriber, "a notice has no mail address to go to");
            return Sent::Never("no mail address is on file".to_owned());
        };
        let (subject, text) = words(notice);
        let link = told.dispute_url.as_deref();
        let link = match notice.stoppable() {
            Some(_) => link.map(not_asked_for),
            None => link.map(not_me),
        };
        let link = link.unwrap_or_default();
        let text = format!("{text}\r\n{link}");
        self.mail(&told.key, &told.subscriber, to, (subject, &text)).await
    }

    async fn mail_code(&self, mailed: &MailedCode) -> Sent {
        let text = format!(
            "Somebody who signs in with your name has no phone at hand and asked for this code:\r\n\r\n\
             \x20   {}\r\n\r\n\
             With one of your saved recovery codes it lets you bind a new phone, on the page that asked\r\n\
             for it and nowhere else. It counts once, until {}.\r\nNever read it to anyone.\r\n",
            mailed.code, mailed.expires_at,
        );
        let words = ("a code to bind a new phone", &*text);
        self.mail(&mailed.key, &mailed.subscriber, &mailed.to, words).await
    }
}

/// What an answer of a push service means for a ring.
// SECURITY: what may have been taken is never "later", or one ring of the budget rings at every try.
// Guarded by `what_a_push_service_may_have_taken_is_not_sent_again`.
fn sent(outcome: Outcome) -> Sent {
    match outcome {
        Outcome::Delivered => Sent::Done,
        Outcome::Gone => Sent::Never("the subscription is gone".to_owned()),
        Outcome::Forbidden => Sent::Never("not an address of a push service".to_owned()),
        Outcome::RetryAfter(seconds) => Sent::Later(format!("busy for {seconds} s")),
        Outcome::Unreachable => Sent::Later("not reached".to_owned()),
        Outcome::Refused(status) => Sent::Unclear(format!("answered with {status}")),
        Outcome::Unanswered => Sent::Unclear("not answered".to_owned()),
    }
}

impl World {
    async fn mail(&self, key: &str, subscriber: &str, to: &str, words: (&str, &str)) -> Sent {
        let message = self.message(key, subscriber, to, words);
        match &self.sendmail {
            Some(program) => send(program, &message).await,
            None => self.mails.keep(key, message).await.map_or_else(Sent::Later, |()| Sent::Done),
        }
    }

    /// A message as mailers take it (RFC 5322).
    fn message(
        &self,
        key: &str,
        subscriber: &str,
        to: &str,
        (subject, text): (&str, &str),
    ) -> String {
        let name = self.app.name();
        let mut out = String::new();
        let now = self.app.now();
        let date = date(now);
        let host = self.app.origin().host_str().unwrap_or("localhost");
        let id = mails::name(key);
        // Writing to a text cannot fail.
        let _ = write!(
            out,
            "Date: {date}\r\nFrom: {}\r\nTo: {}\r\nMessage-ID: <{id}@{host}>\r\n\
             Subject: {name}: {subject}\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nAuto-Submitted: auto-generated\r\n\r\n\
             {text}\r\nAccount: {subscriber}\r\nTime: {now}\r\n\r\n\
             If this was not you: do not answer any prompt, and tell your help desk at once.\r\n\
             {}\r\nWe never call or write to ask for a code.\r\n",
            self.from, to, self.help_desk,
        );
        out
    }
}

/// An instant as mail writes it, in UTC.
fn date(at: Timestamp) -> String {
    let text = at.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = match part(5..7) {
        "01" => "Jan",
        "02" => "Feb",
        "03" => "Mar",
        "04" => "Apr",
        "05" => "May",
        "06" => "Jun",
        "07" => "Jul",
        "08" => "Aug",
        "09" => "Sep",
        "10" => "Oct",
        "11" => "Nov",
        _ => "Dec",
    };
    format!("{} {month} {} {} +0000", part(8..10), part(0..4), part(11..19))
}

/// Subject and first sentence. Neither names an application or a place: mail is read by others too.
fn words(notice: &Notice) -> (&'static str, Cow<'static, str>) {
    let (subject, text) = match notice {
        Notice::Bound { kind, label, at, .. } => {
            return ("something new can answer for you", bound(*kind, label, *at).into());
        }
        Notice::UnexpectedPrompt => (
            "somebody tried to sign in",
            "Somebody who knows your password tried to sign in and did not get in.",
        ),
        Notice::SuccessAfterFailures => (
            "a sign-in after several failures",
            "Several sign-ins with your name failed, and then one succeeded.",
        ),
        Notice::CodeFromAfar => (
            "a right code was typed far from the sign-in",
            "The code of a sign-in was typed on your phone, but the sign-in came from far away, so nobody \
             got in. If a page or a caller had given you the code, somebody has your password: report it \
             in the app, or call the help desk. If it was you on a journey, use a passkey.",
        ),
        Notice::Reported => (
            "an attack was reported",
            "An attack on your account was reported. Prompts are stopped, and your password must be \
             changed. A passkey or the help desk brings you back.",
        ),
        Notice::PushSuspended => (
            "prompts are stopped",
            "Too many wrong codes were typed. Prompts are stopped until you use a passkey or the help \
             desk lets you back.",
        ),
        Notice::PushRestored => ("prompts are on again", "Prompts for your account are on again."),
        Notice::FalseCaller => (
            "a caller was not who they claimed to be",
            "A caller said to be from the help desk, and you said that they were not.",
        ),
        Notice::SettlementRequested { .. } => (
            "something is about to answer for you again",
            "You, or somebody who read your mail, had said that a device, a passkey or codes were not \
             yours. The help desk was asked to let them answer again. If you did not ask for it, \
             say so: it is then stopped.",
        ),
        Notice::DisputeSettled { .. } => (
            "something can answer for you again",
            "You, or somebody who read your mail, had said that a device, a passkey or codes were not \
             yours. They can answer for you again.",
        ),
        Notice::Invalidated { .. } => (
            "something can no longer answer for you",
            "A device, a passkey or codes were removed from your account.",
        ),
        Notice::Disabled { .. } => (
            "something was disabled after too many failures",
            "Too many failures disabled a device, a passkey or codes. It has to be bound anew.",
        ),
        Notice::Recovered => ("your account was recovered", "Your account was recovered."),
        Notice::AddressesChanged => (
            "your addresses for notices changed",
            "The addresses that notices about your account go to were changed.",
        ),
        Notice::ResetRequested { .. } => (
            "the help desk is about to reset your account",
            "The help desk was asked to reset everything that can answer for you. If you did not ask \
             for it, stop it with the page below. No phone and no password is needed for that.",
        ),
        Notice::ResetCancelled => {
            ("the reset was stopped", "The reset of your account was stopped.")
        }
        Notice::ResetDone => (
            "your account was reset",
            "Everything that could answer for you was removed. Bind a device again.",
        ),
        Notice::RoleChangeRequested { .. } => (
            "the help desk is about to let you sign in without a passkey",
            "The help desk was asked to let you sign in without a passkey: you would administer nothing \
             any more. If you did not ask for it, stop it with the page below.",
        ),
        Notice::RoleChangeCancelled => (
            "a passkey is needed as before",
            "That you sign in without a passkey was asked for and stopped. Nothing changed.",
        ),
        Notice::RoleChanged { administrator: true } => (
            "only passkeys sign you in now",
            "You administer something, so only passkeys sign you in from now on. Your phone is not asked.",
        ),
        Notice::RoleChanged { administrator: false } => (
            "you can sign in without a passkey now",
            "You administer nothing any more, so your phone is asked when you sign in.",
        ),
        Notice::RestoredFromCopy => (
            "what you changed of late may be undone",
            "The service had to be put back to an earlier state. If you removed a device, said that\r\n\
             something was not yours or reported an attack of late, do it again. Saved recovery codes\r\n\
             no longer count: draw new ones in the app. Your next sign-in may ask more than usual.",
        ),
    };
    (subject, text.into())
}

/// What was added, as its owner would know it.
fn bound(kind: AuthenticatorKind, label: &Text, at: Option<Timestamp>) -> String {
    let what = match kind {
        AuthenticatorKind::Phone => "the phone",
        AuthenticatorKind::Passkey => "the passkey",
        AuthenticatorKind::Totp => "the codes of another app",
        AuthenticatorKind::Certificate => "the certificate",
        AuthenticatorKind::RecoveryCodes => "a set of recovery codes",
    };
    let label = plain(label.as_str());
    let label = match kind {
        AuthenticatorKind::RecoveryCodes => String::new(),
        _ if label.is_empty() => String::new(),
        _ => format!(" \"{label}\""),
    };
    let at = at.map(|at| format!(", on {}", for_people(at))).unwrap_or_default();
    format!("Added to your account: {what}{label}{at}.")
}

/// A name that somebody gave, without what a mail program would make a link of.
// SECURITY: whoever binds something chooses its name, and writes it into the owner's mail. Guarded by
// `a_name_in_a_mail_is_no_link_and_no_line`.
fn plain(label: &str) -> String {
    let mut kept = String::new();
    let mut next = label.chars().peekable();
    while let Some(c) = next.next() {
        let is_in_number = c == '.' && next.peek().is_some_and(char::is_ascii_digit);
        let is_kept = c.is_alphanumeric() || " -_+'()".contains(c) || is_in_number;
        kept.push(if is_kept { c } else { ' ' });
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An instant as people read it, in UTC.
fn for_people(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = at.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let number = |range| part(range).parse::<usize>().unwrap_or_default();
    let month = number(5..7).checked_sub(1).and_then(|month| MONTHS.get(month)).unwrap_or(&"");
    format!("{} {month} {}, {} UTC", number(8..10), part(0..4), part(11..16))
}

/// How to take a binding back. A line of its own: it is longer than others, and must stay whole.
fn not_me(link: &str) -> String {
    format!(
        "\r\nIf you did not do this, open this page and say so. It stops what this is about, and prompts,\r\n\
         until your help desk has talked to you. Each of your addresses has got a link of its own; the\r\n\
         first that is used ends the others. It works for two weeks:\r\n\r\n{link}\r\n"
    )
}

/// How to stop what waits.
fn not_asked_for(link: &str) -> String {
    format!(
        "\r\nIf you did not ask for this, open this page and stop it. Each of your addresses has got a link\r\n\
         of its own; the first that is used ends the others. It works for as long as this waits:\r\n\r\n{link}\r\n"
    )
}

/// Hands a message to the mailer.
async fn send(program: &Path, message: &str) -> Sent {
    let run = async {
        let mut child = tokio::process::Command::new(program)
            .args(["-t", "-oi"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(message.as_bytes()).await?;
        }
        child.wait().await
    };
    match tokio::time::timeout(MAILER_TIMEOUT, run).await {
        Ok(Ok(status)) if status.success() => Sent::Done,
        Ok(Ok(status)) => Sent::Later(format!("{}: {status}", program.display())),
        Ok(Err(error)) => Sent::Later(format!("{}: {error}", program.display())),
        Err(_) => Sent::Later(format!("{} took too long", program.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::serve::settings::Settings;
    use crate::serve::wiring;

    async fn world(data: &Path) -> World {
        let mut settings = Settings::default();
        settings.service.data = data.to_owned();
        wiring::build(&settings).await.unwrap().world
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_the_service_keeps_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        // As earlier versions left it.
        fs::create_dir_all(data.join("notices")).unwrap();
        let old = data.join("notices").join("old.eml");
        fs::write(&old, "a link").unwrap();
        for (path, mode) in [(&data, 0o755), (&data.join("notices"), 0o755), (&old, 0o644)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }

        let (left, new) = (world(&data).await, folder.path().join("new"));
        for world in [left, world(&new).await] {
            let words = ("a code", "123456");
            let sent = world.mail("k/1", "alice@example.org", "alice@example.com", words).await;
            assert_eq!(sent, Sent::Done);
        }

        let mut seen = 0;
        let mut paths = vec![data, new];
        while let Some(path) = paths.pop() {
            let found = fs::metadata(&path).unwrap();
            let mode = found.permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
            seen += usize::from(path.extension().is_some_and(|ending| ending == "eml"));
            if found.is_dir() {
                paths.extend(fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
            }
        }
        assert_eq!(seen, 3);
    }

    #[tokio::test]
    async fn each_notice_has_a_message_id_of_its_own_and_a_second_try_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let world = world(folder.path()).await;
        let id = |key: &str| {
            let message = world.message(key, "alice@example.org", "a@example.com", ("a", "b"));
            message.lines().find(|line| line.starts_with("Message-ID: ")).unwrap().to_owned()
        };
        assert_eq!(id("a.b@example.org/7/0"), id("a.b@example.org/7/0"));
        assert_ne!(id("a.b@example.org/7/0"), id("a-b@example.org/7/0"));
    }

    #[test]
    fn what_a_push_service_may_have_taken_is_not_sent_again() {
        for status in [400, 403, 413, 500, 502, 504] {
            assert!(matches!(sent(Outcome::Refused(status)), Sent::Unclear(_)), "{status}");
        }
        assert!(matches!(sent(Outcome::Unanswered), Sent::Unclear(_)));
        for not_taken in [Outcome::RetryAfter(1), Outcome::Unreachable] {
            assert!(matches!(sent(not_taken), Sent::Later(_)), "{not_taken:?}");
        }
    }

    #[test]
    fn a_date_is_written_as_mail_has_it() {
        let at = Timestamp::from_millis(1_764_000_000_123);
        assert_eq!(date(at), "24 Nov 2025 16:00:00 +0000");
    }

    #[test]
    fn the_link_in_a_notice_is_a_line_of_its_own() {
        let link = "https://mfa.example.org/notices/x~1~2~y.z";
        for text in [not_me(link), not_asked_for(link)] {
            assert!(text.lines().any(|line| line == link), "{text}");
            let mut others = text.lines().filter(|line| *line != link);
            assert!(others.all(|line| line.len() <= 98), "{text}");
        }
    }

    #[test]
    fn a_notice_of_a_binding_says_what_was_bound_and_when() {
        let at = Some(Timestamp::from_millis(1_796_119_320_000));
        let phone = bound(AuthenticatorKind::Phone, &Text::new("Pixel"), at);
        assert_eq!(
            phone,
            "Added to your account: the phone \"Pixel\", on 1 December 2026, 10:02 UTC."
        );
        let codes = bound(AuthenticatorKind::RecoveryCodes, &Text::new("recovery codes"), at);
        assert!(codes.contains(": a set of recovery codes, on 1 December"), "{codes}");
        let before = bound(AuthenticatorKind::Passkey, &Text::default(), None);
        assert_eq!(before, "Added to your account: the passkey.");
    }

    #[test]
    fn a_name_in_a_mail_is_no_link_and_no_line() {
        for (name, shown) in [
            ("Firefox 147.0 on Linux", "Firefox 147.0 on Linux"),
            ("Anna's phone (blue)", "Anna's phone (blue)"),
            ("x\". All is well: https://evil.example/a", "x All is well https evil example a"),
            ("a\r\nBcc: b@evil.example", "a Bcc b evil example"),
        ] {
            assert_eq!(plain(name), shown);
        }
    }
}
