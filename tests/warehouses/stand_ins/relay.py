"""Connections to a PostgreSQL on their way through the test: a relay that can look at what passes, and change it."""

import contextlib
import socket
import struct
import threading

# Requests that come before a session starts, and are answered by a byte.
ENCRYPTION = (80877103, 80877104)


class Relay:
    """Connections to a server; what is overridden sees every statement."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
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
            # A statement is some small messages: each would wait for the one before it to be acknowledged.
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
                cut = False
                if kind in (b"Q", b"P"):
                    changed = self.passing(body.decode())
                    cut, body = changed is None, body if changed is None else changed.encode()
                server.sendall(struct.pack("!ci", kind, len(body) + 4) + body)
                if cut and kind == b"Q":
                    raise ConnectionAbortedError

    @staticmethod
    def answers(server, client):
        """Everything back as it comes; the end of one side is that of the other."""
        with contextlib.suppress(OSError):
            while part := server.recv(1 << 16):
                client.sendall(part)
        for side in (server, client):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def passing(self, statement):
        """What is sent in the place of a statement; to raise OSError cuts the connection before it, None after it."""
        return statement


def exactly(source, length):
    part = source.read(length)
    if len(part) < length:
        raise EOFError
    return part
