// The report page in a real browser, without a network: it draws without a word on the console, reacts, and saves.
// usage: node test_report.mjs MOESAIC_BINARY; exits with 77 where browser or libraries are missing
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/// The rows of a figure's CSV, as [{column: text}].
async function rowsSavedBy(page, id) {
  const { content } = await savedBy(page, page.locator(`#${id}`).getByRole("button", { name: /^CSV/ }));
  const [columns, ...lines] = content.toString().trim().split("\n").map((line) => line.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((cell) => cell.replace(/,$/, "").replace(/^"|"$/g, "")));
  return lines.map((line) => Object.fromEntries(columns.map((column, i) => [column, line[i]])));
}

async function testRunsOfOneName() {
  const scenario = join(source, "scenarios", "tutorial", "01-one-node.toml");
  const run = (name, ...settings) => {
    moesaic("run", scenario, "-o", at(name), ...settings.flatMap((each) => ["--set", each]));
    return at(name);
  };
  mkdirSync(at("other"));
  const files = [run("plain.h5"), run("full.h5", "parallel.recompute=full"), run("both.h5", "parallel.recompute=full", "training.global_batch=128"), run("other/plain.h5")];
  moesaic("report", ...files, "-o", at("alike.html"));
  const { page, errors } = await openPage(browser, at("alike.html"), { viewport: { width: 390, height: 800 } });
  const name = "Ling-Lite on one H20 server";
  const labels = [`${name} (plain.h5)`, `${name} (parallel.recompute=full)`, `${name} (parallel.recompute=full; training.global_batch=128)`, `${name} (plain.h5 #2)`];
  const evidence = await rowsSavedBy(page, "evidence-runs");
  assert.deepEqual([...new Set(evidence.map((row) => row.run))], labels);
  for (const label of labels) {
    const whole = evidence.filter((row) => row.run === label).reduce((sum, row) => sum + Number(row.share), 0);
    assert.ok(Math.abs(whole - 1) < 1e-6, `the shares of ${label} add up to one`);
  }
  assert.ok(await page.locator("#evidence-runs .plot svg .mark-rect path").count() >= 4 * 3, "every run has its bars");
  assert.equal(await page.locator("#evidence-runs .plot svg .role-axis-label tspan", { hasText: "training.global_batch=128" }).count(), 1);
  assert.deepEqual(await page.locator("#runs tbody td:nth-child(2)").allTextContents(), ["plain.h5", "full.h5", "both.h5", "plain.h5 #2"]);
  assert.match(await page.textContent("#runs .answer"), /^Cheapest is Ling-Lite on one H20 server \(plain\.h5\) on nvidia_h20: .* counted as rent at the price book without failures\.$/);
  assert.deepEqual(await chosen(page, "Show run").locator("option").allTextContents(), labels);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the phone");
  assert.deepEqual(errors, []);
  await page.context().close();
}

async function testCostsOfUnlikeKinds() {
  moesaic("report", at("01-one-node.h5"), makeRun("08-fleet-and-money"), makeRun("05-stages-on-two-pools", "--set", 'software="megatron_lm_2024"'),
    makeRun("02-pipeline", "--set", 'software="megatron_lm_2024"', "--set", "software_known=false"), "-o", at("kinds.html"));
  const { page, errors } = await openPage(browser, at("kinds.html"), { viewport: { width: 1100, height: 900 } });
  const lines = await page.locator("#runs .answer p").allTextContents();
  assert.match(lines[0], /^Cheapest by rent at the price book without failures is Ling-Lite on one H20 server/);
  assert.match(lines[1], /^The only cost by the lab's bill for the whole training is that of Ling-Lite on a lab's own chips .* the whole training's use of chips of its own and power\.$/);
  assert.match(lines[2], /not compared with each other/);
  assert.equal((await rowsSavedBy(page, "cost-CNY")).length, 2); // tutorial 02 has no prices
  const [bill] = await rowsSavedBy(page, "bill-CNY");
  const [low, high] = JSON.parse(await page.textContent("#data")).files[1].datasets["/spending/cost_interval_80"].value; // of a trillion tokens
  assert.ok(Math.abs(bill.low - low / 1e6) < 1e-9 && Math.abs(bill.high - high / 1e6) < 1e-9, "a bill has its own interval");
  const doubt = async (index) => {
    await chosen(page, "Show run").selectOption({ index });
    return page.textContent("#answer .doubt");
  };
  const unnamed = "No software is named: the 80 % intervals are those of runs whose software nobody has described";
  assert.ok((await doubt(0)).startsWith(`The cost is rent at the price book without failures. ${unnamed}; prices count as given. `), await doubt(0));
  assert.ok((await doubt(1)).includes(`${unnamed}; those of money also hold sources that disagree. `), await doubt(1));
  assert.ok((await doubt(2)).includes("The 80 % intervals are those of kernel timings and model; prices count as given. "), await doubt(2));
  assert.ok((await doubt(3)).includes("megatron_lm_2024 stands for the software that runs: the 80 % intervals are those of runs whose software nobody has described"), await doubt(3));
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
  const plans = [{ rank: 1, step_time_s: 20, cost_per_trillion_tokens: { value: 4.4e6, currency: "CNY" }, plan: "tp1", bound_by: "compute 87 %, waiting 8 %, expert 3 %" },
    { rank: 2, step_time_s: 21, cost_per_trillion_tokens: { value: 4.1e6, currency: "CNY" }, plan: "tp2", bound_by: "waiting 60 %, compute 40 %" },
    { rank: 3, step_time_s: 22, cost_per_trillion_tokens: { value: 4.5e6, currency: "CNY" }, plan: "tp4", bound_by: "compute 100 %" }];
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
  assert.deepEqual(await page.locator("#plans-plan-json-steps .plot svg .role-legend-label text").allTextContents(), ["compute", "waiting", "expert", "the rest"]);
  const parts = (await rowsSavedBy(page, "plans-plan-json-steps")).filter((row) => row.name === "1. tp1").map((row) => [row.part, Number(row.seconds).toFixed(2)]);
  assert.deepEqual(parts, [["compute", "17.40"], ["waiting", "1.60"], ["expert", "0.60"], ["the rest", "0.40"]]);
  assert.deepEqual(errors, []);
  await page.context().close();
}

async function testVerdicts() {
  writeFileSync(at("edit.toml"), '[[edit]]\nrule = "us_2025_04_letters"\nlimits = { memory_limit = "4.5 TB/s" }\n');
  const day = ["rules", "--date", "2025-06-01"];
  const world = JSON.parse(moesaic("rules", "--timeline", "--json"));
  writeFileSync(at("other_world.json"), JSON.stringify({ ...world, assumptions: ["made for this test"] }));
  moesaic("report", print("verdicts.json", ...day), print("edited.json", ...day, "--what-if", at("edit.toml")), at("other_world.json"), "-o", at("verdicts.html"));
  const { page, errors } = await openPage(browser, at("verdicts.html"), { viewport: { width: 1100, height: 900 } });
  const cells = async (id, chip) => {
    await page.fill(`#${id} input[type=search]`, chip);
    return page.locator(`#${id} tbody tr`).first().locator("td").allTextContents();
  };
  const [chip, outcome, rule, because, near] = await cells("verdicts-verdicts-json", "nvidia_h20 ");
  assert.deepEqual([chip, outcome, rule], ["nvidia_h20", "licence required", "us_2025_04_letters"]);
  assert.match(because, /bandwidth .* is at least 1400 GB\/s/);
  assert.match(near, /is \d+\.\d\s% (below|above) [\d,.]+/);
  assert.equal(await page.locator("#verdicts-verdicts-json .assumed").count(), 0);
  assert.match(await page.textContent("#verdicts-edited-json .assumed"), /^A hypothetical world.*memory_limit 4\.5 TB\/s instead of 1400 GB\/s/);
  assert.match(await page.textContent("#rules-other_world-json .assumed"), /^A hypothetical worldmade for this test$/);
  assert.deepEqual(errors, []);
  await page.context().close();
}

async function testStudy() {
  const study = print("study.json", "whatif", join(source, "scenarios/whatif/4_h200_licence.toml"));
  const printed = JSON.parse(readFileSync(study));
  moesaic("report", study, "-o", at("study.html"));
  const { page, errors } = await openPage(browser, at("study.html"), { viewport: { width: 390, height: 800 } });
  const lines = await page.locator("#study-study-json .answer p").allTextContents();
  assert.equal(lines.length, 4 + 1); // cases, and what the days count from
  const cheapest = printed.best[0];
  assert.ok(lines[0].startsWith(`${printed.baseline}: cheapest is ${cheapest.candidate}, ${(cheapest.cost.value / 1e6).toPrecision(3)}\u00a0M\u00a0CNY in `), lines[0]);
  const points = await rowsSavedBy(page, "study-study-json-front");
  assert.equal(points.length, printed.options.length);
  assert.equal(points.filter((row) => row.best !== "").length, printed.best.length);
  assert.equal(await page.locator("#study-study-json-front .plot svg .role-legend-label text").count(), 4);
  assert.equal((await rowsSavedBy(page, "study-study-json-cost")).length, 2 * 4);
  const change = printed.best.find((each) => each.cost_change_fraction).cost_change_fraction.value;
  assert.match(await page.textContent("#study-study-json table"), new RegExp(`${Math.abs(100 * change).toFixed(0)}\\s%`));
  assert.match(await page.textContent("#study-study-json"), /Cannot be done.*reviewed case by case/);
  assert.equal(await page.locator("#study-study-json .assumed li").count(), printed.assumptions.length);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the phone");
  assert.deepEqual(errors, []);
  await page.context().close();
}

try {
  for (const test of [testOneRun, testTimeline, testSeveralRunsOnAPhone, testRunsOfOneName, testCostsOfUnlikeKinds, testSweep, testManyPoints, testReproductions,
    testRulesPlansAndClusters, testVerdicts, testStudy]) {
    await test();
    console.log(`ok ${test.name}`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
