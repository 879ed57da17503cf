// A worker that knows how a model with changes does on names that it never saw: some tenths of a second of work, for which
// no page should stand still.

import { makeModel } from "./models.js";
import { readSafetensors } from "./safetensors.js";
import { lossWith } from "./trace.js";

let judged = null;

addEventListener("message", ({ data: { id, bytes, sequences, changes } }) => {
  if (bytes) judged = { model: makeModel(readSafetensors(bytes)), sequences };
  else postMessage({ id, loss: lossWith(judged.model, judged.sequences, changes) });
});
