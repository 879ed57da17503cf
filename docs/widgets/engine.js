// What pieces call to run a model. The chapters' own are small and run on the page's thread: a guess takes them less
// than a millisecond, and stands in the very next frame. A reader's own may be large: a worker runs it.

import { loadBytes } from "./load.js";
import { makeTokenizer } from "./tokenizers.js";

const NOT_LOADED = "The part of this page that computes did not load: go online and load the page again.";
const STOPPED = "The part of this page that computes has stopped, and with it this model: choose its file again.";

let worker = null;
let count = 0;

/** A worker that answers: `ask(task, content, what is handed over)`. Where it dies, so do its models. */
function startWorker() {
  const waiting = new Map();
  const started = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const mine = { ask, answered: false };
  started.onmessage = ({ data: { id, answer, error } }) => {
    mine.answered = true;
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error === undefined) resolve?.(answer);
    else reject?.(new Error(error));
  };
  started.onerror = started.onmessageerror = () => {
    started.terminate(); // or what it holds stays in memory
    if (worker === mine) worker = null; // the next model starts another
    mine.ask = () => Promise.reject(new Error(STOPPED));
    for (const { reject } of waiting.values()) reject(new Error(mine.answered ? STOPPED : NOT_LOADED));
    waiting.clear();
  };
  function ask(task, content, large = []) {
    return new Promise((resolve, reject) => {
      const id = ++count;
      started.postMessage({ id, task, content }, large); // throws for what cannot be sent
      waiting.set(id, { resolve, reject });
    });
  }
  return mine;
}

/** How many models and writers are held on the page's thread and in the worker: for tests. */
export async function held() {
  return { here: tasks ? await askHere("count") : null, worker: worker ? await worker.ask("count") : null };
}

let tasks = null;

async function askHere(task, content) {
  tasks ??= import("./tasks.js").catch(() => {
    tasks = null; // the next model tries again
    throw new Error(NOT_LOADED);
  });
  const { perform } = await tasks;
  if (task === "more") await new Promise((resolve) => setTimeout(resolve)); // the page's other work goes first
  return perform(task, content);
}

/**
 * Open a model by its address, as a File, or as an ArrayBuffer, to run `here`, on the page's thread, or in the worker.
 * Throws a sentence for the reader if it cannot be.
 */
export async function openModel(source, { here = false } = {}) {
  const model = ++count;
  const buffer = await loadBytes(source);
  const home = here ? { ask: askHere } : (worker ??= startWorker());
  const ask = (...given) => home.ask(...given);
  const close = () => ask("close", { model }).catch(() => {}); // where the worker is gone, so is the model
  const about = await ask("open", { model, buffer }, [buffer]);
  let tokenizer;
  try {
    tokenizer = about.tokenizer && makeTokenizer(about.tokenizer);
  } catch (error) {
    await close();
    throw error;
  }

  /** Scores of what comes next (V,); with attention also where each head of each layer looks (T,). */
  const next = async (ids, { attention = false } = {}) => {
    if (!attention) return { logits: await ask("next", { model, ids: Array.from(ids) }) };
    const { logits, weights, layers, heads, positions: T } = await ask("look", { model, ids: Array.from(ids) });
    const looks = (layer) => (_, head) => weights.subarray((layer * heads + head) * T, (layer * heads + head + 1) * T);
    return {
      logits,
      attention: Array.from({ length: layers }, (_, layer) => Array.from({ length: heads }, looks(layer))),
    };
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
  return { about, tokenizer, start, next, write, close };
}

/** Opens a chapter's models in this folder, each once: a function of a file's path there, with one to `close` them. */
export function modelsOf(folder) {
  const opened = new Map();
  const close = () => {
    for (const coming of opened.values()) coming.then((model) => model.close()).catch(() => {});
    opened.clear();
  };
  const open = (path) => {
    if (!opened.has(path)) {
      const coming = openModel(new URL(path, folder), { here: true }).catch((error) => {
        opened.delete(path); // the next try may have a connection
        throw error;
      });
      opened.set(path, coming);
    }
    return opened.get(path);
  };
  return Object.assign(open, { close });
}
