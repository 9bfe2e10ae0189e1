// Several runs beside each other.

function chipsText(file) { return [...new Set(listOf(file, "/memory/chip"))].join(" + "); }

function comparisonRow(file) {
  const row = {run: nameOf(file), file: file.file, on: chipsText(file), fits: isSimulated(file) ? "yes" : "no"};
  const figures = {chips: "/step/chips", step_s: "/step/step_time", tokens_per_s: "/step/tokens_per_s", mfu: "/step/mfu",
    chip_hours_per_trillion_tokens: "/cost/chip_hours_per_trillion_tokens"};
  for (const [name, path] of Object.entries(figures)) { row[name] = has(file, path) ? value(file, path) : null; }
  const cost = isSimulated(file) ? costOf(file) : null;
  return {...row, cost_per_trillion_tokens: cost?.cost ?? null, currency: cost?.currency ?? null, cost_is: cost?.counts ?? null, plan: value(file, "/scenario/plan")};
}

/// Bars with an 80 % interval; a diamond is what was published. rows: {run, amount, low, high, published}
function barsWithInterval(title, rows, y) {
  const published = rows.every((row) => row.published === null) ? [] : [
    {transform: [{filter: "isValid(datum.published)"}], mark: {type: "point", shape: "diamond", filled: true, size: 110, color: COLOURS.orange, stroke: "black", opacity: 1, tooltip: true},
      encoding: {y, x: {field: "published", type: "quantitative"}}}];
  return {layer: [
    {mark: {type: "bar", color: COLOURS.blue, height: {band: 0.6}, tooltip: true}, encoding: {y, x: {field: "amount", type: "quantitative", title}}},
    {mark: {type: "rule", strokeWidth: 2}, encoding: {y, x: {field: "low", type: "quantitative"}, x2: {field: "high"}}},
    ...published]};
}

/// Runs with a cost, in lists of one currency and kind: only these are compared.
function pricedAlike(runs) {
  const priced = runs.filter(isSimulated).map((file) => ({file, ...costOf(file)})).filter((each) => each.cost !== undefined);
  return groupedBy(priced, (each) => `${each.currency}, ${COST_KINDS[each.kind]}`);
}

function addCosts(parent, runs) {
  const text = {rent: "Rent at the price book, without failures, with the 80 % interval of timings and model, which runs of like software and chips share for the most part; prices count as given.",
    bill: "What a lab pays for the whole training: use of chips of its own, rent and power. The 80 % interval is that of timings and model and of sources that disagree on prices."};
  for (const alike of pricedAlike(runs)) {
    const {currency, kind} = alike[0];
    const rows = alike.map(({file, cost, low, high, counts}) => {
      const published = publishedOf(file).find((each) => each.metric === "cost_per_trillion_tokens");
      return {run: nameOf(file), currency, amount: cost / 1e6, low: low / 1e6, high: high / 1e6, published: published ? published.published / 1e6 : null, counts};
    });
    const {y, bands} = axisOfRuns(alike.map(({file}) => file), 26);
    const undescribed = alike.some(({file}) => !isSoftwareKnown(file)) ? " It is wider where nobody has described the software that runs." : "";
    const diamond = rows.some((row) => row.published !== null) ? " A diamond is what was published about this very run." : "";
    figureOf(parent, {id: `${kind === "rent" ? "cost" : kind}-${currency}`, title: `Cost of a trillion tokens${kind === "bill" ? " by the lab's bill" : ""}, M ${currency}`,
      text: text[kind] + undescribed + diamond, rows, bands, spec: barsWithInterval(`M ${currency} per trillion tokens`, rows, y)});
  }
}

function addErrors(parent, runs) {
  const rows = runs.flatMap(publishedOf).map((row) => ({...row, figure: row.metric.replaceAll("_", " ")}));
  if (rows.length === 0) { return; }
  const inside = rows.filter((row) => row.low <= 1 && row.high >= 1).length;
  const errors = rows.map((row) => Math.abs(row.error)).sort((a, b) => a - b);
  const middle = (errors[(errors.length - 1) >> 1] + errors[errors.length >> 1]) / 2;
  const {y, bands} = axisOfRuns(runs.filter((file) => publishedOf(file).length > 0), 20);
  figureOf(parent, {id: "errors", title: "Simulated over published",
    text: `Published figures: ${rows.length}; median error ${percent(middle)}; ${inside} lie in the 80 % interval. 1 is agreement.`, rows,
    bands, spec: {layer: [
      {data: {values: [{one: 1}]}, mark: {type: "rule", strokeDash: [4, 3]}, encoding: {x: {field: "one", type: "quantitative"}}},
      {mark: {type: "rule", strokeWidth: 2, opacity: 0.6}, encoding: {y, x: {field: "low", type: "quantitative", title: "simulated / published"}, x2: {field: "high"}}},
      {mark: {type: "point", filled: true, size: 60, opacity: 1, tooltip: true}, encoding: {y, x: {field: "ratio", type: "quantitative", scale: {zero: false}},
        color: {field: "figure", type: "nominal", title: null}, shape: {field: "figure", type: "nominal", title: null}}}]}});
}

/// The cheapest of each currency and kind of cost, or without prices the one with the fewest chip-hours.
function bestOf(runs) {
  const which = (file) => `${nameOf(file)} on ${chipsText(file)}${file.details.includes(file.file) ? "" : `, ${file.file}`}`;
  const kinds = pricedAlike(runs);
  const lines = kinds.map((alike) => {
    const best = alike.reduce((a, b) => (b.cost < a.cost ? b : a));
    const beginning = kinds.length === 1 ? "Cheapest is" : `${alike.length === 1 ? "The only cost" : "Cheapest"} by ${COST_KINDS[best.kind]} is${alike.length === 1 ? " that of" : ""}`;
    return `${beginning} ${which(best.file)}: ${withInterval(best)} a trillion tokens${kinds.length === 1 || best.kind === "bill" ? `, counted as ${best.counts}` : ""}.`;
  });
  if (lines.length > 0) { return lines; }
  const simulated = runs.filter(isSimulated);
  if (simulated.length === 0) { return []; }
  const hours = (file) => value(file, "/cost/chip_hours_per_trillion_tokens");
  const best = simulated.reduce((a, b) => (hours(b) < hours(a) ? b : a));
  return [`Fewest chip-hours takes ${which(best)}: ${grouped(hours(best))} a trillion tokens.`];
}

/// What keeps the costs of the page's runs from being one ranking.
function doubtOfBest(runs) {
  const kinds = pricedAlike(runs);
  const unlike = kinds.length > 1 ? ["Costs in other currencies or of other kinds are not compared with each other."] : [];
  const mixed = kinds.filter((alike) => new Set(alike.map((each) => each.counts)).size > 1).map((alike) =>
    `Counted is ${groupedBy(alike, (each) => each.counts).map((same) => `of ${same.map(({file}) => nameOf(file)).join(", ")}: ${same[0].counts}`).join("; ")}.`);
  return [...unlike, ...mixed];
}

/// Columns of the table; those that say the same of all runs are left to the CSV.
function shownOf(rows) {
  const unlike = (column) => new Set(rows.map((row) => row[column])).size > 1;
  return rows.map(({plan, fits, cost_is, currency, ...row}) => ({...row, ...(unlike("currency") ? {currency} : {}), ...(unlike("fits") ? {fits} : {}), ...(unlike("cost_is") ? {cost_is} : {})}));
}

function addComparison(parent, runs) {
  const rows = runs.map(comparisonRow);
  const best = bestOf(runs);
  const answer = best.length > 0 ? [element("div", {class: "answer"}, ...best.map((line) => element("p", {}, line)),
    ...doubtOfBest(runs).map((line) => element("p", {class: "doubt"}, line)))] : [];
  const made = section(parent, "runs", `${runs.length} runs`, ...answer, tableOf(shownOf(rows), {step_s: "step, s", tokens_per_s: "tokens/s", mfu: "MFU",
    chip_hours_per_trillion_tokens: "chip-hours / T tokens", cost_per_trillion_tokens: `${new Set(rows.map((row) => row.currency)).size === 1 && rows[0].currency ? rows[0].currency : "cost"} / T tokens`, cost_is: "which is"}));
  made.append(element("div", {class: "tools"}, element("button", {type: "button", onclick: () => save("runs.csv", csvOf(rows), "text/csv")}, "CSV")));
  addCosts(made, runs);
  const simulated = runs.filter(isSimulated);
  if (simulated.length > 0) {
    const spec = stack("run", "share", "share of the critical path", EVIDENCE.map((part, i) => [part, EVIDENCE_COLOURS[i]]));
    spec.encoding.x = {...spec.encoding.x, axis: {format: "%"}, scale: {domain: [0, 1]}};
    const {y, bands} = axisOfRuns(simulated, 22);
    spec.encoding.y = y;
    figureOf(made, {id: "evidence-runs", title: "What each run rests on", text: "Share of the critical path by the evidence of its timings.",
      rows: simulated.flatMap((file) => EVIDENCE.map((part, order) => ({run: nameOf(file), part, share: value(file, `/evidence/${part}`), order}))),
      bands, spec});
  }
  addErrors(made, runs);
}
