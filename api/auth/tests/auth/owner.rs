//! The owner of a machine: the token's file, and who is let in.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};

use http::{HeaderMap, HeaderName};
use qt_auth::owner::{OwnerError, TOKEN_FILE, check_bind, check_local};
use qt_auth::right::Right;
use qt_auth::{AuthError, Owner, Verifier};

use crate::forge::NOW;

#[tokio::test]
async fn the_token_is_made_once_and_only_its_owner_can_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("new/data");
    assert!(Owner::find(&data).expect("no folder is no error").is_none());
    let owner = Owner::open(&data).expect("a token");
    let mode = fs::metadata(data.join(TOKEN_FILE)).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = Owner::open(&data).expect("the same");
    assert_eq!(again.token(), owner.token());
    assert_eq!(Owner::find(&data).unwrap().unwrap().token(), owner.token());
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "nothing is left beside it");
    let token = owner.token().reveal().to_owned();
    assert!(!format!("{owner:?}").contains(&token));
    let verifier = Verifier::for_owner(owner);
    let identity = verifier.verify(&token, NOW).await.expect("the owner");
    assert!(identity.is_owner && Right::ALL.iter().filter(|r| !identity.may(**r)).count() == 1);
    for wrong in ["", "x", &token[1..], &token.to_uppercase(), &format!("{token} ")] {
        assert_eq!(verifier.verify(wrong, NOW).await, Err(AuthError::Signature), "{wrong}");
    }
}

#[test]
fn many_that_start_at_once_agree_on_one_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_path_buf();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || Owner::open(&path).map(|owner| owner.token().clone()))
        })
        .collect();
    let tokens: Vec<_> =
        threads.into_iter().map(|t| t.join().expect("no panic").expect("a token")).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
}

#[test]
fn a_file_that_others_may_have_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let owner = Owner::open(folder.path()).expect("a token");
    let path = owner.path().to_path_buf();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Owner::open(folder.path()), Err(OwnerError::Open(_))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for content in ["", "qt_owner_12", &"x".repeat(200), &format!("qt_owner_{}", "G".repeat(64))] {
        fs::write(&path, content).unwrap();
        assert!(matches!(Owner::open(folder.path()), Err(OwnerError::Content(_))), "{content}");
    }
    fs::remove_file(&path).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "qt_owner_").unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(matches!(Owner::open(folder.path()), Err(OwnerError::Open(_))));
}

#[test]
fn only_loopback_is_listened_on() {
    for good in ["127.0.0.1:8009", "127.9.9.9:1", "[::1]:8009"] {
        check_bind(good.parse().unwrap()).expect(good);
    }
    for bad in ["0.0.0.0:8009", "[::]:8009", "192.168.1.2:8009", "8.8.8.8:1", "[fe80::1]:1"] {
        assert!(check_bind(bad.parse().unwrap()).is_err(), "{bad}");
    }
}

fn ask(peer: &str, list: &[(&str, &str)]) -> Result<(), AuthError> {
    ask_for(peer, None, list)
}

fn ask_for(peer: &str, authority: Option<&str>, list: &[(&str, &str)]) -> Result<(), AuthError> {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    check_local(peer.parse::<SocketAddr>().unwrap(), authority, &headers)
}

#[test]
fn only_this_machine_by_its_own_name_is_served() {
    let here = "127.0.0.1:50000";
    for host in ["localhost", "localhost:8009", "LOCALHOST:1", "127.0.0.1:8009", "[::1]:8009"] {
        assert_eq!(ask(here, &[("host", host)]), Ok(()), "{host}");
    }
    for host in [
        "",
        "evil.example",
        "localhost.evil.example",
        "localhost:8009.evil.example",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "0.0.0.0:8009",
        "::1",
        "[::1]x",
        "localhost:",
        "localhost:99999",
        "localhost:+1",
        "user@localhost",
        "2130706433",
        "0x7f000001",
        "localhost.",
    ] {
        let said = ask(here, &[("host", host)]);
        assert_eq!(said.map_err(AuthError::status), Err(403), "{host}");
    }
    assert!(ask(here, &[]).is_err(), "no host");
    assert!(ask(here, &[("host", "localhost"), ("host", "evil.example")]).is_err());
    assert!(ask("192.168.1.9:5", &[("host", "localhost")]).is_err());
    assert_eq!(ask("[::ffff:127.0.0.1]:5", &[("host", "localhost")]), Ok(()));
    assert!(ask_for(here, Some("evil.example"), &[("host", "localhost")]).is_err());
    assert_eq!(ask_for(here, Some("localhost:8009"), &[("host", "localhost")]), Ok(()));
}

#[test]
fn whatever_came_through_a_proxy_is_refused() {
    for name in [
        "forwarded",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "x-forwarded-proto",
        "x-forwarded",
        "x-real-ip",
        "via",
        "cf-connecting-ip",
        "true-client-ip",
        "x-original-host",
    ] {
        let said = ask("127.0.0.1:5", &[("host", "localhost"), (name, "")]);
        assert_eq!(said.map_err(AuthError::code), Err("NOT_LOCAL"), "{name}");
    }
}
