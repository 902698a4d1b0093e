//! `quanttrade token`: what it prints is a token that the service accepts, and where it must not
//! print one it says why.

mod common;

use common::{Ended, Sandbox};
use qt_auth::{Config, NoRevocations, Right, Verifier};
use qt_trading::time::Time;

const SECRET: (&str, &str) = ("JWT_SECRET_KEY", "5d0f7be1c9a24386b7e5f1d2908c6a3b11");
const TENANT: &str = "018f4e5a-0000-7000-8000-000000000001";
const RIGHT: &[&str] = &["token", "--role", "tenant-admin", "--tenant", TENANT];

fn run(words: &[&str], settings: &[(&str, &str)]) -> Ended {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(words);
    for name in ["JWT_SECRET", "JWT_JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_ROLE_CLAIM"] {
        command.env_remove(name);
    }
    command.env_remove(SECRET.0).envs(settings.iter().copied());
    Ended::of(command.output().expect("the program starts"))
}

fn verify(token: &str, settings: &[(&str, &str)]) -> qt_auth::Identity {
    let get = |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let config = Config::read(&get).expect("the settings are right");
    let verifier = Verifier::new(&config, std::sync::Arc::new(NoRevocations));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(verifier.verify(token, Time::now())).expect("the token is accepted")
}

#[test]
fn the_token_is_accepted_by_the_same_settings() {
    let full =
        [SECRET, ("JWT_ISSUER", "me"), ("JWT_AUDIENCE", "trading"), ("JWT_ROLE_CLAIM", "groups")];
    for settings in [&full[..1], &full[..]] {
        let ended = run(RIGHT, settings);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        let identity = verify(ended.out.trim_end(), settings);
        assert_eq!(identity.tenant.to_string(), TENANT);
        assert!(identity.may(Right::TightenLimits) && identity.person.is_some());
        assert_eq!(identity.user, "developer");
    }
    let ended = run(&[RIGHT, &["--sub", "bob", "--hours", "1", "--json"]].concat(), &[SECRET]);
    let document = ended.document();
    let identity = verify(document["token"].as_str().expect("a token"), &[SECRET]);
    assert_eq!(identity.user, "bob");
    assert_eq!(document["expires_at"], serde_json::json!(identity.expires_at));
    assert_eq!(document["role"], "tenant_admin");
}

#[test]
fn it_refuses_where_it_must_and_says_why() {
    run(RIGHT, &[]).expect(2, &["JWT_SECRET_KEY is not set", "owner.token"]);
    let issuer = [
        ("JWT_JWKS_URL", "https://id.example.net/jwks"),
        ("JWT_ISSUER", "i"),
        ("JWT_AUDIENCE", "a"),
    ];
    run(RIGHT, &issuer).expect(2, &["JWT_JWKS_URL is set"]);
    let both = [&issuer[..], &[SECRET, ("JWT_SECRET_ISSUER", "p")]].concat();
    let ended = run(RIGHT, &both);
    ended.expect(2, &["JWT_JWKS_URL is set"]);
    assert_eq!(ended.out, "");
    run(RIGHT, &[("JWT_SECRET", "hunter2")]).expect(2, &["7 bytes", "openssl rand -hex 32"]);
    for bad in [
        &["token", "--role", "root", "--tenant", TENANT][..],
        &["token", "--role", "user", "--tenant", "default"],
        &["token", "--role", "user", "--tenant", "00000000-0000-0000-0000-000000000000"],
        &["token", "--role", "user"],
        &["token", "--role", "user", "--tenant", TENANT, "--hours", "25"],
    ] {
        let ended = run(bad, &[SECRET]);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{bad:?}");
    }
}
