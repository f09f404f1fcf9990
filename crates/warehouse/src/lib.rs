//! A run in a warehouse: the SQL engine's models, made by the clients of [`crate::targets`].
//!
//! ```text
//! source tables' columns --sql--> plan --> staging tables, in order, side by side --> where the rows went
//!   --> published all at once where the warehouse can --> staging tables dropped
//! ```
//!
//! A run that fails, or is killed, leaves the tables that readers see as they were; its staging tables are dropped
//! by the next.

mod accounting;
pub mod audit;
pub mod checks;
pub mod clients;
pub mod compile;
mod compiled;
pub mod connection;
mod contradictions;
pub mod debug;
mod error;
pub mod forget;
mod forgotten;
mod housekeeping;
pub mod load;
mod load_times;
pub mod look;
mod partitions;
pub mod preview;
pub mod progress;
mod row;
pub mod run;
mod sampled_tables;
mod sources;
pub mod sql;
pub mod targets;
pub mod testing;
pub mod token;

pub use contradictions::Contradiction;
pub use error::WarehouseError;
pub use sampled_tables::{SampledTable, sampled_tables};
pub use sources::{assumed_sources, source_tables};

use crate::sql::Renderer;
use crate::sql::forgotten::FORGOTTEN;
use crate::sql::names::relation;
use crate::sql::select::{SelectError, select};
use crate::targets::{Target, Warehouse};
use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracklet_config::Config;
use tracklet_config::Refresh;

/// What to make, where.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What the tables mean and where the tracks are.
    pub config: &'a Config,
    /// The warehouse's place in the configuration.
    pub target: &'a Target,
    /// The warehouse.
    pub warehouse: &'a dyn Warehouse,
    /// Words that choose models; all without one.
    pub select: &'a [String],
    /// Words that leave models out.
    pub exclude: &'a [String],
    /// Whether a run may take the new rows alone.
    pub refresh: Refresh,
    /// Whether a run that takes the new rows alone compares source and tables day by day first.
    pub audit: bool,
    /// The folder that the SQL is written to before it runs.
    pub compiled: &'a Path,
    /// Set by a user who wants to stop.
    pub stop: &'a Stop,
}

impl Job<'_> {
    async fn renderer(&self) -> Result<Renderer, WarehouseError> {
        let sources = source_tables(self.warehouse, self.target, self.config).await?;
        let renderer = Renderer::new(self.target.dialect, self.config, self.target.materialize, sources);
        Ok(renderer.with_forgotten(self.forgotten().await?))
    }

    /// The table of what is forgotten, quoted, if it is there.
    async fn forgotten(&self) -> Result<Option<String>, WarehouseError> {
        let table = self.target.names.own(FORGOTTEN);
        let is_there = self.warehouse.columns(&table).await?.is_some();
        Ok(is_there.then(|| relation(self.target.dialect, &table)))
    }

    fn chosen(&self, renderer: &Renderer) -> Result<BTreeSet<&'static str>, WarehouseError> {
        chosen(renderer, self.target, self.select, self.exclude)
    }
}

/// The models that the words choose.
fn chosen(
    renderer: &Renderer,
    target: &Target,
    selected: &[String],
    excluded: &[String],
) -> Result<BTreeSet<&'static str>, WarehouseError> {
    let graph = crate::sql::graph::Graph::new(renderer, &target.names)?;
    let chosen: Result<BTreeSet<&'static str>, SelectError> = select(&graph, selected, excluded);
    Ok(chosen?)
}

/// Whether the user wants to stop.
#[derive(Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// What a signal sets.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether the stop is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<(), WarehouseError> {
        if self.is_set() { Err(WarehouseError::Interrupted) } else { Ok(()) }
    }
}

/// How often a running job looks whether the user wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Does the work of a job; when the user wants to stop, asks the warehouse to end what it still runs, and waits for the
/// job to clean up after itself.
pub async fn stoppable<T>(job: &Job<'_>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut is_cancelled = false;
    loop {
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(LOOK) => {
                if job.stop.is_set() && !is_cancelled {
                    is_cancelled = true;
                    job.warehouse.cancel().await;
                }
            }
        }
    }
}
