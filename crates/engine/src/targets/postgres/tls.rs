//! TLS as libpq's `sslmode` and its certificate settings say.

use super::settings::{Settings, SslMode};
use crate::targets::TargetError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn config(settings: &Settings) -> Result<ClientConfig, TargetError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust(settings) {
        Trust::Anyone => Arc::new(Anyone(Arc::clone(&provider))),
        Trust::Known { roots, names } => {
            let (roots, roots_as_they_are) = read_roots(roots.as_deref())?;
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
    let (Some(certificate), Some(key)) = (&settings.sslcert, &settings.sslkey) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable("sslcert", certificate, &error.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("sslkey", key, &error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| wrong("sslcert", &error.to_string()))
}

#[derive(Debug, Clone, Copy)]
enum Names {
    MustMatch,
    DoNotMatter,
}

enum Trust {
    Anyone,
    Known { roots: Option<PathBuf>, names: Names },
}

/// Whom to trust. As with libpq, `require` with a file of authorities verifies against them.
fn trust(settings: &Settings) -> Trust {
    let usual = || {
        let home = std::env::var_os("HOME")?;
        Some(Path::new(&home).join(".postgresql/root.crt")).filter(|path| path.exists())
    };
    let is_system = settings.sslrootcert.as_deref() == Some(Path::new("system"));
    let roots = settings.sslrootcert.clone().filter(|_| !is_system);
    match settings.sslmode {
        SslMode::VerifyFull => Trust::Known {
            roots: if is_system { None } else { roots.or_else(usual) },
            names: Names::MustMatch,
        },
        SslMode::VerifyCa => Trust::Known {
            roots: if is_system { None } else { roots.or_else(usual) },
            names: Names::DoNotMatter,
        },
        SslMode::Require if roots.is_some() => Trust::Known { roots, names: Names::DoNotMatter },
        _ => Trust::Anyone,
    }
}

/// The authorities, and those of a file as they are.
fn read_roots(file: Option<&Path>) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TargetError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(wrong("sslrootcert", "this machine has no trusted authorities of its own"));
        }
        return Ok((roots, Vec::new()));
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
    names: Names,
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
        if self.own.iter().any(|own| own == certificate) {
            if matches!(self.names, Names::MustMatch) {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match (self.known.verify_server_cert(certificate, chain, name, ocsp, now), self.names) {
            (
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )),
                Names::DoNotMatter,
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
