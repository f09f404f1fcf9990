// How long sessions are, and whose are the longest.

/** The words for a bin: its least value up to the one before the next bin. */
const binName = (starts, place) => {
  const start = starts[place];
  const next = starts[place + 1];
  if (next === undefined) return `${number(start)}+`;
  return next - start === 1 ? `${start}` : `${start}–${next - 1}`;
};

const histogramCard = ({ name, title, takeaway, unit, histogram, write }) => {
  const { starts, counts, quantiles } = histogram;
  if (!quantiles) return card({ title, size: "half" }, element("p", { class: "empty" }, "No session was chosen."));
  const names = starts.map((_, place) => binName(starts, place));
  const all = counts.reduce((sum, value) => sum + value, 0);
  const binOf = (value) => starts.findLastIndex((start) => start <= value);
  let scale = "value";
  const option = (palette) => ({
    grid: margins({ top: 42, bottom: 20 }),
    tooltip: tooltip(palette, ([point]) =>
      tip(`${names[point.dataIndex]} ${unit}`, [[palette.accent, "Sessions", number(counts[point.dataIndex])], [null, "Share", percent(counts[point.dataIndex], all)]]),
    ),
    xAxis: categories(palette, names, { name: unit, nameLocation: "middle", nameGap: 46, nameTextStyle: { color: palette.ink3 },
      axisLabel: { interval: 0, rotate: 42, fontSize: 11, hideOverlap: false },
    }),
    yAxis: values(palette, { type: scale, minInterval: scale === "value" ? 1 : undefined, min: scale === "log" ? 0.5 : undefined, axisLabel: { color: palette.ink3, formatter: (value) => (scale === "log" && value < 1 ? "" : compact(value)) } }),
    series: [{
      type: "bar",
      data: counts.map((value) => (scale === "log" && value === 0 ? null : value)),
      color: palette.accent,
      barCategoryGap: "14%",
      itemStyle: { borderRadius: [3, 3, 0, 0] },
      markLine: {
        symbol: "none",
        silent: true,
        lineStyle: { color: palette.accent2, width: 1.5, type: "solid" },
        label: { color: palette.ink, fontSize: 12, formatter: (line) => line.name },
        data: [["median", quantiles.median], ["p90", quantiles.p90]].map(([words, value], place) => ({
          name: `${words} ${write(value)}`, xAxis: binOf(value), label: { distance: binOf(quantiles.median) === binOf(quantiles.p90) && place ? 20 : 6 },
        })),
      },
    }],
  });
  const made = chart(name, `${title}: ${takeaway}`, option);
  const choose = (kind) => () => {
    scale = kind;
    made.draw();
  };
  return card(
    {
      title,
      takeaway,
      size: "half",
      controls: choice("The scale of sessions", [{ title: "Linear", act: choose("value") }, { title: "Log", act: choose("log") }], 0),
    },
    made.holder,
    numbersOf(
      table(
        title,
        [{ title: unit }, { title: "Sessions", number: true }, { title: "Share", number: true }],
        names.map((words, place) => [words, number(counts[place]), percent(counts[place], all)]),
      ),
    ),
  );
};

const usersCard = ({ top_users }) => {
  const longest = top_users[0]?.average || 1;
  const meter = (value) => {
    const fill = element("i");
    fill.style.width = `${(100 * value) / longest}%`;
    return element("span", { class: "meter", "aria-hidden": "true" }, fill);
  };
  // As a shell takes it literally.
  const command = (visitor) => `tracklet explain visitor '${visitor.replaceAll("'", "'\\''")}'`;
  const copy = (visitor) => {
    const button = element("button", { type: "button", class: "copy", title: command(visitor) }, "copy explain");
    button.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(command(visitor)).catch(() => {});
      button.textContent = "copied";
      setTimeout(() => (button.textContent = "copy explain"), 1500);
    });
    return button;
  };
  return card(
    {
      title: "The longest sessions on average",
      takeaway: ["One long session comes before many short ones. ", element("code", {}, "tracklet explain visitor"), " tells a visitor’s story."],
    },
    top_users.length
      ? element(
          "div",
          { class: "scroll" },
          table(
            "Visitors by the average of their session durations",
            [{ title: "Visitor" }, { title: "" }, { title: "Average", number: true }, { title: "Sessions", number: true }, { title: "" }],
            top_users.map((user) => [named(user.visitor), meter(user.average), minutes(user.average), number(user.sessions), copy(user.visitor)]),
          ),
        )
      : element("p", { class: "empty" }, "No session was chosen."),
  );
};

const sessionsSection = (figures) => {
  const duration = figures.durations.quantiles;
  const length = figures.lengths.quantiles;
  return section(
    "sessions",
    "How long they stay",
    null,
    element(
      "div",
      { class: "grid" },
      histogramCard({
        name: "durations",
        title: "Minutes from first to last event",
        takeaway: duration && `Half of the sessions last ${minutes(duration.median)} or less, one in ten over ${minutes(duration.p90)}.`,
        unit: "minutes",
        histogram: figures.durations,
        write: minutes,
      }),
      histogramCard({
        name: "lengths",
        title: "Events in a session",
        takeaway: length && `Half of the sessions have ${count(length.median, "event")} or fewer, one in ten more than ${number(length.p90)}.`,
        unit: "events",
        histogram: figures.lengths,
        write: number,
      }),
      usersCard(figures),
    ),
  );
};
