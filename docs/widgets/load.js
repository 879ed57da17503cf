// Brings a file to a piece, or a sentence about why it did not come.

const MOST_BYTES = 200e6;

/** The bytes of an address, a file that the reader chose, or an array. Throws a sentence for the reader. */
export async function loadBytes(source) {
  if (source instanceof ArrayBuffer) return source.slice();
  if (source instanceof Blob) {
    if (source.size > MOST_BYTES) throw new Error("This file is too large for a page: 200 MB is the most.");
    return source.arrayBuffer().catch(() => {
      throw new Error("The file cannot be read any more: choose it again.");
    });
  }
  let answer;
  try {
    answer = await fetch(source);
    if (answer.ok) return await answer.arrayBuffer();
  } catch {
    throw new Error("The model did not come: you seem to be offline. Try again when you are online.");
  }
  throw new Error(`The model is not where it should be (${answer.status}): load the page again.`);
}
