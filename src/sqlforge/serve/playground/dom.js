// Elements are made here and nowhere else: text always becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`class`, `aria-…`, `on…` as listeners) and children. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Shows `text` in an element that is hidden while it has none. */
export function tell(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** "1 row", "12 rows", "1,234 rows". */
export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** "40 ms", "1.2 s". */
export function duration(seconds) {
  return seconds < 0.1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** Puts text on the clipboard; false where the browser forbids it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // plain HTTP from another machine has no clipboard interface
  }
}

function copyBySelection(text) {
  const before = document.activeElement;
  const area = el("textarea", { class: "hidden", "aria-hidden": "true", tabindex: "-1" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus?.({ preventScroll: true });
  return done;
}

/** What is kept in this browser; a browser that forbids it forgets. */
export const store = {
  get(name) {
    try {
      return localStorage.getItem(`sqlforge.${name}`);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      if (value === null) localStorage.removeItem(`sqlforge.${name}`);
      else localStorage.setItem(`sqlforge.${name}`, value);
    } catch {
      // Full or forbidden: nothing is lost but the memory of it.
    }
  },
};
