// Chapter 11: the page's GPT of city names, or the reader's own model, one token at a time.
import { readLetters, tellRead } from "./alphabet.js";
import { modelsOf } from "./engine.js";
import { letterBars, visible } from "./letterbars.js";
import { ownModel } from "./own-model.js";
import { LivePiece, button, choice, el, painted, percent, slider, svg, textField, whole } from "./piece.js";
import { likeliest, softmax } from "./sampling.js";
import { shown } from "./tokenizers.js";

const CELLS = 13; // tokens that are drawn, the last ones
const MOST_CHOICES = 6; // more blocks or heads get a slider
const WRITTEN = 60; // tokens of an own model at once
const PACE = 330; // milliseconds a letter, while a name is written
const MOST_TOLD = 8; // letters of a text, or of a token, in a sentence
const PICTURE = 160; // the side of the picture, a pixel each
const WIDEST = 26; // the widest of its cells
const HOW_TO_LOOK =
  "Any letter above may ask: tap it. In the picture each row is one that asks, each column one that it may look at (▸ is the start).";
const OWN_STATE = { text: "", seed: 1, block: 1, head: 0, back: 0 };
let pieces = 0;

/** Where a head looks, or the mean of all. */
function averaged(all, head) {
  return head ? all[head - 1] : all[0].map((_, i) => all.reduce((sum, one) => sum + one[i], 0) / all.length);
}

class CityGPT extends LivePiece {
  static title = "A GPT writes, letter by letter";
  // block, head: the chapter chooses them; back: letters between the one that asks and the last
  static state = { text: "plym", seed: 1, block: 1, head: 0, back: 0 };

  #own = null; // {model, state} of the reader's model, which no address can hold
  #known = {}; // the tokens of the text, as they were drawn: a text can be cut in several ways
  #seen = {}; // what the model said last
  #asked = new Map(); // what it said of the last tokens, by all that stands before
  #ended = null; // the text whose end was drawn
  #run = 0; // another number stops what is being written
  #writing = -1; // the run that writes a whole name
  #turn = 0; // another number: something else is to be shown
  #sizes = "";
  #letters = ""; // those that the cells hold
  #name = `city-gpt-${++pieces}`; // of its radio buttons: another piece's are a group of their own

  begin(opening) {
    this.opening = opening; // it decides the defaults
    return super.begin(opening);
  }

  get state() {
    return this.#own?.state ?? super.state;
  }

  get defaults() {
    const { block, head } = this.opening;
    return this.#own ? OWN_STATE : { ...super.defaults, block, head };
  }

  async set(changes) {
    this.#interrupt();
    return this.#go(changes);
  }

  /** Change the state; what is being written goes on. */
  async #go(changes) {
    if (!this.#own) return super.set(changes);
    Object.assign(this.#own.state, changes);
    return this.show(this.state);
  }

  get #isWriting() {
    return this.#writing === this.#run;
  }

  #interrupt() {
    this.#run += 1;
    this.#label();
  }

  check({ text, seed, block, head, back }) {
    const { attention } = this.opening;
    return {
      text,
      seed: whole(seed),
      block: whole(block, 1, attention.length),
      head: whole(head, 0, attention[0].length),
      back: whole(back, 0, Math.min(CELLS - 1, readLetters(text).letters.length)),
    };
  }

  open() {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "Letters so far",
      hint: "Leave it empty to begin a new name.",
      rows: 1, // a text of the reader's own model has more
      onInput: (text) => this.#type(text),
    });
    this.field.input.addEventListener("keydown", (event) => {
      if (this.#own || event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // a name has one line
      this.#write(1);
    });
    this.field.element.classList.add("city-gpt-field");
    this.drawn = el("p", { class: "live-note city-gpt-drawn" });
    this.cells = el("div", { class: "city-gpt-cells", role: "radiogroup", "aria-label": "Choose the letter that asks" });
    this.where = el("p", { class: "city-gpt-where" });
    this.pickers = el("div", { class: "city-gpt-pickers" });
    this.picture = svg("svg", { class: "city-gpt-picture", viewBox: `0 0 ${PICTURE} ${PICTURE}`, role: "img" });
    this.after = el("p", { class: "city-gpt-after" });
    this.bars = letterBars(6);
    this.step = button("Next letter", () => this.#write(1), { primary: true });
    this.whole = button("Write a name", () => this.#write(WRITTEN));
    this.back = button("Take back", () => this.#takeBack());
    this.own = ownModel({
      target: this,
      backTo: "the city GPT",
      onModel: (model) => this.#take({ model, state: { ...OWN_STATE } }),
      onBack: () => this.#take(null),
    });
    this.#tell("");
    this.append(
      this.field.element,
      el("div", { class: "city-gpt-buttons" }, this.step, this.whole, this.back),
      this.drawn,
      this.where,
      this.cells,
      el(
        "div",
        { class: "city-gpt-below" },
        el("div", { class: "city-gpt-heads" }, this.pickers, this.picture, el("p", { class: "live-note" }, HOW_TO_LOOK)),
        el("div", {}, this.after, this.bars.element),
      ),
      this.own.element,
    );
  }

  #type(text) {
    this.#tell("");
    return this.set({ text, back: 0 });
  }

  /** What was drawn last: a thing of its own, since the bars are the next guess already. */
  #tell(drawn) {
    this.drawn.textContent = drawn || `${this.#token === "letter" ? "Letters" : "Tokens"} are drawn by the chances below.`;
  }

  get #token() {
    return this.#own?.model.about.tokenizer.kind === "pieces" ? "token" : "letter";
  }

  /** What the buttons do now. */
  #label() {
    const text = this.#own ? this.#own.state.text : this.state.text;
    const isDone = !this.#own && (this.#seen.full || this.#ended === text);
    this.step.textContent = isDone ? "New name" : `Next ${this.#token}`;
    this.whole.textContent = this.#isWriting ? "Stop" : this.#own ? `Write ${WRITTEN} ${this.#token}s` : "Write a name";
  }

  async #take(own) {
    this.#own = own;
    this.#known = {};
    this.#ended = null;
    this.#asked.clear();
    this.#tell("");
    this.classList.toggle("city-gpt-own", Boolean(own));
    this.field.input.rows = own ? 5 : 1;
    this.field.about.textContent = this.field.hint = `Leave it empty to begin a new ${own ? "text" : "name"}.`;
    this.say(own ? "Your own model writes now." : "The city GPT writes again.");
    this.#interrupt();
    await this.show(this.state);
  }

  #model() {
    return this.#own?.model ?? this.published("city.safetensors");
  }

  /** The tokens of the text; how it was read, and what the model cannot read, is said. */
  #read(model, text) {
    if (this.#known.text === text) {
      const { ids, read = { letters: "" }, wrong } = this.#known; // what it drew itself was read as it stands
      tellRead(this, this.field, read, wrong);
      return ids;
    }
    let ids;
    let read;
    let wrong;
    if (this.#own) {
      const { known, folded, problem } = model.tokenizer.sift(text);
      ids = model.start(known);
      // What pieces cannot read is half a character; an alphabet lacks letters.
      const isPieces = model.tokenizer.mark === null;
      const lacks = isPieces ? problem?.message : problem && `“${shown(problem.unknown)}” is left out: not in its alphabet.`;
      read = { letters: visible(known), folded };
      wrong = lacks ?? "";
    } else {
      read = readLetters(text);
      const room = model.about.config.context_length;
      ids = model.start(read.letters);
      wrong = ids.length > room ? `At most ${room - 1} letters: the rest is left out.` : "";
      ids = ids.slice(0, room);
    }
    tellRead(this, this.field, read, wrong);
    this.#known = { text, ids, read, wrong };
    return ids;
  }

  /** What the model said after these tokens, and where each of its heads looked. */
  async #next(model, ids) {
    const key = ids.join();
    let said = this.#asked.get(key);
    if (!said) {
      said = await model.next(ids, { attention: true });
      if (this.#asked.size >= 2 * CELLS) this.#asked.delete(this.#asked.keys().next().value);
      this.#asked.set(key, said);
    }
    return said;
  }

  /**
   * What the model expects after the letter that asks, and where it looks: {tokens, place, labels, shares, attention,
   * blocks, heads, full}, and `row(place)` for where another letter looks.
   */
  async #ask(text, back) {
    const { opening } = this;
    if (!this.#own && text === opening.text && !back) {
      tellRead(this, this.field, readLetters(text));
      const letters = [..."abcdefghijklmnopqrstuvwxyz"];
      const row = (place) => opening.attention.map((block) => block.map((head) => head[place]));
      const tokens = ["start", ...text];
      const seen = { tokens, place: text.length, shares: opening.shares, labels: ["end", ...letters], full: false };
      return { ...seen, row, attention: row(text.length) };
    }
    const model = await this.#model();
    const ids = this.#read(model, text);
    const { tokenizer, about } = model;
    const { context_length: room } = about.config;
    const seen = ids.slice(-room);
    const place = Math.max(seen.length - 1 - back, 0);
    const { logits, attention } = await this.#next(model, seen.slice(0, place + 1));
    const { end } = tokenizer;
    const label = (id) => (id === end ? "end" : visible(tokenizer.label(id)));
    return {
      tokens: seen.map((id, i) => (id === end && !i ? "start" : label(id))),
      place,
      labels: Array.from(logits, (_, id) => label(id)),
      shares: softmax(logits),
      attention,
      row: async (i) => (await this.#next(model, seen.slice(0, i + 1))).attention,
      full: !this.#own && ids.length >= room,
    };
  }

  async show({ text, block, head, back }) {
    this.field.set(text);
    const turn = ++this.#turn;
    const wentOn = () => turn !== this.#turn; // something else is wanted by now
    try {
      const seen = await this.#ask(text, back);
      if (wentOn()) return;
      this.#seen = seen;
    } catch (error) {
      if (wentOn()) return;
      this.complain(this.field, error.message);
      this.#blank();
      return;
    }
    const { labels, shares, attention, row } = this.#seen;
    this.#offer(attention.length, attention[0].length);
    this.block.set(block);
    this.head.set(head);
    this.#label();
    this.back.disabled = !text;
    this.after.textContent = this.#heading();
    this.bars.show(Array.from(shares, (probability, id) => ({ label: labels[id], probability })));
    if (this.isConnected) await painted(); // the guess first: on a slow phone the picture takes as long again
    if (wentOn()) return;
    this.#draw(attention[block - 1], head);
    const { tokens } = this.#seen;
    const first = Math.max(tokens.length - CELLS, 0);
    const rows = [];
    try {
      for (let i = first; i < tokens.length; i++) {
        rows.push(averaged((await row(i))[block - 1], head));
        if (wentOn()) return;
      }
    } catch {
      return; // the model is gone, which the next guess will say
    }
    this.#paint(rows, first);
  }

  #heading() {
    const { tokens, place } = this.#seen;
    if (this.#own) return `What it expects after ${this.#quoted(place)}:`;
    const letters = tokens.slice(1, place + 1).join("");
    const told = letters.length > MOST_TOLD ? `…${letters.slice(-MOST_TOLD)}` : letters;
    return told ? `What it expects after “${told}”:` : "What it expects to come first:";
  }

  /** Nothing is known: what was shown is another text's. */
  #blank() {
    this.#seen = {};
    this.bars.show([]);
    this.cells.replaceChildren();
    this.picture.replaceChildren();
    this.picture.setAttribute("aria-label", "No picture");
    this.#letters = "";
    this.where.textContent = this.after.textContent = "";
    this.say("No guess.");
  }

  /** Controls for the blocks and heads that this model has. */
  #offer(blocks, heads) {
    if (this.#sizes === `${blocks} ${heads}`) return;
    this.#sizes = `${blocks} ${heads}`;
    const pick = (label, key, least, most) => {
      const name = (value) => (value ? `${value}` : "mean");
      const onChange = (value) => this.#go({ [key]: value });
      if (most > MOST_CHOICES) {
        return slider({ label, min: least, max: most, step: 1, value: least, format: name, onInput: onChange });
      }
      const values = Array.from({ length: most - least + 1 }, (_, place) => least + place);
      return choice({ label, options: values.map((value) => ({ value, label: name(value) })), value: least, onChange });
    };
    this.block = pick("Block", "block", 1, blocks);
    this.head = pick("Head", "head", 0, heads);
    this.pickers.replaceChildren(this.block.element, this.head.element);
  }

  /** The last tokens, each as dark as the one that asks looks at it; what comes after that one it cannot see. */
  #draw(all, head) {
    const { tokens, place } = this.#seen;
    const looks = averaged(all, head);
    const last = tokens.length - 1;
    const first = Math.max(tokens.length - CELLS, 0);
    const letters = JSON.stringify(tokens);
    if (this.#letters !== letters) {
      this.#letters = letters;
      this.radios = tokens.slice(first).map((token, i) => this.#cell(token, last - first - i));
      this.before = el("small");
      const before = el("span", { class: "city-gpt-cell" }, `${first} before`, this.before);
      this.cells.replaceChildren(...(first ? [before] : []), ...this.radios.map(({ element }) => element));
    }
    const tint = (element, share) => element.style.setProperty("--share", Math.min(share, 1).toFixed(2));
    const share = looks.slice(0, first).reduce((a, b) => a + b, 0);
    this.before.textContent = percent(share);
    if (first) tint(this.before.parentElement, share);
    this.radios.forEach(({ element, input, share }, i) => {
      const at = first + i;
      input.checked = at === place;
      element.classList.toggle("asks", at === place);
      element.classList.toggle("later", at > place);
      share.textContent = at > place ? "" : percent(looks[at]);
      tint(element, at > place ? 0 : looks[at]);
    });
    const best = likeliest(looks);
    const who = head ? `head ${head}` : "mean of the heads";
    const back = place - best;
    const target = back ? this.#quoted(best) + (best ? `, ${back} ${this.#token}${back > 1 ? "s" : ""} back` : "") : "itself";
    this.where.textContent = `Block ${this.state.block}, ${who}: ${this.#quoted(place)} looks most at ${target} (${percent(looks[best])}).`;
  }

  #quoted(place) {
    const token = this.#seen.tokens[place];
    if (!place && token === "start") return "the start";
    return `“${token.length > MOST_TOLD ? `${token.slice(0, MOST_TOLD)}…` : token}”`;
  }

  /** A letter as a radio button: arrow keys walk along the row. */
  #cell(token, back) {
    const onchange = () => this.set({ back });
    const input = el("input", { type: "radio", name: this.#name, value: back, onchange });
    const share = el("small");
    return { input, share, element: el("label", { class: "city-gpt-cell" }, input, el("span", {}, token), share) };
  }

  /** The head's whole table: a row for each letter that asks, a column for each that it may look at. */
  #paint(rows, first) {
    const { tokens, place } = this.#seen;
    const names = tokens.slice(first).map((token, i) => (first + i || token !== "start" ? token : "▸"));
    const side = Math.min(WIDEST, PICTURE / (names.length + 1));
    const text = (column, row, name) =>
      svg("text", { x: side * (column + 0.5), y: side * (row + 0.5) }, [...name].length > 1 ? "" : name);
    const cells = rows.flatMap((row, i) => {
      const all = Array.from(row.slice(first), (share, j) => {
        const rect = svg("rect", { x: side * (j + 1), y: side * (i + 1), width: side - 1, height: side - 1 });
        rect.style.setProperty("--share", share.toFixed(2));
        return rect;
      });
      return [text(0, i + 1, names[i]), text(i + 1, 0, names[i]), ...all];
    });
    const asked = place - first;
    const box = { x: side - 0.5, y: side * (asked + 1) - 0.5, width: side * (asked + 1), height: side };
    this.picture.replaceChildren(...cells, svg("rect", { class: "city-gpt-asked", ...box }));
    const told = rows.map((row, i) => {
      const best = likeliest(row);
      return `${tokens[first + i]} at ${best === first + i ? "itself" : tokens[best]}, ${percent(row[best])}`;
    });
    this.picture.setAttribute("aria-label", `Where each letter looks most: ${told.join("; ")}`);
  }

  async #write(count) {
    const isName = count > 1;
    if (isName && this.#isWriting) return this.#stop();
    const mine = ++this.#run; // a second press, or a letter typed, stops this one
    const stopped = () => mine !== this.#run;
    if (isName) this.#writing = mine;
    this.#label();
    try {
      const model = await this.#model();
      if (stopped()) return;
      const { tokenizer, about } = model;
      let { text, seed } = this.state;
      if (this.#ended === text || this.#seen.full) text = ""; // the name is complete: a new one
      const ids = [...this.#read(model, text)];
      if (!this.#own) {
        text = tokenizer.decode(ids);
        count = Math.min(count, about.config.context_length - ids.length);
      }
      const states = []; // after each token: what stands there, and its token
      for await (const token of model.write(ids, { count, seed, stop: tokenizer.end })) {
        if (stopped()) return;
        ids.push(token.id);
        text += token.text;
        states.push({ text, ids: [...ids], token });
        if (this.#own) this.field.set(text);
      }
      if (stopped()) return;
      const drew = ({ id, probability }) =>
        `Drawn: “${visible(tokenizer.label(id))}”, which had ${percent(probability)}.`;
      if (isName && !this.#own) await this.#unfold(states, stopped, drew);
      if (stopped()) return;
      const ended = states.length < count;
      this.#known = { text, ids };
      this.#ended = ended ? text : null;
      this.#writing = -1;
      await this.#go({ text, seed: seed + 1, back: 0 });
      if (stopped()) return;
      this.#tell(ended ? `Drawn: the end of the ${this.#own ? "text" : "name"}.` : states.length ? drew(states.at(-1).token) : "");
      this.say(`${this.drawn.textContent} ${this.#own ? "" : text}`);
    } catch (error) {
      if (stopped()) return;
      this.#interrupt();
      this.complain(this.field, error.message);
    }
  }

  /** Show one letter after another, each with its cells and its bars; for who wants no motion, none of them. */
  #unfold(states, stopped, drew) {
    return new Promise((resolve) => {
      let count = 0;
      let isBusy = false;
      const put = async ({ text, ids, token }) => {
        isBusy = true;
        this.#known = { text, ids };
        this.#tell(drew(token));
        await this.#go({ text, back: 0 });
        isBusy = false;
      };
      this.animate((passed) => {
        const isAllThere = count === states.length && !isBusy && passed >= PACE * count;
        if (stopped() || isAllThere || passed === Infinity) {
          resolve();
          return false;
        }
        if (!isBusy && count < states.length && passed >= PACE * count) put(states[count++]);
      });
    });
  }

  /** What is written so far stays. */
  async #stop() {
    this.#interrupt();
    await this.#go({ seed: this.state.seed + 1 });
    this.say(`Stopped. ${this.state.text}`);
  }

  async #takeBack() {
    this.#interrupt();
    const run = this.#run;
    let model;
    try {
      model = await this.#model();
    } catch (error) {
      this.complain(this.field, error.message);
      return;
    }
    if (run !== this.#run) return; // the reader went on
    const ids = this.#read(model, this.state.text).slice(0, -1);
    const rest = ids.length >= model.start("").length ? ids : model.start("");
    const text = ids.length < rest.length ? "" : model.tokenizer.decode(rest);
    this.#known = { text, ids: rest };
    this.#tell("");
    await this.set({ text, back: 0 });
    this.say(`The text so far: ${text || "nothing"}`);
  }
}

customElements.define("live-city-gpt", CityGPT);
export default CityGPT;
