//! The tables, by their names. What they hold is in [`tables`](crate::tables).

/// A table of the contract that the kernel fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `dbt_aliases_mapping`: every alias and its visitor.
    AliasesMapping,
    /// `dbt_mapped_tracks`: every track with its visitor and idle time.
    MappedTracks,
    /// `dbt_session_tracks`: every session and where it starts.
    SessionTracks,
    /// `dbt_track_facts`: every track with its session.
    TrackFacts,
    /// `dbt_session_track_facts`: what happened in every session.
    SessionTrackFacts,
    /// `dbt_user_session_facts`: every visitor's sessions.
    UserSessionFacts,
    /// `dbt_session_duration`: how long every session lasted.
    SessionDuration,
    /// `dbt_tracks_flow`: every track with the events that follow it.
    TracksFlow,
    /// `tracklet_duplicates`: the rows dropped as duplicates.
    Duplicates,
    /// `tracklet_rejects`: the rows that are no tracks. Filled by who reads them.
    Rejects,
    /// `tracklet_events`: every event with its session and its columns. Only with [`Rules::events`](crate::rules::Rules::events).
    Events,
    /// `tracklet_sessions`: every session with the reason for which it opens. Only with [`Rules::events`](crate::rules::Rules::events).
    Sessions,
}

impl Table {
    /// The tables that every run makes, those of the reference project first.
    pub const ALWAYS: [Self; 10] = [
        Self::AliasesMapping,
        Self::MappedTracks,
        Self::SessionTracks,
        Self::TrackFacts,
        Self::SessionTrackFacts,
        Self::UserSessionFacts,
        Self::SessionDuration,
        Self::TracksFlow,
        Self::Duplicates,
        Self::Rejects,
    ];

    /// The tables of events and sessions.
    pub const OF_EVENTS: [Self; 2] = [Self::Events, Self::Sessions];

    /// The table of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALWAYS.into_iter().chain(Self::OF_EVENTS).find(|table| table.name() == name)
    }

    /// The table's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AliasesMapping => "dbt_aliases_mapping",
            Self::MappedTracks => "dbt_mapped_tracks",
            Self::SessionTracks => "dbt_session_tracks",
            Self::TrackFacts => "dbt_track_facts",
            Self::SessionTrackFacts => "dbt_session_track_facts",
            Self::UserSessionFacts => "dbt_user_session_facts",
            Self::SessionDuration => "dbt_session_duration",
            Self::TracksFlow => "dbt_tracks_flow",
            Self::Duplicates => "tracklet_duplicates",
            Self::Rejects => "tracklet_rejects",
            Self::Events => "tracklet_events",
            Self::Sessions => "tracklet_sessions",
        }
    }
}
