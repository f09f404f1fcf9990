"""libpq's `sslmode` and `sslrootcert`: `tracklet debug` must connect to the servers that libpq itself connects to, whatever
they accept and whoever signed their certificates, and to no others.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_tls
"""

import itertools
import json
import os
import pwd
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lib import program
from lib.warehouse import Postgres
from stand_ins import servers

# What the server takes, and its certificate.
SERVERS = [(accepted, certificate) for accepted in ("host", "hostssl", "hostnossl")
           for certificate in ("chain", "own", "other", "expired")]
MODES = [None, "disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
# Where the authorities come from: nowhere, `sslrootcert`, the file in the home folder, the machine's that know or don't.
ROOTS = ["none", "file", "home", "system", "stranger"]
HOSTS = ["127.0.0.1", "localhost"]

# Of all these, what must not depend on the libpq that is here: mode, host, roots, the server's certificate, and whether it
# works on a server that takes both kinds of connection.
EXPECTED = [
    (None, "localhost", "none", "other", True),
    (None, "localhost", "system", "chain", True),
    (None, "localhost", "system", "other", False),
    (None, "localhost", "stranger", "chain", False),
    *((mode, "localhost", "system", certificate, False)
      for mode in ("disable", "allow", "prefer", "require", "verify-ca") for certificate in ("chain", "own", "other")),
    ("verify-full", "localhost", "system", "chain", True),
    ("verify-full", "127.0.0.1", "system", "chain", False),
    ("require", "127.0.0.1", "file", "chain", True),
    ("require", "127.0.0.1", "file", "other", False),
    ("require", "127.0.0.1", "home", "other", False),
    ("require", "127.0.0.1", "file", "expired", False),
    ("verify-ca", "localhost", "none", "chain", False),
    ("verify-ca", "127.0.0.1", "file", "own", True),
    ("verify-full", "localhost", "none", "chain", False),
    ("verify-full", "localhost", "file", "chain", True),
    ("verify-full", "localhost", "home", "chain", True),
]

# Asks libpq: a line has settings and surroundings, the answer is what it says, or null if it connects. Each connection is made by a
# process of its own, since libpq and OpenSSL take their surroundings once; one that has loaded them already is made quickly.
LIBPQ = """
import json, os, sys, psycopg2
for line in sys.stdin:
    if os.fork() == 0:
        options, surroundings = json.loads(line)
        os.environ.update(surroundings)
        said = None
        try:
            psycopg2.connect(**options)
        except psycopg2.OperationalError as error:
            said = str(error)
        print(json.dumps(said), flush=True)
        os._exit(0)
    os.wait()
"""


class Libpq:
    """libpq, which connects to one server after the other."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", LIBPQ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turn = threading.Lock()

    def connects(self, options, surroundings):
        """Whether it connects, and what it says."""
        with self.turn:
            self.process.stdin.write(json.dumps([options, surroundings]) + "\n")
            self.process.stdin.flush()
            said = json.loads(self.process.stdout.readline())
        return said is None, said

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificates(folder):
    """`chain` is signed by an authority, `own` by itself, `other` by an authority that nobody names, `expired` by the first."""
    name = ["-addext", "subjectAltName=DNS:localhost"]
    (folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    for kind, authority in [("chain", "known"), ("other", "unknown")]:
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", f"{authority}.key",
                "-out", f"{authority}.crt", "-subj", f"/CN={authority}", folder=folder)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{kind}.key", "-out", f"{kind}.csr",
                "-subj", "/CN=localhost", folder=folder)
        openssl("x509", "-req", "-in", f"{kind}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
                "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{kind}.crt", folder=folder)
    openssl("x509", "-req", "-in", "chain.csr", "-CA", "known.crt", "-CAkey", "known.key", "-CAcreateserial", "-days", "-1",
            "-extfile", "names", "-out", "expired.crt", folder=folder)
    (folder / "expired.key").write_bytes((folder / "chain.key").read_bytes())
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "own.key", "-out", "own.crt",
            "-subj", "/CN=localhost", *name, folder=folder)


def present(server, folder, certificate, accepted):
    """The server shows that certificate and takes such connections, once it has read its files again."""
    for ending in ("crt", "key"):
        path = Path(server) / f"server.{ending}"
        path.write_bytes((folder / f"{certificate}.{ending}").read_bytes())
        path.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
    (Path(server) / "pg_hba.conf").write_text(f"local all all trust\n{accepted} all all 127.0.0.1/32 trust\n")
    binaries = servers.postgres_binaries()
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    subprocess.run([f"{binaries}/pg_ctl", "-D", server, "reload"], check=True, cwd=server, capture_output=True, **user)
    time.sleep(0.5)


def environment(folder, roots, trusted):
    """HOME, and the machine's authorities."""
    home = folder / f"home-{roots}"
    (home / ".postgresql").mkdir(parents=True, exist_ok=True)
    if roots == "home":
        (home / ".postgresql" / "root.crt").write_bytes(trusted.read_bytes())
    system = folder / ("unknown.crt" if roots == "stranger" else trusted)
    return {"HOME": str(home), "SSL_CERT_FILE": str(system), "SSL_CERT_DIR": str(folder / "nothing")}


def by_tracklet(folder, options, surroundings):
    """Whether the program connects, and what it says."""
    (folder / "tracklet.toml").write_text("\n".join([
        "[targets.pg]", 'type = "postgres"', 'schema = "sessions"',
        *(f"{name} = {json.dumps(value)}" for name, value in options.items())]))
    done = subprocess.run(
        [program.binary(), "debug", "--target", "pg", "--format", "json"], cwd=folder, capture_output=True, text=True,
        env=os.environ | surroundings)
    found = json.loads(done.stdout.splitlines()[0])
    return found["ok"], found


def main():
    wrong, combinations, seen = [], 0, {}
    with tempfile.TemporaryDirectory(prefix="tracklet-tls-") as name, servers.postgres() as port, \
            ThreadPoolExecutor(4) as pool:
        folder = Path(name)
        certificates(folder)
        libpq = Libpq()
        warehouse = Postgres(port)
        server = warehouse.query("show data_directory")[1][0][0]
        connection = warehouse.connect()
        connection.autocommit = True
        connection.cursor().execute("alter system set ssl = on")
        connection.close()
        for accepted, certificate in SERVERS:
            present(server, folder, certificate, accepted)
            trusted = folder / ("own.crt" if certificate == "own" else "known.crt")
            both = []
            for number, (mode, roots, host) in enumerate(itertools.product(MODES, ROOTS, HOSTS)):
                root = {"file": str(trusted), "system": "system", "stranger": "system"}.get(roots)
                options = {"host": host, "port": port, "user": "postgres", "dbname": "postgres",
                           **({"sslmode": mode} if mode else {}), **({"sslrootcert": root} if root else {})}
                surroundings = environment(folder, roots, trusted)
                own = folder / str(number)
                own.mkdir(exist_ok=True)
                both.append(((accepted, certificate, mode, roots, host), pool.submit(libpq.connects, options, surroundings),
                             pool.submit(by_tracklet, own, options, surroundings)))
            for what, other, tracklet in both:
                combinations += 1
                seen[what] = tracklet.result()[0]
                if other.result()[0] != tracklet.result()[0]:
                    wrong.append(f"{what}: libpq: {other.result()}; tracklet: {tracklet.result()}")
        libpq.end()
    for mode, host, roots, certificate, works in EXPECTED:
        what = ("host", certificate, mode, roots, host)
        if seen[what] != works:
            wrong.append(f"{what}: {seen[what]}, expected {works}")
    print(*(f"FAIL: {line}" for line in wrong), sep="\n")
    print(f"{combinations} ways to connect, {sum(seen.values())} of which work; {len(wrong)} differ from libpq's")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
