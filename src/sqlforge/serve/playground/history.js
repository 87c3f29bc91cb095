// Questions asked in this browser, newest first. Rows are never kept: they are the database's.
import { store } from "./dom.js";

const MOST = 50;
const LONGEST = 4000; // characters of a question or query

/** `[{question, sql, when}]` from what is stored; anything else in there counts as nothing. */
export function remembered() {
  let kept;
  try {
    kept = JSON.parse(store.get("history") ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(kept)) return [];
  return kept
    .filter((entry) => typeof entry?.question === "string" && Number.isFinite(entry.when))
    .map(({ question, sql, when }) => ({
      question,
      sql: typeof sql === "string" ? sql : null,
      when,
    }))
    .slice(0, MOST);
}

/** Adds a question with its query; asking the same again moves it to the top. */
export function remember(question, sql) {
  const entry = {
    question: question.slice(0, LONGEST),
    sql: sql?.slice(0, LONGEST) ?? null,
    when: Date.now(),
  };
  const rest = remembered().filter(
    (other) => other.question !== entry.question || other.sql !== entry.sql,
  );
  store.set("history", JSON.stringify([entry, ...rest].slice(0, MOST)));
}

export const forget = () => store.set("history", null);

/** "just now", "5 min ago", "3 h ago", or the day. */
export function ago(when, now = Date.now()) {
  const minutes = Math.floor((now - when) / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return new Date(when).toISOString().slice(0, 10);
}
