//! `tracklet show`

use super::answer::{answer, layout};
use super::warehouse::ChosenTarget;
use super::{analysis, output_folder};
use crate::arguments::{ShowArguments, TablesArguments};
use crate::failure::{Failure, Outcome};
use crate::status::Status;
use arrow::record_batch::RecordBatch;
use std::fmt;
use tracklet_display::error::Hint;
use tracklet_native::results::{Integers, Results, print_batches};
use tracklet_warehouse::look;

/// What stands for the analysis in place of a table.
const TOP_USERS: &str = "top-users";

pub fn show(arguments: &ShowArguments) -> Outcome {
    let limit = Some(arguments.limit).filter(|limit| *limit > 0);
    if let Some(target) = &arguments.tables.target {
        return in_warehouse(arguments, target, limit);
    }
    let place = &arguments.tables.place;
    let rows = match (arguments.table.as_str(), &arguments.filter) {
        (TOP_USERS, Some(_)) => return Err(Failure::new(NoFilterOnTopUsers)),
        (TOP_USERS, None) => analysis::top_users(place, limit)?,
        (table, Some(filter)) => analysis::show_where(place, table, limit, filter)?,
        (table, None) => Results::open(&output_folder(place)?)?.rows(table, limit)?,
    };
    answer(rows, &arguments.answer)
}

fn in_warehouse(arguments: &ShowArguments, target: &str, limit: Option<usize>) -> Outcome {
    if arguments.table == TOP_USERS {
        return Err(Failure::new(NoTopUsersInWarehouses));
    }
    let TablesArguments { place, profiles_dir, .. } = &arguments.tables;
    let place = ChosenTarget::new(Some(target), place.config.as_deref(), profiles_dir.as_deref())?;
    let warehouse = place.connect()?;
    let filter = arguments.filter.as_deref();
    let batches = place
        .work(&*warehouse, None, async |job| look::show(job, &arguments.table, limit, filter).await)??;
    let schema = batches.first().map(RecordBatch::schema).expect("an answer has at least one batch");
    let layout = layout(&arguments.answer, Integers::Plain);
    print_batches(&schema, batches, layout, &mut std::io::stdout().lock())?;
    Ok(Status::Done)
}

/// The analysis is a query of its own.
#[derive(Debug)]
struct NoTopUsersInWarehouses;

impl fmt::Display for NoTopUsersInWarehouses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`top-users` takes no --target")
    }
}

impl std::error::Error for NoTopUsersInWarehouses {}

impl Hint for NoTopUsersInWarehouses {
    fn hint(&self) -> Option<String> {
        let query = "tracklet compile dbt_top_users_by_avg_session_duration --target NAME";
        Some(format!("run the query yourself: `{query} | psql`"))
    }
}

/// The analysis is over all visitors: which rows a filter would take is not clear.
#[derive(Debug)]
struct NoFilterOnTopUsers;

impl fmt::Display for NoFilterOnTopUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`top-users` takes no --where")
    }
}

impl std::error::Error for NoFilterOnTopUsers {}

impl Hint for NoFilterOnTopUsers {
    fn hint(&self) -> Option<String> {
        Some("`tracklet query` can average dbt_session_duration over any rows".to_owned())
    }
}
