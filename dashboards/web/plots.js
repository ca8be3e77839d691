// The plots, drawn by Plotly from what the API answers.

/** The columns of the ledger, from the bottom of the stack to its top. */
export const COLUMNS = ["busy", "idle", "held", "unattributed", "free", "unavailable", "unknown"];

/** GPUs by column, stacked. */
export function drawLedger(element, answer, range) {
  const metrics = answer.series[0]?.metrics ?? {};
  const line = timeline(answer.time, range);
  const traces = COLUMNS.map((name) => ({
    name,
    x: line.times,
    y: line.lay(metrics[`gpus_${name}`] ?? []),
    stackgroup: "ledger",
    mode: "lines",
    line: { width: 0, color: themed(`--${name}`), shape: "hv" },
    fillcolor: themed(`--${name}`),
    hovertemplate: `%{y:.1f} ${name}<extra></extra>`,
  }));
  draw(element, traces, range, { yaxis: { title: { text: "GPUs" }, rangemode: "tozero" } });
}

/** Utilization, one line per cluster. */
export function drawUtilization(element, answer, range) {
  const colors = themed("--lines").split(" ");
  const line = timeline(answer.time, range);
  const traces = answer.series.map(({ by, metrics }, place) => ({
    name: escaped(by.cluster),
    x: line.times,
    y: line.lay(metrics.gpu_utilization_ratio),
    mode: "lines",
    line: { width: 1.5, color: colors[place % colors.length] },
    hovertemplate: `%{y:.1%} ${escaped(by.cluster)}<extra></extra>`,
  }));
  draw(element, traces, range, { yaxis: { tickformat: ".0%", range: [0, 1] }, showlegend: true });
}

/** The times of an answer, and one more after each run of steps, at which there is nothing: every step is drawn as long as
 *  it was, and what is missing is not drawn. */
function timeline(times, { end }) {
  const starts = times.map((time) => Date.parse(time));
  const lengths = starts.map((start, place) => (starts[place + 1] ?? Date.parse(end)) - start);
  const step = Math.min(lengths[0], ...lengths.slice(0, -1));
  const endsRun = (place) => place + 1 === times.length || lengths[place] > step;
  const laid = (values, after) => values.flatMap((value, place) => (endsRun(place) ? [value, after(place)] : [value]));
  return {
    times: laid(times, (place) => new Date(starts[place] + step).toISOString()),
    lay: (values) => laid(values, () => null),
  };
}

/** The address is what was asked: as long as it stays, what the reader zoomed or hid stays too. */
function draw(element, traces, { start, end }, layout) {
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
      margin: { l: 56, r: 12, t: 8, b: 44 },
      uirevision: location.href,
      hovermode: "x unified",
      hoverlabel: { bgcolor: themed("--card"), bordercolor: line, font: { color: text } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", traceorder: "normal" },
      ...layout,
      xaxis: { ...axis, type: "date", range: [start, end] },
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
