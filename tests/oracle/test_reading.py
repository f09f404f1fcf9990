#!/usr/bin/env python3
"""The oracle's event names and times against the documented examples and hand-written ones."""

import unittest

from event_names import blendo, raw, rudderstack, rudderstack_divided, segment
from event_times import parse_time
from reading import json_events, json_members, member, start_of, whole_number, whole_text


class EventNames(unittest.TestCase):
    def test_documented_examples(self):
        examples = {
            "Product Viewed": "product_viewed",
            "productViewed": "product_viewed",
            "omega v2": "omega_v2",
            "9mega": "_9mega",
            "CamelCase123Key": "camel_case123_key",
            "abc123def456": "abc123_def456",
            "_abc_123_def_456": "_abc_123_def_456",
            "path to $1,00,000": "path_to_1_00_000",
            "isISO8601": "is_iso8601",
            "@#$%": None,
            "": None,
        }
        for name, expected in examples.items():
            self.assertEqual(rudderstack(name), expected, name)

    def test_words(self):
        for name, expected in {"XMLHttpRequest": "xml_http_request", "12ABCdef": "_12abc_def", "ÄpfelÖl": "pfel_l"}.items():
            self.assertEqual(rudderstack(name), expected, name)
        divided = {
            "CamelCase123Key": "camel_case_123_key",
            "omega v2": "omega_v_2",
            "1st Purchase": "_1st_purchase",
            "3rdPartyLogin": "_3rd_party_login",
            "Completed 2nd Order": "completed_2nd_order",
            "4th Lesson Viewed": "_4th_lesson_viewed",
            "11th Hour": "_11_th_hour",
            "1STFoo": "_1_st_foo",
            "1STfoo": "_1st_foo",
        }
        for name, expected in divided.items():
            self.assertEqual(rudderstack_divided(name), expected, name)

    def test_other_conventions(self):
        self.assertEqual(blendo("\u00a0 Product  Viewed\t"), "product  viewed")
        self.assertIsNone(blendo(" \t"))
        self.assertEqual(raw(" Product Viewed "), " Product Viewed ")
        examples = {
            "product_viewed2": "product_viewed2",
            "Product Viewed": "product_viewed",
            "productViewed": "product_viewed",
            "v2Beta": "v2_beta",
            "100 Clicked": "100_clicked",
            "mp3 Played": "mp3_played",
            "step_2 Done": "step_2_done",
            "abc1Def": "abc1_def",
            "_kept": "kept",
            "p_z9Rg": "p_z9_rg",
            "lk0B@bFmjrLQ_Z6YL": "lk0_b_b_fmjr_lq_z6yl",
            "2FA Enabled": "2fa_enabled",
            "_5TEst": "5test",
            "edf_6N": "edf_6n",
            "a__b": "a_b",
            "HTTPServer": "httpserver",
            "trailing_": "trailing",
            "@#": None,
        }
        for name, expected in examples.items():
            self.assertEqual(segment(name), expected, name)


class Times(unittest.TestCase):
    def test_times(self):
        base = 1_767_520_800_000_000
        for text, micros in {
            "2026-01-04T10:00:00Z": base,
            "2026-01-04t10:00:00z": base,
            "2026-01-04 10:00:00": base,
            "2026-01-04T10:00:00.1234569Z": base + 123_456,
            "2026-01-04T15:30:00+05:30": base,
            "2026-01-04T02:00:00.5-08:00": base + 500_000,
            "1969-12-31T23:59:59.9999999Z": -1,
            "0000-03-01T00:00:00Z": -62_162_035_200_000_000,
            "2026-01-04T15:30:00+0530": base,
            "2026-01-04 02:00:00.000 -0800": base,
            "2026-01-04 11:00:00.5+01": base + 500_000,
            "2026-01-04 10:00:00.25 UTC": base + 250_000,
            "2026-01-04T10:00:00 Z": base,
            "2026-01-04T10:00": base,
            "2026-01-04 10:00+00": base,
        }.items():
            self.assertEqual(parse_time(text), micros, text)

    def test_bad_times(self):
        for text in (
            "", "2026-01-04", "1767520800", "2026-01-04T10", "2026-01-04T24:00:00Z", "2026-01-04T10:00:60Z",
            "2026-02-29T00:00:00Z", "2026-01-04T10:00:00.Z", "2026-01-04T10:00:00+0560", "2026-01-04T10:00:00  Z",
            "2026-01-04T10:00:", "2026-01-04T10:00:00+01:", "2026-01-04T10:00:00 CET", "2026-01-04T10:00:00 ",
            " 2026-01-04T10:00:00Z", "2026-01-04T10:00:00Z\n", "2026-01-04T10:00:00,5Z", "٢٠٢٦-01-04T10:00:00Z",
        ):
            self.assertEqual(parse_time(text), "bad", text)

    def test_numbers(self):
        self.assertEqual(parse_time("1767520800000", "milliseconds"), 1_767_520_800_000_000)
        self.assertEqual(parse_time("-1", "nanoseconds"), -1)
        self.assertEqual(parse_time("1767520800.0", "seconds"), 1_767_520_800_000_000)
        self.assertEqual(parse_time("1767520800.5", "seconds"), "bad")
        self.assertEqual(parse_time("1970-01-01T00:00Z", "seconds"), 0)


class Members(unittest.TestCase):
    def test_the_last_member_wins_and_keeps_its_source_text(self):
        members = json_members('{ "a" : 1 , "b":[1, {"c":2}],"a":1e02 }')
        self.assertEqual([(name, source) for name, _, source in members], [("a", "1"), ("b", '[1, {"c":2}]'), ("a", "1e02")])
        self.assertEqual(member(members, "a")[1], "1e02")
        self.assertEqual(json_members("{}"), [])

    def test_case_matters_only_between_two(self):
        members = json_members('{"Ab": 1, "ab": 2, "AB": 3, "aB": 4}')
        self.assertEqual([member(members, name)[1] for name in ("Ab", "ab", "AB", "aB")], ["1", "2", "3", "4"])
        self.assertEqual(member(json_members('{"Ab": 1, "AB": 3}'), "ab")[1], "3")
        self.assertIsNone(member(members, "a"))


class Events(unittest.TestCase):
    def test_objects_wherever_they_stand(self):
        one = [(1, "object", "{}")]
        for text in ("{}", " {}\n", "[{}]", "[\t{},]", "{},"):
            self.assertEqual(list(json_events(text, False)), one, text)
        self.assertEqual(list(json_events('{}{"a":\n1}\n\n[{},\n{}]', False)), [
            (1, "object", "{}"), (1, "object", '{"a":\n1}'), (4, "object", "{}"), (5, "object", "{}"),
        ])

    def test_damage_ends_at_the_next_line_that_may_be_a_value(self):
        self.assertEqual(list(json_events('{"a":\n{}\n{}x\n}\n{}', False)), [
            (1, "unreadable", '{"a":'), (2, "object", "{}"), (3, "object", "{}"), (3, "unreadable", "x\n}"), (5, "object", "{}"),
        ])
        self.assertEqual(list(json_events(" [1,\n  {}\n }\n {}", False)), [(1, "unreadable", "[1,\n  {}\n }"), (4, "object", "{}")])
        self.assertEqual(list(json_events("[{}", False)), [(1, "object", "{}"), (1, "unreadable", "")])
        self.assertEqual(list(json_events("{}\n{}", True)), [(1, "object", "{}"), (2, "unreadable", "{}")])
        self.assertEqual(list(json_events("{}\n", True)), [(1, "object", "{}"), (2, "unreadable", "")])


class Limits(unittest.TestCase):
    def test_texts_are_cut_at_a_character(self):
        self.assertEqual(start_of("x" + "é" * 40_000), "x" + "é" * 32_767)
        self.assertEqual((start_of("é"), start_of(""), start_of(None)), ("é", "", None))


class Numbers(unittest.TestCase):
    def test_whole_numbers(self):
        examples = {"1001": "1001", "1001.0": "1001", "1e3": "1000", "-0.0": "0", "0.5": "0.5", "9007199254740992.0": "9007199254740992.0", "1e400": "1e400"}
        for text, expected in examples.items():
            self.assertEqual(whole_number(text), expected, text)
        for text, expected in {"1001.0": "1001", "1e3": "1e3", "007.0": "007.0", "": "", None: None}.items():
            self.assertEqual(whole_text(text), expected, text)


if __name__ == "__main__":
    unittest.main()
