// Makes the files that the report has from others, below crates/analysis/src/report/page/vendor.
//
//   node build.mjs           writes them
//   node build.mjs --check   compares them with what is there; exit code 1 when they differ
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, "../../crates/analysis/src/report/page/vendor");
const installed = (file) => path.join(here, "node_modules", file);
const versionOf = async (name) => JSON.parse(await readFile(installed(`${name}/package.json`))).version;

const banner =
  `/*! Apache ECharts ${await versionOf("echarts")} with zrender ${await versionOf("zrender")} and tslib ` +
  `${await versionOf("tslib")}, the parts that the report needs. Licences: LICENSE, NOTICE. */`;
const bundle = await build({
  absWorkingDir: here,
  entryPoints: ["charts.mjs"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "echarts",
  target: "es2020",
  // A page of UTF-8 needs no escapes, and a script in a page must not end it.
  charset: "utf8",
  supported: { "inline-script": false },
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: banner },
  write: false,
});

const licences = [
  ["Apache ECharts", "echarts/LICENSE"],
  ["d3, of which ECharts has parts", "echarts/licenses/LICENSE-d3"],
  ["zrender", "zrender/LICENSE"],
  ["tslib", "tslib/LICENSE.txt"],
  ["Inter, the typeface", "@fontsource-variable/inter/LICENSE"],
];
const licence = [];
for (const [name, file] of licences) {
  const text = (await readFile(installed(file), "utf8")).replaceAll("\r\n", "\n").trim();
  licence.push(`==== ${name} ====\n\n${text}\n`);
}

const files = new Map([
  ["echarts.js", Buffer.from(bundle.outputFiles[0].contents)],
  ["inter.woff2", await readFile(installed("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"))],
  ["LICENSE", Buffer.from(licence.join("\n"))],
  ["NOTICE", await readFile(installed("echarts/NOTICE"))],
]);

let differ = 0;
await mkdir(target, { recursive: true });
for (const [name, bytes] of files) {
  const file = path.join(target, name);
  if (process.argv.includes("--check")) {
    const there = await readFile(file).catch(() => Buffer.alloc(0));
    if (!there.equals(bytes)) {
      console.error(`${path.relative(process.cwd(), file)} is not what this script makes`);
      differ = 1;
    }
  } else {
    await writeFile(file, bytes);
    console.log(`${name}: ${bytes.length} bytes`);
  }
}
process.exitCode = differ;
