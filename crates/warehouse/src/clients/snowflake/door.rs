//! Whether the service is there at all: what the client that runs statements does not tell, for it waits for hours.

use super::failure;
use super::settings::SnowflakeSettings;
use crate::connection::TargetError;
use crate::connection::patience::Patience;
use futures::FutureExt as _;
use url::Url;

/// The service's address, asked for nothing but an answer.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) patience: Patience,
    address: Url,
    http: reqwest::Client,
}

impl Door {
    /// # Errors
    /// [`TargetError::Settings`] when the account makes no address.
    pub(super) fn new(settings: &SnowflakeSettings) -> Result<Self, TargetError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // A connection that is open already says nothing of a service that takes no new ones.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| TargetError::Settings { message: failure::with_causes(&error), hint: None })?;
        Ok(Self { patience: settings.patience(), address: settings.address()?, http })
    }

    /// The host, for people.
    pub(super) fn place(&self) -> &str {
        self.address.host_str().unwrap_or("Snowflake")
    }

    /// What `work` gives, for as long as the service is there.
    pub(super) async fn answered<T>(
        &self,
        work: impl Future<Output = Result<T, TargetError>> + Send,
    ) -> Result<T, TargetError> {
        self.patience.answered(self.place(), work, || self.is_there().boxed()).await
    }

    /// Whatever it answers, it is there.
    async fn is_there(&self) -> Result<(), TargetError> {
        let answer = self.http.get(self.address.clone()).send().await;
        answer.map(|_| ()).map_err(|error| TargetError::Connection {
            place: self.place().to_owned(),
            hint: None,
            source: Box::new(error.without_url()),
        })
    }
}
