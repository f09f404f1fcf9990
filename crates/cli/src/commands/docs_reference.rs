//! `tracklet docs-reference`, for whoever changes the keys or the options.

use crate::arguments::ReferencePage;
use crate::failure::Outcome;
use crate::reference;
use crate::status::Status;
use std::io::Write;

pub fn docs_reference(page: ReferencePage) -> Outcome {
    let page = match page {
        ReferencePage::Configuration => tracklet_config::reference(),
        ReferencePage::Cli => reference::reference(),
        ReferencePage::WordLists => tracklet_config::word_lists(),
        ReferencePage::WordListsSql => tracklet_config::word_lists_of_models(),
        ReferencePage::Tables => tracklet_native::results::reference(),
    };
    std::io::stdout().lock().write_all(page.as_bytes())?;
    Ok(Status::Done)
}
