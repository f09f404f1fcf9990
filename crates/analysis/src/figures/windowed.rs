//! Every event beside the visitor's event before and the one after.

use super::Selection;
use crate::tables::QueryDialect;

/// A query, in brackets, with a row for every event of the chosen sessions, from a table of tracks that has the
/// session, with `more` of its columns and:
///
/// `event`, `session_id`, `number` (which of its session's events it is), `gap_before` and `gap_after` (microseconds to the
/// visitor's neighboring events, also where those are in other sessions; null where there is none), `is_exit` (1 for a
/// session's last event, else 0), `steps_after` (how many of up to four following events are in its session).
///
/// # Cost
/// One pass over the events in the order in which the native engine has written them; elsewhere a sort.
pub(crate) fn windowed(
    dialect: &QueryDialect,
    selection: &Selection,
    table: &str,
    more: &[String],
) -> String {
    // A total order without comparing texts, which engines do differently: events of the same microsecond are always in
    // one session, and numbered there.
    let order = "over (partition by dbt_visitor_id order by timestamp, track_sequence_number)";
    let micros = dialect.micros("timestamp");
    let neighbor = |function: &str, what: &str, steps: u32| format!("{function}({what}, {steps}) {order}");
    let steps: Vec<String> = (1..=4)
        .map(|step| {
            let number = neighbor("lead", "track_sequence_number", step);
            format!("case when {number} = track_sequence_number + {step} then 1 else 0 end")
        })
        .collect();
    let next = neighbor("lead", "track_sequence_number", 1);
    let more: String = more.iter().map(|column| format!(", {column}")).collect();
    format!(
        "(select event, session_id, number, gap_before, gap_after, is_exit, steps_after{more} from (\
         select event, session_id, dbt_visitor_id, track_sequence_number as number, \
         {micros} - {before} as gap_before, {after} - {micros} as gap_after, \
         case when {next} > 1 then 0 else 1 end as is_exit, \
         {steps} as steps_after{more} \
         from {tracks}) every_track where {condition}) windowed",
        before = neighbor("lag", &micros, 1),
        after = neighbor("lead", &micros, 1),
        steps = steps.join(" + "),
        tracks = dialect.table(table),
        condition = selection.condition(dialect),
    )
}
