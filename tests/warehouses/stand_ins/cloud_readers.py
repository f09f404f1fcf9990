"""Reads tables back from the stand-ins by their protocols, without the program that is tested."""

import json
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

TEXT, INTEGER, NUMBER, TIME, DOUBLE, TRUTH = "text", "integer", "number", "time", "double", "truth"


def time_of(microseconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def number_of(text):
    """A decimal number with six digits behind the point."""
    return f"{Decimal(text):.6f}"


def post(url, body, headers=None):
    request = urllib.request.Request(
        url, method="POST", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error}: {error.read().decode(errors='replace')[:2000]}\n{body.get('query', '')[:2000]}") from None


def truth_of(text):
    return {"true": True, "1": True, "false": False, "0": False}[str(text).lower()]


class BigQuery:
    """A project of local-bigquery."""

    name = "bigquery"
    types = {"STRING": TEXT, "INTEGER": INTEGER, "NUMERIC": NUMBER, "TIMESTAMP": TIME, "FLOAT": DOUBLE, "BOOLEAN": TRUTH}

    def __init__(self, server, schema):
        self.server, self.schema = server, schema

    def target(self):
        """The lines of a section [targets.NAME]."""
        return ['type = "bigquery"', 'project = "local"', f'dataset = "{self.schema}"',
                f'api_endpoint = "{self.server.endpoint}"']

    @staticmethod
    def own(name):
        return name

    def relation(self, table, schema=None):
        return f"`local`.`{schema or self.schema}`.`{table}`"

    @staticmethod
    def schema_relation(schema):
        return f"`local`.`{schema}`"

    def column(self, name):
        return f"`{name}`"

    def execute(self, sql):
        """Runs a statement; gives the answer."""
        url = f"{self.server.endpoint}/bigquery/v2/projects/local/queries"
        return post(url, {"query": sql, "useLegacySql": False, "timeoutMs": 60_000, "maxResults": 1_000_000,
                          "formatOptions": {"useInt64Timestamp": True}})

    def query(self, sql):
        """The types of the columns, and the rows."""
        answer = self.execute(sql)
        kinds = [self.types[field["type"]] for field in answer["schema"]["fields"]]
        read = {TEXT: str, INTEGER: int, NUMBER: number_of, DOUBLE: float, TIME: lambda text: time_of(int(text)), TRUTH: truth_of}
        rows = [
            tuple(None if cell["v"] is None else read[kind](cell["v"]) for kind, cell in zip(kinds, row["f"], strict=True))
            for row in answer.get("rows", [])]
        if len(rows) != int(answer["totalRows"]):
            raise SystemExit(f"{len(rows)} of {answer['totalRows']} rows came")
        return kinds, rows

    def kinds(self, schema=None):
        """{name: TABLE or VIEW} of a schema, or of that of the tables."""
        url = f"{self.server.endpoint}/bigquery/v2/projects/local/datasets/{schema or self.schema}/tables?maxResults=1000"
        with urllib.request.urlopen(url) as answer:
            found = json.load(answer).get("tables", [])
        return {table["tableReference"]["tableId"]: table["type"] for table in found}


class Snowflake:
    """A database of fakesnow."""

    name = "snowflake"

    def __init__(self, server, schema):
        self.server, self.schema = server, schema.upper()
        self.url = f"http://127.0.0.1:{server.port}"
        self.token = None

    def target(self):
        """The lines of a section [targets.NAME]."""
        return ['type = "snowflake"', 'account = "test"', 'user = "tester"', 'password = "{{ env_var(\'TRACKLET_TEST_PASSWORD\') }}"', 'host = "127.0.0.1"',
                f"port = {self.server.port}", 'protocol = "http"', 'database = "shop"', f'schema = "{self.schema}"']

    @staticmethod
    def own(name):
        return name.upper()

    def relation(self, table, schema=None):
        return f'"SHOP"."{schema or self.schema}"."{self.own(table)}"'

    @staticmethod
    def schema_relation(schema):
        return f'"SHOP"."{schema}"'

    def column(self, name):
        return f'"{self.own(name)}"'

    def execute(self, sql):
        """Runs a statement."""
        self.ask(sql)

    def ask(self, sql):
        if self.token is None:
            data = {"ACCOUNT_NAME": "test", "LOGIN_NAME": "tester", "PASSWORD": "none", "SESSION_PARAMETERS": {}}
            answer = post(f"{self.url}/session/v1/login-request?databaseName=SHOP", {"data": data})
            self.token = answer["data"]["token"]
        answer = post(f"{self.url}/queries/v1/query-request?requestId={uuid.uuid4()}", {"sqlText": sql},
                      {"Authorization": f'Snowflake Token="{self.token}"'})
        if not answer["success"]:
            raise SystemExit(f"{answer['message']}\n{sql}")
        return answer["data"]["rowtype"], answer["data"]["rowset"]

    def query(self, sql):
        """The types of the columns, and the rows."""
        columns, rows = self.ask(sql)
        # fakesnow's CONVERT_TIMEZONE loses the zone that Snowflake's has.
        types = {"text": TEXT, "fixed": INTEGER, "timestamp_tz": TIME, "timestamp_ntz": TIME, "real": DOUBLE, "boolean": TRUTH}
        kinds = [NUMBER if column["type"] == "fixed" and column["scale"] else types[column["type"]] for column in columns]
        read = {TEXT: str, INTEGER: int, NUMBER: number_of, DOUBLE: float, TIME: self.time, TRUTH: truth_of}
        return kinds, [
            tuple(None if cell is None else read[kind](cell) for kind, cell in zip(kinds, row, strict=True)) for row in rows]

    @staticmethod
    def time(text):
        """Seconds with nine digits after the point, and the zone."""
        seconds, fraction = text.split()[0].split(".")
        microseconds = int(seconds.lstrip("-")) * 1_000_000 + int(fraction) // 1000
        return time_of(-microseconds if seconds.startswith("-") else microseconds)

    def kinds(self, schema=None):
        """{name: TABLE or VIEW} of a schema, or of that of the tables."""
        columns, rows = self.ask(f'show terse objects in schema "SHOP"."{schema or self.schema}"')
        names = [column["name"].lower() for column in columns]
        return {row[names.index("name")]: row[names.index("kind")] for row in rows}
