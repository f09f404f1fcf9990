//! Tracks in columns, their strings stored once.

use crate::carried::{
    Carried, CarriedColumn, CarriedValues, KnownValues, NO_NUMBER, NO_TRUTH, TextValues, UnreadNumbers,
    truth_text,
};
use crate::deriver::Deriver;
use crate::event_id::{EventId, EventIds, stored_hash};
use crate::from_row::Maker;
use crate::gate::{Accepted, Gate, GateColumns, Known, NO_TIME, Names, Rejected};
use crate::intern::{Interner, Last, NONE, renumber};
use crate::registry::{self, CarriedSpec};
use crate::time::FIRST_LIKELY;
use arrow::array::RecordBatch;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rows of a full chunk. The low 16 bits of a [`Row`] say where in its chunk it is.
pub(crate) const CHUNK_ROWS: usize = 1 << 16;
/// Rows that go through the gate together: few enough to stay in a core's cache.
const ROWS_AT_ONCE: usize = 1 << 10;
/// A chunk is closed early when its event ids hold this much text.
const CHUNK_TEXT_BYTES: usize = 1 << 30;

/// Names a track for as long as its [`Tracks`] live: chunk number and place in the chunk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row(u32);

impl Row {
    /// The row at `place` of chunk `chunk`.
    pub(crate) fn new(chunk: usize, place: usize) -> Self {
        Self((chunk as u32) << 16 | place as u32)
    }

    pub(crate) fn chunk(self) -> usize {
        (self.0 >> 16) as usize
    }

    pub(crate) fn place(self) -> usize {
        (self.0 & 0xFFFF) as usize
    }
}

/// The texts that the numbers of chunks stand for.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'a> {
    pub(crate) ids: &'a Interner,
    pub(crate) names: &'a Interner,
    pub(crate) values: &'a Interner,
}

/// The text of this number, if it is one.
pub(crate) fn text_of(texts: &Interner, number: u32) -> Option<&str> {
    (number != NONE).then(|| texts.get(number))
}

/// Up to [`CHUNK_ROWS`] tracks. Ids and names are interned, [`NONE`] where there is none.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) event_ids: EventIds,
    pub(crate) anonymous_ids: Vec<u32>,
    pub(crate) user_ids: Vec<u32>,
    pub(crate) events: Vec<u32>,
    /// Microseconds, valid ones only.
    pub(crate) timestamps: Vec<i64>,
    /// Microseconds or [`NO_TIME`].
    pub(crate) received: Vec<i64>,
    pub(crate) carried: Carried,
}

impl Chunk {
    /// No tracks, with capacity for this many, which carry these columns.
    fn with_capacity(rows: usize, carried: &[CarriedSpec]) -> Self {
        Self {
            event_ids: EventIds::with_capacity(rows),
            anonymous_ids: Vec::with_capacity(rows),
            user_ids: Vec::with_capacity(rows),
            events: Vec::with_capacity(rows),
            timestamps: Vec::with_capacity(rows),
            received: Vec::with_capacity(rows),
            carried: Carried::new(carried),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.timestamps.len()
    }

    fn is_full(&self) -> bool {
        self.len() == CHUNK_ROWS || self.event_ids.text_bytes() >= CHUNK_TEXT_BYTES
    }

    /// The rows that stay.
    fn filtered(&self, stays: &[bool]) -> Self {
        let mut filtered = Self::default();
        for place in (0..self.len()).filter(|place| stays[*place]) {
            filtered.push_from(self, place);
        }
        filtered
    }

    /// The id that is made of a row, without a number.
    pub(crate) fn made_id<'m>(
        &self,
        place: usize,
        maker: &'m mut Maker,
        texts: Strings<'_>,
        carried: &[CarriedSpec],
    ) -> &'m str {
        let received_at = self.received[place];
        maker.start();
        maker
            .text(text_of(texts.ids, self.anonymous_ids[place]))
            .text(text_of(texts.ids, self.user_ids[place]));
        maker.text(text_of(texts.names, self.events[place])).number(Some(self.timestamps[place].into()));
        maker.number((received_at != NO_TIME).then_some(received_at.into()));
        if carried.first().is_none_or(|column| column.name != registry::EVENT_TYPE) {
            maker.track();
        }
        for column in &self.carried.0 {
            match column {
                CarriedColumn::Texts(numbers) => maker.text(text_of(texts.values, numbers[place])),
                CarriedColumn::Numbers(numbers) => {
                    maker.number(Some(numbers[place]).filter(|number| *number != NO_NUMBER))
                }
                CarriedColumn::Truths(truths) => maker.text(truth_text(truths[place])),
            };
        }
        maker.id()
    }

    /// Adds a row of another chunk.
    pub(crate) fn push_from(&mut self, other: &Self, place: usize) {
        self.event_ids.push_id(other.event_ids.get(place));
        self.anonymous_ids.push(other.anonymous_ids[place]);
        self.user_ids.push(other.user_ids[place]);
        self.events.push(other.events[place]);
        self.timestamps.push(other.timestamps[place]);
        self.received.push(other.received[place]);
        self.carried.push_from(&other.carried, place);
    }

    /// Adds all rows of another chunk.
    pub(crate) fn append(&mut self, other: &Self) {
        self.event_ids.append(&other.event_ids);
        self.anonymous_ids.extend_from_slice(&other.anonymous_ids);
        self.user_ids.extend_from_slice(&other.user_ids);
        self.events.extend_from_slice(&other.events);
        self.timestamps.extend_from_slice(&other.timestamps);
        self.received.extend_from_slice(&other.received);
        self.carried.append(&other.carried);
    }

    /// Takes every interned number to its new one.
    pub(crate) fn renumber(&mut self, ids: &[u32], names: &[u32], values: &[u32]) {
        self.renumber_ids(ids);
        renumber(&mut self.events, names);
        self.carried.renumber(values);
    }

    /// Takes the numbers of ids to new ones.
    fn renumber_ids(&mut self, ids: &[u32]) {
        renumber(&mut self.anonymous_ids, ids);
        renumber(&mut self.user_ids, ids);
    }
}

/// How many tracks a builder had, for [`TracksBuilder::rewind`].
#[derive(Debug, Clone)]
pub struct Mark {
    chunks: usize,
    /// Tracks of the last chunk.
    last: usize,
    rows: u64,
    unread: Vec<UnreadNumbers>,
    doubtful_times: DoubtfulTimes,
}

/// Tracks under construction, one builder a reading thread.
#[derive(Debug)]
pub struct TracksBuilder {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) ids: Interner,
    pub(crate) names: Interner,
    /// Texts of carried columns.
    pub(crate) values: Interner,
    /// Original event names seen, and the name each is normalised to.
    pub(crate) originals: Interner,
    normalised: Vec<u32>,
    gate: Gate,
    pub(crate) deriver: Deriver,
    dictionaries: Dictionaries,
    /// How many ids were ignored, by the place of the word in the rule.
    ignored: Vec<u64>,
    /// By carried column: values of its rows that are not of its type.
    unread: Vec<UnreadNumbers>,
    doubtful_times: DoubtfulTimes,
    pub(crate) rows: u64,
}

/// Tracks whose time is a number that is hardly meant to count [`Gate::time_unit`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DoubtfulTimes {
    /// How many there are.
    pub tracks: u64,
    /// The greatest of the numbers.
    pub example: Option<i64>,
}

impl DoubtfulTimes {
    fn add(&mut self, number: i64) {
        self.merge(Self { tracks: 1, example: Some(number) });
    }

    /// Takes in those of other tracks.
    pub fn merge(&mut self, others: Self) {
        self.tracks += others.tracks;
        self.example = self.example.max(others.example);
    }
}

impl TracksBuilder {
    /// The hashes of the event ids as state stores them, in the order of the tracks.
    pub fn event_id_hashes(&self) -> impl Iterator<Item = i64> + '_ {
        let mut text = Vec::new();
        let places = self.chunks.iter().flat_map(|chunk| (0..chunk.len()).map(move |place| (chunk, place)));
        places.map(move |(chunk, place)| {
            text.clear();
            chunk.event_ids.get(place).append_to(&mut text);
            stored_hash(&text)
        })
    }

    /// A builder whose rows come through `gate`.
    pub fn new(gate: Gate) -> Self {
        Self {
            ignored: vec![0; gate.ignored_ids.rule().len()],
            unread: vec![UnreadNumbers::default(); gate.carried.len()],
            deriver: Deriver::new(&gate.carried, &gate.inputs),
            dictionaries: Dictionaries::new(&gate),
            chunks: Vec::new(),
            ids: Interner::default(),
            names: Interner::default(),
            values: Interner::default(),
            originals: Interner::default(),
            normalised: Vec::new(),
            doubtful_times: DoubtfulTimes::default(),
            gate,
            rows: 0,
        }
    }

    /// The tracks so far in a builder of their own. What was counted of other rows stays.
    pub(crate) fn take(&mut self) -> Self {
        let counted = Self {
            ignored: std::mem::take(&mut self.ignored),
            unread: std::mem::take(&mut self.unread),
            doubtful_times: std::mem::take(&mut self.doubtful_times),
            ..Self::new(self.gate.clone())
        };
        std::mem::replace(self, counted)
    }

    /// How many ids were taken for none, by the word that they are, with rows that were rejected for it.
    pub fn ignored_ids(&self) -> BTreeMap<String, u64> {
        let rule = self.gate.ignored_ids.rule().into_iter();
        rule.zip(self.ignored.iter().copied()).filter(|(_, ids)| *ids > 0).collect()
    }

    /// By carried column of numbers: the values of its tracks that are none. Columns without any are absent.
    pub fn unread_numbers(&self) -> BTreeMap<String, UnreadNumbers> {
        let columns = self.gate.carried.iter().map(|column| column.name.clone());
        columns.zip(self.unread.iter().cloned()).filter(|(_, unread)| unread.values > 0).collect()
    }

    /// The tracks whose time is a number that is hardly meant to count the unit.
    pub fn doubtful_times(&self) -> DoubtfulTimes {
        self.doubtful_times
    }

    /// How many tracks there are now, for tracks that may be taken back.
    pub fn mark(&self) -> Mark {
        Mark {
            chunks: self.chunks.len(),
            last: self.chunks.last().map_or(0, Chunk::len),
            rows: self.rows,
            unread: self.unread.clone(),
            doubtful_times: self.doubtful_times,
        }
    }

    /// Takes back the tracks that came since the mark. Their ids and names stay known, and are of no track.
    ///
    /// # Cost
    /// The chunk of the mark is copied.
    pub fn rewind(&mut self, mark: &Mark) {
        self.chunks.truncate(mark.chunks);
        if let Some(chunk) = self.chunks.last_mut()
            && chunk.len() > mark.last
        {
            let stays: Vec<bool> = (0..chunk.len()).map(|place| place < mark.last).collect();
            *chunk = chunk.filtered(&stays);
        }
        self.rows = mark.rows;
        self.unread.clone_from(&mark.unread);
        self.doubtful_times = mark.doubtful_times;
    }

    /// The columns that its tracks carry.
    pub fn carried(&self) -> &[CarriedSpec] {
        &self.gate.carried
    }

    /// How many tracks came through the gate.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many ids the tracks pushed so far have, of devices and of users.
    pub fn ids(&self) -> usize {
        self.ids.len()
    }

    /// Leaves out the tracks whose (anonymous id, user id) `keep` does not hold for; answers how many.
    ///
    /// # Cost
    /// One call a track; the columns are rebuilt where a row is deleted.
    pub fn retain(&mut self, keep: impl Fn(Option<&str>, Option<&str>) -> bool) -> u64 {
        let ids = &self.ids;
        let text = |number: u32| (number != NONE).then(|| ids.get(number));
        let before = self.rows;
        for chunk in &mut self.chunks {
            let stays: Vec<bool> = (chunk.anonymous_ids.iter().zip(&chunk.user_ids))
                .map(|(anonymous_id, user_id)| keep(text(*anonymous_id), text(*user_id)))
                .collect();
            if stays.contains(&false) {
                self.rows -= stays.iter().filter(|stays| !**stays).count() as u64;
                *chunk = chunk.filtered(&stays);
            }
        }
        self.chunks.retain(|chunk| chunk.len() > 0);
        before - self.rows
    }

    /// Takes the rows of `batch` that are tracks; answers those that are not, in row order.
    ///
    /// In: columns named `event_id`, `anonymous_id`, `user_id`, `event` or else `event_text` (an original name,
    /// to be normalised), `timestamp`, `received_at`. Absent columns are null. Ids and names are text, dictionaries
    /// of text, or numbers; values of other types are [`Reason::InvalidText`](crate::gate::Reason::InvalidText). Times are timestamps of any unit, text as
    /// [`time::parse`](crate::time::parse) takes it, or with [`Gate::time_unit`] whole numbers; values of other
    /// types are [`Reason::BadTimestamp`](crate::gate::Reason::BadTimestamp). Carried columns have their own names, which several columns may have: the first that has a value
    /// in a row counts. A value that is not of its column's type is null. Columns of truths are booleans. [Derived](crate::derived) columns are
    /// made from those of their inputs.
    pub fn push(&mut self, batch: &RecordBatch) -> Vec<Rejected> {
        let columns = GateColumns::new(batch, &self.gate);
        let mut rejected = Vec::new();
        let mut known = Known {
            carried: vec![Last::default(); columns.carried.len()],
            inputs: vec![Last::default(); columns.inputs.len()],
            ..Known::default()
        };
        let mut accepted = Vec::with_capacity(ROWS_AT_ONCE);
        for start in (0..batch.num_rows()).step_by(ROWS_AT_ONCE) {
            accepted.clear();
            for row in start..batch.num_rows().min(start + ROWS_AT_ONCE) {
                match columns.accept(row, &self.gate, &mut self.ignored) {
                    Ok(track) => {
                        if track.timestamp < FIRST_LIKELY
                            && let Some(number) = columns.timestamp.doubtful(row)
                        {
                            self.doubtful_times.add(number);
                        }
                        accepted.push(track);
                    }
                    Err(reason) => rejected.push(Rejected { row, reason }),
                }
            }
            self.add(&accepted, &columns, &mut known);
        }
        rejected
    }

    /// Adds tracks a column at a time: look-ups of one kind next to each other wait for memory together.
    fn add<'a>(&mut self, mut tracks: &[Accepted<'a>], columns: &'a GateColumns, known: &mut Known<'a>) {
        while !tracks.is_empty() {
            if self.chunks.last().is_none_or(Chunk::is_full) {
                assert!(self.chunks.len() < CHUNK_ROWS, "at most 2^32 tracks in one builder");
                self.chunks.push(Chunk::with_capacity(CHUNK_ROWS, &self.gate.carried));
            }
            let mut chunk = self.chunks.pop().expect("one was pushed");
            let (fitting, others) = tracks.split_at(tracks.len().min(CHUNK_ROWS - chunk.len()));
            if !self.gate.ids_from_rows {
                for track in fitting {
                    chunk.event_ids.push(track.event_id);
                }
            }
            let Known { anonymous_id, user_id, event, carried, inputs } = known;
            self.ids.intern_column(
                fitting,
                |track| track.anonymous_id,
                anonymous_id,
                &mut chunk.anonymous_ids,
            );
            self.ids.intern_column(fitting, |track| track.user_id, user_id, &mut chunk.user_ids);
            match columns.names {
                Names::Warehouse => {
                    self.names.intern_column(fitting, |track| track.event, event, &mut chunk.events);
                }
                Names::Original => {
                    let number = |track: &Accepted| track.event.map_or(NONE, |name| self.normalise(name));
                    chunk.events.extend(fitting.iter().map(number));
                }
            }
            chunk.timestamps.extend(fitting.iter().map(|track| track.timestamp));
            chunk.received.extend(fitting.iter().map(|track| track.received_at));
            // Of evidence the first column stays, which is its type.
            let evidence = columns.evidence(&self.gate);
            let carried = chunk.carried.0.iter_mut().zip(&columns.carried).zip(carried).zip(&mut self.unread);
            for (place, (((column, values), last), unread)) in carried.enumerate() {
                let is_kept = |row: usize| place == 0 || !evidence.has(row);
                match (column, values) {
                    (CarriedColumn::Texts(numbers), CarriedValues::Texts(texts)) => {
                        let known = &mut self.dictionaries.carried[place];
                        intern_texts(texts, fitting, is_kept, known, &mut self.values, last, numbers);
                    }
                    (CarriedColumn::Numbers(numbers), CarriedValues::Numbers(values)) => {
                        let number = |row: usize| if is_kept(row) { values.values[row] } else { NO_NUMBER };
                        numbers.extend(fitting.iter().map(|track| number(track.row)));
                        let rows = fitting.iter().map(|track| track.row);
                        values.note_unread(rows.filter(|row| is_kept(*row)), unread);
                    }
                    (CarriedColumn::Truths(truths), CarriedValues::Truths(values)) => {
                        let truth = |row: usize| if is_kept(row) { values[row] } else { NO_TRUTH };
                        truths.extend(fitting.iter().map(|track| truth(track.row)));
                    }
                    (_, CarriedValues::Derived) => {}
                    _ => unreachable!("both were made of one list"),
                }
            }
            let known = inputs.iter_mut().zip(&mut self.dictionaries.inputs);
            let numbers = columns.inputs.iter().zip(known).map(|(texts, (last, known))| {
                let mut numbers = Vec::with_capacity(fitting.len());
                intern_texts(texts, fitting, |_| true, known, &mut self.deriver.texts, last, &mut numbers);
                numbers
            });
            let numbers: Vec<Vec<u32>> = numbers.collect();
            self.deriver.derive(fitting.len(), &mut chunk.carried, &numbers, &mut self.values);
            if !self.gate.evidence.is_empty() {
                // A chunk takes in several groups of rows.
                let first = chunk.len() - fitting.len();
                for (place, _) in fitting.iter().enumerate().filter(|(_, track)| evidence.has(track.row)) {
                    chunk.carried.clear_behind_first(first + place);
                }
            }
            if self.gate.ids_from_rows {
                let texts = Strings { ids: &self.ids, names: &self.names, values: &self.values };
                let mut maker = Maker::default();
                for place in chunk.len() - fitting.len()..chunk.len() {
                    let id = chunk.made_id(place, &mut maker, texts, &self.gate.carried);
                    chunk.event_ids.push(id);
                }
            }
            self.rows += fitting.len() as u64;
            self.chunks.push(chunk);
            tracks = others;
        }
    }

    /// The number of the normalised name; each original is normalised once.
    fn normalise(&mut self, original: &str) -> u32 {
        let number = self.originals.intern(original) as usize;
        if number == self.normalised.len() {
            let name = self.gate.event_names.normalise(original);
            self.normalised.push(name.map_or(NONE, |name| self.names.intern(&name)));
        }
        self.normalised[number]
    }
}

/// What is known of the dictionaries that texts came in.
#[derive(Debug)]
struct Dictionaries {
    /// By carried column.
    carried: Vec<KnownValues>,
    /// By input of derived columns.
    inputs: Vec<KnownValues>,
}

impl Dictionaries {
    fn new(gate: &Gate) -> Self {
        let known = |columns: usize| (0..columns).map(|_| KnownValues::default()).collect();
        Self { carried: known(gate.carried.len()), inputs: known(gate.inputs.len()) }
    }
}

/// Adds the numbers of the texts of these rows, [`NONE`] for those that are not kept.
fn intern_texts<'a>(
    texts: &'a TextValues,
    rows: &[Accepted<'a>],
    is_kept: impl Fn(usize) -> bool,
    known: &mut KnownValues,
    interner: &mut Interner,
    last: &mut Last<'a>,
    numbers: &mut Vec<u32>,
) {
    match texts {
        TextValues::Plain(texts) => {
            let text = |track: &Accepted| texts.get(track.row).filter(|_| is_kept(track.row));
            interner.intern_column(rows, text, last, numbers);
        }
        TextValues::Keyed(texts) => {
            let rows = rows.iter().map(|track| Some(track.row).filter(|row| is_kept(*row)));
            known.intern(texts, rows, interner, numbers);
        }
    }
}

/// The tracks of a run, in the order of arrival, which means nothing.
#[derive(Debug, Default)]
pub struct Tracks {
    pub(crate) chunks: Vec<Chunk>,
    /// Anonymous and user ids together: both are aliases, and a visitor is called by either.
    pub(crate) ids: Interner,
    pub(crate) names: Interner,
    /// Texts of carried columns.
    pub(crate) values: Interner,
}

impl Tracks {
    /// All tracks of `builders`, under common numbers.
    ///
    /// # Cost
    /// One look-up per distinct string of every builder but the largest, one pass over its numbers.
    pub fn merge(mut builders: Vec<TracksBuilder>) -> Self {
        // The largest table is the one not to touch again.
        builders.sort_by_key(|builder| std::cmp::Reverse(builder.ids.len()));
        let mut tracks = Self::default();
        for (position, mut builder) in builders.into_iter().enumerate() {
            if position == 0 {
                (tracks.ids, tracks.names, tracks.values) = (builder.ids, builder.names, builder.values);
            } else {
                let ids = tracks.ids.absorb(&builder.ids);
                let names = tracks.names.absorb(&builder.names);
                let values = tracks.values.absorb(&builder.values);
                builder.chunks.par_iter_mut().for_each(|chunk| chunk.renumber(&ids, &names, &values));
            }
            tracks.chunks.append(&mut builder.chunks);
        }
        assert!(tracks.chunks.len() <= CHUNK_ROWS, "at most 2^32 tracks");
        tracks
    }

    /// All tracks of `builders`, the ids numbered as in `ids`, new ones behind them.
    pub(crate) fn merge_onto(ids: Interner, builders: Vec<TracksBuilder>) -> Self {
        let mut tracks = Self { ids, ..Self::default() };
        for builder in builders {
            tracks.append(builder);
        }
        tracks
    }

    /// Takes in the tracks of `builder`.
    pub fn add(&mut self, builder: TracksBuilder) {
        self.append(builder);
    }

    /// Takes in the tracks of `builder` behind all others; answers their chunks.
    pub(crate) fn append(&mut self, mut builder: TracksBuilder) -> std::ops::Range<usize> {
        let ids = self.ids.absorb(&builder.ids);
        let names = self.names.absorb(&builder.names);
        let values = self.values.absorb(&builder.values);
        builder.chunks.par_iter_mut().for_each(|chunk| chunk.renumber(&ids, &names, &values));
        let start = self.chunks.len();
        self.chunks.append(&mut builder.chunks);
        assert!(self.chunks.len() <= CHUNK_ROWS, "at most 2^32 tracks");
        start..self.chunks.len()
    }

    /// Numbers the ids in the order of their bytes: who goes through visitors in order reads texts that lie one behind the
    /// other. No id may come in after that.
    ///
    /// # Cost
    /// One sort of the ids and one pass over their numbers.
    pub(crate) fn order_ids(&mut self) {
        let (ids, numbers) = self.ids.ordered();
        self.ids = ids;
        self.chunks.par_iter_mut().for_each(|chunk| chunk.renumber_ids(&numbers));
    }

    /// The rows of these chunks, in the order in which they were pushed.
    pub(crate) fn rows_of(&self, chunks: std::ops::Range<usize>) -> impl Iterator<Item = Row> + '_ {
        chunks.flat_map(|number| (0..self.chunks[number].len()).map(move |place| Row::new(number, place)))
    }

    /// A column of these rows.
    pub(crate) fn gather<T: Copy>(&self, rows: &[Row], column: impl Fn(&Chunk) -> &[T]) -> Vec<T> {
        let of_chunks: Vec<&[T]> = self.chunks.iter().map(column).collect();
        rows.iter().map(|row| of_chunks[row.chunk()][row.place()]).collect()
    }

    /// How many tracks there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(Chunk::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Names of the events seen, each once, in no order.
    pub fn event_names(&self) -> impl Iterator<Item = &str> {
        (0..self.names.len() as u32).map(|number| self.names.get(number))
    }

    pub(crate) fn event_id(&self, row: Row) -> EventId<'_> {
        self.chunks[row.chunk()].event_ids.get(row.place())
    }

    pub(crate) fn anonymous_id(&self, row: Row) -> Option<&str> {
        self.id(self.chunks[row.chunk()].anonymous_ids[row.place()])
    }

    pub(crate) fn user_id(&self, row: Row) -> Option<&str> {
        self.id(self.chunks[row.chunk()].user_ids[row.place()])
    }

    /// The number of the event's name, or [`NONE`].
    pub(crate) fn event(&self, row: Row) -> u32 {
        self.chunks[row.chunk()].events[row.place()]
    }

    pub(crate) fn event_name(&self, row: Row) -> Option<&str> {
        self.name(self.event(row))
    }

    pub(crate) fn timestamp(&self, row: Row) -> i64 {
        self.chunks[row.chunk()].timestamps[row.place()]
    }

    pub(crate) fn received_at(&self, row: Row) -> Option<i64> {
        let received_at = self.chunks[row.chunk()].received[row.place()];
        (received_at != NO_TIME).then_some(received_at)
    }

    /// The order of two rows by their carried columns, nulls last.
    pub(crate) fn compare_carried(&self, a: Row, b: Row) -> Ordering {
        let (of_a, of_b) = (&self.chunks[a.chunk()].carried.0, &self.chunks[b.chunk()].carried.0);
        let columns = of_a.iter().zip(of_b);
        columns.fold(Ordering::Equal, |order, (column, other)| {
            order.then_with(|| column.compare(a.place(), other, b.place(), &self.values))
        })
    }

    /// The event name's text, or `None` for [`NONE`].
    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        text_of(&self.names, number)
    }

    /// The id's text, or `None` for [`NONE`].
    pub(crate) fn id(&self, number: u32) -> Option<&str> {
        text_of(&self.ids, number)
    }
}
