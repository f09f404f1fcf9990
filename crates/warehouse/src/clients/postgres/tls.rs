//! TLS as libpq's `sslmode` and its certificate settings say.

use super::settings::{PostgresSettings, SslMode};
use crate::connection::TargetError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a connection uses TLS.
pub(super) struct Tls {
    pub(super) mode: SslMode,
    /// None where TLS is never used.
    pub(super) config: Option<ClientConfig>,
}

impl Tls {
    /// # Errors
    /// [`TargetError::Settings`] where libpq would refuse them too, or a file can't be read.
    pub(super) fn new(settings: &PostgresSettings) -> Result<Self, TargetError> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let (mode, trust) = trust(settings, home.as_deref())?;
        // Like libpq: nobody is between the ends of a Unix socket.
        if settings.host.starts_with('/') {
            return Ok(Self { mode: SslMode::Disable, config: None });
        }
        let config = trust.map(|trust| config(settings, trust)).transpose()?;
        Ok(Self { mode, config })
    }
}

fn config(settings: &PostgresSettings, trust: Trust) -> Result<ClientConfig, TargetError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anyone => Arc::new(Anyone(Arc::clone(&provider))),
        Trust::Known { roots, names } => {
            let (roots, roots_as_they_are) = read_roots(&roots)?;
            let known = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| wrong("sslrootcert", &error.to_string()))?;
            Arc::new(Trusted { known, own: roots_as_they_are, names })
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("sslmode", &error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let (certificate, key) = match (&settings.sslcert, &settings.sslkey) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(_), None) => {
            return Err(wrong("sslcert", "it needs `sslkey` beside it, the certificate's key"));
        }
        (None, Some(_)) => {
            return Err(wrong("sslkey", "it needs `sslcert` beside it, the key's certificate"));
        }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable("sslcert", certificate, &error.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("sslkey", key, &error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| wrong("sslcert", &error.to_string()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostNameCheck {
    MustMatch,
    DoNotMatter,
}

#[derive(Debug, PartialEq, Eq)]
enum Trust {
    Anyone,
    Known { roots: Roots, names: HostNameCheck },
}

/// Whose certificates are trusted.
#[derive(Debug, PartialEq, Eq)]
enum Roots {
    /// The certificates of the machine's authorities, who give everybody one: only the name tells who it is.
    System,
    /// The certificates of the authorities in this file.
    File(PathBuf),
}

/// The mode, and whom to trust in it; `None` where TLS is never used. As with libpq, authorities verify in every mode
/// that uses TLS, and those of the machine only in the mode that looks at names too.
fn trust(settings: &PostgresSettings, home: Option<&Path>) -> Result<(SslMode, Option<Trust>), TargetError> {
    if settings.sslrootcert.as_deref() == Some(Path::new("system")) {
        return match settings.sslmode {
            None | Some(SslMode::VerifyFull) => {
                let known = Trust::Known { roots: Roots::System, names: HostNameCheck::MustMatch };
                Ok((SslMode::VerifyFull, Some(known)))
            }
            Some(weak) => Err(TargetError::Settings {
                message: format!("`sslmode = \"{}\"` is too weak for `sslrootcert = \"system\"`", weak.name()),
                hint: Some(
                    "set sslmode = \"verify-full\": anybody can get a certificate of the machine's authorities, only its \
                     name says whose it is"
                        .to_owned(),
                ),
            }),
        };
    }
    let mode = settings.sslmode.unwrap_or_default();
    if mode == SslMode::Disable {
        return Ok((mode, None));
    }
    let usual = || home.map(|home| home.join(".postgresql/root.crt")).filter(|path| path.exists());
    let names =
        if mode == SslMode::VerifyFull { HostNameCheck::MustMatch } else { HostNameCheck::DoNotMatter };
    let trust = match settings.sslrootcert.clone().or_else(usual) {
        Some(file) => Trust::Known { roots: Roots::File(file), names },
        None if matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) => {
            return Err(TargetError::Settings {
                message: format!("`sslmode = \"{}\"` needs authorities to trust", mode.name()),
                hint: Some(
                    "set `sslrootcert` to the PEM file with the server's authority, or sslrootcert = \"system\" and \
                     sslmode = \"verify-full\" where one of the machine's own has signed its certificate"
                        .to_owned(),
                ),
            });
        }
        None => Trust::Anyone,
    };
    Ok((mode, Some(trust)))
}

/// The authorities, and their certificates as they are.
fn read_roots(roots: &Roots) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TargetError> {
    let named = roots;
    let mut roots = RootCertStore::empty();
    let Roots::File(file) = named else {
        let certificates = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(certificates.iter().cloned());
        if roots.is_empty() {
            return Err(wrong("sslrootcert", "this machine has no trusted authorities of its own"));
        }
        return Ok((roots, certificates));
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable("sslrootcert", file, &error.to_string()))?;
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| wrong("sslrootcert", &error.to_string()))?;
    }
    Ok((roots, certificates))
}

fn wrong(key: &str, message: &str) -> TargetError {
    TargetError::Settings { message: format!("`{key}`: {message}"), hint: None }
}

fn unreadable(key: &str, file: &Path, message: &str) -> TargetError {
    TargetError::Settings {
        message: format!("`{key}`: cannot read `{}`: {message}", file.display()),
        hint: Some("it must be a file in PEM form".to_owned()),
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes a certificate of a trusted authority, and one that is itself in the file: many servers sign their own.
#[derive(Debug)]
struct Trusted {
    known: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
    names: HostNameCheck,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.known.verify_server_cert(certificate, chain, name, ocsp, now);
        if let Err(Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) = &verified
        {
            return verified;
        }
        if self.own.iter().any(|own| own == certificate) {
            if matches!(self.names, HostNameCheck::MustMatch) {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match (verified, self.names) {
            (
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )),
                HostNameCheck::DoNotMatter,
            ) => Ok(ServerCertVerified::assertion()),
            (other, _) => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{HostNameCheck, PostgresSettings, Roots, SslMode, Tls, Trust, trust};
    use std::path::Path;
    use tracklet_display::error::Hint;

    const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

    fn settings(more: &str) -> PostgresSettings {
        toml::from_str(&format!("host = \"h\"\nuser = \"u\"\ndbname = \"d\"\n{more}")).unwrap()
    }

    /// In words: what is trusted, or that the settings are refused.
    fn trust_of(more: &str, home: Option<&Path>) -> String {
        match trust(&settings(more), home) {
            Err(_) => "refused".to_owned(),
            Ok((_, None)) => "no TLS".to_owned(),
            Ok((_, Some(Trust::Anyone))) => "anyone".to_owned(),
            Ok((_, Some(Trust::Known { roots, names }))) => {
                let roots = if roots == Roots::System { "system" } else { "file" };
                format!("{roots}{}", if names == HostNameCheck::MustMatch { ", name" } else { "" })
            }
        }
    }

    #[test]
    fn every_mode_trusts_whom_libpq_trusts() {
        let with = |mode: &str, more: &str, home| trust_of(&format!("sslmode = \"{mode}\"\n{more}"), home);
        let all = |more: &str, home| MODES.map(|mode| with(mode, more, home));
        assert_eq!(all("", None), ["no TLS", "anyone", "anyone", "anyone", "refused", "refused"]);
        let in_file = ["no TLS", "file", "file", "file", "file", "file, name"];
        assert_eq!(all("sslrootcert = \"root.crt\"", None), in_file);
        let system = ["refused", "refused", "refused", "refused", "refused", "system, name"];
        assert_eq!(all("sslrootcert = \"system\"", None), system);
        // The file that libpq looks for by itself.
        let home = tempfile::tempdir().unwrap();
        assert_eq!(all("", Some(home.path())), all("", None));
        std::fs::create_dir(home.path().join(".postgresql")).unwrap();
        std::fs::write(home.path().join(".postgresql/root.crt"), "").unwrap();
        assert_eq!(all("", Some(home.path())), in_file);
        assert_eq!(all("sslrootcert = \"system\"", Some(home.path())), system);
    }

    #[test]
    fn without_a_mode_the_machines_authorities_mean_the_strictest() {
        assert_eq!(trust_of("", None), "anyone");
        assert_eq!(trust_of("sslrootcert = \"system\"", None), "system, name");
        let (mode, _) = trust(&settings("sslrootcert = \"system\""), None).unwrap();
        assert_eq!(mode, SslMode::VerifyFull);
    }

    #[test]
    fn what_is_too_weak_is_reported_with_what_helps() {
        let error = trust(&settings("sslmode = \"require\"\nsslrootcert = \"system\""), None).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.ends_with("`sslmode = \"require\"` is too weak for `sslrootcert = \"system\"`"),
            "{shown}"
        );
        assert!(error.hint().unwrap().starts_with("set sslmode = \"verify-full\""));
    }

    #[test]
    fn a_file_that_is_named_must_be_readable() {
        for mode in ["allow", "prefer", "require", "verify-ca", "verify-full"] {
            let settings = settings(&format!("sslmode = \"{mode}\"\nsslrootcert = \"/no/such.crt\""));
            assert!(Tls::new(&settings).is_err(), "{mode}");
        }
    }

    #[test]
    fn a_certificate_of_our_own_needs_its_key() {
        assert!(Tls::new(&settings("sslcert = \"client.crt\"")).is_err());
        assert!(Tls::new(&settings("sslkey = \"client.key\"")).is_err());
    }

    #[test]
    fn a_unix_socket_has_no_tls() {
        let settings: PostgresSettings =
            toml::from_str("host = \"/run/postgresql\"\nuser = \"u\"\ndbname = \"d\"\nsslmode = \"require\"")
                .unwrap();
        assert!(Tls::new(&settings).unwrap().config.is_none());
    }
}
