//! A stream of bytes to a host, plain or encrypted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::Address;

/// Who vouches for the hosts that connections are encrypted to.
#[derive(Clone, Debug, Default)]
pub enum Authorities {
    /// Those that the machine trusts.
    #[default]
    Native,
    /// Only those of this text in the PEM format.
    Pem(Vec<u8>),
}

/// Why nothing can be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The text that was given has no certificate that can be read.
    #[error("the certificate authority: {0}. Give a file in the PEM format")]
    Authority(String),
    /// The machine gives no runtime or no thread.
    #[error("no thread for the connections: {0}")]
    Thread(#[from] io::Error),
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    /// One that trusts `authorities`.
    pub(super) fn new(authorities: &Authorities) -> Result<Self, DriveError> {
        let wrong = |error: &dyn std::fmt::Display| DriveError::Authority(error.to_string());
        let mut roots = RootCertStore::empty();
        match authorities {
            Authorities::Native => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
            Authorities::Pem(text) => {
                for certificate in CertificateDer::pem_slice_iter(text) {
                    let certificate = certificate.map_err(|error| wrong(&error))?;
                    roots.add(certificate).map_err(|error| wrong(&error))?;
                }
                if roots.is_empty() {
                    return Err(wrong(&"it holds no certificate"));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// A connection to `address`. It ends when its future is dropped.
    pub(super) async fn connect(&self, address: &Address) -> io::Result<Wire> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
        for to in found {
            match TcpStream::connect(to).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return self.encrypted(stream, address).await;
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn encrypted(&self, stream: TcpStream, address: &Address) -> io::Result<Wire> {
        if !address.is_tls {
            return Ok(Wire::Plain(stream));
        }
        let name = ServerName::try_from(address.host.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = self.tls.connect(name, stream).await?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

/// See the module.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
