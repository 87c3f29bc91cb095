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

/** Fills `grid`, an element that scrolls, with a table; long results come as one scrolls. */
export function showTable(grid, { columns, rows }) {
  const numbers = numeric(columns, rows);
  const heads = columns.map((name, i) =>
    el("th", { scope: "col", class: numbers[i] ? "num" : null }, name || "(no name)"),
  );
  const corner = el("th", { class: "row-number", scope: "col" }, el("span", { class: "hidden" }, "Row"));
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

function line(row, index, numbers) {
  const cells = row.map((value, i) => {
    const text = shown(value);
    if (text === null) return el("td", { class: numbers[i] ? "num null" : "null" }, "NULL");
    const long = text.length > 60 || text.includes("\n");
    const kind = numbers[i] ? "num" : text === "" ? "empty" : null;
    return el("td", { class: kind, title: long ? text : null }, text === "" ? "(empty)" : text);
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
