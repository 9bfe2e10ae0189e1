// Chips under the export rules: their status over time (`moesaic rules --timeline --json`) and of one day (`--date`).

const DAY = 24 * 3600 * 1000;

/// Names as `moesaic rules` prints them, words, colour, letters that say the same as the colour.
const OUTCOMES = [["allowed", "#d9f0d3", "ok"], ["warned", "#a6dba0", "warned"], ["exception", "#c7e5f4", "except."], ["notified", "#92c5de", "notify"],
  ["licensed", "#fee8a8", "granted"], ["licence_required", "#fdc367", "licence"], ["case_by_case", "#f9a35b", "case"],
  ["presumption_of_denial", "#d6604d", "DENIED"], ["prohibited", "#8c1c2c", "BANNED"], ["undecided", "#bdbdbd", "?"]];

/// Stretches of one outcome and rule, from half a year before the first change to half a year after the last.
function statusRows(printed) {
  const margin = 183 * DAY;
  const changes = printed.changes.map((change) => Date.parse(change.from));
  const [begin, end] = [Math.min(...changes) - margin, Math.max(...changes) + margin];
  return printed.chips.flatMap(({chip, status}) => {
    const rows = [];
    status.forEach(({from, outcome, rule}, i) => {
      const until = i + 1 < status.length ? Date.parse(status[i + 1].from) : end;
      const last = rows.at(-1);
      if (last && last.outcome === outcome && last.rule === rule) { last.until = until; return; }
      rows.push({chip, from: from === null ? begin : Date.parse(from), until, outcome, rule});
    });
    return rows;
  }).map((row) => ({...row, from: new Date(row.from).toISOString().slice(0, 10), until: new Date(row.until).toISOString().slice(0, 10),
    days: (row.until - row.from) / DAY, letters: OUTCOMES.find(([name]) => name === row.outcome)[2]}));
}

function addRules(parent, {file, printed}) {
  const made = section(parent, `rules-${wordOf(file)}`, `Chips to ${printed.destination} under the rules`);
  addAssumptions(made, "A hypothetical world", printed.assumptions);
  const all = statusRows(printed);
  const used = OUTCOMES.filter(([name]) => all.some((row) => row.outcome === name));
  const filter = element("input", {type: "search", oninput: () => show()});
  made.append(element("div", {class: "controls"}, element("label", {}, "Chips with (like nvidia h20)", filter)));
  const time = (field) => ({field, type: "temporal", title: null});
  const y = {field: "chip", type: "nominal", title: null};
  const about = {id: `rules-${wordOf(file)}-plot`, title: `Status of each chip for export to ${printed.destination}`,
    text: "From one change of the rules to the next; colours go from light to dark with strictness, and letters say the same. A grey ? is what cannot be decided from what is known.",
    rows: [...all], bands: ["chip", 18], headings: {from: "from", until: "until"}, spec: {layer: [
      {mark: {type: "rect", tooltip: true}, encoding: {y, x: time("from"), x2: {field: "until"},
        color: {field: "outcome", type: "nominal", title: null, scale: {domain: used.map(([name]) => name), range: used.map(([, colour]) => colour)},
          legend: {labelExpr: "replace(datum.label, /_/g, ' ')", labelLimit: 200}},
        tooltip: ["chip", "outcome", "rule", "from", "until"].map((field) => ({field, type: "nominal"}))}},
      {transform: [{filter: "datum.days > 75"}], mark: {type: "text", align: "left", dx: 3, fontSize: 10},
        encoding: {y, x: time("from"), text: {field: "letters"}, color: {value: "#222222",
          condition: {test: "datum.outcome == 'prohibited' || datum.outcome == 'presumption_of_denial'", value: "#ffffff"}}}}]}};
  const figure = figureOf(made, about);
  made.append(element("h3", {}, "Changes of the rules"), tableOf(printed.changes.map((change) =>
    ({from: change.from, begins: change.begins.join(", ") || "–", ends: change.ends.join(", ") || "–"}))));
  function show() {
    const words = filter.value.toLowerCase().split(/\s+/);
    showRows(figure, about, all.filter((row) => words.every((word) => row.chip.toLowerCase().includes(word))));
  }
}

function words(name) { return name === null ? "undecided" : name.replaceAll("_", " "); }
/// The key of a figure in words, and its unit: memory_bandwidth_gb_per_s is "memory bandwidth" in "GB/s".
function namedFigure(key) {
  const [ending, unitName] = key.endsWith("_gb_per_s") ? ["_gb_per_s", "GB/s"] : ["", ""];
  return [words(key.slice(0, key.length - ending.length)).replace(/^tpp$/, "TPP").replace(/\bio\b/, "I/O"), unitName];
}

function nearText(near, outcome) {
  const [name, unitName] = namedFigure(near.figure);
  const amount = (number) => `${cellText(number)}${unitName && `\u00a0${unitName}`}`;
  return `${name} ${amount(near.value)} is ${percent(Math.abs(near.distance_fraction))} ${near.distance_fraction < 0 ? "below" : "above"} ` +
    `${amount(near.limit)} (${near.rule})${near.outcome_beyond === outcome ? "" : `; on the other side: ${words(near.outcome_beyond)}`}`;
}

/// What is not known, and what would follow from it.
function openText(chip) {
  const open = chip.open_rules.map((each) => `${each.rule} would make it ${words(each.outcome)}; not known: ${each.missing.map(words).join(", ")}`);
  return (chip.outcome === null || chip.outcome === "undecided" ? [`not known: ${chip.missing.map(words).join(", ")}`, ...open] : open).join("; ");
}

function priceText(chip) {
  const parts = [["import duty", chip.import_duty_fraction], ["share of revenue", chip.revenue_share_fraction]];
  return parts.filter(([, share]) => share > 0).map(([name, share]) => `${name} ${percent(share)}`).join(", ");
}

/// A row for each chip; columns that are empty for all are left out.
function verdictRows(printed) {
  const rows = printed.chips.map((chip) => ({chip: chip.chip, outcome: (chip.open_rules.length > 0 && chip.outcome ? "at least " : "") + words(chip.outcome), rule: chip.rule ?? "",
    because: chip.predicate, near_limits: chip.near_limits.map((near) => nearText(near, chip.outcome)).join("; "),
    as_published: chip.as_published && chip.as_published.outcome !== chip.outcome ? words(chip.as_published.outcome) : "",
    own_rules: chip.import_side?.rule ? `${words(chip.import_side.outcome)} (${chip.import_side.rule})` : "",
    not_known: openText(chip), other_thresholds: chip.other_thresholds.map((each) => `${words(each.outcome)} with ${each.alternative} of ${each.rule}`).join("; "), price: priceText(chip)}));
  const used = Object.keys(rows[0] ?? {}).filter((column) => rows.some((row) => row[column] !== ""));
  return rows.map((row) => Object.fromEntries(used.map((column) => [column, row[column] || "–"])));
}

/// The figures that decide, each with its source.
function sourceRows(printed) {
  return printed.chips.flatMap((chip) => Object.entries(chip.figures).filter(([, figure]) => typeof figure === "number")
    .map(([key, figure]) => ({chip: chip.chip, figure: namedFigure(key)[0], value: figure, unit: namedFigure(key)[1], source: chip.figure_sources[key] ?? ""})));
}

/// Chips of each outcome, from lax to strict.
function countsText(printed) {
  const counts = OUTCOMES.map(([name]) => [name, printed.chips.filter((chip) => (chip.outcome ?? "undecided") === name).length]);
  return counts.filter(([, count]) => count > 0).map(([name, count]) => `${count} ${words(name)}`).join(", ");
}

function addVerdicts(parent, {file, printed}) {
  const id = `verdicts-${wordOf(file)}`;
  const near = printed.chips.filter((chip) => chip.near_limits.length > 0);
  const made = section(parent, id, `Chips to ${printed.destination} on ${printed.date}`, element("div", {class: "answer"},
    element("p", {}, `Of ${printed.chips.length} chips: ${countsText(printed)}.`),
    element("p", {class: "doubt"}, `Rules of ${printed.jurisdictions.join(" and ")} on ${cellText(printed.date)} for a shipment from ${printed.exported_from} to ${printed.destination}, ` +
      `buyer's headquarters in ${printed.headquarters}, end use ${words(printed.end_use)}. Within 10 % of a limit: ${near.map((chip) => chip.chip).join(", ") || "none"}.`),
    ...Object.entries(printed.unsettled_thresholds_used).map(([rule, used]) => element("p", {class: "doubt"},
      `Thresholds of ${rule} are not settled; used: ${used === null ? "those of the what-if file" : words(used)}.`))));
  addAssumptions(made, "A hypothetical world", printed.assumptions);
  const rows = verdictRows(printed);
  const table = element("div");
  const shown = element("p", {role: "status"});
  const filter = element("input", {type: "search", oninput: () => show()});
  made.append(element("div", {class: "controls"}, element("label", {}, "Chips with (like nvidia denial)", filter)), shown, table,
    element("div", {class: "tools"}, element("button", {type: "button", onclick: () => save(`${id}.csv`, csvOf(rows), "text/csv")}, "CSV")),
    element("details", {}, element("summary", {}, "The figures that decide, and their sources"), tableOf(sourceRows(printed))));
  function show() {
    const left = matching(rows, filter.value);
    shown.textContent = `${left.length} of ${rows.length} chips`;
    table.replaceChildren(tableOf(left, {own_rules: `${printed.destination}'s own rules`}));
  }
  show();
}
