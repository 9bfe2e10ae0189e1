// Several runs beside each other.

function comparisonRow(file) {
  const row = {run: nameOf(file), fits: isSimulated(file) ? "yes" : "no"};
  const figures = {chips: "/step/chips", step_s: "/step/step_time", tokens_per_s: "/step/tokens_per_s", mfu: "/step/mfu",
    chip_hours_per_trillion_tokens: "/cost/chip_hours_per_trillion_tokens"};
  for (const [name, path] of Object.entries(figures)) { row[name] = has(file, path) ? value(file, path) : null; }
  const cost = isSimulated(file) ? costOf(file) : null;
  return {...row, cost_per_trillion_tokens: cost?.cost ?? null, currency: cost?.currency ?? null, plan: value(file, "/scenario/plan")};
}

/// Bars with an 80 % interval; a diamond is what was published. rows: {run, amount, low, high, published}
function barsWithInterval(title, rows) {
  const y = {field: "run", type: "nominal", sort: null, title: null};
  const published = rows.every((row) => row.published === null) ? [] : [
    {transform: [{filter: "isValid(datum.published)"}], mark: {type: "point", shape: "diamond", filled: true, size: 110, color: COLOURS.orange, stroke: "black", opacity: 1, tooltip: true},
      encoding: {y, x: {field: "published", type: "quantitative"}}}];
  return {layer: [
    {mark: {type: "bar", color: COLOURS.blue, height: {band: 0.6}, tooltip: true}, encoding: {y, x: {field: "amount", type: "quantitative", title}}},
    {mark: {type: "rule", strokeWidth: 2}, encoding: {y, x: {field: "low", type: "quantitative"}, x2: {field: "high"}}},
    ...published]};
}

function addCosts(parent, runs) {
  const rows = runs.filter(isSimulated).flatMap((file) => {
    const cost = costOf(file);
    const published = publishedOf(file).find((each) => each.metric === "cost_per_trillion_tokens");
    return cost ? [{run: nameOf(file), currency: cost.currency, amount: cost.cost / 1e6, low: cost.low / 1e6, high: cost.high / 1e6,
      published: published ? published.published / 1e6 : null}] : [];
  });
  for (const currency of new Set(rows.map((row) => row.currency))) {
    const priced = rows.filter((row) => row.currency === currency);
    figureOf(parent, {id: `cost-${currency}`, title: `Cost of a trillion tokens, M ${currency}`,
      text: "With the 80 % interval of timings and model, which runs of like software and chips share for the most part; prices count as given. A diamond is what was published about this very run.",
      rows: priced, bands: ["run", 26], spec: barsWithInterval(`M ${currency} per trillion tokens`, priced)});
  }
}

function addErrors(parent, runs) {
  const rows = runs.flatMap(publishedOf).map((row) => ({...row, figure: row.metric.replaceAll("_", " ")}));
  if (rows.length === 0) { return; }
  const inside = rows.filter((row) => row.low <= 1 && row.high >= 1).length;
  const errors = rows.map((row) => Math.abs(row.error)).sort((a, b) => a - b);
  const middle = (errors[(errors.length - 1) >> 1] + errors[errors.length >> 1]) / 2;
  const y = {field: "run", type: "nominal", sort: null, title: null};
  figureOf(parent, {id: "errors", title: "Simulated over published",
    text: `Published figures: ${rows.length}; median error ${percent(middle)}; ${inside} lie in the 80 % interval. 1 is agreement.`, rows,
    bands: ["run", 20], spec: {layer: [
      {data: {values: [{one: 1}]}, mark: {type: "rule", strokeDash: [4, 3]}, encoding: {x: {field: "one", type: "quantitative"}}},
      {mark: {type: "rule", strokeWidth: 2, opacity: 0.6}, encoding: {y, x: {field: "low", type: "quantitative", title: "simulated / published"}, x2: {field: "high"}}},
      {mark: {type: "point", filled: true, size: 60, opacity: 1, tooltip: true}, encoding: {y, x: {field: "ratio", type: "quantitative", scale: {zero: false}},
        color: {field: "figure", type: "nominal", title: null}, shape: {field: "figure", type: "nominal", title: null}}}]}});
}

/// The cheapest of each currency, or without prices the one with the fewest chip-hours.
function bestOf(runs) {
  const simulated = runs.filter(isSimulated);
  const priced = simulated.map((file) => ({file, ...costOf(file)})).filter((each) => each.cost !== undefined);
  const lines = [...new Set(priced.map((each) => each.currency))].map((currency) => {
    const best = priced.filter((each) => each.currency === currency).reduce((a, b) => (b.cost < a.cost ? b : a));
    return `Cheapest is ${nameOf(best.file)}: ${amountText(best.cost, currency)} a trillion tokens (80 %: ${amountText(best.low, currency)} to ${amountText(best.high, currency)}).`;
  });
  if (lines.length > 0 || simulated.length === 0) { return lines; }
  const hours = (file) => value(file, "/cost/chip_hours_per_trillion_tokens");
  const best = simulated.reduce((a, b) => (hours(b) < hours(a) ? b : a));
  return [`Fewest chip-hours takes ${nameOf(best)}: ${grouped(hours(best))} a trillion tokens.`];
}

function addComparison(parent, runs) {
  const rows = runs.map(comparisonRow);
  const best = bestOf(runs);
  const answer = best.length > 0 ? [element("div", {class: "answer"}, ...best.map((line) => element("p", {}, line)))] : [];
  const made = section(parent, "runs", `${runs.length} runs`, ...answer, tableOf(rows.map(({plan, ...row}) => row), {step_s: "step, s", tokens_per_s: "tokens/s", mfu: "MFU",
    chip_hours_per_trillion_tokens: "chip-hours / T tokens", cost_per_trillion_tokens: "cost / T tokens"}));
  made.append(element("div", {class: "tools"}, element("button", {type: "button", onclick: () => save("runs.csv", csvOf(rows), "text/csv")}, "CSV")));
  addCosts(made, runs);
  const simulated = runs.filter(isSimulated);
  if (simulated.length > 0) {
    const spec = stack("run", "share", "share of the critical path", EVIDENCE.map((part, i) => [part, EVIDENCE_COLOURS[i]]));
    spec.encoding.x = {...spec.encoding.x, axis: {format: "%"}, scale: {domain: [0, 1]}};
    figureOf(made, {id: "evidence-runs", title: "What each run rests on", text: "Share of the critical path by the evidence of its timings.",
      rows: simulated.flatMap((file) => EVIDENCE.map((part, order) => ({run: nameOf(file), part, share: value(file, `/evidence/${part}`), order}))),
      bands: ["run", 22], spec});
  }
  addErrors(made, runs);
}
