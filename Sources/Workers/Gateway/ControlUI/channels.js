"use strict";
// The Channels page: what each network says, whom nobody answers and why, who waits to be let in, what was given up.
// Loaded before app.js, whose helpers (el, $, gateway, span, ago, toast, confirmed) it uses when it is called.

const desk = { status: null, tunnels: [], why: [], pairing: [], letters: [], error: null, probing: false, loading: null, again: null, at: 0, busy: new Set() };

/** Reads everything that the page shows. Calls that come meanwhile lead to one more. */
function loadChannels(probe = false) {
  if (!gateway.online || document.body.dataset.page !== "channels") return;
  if (desk.loading) { desk.again = probe ? "probe" : desk.again || "read"; return; }
  desk.loading = readChannels(probe).finally(() => {
    desk.loading = null;
    renderChannels();
    const again = desk.again;
    desk.again = null;
    if (again) setTimeout(() => loadChannels(again === "probe"), 1000);
  });
}

/** Heartbeats come every second or two; this page is read anew every three. */
function channelsMayHaveChanged() {
  if (Date.now() - desk.at > 3000) loadChannels();
}

async function readChannels(probe) {
  desk.at = Date.now();
  // What one of them cannot tell does not hide the others. A gateway that has no such method has nothing to show there.
  const part = (method, params, read) => gateway.ask(method, params).then(read, (error) => { if (!error.lost && !/^unknown method/.test(error.message)) desk.error = error.message; });
  desk.error = null;
  desk.probing = probe;
  renderChannels();
  const letters = [];
  await Promise.all([
    part("channels.status", { probe, timeoutMs: 8000 }, (r) => { desk.status = keepProbes(r, desk.status); }),
    part("tunnel.status", {}, (r) => { desk.tunnels = r.tunnels ?? []; }),
    part("channels.why", { limit: 50 }, (r) => { desk.why = r.items ?? []; }),
    part("pairing.list", {}, (r) => { desk.pairing = r.requests ?? []; }),
    part("queue.list", { state: "dead", limit: 50 }, (r) => { letters.push(...(r.items ?? [])); }),
    part("queue.list", { state: "rejected", limit: 50 }, (r) => { letters.push(...(r.items ?? [])); }),
  ]);
  desk.letters = letters.sort((a, b) => (b.settledAt ?? b.at) - (a.settledAt ?? a.at));
  desk.probing = false;
}

/** A status without probes leaves those of before, with their time. */
function keepProbes(status, old) {
  for (const [channel, accounts] of Object.entries(status.channelAccounts ?? {})) for (const account of accounts) {
    const before = (old?.channelAccounts?.[channel] ?? []).find((a) => a.accountId === account.accountId);
    if (!account.probe && before?.probe) Object.assign(account, { probe: before.probe, lastProbeAt: before.lastProbeAt });
  }
  return status;
}

// ---- Drawing -----------------------------------------------------------------------------------------------------------

function renderChannels() {
  if (document.body.dataset.page !== "channels") return;
  const probe = $("probe");
  probe.disabled = !gateway.online || desk.probing;
  probe.textContent = desk.probing ? "Asking the networks" : "Check connections";
  const accounts = (desk.status?.channelOrder ?? []).flatMap((id) => (desk.status.channelAccounts?.[id] ?? []).map((account) => ({ ...account, channel: id, label: desk.status.channelLabels?.[id] ?? id })));
  const connected = accounts.filter((a) => a.connected).length;
  const ignored = accounts.reduce((sum, a) => sum + (a.ignored?.today ?? 0), 0);
  $("channels-summary").textContent = desk.error ?? (desk.status ? `${connected} of ${accounts.length} connected${ignored ? ` · ${ignored} message${ignored === 1 ? "" : "s"} not answered today` : ""}` : "Asking the gateway");
  redraw($("channels"), accounts.map(drawAccount));
  redraw($("tunnels"), desk.tunnels.map(drawTunnel));
  redraw($("pairing"), desk.pairing.map(drawPairing));
  redraw($("why"), desk.why.map(drawIgnored));
  redraw($("letters"), desk.letters.map(drawLetter));
  for (const name of ["pairing", "why", "letters"]) $(name).closest(".list").hidden = !$(name).children.length;
}

/** Replaces only what looks different: a button keeps its focus, a text its selection. */
function redraw(box, nodes) {
  nodes.forEach((node, n) => {
    const old = box.children[n];
    if (!old) box.append(node);
    else if (!old.isEqualNode(node)) {
      const focused = document.activeElement && old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
      old.replaceWith(node);
      if (focused) node.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    }
  });
  while (box.children.length > nodes.length) box.lastChild.remove();
}

function stateOf(a) {
  if (a.enabled === false) return ["disabled", ""];
  if (a.connected) return ["connected", "ok"];
  if (a.configured === false) return ["not set up", ""];
  const state = a.worker?.state;
  if (state === "ready") return ["connecting", "warn"];
  if (!state) return [a.running ? "running" : "off", a.running ? "ok" : "bad"];
  return [state === "backoff" ? "waits to restart" : state, ["quarantined", "parked", "backoff"].includes(state) ? "bad" : state === "stopped" ? "" : "warn"];
}

function drawAccount(a) {
  const [word, kind] = stateOf(a);
  const title = a.label + (a.accountId === "default" ? "" : " " + a.accountId);
  const who = a.bot?.username ?? a.name ?? "";
  const fact = (name, value) => (value ? el("div", { class: name === "Queue" || name === "Not answered" ? "whole" : null }, el("dt", {}, name), el("dd", {}, value)) : null);
  const when = (ms) => (ms ? ago(Date.now() - ms) : "none yet");
  const since = a.connected ? a.lastConnectedAt : a.worker?.sinceMs;
  const isOwn = a.channel === "webchat";
  const waiting = [[a.worker?.journalPending, "to answer"], [a.worker?.outboxPending, "to send"], [a.worker?.deadLetters, "given up"]].filter(([count]) => count).map(([count, words]) => `${count} ${words}`).join(" · ");
  const ignored = a.ignored?.today ? `${a.ignored.today} today` : "";
  return el("section", { class: "worker channel", "aria-label": title },
    el("header", {}, el("h2", { title: `${a.channel}:${a.accountId}` }, title, el("small", {}, isOwn ? "this page and OpenClaw's apps" : who || (a.worker?.state ? "name not known yet" : "no connection"))), el("span", { class: "pill " + kind }, word)),
    el("dl", { class: "facts" }, fact("Last in", isOwn || a.lastInboundAt || a.connected ? when(a.lastInboundAt) : ""), fact("Last out", isOwn ? "" : a.lastOutboundAt || a.connected ? when(a.lastOutboundAt) : ""),
      fact("Mode", a.mode), fact("DMs", a.dmPolicy), fact("Not answered", ignored), fact("Queue", waiting)),
    ...(a.lastError && a.lastError !== "disabled" ? [el("p", { class: "cause bad" }, ...withLinks(a.lastError))] : []),
    ...(a.warnings ?? []).map((text) => el("p", { class: "cause warn" }, ...withLinks(text))),
    ...(a.probe ? [el("p", { class: "cause" + (a.probe.ok ? "" : " bad") }, probeWords(a))] : []),
    el("footer", {}, el("span", {}, [since ? `for ${span(Date.now() - since)}` : null, a.worker?.pid ? `pid ${a.worker.pid}` : null, a.worker?.restarts ? `${a.worker.restarts} restart${a.worker.restarts === 1 ? "" : "s"}` : null].filter(Boolean).join(" · ")),
      isOwn || !a.worker?.state ? null : drawOrders(a, title)));
}

/** What the outside world calls this gateway, path by path. */
function drawTunnel(t) {
  const kind = { up: "ok", starting: "warn" }[t.state] ?? "bad";
  const routes = (t.routes ?? []).map((route) => {
    const own = (t.detail?.routes ?? []).find((r) => r.path === route.path);
    const words = own?.requests ? `${own.requests} request${own.requests === 1 ? "" : "s"}, last ${ago(Date.now() - own.lastAt)} (${own.lastStatus})` : "none yet";
    return el("div", { class: "whole" }, el("dt", {}, route.path), el("dd", {}, words));
  });
  const row = state.workers.find((worker) => worker.id === t.worker);
  return el("section", { class: "worker channel", "aria-label": t.worker },
    el("header", {}, el("h2", { title: t.worker }, "Tunnel", el("small", {}, t.url ?? t.provider)), el("span", { class: "pill " + kind }, t.state === "absent" ? row?.state ?? "off" : t.state)),
    el("dl", { class: "facts" }, ...routes),
    ...(t.error ? [el("p", { class: "cause" + (kind === "bad" ? " bad" : "") }, ...withLinks(t.error))] : []),
    ...(t.public ? [] : [el("p", { class: "cause warn" }, "Seen from your tailnet alone: no webhook of the internet reaches it.")]),
    el("footer", {}, el("span", {}, [t.since && t.state !== "absent" ? `for ${span(Date.now() - t.since)}` : null, t.restarts ? `${t.restarts} restart${t.restarts === 1 ? "" : "s"} of its program` : null, t.detail?.refused ? `${t.detail.refused} refused` : null].filter(Boolean).join(" · "))));
}

function probeWords(a) {
  const at = a.lastProbeAt ? `, ${ago(Date.now() - a.lastProbeAt)}` : "";
  if (a.probe.ok) return `Check: works${a.probe.elapsedMs ? ` (${a.probe.elapsedMs} ms)` : ""}${at}`;
  return `Check failed: ${a.probe.error ?? "no reason given"}${a.probe.status ? ` (HTTP ${a.probe.status})` : ""}${at}`;
}

function drawOrders(a, title) {
  const order = (verb, label) => el("button", { class: "button small", type: "button", "aria-label": `${label} ${title}`, "data-order": `${verb} ${a.channel} ${a.accountId}`, disabled: !gateway.online || desk.busy.has(`${a.channel}:${a.accountId}`) }, label);
  const runs = ["starting", "ready", "draining"].includes(a.worker.state);
  return el("span", { class: "orders" }, ...(runs ? [order("stop", "Stop"), order("restart", "Restart")] : [order("start", "Start")]));
}

/** The text with its addresses made links, nothing else. */
function withLinks(text) {
  return String(text).split(/(https?:\/\/[^\s)>,]+)/).map((part, n) => (n % 2 ? el("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part.replace(/^https?:\/\//, "")) : part));
}

function drawPairing(request) {
  const names = [request.meta?.name, request.meta?.username].filter(Boolean).join(" ");
  const label = desk.status?.channelLabels?.[request.channel] ?? request.channel;
  return el("li", {},
    el("div", {}, el("b", {}, names || request.id), ` on ${label}`, el("p", {}, `${request.id} · code `, el("code", {}, request.code), request.createdAt ? ` · ${ago(Date.now() - new Date(request.createdAt).getTime())}` : "")),
    el("span", { class: "orders" }, el("button", { class: "button small primary", type: "button", "aria-label": `Approve ${names || request.id}`, "data-approve": `${request.channel} ${request.code}`, disabled: !gateway.online }, "Approve")));
}

function drawIgnored(item) {
  const label = desk.status?.channelLabels?.[item.channel] ?? item.channel;
  const who = item.senderName && item.senderName !== item.sender ? `${item.senderName} (${item.sender})` : item.sender || "somebody";
  const place = item.chatType === "direct" ? "" : ` in ${item.conversationName || item.conversation}`;
  return el("li", {},
    el("div", {}, el("b", {}, who), `${place} on ${label}${item.accountId && item.accountId !== "default" ? " " + item.accountId : ""}`, el("p", {}, item.reason, ` · ${ago(Date.now() - item.at)}`, item.count > 1 ? ` · ${item.count} times` : ""),
      item.admit ? el("div", { class: "admit" }, el("code", {}, item.admit), el("button", { class: "button small", type: "button", "aria-label": "Copy the line that admits them", "data-copy": item.admit }, "Copy")) : null,
      item.where ? el("p", {}, "goes into ", item.where) : null,
      item.command ? el("p", {}, "or type ", el("code", {}, item.command)) : null));
}

function drawLetter(item) {
  const orders = (verb, label) => el("button", { class: "button small", type: "button", "aria-label": `${label} ${item.id}`, "data-letter": `${verb} ${item.id}`, disabled: !gateway.online || desk.busy.has(item.id) }, label);
  const kind = { inbox: "A message that could not be read", turn: "A message", outbox: "A part of an answer" }[item.kind] ?? item.kind;
  return el("li", {},
    el("div", {}, el("b", {}, `${kind} (${item.state})`), ` ${item.sender || item.conversation || ""}`, el("p", {}, item.reason || "no reason is known", ` · ${ago(Date.now() - item.at)} · `, el("code", {}, item.id)), item.text ? el("p", { class: "quote" }, item.text) : null),
    el("span", { class: "orders" }, orders("retry", "Retry"), orders("drop", "Drop")));
}

// ---- Doing -------------------------------------------------------------------------------------------------------------

/** One listener for the page: drawing anew never loses one. */
function channelClick(event) {
  const button = event.target.closest("button");
  if (!button || button.disabled) return;
  const data = button.dataset;
  if (data.order) orderChannel(...data.order.split(" "));
  else if (data.approve) approve(...data.approve.split(" "));
  else if (data.letter) orderLetter(...data.letter.split(" "));
  else if (data.copy !== undefined) copyText(data.copy, button);
}

async function act(key, work) {
  desk.busy.add(key);
  renderChannels();
  try { await work(); } catch (error) { if (!error.lost) toast(error.message); }
  desk.busy.delete(key);
  loadChannels();
}

async function orderChannel(verb, channel, accountId) {
  const title = `${channel} ${accountId}`;
  if (verb === "stop" && !(await confirmed(`Stop ${title}?`, "It stays off until somebody starts it. Messages that come meanwhile are fetched then, as far as the network keeps them.", "Stop"))) return;
  act(`${channel}:${accountId}`, () => gateway.ask(`channels.${verb}`, { channel, accountId }));
}

async function approve(channel, code) {
  const request = desk.pairing.find((r) => r.code === code && r.channel === channel);
  const name = [request?.meta?.name, request?.meta?.username].filter(Boolean).join(" ") || request?.id || code;
  if (!(await confirmed(`Let ${name} in?`, `They may talk to your assistant on ${channel} from now on. They are told so.`, "Approve"))) return;
  act(code, () => gateway.ask("pairing.approve", { channel, code, notify: true }));
}

async function orderLetter(verb, id) {
  if (verb === "drop" && !(await confirmed("Drop it?", "It is not answered and not sent. That it was dropped stays on record.", "Drop"))) return;
  act(id, () => gateway.ask(`queue.${verb}`, { id }));
}

/** Over plain http there is no clipboard: the text is selected then, ready for Ctrl-C. */
async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const code = button.parentElement.querySelector("code");
    if (code) getSelection().selectAllChildren(code);
    button.textContent = "Press Ctrl-C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2500);
}
