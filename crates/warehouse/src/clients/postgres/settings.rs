//! The fields of a target, with dbt's names, and how a session is opened from them.

use super::tls::Tls;
use crate::connection::patience::Patience;
use crate::connection::{Seconds, Secret, TargetError};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::{CancelToken, Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracklet_dialects::Dialect;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// Amazon Redshift.
    Redshift,
}

/// How TLS is used: libpq's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never.
    Disable,
    /// If the server wants it.
    Allow,
    /// If the server can.
    #[default]
    Prefer,
    /// Always; whose certificate it is matters only where there are authorities to trust.
    Require,
    /// Always, with a certificate of an authority that is trusted.
    VerifyCa,
    /// Always, and the certificate is the host's.
    VerifyFull,
}

impl SslMode {
    /// libpq's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// A target of type `postgres` or `redshift`.
#[derive(Debug, Clone, Deserialize)]
pub struct PostgresSettings {
    /// The server's name or address; a folder for a Unix socket.
    pub host: String,
    /// The server's port; 5432, for Redshift 5439.
    pub port: Option<u16>,
    /// The user who connects.
    pub user: String,
    /// The password; else that of `PGPASSWORD`.
    #[serde(alias = "pass")]
    pub password: Option<Secret>,
    /// The database.
    #[serde(alias = "database")]
    pub dbname: String,
    /// How TLS is used; [`SslMode::Prefer`], and with `sslrootcert = "system"` [`SslMode::VerifyFull`].
    pub sslmode: Option<SslMode>,
    /// A file with the authorities to trust, or `system`.
    pub sslrootcert: Option<PathBuf>,
    /// A file with a certificate of the client's own.
    pub sslcert: Option<PathBuf>,
    /// A file with that certificate's key.
    pub sslkey: Option<PathBuf>,
    /// The role to take on.
    pub role: Option<String>,
    /// Schemas to look in after the server's own, for the user's own SQL.
    pub search_path: Option<String>,
    /// Seconds until an attempt to connect is given up.
    #[serde(default = "ten")]
    pub connect_timeout: Seconds,
    /// Seconds without an answer after which the server is asked whether it is still at work.
    #[serde(default = "minute")]
    pub idle_timeout: Seconds,
    /// Seconds of silence after which the system tests a connection.
    #[serde(default)]
    pub keepalives_idle: u64,
}

/// What the client says when the server asks for a password and there is none.
const NO_PASSWORD: &str = "password missing";

const PASSWORD: &str = "set the password in the environment as PGPASSWORD, or in the target: password = \"{{ env_var('NAME') }}\"";

/// The schema with the server's own types, functions and operators.
const CATALOG: &str = "pg_catalog";

/// Silence after which the system tests a connection, where nothing else is said, how often it does, and how long apart.
const KEEPALIVE: (Duration, u32, Duration) = (Duration::from_mins(1), 5, Duration::from_secs(10));

/// How long bytes may stay unacknowledged by the server's system.
const UNACKNOWLEDGED: Duration = Duration::from_mins(2);

fn ten() -> Seconds {
    Seconds::new(10)
}

fn minute() -> Seconds {
    Seconds::new(60)
}

impl PostgresSettings {
    fn port(&self, server: Server) -> u16 {
        self.port.unwrap_or(match server {
            Server::Postgres => 5432,
            Server::Redshift => 5439,
        })
    }

    pub(super) fn place(&self, server: Server) -> String {
        format!("{}:{}/{}", self.host, self.port(server), self.dbname)
    }

    /// The statement that says where names without a schema are found: in the server's own catalog, for in other schemas
    /// anybody with `create` can have a function or an operator that fits better. Whoever names other schemas trusts them.
    fn path(&self) -> String {
        let named = self.search_path.iter().flat_map(|path| path.split(','));
        let named = named.map(str::trim).filter(|schema| !schema.is_empty() && *schema != CATALOG);
        let schemas = named.map(|schema| Dialect::Postgres.quoted(schema));
        let all: Vec<String> = [CATALOG.to_owned()].into_iter().chain(schemas).collect();
        format!("set search_path to {}", all.join(", "))
    }

    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.connect_timeout, self.idle_timeout)
    }

    pub(super) fn connector(&self, server: Server) -> Result<Connector, TargetError> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port(server))
            .user(&self.user)
            .dbname(&self.dbname)
            .application_name("tracklet")
            .connect_timeout(self.connect_timeout.0)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(match self.keepalives_idle {
                0 => KEEPALIVE.0,
                seconds => Duration::from_secs(seconds),
            })
            .keepalives_retries(KEEPALIVE.1)
            .keepalives_interval(KEEPALIVE.2);
        let from_environment = || std::env::var("PGPASSWORD").ok().map(Secret::new);
        if let Some(password) = self.password.clone().or_else(from_environment) {
            config.password(password.reveal());
        }
        let quoted = |name: &str| Dialect::Postgres.quoted(name);
        let role = self.role.as_ref().map(|role| format!("set role {}", quoted(role)));
        let tls = Tls::new(self)?;
        let place = format!("port {} of {}", self.port(server), self.host);
        Ok(Connector { config, tls, search_path: self.path(), role, place })
    }
}

/// Opens sessions.
pub(super) struct Connector {
    config: tokio_postgres::Config,
    tls: Tls,
    search_path: String,
    role: Option<String>,
    place: String,
}

impl Connector {
    /// The statement that every session runs first.
    pub(super) fn search_path(&self) -> &str {
        &self.search_path
    }

    /// The statement that takes on another role.
    pub(super) fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    pub(super) async fn connect(&self, place: &str) -> Result<Client, TargetError> {
        self.connected().await.map_err(|error| self.failed(&error, place))
    }

    /// A session, if the server has a place for one more.
    ///
    /// # Errors
    /// [`TargetError::Connection`] when there is no answer at all.
    pub(super) async fn ask(&self, place: &str) -> Result<Option<Client>, TargetError> {
        match self.connected().await {
            Ok(client) => Ok(Some(client)),
            Err(error) if error.as_db_error().is_some() => Ok(None),
            Err(error) => Err(self.failed(&error, place)),
        }
    }

    async fn connected(&self) -> Result<Client, tokio_postgres::Error> {
        use tokio_postgres::config::SslMode as Wire;
        let attempts: &[Wire] = match self.tls.mode {
            SslMode::Disable => &[Wire::Disable],
            SslMode::Allow => &[Wire::Disable, Wire::Require],
            SslMode::Prefer => &[Wire::Prefer, Wire::Disable],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Wire::Require],
        };
        let mut first = None;
        for mode in attempts {
            match self.attempt(*mode).await {
                Ok(client) => return Ok(client),
                Err(error) => {
                    // Only what TLS could change is worth another attempt.
                    let is_final = error.as_db_error().is_some_and(|answer| {
                        let code = answer.code().code();
                        code != "28000" && code != "08P01"
                    });
                    first.get_or_insert(error);
                    if is_final {
                        break;
                    }
                }
            }
        }
        Err(first.expect("there is at least one attempt"))
    }

    async fn attempt(&self, mode: tokio_postgres::config::SslMode) -> Result<Client, tokio_postgres::Error> {
        let mut config = self.config.clone();
        config.ssl_mode(mode);
        let Some(tls) = &self.tls.config else {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            return Ok(client);
        };
        let (client, connection) = config.connect(MakeRustlsConnect::new(tls.clone())).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(super) async fn cancel(&self, token: &CancelToken) -> Result<(), tokio_postgres::Error> {
        match &self.tls.config {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(MakeRustlsConnect::new(tls.clone())).await,
        }
    }

    fn failed(&self, error: &tokio_postgres::Error, place: &str) -> TargetError {
        let hint = match error.as_db_error() {
            Some(answer) => match answer.code().code() {
                "28P01" | "28000" => {
                    return TargetError::NotAllowed {
                        message: answer.message().to_owned(),
                        hint: Some(format!("is `user` right? {PASSWORD}")),
                    };
                }
                "3D000" => Some("set `dbname` to a database that exists".to_owned()),
                _ => None,
            },
            None if plain(error).to_string().contains(NO_PASSWORD) => {
                return TargetError::NotAllowed {
                    message: format!("{place} asks for a password, and none is given"),
                    hint: Some(PASSWORD.to_owned()),
                };
            }
            None if plain(error).to_string().contains("certificate") => Some(
                "`sslrootcert` names the file with the authority that signed the server's certificate"
                    .to_owned(),
            ),
            None => Some(format!("is the server up, and does it listen on {}?", self.place)),
        };
        TargetError::Connection { place: place.to_owned(), hint, source: plain(error) }
    }
}

/// The innermost words of an error; the outer ones only say that there was one.
pub(super) fn plain(error: &tokio_postgres::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let mut words = vec![error.to_string()];
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        words.push(cause.to_string());
        next = cause.source();
    }
    words.dedup();
    words.join(": ").into()
}

#[cfg(test)]
mod tests {
    use super::PostgresSettings;

    fn settings(more: &str) -> PostgresSettings {
        let text = format!("host = \"h\"\nuser = \"u\"\ndbname = \"d\"\n{more}");
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn the_servers_own_catalog_comes_first() {
        let path = |more: &str| settings(more).path();
        assert_eq!(path(""), "set search_path to pg_catalog");
        assert_eq!(
            path("search_path = \"public, my \\\"x\\\",, pg_catalog\""),
            "set search_path to pg_catalog, \"public\", \"my \"\"x\"\"\""
        );
    }
}
