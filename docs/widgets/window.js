// Chapter 5: what a window of none to three letters guesses, and the names that each width writes with the same seed.
import { readLetters, tellRead } from "./alphabet.js";
import { modelsOf } from "./engine.js";
import { letterBars } from "./letterbars.js";
import { LivePiece, button, el, slider, textField, whole } from "./piece.js";
import { draw, makeRandom, softmax } from "./sampling.js";

const WIDTHS = [0, 1, 2, 3];
const NAMES = 3; // for each width
const LONGEST = 40; // letters typed
const WRITTEN = 12; // letters written after them; a name may then be unfinished
const DRAWN = 12; // letters to be seen before the window

const letterCount = (width) => ["no letter", "1 letter"][width] ?? `${width} letters`;

class Window extends LivePiece {
  static title = "Widen the window";
  static state = { text: "newt", width: 3, luck: 1 }; // luck 0: no names were asked for

  #turn = 0;
  #lastLuck = 1;
  #bars = letterBars(8);

  check({ text, width, luck }) {
    return {
      text,
      width: WIDTHS.includes(width) ? width : this.defaults.width,
      luck: whole(luck),
    };
  }

  open() {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "Letters so far",
      hint: "a to z; none: a name begins",
      onInput: (text) => this.set({ text, luck: 0 }),
    });
    this.width = slider({
      label: "The window",
      min: 0,
      max: WIDTHS.at(-1),
      step: 1,
      value: this.defaults.width,
      format: letterCount,
      onInput: (width) => this.set({ width }),
    });
    this.seen = el("p", { class: "live-text window-seen" });
    this.rows = WIDTHS.map((width) => {
      const cells = Array.from({ length: NAMES }, () => el("td"));
      return { cells, row: el("tr", {}, el("th", { scope: "row" }, String(width)), ...cells) };
    });
    const head = el(
      "tr",
      {},
      el("th", { scope: "col" }, "Seen"),
      el("th", { scope: "col" }, "Written, same seed"),
      el("td"),
      el("td"),
    );
    this.append(
      el("div", { class: "live-row" }, this.field.element, this.width.element),
      this.seen,
      this.#bars.element,
      el(
        "div",
        { class: "live-row" },
        button("Write names", () => this.#next(), { primary: true }),
      ),
      el(
        "table",
        { class: "window-names" },
        el("thead", {}, head),
        el("tbody", {}, ...this.rows.map(({ row }) => row)),
      ),
    );
  }

  async show({ text, width, luck }, changed) {
    this.field.set(text);
    this.width.set(width);
    const letters = this.#letters();
    const read = readLetters(text);
    tellRead(this, this.field, read, read.letters.length > LONGEST ? `Only the last ${LONGEST} letters count.` : "");
    this.#showWindow(letters, width);
    this.rows.forEach(({ row }, place) => row.classList.toggle("chosen", place === width));
    if (luck) this.#lastLuck = luck;
    try {
      await Promise.all([this.#guess(letters, width), "luck" in changed && this.#write(letters, luck)]);
    } catch (error) {
      if (letters !== this.#letters() || width !== this.state.width) return;
      this.complain(this.field, error.message);
      this.#bars.show([]); // what stood there was another text's
      for (const { cells } of this.rows) for (const cell of cells) if (cell.textContent === "…") cell.textContent = "·";
    }
  }

  #letters() {
    return readLetters(this.state.text).letters.slice(-LONGEST);
  }

  #showWindow(letters, width) {
    const padded = ".".repeat(Math.max(width - letters.length, 0)) + letters;
    const from = padded.length - width;
    const before = padded.slice(Math.max(from - DRAWN, 0), from);
    const cell = (tag) => (letter) => el(tag, {}, letter);
    this.seen.replaceChildren(
      from > DRAWN ? "…" : "",
      ...[...before].map(cell("span")),
      ...[...padded.slice(from)].map(cell("mark")),
      " → ?",
    );
  }

  async #guess(letters, width) {
    const shares = await this.#shares(letters, width);
    if (letters !== this.#letters() || width !== this.state.width) return; // the reader went on
    const rows = Array.from(shares, (probability, token) => ({ label: this.#label(token), probability }));
    this.#bars.show(rows, { learned: width > 0 });
    if (!this.atDefaults) this.say(`${letterCount(width)} seen. ${this.#bars.element.getAttribute("aria-label")}`);
  }

  #label(token) {
    return token ? this.opening.labels[token] : "end";
  }

  /** The 27 probabilities; letter frequencies see nothing, and those of the opening text need no net. */
  async #shares(letters, width) {
    if (!width || letters === this.defaults.text) return this.opening.shares[width];
    const net = await this.published(`net${width}.safetensors`);
    return softmax((await net.next(net.start(letters))).logits);
  }

  #next() {
    return this.set({ luck: this.#lastLuck + (this.state.luck ? 1 : 0) });
  }

  /** Names of every width: the n-th one of each has the same numbers to draw with. */
  async #write(letters, luck) {
    const turn = ++this.#turn;
    const isOpening = letters === this.defaults.text && luck === this.defaults.luck;
    for (const { cells } of this.rows) cells.forEach((cell) => cell.replaceChildren(luck ? "…" : "·"));
    if (!luck) return;
    for (const width of WIDTHS) {
      const { cells } = this.rows[width];
      const ends = isOpening ? this.opening.ends[width] : await this.#ends(letters, width, luck);
      if (turn !== this.#turn) return; // other letters, or new luck
      cells.forEach((cell, place) => cell.replaceChildren(el("span", {}, letters), ends[place]));
    }
    if (!isOpening)
      this.say(`Written with ${letterCount(3)}: ${this.rows[3].cells.map((cell) => cell.textContent).join(", ")}`);
  }

  async #ends(letters, width, luck) {
    const ends = [];
    for (let place = 0; place < NAMES; place++) {
      const seed = 100 * luck + place;
      let end = "";
      let finished = false;
      for await (const token of width ? this.#byNet(letters, width, seed) : this.#byFrequency(seed)) {
        if ((finished = !token)) break;
        end += this.#label(token);
      }
      ends.push(finished ? end : `${end}…`);
    }
    return ends;
  }

  async *#byNet(letters, width, seed) {
    const net = await this.published(`net${width}.safetensors`);
    for await (const { id } of net.write(net.start(letters), { count: WRITTEN, seed })) yield id;
  }

  *#byFrequency(seed) {
    const random = makeRandom(seed);
    for (let place = 0; place < WRITTEN; place++) yield draw(this.opening.shares[0], random());
  }
}

customElements.define("live-window", Window);
export default Window;
