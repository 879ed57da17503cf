// What can be asked of models: open one, score, write. It is done by the thread that loads this file, and only while
// somebody waits for the answer, so a page that has seen enough stops it by asking no more.

import { makeModel } from "./models.js";
import { readSafetensors } from "./safetensors.js";

const GROUP_MS = 8; // so long it may write before it answers: a page gets no more than some 120 answers a second

const models = new Map();
const writers = new Map();

const tasks = {
  open({ model, buffer }) {
    models.set(model, makeModel(readSafetensors(buffer)));
    return find(model).about;
  },
  next: ({ model, ids }) => find(model).next(ids).slice(),
  look: ({ model, ids }) => find(model).look(ids),
  write({ model, writer, ids, options }) {
    writers.set(writer, { model, next: find(model).write(ids, options) });
    return tasks.more({ writer });
  },
  more({ writer }) {
    const { model, next } = writers.get(writer) ?? {};
    find(model);
    const until = performance.now() + GROUP_MS;
    const tokens = [];
    do tokens.push(next());
    while (tokens.at(-1) && performance.now() < until);
    return tokens; // null behind the last of all
  },
  stop: ({ writer }) => writers.delete(writer),
  close({ model }) {
    models.delete(model);
    for (const [writer, { model: its }] of writers) if (its === model) writers.delete(writer); // each holds its model
  },
  /** How many are held, for tests: what nobody closes stays until the page is left. */
  count: () => ({ models: models.size, writers: writers.size }),
};

function find(model) {
  if (!models.has(model)) throw new Error("This model was closed.");
  return models.get(model);
}

/** Do a task. Throws a sentence for the reader if it cannot be done. */
export function perform(task, content) {
  try {
    return tasks[task](content);
  } catch (error) {
    // Only the browser throws this one, when an array is larger than what is left.
    if (error instanceof RangeError) throw new Error("This device has too little memory for the model.");
    throw error;
  }
}
