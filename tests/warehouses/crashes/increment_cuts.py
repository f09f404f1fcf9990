"""Runs that take the new rows alone, on PostgreSQL, cut off: the connection before each statement, and after each was sent but
not answered; the program at random moments; at last the server. Readers must see the tables as they were, or, once the commit was sent, as they
become; and the next run must make what the definition makes of all rows.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses crashes.increment_cuts [--kills N] [--seed N]
"""

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conformance.growing_tables import SCHEMA, InDatabase
from conformance.increment_conformance import Variant, accounting
from crashes.program_crashes import Server, answers, start_run, state, wait_until
from lib import definition, histories, program
from lib.histories import SEED
from lib.warehouse import Postgres, quoted
from stand_ins import servers
from stand_ins.relay import Relay

HISTORIES = 150
# More than a run has.
MANY = 400


class Cutting(Relay):
    """Cuts the connection at one of the statements that the program sends: before it, or after."""

    at, after, count, sent, longest = None, False, 0, [], []

    def cut(self, at, after=False):
        self.at, self.after, self.count, self.sent = at, after, 0, []

    def ends_a_transaction(self, at):
        """Whether one of the statements around this one of the longest run commits."""
        return any("commit" in statement.lower() for statement in self.longest[max(0, at - 2):at + 1])

    def passing(self, statement):
        self.count += 1
        self.sent.append(statement)
        self.longest = max(self.longest, self.sent, key=len)
        if self.count == self.at:
            if self.after:
                return None
            raise ConnectionAbortedError
        return statement


class Relayed(Postgres):
    """The program goes through the relay, the test does not."""

    def __init__(self, port, relay):
        super().__init__(port)
        self.relay = relay

    @property
    def program_port(self):
        return self.relay.port


class Lane:
    def __init__(self, growing, batches):
        self.growing, self.warehouse = growing, growing.warehouse
        self.batches, self.number, self.rows = batches, 0, []
        self.wrong = []
        growing.start(Variant("cuts", 1, 0, 0))

    def load(self):
        """One more batch."""
        batch = self.batches[self.number]
        self.growing.append(batch, self.number)
        self.rows += batch
        self.number += 1

    def settle(self, what):
        """A run to its end, compared with the definition."""
        self.growing.run("run")
        tables = definition.tables(self.rows, self.growing.variant.rules)
        found = self.growing.differences(tables)
        if self.growing.latest_run(*accounting(tables)) != accounting(tables):
            found.append("  the row of the run says something else")
        if found:
            self.wrong += [f"after {what}, the next run:", *found]

    def lose_the_server(self):
        """Kills the server between two runs: what it did not log is empty then, and the next run must notice."""
        server = Server(self.warehouse)
        server.kill()
        server.start()
        wait_until(lambda: answers(self.warehouse), "the server answers again")
        self.load()
        self.settle("the server was killed")
        found = self.growing.latest_run("mode", "reason")
        if found["mode"] != "full" or "no longer there" not in found["reason"]:
            self.wrong.append(f"the run after the server was killed was {found}")

    def modes(self):
        return self.warehouse.query(
            f"select mode from {quoted(SCHEMA, 'tracklet_runs')} where sequence_number > 1 group by mode")[1]

    def cut_at_each(self, after):
        """Cuts runs at every statement that they send, one further each time, until one comes to its end without. What was sent and
        not answered differs from what was not sent where something is committed: after statements every third will do elsewhere."""
        relay, published, cuts = self.warehouse.relay, 0, 0
        self.load()
        before = state(self.warehouse)
        places = [at for at in range(1, MANY) if not after or at % 3 == 1 or relay.ends_a_transaction(at)]
        for at in places:
            cuts += 1
            relay.cut(at, after)
            with contextlib.suppress(program.Failed):
                self.growing.run("run")
            is_cut, _ = relay.count >= at, relay.cut(None)
            # The server may still be at work on what was sent.
            end = time.monotonic() + 5
            while self.busy() and time.monotonic() < end:
                time.sleep(0.01)
            if state(self.warehouse) != before:
                # The commit was sent, or what was cut comes after it.
                published += 1
                self.settle(f"a cut {'after' if after else 'before'} statement {at}")
                if not is_cut:
                    break
                self.load()
                before = state(self.warehouse)
        print(f"cut {'after' if after else 'before'} statements at {cuts - 1} places; {published} runs had published", flush=True)

    def busy(self):
        return self.warehouse.query(
            "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
            " and state <> 'idle'")[1][0][0]

    def kill_at_random(self, draw):
        self.load()
        started = time.monotonic()
        before = state(self.warehouse)
        run = start_run(self.growing.folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(draw.random() * 0.5)
        run.kill()
        run.communicate()
        seen = "old" if state(self.warehouse) == before else "new"
        what = f"the program killed after {time.monotonic() - started:.2f} s ({seen} tables)"
        print(what, flush=True)
        self.settle(what)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", default=SEED)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    cuts = [histories.cut(number, options.seed, options.kills + 60) for number in range(HISTORIES)]
    with tempfile.TemporaryDirectory(prefix="tracklet-cuts-") as folder, servers.postgres() as port:
        relay = Cutting(port)
        growing = InDatabase(Relayed(port, relay), Path(folder))
        batches = [growing.loadable([row for batch in some for row in batch]) for some in zip(*cuts, strict=True)]
        lane = Lane(growing, batches)
        lane.load()
        lane.settle("the first run")
        lane.cut_at_each(after=False)
        lane.cut_at_each(after=True)
        for _ in range(options.kills):
            lane.kill_at_random(draw)
        if lane.modes() != [("incremental",)]:
            lane.wrong.append(f"runs were {lane.modes()}, not all incremental")
        lane.lose_the_server()
        relay.close()
    print(*(lane.wrong or ["ok: cut anywhere, old tables or new ones, and every next run was exact"]), sep="\n")
    sys.exit(1 if lane.wrong else 0)


if __name__ == "__main__":
    main()
