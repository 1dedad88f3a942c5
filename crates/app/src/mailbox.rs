//! What is one mail address, and nothing that a mailer could take for more.

/// The longest that an address is, in bytes (RFC 5321, 4.5.3.1.3, without the angle brackets).
const BYTES_MAX: usize = 254;

/// Whether a mailer that reads it in a header finds one address in it. Quoted names, comments, groups and
/// domains in brackets are none here, though RFC 5322 has them: nobody needs them, and each is a way to write
/// another address beside it.
// SECURITY: two addresses in one would send what is for the owner to somebody else too. Guarded by
// `what_a_mailer_would_take_for_two_is_no_address`.
pub(crate) fn is_mailbox(address: &str) -> bool {
    let breaks = |c: char| ",;<>()\":[]\\".contains(c) || c.is_whitespace() || c.is_control();
    let Some((to, host)) = address.split_once('@') else { return false };
    let is_host = host.contains('.') && host.split('.').all(|label| !label.is_empty());
    address.len() <= BYTES_MAX
        && !to.is_empty()
        && is_host
        && !host.contains('@')
        && !address.contains(breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mailer_would_take_for_two_is_no_address() {
        for bad in [
            "oscar@a.example,thief@evil.example",
            "oscar@a.example;thief@evil.example",
            "oscar@a.example thief@evil.example",
            "oscar@a.example\nBcc: thief@evil.example",
            "oscar@a.example\u{a0}",
            "oscar@a.example\u{7f}",
            "<thief@evil.example>",
            "oscar<thief@evil.example>",
            "\"oscar\"@a.example",
            "oscar(thief)@a.example",
            "team:thief@evil.example",
            "oscar@[192.0.2.1]",
            "osc\\ar@a.example",
            "oscar@thief@evil.example",
            "@a.example",
            "oscar@",
            "oscar@.example",
            "oscar@a.",
            "oscar@a..example",
            "oscar@localhost",
            "oscar",
            "",
        ] {
            assert!(!is_mailbox(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_as_long_as_mail_lets_it() {
        let host = format!("{}.example", "a".repeat(180));
        let to = "o".repeat(BYTES_MAX - host.len() - 1);
        for good in
            [&*format!("{to}@{host}"), "o'scar.b+mfa=1_2-3@mail.a.example", "jörg@a.example"]
        {
            assert!(is_mailbox(good), "{good:?}");
        }
        assert!(!is_mailbox(&format!("o{to}@{host}")));
    }
}
