"""Times as texts and as microseconds since 1970."""

import re
from datetime import datetime, timedelta

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1)
FIRST_TIME = 0
LAST_TIME = (datetime(2262, 1, 1) - EPOCH) // timedelta(microseconds=1)


def time_text(micros):
    if micros is None:
        return None
    return (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds") + "Z"


TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?: ?(?:[Zz]|UTC|([+-])(\d\d)(?::?(\d\d))?))?\Z",
    re.ASCII,
)
NUMBER = re.compile(r"(-?\d+)(?:\.0+)?\Z", re.ASCII)
# What a whole number is multiplied with and divided by to be microseconds.
TIME_UNITS = {"seconds": (SECOND, 1), "milliseconds": (1000, 1), "microseconds": (1, 1), "nanoseconds": (1, 1000)}


def parse_time(text, unit=None):
    """Microseconds since 1970, digits beyond them cut off; "bad" if the text is no time, nor a number with a unit."""
    match = TIME.match(text)
    if not match:
        number = unit and NUMBER.match(text)
        return counted(int(number[1]), unit) if number else "bad"
    year, month, day, hour, minute, second = (int(digits or 0) for digits in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        return "bad"
    try:
        # Years 0 to 9999, which `datetime` lacks one of: 400 years on the calendar is the same.
        date = datetime(year + 400 if year < 400 else year, month, day)
    except ValueError:
        return "bad"
    days = (date - EPOCH).days - (146_097 if year < 400 else 0)
    micros = days * DAY + (hour * 3600 + minute * 60 + second) * SECOND
    micros += int(((match[7] or "") + "000000")[:6])
    if match[8]:
        hours, minutes = int(match[9]), int(match[10] or 0)
        if hours > 23 or minutes > 59:
            return "bad"
        offset = (hours * 60 + minutes) * 60 * SECOND
        micros -= offset if match[8] == "+" else -offset
    return micros


def counted(number, unit):
    """Microseconds of a number of units, cut off towards the past."""
    up, down = TIME_UNITS[unit]
    return number * up // down
