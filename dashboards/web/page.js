// The page: reads what to show from its address, asks the API, and shows it. Again every minute.

import { SignedOut, ask, download, isSignedIn, signIn, signInAsEither, signOut } from "./api.js";
import { COLUMNS, drawLedger, drawUtilization } from "./plots.js";
import { bindRange, readRange, showRange } from "./range.js";
import { percent, showClusters, showProjects, showWarnings } from "./tables.js";

const EVERY = 60_000;

const at = (id) => document.getElementById(id);

let shown = 0;

async function start() {
  bindRange(at("range"), changeAddress);
  at("cluster").addEventListener("change", (event) => changeAddress({ cluster: event.target.value || null }));
  at("theme").addEventListener("click", changeTheme);
  at("sign-out").addEventListener("click", () => { signOut(); show(); });
  at("sign-in").querySelector("form").addEventListener("submit", submitSignIn);
  for (const format of ["csv", "parquet"]) at(format).addEventListener("click", () => save(format));
  addEventListener("popstate", show);
  addEventListener("hashchange", async () => { await redeemLink(); await show(); });
  nameTheme();
  await redeemLink();
  await show();
  setInterval(() => { if (isDue()) show(); }, EVERY);
}

/** Someone looks, is signed in, and asks about the time until now; what the reader is writing is not written over. */
function isDue() {
  const isWritten = at("range").querySelector("input:focus") !== null;
  return !document.hidden && !at("content").hidden && !isWritten && Boolean(readRange().preset);
}

/** A one-time link signs in by the code behind its #, which browsers do not send to servers. */
async function redeemLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("link");
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    await signIn({ grantType: "exchange_token", code });
  } catch (error) {
    at("sign-in").querySelector(".problem").textContent = `The link did not work: ${error.message}`;
  }
}

async function submitSignIn(event) {
  event.preventDefault();
  const problem = at("sign-in").querySelector(".problem");
  problem.textContent = "";
  try {
    await signInAsEither(Object.fromEntries(new FormData(event.target)));
    event.target.reset();
    await show();
  } catch (error) {
    problem.textContent = error.message;
  }
}

/** Ask for everything at once, and show it, unless something newer was asked for meanwhile. */
async function show() {
  const turn = ++shown;
  const question = readQuestion();
  showRange(at("range"), question.range);
  try {
    const answers = await askAll(question);
    if (turn !== shown) return;
    showContent(true);
    showAll(answers, question);
    at("problem").hidden = true;
  } catch (error) {
    if (turn === shown) showProblem(error);
  }
}

/** What the page's address asks: about which time, and about one cluster or (null) all. */
function readQuestion() {
  const range = readRange();
  const cluster = new URLSearchParams(location.search).get("cluster");
  const where = cluster ? { where: `cluster==${cluster}` } : {};
  return { range, cluster, during: { start: range.start, end: range.end, ...where } };
}

async function askAll({ during }) {
  const clusters = await ask("/api/v1/clusters"); // first, and alone: it tells whether we may ask at all
  const [latest, totals, projects, ledger, utilization] = await Promise.all([
    ask("/api/v1/metrics/latest", { metric: ["gpus_capacity", "gpus_allocated"], by: "cluster" }),
    ask("/api/v1/ledger", { ...during, by: "cluster" }),
    ask("/api/v1/ledger", { ...during, by: "project" }),
    ask("/api/v1/metrics/range", { ...during, metric: COLUMNS.map((name) => `gpus_${name}`) }),
    ask("/api/v1/metrics/range", { ...during, metric: "gpu_utilization_ratio", by: "cluster" }),
  ]);
  return { clusters, latest, totals, projects, ledger, utilization };
}

function showAll({ clusters, latest, totals, projects, ledger, utilization }, { range, cluster }) {
  const chosen = clusters.filter(({ name }) => !cluster || name === cluster);
  listClusters(clusters, cluster);
  showWarnings(at("warnings"), totals.warnings);
  showClusters(at("clusters"), chosen, totals.data, latest);
  drawLedger(at("ledger-plot"), ledger, range);
  drawUtilization(at("utilization-plot"), utilization, range);
  showProjects(at("projects"), projects.data, projects.currency);
  at("coverage").textContent = `Coverage of utilization: ${percent(totals.coverage)}`;
}

function listClusters(clusters, chosen) {
  const options = [new Option("all", ""), ...clusters.map(({ name }) => new Option(name, name))];
  at("cluster").replaceChildren(...options);
  at("cluster").value = chosen ?? "";
}

function showProblem(error) {
  if (error instanceof SignedOut) return showContent(false);
  showContent(true);
  at("problem").hidden = false;
  at("problem").textContent = error.message;
}

function showContent(isIn) {
  at("content").hidden = !isIn;
  at("sign-in").hidden = isIn;
  at("sign-out").hidden = !isSignedIn();
}

function changeAddress(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  history.pushState(null, "", `?${query}`);
  show();
}

function changeTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  nameTheme();
  show();
}

function nameTheme() {
  at("theme").textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark";
}

/** Save the table's numbers as a file: a plain link could not carry the token. */
async function save(format) {
  const { during } = readQuestion();
  try {
    keep(await download("/api/v1/ledger", { ...during, by: ["cluster", "project"], format }), format);
  } catch (error) {
    showProblem(error);
    at("problem").scrollIntoView({ block: "center" });
  }
}

function keep(file, format) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `ledger.${format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

start();
