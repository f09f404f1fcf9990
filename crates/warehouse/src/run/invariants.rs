//! The invariants, checked on the staging tables before readers see anything of them. Where one does not hold, these tables are
//! kept under names of their own.

use super::Run;
use crate::WarehouseError;
use crate::compiled::write_statements;
use crate::contradictions::Contradiction;
use crate::row::ResultRow;
use crate::sql::invariants::{Staged, contradictions};
use crate::sql::names::relation;
use crate::sql::plan::{drop_if_there, failed};
use crate::targets::{Kind, TableName};

impl Run<'_> {
    /// Checks the invariants of the tables that a full run has staged.
    ///
    /// # Errors
    /// [`WarehouseError::Contradictions`]; the tables are then kept.
    pub(crate) async fn check_whole(&self) -> Result<(), WarehouseError> {
        let tables = || self.plan.models.iter().filter(|model| model.kind == Kind::Table);
        let is_staged = |name: &str| tables().any(|model| model.name == name);
        let names = self.plan.building();
        let query = contradictions(&self.renderer, names, Staged::Whole, is_staged)?;
        let staged = tables().map(|model| (model.name, names.table(model.name)));
        self.check_invariants(query, staged.collect()).await
    }

    /// Checks the invariants of the rows that an increment or an erasure has staged.
    ///
    /// # Errors
    /// As [`Self::check_whole`].
    pub(crate) async fn check_rows(&self) -> Result<(), WarehouseError> {
        let steps = self.steps();
        self.check_invariants(steps.contradictions()?, steps.tables_checked()).await
    }

    async fn check_invariants(
        &self,
        query: Option<String>,
        staged: Vec<(&'static str, TableName)>,
    ) -> Result<(), WarehouseError> {
        let Some(query) = query else { return Ok(()) };
        self.job.stop.check()?;
        write_statements(self.job, "invariants", std::slice::from_ref(&query))?;
        let rows = ResultRow::all(self.job, "check the invariants", &query).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let contradiction = |row: &ResultRow| Contradiction {
            number: row.integer(0).unwrap_or(0),
            says: row.text(1).unwrap_or_default(),
            offenders: row.integer(2).unwrap_or(0),
            first: row.text(3).unwrap_or_else(|| "null".to_owned()),
        };
        let failed = rows.iter().map(contradiction).collect();
        Err(WarehouseError::Contradictions { failed, kept: self.keep(staged).await })
    }

    /// Gives staging tables names under which people find them and no run takes them for its own; those that can't be renamed
    /// stay under the name that they have.
    async fn keep(&self, staged: Vec<(&'static str, TableName)>) -> Vec<TableName> {
        let (dialect, names) = (self.job.target.dialect, self.plan.published());
        let views = self.plan.models.iter().filter(|model| model.is_staging && model.kind == Kind::View);
        for view in views {
            let statement = drop_if_there(Kind::View, &self.plan.building().relation(view.name));
            if let Err(error) = self.job.warehouse.execute(&statement).await {
                tracing::debug!("a staging view could not be dropped: {error}");
            }
        }
        let mut kept = Vec::new();
        for (name, table) in staged {
            let new = names.own(&failed(name));
            let rename = dialect.rename(&relation(dialect, &table), &new);
            match self.job.warehouse.execute(&rename).await {
                Ok(_) => kept.push(new),
                Err(error) => {
                    tracing::debug!("a table that failed could not be renamed: {error}");
                    kept.push(table);
                }
            }
        }
        kept
    }
}
