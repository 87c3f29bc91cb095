// A result as a table, and as text for the clipboard.
import { el } from "./dom.js";

const CHUNK = 200; // rows that are added as the end comes into view

export const isNumber = (value) => typeof value === "number" || typeof value === "bigint";

/** Per column: whether every value that is there is a number. */
export function numeric(columns, rows) {
  return columns.map((_, i) => {
    const there = rows.map((row) => row[i]).filter((value) => value !== null);
    return there.length > 0 && there.every(isNumber);
  });
}

/** A value as text; `null` for NULL. */
export function shown(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// 0.30000000000000004 is 0.3 to a reader; the whole value is in the cell's title and in copies.
function brief(value) {
  const whole = typeof value !== "number" || Number.isInteger(value) || !Number.isFinite(value);
  return whole ? shown(value) : String(Number(value.toPrecision(12)));
}

/** Rows in the order of column `i`: numbers by size, texts by the alphabet, NULL last. */
export function sorted(rows, i, down) {
  const order = new Intl.Collator(undefined, { numeric: true }).compare;
  const compare = (a, b) => {
    if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0;
    return order(shown(a), shown(b));
  };
  const known = rows
    .filter((row) => row[i] !== null)
    .sort((a, b) => compare(a[i], b[i]) * (down ? -1 : 1));
  return [...known, ...rows.filter((row) => row[i] === null)];
}

/** Fills `grid`, an element that scrolls, with a table; long results come as one scrolls. */
export function showTable(grid, { columns, rows }, order = null) {
  const numbers = numeric(columns, rows);
  const given = { columns, rows };
  const heads = columns.map((name, i) =>
    heading(grid, given, name || "(no name)", i, numbers[i], order),
  );
  if (order) rows = sorted(rows, order.column, order.down);
  const corner = el(
    "th",
    { class: "row-number", scope: "col" },
    el("span", { class: "hidden" }, "Row"),
  );
  const body = el("tbody");
  const table = el(
    "table",
    { "aria-rowcount": rows.length + 1 },
    el("thead", {}, el("tr", { "aria-rowindex": 1 }, corner, ...heads)),
    body,
  );
  let next = 0;
  const add = () => {
    const lines = rows.slice(next, next + CHUNK).map((row, i) => line(row, next + i, numbers));
    body.append(...lines);
    next += lines.length;
  };
  add();
  grid.replaceChildren(table);
  grid.scrollTop = 0;
  grid.scrollLeft = 0;
  grid.onscroll = () => {
    const near = grid.scrollTop + grid.clientHeight > grid.scrollHeight - 600;
    if (near && next < rows.length) add();
  };
}

// A press sorts upwards, the next downwards, the third as the database had it.
function heading(grid, given, name, i, number, order) {
  const mine = order?.column === i;
  const next = !mine ? { column: i, down: false } : order.down ? null : { column: i, down: true };
  const again = () => {
    showTable(grid, given, next);
    grid.querySelectorAll("th button")[i].focus({ preventScroll: true });
  };
  const sort = mine ? (order.down ? "descending" : "ascending") : null;
  const arrow = el(
    "span",
    { class: "sort", "aria-hidden": "true" },
    mine ? (order.down ? "▾" : "▴") : "",
  );
  const button = el("button", { type: "button", title: "Sort", onclick: again }, name, arrow);
  return el("th", { scope: "col", class: number ? "num" : null, "aria-sort": sort }, button);
}

function line(row, index, numbers) {
  const cells = row.map((value, i) => {
    const text = shown(value);
    if (text === null) return el("td", { class: numbers[i] ? "num null" : "null" }, "NULL");
    if (text === "") return el("td", { class: "empty" }, "(empty)");
    const short = brief(value);
    const more = short !== text || text.length > 40 || text.includes("\n");
    return el("td", { class: numbers[i] ? "num" : null, title: more ? text : null }, short);
  });
  const number = el("td", { class: "row-number" }, String(index + 1));
  return el("tr", { "aria-rowindex": index + 2 }, number, ...cells);
}

/** RFC 4180; NULL is an empty field and an empty text is "". */
export function csv({ columns, rows }) {
  const field = (value) => {
    const text = inert(value);
    if (text === null) return "";
    return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

/** For pasting into a spreadsheet: tabs and line breaks within a value become spaces. */
export function tsv({ columns, rows }) {
  const field = (value) => (inert(value) ?? "").replace(/[\t\r\n]+/g, " ");
  return [columns, ...rows].map((row) => `${row.map(field).join("\t")}\n`).join("");
}

// A text such as =HYPERLINK(…) is a formula to a spreadsheet: an apostrophe keeps it a text.
function inert(value) {
  const text = shown(value);
  const formula = typeof value === "string" && /^[=@\t\r]|^[+-](?![\d\s().,-]*$)/.test(value);
  return formula ? `'${text}` : text;
}
