//! The certificate and the key of HTTPS, read so that whoever named them learns which is wrong.

use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::settings::Tls;
use crate::config::why;

/// What is wrong with one of the two: its setting, and what.
pub type Wrong = (&'static str, String);

/// Reads both.
///
/// # Errors
/// Everything that is wrong, each with its file.
pub fn read(tls: &Tls) -> Result<RustlsConfig, Vec<Wrong>> {
    let chain = certificates(&tls.certificate).map_err(|what| ("tls.certificate", what));
    let key = key(&tls.key).map_err(|what| ("tls.key", what));
    let (chain, key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
    };
    super::install_provider();
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| vec![mismatch(tls, &error)])?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn mismatch(Tls { certificate, key }: &Tls, error: &rustls::Error) -> Wrong {
    let (certificate, key) = (certificate.display(), key.display());
    match error {
        rustls::Error::InconsistentKeys(_) => {
            ("tls.key", format!("{key} is not the key of the certificate in {certificate}"))
        }
        other => ("tls.certificate", format!("{certificate} cannot be used with {key}: {other}")),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = file(path)?;
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| format!("{}: {error}", path.display()))?;
    if chain.is_empty() {
        let instead = match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(_) => " but a private key: are the two files swapped?",
            Err(_) => " (PEM)",
        };
        return Err(format!("{} holds no certificate{instead}", path.display()));
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let pem = file(path)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        PemError::NoItemsFound if has_certificate(&pem) => {
            let path = path.display();
            format!("{path} holds no private key but a certificate: are the two files swapped?")
        }
        PemError::NoItemsFound => format!("{} holds no private key (PEM)", path.display()),
        other => format!("{}: {other}", path.display()),
    })?;
    let provider = rustls::crypto::aws_lc_rs::default_provider().key_provider;
    provider
        .load_private_key(key.clone_key())
        .map_err(|error| format!("{} cannot be used: {error}", path.display()))?;
    Ok(key)
}

fn has_certificate(pem: &[u8]) -> bool {
    CertificateDer::pem_slice_iter(pem).next().is_some_and(|first| first.is_ok())
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {}", path.display(), why(&error)))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn wrong(certificate: &Path, key: &Path) -> Vec<Wrong> {
        let tls = Tls { certificate: certificate.to_owned(), key: key.to_owned() };
        read(&tls).err().unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_with_a_certificate_or_its_key_is_said_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["one", "other"] {
            let pair = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["mfa.example.org".to_owned()]).unwrap();
            std::fs::write(at(name), params.self_signed(&pair).unwrap().pem()).unwrap();
            std::fs::write(at(&format!("{name}-key")), pair.serialize_pem()).unwrap();
        }
        std::fs::write(at("garbage"), "garbage").unwrap();
        assert_eq!(wrong(&at("one"), &at("one-key")), []);
        for (certificate, key, settings, said) in [
            ("none", "one-key", "tls.certificate", "none: does not exist"),
            ("one", "none", "tls.key", "none: does not exist"),
            ("garbage", "one-key", "tls.certificate", "garbage holds no certificate (PEM)"),
            ("one", "garbage", "tls.key", "garbage holds no private key (PEM)"),
            ("one", "other-key", "tls.key", "other-key is not the key of the certificate in"),
        ] {
            let found = wrong(&at(certificate), &at(key));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, settings, "{found:?}");
            assert!(found[0].1.contains(said), "{found:?}");
        }
        let swapped = wrong(&at("one-key"), &at("one"));
        assert_eq!(swapped.len(), 2, "{swapped:?}");
        assert!(swapped.iter().all(|(_, what)| what.ends_with("swapped?")), "{swapped:?}");
    }
}
