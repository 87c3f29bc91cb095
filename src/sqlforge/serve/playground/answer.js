// The answer on the page: its facts, links, query, rows, chart and candidates.
import { byId, copyText, count, duration, el, tell } from "./dom.js";
import { chartOf, drawChart } from "./chart.js";
import { csv, showTable, tsv } from "./rows.js";
import { laidOut, painted } from "./sql.js";

const sql = byId("sql");
let original = ""; // the model's query as laid out
let result = null; // the rows on the page
let chart = null;

/** Shows what `/v1/sql` answered; `onLink(table, column)` follows a chip. */
export function showAnswer(answer, onLink) {
  byId("answer").hidden = false;
  byId("answer-title").textContent = answer.question;
  showFacts(answer);
  const refused = "The model is not sure enough of an answer. What it tried is below.";
  const cut = "The server may have brought the query to an end before the model would have: it may lack something.";
  tell(byId("answer-note"), answer.refused ? refused : answer.cut_short ? cut : null);
  showLinks(answer.linked ?? [], onLink);
  showSql(answer.sql ?? "", answer.dialect);
  tell(byId("sql-error"), answer.error);
  const rows = answer.columns && answer.rows ? answer : null;
  showRows(rows);
  showCandidates(answer.candidates ?? []);
  showSchemaText(answer);
}

/** Shows a query that may be edited; without one there is nothing to show but the card. */
function showSql(query, dialect) {
  original = laidOut(query);
  sql.value = original;
  byId("dialect").textContent = dialect ?? "";
  byId("dialect").hidden = !dialect;
  tell(byId("sql-error"), null);
  paint();
}

/** Rows with their chart; `null` hides them. */
export function showRows(rows) {
  result = rows;
  byId("rows-card").hidden = !rows;
  if (!rows) return;
  const n = rows.rows.length;
  const facts = [count(n, "row"), count(rows.columns.length, "column")];
  if (Number.isFinite(rows.ran)) facts.push(duration(rows.ran));
  byId("rows-facts").textContent = facts.join(" · ");
  const cut = `Only the first ${count(n, "row")} are shown: the server stops there. Add a LIMIT or a condition.`;
  tell(byId("truncated"), rows.truncated ? cut : null);
  if (n) showTable(byId("grid"), rows);
  else byId("grid").replaceChildren(el("p", { class: "note" }, "The query has no rows."));
  chart = chartOf(rows);
  byId("chart").hidden = !chart;
  byId("rows-card").classList.toggle("with-chart", Boolean(chart));
  redraw();
}

function redraw() {
  const figure = byId("chart");
  if (!chart || figure.hidden) return;
  drawChart(figure, chart, Math.min(960, Math.max(240, figure.clientWidth - 24)));
  const scrolls = figure.scrollHeight > figure.clientHeight;
  if (scrolls) figure.setAttribute("tabindex", "0");
  else figure.removeAttribute("tabindex");
}

function showFacts({ confidence, calibrated, seconds }) {
  const facts = [];
  if (Number.isFinite(confidence)) {
    const percent = `${Math.round(confidence * 100)} %`;
    const bar = el("meter", { min: 0, max: 1, value: confidence, "aria-hidden": "true" });
    // Answers may agree on what is wrong: only a calibration says how often that is.
    const [word, title] = calibrated
      ? ["confidence", "How often such answers were right"]
      : ["agreement", "How much of the answers' probability has this result; it may be wrong"];
    facts.push(el("span", { class: "confidence", title }, bar, ` ${word} ${percent}`));
  }
  if (Number.isFinite(seconds)) facts.push(el("span", {}, duration(seconds)));
  byId("answer-facts").replaceChildren(...facts);
}

function showLinks(links, onLink) {
  byId("linked").hidden = links.length === 0;
  const chips = links.map((link) => {
    const place = link.column ? `${link.table}.${link.column}` : link.table;
    const value = link.value === null || link.value === undefined ? "" : ` = ${link.value}`;
    const said =
      link.said && link.said !== link.value
        ? el("span", { class: "said" }, `“${link.said}”`)
        : null;
    const name = el("span", { class: "link-name" }, place + value);
    const title = `Show ${place} among the tables`;
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "chip",
          title,
          onclick: () => onLink(link.table, link.column ?? null),
        },
        said,
        name,
      ),
    );
  });
  byId("chips").replaceChildren(...chips);
}

function showCandidates(candidates) {
  const more = byId("candidates");
  more.hidden = candidates.length === 0;
  more.open = false;
  byId("candidates-title").textContent = count(candidates.length, "candidate");
  const items = candidates.map((tried) => {
    const facts = [];
    if (tried.votes) facts.push(count(tried.votes, "vote"));
    if (Number.isFinite(tried.probability))
      facts.push(`probability ${tried.probability.toPrecision(2)}`);
    if (tried.error) facts.push(tried.error);
    const use = el(
      "button",
      { type: "button", class: "quiet", onclick: () => edit(tried.sql) },
      "Put into the editor",
    );
    const code = el(
      "pre",
      { class: "code", tabindex: "0", "aria-label": "Candidate" },
      painted(laidOut(tried.sql)),
    );
    return el(
      "li",
      {},
      code,
      el("p", { class: tried.error ? "hint bad" : "hint" }, facts.join(" · "), " ", use),
    );
  });
  byId("candidate-list").replaceChildren(el("ol", { class: "candidates" }, ...items));
}

function showSchemaText({ schema_text: text, tables, tables_shown: seen }) {
  byId("saw").hidden = !text;
  byId("saw").open = false;
  const part =
    Number.isFinite(tables) && seen < tables ? `: ${seen} of ${count(tables, "table")}` : "";
  byId("saw-title").textContent = `What the model saw of the schema${part}`;
  byId("schema-text").textContent = text ?? "";
}

/** The query in the editor, and whether it is another than the model's. */
export const current = () => ({ sql: sql.value, edited: sql.value !== original });

function edit(query) {
  sql.value = laidOut(query);
  paint();
  sql.focus();
}

function paint() {
  // A last line that is empty has no height of its own in a <pre>.
  byId("sql-paint").replaceChildren(
    painted(sql.value),
    sql.value.endsWith("\n") || !sql.value ? " " : "",
  );
  byId("edited").hidden = sql.value === original;
  byId("sql-reset").hidden = sql.value === original;
  sql.style.height = "auto";
  sql.style.height = `${sql.scrollHeight}px`;
}

async function copy(button, text) {
  const done = await copyText(text);
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = done ? "Copied" : "Not allowed";
  byId("status").textContent = done ? "Copied." : "The browser does not allow copying.";
  setTimeout(() => (button.textContent = label), 1500);
}

/** Copies the query, as the button does. */
export const copySql = () => copy(byId("sql-copy"), sql.value);

sql.addEventListener("input", paint);
byId("sql-reset").addEventListener("click", () => edit(original));
byId("sql-copy").addEventListener("click", copySql);
byId("copy-csv").addEventListener("click", () => copy(byId("copy-csv"), csv(result)));
byId("copy-tsv").addEventListener("click", () => copy(byId("copy-tsv"), tsv(result)));
new ResizeObserver(() => {
  redraw();
  if (!byId("answer").hidden) paint();
}).observe(byId("main"));
