//! What somebody read, copied, sent or looked for: no sign-in, and what an intruder was there for.

use std::borrow::Cow;

use pushback_model::{EventKind, IdentityEvent};
use serde_json::Value;

use crate::Sink;
use crate::value::{at, first, get, holds, items, plain};

/// Characters of a file's or a mail's name that are kept.
const NAME_MAX: usize = 80;

/// Reads an operation on mail or files, in one's own name; whether it is one of these.
pub(super) fn read(
    value: &Value,
    name: &str,
    base: &IdentityEvent<'_>,
    emit: &mut Sink<'_>,
) -> bool {
    let what = match name {
        "MailItemsAccessed" => mail_read(value),
        "Send" | "SendAs" | "SendOnBehalf" => {
            format!("sent mail{}", quoted(&at(value, &["Item", "Subject"])))
        }
        "SearchQueryInitiatedExchange" | "SearchQueryInitiatedSharePoint" => {
            format!("searched{}", quoted(&first(value, &[&["QueryText"], &["SearchQueryText"]])))
        }
        "FileAccessed" | "FileAccessedExtended" | "FilePreviewed" => {
            format!("opened a file{}", quoted(&file(value)))
        }
        "FileDownloaded" => format!("downloaded a file{}", quoted(&file(value))),
        "FileSyncDownloadedFull" | "FileSyncDownloadedPartial" => {
            format!("synchronised a file{}", quoted(&file(value)))
        }
        "AnonymousLinkCreated" | "SharingInvitationCreated" | "AddedToSecureLink" => {
            format!("shared a file{}", quoted(&file(value)))
        }
        _ => return false,
    };
    // Services, administrators and delegates read the mailboxes of others all day.
    let is_others = !matches!(&*at(value, &["LogonType"]), "" | "0" | "Owner")
        || !matches!(&*at(value, &["UserType"]), "" | "0" | "Regular");
    let is_refused = holds(&at(value, &["ResultStatus"]), &["fail", "false"]);
    if !is_others && !is_refused && !base.requester.ip.is_empty() {
        let mut event = base.clone();
        event.kind = EventKind::SessionUsed;
        event.what = Cow::Owned(what);
        emit(&event);
    }
    true
}

/// `Bind` is a look at single mails, `Sync` the copy of a folder.
fn mail_read(value: &Value) -> String {
    let properties = get(value, &["OperationProperties"]);
    let is_sync = items(properties).any(|property| {
        at(property, &["Name"]) == "MailAccessType" && at(property, &["Value"]) == "Sync"
    });
    if is_sync {
        return "copied a mail folder".to_owned();
    }
    let count: usize = items(get(value, &["Folders"]))
        .map(|folder| items(get(folder, &["FolderItems"])).count())
        .sum();
    if count > 1 { format!("read {count} mails") } else { "read mail".to_owned() }
}

fn file(value: &Value) -> Cow<'_, str> {
    first(value, &[&["SourceFileName"], &["ObjectId"]])
}

fn quoted(text: &str) -> String {
    let text = plain(text);
    let short: String = text.chars().take(NAME_MAX).collect();
    if short.is_empty() { short } else { format!(" '{short}'") }
}
