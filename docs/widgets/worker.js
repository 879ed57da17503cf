// Computes off the page's own thread: opens models, scores, writes. It works only while the page waits for an answer,
// so a page that has seen enough stops it by asking no more.

import { makeModel } from "./models.js";
import { readSafetensors } from "./safetensors.js";

const GROUP_MS = 8; // so long it may write before it answers: a page gets no more than some 120 messages a second

const models = new Map();
const writers = new Map();

const tasks = {
  open({ model, buffer }) {
    models.set(model, makeModel(readSafetensors(buffer)));
    return find(model).about;
  },
  next: ({ model, ids }) => find(model).next(ids),
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
  close: ({ model }) => models.delete(model),
};

function find(model) {
  if (!models.has(model)) throw new Error("This model was closed.");
  return models.get(model);
}

addEventListener("message", ({ data: { id, task, content } }) => {
  try {
    const answer = tasks[task](content);
    postMessage({ id, answer }, answer?.weights ? [answer.weights.buffer] : []);
  } catch (error) {
    // Only the browser throws this one, when an array is larger than what is left.
    const sentence = error instanceof RangeError ? "This device has too little memory for the model." : error.message;
    postMessage({ id, error: sentence });
  }
});
