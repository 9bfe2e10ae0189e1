// The report page in a real browser, without a network: it draws without a word on the console, reacts, and saves.
// usage: node test_report.mjs MOESAIC_BINARY; exits with 77 where browser or libraries are missing
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser, openPage, source } from "./browser.mjs";

const binary = process.argv[2];
const browser = await openBrowser();
const folder = mkdtempSync(join(tmpdir(), "moesaic-browser-"));
const at = (name) => join(folder, name);
const moesaic = (...args) => execFileSync(binary, args, { env: { ...process.env, MOESAIC_DATA: source }, stdio: ["ignore", "pipe", "pipe"] });

function makeRun(scenario, ...args) {
  const file = at(`${scenario}.h5`);
  moesaic("run", join(source, "scenarios", "tutorial", `${scenario}.toml`), "-o", file, ...args);
  return file;
}

/// The list of choices whose label begins so.
const chosen = (page, label) => page.locator("label", { hasText: new RegExp(`^${label}`) }).locator("select");

async function savedBy(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

async function testOneRun() {
  moesaic("report", makeRun("01-one-node"), "-o", at("one.html"));
  const { page, errors } = await openPage(browser, at("one.html"), { viewport: { width: 1100, height: 900 } });
  assert.match(await page.textContent(".answer"), /A trillion tokens of Ling-Lite on one H20 server cost .*M\sCNY \(80 %: /);
  assert.equal(await page.locator("figure .plot svg").count(), await page.locator("figure").count());
  const figure = page.locator("#memory-plot");
  const svg = await savedBy(page, figure.getByRole("button", { name: /^SVG/ }));
  assert.equal(svg.name, "memory-plot.svg");
  assert.match(svg.content.toString(), /^<svg[^>]*>[\s\S]*weights[\s\S]*<\/svg>$/);
  const png = await savedBy(page, figure.getByRole("button", { name: /^PNG/ }));
  assert.equal(png.content.subarray(1, 4).toString(), "PNG");
  assert.ok(png.content.length > 5000);
  const csv = (await savedBy(page, figure.getByRole("button", { name: /^CSV/ }))).content.toString().trim().split("\n");
  assert.equal(csv[0], "class,part,gib,order,chip,capacity_gib");
  assert.equal(csv.length, 1 + 6); // one rank class, six parts
  await figure.locator("summary").click();
  await figure.locator("tbody tr").first().waitFor();
  assert.equal(await figure.locator("tbody tr").count(), 6);
  await page.click("#theme");
  assert.equal(await page.getAttribute("#theme", "aria-pressed"), "true");
  assert.equal(await page.locator("section:not([aria-labelledby])").count(), 0);
  assert.deepEqual(errors, []);
  await page.context().close();
}

async function testTimeline() {
  moesaic("report", makeRun("02-pipeline", "--timeline"), "-o", at("timeline.html"));
  const { page, errors } = await openPage(browser, at("timeline.html"), { viewport: { width: 1100, height: 900 } });
  const csv = await savedBy(page, page.locator("#timeline-plot").getByRole("button", { name: /^CSV/ }));
  const rows = csv.content.toString().trim().split("\n").slice(1);
  // 4 stages, 2 chunks, 32 micro-batches, forward and backward: a bar of kernels each; and the end of the step of each stage
  assert.equal(rows.filter((row) => row.split(",")[1] === "compute").length, 4 * (2 * 32 * 2 + 1));
  const plot = page.locator("#timeline-plot .plot");
  await plot.hover();
  await page.mouse.wheel(0, -300); // zooms
  assert.deepEqual(errors, []);
  await page.context().close();
}

async function testSeveralRunsOnAPhone() {
  moesaic("report", makeRun("01-one-node"), makeRun("04-replicas-on-two-pools"), "-o", at("two.html"));
  const { page, errors } = await openPage(browser, at("two.html"), { viewport: { width: 390, height: 800 } });
  assert.equal(await page.locator("#runs tbody tr").count(), 2);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the phone");
  await chosen(page, "Show run").selectOption({ index: 1 });
  await page.waitForSelector("#memory-plot .plot svg");
  assert.equal(await page.textContent("#answer-title"), "Ling-Lite on H800 and Ascend 910B2");
  assert.equal(await page.locator("#answer").count(), 1);
  assert.deepEqual(errors, []);
  await page.context().close();
}

/// A table of 5,000 rows as a sweep's result file holds it, put into the page of a run in place of its data.
function pageOfPoints(count) {
  const page = readFileSync(at("one.html"), "utf8");
  const column = (unit, make) => ({ unit, description: "made for this test", value: Array.from({ length: count }, (_, i) => make(i)) });
  const datasets = {
    "/points/point": column("1", (i) => i), "/points/chips": column("1", (i) => 8 * (1 + (i % 50))),
    "/points/chip": column("text", (i) => (i % 2 ? "nvidia_h20" : "huawei_ascend_910b2")),
    "/points/step_time": column("s", (i) => (i === 7 ? null : 20 / (1 + (i % 50)) + (i % 7))),
    "/points/cost": column("CNY", (i) => 1e6 * (1 + ((i * 37) % 101) / 100)),
  };
  const json = JSON.stringify({ version: "test", files: [{ file: "sweep.h5", datasets }] });
  const begin = page.indexOf('id="data">') + 'id="data">'.length;
  writeFileSync(at("sweep.html"), page.slice(0, begin) + json + page.slice(page.indexOf("</script>", begin)));
  return at("sweep.html");
}

async function testManyPoints() {
  const { page, errors } = await openPage(browser, pageOfPoints(5000), { viewport: { width: 1100, height: 900 } });
  assert.equal(await page.textContent("[role=status]"), "5,000 of 5,000 rows");
  await chosen(page, "Across").selectOption("chips");
  await chosen(page, "Up").selectOption("step_time");
  await chosen(page, "Colour").selectOption("chip");
  for (const kind of ["heat", "pareto", "points"]) { await chosen(page, "Plot").selectOption(kind); }
  await page.fill("input[type=search]", "h20 chips<81");
  // odd points are on H20; chips = 8 (1 + i mod 50) < 81 for i mod 50 in 0..9, of which 5 are odd: 5 of 50
  assert.equal(await page.textContent("[role=status]"), "500 of 5,000 rows");
  const csv = await savedBy(page, page.getByRole("button", { name: /^CSV/ }));
  assert.equal(csv.content.toString().trim().split("\n").length, 501);
  assert.deepEqual(errors, []);
  await page.context().close();
}

try {
  for (const test of [testOneRun, testTimeline, testSeveralRunsOnAPhone, testManyPoints]) {
    await test();
    console.log(`ok ${test.name}`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
