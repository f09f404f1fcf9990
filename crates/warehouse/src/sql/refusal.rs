//! What a model says when it refuses, in the words of `tracklet.toml`: the models are dbt's too, and speak of its variables.

use tracklet_display::error::nearest;

/// How the models say which column they miss, and of which variable they speak.
const MAP_IT: &str = ". Map it: tracklet_columns: {";
const COLUMNS: &str = "; its columns are ";

/// The message, and what helps.
pub(super) fn in_own_words(message: &str) -> (String, Option<String>) {
    let Some((said, rest)) = message.split_once(MAP_IT) else { return (message.to_owned(), None) };
    let canonical = rest.split(':').next().unwrap_or(rest).trim();
    let key = match canonical {
        "loaded_at" | "partition_time" => format!("[source] {canonical}"),
        other => format!("[source.columns] {other}"),
    };
    let there = said.split_once(COLUMNS).map_or("", |(_, columns)| columns);
    let near = nearest(canonical, there.split(", "));
    let near = near.map_or_else(|| "...".to_owned(), |column| column.replace('"', "\\\""));
    (said.to_owned(), Some(format!("name the column in tracklet.toml: {key} = \"{near}\"")))
}

#[cfg(test)]
mod tests {
    use super::in_own_words;

    fn hint(message: &str) -> String {
        in_own_words(message).1.unwrap()
    }

    #[test]
    fn an_absent_column_is_mapped_in_the_own_file() {
        let message = "source table s.t has no column id or event_id (event_id); its columns are a, b. Map it: \
                       tracklet_columns: {event_id: its name}";
        let (said, hint) = in_own_words(message);
        assert_eq!(said, "source table s.t has no column id or event_id (event_id); its columns are a, b");
        assert_eq!(hint.unwrap(), "name the column in tracklet.toml: [source.columns] event_id = \"...\"");
    }

    #[test]
    fn the_nearest_column_is_proposed() {
        let message = "source table s.t has no column timestamp (timestamp); its columns are id, time_stamp. Map it: \
                       tracklet_columns: {timestamp: its name}";
        assert_eq!(
            hint(message),
            "name the column in tracklet.toml: [source.columns] timestamp = \"time_stamp\""
        );
        let message = "source table s.t has no column at (loaded_at); its columns are id. Map it: tracklet_columns: \
                       {loaded_at: its name}";
        assert_eq!(hint(message), "name the column in tracklet.toml: [source] loaded_at = \"...\"");
    }

    #[test]
    fn other_words_stay() {
        assert_eq!(in_own_words("no"), ("no".to_owned(), None));
    }
}
