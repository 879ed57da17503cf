// The reader's own model: a file field for what `gptbook export RUN --to web` writes. Dropping the file works as well.
import { openModel } from "./engine.js";
import { button, el } from "./piece.js";
import { clip } from "./safetensors.js";

const HINT = "A file that gptbook export RUN --to web wrote. It stays on your machine.";
const WRITERS = ["gpt-2", "modern"];
let fields = 0;

/**
 * A file field that opens a model; the whole `target` takes a dropped file. `onModel(model, file)` gets it, `onBack` is
 * called when the reader returns to `backTo`. `input` and `error` are for `LivePiece.complain`; `leave()` forgets the
 * model. Models are closed here and nowhere else: one that is refused, or comes too late, or is left, or replaced, or
 * whose piece is taken off the page. Up to 200 MB would stay in the worker otherwise.
 */
export function ownModel({ target, backTo, onModel, onBack }) {
  const id = `live-own-${++fields}`;
  const error = el("p", { class: "live-error", id: `${id}-error`, role: "alert" });
  const about = el("span", { class: "live-note", id }, HINT);
  const input = el("input", {
    type: "file",
    "aria-describedby": `${id} ${id}-error`,
    onchange: () => {
      if (input.files[0]) take(input.files[0]);
      input.value = ""; // the same file again is a change, too
    },
  });
  const back = button(`Back to ${backTo}`, () => {
    leave();
    input.focus();
    onBack();
  });
  let turn = 0;
  let held = null; // the model that the piece has
  let told = HINT;

  const tell = (text) => (about.textContent = told = text);
  const hold = (model) => {
    held?.close();
    held = model;
  };
  const leave = () => {
    turn += 1;
    hold(null);
    back.hidden = true;
    tell(HINT);
    target.complain({ input, error }, "");
  };

  async function take(file) {
    const mine = ++turn; // a file that comes while another is read takes its place
    const name = clip(file.name);
    about.textContent = `Reading ${name} ...`;
    target.complain({ input, error }, "");
    let model = null;
    try {
      model = await openModel(file);
      if (mine !== turn) return;
      if (!WRITERS.includes(model.about.form) || !model.tokenizer) {
        throw new Error("This file holds no GPT with its tokenizer: take one that gptbook export RUN --to web wrote.");
      }
      hold(model);
      tell(`${name}: ${model.about.numParameters.toLocaleString("en-US")} parameters`);
      back.hidden = false;
      await onModel(model, file);
    } catch (problem) {
      if (mine !== turn) return;
      about.textContent = told;
      target.complain({ input, error }, problem.message);
    } finally {
      if (model !== held) model?.close();
    }
  }

  const drops = (event) => [...event.dataTransfer.types].includes("Files");
  const lit = (on) => (event) => {
    if (!drops(event)) return;
    event.preventDefault(); // or the browser leaves the page to show the file
    target.classList.toggle("own-drop", on);
  };
  target.addEventListener("dragover", lit(true));
  target.addEventListener("dragleave", lit(false));
  target.addEventListener("drop", (event) => {
    lit(false)(event);
    if (drops(event) && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  target.addEventListener("gone", () => {
    if (!held) return leave(); // one may be on its way
    leave();
    onBack();
  });
  back.hidden = true;
  const pick = el("label", { class: "own-pick" }, input, el("span", { class: "live-button" }, "Use your own model"));
  return { element: el("div", { class: "own-model" }, pick, back, about, error), input, error, leave };
}
