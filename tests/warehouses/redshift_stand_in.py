"""A stand-in for Redshift: a real PostgreSQL behind a relay that takes DISTKEY and SORTKEY out of what is sent, and gives
the one function of Redshift's that the models call another name, under which this database has it.

All else arrives as it was sent: PostgreSQL takes it, with its own catalog, transactions, locks and failures. What it can't
show: how Redshift compares trailing spaces, its isolation, its types' limits, its speed.
"""

import contextlib
import re
import socket
import struct
import threading

import servers
from comparison import TIME
from warehouse import Postgres, without_nul

# Requests that come before a session starts, and are answered by a byte.
ENCRYPTION = (80877103, 80877104)
LAYOUT = re.compile(r'\n(?:diststyle key distkey|sortkey) \((?:"(?:[^"]|"")*"(?:, )?)+\)')
DATEDIFF = "datediff(microsecond, "
FUNCTION = """
    create function public.datediff_microsecond(timestamp, timestamp) returns bigint language sql immutable
    as 'select cast(extract(epoch from ($2 - $1)) * 1000000 as bigint)'"""


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


class Relay:
    """Connections to a server, rewritten on their way."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        # What was rewritten, so that a test can see that it was.
        self.layouts = self.differences = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def close(self):
        self.listener.close()

    def relay(self, client):
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.server)) as server:
            threading.Thread(target=self.answers, args=(server, client), daemon=True).start()
            try:
                self.requests(client.makefile("rb"), server)
            finally:
                # Closed alone it would stay open as long as the other thread waits for it.
                server.shutdown(socket.SHUT_RDWR)

    def requests(self, source, server):
        """Messages of the client, until it is gone."""
        with contextlib.suppress(EOFError):
            while True:
                length, code = struct.unpack("!ii", exactly(source, 8))
                server.sendall(struct.pack("!ii", length, code) + exactly(source, length - 8))
                if code not in ENCRYPTION:
                    break
            while True:
                kind, length = struct.unpack("!ci", exactly(source, 5))
                body = exactly(source, length - 4)
                if kind in (b"Q", b"P"):
                    body = self.rewritten(body.decode()).encode()
                server.sendall(struct.pack("!ci", kind, len(body) + 4) + body)

    @staticmethod
    def answers(server, client):
        """Everything back as it comes; the end of one side is that of the other."""
        with contextlib.suppress(OSError):
            while part := server.recv(1 << 16):
                client.sendall(part)
        for side in (server, client):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def rewritten(self, statement):
        statement, layouts = LAYOUT.subn("", statement)
        self.layouts += layouts
        self.differences += statement.count(DATEDIFF)
        return statement.replace(DATEDIFF, "datediff_microsecond(")


def exactly(source, length):
    part = source.read(length)
    if len(part) < length:
        raise EOFError
    return part


@contextlib.contextmanager
def redshift():
    """Gives a warehouse. Its text is ordered by bytes, as Redshift's is."""
    with servers.postgres("bytes") as port:
        relay = Relay(port)
        try:
            warehouse = Redshift(port, relay)
            warehouse.execute([FUNCTION])
            yield warehouse
        finally:
            relay.close()
