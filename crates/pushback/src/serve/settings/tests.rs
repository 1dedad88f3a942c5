use super::*;

fn parse(text: &str) -> Result<Settings, ConfigError> {
    let (settings, complaints) = Settings::parse(text);
    refuse(Path::new("serve.toml"), text, complaints).map(|()| settings)
}

fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_is_the_defaults() {
    let settings = parse(EXAMPLE).unwrap();
    assert_eq!(settings, Settings::default());
}

#[test]
fn a_complaint_names_file_line_and_place() {
    let text = "[policy.prompt]\nlife_seconds = 5\n";
    assert!(refused(text).starts_with("serve.toml:2:"), "{}", refused(text));
    let text = "[service]\nname = \"x\"\nlisten = \"nowhere\"\n";
    assert!(refused(text).starts_with("serve.toml:3:"), "{}", refused(text));
    assert!(refused("[service]\nport = 1\n").contains("unknown field"));
}

#[test]
fn a_model_needs_its_number_and_its_roots() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serve.toml");
    let write = |aaguid: &str, roots: &str| {
        let text = format!(
            "[[passkeys.models]]\nname = \"Key 5\"\naaguid = \"{aaguid}\"\nroots = \"{roots}\"\n"
        );
        std::fs::write(&file, text).unwrap();
        Settings::load(Some(&file))
    };
    let number = "2fc0579f-8113-47ea-b116-bb5a8db9202a";
    let complaint = write("2fc0", "roots.pem").unwrap_err().to_string();
    assert!(complaint.contains("serve.toml:3:"), "{complaint}");
    let missing = write(number, "roots.pem").unwrap().models().unwrap_err();
    assert!(missing.starts_with("Key 5: ") && missing.contains("does not exist"), "{missing}");
    std::fs::write(folder.path().join("roots.pem"), "no certificate").unwrap();
    let useless = write(number, "roots.pem").unwrap().models().unwrap_err();
    assert!(useless.contains("roots.pem: no PEM certificates"), "{useless}");
    assert!(Settings::default().models().unwrap().is_any());
}

#[test]
fn a_header_with_certificates_needs_a_proxy_to_believe() {
    let header = "[service]\nclient_certificate_header = \"Client-Cert\"\n";
    assert!(refused(header).contains("trusted_proxies only"), "{}", refused(header));
    let believed = format!("{header}trusted_proxies = [\"127.0.0.0/8\"]\n");
    assert!(parse(&believed).is_ok());
    let taken = believed.replace("Client-Cert", "Cookie");
    assert!(refused(&taken).starts_with("serve.toml:2:"), "{}", refused(&taken));
}

#[test]
fn with_certificates_proxies_are_single_hosts_or_inside() {
    let with = |proxy: &str, header: &str| {
        let text =
            format!("[service]\n{header}\ntrusted_proxies = [\"10.0.0.1/32\", \"{proxy}\"]\n");
        parse(&text)
    };
    let header = "client_certificate_header = \"Client-Cert\"";
    for wide in [
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/1",
        "10.0.0.0/7",
        "172.0.0.0/8",
        "192.0.0.0/8",
        "203.0.113.0/24",
        "198.51.100.6/31",
        "2001:db8::/32",
        "2001:db8::/64",
        "::ffff:0.0.0.0/96",
    ] {
        let complaint = with(wide, header).unwrap_err().to_string();
        assert!(complaint.starts_with("serve.toml:3:"), "{complaint}");
        assert!(complaint.contains("anybody's certificate"), "{complaint}");
        assert!(with(wide, "").is_ok(), "{wide}: its word about an address is another matter");
    }
    for narrow in [
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.7.0/24",
        "169.254.0.0/16",
        "203.0.113.7/32",
        "::1/128",
        "fd00:1::/32",
        "fe80::/10",
        "2001:db8::7/128",
    ] {
        assert!(with(narrow, header).is_ok(), "{narrow}");
    }
}

#[test]
fn neither_mail_nor_voice_nor_sms_can_be_made_a_factor() {
    for table in ["sms", "voice", "mail", "factors", "policy.sms", "policy.factors"] {
        let complaint = refused(&format!("[{table}]\nis_offered = true\n"));
        assert!(complaint.contains("unknown field"), "{table}: {complaint}");
    }
}

#[test]
fn without_an_origin_people_come_to_the_port_on_this_machine() {
    let origin = |text: &str| parse(text).unwrap().origin();
    assert_eq!(origin(""), "http://localhost:8420");
    let listen = "[service]\nlisten = \"0.0.0.0:9000\"\n";
    assert_eq!(origin(listen), "http://localhost:9000");
    let tls = format!("{listen}[tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n");
    assert_eq!(origin(&tls), "https://localhost:9000");
}

#[test]
fn an_origin_is_one_that_browsers_call_secure() {
    for (origin, is_fine) in [
        ("https://mfa.example.org", true),
        ("https://mfa.example.org:8443", true),
        ("http://localhost:8420", true),
        ("http://mfa.example.org", false),
        ("https://203.0.113.7", false),
        ("https://mfa.example.org/path", false),
        ("mfa.example.org", false),
    ] {
        let text = format!("[service]\norigin = \"{origin}\"\n");
        let parsed = parse(&text);
        assert_eq!(parsed.is_ok(), is_fine, "{origin}");
    }
}
