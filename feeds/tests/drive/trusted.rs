//! Encrypted connections: whom the driver trusts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use qt_feeds::drive::{Authorities, DriveError, Driver, Settings};
use qt_feeds::machine::{Act, Closed, Happened, Machine};
use qt_types::Nanos;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::scripted::{Heard, Rig};

/// An authority, and a server that it vouches for under `name`.
fn authority(name: &str) -> (Vec<u8>, TlsAcceptor) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("an authority");
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let server = server.signed_by(&server_key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], secret)
        .expect("a certificate");
    (root.pem().into_bytes(), TlsAcceptor::from(Arc::new(config)))
}

#[test]
fn only_who_is_vouched_for_is_trusted() {
    let (pem, acceptor) = authority("localhost");
    let (other, _) = authority("localhost");
    for (authorities, is_trusted) in [
        (Authorities::Pem(pem.clone()), true),
        (Authorities::Pem(other), false),
        (Authorities::Native, false),
    ] {
        let rig = Rig::new(authorities);
        let with = acceptor.clone();
        let at = rig.serve(move |stream| {
            let acceptor = with.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                let _ = socket.send("hello".into()).await;
                while let Some(Ok(_)) = socket.next().await {}
            }
        });
        rig.open(0, format!("wss://localhost:{}/", at.port()));
        if is_trusted {
            assert_eq!(rig.next(), Heard::Opened(0));
            assert_eq!(rig.next(), Heard::Frame(0, b"hello".to_vec()));
            // The same host under another name is somebody else.
            rig.open(1, format!("wss://127.0.0.1:{}/", at.port()));
        }
        let link = u8::from(is_trusted);
        let closed = Closed::NotOpened { status: None, retry_after_s: None };
        assert_eq!(rig.next(), Heard::Closed(link, closed));
    }
}

#[test]
fn requests_are_encrypted_too() {
    let (pem, acceptor) = authority("127.0.0.1");
    let rig = Rig::new(Authorities::Pem(pem));
    let at = rig.serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let _ = stream.read(&mut [0; 1_024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            let _ = stream.read(&mut [0; 16]).await;
        }
    });
    rig.get(3, format!("https://{at}/"), Duration::from_secs(60));
    assert_eq!(rig.next(), Heard::Answered(3, 200, b"ok".to_vec()));
}

struct Nothing;

impl Machine for Nothing {
    fn handle(&mut self, _happened: Happened<'_>, _now_ns: Nanos) {}

    fn next_act(&mut self) -> Option<Act> {
        None
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        None
    }
}

#[test]
fn an_authority_that_is_none_is_refused() {
    for text in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        let authorities = Authorities::Pem(text.as_bytes().to_vec());
        let clock = Box::new(|| Nanos::new(0));
        let made = Driver::new(Nothing, Settings { clock, authorities, witness: None });
        assert!(matches!(made, Err(DriveError::Authority(_))), "{text}");
    }
}
