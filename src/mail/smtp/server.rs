//! The server that mail is handed to: where it is, how its line is kept private, who we are to it.

use super::error::{Fault, Phase, SmtpError};
use crate::config::{Secret, Security};
use lettre::transport::smtp::authentication;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use url::Host;

/// A server, and all that is needed to open a connection to it.
#[derive(Clone)]
pub struct Server {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
    pub(super) helo: Option<String>,
    tls: Option<Arc<ClientConfig>>,
}

/// A user and a password.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: Secret,
}

/// Which certificates are trusted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those that the system trusts.
    System,
    /// These, and no others.
    Only(Vec<CertificateDer<'static>>),
}

/// Why there is nothing to trust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The system has no certificates.
    #[error("the system has no trusted certificates")]
    NoSystem,
    /// A file of certificates holds none.
    #[error("there is no certificate in PEM form in it")]
    NoneInFile,
    /// A certificate cannot be read.
    #[error("a certificate cannot be read: {0}")]
    Unreadable(String),
}

impl Trust {
    /// The certificates of a PEM file, which are then the only ones that are trusted.
    ///
    /// # Errors
    ///
    /// [`TrustError::NoneInFile`] and [`TrustError::Unreadable`].
    pub fn from_pem(pem: &[u8]) -> Result<Trust, TrustError> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match read {
            Ok(certificates) if certificates.is_empty() => Err(TrustError::NoneInFile),
            Ok(certificates) => Ok(Trust::Only(certificates)),
            Err(error) => Err(TrustError::Unreadable(error.to_string())),
        }
    }

    fn roots(&self) -> Result<RootCertStore, TrustError> {
        let mut roots = RootCertStore::empty();
        match self {
            Trust::System => {
                // What cannot be read among them is passed over, as the system's other programs do.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TrustError::NoSystem);
                }
            }
            Trust::Only(certificates) => {
                for certificate in certificates {
                    roots.add(certificate.clone()).map_err(|error| TrustError::Unreadable(error.to_string()))?;
                }
            }
        }
        Ok(roots)
    }
}

impl Server {
    /// A server without a login. The certificates are read here, once, and only where there is TLS.
    ///
    /// # Errors
    ///
    /// When there is no certificate to trust.
    pub fn new(host: Host, port: u16, security: Security, trust: &Trust) -> Result<Server, TrustError> {
        let tls = match security {
            Security::Plain => None,
            Security::Implicit | Security::StartTls => {
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .expect("ring has the cipher suites of TLS 1.2 and 1.3")
                    .with_root_certificates(trust.roots()?)
                    .with_no_client_auth();
                Some(Arc::new(config))
            }
        };
        Ok(Server { host, port, security, credentials: None, helo: None, tls })
    }

    /// The same, with a login.
    pub fn with_login(self, user: impl Into<String>, password: Secret) -> Server {
        Server { credentials: Some(Credentials { user: user.into(), password }), ..self }
    }

    /// The same, with the name that this machine goes by; without one, or with one that no command can carry, it is its
    /// address (RFC 5321, section 4.1.4).
    pub fn with_helo(self, name: Option<String>) -> Server {
        Server { helo: name.filter(|name| name.bytes().all(|b| b.is_ascii_graphic())), ..self }
    }

    /// Host and port, for messages: `smtp.example.com:587`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What TLS needs to begin.
    pub(super) fn tls(&self, phase: Phase) -> Result<(Arc<ClientConfig>, ServerName<'static>), SmtpError> {
        let config = self.tls.clone().ok_or_else(|| SmtpError::new(phase, Fault::NoTls))?;
        let name = match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| SmtpError::new(phase, Fault::Tls(format!("`{name}` cannot stand in a certificate"))))?,
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        Ok((config, name))
    }
}

impl Credentials {
    /// As lettre wants them, for the moment of the login.
    pub(super) fn to_lettre(&self) -> authentication::Credentials {
        authentication::Credentials::new(self.user.clone(), self.password.reveal().to_owned())
    }
}

/// Without the login: a user's name is mostly an address.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({} {:?}", self.place(), self.security)?;
        f.write_str(if self.credentials.is_some() { " with a login)" } else { ")" })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_shows_no_login() {
        let host = Host::Domain("localhost".to_owned());
        let server = Server::new(host, 25, Security::Plain, &Trust::System).unwrap();
        assert_eq!(format!("{server:?}"), "Server(localhost:25 Plain)");
        let server = server.with_login("ana@example.org", Secret::new("hunter2"));
        assert_eq!(format!("{server:?}"), "Server(localhost:25 Plain with a login)");
        assert_eq!(format!("{:?}", server.credentials), "Some(Credentials(…))");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert_eq!(Trust::from_pem(b"hello").unwrap_err(), TrustError::NoneInFile);
        let broken = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(Trust::from_pem(broken), Err(TrustError::Unreadable(_))));
        // Base64 of what is no certificate.
        let nonsense = b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        let trust = Trust::from_pem(nonsense).unwrap();
        let host = Host::Domain("smtp.example.com".to_owned());
        assert!(matches!(Server::new(host, 465, Security::Implicit, &trust), Err(TrustError::Unreadable(_))));
    }
}
