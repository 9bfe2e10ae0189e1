// The pictures of README, from the program itself: node pictures.mjs MOESAIC_BINARY FOLDER
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openBrowser, openPage, source } from "./browser.mjs";

const [binary, target] = process.argv.slice(2);
const browser = await openBrowser();
const folder = mkdtempSync(join(tmpdir(), "moesaic-pictures-"));
const at = (name) => join(folder, name);
const moesaic = (...args) => execFileSync(binary, args, { cwd: source, env: { ...process.env, MOESAIC_DATA: source }, stdio: ["ignore", "ignore", "inherit"] });

/// The page of runs of these scenarios, open.
async function pageOf(scenarios, ...args) {
  const runs = scenarios.map((scenario) => {
    const file = at(`${basename(scenario, ".toml")}.h5`);
    moesaic("run", scenario, "-o", file, ...args);
    return file;
  });
  moesaic("report", ...runs, "-o", at("page.html"));
  const { page, errors } = await openPage(browser, at("page.html"), { viewport: { width: 1000, height: 1000 }, colorScheme: "light", deviceScaleFactor: 1.5 });
  if (errors.length > 0) { throw new Error(errors.join("\n")); }
  return page;
}

async function costsOfThePaper() {
  const paper = "scenarios/papers/ling_2025";
  const scenarios = readdirSync(join(source, paper)).filter((name) => name.endsWith(".toml")).sort().map((name) => join(paper, name));
  const page = await pageOf(scenarios);
  const end = await page.locator("#evidence-runs").boundingBox();
  await page.setViewportSize({ width: 1000, height: Math.ceil(end.y + end.height) + 10 });
  await page.screenshot({ path: join(target, "report.png") });
}

async function timelineOfAMixedPipeline() {
  const page = await pageOf(["scenarios/tutorial/05-stages-on-two-pools.toml"], "--timeline");
  await page.locator("#timeline-plot .tools").evaluate((tools) => tools.parentElement.querySelectorAll(".tools, details").forEach((each) => each.remove()));
  await page.locator("#timeline-plot").screenshot({ path: join(target, "timeline.png") });
}

try {
  await costsOfThePaper();
  await timelineOfAMixedPipeline();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
