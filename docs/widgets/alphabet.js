// What the models of city names can read.

import { foldLetter, shown } from "./tokenizers.js";

const [MOST_TOLD, MOST_BESIDE] = [20, 8]; // letters of a text in a sentence, and in one that says more: it has one line

/**
 * The letters a to z of a text, in lower case and without accents; whether any had one; and the first sign that is left
 * out, to be seen.
 */
export function readLetters(text) {
  let letters = "";
  let folded = false;
  let unknown;
  for (const [sign] of text.normalize().toLowerCase().matchAll(/.\p{M}*/gsu)) {
    const read = foldLetter(sign);
    if (/^[a-z]+$/.test(read)) {
      letters += read;
      folded ||= read !== sign;
    } else unknown ??= sign === " " ? "The blank" : `“${shown([...sign][0])}”`;
  }
  return { letters, folded, unknown };
}

/** Say at a field how its text was read, where that is not as it was typed: what was left out, or else `problem`. */
export function tellRead(piece, field, { letters, folded, unknown }, problem = "") {
  const readAs = (most) => `Read as ${letters.length > most ? `${letters.slice(0, most)}…` : letters}.`;
  const lacks = letters ? `${readAs(MOST_BESIDE)} ${unknown} is left out.` : `${unknown} is left out: a to z only.`;
  piece.complain(field, unknown ? lacks : problem);
  field.hint ??= field.about.textContent;
  field.about.textContent = folded ? readAs(MOST_TOLD) : field.hint;
}
