//! `tracklet query`

use crate::arguments::QueryArguments;
use crate::commands::answer::answer;
use crate::commands::of_files::OfFiles;
use crate::commands::output_folder;
use crate::failure::Outcome;
use tracklet_analysis::Queries;

pub fn query(arguments: &QueryArguments) -> Outcome {
    OfFiles::Query.refuse(arguments.target.as_deref())?;
    let results = Queries::open(&output_folder(&arguments.place)?)?;
    answer(results.query(&arguments.sql)?, &arguments.answer)
}
