"""The snippets of docs/output.md, run over the example's tables, and every table read alike by each program.

usage: TRACKLET_BIN=path/to/tracklet readers.py
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb
import polars
import pyarrow.dataset

from check import BINARY, ROOT, TABLES


def snippets():
    """What the page shows in Python and SQL, but for Spark, which needs its own engine."""
    page = (ROOT / "docs/output.md").read_text("utf-8")
    found = re.findall(r"^```(python|sql)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [(language, text) for language, text in found if "spark" not in text]


def as_python(language, text):
    return text if language == "python" else f'import duckdb\nrows = duckdb.sql("""{text.rstrip().rstrip(";")}""").fetchall()\n'


def main():
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out")
        run = [BINARY, "-q", "run", str(ROOT / "examples/shop/rudder-logs"), "--out", str(out)]
        subprocess.run(run, check=True, timeout=120)
        shown = snippets()
        if len(shown) < 4:
            failed.append(f"only {len(shown)} snippets were found in docs/output.md")
        os.chdir(folder)
        for language, text in shown:
            names = {}
            exec(compile(as_python(language, text), "docs/output.md", "exec"), names)
            results = [value for name, value in names.items() if name in ("rows", "visitors", "average", "tracks")]
            empty = [value for value in results if value is None or (hasattr(value, "__len__") and len(value) == 0)]
            if not results or empty:
                failed.append(f"gives nothing:\n{text}")
        for table in TABLES:
            pattern = f"{out}/current/{table}/*.parquet"
            by_arrow = pyarrow.dataset.dataset(f"{out}/current/{table}", format="parquet").to_table()
            by_polars = polars.read_parquet(pattern)
            by_duckdb = duckdb.sql(f"set timezone = 'UTC'; select * from '{pattern}'")
            columns = by_arrow.column_names
            if by_polars.columns != columns or by_duckdb.columns != columns:
                failed.append(f"{table}: other columns: {columns}, {by_polars.columns}, {by_duckdb.columns}")
                continue
            arrow_rows = by_arrow.to_pylist()
            if by_polars.to_dicts() != arrow_rows:
                failed.append(f"{table}: Polars and PyArrow read other rows")
            # Aware times of one moment are equal in any zone.
            if [dict(zip(columns, row)) for row in by_duckdb.fetchall()] != arrow_rows:
                failed.append(f"{table}: DuckDB and PyArrow read other rows")
            nulls_promised = [field.name for field in by_arrow.schema if not field.nullable]
            if any(by_arrow[name].null_count for name in nulls_promised):
                failed.append(f"{table}: a column without nulls has some")
    for what in failed:
        print(what)
    print(f"{len(shown)} snippets and {len(TABLES)} tables read, {len(failed)} things wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
