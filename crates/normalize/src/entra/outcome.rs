//! What Entra's result texts and codes mean.
//!
//! Texts change between releases and shapes ("did not respond", "didn't respond"; `;` or `:` after
//! "MFA denied"), so they are matched by keywords.

use pushback_model::{EventKind, Factor};

use crate::text::contains;

/// What a text says about a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A prompt or a code ended like this.
    Is(EventKind),
    /// The second factor was satisfied without asking anybody.
    NotAsked,
    /// Nothing that can be relied on.
    Unclear,
}

/// Reads a step's result text or a record's `additionalDetails`.
pub(super) fn of_text(text: &str) -> Outcome {
    use EventKind as K;

    // Nearly every text in a log is one of these.
    match text {
        "" | "Correct password" => return Outcome::Unclear,
        "MFA completed in Azure AD" => return Outcome::Is(K::PromptApproved),
        "MFA requirement satisfied by claim in the token" => return Outcome::NotAsked,
        _ => {}
    }
    let has = |word| contains(text, word);
    if has("satisfied by") || has("skipped") || has("previously satisfied") {
        return Outcome::NotAsked;
    }
    Outcome::Is(if has("fraud") || has("suspiciousactivity") || has("suspicious activity") {
        K::PromptReported
    } else if has("correct number") {
        K::PromptMismatched
    } else if has("declin") || has("hung up") {
        K::PromptDenied
    } else if has("not respond") || has("n't respond") || has("voicemail") || has("timed out") {
        K::PromptTimedOut
    } else if has("unable to send") || has("could not be sent") {
        K::PromptUndelivered
    } else if has("incorrect code") || has("wrong code") {
        K::FactorFailed
    } else if has("mfa completed in") || has("mfa successfully completed") {
        K::PromptApproved
    } else {
        return Outcome::Unclear;
    })
}

/// The authenticator that a step or `mfaDetail` names.
pub(super) fn factor(method: &str) -> Factor {
    match method {
        "" => return Factor::Unknown,
        "Password" => return Factor::Password,
        "Mobile app notification" => return Factor::Push,
        _ => {}
    }
    let has = |word| contains(method, word);
    if has("previously satisfied") {
        Factor::Unknown
    } else if has("app notification")
        || has("with notification")
        || has("push")
        || has("phoneappnotification")
    {
        Factor::Push
    } else if has("phone call") || has("twowayvoice") || has("voice") {
        Factor::Voice
    } else if has("text message") || has("sms") {
        Factor::Sms
    } else if has("fido") || has("passkey") || has("security key") {
        Factor::Passkey
    } else if has("hello") || has("certificate") || has("x.509") || has("x509") {
        Factor::DeviceKey
    } else if has("temporary access pass") || has("temporaryaccesspass") {
        Factor::RecoveryCode
    } else if has("passwordless") || has("phone sign-in") || has("phone sign in") {
        Factor::Push
    } else if has("email") {
        Factor::Email
    } else if has("code") || has("oath") || has("otp") {
        Factor::Code
    } else if has("password") {
        Factor::Password
    } else {
        Factor::Unknown
    }
}

/// The factor that a text is about, where no method is logged: only a push or a call can be declined
/// or go unanswered.
pub(super) fn factor_of_text(text: &str) -> Factor {
    if contains(text, "phone call") || contains(text, "voicemail") || contains(text, "hung up") {
        Factor::Voice
    } else if contains(text, "code") {
        Factor::Code
    } else {
        Factor::Push
    }
}

/// What a sign-in's error code says about the attempt as a whole; `None` for interruptions that are
/// neither success nor failure. Codes: Microsoft Entra authentication and authorization error codes.
pub(super) fn of_code(code: u32, is_interactive: bool) -> Option<EventKind> {
    use EventKind as K;

    Some(match code {
        0 if is_interactive => K::SessionStarted,
        0 => K::SessionUsed,
        // A second factor, its registration, or another vendor's factor is asked for.
        50_072 | 50_074 | 50_076 | 50_079 | 50_158 => K::ChallengeRequired,
        500_121 => K::FactorFailed,
        50_053 => K::LockedOut,
        // Conditional Access: the device, the network, the application, the risk.
        53_000..=53_011 | 530_000..=530_099 | 50_005 | 50_105 | 50_131 | 50_132 | 70_055 => {
            K::PolicyRefused
        }
        // Keep me signed in, choose an account, consent, terms, silent sign-in, expired sessions,
        // device authentication: the dialogue goes on or starts over.
        50_058 | 50_097 | 50_125 | 50_127 | 50_129 | 50_133 | 50_140 | 50_144 | 50_173 | 50_199
        | 51_006 | 16_000 | 16_001 | 16_003 | 65_001 | 65_004 | 65_005 | 70_043 | 70_044
        | 70_046 | 81_010 | 81_012 | 399_284 | 70_008 | 700_082 | 700_084 => return None,
        _ if is_interactive => K::SignInFailed,
        // What a client retries by itself in the background is no attempt of a person, but a wrong
        // password is: legacy protocols are logged as non-interactive.
        50_126 | 50_034 | 50_055 | 50_056 | 50_057 => K::SignInFailed,
        _ => return None,
    })
}
