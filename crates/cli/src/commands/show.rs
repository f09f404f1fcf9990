//! `tracklet show`

use super::{answer::answer, output_folder};
use crate::arguments::ShowArguments;
use crate::failure::{Failure, Outcome};
use std::fmt;
use tracklet_engine::error::Hint;
use tracklet_engine::results::Results;

/// What stands for the analysis in place of a table.
const TOP_USERS: &str = "top-users";

pub fn show(arguments: &ShowArguments) -> Outcome {
    let results = Results::open(&output_folder(&arguments.place)?)?;
    let limit = Some(arguments.limit).filter(|limit| *limit > 0);
    let rows = match (arguments.table.as_str(), &arguments.filter) {
        (TOP_USERS, Some(_)) => return Err(Failure::new(NoFilterOnTopUsers)),
        (TOP_USERS, None) => results.top_users(limit)?,
        (table, filter) => results.show(table, limit, filter.as_deref())?,
    };
    answer(rows, &arguments.answer)
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
