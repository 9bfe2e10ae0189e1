// Run files as the program embeds them: {version, files: [{file, datasets: {path: {unit, description, value}}}]}.

const EVIDENCE = ["measured", "interpolated", "transferred", "analytic"]; // best first

/// The program gives a file with `datasets` (an HDF5 file; of a sweep with `analysis` too) or `printed` (JSON).
function has(file, path) { return "datasets" in file && path in file.datasets; }
function value(file, path) { return file.datasets[path].value; }
function unit(file, path) { return file.datasets[path].unit; }
/// A name as a part of an id.
function wordOf(name) { return name.replace(/[^\w]+/g, "-"); }
function isPrinted(file) { return "printed" in file; }
function isSweep(file) { return "analysis" in file; }
function isRun(file) { return has(file, "/scenario/name"); }
function isSimulated(file) { return has(file, "/step/step_time"); }
/// Unlike for all that is on the page, after labelFiles().
function nameOf(file) { return file.label ?? (isRun(file) ? value(file, "/scenario/name") : file.file); }
/// A dataset that may be missing, and may hold one or several, as a list.
function listOf(file, path) { return has(file, path) ? [value(file, path)].flat() : []; }

/// Lists of those for which `key` is the same.
function groupedBy(list, key) {
  const groups = new Map();
  for (const each of list) { groups.set(key(each), [...(groups.get(key(each)) ?? []), each]); }
  return [...groups.values()];
}

/// Tells files of one name apart by a number, and runs of one name by the overrides that differ, else by their files.
function labelFiles(files) {
  for (const same of groupedBy(files, (file) => file.file)) { same.slice(1).forEach((file, i) => { file.file += ` #${i + 2}`; }); }
  for (const same of groupedBy(files.filter(isRun), (file) => value(file, "/scenario/name"))) {
    const overrides = same.map((file) => listOf(file, "/scenario/overrides"));
    const details = overrides.map((own) => own.filter((each) => !overrides.every((others) => others.includes(each))));
    const rivals = (i) => details.filter((each) => each.join() === details[i].join()).length;
    same.forEach((file, i) => {
      file.details = same.length === 1 ? [] : rivals(i) > 1 ? [...details[i], file.file] : details[i].length > 0 ? details[i] : [`${overrides[i].length > 0 ? "otherwise " : ""}unchanged`];
      file.label = value(file, "/scenario/name") + (file.details.length > 0 ? ` (${file.details.join("; ")})` : "");
    });
  }
}

/// The vertical axis of figures with a row for each run: what tells runs of one name apart stands in lines of its own.
function axisOfRuns(runs, pixels) {
  const lines = Object.fromEntries(runs.map((file) => [nameOf(file), [value(file, "/scenario/name"), ...file.details]]));
  const most = Math.max(...Object.values(lines).map((each) => each.length));
  const words = JSON.stringify(lines);
  const middle = Array.from({length: most - 1}, (_, i) => ({test: `${words}[datum.value].length == ${i + 2}`, value: -7 * (i + 1)}));
  const axis = most > 1 ? {axis: {labelExpr: `${words}[datum.label]`, labelLineHeight: 14, labelOffset: {condition: middle, value: 0}}} : {};
  return {y: {field: "run", type: "nominal", sort: null, title: null, ...axis}, bands: ["run", Math.max(pixels, 14 * most + 8)]};
}

/// Names of the columns of a table: the equally long lists that lie directly in a group.
function columnsOf(file, group) {
  return Object.keys(file.datasets).filter((path) =>
    path.startsWith(group + "/") && !path.slice(group.length + 1).includes("/") && Array.isArray(value(file, path)))
    .map((path) => path.slice(group.length + 1));
}

/// A table as a list of objects.
function rowsOf(file, group) {
  const columns = columnsOf(file, group);
  if (columns.length === 0) { return []; }
  const lists = columns.map((column) => value(file, `${group}/${column}`));
  return lists[0].map((_, row) => Object.fromEntries(columns.map((column, i) => [column, lists[i][row]])));
}

/// Groups that hold a table: two or more lists of one length, which is not 0.
function tablesOf(file) {
  const groups = [...new Set(Object.keys(file.datasets).map((path) => path.slice(0, path.lastIndexOf("/"))))];
  return groups.filter((group) => {
    const lengths = columnsOf(file, group).map((column) => value(file, `${group}/${column}`).length);
    return lengths.length > 1 && lengths[0] > 0 && lengths.every((length) => length === lengths[0]);
  });
}

function grouped(number) { return Math.round(number).toLocaleString("en-US"); }
function digits(number, count) {
  return Number(number.toPrecision(count)).toLocaleString("en-US", {maximumSignificantDigits: count});
}
function percent(share) { return `${(100 * share).toFixed(1)}\u00a0%`; }
function secondsText(seconds) {
  if (seconds >= 1) { return `${digits(seconds, 4)}\u00a0s`; }
  return seconds >= 1e-3 ? `${digits(seconds * 1e3, 4)}\u00a0ms` : `${digits(seconds * 1e6, 4)}\u00a0µs`;
}
function rateText(bytesPerSecond) {
  return bytesPerSecond >= 1e12 ? `${digits(bytesPerSecond / 1e12, 4)}\u00a0TB/s` : `${digits(bytesPerSecond / 1e9, 4)}\u00a0GB/s`;
}
function amountText(amount, currency) { return `${(amount / 1e6).toLocaleString("en-US", {minimumSignificantDigits: 3, maximumSignificantDigits: 3})}\u00a0M\u00a0${currency}`; }
function withInterval({cost, low, high, currency}) { return `${amountText(cost, currency)} (80 %: ${amountText(low, currency)} to ${amountText(high, currency)})`; }
/// For table cells, whatever they hold.
function cellText(cell) {
  if (cell === null || cell === undefined) { return "–"; }
  if (typeof cell !== "number") { return /^\d{4}-\d\d-\d\d$/.test(cell) ? cell.replaceAll("-", "\u2011") : String(cell); } // a day stays in one line
  if (Number.isInteger(cell)) { return Math.abs(cell) >= 1e4 ? grouped(cell) : String(cell); }
  return Math.abs(cell) >= 1e5 ? grouped(cell) : digits(cell, 4);
}

/// What a cost can be: the rent of the price book, or the bill of a lab's whole training ([economics]).
const COST_KINDS = {rent: "rent at the price book without failures", bill: "the lab's bill for the whole training"};

/// Rent scales with the step time, so its interval is that of the step; a bill has its own. `counts` says what is in the cost.
function costOf(file) {
  if (!has(file, "/cost/cost_per_trillion_tokens")) { return null; }
  const cost = value(file, "/cost/cost_per_trillion_tokens");
  const currency = unit(file, "/cost/cost_per_trillion_tokens");
  const kind = has(file, "/spending/cost") ? "bill" : "rent";
  const of = kind === "bill" ? "/spending/cost" : "/step/step_time";
  const [low, high] = value(file, `${of}_interval_80`).map((end) => cost * end / value(file, of));
  const accounts = ["use", "rent", "power"].filter((each) => listOf(file, "/spending/lines/account").includes(each));
  const words = accounts.map((each) => (each === "use" ? "use of chips of its own" : each));
  return {cost, low, high, currency, kind, counts: kind === "rent" ? COST_KINDS.rent : `the whole training's ${words.join(" and ")}`};
}

/// Files of earlier versions do not say; they are not doubted.
function isSoftwareKnown(file) { return !has(file, "/scenario/software_known") || value(file, "/scenario/software_known") === 1; }

/// What a run's 80 % intervals hold, by what the run file says of its software and its cost.
function intervalText(file) {
  const [software] = listOf(file, "/scenario/software");
  const base = isSoftwareKnown(file) ? "The 80 % intervals are those of kernel timings and model"
    : `${software ? `${software} stands for the software that runs` : "No software is named"}: the 80 % intervals are those of runs whose software nobody has described`;
  const money = {rent: "; prices count as given", bill: "; those of money also hold sources that disagree"}[costOf(file)?.kind] ?? "";
  return `${base}${money}.`;
}

/// Published figures with what was simulated, its interval and error; what has no simulated counterpart is left out.
function publishedOf(file) {
  if (!isSimulated(file)) { return []; }
  const step = value(file, "/step/step_time");
  const [low, high] = value(file, "/step/step_time_interval_80");
  return rowsOf(file, "/published").flatMap((row) => {
    const path = ["/step/", "/cost/"].map((group) => group + row.metric).find((each) => has(file, each));
    if (!path || unit(file, path) !== row.unit) { return []; }
    const simulated = value(file, path);
    const grows = ["step_time", "chip_hours_per_trillion_tokens"].includes(row.metric);
    const cost = row.metric === "cost_per_trillion_tokens" ? costOf(file) : null;
    const [least, most] = cost ? [cost.low / cost.cost, cost.high / cost.cost] : grows ? [low / step, high / step] : [step / high, step / low];
    return [{run: nameOf(file), metric: row.metric, published: row.value, simulated, unit: row.unit,
      ratio: simulated / row.value, low: least * simulated / row.value, high: most * simulated / row.value,
      error: simulated / row.value - 1, source: row.source}];
  });
}

function csvOf(rows) {
  const columns = Object.keys(rows[0] ?? {});
  const quoted = (cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell ?? ""));
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
}
