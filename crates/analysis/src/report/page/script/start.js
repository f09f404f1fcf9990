// Puts the page together and keeps it in step with the theme, the width and the printer.

const figures = JSON.parse(document.getElementById("figures").textContent);

/** The theme that was chosen, or else the system's. A page from a file may not be allowed to remember. */
const remembered = () => {
  try {
    return localStorage.getItem("tracklet-theme");
  } catch {
    return null;
  }
};
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.getElementById("theme");
const show = (theme) => {
  document.documentElement.dataset.theme = theme;
  themeButton.setAttribute("aria-pressed", String(theme === "dark"));
  themeButton.textContent = theme === "dark" ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", theme === "dark" ? "Show in light colours" : "Show in dark colours");
};
const wanted = () => remembered() ?? (systemDark.matches ? "dark" : "light");
show(wanted());
themeButton.addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("tracklet-theme", next);
  } catch {
    // It is shown all the same, for as long as the page is.
  }
  show(next);
  drawAll();
});
systemDark.addEventListener("change", () => {
  show(wanted());
  drawAll();
});

document.getElementById("main").append(
  heroOf(figures),
  runSection(figures),
  activitySection(figures),
  sessionsSection(figures),
  eventsSection(figures),
  flowSection(figures),
  tuningSection(figures),
  modelsSection(figures),
);

const navigation = document.getElementById("sections");
const links = new Map(sections.map(({ id, title }) => [id, element("a", { href: `#${id}` }, title)]));
navigation.append(...links.values());
const passing = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const [id, link] of links) link.setAttribute("aria-current", String(id === entry.target.id));
    }
  },
  { rootMargin: "-20% 0px -70% 0px" },
);
for (const id of links.keys()) passing.observe(document.getElementById(id));

const begin = () => {
  drawAll();
  let width = innerWidth;
  let waiting;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 120);
  });
  document.documentElement.dataset.drawn = "true";
};
document.fonts.ready.then(begin);

// Browsers may say more than once that they are about to print.
let before;
addEventListener("beforeprint", () => {
  before ??= document.documentElement.dataset.theme;
  show("light");
  document.getElementById("main").style.width = "720px";
  drawAll();
});
addEventListener("afterprint", () => {
  document.getElementById("main").style.width = "";
  show(before ?? wanted());
  before = undefined;
  drawAll();
});
