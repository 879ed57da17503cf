// Bars of the likeliest next letters, the same in every piece that guesses.
import { el, percent } from "./piece.js";

/** A blank or a line's end, as something to be seen. */
export const visible = (label) => label.replaceAll(" ", "␣").replaceAll("\n", "⏎");

/**
 * A fixed number of bars, the likeliest first; what is left is one more row.
 * `show(rows, { learned, chosen })`: rows are {label, probability} in any order, `chosen` the label that was drawn.
 */
export function letterBars(count = 7) {
  const rows = Array.from({ length: count + 1 }, () => ({ label: el("span"), bar: el("div"), share: el("span") }));
  const element = el("div", { class: "live-bars", role: "img" });
  for (const { label, bar, share } of rows) element.append(label, bar, share);

  function show(given, { learned = true, chosen = null } = {}) {
    const sorted = [...given].sort((a, b) => b.probability - a.probability);
    const shown = sorted.slice(0, count);
    const place = sorted.findIndex((row) => row.label === chosen);
    if (place >= count) shown[count - 1] = sorted[place]; // what was drawn is always to be seen
    const rest = shown.length && 1 - shown.reduce((sum, row) => sum + row.probability, 0);
    const others = sorted.length - shown.length;
    const all = [...shown, { label: others ? `${others} others` : "", probability: Math.max(rest, 0) }];
    rows.forEach((row, index) => {
      const { label, probability } = all[index] ?? { label: "", probability: 0 };
      const drawn = label && label === chosen;
      row.label.textContent = label;
      row.share.textContent = label ? percent(probability) + (drawn ? " drawn" : "") : "";
      row.label.className = row.share.className = drawn ? "chosen" : index === count ? "live-note" : "";
      row.bar.className = index === count ? "live-bar rest" : learned ? "live-bar learned" : "live-bar";
      // Half of all is the whole width: few guesses are surer.
      row.bar.style.width = `${Math.min(200 * probability, 100)}%`;
    });
    const words = shown.map((row) => `${row.label} ${percent(row.probability)}`).join(", ");
    element.setAttribute("aria-label", !words ? "No guess" : `The likeliest: ${words}${chosen ? `; drawn: ${chosen}` : ""}`);
  }
  return { element, show };
}
