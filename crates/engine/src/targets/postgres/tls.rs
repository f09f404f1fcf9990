//! TLS as libpq's `sslmode` and its certificate settings say.

use super::settings::{Settings, SslMode};
use crate::targets::TargetError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn config(settings: &Settings) -> Result<ClientConfig, TargetError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust(settings) {
        Trust::Anyone => Arc::new(Anyone(Arc::clone(&provider))),
        Trust::Known { roots, names } => {
            let roots = Arc::new(read_roots(roots.as_deref())?);
            let known = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .map_err(|error| wrong("sslrootcert", &error.to_string()))?;
            match names {
                Names::MustMatch => known,
                Names::DoNotMatter => Arc::new(AnyName(known)),
            }
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

fn read_roots(file: Option<&Path>) -> Result<RootCertStore, TargetError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(wrong("sslrootcert", "this machine has no trusted authorities of its own"));
        }
        return Ok(roots);
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable("sslrootcert", file, &error.to_string()))?;
    for certificate in certificates {
        roots.add(certificate).map_err(|error| wrong("sslrootcert", &error.to_string()))?;
    }
    Ok(roots)
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

/// Takes a trusted certificate whatever name it is for.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
