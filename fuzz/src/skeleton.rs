//! Records with a gap where the fuzzer's bytes go; one list a vendor, `(before, after)`.
//!
//! Every skeleton is a valid record when nothing, or more members, are put into its gap.

/// A gap in a record.
pub type Skeleton = (&'static str, &'static str);

/// Okta System Log.
pub const OKTA: &[Skeleton] = &[
    (
        r#"{"uuid":"e1","published":"2026-03-02T09:00:00.000Z","eventType":"user.authentication.auth_via_mfa","actor":{"id":"u1","type":"User","alternateId":"alice@example.org"},"outcome":{"result":"FAILURE","reason":"INVALID_CREDENTIALS"},"client":{"ipAddress":"203.0.113.7"},"debugContext":{"debugData":{"factor":"OKTA_VERIFY_PUSH"}}"#,
        "}",
    ),
    (
        r#"{"uuid":"e1","published":"2026-03-02T09:00:00.000Z","eventType":"user.authentication.auth_via_mfa","actor":{"id":"u1","type":"User","alternateId":"alice@example.org"},"outcome":{"result":"SUCCESS"},"debugContext":{"debugData":{"factor":"OKTA_VERIFY_PUSH""#,
        "}}}",
    ),
    (
        r#"{"uuid":"e1","published":"2026-03-02T09:00:00.000Z","eventType":"user.mfa.factor.activate","actor":{"id":"u1","type":"User","alternateId":"alice@example.org"},"outcome":{"result":"SUCCESS"},"target":["#,
        "]}",
    ),
    (
        r#"{"uuid":"e1","published":"2026-03-02T09:00:00.000Z","eventType":""#,
        r#"","actor":{"id":"u1","type":"User","alternateId":"alice@example.org"},"outcome":{"result":"SUCCESS"}}"#,
    ),
];

/// Entra ID sign-in and audit logs.
pub const ENTRA: &[Skeleton] = &[
    (
        r#"{"id":"s1","createdDateTime":"2026-03-02T09:00:00Z","userPrincipalName":"alice@example.org","userId":"7d1f","appDisplayName":"Portal","ipAddress":"203.0.113.7","correlationId":"c1","isInteractive":true,"status":{"errorCode":500121,"additionalDetails":"MFA denied; user declined the authentication"}"#,
        "}",
    ),
    (
        r#"{"time":"2026-03-02T09:00:00Z","category":"SignInLogs","operationName":"Sign-in activity","resultType":"500121","properties":{"id":"s1","createdDateTime":"2026-03-02T09:00:00Z","userPrincipalName":"alice@example.org","userId":"7d1f","status":{"errorCode":500121},"authenticationDetails":["#,
        "]}}",
    ),
    (
        r#"{"time":"2026-03-02T09:00:00Z","category":"AuditLogs","operationName":"Update user","properties":{"id":"a1","activityDateTime":"2026-03-02T09:00:00Z","activityDisplayName":"Update user","result":"success","initiatedBy":{"user":{"userPrincipalName":"alice@example.org"}},"targetResources":[{"type":"User","userPrincipalName":"alice@example.org","modifiedProperties":["#,
        "]}]}}",
    ),
    (
        r#"{"id":"a1","activityDateTime":"2026-03-02T09:00:00Z","activityDisplayName":""#,
        r#"","result":"success","targetResources":[{"type":"User","userPrincipalName":"alice@example.org"}]}"#,
    ),
    (
        r#"{"id":"s1","createdDateTime":"2026-03-02T09:00:00Z","userPrincipalName":"alice@example.org","status":{"errorCode":500121,"additionalDetails":""#,
        r#""}}"#,
    ),
];

/// Duo authentication, administrator, activity, telephony and trust monitor logs.
pub const DUO: &[Skeleton] = &[
    (
        r#"{"txid":"t1","timestamp":1772442000,"isotimestamp":"2026-03-02T09:00:00+00:00","event_type":"authentication","factor":"duo_push","result":"denied","reason":"no_response","user":{"key":"DU1","name":"alice"}"#,
        "}",
    ),
    (
        r#"{"txid":"t1","timestamp":1772442000,"event_type":"authentication","factor":"duo_push","result":"success","reason":"user_approved","user":{"key":"DU1","name":"alice"},"access_device":{"ip":"203.0.113.7""#,
        "}}",
    ),
    (
        r#"{"action":"phone_create","object":"alice","username":"helpdesk","timestamp":1772442000,"isotimestamp":"2026-03-02T09:00:00+00:00","eventtype":"administrator","host":"","description":""#,
        r#""}"#,
    ),
    (
        r#"{"activity_id":"x1","ts":"2026-03-02T09:00:00+00:00","action":{"name":"user_update"},"actor":{"key":"DU1","name":"helpdesk","type":"admin"}"#,
        "}",
    ),
    (
        r#"{"telephony_id":"p1","ts":"2026-03-02T09:00:00+00:00","type":"phone","context":"authentication","phone":"+15550100""#,
        "}",
    ),
    (
        r#"{"sekey":"S1","type":"auth","state":"new","surfaced_timestamp":1772442000000,"surfaced_auth":{"txid":"t1""#,
        "}}",
    ),
];

/// Microsoft 365 unified audit log.
pub const M365: &[Skeleton] = &[
    (
        r#"{"CreationTime":"2026-03-02T09:00:00","Id":"m1","Operation":"New-InboxRule","RecordType":1,"Workload":"Exchange","UserId":"alice@example.org","ClientIP":"203.0.113.7:5678","Parameters":["#,
        "]}",
    ),
    (
        r#"{"CreationTime":"2026-03-02T09:00:00","Id":"m1","RecordType":15,"Workload":"AzureActiveDirectory","UserId":"alice@example.org","Operation":""#,
        r#""}"#,
    ),
    (
        r#"{"CreationTime":"2026-03-02T09:00:00","Id":"m1","Operation":"Update user.","RecordType":8,"Workload":"AzureActiveDirectory","UserId":"alice@example.org","ObjectId":"alice@example.org","ModifiedProperties":["#,
        "]}",
    ),
    (r#"{"RecordType":1,"UserIds":"alice@example.org","AuditData":""#, r#""}"#),
];

/// PingID, PingOne and PingFederate.
pub const PING: &[Skeleton] = &[
    (
        r#"{"id":"p1","recorded":"2026-03-02T09:00:00.000Z","source":"PINGID","action":{"type":"AUTHENTICATION"},"actors":[{"type":"user","name":"alice"}],"result":{"status":"SUCCESS","message":""#,
        r#""},"resources":[{"type":"device","ipaddress":"203.0.113.7","websession":"w1"}]}"#,
    ),
    (
        r#"{"id":"p1","recorded":"2026-03-02T09:00:00.000Z","source":"PINGID","action":{"type":"AUTHENTICATION"},"actors":[{"type":"user","name":"alice"}],"result":{"status":"FAILURE,authFail","message":"User denied"},"resources":["#,
        "]}",
    ),
    (
        r#"{"id":"o1","recordedAt":"2026-03-02T09:00:00.000Z","createdAt":"2026-03-02T09:00:00.000Z","action":{"type":"DEVICE.FRAUD_REPORTED"},"actors":{"user":{"id":"u1","name":"alice","type":"USER"}},"result":{"status":"SUCCESS","description":"x"},"resources":[{"type":"USER","id":"u1","name":"alice"}]"#,
        "}",
    ),
    ("2026-03-02 09:00:00,123| tid:x| AUTHN_ATTEMPT| alice| 203.0.113.7 | app| ", "| failure| "),
];

/// Google Workspace Reports API.
pub const GOOGLE: &[Skeleton] = &[
    (
        r#"{"kind":"admin#reports#activity","id":{"time":"2026-03-02T09:00:00.000Z","uniqueQualifier":"-1","applicationName":"login","customerId":"C1"},"actor":{"email":"alice@example.org","profileId":"1"},"ipAddress":"203.0.113.7","events":["#,
        "]}",
    ),
    (
        r#"{"kind":"admin#reports#activity","id":{"time":"2026-03-02T09:00:00.000Z","uniqueQualifier":"-1","applicationName":"login"},"actor":{"email":"alice@example.org"},"events":[{"type":"login","name":"login_challenge","parameters":["#,
        "]}]}",
    ),
    (
        r#"{"kind":"admin#reports#activity","id":{"time":"2026-03-02T09:00:00.000Z","uniqueQualifier":"-1","applicationName":"admin"},"actor":{"email":"it@example.org"},"events":[{"type":"x","name":""#,
        r#""}]}"#,
    ),
];

/// OneLogin events.
pub const ONELOGIN: &[Skeleton] = &[
    (
        r#"{"id":1,"created_at":"2026-03-02T09:00:00.000Z","account_id":1,"user_id":7,"user_name":"Alice Example","event_type_id":22,"ipaddr":"203.0.113.7""#,
        "}",
    ),
    (
        r#"{"uuid":"x1","event_timestamp":"2026-03-02 09:00:00 UTC","account_id":1,"user_id":7,"user_name":"Alice Example","ipaddr":"203.0.113.7","event_type_id":"#,
        "}",
    ),
];

/// Auth0 tenant logs.
pub const AUTH0: &[Skeleton] = &[
    (
        r#"{"log_id":"l1","data":{"log_id":"l1","date":"2026-03-02T09:00:00.000Z","type":"gd_auth_rejected","user_id":"auth0|1","user_name":"alice@example.org","ip":"203.0.113.7""#,
        "}}",
    ),
    (
        r#"{"log_id":"l1","date":"2026-03-02T09:00:00.000Z","user_id":"auth0|1","ip":"203.0.113.7","client_id":"c","details":{"session_id":"s"},"type":""#,
        r#""}"#,
    ),
    (
        r#"{"log_id":"l1","date":"2026-03-02T09:00:00.000Z","type":"sapi","user_id":"auth0|1","details":{"request":{"method":"PATCH","path":"/api/v2/guardian/policies","body":"#,
        "}}}",
    ),
];

/// Keycloak: log lines, JSON console, events and admin events.
pub const KEYCLOAK: &[Skeleton] = &[
    (
        r#"{"id":"k1","time":1772442000000,"type":"LOGIN_ERROR","realmId":"r","clientId":"c","userId":"u1","ipAddress":"203.0.113.7","error":"rejected_by_user","details":{"username":"alice""#,
        "}}",
    ),
    (
        r#"{"time":1772442000000,"realmId":"r","operationType":"DELETE","resourceType":"USER","authDetails":{"userId":"a1","ipAddress":"203.0.113.7"},"resourcePath":""#,
        r#""}"#,
    ),
    (
        r#"2026-03-02 09:00:00,123 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="r", userId="u1", ipAddress="203.0.113.7""#,
        "",
    ),
    (
        r#"{"timestamp":"2026-03-02T09:00:00.123Z","sequence":1,"loggerName":"org.keycloak.events","level":"WARN","message":"type=\"LOGIN\", realmId=\"r\", userId=\"u1\""#,
        r#""}"#,
    ),
];

/// AWS CloudTrail.
pub const AWS: &[Skeleton] = &[
    (
        r#"{"eventVersion":"1.08","eventTime":"2026-03-02T09:00:00Z","eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com","eventID":"a1","sourceIPAddress":"203.0.113.7","userIdentity":{"type":"IAMUser","userName":"alice"},"responseElements":{"ConsoleLogin":"Success"}"#,
        "}",
    ),
    (
        r#"{"eventVersion":"1.08","eventTime":"2026-03-02T09:00:00Z","eventSource":"iam.amazonaws.com","eventID":"a1","userIdentity":{"type":"IAMUser","userName":"alice"},"requestParameters":{"userName":"alice"},"eventName":""#,
        r#""}"#,
    ),
];

/// Windows Security events about accounts.
pub const WINDOWS: &[Skeleton] = &[
    (
        r#"<Event><System><EventID Qualifiers='0'>4724</EventID><TimeCreated SystemTime='2026-03-02T09:00:00.5Z'/><EventRecordID>7</EventRecordID><Computer>dc1.example.org</Computer></System><EventData><Data Name='SubjectUserName'>helpdesk</Data><Data Name='TargetUserName'>"#,
        "</Data></EventData></Event>",
    ),
    (
        r#"<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>4724</EventID><TimeCreated SystemTime="2026-03-02T09:00:00.0000000Z"/><EventRecordID>7</EventRecordID><Channel>Security</Channel><Computer>dc1.example.org</Computer></System><EventData><Data Name="TargetUserName">alice</Data><Data Name="SubjectUserName">helpdesk</Data>"#,
        "</EventData></Event>",
    ),
];

/// Every vendor's.
pub const ALL: [&[Skeleton]; 11] =
    [OKTA, ENTRA, DUO, M365, PING, GOOGLE, ONELOGIN, AUTH0, KEYCLOAK, AWS, WINDOWS];

/// One record a vendor, read first to leave a hint behind.
pub const FIRST: [Skeleton; 2] = [
    (
        r#"{"uuid":"e0","published":"2026-03-02T09:00:00.000Z","eventType":"user.session.start","actor":{"id":"u1","type":"User","alternateId":"alice@example.org"},"outcome":{"result":"SUCCESS"}}"#,
        "",
    ),
    (
        r#"{"txid":"t0","timestamp":1772442000,"isotimestamp":"2026-03-02T09:00:00+00:00","event_type":"authentication","factor":"duo_push","result":"success","reason":"user_approved","user":{"key":"DU1","name":"alice"}}"#,
        "",
    ),
];
