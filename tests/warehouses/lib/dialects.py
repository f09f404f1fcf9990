"""The dialects of the package."""

from pathlib import Path

MACROS = Path(__file__).resolve().parents[3] / "dbt/macros"


def rendered():
    """The dialects that the program renders: those with a file of macros called as they are. dbt alone has DuckDB's."""
    named = [file.stem for file in sorted(MACROS.glob("*.sql")) if f"macro {file.stem}__" in file.read_text()]
    return [name for name in named if name not in ("default", "duckdb")]
