// Keys. Single ones can be turned off: speech input and slips would press them by accident.
import { copySql } from "./answer.js";
import { byId, el, store } from "./dom.js";
import { choose, narrow, nextTheme } from "./panels.js";
import { cancel } from "./running.js";

const goTo = (id) => () => byId(id).focus();
const SHORTCUTS = {
  "/": ["Go to the question", () => (byId("question").focus(), byId("question").select())],
  t: ["Go to the filter of tables", () => (choose("tables"), narrow(true), byId("filter").focus())],
  h: ["Go to the history", () => (choose("history"), narrow(true), byId("tab-history").focus())],
  e: ["Edit the SQL", goTo("sql")],
  r: ["Go to the rows", goTo("grid")],
  c: ["Copy the SQL", () => byId("answer").hidden || copySql()],
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
  const rows = [...always, ...single].map(([name, what]) =>
    el("div", {}, el("dt", {}, el("kbd", {}, name)), el("dd", {}, what)),
  );
  byId("help-list").replaceChildren(...rows);
}

function pressed(event, { ask, run }) {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (!cancel() && document.body.classList.contains("side-open")) closeSide();
    return;
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (document.activeElement === byId("sql")) run();
    else ask();
    return;
  }
  const typing = /^(TEXTAREA|INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !byId("single-keys").checked)
    return;
  if (!Object.hasOwn(SHORTCUTS, event.key)) return;
  event.preventDefault();
  SHORTCUTS[event.key][1]();
}

function closeSide() {
  narrow(false);
  byId("side-toggle").focus();
}

/** Connects the keyboard; `ask` and `run` are what Ctrl+Enter does. */
export function listenToKeys(actions) {
  showKeys();
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("single-keys").checked = store.get("single-keys") !== "off";
  byId("single-keys").addEventListener("change", (event) =>
    store.set("single-keys", event.target.checked ? null : "off"),
  );
  document.addEventListener("keydown", (event) => pressed(event, actions));
}
