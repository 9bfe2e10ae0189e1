// Any table of a file that is not a single run: filter its rows, put any column against any other.

function choice(label, options, chosen, onchange) {
  const select = element("select", {onchange}, ...options.map(([key, text]) => element("option", {value: key}, text)));
  select.value = chosen;
  return [element("label", {}, label, select), select];
}

/// Rows that no other beats in both columns, smaller being better.
function paretoFront(rows, x, y) {
  let best = Infinity;
  return [...rows].filter((row) => row[x] !== null && row[y] !== null).sort((a, b) => a[x] - b[x] || a[y] - b[y])
    .filter((row) => row[y] < best && ((best = row[y]), true));
}

function explorerSpec(rows, {x, y, colour, kind, titles, numeric}) {
  const channel = (field) => ({field, type: numeric.has(field) ? "quantitative" : "nominal", title: titles[field], scale: numeric.has(field) ? {zero: false} : undefined});
  if (kind === "heat") {
    const bin = (field) => ({...channel(field), type: "ordinal", scale: undefined});
    const shade = numeric.has(colour) ? {aggregate: "mean", field: colour, title: `mean ${titles[colour]}`} : {aggregate: "count", title: "rows"};
    return {height: 360, mark: {type: "rect", tooltip: true}, encoding: {x: bin(x), y: bin(y), color: {...shade, type: "quantitative", scale: {scheme: "cividis"}}}};
  }
  const colours = colour ? {color: {...channel(colour), scale: numeric.has(colour) ? {scheme: "cividis"} : undefined}} : {};
  const points = {mark: {type: "point", filled: true, size: 36, opacity: 0.75, tooltip: {content: "data"}, ...(colour ? {} : {color: COLOURS.blue})},
    encoding: {x: channel(x), y: channel(y), ...colours}};
  if (kind !== "pareto" || !numeric.has(x) || !numeric.has(y)) { return {height: 360, ...points}; }
  return {height: 360, layer: [points, {data: {values: paretoFront(rows, x, y)}, mark: {type: "line", interpolate: "step-after", point: {size: 70, color: COLOURS.red}, color: COLOURS.red},
    encoding: {x: channel(x), y: channel(y)}}]};
}

/// Rows in which every word of the filter stands; "column<5" and "column>5" compare.
function matching(rows, text) {
  const tests = text.trim().split(/\s+/).filter(Boolean).map((word) => {
    const compared = word.match(/^(\w+)([<>])(-?[\d.e+]+)$/);
    if (compared) {
      const [, column, sign, limit] = compared;
      return (row) => typeof row[column] === "number" && (sign === "<" ? row[column] < Number(limit) : row[column] > Number(limit));
    }
    return (row) => Object.values(row).some((cell) => String(cell).toLowerCase().includes(word.toLowerCase()));
  });
  return rows.filter((row) => tests.every((test) => test(row)));
}

function addExplorer(parent, file, group) {
  const rows = rowsOf(file, group);
  const columns = columnsOf(file, group);
  const numeric = new Set(columns.filter((column) => rows.some((row) => typeof row[column] === "number")));
  const titles = Object.fromEntries(columns.map((column) => {
    const of = unit(file, `${group}/${column}`);
    return [column, column.replaceAll("_", " ") + (["1", "text"].includes(of) ? "" : ` (${of})`)];
  }));
  const id = `table-${file.file}-${group}`.replace(/[^\w]+/g, "-");
  const made = section(parent, id, `${file.file}: ${group.slice(1)}, ${grouped(rows.length)} rows`);
  const options = columns.map((column) => [column, titles[column]]);
  const counted = [...numeric];
  const xs = choice("Across", options, columns[0], () => update());
  const ys = choice("Up", options, counted[counted.length - 1] ?? columns[columns.length - 1], () => update());
  const colours = choice("Colour", [["", "one colour"], ...options], "", () => update());
  const kinds = choice("Plot", [["points", "points"], ["pareto", "points and best front (less is better)"], ["heat", "heat map"]], "points", () => update());
  const filter = element("input", {type: "search", placeholder: "h20 step_time<5", oninput: () => update()});
  const shown = element("p", {role: "status"});
  const table = element("div");
  made.append(element("div", {class: "controls"}, xs[0], ys[0], colours[0], kinds[0], element("label", {}, "Rows with", filter)), shown);
  const about = {id: `${id}-plot`, title: "Plot", text: "Choose columns above; the filter acts on plot and table.", rows: [...rows], renderer: "canvas", spec: {}};
  const figure = figureOf(made, about);
  made.append(table);
  function update() {
    const left = matching(rows, filter.value);
    about.rows.splice(0, about.rows.length, ...left); // the figure's CSV and table follow
    shown.textContent = `${grouped(left.length)} of ${grouped(rows.length)} rows`;
    const {mark, encoding, layer, ...frame} = figure.spec;
    figure.spec = {...frame, data: {values: left},
      ...explorerSpec(left, {x: xs[1].value, y: ys[1].value, colour: colours[1].value, kind: kinds[1].value, titles, numeric})};
    table.replaceChildren(tableOf(left, titles, 200));
    if (figure.ready) { draw(figure); }
  }
  update();
  figure.ready = true;
}
