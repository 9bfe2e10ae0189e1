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
function nameOf(file) { return isRun(file) ? value(file, "/scenario/name") : file.file; }

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
/// For table cells, whatever they hold.
function cellText(cell) {
  if (cell === null || cell === undefined) { return "–"; }
  if (typeof cell !== "number") { return /^\d{4}-\d\d-\d\d$/.test(cell) ? cell.replaceAll("-", "\u2011") : String(cell); } // a day stays in one line
  if (Number.isInteger(cell)) { return Math.abs(cell) >= 1e4 ? grouped(cell) : String(cell); }
  return Math.abs(cell) >= 1e5 ? grouped(cell) : digits(cell, 4);
}

/// Cost scales with the step time, so its interval is that of the step.
function costOf(file) {
  if (!has(file, "/cost/cost_per_trillion_tokens")) { return null; }
  const cost = value(file, "/cost/cost_per_trillion_tokens");
  const step = value(file, "/step/step_time");
  const [low, high] = value(file, "/step/step_time_interval_80");
  return {cost, low: cost * low / step, high: cost * high / step, currency: unit(file, "/cost/cost_per_trillion_tokens")};
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
    const grows = ["step_time", "cost_per_trillion_tokens", "chip_hours_per_trillion_tokens"].includes(row.metric);
    const [least, most] = grows ? [low / step, high / step] : [step / high, step / low];
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
