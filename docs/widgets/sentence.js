// What the two pieces with club sentences share.
import { el } from "./piece.js";

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
