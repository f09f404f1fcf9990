//! The SQL of a run as files, written before it is sent: errors name them.

use super::{Job, WarehouseError};
use crate::sql::plan::Plan;
use std::path::PathBuf;

/// The file with a model's SQL.
pub(super) fn compiled_file(job: &Job<'_>, model: &str) -> PathBuf {
    job.compiled.join(&job.target.name).join(format!("{model}.sql"))
}

/// Writes down the statements of every model before they run.
pub(super) fn write_compiled(job: &Job<'_>, plan: &Plan) -> Result<(), WarehouseError> {
    for model in &plan.models {
        if model.statements.is_empty() {
            write_file(job, model.name, &model.query)?;
        } else {
            write_statements(job, model.name, &model.statements)?;
        }
    }
    Ok(())
}

/// Writes down the statements of a model or a step before they run.
pub(super) fn write_statements(
    job: &Job<'_>,
    name: &str,
    statements: &[String],
) -> Result<(), WarehouseError> {
    let text: Vec<String> = statements.iter().map(|statement| format!("{statement};\n")).collect();
    write_file(job, name, &text.join("\n"))
}

fn write_file(job: &Job<'_>, name: &str, text: &str) -> Result<(), WarehouseError> {
    let path = compiled_file(job, name);
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| WarehouseError::Compiled { path, source })
}
