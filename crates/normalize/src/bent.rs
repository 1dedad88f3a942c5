//! Records of the vendors outside the hot path with every member bent out of shape: nothing may
//! panic, whatever is found where.

use serde_json::{Value, json};

use crate::{Mapping, auth0, aws, fixture, google, keycloak, m365, onelogin, ping, pushback};

/// One rich record a vendor.
fn whole() -> Vec<Value> {
    vec![
        json!({"CreationTime": "2026-03-02T08:11:09", "Id": "1", "Operation": "Update user.",
               "RecordType": 8, "Workload": "AzureActiveDirectory", "UserId": "a@example.org",
               "Actor": [{"ID": "x", "Type": 1}], "Target": [{"ID": "a@example.org", "Type": 5}],
               "ModifiedProperties": [{"Name": "StrongAuthenticationMethod", "NewValue": "[{\"MethodType\":6}]", "OldValue": "[]"}],
               "DeviceProperties": [{"Name": "OS", "Value": "x"}]}),
        json!({"CreationTime": "2026-03-02T08:11:09", "Operation": "UpdateInboxRules", "Workload": "Exchange",
               "UserId": "a@example.org", "AffectedItems": [{"Subject": "password"}],
               "OperationProperties": [{"Name": "RuleActions", "Value": "[{\"ActionType\":\"Forward\",\"Recipients\":[\"x@example.net\"]}]"}],
               "Parameters": [{"Name": "ForwardTo", "Value": "[;,smtp:é"}]}),
        json!({"source": "PINGID", "recorded": "2026-03-02T08:11:09Z", "actors": [{"type": "user", "name": "a"}],
               "resources": [{"ipaddress": "é", "websession": "w"}],
               "result": {"status": "SUCCESS", "message": "Device Paired \"é\"\""}}),
        json!({"id": "1", "recordedAt": "2026-03-02T08:11:09Z", "action": {"type": "DEVICE.CREATED"},
               "actors": {"user": {"id": "u"}}, "resources": [{"type": "USER", "id": "u"}],
               "result": {"status": "SUCCESS", "description": "é"}, "source": {"ipAddress": "[::1"}}),
        json!({"timestamp": "2026-03-02T08:11:09Z", "trackingid": "t", "event": "SSO", "subject": "a", "status": "success"}),
        json!({"id": {"time": "2026-03-02T08:11:09Z", "uniqueQualifier": 1, "applicationName": "login"},
               "actor": {"email": "a@example.org"}, "networkInfo": {"ipAsn": [1]},
               "events": [{"name": "login_challenge", "parameters": [{"name": "login_challenge_method", "multiValue": ["google_prompt"]}]}]}),
        json!({"id": 1, "created_at": "2026-03-02T08:11:09Z", "event_type_id": 11, "user_id": 1, "actor_user_id": 2, "risk_score": 1}),
        json!({"log_id": "1", "data": {"date": "2026-03-02T08:11:09Z", "type": "sapi", "description": "x", "user_id": "u",
               "details": {"request": {"method": "post", "path": "/api/v2/roles/r/users", "body": {"users": ["u"]},
               "auth": {"user": {"user_id": "v"}}}, "response": {"statusCode": 200}}}}),
        json!({"time": 1, "realmId": "r", "operationType": "CREATE", "resourcePath": "users/u/role-mappings/realm",
               "representation": "[{\"name\":\"x\"}]", "authDetails": {"userId": "v"}}),
        json!({"timestamp": "2026-03-02T08:11:09Z", "loggerName": "org.keycloak.events",
               "message": "type=\"LOGIN\", realmId=\"é\\\"\", x="}),
        json!({"eventTime": "2026-03-02T08:11:09Z", "eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com",
               "userIdentity": {"type": "AssumedRole", "principalId": "A:b"}, "requestParameters": {"userName": "c"},
               "responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "Yes"}}),
    ]
}

fn read_with_all(value: &Value) {
    let mapping = Mapping::default();
    for (recognises, reader) in [
        (m365::recognises as fn(&Value) -> bool, m365::read as fixture::Reader),
        (ping::recognises, ping::read),
        (google::recognises, google::read),
        (onelogin::recognises, onelogin::read),
        (auth0::recognises, auth0::read),
        (keycloak::recognises, keycloak::read),
        (aws::recognises, aws::read),
        (pushback::recognises, pushback::read),
    ] {
        if recognises(value) {
            let (_, events) = fixture::events(reader, &mapping, value);
            for event in events {
                let _ = crate::ocsf::to_ocsf(&event);
            }
        }
    }
}

/// Every copy of `value` in which one member or item is replaced.
fn bent(value: &Value, by: &Value, out: &mut dyn FnMut(&Value)) {
    fn paths(value: &Value, at: &str, out: &mut Vec<String>) {
        out.push(at.to_owned());
        match value {
            Value::Object(map) => {
                for (name, member) in map {
                    paths(
                        member,
                        &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                        out,
                    );
                }
            }
            Value::Array(list) => {
                for (i, item) in list.iter().enumerate() {
                    paths(item, &format!("{at}/{i}"), out);
                }
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    paths(value, "", &mut all);
    for path in all {
        let mut copy = value.clone();
        *copy.pointer_mut(&path).unwrap() = by.clone();
        out(&copy);
    }
}

#[test]
fn no_member_of_any_shape_makes_a_reader_panic() {
    let shapes = [
        json!(null),
        json!(""),
        json!("é=\"|:[]{},;@smtp:\\"),
        json!("[{\"MethodType\":\"é\"}]"),
        json!(-1.5e300),
        json!(true),
        json!([]),
        json!([[{"Name": 1}], null, 7]),
        json!({"Name": {}, "1": "é"}),
    ];
    for record in whole() {
        read_with_all(&record);
        for shape in &shapes {
            bent(&record, shape, &mut read_with_all);
        }
    }
}

#[test]
fn no_cut_of_a_line_makes_a_text_reader_panic() {
    let mapping = Mapping::default();
    for line in [
        "2026-03-02 08:11:09,414 WARN [org.keycloak.events] (é) type=\"LOGIN\", realmId=\"é\\\"\", x=\"\\",
        "2026-03-02 08:11:09,414 WARN [org.keycloak.events] type=LOGIN, realmId=é, a=b, c",
        "2026-03-02 08:11:09,414| trackingid= é| event= SSO| subject= é| status= success|",
    ] {
        for start in 0..line.len() {
            for end in start..=line.len() {
                let Some(text) = line.get(start..end) else { continue };
                if keycloak::recognises_text(text) {
                    let _ = keycloak::read_text(text, &mapping, &mut |_| {});
                }
                if ping::recognises_text(text) {
                    let _ = ping::read_text(text, &mapping, &mut |_| {});
                }
            }
        }
    }
}
