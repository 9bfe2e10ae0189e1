// What commands print with --json: plans, published runs, clusters; rules and studies have files of their own.

/// What one reproduction says of one published step time.
function recordRows({file, printed}) {
  return printed.records.filter((record) => !record.problem).map((record) => ({
    record: record.id, paper: record.paper, chip: record.chip, from: file, published: record.published, simulated: record.simulated,
    ratio: record.simulated / record.published, low: record.interval_80[0] / record.published, high: record.interval_80[1] / record.published,
    inside: record.interval_80[0] <= record.published && record.published <= record.interval_80[1] ? "inside" : "outside",
    on_measured: record.evidence.measured + record.evidence.interpolated, plan: record.plan, doubt: record.flag || record.doubt}));
}

function accuracyRows(files) {
  return files.flatMap(({file, printed}) => printed.groups.map((group) => ({from: file, group: group.group, records: group.records,
    median_abs_error: group.median_abs_error, p90_abs_error: group.p90_abs_error, bias: group.bias,
    interval_80_coverage: group.interval_80_coverage, rank_correlation: group.rank_correlation})));
}

/// One or several outputs of `moesaic reproduce`: with several, made under unlike settings, what each setting does to the errors.
function addReproductions(parent, files) {
  const made = section(parent, "reproduction", "Published against simulated");
  const all = files.flatMap(recordRows);
  const groups = accuracyRows(files);
  const overall = files.map(({file}) => ({file, ...groups.find((group) => group.from === file)}));
  made.append(element("div", {class: "answer"}, ...overall.map((group) => element("p", {},
    `${files.length > 1 ? `${group.file}: ` : ""}${group.records} published runs, median error of the step time ${percent(group.median_abs_error)}, ` +
    `bias ${percent(group.bias)}; the 80 % interval holds ${percent(group.interval_80_coverage)} of them.`))));
  const filter = element("input", {type: "search", oninput: () => show()});
  const shown = element("p", {role: "status"});
  made.append(element("div", {class: "controls"}, element("label", {}, "Runs with (like h800 ratio<0.8)", filter)), shown);
  const series = files.length > 1 ? "from" : "chip";
  const common = {color: {field: series, type: "nominal", title: null}, shape: {field: series, type: "nominal", title: null}};
  const scatter = {id: "published-simulated", title: "Simulated over published step time", text: "On the line both agree; below it the simulation is too fast.",
    rows: [...all], renderer: "canvas", spec: {height: 380, layer: [
      {mark: {type: "line", strokeDash: [4, 3], color: COLOURS.grey}, encoding: {x: {field: "published", type: "quantitative"}, y: {field: "published", type: "quantitative"}}},
      {mark: {type: "point", size: 50, filled: true, opacity: 0.8, tooltip: {content: "data"}}, encoding: {...common,
        x: {field: "published", type: "quantitative", title: "published, seconds a step", scale: {type: "log"}},
        y: {field: "simulated", type: "quantitative", title: "simulated, seconds a step", scale: {type: "log"}}}}]}};
  const y = {field: "record", type: "nominal", sort: null, title: null};
  const errors = {id: "published-ratio", title: "Each run with its 80 % interval", text: "1 is agreement; a run whose bar crosses 1 lies in its interval.",
    rows: [...all], renderer: all.length > 60 ? "canvas" : "svg", bands: ["record", 14], spec: {layer: [
      {mark: {type: "rule", strokeDash: [4, 3]}, encoding: {x: {datum: 1}}},
      {mark: {type: "rule", strokeWidth: 2, opacity: 0.5}, encoding: {y, x: {field: "low", type: "quantitative"}, x2: {field: "high"}}},
      {mark: {type: "point", filled: true, size: 40, opacity: 1, tooltip: {content: "data"}}, encoding: {y, ...common,
        x: {field: "ratio", type: "quantitative", title: "simulated / published", scale: {zero: false}}}}]}};
  const figures = [scatter, errors].map((about) => [figureOf(made, about), about]);
  addAccuracy(made, groups, files.length);
  addProblems(made, files);
  function show() {
    const left = matching(all, filter.value);
    shown.textContent = `${grouped(left.length)} of ${grouped(all.length)} runs`;
    figures.forEach(([figure, about]) => showRows(figure, about, left));
  }
  show();
}

function addAccuracy(parent, groups, files) {
  const rows = groups.map((group) => ({...group, group: group.group.replaceAll("_", " ")}));
  const offset = files > 1 ? {yOffset: {field: "from", type: "nominal"}} : {};
  figureOf(parent, {id: "accuracy", title: files > 1 ? "Median error of each group under each setting" : "Median error of each group",
    text: "Median of |ln(simulated / published)| of the step time; the tick is the 90th percentile.", rows, bands: ["group", files > 1 ? 12 * files + 4 : 18],
    spec: {layer: [
      {mark: {type: "bar", tooltip: {content: "data"}}, encoding: {y: {field: "group", type: "nominal", sort: null, title: null}, ...offset,
        x: {field: "median_abs_error", type: "quantitative", title: "median error", axis: {format: "%"}},
        ...(files > 1 ? {color: {field: "from", type: "nominal", title: null}} : {color: {value: COLOURS.blue}})}},
      {mark: {type: "tick", thickness: 2, tooltip: true}, encoding: {y: {field: "group", type: "nominal", sort: null}, ...offset, x: {field: "p90_abs_error", type: "quantitative"}}}]}});
}

function addProblems(parent, files) {
  const rows = files.flatMap(({file, printed}) => printed.records.filter((record) => record.problem).map((record) => ({from: file, record: record.id, problem: record.problem})));
  if (rows.length > 0) { parent.append(element("h3", {}, "Not simulated"), tableOf(rows)); }
}

function addPlans(parent, {file, printed}) {
  const id = `plans-${wordOf(file)}`;
  const rows = printed.plans.map((plan) => ({rank: plan.rank, plan: plan.short_plan ?? plan.plan, step_time_s: plan.step_time_s, bound_by: plan.bound_by,
    cost_per_trillion_tokens: amountOf(plan), currency: plan.cost_per_trillion_tokens?.currency ?? null, chips: plan.chips ?? null}));
  const currency = rows.find((row) => row.currency)?.currency;
  const made = section(parent, id, `Plans${printed.scenario ? ` for ${printed.scenario}` : ""}`);
  if (rows.length === 0) { made.append(element("div", {class: "answer"}, element("p", {}, `None of ${grouped(printed.considered)} plans fits.`))); return; }
  const best = rows[0];
  made.append(element("div", {class: "answer"},
    element("p", {}, `The best plan takes ${secondsText(best.step_time_s)} a step` +
      `${best.cost_per_trillion_tokens === null ? "" : ` and ${amountText(best.cost_per_trillion_tokens, currency)} a trillion tokens`}; its time goes into ${best.bound_by}.`),
    element("p", {class: "doubt"}, `${grouped(printed.considered)} plans considered, ${grouped(printed.pruned)} pruned, ${grouped(printed.simulated)} simulated in ${digits(printed.wall_s, 3)} s.`)));
  addStepsByCause(made, id, rows);
  addTimeAgainstCost(made, id, printed, currency);
  made.append(tableOf(rows.map((row) => ({...row, plan: row.plan.split("\n")[0]})), {step_time_s: "step, s", cost_per_trillion_tokens: "cost / T tokens", bound_by: "time goes into"}));
}

/// "compute 87 %, waiting 8 %" as [["compute", 0.87], ["waiting", 0.08]]; a cause without a share has all.
function causesOf(boundBy) {
  return boundBy.split(", ").map((part) => part.match(/^(.*?)(?: ([\d.]+) %)?$/)).map(([, cause, share]) => [cause, share === undefined ? 1 : Number(share) / 100]);
}

/// A bar for each plan, cut by what its time goes into; the shares that are told are the three largest.
function addStepsByCause(parent, id, plans) {
  const parts = plans.flatMap((row) => {
    const causes = causesOf(row.bound_by);
    const rest = 1 - causes.reduce((sum, [, share]) => sum + share, 0);
    return [...causes, ...(rest > 0.004 ? [["the rest", rest]] : [])].map(([part, share]) => ({name: `${row.rank}. ${row.plan.split("\n")[0]}`, part, seconds: row.step_time_s * share, share}));
  });
  const causes = [...new Set(parts.map((row) => row.part))].sort((a, b) => (a === "the rest") - (b === "the rest"));
  const colours = ["blue", "orange", "green", "red", "purple", "sky", "yellow"].map((name) => COLOURS[name]);
  const rows = parts.map((row) => ({...row, order: causes.indexOf(row.part)}));
  const spec = stack("name", "seconds", "seconds a step", causes.map((cause, i) => [cause, cause === "the rest" ? COLOURS.grey : colours[i % colours.length]]));
  spec.encoding.y.axis = {labelLimit: 420};
  figureOf(parent, {id: `${id}-steps`, title: "Step time of the best plans", text: "Cut by what the time of all ranks goes into: kernels (compute), waiting, and each kind of exchange that nothing hides.",
    rows, bands: ["name", 22], spec});
}

function amountOf(plan) {
  const cost = plan.cost_per_trillion_tokens;
  return typeof cost === "number" ? cost : cost?.value ?? null;
}

/// The plans than which no other is both faster and cheaper, where there is a price.
function addTimeAgainstCost(parent, id, printed, currency) {
  const rows = [...printed.plans, ...(printed.pareto ?? [])].map((plan) => ({plan: (plan.short_plan ?? plan.plan).split("\n")[0], step_time_s: plan.step_time_s,
    cost_m: amountOf(plan) === null ? null : amountOf(plan) / 1e6, most_time: causesOf(plan.bound_by)[0][0], bound_by: plan.bound_by}));
  const color = {field: "most_time", type: "nominal", title: "most time goes into"};
  const colours = new Set(rows.map((row) => row.most_time)).size > 1 ? {color} : {};
  if (rows.length < 2 || rows.some((row) => row.cost_m === null)) { return; }
  figureOf(parent, {id: `${id}-front`, title: "Time against cost", text: "The line joins the plans than which none is both faster and cheaper.",
    rows, headings: {cost_m: "M per trillion tokens"}, spec: {height: 300, ...withFront(rows, "step_time_s", "cost_m",
      {titles: {step_time_s: "seconds a step", cost_m: `M ${currency ?? ""} per trillion tokens`}, ...colours})}});
}

function addCluster(parent, {file, printed}) {
  const id = `cluster-${wordOf(file)}`;
  const made = section(parent, id, printed.name);
  made.append(element("div", {class: "answer"}, element("p", {}, `${grouped(printed.chips)} ${printed.chip} in ${grouped(printed.nodes)} nodes (${printed.node}), ` +
    `fabric ${printed.fabric.replaceAll("_", " ")}, oversubscription ${printed.oversubscription}. Cut in half it carries ` +
    `${rateText(printed.bisection_bytes_per_s_each_way)} each way, ${rateText(printed.bisection_per_chip_bytes_per_s)} a chip.`)));
  addTiers(made, id, printed.tiers.map((tier) => ({pool: printed.id, tier: tier.tier, alone: tier.one_pair_alone_bytes_per_s,
    all_at_once: tier.per_chip_all_at_once_bytes_per_s, latency: tier.latency_s})));
  made.append(element("h3", {}, "Figures and their sources"), tableOf(Object.entries(printed.figures).map(([figure, about]) => ({figure,
    value: about.text, confidence: about.confidence, source: about.source}))));
}

/// Bandwidth that a chip finds at each distance. rows: {pool, tier, alone, all_at_once, latency} in B/s and s
function addTiers(parent, id, tiers) {
  const rows = tiers.flatMap((tier) => [["one pair alone", tier.alone], ["all chips at once", tier.all_at_once]].map(([load, rate]) =>
    ({where: `${tier.pool}, ${tier.tier}`, load, gb_per_s: rate / 1e9, latency_us: tier.latency * 1e6})));
  figureOf(parent, {id: `${id}-tiers`, title: "Bandwidth by distance", text: "Of one chip, each way: to a chip of its node, of its leaf, across the spine.",
    rows, headings: {gb_per_s: "GB/s", latency_us: "latency, µs"}, bands: ["where", 30],
    spec: {mark: {type: "bar", tooltip: {content: "data"}}, encoding: {y: {field: "where", type: "nominal", sort: null, title: null}, yOffset: {field: "load", sort: null},
      x: {field: "gb_per_s", type: "quantitative", title: "GB/s a chip, each way"}, color: {field: "load", type: "nominal", sort: null, title: null}}}});
}

/// What each kind of printed object is known by.
const PRINTED = [["plans", addPlans], ["changes", addRules], ["end_use", addVerdicts], ["study", addStudy], ["tiers", addCluster]];

function addPrinted(parent, files) {
  const reproductions = files.filter(({printed}) => printed.records && printed.groups);
  if (reproductions.length > 0) { addReproductions(parent, reproductions); }
  for (const file of files.filter((each) => !reproductions.includes(each))) {
    const [, add] = PRINTED.find(([key]) => key in file.printed) ?? [];
    if (add) { add(parent, file); continue; }
    section(parent, `printed-${wordOf(file.file)}`, file.file, element("p", {}, "The page has no section for what this file holds; it is given as it is."),
      element("pre", {tabindex: "0"}, JSON.stringify(file.printed, null, 1)));
  }
}
