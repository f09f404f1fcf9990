// Elements from figures. Texts of the figures only ever become text nodes.

/** An element with attributes, listeners (`on: { click }`) and children: nodes, texts, lists, or nothing. */
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (value !== undefined && value !== null && value !== false) {
      made.setAttribute(key, value === true ? "" : String(value));
    }
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return made;
};

/** Control characters as their pictures: a name must not break lines. */
const visible = (text) =>
  text.replace(/[\u0000-\u001f\u007f]/g, (control) =>
    control === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + control.charCodeAt(0)),
  );

/** A name from the data, by itself in its direction of writing, with a few words where there is none. */
const named = (text, absent = "no name") => {
  if (text === null || text === undefined) return element("span", { class: "nameless" }, absent);
  const long = text.length > 160;
  return element("bdi", { class: long ? "name long" : "name", tabindex: long ? 0 : undefined }, visible(text));
};

/** A name for a place that can only hold text, at most `most` characters of it. */
const label = (text, most = 26, absent = "no name") => {
  if (text === null || text === undefined) return absent;
  const characters = [...visible(text)];
  const cut = characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
  return `\u2068${cut}\u2069`;
};

/** A table. `columns` are `{ title, number }`; cells are texts, numbers already written, or nodes. */
const table = (caption, columns, rows) => {
  const kind = (column) => (column.number ? "number" : undefined);
  const head = columns.map((column) => element("th", { scope: "col", class: kind(column) }, column.title));
  const body = rows.map((row) =>
    element("tr", {}, row.map((cell, place) => element("td", { class: kind(columns[place]) }, cell))),
  );
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, head)),
    element("tbody", {}, body),
  );
};

/** What is behind a chart: its numbers, opened by who wants them. */
const numbersOf = (made) =>
  element(
    "details",
    { class: "numbers" },
    element("summary", {}, "Numbers"),
    element("div", { class: "rows", tabindex: 0, role: "region", "aria-label": "Numbers of the chart" }, made),
  );

/** A card with a heading, what it says in a sentence, controls and content. */
const card = ({ title, takeaway, controls, size }, ...content) =>
  element(
    "figure",
    { class: `card ${size ?? ""}` },
    element(
      "div",
      { class: "head" },
      element("div", {}, element("h3", {}, title), takeaway && element("p", { class: "takeaway" }, takeaway)),
      controls && element("div", { class: "controls" }, controls),
    ),
    content,
  );

/** Buttons of which one is pressed. */
const choice = (about, options, chosen) => {
  const buttons = options.map(({ title, act }) =>
    element("button", { type: "button", "aria-pressed": "false", on: { click: (event) => press(event.target, act) } }, title),
  );
  const press = (button, act) => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    act();
  };
  buttons[chosen].setAttribute("aria-pressed", "true");
  return element("span", { class: "choice", role: "group", "aria-label": about }, buttons);
};

const sections = [];

/** A section of the page, which is also in the navigation. */
const section = (id, title, about, ...content) => {
  sections.push({ id, title });
  return element(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    element("header", {}, element("h2", { id: `${id}-title` }, title), about && element("p", {}, about)),
    content,
  );
};
