//! Who connects.

use super::settings::{Authenticator, SnowflakeSettings, wrong};
use crate::connection::{Secret, TargetError};
use snowflake_connector_rs::{AuthConfig, KeyPairConfig};

/// The credentials that the settings describe.
///
/// # Errors
/// [`TargetError::Settings`] when a field is missing or the key's file can't be read.
pub(super) fn credentials(settings: &SnowflakeSettings) -> Result<AuthConfig, TargetError> {
    let has_key = settings.private_key.is_some() || settings.private_key_path.is_some();
    let authenticator = settings.authenticator.unwrap_or({
        if has_key {
            Authenticator::SnowflakeJwt
        } else if settings.token.is_some() {
            Authenticator::ProgrammaticAccessToken
        } else {
            Authenticator::Snowflake
        }
    });
    match authenticator {
        Authenticator::SnowflakeJwt => key_pair(settings),
        Authenticator::Oauth => Ok(AuthConfig::oauth(given(settings.token.as_ref(), "token")?)),
        // Snowflake takes such a token wherever it takes a password.
        Authenticator::ProgrammaticAccessToken => {
            Ok(AuthConfig::password(given(settings.token.as_ref(), "token")?))
        }
        Authenticator::Snowflake => Ok(AuthConfig::password(given(settings.password.as_ref(), "password")?)),
    }
}

fn given<'a>(secret: Option<&'a Secret>, field: &str) -> Result<&'a str, TargetError> {
    let secret = secret.ok_or_else(|| {
        let message = format!("`{field}` is missing");
        wrong(&message, "set `private_key_path`, `token` or `password`, or what `authenticator` asks for")
    })?;
    Ok(secret.reveal())
}

fn key_pair(settings: &SnowflakeSettings) -> Result<AuthConfig, TargetError> {
    let key = match (&settings.private_key, &settings.private_key_path) {
        (Some(key), _) => key.reveal().to_owned(),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(|error| TargetError::Settings {
            message: format!("`{}` can't be read: {error}", path.display()),
            hint: None,
        })?,
        (None, None) => {
            return Err(wrong("`private_key_path` is missing", "name the file of the private key"));
        }
    };
    Ok(AuthConfig::key_pair(match &settings.private_key_passphrase {
        Some(passphrase) => {
            let pem = pem(&key, "ENCRYPTED PRIVATE KEY");
            KeyPairConfig::from_encrypted_pem(pem, passphrase.reveal().as_bytes())
        }
        None => KeyPairConfig::from_pem(pem(&key, "PRIVATE KEY")),
    }))
}

/// The key as PEM. Newlines that went through an environment variable as `\n` are newlines again, and a key that is
/// its base64 alone, as dbt allows, gets its frame.
pub(super) fn pem(key: &str, label: &str) -> String {
    let key = key.replace("\\n", "\n");
    let key = key.trim();
    if key.contains("-----BEGIN") {
        return format!("{key}\n");
    }
    let base64: Vec<char> = key.chars().filter(|character| !character.is_whitespace()).collect();
    let lines: Vec<String> = base64.chunks(64).map(|line| line.iter().collect()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
