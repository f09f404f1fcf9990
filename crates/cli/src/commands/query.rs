//! `tracklet query`

use super::of_files::OfFiles;
use super::{answer::answer, output_folder};
use crate::arguments::QueryArguments;
use crate::failure::Outcome;
use tracklet_engine::results::Results;

pub fn query(arguments: &QueryArguments) -> Outcome {
    OfFiles::Query.refuse(arguments.target.as_deref())?;
    let results = Results::open(&output_folder(&arguments.place)?)?;
    answer(results.query(&arguments.sql)?, &arguments.answer)
}
