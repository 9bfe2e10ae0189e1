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
  assert.match(await page.textContent("#answer .answer"), /A trillion tokens of Ling-Lite on one H20 server cost .*M\sCNY \(80 %: /);
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

/// Put into a page in place of its data.
function pageOf(name, files) {
  const page = readFileSync(at("one.html"), "utf8");
  const begin = page.indexOf('id="data">') + 'id="data">'.length;
  writeFileSync(at(name), page.slice(0, begin) + JSON.stringify({ version: "test", files }) + page.slice(page.indexOf("</script>", begin)));
  return at(name);
}

async function testSweep() {
  writeFileSync(at("small.toml"), `name = "small"\ngoal = { highest = "mfu" }\nscenario = "${join(source, "scenarios/tutorial/01-one-node.toml")}"
[[axes]]\npath = "training.global_batch"\nvalues = [64, 128]\n[[axes]]\npath = "parallel.recompute"\nvalues = ["pointwise", "full"]\n`);
  moesaic("sweep", at("small.toml"), "-q", "--no-cache", "-o", at("small.h5"));
  moesaic("report", at("small.h5"), "-o", at("small.html"));
  const { page, errors } = await openPage(browser, at("small.html"), { viewport: { width: 1100, height: 900 } });
  assert.match(await page.textContent(".answer"), /^The highest mfu is 0\.\d+, at training\.global_batch \d+, parallel\.recompute pointwise\.4 points \(grid\)/);
  // MFU, step time and cost; 2 axes each; alone and together
  const sensitivity = await savedBy(page, page.locator("#sensitivity-small-h5-plot").getByRole("button", { name: /^CSV/ }));
  assert.equal(sensitivity.content.toString().trim().split("\n").length, 1 + 3 * 2 * 2);
  assert.equal(await chosen(page, "Across").inputValue(), "training.global_batch");
  await page.fill("input[type=search]", "training.global_batch>64");
  assert.equal(await page.textContent("[role=status]"), "2 of 4 rows");
  assert.deepEqual(errors, []);
  await page.context().close();
}

/// A table of rows as a sweep's result file holds it.
function pageOfPoints(count) {
  const column = (unit, make) => ({ unit, description: "made for this test", value: Array.from({ length: count }, (_, i) => make(i)) });
  const words = (value) => ({ unit: "text", description: "made for this test", value });
  const datasets = {
    "/points/point": column("1", (i) => i), "/points/chips": column("1", (i) => 8 * (1 + (i % 50))),
    "/points/chip": column("text", (i) => (i % 2 ? "nvidia_h20" : "huawei_ascend_910b2")),
    "/points/step_time_s": column("s", (i) => (i === 7 ? null : 20 / (1 + (i % 50)) + (i % 7))),
    "/points/cost": column("CNY", (i) => 1e6 * (1 + ((i * 37) % 101) / 100)),
    "/sweep/axes": words(["chips", "chip"]), "/sweep/metrics": words(["step_time_s", "cost"]),
  };
  for (const word of ["name", "description", "design", "file", "scenario_file", "program_version", "text", "scenario_text"]) { datasets[`/sweep/${word}`] = words(word); }
  for (const [name, value] of [["points", count], ["failed", 0], ["missing", 0], ["seed", 1]]) { datasets[`/sweep/${name}`] = { unit: "1", description: "made for this test", value }; }
  const analysis = { goal: { metric: "step_time_s", lowest: true }, metrics: [{ metric: "step_time_s", sensitivity: { reason: "made for this test" } }] };
  return pageOf("sweep.html", [{ file: "sweep.h5", datasets, analysis }]);
}

async function testManyPoints() {
  const begin = Date.now();
  const { page, errors } = await openPage(browser, pageOfPoints(5000), { viewport: { width: 1100, height: 900 } });
  console.log(`5,000 points: open and drawn after ${Date.now() - begin} ms`);
  // 20 / (1 + i mod 50) + i mod 7 is least where i mod 50 = 49 and i mod 7 = 0: 0.4, first at i = 49, on H20
  assert.match(await page.textContent(".answer"), /^The lowest step time is 0\.4 s, at chips 400, chip nvidia_h20\./);
  assert.equal(await page.textContent("[role=status]"), "5,000 of 5,000 rows");
  await chosen(page, "Across").selectOption("chips");
  await chosen(page, "Up").selectOption("step_time_s");
  await chosen(page, "Colour").selectOption("chip");
  for (const kind of ["heat", "front", "points"]) { await chosen(page, "Plot").selectOption(kind); }
  await page.fill("input[type=search]", "h20 chips<81");
  // odd points are on H20; chips = 8 (1 + i mod 50) < 81 for i mod 50 in 0..9, of which 5 are odd: 5 of 50
  assert.equal(await page.textContent("[role=status]"), "500 of 5,000 rows");
  const csv = await savedBy(page, page.getByRole("button", { name: /^CSV/ }));
  assert.equal(csv.content.toString().trim().split("\n").length, 501);
  assert.deepEqual(errors, []);
  await page.context().close();
}

/// The JSON that a command prints, as a file.
function print(name, ...args) {
  writeFileSync(at(name), moesaic(...args, "--json"));
  return at(name);
}

async function testReproductions() {
  const record = ["reproduce", "megatron_lm_readme"];
  moesaic("report", print("as_recorded.json", ...record), print("slow_network.json", ...record, "--set", 'pools[0].nic_bandwidth="5 GB/s"'), "-o", at("errors.html"));
  const { page, errors } = await openPage(browser, at("errors.html"), { viewport: { width: 1100, height: 900 } });
  assert.equal(await page.locator("#reproduction .answer p").count(), 2);
  assert.equal(await page.textContent("#reproduction [role=status]"), "2 of 2 runs");
  const csv = await savedBy(page, page.locator("#published-ratio").getByRole("button", { name: /^CSV/ }));
  const ratios = csv.content.toString().trim().split("\n").slice(1).map((line) => line.split(",").find((cell) => /^\d+\.\d+$/.test(cell)));
  assert.equal(ratios.length, 2);
  await page.fill("#reproduction input[type=search]", "slow_network");
  assert.equal(await page.textContent("#reproduction [role=status]"), "1 of 2 runs");
  assert.deepEqual(errors, []);
  await page.context().close();
}

async function testRulesPlansAndClusters() {
  const plans = [{ rank: 1, step_time_s: 20, cost_per_trillion_tokens: { value: 4.4e6, currency: "CNY" }, plan: "tp1", bound_by: "compute" },
    { rank: 2, step_time_s: 21, cost_per_trillion_tokens: { value: 4.1e6, currency: "CNY" }, plan: "tp2", bound_by: "bubble" },
    { rank: 3, step_time_s: 22, cost_per_trillion_tokens: { value: 4.5e6, currency: "CNY" }, plan: "tp4", bound_by: "bubble" }];
  writeFileSync(at("plan.json"), JSON.stringify({ considered: 40, pruned: 37, simulated: 3, wall_s: 1.5, plans }));
  moesaic("report", print("rules.json", "rules", "--timeline"), print("cluster.json", "clusters", "show", "h800_4096"), at("plan.json"), "-o", at("printed.html"));
  const { page, errors } = await openPage(browser, at("printed.html"), { viewport: { width: 1100, height: 900 } });
  await page.fill("#rules-rules-json input[type=search]", "h20");
  const csv = await savedBy(page, page.locator("#rules-rules-json-plot").getByRole("button", { name: /^CSV/ }));
  const status = csv.content.toString().trim().split("\n").slice(1).map((line) => line.split(","));
  assert.deepEqual([...new Set(status.map(([chip]) => chip))], ["nvidia_h20", "nvidia_h200_sxm"]);
  assert.deepEqual(status.filter(([chip]) => chip === "nvidia_h20").map(([, from, , outcome]) => [from, outcome]),
    [["2022-02-24", "allowed"], ["2025-04-09", "licence_required"], ["2025-08-11", "licensed"]]);
  assert.match(await page.textContent("#cluster-cluster-json .answer"), /4,096 nvidia_h800_sxm5 in 512 nodes/);
  assert.match(await page.textContent("#plans-plan-json .answer"), /The best plan takes 20\ss a step and 4\.40\sM\sCNY/);
  assert.equal(await page.locator("#plans-plan-json-front .plot svg").count(), 1);
  assert.deepEqual(errors, []);
  await page.context().close();
}

try {
  for (const test of [testOneRun, testTimeline, testSeveralRunsOnAPhone, testSweep, testManyPoints, testReproductions, testRulesPlansAndClusters]) {
    await test();
    console.log(`ok ${test.name}`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
