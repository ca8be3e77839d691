// The plots, drawn by Plotly from what the API answers.

/** The columns of the ledger, from the bottom of the stack to its top. */
export const COLUMNS = ["busy", "idle", "held", "unattributed", "free", "unavailable", "unknown"];

/** GPUs by column, stacked. */
export function drawLedger(element, answer) {
  const metrics = answer.series[0]?.metrics ?? {};
  const traces = COLUMNS.map((name) => ({
    name,
    x: answer.time,
    y: metrics[`gpus_${name}`] ?? [],
    stackgroup: "ledger",
    mode: "lines",
    line: { width: 0, color: themed(`--${name}`), shape: "hv" },
    fillcolor: themed(`--${name}`),
    hovertemplate: `%{y:.1f} ${name}<extra></extra>`,
  }));
  draw(element, traces, { yaxis: { title: { text: "GPUs" }, rangemode: "tozero" } });
}

/** Utilization, one line per cluster. */
export function drawUtilization(element, answer) {
  const colors = themed("--lines").split(" ");
  const traces = answer.series.map(({ by, metrics }, place) => ({
    name: by.cluster,
    x: answer.time,
    y: metrics.gpu_utilization_ratio,
    mode: "lines",
    line: { width: 1.5, color: colors[place % colors.length] },
    hovertemplate: `%{y:.1%} ${escaped(by.cluster)}<extra></extra>`,
  }));
  draw(element, traces, { yaxis: { tickformat: ".0%", range: [0, 1] }, showlegend: true });
}

function draw(element, traces, layout) {
  const text = themed("--text");
  const line = themed("--line");
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line };
  Plotly.react(
    element,
    traces,
    {
      font: { color: text, family: "inherit" },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 56, r: 12, t: 8, b: 36 },
      hovermode: "x unified",
      hoverlabel: { bgcolor: themed("--card"), bordercolor: line, font: { color: text } },
      legend: { orientation: "h", y: 1.12, traceorder: "normal" },
      ...layout,
      xaxis: { ...axis, type: "date" },
      yaxis: { ...axis, ...layout.yaxis },
    },
    { displayModeBar: false, responsive: true },
  );
}

function themed(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Names come from clusters; Plotly would take some of their characters for markup. */
function escaped(name) {
  return String(name).replace(/[&<>%{}]/g, (character) => `&#${character.codePointAt(0)};`);
}
