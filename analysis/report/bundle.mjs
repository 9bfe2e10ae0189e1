// Joins the minified Vega, Vega-Lite and Vega-Embed of node_modules/ into vega.bundle.js, with their licences.
// usage: npm ci --ignore-scripts && node bundle.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(here, "node_modules", name), "utf8");

function part(name) {
  const about = JSON.parse(read(`${name}/package.json`));
  const licence = read(`${name}/LICENSE`).trim().replaceAll("*/", "* /");
  const code = read(`${name}/build/${name}.min.js`)
    .replace(/^\/\/# sourceMappingURL=.*$/gm, "")
    .replaceAll("</script", "<\\/script"); // it will stand inside a <script> element
  return `/*! ${name} ${about.version}, ${about.license}\n${licence}\n*/\n${code}\n`;
}

writeFileSync(join(here, "vega.bundle.js"), ["vega", "vega-lite", "vega-embed"].map(part).join(""));
