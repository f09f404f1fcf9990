// The browser, and what a page may not do in it.
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

let context;
let profile;

export const start = async () => {
  profile = mkdtempSync(path.join(tmpdir(), "tracklet-chromium-"));
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
  });
  // A theme that one test has chosen is not there for the next.
  await context.addInitScript(() => localStorage.clear());
};

export const stop = async () => {
  await context?.close();
  if (profile) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
};

/**
 * Opens a report and waits until all charts are drawn. `complaints` fills with whatever a page must not have: words on the
 * console, errors, requests to anywhere, dialogs.
 */
export const open = async (file, { width = 1280, height = 900, scheme = "light" } = {}) => {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== pathToFileURL(file).href && !request.url().startsWith("data:")) complaints.push(`request: ${request.url()}`);
  });
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector("html[data-drawn]", { timeout: 60000 });
  return { page, complaints };
};

/** What a chart was told to draw, and how many shapes it drew. */
export const chart = (page, name) =>
  page.evaluate((wanted) => {
    const holder = document.querySelector(`[data-chart="${wanted}"]`);
    const option = echarts.getInstanceByDom(holder).getOption();
    const series = option.series.map((each) => ({
      name: each.name,
      data: each.data.map((item) => (item !== null && typeof item === "object" && "value" in item ? item.value : item)),
      nodes: each.type === "sankey" ? each.data.map((node) => node.name) : undefined,
      links: each.links?.map(({ source, target, value }) => ({ source, target, value })),
      marks: each.markLine?.data.map(({ name, xAxis }) => ({ name, xAxis })),
    }));
    const axis = option.xAxis?.[0]?.data ?? null;
    return { series, axis, shapes: holder.querySelectorAll("svg path").length };
  }, name);

/** The rows of the table behind a chart, as the page shows them. */
export const rowsBehind = (page, name) =>
  page.evaluate((wanted) => {
    const card = document.querySelector(`[data-chart="${wanted}"]`).closest("figure");
    return [...card.querySelectorAll("details.numbers tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  }, name);
