// The home page: every rung of the ladder goes on with the city that the reader begins, with the same seed.
import { readLetters, tellRead } from "./alphabet.js";
import { modelsOf } from "./engine.js";
import { LivePiece, button, el, number, textField, whole } from "./piece.js";
import { draw, makeRandom, softmax } from "./sampling.js";

class Ladder extends LivePiece {
  static title = "The same start, five models";
  static state = { text: "ber", seed: 10 };

  #asked = 0;

  check({ text, seed }) {
    return { text, seed: whole(seed) };
  }

  open({ rungs }) {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "A city begins with",
      hint: "a to z",
      onInput: (text) => this.set({ text }),
    });
    const again = button("Draw again", () => this.set({ seed: this.state.seed + 1 }), { primary: true });
    this.rows = rungs.map((rung) => {
      const name = el("p", { class: "live-text" });
      const about = el(
        "p",
        { class: "live-note ladder-about" },
        rung.label,
        el("span", {}, `${number(Math.exp(rung.loss), 1)} letters`),
      );
      return { name, element: el("li", {}, about, name) };
    });
    const list = el("ol", { class: "ladder-rungs" }, ...this.rows.map((row) => row.element));
    this.append(el("div", { class: "live-row" }, this.field.element, again), list);
  }

  /** The letters of the field that the models know, no more than leave room to go on. */
  #letters() {
    return readLetters(this.state.text).letters.slice(0, this.opening.longest - 4);
  }

  async show({ text, seed }) {
    const run = ++this.#asked;
    this.field.set(text);
    const letters = this.#letters();
    const read = readLetters(text);
    const most = this.opening.longest - 4;
    const tooLong = read.letters.length > most;
    tellRead(this, this.field, read, tooLong ? `The first ${most} letters are enough for a start.` : "");
    const { rungs, ...first } = this.opening;
    const written = [];
    for (const [place, rung] of rungs.entries()) {
      const row = this.rows[place].name;
      let name = rung.name;
      if (letters !== first.text || seed !== first.seed) {
        try {
          name = await this.#continued(rung.model, letters, seed);
        } catch (error) {
          if (run !== this.#asked) return;
          this.complain(this.field, error.message);
          for (const { name } of this.rows.slice(place)) name.textContent = "…"; // what stood there began otherwise
          return;
        }
        if (run !== this.#asked) return; // the reader has gone on
      }
      row.replaceChildren(
        el("span", { class: "live-note" }, name.slice(0, letters.length)),
        name.slice(letters.length),
      );
      written.push(name);
    }
    if (!this.atDefaults) this.say(`From ${rungs[0].label} to ${rungs.at(-1).label}: ${written.join(", ")}`);
  }

  async #continued(path, letters, seed) {
    const model = await this.published(`../${path}`);
    const chance = makeRandom(seed);
    const ids = [...model.start(letters)];
    while (ids.length <= this.opening.longest) {
      const token = draw(softmax((await model.next(ids)).logits), chance());
      if (token === 0) break; // the mark: the name is finished
      ids.push(token);
    }
    return model.tokenizer.decode(ids);
  }
}

customElements.define("live-ladder", Ladder);
export default Ladder;
