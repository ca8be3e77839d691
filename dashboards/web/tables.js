// Cards and tables. All text is set as text: names come from clusters and may hold anything.

const HOUR = 3600;

export function showClusters(element, clusters, totals, latest) {
  const booked = new Map(totals.map((row) => [row.cluster, row]));
  const now = new Map(latest.series.map(({ by, metrics }) => [by.cluster, metrics]));
  element.replaceChildren(
    ...clusters.map((cluster) => {
      const row = booked.get(cluster.name);
      const metrics = now.get(cluster.name);
      return card(cluster, [
        ["GPUs now", metrics ? number(metrics.gpus_capacity[0]) : "–"],
        ["allocated now", metrics ? number(metrics.gpus_allocated[0]) : "–"],
        ["utilization", row ? percent(row.gpu_utilization_ratio) : "–"],
        ["allocation", row ? percent(row.gpu_allocation_ratio) : "–"],
        ["coverage", row ? percent(row.gpu_coverage_ratio) : "–"],
        ["collected until", cluster.collection?.collected_until?.slice(0, 16).replace("T", " ") ?? "–"],
      ]);
    }),
  );
}

function card(cluster, facts) {
  const status = cluster.collection?.status ?? "never";
  const title = made("h3", {}, made("span", {}, cluster.name), made("span", { className: `status ${status}` }, status));
  const list = made("dl", {}, ...facts.flatMap(([name, value]) => [made("dt", {}, name), made("dd", {}, value)]));
  return made("article", { className: "card" }, title, list);
}

const PROJECT_COLUMNS = [
  ["project", (row) => row.project],
  ["allocated GPU-h", (row) => hours(allocated(row))],
  ["busy GPU-h", (row) => hours(row.busy_seconds)],
  ["idle GPU-h", (row) => hours(row.idle_seconds)],
  ["held GPU-h", (row) => hours(row.held_seconds)],
  ["utilization", (row) => percent(ratio(row.busy_seconds, row.busy_seconds + row.idle_seconds))],
  ["energy kWh", (row) => (row.energy_joules === null ? "–" : tenths(row.energy_joules / 3.6e6))],
];

/** Where nothing of these hours has a price there are no columns of costs. */
function projectColumns(rows, currency) {
  if (rows.every((row) => row.capacity_cost === null)) return PROJECT_COLUMNS;
  const unit = currency ? ` ${currency}` : "";
  return [
    ...PROJECT_COLUMNS,
    [`cost${unit}`, (row) => money(row.allocated_cost), "Of the allocated GPU-hours, at the prices of their time."],
    [`wasted${unit}`, (row) => money(row.wasted_cost), "Of these, what the idle and held GPU-hours cost."],
  ];
}

function allocated(row) {
  return row.busy_seconds + row.idle_seconds + row.held_seconds;
}

/** Projects by what was allocated to them; what nobody held stands below. */
export function showProjects(table, rows, currency) {
  const columns = projectColumns(rows, currency);
  const projects = rows.filter((row) => row.project !== null || allocated(row) > 0);
  projects.sort((one, other) => allocated(other) - allocated(one));
  const nobody = rows.find((row) => row.project === null);
  table.tHead.replaceChildren(
    made("tr", {}, ...columns.map(([name, , title = ""]) => made("th", { scope: "col", title }, name))),
  );
  table.tBodies[0].replaceChildren(
    ...projects.map((row) => made("tr", {}, ...columns.map(([, read]) => made("td", {}, read(row) ?? "(none)")))),
    ...(nobody ? restRows(nobody, columns.length) : []),
  );
}

function restRows(row, width) {
  const parts = ["free", "unattributed", "unavailable", "unknown"]
    .filter((name) => row[`${name}_seconds`] > 0)
    .map((name) => `${hours(row[`${name}_seconds`])} GPU-h ${name}`);
  if (parts.length === 0) return [];
  const first = made("td", {}, "held by nobody");
  return [made("tr", { className: "rest" }, first, made("td", { colSpan: width - 1 }, parts.join(", ")))];
}

export function showWarnings(element, warnings) {
  element.hidden = warnings.length === 0;
  element.replaceChildren(...warnings.map((text) => made("li", {}, text)));
}

export function percent(value) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`;
}

function ratio(part, whole) {
  return whole > 0 ? part / whole : null;
}

function hours(seconds) {
  return tenths(seconds / HOUR);
}

function tenths(value) {
  return value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

function money(value) {
  return value === null ? "–" : value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function number(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 });
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
