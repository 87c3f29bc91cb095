// One thing runs at a time: its clock, its end, its failure, and the key that it may need.
import { Failure, hasKey, useKey } from "./api.js";
import { byId, duration, tell } from "./dom.js";

const waiting = new Set(); // what to do again once there is a key
let running = null; // the AbortController of what runs

/** Runs `work(signal)` as the one thing that runs; shows its failure as a sentence. */
export async function busy(label, work) {
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
  if (document.activeElement === byId("cancel")) byId("question").focus();
  byId("busy").hidden = byId("cancel").hidden = true;
  byId("main").removeAttribute("aria-busy");
}

/** Tells a failure; where a key is missing `again` is called once there is one. */
export function failed(fault, again) {
  if (fault.name === "AbortError") {
    byId("status").textContent = "Cancelled.";
    return;
  }
  if (!(fault instanceof Failure)) throw fault;
  byId("status").textContent = "";
  if (fault.status === 401 && fault.stale) again();
  else if (fault.status === 401) askForKey(again, hasKey() ? "This key is not accepted" : null);
  else tell(byId("error"), fault.message);
}

/** Ends what runs; false where nothing does. */
export function cancel() {
  running?.abort();
  return running !== null;
}

function askForKey(again, title = null) {
  if (again) waiting.add(again);
  byId("key-open").hidden = false;
  if (byId("key").open) return;
  byId("key-title").textContent = title ?? "This server asks for an API key";
  byId("key-value").value = "";
  byId("key").showModal();
}

/** Connects the dialog; `always` are works that a new key begins again in any case. */
export function listenForKey(always) {
  byId("key-open").hidden = !hasKey();
  byId("key-open").addEventListener("click", () => askForKey(null, "API key"));
  byId("key-cancel").addEventListener("click", () => byId("key").close());
  byId("key-cancel").addEventListener("click", () => waiting.clear());
  byId("key").addEventListener("cancel", () => waiting.clear());
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useKey(byId("key-value").value.trim());
    byId("key").close();
    const works = new Set([...always, ...waiting]);
    waiting.clear();
    works.forEach((work) => work());
  });
}
