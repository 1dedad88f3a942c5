//! Exchange operations of the unified audit log: rules, forwarding, deleted notices.

use std::borrow::Cow;

use pushback_model::{EventKind, IdentityEvent};
use serde_json::Value;

use crate::Sink;
use crate::value::{
    Meaning, at, first, get, holds, is_true, items, login, named, other, plain, same, text_of,
};

/// Parameters and actions that send mail on to somebody.
const FORWARDS: &[&str] = &[
    "ForwardTo",
    "ForwardAsAttachmentTo",
    "RedirectTo",
    "ForwardingSmtpAddress",
    "ForwardingAddress",
    "RedirectMessageTo",
    "BlindCopyTo",
    "CopyTo",
    "AddToRecipients",
];

/// Folders where nobody looks.
const HIDING_PLACES: &[&str] = &[
    "deleted items",
    "deleteditems",
    "junk",
    "rss",
    "conversation history",
    "archive",
    "trash",
    "recoverable items",
];

/// Subjects of mails by which a product or a bank warns: what an intruder deletes. Lower case.
const NOTICE_WORDS: &[&str] = &[
    "security",
    "password",
    "passcode",
    "sign-in",
    "sign in",
    "signin",
    "signed in",
    "login",
    "log-in",
    "logged in",
    "authenticator",
    "authentication",
    "multi-factor",
    "multifactor",
    "two-step",
    "2-step",
    "two-factor",
    "mfa",
    "2fa",
    "verification",
    "verify your",
    "suspicious",
    "unusual",
    "unauthorized",
    "new device",
    "device was added",
    "account recovery",
    "recovery email",
    "inbox rule",
    "forwarding",
];

/// Reads an operation on mail; `None` if it is not one of these.
pub(super) fn read(
    value: &Value,
    name: &str,
    base: &IdentityEvent<'_>,
    emit: &mut Sink<'_>,
) -> Option<Meaning> {
    let what = match name {
        "New-InboxRule"
        | "Set-InboxRule"
        | "Enable-InboxRule"
        | "New-TransportRule"
        | "Set-TransportRule"
        | "Enable-TransportRule" => rule(value, name, base),
        "Set-Mailbox" => match forwards_of(value).is_empty() {
            true => return Some(Meaning::Nothing),
            false => rule(value, name, base),
        },
        "UpdateInboxRules" => match client_rule(value, base) {
            Some(what) => what,
            None => return Some(Meaning::Nothing),
        },
        "Add-MailboxPermission" => {
            let rights = parameter(value, "AccessRights");
            format!("rule: {} on the mailbox for {}", rights, parameter(value, "User"))
        }
        "Set-MailboxJunkEmailConfiguration" => "rule: junk mail settings".to_owned(),
        "SoftDelete" | "HardDelete" | "MoveToDeletedItems" => {
            deletion(value, name, base, emit);
            return Some(Meaning::Nothing);
        }
        "Create"
        | "Update"
        | "Move"
        | "Copy"
        | "FolderBind"
        | "MessageBind"
        | "MailboxLogin"
        | "Remove-InboxRule"
        | "Disable-InboxRule"
        | "Remove-TransportRule"
        | "Disable-TransportRule"
        | "Set-User"
        | "Set-CASMailbox"
        | "Remove-MailboxPermission"
        | "New-Mailbox"
        | "UpdateCalendarDelegation"
        | "UpdateFolderPermissions"
        | "AddFolderPermissions"
        | "ModifyFolderPermissions"
        | "RemoveFolderPermissions"
        | "ApplyRecord"
        | "RecordDelete" => return Some(Meaning::Nothing),
        _ => return None,
    };
    if holds(&at(value, &["ResultStatus"]), &["fail", "false"]) {
        return Some(Meaning::Nothing);
    }
    let mut event = base.clone();
    event.kind = EventKind::MailboxRule;
    event.what = Cow::Owned(plain(&what));
    direct_at_mailbox(value, name, &mut event);
    emit(&event);
    Some(Meaning::Nothing)
}

/// Makes the owner of the mailbox the subscriber, where somebody else changed it.
fn direct_at_mailbox(value: &Value, name: &str, event: &mut IdentityEvent<'_>) {
    if name.contains("Transport") {
        return;
    }
    let owner = first(value, &[&["MailboxOwnerUPN"]]);
    let owner = if owner.is_empty() { parameter(value, "Mailbox") } else { owner };
    // `Identity` is the mailbox for `Set-Mailbox`, and the name of the rule elsewhere.
    let owner = if owner.is_empty() && matches!(name, "Set-Mailbox" | "Add-MailboxPermission") {
        parameter(value, "Identity")
    } else {
        owner
    };
    if owner.contains('@') && !same(&owner, &event.subscriber.name) {
        // One person has several addresses: alice@example.org, alice@example.onmicrosoft.com.
        let local = |address: &str| address.split('@').next().unwrap_or_default().to_owned();
        if same(&local(&owner), &local(&event.subscriber.name)) {
            return;
        }
        let owner = login(owner.into_owned());
        let actor = std::mem::replace(&mut event.subscriber, owner);
        event.actor = other(actor, &event.subscriber);
    }
}

fn parameter<'v>(value: &'v Value, name: &str) -> Cow<'v, str> {
    text_of(named(get(value, &["Parameters"]), name))
}

/// The recipients that a rule sends mail on to.
fn forwards_of(value: &Value) -> Vec<String> {
    FORWARDS.iter().flat_map(|name| recipients(&parameter(value, name))).collect()
}

/// Addresses out of `smtp:a@example.org`, `a@example.org;b@example.org`,
/// `"Alice" [SMTP:alice@example.org]` or a directory name.
fn recipients(text: &str) -> Vec<String> {
    text.split([';', ','])
        .map(|item| {
            let item = item.trim();
            let inner = item
                .rsplit_once('[')
                .map_or(item, |(_, inner)| inner.trim_end_matches(']'))
                .trim_matches(['"', '\'', '<', '>', ' ']);
            let inner = match inner.get(..5) {
                Some(prefix) if prefix.eq_ignore_ascii_case("smtp:") => {
                    inner.get(5..).unwrap_or_default()
                }
                _ => inner,
            };
            inner.to_owned()
        })
        .filter(|item| !item.is_empty())
        .collect()
}

fn rule(value: &Value, name: &str, base: &IdentityEvent<'_>) -> String {
    let label = ["Name", "Identity"]
        .iter()
        .map(|name| parameter(value, name))
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    let thing = match name {
        "Set-Mailbox" => "mailbox".to_owned(),
        _ if name.contains("Transport") => format!("transport rule '{label}'"),
        _ => format!("inbox rule '{label}'"),
    };
    let deletes = is_true(named(get(value, &["Parameters"]), "DeleteMessage"));
    let marks_read = is_true(named(get(value, &["Parameters"]), "MarkAsRead"));
    let folder = parameter(value, "MoveToFolder");
    let words: Vec<Cow<'_, str>> = [
        "SubjectContainsWords",
        "SubjectOrBodyContainsWords",
        "BodyContainsWords",
        "From",
        "FromAddressContainsWords",
    ]
    .iter()
    .map(|name| parameter(value, name))
    .filter(|text| !text.is_empty())
    .collect();
    let effect = Effect {
        forwards: forwards_of(value),
        deletes,
        marks_read,
        folder: folder.into_owned(),
        about: words.join(" "),
        is_nameless: is_nameless(&label),
    };
    effect.in_words(&thing, value, base)
}

/// What a rule does to mail.
struct Effect {
    forwards: Vec<String>,
    deletes: bool,
    marks_read: bool,
    folder: String,
    /// The words it looks for.
    about: String,
    /// Its name has neither a letter nor a digit: its owner would have named it.
    is_nameless: bool,
}

/// Whether a rule's name is a dot or the like.
fn is_nameless(label: &str) -> bool {
    !label.is_empty() && !label.chars().any(char::is_alphanumeric)
}

impl Effect {
    fn in_words(&self, thing: &str, value: &Value, base: &IdentityEvent<'_>) -> String {
        let external: Vec<&String> =
            self.forwards.iter().filter(|address| is_external(address, value, base)).collect();
        let hidden_folder = holds(&self.folder, HIDING_PLACES);
        let about_notices = holds(&self.about, NOTICE_WORDS);
        let hides = self.deletes
            || hidden_folder
            || ((self.marks_read || !self.folder.is_empty()) && about_notices);
        let start = if !external.is_empty() {
            "external forward"
        } else if !self.forwards.is_empty() && !hides {
            "internal forward"
        } else if hides {
            "hides mail"
        } else if self.is_nameless || about_notices {
            "suspicious rule"
        } else {
            "rule"
        };
        let mut what = format!("{start}: {thing}");
        if !self.forwards.is_empty() {
            what.push_str(" forwards to ");
            what.push_str(&self.forwards.join(", "));
        }
        if self.deletes {
            what.push_str(", deletes the mail");
        }
        if !self.folder.is_empty() {
            what.push_str(&format!(", moves to '{}'", self.folder));
        }
        if self.marks_read {
            what.push_str(", marks as read");
        }
        if !self.about.is_empty() {
            what.push_str(&format!(", about '{}'", self.about));
        }
        what
    }
}

/// Whether an address lies outside the organisation. A name without a domain is one of its own
/// address book.
fn is_external(address: &str, value: &Value, base: &IdentityEvent<'_>) -> bool {
    let Some((_, domain)) = address.rsplit_once('@') else { return false };
    let domain = domain.to_ascii_lowercase();
    let domain_of = |text: &str| {
        text.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default()
    };
    let own = [
        domain_of(&base.subscriber.name),
        domain_of(&at(value, &["MailboxOwnerUPN"])),
        domain_of(&parameter(value, "Mailbox")),
        domain_of(&parameter(value, "Identity")),
        at(value, &["OrganizationName"]).to_ascii_lowercase(),
    ];
    !own.iter().filter(|own| !own.is_empty()).any(|own| {
        domain == *own || domain.strip_suffix(own.as_str()).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// `UpdateInboxRules`: a rule made in Outlook; its parts are in `OperationProperties`.
fn client_rule(value: &Value, base: &IdentityEvent<'_>) -> Option<String> {
    let properties = get(value, &["OperationProperties"]);
    let property = |name: &str| text_of(named(properties, name));
    let operation = property("RuleOperation");
    if holds(&operation, &["remove", "delete", "disable"]) {
        return None;
    }
    let actions_text = property("RuleActions");
    let mut effect = Effect {
        forwards: Vec::new(),
        deletes: false,
        marks_read: false,
        folder: String::new(),
        about: plain(&property("RuleCondition")),
        is_nameless: is_nameless(&property("RuleName")),
    };
    match serde_json::from_str::<Value>(&actions_text) {
        Ok(actions) => {
            for action in items(&actions) {
                let kind = first(action, &[&["ActionType"], &["Type"]]);
                if holds(&kind, &["forward", "redirect", "delegate"]) {
                    for recipient in items(get(action, &["Recipients"])) {
                        let address = match recipient {
                            Value::Object(_) => first(
                                recipient,
                                &[&["SmtpAddress"], &["EmailAddress"], &["Address"], &["Name"]],
                            ),
                            _ => text_of(recipient),
                        };
                        effect.forwards.extend(recipients(&address));
                    }
                } else if holds(&kind, &["delete"]) {
                    effect.deletes = true;
                } else if holds(&kind, &["move", "copy"]) {
                    effect.folder = first(
                        action,
                        &[&["Folder"], &["FolderName"], &["MoveToFolder"], &["FolderId"]],
                    )
                    .into_owned();
                } else if holds(&kind, &["read"]) {
                    effect.marks_read = true;
                }
            }
        }
        // Older clients write the actions in words.
        Err(_) => {
            effect.deletes = holds(&actions_text, &["delete"]);
            effect.marks_read = holds(&actions_text, &["read"]);
            if holds(&actions_text, &["forward", "redirect"]) {
                effect.forwards = actions_text
                    .split([' ', ';', ',', '"', '\'', '(', ')', '[', ']', ':'])
                    .filter(|word| word.contains('@'))
                    .map(str::to_owned)
                    .collect();
            }
        }
    }
    let label = property("RuleName");
    Some(effect.in_words(&format!("inbox rule '{label}'"), value, base))
}

/// Deleted mail, if one of them was a warning to the subscriber.
fn deletion(value: &Value, name: &str, base: &IdentityEvent<'_>, emit: &mut Sink<'_>) {
    let subjects = items(get(value, &["AffectedItems"])).map(|item| at(item, &["Subject"]));
    let mut notices = subjects.filter(|subject| holds(subject, NOTICE_WORDS));
    let Some(notice) = notices.next() else { return };
    let more = notices.count();
    let mut event = base.clone();
    event.kind = EventKind::MailDeleted;
    let mut what = format!("deleted '{}'", plain(&notice));
    if more > 0 {
        what.push_str(&format!(" and {more} more notices"));
    }
    event.what = Cow::Owned(what);
    direct_at_mailbox(value, name, &mut event);
    emit(&event);
}
