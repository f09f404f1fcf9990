//! The fields of a target of type `snowflake`.

use crate::connection::patience::Patience;
use crate::connection::{Seconds, Secret, TargetError};
use serde::Deserialize;
use std::path::PathBuf;

/// How to connect to Snowflake, with dbt's names. Fields of dbt that are not here mean nothing to Tracklet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SnowflakeSettings {
    /// The account's identifier, as `organization-account`.
    pub account: String,
    /// The user who connects.
    pub user: String,
    /// How to sign in; decided by the other fields if not given.
    pub authenticator: Option<Authenticator>,
    /// The password, where the account still allows one for programs.
    pub password: Option<Secret>,
    /// A programmatic access token, or with `authenticator = "oauth"` an OAuth access token.
    pub token: Option<Secret>,
    /// The file of a private key, PKCS#8 in PEM.
    pub private_key_path: Option<PathBuf>,
    /// A private key, PKCS#8, in PEM or its base64 alone.
    pub private_key: Option<Secret>,
    /// What the private key is encrypted with.
    pub private_key_passphrase: Option<Secret>,
    /// The role; the user's default if not given.
    pub role: Option<String>,
    /// The warehouse that computes; the user's default if not given.
    pub warehouse: Option<String>,
    /// The database that holds the tables.
    pub database: Option<String>,
    /// The schema that the tables are written to. Statements name it; sessions have none.
    pub schema: Option<String>,
    /// What the query history shows beside every statement.
    pub query_tag: Option<String>,
    /// Another host than the account's own, as for a private link.
    pub host: Option<String>,
    /// The port of `host`.
    pub port: Option<u16>,
    /// `http` for a server on this machine; nothing else is spoken to in the clear.
    pub protocol: Protocol,
    /// Seconds until signing in is given up; 30.
    pub connect_timeout: Option<Seconds>,
    /// Seconds without an answer after which the server is asked whether it is still there; 60.
    pub idle_timeout: Option<Seconds>,
}

/// How to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authenticator {
    /// `password`.
    #[serde(alias = "SNOWFLAKE", alias = "username_password_mfa")]
    Snowflake,
    /// `token` is an OAuth access token.
    #[serde(alias = "OAUTH")]
    Oauth,
    /// `token` is a programmatic access token.
    #[serde(alias = "PROGRAMMATIC_ACCESS_TOKEN")]
    ProgrammaticAccessToken,
    /// `private_key` or `private_key_path`.
    #[serde(alias = "SNOWFLAKE_JWT", alias = "jwt")]
    SnowflakeJwt,
}

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Encrypted.
    #[default]
    Https,
    /// In the clear.
    Http,
}

impl SnowflakeSettings {
    pub(super) fn patience(&self) -> Patience {
        let connect = self.connect_timeout.unwrap_or(Seconds::new(30));
        Patience::new(connect, self.idle_timeout.unwrap_or(Seconds::new(60)))
    }

    /// Where this connects to.
    ///
    /// # Errors
    /// [`TargetError::Settings`] when the account is missing or a server elsewhere were spoken to in the clear.
    pub(super) fn address(&self) -> Result<url::Url, TargetError> {
        // Names of hosts have no underscore; Snowflake answers to a dash in its place.
        let host = match &self.host {
            Some(host) => host.clone(),
            None if self.account.is_empty() => {
                return Err(wrong("`account` is missing", "name it as `organization-account`"));
            }
            None => format!("{}.snowflakecomputing.com", self.account.replace('_', "-").to_lowercase()),
        };
        let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
        if self.protocol == Protocol::Http && !is_here {
            return Err(wrong(
                "`protocol = \"http\"` would send the credentials in the clear",
                "leave `protocol` out; `http` is for a server on this machine",
            ));
        }
        let protocol = if self.protocol == Protocol::Http { "http" } else { "https" };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        url::Url::parse(&format!("{protocol}://{host}{port}"))
            .ok()
            .filter(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none())
            .ok_or_else(|| wrong(&format!("`{host}` is no host"), "give the name alone, without `https://`"))
    }
}

/// Settings that can't be used.
pub(super) fn wrong(message: &str, hint: &str) -> TargetError {
    TargetError::Settings { message: message.to_owned(), hint: Some(hint.to_owned()) }
}
