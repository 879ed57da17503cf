// What the models of city names can read.

/** The letters a to z of a text, in lower case, and the first of its signs that is none of them. */
export function readLetters(text) {
  const lower = text.toLowerCase();
  return { letters: lower.replace(/[^a-z]/g, ""), unknown: [...lower].find((letter) => !/[a-z]/.test(letter)) };
}
