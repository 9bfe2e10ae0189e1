// Puts the page together.

const data = JSON.parse(document.getElementById("data").textContent);
labelFiles(data.files);
const runs = data.files.filter(isRun);
const main = document.getElementById("main");

function addContents() {
  const links = [...main.querySelectorAll("section")].map((each) => element("li", {}, element("a", {href: `#${each.id}`}, each.querySelector("h2").textContent)));
  document.getElementById("contents").replaceChildren(element("ul", {}, ...links));
}

async function drawAll() {
  for (const figure of drawn) { await draw(figure); }
  document.documentElement.dataset.drawn = "yes";
}

function addRuns() {
  if (runs.length > 1) { addComparison(main, runs); }
  if (runs.length === 0) { return; }
  const place = element("div");
  if (runs.length > 1) {
    const [label] = choice("Show run", runs.map((file, i) => [String(i), nameOf(file)]), "0", (event) => show(Number(event.target.value)));
    main.append(element("div", {class: "controls"}, label));
  }
  main.append(place);
  const common = drawn.length;
  function show(index) {
    drawn.splice(common).forEach((figure) => figure.result?.finalize());
    place.replaceChildren();
    addRun(place, runs[index]);
    addContents();
    if (document.documentElement.dataset.drawn) { drawn.slice(common).forEach(draw); }
  }
  show(0);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(theme === "dark"));
}

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.getElementById("theme").addEventListener("click", () => { setTheme(isDark() ? "light" : "dark"); drawAll(); });
data.files.filter(isSweep).forEach((file) => addSweep(main, file));
addPrinted(main, data.files.filter(isPrinted));
data.files.filter((file) => !isPrinted(file) && !isSweep(file) && !isRun(file)).forEach((file) => tablesOf(file).forEach((group) => addExplorer(main, file, group)));
addRuns();
addContents();
if (runs.length === 1) { document.title = `${nameOf(runs[0])} – MoEsaic`; }
document.getElementById("made").textContent = `Made by MoEsaic ${data.version} from ${data.files.map((file) => file.file).join(", ")}. Drawn with Vega-Lite.`;
drawAll();
