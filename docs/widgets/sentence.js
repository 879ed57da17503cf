// What the two pieces with club sentences share.
import { el } from "./piece.js";

/** A labelled native list to choose one from. */
export function select({ label, options, value, onChange }) {
  const list = el("select", { onchange: () => onChange(list.value) });
  list.append(...options.map((name) => el("option", { value: name }, name)));
  const set = (wanted) => (list.value = wanted);
  set(value);
  return { element: el("label", { class: "sentence-select" }, el("span", {}, label), list), input: list, set };
}

/** The words of a published sentence, with this club in its place. */
export function wordsOf(sentence, club) {
  return sentence.split(" ").map((word) => (word === "-" ? club : word));
}

/** The longest sentence, unseen: it keeps the height while others stand in its place. */
export function reserve(sentences, clubs, cell) {
  const longest = (texts, length) => texts.reduce((a, b) => (length(b) > length(a) ? b : a));
  const sentence = longest(sentences, (text) => text.length + 2 * text.split(" ").length); // a cell has a border
  const words = [
    ...wordsOf(
      sentence,
      longest(clubs, (club) => club.length),
    ),
    "?",
  ];
  return el("div", { class: "sentence-words sentence-hidden", "aria-hidden": "true" }, ...words.map(cell));
}
