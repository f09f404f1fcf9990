// The tables, which is made from which, and what was checked.

const lineageCard = ({ models }) => {
  const layers = [];
  for (const model of models) (layers[model.depth] ??= []).push(model);
  const height = 470;
  // What others are made from stands in the middle of its layer; what an arrow passes by makes way.
  const isSource = (model) => models.some((other) => other.from.includes(model.name));
  for (const layer of layers) {
    const [inner, outer] = [layer.filter(isSource), layer.filter((model) => !isSource(model))];
    layer.splice(0, layer.length, ...outer.slice(0, outer.length / 2), ...inner, ...outer.slice(outer.length / 2));
  }
  const depthOf = (name) => models.find((model) => model.name === name).depth;
  const passed = layers.map((_, depth) => models.some((model) => model.depth > depth && model.from.some((from) => depthOf(from) < depth)));
  const spot = (model) => {
    const layer = layers[model.depth];
    const middle = ((layer.indexOf(model) + 1) * height) / (layer.length + 1);
    return { x: model.depth, y: layer.length === 1 && passed[model.depth] ? middle - 85 : middle };
  };
  const option = (palette, width) => {
    const box = [172, 36];
    const across = (width - box[0] - 16) / (layers.length - 1);
    return {
      tooltip: tooltip(palette, (point) => {
        if (point.dataType === "edge") return tip(`${point.data.source} → ${point.data.target}`, []);
        const model = models.find((each) => each.name === point.name);
        return element("div", {}, tip(model.name, model.rows === null ? [] : [[null, "Rows", number(model.rows)]]), element("div", {}, model.description));
      }, "item"),
      series: [{
        type: "graph",
        layout: "none",
        left: box[0] / 2 + 8,
        right: box[0] / 2 + 8,
        top: 30,
        bottom: 30,
        symbol: "rect",
        symbolSize: box,
        cursor: "default",
        emphasis: { focus: "adjacency" },
        lineStyle: { color: palette.quiet, width: 1.4, opacity: 1 },
        data: models.map((model) => {
          const { x, y } = spot(model);
          return {
            name: model.name,
            x: x * across,
            y,
            itemStyle: {
              color: palette.surface,
              borderColor: model.rows === null ? palette.quiet : palette.accent,
              borderType: model.rows === null ? "dashed" : "solid",
              borderWidth: 1.5,
            },
          };
        }),
        links: models.flatMap((model) => model.from.map((from) => ({ source: from, target: model.name }))),
        label: { show: true, color: palette.ink, fontSize: 11, formatter: (point) => point.name },
      }],
    };
  };
  const made = chart("lineage", "Which table is made from which", option, { height });
  made.holder.style.minWidth = "1000px";
  return card(
    { title: "Which table is made from which", takeaway: "Dashed boxes are steps that this run did not keep as tables." },
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Lineage of the tables" }, made.holder),
    numbersOf(
      table(
        "Which table is made from which",
        [{ title: "Table" }, { title: "Made from" }, { title: "Rows", number: true }],
        models.map((model) => [element("code", {}, model.name), model.from.join(", ") || "the source", model.rows === null ? "not kept" : number(model.rows)]),
      ),
    ),
  );
};

const columnsCard = ({ models }) =>
  card(
    { title: "What is in them" },
    element(
      "div",
      { class: "models" },
      models
        .filter((model) => model.rows !== null)
        .map((model) =>
          element(
            "details",
            {},
            element(
              "summary",
              {},
              element("span", { class: "mono" }, model.name),
              element("span", { class: "about" }, model.description),
              element("span", { class: "number" }, count(model.rows, "row")),
            ),
            element(
              "div",
              { class: "scroll" },
              table(
                `Columns of ${model.name}`,
                [{ title: "Column" }, { title: "What it holds" }, { title: "Tests" }],
                model.columns.map((column) => [element("code", {}, column.name), column.description, column.tests.map((test) => element("span", { class: "badge" }, test))]),
              ),
            ),
          ),
        ),
    ),
  );

const checksCard = ({ run }) => {
  const failed = run.checks.filter((check) => !check.passed).length;
  return card(
    {
      title: "What was checked",
      takeaway: failed ? `${count(failed, "check")} failed.` : `All ${run.checks.length} checks of this run passed, on the very rows that were written.`,
    },
    element(
      "div",
      { class: "scroll" },
      table(
        "Checks of the run",
        [{ title: "" }, { title: "What must hold" }, { title: "Found" }],
        run.checks.map((check) => [
          element("span", { class: `check ${check.passed ? "yes" : "no"}`, title: check.passed ? "passed" : "failed" }, check.passed ? "✓ passed" : "✗ failed"),
          check.invariant,
          check.found,
        ]),
      ),
    ),
  );
};

const modelsSection = (figures) =>
  section("tables", "The tables", null, element("div", { class: "grid" }, lineageCard(figures), columnsCard(figures), checksCard(figures)));
