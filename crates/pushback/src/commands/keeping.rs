//! What is kept of the prompt service: receipts, keys, copies of its state.

use std::fs;
use std::io;
use std::path::Path;

use pushback_app::whole;
use pushback_store::{Keyring, PublicKey, Signer};
use serde_json::{Value, json};

use super::serve::settings;
use super::service::{console, tell, with};
use super::{Failure, print};
use crate::cli::{Exit, ReceiptArgs, ServiceArgs};
use crate::report::text::sanitise;
use crate::serve::folder::Alone;

pub fn receipt(args: &ReceiptArgs) -> Result<Exit, Failure> {
    let key = PublicKey::from_jwk(&read(&args.key)?)
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.key.display())))?;
    let mut people = String::new();
    let mut machine = Vec::new();
    for token in read(&args.file)?.split_whitespace() {
        let receipt = key
            .verify_receipt(token)
            .map_err(|error| Failure::Service(format!("{}: {error}", args.file.display())))?;
        let said = |name: &str| receipt.said.get(name).and_then(Value::as_str).unwrap_or("?");
        let hash: String = receipt.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        people.push_str(&format!(
            "genuine: {} {} {}\n  {}\n  entry of {}: {hash}\n",
            sanitise(said("at")),
            sanitise(said("what")),
            sanitise(said("subscriber")),
            receipt.said,
            receipt.chain,
        ));
        machine.push(json!({ "said": receipt.said, "chain": receipt.chain, "hash": hash }));
    }
    // Nothing was shown to be genuine.
    if machine.is_empty() {
        return Err(Failure::Service(format!("{} holds no receipts", args.file.display())));
    }
    print(&if args.json { format!("{}\n", Value::from(machine)) } else { people })?;
    Ok(Exit::Clean)
}

/// A text from a file, or from standard input.
fn read(path: &Path) -> Result<String, Failure> {
    let text = match path.as_os_str() == "-" {
        true => io::read_to_string(io::stdin()),
        false => fs::read_to_string(path),
    };
    text.map_err(Failure::io(path.display().to_string()))
}

pub fn receipt_key(args: &ServiceArgs) -> Result<Exit, Failure> {
    let path = settings(args)?.service.data.join("receipts.pem");
    let signer = Signer::open(&path).map_err(|error| Failure::Service(whole(error)))?;
    print(&format!("{}\n", signer.public().jwk()))?;
    Ok(Exit::Clean)
}

pub fn rotate_keys(args: &ServiceArgs) -> Result<Exit, Failure> {
    let data = settings(args)?.service.data;
    // A service that runs could not read what is sealed from now on, by whoever has the new key.
    let _alone = Alone::without_service(&data)?;
    let path = data.join("keys");
    let ring = Keyring::rotate(&path).map_err(|error| Failure::Service(whole(error)))?;
    let people = format!(
        "key {} seals from the next start on. While the service is stopped everywhere: copy {} to every \
         node, then start, then: pushback keys reseal\n",
        ring.newest(),
        path.display()
    );
    tell(args, &json!({ "newest": ring.newest() }), &people)
}

pub fn reseal(args: &ServiceArgs) -> Result<Exit, Failure> {
    let done = with(args, async |app| {
        app.store().reseal().await.map_err(|error| Failure::Service(whole(error)))
    })?;
    let people = format!("{} values sealed anew, {} not opened\n", done.resealed, done.unopened);
    tell(args, &json!({ "resealed": done.resealed, "unopened": done.unopened }), &people)
}

pub fn renew_keys(args: &ServiceArgs, has_leaked: bool) -> Result<Exit, Failure> {
    let renewed = with(args, async |app| {
        let renewed = app.renew_keys(&console()?, has_leaked).await;
        // Refused for what was done before, not for what was typed.
        renewed.map_err(|error| Failure::Service(whole(error)))
    })?;
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
        app.store().back_up(to).await.map_err(|error| Failure::Service(whole(error)))
    })?;
    let people = format!("{}; keep a copy of the key file apart from it\n", to.display());
    tell(args, &json!({ "file": to }), &people)
}
