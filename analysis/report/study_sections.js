// What-if studies, as `moesaic whatif --json` prints them: of each case the cheapest and the fastest plan, the difference to the
// baseline, and what cannot be done.

/// Chips that come together, as the program words them.
function lotText(lot) {
  const day = lot.date ? ` ${lot.way === "owned" ? "since" : "on"} ${lot.date}` : "";
  const rules = lot.way === "bought" && lot.priced_by.length > 0 ? `, at ${signedPercent(lot.price_factor - 1)} (${lot.priced_by.join(", ")})` : "";
  return `${grouped(lot.chips)} ${lot.chip} ${lot.way}${lot.place ? ` in ${lot.place}` : ""}${day}${rules}`;
}

function signedPercent(share) {
  const size = Math.abs(100 * share).toFixed(Math.abs(share) < 0.095 ? 1 : 0);
  return `${Number(size) === 0 ? "" : share < 0 ? "\u2212" : "+"}${Number(size) === 0 ? "0" : size}\u00a0%`;
}
function changeText(change) { return change ? `${signedPercent(change.value)} (${change.interval_80.map(signedPercent).join(" to ")})` : "–"; }
function figureText({value: middle, interval_80: [low, high]}, unitSize) {
  return `${digits(middle / unitSize, 4)} (${digits(low / unitSize, 3)} to ${digits(high / unitSize, 3)})`;
}

/// The study's cases: the baseline first, then as they come.
function casesOf(printed) {
  return [...new Set([printed.baseline, ...printed.options.map((option) => option.case), ...printed.refused.map((each) => each.case)])];
}

/// A plan in a case, with numbers alone: for plots and CSV.
function optionRow(option, best) {
  const part = (name, {value: middle, interval_80: [low, high]}, size) => ({[name]: middle / size, [`${name}_low`]: low / size, [`${name}_high`]: high / size});
  return {case: option.case, best, plan: option.candidate, layout: option.plan, currency: option.currency, ...part("cost_m", option.cost, 1e6), ...part("days", option.days, 1),
    ...part("energy_gwh", option.energy_kwh, 1e6), chips: option.spending.chips.map(lotText).join(" + ")};
}

/// Each plan that can be done: "cheapest", "fastest", "cheapest and fastest" or "", and how many points of other cases lie on its own.
function optionRows(printed) {
  const same = (a, b) => a.case === b.case && a.candidate === b.candidate && a.plan === b.plan;
  const rows = printed.options.map((option) => optionRow(option, printed.best.filter((each) => same(each, option)).map((each) => each.best).join(" and ")));
  const alike = (a, b) => a.cost_m === b.cost_m && a.days === b.days;
  return rows.map((row, i) => ({...row, under: rows.slice(i + 1).filter((later) => alike(row, later)).length}));
}

function caseText(name, printed) {
  const [cheapest, fastest] = ["cheapest", "fastest"].map((goal) => printed.best.find((each) => each.case === name && each.best === goal));
  if (!cheapest) { return `${name}: none of the plans can be done.`; }
  const days = (option) => `${digits(option.days.value, 3)} days`;
  const cost = (option) => amountText(option.cost.value, option.currency);
  if (cheapest.candidate === fastest.candidate && cheapest.plan === fastest.plan) { return `${name}: ${cheapest.candidate} is cheapest and fastest, ${cost(cheapest)} and ${days(cheapest)}.`; }
  return `${name}: cheapest is ${cheapest.candidate}, ${cost(cheapest)} in ${days(cheapest)}; fastest is ${fastest.candidate}, ${days(fastest)} for ${cost(fastest)}.`;
}

/// Colours and shapes that tell up to 35 cases apart.
function marksOfCases(cases) {
  const colours = ["blue", "orange", "green", "red", "purple", "sky", "grey"].map((name) => COLOURS[name]);
  const shapes = ["circle", "square", "triangle-up", "diamond", "cross"];
  const scaled = (range) => ({field: "case", type: "nominal", title: null, scale: {domain: cases, range: cases.map((_, i) => range[i % range.length])}, legend: {columns: {expr: "width < 480 ? 1 : 3"}, labelLimit: 300, symbolOpacity: 1}});
  return {color: scaled(colours), shape: scaled(shapes)};
}

/// Every plan that can be done as a point; the best of each case are filled and have their intervals.
function addCostAgainstDays(parent, id, rows, cases, currency) {
  const marks = marksOfCases(cases);
  const x = (field) => ({field, type: "quantitative", title: "days from the regime's date until it is trained", scale: {zero: false}});
  const y = (field) => ({field, type: "quantitative", title: `M ${currency}`, scale: {zero: false}});
  const best = [{filter: "datum.best != ''"}];
  const interval = {type: "rule", strokeWidth: 1.5, opacity: 0.4};
  figureOf(parent, {id: `${id}-front`, title: "Cost against days",
    text: "Each point is a plan in a case. Filled, with 80 % intervals: the cheapest and the fastest of a case; hollow: other plans that can be done. Where points of several cases coincide, the later lie on larger earlier ones. What plans share moves their intervals together.",
    rows, headings: {cost_m: `M ${currency}`, energy_gwh: "GWh"}, spec: {height: 380, layer: [
      {transform: best, mark: interval, encoding: {x: x("days_low"), x2: {field: "days_high"}, y: y("cost_m"), color: marks.color}},
      {transform: best, mark: interval, encoding: {x: x("days"), y: y("cost_m_low"), y2: {field: "cost_m_high"}, color: marks.color}},
      {transform: [{filter: "datum.best == ''"}], mark: {type: "point", size: {expr: "40 * (1 + datum.under)"}, opacity: 0.8, tooltip: {content: "data"}}, encoding: {x: x("days"), y: y("cost_m"), ...marks}},
      {transform: best, mark: {type: "point", filled: true, size: {expr: "110 * (1 + datum.under)"}, opacity: 1, tooltip: {content: "data"}}, encoding: {x: x("days"), y: y("cost_m"), ...marks}}]}});
}

/// The best of each case beside each other in one figure of theirs.
function addBest(parent, id, rows, {field, title, unitName}) {
  const y = {field: "case", type: "nominal", sort: null, title: null, axis: {labelLimit: 300}};
  const yOffset = {field: "goal", type: "nominal", sort: null};
  const color = {field: "goal", type: "nominal", sort: null, title: null, legend: {symbolOpacity: 1}};
  figureOf(parent, {id: `${id}-${field.replace(/_.*/, "")}`, title, text: "The cheapest and the fastest plan of each case with the 80 % interval.", rows, bands: ["case", 34], spec: {layer: [
    {mark: {type: "rule", strokeWidth: 2, opacity: 0.6}, encoding: {y, yOffset, x: {field: `${field}_low`, type: "quantitative"}, x2: {field: `${field}_high`}, color}},
    {mark: {type: "point", filled: true, size: 60, opacity: 1, tooltip: {content: "data"}}, encoding: {y, yOffset, x: {field, type: "quantitative", title: unitName, scale: {zero: true}},
      color, shape: {field: "goal", type: "nominal", sort: null, title: null}}}]}});
}

/// One row for each reason and the cases in which it holds, with the plans that it keeps from being done.
function refusalRows(printed, cases) {
  const byPlan = groupedBy(printed.refused, (each) => JSON.stringify([each.candidate, each.reason]));
  const held = byPlan.map((same) => ({plan: same[0].candidate, reason: same[0].reason, cases: [...new Set(same.map((each) => each.case))]}));
  return groupedBy(held, (each) => JSON.stringify([each.reason, each.cases])).map((same) => ({plans: same.map((each) => each.plan).join("; "),
    cases: same[0].cases.length === cases.length ? "every case" : same[0].cases.join("; "), reason: same[0].reason}));
}

function addStudy(parent, {file, printed}) {
  const id = `study-${wordOf(file)}`;
  const cases = casesOf(printed);
  const made = section(parent, id, printed.study, element("div", {class: "answer"}, ...cases.map((name) => element("p", {}, caseText(name, printed))),
    element("p", {class: "doubt"}, `Days count from the regime's date. Baseline: ${printed.baseline}, the same objective. Intervals hold the errors of timings and model and sources that disagree; what two plans share cancels in their difference.`)));
  addAssumptions(made, "Assumptions of this study", printed.assumptions);
  if (printed.options.length > 0) {
    const currency = printed.options[0].currency;
    const best = printed.best.map((option) => ({...optionRow(option, option.best), goal: option.best}));
    addCostAgainstDays(made, id, optionRows(printed), cases, currency);
    addBest(made, id, best, {field: "cost_m", title: "Cost of the best plans", unitName: `M ${currency}`});
    addBest(made, id, best, {field: "days", title: "Days of the best plans", unitName: "days"});
    made.append(element("h3", {}, "The best of each case"), tableOf(printed.best.map((option) => ({case: option.case, best: option.best, plan: option.candidate,
      cost: figureText(option.cost, 1e6), days: figureText(option.days, 1), energy: figureText(option.energy_kwh, 1e6), cost_change: changeText(option.cost_change_fraction),
      days_change: changeText(option.days_change_fraction), energy_change: changeText(option.energy_change_fraction), chips: option.spending.chips.map(lotText).join(" + "), layout: option.plan})),
    {cost: `M ${currency} (80 %)`, days: "days (80 %)", energy: "GWh (80 %)", cost_change: "cost against baseline", days_change: "days against baseline", energy_change: "energy against baseline"}));
  }
  if (printed.refused.length > 0) { made.append(element("h3", {}, "Cannot be done"), tableOf(refusalRows(printed, cases))); }
  made.append(element("p", {class: "doubt"}, `Study: ${printed.file}`));
}
