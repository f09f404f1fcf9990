"""What derived columns say, beside what somebody wrote down as right."""

import json
import unittest
from pathlib import Path

from derived import derive, host

CORPUS = Path(__file__).resolve().parents[2] / "corpus"


def rows(case):
    lines = (CORPUS / case / "expected/tracklet_events.jsonl").read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


class Derived(unittest.TestCase):
    def test_agents_of_the_corpus_are_what_they_are(self):
        for row in rows("events-derived-agents"):
            found = {name: row[name] for name in ("browser", "os", "device_category")}
            right = {"browser": row["right_browser"], "os": row["right_os"], "device_category": row["right_device"]}
            self.assertEqual(found | {"is_bot": str(row["is_bot"]).lower()}, right | {"is_bot": row["right_is_bot"]}, row)

    def test_hosts_of_the_corpus_are_what_they_are(self):
        for row in rows("events-derived-hosts"):
            self.assertEqual(row["link_host"], row["right"], row)

    def test_nothing_to_go_by_is_null_and_no_bot(self):
        self.assertIs(derive("is_bot", None, None), False)
        self.assertEqual([derive(name, None, None) for name in ("host", "browser", "os", "device_category")], [None] * 4)
        self.assertEqual(derive("os", "Windows NT", "Plan 9"), "Windows")
        self.assertIsNone(host("://"))


if __name__ == "__main__":
    unittest.main()
