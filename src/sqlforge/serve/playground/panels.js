// What surrounds the answer: the side with its tabs, and the theme.
import { byId, store } from "./dom.js";

const THEMES = ["auto", "light", "dark"];

function showTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme-name").textContent = theme;
}

/** From the system's theme to light, to dark, and round again; kept in this browser. */
export function nextTheme() {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  store.set("theme", next === "auto" ? null : next);
  showTheme(next);
}

/** Side panel on a narrow screen: shown or not. */
export function narrow(open) {
  document.body.classList.toggle("side-open", open);
  byId("side-toggle").setAttribute("aria-expanded", String(open));
}

/** Shows one of the side's tabs. */
export function choose(name) {
  for (const tab of ["tables", "history"]) {
    const on = tab === name;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(on));
    byId(`tab-${tab}`).tabIndex = on ? 0 : -1;
    byId(`panel-${tab}`).hidden = !on;
  }
}

/** Connects tabs, theme and the side's button. */
export function listenToPanels() {
  for (const tab of ["tables", "history"]) {
    byId(`tab-${tab}`).addEventListener("click", () => choose(tab));
    byId(`tab-${tab}`).addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tab === "tables" ? "history" : "tables";
      choose(other);
      byId(`tab-${other}`).focus();
    });
  }
  byId("side-toggle").addEventListener("click", () =>
    narrow(!document.body.classList.contains("side-open")),
  );
  byId("theme").addEventListener("click", nextTheme);
  showTheme(document.documentElement.dataset.theme ?? "auto");
}
