"""A stand-in for Redshift: a real PostgreSQL behind a relay that takes DISTKEY and SORTKEY out of what is sent, and gives
a function of Redshift's that the models call another name. This database has it and the others that PostgreSQL lacks.

All else arrives as it was sent: PostgreSQL takes it, with its own catalog, transactions, locks and failures. What it can't
show: how Redshift compares trailing spaces, its isolation, its types' limits, its speed.
"""

import contextlib
import re

from lib.comparison import TIME
from lib.warehouse import Postgres, without_nul
from stand_ins import servers
from stand_ins.relay import Relay

LAYOUT = re.compile(r'\n(?:diststyle key distkey|sortkey) \((?:"(?:[^"]|"")*"(?:, )?)+\)')
DATEDIFF = "datediff(microsecond, "
FUNCTIONS = [
    """
    create function pg_catalog.datediff_microsecond(timestamp, timestamp) returns bigint language sql immutable
    as 'select cast(extract(epoch from ($2 - $1)) * 1000000 as bigint)'""",
    """
    create function pg_catalog.fnv_hash(text) returns bigint language sql immutable
    as 'select hashtextextended($1, 0)'""",
    """
    create function pg_catalog.sha2(text, integer) returns text language sql immutable
    as 'select encode(sha256(convert_to($1, ''UTF8'')), ''hex'')'"""]


class Redshift(Postgres):
    """The database as the tests look at it; the program goes through the relay."""

    kind = "redshift"
    types = {"timestamp without time zone": TIME}

    def __init__(self, port, relay):
        super().__init__(port)
        self.relay = relay

    @property
    def program_port(self):
        return self.relay.port

    @staticmethod
    def loadable(rows):
        """The rows that a table of Redshift's can hold: no U+0000, no time without an end."""
        return [row for row in without_nul(rows)
                if not any("infinity" in str(row[name]) for name in ("timestamp", "received_at"))]


class Rewriting(Relay):
    """What PostgreSQL says otherwise than Redshift is put its way."""

    def __init__(self, server):
        # What was rewritten, so that a test can see that it was.
        self.layouts = self.differences = 0
        super().__init__(server)

    def passing(self, statement):
        statement, layouts = LAYOUT.subn("", statement)
        self.layouts += layouts
        self.differences += statement.count(DATEDIFF)
        return statement.replace(DATEDIFF, "datediff_microsecond(")


@contextlib.contextmanager
def redshift():
    """Gives a warehouse. Its text is ordered by bytes, as Redshift's is."""
    with servers.postgres("bytes") as port:
        relay = Rewriting(port)
        try:
            warehouse = Redshift(port, relay)
            warehouse.execute(FUNCTIONS)
            yield warehouse
        finally:
            relay.close()
