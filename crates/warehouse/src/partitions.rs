//! Whether runs can read the source tables by `source.partition_time`: asked before the first of them, which reads all rows, and
//! not by the first that would use it.

use super::WarehouseError;
use crate::sql::Renderer;
use crate::targets::{Target, Warehouse};
use chrono::DateTime;
use tracklet_config::Config;

/// Compares the column of every source table with a time, as later runs will, in no row.
///
/// # Errors
/// [`WarehouseError::Render`] for a table without the column, [`WarehouseError::Partitions`] for one that the warehouse can't read
/// so.
pub(super) async fn check(
    warehouse: &dyn Warehouse,
    target: &Target,
    config: &Config,
    renderer: &Renderer,
) -> Result<(), WarehouseError> {
    let Some(column) = &config.source.partition_time else { return Ok(()) };
    let time = target.dialect.time(DateTime::UNIX_EPOCH);
    for (query, table) in renderer.partition_queries(column, &time)?.iter().zip(renderer.sources()) {
        let failed =
            |source| WarehouseError::Partitions { table: table.name.clone(), column: column.clone(), source };
        // An estimate costs nothing, where there are any.
        if warehouse.estimate(query).await.map_err(failed)?.is_none() {
            warehouse.query(query).await.map_err(failed)?;
        }
    }
    Ok(())
}
