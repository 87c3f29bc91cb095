// Requests to the server that served this page. A failure is a `Failure` with one sentence.

const KEY = "sqlforge.key";

export class Failure extends Error {
  constructor(message, status, stale = false) {
    super(message);
    this.status = status;
    this.stale = stale; // another key is in use by now
  }
}

let key = sessionKey();

function sessionKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** The key of this tab; it never goes into lasting storage. */
export function useKey(value) {
  key = value || null;
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch {
    // It then lasts as long as the page.
  }
}

export const hasKey = () => Boolean(key);

/** What GET `path` answers, from JSON. */
export const get = (path, signal) => request(path, { signal });

/** What POST `path` with a JSON body answers, from JSON. */
export function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function request(path, options) {
  const headers = { Accept: "application/json", ...options.headers };
  const used = key;
  if (used) headers.Authorization = `Bearer ${used}`;
  let answer, text;
  try {
    answer = await fetch(path, { ...options, headers, credentials: "same-origin" });
    text = await answer.text();
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Failure("The server cannot be reached: see whether it is still running.", 0);
  }
  const body = parse(text);
  if (!answer.ok) throw new Failure(sentence(answer, body), answer.status, used !== key);
  if (body === undefined) throw new Failure("The server's answer is not JSON.", answer.status);
  return body;
}

function parse(text) {
  try {
    return JSON.parse(text, exact);
  } catch {
    return undefined;
  }
}

// Integers beyond 2^53 stay what the database said: JSON numbers would be rounded.
function exact(_, value, context) {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function sentence(answer, body) {
  const said = body?.error?.message ?? body?.message;
  if (answer.status === 404) return "This server has no database: start it with --db.";
  if (typeof said === "string" && said) return said;
  if (answer.status === 429) {
    const wait = answer.headers.get("Retry-After");
    return `The server is busy: try again ${wait ? `in ${wait} s` : "in a moment"}.`;
  }
  if (answer.status === 401) return "This server asks for an API key.";
  if (answer.status === 413) return "This is too long for the server.";
  return `The server could not do this (status ${answer.status}).`;
}
