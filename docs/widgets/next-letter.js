// Chapter 4: the next letter from the last one, by the counted table and by the net that learned it.
import { readLetters, tellRead } from "./alphabet.js";
import { modelsOf } from "./engine.js";
import { letterBars } from "./letterbars.js";
import { LivePiece, button, choice, el, textField, whole } from "./piece.js";
import { draw, makeRandom, softmax } from "./sampling.js";

const END = "end";
const LONGEST = 40;

class NextLetter extends LivePiece {
  static title = "Guess, append, repeat";
  static state = { text: "par", by: "counts", seed: 1, done: false };

  #drawn = null;
  #bars = letterBars();

  check({ text, by, seed, done }) {
    return { text, by: by === "net" ? by : "counts", seed: whole(seed), done };
  }

  open() {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "Letters so far",
      hint: "a to z, or nothing",
      onInput: (text) => this.#change({ text, done: false }),
    });
    this.seen = el("p", { class: "live-text next-letter-seen" });
    this.models = choice({
      label: "Asked is",
      options: [
        { value: "counts", label: "the counted table" },
        { value: "net", label: "the net" },
      ],
      onChange: (by) => this.#change({ by }),
    });
    this.next = button("Draw a letter", () => this.#step(), { primary: true });
    this.back = button("Take back", () => this.#change({ text: this.#letters().slice(0, -1), done: false }));
    this.whole = button("To the end", () => this.#finish());
    this.append(
      el("div", { class: "live-row" }, this.field.element, this.models.element),
      this.seen,
      this.#bars.element,
      el("div", { class: "live-row" }, this.next, this.back, this.whole),
    );
  }

  async show({ text, by, done }) {
    this.field.set(text);
    this.models.set(by);
    const letters = this.#letters();
    const read = readLetters(text);
    const tooLong = read.letters.length > LONGEST && !done;
    tellRead(this, this.field, read, tooLong ? `A name has at most ${LONGEST} letters: the last ones count.` : "");
    const last = letters.at(-1);
    this.seen.replaceChildren(
      el("span", { class: "live-note" }, letters.slice(0, -1)),
      el("mark", {}, last ?? "start"),
      done ? el("span", { class: "next-letter-done" }, " finished") : " → ?",
    );
    this.next.textContent = done ? "New name" : "Draw a letter";
    this.back.disabled = !letters;
    this.whole.disabled = done;
    const shares = await this.#shares(letters, by);
    if (this.#wentOn(letters, by)) return;
    const rows = shares.map((probability, token) => ({ label: this.#label(token), probability }));
    this.#bars.show(rows, { learned: by === "net", chosen: this.#drawn });
  }

  #label(token) {
    return token ? this.opening.labels[token] : END;
  }

  #letters() {
    return readLetters(this.state.text).letters.slice(-LONGEST);
  }

  /** Another letter may have been typed while the net was on its way. */
  #wentOn(letters, by) {
    return letters !== this.#letters() || by !== this.state.by;
  }

  #change(changes) {
    this.#drawn = null;
    return this.set(changes);
  }

  /** The 27 probabilities after these letters, none where the model did not come; the opening state needs no model. */
  async #shares(letters, by) {
    if (letters === this.defaults.text) return this.opening[by];
    try {
      const model = await this.published(`${by}.safetensors`);
      return Array.from(softmax((await model.next(model.start(letters))).logits));
    } catch (error) {
      if (!this.#wentOn(letters, by)) this.complain(this.field, error.message);
      return [];
    }
  }

  /** Draw a letter, or the end, or begin anew; whether that was possible. */
  async #step() {
    if (this.state.done) {
      await this.#change({ text: "", seed: this.state.seed + 1, done: false });
      return true;
    }
    const { seed, by } = this.state;
    const letters = this.#letters();
    const shares = await this.#shares(letters, by);
    if (!shares.length || this.state.done || this.#wentOn(letters, by)) return false;
    // Chance hangs on the seed and the place alone: a link to this state goes on as this page does.
    const token = draw(shares, makeRandom(seed * 1009 + letters.length)());
    if (token && letters.length < LONGEST) {
      await this.#change({ text: letters + this.#label(token) });
      this.say(`Drawn: ${this.#label(token)}. The letters so far: ${this.state.text}`);
    } else {
      this.#drawn = END;
      await this.set({ text: letters, done: true });
      this.say(`The mark is drawn. The name is finished: ${letters}`);
    }
    return true;
  }

  async #finish() {
    while (!this.state.done && (await this.#step()));
  }
}

customElements.define("live-next-letter", NextLetter);
export default NextLetter;
