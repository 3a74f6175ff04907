//! Users, certificates and policies together.

use super::*;
use crate::rate::Rate;

fn web(users: &[&str]) -> WebConfig {
    let hash = |name: &&str| {
        let hash = bcrypt::hash_with_salt(name, 4, [1; 16]).expect("it can be hashed");
        ((*name).to_owned(), hash.to_string().try_into().expect("it is one"))
    };
    WebConfig { users: users.iter().map(hash).collect(), ..WebConfig::default() }
}

fn policy(text: &str) -> Policy {
    policy::parse(text.as_bytes()).expect("it is valid")
}

/// The caller who is this user, if one is named, and has a certificate with these names.
async fn caller(access: &Access, user: Option<&str>, names: &[&str]) -> Caller {
    let rules = access.rules().expect("there are rules");
    let user = match (rules.users(), user) {
        (Some(users), Some(name)) => {
            let text =
                base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{name}:{name}"));
            let credentials = Credentials::from_header(format!("Basic {text}").as_bytes());
            match users.check(&credentials.expect("they are well-formed"), None) {
                Verdict::Right(user) => Some(user),
                Verdict::Unsure(check) => {
                    check.settle(async |hashing: Hashing| hashing.run()).await.ok()
                }
                other => panic!("{other:?}"),
            }
        }
        _ => None,
    };
    rules.caller(user, names.iter().copied())
}

fn denial(result: Result<(), Denied>) -> String {
    result.expect_err("it is denied").to_string()
}

const POLICY: &str = "
users:
  backup: { push: ['backup-*'] }
  ops: { push: ['*'], scrape: true, read: true, admin: true }
certificates:
  db1.example.org: { push: ['db-*'] }
  second: { push: [second] }
default: { scrape: true }
";

#[test]
fn without_rules_there_are_none() {
    let access = Access::default();
    assert!(access.rules().is_none() && access.take_request().is_ok());
    access.replace_web(&WebConfig::default());
    assert!(access.rules().is_none() && access.doubts().is_empty());
    let caller = Caller::default();
    assert!(caller.may(Right::Admin).is_ok() && caller.may_push("x").is_ok());
    assert!(caller.owner().is_none() && caller.too_large(7).is_none());
    assert_eq!(caller.body_bytes_max(7), 7);
}

#[test]
fn each_kind_of_rule_makes_rules_and_goes_with_its_configuration() {
    let access = Access::default();
    let headers = [("X-Frame-Options".to_owned(), "deny".to_owned())].into();
    let limit = Rate { interval: Duration::from_secs(3600), burst: 1 };
    for config in [
        web(&["a"]),
        WebConfig { headers, ..WebConfig::default() },
        WebConfig { rate_limit: Some(limit), ..WebConfig::default() },
    ] {
        access.replace_web(&config);
        assert!(access.rules().is_some(), "{config:?}");
        access.replace_web(&WebConfig::default());
        assert!(access.rules().is_none());
    }
    access.replace_web(&WebConfig { rate_limit: Some(limit), ..WebConfig::default() });
    assert!(access.take_request().is_ok() && access.take_request().is_err());
    assert_eq!(access.rate_limited(), 1);
    access.replace_policy(Policy::default());
    assert!(access.take_request().is_err(), "another file has changed");
    access.replace_web(&WebConfig::default());
    assert!(access.take_request().is_ok());
    assert!(access.rules().is_some(), "the policy is still there");
}

#[test]
fn a_configuration_opens_the_gateway_where_it_drops_what_keeps_clients_out() {
    let tls = |client_auth: &str| {
        let text = format!(
            "tls_server_config: {{ cert_file: c, key_file: k, client_auth_type: {client_auth} }}"
        );
        WebConfig::parse(&text, std::path::Path::new("web.yml")).expect("it is valid")
    };
    let none = WebConfig::default;
    let (verified, given) = (tls("RequireAndVerifyClientCert"), tls("VerifyClientCertIfGiven"));
    for (before, after, opened) in [
        (none(), none(), None),
        (none(), web(&["a"]), None),
        (web(&["a"]), web(&["b"]), None),
        (web(&["a"]), none(), Some("basic_auth_users")),
        (web(&["a"]), verified.clone(), Some("basic_auth_users")),
        (verified.clone(), verified.clone(), None),
        (verified.clone(), given.clone(), Some("client_auth_type")),
        (verified, tls("RequireAnyClientCert"), Some("client_auth_type")),
        (given, tls("NoClientCert"), None),
    ] {
        let access = Access::default();
        access.replace_web(&before);
        assert_eq!(access.opened_by(&after), opened, "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn the_user_counts_before_the_certificate_and_both_before_everybody() {
    let access = Access::default();
    access.replace_web(&web(&["backup", "ops", "guest"]));
    let everything = caller(&access, Some("guest"), &[]).await;
    assert!(everything.may(Right::Admin).is_ok(), "there is no policy yet");
    access.replace_policy(policy(POLICY));

    let backup = caller(&access, Some("backup"), &["db1.example.org"]).await;
    assert!(backup.may_push("backup-1").is_ok());
    let reason = denial(backup.may_push("db-1"));
    assert_eq!(reason, r#"user "backup" may not push to job "db-1""#);
    assert_eq!(denial(backup.may(Right::Scrape)), r#"user "backup" may not scrape"#);

    let ops = caller(&access, Some("ops"), &[]).await;
    assert!(ops.may_push("anything").is_ok());
    assert!([Right::Scrape, Right::Read, Right::Admin].iter().all(|right| ops.may(*right).is_ok()));

    let certified = caller(&access, Some("guest"), &["other", "db1.example.org", "second"]).await;
    assert!(certified.may_push("db-1").is_ok());
    assert_eq!(
        denial(certified.may_push("second")),
        r#"certificate "db1.example.org" may not push to job "second""#
    );

    let guest = caller(&access, Some("guest"), &["other"]).await;
    assert!(guest.may(Right::Scrape).is_ok());
    assert_eq!(denial(guest.may(Right::Read)), r#"user "guest" may not read"#);
    assert_eq!(denial(guest.may(Right::Admin)), r#"user "guest" may not administer"#);
    let stranger = caller(&access, None, &[]).await;
    assert_eq!(
        denial(stranger.may_push("x")),
        r#"a client without a name may not push to job "x""#
    );
    assert_eq!(
        stranger.may_push("x").err().map(|denied| denied.kind()),
        Some(DenialKind::Forbidden)
    );
}

#[tokio::test]
async fn quotas_bound_everybody_whom_their_entry_is_for() {
    let access = Access::default();
    access.replace_web(&web(&["a", "b"]));
    let text = "
users:
  a: { push: ['*'], quota: { pushes_per_second: 0.001, body_bytes: 10, groups: 1 } }
default: { push: ['*'] }
";
    access.replace_policy(policy(text));
    let (a, b) = (caller(&access, Some("a"), &[]).await, caller(&access, Some("b"), &[]).await);
    assert!(a.may_push("x").is_ok());
    let denied = a.may_push("x").expect_err("once in a while only");
    assert!(matches!(denied.kind(), DenialKind::TooOften(wait) if wait > Duration::from_secs(900)));
    assert_eq!(
        denied.to_string(),
        r#"user "a" may push 0.001 times a second (quota pushes_per_second)"#
    );
    assert!((0..1000).all(|_| b.may_push("x").is_ok()), "one at its limit slows nobody else");
    assert_eq!((a.body_bytes_max(100), a.body_bytes_max(5), b.body_bytes_max(100)), (10, 5, 100));
    assert_eq!(a.too_large(100).map(|denied| denied.kind()), Some(DenialKind::TooLarge));
    assert!(a.too_large(5).is_none() && b.too_large(100).is_none());
    let refusals = access.refusals();
    let refusal = |user: &str, quota: &str| {
        let is_it = |refusal: &&(String, &str, u64)| refusal.0 == user && refusal.1 == quota;
        refusals.iter().find(is_it).map(|refusal| refusal.2)
    };
    assert_eq!(refusal("a", "pushes_per_second"), Some(1));
    assert_eq!(refusal("a", "body_bytes"), Some(1));
    assert_eq!(refusal(":default", "pushes_per_second"), Some(0));
    assert_eq!(refusals.len(), 10, "five quotas each, and nobody else");
}

#[tokio::test]
async fn an_owner_outlasts_reloads() {
    let access = Access::default();
    access.replace_web(&web(&["a"]));
    access.replace_policy(policy("users: { a: { quota: { groups: 1, series: 9 } } }"));
    let before = caller(&access, Some("a"), &[]).await.owner().expect("a is in the policy");
    access.replace_policy(Policy::default());
    access.replace_policy(policy("users: { a: { quota: { groups: 2 } } }"));
    let after = caller(&access, Some("a"), &[]).await.owner().expect("a is in the policy");
    assert!(Arc::ptr_eq(&before, &after));
}

#[test]
fn doubts_name_what_has_no_effect() {
    let access = Access::default();
    access.replace_policy(policy(POLICY));
    assert_eq!(access.doubts(), [Doubt::NobodyToTellApart]);
    access.replace_web(&web(&["ops"]));
    assert_eq!(access.doubts(), [Doubt::UnknownUser("backup".to_owned())]);
    let tls = "tls_server_config:
  { cert_file: c, key_file: k, client_ca_file: a, client_auth_type: RequireAndVerifyClientCert }";
    let tls = WebConfig::parse(tls, std::path::Path::new("web.yml")).expect("it is valid");
    access.replace_web(&tls);
    let unknown = ["backup", "ops"].map(|name| Doubt::UnknownUser(name.to_owned()));
    assert_eq!(access.doubts(), unknown);
    access.replace_web(&WebConfig::default());
    access.replace_policy(policy("default: { push: ['*'] }"));
    assert!(access.doubts().is_empty(), "it means to treat all alike");
}

#[test]
fn failures_are_in_the_order_of_their_enum() {
    assert!(AuthFailure::ALL.iter().enumerate().all(|(at, (failure, _))| *failure as usize == at));
    let access = Access::default();
    access.failed(AuthFailure::Busy);
    let counted = access.failures().find(|(reason, _)| *reason == "busy");
    assert_eq!(counted, Some(("busy", 1)));
}

#[tokio::test]
async fn a_token_is_a_client_of_its_own_beside_users_and_certificates() {
    let access = Access::default();
    access.replace_web(&web(&["ops"]));
    let bearer = |token: &str| {
        let rules = access.rules().expect("there are rules");
        rules.bearer(format!("Bearer {token}").as_bytes())
    };
    assert!(bearer("test").is_none(), "there is no policy");
    access.replace_policy(policy("default: { scrape: true }"));
    assert!(bearer("test").is_none(), "no token is known, so that the header means nothing");
    // The SHA-256 of `test`, and of nothing.
    access.replace_policy(policy(
        "
tokens:
  ci:
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    push: ['ci-*']
    quota: { body_bytes: 7 }
  old:
    sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    expires: 2020-01-01
    push: ['*']
",
    ));
    let ci = bearer("test").expect("there are tokens").expect("it is one of them");
    assert!(ci.may_push("ci-1").is_ok());
    assert_eq!(denial(ci.may_push("web")), r#"token "ci" may not push to job "web""#);
    assert_eq!(denial(ci.may(Right::Scrape)), r#"token "ci" may not scrape"#);
    assert_eq!(ci.body_bytes_max(100), 7);
    let failure = |token: &str| bearer(token).and_then(Result::err);
    assert_eq!(failure("Test"), Some((AuthFailure::WrongCredentials, String::new())));
    assert_eq!(failure(""), Some((AuthFailure::Expired, "old".to_owned())));
    assert!(access.refusals().iter().any(|(label, ..)| label == "token:ci"));
    let rules = access.rules().expect("there are rules");
    assert!(rules.bearer(b"Basic dGVzdA==").is_none());
}
