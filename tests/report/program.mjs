// The program under test: runs, reports, and queries to compare with.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.TRACKLET_BIN ?? path.join(root, "target/debug/tracklet");

export const scratch = mkdtempSync(path.join(tmpdir(), "tracklet-report-"));

/** Runs the program; exit code 1 is a run with rejects or failed checks, which is fine here. */
export const tracklet = (...words) => {
  try {
    return execFileSync(binary, words, { cwd: scratch, encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error.status === 1) return error.stdout;
    throw new Error(`tracklet ${words.join(" ")}: ${error.stderr}`);
  }
};

/** The rows of a query on the tables in `out`. */
export const query = (out, sql) =>
  tracklet("query", sql, "--out", out, "--format", "json")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** Tables of a folder of files; with a report of them. Answers where both are. */
export const published = (name, source, { report = [], config } = {}) => {
  const out = path.join(scratch, name, "out");
  const more = [];
  if (config) {
    mkdirSync(path.join(scratch, name), { recursive: true });
    const file = path.join(scratch, name, "tracklet.toml");
    writeFileSync(file, config);
    more.push("--config", file);
  }
  tracklet("-q", "run", source, "--out", out, ...more);
  return { out, ...reported(name, out, report) };
};

/** A report of tables that are there. */
export const reported = (name, out, words = []) => {
  const file = path.join(scratch, `${name}.html`);
  tracklet("-q", "report", "--out", out, "--file", file, ...words);
  return { file };
};

/** A folder with one file of raw lines. */
export const lines = (name, events) => {
  const folder = path.join(scratch, `${name}-source`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "events.jsonl"), events.map((event) => JSON.stringify({ type: "track", ...event })).join("\n"));
  return folder;
};
