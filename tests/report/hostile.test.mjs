// Names of events and ids that are written to be run: they are shown and never run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chart, open, rowsBehind, start, stop } from "./browser.mjs";
import { lines, published } from "./program.mjs";

const HOSTILE = [
  "<script>window.ran = true</script>",
  "</script><script>window.ran = true</script>",
  "<img src=x onerror=\"window.ran = true\">",
  "<!--",
  "\"'`;--\\",
  "{{data}} ${window.ran = true} {{title}}",
  "{a|rich} {b} {c}",
  "__proto__",
  "constructor",
  "\u202egnp.exe\u2066",
  "مرحبا بالعالم",
  "👩‍👩‍👧‍👦 🇩🇪",
  "line\nbreak\ttab\u2028end",
  `long ${"x".repeat(1019)}`,
  "it's; DROP TABLE dbt_track_facts",
];
/** As the page writes control characters. */
const visible = (text) => text.replaceAll("\n", "\u240a").replaceAll("\t", "\u2409");

let report;
before(async () => {
  const events = HOSTILE.flatMap((name, place) =>
    [...Array(2 + place).keys()].map((round) => ({
      messageId: `m-${place}-${round}`,
      anonymousId: `visitor ${name}`,
      event: name,
      timestamp: new Date(Date.UTC(2026, 0, 5, place, round)).toISOString(),
    })),
  );
  // Rejects are shown too.
  events.push({ messageId: "<b>no time</b>", anonymousId: "<i>a</i>", event: HOSTILE[0] });
  events.push({ messageId: "m", timestamp: "<script>window.ran = true</script>", anonymousId: "a" });
  report = published("hostile", lines("hostile", events), {
    report: ["--title", HOSTILE[1]],
    config: '[source]\nevent_names = "raw"\n',
  });
  await start();
});
after(stop);

test("hostile names are shown and never run", { timeout: 300000 }, async () => {
  const { page, complaints } = await open(report.file);
  const shown = (await rowsBehind(page, "events")).map((row) => row[0]);
  assert.deepEqual(new Set(shown), new Set(HOSTILE.map(visible)));
  const visitors = await page.$$eval("#sessions table:has(.meter) tbody tr", (rows) => rows.map((row) => row.cells[0].textContent));
  assert.deepEqual(new Set(visitors), new Set(HOSTILE.map((name) => visible(`visitor ${name}`))));
  assert.equal(await page.textContent("h1"), HOSTILE[1]);
  assert.equal(await page.title(), HOSTILE[1]);
  const rejected = await page.textContent("#run .rows");
  assert.ok(rejected.includes("event_id <b>no time</b>") && rejected.includes("timestamp <script>"));

  // In the charts: axis labels, tooltips under the pointer, nodes of the flow.
  const labels = await page.$eval('[data-chart="events"]', (holder) => [...holder.querySelectorAll("svg text")].map((text) => text.textContent));
  assert.ok(labels.some((text) => text.includes("<script>window.ran")), labels.join("|"));
  assert.ok(labels.some((text) => text.includes("مرحبا")));
  for (const name of ["events", "entries", "flow", "durations", "hours", "days", "tuning"]) {
    const holder = page.locator(`[data-chart="${name}"]`);
    await holder.scrollIntoViewIfNeeded();
    const box = await holder.boundingBox();
    for (let step = 1; step < 12; step += 1) {
      await page.mouse.move(box.x + box.width * 0.45, box.y + (box.height * step) / 12);
      await page.mouse.move(box.x + 9, box.y + (box.height * step) / 12);
    }
  }
  assert.ok((await chart(page, "flow")).series[0].nodes.length > HOSTILE.length);
  const options = await page.$$eval("#flow-start option", (all) => all.map((each) => each.textContent));
  assert.ok(options.some((text) => text.includes("onerror")));
  const paths = await page.$$eval("#flow figure:last-child tbody tr", (rows) => rows.map((row) => row.cells[0].textContent).join(" "));
  assert.ok(paths.includes("👩‍👩‍👧‍👦"));

  // A tooltip that is there says the name as text.
  await page.locator('[data-chart="events"]').scrollIntoViewIfNeeded();
  const box = await page.locator('[data-chart="events"]').boundingBox();
  let seen = "";
  for (let y = 6; y < box.height; y += 9) {
    await page.mouse.move(box.x + box.width * 0.4, box.y + y);
    seen += await page.$$eval(".tip .title", (tips) => tips.map((tip) => tip.textContent).join("\n"));
  }
  assert.ok(seen.includes("<img src=x"), "a tooltip names the event");

  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.equal(await page.$$eval("script", (all) => all.length), 3);
  assert.equal(await page.$$eval("img, iframe, object, embed, b:not(.legend b, .tip b)", (all) => all.length), 0);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the policy of the page stops a script that got in all the same", { timeout: 120000 }, async () => {
  const { page } = await open(report.file);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    return window.ran;
  });
  assert.equal(ran, undefined);
  const loaded = await page.evaluate(() => fetch("http://127.0.0.1:9/").then(() => "loaded", (error) => error.name));
  assert.equal(loaded, "TypeError");
  await page.close();
});
