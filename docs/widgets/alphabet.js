// What the models of city names can read.

import { shown } from "./tokenizers.js";

/** The letters a to z of a text, in lower case, and the first of its signs that is none of them, to be seen. */
export function readLetters(text) {
  const lower = text.toLowerCase();
  const [unknown] = lower.match(/[^a-z]/u) ?? [];
  return { letters: lower.replace(/[^a-z]/g, ""), unknown: unknown && shown(unknown) };
}
