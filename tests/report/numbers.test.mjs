// Every number of the report against a query on the tables, on the example and with filters.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import path from "node:path";
import { chart, open, rowsBehind, start, stop } from "./browser.mjs";
import { published, query, reported, root } from "./program.mjs";

const MINUTES = [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 120, 240, 480];
const EVENTS = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500];
const sum = (numbers) => numbers.reduce((all, each) => all + Number(each), 0);
const written = (number) => new Intl.NumberFormat("en").format(number);

/** How many of the values are in each bin. */
const binned = (values, starts) =>
  starts.map((start, place) => values.filter((value) => value >= start && (place + 1 === starts.length || value < starts[place + 1])).length);
/** The least value that this share of all does not exceed. */
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1];

// A source of the test's own choosing, such as ten million generated events.
const given = process.env.TRACKLET_REPORT_OUT;
let shop;
before(async () => {
  shop = given ? { out: given, ...reported("given", given) } : published("shop", path.join(root, "examples/shop/rudder-logs"));
  await start();
});
after(stop);

/** All of what a page shows, compared with queries over the sessions for which `chosen` holds. */
const compare = async ({ out, file }, chosen = "1 = 1") => {
  const { page, complaints } = await open(file);
  const ask = (sql) => query(out, sql);
  const sessions = `(select s.session_id, s.dbt_visitor_id, s.session_start_at, s.session_sequence_number, d.session_duration
    from dbt_session_tracks s join dbt_session_duration d on s.session_id = d.session_id where ${chosen.replaceAll("session_id in", "s.session_id in").replaceAll("dbt_visitor_id like", "s.dbt_visitor_id like")})`;
  const tracks = `(select t.* from dbt_track_facts t join ${sessions} c on c.session_id = t.session_id)`;
  const [totals] = ask(`select count(*) as sessions, count(distinct dbt_visitor_id) as visitors from ${sessions} x`);

  // Tiles.
  const tiles = await page.$$eval(".tile dd", (all) => all.map((each) => each.firstChild.textContent));
  if (totals.sessions < 100000) assert.deepEqual(tiles.slice(0, 2), [written(totals.sessions), written(totals.visitors)]);

  // Days, in UTC.
  const days = ask(`select cast(date_trunc('day', session_start_at) as varchar) as day, count(*) as n,
    count(distinct dbt_visitor_id) as visitors, sum(case when session_sequence_number = 1 then 1 else 0 end) as fresh
    from ${sessions} x group by 1 order by 1`);
  const shown = await chart(page, "days");
  const place = new Map(shown.axis.map((day, at) => [day, at]));
  assert.equal(sum(shown.series[0].data) + sum(shown.series[1].data), totals.sessions);
  for (const { day, n, fresh } of days) {
    const at = place.get(day.slice(0, 10));
    assert.deepEqual([shown.series[0].data[at], shown.series[1].data[at]], [n - fresh, fresh], day);
  }
  const dayRows = await rowsBehind(page, "days");
  assert.deepEqual(dayRows.map((row) => [row[0], row[1], row[4]]), days.map((row) => [row.day.slice(0, 10), written(row.n), written(row.visitors)]));

  // Hours of the week: Sunday is 0 in the query.
  const hours = ask(`select cast(date_part('dow', timestamp) as bigint) as dow, cast(date_part('hour', timestamp) as bigint) as hour, count(*) as n from ${tracks} x group by 1, 2`);
  const heat = (await chart(page, "hours")).series[0].data;
  assert.equal(heat.length, 168);
  const wanted = new Array(168).fill(0);
  for (const { dow, hour, n } of hours) wanted[((dow + 6) % 7) * 24 + hour] = n;
  assert.deepEqual(heat.map((cell) => cell[2]), wanted);

  // Histograms with their marks.
  const durations = ask(`select session_duration as v from ${sessions} x`).map((row) => row.v);
  const lengths = ask(`select count(*) as v from ${tracks} x group by session_id`).map((row) => row.v);
  for (const [name, values, starts] of [["durations", durations, MINUTES], ["lengths", lengths, EVENTS]]) {
    const { series: [bars], shapes } = await chart(page, name);
    assert.deepEqual(bars.data, binned(values, starts), name);
    const bin = (value) => starts.findLastIndex((start) => start <= value);
    assert.deepEqual(bars.marks.map((mark) => mark.xAxis), [bin(quantile(values, 0.5)), bin(quantile(values, 0.9))], name);
    assert.ok(shapes > starts.length / 2, `${name} is drawn`);
  }

  // Events, and those that open and end sessions.
  const figures = ask(`select t.event as name, count(*) as events,
    sum(case when t.track_sequence_number = 1 then 1 else 0 end) as entries,
    sum(case when t.track_sequence_number = l.last then 1 else 0 end) as exits
    from ${tracks} t join (select session_id, max(track_sequence_number) as last from dbt_track_facts group by session_id) l
    on t.session_id = l.session_id group by t.event`);
  const top = (by, most) => figures.map((row) => row[by]).filter((value) => value > 0).sort((a, b) => b - a).slice(0, most);
  for (const [name, by, most] of [["events", "events", 15], ["entries", "entries", 10], ["exits", "exits", 10]]) {
    assert.deepEqual((await chart(page, name)).series[0].data, top(by, most), name);
  }
  const behind = (await rowsBehind(page, "events")).filter((row) => !/ others$/.test(row[0]));
  for (const row of behind) {
    const found = figures.find((each) => (each.name ?? "no name") === row[0]);
    assert.deepEqual([row[1], row[3], row[4]], [found.events, found.entries, found.exits].map(written), row[0]);
  }

  // The visitors of the analysis.
  const users = ask(`select dbt_visitor_id as visitor, cast(sum(session_duration) as double) / count(*) as average, count(*) as n
    from ${sessions} x group by 1 order by 2 desc, 1 limit 20`);
  const listed = await page.$$eval("#sessions table:has(.meter) tbody tr", (rows) => rows.map((row) => [row.cells[0].textContent, row.cells[3].textContent]));
  assert.deepEqual(listed, users.map((user) => [user.visitor, written(user.n)]));

  await compareFlow(page, ask, sessions, totals.sessions);
  if (chosen === "1 = 1") await compareTimeouts(page, ask, totals.sessions);
  assert.deepEqual(complaints, []);
  return page;
};

/** The flow from every start, and from each start that can be chosen. */
const compareFlow = async (page, ask, sessions, all) => {
  // Each session's first five events; the tables do not say whether no event follows or one without a name.
  const paths = ask(`select f.event as e1, f.event_2 as e2, f.event_3 as e3, f.event_4 as e4, f.event_5 as e5, l.last as length, count(*) as n
    from dbt_tracks_flow f join ${sessions} c on c.session_id = f.session_id
    join (select session_id, max(track_sequence_number) as last from dbt_track_facts group by session_id) l on l.session_id = f.session_id
    where f.track_sequence_number = 1 group by 1, 2, 3, 4, 5, 6`);
  const names = await page.evaluate(() => JSON.parse(document.getElementById("figures").textContent).flow.names);
  const place = (event) => (event === null ? 1 : names.includes(event) ? names.indexOf(event) + 2 : 0);
  const wanted = (start) => {
    const links = new Map();
    for (const path of paths) {
      if (start !== null && place(path.e1) !== start) continue;
      const events = [path.e1, path.e2, path.e3, path.e4, path.e5];
      for (let step = 1; step < 5 && step <= path.length; step += 1) {
        const next = step < path.length ? place(events[step]) : -1;
        const key = `${step}:${place(events[step - 1])}>${step + 1}:${next}`;
        links.set(key, (links.get(key) ?? 0) + path.n);
      }
    }
    return [...links].sort();
  };
  const drawn = async () => (await chart(page, "flow")).series[0].links.map((link) => [`${link.source}>${link.target}`, link.value]).sort();
  const hide = (value) => page.$eval("#flow-least", (range, to) => { range.value = to; range.dispatchEvent(new Event("input")); }, value);

  await hide(0);
  assert.deepEqual(await drawn(), wanted(null));
  const starts = await page.$$eval("#flow-start option", (options) => options.map((option) => option.value).filter(Boolean));
  assert.ok(starts.length > 1);
  for (const start of starts) {
    await page.selectOption("#flow-start", start);
    assert.deepEqual(await drawn(), wanted(Number(start)), `from ${start}`);
  }
  await page.selectOption("#flow-start", "");
  await hide(50);
  assert.deepEqual(await drawn(), wanted(null).filter(([, value]) => value >= 0.05 * all));
  await hide(10);
  assert.ok((await chart(page, "flow")).shapes > 4);

  // The most frequent paths, from any start and from the most frequent one.
  const counts = (rows) => rows.map((row) => row.n).sort((a, b) => b - a);
  const merged = (start) => {
    const by = new Map();
    for (const path of paths.filter((path) => start === null || place(path.e1) === start)) {
      const key = JSON.stringify([path.e1, path.e2, path.e3, path.e4, path.e5, Math.min(path.length, 5)]);
      by.set(key, { n: (by.get(key)?.n ?? 0) + path.n });
    }
    return counts([...by.values()]);
  };
  const listed = () => page.$$eval("#flow figure:last-child tbody tr", (rows) => rows.map((row) => Number(row.cells[1].textContent.replaceAll(",", ""))));
  const frequent = starts.find((start) => Number(start) >= 2);
  await page.selectOption("#flow-start", frequent);
  const one = await listed();
  assert.deepEqual(one, merged(Number(frequent)).slice(0, one.length));
  await page.selectOption("#flow-start", "");
  assert.deepEqual((await listed()).slice(0, 15), merged(null).slice(0, 15));
};

/** The curve, from the whole minutes between a visitor's events, which the tables have. */
const compareTimeouts = async (page, ask, sessions) => {
  const gaps = ask("select idle_time_minutes as gap, count(*) as n from dbt_mapped_tracks group by 1");
  const { series: [curve, single, bars] } = await chart(page, "tuning");
  for (const [timeout, found] of curve.data) {
    assert.equal(found, sum(gaps.filter(({ gap }) => gap === null || gap > timeout).map(({ n }) => n)), `timeout ${timeout}`);
  }
  assert.equal(curve.data.length, 240);
  assert.equal(curve.data[29][1], sessions);
  assert.equal(curve.marks[0].xAxis, 30);
  const [{ n }] = ask("select count(*) as n from (select session_id from dbt_track_facts group by session_id having count(*) = 1) x");
  assert.ok(Math.abs(single.data[29][1] - (100 * n) / sessions) < 1e-9);
  for (const [at, value] of bars.data.slice(0, 240)) {
    assert.equal(value ?? 0, gaps.find(({ gap }) => gap === at)?.n ?? 0, `gaps of ${at} minutes`);
  }
};

test("every number of the report is that of a query", { timeout: 1200000 }, async () => {
  const page = await compare(shop);
  await page.close();
});

test("filters choose whole sessions", { timeout: 600000, skip: given ? "a given source has its own events" : false }, async () => {
  const event = ["--event", "order_completed"];
  const withEvent = `session_id in (select session_id from dbt_track_facts where event = 'order_completed')`;
  const period = ["--from", "2026-01-07", "--to", "2026-01-09"];
  const inPeriod = "session_start_at >= timestamp '2026-01-07T00:00:00Z' and session_start_at < timestamp '2026-01-10T00:00:00Z'";
  const cases = [
    ["event", event, withEvent],
    ["period", period, inPeriod],
    ["all", [...event, ...period, "--visitor-prefix", "customer_"], `${withEvent} and ${inPeriod} and dbt_visitor_id like 'customer\\_%'`],
  ];
  for (const [name, words, chosen] of cases) {
    const [{ n }] = query(shop.out, `select count(*) as n from dbt_session_tracks where ${chosen}`);
    assert.ok(n > 0, `${name} chooses something`);
    const page = await compare({ out: shop.out, ...reported(`shop-${name}`, shop.out, words) }, chosen);
    assert.ok((await page.$$(".chips li")).length > 0);
    await page.close();
  }
});

test("hours are those of the time zone", { timeout: 300000, skip: given ? "a given source has its own times" : false }, async () => {
  const { file } = reported("shop-zone", shop.out, ["--time-zone", "Asia/Kathmandu"]);
  const { page, complaints } = await open(file);
  // Five hours and three quarters before UTC all year.
  const local = "(timestamp + interval '5 hours 45 minutes')";
  const rows = query(shop.out, `select cast(date_part('dow', ${local}) as bigint) as dow, cast(date_part('hour', ${local}) as bigint) as hour, count(*) as n from dbt_track_facts group by 1, 2`);
  const wanted = new Array(168).fill(0);
  for (const { dow, hour, n } of rows) wanted[((dow + 6) % 7) * 24 + hour] = n;
  assert.deepEqual((await chart(page, "hours")).series[0].data.map((cell) => cell[2]), wanted);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("events are counted by type", { timeout: 300000, skip: given ? "a given source has its own types" : false }, async () => {
  const config = '[source]\ntypes = ["track", "page"]\n';
  const { out, file } = published("types", path.join(root, "examples/shop/rudder-logs"), { config });
  const { page, complaints } = await open(file);
  const types = query(out, "select event_type, count(*) as n from tracklet_events group by event_type order by n desc");
  assert.equal(types.length, 2);
  const legend = await page.$$eval(".legend li", (all) => all.map((each) => each.textContent));
  const wanted = `sessionized by type: ${types.map(({ event_type, n }) => `${written(n)} ${event_type}`).join(", ")}`;
  assert.ok(legend.includes(wanted), `${wanted} in ${legend.join(" | ")}`);
  assert.deepEqual(complaints, []);
  await page.close();
});
