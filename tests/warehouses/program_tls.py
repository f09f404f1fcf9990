"""libpq's `sslmode`, word by word: which servers and certificates `tracklet debug` connects to.

    TRACKLET_BIN=target/release/tracklet python program_tls.py
"""

import json
import os
import pwd
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import program
import servers
from warehouse import Postgres

# What the server takes, its certificate, the mode, the host's name, whether `sslrootcert` is given, and whether it works.
EXPECTED = [
    ("host", "chain", "disable", "127.0.0.1", False, True),
    ("host", "chain", "prefer", "127.0.0.1", False, True),
    ("host", "chain", "require", "127.0.0.1", False, True),
    ("host", "chain", "require", "127.0.0.1", True, True),
    ("host", "chain", "verify-ca", "127.0.0.1", False, False),
    ("host", "chain", "verify-ca", "127.0.0.1", True, True),
    ("host", "chain", "verify-full", "127.0.0.1", True, False),
    ("host", "chain", "verify-full", "localhost", True, True),
    ("host", "chain", "verify-full", "localhost", False, False),
    ("host", "own", "verify-ca", "127.0.0.1", True, True),
    ("host", "own", "verify-full", "127.0.0.1", True, False),
    ("host", "own", "verify-full", "localhost", True, True),
    ("host", "other", "require", "localhost", True, False),
    ("host", "other", "verify-ca", "localhost", True, False),
    ("hostssl", "chain", "disable", "127.0.0.1", False, False),
    ("hostssl", "chain", "allow", "127.0.0.1", False, True),
    ("hostssl", "chain", "prefer", "127.0.0.1", False, True),
    ("hostnossl", "chain", "allow", "127.0.0.1", False, True),
    ("hostnossl", "chain", "prefer", "127.0.0.1", False, True),
    ("hostnossl", "chain", "require", "127.0.0.1", False, False),
]


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificates(folder):
    """`chain` is signed by an authority, `own` by itself, `other` by an authority that nobody names."""
    name = ["-addext", "subjectAltName=DNS:localhost"]
    (folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    for kind, authority in [("chain", "known"), ("other", "unknown")]:
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", f"{authority}.key",
                "-out", f"{authority}.crt", "-subj", f"/CN={authority}", folder=folder)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{kind}.key", "-out", f"{kind}.csr",
                "-subj", "/CN=localhost", folder=folder)
        openssl("x509", "-req", "-in", f"{kind}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
                "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{kind}.crt", folder=folder)
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


def main():
    wrong, shown = 0, None
    with tempfile.TemporaryDirectory(prefix="tracklet-tls-") as name, servers.postgres() as port:
        folder = Path(name)
        certificates(folder)
        warehouse = Postgres(port)
        server = warehouse.query("show data_directory")[1][0][0]
        connection = warehouse.connect()
        connection.autocommit = True
        connection.cursor().execute("alter system set ssl = on")
        connection.close()
        present(server, folder, "chain", "host")
        for accepted, certificate, mode, host, names_root, works in EXPECTED:
            if shown != (accepted, certificate):
                shown = (accepted, certificate)
                present(server, folder, certificate, accepted)
            root = folder / ("own.crt" if certificate == "own" else "known.crt")
            (folder / "tracklet.toml").write_text("\n".join([
                "[targets.pg]", 'type = "postgres"', f'host = "{host}"', f"port = {port}", 'user = "postgres"',
                'dbname = "postgres"', 'schema = "sessions"', f'sslmode = "{mode}"',
                *([f"sslrootcert = {json.dumps(str(root))}"] if names_root else [])]))
            said = program.run(folder, "debug", "--target", "pg", "--format", "json", code=None).stdout.splitlines()
            found = json.loads(said[0])
            if found["ok"] != works:
                wrong += 1
                print(f"FAIL: {accepted}, {certificate}, {mode}, {host}, root {names_root}: {found}")
    print(f"{len(EXPECTED) - wrong} of {len(EXPECTED)} ways to connect end as libpq's would")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
