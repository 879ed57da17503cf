// Chapter 9: where each head of the trained model looks from a word, and what follows, by it and by a table.
import { modelsOf } from "./engine.js";
import { LivePiece, choice, el, select, slider, svg } from "./piece.js";
import { reserve, wordsOf } from "./sentence.js";
import { likeliest, softmax } from "./sampling.js";

const SHORTEST = 4; // words between club and stadium
const LEAST_ARC = 0.03; // a smaller share has no arc
const WIDEST_ARC = 7; // of all that there is, in pixels
const RISE = 12; // of an arc within a line
const LABEL = "Choose the word that asks";
let pieces = 0;

class LookBack extends LivePiece {
  static title = "Where does it look?";
  static state = { club: "Porto", gap: 14, back: 0, head: 1 }; // back: words between the one that asks and the stadium

  #asked = new Map(); // what the model said, by sentence and place
  #shown = ""; // the sentence that stands there
  #gone = ""; // the word that asked, where a new sentence lacks it
  #drawn = { place: 0, shares: [] }; // what the arcs say
  #name = `look-word-${++pieces}`; // of its radio buttons: another piece's are a group of their own

  check({ club, gap, back, head }) {
    const { stadiums, sentences } = this.opening;
    const fit = (value, least, most) => Math.min(Math.max(Math.round(value), least), most);
    gap = fit(gap, SHORTEST, SHORTEST + sentences.length - 1);
    return {
      club: Object.hasOwn(stadiums, club) ? club : this.defaults.club,
      gap,
      back: fit(back, 0, gap + 5), // the start and four words stand before the club
      head: fit(head, 0, this.opening.looks[0].length),
    };
  }

  open({ stadiums, sentences, looks }) {
    const clubs = Object.keys(stadiums);
    this.published = modelsOf(this.folder);
    this.gap = slider({
      label: "Gap",
      min: SHORTEST,
      max: SHORTEST + sentences.length - 1,
      step: 1,
      value: this.state.gap,
      format: (gap) => `${gap} words from club to stadium`,
      onInput: (gap) => this.#stretch(gap),
    });
    const heads = looks[0].map((_, head) => ({ value: head + 1, label: `${head + 1}` }));
    this.head = choice({
      label: "Head",
      options: [...heads, { value: 0, label: "mean" }],
      onChange: (head) => this.set({ head }),
    });
    this.club = select({
      label: "Club",
      options: clubs,
      value: this.state.club,
      onChange: (club) => this.set({ club }),
    });
    this.label = el("p", { class: "look-label", "aria-hidden": "true" });
    this.words = el("div", {
      class: "sentence-words look-words",
      role: "radiogroup",
      "aria-label": LABEL,
      onpointerleave: () => this.#draw(),
    });
    this.arcs = svg("svg", { class: "look-arcs", "aria-hidden": "true" });
    new ResizeObserver(() => this.#drawArcs()).observe(this.words);
    // A shorter sentence is spread over the height of the tallest at this width: its arcs have the room.
    const tallest = reserve(sentences, clubs, (word) =>
      el("span", { class: "look-word" }, word, el("small", {}, "1%")),
    );
    this.where = el("p", { class: "look-where" });
    this.wrong = { input: this.gap.input, error: el("p", { class: "live-error look-error", role: "alert" }) };
    this.guesses = ["Attention", "Table"].map((by, place) => {
      const bar = el("div", { class: place ? "live-bar" : "live-bar learned" });
      return { by, said: el("p"), bar };
    });
    this.append(
      this.label,
      el("div", { class: "sentence-stack look-stack" }, this.arcs, tallest, this.words),
      el("div", { class: "sentence-stack" }, this.where, this.wrong.error),
      el("div", { class: "look-guesses" }, ...this.guesses.flatMap(({ said, bar }) => [said, bar])),
      el("div", { class: "sentence-controls" }, this.gap.element, this.head.element, this.club.element),
    );
  }

  async show({ club, gap, back, head }) {
    this.gap.set(gap);
    this.head.set(head);
    this.club.set(club);
    const sentence = this.#sentence(gap, club);
    if (this.#shown !== sentence.join(" ")) {
      this.#shown = sentence.join(" ");
      this.#drawn = { place: 0, shares: [] }; // the arcs of another sentence have no places here
      this.cells = sentence.map((word, place) => this.#cell(word, sentence.length - 1 - place));
      this.words.replaceChildren(...this.cells.map(({ element }) => element), el("span", { class: "look-word" }, "?"));
    }
    const asking = this.cells.at(-1 - back);
    asking.input.checked = true;
    const gone = this.#gone && `No “${this.#gone}” here, so “${asking.word}” asks.`;
    this.#gone = "";
    this.label.textContent = gone || LABEL;
    await this.#draw();
    const where = this.where.textContent; // none, where no answer came
    if (where) this.say(`${gone} ${where} ${this.guesses.map(({ said }) => said.textContent).join(". ")}.`);
  }

  #sentence(gap, club) {
    return ["start", ...wordsOf(this.opening.sentences[gap - SHORTEST], club)];
  }

  /** Another sentence: the word that asks goes on asking if it is there, the nearest if it is there twice. */
  #stretch(gap) {
    const { club, back } = this.state;
    const [before, after] = [this.#sentence(this.state.gap, club), this.#sentence(gap, club)];
    const place = before.length - 1 - back;
    const word = before[place];
    const moved = (at) => Math.min(Math.abs(at - place), Math.abs(after.length - 1 - at - back));
    const places = [...after.keys()].filter((at) => after[at] === word).sort((a, b) => moved(a) - moved(b));
    if (!places.length) this.#gone = word;
    return this.set({ gap, back: places.length ? after.length - 1 - places[0] : 0 });
  }

  /** A word as a radio button: arrow keys walk along the sentence, a mouse that points at one asks from there. */
  #cell(word, back) {
    const input = el("input", { type: "radio", name: this.#name, value: back, onchange: () => this.set({ back }) });
    const share = el("small");
    const pointed = ({ pointerType }) => pointerType === "mouse" && this.#draw(back);
    const element = el("label", { class: "look-word", onpointerenter: pointed }, input, el("span", {}, word), share);
    return { word, input, share, element };
  }

  async #draw(back = this.state.back) {
    const { club, gap, head } = this.state;
    const { labels, stadiums, table } = this.opening;
    const place = this.cells.length - 1 - back;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    let said;
    try {
      said = await this.#ask(place);
    } catch (error) {
      if (turn !== this.turn) return;
      this.complain(this.wrong, error.message);
      this.#blank();
      return;
    }
    if (turn !== this.turn) return; // something else was asked in the meantime
    this.complain(this.wrong, "");
    const all = said.looks;
    const shares = head ? all[head - 1] : all[0].map((_, i) => all.reduce((sum, one) => sum + one[i], 0) / all.length);
    this.cells.forEach(({ element, share }, i) => {
      const percent = i <= place ? Math.round(100 * shares[i]) : 0;
      element.style.setProperty("--share", i <= place ? shares[i].toFixed(2) : 0);
      element.classList.toggle("asks", i === place);
      element.classList.toggle("later", i > place);
      share.textContent = percent ? `${percent}%` : "";
    });
    this.#drawn = { place, shares };
    this.#drawArcs();
    const best = likeliest(shares);
    const name = (i) => `“${this.cells[i].word}”`;
    this.where.textContent = `${name(place)} looks most at ${best === place ? "itself" : name(best)}: ${Math.round(100 * shares[best])}%.`;

    const answers = table[gap - SHORTEST][place];
    const byTable = answers[answers.length > 1 ? Object.keys(stadiums).indexOf(club) : 0];
    // What comes next is certain for a stadium and for he or she; elsewhere, several words may follow.
    const next = back ? this.cells[place + 1].word : stadiums[club];
    const certain = !back || this.cells[place].word === ";";
    [said.guess, byTable].forEach(([token, percent], row) => {
      const { by, said: line, bar } = this.guesses[row];
      const mark = certain ? (labels[token] === next ? ", right" : ", wrong") : "";
      line.replaceChildren(`${by}: `, el("b", {}, labels[token]), ` ${percent}%${mark}`);
      bar.style.width = `${percent}%`;
    });
  }

  /** From the word that asks to each that it looks at, as wide as the share: within a line, or up to one above. */
  #drawArcs() {
    const { place, shares } = this.#drawn;
    const box = ({ element: { offsetLeft, offsetTop, offsetWidth, offsetHeight } }) => ({
      x: offsetLeft + offsetWidth / 2,
      top: offsetTop,
      foot: offsetTop + offsetHeight,
    });
    const from = box(this.cells[place]);
    const arcs = Array.from(shares.slice(0, place), (share, i) => {
      if (share < LEAST_ARC) return null;
      const to = box(this.cells[i]);
      const end = to.top < from.top ? to.foot : to.top;
      const rise = to.top < from.top ? (from.top - end) / 2 : RISE;
      const d = `M${from.x} ${from.top} C${from.x} ${from.top - rise} ${to.x} ${end + (to.top < from.top ? rise : -rise)} ${to.x} ${end}`;
      return svg("path", { d, "stroke-width": (WIDEST_ARC * share).toFixed(1) });
    });
    this.arcs.replaceChildren(...arcs.filter(Boolean));
  }

  /** No answer came: what was shown is another question's. */
  #blank() {
    for (const { element, share } of this.cells) {
      element.style.setProperty("--share", 0);
      share.textContent = "";
    }
    this.arcs.replaceChildren();
    this.#drawn = { place: 0, shares: [] };
    this.where.textContent = "";
    this.say("No answer.");
    for (const { by, said, bar } of this.guesses) {
      said.replaceChildren(`${by}: `);
      bar.style.width = 0;
    }
  }

  /** Where each head looks from this place, and the likeliest next word with its percentage. */
  async #ask(place) {
    const { labels, looks, guesses } = this.opening;
    const { club, gap } = this.state;
    if (club === this.defaults.club && gap === this.defaults.gap) {
      return { looks: looks[place].map((head) => head.map((share) => share / 1000)), guess: guesses[place] };
    }
    const key = `${club} ${gap} ${place}`;
    if (!this.#asked.has(key)) {
      const model = await this.published("model.safetensors");
      const ids = [0, ...this.cells.slice(1, place + 1).map(({ word }) => labels.indexOf(word))];
      const { logits, attention } = await model.next(ids, { attention: true });
      const chances = softmax(logits);
      const best = likeliest(chances);
      this.#asked.set(key, {
        looks: attention[0].map((head) => [...head]),
        guess: [best, Math.round(100 * chances[best])],
      });
    }
    return this.#asked.get(key);
  }
}

customElements.define("live-look-back", LookBack);
export default LookBack;
