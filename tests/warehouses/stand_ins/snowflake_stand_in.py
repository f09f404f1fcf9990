"""fakesnow as a server that answers as Snowflake answers clients that ask for nothing: rows as JSON.

fakesnow answers queries in Arrow, as it would the Python connector; Tracklet's client reads JSON only, which
is what Snowflake sends it. Only the form of the rows is changed here. Run by the Python that has fakesnow:

    python snowflake_stand_in.py PORT FOLDER
"""

import base64
import importlib
import json
import re
import sys

import fakesnow.instance
import fakesnow.transforms
import fakesnow.variables
import pyarrow
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
# No statement has this character.
HIDDEN = "\ue000"
# The package has a function of the same name.
server = importlib.import_module("fakesnow.server")


def outside_literals(inline):
    """fakesnow's look for variables, but not in literals, where Snowflake sees none."""
    def inlined(self, sql):
        hidden = LITERAL.sub(lambda literal: literal[0].replace("$", HIDDEN), sql)
        return inline(self, hidden).replace(HIDDEN, "$")

    return inlined


# It sums everything as doubles, since texts can be summed too; Snowflake's sums of decimals are exact.
fakesnow.transforms.numeric_agg_implicit_cast = lambda expression: expression
fakesnow.variables.Variables.inline_variables = outside_literals(fakesnow.variables.Variables.inline_variables)


def text(value, kind):
    """A value as Snowflake writes it in JSON: always a text, times as seconds since 1970."""
    if value is None:
        return None
    if kind.startswith("timestamp"):
        if value["epoch"] is None:
            return None
        nanoseconds = value["epoch"] * 10**9 + value["fraction"]
        seconds = "{}{}.{:09d}".format("-" * (nanoseconds < 0), *divmod(abs(nanoseconds), 10**9))
        return f"{seconds} {value['timezone']}" if kind == "timestamp_tz" else seconds
    if kind == "boolean":
        return "1" if value else "0"
    if kind == "date":
        return str((value - type(value)(1970, 1, 1)).days)
    return value if isinstance(value, str) else str(value)


def as_json(data):
    """The data of an answer with its rows as JSON."""
    stream = base64.b64decode(data.pop("rowsetBase64"))
    kinds = [column["type"] for column in data["rowtype"]]
    rows = []
    if stream:
        columns = pyarrow.ipc.open_stream(stream).read_all().columns
        values = [[text(value, kind) for value in column.to_pylist()] for column, kind in zip(columns, kinds, strict=True)]
        rows = [list(row) for row in zip(*values, strict=True)]
    return data | {"queryResultFormat": "json", "rowset": rows, "returned": len(rows)}


async def query_request(request):
    response = await server.query_request(request)
    answer = json.loads(response.body)
    data = answer.get("data")
    if not data:
        return response
    if data.get("queryResultFormat") == "arrow":
        data = as_json(data)
    # Snowflake numbers failing statements too.
    return JSONResponse(answer | {"data": {"queryId": ""} | data}, status_code=response.status_code)


def application(folder):
    server.shared_fs = fakesnow.instance.FakeSnow(db_path=folder)
    changed = "/queries/v1/query-request"
    routes = [
        Route(route.path, query_request, methods=["POST"]) if route.path == changed else route
        for route in server.routes]
    return Starlette(routes=routes)


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
