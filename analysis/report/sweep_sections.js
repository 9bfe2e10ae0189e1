// A sweep: its best point, which axes matter, what failed; then its points in the explorer.

/// Columns of the points: axes first, then the metrics in the order of the file.
function sweepColumns(file) {
  const axes = value(file, "/sweep/axes");
  const metrics = value(file, "/sweep/metrics");
  return {axes, metrics: metrics.filter((metric) => has(file, `/points/${metric}`))};
}

function bestPoint(file, goal) {
  const points = rowsOf(file, "/points").filter((row) => row[goal.metric] !== null);
  return points.reduce((best, row) => (best === null || (goal.lowest ? row[goal.metric] < best[goal.metric] : row[goal.metric] > best[goal.metric]) ? row : best), null);
}

function pointText(file, point) {
  return value(file, "/sweep/axes").map((axis) => {
    const of = unit(file, `/points/${axis}`);
    return `${axis} ${cellText(point[axis])}${["1", "text"].includes(of) ? "" : ` ${of}`}`;
  }).join(", ");
}

function addSweepAnswer(parent, file) {
  const goal = file.analysis.goal;
  const best = bestPoint(file, goal);
  const failed = value(file, "/sweep/failed");
  const lines = [];
  if (best) {
    const of = unit(file, `/points/${goal.metric}`);
    lines.push(`The ${goal.lowest ? "lowest" : "highest"} ${goal.metric.replace(new RegExp(`_${of}$`), "").replaceAll("_", " ")} is ${cellText(best[goal.metric])}${of === "1" ? "" : ` ${of}`}, at ${pointText(file, best)}.`);
  } else { lines.push("No point could be simulated."); }
  lines.push(`${grouped(value(file, "/sweep/points"))} points (${value(file, "/sweep/design")}), ${grouped(failed)} failed, ${grouped(value(file, "/sweep/missing"))} missing.`);
  section(parent, `sweep-${wordOf(file.file)}`, value(file, "/sweep/name"), element("div", {class: "answer"}, element("p", {}, lines[0]), element("p", {class: "doubt"}, lines[1])),
    element("p", {}, value(file, "/sweep/description")));
}

function addSensitivity(parent, file) {
  const known = file.analysis.metrics.filter((each) => each.sensitivity.axes);
  const reasons = file.analysis.metrics.filter((each) => each.sensitivity.reason);
  const id = `sensitivity-${wordOf(file.file)}`;
  const made = section(parent, id, "Which axes matter");
  const rows = known.flatMap((each) => each.sensitivity.axes.flatMap((axis) => [["alone", axis.first, axis.first_error], ["with the others", axis.total, axis.total_error]]
    .map(([kind, share, error]) => ({name: `${each.metric.replaceAll("_", " ")}: ${axis.axis}`, kind, share, low: share - error, high: share + error}))));
  if (rows.length > 0) {
    const y = {field: "name", type: "nominal", sort: null, title: null};
    const yOffset = {field: "kind", sort: null};
    figureOf(made, {id: `${id}-plot`, title: "Share of each metric's variance that an axis explains",
      text: "Sobol indices: alone, and with all that it does together with others; a black line is one standard error.", rows, bands: ["name", 26], spec: {layer: [
        {mark: {type: "bar", tooltip: {content: "data"}}, encoding: {y, yOffset, x: {field: "share", type: "quantitative", title: "share of the variance"}, color: {field: "kind", type: "nominal", sort: null, title: null}}},
        {mark: {type: "rule"}, encoding: {y, yOffset, x: {field: "low", type: "quantitative"}, x2: {field: "high"}}}]}});
  }
  reasons.forEach((each) => made.append(element("p", {class: "doubt"}, `${each.metric}: ${each.sensitivity.reason}`)));
}

function addSweepSources(parent, file) {
  const facts = [["Sweep", value(file, "/sweep/file")], ["Scenario", value(file, "/sweep/scenario_file")], ["Seed", String(value(file, "/sweep/seed"))],
    ["MoEsaic", value(file, "/sweep/program_version")], ["Result file", file.file]];
  section(parent, `sources-${wordOf(file.file)}`, "Sources of the sweep", factsTable(facts),
    element("details", {}, element("summary", {}, "The sweep as read"), element("pre", {tabindex: "0"}, value(file, "/sweep/text"))),
    element("details", {}, element("summary", {}, "Its scenario as read"), element("pre", {tabindex: "0"}, value(file, "/sweep/scenario_text"))));
}

function addSweep(parent, file) {
  addSweepAnswer(parent, file);
  addSensitivity(parent, file);
  const {axes, metrics} = sweepColumns(file);
  if (has(file, "/points/point") && value(file, "/points/point").length > 0) {
    const goal = file.analysis.goal;
    addExplorer(parent, file, "/points", {columns: [...axes, ...metrics, "point"], x: axes[0], y: goal.metric, colour: axes[1] ?? ""});
  }
  if (value(file, "/sweep/failed") > 0) {
    section(parent, `failures-${wordOf(file.file)}`, "Points that failed", tableOf(rowsOf(file, "/failures")));
  }
  addSweepSources(parent, file);
}
