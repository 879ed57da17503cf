// Chapter 11: the page's GPT of city names, or the reader's own model, one token at a time.
import { modelsOf } from "./engine.js";
import { letterBars, percent, visible } from "./letterbars.js";
import { ownModel } from "./own-model.js";
import { LivePiece, button, choice, el, painted, slider, textField, whole } from "./piece.js";
import { likeliest, softmax } from "./sampling.js";
import { shown } from "./tokenizers.js";

const CELLS = 14; // tokens that are drawn, the last ones
const MOST_CHOICES = 6; // more layers or heads get a slider
const WRITTEN = 60; // tokens of an own model at once
const OWN_STATE = { text: "", seed: 1, layer: 1, head: 0 };

class CityGPT extends LivePiece {
  static title = "A GPT writes, letter by letter";
  static state = { text: "plym", seed: 1, layer: 1, head: 0 };

  #own = null; // {model, state} of the reader's model, which no address can hold
  #known = {}; // the tokens of the text, as they were drawn: a text can be cut in several ways
  #seen = {}; // what the model said last
  #run = 0; // another number stops what is being written
  #sizes = "";

  get state() {
    return this.#own?.state ?? super.state;
  }

  get defaults() {
    return this.#own ? OWN_STATE : super.defaults;
  }

  async set(changes) {
    this.#run += 1;
    if (!this.#own) return super.set(changes);
    Object.assign(this.#own.state, changes);
    return this.show(this.state);
  }

  check({ text, seed, layer, head }) {
    const { attention } = this.opening;
    return {
      text,
      seed: whole(seed),
      layer: whole(layer, 1, attention.length),
      head: whole(head, 0, attention[0].length),
    };
  }

  open() {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "Letters so far",
      hint: "None: the start of a name.",
      rows: 1, // a text of the reader's own model has more
      onInput: (text) => this.#type(text),
    });
    this.field.input.addEventListener("keydown", (event) => {
      if (this.#own || event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // a name has one line
      this.#write(1);
    });
    this.field.element.classList.add("city-gpt-field");
    this.note = el("p", { class: "city-gpt-note" });
    this.cells = el("p", { class: "city-gpt-cells" });
    this.where = el("p", { class: "live-note city-gpt-where" });
    this.pickers = el("div", { class: "city-gpt-pickers" });
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
      this.cells,
      this.where,
      this.pickers,
      this.note,
      this.bars.element,
      this.own.element,
    );
  }

  #type(text) {
    this.#tell("");
    return this.set({ text });
  }

  /** What was drawn, above the bars of what comes next. */
  #tell(drawn) {
    this.note.textContent = drawn || "What it expects next:";
  }

  async #take(own) {
    this.#own = own;
    this.#known = {};
    this.#tell("");
    this.classList.toggle("city-gpt-own", Boolean(own));
    this.field.input.rows = own ? 5 : 1;
    this.field.about.textContent = `None: the start of a ${own ? "text" : "name"}.`;
    const token = own?.model.about.tokenizer.kind === "pieces" ? "token" : "letter";
    this.step.textContent = `Next ${token}`;
    this.whole.textContent = own ? `Write ${WRITTEN} ${token}s` : "Write a name";
    this.say(own ? "Your own model writes now." : "The city GPT writes again.");
    this.#run += 1;
    await this.show(this.state);
  }

  #model() {
    return this.#own?.model ?? this.published("city.safetensors");
  }

  /** The tokens of the text; what the model cannot read is left out, and said. */
  #read(model, text) {
    if (this.#known.text === text) return this.#known.ids;
    const { known, problem } = model.tokenizer.sift(this.#own ? text : text.toLowerCase());
    let ids = model.start(known);
    // What pieces cannot read is half a character; an alphabet lacks letters.
    const isPieces = model.tokenizer.mark === null;
    const lacks = (error) => (isPieces ? error.message : `No “${shown(error.unknown)}” in the alphabet: left out.`);
    let wrong = problem ? lacks(problem) : "";
    const room = model.about.config.context_length;
    if (!this.#own && ids.length > room) {
      wrong ||= `At most ${room - 1} letters: the rest is left out.`;
      ids = ids.slice(0, room);
    }
    this.complain(this.field, wrong);
    this.#known = { text, ids, wrong };
    return ids;
  }

  /** What the model expects after the text, and where it looks: {labels, shares, attention, layers, heads, end}. */
  async #ask(text) {
    const { opening } = this;
    if (!this.#own && text === opening.text) {
      this.complain(this.field, "");
      const letters = [..."abcdefghijklmnopqrstuvwxyz"];
      return { ...opening, tokens: ["start", ...text], labels: ["end", ...letters], full: false };
    }
    const model = await this.#model();
    const ids = this.#read(model, text);
    const { tokenizer, about } = model;
    const { logits, attention } = await model.next(ids, { attention: true });
    const { end } = tokenizer;
    const label = (id) => (id === end ? "end" : visible(tokenizer.label(id)));
    const seen = ids.slice(-about.config.context_length);
    return {
      tokens: seen.map((id, place) => (id === end && !place ? "start" : label(id))),
      labels: Array.from(logits, (_, id) => label(id)),
      shares: softmax(logits),
      attention,
      layers: about.config.num_layers,
      heads: about.config.num_heads,
      full: !this.#own && ids.length >= about.config.context_length,
    };
  }

  async show({ text, layer, head }) {
    this.field.set(text);
    const run = this.#run;
    const own = this.#own;
    try {
      this.#seen = await this.#ask(text);
    } catch (error) {
      if (run !== this.#run || own !== this.#own) return;
      this.complain(this.field, error.message);
      this.#blank();
      return;
    }
    if (run !== this.#run || own !== this.#own) return; // something else is wanted by now
    const { labels, shares, attention, layers = attention.length, heads = attention[0].length, full } = this.#seen;
    this.#offer(layers, heads);
    this.layer.set(layer);
    this.head.set(head);
    if (!own) this.step.textContent = full ? "New name" : "Next letter";
    this.back.disabled = !text;
    this.bars.show(Array.from(shares, (probability, id) => ({ label: labels[id], probability })));
    if (this.isConnected) await painted(); // the guess first: on a slow phone the picture takes as long again
    if (run !== this.#run || own !== this.#own) return;
    this.#draw(attention[layer - 1], head);
  }

  /** Nothing is known: what was shown is another text's. */
  #blank() {
    this.#seen = {};
    this.bars.show([]);
    this.cells.replaceChildren();
    this.where.textContent = "";
    this.say("No guess.");
  }

  /** Controls for the layers and heads that this model has. */
  #offer(layers, heads) {
    if (this.#sizes === `${layers} ${heads}`) return;
    this.#sizes = `${layers} ${heads}`;
    const pick = (label, key, least, most) => {
      const name = (value) => (value ? `${value}` : "mean");
      const onChange = (value) => this.set({ [key]: value });
      if (most > MOST_CHOICES) {
        return slider({ label, min: least, max: most, step: 1, value: least, format: name, onInput: onChange });
      }
      const values = Array.from({ length: most - least + 1 }, (_, place) => least + place);
      return choice({ label, options: values.map((value) => ({ value, label: name(value) })), value: least, onChange });
    };
    this.layer = pick("Layer", "layer", 1, layers);
    this.head = pick("Head", "head", 0, heads);
    this.pickers.replaceChildren(this.layer.element, this.head.element);
  }

  /** The last tokens, each as dark as the last one looks at it. */
  #draw(all, head) {
    const { tokens } = this.#seen;
    const looks = head ? all[head - 1] : all[0].map((_, i) => all.reduce((sum, one) => sum + one[i], 0) / all.length);
    const first = Math.max(tokens.length - CELLS, 0);
    const cells = tokens.slice(first).map((token, i) => ({ token, share: looks[first + i] }));
    if (first) cells.unshift({ token: `${first} before`, share: looks.slice(0, first).reduce((a, b) => a + b, 0) });
    this.cells.replaceChildren(
      ...cells.map(({ token, share }) => {
        const cell = el("span", { class: "city-gpt-cell" }, token, el("small", {}, percent(share)));
        cell.style.setProperty("--share", Math.min(share, 1).toFixed(2));
        return cell;
      }),
    );
    const best = likeliest(looks);
    const who = head ? `head ${head}` : "the mean of the heads";
    const last = tokens.length - 1;
    const target = best === last ? "itself" : best ? `“${tokens[best]}”, ${last - best} back` : tokens[0];
    this.where.textContent = `Layer ${this.state.layer}, ${who}: “${tokens[last]}” looks most at ${target} (${percent(looks[best])}).`;
  }

  async #write(count) {
    const mine = ++this.#run; // a second press, or a letter typed, stops this one
    const stopped = () => mine !== this.#run;
    try {
      const model = await this.#model();
      if (stopped()) return;
      const { tokenizer, about } = model;
      let { text, seed } = this.state;
      if (this.#seen.ended || this.#seen.full) text = ""; // the name is complete: a new one
      let ids = [...this.#read(model, text)];
      if (!this.#own) {
        text = tokenizer.decode(ids);
        count = Math.min(count, about.config.context_length - ids.length);
      }
      const stop = tokenizer.end;
      let drawn = 0;
      let last = null;
      for await (const token of model.write(ids, { count, seed, stop })) {
        if (stopped()) return;
        ids = [...ids, token.id];
        text += token.text;
        last = token;
        drawn += 1;
        if (this.#own) this.field.set(text);
      }
      if (stopped()) return;
      const ended = drawn < count;
      const known = { text, ids };
      this.#known = known;
      await this.set({ text, seed: seed + 1 });
      this.#seen.ended = ended;
      const drew = last && `Drawn: “${visible(tokenizer.label(last.id))}”, which had ${percent(last.probability)}.`;
      this.#tell(ended ? `Drawn: the end of the ${this.#own ? "text" : "name"}.` : (drew ?? ""));
      if (!this.#own) this.step.textContent = ended ? "New name" : "Next letter";
      this.say(`${this.note.textContent} ${this.#own ? "" : text}`);
    } catch (error) {
      if (!stopped()) this.complain(this.field, error.message);
    }
  }

  async #takeBack() {
    const run = ++this.#run;
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
    await this.set({ text });
    this.say(`The text so far: ${text || "nothing"}`);
  }
}

customElements.define("live-city-gpt", CityGPT);
export default CityGPT;
