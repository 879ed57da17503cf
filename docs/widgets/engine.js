// What pieces call to run a model: the work itself is done by worker.js, one for the whole page.

import { makeTokenizer } from "./tokenizers.js";

const MOST_BYTES = 200e6;

let worker = null;
let count = 0;
const waiting = new Map();

function ask(task, content, large = []) {
  worker ??= startWorker();
  return new Promise((resolve, reject) => {
    waiting.set(++count, { resolve, reject });
    worker.postMessage({ id: count, task, content }, large);
  });
}

function startWorker() {
  const started = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { id, answer, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  };
  started.onerror = () => {
    for (const { reject } of waiting.values()) {
      reject(new Error("The part of this page that computes did not load: go online and load the page again."));
    }
    waiting.clear();
    worker = null; // the next model tries again
  };
  return started;
}

/** The bytes of an address, a file that the reader chose, or an array. */
async function load(source) {
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

/** Open a model by its address, as a File, or as an ArrayBuffer. Throws a sentence for the reader if it cannot be. */
export async function openModel(source) {
  const model = ++count;
  const buffer = await load(source);
  const about = await ask("open", { model, buffer }, [buffer]);
  const tokenizer = about.tokenizer && makeTokenizer(about.tokenizer);

  /** Scores of what comes next; with attention where each head looks: from the last position (T,) and all (T, T). */
  const next = async (ids, { attention = false } = {}) => {
    if (!attention) return { logits: await ask("next", { model, ids: Array.from(ids) }) };
    const { logits, weights, layers, heads, positions: T } = await ask("look", { model, ids: Array.from(ids) });
    const part = (i) => weights.subarray(i * T * T, (i + 1) * T * T);
    const all = Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: heads }, (_, head) => part(layer * heads + head)),
    );
    return { logits, attention: all.map((each) => each.map((rows) => rows.subarray(-T))), all, positions: T };
  };

  /**
   * Write after the tokens: {id, text, probability} of each new one; its probability is the one it was drawn with.
   * The first bytes of a letter have no text: it comes with its last byte.
   */
  async function* write(ids, options = {}) {
    const writer = ++count;
    const text = tokenizer ? tokenizer.follow(ids) : () => "";
    let group = ask("write", { model, writer, ids: Array.from(ids), options });
    try {
      for (;;) {
        const tokens = await group;
        if (tokens.at(-1)) group = ask("more", { writer }); // it writes on while the page shows these
        group.catch(() => {}); // seen at the next turn, if there is one
        for (const token of tokens) {
          if (!token) return;
          yield { text: text(token.id), ...token };
        }
      }
    } finally {
      ask("stop", { writer }).catch(() => {});
    }
  }

  const start = (text) => tokenizer.start(text);
  const close = () => ask("close", { model });
  return { about, tokenizer, start, next, write, close };
}

/** Opens models of this folder, each once: a function of a file's path there. */
export function modelsOf(folder) {
  const opened = new Map();
  return (path) => {
    if (!opened.has(path)) {
      const coming = openModel(new URL(path, folder)).catch((error) => {
        opened.delete(path); // the next try may have a connection
        throw error;
      });
      opened.set(path, coming);
    }
    return opened.get(path);
  };
}
