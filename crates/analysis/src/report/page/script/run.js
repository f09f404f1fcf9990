// The run: totals, what to look at, and where every row went.

const heroOf = (figures) => {
  const { totals, run, activity } = figures;
  const days = activity.days;
  const period = days.length
    ? days.length > 1
      ? `from ${day(days[0].day)} to ${day(days.at(-1).day)}`
      : `on ${day(days[0].day)}`
    : "";
  const lead = [
    element("strong", {}, count(totals.sessions, "session")),
    " of ",
    element("strong", {}, count(totals.visitors, "visitor")),
    ` ${period}. A session ends after ${minutes(run.rules.timeout_micros / 60e6)} without an event.`,
  ];
  const tile = (title, value, aside) =>
    element("div", { class: "tile" }, element("dt", {}, title), element("dd", {}, value, element("div", { class: "aside" }, aside)));
  const duration = figures.durations.quantiles;
  const length = figures.lengths.quantiles;
  const single = figures.lengths.counts[0];
  const fresh = days.reduce((sum, each) => sum + each.new, 0);
  return element(
    "div",
    { class: "hero" },
    element("h1", {}, named(figures.title)),
    element("p", { class: "lead" }, lead),
    figures.chosen.length > 0 &&
      element("ul", { class: "chips", "aria-label": "Chosen sessions" }, figures.chosen.map((words) => element("li", {}, named(words)))),
    element(
      "dl",
      { class: "tiles" },
      tile("Sessions", compact(totals.sessions), `${percent(fresh, totals.sessions)} are a visitor’s first`),
      tile("Visitors", compact(totals.visitors), `${decimal(totals.sessions / (totals.visitors || 1), 2)} sessions each`),
      tile("Events", compact(totals.events), `${decimal(length?.mean ?? 0)} in a session`),
      tile("Median duration", minutes(duration?.median ?? 0), `${minutes(duration?.mean ?? 0)} on average`),
      tile("One-event sessions", percent(single, totals.sessions), count(single, "session")),
    ),
  );
};

const warningsOf = (figures) => {
  if (!figures.warnings.length) {
    return element("p", { class: "calm" }, "Nothing stands out: few rejects and duplicates, no events from the future, no visitor with an absurd share.");
  }
  return element(
    "ul",
    { class: "notes" },
    figures.warnings.map(({ what, advice }) =>
      element(
        "li",
        {},
        element("span", { class: "sign", "aria-hidden": "true" }, "!"),
        element("span", { class: "what" }, named(what)),
        advice && element("span", { class: "advice" }, advice),
      ),
    ),
  );
};

const rowsOf = ({ run }) => {
  const { rows } = run;
  const parts = [
    ["sessionized", rows.sessionized, "var(--accent)"],
    ...(rows.evidence ? [["evidence of who has a device", rows.evidence, "var(--accent-2)"]] : []),
    ["duplicates", rows.duplicates, "var(--quiet)"],
    ["rejected", rows.rejected, "var(--bad)"],
  ];
  const mark = (colour) => {
    const made = element("i");
    made.style.background = colour;
    return made;
  };
  const bar = parts
    .filter(([, value]) => value > 0)
    .map(([name, value, colour]) => {
      const made = mark(colour);
      made.style.flex = `${value} 1 0`;
      made.title = `${name}: ${number(value)}`;
      return made;
    });
  const legend = parts.map(([name, value, colour]) =>
    element("li", {}, mark(colour), element("b", {}, number(value)), ` ${name}, ${percent(value, rows.read)}`),
  );
  const types = run.types.length > 0 && element("li", {}, "sessionized by type: ", run.types.map(({ name, events }) => `${number(events)} ${name}`).join(", "));
  const calls = Object.entries(run.other_calls).sort(([, a], [, b]) => b - a);
  const others = rows.skipped - calls.reduce((sum, [, value]) => sum + value, 0);
  const skips = [...calls.map(([name, value]) => `${number(value)} ${name}`), others > 0 && `${number(others)} filtered out or forgotten`];
  const skipped = rows.skipped > 0 && element("li", {}, element("b", {}, number(rows.skipped)), ` more not counted: ${skips.filter(Boolean).join(", ")}`);
  return card(
    { title: `${count(rows.read, "row")} read, each in one place`, size: "two-thirds" },
    element("div", { class: "split", role: "img", "aria-label": parts.map(([name, value]) => `${number(value)} ${name}`).join(", ") }, bar),
    element("ul", { class: "legend" }, legend, types, skipped),
    run.rejects.length > 0 && [
      element("p", { class: "reasons" }, "Rejected for ", run.rejects.map((reject) => element("span", { class: "badge" }, `${reject.reason} ${number(reject.rows)}`))),
      rejectsOf(run),
    ],
  );
};

const rejectsOf = (run) => {
  const place = (example) =>
    element("span", { class: "mono name" }, `${example.source_file}${example.row_number === null ? "" : `:${example.row_number}`}`);
  const examples = (reject) =>
    reject.examples.map((example) => element("div", {}, place(example), element("br"), named(example.shown, "an empty row")));
  return element(
    "details",
    { class: "numbers" },
    element("summary", {}, "Rejected rows by reason, with examples"),
    element(
      "div",
      { class: "rows", tabindex: 0, role: "region", "aria-label": "Rejected rows" },
      table(
        "Rejected rows by reason",
        [{ title: "Reason" }, { title: "Rows", number: true }, { title: "For example" }],
        run.rejects.map((reject) => [element("code", {}, reject.reason), number(reject.rows), examples(reject)]),
      ),
    ),
  );
};

const factsOf = ({ run, time_zone }) => {
  const { rules } = run;
  const facts = [
    [run.files > 0 ? "Snapshot" : "Run", run.snapshot],
    ["Ended", instant(run.created_at)],
    ["Took", run.seconds === null ? "–" : `${decimal(run.seconds, 2)} s`],
    // A warehouse's tables come from tables.
    ["Read", run.files > 0 ? `${count(run.files, "file")}, ${bytes(run.bytes)}` : count(run.rows.read, "row")],
    ["Timeout", `${minutes(rules.timeout_micros / 60e6)}, ${rules.boundary === "exact" ? "exact" : "whole minutes"}`],
    ["Duplicates", rules.dedupe ? "dropped by event id" : "kept"],
    ["Days and hours", time_zone],
    ["Version", `tracklet ${run.version}`],
    ["Configuration", element("span", { class: "mono", title: run.fingerprint }, run.fingerprint.slice(0, 12))],
  ];
  return card(
    { title: "How it was made", size: "third" },
    element("dl", { class: "facts" }, facts.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
  );
};

const runSection = (figures) =>
  section(
    "run",
    "The run",
    "Every row that was read is in a session, a duplicate, or rejected for a reason.",
    element("div", { class: "grid" }, element("div", {}, warningsOf(figures)), rowsOf(figures), factsOf(figures)),
  );
