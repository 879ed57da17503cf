// Chapter 9: attention on four words, with the chapter's own small numbers. Change an embedding, and all that follows
// follows.
import { brief, joined, numberGrid, products, range, shared, sum, written } from "./cells.js";
import { LivePiece, button, choice, el, percent, slider, whole } from "./piece.js";
import { likeliest, softmax } from "./sampling.js";

const STEP_MS = 3000; // there is a sentence to read
const MOST = 4; // of an embedding's number, either way
const MEANINGS = ["smells of a club", "a place should follow", "which club"];
const HEADS = { x: ["club?", "place?", "which?"], q: ["club", "place"], k: ["club", "place"], v: ["stadium", "whose"] };
const GRIDS = 4;

class AttentionByHand extends LivePiece {
  static title = "One word looks back, step by step";
  static style = new URL("cells.css", import.meta.url).href; // beside piece.css
  static state = { word: 3, step: 0, cell: -1, x: "" };

  #stop = null;

  check({ word, step, cell, x }) {
    const { words, dim } = this.#sizes();
    const rows = x.split(",").map(Number);
    const isFine = rows.length === words * dim && rows.every((value) => Math.abs(value) <= MOST);
    return { word: whole(word, 0, words - 1), step: whole(step, 0, STEPS.length - 1), cell: whole(cell, -1, 99), x: isFine ? x : "" };
  }

  #sizes() {
    return { words: this.opening.x.length, dim: this.opening.x[0].length };
  }

  open({ words }) {
    this.asker = choice({
      label: "Which word asks?",
      options: words.map((word, value) => ({ value, label: word })),
      onChange: (word) => this.#act({ word, cell: -1 }),
    });
    this.playing = button("Play", () => this.#play(), { primary: true });
    this.heading = el("p", { class: "through-title" });
    this.said = el("p", { class: "by-hand-said" });
    this.grids = range(GRIDS).map((place) => numberGrid((cell) => this.#focus(place, cell)));
    this.how = el("p", { class: "through-how" });
    this.guess = el("p", { class: "by-hand-guess" });
    this.setTo = slider({
      label: "",
      min: -MOST,
      max: MOST,
      step: 0.5,
      value: 0,
      format: (value) => written(value, 1),
      onInput: (value) => this.#change(value),
    });
    this.name = this.setTo.element.querySelector("span");
    const steps = el(
      "div",
      { class: "through-steps" },
      button("Back", () => this.#act({ step: Math.max(this.state.step - 1, 0), cell: -1 })),
      this.playing,
      button("Next", () => this.#act({ step: Math.min(this.state.step + 1, STEPS.length - 1), cell: -1 })),
    );
    this.append(
      this.asker.element,
      steps,
      el("div", { class: "by-hand-words" }, this.heading, this.said),
      el("div", { class: "by-hand-grids" }, ...this.grids.map(({ element }) => element), this.how),
      el("div", { class: "by-hand-change" }, this.setTo.element, this.guess),
    );
    this.chosen = [0, 2]; // the embedding's number that the slider sets: which club Chelsea is
  }

  /** All that follows from the embeddings, for the word that asks. */
  #compute() {
    const { opening, state } = this;
    const { words, dim } = this.#sizes();
    const given = state.x ? state.x.split(",").map(Number) : opening.x.flat();
    const x = range(words).map((row) => given.slice(row * dim, (row + 1) * dim));
    const through = (table) => x.map((row) => table[0].map((_, i) => sum(row.map((value, j) => value * table[j][i]))));
    const [q, k, v] = ["query", "key", "value"].map((name) => through(opening.tables[name]));
    const t = state.word;
    const H = q[0].length;
    const dots = range(t + 1).map((s) => sum(q[t].map((value, i) => value * k[s][i])));
    const shares = Array.from(softmax(dots.map((dot) => dot / Math.sqrt(H))));
    const output = v[0].map((_, i) => sum(shares.map((share, s) => share * v[s][i])));
    const fits = opening.guesses.map(({ row }) => sum(row.map((value, i) => value * output[i])));
    return { x, q, k, v, t, H, dots, shares, output, fits, words: opening.words, tables: opening.tables, guesses: opening.guesses };
  }

  async show({ word, step, cell }) {
    this.asker.set(word);
    const all = this.#compute();
    this.now = STEPS[step](all);
    const { title, said, grids } = this.now;
    this.heading.textContent = `${step + 1} of ${STEPS.length}: ${title}`;
    this.said.textContent = said;
    const makes = grids.flatMap(({ how, values }, grid) => (how ? range(values.length).map((i) => [grid, i]) : []));
    const [grid, index] = makes[cell] ?? makes[this.now.first ?? 0];
    const { text, lit, note } = grids[grid].how(index);
    this.grids.forEach(({ element, show }, place) => {
      element.hidden = !grids[place];
      const its = lit.filter(([other]) => other === place).map(([, i]) => i);
      if (grids[place]) show({ write: brief, ...grids[place], focus: place === grid ? index : -1, lit: its });
    });
    // What is whole is written whole, so only other numbers have been rounded.
    this.how.replaceChildren(text, el("small", {}, [note, /\.\d/.test(text) && "Computed unrounded; what you see is rounded."].filter(Boolean).join(" ")));
    if (grids[grid].sets) this.chosen = [Math.floor(index / all.x[0].length), index % all.x[0].length];
    const [row, column] = this.chosen;
    this.name.textContent = `${all.words[row]}: ${MEANINGS[column]}`;
    this.setTo.set(all.x[row][column]);
    const best = all.guesses[likeliest(all.fits)].word;
    this.guess.replaceChildren("After ", el("i", {}, all.words[all.t]), " it expects ", el("b", {}, isTie(all.fits) ? "several equally" : best), ".");
    this.say(`${title}. ${said} ${this.guess.textContent}`);
  }

  #focus(place, cell) {
    const { grids } = this.now;
    if (!grids[place].how) return;
    const before = sum(grids.slice(0, place).map(({ how, values }) => (how ? values.length : 0)));
    return this.#act({ cell: before + cell });
  }

  #change(value) {
    const { x } = this.#compute();
    x[this.chosen[0]][this.chosen[1]] = value;
    return this.#act({ x: x.flat().join() === this.opening.x.flat().join() ? "" : x.flat().join() });
  }

  #act(changes) {
    this.#stop?.();
    return this.set(changes);
  }

  /** From the embeddings, or from where one is, to the guess. */
  async #play() {
    if (this.#stop) return this.#stop();
    const isNew = this.state.step === STEPS.length - 1;
    let halt = () => {};
    this.#stop = () => {
      halt();
      this.#stop = null;
      this.playing.textContent = "Play";
    };
    this.playing.textContent = "Stop";
    const next = (step) => this.set({ step, cell: -1 });
    await next(isNew ? 0 : this.state.step + 1);
    let seen = 0;
    halt = this.animate((passed) => {
      const due = Math.min(Math.floor(passed / STEP_MS), 1e3);
      if (passed === Infinity || this.state.step === STEPS.length - 1) {
        this.#stop?.();
        return false;
      }
      if (due > seen) next(this.state.step + 1);
      seen = due;
      return true;
    });
    if (!this.#stop) halt();
  }
}

/** Whether no guess is the best of all. */
const isTie = (fits) => fits.filter((fit) => fit > Math.max(...fits) - 1e-9).length > 1;

/** A step in which a table turns each embedding into a row: query, key or value. */
const turned = (name, rows, means) => (all) => {
  const { x, t, words, tables } = all;
  const table = tables[name];
  const made = all[rows];
  const width = made[0].length;
  return {
    title: `${name === "value" ? "the values" : name === "key" ? "the keys" : "the queries"}`,
    said: means(all, made),
    first: name === "query" ? t * width : 0, // the sentence is about the first word's key and value
    grids: [
      { label: "The embeddings", values: joined(x), columns: x[0].length, rows: words, heads: HEADS.x },
      { label: `The ${name} table, which is learned`, values: joined(table), columns: width, rows: table.map((_, i) => `${i + 1}`) },
      {
        label: `The ${name} of each word`,
        values: joined(made),
        columns: width,
        rows: words,
        heads: HEADS[rows],
        how: (i) => {
          const [row, column] = [Math.floor(i / width), i % width];
          const from = (j) => [0, row * x[0].length + j];
          const sums = products(x[row], table.map((each) => each[column]), { from, write: brief });
          return { text: sums.text, lit: [...sums.lit, ...table.map((_, j) => [1, j * width + column])] };
        },
      },
    ],
  };
};

/** What a query means: its first number says how badly a club is looked for. */
function asksFor([club], t) {
  if (club) return `the first number means ${club > 0 ? "“I’m looking for a club”" : "“anything but a club”"}`;
  return `that asks for nothing, ${t ? "and will share evenly" : "and there is only itself to look at"}`;
}

const row = (numbers) => `(${numbers.map(brief).join(", ")})`;

/** What each step shows and says, of all that was computed. */
const STEPS = [
  ({ x, words }) => ({
    title: "the embeddings",
    said: `Each word is a row of three numbers, made up for this example. They say whether it smells of a club, whether a place should follow, and which club: 1 for Chelsea, −1 for Arsenal. Choose a number, and change it below.`,
    first: 2, // which club the first word is
    grids: [
      {
        label: "The embeddings",
        values: joined(x),
        columns: x[0].length,
        rows: words,
        heads: HEADS.x,
        sets: true,
        how: (i) => ({
          text: `${words[Math.floor(i / x[0].length)]}, “${MEANINGS[i % x[0].length]}”: ${brief(x.flat()[i])}`,
          lit: [],
        }),
      },
    ],
  }),
  turned("query", "q", ({ t, words }, q) => `The first table turns each embedding into a query: what the word is looking for. “${words[t]}” asks ${row(q[t])}; ${asksFor(q[t], t)}.`),
  turned("key", "k", ({ words }, k) => `The second table makes keys: what each word can be found by. “${words[0]}” offers ${row(k[0])}; the first number says how much of a club it is.`),
  ({ q, k, t, H, dots, words }) => ({
    title: "the scores",
    said: `The query of “${words[t]}” meets the key of each word up to it: multiply place by place, and add up. The better they fit, the higher the score. ${t < words.length - 1 ? "What comes later is masked." : ""}`,
    first: likeliest(dots),
    grids: [
      { label: `The query of “${words[t]}”`, values: q[t], columns: 4 },
      { label: "The keys that it may see", values: joined(k.slice(0, t + 1)), columns: H, rows: words.slice(0, t + 1) },
      {
        label: "The scores",
        values: dots,
        columns: 4,
        names: words.slice(0, t + 1),
        how: (s) => products(q[t], k[s], { from: (j) => [1, s * H + j], write: brief }),
      },
    ],
  }),
  ({ t, H, dots, shares, words }) => {
    const scaled = dots.map((dot) => dot / Math.sqrt(H));
    const { raised, less } = shared(scaled, 0);
    const best = likeliest(shares);
    return {
      title: "the shares",
      said: `Softmax makes shares of the scores. Divide each score by √${H}, raise 2.718 (the number e) to that power, and divide each result by the sum of the results. “${words[t]}” gives its largest share, ${percent(shares[best])}, to ${best === t ? "itself" : `“${words[best]}”`}.`,
      first: best,
      grids: [
        { label: "The scores", values: dots, columns: 4, names: words.slice(0, t + 1) },
        { label: `Divided by √${H}`, values: scaled, columns: 4, names: words.slice(0, t + 1) },
        { label: less ? `2.718 to that power, with ${written(less)} taken off first` : "2.718 to that power", values: raised, columns: 4, names: words.slice(0, t + 1) },
        {
          label: "The shares, which make 1",
          values: shares,
          columns: 4,
          scale: 1,
          names: words.slice(0, t + 1),
          how: (s) => ({ ...shared(scaled, s), lit: [[0, s], [1, s], [2, s]] }),
        },
      ],
    };
  },
  turned("value", "v", ({ words }, v) => `The third table makes values: what a word hands over if it is found. “${words[0]}” gives ${row(v[0])}: the first number says whether a stadium comes next, the second whose.`),
  ({ v, t, shares, output, words }) => ({
    title: "the output",
    said: `Multiply each value by the share of its word, and add up. ${t ? "A word with a large share counts much, wherever it stands." : `There is only “${words[t]}” itself.`}`,
    grids: [
      { label: "The shares", values: shares, columns: 4, scale: 1, names: words.slice(0, t + 1) },
      { label: "The values", values: joined(v.slice(0, t + 1)), columns: v[0].length, rows: words.slice(0, t + 1), heads: HEADS.v },
      {
        label: `The output of “${words[t]}”: a stadium comes, and whose`,
        values: output,
        columns: 4,
        how: (i) => products(shares, v.slice(0, t + 1).map((each) => each[i]), { from: (s) => [1, s * v[0].length + i], write: brief }),
      },
    ],
  }),
  ({ output, fits, guesses, words, t }) => ({
    title: "the guess",
    said: `The output is compared with a row for each word that could come next: multiply, and add up. ${isTie(fits) ? "Several fit equally well." : `After “${words[t]}”, ${guesses[likeliest(fits)].word} fits best.`}`,
    first: likeliest(fits),
    grids: [
      { label: "The output", values: output, columns: 4 },
      { label: "A row for each possible next word", values: joined(guesses.map((each) => each.row)), columns: 2, rows: guesses.map((each) => each.word) },
      {
        label: "How well it fits",
        values: fits,
        columns: 1,
        rows: guesses.map((each) => each.word),
        how: (i) => products(output, guesses[i].row, { from: (j) => [1, 2 * i + j], write: brief }),
      },
    ],
  }),
];

customElements.define("live-attention-by-hand", AttentionByHand);
export default AttentionByHand;
