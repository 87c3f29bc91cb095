// The page: asking, running, and what surrounds them. Everything goes over the server's own API.
import { Failure, get, post } from "./api.js";
import { current, showAnswer, showRows } from "./answer.js";
import { byId, count, el, tell } from "./dom.js";
import { ago, forget, remember, remembered } from "./history.js";
import { choose, listenToPanels, narrow } from "./panels.js";
import { busy, cancel, failed, listenForKey } from "./running.js";
import { Tree, starters } from "./schema.js";
import { listenToKeys } from "./shortcuts.js";
import { quoted } from "./sql.js";

const MOST_TURNS = 6; // earlier questions that go along with a follow-up
const question = byId("question");
const tree = new Tree(byId("tree"), pick, insert);
let dialect = "";
let turns = []; // the conversation: what was asked and answered, oldest first
let shownAnswer = null;

// ---- Asking and running -------------------------------------------------------------------------

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
  if (known.length)
    body.history = known.map((turn) => ({ question: turn.question, sql: turn.ran ?? turn.sql }));
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
  const what = answer.refused
    ? "The model is not sure enough."
    : answer.error
      ? "The query failed."
      : `Answered: ${rows}`;
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
      if (
        !(fault instanceof Failure) ||
        fault.status < 400 ||
        fault.status >= 500 ||
        [401, 429].includes(fault.status)
      )
        throw fault;
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
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "turn", onclick: () => showTurn(turn) },
        el("span", { class: "turn-question" }, turn.question),
        el("span", { class: "hint" }, rows),
      ),
    );
  });
  byId("thread").replaceChildren(...items);
}

function showHistory() {
  const entries = remembered();
  const note = entries.length
    ? `${count(entries.length, "question")}, kept in this browser without rows.`
    : "Questions you ask are kept here, in this browser only.";
  byId("history-note").textContent = note;
  byId("history-clear").hidden = entries.length === 0;
  const items = entries.map((entry) =>
    el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "past", onclick: () => recall(entry) },
        el("span", { class: "turn-question" }, entry.question),
        el("span", { class: "hint" }, ago(entry.when)),
      ),
    ),
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
    const note = tree.show(schema.tables);
    byId("schema-note").textContent = schema.tables.length ? note : "This database has no tables.";
    const columns = schema.tables.reduce((sum, table) => sum + table.columns.length, 0);
    byId("about-schema").textContent =
      `${dialect} · ${count(schema.tables.length, "table")} · ${count(columns, "column")}`;
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
  showStarters(
    "Try one of these",
    biggest.flatMap((table) => starters(table).slice(-2)),
    null,
  );
}

function showStarters(title, asked, table) {
  byId("starters-title").textContent = title;
  const buttons = asked.map((text) =>
    el("button", { type: "button", class: "starter", onclick: () => put(text, true) }, text),
  );
  if (table)
    buttons.unshift(
      el(
        "button",
        { type: "button", class: "starter rows-of", onclick: () => peek(table) },
        "Show its first rows",
      ),
    );
  byId("starter-list").replaceChildren(...buttons);
  byId("starters").hidden = buttons.length === 0;
}

function pick(table) {
  showStarters(
    table.comment ? `${table.name}: ${table.comment}` : table.name,
    starters(table),
    table,
  );
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

// ---- What listens -------------------------------------------------------------------------------

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
    byId("schema-note").textContent = tree.filter(byId("filter").value);
  });
  byId("filter").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    byId("tree").querySelector('[role="treeitem"]')?.focus();
  });
  byId("history-clear").addEventListener(
    "click",
    () => (forget(), showHistory(), byId("tab-history").focus()),
  );
}

listen();
listenToPanels();
listenToKeys({ ask, run });
listenForKey([loadModel, loadSchema]);
showHistory();
if (matchMedia("(pointer: fine)").matches) question.focus(); // a phone would open its keyboard
loadSchema();
loadModel();
