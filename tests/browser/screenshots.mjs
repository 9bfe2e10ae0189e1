// Pictures of a report page, to be looked at: node screenshots.mjs PAGE.html FOLDER
import { join } from "node:path";
import { openBrowser, openPage } from "./browser.mjs";

const [file, folder] = process.argv.slice(2);
const views = {
  light: { viewport: { width: 1100, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1100, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 800 }, colorScheme: "light", deviceScaleFactor: 2 },
};
const browser = await openBrowser();
for (const [name, options] of Object.entries(views)) {
  const { page, errors } = await openPage(browser, file, options);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  if (name === "light") { await page.pdf({ path: join(folder, "print.pdf"), format: "A4" }); }
  errors.forEach((error) => console.error(`${name}: ${error}`));
}
await browser.close();
