// The tables as a tree that the keyboard can walk, and questions one may start from.
import { byId, count, el } from "./dom.js";

const MOST = 300; // tables that are in the tree at once; the filter finds the others

/** The tree in `root`; `onPick(table)` and `onColumn(table, column)` are told what is chosen. */
export class Tree {
  constructor(root, onPick, onColumn) {
    this.root = root;
    this.onPick = onPick;
    this.onColumn = onColumn;
    this.tables = [];
    this.open = new Set();
    this.picked = null;
    root.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** Takes the tables of a schema; answers as `filter` does. */
  show(tables) {
    this.tables = tables;
    if (tables.length === 1) this.open.add(tables[0].name);
    return this.filter(byId("filter").value); // it may have been typed in by now
  }

  /**
   * Only tables and columns whose name holds `text`; a matching column opens its table. Says in
   * words how many there are where not all are shown.
   */
  filter(text) {
    this.wanted = text.trim().toLowerCase();
    let found = 0;
    const items = this.tables.flatMap((table) => {
      const own = this.#holds(table.name);
      const columns =
        this.wanted && !own ? table.columns.filter((c) => this.#holds(c.name)) : table.columns;
      if (this.wanted && !own && columns.length === 0) return [];
      found += 1;
      if (found > MOST) return [];
      const open = this.open.has(table.name) || (this.wanted !== "" && !own);
      return [this.#tableItem(table, columns, open)];
    });
    this.root.replaceChildren(...items);
    this.root.hidden = items.length === 0;
    items[0]?.setAttribute("tabindex", "0");
    const part =
      found > MOST ? `the first ${MOST} of ${count(found, "table")}: filter for others` : "";
    return part || (this.wanted ? `${count(found, "table")} found` : "");
  }

  /** Opens a table, marks it as picked and brings it, or one of its columns, into view. */
  reveal(name, column = null) {
    if (!this.tables.some((table) => table.name === name)) return;
    this.open.add(name);
    this.picked = name;
    const far = this.tables.findIndex((table) => table.name === name) >= MOST;
    byId("filter").value = far ? name : "";
    byId("schema-note").textContent = this.filter(byId("filter").value);
    const item = this.#items().find(
      (one) => one.dataset.table === name && (one.dataset.column ?? null) === column,
    );
    item?.scrollIntoView({ block: "nearest" });
    item?.classList.add("flash");
  }

  #holds(name) {
    return name.toLowerCase().includes(this.wanted);
  }

  #tableItem(table, columns, open) {
    const rows = Number.isFinite(table.rows)
      ? el("span", { class: "rows num" }, table.rows.toLocaleString("en"))
      : null;
    const hint = Number.isFinite(table.rows) ? `, ${count(table.rows, "row")}` : "";
    const row = el(
      "div",
      { class: "tree-row" },
      el("span", { class: "twist", "aria-hidden": "true" }),
      el("span", { class: "tree-name" }, table.name),
      rows,
    );
    const group = el(
      "ul",
      { role: "group" },
      ...(open ? columns.map((column) => this.#columnItem(table, column)) : []),
    );
    const item = el(
      "li",
      {
        role: "treeitem",
        tabindex: "-1",
        "aria-expanded": String(open),
        "aria-selected": String(table.name === this.picked),
        "aria-label": `${table.name}${hint}`,
        title: table.comment || null,
      },
      row,
      group,
    );
    item.dataset.table = table.name;
    row.addEventListener("click", () => this.#choose(item));
    return item;
  }

  #columnItem(table, column) {
    const key = column.primary_key
      ? el("span", { class: "key", title: "primary key" }, "PK")
      : null;
    const refers = column.references
      ? el("span", { class: "key", title: `refers to ${column.references}` }, "FK")
      : null;
    const label = [
      column.name,
      column.type,
      column.primary_key && "primary key",
      column.references && `refers to ${column.references}`,
    ]
      .filter(Boolean)
      .join(", ");
    const row = el(
      "div",
      { class: "tree-row" },
      el("span", { class: "tree-name" }, column.name),
      key,
      refers,
      el("span", { class: "type" }, column.type.toLowerCase()),
    );
    const item = el(
      "li",
      {
        role: "treeitem",
        tabindex: "-1",
        "aria-label": label,
        title: column.references ? `${column.name} → ${column.references}` : column.name,
      },
      row,
    );
    item.dataset.table = table.name;
    item.dataset.column = column.name;
    row.addEventListener("click", () => this.#choose(item));
    return item;
  }

  #items() {
    return [...this.root.querySelectorAll('[role="treeitem"]')];
  }

  #choose(item) {
    const table = this.tables.find((one) => one.name === item.dataset.table);
    if (item.dataset.column !== undefined) {
      this.onColumn(table, item.dataset.column);
      return;
    }
    const opens = item.getAttribute("aria-expanded") !== "true";
    this.picked = table.name;
    this.#toggle(table.name, opens);
    this.onPick(table);
  }

  #toggle(name, open) {
    if (open) this.open.add(name);
    else this.open.delete(name);
    this.filter(byId("filter").value);
    const item = this.#items().find(
      (one) => one.dataset.table === name && one.dataset.column === undefined,
    );
    if (item) this.#focus(item);
  }

  #focus(item) {
    this.#items().forEach((other) => other.setAttribute("tabindex", other === item ? "0" : "-1"));
    item.focus();
  }

  #walk(event) {
    const items = this.#items();
    const here = document.activeElement;
    const at = items.indexOf(here);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const table = here.dataset.column === undefined;
    const open = here.getAttribute("aria-expanded") === "true";
    const moves = {
      ArrowDown: () => this.#focus(items[Math.min(at + 1, items.length - 1)]),
      ArrowUp: () => this.#focus(items[Math.max(at - 1, 0)]),
      Home: () => this.#focus(items[0]),
      End: () => this.#focus(items[items.length - 1]),
      ArrowRight: () =>
        table &&
        (open
          ? this.#focus(items[Math.min(at + 1, items.length - 1)])
          : this.#toggle(here.dataset.table, true)),
      ArrowLeft: () =>
        table
          ? open && this.#toggle(here.dataset.table, false)
          : this.#focus(here.parentElement.parentElement),
      Enter: () => this.#choose(here),
      " ": () => this.#choose(here),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    moves[event.key]();
  }
}

const said = (name) =>
  name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[_\s]+/g, " ")
    .trim()
    .toLowerCase();
const NUMBER = /int|real|num|dec|float|double|money/i;
const TEXT = /char|text|clob|string|enum/i;

/** Questions about a table that its columns suggest. */
export function starters(table) {
  const things = said(table.name);
  const free = table.columns.filter(
    (column) => !column.primary_key && !column.references && !/id$/i.test(column.name),
  );
  const number = free.find((column) => NUMBER.test(column.type));
  const text = free.filter((column) => TEXT.test(column.type));
  const asked = [`How many ${things} are there?`];
  if (number) asked.push(`What is the highest ${said(number.name)} of ${things}?`);
  if (text[0]) asked.push(`List the ${said(text[0].name)} of all ${things}`);
  const group = text[1] ?? text[0];
  if (group) asked.push(`How many ${things} are there for each ${said(group.name)}?`);
  return asked;
}
