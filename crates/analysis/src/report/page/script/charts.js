// What all charts have in common: colours, letters, what a pointer shows.

const drawn = [];

/** The colours of the theme that is shown. */
const colours = () => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["ink", "ink-2", "ink-3", "line", "surface", "accent", "accent-2", "accent-soft", "quiet", "sunken", "bad"];
  const found = Object.fromEntries(names.map((name) => [name.replace("-", ""), colour(name)]));
  found.heat = [0, 1, 2, 3].map((step) => colour(`heat-${step}`));
  return found;
};

const letters = { fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--sans").trim(), fontSize: 12 };

/**
 * A chart in a holder of its own. `option` makes it from the colours and the width; it is made again when the theme or the
 * width changes, and by the function that stands beside the holder.
 */
const chart = (name, about, option, { height, after } = {}) => {
  const holder = element("div", { class: "chart", role: "img", "aria-label": about, "data-chart": name });
  if (height) holder.style.height = `${height}px`;
  const entry = { holder, after };
  entry.draw = () => {
    if (!holder.isConnected) return;
    if (!entry.instance) {
      entry.instance = echarts.init(holder, null, { renderer: "svg" });
      after?.(entry.instance);
    }
    entry.instance.resize();
    entry.instance.setOption(
      { animation: false, textStyle: letters, ...option(colours(), holder.clientWidth) },
      { notMerge: true },
    );
  };
  drawn.push(entry);
  return { holder, draw: entry.draw };
};

const drawAll = () => drawn.forEach((entry) => entry.draw());

/** What a pointer shows: a title and rows of `[colour, words, value]`. */
const tip = (title, rows) =>
  element(
    "div",
    {},
    element("div", { class: "title" }, title),
    rows.map(([colour, words, value]) => {
      const mark = colour && element("i");
      if (mark) mark.style.background = colour;
      return element("div", { class: "row" }, element("span", {}, mark, words), element("b", {}, value));
    }),
  );

const tooltip = (palette, formatter, trigger = "axis") => ({
  trigger,
  formatter,
  confine: true,
  className: "tip",
  axisPointer: { type: "shadow", shadowStyle: { color: palette.sunken, opacity: 0.6 } },
  backgroundColor: palette.surface,
  borderColor: palette.line,
  borderWidth: 1,
  padding: [9, 13],
  textStyle: { color: palette.ink },
  extraCssText: "border-radius:10px; box-shadow:0 8px 28px -10px rgb(0 0 0 / 35%);",
});

const categories = (palette, data, more = {}) => ({
  type: "category",
  data,
  axisTick: { show: false },
  axisLine: { lineStyle: { color: palette.line } },
  axisLabel: { color: palette.ink2, hideOverlap: true, ...more.axisLabel },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== "axisLabel")),
});

const values = (palette, more = {}) => ({
  type: "value",
  splitNumber: 4,
  minInterval: 1,
  axisLabel: { color: palette.ink3, formatter: compact, hideOverlap: true },
  splitLine: { lineStyle: { color: palette.line } },
  ...more,
});

const margins = (more = {}) => ({ left: 8, right: 12, top: 18, bottom: 8, containLabel: true, ...more });
