// SQL as tokens: for colours, for breaking lines at clauses, for quoting names. No parser.
import { el } from "./dom.js";

const WORDS = `ALL AND ANY AS ASC BETWEEN BY CASE CAST COLLATE CROSS CURRENT_DATE CURRENT_TIMESTAMP
  DATE DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS FALSE FETCH FILTER FIRST FOLLOWING FROM FULL GLOB
  GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LAST LATERAL LEFT LIKE LIMIT NATURAL NOT
  NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY RANGE RECURSIVE RIGHT ROW ROWS
  SELECT THEN TRUE UNBOUNDED UNION USING VALUES WHEN WHERE WINDOW WITH`;
const KEYWORDS = new Set(WORDS.split(/\s+/));
const TOKEN = new RegExp(
  [
    /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/,
    /(?<string>'(?:[^']|'')*(?:'|$))/,
    /(?<name>"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]\n]*\])/,
    /(?<number>(?<![\p{L}\d_$])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/,
    /(?<word>[\p{L}_][\p{L}\p{N}_$]*)/,
    /(?<space>\s+)/,
    /(?<other>[\s\S])/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gu",
);

/** Tokens `{kind, text}` whose texts joined are `sql`, whatever it is. */
export function tokens(sql) {
  const found = [];
  for (const match of sql.matchAll(TOKEN)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    found.push({ kind, text: match[0] });
  }
  found.forEach((token, i) => {
    if (token.kind !== "word") return;
    const called = (found[i + 1]?.kind === "space" ? found[i + 2] : found[i + 1])?.text === "(";
    const qualified = found[i - 1]?.text === ".";
    if (qualified) token.kind = "name";
    else if (KEYWORDS.has(token.text.toUpperCase())) token.kind = "keyword";
    else token.kind = called ? "function" : "name";
  });
  return found;
}

/** Coloured spans for `sql`. */
export function painted(sql) {
  const fragment = document.createDocumentFragment();
  for (const { kind, text } of tokens(sql)) {
    const plain = kind === "space" || kind === "other" || kind === "name";
    fragment.append(plain ? text : el("span", { class: `t-${kind}` }, text));
  }
  return fragment;
}

const BEFORE = new Set(
  "FROM WHERE GROUP HAVING ORDER LIMIT UNION EXCEPT INTERSECT WINDOW".split(" "),
);
const JOINS = new Set("JOIN LEFT RIGHT FULL INNER CROSS NATURAL".split(" "));

/** One long line broken before its clauses; a query with lines or comments stays as it is. */
export function laidOut(sql) {
  const all = tokens(sql.trim());
  if (
    all.some(({ kind, text }) => kind === "comment" || (kind === "space" && text.includes("\n")))
  ) {
    return sql.trim();
  }
  let depth = 0;
  let out = "";
  let last = "";
  for (const [i, { kind, text: given }] of all.entries()) {
    const text = kind !== "space" ? given : /^[,)]/.test(all[i + 1]?.text ?? "") ? "" : " ";
    const word = kind === "keyword" ? text.toUpperCase() : "";
    if (depth === 0 && word) {
      const clause = BEFORE.has(word) || (word === "SELECT" && out);
      const join = JOINS.has(word) && !JOINS.has(last) && last !== "OUTER";
      if (clause) out = `${out.trimEnd()}\n`;
      else if (join || (word === "AND" && /\n/.test(out) && !between(out)))
        out = `${out.trimEnd()}\n  `;
    }
    if (text === "(") depth += 1;
    if (text === ")") depth = Math.max(0, depth - 1);
    out += text;
    if (kind !== "space") last = word;
  }
  return out;
}

// The AND of `x BETWEEN 1 AND 2` does not begin a condition.
const between = (before) => /\bBETWEEN\s+\S+\s*$/i.test(before);

/** A name as the dialect quotes it, bare where that is safe. */
export function quoted(name, dialect) {
  if (/^[a-z_][a-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toUpperCase())) return name;
  const mark = dialect === "mysql" ? "`" : '"';
  return mark + name.replaceAll(mark, mark + mark) + mark;
}
