// Every number on the way through a model: noted, switched off, or set to another value. The names are those that
// models.js calls as it computes; a key is a name with its block in front: "b2mlp", or "token" alone.

import { softmax } from "./sampling.js";

/** What stands in each block, in the order in which it is computed. */
const IN_BLOCK =
  "lookNorm query key value score share found attention looked thinkNorm wide bent mlp thought".split(" ");
/** What can be switched off, and how: to nothing, or, for a norm, to what it was made from. */
const NOTHING = ["place", "found", "attention", "mlp"];
const NORMS = ["lookNorm", "thinkNorm", "norm"];
const SETTABLE = ["token", "place", "start", "norm", ...IN_BLOCK.filter((name) => !/^(score|share)$/.test(name))];

export const keyOf = (name, block) => (IN_BLOCK.includes(name) ? `b${block + 1}${name}` : name);

/**
 * Changes out of an address, "b1found.h2,b2mlp,b1wide.5=0.3": head 2 of block 1 off, the MLP of block 2 off, and number 5
 * (counted from 1) of the hidden units of block 1 set, each at every letter. What makes no sense for these sizes is left out.
 */
export function readChanges(text, { num_layers, num_heads, model_dim, mlp_dim }) {
  const changes = new Map();
  for (const part of text.split(",")) {
    const [, block, name, head, index, value] =
      part.match(/^(?:b(\d+))?([a-zA-Z]+)(?:\.h(\d+)|\.(\d+)=(-?\d+(?:\.\d+)?))?$/) ?? [];
    if (!name || (block !== undefined) !== IN_BLOCK.includes(name)) continue;
    if (block !== undefined && !(block >= 1 && block <= num_layers)) continue;
    const change = { name, block: (block ?? 1) - 1, head: null, index: null, value: null };
    if (head !== undefined) {
      if (name !== "found" || !(head >= 1 && head <= num_heads)) continue;
      change.head = head - 1;
    } else if (index !== undefined) {
      const width = name === "wide" || name === "bent" ? mlp_dim : model_dim;
      if (!SETTABLE.includes(name) || !(index >= 1 && index <= width) || Math.abs(value) > 100) continue;
      Object.assign(change, { index: index - 1, value: Number(value) });
    } else if (![...NOTHING, ...NORMS].includes(name)) continue;
    changes.set(`${block ?? ""}${name}.${head ?? ""}.${index ?? ""}`, { ...change, code: part });
  }
  return [...changes.values()].slice(0, 20); // one of each; an address holds no more
}

/** A `touch` for models.js that makes the changes, and then lets `note` see what is there. */
function toucher(changes, { num_heads }, note) {
  return (name, block, position, numbers, read, head) => {
    for (const change of changes) {
      if (change.name !== name || change.block !== block) continue;
      if (change.index !== null) numbers[change.index] = change.value;
      else if (change.head !== null) {
        const width = numbers.length / num_heads;
        numbers.fill(0, change.head * width, (change.head + 1) * width);
      } else if (read) numbers.set(read);
      else numbers.fill(0);
    }
    note(name, block, position, numbers, head);
  };
}

/**
 * All numbers on the way of these tokens: a function (name, block, position, head) that gives those of one station:
 * (D,), of hidden units (F,), of scores and shares of a head (position + 1,), of the last scores (V,).
 */
export function trace(model, ids, changes = []) {
  const noted = new Map();
  const key = (name, block, position, head = 0) => `${name} ${block} ${position} ${head}`;
  const note = (name, block, position, numbers, head = 0) => noted.set(key(name, block, position, head), numbers.slice());
  model.trace(ids, toucher(changes, model.about.config, note));
  return (...which) => noted.get(key(...which));
}

/** The mean loss, in nats, of guessing each next token of these, with its mark in front and behind. */
export function lossWith(model, sequences, changes) {
  let total = 0;
  let count = 0;
  for (const letters of sequences) {
    const next = [...letters, 0];
    const note = (name, _, position, numbers) => {
      if (name !== "scores") return;
      total -= Math.log(softmax(numbers)[next[position]]);
      count += 1;
    };
    model.trace([0, ...letters], toucher(changes, model.about.config, note));
  }
  return total / count;
}
