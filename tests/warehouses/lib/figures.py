"""`report`, `tune` and `explain` of the tables in a warehouse, against those of the native engine for the same tracks."""

import json

from lib import program

# What a warehouse does not keep: which file a row came from, which events named a device's user.
OF_FILES = ("user_id", "why_visitor")
FILTERS = ["--from", "2026-01-06", "--to", "2026-01-19", "--time-zone", "Europe/Berlin", "--event", "product_viewed"]


def of_page(path):
    """The figures in a page."""
    text = path.read_text(encoding="utf-8")
    start = text.index('type="application/json"')
    start = text.index(">", start) + 1
    return json.loads(text[start:text.index("</script>", start)])


def comparable(figures):
    """The figures that do not depend on where the tables are."""
    figures = dict(figures)
    run = figures.pop("run")
    # A typed table can't hold every reject, so their number and their share differ.
    figures.pop("warnings")
    figures["rules"] = run["rules"]
    figures["rows"] = {name: run["rows"][name] for name in ("sessionized", "duplicates")}
    for model in figures["models"]:
        if model["name"] == "tracklet_rejects":
            model["rows"] = None
    return figures


def without(value, names):
    """JSON without some keys."""
    if isinstance(value, dict):
        return {key: without(part, names) for key, part in value.items() if key not in names}
    return [without(part, names) for part in value] if isinstance(value, list) else value


def subjects(folder, most=12):
    """Some events, sessions and visitors of the native tables in `out`, and a dropped event."""
    chosen = []
    for subject, column, table in (
            ("event", "event_id", "dbt_track_facts"), ("event", "event_id", "tracklet_duplicates"),
            ("session", "session_id", "dbt_session_tracks"), ("visitor", "alias", "dbt_aliases_mapping")):
        query = f"select distinct {column} as id from {table} order by id"
        rows = program.run(folder, "query", query, "--out", "out", "--format", "json").stdout.splitlines()
        found = [json.loads(row)["id"] for row in rows]
        chosen += [(subject, id_) for id_ in found[:: max(1, len(found) // most)][:most]]
    return chosen


def check(folder, target, subjects):
    """Lines that say what differs. `subjects` are (event, session or visitor, id). The native tables are in `out`."""
    wrong = []
    places = {"native": ["--out", "out"], "target": ["--target", target]}
    for name, options in (("everything", []), ("a choice", FILTERS)):
        pages = {}
        for place, words in places.items():
            file = folder / f"{place}.html"
            program.run(folder, "-q", "report", *words, *options, "--file", file.name)
            pages[place] = comparable(of_page(file))
        for key in pages["native"]:
            if pages["native"][key] != pages["target"].get(key):
                wrong.append(f"  report of {name}, {key}: {str(pages['native'][key])[:300]} and {str(pages['target'].get(key))[:300]}")
        curves = [program.run(folder, "tune", *words, *options, "--format", "json").stdout for words in places.values()]
        if curves[0] != curves[1] or len(curves[0].splitlines()) != 240:
            wrong.append(f"  tune of {name} differs")
        if not pages["native"]["totals"]["sessions"]:
            wrong.append(f"  {name} is nothing")
    for subject, id_ in subjects:
        explained = [
            without(json.loads(program.run(folder, "explain", subject, id_, *words, "--format", "json").stdout), OF_FILES)
            for words in places.values()]
        if explained[0] != explained[1]:
            wrong.append(f"  explain {subject} {id_}: {str(explained[0])[:400]} and {str(explained[1])[:400]}")
    # A wrong id is helped with in the same words.
    session = next(id_ for subject, id_ in subjects if subject == "session")
    hints = [program.run(folder, "explain", "session", session[:-1], *words, code=2).stderr for words in places.values()]
    if hints[0] != hints[1] or "did you mean" not in hints[0]:
        wrong.append(f"  a wrong id: {hints}")
    return wrong
