// Rows of numbers as cells that can be asked: colour by sign and size, the value printed where there is room.
import { el } from "./piece.js";

const SHOWN_PRODUCTS = 5;

/** A number in a cell or a sentence: two digits after the point, fewer where it is large, and a true minus. */
export function written(value, digits = Math.abs(value) >= 99.5 ? 0 : Math.abs(value) >= 9.95 ? 1 : 2) {
  const text = value.toFixed(digits);
  return Number(text) ? text.replace("-", "−") : text.replace("-", "");
}

/** The same, a whole number without digits after the point. */
export const brief = (value) => (Math.abs(value - Math.round(value)) < 1e-9 ? written(value, 0) : written(value));

/**
 * A grid of numbers. `show({label, values, columns, names, rows, colour, focus})`: `names` stand above cells in place of
 * numbers 1, 2, 3 in what a screen reader hears, `rows` are words before each row and `heads` over each column, `colour` cells are too many to print.
 * The strongest colour stands for `scale`; with `root`, that of a small number is stronger. NaN is an empty cell.
 * Arrow keys walk; `onFocus(index)` is called for the cell that the reader chose.
 */
export function numberGrid(onFocus) {
  const label = el("p", { class: "cells-label" });
  const grid = el("div", { class: "cells-grid", role: "listbox", onkeydown: walk, onclick: choose });
  const element = el("div", { class: "cells" }, label, grid);
  let options = [];
  let columns = 8;
  let at = 0;

  const place = (option) => options.indexOf(option.closest("[role=option]"));

  function choose(event) {
    const index = place(event.target);
    if (index < 0) return;
    onFocus(index);
    options[index]?.focus({ preventScroll: true });
  }

  function walk(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const to = event.key === "Home" ? 0 : event.key === "End" ? options.length - 1 : at + (steps[event.key] ?? NaN);
    if (!(to >= 0 && to < options.length)) return;
    event.preventDefault();
    at = to; // the next key may come before this one is shown
    onFocus(to);
    options[to]?.focus({ preventScroll: true });
  }

  function show(given) {
    const { values, names, rows, heads, colour = false, write = written, focus = -1, lit = [], scale, root } = given;
    columns = given.columns ?? 8;
    at = Math.max(focus, 0);
    label.textContent = given.label;
    grid.setAttribute("aria-label", given.label);
    grid.classList.toggle("cells-colour", colour);
    grid.classList.toggle("cells-rows", Boolean(rows));
    grid.classList.toggle("cells-named", Boolean(names) && !colour);
    grid.style.setProperty("--columns", columns);
    grid.classList.toggle("cells-square", colour && Boolean(rows));
    grid.classList.toggle("cells-few", colour && rows?.length <= 8);
    const most = scale ?? Math.max(1e-9, ...Array.from(values, Math.abs));
    const shape = `${values.length} ${columns} ${rows?.length} ${Boolean(heads)}`;
    if (grid.dataset.shape !== shape) {
      grid.dataset.shape = shape;
      options = Array.from(values, () => el("div", { role: "option" }));
      const all = [...options];
      const word = (kind) => el(kind, { "aria-hidden": "true" });
      if (rows) for (let row = rows.length - 1; row >= 0; row--) all.splice(row * columns, 0, word("b"));
      if (heads) all.unshift(...(rows ? [word("u")] : []), ...heads.map(() => word("i")));
      grid.replaceChildren(...all);
    }
    grid.querySelectorAll(":scope > b").forEach((head, row) => (head.textContent = rows[row]));
    grid.querySelectorAll(":scope > i").forEach((head, column) => (head.textContent = heads[column]));
    options.forEach((option, i) => {
      const value = values[i];
      const text = Number.isNaN(value) ? "" : write(value, given.digits);
      const name = names?.[i] ?? (rows ? `${rows[Math.floor(i / columns)]}, number ${(i % columns) + 1}` : `number ${i + 1}`);
      const share = Number.isNaN(value) ? 0 : Math.min(Math.abs(value) / most, 1);
      option.style.setProperty("--v", (root ? Math.sqrt(share) : share).toFixed(2));
      option.className = `${value < 0 ? "minus" : value >= 0 ? "plus" : ""}${lit.includes(i) ? " lit" : ""}`;
      option.tabIndex = i === at ? 0 : -1;
      option.setAttribute("aria-selected", String(i === focus));
      option.setAttribute("aria-label", `${name}: ${text || "masked"}`);
      if (option.title !== text) option.title = text;
      if (!colour) option.replaceChildren(...(names ? [el("small", {}, names[i])] : []), text);
    });
  }
  return { element, show };
}

export const inBrackets = (value, write = written) => write(value).replace(/^−.*/, "($&)");
export const range = (length) => Array.from({ length }, (_, i) => i);
export const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** a·b + ... written out: the largest products and that of `keep`, the others together, a bias, what is done with the sum. */
export function products(a, b, { from, bias = null, divisor = "", over = 1, write = written, keep = -1 }) {
  const all = range(a.length).map((i) => a[i] * b[i]);
  const weight = (i) => (i === keep ? Infinity : Math.abs(all[i]));
  const order = range(a.length).sort((i, j) => weight(j) - weight(i));
  const kept = order.slice(0, a.length <= SHOWN_PRODUCTS + 1 ? a.length : SHOWN_PRODUCTS).sort((i, j) => i - j);
  const rest = sum(order.slice(kept.length).map((i) => all[i]));
  const parts = kept.map((i, place) => `${place ? inBrackets(a[i], write) : write(a[i])}·${inBrackets(b[i], write)}`);
  if (kept.length < a.length) parts.push(`${inBrackets(rest)} from the ${a.length - kept.length} other products`);
  if (bias !== null) parts.push(`a bias of ${inBrackets(bias)}`);
  const total = (sum(all) + (bias ?? 0)) / over;
  const terms = parts.join(" + ");
  return {
    text: `${divisor ? `(${terms}) / ${divisor}` : terms} = ${write(total)}`,
    lit: kept.map((i) => from(i)),
    total,
  };
}

/** How softmax makes share number s of these scores: `raised` are the powers, of the scores less `less`. */
export function shared(scores, s, digits) {
  const best = Math.max(...scores);
  const less = best > 9 || best < -3 ? best : 0; // or the powers would be too large, or too small, to be read
  const raised = Array.from(scores, (score) => Math.exp(score - less));
  const all = sum(raised);
  const power = less ? `(${written(scores[s])} − ${inBrackets(less)})` : written(scores[s]);
  const text = `2.718 to the power ${power} is ${written(raised[s])}, and ${written(raised[s])} / ${written(all)} = ${written(raised[s] / all, digits)}`;
  return { raised, less, text, note: less ? `The best score is taken off all: their shares stay the same, and no power gets too large.` : "" };
}

/** Rows of numbers as one, for a grid. */
export function joined(rows) {
  const all = new Float32Array(sum(rows.map((row) => row.length)));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
