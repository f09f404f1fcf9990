// Sessions as a function of the timeout.

const tuningCard = ({ tuning }) => {
  const { curve, configured, events, gaps } = tuning;
  const most = curve.length;
  const now = configured.minutes;
  const nearest = Math.min(most, Math.max(1, Math.round(now)));
  let looked = nearest;
  const single = (point) => (point.sessions ? (100 * point.one_event_sessions) / point.sessions : 0);
  const mark = (palette, minutesAt, words, colour, position) => ({
    name: words, xAxis: minutesAt, lineStyle: { color: colour, width: 1.5, type: "solid" },
    label: { formatter: words, color: palette.ink, position, fontSize: 12 },
  });
  const option = (palette, width) => {
    const bottom = 34;
    const axis = (gridIndex, more) => ({
      gridIndex, type: "value", min: 0, max: most, interval: width < 560 ? 60 : 30, axisLine: { show: true, lineStyle: { color: palette.line } },
      axisTick: { show: false }, splitLine: { show: false }, axisLabel: { color: palette.ink2 }, ...more,
    });
    const line = (name, colour, data, yAxisIndex) => ({
      name, type: "line", data, color: colour, showSymbol: false, lineStyle: { width: 2.2 }, yAxisIndex, xAxisIndex: 0,
    });
    const marks = { symbol: "none", silent: true, data: [mark(palette, now, `${decimal(now)} min now`, palette.ink3, "end")] };
    return {
      legend: { left: 0, top: 0, itemWidth: 14, itemHeight: 3, itemGap: 22, icon: "roundRect", textStyle: { color: palette.ink2 }, selectedMode: false, data: ["Sessions", "One-event sessions"] },
      grid: [
        { left: 60, right: 54, top: 40, height: 230 },
        { left: 60, right: 54, top: 320, bottom },
      ],
      tooltip: tooltip(palette, (points) => {
        const at = Math.round(points[0].data[0]);
        if (points[0].axisIndex === 1) {
          return tip(at >= gaps.length - 1 ? `Gaps over ${most} min` : `Gaps of ${at} min`, [[palette.accent, "Gaps", number(gaps[at])]]);
        }
        const point = curve[at - 1];
        return tip(`Timeout ${at} min`, [
          [palette.accent, "Sessions", number(point.sessions)],
          [palette.accent2, "One-event sessions", `${number(point.one_event_sessions)}, ${percent(point.one_event_sessions, point.sessions)}`],
          [null, "Events per session", point.sessions ? decimal(events / point.sessions, 2) : "–"],
        ]);
      }),
      axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: palette.ink3 } },
      xAxis: [
        axis(0, { axisLabel: { show: false } }),
        axis(1, { name: "minutes", nameLocation: "middle", nameGap: 22, nameTextStyle: { color: palette.ink3 } }),
      ],
      yAxis: [
        values(palette, { gridIndex: 0, scale: true }),
        values(palette, { gridIndex: 0, min: 0, minInterval: 0, splitLine: { show: false }, axisLabel: { color: palette.accent2, formatter: (value) => `${decimal(value, 0)} %` } }),
        values(palette, { gridIndex: 1, type: "log", min: 0.5, minInterval: undefined, name: "gaps", nameTextStyle: { color: palette.ink3 }, axisLabel: { color: palette.ink3, formatter: (value) => (value < 1 ? "" : compact(value)) } }),
      ],
      series: [
        { ...line("Sessions", palette.accent, curve.map((point) => [point.timeout, point.sessions]), 0), markLine: marks },
        line("One-event sessions", palette.accent2, curve.map((point) => [point.timeout, single(point)]), 1),
        {
          name: "Gaps", type: "bar", xAxisIndex: 1, yAxisIndex: 2, barWidth: Math.max(1, (width - 114) / most - 1),
          data: gaps.slice(0, most + 1).map((value, at) => ({ value: [at, value || null], itemStyle: { color: at > now ? palette.accent2 : palette.accent } })),
          markLine: { symbol: "none", silent: true, label: { show: false }, data: [mark(palette, now, "", palette.ink3)] },
        },
      ],
    };
  };
  const made = chart("tuning", "Sessions and the share of one-event sessions for every timeout, over the gaps between events", option, { height: 520 });
  const readout = element("output", { for: "timeout-minutes" });
  const range = element("input", { type: "range", id: "timeout-minutes", min: 1, max: most, value: looked, on: { input: () => { looked = Number(range.value); write(); } } });
  const write = () => {
    const point = curve[looked - 1];
    const change = point.sessions - configured.sessions;
    const relative = configured.sessions ? `${change > 0 ? "+" : change < 0 ? "−" : "±"}${decimal((100 * Math.abs(change)) / configured.sessions)} %` : "";
    readout.textContent = `${looked} min: ${number(point.sessions)} sessions (${relative}), ${events && point.sessions ? decimal(events / point.sessions, 2) : 0} events each, ${percent(point.one_event_sessions, point.sessions)} of one event`;
  };
  write();
  const longer = gaps.at(-1);
  const half = curve.find((point) => point.timeout === Math.min(most, Math.round(now * 2)));
  const change = half && configured.sessions ? (100 * (configured.sessions - half.sessions)) / configured.sessions : 0;
  return card(
    {
      title: "Every timeout from 1 to 240 minutes",
      takeaway:
        `Twice the timeout would make ${decimal(change)} % fewer sessions. ` +
        (Math.abs(change) < 3 ? "The curve is flat here: the exact value matters little. " : "The curve still falls here: the value matters. ") +
        `${count(longer, "gap")} over ${most} minutes, and the first events of visitors, open a session at every timeout.`,
      controls: [element("label", {}, "Look at", range), readout],
    },
    made.holder,
    numbersOf(
      table(
        "Sessions by timeout",
        ["Timeout", "Sessions", "Events per session", "One-event sessions", "Share", "Gaps of this length"].map((title, place) => ({ title, number: place > 0 })),
        curve.map((point) => [
          `${point.timeout} min`, number(point.sessions), point.sessions ? decimal(events / point.sessions, 2) : "–",
          number(point.one_event_sessions), percent(point.one_event_sessions, point.sessions), number(gaps[point.timeout]),
        ]),
      ),
    ),
  );
};

const tuningSection = (figures) =>
  section(
    "timeout",
    `Is ${decimal(figures.tuning.configured.minutes)} minutes right?`,
    "A good timeout stands where the curve is flat: beyond the pauses within a visit, before the time until the next one.",
    element("div", { class: "grid" }, tuningCard(figures)),
  );
