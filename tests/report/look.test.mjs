// How the page looks and is used: themes, a phone's width, the keyboard, the printer; and the picture of the README.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { existsSync, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { open, start, stop } from "./browser.mjs";
import { lines, published, root, scratch } from "./program.mjs";

const CHARTS = ["days", "hours", "durations", "lengths", "events", "entries", "exits", "flow", "tuning", "lineage"];
const pictures = process.env.TRACKLET_PICTURES ?? scratch;

let shop;
before(async () => {
  shop = published("shop", path.join(root, "examples/shop/rudder-logs"), { report: ["--title", "Shop, January 2026"] });
  mkdirSync(pictures, { recursive: true });
  await start();
});
after(stop);

/** The least contrast between letters and what is behind them, over the texts of the page and its charts. */
const leastContrast = (page) =>
  page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (colour !== "rgba(0, 0, 0, 0)") return colour;
      }
      return "rgb(255, 255, 255)";
    };
    let least = { ratio: 99 };
    for (const node of document.querySelectorAll("main *, footer, .bar nav a")) {
      const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
      if (!own || !node.getClientRects().length || node.closest("svg")) continue;
      const [a, b] = [luminance(getComputedStyle(node).color), luminance(behind(node))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < least.ratio) least = { ratio, text: node.textContent.slice(0, 60), class: node.className };
    }
    return least;
  });

for (const [name, width, scheme] of [["light", 1280, "light"], ["dark", 1280, "dark"], ["narrow", 390, "light"]]) {
  test(`${name}: every chart is drawn, nothing is cut off, letters can be read`, { timeout: 180000 }, async () => {
    const { page, complaints } = await open(shop.file, { width, scheme });
    for (const chart of CHARTS) {
      const shapes = await page.$eval(`[data-chart="${chart}"]`, (holder) => ({
        paths: [...holder.querySelectorAll("svg path")].filter((path) => path.getBBox().width > 0).length,
        texts: holder.querySelectorAll("svg text").length,
      }));
      assert.ok(shapes.paths > 3 && shapes.texts > 3, `${chart}: ${JSON.stringify(shapes)}`);
    }
    const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= view, `${content} wide in a window of ${view}`);
    const contrast = await leastContrast(page);
    assert.ok(contrast.ratio >= 4.5, JSON.stringify(contrast));
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), scheme);
    const ids = await page.$$eval("[id]", (all) => all.map((each) => each.id));
    assert.equal(new Set(ids).size, ids.length);
    await page.screenshot({ path: path.join(pictures, `report-${name}.png`), fullPage: true });
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("the theme is changed by its button, and charts with it", { timeout: 120000 }, async () => {
  const { page, complaints } = await open(shop.file, { scheme: "light" });
  const colour = () => page.$eval('[data-chart="events"]', (holder) => echarts.getInstanceByDom(holder).getOption().series[0].color);
  const light = await colour();
  await page.click("#theme");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.notDeepEqual(await colour(), light);
  await page.click("#theme");
  assert.deepEqual(await colour(), light);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("everything can be reached with the keyboard alone", { timeout: 180000 }, async () => {
  const { page, complaints } = await open(shop.file);
  const reached = new Set();
  for (let press = 0; press < 200; press += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      return node === document.body ? null : node.id || node.textContent.slice(0, 30);
    });
    if (at === null) break;
    reached.add(at);
  }
  for (const wanted of ["Skip to the figures", "theme", "Visitors", "Log", "flow-start", "flow-least", "timeout-minutes", "Numbers"]) {
    assert.ok(reached.has(wanted), `${wanted} among ${[...reached].join(", ")}`);
  }
  // A range by its arrows, a table by its summary.
  await page.focus("#timeout-minutes");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector('output[for="timeout-minutes"]').textContent.startsWith("31 min: "), null, { timeout: 10000 });
  await page.focus('figure:has([data-chart="days"]) summary');
  await page.keyboard.press("Enter");
  assert.ok(await page.isVisible('figure:has([data-chart="days"]) tbody td'));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("what is counted can be chosen", { timeout: 120000 }, async () => {
  const { page } = await open(shop.file);
  const total = (name) => page.$eval(`[data-chart="${name}"]`, (holder) =>
    echarts.getInstanceByDom(holder).getOption().series.flatMap((series) => series.data).reduce((sum, item) => sum + (Array.isArray(item) ? item[2] : Number(item)), 0));
  const figures = await page.evaluate(() => JSON.parse(document.getElementById("figures").textContent));
  assert.equal(await total("days"), figures.totals.sessions);
  await page.click('figure:has([data-chart="days"]) button:text("Visitors")');
  assert.equal(await total("days"), figures.activity.days.reduce((sum, day) => sum + day.visitors, 0));
  assert.equal(await total("hours"), figures.totals.events);
  await page.click('figure:has([data-chart="hours"]) button:text("Sessions")');
  assert.equal(await total("hours"), figures.totals.sessions);
  await page.close();
});

test("it prints in light colours within the page", { timeout: 120000 }, async () => {
  const { page } = await open(shop.file, { scheme: "dark" });
  const file = path.join(scratch, "report.pdf");
  await page.pdf({ path: file, format: "A4", printBackground: true });
  assert.ok(existsSync(file) && statSync(file).size > 50000);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  const widest = await page.$$eval(".chart svg", (all) => Math.max(...all.map((svg) => svg.getBoundingClientRect().width)));
  assert.ok(widest <= 1000);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.close();
});

test("tables without a row make a page too", { timeout: 120000 }, async () => {
  const empty = published("empty", lines("empty", [{ messageId: "m", timestamp: "never", anonymousId: "a" }]));
  const { page, complaints } = await open(empty.file);
  assert.match(await page.textContent(".lead"), /^0 sessions of 0 visitors/);
  assert.ok((await page.$$(".empty")).length >= 4);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the page is small", () => {
  assert.ok(statSync(shop.file).size < 2_000_000);
});

test("the picture of the README", { timeout: 120000 }, async () => {
  const { page } = await open(shop.file, { width: 1180, height: 1240 });
  const file = path.join(process.env.TRACKLET_PICTURES ? path.join(root, "docs/images") : scratch, "report.png");
  mkdirSync(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file });
  assert.ok(statSync(file).size < 300_000, `${statSync(file).size} bytes`);
  await page.close();
});
