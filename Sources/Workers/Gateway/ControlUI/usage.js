"use strict";
// The Usage page: what the models cost by day and model, how their calls ended, which keys cool, and why.
// Loaded before app.js, whose helpers (el, $, gateway, span, ago, toast, confirmed, SVG) it uses when it is called.

const ledger = { report: null, status: null, error: null, days: 7, what: "totalCost", loading: false, at: 0, busy: new Set() };
const SERIES = 5;

/** Reads what the page shows; the numbers move slowly, every ten seconds is enough. */
async function loadUsage() {
  if (!gateway.online || document.body.dataset.page !== "usage" || ledger.loading) return;
  ledger.loading = true;
  ledger.at = Date.now();
  ledger.error = null;
  const days = ledger.days;
  const part = (method, params, read) => gateway.ask(method, params).then(read, (error) => { if (!error.lost) ledger.error = error.message; });
  await Promise.all([
    part("usage.report", { days }, (r) => { ledger.report = r; }),
    part("models.status", {}, (r) => { ledger.status = r; }),
  ]);
  ledger.loading = false;
  renderUsage();
  if (days !== ledger.days) loadUsage();
}

function usageMayHaveChanged() {
  if (document.body.dataset.page === "usage" && !document.hidden && Date.now() - ledger.at > 10000) loadUsage();
}

function showDays(days) { ledger.days = days; renderUsage(); loadUsage(); }
function showWhat(what) { ledger.what = what; renderUsage(); }

// ---- Words -------------------------------------------------------------------------------------------------------------

function money(amount) {
  if (!(amount > 0)) return "$0.00";
  return "$" + amount.toFixed(amount >= 1 ? 2 : amount >= 0.01 ? 3 : 5);
}

function short(number) {
  for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]]) if (number >= size) return (number / size).toFixed(number < 100 * size ? 1 : 0) + unit;
  return String(number ?? 0);
}

const plural = (count, word) => `${short(count)} ${word}${count === 1 ? "" : "s"}`;
const amount = (sum) => (ledger.what === "totalCost" ? money(sum?.totalCost ?? 0) : short(sum?.totalTokens ?? 0));
const ENDS = { finished: "finished", failed: "failed", cut: "cut off", "client-gone": "given up by who asked" };

/** The cost of a sum; a part whose price nobody knows is marked. */
function priceOf(sum) {
  if (sum.missingCostEntries && sum.missingCostEntries === sum.attempts) return "price not known";
  return money(sum.totalCost) + (sum.missingCostEntries ? " + ?" : "");
}

// ---- Drawing -----------------------------------------------------------------------------------------------------------

function renderUsage() {
  if (document.body.dataset.page !== "usage") return;
  const report = ledger.report;
  for (const button of document.querySelectorAll("#usage-days button")) button.setAttribute("aria-pressed", String(Number(button.dataset.days) === ledger.days));
  for (const button of document.querySelectorAll("#usage-what button")) button.setAttribute("aria-pressed", String(button.dataset.what === ledger.what));
  const totals = report?.totals;
  const missing = totals?.missingCostEntries ? `, ${plural(totals.missingCostEntries, "call")} without a known price` : "";
  $("usage-summary").textContent = ledger.error ?? (totals ? `${money(totals.totalCost)} · ${plural(totals.totalTokens, "token")} · ${plural(totals.attempts, "call")}${missing}` : "Asking the gateway");
  redraw($("limits"), (report?.spend?.limits ?? []).map((limit) => drawLimit(limit, report.spend)));
  $("limits").hidden = !$("limits").children.length;
  if (report) {
    drawPlot(report);
    drawEnds(report.totals?.ends ?? {});
    redraw($("usage-models"), report.models?.length ? [drawModels(report.models)] : []);
  }
  redraw($("keys"), (ledger.status?.providers ?? []).map(drawProvider));
  $("keys").closest(".list").hidden = !$("keys").children.length;
}

function drawLimit(limit, spend) {
  const share = limit.limit > 0 ? Math.min(1, limit.spent / limit.limit) : 1;
  const kind = limit.isReached ? "bad" : share >= 0.8 ? "warn" : "";
  const then = spend.then === "cheaper" ? `${spend.cheaperModel} answers` : "nothing answers";
  const meter = svg("svg", { class: "meter " + kind, viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { width: 100 * share, height: 10, rx: 0 }));
  return el("section", { class: "worker", "aria-label": "Limit" },
    el("div", { class: "figures" }, el("span", {}, limit.agentId ? `Today, ${limit.agentId}` : "Today"), el("b", {}, `${money(limit.spent)} of ${money(limit.limit)}`)),
    meter, ...(limit.isReached ? [el("p", { class: "cause bad" }, `The limit is reached: ${then} until midnight.`)] : []));
}

function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A column for each day, a piece of it for each of the models that count most. Drawn as wide as there is room. */
function drawPlot(report) {
  const box = $("plot");
  const what = ledger.what;
  const names = [...(report.models ?? [])].sort((a, b) => b[what] - a[what]).slice(0, SERIES).map((m) => m.model);
  const width = Math.max(260, box.clientWidth), height = 210, left = 52, bottom = 22, top = 8;
  const days = report.daily ?? [];
  const highest = Math.max(...days.map((day) => day[what] ?? 0), 0);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${what === "totalCost" ? "Cost" : "Tokens"} of ${days.length} days; the highest day has ${what === "totalCost" ? money(highest) : short(highest)}` });
  const y = (value) => top + (height - top - bottom) * (1 - (highest > 0 ? value / highest : 0));
  for (const part of highest > 0 ? [0, 0.5, 1] : [0]) {
    picture.append(svg("line", { class: "grid", x1: left, x2: width, y1: y(highest * part), y2: y(highest * part) }));
    const label = what === "totalCost" ? money(highest * part) : short(Math.round(highest * part));
    picture.append(svg("text", { x: left - 8, y: y(highest * part) + 4, "text-anchor": "end" }, label));
  }
  const step = (width - left) / Math.max(1, days.length);
  const every = Math.max(1, Math.ceil(days.length / Math.max(1, Math.floor((width - left) / 64))));
  days.forEach((day, n) => {
    const x = left + n * step;
    const column = svg("g", {}, svg("title", {}, dayWords(day)));
    column.append(svg("rect", { class: "hit", x, y: top, width: step, height: height - top - bottom }));
    let below = 0;
    const pieces = names.map((name, index) => [index, day.models?.find((m) => m.model === name)?.[what] ?? 0]);
    pieces.push([SERIES, Math.max(0, (day[what] ?? 0) - pieces.reduce((sum, piece) => sum + piece[1], 0))]);
    for (const [index, value] of pieces) {
      if (!(value > highest * 1e-6)) continue;
      column.append(svg("rect", { class: "s" + index, x: x + step * 0.14, width: Math.max(1, step * 0.72), y: y(below + value), height: Math.max(1, y(below) - y(below + value)) }));
      below += value;
    }
    picture.append(column);
    if ((days.length - 1 - n) % every === 0) picture.append(svg("text", { x: Math.min(x + step / 2, width - 17), y: height - 6, "text-anchor": "middle" }, day.date.slice(5)));
  });
  box.replaceChildren(picture);
  const hasOthers = (report.models ?? []).length > SERIES;
  const legend = names.map((name, index) => legendItem("s" + index, name));
  if (hasOthers) legend.push(legendItem("s" + SERIES, "others"));
  $("legend").replaceChildren(...(legend.length ? legend : [el("li", {}, "No model was called in this time.")]));
}

function dayWords(day) {
  const models = (day.models ?? []).map((m) => `${m.model}: ${ledger.what === "totalCost" ? priceOf(m) : short(m.totalTokens)}, ${plural(m.attempts, "call")}`);
  return [`${day.date}: ${amount(day)}`, ...models].join("\n");
}

function legendItem(kind, name) {
  return el("li", {}, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { class: kind, width: 10, height: 10, rx: 2 })), name);
}

/** How the calls ended, as one bar. */
function drawEnds(ends) {
  const list = Object.entries(ends).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const sum = list.reduce((total, [, count]) => total + count, 0);
  const bar = svg("svg", { class: "meter", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  let x = 0;
  for (const [end, count] of list) { const width = (100 * count) / sum; bar.append(svg("rect", { class: "end-" + end, x, width, height: 10 })); x += width; }
  $("ends").replaceChildren(...(sum ? [bar, el("ul", { class: "legend" }, ...list.map(([end, count]) => legendItem("end-" + end, `${short(count)} ${ENDS[end] ?? end}`)))] : []));
  $("ends").closest("section").hidden = !sum;
}

function drawModels(models) {
  const head = ["Model", "Cost", "In", "Cached", "Out", "Calls", "Not finished"];
  const rows = models.slice(0, 50).map((m) => {
    const lost = Object.entries(m.ends ?? {}).filter(([end, count]) => end !== "finished" && count).map(([end, count]) => `${short(count)} ${ENDS[end] ?? end}`).join(", ");
    return el("tr", {}, el("th", { scope: "row" }, m.model), ...[priceOf(m), short(m.input + m.cacheWrite), short(m.cacheRead), short(m.output), short(m.attempts)].map((text) => el("td", {}, text)), el("td", { class: "words" }, lost || "none"));
  });
  return el("table", {}, el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows));
}

function drawProvider(p) {
  const troubles = p.cooldowns ?? [];
  const isOut = (profile) => troubles.some((t) => !t.model && (!t.profile || t.profile === profile));
  const out = (p.keys ?? []).filter((k) => isOut(k.profile)).length;
  const whole = troubles.some((t) => !t.model && !t.profile) || (out > 0 && out === p.keys.length);
  const [word, kind] = whole ? ["held back", "bad"] : out ? [`${out} of ${p.keys.length} keys held back`, "warn"] : troubles.length ? ["some models held back", "warn"] : p.state === "parked" || p.state === "quarantined" ? [p.state, "bad"] : ["ok", "ok"];
  const keys = (p.keys ?? []).map((k) => [k.profile, k.source, k.lastUsedAt ? `used ${ago(Date.now() - k.lastUsedAt)}` : null].filter(Boolean).join(" · "));
  const source = p.live ? "as its worker says" : p.savedAt ? `as its worker said ${ago(Date.now() - p.savedAt)}` : "not asked yet";
  return el("li", {}, el("div", {},
    el("b", {}, p.provider), " ", el("span", { class: "pill " + kind }, word),
    el("p", {}, [...keys, source].join(" · ")),
    ...(p.reason ? [el("p", { class: "bad" }, p.reason)] : []),
    ...troubles.slice(0, 20).map((t) => el("p", { class: "warn" }, troubleWords(t)))),
  ...(troubles.length ? [order("Clear", `Clear ${p.provider}`, p, () => clearKeys(p))] : []),
  order("Probe", `Probe ${p.provider}`, p, () => probeKeys(p)));
}

function troubleWords(t) {
  const what = [t.profile ?? "every key", t.model ? `for ${t.model}` : null].filter(Boolean).join(" ");
  return `${what}: ${t.words}, not asked for ${span(Math.max(0, t.until - Date.now()))}${t.cause ? ` (${t.cause})` : ""}`;
}

function order(verb, label, p, run) {
  return el("button", { class: "button small", type: "button", "aria-label": label, disabled: !gateway.online || ledger.busy.has(p.provider), onclick: run }, verb);
}

async function onProvider(p, body) {
  ledger.busy.add(p.provider);
  renderUsage();
  try { await body(); } catch (error) { toast(error.message); }
  ledger.busy.delete(p.provider);
  renderUsage();
  loadUsage();
}

function clearKeys(p) {
  return onProvider(p, async () => {
    await gateway.ask("models.clear", { provider: p.provider });
    toast(`${p.provider} is asked again from now on.`);
  });
}

async function probeKeys(p) {
  if (!await confirmed(`Probe ${p.provider}?`, "Each of its keys is asked for one word. That costs a few tokens.", "Probe")) return;
  return onProvider(p, async () => {
    const answer = await gateway.ask("models.probe", { provider: p.provider });
    const result = answer.providers?.[0]?.result ?? {};
    const words = (result.results ?? []).map((r) => `${r.profile}: ${r.ok ? `answered in ${r.milliseconds} ms` : `${r.kind ?? "failed"} ${r.cause ?? ""}`}`);
    toast(result.error ?? (words.join("; ") || "It has no key."));
  });
}
