//! The words of the pages, in one place so that they can be translated.

use std::collections::BTreeMap;

/// Declares the texts: one field a key of `templates/texts.en.toml`.
///
/// Not by a derived `Deserialize`: for so many fields that takes the compiler minutes.
macro_rules! texts {
    ($($name:ident)+) => {
        /// Every word of the server's pages. A key too many or too few is an error at the start.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub $name: String,)+
        }

        impl Texts {
            fn take(from: &mut Keys) -> Self {
                Self { $($name: from.take(stringify!($name)),)+ }
            }
        }
    };
}

texts! {
    product skip needs_script unknown never more app_title app_description sign_in_title
    sign_in_to sign_in_code_title sign_in_code_label sign_in_code_check sign_in_code_warning
    sign_in_waiting sign_in_quiet_title sign_in_quiet_text sign_in_left sign_in_seconds
    sign_in_passkey sign_in_passkey_instead sign_in_passkey_script sign_in_open_app sign_in_cancel
    sign_in_check_now sign_in_why sign_in_totp sign_in_totp_title sign_in_totp_warning
    sign_in_totp_label sign_in_totp_hint sign_in_totp_button sign_in_certificate sign_in_other_back
    sign_in_no_phone_title sign_in_no_phone_text sign_in_passkey_only_title sign_in_passkey_only_text
    sign_in_wait_title sign_in_wait_text sign_in_wait_until sign_in_wait_passkey
    sign_in_refused_title sign_in_refused_text sign_in_denied_title sign_in_denied_text
    sign_in_expired_title sign_in_expired_text sign_in_cancelled_title sign_in_cancelled_text
    recovery_link recovery_title recovery_text recovery_mail_text recovery_mail_first
    recovery_mail_second recovery_have_code recovery_no_codes recovery_codes_title
    recovery_codes_text recovery_warning recovery_mailed_label recovery_saved_label
    recovery_saved_hint recovery_button recovery_no_mail recovery_refused_title
    recovery_refused_text recovery_bind_title recovery_bind_text recovery_bind_picture
    recovery_bind_code recovery_bind_here recovery_bind_next recovery_back
    manage_title manage_to manage_warning manage_code_check manage_passkey_only_text manage_verified_text
    manage_elsewhere_text
    sign_in_code_elsewhere_title sign_in_code_elsewhere_text sign_in_code_elsewhere_warning
    sign_in_verified_title sign_in_verified_text sign_in_elsewhere_text sign_in_go_on sign_in_back
    sign_in_help
    problem_title problem_absent_title problem_absent_text problem_for_now_title problem_for_now_text
    problem_refused_title problem_refused_text problem_help
    notice_title notice_text notice_what notice_button notice_leave notice_done_title
    notice_done_text notice_over_title notice_over_text stop_title stop_reset_text stop_reset_what
    stop_button stop_leave stop_done_title stop_reset_done_text stop_role_text stop_role_what stop_role_done_text subscriber_disputed subscriber_dispute
    subscriber_settle
    subscriber_new_until subscriber_settle_confirm subscriber_settle_waits subscriber_settle_alone
    admin_title admin_nav admin_sign_out admin_signed_in_as admin_sign_in_title admin_sign_in_text
    admin_sign_in_passkey admin_enrol_title admin_enrol_text admin_enrol_passkey admin_name
    admin_when admin_since admin_what admin_who admin_actions admin_change admin_search
    admin_search_label admin_next admin_refused admin_refused_last
    admin_refused_incident admin_refused_clock admin_failed admin_back done_party_deleted
    done_subscriber_added done_addresses_set done_role_set done_role_asked done_untied done_dispute_settled
    done_disputed done_settlement_asked done_suspended done_restored
    done_incident_closed done_clock_set_right done_reset_asked done_reset_done done_reset_cancelled
    relying_parties_nav
    relying_parties_lead relying_parties_empty relying_party_create relying_party_name_hint
    relying_party_rotate relying_party_rotate_hint relying_party_delete relying_party_delete_hint
    relying_party_secret_title relying_party_secret_text relying_party_id relying_party_secret
    subscribers_nav subscribers_lead subscribers_none subscribers_empty subscriber_authenticators
    subscriber_passkey subscriber_prompts subscriber_create subscriber_login subscriber_first_address
    subscriber_second_address subscriber_addresses_hint subscriber_suspended subscriber_active
    subscriber_none subscriber_disabled subscriber_is_administrator subscriber_invite
    subscriber_invite_text subscriber_invite_button subscriber_invite_title subscriber_invite_show
    subscriber_invite_link subscriber_invite_code subscriber_invite_until subscriber_bound_at
    subscriber_used_at subscriber_kind subscriber_invalidate subscriber_latest subscriber_call
    subscriber_call_text subscriber_call_button subscriber_call_code subscriber_call_until
    subscriber_suspend subscriber_suspend_text subscriber_suspend_button subscriber_suspended_title
    subscriber_restore_text subscriber_restore_button subscriber_incident subscriber_incident_text
    subscriber_incident_button subscriber_clock subscriber_clock_until subscriber_clock_text
    subscriber_clock_button subscriber_reset subscriber_reset_text subscriber_reset_button
    subscriber_reset_waits subscriber_reset_waits_text subscriber_reset_by subscriber_reset_ready
    subscriber_reset_confirm subscriber_reset_cancel subscriber_role subscriber_role_text
    subscriber_make_administrator subscriber_make_member subscriber_role_waits subscriber_role_confirm
    subscriber_role_keep subscriber_addresses
    subscriber_addresses_text subscriber_addresses_button subscriber_back kind_phone kind_passkey
    kind_recovery_codes kind_totp kind_certificate policy_nav policy_lead policy_value
    policy_meaning policy_setting policy_changed prompts_nav prompts_lead prompts_empty
    prompts_decision prompts_outcome prompts_from decision_rang decision_replaced decision_quiet
    decision_wait decision_passkey_only decision_refused outcome_open outcome_verified
    outcome_approved outcome_overtaken outcome_denied outcome_reported outcome_mismatched
    outcome_expired outcome_clock_went_back outcome_taken_over outcome_cancelled outcome_stepped_up
    outcome_proof_refused incidents_nav incidents_lead incidents_empty cause_reported
    cause_wrong_codes cause_false_caller audit_nav audit_lead audit_whole audit_broken audit_limit
    audit_entries audit_head audit_chain audit_verify audit_download audit_number audit_about
    audit_by audit_digest
    demo_title demo_lead demo_computer demo_phone
    demo_attacks demo_attacks_lead demo_flood demo_flood_text demo_spray demo_spray_text
    demo_caller demo_caller_text demo_asked demo_rang demo_quiet demo_refused demo_incidents
    demo_own demo_own_how demo_own_picture
    demo_live demo_script demo_hint demo_name demo_password demo_sign_in demo_wrong demo_signed_in
    demo_signed_in_text demo_sign_out demo_start_again demo_not_signed_in demo_not_signed_in_text
}

/// A file's keys that are still to be taken, and those that were missed.
struct Keys {
    found: BTreeMap<String, String>,
    missing: Vec<&'static str>,
}

impl Keys {
    fn take(&mut self, key: &'static str) -> String {
        self.found.remove(key).unwrap_or_else(|| {
            self.missing.push(key);
            String::new()
        })
    }
}

impl Texts {
    /// The English texts.
    ///
    /// # Errors
    /// If the file in the binary and the fields here differ; a test keeps them equal.
    pub(crate) fn english() -> Result<Self, String> {
        Self::read(include_str!("../templates/texts.en.toml"))
    }

    fn read(text: &str) -> Result<Self, String> {
        let found = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut keys = Keys { found, missing: Vec::new() };
        let texts = Self::take(&mut keys);
        let unknown: Vec<&String> = keys.found.keys().collect();
        if keys.missing.is_empty() && unknown.is_empty() {
            return Ok(texts);
        }
        Err(format!("the texts lack {:?} and have {unknown:?} too many", keys.missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_english_texts_have_all_keys_and_no_other() {
        let texts = Texts::english().unwrap();
        assert_eq!(texts.product, "Pushback");
    }

    #[test]
    fn a_key_too_many_or_too_few_is_named() {
        let text = include_str!("../templates/texts.en.toml");
        let error = Texts::read(&text.replace("\nproduct =", "\nproducer =")).unwrap_err();
        assert_eq!(error, "the texts lack [\"product\"] and have [\"producer\"] too many");
    }
}
