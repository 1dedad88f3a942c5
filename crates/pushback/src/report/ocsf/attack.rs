//! Names of ATT&CK techniques, for `attacks[]`.

use serde_json::{Value, json};

/// The version of ATT&CK that the names are from.
const VERSION: &str = "18.1";

/// Technique or sub-technique id, its name, and the id and name of its first tactic.
/// Source: MITRE ATT&CK, Enterprise, v18.1 (T1451: Mobile).
const TECHNIQUES: [(&str, &str, &str, &str); 39] = [
    ("T1070", "Indicator Removal", "TA0005", "Defense Evasion"),
    ("T1070.008", "Clear Mailbox Data", "TA0005", "Defense Evasion"),
    ("T1078", "Valid Accounts", "TA0001", "Initial Access"),
    ("T1078.004", "Cloud Accounts", "TA0001", "Initial Access"),
    ("T1098", "Account Manipulation", "TA0003", "Persistence"),
    ("T1098.001", "Additional Cloud Credentials", "TA0003", "Persistence"),
    ("T1098.002", "Additional Email Delegate Permissions", "TA0003", "Persistence"),
    ("T1098.003", "Additional Cloud Roles", "TA0003", "Persistence"),
    ("T1098.005", "Device Registration", "TA0003", "Persistence"),
    ("T1110", "Brute Force", "TA0006", "Credential Access"),
    ("T1110.001", "Password Guessing", "TA0006", "Credential Access"),
    ("T1110.003", "Password Spraying", "TA0006", "Credential Access"),
    ("T1110.004", "Credential Stuffing", "TA0006", "Credential Access"),
    ("T1111", "Multi-Factor Authentication Interception", "TA0006", "Credential Access"),
    ("T1114", "Email Collection", "TA0009", "Collection"),
    ("T1114.003", "Email Forwarding Rule", "TA0009", "Collection"),
    ("T1136", "Create Account", "TA0003", "Persistence"),
    ("T1136.003", "Cloud Account", "TA0003", "Persistence"),
    ("T1451", "SIM Card Swap", "TA0027", "Initial Access"),
    ("T1484", "Domain or Tenant Policy Modification", "TA0005", "Defense Evasion"),
    ("T1484.002", "Trust Modification", "TA0005", "Defense Evasion"),
    ("T1528", "Steal Application Access Token", "TA0006", "Credential Access"),
    ("T1531", "Account Access Removal", "TA0040", "Impact"),
    ("T1539", "Steal Web Session Cookie", "TA0006", "Credential Access"),
    ("T1550", "Use Alternate Authentication Material", "TA0005", "Defense Evasion"),
    ("T1550.001", "Application Access Token", "TA0005", "Defense Evasion"),
    ("T1550.004", "Web Session Cookie", "TA0005", "Defense Evasion"),
    ("T1556", "Modify Authentication Process", "TA0006", "Credential Access"),
    ("T1556.006", "Multi-Factor Authentication", "TA0006", "Credential Access"),
    ("T1556.009", "Conditional Access Policies", "TA0006", "Credential Access"),
    ("T1557", "Adversary-in-the-Middle", "TA0006", "Credential Access"),
    ("T1564", "Hide Artifacts", "TA0005", "Defense Evasion"),
    ("T1564.008", "Email Hiding Rules", "TA0005", "Defense Evasion"),
    ("T1566", "Phishing", "TA0001", "Initial Access"),
    ("T1566.004", "Spearphishing Voice", "TA0001", "Initial Access"),
    ("T1598", "Phishing for Information", "TA0043", "Reconnaissance"),
    ("T1598.004", "Spearphishing Voice", "TA0043", "Reconnaissance"),
    ("T1621", "Multi-Factor Authentication Request Generation", "TA0006", "Credential Access"),
    ("T1656", "Impersonation", "TA0005", "Defense Evasion"),
];

/// The `attacks` array for some technique ids; an id without a known name stands for its own name.
pub(super) fn attacks<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    ids.into_iter().map(attack).collect()
}

fn attack(id: &str) -> Value {
    let parent = id.split_once('.').map_or(id, |(parent, _)| parent);
    let mut attack = json!({
        "technique": { "uid": parent, "name": name(parent) },
        "version": VERSION,
    });
    let Value::Object(fields) = &mut attack else { return attack };
    if parent != id {
        fields.insert("sub_technique".to_owned(), json!({ "uid": id, "name": name(id) }));
    }
    if let Some((_, _, uid, tactic)) = find(id).or_else(|| find(parent)) {
        fields.insert("tactic".to_owned(), json!({ "uid": uid, "name": tactic }));
    }
    attack
}

/// The name of a technique, or its id where the name is not known.
pub(crate) fn name(id: &str) -> &str {
    find(id).map_or(id, |(_, name, _, _)| name)
}

fn find(id: &str) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    TECHNIQUES.iter().find(|(known, _, _, _)| *known == id)
}
