// The home page: every rung of the ladder goes on with the city that the reader begins, with the same seed.
import { readLetters, tellRead } from "./alphabet.js";
import { modelsOf } from "./engine.js";
import { LivePiece, button, el, number, textField, whole } from "./piece.js";
import { draw, makeRandom, softmax } from "./sampling.js";

const PACE = 330; // milliseconds a letter

class Ladder extends LivePiece {
  static title = "The same start, five models";
  static state = { text: "ber", seed: 10 };

  #asked = 0;

  check({ text, seed }) {
    return { text, seed: whole(seed) };
  }

  open({ rungs, recorded }) {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "A city begins with",
      hint: "a to z",
      onInput: (text) => this.set({ text }),
    });
    const again = button("Draw again", () => this.set({ seed: this.state.seed + 1 }), { primary: true });
    const row = ({ label, loss }, name) => {
      const letters = el("span", {}, `${number(Math.exp(loss), 1)} letters`);
      return el("li", {}, el("p", { class: "live-note ladder-about" }, label, letters), name);
    };
    this.names = rungs.map(() => el("p", { class: "live-text" }));
    const once = "Only its record is kept, so it can’t go on here. It once wrote ";
    const wrote = el("p", { class: "live-note" }, once, el("b", {}, recorded.name), ".");
    const rows = [...rungs.map((rung, place) => row(rung, this.names[place])), row(recorded, wrote)];
    const list = el("ol", { class: "ladder-rungs" }, ...rows);
    this.append(el("div", { class: "live-row" }, this.field.element, again), list);
  }

  /** The letters of the field that the models know, no more than leave room to go on. */
  #letters() {
    return readLetters(this.state.text).letters.slice(0, this.opening.longest - 4);
  }

  async show({ text, seed }, changes) {
    const run = ++this.#asked;
    this.field.set(text);
    const letters = this.#letters();
    const read = readLetters(text);
    const room = this.opening.longest - 4;
    const tooLong = read.letters.length > room;
    tellRead(this, this.field, read, tooLong ? `The first ${room} letters are enough for a start.` : "");
    const { rungs, ...first } = this.opening;
    const written = [];
    for (const [place, rung] of rungs.entries()) {
      let name = rung.name;
      if (letters !== first.text || seed !== first.seed) {
        try {
          name = await this.#continued(rung.model, letters, seed);
        } catch (error) {
          if (run !== this.#asked) return;
          this.complain(this.field, error.message);
          for (const name of this.names) name.textContent = "…"; // what stood there began otherwise
          return;
        }
        if (run !== this.#asked) return; // the reader has gone on
      }
      written.push(name);
    }
    const put = (count) =>
      this.names.forEach((name, place) => {
        const begun = el("span", { class: "live-note" }, letters);
        name.replaceChildren(begun, written[place].slice(letters.length, letters.length + count));
      });
    const most = Math.max(...written.map((name) => name.length)) - letters.length;
    if (changes === this.state || this.atDefaults) put(most); // as the page opens
    else
      this.animate((passed) => {
        if (run !== this.#asked) return false;
        put(Math.min(Math.floor(passed / PACE), most));
        return passed < PACE * most;
      });
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
