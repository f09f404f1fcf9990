//! `tracklet query`

use super::{answer::answer, output_folder};
use crate::arguments::QueryArguments;
use crate::failure::Outcome;
use tracklet_engine::results::Results;

pub fn query(arguments: &QueryArguments) -> Outcome {
    let results = Results::open(&output_folder(&arguments.place)?)?;
    answer(results.query(&arguments.sql)?, &arguments.answer)
}
