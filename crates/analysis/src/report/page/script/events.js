// Which events happen, and which open and end sessions.

/** Bars beside names, greatest first. */
const barsOf = (name, about, rows, { value, all, colour, words, height }) =>
  chart(
    name,
    about,
    (palette, width) => ({
      grid: margins({ top: 4, right: 56, left: 4 }),
      tooltip: tooltip(palette, ([point]) => {
        const row = rows[point.dataIndex];
        return tip(named(row.name), words(row));
      }),
      xAxis: values(palette, { axisLabel: { show: false }, splitLine: { show: false } }),
      yAxis: categories(palette, rows.map((_, place) => String(place)), {
        inverse: true,
        axisLine: { show: false },
        axisLabel: { interval: 0, color: palette.ink, formatter: (place) => label(rows[place].name, width < 420 ? 16 : 26) },
      }),
      series: [{
        type: "bar",
        data: rows.map(value),
        color: palette[colour],
        barWidth: "62%",
        itemStyle: { borderRadius: 3 },
        label: { show: true, position: "right", color: palette.ink2, formatter: (point) => percent(point.value, all) },
      }],
    }),
    { height: height ?? Math.max(60, 27 * rows.length + 12) },
  );

const eventsSection = ({ events, totals }) => {
  const { named: list, others } = events;
  const words = (row) => [
    [null, "Events", number(row.events)],
    [null, "Sessions opened", number(row.entries)],
    [null, "Sessions ended", number(row.exits)],
  ];
  const greatest = (value, most) =>
    [...list].filter((row) => value(row) > 0).sort((a, b) => value(b) - value(a)).slice(0, most);
  const top = greatest((row) => row.events, 15);
  const entries = greatest((row) => row.entries, 10);
  const exits = greatest((row) => row.exits, 10);
  const everything = () => [
    ...list.map((row) => [named(row.name), number(row.events), percent(row.events, totals.events), number(row.entries), number(row.exits)]),
    ...(others.events
      ? [[element("span", { class: "nameless" }, `${number(events.names - list.length)} others`), number(others.events), percent(others.events, totals.events), number(others.entries), number(others.exits)]]
      : []),
  ];
  const columns = ["Event", "Events", "Share", "Sessions opened", "Sessions ended"].map((title, place) => ({ title, number: place > 0 }));
  const shares = (value, all) => (row) => [named(row.name), number(value(row)), percent(value(row), all)];
  const three = (title) => [{ title: "Event" }, { title, number: true }, { title: "Share", number: true }];
  const nothing = element("p", { class: "empty" }, "No event was chosen.");
  const topChart = top.length && barsOf("events", "The most frequent events", top, { value: (row) => row.events, all: totals.events, colour: "accent", words });
  const entryChart = entries.length && barsOf("entries", "Events that open sessions", entries, { value: (row) => row.entries, all: totals.sessions, colour: "accent2", words });
  const exitChart = exits.length && barsOf("exits", "Events that end sessions", exits, { value: (row) => row.exits, all: totals.sessions, colour: "quiet", words });
  return section(
    "events",
    "What they do",
    `${count(events.names, "name")} of events.`,
    element(
      "div",
      { class: "grid" },
      card({ title: "The most frequent events", takeaway: "Share of all events." }, topChart ? topChart.holder : nothing, numbersOf(table("Events", columns, everything()))),
      card(
        { title: "Sessions open with", takeaway: "Share of sessions.", size: "half" },
        entryChart && entryChart.holder,
        numbersOf(table("Events that open sessions", three("Sessions"), entries.map(shares((row) => row.entries, totals.sessions)))),
      ),
      card(
        { title: "Sessions end with", takeaway: "Share of sessions.", size: "half" },
        exitChart && exitChart.holder,
        numbersOf(table("Events that end sessions", three("Sessions"), exits.map(shares((row) => row.exits, totals.sessions)))),
      ),
    ),
  );
};
