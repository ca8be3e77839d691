// The time that is shown: a preset that moves along with the clock, or two times. It is kept in the page's address.

const HOURS = { "6h": 6, "24h": 24, "7d": 168, "30d": 720 };
const USUAL = "24h";

/** The time to ask about: { preset, start, end }, times as ISO 8601 in UTC. */
export function readRange() {
  const query = new URLSearchParams(location.search);
  if (query.has("start") && query.has("end")) return { preset: null, start: query.get("start"), end: query.get("end") };
  const preset = query.get("range") in HOURS ? query.get("range") : USUAL;
  const end = new Date(Math.floor(Date.now() / 60_000) * 60_000);
  const start = new Date(end - HOURS[preset] * 3_600_000);
  return { preset, start: written(start), end: written(end) };
}

/** Make the form show and change the range. */
export function bindRange(form, changed) {
  for (const button of form.querySelectorAll("[data-range]")) {
    button.addEventListener("click", () => changed({ range: button.dataset.range, start: null, end: null }));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    changed({ range: null, start: `${form.elements.start.value}:00Z`, end: `${form.elements.end.value}:00Z` });
  });
}

export function showRange(form, range) {
  form.elements.start.value = range.start.slice(0, 16);
  form.elements.end.value = range.end.slice(0, 16);
  for (const button of form.querySelectorAll("[data-range]")) {
    button.setAttribute("aria-pressed", String(button.dataset.range === range.preset));
  }
}

function written(date) {
  return `${date.toISOString().slice(0, 19)}Z`;
}
