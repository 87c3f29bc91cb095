// Runs before the page is drawn, so that a chosen theme does not flash. "auto" follows the system.
"use strict";
try {
  const theme = localStorage.getItem("sqlforge.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden: the system's theme it is.
}
