// Temperature, top-k and top-p over a real guess: every candidate before and after, and what is written that way.
import { readLetters, tellRead } from "./alphabet.js";
import { modelsOf } from "./engine.js";
import { visible } from "./letterbars.js";
import { LivePiece, button, el, percent, slider, textField } from "./piece.js";
import { ownModel } from "./own-model.js";
import { shape, softmax } from "./sampling.js";

const LONGEST = 200; // characters that are read of a text
const ROWS = 27; // as many as the chapter's model has candidates
const KEPT = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50, 100, 200];
const NAMES = 3; // written side by side
const OWN_TOKENS = 30;
const PACE = 90; // milliseconds a letter

/** What each token's probability was and became, the likeliest first: {id, before, after, cut: "" or what cut it}. */
export function candidates(scores, { temperature, k, p }) {
  const before = softmax(scores);
  const [topK, topP] = [k || null, p < 1 ? p : null];
  const byK = shape(scores, { temperature, topK });
  const after = shape(scores, { temperature, topK, topP });
  const cutBy = (id) => (after[id] ? "" : !temperature ? "greedy" : byK[id] ? "top-p" : topK ? "top-k" : "the cold");
  return Array.from(before, (share, id) => ({ id, before: share, after: after[id], cut: cutBy(id) })).sort(
    (a, b) => b.before - a.before || a.id - b.id,
  );
}

const count = (list) => list.length.toLocaleString("en-US");

export default class Choose extends LivePiece {
  static title = "Choose how it chooses";
  static state = { text: "ma", temperature: 0.5, k: 10, p: 0.9, seed: 0 };

  #own = null; // the reader's model, in place of the page's
  #guess = null; // the last: {own, typed, scores, problem}
  #fresh = false; // letter by letter, for who pressed the button; when a slider moves, at once
  #turn = 0;

  check(state) {
    const within = (value, low, high, digits) => Number(Math.min(high, Math.max(low, value)).toFixed(digits));
    return {
      text: state.text.slice(0, LONGEST),
      temperature: within(state.temperature, 0, 2, 1),
      k: KEPT.includes(state.k) && state.k < ROWS ? state.k : state.k === 0 ? 0 : this.defaults.k,
      p: within(state.p, 0.05, 1, 2),
      seed: within(state.seed, 0, 1e6, 0),
    };
  }

  open({ labels }) {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "It has read",
      value: this.state.text,
      onInput: (text) => this.set({ text: text.slice(0, LONGEST) }),
    });
    const range = (key, label, max, step, format) =>
      slider({
        label,
        min: key === "p" ? step : 0,
        max,
        step,
        value: this.state[key],
        format,
        onInput: (value) => this.set({ [key]: Number(value.toFixed(2)) }),
      });
    this.temperature = range("temperature", "Temperature", 2, 0.1, (t) => (t ? t.toFixed(1) : "0: greedy"));
    this.p = range("p", "Top-p", 1, 0.05, (p) => (p < 1 ? p.toFixed(2) : "all"));
    this.k = slider({
      label: "Top-k",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      format: (place) => this.#kept[place] || "all",
      onInput: (place) => this.set({ k: this.#kept[place] }),
    });
    this.stay = el("p", { class: "choose-stay" });
    this.rows = Array.from({ length: ROWS }, () => {
      const [label, before, after, share] = [el("b"), el("i"), el("i"), el("span")];
      const row = el("div", { class: "choose-row" }, label, el("div", {}, after, before), share);
      return { row, label, before, after, share };
    });
    this.bars = el("div", { class: "choose-bars", role: "img" }, ...this.rows.map(({ row }) => row));
    this.write = button("Write", () => this.#writeNew(), { primary: true });
    this.lines = Array.from({ length: NAMES }, () => el("p", { class: "live-text" }));
    this.own = ownModel({
      target: this,
      backTo: "the city GPT",
      onModel: (model) => this.#use(model),
      onBack: () => this.#use(null),
    });
    this.append(
      this.field.element,
      el("div", { class: "choose-sliders" }, this.temperature.element, this.k.element, this.p.element),
      this.stay,
      this.bars,
      el("div", { class: "choose-write" }, this.write, el("div", {}, ...this.lines)),
      this.own.element,
    );
    this.labels = (id) => labels[id];
  }

  get #kept() {
    const size = this.#own ? this.#own.tokenizer.vocabSize : ROWS;
    return [...KEPT.filter((k) => k < size), 0];
  }

  async #use(model) {
    this.#own = model;
    this.classList.toggle("choose-own", Boolean(model));
    if (!this.#kept.includes(this.state.k)) return this.set({ k: 0 });
    return this.set({ seed: 0 });
  }

  /** The model, and what of the text it can read; throws a sentence if it does not come. */
  async #reader(text) {
    const model = this.#own ?? (await this.published("gpt.safetensors"));
    const room = this.#own ? LONGEST : model.about.config.context_length - 2; // the mark before, and a letter to come
    const sifted = this.#own && model.tokenizer.sift(text.slice(0, room));
    const read = sifted ? { letters: visible(sifted.known), folded: sifted.folded } : readLetters(text);
    const fits = sifted ? sifted.known : read.letters.slice(0, room);
    const length = sifted ? this.field.text.length : readLetters(this.field.text).letters.length;
    let problem = length > room ? `Too long: only the first ${room} ${sifted ? "characters" : "letters"} are read.` : "";
    if (sifted?.problem) problem = `${sifted.problem.message} It is left out.`;
    return { model, ids: model.start(fits), fits, read, problem };
  }

  async show(state) {
    const turn = ++this.#turn;
    const { text, seed } = state;
    if (this.field.text.slice(0, LONGEST) !== text) this.field.set(text);
    this.temperature.set(state.temperature);
    this.p.set(state.p);
    this.k.input.max = this.#kept.length - 1;
    this.k.set(this.#kept.indexOf(state.k));
    this.write.textContent = seed ? "Write again" : "Write";
    try {
      await this.#look(text, turn);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.complain(this.field, error.message);
      this.#blank();
    }
  }

  /** No guess came: what was shown is another text's. */
  #blank() {
    for (const { label, before, after, share } of this.rows) {
      before.style.width = after.style.width = 0;
      label.textContent = share.textContent = "";
    }
    this.stay.textContent = "No guess.";
    this.bars.setAttribute("aria-label", "No guess");
    this.say("No guess.");
    this.lines.forEach((line) => line.replaceChildren());
  }

  /** Fetch the guess if it is another text's, and draw everything. */
  async #look(text, turn) {
    let guess = { scores: this.opening.scores, read: readLetters(text), problem: "" };
    if (this.#own || text !== this.defaults.text) {
      const typed = this.field.text;
      if (this.#guess?.own !== this.#own || this.#guess.typed !== typed) {
        const { model, ids, read, problem } = await this.#reader(text);
        const { logits: scores } = await model.next(ids);
        if (turn !== this.#turn) return;
        this.#guess = { own: this.#own, typed, scores, read, problem };
      }
      guess = this.#guess;
    }
    tellRead(this, this.field, guess.read, guess.problem);
    this.#draw(candidates(guess.scores, this.state));
    const { seed } = this.state;
    if (!seed) this.lines.forEach((line) => line.replaceChildren());
    else await this.#continue(turn);
  }

  #draw(all) {
    const label = (id) => visible(this.#own ? this.#own.tokenizer.label(id) : this.labels(id));
    const widest = Math.max(all[0].before, all[0].after);
    this.rows.forEach(({ row, ...parts }, place) => {
      const one = all[place];
      row.hidden = !one;
      if (!one) return;
      row.classList.toggle("choose-cut", Boolean(one.cut));
      parts.label.textContent = label(one.id);
      parts.before.style.width = `${(100 * one.before) / widest}%`;
      parts.after.style.width = `${(100 * one.after) / widest}%`;
      parts.share.textContent = one.cut ? `× ${one.cut}` : percent(one.after);
    });
    const kept = all.filter(({ cut }) => !cut);
    const cuts = ["greedy", "the cold", "top-k", "top-p"]
      .map((name) => [name, count(all.filter(({ cut }) => cut === name))])
      .filter(([, number]) => number !== "0")
      .map(([name, number], place) => `${name}${place ? "" : " cuts"} ${number}`);
    const stay = `${count(kept)} of ${count(all)} ${kept.length > 1 ? "stay" : "stays"}`;
    const words = [stay, cuts.join(", ")].filter(Boolean).join("; ") + ".";
    this.stay.textContent = words;
    const told = kept.slice(0, 8).map((one) => `${label(one.id)} ${percent(one.before)}, now ${percent(one.after)}`);
    this.bars.setAttribute("aria-label", `Next: ${told.join("; ")}. ${words}`);
    this.say(`${words} The likeliest: ${told[0]}.`);
  }

  async #writeNew() {
    this.#fresh = true;
    await this.set({ seed: this.state.seed + 1 });
  }

  /** Write with the state's seed: the same draws, whatever the sliders say. */
  async #continue(turn) {
    const { text, temperature, k, p, seed } = this.state;
    const { model, ids, fits } = await this.#reader(text);
    const most = this.#own ? OWN_TOKENS : model.about.config.context_length - ids.length;
    const stop = model.tokenizer.end;
    const texts = Array.from({ length: this.#own ? 1 : NAMES }, () => "");
    const put = (limit) =>
      texts.forEach((more, line) => {
        this.lines[line].replaceChildren(el("span", { class: "live-note" }, fits), more.slice(0, limit));
      });
    this.lines.forEach((line) => line.replaceChildren());
    for (const line of texts.keys()) {
      const luck = { seed: NAMES * seed + line, stop, count: most };
      const options = { ...luck, temperature, topK: k || null, topP: p < 1 ? p : null };
      let written = 0;
      for await (const token of model.write(ids, options)) {
        if (turn !== this.#turn) return;
        written += 1;
        texts[line] += token.text;
        if (this.#own) put(Infinity);
      }
      if (!this.#own && written < most) texts[line] += "."; // the mark
    }
    if (turn !== this.#turn) return;
    const longest = Math.max(...texts.map((one) => one.length));
    if (this.#fresh && !this.#own) {
      this.animate((passed) => {
        if (turn !== this.#turn) return false;
        put(passed / PACE);
        return passed / PACE <= longest;
      });
    } else put(Infinity);
    this.#fresh = false;
    this.say(`Written: ${texts.map((one) => fits + one).join(", ")}`);
  }
}

customElements.define("live-choose", Choose);
