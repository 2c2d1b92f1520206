"use strict";
// The gateway's own page: chat and workers over one WebSocket. No framework, nothing loaded from elsewhere.

const $ = (id) => document.getElementById(id);
const base = document.querySelector('meta[name="base-path"]').content;
const SVG = "http://www.w3.org/2000/svg";

/** Makes an element; children are nodes or text, never markup. */
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** 128 random bits; crypto.randomUUID does not exist on plain http. */
function randomID() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// ---- Token -------------------------------------------------------------------------------------------------------------

const store = {
  get(key) { try { return sessionStorage.getItem("clawhold." + key); } catch { return this["m_" + key] ?? null; } },
  set(key, value) {
    this["m_" + key] = value;
    try {
      if (value === null) sessionStorage.removeItem("clawhold." + key);
      else sessionStorage.setItem("clawhold." + key, value);
    } catch { /* private mode: kept in memory */ }
  },
};

/** Takes the token out of the address (fragment, or the query of older links) before anything can copy it. */
function takeTokenFromAddress() {
  const url = new URL(location.href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const token = fragment.get("token") ?? url.searchParams.get("token");
  if (token === null) return;
  if (token.trim()) store.set("token", token.trim());
  fragment.delete("token");
  url.searchParams.delete("token");
  url.hash = fragment.toString();
  history.replaceState(null, "", url.pathname + url.search + url.hash);
}

// ---- Connection --------------------------------------------------------------------------------------------------------

const gateway = {
  socket: null, hello: null, waiting: new Map(), next: 1, delay: 800, timer: null, lastSeen: 0, refused: false,

  get online() { return this.hello !== null; },

  open() {
    clearTimeout(this.timer);
    this.refused = false;
    if (!store.get("token")) return askForToken();
    setConnection("connecting", "Connecting");
    const url = new URL(base + "/", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = url.search = "";
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = (message) => { if (socket === this.socket) this.receive(JSON.parse(message.data)); };
    socket.onclose = (event) => { if (socket === this.socket) this.closed(event); };
  },

  receive(frame) {
    this.lastSeen = Date.now();
    if (frame.type === "event") {
      if (frame.event === "connect.challenge") return this.introduce();
      return onEvent(frame.event, frame.payload ?? {});
    }
    const waiting = this.waiting.get(frame.id);
    if (!waiting) return;
    this.waiting.delete(frame.id);
    if (frame.ok) waiting.resolve(frame.payload ?? {});
    else waiting.reject(Object.assign(new Error(frame.error?.message ?? "failed"), { error: frame.error ?? {} }));
  },

  async introduce() {
    const secret = store.get("token");
    try {
      const hello = await this.ask("connect", {
        minProtocol: 3, maxProtocol: 4, role: "operator",
        client: { id: "webchat-ui", displayName: "Clawhold page", version: "1", platform: navigator.platform || "web", mode: "webchat", instanceId: instanceID() },
        scopes: ["operator.admin", "operator.read", "operator.write"], caps: ["tool-events"],
        auth: { token: secret, password: secret }, locale: navigator.language, userAgent: navigator.userAgent.slice(0, 400),
      });
      this.hello = hello;
      this.delay = 800;
      setConnection("online", "Connected");
      onOnline(hello);
    } catch (error) {
      const code = error.error?.details?.code ?? "";
      if (code === "AUTH_RATE_LIMITED") {
        this.delay = Math.max(5000, error.error.retryAfterMs ?? 60000);
        setConnection("offline", "Too many wrong tokens: waiting");
      } else if (error.error?.code) {
        this.refused = true;
        if (/_MISMATCH$|_MISSING$/.test(code) && code !== "PROTOCOL_MISMATCH") store.set("token", null);
        askForToken(error.message);
      }
    }
  },

  closed(event) {
    const wasOnline = this.online;
    this.hello = null;
    this.socket = null;
    for (const waiting of this.waiting.values()) waiting.reject(Object.assign(new Error("the connection was lost"), { lost: true }));
    this.waiting.clear();
    onOffline();
    if (this.refused) return setConnection("offline", "Not connected");
    if (wasOnline) this.delay = event.code === 1012 ? 300 : 800;
    setConnection("connecting", event.code === 1012 ? "Gateway restarts" : "Reconnecting");
    this.timer = setTimeout(() => this.open(), this.delay * (0.8 + Math.random() * 0.4));
    this.delay = Math.min(15000, this.delay * 1.7);
  },

  ask(method, params = {}) {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) return reject(Object.assign(new Error("not connected"), { lost: true }));
      const id = String(this.next++);
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ type: "req", id, method, params }));
    });
  },

  /** A network that vanished says nothing; ticks come every 30 s. */
  watch() {
    if (this.online && Date.now() - this.lastSeen > 75000) { const s = this.socket; this.closed({ code: 4000 }); s?.close(); }
  },
};

function instanceID() {
  if (!store.get("instance")) store.set("instance", randomID());
  return store.get("instance");
}

function setConnection(state, text) {
  const node = $("connection");
  node.dataset.state = state;
  node.lastElementChild.textContent = text;
  updateComposer();
}

function askForToken(error) {
  setConnection("offline", "Not connected");
  $("gate-error").hidden = !error;
  $("gate-error").textContent = error ?? "";
  if (!$("gate").open) $("gate").showModal();
  $("gate-token").focus();
}

// ---- State -------------------------------------------------------------------------------------------------------------

const state = {
  mainKey: "agent:main:main", session: null, sessions: [], messages: [], models: null, health: null, config: null,
  /** Runs by id: {id, sessionKey, text, answer, tools, sent, done}; text is null for runs that others began. */
  runs: new Map(),
  /** `restarting`: the incarnation that is to be replaced, by worker. */
  workers: [], history: new Map(), restarting: new Map(),
};

async function onOnline(hello) {
  const defaults = hello.snapshot?.sessionDefaults ?? {};
  state.mainKey = defaults.mainSessionKey ?? state.mainKey;
  state.health = hello.snapshot?.health ?? null;
  if (!state.session) state.session = store.get("session") ?? state.mainKey;
  if ($("gate").open) $("gate").close();
  gateway.ask("models.list").then((r) => { state.models = r.models ?? []; renderNotices(); renderLog(); }, () => {});
  gateway.ask("workers.list").then(takeWorkers, () => {});
  gateway.ask("status").then((r) => { state.config = r.runtime?.config ?? null; renderNotices(); }, () => {});
  // What was asked and not settled is asked again under the same key: the gateway tells what became of it.
  for (const run of state.runs.values()) if (!run.done) submit(run);
  loadChannels();
  loadUsage();
  await Promise.all([loadHistory(), loadSessions()]);
  renderNotices();
}

function onOffline() { renderChannels(); renderUsage(); renderNotices(); updateComposer(); }

function onEvent(name, payload) {
  if (name === "chat") onChat(payload);
  else if (name === "agent") onAgent(payload);
  else if (name === "workers") { takeWorkers(payload); channelsMayHaveChanged(); usageMayHaveChanged(); }
  else if (name === "health") { state.health = payload; renderNotices(); }
}

// ---- Chat --------------------------------------------------------------------------------------------------------------

async function loadSessions() {
  try {
    const result = await gateway.ask("sessions.list", { limit: 60, includeDerivedTitles: true, includeLastMessage: true });
    state.sessions = result.sessions ?? [];
  } catch { /* the list of before stays */ }
  renderSessions();
}

async function loadHistory() {
  const key = state.session;
  try {
    const result = await gateway.ask("chat.history", { sessionKey: key, limit: 200 });
    if (key !== state.session) return;
    state.messages = result.messages ?? [];
    state.historyError = null;
    for (const [id, run] of state.runs) if (run.done && !run.error && run.sessionKey === key) state.runs.delete(id);
  } catch (error) {
    if (error.lost || key !== state.session) return;
    state.historyError = error.message;
  }
  renderLog(true);
}

function send(text) {
  const run = { id: randomID(), sessionKey: state.session, text, answer: "", tools: [], started: Date.now(), done: false };
  state.runs.set(run.id, run);
  submit(run);
  renderLog(true);
  updateComposer();
}

async function submit(run) {
  try {
    const result = await gateway.ask("chat.send", { sessionKey: run.sessionKey, message: run.text, idempotencyKey: run.id });
    run.sent = true;
    if (result.status === "ok" || result.runIds) settle(run);
  } catch (error) {
    if (error.lost) return;
    if (error.error?.retryable) { run.note = error.message; setTimeout(() => { if (!run.done && gateway.online) submit(run); }, error.error.retryAfterMs ?? 2000); }
    else settle(run, error.message);
  }
  renderLog();
  updateComposer();
}

function settle(run, error) {
  run.done = true;
  run.error = error;
  if (run.sessionKey === state.session) loadHistory();
  loadSessions();
  updateComposer();
}

/** Two spellings of one session: the gateway echoes the sender's. */
function isHere(key) {
  return key === state.session || (key === "main" && state.session === state.mainKey);
}

function runOf(payload) {
  let run = state.runs.get(payload.runId);
  if (!run) {
    run = { id: payload.runId, sessionKey: isHere(payload.sessionKey) ? state.session : payload.sessionKey, text: null, answer: "", tools: [], sent: true, done: false };
    state.runs.set(run.id, run);
  }
  return run;
}

function onChat(payload) {
  if (!state.runs.has(payload.runId) && !isHere(payload.sessionKey)) {
    if (payload.state !== "delta") loadSessions();
    return;
  }
  const run = runOf(payload);
  run.sent = true;
  run.note = null;
  const text = (payload.message?.content ?? []).filter((b) => b.type === "text").map((b) => b.text).join("");
  switch (payload.state) {
    case "delta": run.answer = text; break;
    case "final":
      if (text) { run.answer = text; if (isHere(run.sessionKey)) $("announce").textContent = text.slice(0, 2000); }
      settle(run);
      break;
    case "error": settle(run, payload.errorMessage || "Something went wrong. The log has the cause."); break;
    case "aborted": run.aborted = true; settle(run); break;
  }
  renderLog();
}

function onAgent(payload) {
  if (!state.runs.has(payload.runId) && !isHere(payload.sessionKey)) return;
  const data = payload.data ?? {};
  if (payload.stream === "lifecycle" && data.phase === "start") { runOf(payload); renderLog(); updateComposer(); }
  if (payload.stream !== "tool") return;
  const run = runOf(payload);
  let tool = run.tools.find((t) => t.id === data.toolCallId);
  if (!tool) run.tools.push((tool = { id: data.toolCallId, name: data.name, args: data.args }));
  if (data.phase === "result") { tool.result = data.result; tool.isError = data.isError; }
  renderLog();
}

function activeRuns() {
  return [...state.runs.values()].filter((run) => !run.done && run.sessionKey === state.session);
}

async function stop() {
  if (!activeRuns().length) return;
  try { await gateway.ask("chat.abort", { sessionKey: state.session }); } catch (error) { toast(error.message); }
}

function openSession(key) {
  state.session = key;
  store.set("session", key);
  state.messages = [];
  state.historyError = null;
  closeMenu();
  showPage("chat");
  renderSessions();
  renderLog(true);
  updateComposer();
  if (gateway.online) loadHistory();
  $("draft").focus();
}

// ---- Drawing the chat --------------------------------------------------------------------------------------------------

const isDemo = () => Boolean(state.models?.length) && state.models.every((m) => m.provider === "demo");
let drawing = 0;
let drawToEnd = false;

/** At most once per frame, however many deltas come. */
function renderLog(toEnd = false) {
  drawToEnd ||= toEnd;
  if (drawing) return;
  drawing = requestAnimationFrame(() => { drawing = 0; drawLog(drawToEnd); drawToEnd = false; });
}

const drawn = new WeakMap();

function drawLog(toEnd) {
  const log = $("log");
  const stick = toEnd || log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const nodes = state.messages.map((message) => {
    // History is drawn once per message object: streaming redraws only the end.
    if (!drawn.has(message)) drawn.set(message, drawMessage(message));
    return drawn.get(message);
  }).filter(Boolean);
  if (state.historyError) nodes.push(bubble("failed", "", [el("p", {}, `The history cannot be shown: ${state.historyError}`)]));
  for (const run of state.runs.values()) if (run.sessionKey === state.session) nodes.push(...drawRun(run));
  if (!nodes.length && gateway.online) nodes.push(drawEmpty());
  const old = log.children;
  for (let i = 0; i < nodes.length; i++) if (old[i] !== nodes[i]) log.insertBefore(nodes[i], old[i] ?? null);
  while (log.children.length > nodes.length) log.lastChild.remove();
  if (stick) log.scrollTop = log.scrollHeight;
  updateToEnd();
}

function drawEmpty() {
  const suggest = (text) => el("button", { class: "button small", type: "button", onclick: () => { $("draft").value = text; $("draft").focus(); sizeDraft(); updateComposer(); } }, text);
  return el("div", { class: "empty" },
    el("img", { src: base + "/assets/icon.svg", alt: "", width: 54, height: 54 }),
    el("h2", {}, "What can I do for you?"),
    el("p", {}, isDemo() ? "The demonstration model answers here: no provider is configured." : "This conversation is empty. Write the first message."),
    el("div", { class: "suggestions" }, suggest("Hello, who are you?"), suggest("What is the state of this session?")));
}

function bubble(kind, who, content, foot) {
  const head = who ? el("div", { class: "who" }, who, kind === "assistant" && isDemo() ? el("span", { class: "demo" }, "demonstration model") : null) : null;
  return el("article", { class: "message " + kind }, head, el("div", { class: "bubble" }, ...content), foot ? el("div", { class: "foot" }, foot) : null);
}

function blocksOf(message) {
  return typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content ?? [];
}

function drawMessage(message) {
  const blocks = blocksOf(message);
  const text = blocks.filter((b) => b.type === "text").map((b) => b.text).join("\n\n").trim();
  if (message.role === "user") return text ? bubble("user", "", [document.createTextNode(text)], clock(message.timestamp)) : null;
  if (message.role === "toolResult" || message.toolCallId) {
    return drawTool({ name: message.toolName ?? "tool", result: text, isError: message.isError });
  }
  if (message.role !== "assistant") return text ? bubble("assistant", message.role, [document.createTextNode(text)]) : null;
  const group = el("div", {});
  for (const block of blocks) if (/^(toolCall|tool_call|tool_use)$/.test(block.type)) group.append(drawTool({ name: block.name, args: block.arguments ?? block.args ?? block.input }));
  if (text) group.append(bubble("assistant", "Assistant", markdown(text), footOf(message)));
  if (message.errorMessage) group.append(bubble("failed", "", [el("p", {}, message.errorMessage)]));
  return group.childNodes.length === 1 ? group.firstChild : group.childNodes.length ? group : null;
}

function footOf(message) {
  const parts = [clock(message.timestamp)];
  if (message.model) parts.push(message.provider ? `${message.provider}/${message.model}` : message.model);
  const usage = message.usage;
  if (usage?.output) parts.push(`${(usage.input ?? 0) + (usage.cacheRead ?? 0)} in, ${usage.output} out`);
  if (message.stopReason === "aborted") parts.push("stopped");
  return parts.filter(Boolean).join(" · ");
}

function drawTool(tool) {
  const body = [];
  if (tool.args !== undefined) body.push(typeof tool.args === "string" ? tool.args : JSON.stringify(tool.args, null, 2));
  if (tool.result !== undefined) body.push(typeof tool.result === "string" ? tool.result : JSON.stringify(tool.result, null, 2));
  const word = tool.isError ? " failed" : tool.result === undefined && tool.running ? " runs" : "";
  return el("details", { class: "tool" }, el("summary", {}, `Tool ${tool.name}${word}`), el("pre", {}, body.join("\n\n")));
}

function drawRun(run) {
  const nodes = [];
  const inHistory = state.messages.some((m) => m.idempotencyKey === run.id || (m.role === "user" && (m.timestamp ?? 0) >= (run.started ?? Infinity) - 5000 && blocksOf(m).some((b) => b.text === run.text)));
  if (run.text !== null && !inHistory) nodes.push(bubble("user" + (run.sent ? "" : " pending"), "", [document.createTextNode(run.text)], run.sent ? "" : run.note ?? (gateway.online ? "Sending" : "Waiting for the connection")));
  if (!run.done) for (const tool of run.tools) nodes.push(drawTool({ ...tool, running: true }));
  if (run.error) {
    nodes.push(bubble("failed", "", [el("p", {}, run.error),
      run.text === null ? null : el("button", { class: "button small", type: "button", onclick: () => { state.runs.delete(run.id); send(run.text); } }, "Try again")].filter(Boolean)));
  } else if (run.done) {
    if (run.aborted) nodes.push(bubble("assistant", "", [...(run.answer ? markdown(run.answer) : [])], "Stopped"));
    else if (run.answer) nodes.push(bubble("assistant", "Assistant", markdown(run.answer)));
  } else if (run.sent || run.answer) {
    nodes.push(bubble("assistant", "Assistant", run.answer ? markdown(run.answer) : [el("span", { class: "typing", role: "img", "aria-label": "Answering" }, el("i"), el("i"), el("i"))]));
  }
  return nodes;
}

function renderSessions() {
  const list = $("sessions");
  const rows = state.sessions.slice();
  for (const key of [state.session, state.mainKey]) if (key && !rows.some((row) => row.key === key)) rows.unshift({ key });
  list.replaceChildren(...rows.map((row) => {
    const title = row.key === state.mainKey ? row.label ?? "Main conversation" : row.label ?? row.derivedTitle ?? row.displayName ?? (row.updatedAt ? row.key.split(":").slice(2).join(":") || row.key : "New conversation");
    const where = row.channel ?? row.lastChannel;
    const meta = [row.updatedAt ? ago(Date.now() - row.updatedAt) : null, where && where !== "webchat" ? where : null, row.lastMessagePreview].filter(Boolean).join(" · ");
    return el("li", {}, el("button", { type: "button", "aria-current": row.key === state.session ? "true" : null, title: row.key, onclick: () => openSession(row.key) },
      el("span", { class: "title" }, title), meta ? el("span", { class: "meta" }, meta) : null));
  }));
}

function updateComposer() {
  const busy = activeRuns().length > 0;
  $("stop").hidden = !busy;
  $("send").hidden = busy && !$("draft").value.trim();
  $("send").disabled = !$("draft").value.trim();
}

function sizeDraft() {
  const draft = $("draft");
  draft.style.height = "auto";
  draft.style.height = draft.scrollHeight + "px";
}

function updateToEnd() {
  const log = $("log");
  $("to-end").hidden = log.scrollHeight - log.scrollTop - log.clientHeight < 240;
}

// ---- Markdown: the little that answers use, built as nodes -------------------------------------------------------------------

function markdown(text) {
  const nodes = [];
  const lines = text.split("\n");
  let i = 0;
  while (i < lines.length) {
    const line = lines[i];
    const fence = line.match(/^\s*(```+|~~~+)\s*(\S*)/);
    if (fence) {
      const body = [];
      for (i++; i < lines.length && !lines[i].trim().startsWith(fence[1]); i++) body.push(lines[i]);
      i++;
      nodes.push(codeBlock(body.join("\n")));
    } else if (/^#{1,6}\s/.test(line)) {
      nodes.push(el("h" + Math.min(4, line.match(/^#+/)[0].length + 1), {}, ...inline(line.replace(/^#+\s*/, ""))));
      i++;
    } else if (/^\s*([-*+]|\d{1,9}[.)])\s+/.test(line)) {
      const ordered = /^\s*\d/.test(line);
      const list = el(ordered ? "ol" : "ul", ordered ? { start: parseInt(line, 10) } : {});
      while (i < lines.length && /^\s*([-*+]|\d{1,9}[.)])\s+/.test(lines[i]) && /^\s*\d/.test(lines[i]) === ordered) {
        let item = lines[i++].replace(/^\s*([-*+]|\d{1,9}[.)])\s+/, "");
        while (i < lines.length && /^\s{2,}\S/.test(lines[i]) && !/^\s*([-*+]|\d{1,9}[.)])\s+/.test(lines[i])) item += "\n" + lines[i++].trim();
        list.append(el("li", {}, ...inline(item)));
      }
      nodes.push(list);
    } else if (/^>\s?/.test(line)) {
      const body = [];
      while (i < lines.length && /^>\s?/.test(lines[i])) body.push(lines[i++].replace(/^>\s?/, ""));
      nodes.push(el("blockquote", {}, ...inline(body.join("\n"))));
    } else if (!line.trim()) {
      i++;
    } else {
      const body = [lines[i++]];
      while (i < lines.length && lines[i].trim() && !/^(#{1,6}\s|\s*(```|~~~)|>|\s*([-*+]|\d{1,9}[.)])\s)/.test(lines[i])) body.push(lines[i++]);
      nodes.push(el("p", {}, ...inline(body.join("\n"))));
    }
  }
  return nodes;
}

function codeBlock(text) {
  const copy = el("button", { class: "button small copy", type: "button", onclick: async () => {
    try { await navigator.clipboard.writeText(text); copy.textContent = "Copied"; } catch { copy.textContent = "Not allowed here"; }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return el("pre", {}, el("code", {}, text), copy);
}

function inline(text) {
  const nodes = [];
  const pattern = /(`+)([\s\S]+?)\1|\*\*([\s\S]+?)\*\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"')\]]+)|\*([^\s*][^*\n]*)\*/g;
  let last = 0;
  for (const match of text.matchAll(pattern)) {
    plain(text.slice(last, match.index));
    if (match[2] !== undefined) nodes.push(el("code", {}, match[2]));
    else if (match[3] !== undefined) nodes.push(el("strong", {}, ...inline(match[3])));
    else if (match[5] !== undefined) nodes.push(link(match[5], match[4]));
    else if (match[6] !== undefined) { const url = match[6].replace(/[.,;:!?]+$/, ""); nodes.push(link(url, url)); plain(match[6].slice(url.length)); }
    else nodes.push(el("em", {}, match[7]));
    last = match.index + match[0].length;
  }
  plain(text.slice(last));
  return nodes;

  function plain(part) {
    part.split("\n").forEach((line, n) => { if (n) nodes.push(el("br")); if (line) nodes.push(document.createTextNode(line)); });
  }
  function link(url, words) { return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words); }
}

// ---- Workers -----------------------------------------------------------------------------------------------------------

const SAMPLES = 150;
const GOOD = new Set(["ready"]), BAD = new Set(["quarantined", "parked", "backoff"]);
const WORDS = { quarantined: "quarantined", parked: "parked", backoff: "waits to restart" };
const CAUSES = { "oom-own": "went over its own memory budget", "oom-container": "the container ran out of memory", "oom-host": "the machine ran out of memory", exit: "ended by itself", signal: "was killed by a signal", allocation: "could not allocate memory", watchdog: "stopped answering", spawn: "could not be started", fatal: "configuration refused" };

function takeWorkers(payload) {
  const isFirst = !state.workers.length;
  state.workers = payload.workers ?? [];
  for (const worker of state.workers) {
    const before = state.restarting.get(worker.id);
    if (before !== undefined && worker.incarnation > before && worker.state === "ready") state.restarting.delete(worker.id);
  }
  if (isFirst) sampleWorkers();
  renderNotices();
  if (document.body.dataset.page === "workers") renderWorkers();
}

/** Every two seconds, changed or not: the line is drawn over time. */
function sampleWorkers() {
  if (!gateway.online) return;
  for (const worker of state.workers) {
    const samples = state.history.get(worker.id) ?? [];
    samples.push({ at: Date.now(), kb: worker.memoryKb ?? 0 });
    if (samples.length > SAMPLES) samples.shift();
    state.history.set(worker.id, samples);
  }
  for (const id of state.history.keys()) if (!state.workers.some((w) => w.id === id)) state.history.delete(id);
  if (document.body.dataset.page === "workers" && !document.hidden) renderWorkers();
}

function renderWorkers() {
  const grid = $("workers");
  const cards = new Map([...grid.children].map((card) => [card.dataset.id, card]));
  const rank = { gateway: 0, agent: 1, channel: 2, model: 3 };
  const rows = state.workers.slice().sort((a, b) => (rank[a.kind] ?? 9) - (rank[b.kind] ?? 9) || a.id.localeCompare(b.id));
  rows.forEach((worker, n) => {
    let card = cards.get(worker.id);
    if (!card) card = makeCard(worker);
    cards.delete(worker.id);
    fillCard(card, worker);
    if (grid.children[n] !== card) grid.insertBefore(card, grid.children[n] ?? null);
  });
  for (const card of cards.values()) card.remove();
  const used = rows.reduce((sum, w) => sum + (w.memoryKb ?? 0), 0);
  const ready = rows.filter((w) => w.state === "ready").length;
  const restarts = rows.reduce((sum, w) => sum + (w.restarts ?? 0), 0);
  $("workers-summary").textContent = rows.length ? `${ready} of ${rows.length} running · ${size(used)} in all · ${restarts} restart${restarts === 1 ? "" : "s"}` : "Waiting for the supervisor's table";
}

function makeCard(worker) {
  const card = el("section", { class: "worker", "aria-label": worker.id });
  card.dataset.id = worker.id;
  const spark = document.createElementNS(SVG, "svg");
  spark.setAttribute("class", "spark");
  spark.setAttribute("viewBox", "0 0 150 46");
  spark.setAttribute("preserveAspectRatio", "none");
  spark.setAttribute("role", "img");
  for (const name of ["area", "soft", "hard", "line"]) { const path = document.createElementNS(SVG, "path"); path.setAttribute("class", name); spark.append(path); }
  const [kind, ...rest] = worker.id.split(":");
  card.append(
    el("header", {}, el("h2", { title: worker.id }, rest.length ? rest.join(" ") : kind, el("small", {}, rest.length ? kind : worker.kind === "gateway" ? "HTTP, WebSocket, journal" : worker.kind)), el("span", { class: "pill" })),
    el("div", { class: "figures" }, el("span"), el("span")),
    el("div", { class: "bar", role: "img" }, el("span"), el("i", { title: "soft budget" })),
    spark,
    el("p", { class: "cause" }),
    el("footer", {}, el("span"), el("button", { class: "button small", type: "button", "aria-label": "Restart " + worker.id, onclick: () => restart(worker.id) }, "Restart")));
  return card;
}

function fillCard(card, w) {
  const pill = card.querySelector(".pill");
  pill.textContent = WORDS[w.state] ?? w.state;
  pill.className = "pill " + (GOOD.has(w.state) ? "ok" : BAD.has(w.state) ? "bad" : w.state === "stopped" ? "" : "warn");
  const top = Math.max(w.hardKb || 0, w.peakKb || 0, w.memoryKb || 0, 1);
  const [now, budget] = card.querySelectorAll(".figures span");
  now.replaceChildren(el("b", {}, size(w.memoryKb)), w.peakKb > w.memoryKb ? `, peak ${size(w.peakKb)}` : "");
  budget.textContent = w.hardKb ? `budget ${size(w.softKb || w.hardKb)} / ${size(w.hardKb)}` : "no budget";
  const bar = card.querySelector(".bar");
  const share = (w.memoryKb || 0) / top;
  bar.className = "bar " + (w.hardKb && w.memoryKb > w.hardKb * 0.92 ? "bad" : w.softKb && w.memoryKb >= w.softKb ? "warn" : "");
  bar.firstChild.style.width = (100 * share).toFixed(1) + "%";
  bar.lastChild.hidden = !w.softKb;
  bar.lastChild.style.left = (100 * Math.min(1, (w.softKb || 0) / top)).toFixed(1) + "%";
  bar.setAttribute("aria-label", `${size(w.memoryKb)} of ${w.hardKb ? size(w.hardKb) : "no limit"}`);
  drawSpark(card.querySelector(".spark"), w);
  const cause = card.querySelector(".cause");
  const next = w.nextTryMs ? Math.max(0, w.nextTryMs - Date.now()) : null;
  const words = [w.text, ...deathWords(w), next === null ? "" : next < 1000 ? "Next try now" : `Next try in ${span(next)}`].filter(Boolean);
  cause.replaceChildren(...words.flatMap((word, n) => (n ? [el("br"), word] : [word])));
  cause.hidden = !words.length;
  cause.className = "cause" + (BAD.has(w.state) ? " bad" : "");
  const since = w.sinceMs > 1e11 ? Date.now() - w.sinceMs : w.sinceMs;
  card.querySelector("footer span").textContent = [w.pid ? `pid ${w.pid}` : null, `${w.restarts ?? 0} restart${w.restarts === 1 ? "" : "s"}`, since > 0 ? `for ${span(since)}` : null].filter(Boolean).join(" · ");
  const button = card.querySelector("button");
  button.disabled = !gateway.online || state.restarting.has(w.id);
  button.textContent = state.restarting.has(w.id) ? "Restarting" : w.state === "stopped" ? "Start" : "Restart";
}

/** The last death in words, if there was one that nobody asked for. */
function deathWords(w) {
  if (!w.cause || w.cause === "stopped") return [];
  const ago = w.diedMs ? `, ${span(Date.now() - w.diedMs)} ago` : "";
  const words = w.death || CAUSES[w.cause] || w.cause;
  return [`Last death: ${words === w.text ? "the same" : words}${ago}`];
}

function drawSpark(svg, w) {
  const samples = state.history.get(w.id) ?? [];
  const top = Math.max(...samples.map((s) => s.kb), w.hardKb || 0, 1) * 1.06;
  const y = (kb) => (45 - 44 * (kb / top)).toFixed(1);
  const x = (n) => (SAMPLES - samples.length + n + 1).toFixed(1);
  const line = samples.map((s, n) => `${n ? "L" : "M"}${x(n)} ${y(s.kb)}`).join("");
  const [area, soft, hard, stroke] = svg.children;
  stroke.setAttribute("d", samples.length > 1 ? line : "");
  area.setAttribute("d", samples.length > 1 ? `${line}L${x(samples.length - 1)} 46L${x(0)} 46Z` : "");
  soft.setAttribute("d", w.softKb ? `M0 ${y(w.softKb)}H150` : "");
  hard.setAttribute("d", w.hardKb ? `M0 ${y(w.hardKb)}H150` : "");
  svg.setAttribute("aria-label", `Memory over the last ${samples.length ? span(Date.now() - samples[0].at) : "moments"}`);
}

/** Asks before something is done; false when the answer is no. */
async function confirmed(title, text, verb) {
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = verb;
  $("confirm").returnValue = "no";
  $("confirm").showModal();
  await new Promise((resolve) => $("confirm").addEventListener("close", resolve, { once: true }));
  return $("confirm").returnValue === "yes";
}

async function restart(id) {
  const words = id === "gateway" ? "This page loses its connection for a moment and comes back by itself." : "Work in hand is taken up again by the next incarnation.";
  if (!(await confirmed(`Restart ${id}?`, words, "Restart"))) return;
  state.restarting.set(id, state.workers.find((w) => w.id === id)?.incarnation ?? 0);
  renderWorkers();
  setTimeout(() => { state.restarting.delete(id); renderWorkers(); }, 15000);
  try { await gateway.ask("workers.restart", { id }); } catch (error) { if (!error.lost) { state.restarting.delete(id); toast(error.message); renderWorkers(); } }
}

// ---- Words -------------------------------------------------------------------------------------------------------------

function size(kb) {
  if (!kb) return "0 MB";
  return kb < 1024 * 10 ? (kb / 1024).toFixed(1) + " MB" : kb < 1024 * 1024 ? Math.round(kb / 1024) + " MB" : (kb / 1048576).toFixed(1) + " GB";
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}

const ago = (ms) => (ms < 45000 ? "just now" : span(ms) + " ago");

function clock(ms) {
  if (!ms) return "";
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], today ? { hour: "2-digit", minute: "2-digit" } : { dateStyle: "medium", timeStyle: "short" });
}

// ---- Notices and pages -------------------------------------------------------------------------------------------------

let toasts = [];

function toast(text) {
  toasts.push(text);
  setTimeout(() => { toasts = toasts.filter((t) => t !== text); renderNotices(); }, 8000);
  renderNotices();
}

function renderNotices() {
  const notices = [];
  const note = (kind, ...content) => notices.push(el("div", { class: "notice " + kind }, el("div", {}, ...content)));
  const config = state.config;
  if (config?.error) note("bad", el("b", {}, config.state === "lastAccepted" ? "openclaw.json cannot be read; the last good one is in force. " : "openclaw.json cannot be read. "), config.error);
  const disabled = (config?.problems ?? []).filter((p) => p.disables);
  if (disabled.length) note("warn", el("b", {}, "Switched off by the configuration: "), disabled.map((p) => `${p.disables} (${p.path}${p.line ? ", line " + p.line : ""}: ${p.text})`).slice(0, 3).join("; "));
  if (state.health?.safeMode) note("bad", el("b", {}, "Safe mode: nothing is answered. "), `${state.health.safeMode}. Channels keep what comes. See what killed it with `, el("code", {}, "clawhold logs gateway"), ", then try again: ", el("code", {}, "clawhold restart gateway"), " or Restart on the Workers page.");
  if (state.health?.delivery?.intakeStopped) note("bad", el("b", {}, "No messages are taken in: "), state.health.delivery.intakeStopped);
  if (isDemo()) note("info", el("b", {}, "Demonstration model: "), "answers are made up, no AI is connected. Set ", el("code", {}, "ANTHROPIC_API_KEY"), " and start again.");
  else if (state.models && !state.models.length) note("warn", el("b", {}, "No model is available. "), "Give a provider its key, for instance ", el("code", {}, "ANTHROPIC_API_KEY"), ", and check ", el("code", {}, "agents.defaults.model"), ".");
  for (const text of toasts) note("bad", text);
  const box = $("notices");
  const signature = notices.map((n) => n.className + n.textContent).join("\n");
  if (box.dataset.signature !== signature) { box.dataset.signature = signature; box.replaceChildren(...notices); }
  const broken = state.workers.filter((w) => BAD.has(w.state)).length;
  $("degraded").hidden = !broken;
  $("degraded").textContent = broken;
  $("degraded").title = `${broken} not running`;
}

const PAGES = { chat: "Chat", channels: "Channels", usage: "Usage", workers: "Workers" };

function pageOf(path) { return /\/(workers|channels|usage)\/?$/.exec(path)?.[1] ?? "chat"; }

function showPage(page, push = true) {
  document.body.dataset.page = page;
  for (const name of Object.keys(PAGES)) $("page-" + name).hidden = name !== page;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  document.title = PAGES[page] + " · Clawhold";
  if (push && pageOf(location.pathname) !== page) history.pushState(null, "", `${base}/${page}`);
  if (page === "workers") renderWorkers(); else if (page === "channels") { renderChannels(); loadChannels(); } else if (page === "usage") { renderUsage(); loadUsage(); } else renderLog(true);
}

function closeMenu() { document.body.classList.remove("menu-open"); $("scrim").hidden = true; $("menu").setAttribute("aria-expanded", "false"); }

function start() {
  takeTokenFromAddress();
  for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    showPage(link.dataset.page);
  });
  for (const button of document.querySelectorAll("#usage-days button")) button.addEventListener("click", () => showDays(Number(button.dataset.days)));
  for (const button of document.querySelectorAll("#usage-what button")) button.addEventListener("click", () => showWhat(button.dataset.what));
  addEventListener("resize", renderUsage);
  addEventListener("popstate", () => showPage(pageOf(location.pathname), false));
  addEventListener("hashchange", () => { takeTokenFromAddress(); if (!gateway.online) gateway.open(); });
  addEventListener("online", () => { if (!gateway.online && !gateway.refused) gateway.open(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !gateway.socket && !gateway.refused && store.get("token")) gateway.open(); });
  $("menu").addEventListener("click", () => {
    const open = document.body.classList.toggle("menu-open");
    $("scrim").hidden = !open;
    $("menu").setAttribute("aria-expanded", String(open));
    if (open) $("new-session").focus();
  });
  $("scrim").addEventListener("click", closeMenu);
  $("new-session").addEventListener("click", () => openSession(`agent:${state.mainKey.split(":")[1] ?? "main"}:webchat-${randomID().slice(0, 8)}`));
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("draft").value.trim();
    if (!text || !state.session) return;
    $("draft").value = "";
    sizeDraft();
    send(text);
  });
  $("draft").addEventListener("input", () => { sizeDraft(); updateComposer(); });
  $("draft").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (document.body.classList.contains("menu-open")) { closeMenu(); $("menu").focus(); } else stop();
  });
  $("stop").addEventListener("click", stop);
  $("page-channels").addEventListener("click", channelClick);
  $("probe").addEventListener("click", () => loadChannels(true));
  $("log").addEventListener("scroll", updateToEnd, { passive: true });
  $("to-end").addEventListener("click", () => { $("log").scrollTop = $("log").scrollHeight; $("draft").focus(); });
  $("gate").addEventListener("cancel", (event) => event.preventDefault());
  $("gate-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const token = $("gate-token").value.trim();
    if (!token) return;
    store.set("token", token);
    $("gate-token").value = "";
    $("gate-error").hidden = true;
    gateway.socket?.close();
    gateway.socket = null;
    gateway.open();
  });
  setInterval(() => gateway.watch(), 5000);
  setInterval(sampleWorkers, 2000);
  setInterval(() => { if (!document.hidden) loadChannels(); }, 10000);
  setInterval(renderSessions, 60000);
  showPage(pageOf(location.pathname), false);
  updateComposer();
  gateway.open();
}

start();
