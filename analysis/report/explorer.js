// Any table of a file that is not a single run: filter its rows, put any column against any other.

function choice(label, options, chosen, onchange) {
  const select = element("select", {onchange}, ...options.map(([key, text]) => element("option", {value: key}, text)));
  select.value = chosen;
  return [element("label", {}, label, select), select];
}

/// Metrics of which more is better; of all others less is.
const MORE_IS_BETTER = new Set(["mfu", "hfu", "tokens_per_s"]);
function signOf(metric) { return MORE_IS_BETTER.has(metric) ? -1 : 1; }

/// Rows that no other beats in both columns.
function paretoFront(rows, x, y) {
  const [ahead, better] = [signOf(x), signOf(y)];
  let best = Infinity;
  return rows.filter((row) => row[x] !== null && row[y] !== null)
    .sort((a, b) => ahead * (a[x] - b[x]) || better * (a[y] - b[y]))
    .filter((row) => better * row[y] < best && ((best = better * row[y]), true));
}

/// A column's name as Vega-Lite takes it: dots and brackets would be a path.
function fieldOf(column) { return column.replace(/[.[\]]/g, "\\$&"); }

/// Points, and a line through those that no other beats. about: titles of x and y, and the encoding of the colour
function withFront(rows, x, y, {titles, ...further}) {
  const channel = (column) => ({field: fieldOf(column), type: "quantitative", title: titles[column], scale: {zero: false}});
  const at = {x: channel(x), y: channel(y)};
  return {layer: [
    {mark: {type: "point", filled: true, size: 36, opacity: 0.75, tooltip: {content: "data"}, ...(further.color ? {} : {color: COLOURS.blue})}, encoding: {...at, ...further}},
    {data: {values: paretoFront(rows, x, y)}, mark: {type: "line", interpolate: signOf(x) > 0 ? "step-after" : "step-before", color: COLOURS.red,
      point: {filled: false, size: 90, stroke: COLOURS.red}}, encoding: at}]};
}

function explorerSpec(rows, {x, y, colour, kind, titles, numeric}) {
  const channel = (column) => ({field: fieldOf(column), type: numeric.has(column) ? "quantitative" : "nominal", title: titles[column], scale: numeric.has(column) ? {zero: false} : undefined});
  if (kind === "heat") {
    const bin = (column) => ({...channel(column), type: "ordinal", scale: undefined});
    const shade = numeric.has(colour) ? {aggregate: "mean", field: fieldOf(colour), title: `mean ${titles[colour]}`} : {aggregate: "count", title: "rows"};
    return {height: 360, mark: {type: "rect", tooltip: true}, encoding: {x: bin(x), y: bin(y), color: {...shade, type: "quantitative", scale: {scheme: "cividis"}}}};
  }
  const colours = colour ? {color: {...channel(colour), scale: numeric.has(colour) ? {scheme: "cividis"} : undefined}} : {};
  if (kind === "front" && numeric.has(x) && numeric.has(y)) { return {height: 360, ...withFront(rows, x, y, {titles, ...colours})}; }
  return {height: 360, mark: {type: "point", filled: true, size: 36, opacity: 0.75, tooltip: {content: "data"}, ...(colour ? {} : {color: COLOURS.blue})},
    encoding: {x: channel(x), y: channel(y), ...colours}};
}

/// Rows in which every word of the filter stands; "column<5" and "column>5" compare.
function matching(rows, text) {
  const tests = text.trim().split(/\s+/).filter(Boolean).map((word) => {
    const compared = word.match(/^([\w.[\]]+)([<>])(-?[\d.e+-]+)$/);
    if (compared) {
      const [, column, sign, limit] = compared;
      return (row) => typeof row[column] === "number" && (sign === "<" ? row[column] < Number(limit) : row[column] > Number(limit));
    }
    return (row) => Object.values(row).some((cell) => String(cell).toLowerCase().includes(word.toLowerCase()));
  });
  return rows.filter((row) => tests.every((test) => test(row)));
}

function titleOf(file, group, column) {
  const of = unit(file, `${group}/${column}`);
  const words = column.replace(new RegExp(`_${of}$`), "").replaceAll("_", " "); // step_time_s is in s
  return words + (["1", "text"].includes(of) ? "" : ` (${of})`);
}

/// first: the columns in their order, and those that the plot begins with, {columns, x, y, colour}
function addExplorer(parent, file, group, first = {}) {
  const columns = first.columns ?? columnsOf(file, group);
  const rows = rowsOf(file, group).map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
  const numeric = new Set(columns.filter((column) => rows.some((row) => typeof row[column] === "number")));
  const titles = Object.fromEntries(columns.map((column) => [column, titleOf(file, group, column)]));
  const id = `table-${wordOf(file.file)}-${wordOf(group)}`;
  const made = section(parent, id, `${file.file}: ${group.slice(1)}, ${grouped(rows.length)} rows`);
  const options = columns.map((column) => [column, titles[column]]);
  const xs = choice("Across", options, first.x ?? columns[0], () => update());
  const ys = choice("Up", options, first.y ?? [...numeric].at(-1) ?? columns.at(-1), () => update());
  const colours = choice("Colour", [["", "one colour"], ...options], first.colour ?? "", () => update());
  const kinds = choice("Plot", [["points", "points"], ["front", "points and best front"], ["heat", "heat map"]], "points", () => update());
  const filter = element("input", {type: "search", oninput: () => update()});
  const shown = element("p", {role: "status"});
  const table = element("div");
  made.append(element("div", {class: "controls"}, xs[0], ys[0], colours[0], kinds[0], element("label", {}, "Rows with (like h20 step_time_s<5)", filter)), shown);
  const about = {id: `${id}-plot`, title: "Plot", rows: [...rows], renderer: "canvas", spec: {},
    text: "Choose columns above; the filter acts on plot and table. Best front: no other row is better in both columns (more MFU and tokens/s, less of anything else). Heat map: the colour column's mean."};
  const figure = figureOf(made, about);
  made.append(table);
  function update() {
    const left = matching(rows, filter.value);
    shown.textContent = `${grouped(left.length)} of ${grouped(rows.length)} rows`;
    figure.spec = {...frameOf(figure.spec), ...explorerSpec(left, {x: xs[1].value, y: ys[1].value, colour: colours[1].value, kind: kinds[1].value, titles, numeric})};
    showRows(figure, about, left);
    table.replaceChildren(tableOf(left, titles, 200));
  }
  update();
}

/// A specification without what it draws.
function frameOf({mark, encoding, layer, ...frame}) { return frame; }
