// When people come.

/** Days without sessions between days with some. */
const filled = (days) => {
  const all = [];
  for (const each of days) {
    for (let missing = (all.at(-1)?.day ?? each.day) + 1; missing < each.day; missing += 1) {
      all.push({ day: missing, sessions: 0, new: 0, visitors: 0 });
    }
    all.push(each);
  }
  return all;
};

const daysCard = ({ activity, time_zone }) => {
  const days = filled(activity.days);
  if (!days.length) return card({ title: "By day" }, element("p", { class: "empty" }, "No session was chosen."));
  const busiest = days.reduce((best, each) => (each.sessions > best.sessions ? each : best));
  // A visitor who is new that day has one first session and may have more: visitors and sessions differ.
  const kinds = {
    sessions: { all: (each) => each.sessions, words: ["First sessions", "Later sessions"] },
    visitors: { all: (each) => each.visitors, words: ["New visitors", "Returning visitors"] },
  };
  let kind = kinds.sessions;
  const option = (palette) => {
    const series = (name, colour, data, radius) => ({
      name, type: "bar", stack: "day", data, color: colour, barCategoryGap: days.length > 120 ? "8%" : "28%",
      itemStyle: { borderRadius: radius },
    });
    const zooms = days.length > 92;
    return {
      grid: margins({ top: 38, bottom: zooms ? 46 : 8 }),
      legend: { left: 0, top: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, itemGap: 20, textStyle: { color: palette.ink2 }, selectedMode: false },
      tooltip: tooltip(palette, (points) => {
        const each = days[points[0].dataIndex];
        const rest = kind.all(each) - each.new;
        return tip(dayName(each.day), [
          [palette.accent2, kind.words[0], number(each.new)],
          [palette.accent, kind.words[1], number(rest)],
          [null, "Sessions", number(each.sessions)],
          [null, "Visitors", number(each.visitors)],
        ]);
      }),
      xAxis: categories(palette, days.map((each) => isoDay(each.day)), {
        axisLabel: { formatter: (value) => day(Date.parse(value) / 86400000, { day: "numeric", month: "short" }) },
      }),
      yAxis: values(palette),
      dataZoom: zooms
        ? [
            { type: "inside", zoomOnMouseWheel: "ctrl" },
            {
              type: "slider", height: 20, bottom: 4, borderColor: palette.line, fillerColor: palette.accentsoft, brushSelect: false,
              handleStyle: { color: palette.surface, borderColor: palette.accent }, moveHandleSize: 0, textStyle: { color: palette.ink3 },
              dataBackground: { lineStyle: { color: palette.quiet }, areaStyle: { color: palette.quiet } },
              labelFormatter: (_, value) => day(Date.parse(value) / 86400000, { day: "numeric", month: "short" }),
            },
          ]
        : undefined,
      series: [
        series(kind.words[1], palette.accent, days.map((each) => kind.all(each) - each.new), 0),
        series(kind.words[0], palette.accent2, days.map((each) => each.new), [2, 2, 0, 0]),
      ],
    };
  };
  const made = chart("days", "Sessions by day, first sessions of visitors apart from later ones", option);
  const choose = (name) => () => {
    kind = kinds[name];
    made.draw();
  };
  const elsewhere = activity.sessions_elsewhere;
  return card(
    {
      title: "By day",
      takeaway:
        `The busiest day was ${dayName(busiest.day)} with ${count(busiest.sessions, "session")}. Days are those of ${time_zone}.` +
        (elsewhere ? ` ${count(elsewhere, "session")} on days far from these are not drawn.` : ""),
      controls: choice("What is counted", [{ title: "Sessions", act: choose("sessions") }, { title: "Visitors", act: choose("visitors") }], 0),
    },
    made.holder,
    numbersOf(
      table(
        "Sessions and visitors by day",
        ["Day", "Sessions", "First", "Later", "Visitors", "New", "Returning"].map((title, place) => ({ title, number: place > 0 })),
        activity.days.map((each) => [
          isoDay(each.day), number(each.sessions), number(each.new), number(each.sessions - each.new),
          number(each.visitors), number(each.new), number(each.visitors - each.new),
        ]),
      ),
    ),
  );
};

const hoursCard = ({ activity, time_zone }) => {
  const kinds = { events: activity.events_by_hour, sessions: activity.sessions_by_hour };
  let kind = "events";
  const most = (hours) => hours.indexOf(Math.max(...hours));
  const hourName = (hour) => `${weekdays[Math.floor(hour / 24)]} ${twoDigits(hour % 24)}:00–${twoDigits((hour % 24) + 1)}:00`;
  const option = (palette, width) => ({
    grid: margins({ top: 6, bottom: 44 }),
    tooltip: tooltip(palette, (point) => {
      const hour = point.data[1] * 24 + point.data[0];
      return tip(hourName(hour), [[null, "Events", number(kinds.events[hour])], [null, "Sessions start", number(kinds.sessions[hour])]]);
    }, "item"),
    xAxis: categories(palette, [...Array(24).keys()].map(twoDigits), {
      axisLine: { show: false }, axisLabel: { interval: width < 560 ? 5 : 2 }, splitArea: { show: false },
    }),
    yAxis: categories(palette, weekdays, { inverse: true, axisLine: { show: false } }),
    visualMap: {
      min: 0, max: Math.max(1, ...kinds[kind]), calculable: false, orient: "horizontal", left: "center", bottom: 0, itemWidth: 11, itemHeight: 130,
      text: [compact(Math.max(...kinds[kind])), "0"], textStyle: { color: palette.ink3 }, inRange: { color: palette.heat },
    },
    series: [{
      type: "heatmap",
      data: kinds[kind].map((value, hour) => [hour % 24, Math.floor(hour / 24), value]),
      itemStyle: { borderColor: palette.surface, borderWidth: 2, borderRadius: 4 },
      emphasis: { itemStyle: { borderColor: palette.ink } },
    }],
  });
  const made = chart("hours", "Events by hour of the day and day of the week", option, { height: 330 });
  const choose = (name) => () => {
    kind = name;
    made.draw();
  };
  const top = most(kinds.events);
  return card(
    {
      title: "By hour of the week",
      takeaway: `Most happens on ${hourName(top)}: ${count(kinds.events[top], "event")}. Hours are those of ${time_zone}.`,
      controls: choice("What is counted", [{ title: "Events", act: choose("events") }, { title: "Sessions", act: choose("sessions") }], 0),
    },
    made.holder,
    numbersOf(
      table(
        "Events and sessions by hour of the week",
        [{ title: "Hour" }, { title: "Events", number: true }, { title: "Sessions start", number: true }],
        kinds.events.map((value, hour) => [hourName(hour), number(value), number(kinds.sessions[hour])]),
      ),
    ),
  );
};

const activitySection = (figures) =>
  section("activity", "When people come", null, element("div", { class: "grid" }, daysCard(figures), hoursCard(figures)));
