// The reader's own model: a file field for what `gptbook export RUN --to web` writes. Dropping the file works as well.
import { openModel } from "./engine.js";
import { button, el } from "./piece.js";

const HINT = "A file that gptbook export RUN --to web wrote. It stays on your machine.";
const WRITERS = ["gpt-2", "modern"];
let fields = 0;

/**
 * A file field that opens a model; the whole `target` takes a dropped file. `onModel(model, file)` gets it, `onBack` is
 * called when the reader returns to `backTo`. `input` and `error` are for `LivePiece.complain`; `leave()` forgets the model.
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

  const leave = () => {
    turn += 1;
    back.hidden = true;
    about.textContent = HINT;
    target.complain({ input, error }, "");
  };

  async function take(file) {
    const mine = ++turn; // a file that comes while another is read takes its place
    const before = about.textContent;
    about.textContent = `Reading ${file.name} ...`;
    target.complain({ input, error }, "");
    try {
      const model = await openModel(file);
      if (!WRITERS.includes(model.about.form) || !model.tokenizer) {
        throw new Error("This file holds no GPT with its tokenizer: take one that gptbook export RUN --to web wrote.");
      }
      if (mine !== turn) return;
      about.textContent = `${file.name}: ${model.about.numParameters.toLocaleString("en-US")} parameters`;
      back.hidden = false;
      await onModel(model, file);
    } catch (problem) {
      if (mine !== turn) return;
      about.textContent = before;
      target.complain({ input, error }, problem.message);
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
  back.hidden = true;
  const pick = el("label", { class: "own-pick" }, input, el("span", { class: "live-button" }, "Use your own model"));
  return { element: el("div", { class: "own-model" }, pick, back, about, error), input, error, leave };
}
