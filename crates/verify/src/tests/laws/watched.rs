//! A world in which steps are taken.

use super::super::*;
use super::ledger::Ledger;
use super::step::{By, Pair, Party, Say, Step, Try, Voice, Whence};

/// The codes that the owner saved, used from the first on.
const SAVED: [u8; 4] = [31, 32, 33, 34];
/// The right codes; every other digest is wrong.
const MAILED: u8 = 41;
const BINDING: u8 = 66;
const WRONG: u8 = 99;

pub struct Watched {
    pub world: World,
    pub ledger: Ledger,
    /// Every device that was ever known.
    devices: Vec<DeviceId>,
    /// The time step that the next right code belongs to.
    totp_step: u64,
    /// How many keys were ever offered.
    keys: u32,
    saved: usize,
    last: Attempt,
    last_kind: AuthenticatorKind,
}

impl Watched {
    /// Somebody with one authenticator of each kind and a known device.
    pub fn new(policy: Policy, role: Role) -> Self {
        assert_eq!(policy.problems(), []);
        let (mut world, phone, _) = World::with_phone_and_passkey();
        world.bind(NewAuthenticator::Totp { key: digest(4), step: 0 }, AuthenticatorKind::Totp);
        let new = NewAuthenticator::Certificate { key: digest(5) };
        world.bind(new, AuthenticatorKind::Certificate);
        let codes = SAVED.map(digest).to_vec();
        world.bind(NewAuthenticator::RecoveryCodes { codes }, AuthenticatorKind::RecoveryCodes);
        let device = world.sign_in(phone, "first");
        let _ = world.run(Command::SetRole(operator("sam"), role));
        world.policy = policy;
        Self {
            world,
            ledger: Ledger::default(),
            devices: vec![device],
            totp_step: 0,
            keys: 0,
            saved: 0,
            last: attempt("first", None),
            last_kind: AuthenticatorKind::Phone,
        }
    }

    pub fn take(&mut self, step: Step) {
        let Some(command) = self.command(step) else { return };
        let before = self.world.clone();
        let outcome = self.world.run(command.clone());
        let mut twin = before.clone();
        let same = twin.run(command);
        assert_eq!(format!("{outcome:?}"), format!("{same:?}"), "the same gives the same");
        let json = self.world.state.to_json().unwrap();
        assert_eq!(json, twin.state.to_json().unwrap());
        // Reading costs most of the time; every fourth document is enough to meet every shape.
        if self.world.state.revision().is_multiple_of(4) {
            assert_eq!(json, SubscriberState::from_json(&json).unwrap().to_json().unwrap());
        }
        assert!(json.len() <= STATE_BYTES_MAX);
        if let Outcome::Verified(verified) = &outcome {
            self.devices.extend(verified.device.filter(|known| !self.devices.contains(known)));
        }
        if let (Outcome::Recovered { .. }, Step::Recover { pair, .. }) = (&outcome, step) {
            self.saved += match pair {
                Pair::SavedAndMailed | Pair::SavedAndSuccess => 1,
                Pair::SuccessAndMailed | Pair::SavedTwice => 0,
            };
        }
        self.ledger.check(step, &self.last, &outcome, &before, &self.world);
    }

    fn attempt(&mut self, by: Try) -> Attempt {
        let prefix = match by.purpose {
            Purpose::SignIn => "s",
            Purpose::ManageAuthenticators => "m",
            Purpose::Recovery => "r",
        };
        let party = match by.party {
            Party::Wiki => "wiki",
            Party::Mail => "mail",
            Party::Vault => "vault",
        };
        let device = by.device.and_then(|n| self.devices.get(usize::from(n) % self.devices.len()));
        let accepts = match by.party {
            Party::Vault => Accepts::PhishingResistant,
            Party::Wiki | Party::Mail => Accepts::Any,
        };
        let attempt = Attempt {
            purpose: by.purpose,
            relying_party: RelyingPartyId::parse(party).unwrap(),
            relying_party_name: Text::new(party),
            requester: by.whence.requester(),
            accepts,
            others_asked: if by.is_spray { 5 } else { 0 },
            ..attempt(&format!("{prefix}{}", by.name), device.copied())
        };
        self.last = attempt.clone();
        attempt
    }

    fn this_or_last(&mut self, by: Option<Try>) -> Attempt {
        match by {
            Some(by) => self.attempt(by),
            None => self.last.clone(),
        }
    }

    /// The last bound of a kind, or one that there never was.
    fn bound(&self, kind: AuthenticatorKind) -> AuthenticatorId {
        let bound = self.world.state.authenticators();
        bound.iter().rfind(|a| a.kind() == kind).map_or(AuthenticatorId(999), Authenticator::id)
    }

    fn contact(&self, whence: Whence) -> PhoneContact {
        let phone = self.bound(AuthenticatorKind::Phone);
        PhoneContact::signature_verified(alice(), phone, whence.requester())
    }

    fn voice(&self, voice: Voice) -> Reporter {
        let by_link = |id| Reporter::Address(AddressProof::link_verified(alice(), id));
        match voice {
            Voice::Phone => Reporter::Phone(self.contact(Whence::Home)),
            Voice::Address => by_link(self.world.state.addresses()[0].clone()),
            Voice::ForeignAddress => by_link(address("mail:foreign")),
            Voice::Operator => Reporter::Operator(operator("sam")),
        }
    }

    fn authority(&self, by: By) -> Authority {
        let id = |attempt: &Option<AttemptId>| attempt.clone().unwrap_or(self.last.id.clone());
        match by {
            By::Owner => Authority::Subscriber(id(&self.ledger.managing)),
            By::Recovered => Authority::Recovered(id(&self.ledger.recovered)),
            By::Sam => Authority::Operator(operator("sam")),
            By::Kim => Authority::Operator(operator("kim")),
        }
    }

    fn new_authenticator(&mut self, kind: AuthenticatorKind) -> NewAuthenticator {
        self.keys += 1;
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&self.keys.to_le_bytes());
        let key = CodeDigest::new(bytes);
        match kind {
            AuthenticatorKind::Phone => NewAuthenticator::Phone { key },
            AuthenticatorKind::Passkey => {
                NewAuthenticator::Passkey { key, sync: PasskeySync::DeviceBound }
            }
            AuthenticatorKind::RecoveryCodes => {
                self.saved = 0;
                NewAuthenticator::RecoveryCodes { codes: SAVED.map(digest).to_vec() }
            }
            AuthenticatorKind::Totp => NewAuthenticator::Totp { key, step: 0 },
            AuthenticatorKind::Certificate => NewAuthenticator::Certificate { key },
        }
    }

    fn answer(&self, say: Say, phone_at: Whence, is_shown: bool) -> Command {
        let world = &self.world;
        let context = world.state.shown_at(world.now);
        let answer = match (say, context) {
            (Say::Right, Some(_)) => world.right(),
            (Say::Right, None) | (Say::Wrong, _) => world.wrong(),
            (Say::Deny, _) => Answer::Deny,
            (Say::Report, _) => Answer::Report(Notes::default()),
        };
        let mut shown = context.map(Context::canonical_bytes).unwrap_or_default();
        if !is_shown {
            shown.push(0);
        }
        Command::AnswerPrompt(PhoneAnswer::signature_verified(
            alice(),
            self.bound(AuthenticatorKind::Phone),
            context.map_or(PromptId(0), |c| c.prompt),
            shown,
            phone_at.requester(),
            answer,
        ))
    }

    fn recovery(
        &self,
        pair: Pair,
        is_first_right: bool,
        is_second_right: bool,
    ) -> [RecoveryEvidence; 2] {
        let code = |is_right, right| digest(if is_right { right } else { WRONG });
        let unused = SAVED.get(self.saved).copied().unwrap_or(WRONG);
        let saved = |is_right| RecoveryEvidence::SavedCode(code(is_right, unused));
        let mailed = RecoveryEvidence::AddressCode(code(is_second_right, MAILED));
        let none = AttemptId::parse("none").unwrap();
        let success = |is_right: bool| {
            let proved = self.ledger.recovering.clone().filter(|_| is_right);
            RecoveryEvidence::Success(proved.unwrap_or(none.clone()))
        };
        match pair {
            Pair::SavedAndMailed => [saved(is_first_right), mailed],
            Pair::SuccessAndMailed => [success(is_first_right), mailed],
            Pair::SavedAndSuccess => [saved(is_first_right), success(is_second_right)],
            Pair::SavedTwice => [saved(is_first_right), saved(is_second_right)],
        }
    }

    fn any_bound(&self, which: u8) -> Option<AuthenticatorId> {
        let bound = self.world.state.authenticators();
        Some(bound.get(usize::from(which) % bound.len().max(1))?.id())
    }

    fn command(&mut self, step: Step) -> Option<Command> {
        Some(match step {
            Step::Start(by) => Command::StartAttempt(self.attempt(by)),
            Step::Repeat => Command::StartAttempt(self.last.clone()),
            Step::Cancel => Command::CancelAttempt(self.last.id.clone()),
            Step::Answer { say, phone_at, is_shown } => self.answer(say, phone_at, is_shown),
            Step::OpenApp => Command::OpenApp(self.contact(Whence::Home)),
            Step::Passkey { by, is_verified } => {
                let attempt = self.this_or_last(by);
                let user = if is_verified {
                    UserVerification::Verified
                } else {
                    UserVerification::PresentOnly
                };
                let passkey = self.bound(AuthenticatorKind::Passkey);
                let id = attempt.id.clone();
                let assertion = PasskeyAssertion::ceremony_verified(alice(), passkey, id, user);
                Command::ProvePasskey(attempt, assertion)
            }
            Step::Totp { by, is_right } => {
                self.totp_step += 1;
                let step = is_right.then_some(self.totp_step);
                let entry = TotpEntry::compared(alice(), self.bound(AuthenticatorKind::Totp), step);
                Command::ProveTotp(self.this_or_last(by), entry)
            }
            Step::Certificate(by) => {
                let certificate = self.bound(AuthenticatorKind::Certificate);
                let proof = CertificateProof::handshake_verified(alice(), certificate);
                Command::ProveCertificate(self.this_or_last(by), proof)
            }
            Step::Report(voice) => Command::Report(self.voice(voice), Notes::default()),
            Step::Dispute { which } => {
                // The link that was given out last, or one before it.
                let authenticator = self.any_bound(which)?;
                let round = self.world.state.authenticator(authenticator)?.dispute_round();
                let about = Disputable {
                    authenticator,
                    round: round.saturating_sub(u16::from(which / 128)),
                };
                Command::Dispute(DisputeLink::link_verified(alice(), about, address("mail:1")))
            }
            Step::DisputeForOwner { which } => {
                Command::DisputeForOwner(operator("sam"), self.any_bound(which)?)
            }
            Step::Settle { by, which } => {
                let authenticator = self.any_bound(which)?;
                Command::SettleDispute { authority: self.authority(by), authenticator }
            }
            Step::Restore(by) => Command::RestorePush(self.authority(by)),
            Step::Close => Command::CloseIncident(operator("sam")),
            Step::PasswordChanged => Command::PasswordChanged,
            Step::Issue { by, kind } => {
                self.last_kind = kind;
                let authority = self.authority(by);
                Command::IssueBindingCode { authority, kind, code: digest(BINDING) }
            }
            Step::Bind { is_right } => Command::Bind {
                code: digest(if is_right { BINDING } else { WRONG }),
                authenticator: self.new_authenticator(self.last_kind),
                label: Text::new("new"),
            },
            Step::Invalidate { by, which } => {
                let authenticator = self.any_bound(which)?;
                Command::Invalidate { authority: self.authority(by), authenticator }
            }
            Step::SetAddresses { by, count } => {
                let addresses = (0..count).map(|n| address(&format!("mail:{n}"))).collect();
                Command::SetAddresses { authority: self.authority(by), addresses }
            }
            Step::SetRole { is_sam, role } => Command::SetRole(reset_by(is_sam), role),
            Step::SendCode { address: n } => Command::IssueAddressCode {
                address: address(&format!("mail:{n}")),
                code: digest(MAILED),
            },
            Step::Recover { by, pair, is_first_right, is_second_right } => {
                let [first, second] = self.recovery(pair, is_first_right, is_second_right);
                Command::Recover { attempt: self.attempt(by), first, second }
            }
            Step::RequestReset { is_sam } => Command::RequestReset(reset_by(is_sam)),
            Step::ConfirmReset { is_sam } => {
                Command::ConfirmReset(reset_by(is_sam), self.world.state.reset()?.id)
            }
            Step::CancelReset(voice) => {
                let state = &self.world.state;
                match (state.reset(), state.role_change(self.world.now)) {
                    (None, Some(change)) => Command::CancelRoleChange(self.voice(voice), change.id),
                    (reset, _) => Command::CancelReset(self.voice(voice), reset?.id),
                }
            }
            Step::Call => Command::StartCallerCheck(operator("sam")),
            Step::AnswerCall { is_them } => {
                let check = self.world.state.caller_check(self.world.now)?.id;
                let answer = if is_them { CallerAnswer::CodesMatch } else { CallerAnswer::NotThem };
                Command::AnswerCallerCheck(self.contact(Whence::Home), check, answer)
            }
            Step::Forget { by, which } => {
                let device = *self.devices.get(usize::from(which) % self.devices.len())?;
                Command::ForgetDevice(self.authority(by), device)
            }
            Step::SetClockRight => Command::SetClockRight(operator("sam")),
            Step::PutBack => Command::Restored { operator: operator("sam"), totp_step: 0 },
            Step::Forward { seconds } => {
                self.world.forward(Span::seconds(i64::from(seconds)));
                Command::Tick
            }
            Step::Back { seconds } => {
                self.world.forward(Span::seconds(-i64::from(seconds)));
                Command::Tick
            }
        })
    }
}

pub fn reset_by(is_sam: bool) -> OperatorProof {
    operator(if is_sam { "sam" } else { "kim" })
}
