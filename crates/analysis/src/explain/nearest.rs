//! Ids that are nearly what was asked for.

use crate::tables::{Tables, TablesError};

/// How many are offered.
const OFFERED: usize = 3;
/// How many are compared letter by letter.
const COMPARED: usize = 2_000;

/// The ids in a column of some tables that are most like `id`, the nearest first.
///
/// A slip of the hand leaves one end of an id as it was. Ids that share an end are found by the tables, a long end first,
/// and only these are compared letter by letter.
pub(super) fn nearest(
    tables: &dyn Tables,
    columns: &[(&str, &str)],
    id: &str,
) -> Result<Vec<String>, TablesError> {
    let dialect = tables.dialect();
    let letters: Vec<char> = id.chars().collect();
    let ends = [letters.len() / 2, letters.len() / 4, 1];
    for end in ends.into_iter().filter(|end| *end > 0 && *end <= letters.len()) {
        let start: String = letters[..end].iter().collect();
        let tail: String = letters[letters.len() - end..].iter().collect();
        let mut found: Vec<(f64, String)> = Vec::new();
        for (table, column) in columns {
            let answer = tables.ask(&format!(
                "select distinct {column} as id from {table} where {column} is not null and (\
                 lower({column}) = {lower} or substr({column}, 1, {end}) = {start} or (length({column}) >= {end} and \
                 substr({column}, length({column}) - {before}, {end}) = {tail})) order by id limit {COMPARED}",
                table = dialect.table(table),
                lower = dialect.text(&id.to_lowercase()),
                start = dialect.text(&start),
                tail = dialect.text(&tail),
                before = end - 1,
            ))?;
            for row in answer.rows() {
                let known = row.word(0)?;
                let likeness =
                    strsim::normalized_damerau_levenshtein(&id.to_lowercase(), &known.to_lowercase());
                if likeness >= 0.5 && !found.iter().any(|(_, other)| *other == known) {
                    found.push((likeness, known));
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        if !found.is_empty() {
            return Ok(found.into_iter().take(OFFERED).map(|(_, known)| known).collect());
        }
    }
    Ok(Vec::new())
}
