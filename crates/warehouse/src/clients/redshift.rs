//! The client of Redshift: that of PostgreSQL, whose protocol it speaks.

use crate::clients::postgres::{self, Postgres, Server};
use crate::connection::{Connect, TargetError, Warehouse};
use async_trait::async_trait;
use serde::Deserialize;

/// How to connect to Redshift: as to PostgreSQL.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct RedshiftSettings(postgres::PostgresSettings);

#[async_trait]
impl Connect for RedshiftSettings {
    async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError> {
        Ok(Box::new(Postgres::connect(&self.0, Server::Redshift).await?))
    }
}
