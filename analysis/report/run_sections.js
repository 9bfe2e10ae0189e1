// One run: the answer, where the time goes, memory, evidence, what it rests on.

const TIME_PARTS = [["compute", "compute", COLOURS.blue], ["exposed_tensor", "tensor exchange", COLOURS.sky],
  ["exposed_expert", "expert exchange", COLOURS.orange], ["exposed_data", "gradient exchange", COLOURS.green],
  ["exposed_pipeline", "stage messages", COLOURS.purple], ["exposed_compute", "late kernels", COLOURS.red], ["exposed_host", "host", COLOURS.yellow], ["bubble", "bubble", COLOURS.grey]];
const MEMORY_PARTS = [["weights", COLOURS.blue], ["gradients", COLOURS.sky], ["optimizer", COLOURS.green],
  ["activations", COLOURS.orange], ["buffers", COLOURS.purple], ["reserve", COLOURS.grey]];
const EVIDENCE_COLOURS = [COLOURS.green, COLOURS.sky, COLOURS.orange, COLOURS.red];
const GIB = 2 ** 30;

/// Horizontal stacked bars: rows of {bar, part, amount, order}.
function stack(bar, amount, title, parts, extra = {}) {
  const used = {domain: parts.map(([name]) => name), range: parts.map(([, colour]) => colour)};
  return {mark: {type: "bar", height: {band: 0.8}}, encoding: {
    y: {field: bar, type: "nominal", sort: null, title: null}, x: {field: amount, type: "quantitative", aggregate: "sum", title},
    color: {field: "part", type: "nominal", scale: used, title: null}, order: {field: "order", type: "quantitative"},
    tooltip: [{field: bar}, {field: "part"}, {field: amount, type: "quantitative", format: ".4~g"}]}, ...extra};
}

function answerOf(file) {
  const name = nameOf(file);
  if (!isSimulated(file)) { return [`${name} does not fit: ${value(file, "/memory/misfit")}`]; }
  const [low, high] = value(file, "/step/step_time_interval_80");
  const hours = value(file, "/cost/chip_hours_per_trillion_tokens");
  const chips = value(file, "/step/chips");
  const cost = costOf(file);
  const price = cost ? `cost ${withInterval(cost)} and take` : "take";
  const taken = value(file, "/evidence/transferred") + value(file, "/evidence/analytic");
  return [`A trillion tokens of ${name} ${price} ${grouped(hours)} chip-hours, ${digits(hours / chips / 24, 3)} days on ${grouped(chips)} chips without failures.`,
    `A step takes ${secondsText(value(file, "/step/step_time"))} (80 %: ${secondsText(low)} to ${secondsText(high)}); ` +
      `${grouped(value(file, "/step/tokens_per_s"))} tokens/s; MFU ${percent(value(file, "/step/mfu"))}.`,
    `${cost ? `The cost is ${cost.counts}. ` : ""}${intervalText(file)} ${percent(taken)} of the critical path rest on timings of other chips or on a roofline.`];
}

function answerBox(file) {
  const lines = answerOf(file);
  return element("div", {class: "answer"}, ...lines.map((line, i) => element("p", {class: i === 2 ? "doubt" : null}, line)));
}

function addTime(parent, file) {
  const rows = rowsOf(file, "/step/classes").flatMap((row) => TIME_PARTS.filter(([column]) => row[column] !== undefined)
    .map(([column, part], order) => ({class: row.class, part, seconds: row[column], order})));
  const total = (part) => rows.filter((row) => row.part === part).reduce((sum, row) => sum + row.seconds, 0);
  const parts = TIME_PARTS.map(([, part, colour]) => [part, colour]).filter(([part]) => total(part) > 0);
  const made = section(parent, "time", "Where the time goes");
  figureOf(made, {id: "time-split", title: "A step of one rank of each class",
    text: "Kernels, waiting for each kind of exchange with nothing computing, and the bubble; the parts add up to the step.",
    rows: rows.filter((row) => row.seconds > 0), bands: ["class", 22], spec: stack("class", "seconds", "seconds", parts)});
  const path = rowsOf(file, "/step/path");
  const shown = 15;
  const step = path.reduce((sum, row) => sum + row.time, 0);
  const rest = path.slice(shown).reduce((sum, row) => sum + row.time, 0);
  const bars = path.slice(0, shown).map((row) => ({cause: row.label, seconds: row.time, share: row.time / step}));
  if (rest > 0) { bars.push({cause: `${path.length - shown} more`, seconds: rest, share: rest / step}); }
  figureOf(made, {id: "critical-path", title: "Critical path by cause",
    text: "What the end of the step waited for, followed back to its start; adds up to the step.", rows: bars, bands: ["cause", 20],
    spec: {encoding: {y: {field: "cause", type: "nominal", sort: null, title: null},
      x: {field: "seconds", type: "quantitative", title: "seconds on the critical path",
        scale: {domainMax: 1.1 * Math.max(...bars.map((row) => row.seconds)), nice: false}}}, layer: [
      {mark: {type: "bar", tooltip: true}, encoding: {color: {condition: {test: `datum.cause == '${path.length - shown} more'`, value: COLOURS.grey}, value: COLOURS.blue}}},
      {mark: {type: "text", align: "left", dx: 4}, encoding: {text: {field: "share", type: "quantitative", format: ".1%"}}}]}});
}

/// Colours of the timeline: kernels by what their block does, exchanges by kind.
const WORK = [["forward", COLOURS.blue], ["backward", COLOURS.green], ["input_gradient", COLOURS.green], ["weight_gradient", COLOURS.yellow],
  ["forward_and_backward", COLOURS.red], ["step_end", COLOURS.grey], ["tensor", COLOURS.sky], ["context", COLOURS.grey], ["expert", COLOURS.orange],
  ["data", COLOURS.purple], ["pipeline", COLOURS.red], ["host", COLOURS.grey]];

/// Operations of one block and micro-batch that follow each other on a stream become one bar.
function timelineRows(file) {
  const merged = new Map();
  const classes = rowsOf(file, "/memory");
  const ranks = new Map(); // of each class
  for (const event of rowsOf(file, "/timeline")) { ranks.set(event.rank_class, (ranks.get(event.rank_class) ?? new Set()).add(event.rank)); }
  const rowName = (event) => classes[event.rank_class].class + (ranks.get(event.rank_class).size > 1 ? `, rank ${event.rank}` : "");
  for (const event of rowsOf(file, "/timeline")) {
    const key = [event.rank_class, event.rank, event.stream, event.block, event.micro_batch].join(" ");
    const bar = merged.get(key);
    if (bar) { bar.end = Math.max(bar.end, event.end); continue; }
    merged.set(key, {class: rowName(event), stream: event.stream, work: event.stream === "compute" ? event.phase : event.stream, micro_batch: event.micro_batch, start: event.start, end: event.end});
  }
  return [...merged.values()];
}

function addTimeline(parent, file) {
  if (!has(file, "/timeline/start")) { return; }
  const rows = timelineRows(file);
  const streams = ["compute", "tensor", "context", "expert", "data", "pipeline", "host"].filter((stream) => rows.some((row) => row.stream === stream));
  const work = WORK.filter(([name]) => rows.some((row) => row.work === name));
  figureOf(section(parent, "timeline", "Timeline of a step"), {id: "timeline-plot", title: "What runs when",
    text: "Each bar is the work of one micro-batch on one stream: kernels by what they do, exchanges by their kind. Drag to move, turn the wheel to zoom, double-click to reset.",
    rows, renderer: rows.length > 1500 ? "canvas" : "svg",
    bands: ["class", 9 * streams.length], spec: {params: [{name: "zoom", select: {type: "interval", encodings: ["x"]}, bind: "scales"}],
      mark: {type: "rect", clip: true}, encoding: {
        x: {field: "start", type: "quantitative", title: "seconds since the step began"}, x2: {field: "end"},
        y: {field: "class", type: "nominal", sort: null, title: null}, yOffset: {field: "stream", type: "nominal", sort: streams},
        color: {field: "work", type: "nominal", title: null, scale: {domain: work.map(([name]) => name), range: work.map(([, colour]) => colour)},
          legend: {labelExpr: "replace(datum.label, /_/g, ' ')"}},
        fillOpacity: {condition: {test: "datum.micro_batch % 2 == 1", value: 0.6}, value: 1},
        tooltip: ["class", "stream", "work", "micro_batch", "start", "end"].map((field) => ({field}))}}});
}

function addMemory(parent, file) {
  const memory = rowsOf(file, "/memory");
  const rows = memory.flatMap((row) => MEMORY_PARTS.map(([part], order) => ({class: row.class, part, gib: row[part] / GIB, order,
    chip: row.chip, capacity_gib: row.capacity / GIB})));
  const bars = stack("class", "gib", "GiB on one chip", MEMORY_PARTS);
  figureOf(section(parent, "memory", "Memory"), {id: "memory-plot", title: "Memory of one rank of each class against what its chip has",
    text: "The black line is the capacity of the chip.", rows, headings: {gib: "GiB", capacity_gib: "capacity, GiB"},
    bands: ["class", 22], spec: {layer: [{mark: bars.mark, encoding: bars.encoding},
      {mark: {type: "tick", thickness: 3, height: 20, orient: "vertical"}, encoding: {y: {field: "class", type: "nominal", sort: null},
        x: {field: "capacity_gib", type: "quantitative", aggregate: "max"}, tooltip: [{field: "chip"}, {field: "capacity_gib", aggregate: "max", format: ".4~g"}]}}]}});
}

/// "205 k CNY (80 %: 153.2 k CNY to 307.6 k CNY)", of a figure that has an interval beside it.
function totalText(file, path) {
  const of = unit(file, path);
  const text = (amount) => (of === "kWh" ? `${digits(amount / 1e3, 4)}\u00a0MWh` : amountText(amount, of));
  const [low, high] = value(file, `${path}_interval_80`);
  return `${text(value(file, path))} (80 %: ${text(low)} to ${text(high)})`;
}

/// The bill of the whole training, where the scenario has one.
function addSpending(parent, file) {
  if (!has(file, "/spending/cost")) { return; }
  const made = section(parent, "spending", "Cost and energy of the whole training");
  const days = (path) => `${digits(value(file, path) / 86400, 3)} days`;
  made.append(element("div", {class: "answer"},
    element("p", {}, `The training costs ${totalText(file, "/spending/cost")} and takes ${days("/training/wall")}.`),
    element("p", {class: "doubt"}, `Money that goes out until it ends: ${totalText(file, "/spending/outlay")}. Electricity: ${totalText(file, "/spending/energy")}.`)));
  const currency = unit(file, "/spending/cost");
  const lines = rowsOf(file, "/spending/lines").map((row) => ({account: row.account, chip: row.what ? `${row.chip}, ${row.what}` : row.chip, amount: row.amount}));
  for (const [id, title, unitName, wanted] of [["bill", "The bill", currency, (row) => ["use", "rent", "power"].includes(row.account)],
    ["outlay", "What goes out for chips", currency, (row) => row.account === "purchase"], ["energy", "Electricity", "kWh", (row) => row.account === "energy"]]) {
    const rows = lines.filter(wanted);
    if (rows.length === 0) { continue; }
    figureOf(made, {id: `spending-${id}`, title: `${title}, ${unitName}`, text: "With every figure at its value, by kind of chips and what they are paid for.", rows, bands: ["chip", 22],
      spec: {mark: {type: "bar", tooltip: {content: "data"}}, encoding: {y: {field: "chip", type: "nominal", sort: "-x", title: null},
        x: {field: "amount", type: "quantitative", title: unitName}, color: {field: "account", type: "nominal", title: null}}}});
  }
  made.append(element("h3", {}, "Chips"), tableOf(rowsOf(file, "/spending/lots")));
}

function addNetwork(parent, file) {
  if (!has(file, "/network/tiers/tier")) { return; }
  const made = section(parent, "network", "Network");
  const tiers = rowsOf(file, "/network/tiers");
  if (tiers.length > 0) { addTiers(made, "network", tiers); }
  const links = rowsOf(file, "/network/links").sort((a, b) => b.use - a.use);
  if (links.length === 0) { return; }
  const shown = 15;
  const rows = links.slice(0, shown).map((row) => ({link: row.link, use: row.use, gb_carried: row.carried / 1e9, gb_per_s: row.bandwidth / 1e9, chips: row.chips}));
  figureOf(made, {id: "busiest-links", title: `Busiest links${links.length > shown ? `, ${shown} of ${links.length}` : ""}`,
    text: "Share of what a link could carry in a step, one way. A link stands for all with the same traffic.", rows, bands: ["link", 20],
    headings: {use: "mean use", gb_carried: "GB carried in a step", gb_per_s: "GB/s", chips: "chips behind it"},
    spec: {mark: {type: "bar", color: COLOURS.orange, tooltip: {content: "data"}}, encoding: {y: {field: "link", type: "nominal", sort: null, title: null},
      x: {field: "use", type: "quantitative", title: "mean use over the step", axis: {format: "%"}, scale: {domainMin: 0}}}}});
}

function addEvidence(parent, file) {
  const made = section(parent, "evidence", "Evidence");
  const rows = EVIDENCE.map((part, order) => ({run: nameOf(file), part, share: value(file, `/evidence/${part}`), order}));
  const spec = stack("run", "share", "share of the critical path", EVIDENCE.map((part, i) => [part, EVIDENCE_COLOURS[i]]));
  spec.encoding.x = {...spec.encoding.x, axis: {format: "%"}, scale: {domain: [0, 1]}};
  spec.encoding.y.axis = null;
  figureOf(made, {id: "evidence-plot", title: "What the timings of the critical path rest on",
    text: "Measured: this very shape on this chip. Interpolated: between measured shapes. Transferred: another chip's curve, scaled. Analytic: a roofline.",
    rows, bands: ["run", 26], spec});
  const step = value(file, "/step/step_time");
  const next = rowsOf(file, "/evidence/keys").filter((row) => row.evidence !== "measured").sort((a, b) => b.uncertainty - a.uncertainty).slice(0, 10)
    .map((row) => ({operation: row.key, evidence: row.evidence, time: secondsText(row.time), share: percent(row.time / step), deviation: secondsText(row.uncertainty)}));
  if (next.length > 0) {
    made.append(element("h3", {}, "What to measure next"),
      element("p", {}, "The timings whose doubt weighs most in the step: one standard deviation of their time on the critical path."),
      tableOf(next, {share: "of the step", deviation: "standard deviation"}));
  }
}

function addPublished(parent, file) {
  const rows = publishedOf(file);
  if (rows.length === 0) { return; }
  section(parent, "published", "Published against simulated", tableOf(rows.map((row) => ({figure: row.metric.replaceAll("_", " "),
    published: cellText(row.published), simulated: cellText(row.simulated), unit: row.unit,
    error: `${row.error >= 0 ? "+" : ""}${percent(row.error)}`, interval: `${percent(row.low - 1)} to ${percent(row.high - 1)}`, source: row.source})),
  {interval: "80 % interval of the error"}));
}

function softwareText(file) {
  const name = value(file, "/scenario/software");
  if (!name) { return "none is named"; }
  return isSoftwareKnown(file) ? name : `${name} stands for the one that runs, which nobody has described`;
}

function addSources(parent, file) {
  const list = (path) => listOf(file, path);
  const assumptions = list("/scenario/assumptions");
  if (assumptions.length > 0) {
    section(parent, "assumptions", "Assumptions", element("ul", {}, ...assumptions.map((each) => element("li", {}, each))));
  }
  const facts = [["Scenario", value(file, "/scenario/file")], ["Plan", value(file, "/scenario/plan")],
    ["Changed", list("/scenario/overrides").join("; ") || "nothing"],
    ["Timings beside the shipped ones", list("/scenario/timings").join("; ") || "none"],
    ...(has(file, "/scenario/software") ? [["Software", softwareText(file)]] : []),
    ["Constants of the model", (has(file, "/scenario/calibration") && value(file, "/scenario/calibration")) || "the shipped ones"],
    ["Published figures", [...new Set(list("/published/source"))].join("; ") || "none"],
    ["Hash of the scenario", value(file, "/scenario/text_hash")], ["Seed", String(value(file, "/scenario/seed"))],
    ["MoEsaic", value(file, "/scenario/program_version")], ["Run file", file.file]];
  section(parent, "sources", "Sources",
    factsTable(facts),
    element("details", {}, element("summary", {}, "The scenario as read"), element("pre", {tabindex: "0"}, value(file, "/scenario/text"))));
}

function addRun(parent, file) {
  section(parent, "answer", nameOf(file), answerBox(file));
  if (isSimulated(file)) { addTime(parent, file); addTimeline(parent, file); }
  addSpending(parent, file);
  addMemory(parent, file);
  addNetwork(parent, file);
  if (isSimulated(file)) { addEvidence(parent, file); addPublished(parent, file); }
  addSources(parent, file);
}
