// A small picture of a result with one label column and one number column: bars, or a line over time.
import { svg, el } from "./dom.js";
import { numeric, shown } from "./rows.js";

const MOST = 50;
const DATE = /^\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/;
const COUNTING = /(^|_|\b)(id|no|nr|key|code|zip|phone|rowid)$|Id$|ID$/; // numbers that measure nothing

/** What to draw: `{kind: "bar"|"line", points: [{label, value, at}], label, value}` or `null`. */
export function chartOf({ columns, rows }) {
  if (columns.length !== 2 || rows.length < 2 || rows.length > MOST) return null;
  const numbers = numeric(columns, rows);
  const calendar = columns.map((name, i) =>
    years(
      name,
      rows.map((row) => row[i]),
    ),
  );
  const value = [1, 0].find((i) => numbers[i] && !calendar[i] && !COUNTING.test(columns[i]));
  if (value === undefined) return null;
  const label = 1 - value;
  if (numbers[label] && !calendar[label]) return null;
  const points = rows
    .filter((row) => row[value] !== null)
    .map((row) => ({ label: shown(row[label]) ?? "NULL", value: Number(row[value]) }));
  if (points.length < 2 || !points.every((point) => Number.isFinite(point.value))) return null;
  const over = points.every((point) => calendar[label] || DATE.test(point.label));
  if (over) points.forEach((point) => (point.at = moment(point.label)));
  const line = over && points.every((point) => Number.isFinite(point.at));
  if (line) points.sort((a, b) => a.at - b.at);
  return { kind: line ? "line" : "bar", points, label: columns[label], value: columns[value] };
}

function years(name, values) {
  const whole = values.every(
    (v) => typeof v === "number" && Number.isInteger(v) && v > 1000 && v < 2200,
  );
  return whole && /year|yr|jahr|année|año/i.test(name);
}

const moment = (text) => (/^\d{4}$/.test(text) ? Date.UTC(Number(text), 0) : Date.parse(text));

/** Draws it into `figure`, `width` CSS pixels wide. */
export function drawChart(figure, chart, width) {
  const caption = `${chart.value} by ${chart.label}`;
  const picture = (chart.kind === "line" ? drawLine : drawBars)(
    chart,
    width,
    describe(chart, caption),
  );
  figure.replaceChildren(el("figcaption", {}, caption), picture);
}

function describe({ kind, points }, caption) {
  const top = points.reduce((a, b) => (b.value > a.value ? b : a));
  const low = points.reduce((a, b) => (b.value < a.value ? b : a));
  const said = kind === "line" ? "Line chart" : "Bar chart";
  return `${said}: ${caption}, ${points.length} points, highest ${top.label} with ${brief(top.value)}, lowest ${low.label} with ${brief(low.value)}. The table has all values.`;
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
const brief = (value) => (Math.abs(value) >= 1e6 ? compact : plain).format(value);

function shorten(text, most) {
  const letters = Array.from(text);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

function drawBars({ points }, width, description) {
  const step = points.length > 16 ? 20 : 26;
  const letters = Math.max(...points.map((point) => Math.min(22, Array.from(point.label).length)));
  const left = Math.min(width * 0.4, letters * 7 + 12);
  const right = 16 + 7 * Math.max(...points.map((point) => brief(point.value).length));
  const low = Math.min(0, ...points.map((point) => point.value));
  const high = Math.max(0, ...points.map((point) => point.value));
  const room = Math.max(40, width - left - right);
  const x = (value) => left + (room * (value - low)) / (high - low || 1);
  const height = points.length * step + 8;
  const most = Math.floor((left - 12) / 7) + 1;
  const bars = points.map(({ label, value }, i) => {
    const top = 4 + i * step;
    const from = Math.min(x(0), x(value));
    const length = Math.max(1, Math.abs(x(value) - x(0)));
    return svg(
      "g",
      {},
      svg("title", {}, `${label}: ${value}`),
      svg(
        "text",
        { x: left - 8, y: top + step / 2, class: "chart-label", "text-anchor": "end" },
        shorten(label, most),
      ),
      svg("rect", {
        x: from,
        y: top + 3,
        width: length,
        height: step - 6,
        rx: 2,
        class: "chart-bar",
      }),
      svg(
        "text",
        { x: Math.max(x(value), x(0)) + 6, y: top + step / 2, class: "chart-value" },
        brief(value),
      ),
    );
  });
  const zero = svg("line", { x1: x(0), x2: x(0), y1: 0, y2: height, class: "chart-axis" });
  return frame(width, height, description, zero, ...bars);
}

function drawLine({ points }, width, description) {
  const height = 220;
  const values = points.map((point) => point.value);
  const marks = ticks(Math.min(0, ...values), Math.max(0, ...values));
  const low = marks[0];
  const high = marks[marks.length - 1];
  const left = 14 + 7 * Math.max(...marks.map((mark) => brief(mark).length));
  const right = 24;
  const first = points[0].at;
  const last = points[points.length - 1].at;
  const x = (at) => left + ((width - left - right) * (at - first)) / (last - first || 1);
  const y = (value) => 12 + ((height - 44) * (high - value)) / (high - low || 1);
  const grid = marks.flatMap((mark) => [
    svg("line", { x1: left, x2: width - right, y1: y(mark), y2: y(mark), class: "chart-grid" }),
    svg(
      "text",
      { x: left - 8, y: y(mark), class: "chart-label", "text-anchor": "end" },
      brief(mark),
    ),
  ]);
  const path = points
    .map((point) => `${x(point.at).toFixed(1)},${y(point.value).toFixed(1)}`)
    .join(" ");
  const dots = points.map((point) =>
    svg(
      "circle",
      { cx: x(point.at), cy: y(point.value), r: 3, class: "chart-dot" },
      svg("title", {}, `${point.label}: ${point.value}`),
    ),
  );
  const names = spaced(points, x, 84).map((point, i, all) =>
    svg(
      "text",
      {
        x: x(point.at),
        y: height - 12,
        class: "chart-label",
        "text-anchor": i === 0 ? "start" : i === all.length - 1 ? "end" : "middle",
      },
      point.label.slice(0, 10),
    ),
  );
  return frame(
    width,
    height,
    description,
    ...grid,
    svg("polyline", { points: path, class: "chart-line" }),
    ...dots,
    ...names,
  );
}

// First and last always, and of the rest those that leave room.
function spaced(points, x, room) {
  const last = points[points.length - 1];
  const kept = [points[0]];
  for (const point of points.slice(1, -1)) {
    const clear =
      x(point.at) - x(kept[kept.length - 1].at) > room && x(last.at) - x(point.at) > room;
    if (clear) kept.push(point);
  }
  return last.at === points[0].at ? kept : [...kept, last];
}

/** Round values that enclose `low` to `high`. */
export function ticks(low, high) {
  const raw = (high - low || 1) / 4;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * size >= raw) * size;
  const from = Math.floor(low / step);
  const to = Math.max(from + 1, Math.ceil(high / step));
  return Array.from({ length: to - from + 1 }, (_, i) =>
    Number(((from + i) * step).toPrecision(12)),
  );
}

function frame(width, height, description, ...parts) {
  const box = { viewBox: `0 0 ${width} ${height}`, width, height };
  return svg("svg", { ...box, role: "img", "aria-label": description }, ...parts);
}
