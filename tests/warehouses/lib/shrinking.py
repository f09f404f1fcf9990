"""The least input that still fails, for people to read."""

import time


class Shrinker:
    """Tries smaller inputs until none fails, or the time is up.

    An input is a list of batches of rows; `fails` runs one and gives the lines that say what differs.
    """

    def __init__(self, fails, seconds):
        self.fails, self.deadline = fails, time.monotonic() + seconds
        self.tried = 0

    def shrink(self, batches, lines):
        """The smallest input found, and what differs with it."""
        best = batches, lines
        # The history that fails, the batches that are needed, the rows, and what stands in them.
        for smaller in (fewer_histories, fewer_batches, fewer_rows, plainer_rows):
            best = self.descend(smaller, *best)
        return best

    def descend(self, smaller, batches, lines):
        found = True
        while found:
            found = False
            for candidate in smaller(batches):
                if time.monotonic() > self.deadline:
                    return batches, lines
                if not any(candidate):
                    continue
                self.tried += 1
                wrong = self.fails(candidate)
                if wrong:
                    batches, lines, found = candidate, wrong, True
                    break
        return batches, lines


def history_of(row):
    """The number in front of a row's ids, or None."""
    ids = (row["event_id"], row["anonymous_id"], row["user_id"])
    return next((text.split("|")[0] for text in ids if text and "|" in text), None)


def fewer_histories(batches):
    """Halves of the histories, then quarters, and so on."""
    histories = sorted({history_of(row) or "" for batch in batches for row in batch})
    size = len(histories)
    while size > 1:
        size = (size + 1) // 2
        for start in range(0, len(histories), size):
            kept = set(histories[start:start + size])
            yield [[row for row in batch if (history_of(row) or "") in kept] for batch in batches]


def fewer_batches(batches):
    """Without the last, then with two neighbors as one."""
    if len(batches) > 1:
        yield batches[:-1]
        for place in range(len(batches) - 1):
            yield [*batches[:place], batches[place] + batches[place + 1], *batches[place + 2:]]


def fewer_rows(batches):
    """Without one row."""
    for number, batch in enumerate(batches):
        for place in range(len(batch)):
            yield [*batches[:number], batch[:place] + batch[place + 1:], *batches[number + 1:]]


def plainer_rows(batches):
    """With one null more, in a column that may be null."""
    for number, batch in enumerate(batches):
        for place, row in enumerate(batch):
            for column in ("received_at", "event", "user_id", "anonymous_id"):
                if row[column] is not None:
                    plainer = [*batch[:place], row | {column: None}, *batch[place + 1:]]
                    yield [*batches[:number], plainer, *batches[number + 1:]]


def readable(batches, as_text):
    """Lines that show the rows; `as_text` writes a time."""
    for number, batch in enumerate(batches, 1):
        yield f"  batch {number}{'' if batch else ': nothing'}"
        for row in batch:
            texts = [repr(row[name] and row[name][:60]) for name in ("event_id", "anonymous_id", "user_id", "event")]
            times = [as_text(row[name]) for name in ("timestamp", "received_at")]
            yield f"    {', '.join(texts)} at {times[0]}, received {times[1]}"
