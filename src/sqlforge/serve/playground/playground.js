// The page: asking, running, and what surrounds them. Everything goes over the server's own API.
import { Failure, get, hasKey, post, useKey } from "./api.js";
import { copySql, current, showAnswer, showRows, showSql } from "./answer.js";
import { byId, count, duration, el, store, tell } from "./dom.js";
import { ago, forget, remember, remembered } from "./history.js";
import { Tree, starters } from "./schema.js";
import { quoted } from "./sql.js";

const MOST_TURNS = 6; // earlier questions that go along with a follow-up
const question = byId("question");
const tree = new Tree(byId("tree"), pick, insert);
let dialect = "";
let turns = []; // the conversation: what was asked and answered, oldest first
let shownAnswer = null;
let running = null; // the AbortController of what runs
const waiting = new Set(); // what to do again once there is a key

// ---- Asking and running -------------------------------------------------------------------------

/** Runs `work(signal)` as the one thing that runs; shows its failure as a sentence. */
async function busy(label, work) {
  running?.abort();
  const own = new AbortController();
  running = own;
  const began = performance.now();
  const tick = () => (byId("busy-time").textContent = duration((performance.now() - began) / 1000));
  tell(byId("error"), null);
  byId("busy").hidden = byId("cancel").hidden = false;
  byId("busy-text").textContent = label;
  byId("status").textContent = label;
  byId("main").setAttribute("aria-busy", "true");
  tick();
  const timer = setInterval(tick, 100);
  try {
    await work(own.signal);
  } catch (fault) {
    if (own === running) failed(fault, () => busy(label, work));
  } finally {
    clearInterval(timer);
    if (own === running) idle();
  }
}

function idle() {
  running = null;
  if (document.activeElement === byId("cancel")) question.focus();
  byId("busy").hidden = byId("cancel").hidden = true;
  byId("main").removeAttribute("aria-busy");
}

function failed(fault, again) {
  if (fault.name === "AbortError") {
    byId("status").textContent = "Cancelled.";
    return;
  }
  if (!(fault instanceof Failure)) throw fault;
  byId("status").textContent = "";
  if (fault.status === 401) askForKey(again, hasKey() ? "This key is not accepted" : null);
  else tell(byId("error"), fault.message);
}

function cancel() {
  running?.abort();
}

function ask() {
  const asked = question.value.trim();
  if (!asked) {
    question.focus();
    return;
  }
  const before = byId("follow").checked ? turns : [];
  const samples = Number(byId("samples").value);
  const body = { question: asked };
  const known = before.filter((turn) => turn.sql).slice(-MOST_TURNS);
  if (known.length) body.history = known.map((turn) => ({ question: turn.question, sql: turn.ran ?? turn.sql }));
  if (samples) body.samples = samples;
  busy("Thinking", async (signal) => {
    const answer = { ...(await post("v1/sql", body, signal)), question: asked };
    turns = [...before, answer];
    showTurn(answer);
    remember(asked, answer.sql);
    showHistory();
    announce(answer);
    if (question.value.trim() === asked) question.value = ""; // else the next is being written
    grow();
  });
}

function showTurn(answer) {
  shownAnswer = answer;
  byId("starters").hidden = byId("intro").hidden = true;
  showAnswer(answer, follow);
  showThread();
  byId("follow-label").hidden = !answer.sql;
  byId("follow-text").textContent = `Follow up on “${answer.question}”`;
}

function announce(answer) {
  const rows = answer.rows ? `${count(answer.rows.length, "row")}.` : "";
  const what = answer.refused ? "The model is not sure enough." : answer.error ? "The query failed." : `Answered: ${rows}`;
  byId("status").textContent = what;
}

function run() {
  const { sql, edited } = current();
  if (!sql.trim()) return;
  const turn = shownAnswer;
  busy("Running", async (signal) => {
    tell(byId("sql-error"), null);
    try {
      const found = await post("v1/sql/run", { sql }, signal);
      showRows({ ...found, ran: found.seconds });
      if (edited) keepEdit(turn, sql);
      byId("status").textContent = `${count(found.rows.length, "row")}.`;
    } catch (fault) {
      if (!(fault instanceof Failure) || fault.status < 400 || fault.status >= 500 || [401, 429].includes(fault.status)) throw fault;
      showRows(null);
      tell(byId("sql-error"), fault.message);
    }
  });
}

/** What was made of a query is what a follow-up and the history mean. */
function keepEdit(turn, sql) {
  turn.ran = sql;
  remember(turn.question, sql);
  showHistory();
}

// ---- Conversation and history -------------------------------------------------------------------

function showThread() {
  const earlier = turns.filter((turn) => turn !== shownAnswer);
  byId("thread").hidden = earlier.length === 0;
  const items = earlier.map((turn) => {
    const rows = turn.rows ? count(turn.rows.length, "row") : "no rows";
    return el("li", {}, el("button", { type: "button", class: "turn", onclick: () => showTurn(turn) }, el("span", { class: "turn-question" }, turn.question), el("span", { class: "hint" }, rows)));
  });
  byId("thread").replaceChildren(...items);
}

function showHistory() {
  const entries = remembered();
  const note = entries.length ? `${count(entries.length, "question")}, kept in this browser without rows.` : "Questions you ask are kept here, in this browser only.";
  byId("history-note").textContent = note;
  byId("history-clear").hidden = entries.length === 0;
  const items = entries.map((entry) =>
    el("li", {}, el("button", { type: "button", class: "past", onclick: () => recall(entry) }, el("span", { class: "turn-question" }, entry.question), el("span", { class: "hint" }, ago(entry.when)))),
  );
  byId("history").replaceChildren(...items);
}

/** Puts a question of the history back; its query runs again, so that no model is waited for. */
function recall({ question: asked, sql }) {
  question.value = asked;
  grow();
  narrow(false);
  if (!sql) {
    question.focus();
    return;
  }
  const answer = { question: asked, sql, dialect };
  turns = [answer];
  showTurn(answer);
  run();
}

// ---- Tables -------------------------------------------------------------------------------------

async function loadSchema() {
  byId("schema-note").textContent = "Reading the tables";
  try {
    const schema = await get("v1/schema");
    dialect = schema.dialect;
    byId("schema-note").textContent = schema.tables.length ? "" : "This database has no tables.";
    tree.show(schema.tables);
    const columns = schema.tables.reduce((sum, table) => sum + table.columns.length, 0);
    byId("about-schema").textContent = `${dialect} · ${count(schema.tables.length, "table")} · ${count(columns, "column")}`;
    if (!shownAnswer) offer(schema.tables);
  } catch (fault) {
    byId("schema-note").textContent = "";
    failed(fault, loadSchema);
  }
}

async function loadModel() {
  try {
    const { data } = await get("v1/models");
    byId("about-model").textContent = data[0]?.id ?? "";
  } catch (fault) {
    if (!(fault instanceof Failure)) throw fault; // the name is an ornament
  }
}

function offer(tables) {
  const full = tables.filter((table) => table.columns.length > 1);
  const biggest = [...full].sort((a, b) => (b.rows ?? 0) - (a.rows ?? 0)).slice(0, 3);
  showStarters("Try one of these", biggest.flatMap((table) => starters(table).slice(-2)), null);
}

function showStarters(title, asked, table) {
  byId("starters-title").textContent = title;
  const buttons = asked.map((text) =>
    el("button", { type: "button", class: "starter", onclick: () => put(text, true) }, text),
  );
  if (table) buttons.unshift(el("button", { type: "button", class: "starter rows-of", onclick: () => peek(table) }, "Show its first rows"));
  byId("starter-list").replaceChildren(...buttons);
  byId("starters").hidden = buttons.length === 0;
}

function pick(table) {
  showStarters(table.comment ? `${table.name}: ${table.comment}` : table.name, starters(table), table);
}

function peek(table) {
  const query = `SELECT *\nFROM ${quoted(table.name, dialect)}\nLIMIT 100`;
  const answer = { question: `First rows of ${table.name}`, sql: query, dialect };
  turns = [];
  narrow(false);
  showTurn(answer);
  byId("follow-label").hidden = true;
  byId("follow").checked = false;
  run();
}

function follow(table, column) {
  choose("tables");
  narrow(true);
  tree.reveal(table, column);
}

function insert(table, column) {
  const [from, to] = [question.selectionStart, question.selectionEnd];
  const space = from > 0 && !/\s$/.test(question.value.slice(0, from)) ? " " : "";
  question.setRangeText(`${space}${column}`, from, to, "end");
  grow();
  narrow(false);
  question.focus();
}

function put(text, send) {
  question.value = text;
  grow();
  narrow(false);
  question.focus();
  if (send) ask();
}

function grow() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

/** Side panel on a narrow screen: shown or not. */
function narrow(open) {
  document.body.classList.toggle("side-open", open);
  byId("side-toggle").setAttribute("aria-expanded", String(open));
}

// ---- Tabs, dialogs, theme, keys -----------------------------------------------------------------

function choose(name) {
  for (const tab of ["tables", "history"]) {
    const on = tab === name;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(on));
    byId(`tab-${tab}`).tabIndex = on ? 0 : -1;
    byId(`panel-${tab}`).hidden = !on;
  }
}

function askForKey(again, title = null) {
  if (again) waiting.add(again);
  byId("key-open").hidden = false;
  if (byId("key").open) return;
  byId("key-title").textContent = title ?? "This server asks for an API key";
  byId("key-value").value = "";
  byId("key").showModal();
}

function keyGiven(event) {
  event.preventDefault();
  useKey(byId("key-value").value.trim());
  byId("key").close();
  const works = new Set([loadSchema, ...waiting]);
  waiting.clear();
  loadModel();
  works.forEach((work) => work());
}

const THEMES = ["auto", "light", "dark"];

function showTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme-name").textContent = theme;
}

function nextTheme() {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  store.set("theme", next === "auto" ? null : next);
  showTheme(next);
}

const goTo = (id) => () => byId(id).focus();
const SHORTCUTS = {
  "/": ["Go to the question", () => (question.focus(), question.select())],
  t: ["Go to the filter of tables", () => (choose("tables"), narrow(true), byId("filter").focus())],
  h: ["Go to the history", () => (choose("history"), narrow(true), byId("tab-history").focus())],
  e: ["Edit the SQL", goTo("sql")],
  r: ["Go to the rows", goTo("grid")],
  c: ["Copy the SQL", copySql],
  d: ["Change the theme", nextTheme],
  "?": ["Show this list", () => byId("help").showModal()],
};

function showKeys() {
  const always = [
    ["Enter", "Ask, in the question"],
    ["↑", "Bring back the last question, in an empty one"],
    ["Ctrl+Enter", "Run the SQL, in the editor; ask elsewhere"],
    ["Esc", "Cancel what runs"],
    ["↑ ↓ ← →", "Walk the tables; Enter picks"],
  ];
  const single = Object.entries(SHORTCUTS).map(([name, [what]]) => [name, what]);
  const rows = [...always, ...single].map(([name, what]) => el("div", {}, el("dt", {}, el("kbd", {}, name)), el("dd", {}, what)));
  byId("help-list").replaceChildren(...rows);
}

function pressed(event) {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (running) cancel();
    else if (document.body.classList.contains("side-open")) closeSide();
    return;
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (document.activeElement === byId("sql")) run();
    else ask();
    return;
  }
  const typing = /^(TEXTAREA|INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !byId("single-keys").checked) return;
  if (!Object.hasOwn(SHORTCUTS, event.key)) return;
  event.preventDefault();
  SHORTCUTS[event.key][1]();
}

function closeSide() {
  narrow(false);
  byId("side-toggle").focus();
}

function listen() {
  byId("ask").addEventListener("submit", (event) => (event.preventDefault(), ask()));
  question.addEventListener("input", grow);
  question.addEventListener("keydown", (event) => {
    const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.isComposing;
    const back = event.key === "ArrowUp" && !question.value && remembered()[0]?.question;
    if (!plain || (event.key !== "Enter" && !back)) return;
    event.preventDefault();
    if (back) put(back, false);
    else ask();
  });
  byId("cancel").addEventListener("click", cancel);
  byId("sql-run").addEventListener("click", run);
  byId("filter").addEventListener("input", () => {
    const n = tree.filter(byId("filter").value);
    byId("schema-note").textContent = byId("filter").value ? `${count(n, "table")} found` : "";
  });
  byId("filter").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    byId("tree").querySelector('[role="treeitem"]')?.focus();
  });
  for (const tab of ["tables", "history"]) {
    byId(`tab-${tab}`).addEventListener("click", () => choose(tab));
    byId(`tab-${tab}`).addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tab === "tables" ? "history" : "tables";
      choose(other);
      byId(`tab-${other}`).focus();
    });
  }
  byId("history-clear").addEventListener("click", () => (forget(), showHistory(), byId("tab-history").focus()));
  byId("side-toggle").addEventListener("click", () => narrow(!document.body.classList.contains("side-open")));
  byId("theme").addEventListener("click", nextTheme);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("key-open").addEventListener("click", () => askForKey(null, "API key"));
  byId("key-cancel").addEventListener("click", () => byId("key").close());
  byId("key-cancel").addEventListener("click", () => waiting.clear());
  byId("key").addEventListener("cancel", () => waiting.clear());
  byId("key-form").addEventListener("submit", keyGiven);
  byId("single-keys").checked = store.get("single-keys") !== "off";
  byId("single-keys").addEventListener("change", (event) => store.set("single-keys", event.target.checked ? null : "off"));
  document.addEventListener("keydown", pressed);
}

listen();
showKeys();
showTheme(document.documentElement.dataset.theme ?? "auto");
showHistory();
byId("key-open").hidden = !hasKey();
if (matchMedia("(pointer: fine)").matches) question.focus(); // a phone would open its keyboard
loadSchema();
loadModel();
