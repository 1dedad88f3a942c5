//! What people, operators and strangers do, and under which policy.

use proptest::collection::SizeRange;
use proptest::prelude::*;

use super::super::*;

/// Where somebody asks from.
#[derive(Clone, Copy, Debug)]
pub enum Whence {
    Home,
    OtherCity,
    Hosting,
    Vpn,
    Unknown,
}

impl Whence {
    pub fn requester(self) -> Requester {
        let network = |asn, is_hosting| Some(Network { asn, name: Text::new("Net"), is_hosting });
        let place = |country: &str, latitude, longitude| {
            let point = Point {
                latitude_millidegrees: latitude,
                longitude_millidegrees: longitude,
                radius_km: 50,
            };
            Some(Place { country: Text::new(country), city: None, point: Some(point) })
        };
        match self {
            Self::Home => home(),
            Self::OtherCity => Requester {
                ip: Some("203.0.113.80".parse().unwrap()),
                network: network(64_501, false),
                place: place("FR", 43_710, 7_262),
                ..home()
            },
            Self::Hosting => Requester {
                ip: Some("198.51.100.9".parse().unwrap()),
                network: network(64_999, true),
                place: place("NL", 52_370, 4_900),
                browser: Some(Text::new("curl")),
                system: None,
            },
            Self::Vpn => Requester {
                ip: Some("198.51.100.70".parse().unwrap()),
                network: network(64_998, true),
                place: place("FR", 48_857, 2_352),
                ..home()
            },
            Self::Unknown => Requester::default(),
        }
    }
}

/// Which application is signed in to; the vault accepts nothing that can be phished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Wiki,
    Mail,
    Vault,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    pub name: u8,
    pub purpose: Purpose,
    pub party: Party,
    pub whence: Whence,
    /// Which of the devices that were ever known, if any.
    pub device: Option<u8>,
    pub is_spray: bool,
}

/// In whose name something is changed.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// Whoever proved themselves last to manage authenticators, or says so.
    Owner,
    /// Whoever recovered the account last, or says so.
    Recovered,
    Sam,
    Kim,
}

/// Who reports or cancels.
#[derive(Clone, Copy, Debug)]
pub enum Voice {
    Phone,
    Address,
    ForeignAddress,
    Operator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    Right,
    Wrong,
    Deny,
    Report,
}

/// What is shown for a recovery.
#[derive(Clone, Copy, Debug)]
pub enum Pair {
    SavedAndMailed,
    SuccessAndMailed,
    SavedAndSuccess,
    SavedTwice,
}

/// One thing that somebody does.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Start(Try),
    Repeat,
    Cancel,
    Answer {
        say: Say,
        phone_at: Whence,
        is_shown: bool,
    },
    OpenApp,
    /// With a passkey for this attempt, or for the last one.
    Passkey {
        by: Option<Try>,
        is_verified: bool,
    },
    Totp {
        by: Option<Try>,
        is_right: bool,
    },
    Certificate(Option<Try>),
    Report(Voice),
    Dispute {
        which: u8,
    },
    DisputeForOwner {
        which: u8,
    },
    Settle {
        by: By,
        which: u8,
    },
    Restore(By),
    Close,
    PasswordChanged,
    Issue {
        by: By,
        kind: AuthenticatorKind,
    },
    Bind {
        is_right: bool,
    },
    Invalidate {
        by: By,
        which: u8,
    },
    SetAddresses {
        by: By,
        count: u8,
    },
    SetRole {
        is_sam: bool,
        role: Role,
    },
    SendCode {
        address: u8,
    },
    Recover {
        by: Try,
        pair: Pair,
        is_first_right: bool,
        is_second_right: bool,
    },
    RequestReset {
        is_sam: bool,
    },
    ConfirmReset {
        is_sam: bool,
    },
    CancelReset(Voice),
    Call,
    AnswerCall {
        is_them: bool,
    },
    Forget {
        by: By,
        which: u8,
    },
    SetClockRight,
    /// The state was put back from a copy.
    PutBack,
    Forward {
        seconds: u32,
    },
    Back {
        seconds: u16,
    },
}

fn whence() -> impl Strategy<Value = Whence> {
    prop_oneof![
        4 => Just(Whence::Home),
        1 => Just(Whence::OtherCity),
        1 => Just(Whence::Hosting),
        1 => Just(Whence::Vpn),
        1 => Just(Whence::Unknown),
    ]
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![
        3 => Just(Purpose::SignIn),
        2 => Just(Purpose::ManageAuthenticators),
        1 => Just(Purpose::Recovery),
    ]
}

fn attempt_of(purpose: impl Strategy<Value = Purpose>) -> impl Strategy<Value = Try> {
    let party =
        prop_oneof![3 => Just(Party::Wiki), 3 => Just(Party::Mail), 1 => Just(Party::Vault)];
    let device = prop::option::of(0_u8..4);
    let is_spray = prop::bool::weighted(0.1);
    (0_u8..64, purpose, party, whence(), device, is_spray).prop_map(
        |(name, purpose, party, whence, device, is_spray)| Try {
            name,
            purpose,
            party,
            whence,
            device,
            is_spray,
        },
    )
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![
        3 => Just(By::Owner),
        1 => Just(By::Recovered),
        1 => Just(By::Sam),
        1 => Just(By::Kim),
    ]
}

fn voice() -> impl Strategy<Value = Voice> {
    prop_oneof![
        Just(Voice::Phone),
        Just(Voice::Address),
        Just(Voice::ForeignAddress),
        Just(Voice::Operator),
    ]
}

fn kind() -> impl Strategy<Value = AuthenticatorKind> {
    prop_oneof![
        3 => Just(AuthenticatorKind::Phone),
        2 => Just(AuthenticatorKind::Passkey),
        1 => Just(AuthenticatorKind::RecoveryCodes),
        1 => Just(AuthenticatorKind::Totp),
        1 => Just(AuthenticatorKind::Certificate),
    ]
}

fn mostly_new() -> impl Strategy<Value = Option<Try>> {
    prop::option::weighted(0.6, attempt_of(purpose()))
}

fn sign_in_step() -> impl Strategy<Value = Step> {
    let say = prop_oneof![
        4 => Just(Say::Right),
        2 => Just(Say::Wrong),
        2 => Just(Say::Deny),
        1 => Just(Say::Report),
    ];
    prop_oneof![
        8 => attempt_of(purpose()).prop_map(Step::Start),
        1 => Just(Step::Repeat),
        2 => Just(Step::Cancel),
        7 => (say, whence(), prop::bool::weighted(0.95))
            .prop_map(|(say, phone_at, is_shown)| Step::Answer { say, phone_at, is_shown }),
        1 => Just(Step::OpenApp),
        2 => (mostly_new(), prop::bool::weighted(0.8))
            .prop_map(|(by, is_verified)| Step::Passkey { by, is_verified }),
        2 => (mostly_new(), any::<bool>())
            .prop_map(|(by, is_right)| Step::Totp { by, is_right }),
        1 => mostly_new().prop_map(Step::Certificate),
    ]
}

fn account_step() -> impl Strategy<Value = Step> {
    let is_likely = || prop::bool::weighted(0.8);
    prop_oneof![
        1 => voice().prop_map(Step::Report),
        1 => any::<u8>().prop_map(|which| Step::Dispute { which }),
        1 => any::<u8>().prop_map(|which| Step::DisputeForOwner { which }),
        2 => (by(), any::<u8>()).prop_map(|(by, which)| Step::Settle { by, which }),
        2 => by().prop_map(Step::Restore),
        3 => Just(Step::Close),
        1 => Just(Step::PasswordChanged),
        4 => (by(), kind()).prop_map(|(by, kind)| Step::Issue { by, kind }),
        4 => is_likely().prop_map(|is_right| Step::Bind { is_right }),
        3 => (by(), any::<u8>()).prop_map(|(by, which)| Step::Invalidate { by, which }),
        2 => (by(), 0_u8..7).prop_map(|(by, count)| Step::SetAddresses { by, count }),
        1 => (any::<bool>(), prop_oneof![3 => Just(Role::Member), 1 => Just(Role::Administrator)])
            .prop_map(|(is_sam, role)| Step::SetRole { is_sam, role }),
        2 => (0_u8..6).prop_map(|address| Step::SendCode { address }),
        2 => recover_step(),
        2 => any::<bool>().prop_map(|is_sam| Step::RequestReset { is_sam }),
        2 => any::<bool>().prop_map(|is_sam| Step::ConfirmReset { is_sam }),
        1 => voice().prop_map(Step::CancelReset),
        2 => Just(Step::Call),
        2 => any::<bool>().prop_map(|is_them| Step::AnswerCall { is_them }),
        1 => (by(), any::<u8>()).prop_map(|(by, which)| Step::Forget { by, which }),
        1 => Just(Step::SetClockRight),
        1 => Just(Step::PutBack),
    ]
}

fn recover_step() -> impl Strategy<Value = Step> {
    let pair = prop_oneof![
        3 => Just(Pair::SavedAndMailed),
        2 => Just(Pair::SuccessAndMailed),
        2 => Just(Pair::SavedAndSuccess),
        1 => Just(Pair::SavedTwice),
    ];
    let is_likely = || prop::bool::weighted(0.8);
    (attempt_of(Just(Purpose::Recovery)), pair, is_likely(), is_likely()).prop_map(
        |(by, pair, is_first_right, is_second_right)| Step::Recover {
            by,
            pair,
            is_first_right,
            is_second_right,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = prop_oneof![
        6 => 0_u32..600,
        2 => 0_u32..7_200,
        1 => 0_u32..200_000,
    ];
    prop_oneof![
        5 => sign_in_step(),
        4 => account_step(),
        3 => seconds.prop_map(|seconds| Step::Forward { seconds }),
        1 => (0_u16..60).prop_map(|seconds| Step::Back { seconds }),
    ]
}

/// What goes on in a sequence of steps more than anything else.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Anything,
    WrongCodes,
    Recovery,
    Reset,
    Dispute,
}

fn moody(mood: Mood) -> BoxedStrategy<Step> {
    let hours = (0_u32..20).prop_map(|hours| Step::Forward { seconds: hours * 3_600 });
    match mood {
        Mood::Anything => step().boxed(),
        Mood::WrongCodes => prop_oneof![
            4 => attempt_of(Just(Purpose::SignIn)).prop_map(|by| {
                let (party, whence) = (Party::Wiki, Whence::Home);
                Step::Start(Try { party, whence, device: None, is_spray: false, ..by })
            }),
            5 => Just(Step::Answer { say: Say::Wrong, phone_at: Whence::Home, is_shown: true }),
            4 => Just(Step::Restore(By::Sam)),
            1 => Just(Step::Close),
            4 => (12_u32..30).prop_map(|hours| Step::Forward { seconds: hours * 3_600 }),
            1 => step(),
        ]
        .boxed(),
        Mood::Recovery => prop_oneof![
            4 => (1_u8..3).prop_map(|address| Step::SendCode { address }),
            4 => recover_step(),
            2 => (0_u32..900).prop_map(|seconds| Step::Forward { seconds }),
            2 => step(),
        ]
        .boxed(),
        Mood::Reset => prop_oneof![
            3 => any::<bool>().prop_map(|is_sam| Step::RequestReset { is_sam }),
            3 => any::<bool>().prop_map(|is_sam| Step::ConfirmReset { is_sam }),
            1 => Just(Step::Call),
            2 => any::<bool>().prop_map(|is_them| Step::AnswerCall { is_them }),
            1 => Just(Step::Close),
            2 => (by(), kind()).prop_map(|(by, kind)| Step::Issue { by, kind }),
            2 => Just(Step::Bind { is_right: true }),
            2 => hours,
            2 => step(),
        ]
        .boxed(),
        Mood::Dispute => prop_oneof![
            2 => (0_u8..3).prop_map(|which| Step::Dispute { which }),
            1 => (0_u8..3).prop_map(|which| Step::DisputeForOwner { which }),
            3 => Just(Step::Close),
            5 => (by(), 0_u8..3).prop_map(|(by, which)| Step::Settle { by, which }),
            2 => attempt_of(Just(Purpose::ManageAuthenticators))
                .prop_map(|by| Step::Passkey { by: Some(by), is_verified: true }),
            1 => (by(), 0_u8..3).prop_map(|(by, which)| Step::Invalidate { by, which }),
            1 => hours,
            3 => step(),
        ]
        .boxed(),
    }
}

/// A sequence of steps in one mood.
pub fn steps(len: impl Into<SizeRange> + Clone) -> impl Strategy<Value = Vec<Step>> {
    let mood = prop_oneof![
        4 => Just(Mood::Anything),
        1 => Just(Mood::WrongCodes),
        1 => Just(Mood::Recovery),
        1 => Just(Mood::Reset),
        1 => Just(Mood::Dispute),
    ];
    mood.prop_flat_map(move |mood| prop::collection::vec(moody(mood), len.clone()))
}

/// The defaults, and what is allowed at either end.
pub fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![2 => Just(Policy::default()), 1 => Just(tight()), 1 => Just(loose())]
}

pub fn tight() -> Policy {
    let default = Policy::default();
    Policy {
        prompt: PromptPolicy { life_seconds: 30, wrong_entries: 1, clock_tolerance_seconds: 0 },
        budget: BudgetPolicy {
            per_ten_minutes: 2,
            per_hour: 2,
            per_day: 3,
            kept_for_known_devices: 1,
        },
        throttle: ThrottlePolicy {
            free_failures: 0,
            first_wait_seconds: 600,
            longest_wait_seconds: 86_400,
            forget_device_after: 10,
        },
        trust: TrustPolicy { device_days: 7, mute_minutes: 1_440, report_reaches_back_hours: 720 },
        stop: StopPolicy { suspend_push_after: 3, disable_after: 10, strangers_may_cause: 5 },
        account: AccountPolicy {
            binding_code_seconds: 60,
            authority_seconds: 60,
            probation_hours: 168,
            address_code_seconds: 60,
            reset_delay_hours: 168,
            dormant_after_days: 1,
            caller_check_seconds: 30,
            takes_totp: false,
        },
        // A wrong code is a denial: whoever has a passkey would never come to a tenth.
        risk: RiskPolicy { passkey_owners_from: 6.0, ..RiskPolicy::default() },
        ..default
    }
}

pub fn loose() -> Policy {
    let default = Policy::default();
    Policy {
        prompt: PromptPolicy { life_seconds: 600, wrong_entries: 5, clock_tolerance_seconds: 30 },
        budget: BudgetPolicy {
            per_ten_minutes: 10,
            per_hour: 20,
            per_day: 40,
            kept_for_known_devices: 9,
        },
        throttle: ThrottlePolicy {
            free_failures: 9,
            first_wait_seconds: 5,
            longest_wait_seconds: 5,
            forget_device_after: 100,
        },
        trust: TrustPolicy { device_days: 180, mute_minutes: 1, report_reaches_back_hours: 1 },
        stop: StopPolicy { suspend_push_after: 50, disable_after: 100, strangers_may_cause: 99 },
        account: AccountPolicy {
            binding_code_seconds: 600,
            authority_seconds: 900,
            probation_hours: 0,
            address_code_seconds: 86_400,
            reset_delay_hours: 12,
            dormant_after_days: 365,
            caller_check_seconds: 600,
            takes_totp: true,
        },
        risk: RiskPolicy {
            quiet_from: 64.0,
            passkey_owners_from: 64.0,
            passkey_only_from: 64.0,
            refuse_from: 64.0,
            ..RiskPolicy::default()
        },
        ..default
    }
}
