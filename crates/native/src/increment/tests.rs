//! Runs on a disk in memory: whatever came in which run, the tables and the state are those of one run over everything.

mod carried;
mod crashes;
mod damage;
mod evidence;
mod forgetting;
mod from_row;
mod histories;
mod history;
mod limits;
mod linking;
mod regressions;
mod selections;
