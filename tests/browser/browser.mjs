// Chromium driven by playwright-core, as Debian and npm bring them; says what is missing and exits with 77 otherwise.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const source = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const report = join(source, "analysis", "report");
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

function skip(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}

export async function openBrowser() {
  if (!chromium) { skip("chromium is not installed (apt install chromium)"); }
  const library = join(report, "node_modules", "playwright-core", "index.mjs");
  if (!existsSync(library) || !existsSync(join(report, "vega.bundle.js"))) { skip("the libraries of the page are not there (./dev page)"); }
  const { chromium: driver } = await import(pathToFileURL(library));
  return driver.launch({ executablePath: chromium, args: ["--no-sandbox"] }); // the sandbox needs a user namespace, which containers lack
}

/// A page of a file, fully drawn, with the errors that it logs.
export async function openPage(browser, file, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, offline: true, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) { errors.push(message.text()); } });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("requestfailed", (request) => errors.push(`request ${request.url()}`));
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector("html[data-drawn=yes]", { timeout: 60000 });
  return { page, errors };
}
