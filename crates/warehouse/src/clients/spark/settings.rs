//! The fields of a target, and the address that they make.

use crate::connection::patience::Patience;
use crate::connection::{Seconds, Secret, TargetError};
use serde::Deserialize;
use url::Url;

/// Where a Spark Connect server is. Other fields of a target are not the client's.
#[derive(Debug, Clone, Deserialize)]
pub struct SparkSettings {
    /// `sc://HOST:PORT/;name=value;..`, as Spark's own clients take it. It may hold a token, so it does not show.
    remote: Secret,
    /// A bearer token; TLS is used with it.
    token: Option<Secret>,
    /// Seconds until the first answer is given up on; 60, for some servers start when they are asked.
    #[serde(default)]
    connect_timeout: Option<Seconds>,
    /// Seconds without an answer after which the server is asked whether it is still there; 60.
    #[serde(default)]
    idle_timeout: Option<Seconds>,
}

impl SparkSettings {
    pub(super) fn patience(&self) -> Patience {
        let connect = self.connect_timeout.unwrap_or(Seconds::new(60));
        Patience::new(connect, self.idle_timeout.unwrap_or(Seconds::new(60)))
    }

    /// The whole address. It holds secrets.
    pub(super) fn address(&self) -> String {
        let remote = self.remote.reveal();
        let Some(token) = &self.token else { return remote.to_owned() };
        let (place, parameters) = remote.split_once("/;").unwrap_or((remote.trim_end_matches('/'), ""));
        let others = parameters.split(';').filter(|parameter| !parameter.is_empty());
        let others = others.filter(|parameter| !parameter.starts_with("token="));
        let token = format!("token={}", token.reveal());
        format!("{place}/;{}", others.chain([token.as_str()]).collect::<Vec<_>>().join(";"))
    }

    /// Host and port, for people.
    pub(super) fn place(&self) -> Result<String, TargetError> {
        let unusable = |what: String| TargetError::Settings {
            message: format!("`remote` {what}"),
            hint: Some("write remote = \"sc://HOST:PORT\"".to_owned()),
        };
        let url =
            Url::parse(self.remote.reveal()).map_err(|error| unusable(format!("can't be read: {error}")))?;
        if url.scheme() != "sc" {
            return Err(unusable("does not begin with sc://".to_owned()));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| unusable("names no host".to_owned()))?;
        Ok(format!("{host}:{}", url.port().unwrap_or(15_002)))
    }
}

#[cfg(test)]
mod tests {
    use super::SparkSettings;
    use crate::connection::Secret;

    fn settings(remote: &str, token: Option<&str>) -> SparkSettings {
        SparkSettings {
            remote: Secret::new(remote),
            token: token.map(Secret::new),
            connect_timeout: None,
            idle_timeout: None,
        }
    }

    #[test]
    fn the_token_is_one_of_the_parameters() {
        assert_eq!(settings("sc://h:1", None).address(), "sc://h:1");
        assert_eq!(settings("sc://h:1/", Some("t")).address(), "sc://h:1/;token=t");
        assert_eq!(
            settings("sc://h:1/;use_ssl=true;token=old", Some("t")).address(),
            "sc://h:1/;use_ssl=true;token=t"
        );
    }

    #[test]
    fn the_place_shows_no_secret() {
        let settings = settings("sc://spark.example/;token=hunter2", Some("hunter3"));
        assert_eq!(settings.place().unwrap(), "spark.example:15002");
        assert!(!format!("{settings:?}").contains("hunter"));
    }

    #[test]
    fn what_is_no_address_is_reported() {
        let refusal_of = |remote: &str| settings(remote, None).place().unwrap_err().to_string();
        assert_eq!(
            refusal_of("https://h:1"),
            "the target's settings can't be used: `remote` does not begin with sc://"
        );
        assert!(refusal_of("h").contains("can't be read"));
    }
}
