// Pictures of a report page, to be looked at: node screenshots.mjs PAGE.html FOLDER
import { join } from "node:path";
import { openBrowser, openPage } from "./browser.mjs";

const [file, folder] = process.argv.slice(2);
const views = {
  light: { viewport: { width: 1100, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1100, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 800 }, colorScheme: "light", deviceScaleFactor: 2 },
  print: { viewport: { width: 720, height: 900 }, colorScheme: "light" },
};
const browser = await openBrowser();
for (const [name, options] of Object.entries(views)) {
  const { page, errors } = await openPage(browser, file, options);
  if (name === "print") { await page.emulateMedia({ media: "print" }); }
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  errors.forEach((error) => console.error(`${name}: ${error}`));
}
await browser.close();
