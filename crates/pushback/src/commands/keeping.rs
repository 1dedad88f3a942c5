//! What is kept of the prompt service: receipts, keys, copies of its state.

use std::fs;
use std::path::Path;

use pushback_store::{Keyring, PublicKey, Signer};
use serde_json::{Value, json};

use super::serve::settings;
use super::service::{console, tell, with};
use super::{Failure, print};
use crate::cli::{Exit, ReceiptArgs, ServiceArgs};

pub fn receipt(args: &ReceiptArgs) -> Result<Exit, Failure> {
    let read =
        |path: &Path| fs::read_to_string(path).map_err(Failure::io(path.display().to_string()));
    let key = PublicKey::from_jwk(&read(&args.key)?)
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.key.display())))?;
    let mut out = String::new();
    for token in read(&args.file)?.split_whitespace() {
        let receipt = key
            .verify_receipt(token)
            .map_err(|error| Failure::Service(format!("{}: {error}", args.file.display())))?;
        let said = |name: &str| receipt.said.get(name).and_then(Value::as_str).unwrap_or("?");
        let hash: String = receipt.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        out.push_str(&format!(
            "genuine: {} {} {}\n  {}\n  entry of {}: {hash}\n",
            said("at"),
            said("what"),
            said("subscriber"),
            receipt.said,
            receipt.chain,
        ));
    }
    print(&out)?;
    Ok(Exit::Clean)
}

pub fn receipt_key(args: &ServiceArgs) -> Result<Exit, Failure> {
    let path = settings(args)?.service.data.join("receipts.pem");
    let signer = Signer::open(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    print(&format!("{}\n", signer.public().jwk()))?;
    Ok(Exit::Clean)
}

pub fn rotate_keys(args: &ServiceArgs) -> Result<Exit, Failure> {
    let path = settings(args)?.service.data.join("keys");
    let ring = Keyring::rotate(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    let people =
        format!("key {} seals from the next start on; then: pushback keys reseal\n", ring.newest());
    tell(args, &json!({ "newest": ring.newest() }), &people)
}

pub fn reseal(args: &ServiceArgs) -> Result<Exit, Failure> {
    let done = with(args, async |app| {
        app.store().reseal().await.map_err(|error| Failure::Service(error.to_string()))
    })?;
    let people = format!("{} values sealed anew, {} not opened\n", done.resealed, done.unopened);
    tell(args, &json!({ "resealed": done.resealed, "unopened": done.unopened }), &people)
}

pub fn renew_keys(args: &ServiceArgs, has_leaked: bool) -> Result<Exit, Failure> {
    let renewed = with(args, async |app| Ok(app.renew_keys(&console()?, has_leaked).await?))?;
    let kid = &renewed.kid;
    let people = match renewed.signs_from {
        Some(from) => format!(
            "key {kid} is published and signs from {from} on; what the old one signed counts until it \
             runs out\n"
        ),
        None => format!(
            "key {kid} signs, and nothing of before counts: nodes that run take it up within seconds. \
             Still as they were: the keys that seal the database (pushback keys rotate, then reseal), \
             receipts.pem, and the secrets of people's code apps\n"
        ),
    };
    let signs_from = renewed.signs_from.map(|from| from.to_string());
    tell(args, &json!({ "kid": kid, "signs_from": signs_from }), &people)
}

pub fn back_up(args: &ServiceArgs, to: &Path) -> Result<Exit, Failure> {
    with(args, async |app| {
        app.store().back_up(to).await.map_err(|error| Failure::Service(error.to_string()))
    })?;
    let people = format!("{}; keep a copy of the key file apart from it\n", to.display());
    tell(args, &json!({ "file": to }), &people)
}
