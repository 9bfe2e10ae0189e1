// Elements of the page: sections, tables, and figures that can be saved.

/// Okabe and Ito's colours: colour-blind readers can tell them apart.
const COLOURS = {blue: "#0072B2", sky: "#56B4E9", green: "#009E73", orange: "#E69F00", red: "#D55E00", purple: "#CC79A7", yellow: "#F0E442", grey: "#999999"};

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, each] of Object.entries(attributes)) {
    if (key.startsWith("on")) { made.addEventListener(key.slice(2), each); } else if (each !== null) { made.setAttribute(key, each); }
  }
  made.append(...children);
  return made;
}

function section(parent, id, title, ...children) {
  const made = element("section", {id, "aria-labelledby": `${id}-title`}, element("h2", {id: `${id}-title`}, title), ...children);
  parent.append(made);
  return made;
}

/// A table of facts: [what, told] a row.
function factsTable(facts) {
  return element("table", {class: "facts"}, element("tbody", {}, ...facts.map(([what, told]) => element("tr", {}, element("th", {scope: "row"}, what), element("td", {}, told)))));
}

/// A box that cannot be overlooked with what was assumed; nothing where nothing was.
function addAssumptions(parent, title, assumptions = []) {
  if (assumptions.length === 0) { return; }
  parent.append(element("div", {class: "assumed", role: "note"}, element("h3", {}, title), element("ul", {}, ...assumptions.map((each) => element("li", {}, each)))));
}

function save(name, content, type) {
  const link = element("a", {href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/// Rows of objects as a table; headings sort. At most `shown` rows are in the page, the CSV has all.
function tableOf(rows, headings = {}, shown = 500) {
  const columns = Object.keys(rows[0] ?? {});
  const numeric = new Set(columns.filter((column) => rows.some((row) => typeof row[column] === "number")));
  const body = element("tbody");
  let sorted = {column: null, up: true};
  const kind = (column) => (numeric.has(column) ? "number" : null);
  const fill = (ordered) => body.replaceChildren(...ordered.slice(0, shown).map((row) =>
    element("tr", {}, ...columns.map((column) => element("td", {class: kind(column) ?? (cellText(row[column]).length > 16 ? "words" : null)}, cellText(row[column]))))));
  const order = (column, head) => {
    sorted = {column, up: sorted.column === column ? !sorted.up : true};
    const sign = sorted.up ? 1 : -1;
    const before = (a, b) => (numeric.has(column) ? (a[column] ?? Infinity) - (b[column] ?? Infinity) : String(a[column]).localeCompare(String(b[column])));
    fill([...rows].sort((a, b) => sign * before(a, b)));
    head.closest("tr").querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
  };
  const heads = columns.map((column) => {
    const head = element("th", {scope: "col", class: kind(column)});
    head.append(element("button", {type: "button", onclick: () => order(column, head)}, headings[column] ?? column.replaceAll("_", " ")));
    return head;
  });
  fill(rows);
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body);
  const box = element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Table"}, table);
  if (rows.length > shown) { box.append(element("p", {}, `${grouped(rows.length - shown)} more rows are in the CSV file.`)); }
  return box;
}

const light = {ink: "#1b1d21", line: "#d5d9e0", paper: "#ffffff"};
const dark = {ink: "#e8eaee", line: "#3a3f49", paper: null};

/// @param narrow on a phone: labels and legends have less room
function configOf(colours, narrow = false) {
  const text = {labelColor: colours.ink, titleColor: colours.ink, labelFontSize: narrow ? 11 : 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: narrow ? 150 : 260};
  return {background: colours.paper, font: "system-ui, Segoe UI, DejaVu Sans, sans-serif",
    tick: {color: colours.ink},
    axis: {...text, tickCount: narrow ? 4 : 8, gridColor: colours.line, domainColor: colours.ink, tickColor: colours.ink},
    legend: {...text, orient: "top", columns: narrow ? 1 : 4, symbolLimit: 40}, title: {color: colours.ink}, view: {stroke: null},
    header: text, text: {color: colours.ink}, rule: {color: colours.ink}, range: {category: ["blue", "orange", "green", "red", "purple", "sky", "grey"].map((name) => COLOURS[name])}};
}

const drawn = []; // every figure, to draw again when the colours change

function isDark() { return document.documentElement.dataset.theme === "dark"; }

/// One drawing of a figure after the other.
function draw(figure) {
  figure.drawing = (figure.drawing ?? Promise.resolve()).then(() => drawNow(figure));
  return figure.drawing;
}

async function drawNow(figure) {
  figure.result?.finalize();
  const config = configOf(isDark() ? dark : {...light, paper: null}, figure.plot.clientWidth < 480);
  figure.result = await vegaEmbed(figure.plot, figure.spec, {actions: false, renderer: figure.renderer, config});
}

/// In light colours on white, whatever the page shows.
function exportView(figure) {
  const spec = {...figure.spec, width: figure.spec.width === "container" ? 720 : figure.spec.width};
  return new vega.View(vega.parse(vegaLite.compile(spec, {config: configOf(light)}).spec), {renderer: "none"});
}

/// Other rows in a figure: plot, CSV and table follow.
function showRows(figure, about, rows) {
  about.rows.splice(0, about.rows.length, ...rows);
  figure.spec = {...figure.spec, data: {values: rows}, ...(about.bands ? {height: heightOf(rows, about.bands)} : {})};
  if (figure.result) { draw(figure); }
}

function heightOf(rows, [field, pixels]) { return pixels * Math.max(1, new Set(rows.map((row) => row[field])).size); }

/// A plot with title, explanation, buttons to save it, and its data as a table.
/// about: {id, title, text, rows, spec, bands?: [field of the rows that is the vertical axis, pixels of each], renderer?, headings?}
function figureOf(parent, about) {
  const plot = element("div", {class: "plot", role: "img", "aria-label": `${about.title}. ${about.text}`});
  const figure = {plot, renderer: about.renderer ?? "svg",
    spec: {$schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container",
      data: {values: about.rows}, ...(about.bands ? {height: heightOf(about.rows, about.bands)} : {}), ...about.spec}};
  const button = (text, action) => element("button", {type: "button", "aria-label": `${text} of ${about.title}`, onclick: action}, text);
  const details = element("details", {}, element("summary", {}, "Data as a table"));
  details.addEventListener("toggle", () => { if (details.children.length === 1) { details.append(tableOf(about.rows, about.headings)); } });
  const made = element("figure", {id: about.id},
    element("figcaption", {}, element("h3", {}, about.title), element("p", {}, about.text)), plot,
    element("div", {class: "tools"},
      button("SVG", async () => save(`${about.id}.svg`, await exportView(figure).toSVG(), "image/svg+xml")),
      button("PNG", async () => (await exportView(figure).toCanvas(2)).toBlob((png) => save(`${about.id}.png`, png))),
      button("CSV", () => save(`${about.id}.csv`, csvOf(about.rows), "text/csv"))),
    details);
  parent.append(made);
  drawn.push(figure);
  return figure;
}
