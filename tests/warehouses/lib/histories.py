"""Random histories of canonical rows, small and full of the cases that differ between engines."""

import os
import random
from datetime import date

from lib.definition import DAY, MINUTE, RANGE

# Of whatever is random: `./test.sh --random` takes another one, and says which.
SEED = os.environ.get("TRACKLET_TEST_SEED", "1")

# Text that locales order unlike bytes, that escapes can break, and that trimming would change.
SUFFIXES = ["a", "B", "A", "b", "_", "é", "Z", "-1", "😀", " ", "'", '"', "\\", "\\'", "`", ";--", "a ", "%s", "{{ x }}"]
# Ids that stand for none, by one rule or another, and some that only look so.
NO_IDS = [
    "null", " NULL ", "(null)", "None", "NaN", "undefined", "n/a", "\\N", "[object Object]", "\tnull", "nulls",
    "00000000-0000-0000-0000-000000000000", "0" * 32, "unknown", "Guest", "(not set)", "-1", "0", "0-0 ", "-", "It's ", "O\\N",
]
EVENTS = [
    "viewed_product", "signup", "Signup", "it's", 'say "hi"', "back\\slash", "\\'; drop", "tab\there",
    "new\nline", "naïve", "", None, "x " * 300,
]
GAPS = [
    0, 0, 0, 1, 999_999, MINUTE, 90_000_000, 90_000_001, 30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1,
    31 * MINUTE - 1, 31 * MINUTE, 60 * MINUTE, 61 * MINUTE - 1, 61 * MINUTE, 45 * DAY, 40_000 * DAY - 1,
]
OUT_OF_RANGE = [-1, RANGE[1], RANGE[1] + 1, -DAY, 8_100 * 366 * DAY, "infinity", "-infinity"]
YEAR_2026 = (date(2026, 1, 4) - date(1970, 1, 1)).days * DAY


def history(number, seed, size):
    """About `size` rows. Every id has the history's number in front, so that many fit in one table."""
    draw = random.Random(f"{seed}/{number}")
    ids = [f"h{number}|{suffix}" for suffix in draw.sample(SUFFIXES, 6)]
    if draw.random() < 0.1:
        ids[0] += "k" * 1024
    # Some ids are a device's and a user's, so that an alias leads to an alias.
    devices, users = ids[:4], ids[2:]
    # A tick before the minute shows who counts boundaries instead of whole minutes.
    time = draw.choice([0, YEAR_2026 + 59_999_999, YEAR_2026, RANGE[1] - 45 * DAY, YEAR_2026 + 500_000])
    rows = []
    for place in range(draw.randint(1, 2 * size)):
        if rows and draw.random() < 0.15:
            copy = dict(draw.choice(rows))
            changed = draw.choice(["received_at", "anonymous_id", "user_id", "event", "timestamp", "none"])
            if changed == "timestamp" and isinstance(copy["timestamp"], int):
                copy["timestamp"] += draw.choice([1, -1, MINUTE])
            elif changed == "received_at":
                copy["received_at"] = draw.choice([None, time, time + 1])
            elif changed == "event":
                copy["event"] = draw.choice(EVENTS)
            elif changed != "none":
                copy[changed] = draw.choice([None, "", *ids])
            rows.append(copy)
            continue
        time += draw.choice(GAPS)
        rows.append({
            "event_id": f"h{number}|{draw.choice(SUFFIXES)}{place if draw.random() < 0.9 else ''}",
            "anonymous_id": draw.choice([*devices, *devices, None, ""]),
            "user_id": draw.choice([*users, None, None, None, ""]),
            "event": draw.choice(EVENTS),
            "timestamp": min(time, RANGE[1] - 1),
            "received_at": draw.choice([None, time, time + 5, -1, *([RANGE[1]] if place % 7 == 0 else [])]),
        })
    for row in rows:
        if draw.random() < 0.03:
            row["timestamp"] = draw.choice([None, *OUT_OF_RANGE])
        if draw.random() < 0.01:
            row["event_id"] = draw.choice([None, ""])
        if draw.random() < 0.02:
            row[draw.choice(["anonymous_id", "user_id"])] = draw.choice(NO_IDS)
        if draw.random() < 0.005:
            row[draw.choice(["event_id", "anonymous_id", "user_id", "event"])] = draw.choice(["\0", "a\0b"])
    draw.shuffle(rows)
    return rows


# Names of people and their things, some of both kinds: a device that has the name of a user, or is one.
DEVICES, USERS = ["phone", "tablet", "ann"], ["ann", "bob", "phone", "Zoë"]
STEPS = [0, 1, MINUTE, 10 * MINUTE, 30 * MINUTE, 31 * MINUTE - 1, 31 * MINUTE, 32 * MINUTE, DAY]


def story(number, draw):
    """A dozen rows of a few people who share devices, log in, and come back around the timeout, whose clocks jump and
    whose events come again, changed or not."""
    devices = draw.sample(DEVICES, draw.choice([1, 2, 2, 3]))
    users = draw.sample(USERS, draw.choice([1, 2, 3]))
    logged_in = {}
    time, rows = YEAR_2026, []
    for place in range(draw.randint(1, 20)):
        if rows and draw.random() < 0.25:
            rows.append(again(dict(draw.choice(rows)), draw, number, devices, users))
            continue
        device = draw.choice(devices)
        time += draw.choice(STEPS)
        if draw.random() < 0.1:
            # A clock that jumps, back or ahead.
            time += draw.choice([-2 * DAY, -31 * MINUTE, -MINUTE, 400 * DAY])
        if draw.random() < 0.3:
            logged_in[device] = draw.choice([None, *users])
        user = logged_in.get(device)
        rows.append({
            "event_id": f"h{number}|e{place}",
            "anonymous_id": None if user and draw.random() < 0.15 else f"h{number}|{device}",
            "user_id": user and f"h{number}|{user}",
            "event": draw.choice(["viewed_product", "signup", "paid", None]),
            "timestamp": time,
            "received_at": draw.choice([None, time + 5, time + DAY]),
        })
    if draw.random() < 0.1:
        draw.choice(rows)[draw.choice(["timestamp", "event_id"])] = None
    return rows


def again(row, draw, number, devices, users):
    """A row that is delivered once more: the same, or one that takes its place or does not."""
    changed = draw.choice(["none", "none", "timestamp", "timestamp", "event", "user_id", "anonymous_id", "received_at"])
    if changed == "timestamp" and row["timestamp"] is not None:
        row["timestamp"] += draw.choice([-1, 1, -31 * MINUTE, 31 * MINUTE, -DAY])
    elif changed == "event":
        row["event"] = draw.choice(["paid", "an_event", "zoom", None])
    elif changed == "user_id":
        row["user_id"] = draw.choice([None, *(f"h{number}|{user}" for user in users)])
    elif changed == "anonymous_id":
        row["anonymous_id"] = draw.choice([None, *(f"h{number}|{device}" for device in devices)])
    elif changed == "received_at":
        row["received_at"] = draw.choice([None, YEAR_2026 - 1, YEAR_2026 + 900 * DAY])
    return row


def cut(number, seed, cuts):
    """A history in so many batches, of which some may be empty."""
    draw = random.Random(f"{seed}/cut/{number}")
    rows = story(number, draw) if draw.random() < 0.75 else history(number, f"{seed}/cut", 8)
    batches = [[] for _ in range(cuts)]
    order = draw.choice(["as it happened", "as it happened", "backwards", "anyhow", "first and last"])
    if order == "as it happened":
        rows.sort(key=lambda row: row["timestamp"] if isinstance(row["timestamp"], int) else 0)
    elif order == "backwards":
        rows.sort(key=lambda row: -row["timestamp"] if isinstance(row["timestamp"], int) else 0)
    for place, row in enumerate(rows):
        late = order == "anyhow" or draw.random() < 0.15
        batch = draw.randrange(cuts) if late else place * cuts // len(rows)
        if order == "first and last":
            batch = draw.choice([0, cuts - 1])
        batches[batch].append(row)
    return batches


def without_ids(batches, seed):
    """The batches of a history whose rows have no ids. Some rows come again, alike or as others whose ids are put together to the same text, in
    the same batch or in any other one."""
    draw = random.Random(f"{seed}/without ids")
    batches = [[row | {"event_id": None} for row in batch] for batch in batches]
    for row in [row for batch in batches for row in batch]:
        if draw.random() < 0.3:
            draw.choice(batches).append(dict(row))
        device, user = row["anonymous_id"], row["user_id"]
        if device and user and draw.random() < 0.3:
            for other in (row | {"user_id": f"{user}\x1f+x"}, row | {"anonymous_id": f"{device}\x1f+{user}", "user_id": "x"}):
                draw.choice(batches).append(other)
    return batches


def packed(seed, tracks, size=12):
    """Histories put together until there are at least `tracks` rows."""
    rows, number = [], 0
    while len(rows) < tracks:
        rows += history(number, seed, size)
        number += 1
    return rows
