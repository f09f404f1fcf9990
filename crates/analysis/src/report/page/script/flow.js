// How sessions go on from their first event.

const END = -1;

/** The name of a place in the flow; a place of its own for all other events, and for events without a name. */
const placeName = (flow, place) =>
  place === END ? "end of session" : place === 0 ? "other events" : place === 1 ? null : flow.names[place - 2];

/** The nodes and links to draw, and the sessions at every node; `start` is a place or null for every start. */
const flowOf = (flow, start, least) => {
  const links = new Map();
  const sessions = new Map();
  let all = 0;
  const add = (map, key, value) => map.set(key, (map.get(key) ?? 0) + value);
  for (const [first, step, from, to, value] of flow.links) {
    if (start !== null && first !== start) continue;
    if (step === 1) all += value;
    add(sessions, `${step}:${from}`, value);
    if (to === END || step + 1 === flow.steps) add(sessions, `${step + 1}:${to}`, value);
    add(links, `${step}:${from}>${step + 1}:${to}`, value);
  }
  const kept = [...links].map(([key, value]) => {
    const [source, target] = key.split(">");
    return { source, target, value };
  }).filter((link) => link.value >= least * all);
  const used = new Set(kept.flatMap((link) => [link.source, link.target]));
  return { all, sessions, links: kept, nodes: [...used] };
};

const flowCard = ({ flow, totals }) => {
  const starts = new Map();
  for (const [first, step, , , value] of flow.links) if (step === 1) starts.set(first, (starts.get(first) ?? 0) + value);
  let start = null;
  let least = 0.01;
  const part = (node) => node.split(":").map(Number);
  const name = (node) => placeName(flow, part(node)[1]);
  const option = (palette, width) => {
    const { all, sessions, links, nodes } = flowOf(flow, start, least);
    const narrow = width < 700;
    const colour = (node) => {
      const [step, place] = part(node);
      if (place === END) return palette.quiet;
      return step === 1 ? palette.accent2 : place === 0 ? palette.ink3 : palette.accent;
    };
    return {
      tooltip: tooltip(palette, (point) => {
        if (point.dataType === "edge") {
          const { source, target, value } = point.data;
          return tip([named(name(source)), " → ", named(name(target))], [
            [null, "Sessions", number(value)],
            [null, `Of those at step ${part(source)[0]}`, percent(value, sessions.get(source))],
            [null, "Of all sessions shown", percent(value, all)],
          ]);
        }
        const value = sessions.get(point.name);
        return tip(named(name(point.name)), [[null, `Sessions at step ${part(point.name)[0]}`, number(value)], [null, "Of all sessions shown", percent(value, all)]]);
      }, "item"),
      series: [{
        type: "sankey",
        left: 4,
        right: narrow ? 96 : 150,
        top: 10,
        bottom: 10,
        nodeWidth: 12,
        nodeGap: 11,
        layoutIterations: 48,
        draggable: false,
        emphasis: { focus: "adjacency" },
        data: nodes.map((node) => ({ name: node, depth: part(node)[0] - 1, itemStyle: { color: colour(node), borderWidth: 0 } })),
        links: links.map((link) => ({ ...link, lineStyle: { color: part(link.target)[1] === END ? palette.quiet : palette.accent, opacity: 0.2 } })),
        label: {
          color: palette.ink,
          fontSize: narrow ? 10.5 : 12,
          formatter: (point) => label(name(point.name), narrow ? 13 : 20),
        },
      }],
    };
  };
  const made = chart("flow", "How sessions go on from their first event to their fifth", option, { height: 520 });
  const paths = element("div", { class: "scroll" });
  const listed = () => {
    const first = start === null || start === 0 ? null : start === 1 ? [null] : [flow.names[start - 2]];
    const ofOthers = (event) => event !== null && !flow.names.includes(event);
    const chosen = flow.paths.filter((path) => (first ? path.events[0] === first[0] : start === 0 ? ofOthers(path.events[0]) : true));
    const all = start === null ? totals.sessions : starts.get(start);
    const steps = (path) => [
      path.events.map((event, place) => [place > 0 && element("span", { class: "arrow" }, "→"), element("span", { class: "step" }, named(event))]),
      path.events.length < flow.steps && [element("span", { class: "arrow" }, "→"), element("span", { class: "end" }, "end")],
    ];
    paths.replaceChildren(
      table(
        "The most frequent paths",
        [{ title: "Path" }, { title: "Sessions", number: true }, { title: "Share", number: true }],
        chosen.slice(0, 25).map((path) => [steps(path), number(path.sessions), percent(path.sessions, all)]),
      ),
    );
  };
  const links = element("div");
  const draw = () => {
    made.draw();
    listed();
    const { sessions, links: drawnLinks } = flowOf(flow, start, least);
    const rows = drawnLinks
      .sort((a, b) => part(a.source)[0] - part(b.source)[0] || b.value - a.value)
      .map((link) => [String(part(link.source)[0]), named(name(link.source)), named(name(link.target)), number(link.value), percent(link.value, sessions.get(link.source))]);
    links.replaceChildren(
      table("Sessions that go from one event to the next", [{ title: "Step" }, { title: "From" }, { title: "To" }, { title: "Sessions", number: true }, { title: "Of those at the step", number: true }], rows),
    );
  };
  const options = [...starts].sort((a, b) => b[1] - a[1]).map(([place, value]) =>
    element("option", { value: place }, `${label(placeName(flow, place), 40)} (${compact(value)})`),
  );
  const select = element("select", { id: "flow-start", on: { change: () => { start = select.value === "" ? null : Number(select.value); draw(); } } },
    element("option", { value: "" }, "any event"), options);
  const shown = element("output", { for: "flow-least" });
  const range = element("input", { type: "range", id: "flow-least", min: 0, max: 100, step: 1, value: 10, on: { input: () => { least = (Number(range.value) / 1000); write(); draw(); } } });
  const write = () => (shown.textContent = least === 0 ? "none" : `under ${decimal(100 * least)} %`);
  write();
  if (!flow.links.length) {
    return [card({ title: "From the first event on" }, element("p", { class: "empty" }, flow.steps < 2 ? "The flow has one event: see flow.length in the configuration." : "No session was chosen."))];
  }
  listed();
  const firstDraw = { holder: made.holder, draw };
  drawn.at(-1).after = () => queueMicrotask(draw);
  return [
    card(
      {
        title: `The first ${flow.steps} events of sessions`,
        takeaway: "A band is as wide as there are sessions that go this way. Grey bands end there.",
        controls: [element("label", {}, "Start with", select), element("label", {}, "Hide paths", range, shown)],
      },
      firstDraw.holder,
      numbersOf(links),
    ),
    card({ title: `The most frequent paths of up to ${flow.steps} events` }, paths),
  ];
};

const flowSection = (figures) =>
  section("flow", "How sessions go on", null, element("div", { class: "grid" }, flowCard(figures)));
