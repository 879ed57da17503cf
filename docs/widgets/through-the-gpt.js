// Chapter 11 and the home page: one letter's way through the page's own GPT, with every number on the screen.
import { readLetters, tellRead } from "./alphabet.js";
import { numberGrid, written } from "./cells.js";
import { loadBytes } from "./load.js";
import { makeModel } from "./models.js";
import { LivePiece, button, choice, el, number, painted, percent, slider, textField, whole } from "./piece.js";
import { readSafetensors } from "./safetensors.js";
import { draw, likeliest, makeRandom, shape } from "./sampling.js";
import { callOf, hasHeads, lensOf, station, stationsOf } from "./stations.js";
import { tower } from "./tower.js";
import { keyOf, readChanges, trace } from "./trace.js";

const STEP_MS = 333; // three stations a second, and three letters where it writes
const GRIDS = 4;
const SWIPE = 40; // pixels
const WIDEST = 10; // what a number can be set to, either way
const wide = matchMedia("(min-width: 76.25em) and (min-height: 40em)"); // where the contents stand beside the text
const ALPHABET = [..."abcdefghijklmnopqrstuvwxyz"];

class ThroughTheGPT extends LivePiece {
  static title = "One letter’s way through a GPT";
  static style = new URL("cells.css", import.meta.url).href; // beside piece.css
  static prefix = "gpt-"; // chapter 11 has another piece, with letters of its own
  static state = { text: "plym", at: 18, back: 0, head: 0, cell: -1, temperature: 1, seed: 1, off: "" };

  #model = null; // {model, tensors}, once the reader has acted
  #loading = null;
  #run = 0; // another number: something else is wanted by now
  #stop = null; // of what plays
  #judge = null; // the model once more, in a worker, with the names that it never saw
  #losses = new Map();
  #traces = new Map(); // of the present name, by what is changed
  #tracedIds = "";
  #trail = []; // where the reader asked, from one station down to the next: the states to come back to

  /** The home page begins at the bottom, the chapter where there is most to see. */
  get defaults() {
    return this.isShort ? { ...super.defaults, at: 0 } : super.defaults;
  }

  get config() {
    return this.opening.config;
  }

  get hasAddress() {
    return !this.isShort; // the short form stands beside another piece, whose letters are its own
  }

  check(state) {
    const { num_heads, context_length } = this.opening.config;
    return {
      ...state,
      at: whole(state.at, 0, stationsOf(this.opening.config).length - 1),
      back: whole(state.back, 0, context_length),
      head: whole(state.head, 0, num_heads),
      cell: whole(state.cell, -1, 1e4),
      temperature: Math.min(Math.max(state.temperature, 0), 2),
      seed: whole(state.seed),
    };
  }

  open({ config }) {
    this.stations = stationsOf(config);
    this.published = { close: () => this.#leave() };
    this.field = textField({
      label: "A name begins with",
      hint: "Letters from a to z",
      onInput: (text) => this.#act({ text, back: 0, cell: -1 }),
    });
    this.write = button("Write on", () => this.#play("letters"));
    this.tower = tower(config.num_layers, (level, column) => this.#pick(level, column));
    this.playing = button("Play", () => this.#play("stations"), { primary: true });
    const steps = el(
      "div",
      { class: "through-steps" },
      button("Back", () => this.#step(-1)),
      this.playing,
      button("Next", () => this.#step(1)),
    );
    this.scrubber = slider({
      label: "Station",
      min: 0,
      max: this.stations.length - 1,
      step: 1,
      value: 0,
      format: (at) => `${at + 1} of ${this.stations.length}`,
      onInput: (at) => this.#act({ at, cell: -1 }),
    });
    this.column = slider({
      label: "Letter",
      min: 0,
      max: 1,
      step: 1,
      value: 0,
      format: (column) => this.symbols?.[column] ?? "",
      onInput: (column) => this.#act({ back: this.symbols.length - 1 - column, cell: -1 }),
    });
    this.heading = el("p", { class: "through-title" });
    this.where = el("p", { class: "live-note" });
    this.said = el("p", { class: "through-said" });
    this.grids = Array.from({ length: GRIDS }, (_, place) => numberGrid((cell) => this.#focus(place, cell)));
    this.bar = el("div", { class: "through-bar", "aria-hidden": "true" });
    this.how = el("p", { class: "through-how" });
    this.askThere = button("Where does it come from?", () => this.#goThere());
    this.goBack = button("", () => this.#return());
    this.lens = el("p", { class: "through-lens" });
    this.head = choice({
      label: "Head",
      options: Array.from({ length: config.num_heads }, (_, head) => ({ value: head + 1, label: `${head + 1}` })),
      onChange: (head) => this.#act({ head, cell: -1 }),
    });
    this.headName = this.head.element.querySelector("legend");
    this.temperature = slider({
      label: "Temperature",
      min: 0,
      max: 2,
      step: 0.1,
      value: 1,
      format: (value) => value.toFixed(1),
      onInput: (temperature) => this.#act({ temperature }),
    });
    this.switch = button("Switch off", () => this.#switch());
    this.none = el("p", { class: "live-note" }, "There is nothing to switch off at this station. The stations of places, norms, heads, attention and MLPs have a switch.");
    this.setTo = slider({
      label: "",
      min: -WIDEST,
      max: WIDEST,
      step: 0.1,
      value: 0,
      format: (value) => value.toFixed(1).replace("-", "−"),
      onInput: (value) => this.#set(value),
    });
    this.setName = this.setTo.element.querySelector("span");
    this.apart = el("p", { class: "through-apart" });
    this.whole = button("Put all back", () => this.#act({ off: "" }));
    this.code = el("pre", { tabIndex: 0 });
    this.link = el("a");
    const words = el("div", { class: "through-words" }, this.where, this.heading, this.said);
    const left = el(
      "div",
      { class: "through-left" },
      el("div", { class: "through-start" }, this.field.element, this.write),
      this.tower.element,
      el(
        "p",
        { class: "live-note through-hint" },
        "Read it upwards: the line of each letter gathers what helps to guess the letter after it. Small grids are numbers on the way, blue above zero, orange below. Curves show at which letters one head looks, thicker for more. On the right: the best guess, if the model stopped there.",
      ),
      ...(this.isShort ? [] : [steps]),
    );
    if (this.isShort) {
      const side = el("div", { class: "through-side" }, words, steps, this.scrubber.element);
      this.append(el("div", { class: "through" }, left, side));
      this.#swipe(this.tower.element);
      return;
    }
    const card = el(
      "div",
      { class: "through-card" },
      words,
      el("div", { class: "through-tools" }, this.head.element, this.temperature.element, this.lens),
      el("div", { class: "through-grids" }, ...this.grids.map(({ element }) => element), this.bar, this.how, el("div", { class: "through-ask" }, this.askThere, this.goBack)),
    );
    const folds = el(
      "div",
      { class: "through-folds" },
      (this.apartFold = fold(
        "Take it apart",
        el("div", { class: "through-change" }, this.switch, this.none, this.setTo.element),
        el("div", { class: "through-result" }, this.apart, this.whole),
      )),
      fold("The code that does this", this.code, el("p", {}, this.link)),
    );
    const sliders = el("div", { class: "through-sliders" }, this.scrubber.element, this.column.element);
    this.append(el("div", { class: "through" }, left, card, sliders, folds));
    for (const part of [this.tower.element, card]) this.#swipe(part);
    if (wide.matches) this.#standBeside();
  }

  /** The tower once more beside the text, where there is room; a touch leads from there to the station in the piece. */
  async #standBeside() {
    const { standBeside } = await import("./beside.js");
    this.beside = standBeside(this.config.num_layers, async (kind, block) => {
      await this.#act({ at: this.#placeOf(kind, block), cell: -1 });
      this.scrollIntoView();
    });
    if (this.seen) this.beside.show(this.seen);
  }

  // ---- the model

  /** The model on this page's thread, which takes less than a frame for a name; its weights travel at the first act. */
  async #load() {
    this.#loading ??= loadBytes(new URL("city.safetensors", this.folder)).catch((error) => {
      this.#loading = null; // the next try may have a connection
      throw error;
    });
    const bytes = await this.#loading;
    if (!this.#model) {
      const file = readSafetensors(bytes.slice());
      this.#model = { model: makeModel(file), tensors: file.tensors };
    }
    return this.#model;
  }

  #leave() {
    this.#run += 1;
    this.#stop?.();
    this.beside?.gone();
    this.#judge?.then((judge) => judge.terminate()).catch(() => {});
    this.#judge = null;
  }

  /** The loss on names that the model never saw, with these changes; computed in a worker. */
  async #loss(changes) {
    const id = changes.map(({ code }) => code).join();
    if (!this.#losses.has(id)) {
      this.#judge ??= this.#makeJudge().catch((error) => {
        this.#judge = null; // the next try may have a connection
        throw error;
      });
      const judge = await this.#judge;
      const answer = new Promise((resolve, reject) => {
        judge.addEventListener("message", ({ data }) => data.id === id && resolve(data.loss));
        judge.addEventListener("error", () => reject(new Error("The part of this page that judges has stopped.")));
      });
      judge.postMessage({ id, changes });
      this.#losses.set(id, await answer);
    }
    return this.#losses.get(id);
  }

  async #makeJudge() {
    const of = (name) => loadBytes(new URL(name, this.folder));
    const [bytes, names] = await Promise.all([of("city.safetensors"), of("unseen.json")]);
    const sequences = JSON.parse(new TextDecoder().decode(names)).map(idsOf);
    const judge = new Worker(new URL("./judge.js", import.meta.url), { type: "module" });
    judge.postMessage({ bytes, sequences });
    return judge;
  }

  // ---- what is to be seen

  /** The letters of the field, as many as the model has room for; the field says how it was read. */
  #read(text) {
    const read = readLetters(text);
    const most = this.config.context_length - 1;
    tellRead(this, this.field, read, read.letters.length > most ? `The model has room for ${most} letters.` : "");
    return read.letters.slice(0, most);
  }

  /** What stations and tower need to know of a text; `numbers(name, block, column, head)` gives what was computed. */
  #view(letters, state, numbers, changes) {
    const { num_heads: N, model_dim: D, mlp_dim: F, num_layers: L, vocab_size: V, context_length: C } = this.config;
    const symbols = ["start", ...letters];
    const T = symbols.length;
    const t = Math.max(T - 1 - state.back, 0);
    const { block } = this.stations[state.at];
    const headOf = (l) => (state.head || this.opening.heads[l]) - 1;
    const labels = ["end", ...ALPHABET];
    const ids = [0, ...idsOf(letters)];
    const at = (name, block, column = t, its = 0) => numbers(name, block, column, its);
    const shares = () => shape(at("scores", 0), { temperature: state.temperature });
    const dice = () => {
      const chance = makeRandom(1000 * state.seed + T)();
      return { id: draw(shares(), chance), chance };
    };
    return {
      ...{ N, D, F, L, V, C, H: D / N, T, t, headOf, ids, symbols, labels, at, shares, dice, changes },
      head: headOf(block),
      isChosen: Boolean(state.head),
      text: this.opening.text,
      isOff: ({ name, head }, l) => changes.some(({ code }) => code === codeOf(name, l, head)),
      temperature: state.temperature,
      name: callOf(symbols, t),
      plain: `“${symbols[t]}”`,
      call: (column) => callOf(symbols, column),
      name2: (id) => `“${labels[id]}”`,
      weights: (name) => this.#model.tensors[name].data,
    };
  }

  /** The numbers of this text: from what was published while nothing else is asked, then from the model. */
  async #numbers(letters, state, changes) {
    const { text, numbers } = this.opening;
    const kinds = ["letter", "share", "guess"];
    if (!this.#model && letters === text && !state.back && !changes.length && kinds.includes(this.stations[state.at].kind)) {
      return (name, block, column, head) => {
        const those = numbers[keyOf(name, block)][column];
        return name === "score" || name === "share" ? those[head] : those;
      };
    }
    await this.#load();
    return this.#traced([0, ...idsOf(letters)], changes);
  }

  /** The numbers on the way of these tokens, computed once while one only moves about. */
  #traced(ids, changes) {
    if (this.#tracedIds !== ids.join()) this.#traces.clear();
    this.#tracedIds = ids.join();
    const key = changes.map(({ code }) => code).join();
    if (!this.#traces.has(key)) this.#traces.set(key, trace(this.#model.model, ids, changes));
    return this.#traces.get(key);
  }

  async show(state, given = state) {
    const run = ++this.#run;
    if ("text" in given) this.#trail = [];
    this.field.set(state.text);
    const letters = this.#read(state.text);
    const changes = readChanges(state.off, this.config);
    let numbers;
    try {
      numbers = await this.#numbers(letters, state, changes);
    } catch (error) {
      if (run === this.#run) this.complain(this.field, error.message);
      this.#stop?.();
      return;
    }
    if (run !== this.#run) return; // something else is wanted by now
    const view = this.#view(letters, state, numbers, changes);
    this.view = view;
    this.symbols = view.symbols;
    this.scrubber.set(state.at);
    this.column.input.max = view.T - 1;
    this.column.set(view.t);
    this.#tell(view);
    // One after the other: on a slow phone each of these takes as long as a key may.
    const parts = [() => this.#draw(view, state, given, changes), () => this.#fill(view, state, changes)];
    for (const part of this.isShort ? parts.slice(0, 1) : parts) {
      if (this.isConnected) await painted();
      if (run !== this.#run) return;
      part();
    }
    await this.#compare(view, changes, run);
  }

  #draw(view, state, given, changes) {
    const { kind, block } = this.stations[state.at];
    const onlyMoves = given !== state && Object.keys(given).every((key) => ["at", "cell", "temperature"].includes(key));
    if (!onlyMoves || !this.drawn || this.drawnHead !== view.head) {
      this.drawn = true;
      this.drawnHead = view.head;
      const { L, t, at } = view;
      const levels = [["start", 0], ...Array.from({ length: L }, (_, l) => [["looked", l], ["thought", l]]).flat()];
      const best = (shares) => {
        const id = likeliest(shares);
        return { label: view.labels[id], probability: shares[id] };
      };
      const { headOf, isOff } = view;
      this.seen = {
        symbols: view.symbols,
        t,
        sums: (name, l, column) => at(name, l, column),
        units: (l, column) => (isOff({ name: "mlp" }, l) ? [0] : at("bent", l, column)),
        shares: (l) => (isOff({ name: "attention" }, l) || isOff({ name: "found", head: headOf(l) }, l) ? [] : at("share", l, t, headOf(l))),
        off: changes.map(({ code }) => code),
        heads: this.opening.heads.map((_, l) => headOf(l) + 1),
        guesses: view.symbols.map((_, column) => best(shape(at("scores", 0, column), {}))),
        lens: levels.map(([name, l]) => ({ kind: name, block: l, ...this.#guessAt(view, name, l)[0] })),
      };
      this.tower.show(this.seen);
      this.beside?.show(this.seen);
    }
    this.tower.mark(kind, block, view.t, kind === "drawn" && view.t === view.T - 1 ? `drawn ${view.labels[view.dice().id]}` : "");
  }

  /** What the last norm and the table would make of a running sum: the likeliest first. */
  #guessAt(view, name, block) {
    if (this.#model) return lensOf(view, view.at(name, block));
    return this.opening.lens[keyOf(name, block)].map(([label, probability]) => ({ label, probability }));
  }

  /** The station's words. */
  #tell(view) {
    const now = station(this.stations[this.state.at], view);
    const { kind, block } = now;
    this.now = now;
    const part = ["thinkNorm", "wide", "bent", "mlp", "thought"].includes(kind) ? "MLP" : "attention";
    const where = now.inBlock ? `Block ${block + 1}, ${part}` : now.half;
    this.where.textContent = `${where} · the line of ${view.name}`;
    this.heading.textContent = now.title;
    this.said.textContent = now.said;
    this.say(`${now.title}${now.title.endsWith("?") ? "" : "."} ${now.said}`);
  }

  /** All that stands below the words: cells, what can be switched, the code. */
  #fill(view, state, changes) {
    const { now } = this;
    const { kind } = now;
    this.head.element.hidden = !hasHeads(kind);
    this.head.set(view.head + 1);
    this.headName.textContent = state.head ? "Head, in each block" : "Head";
    this.temperature.element.hidden = !now.temperature;
    this.temperature.set(state.temperature);
    this.lens.hidden = !now.lens;
    if (now.lens) {
      const best = this.#guessAt(view, ...now.lens).slice(0, 3);
      const words = best.map(({ label, probability }) => `${label} ${percent(probability)}`).join(", ");
      this.lens.textContent = `If it had to guess from this sum alone, by the steps at the top, it would say: ${words}.`;
    }
    this.#show(...this.#cellAt(state.cell));
    const isOff = now.off && view.isOff(now.off, now.block);
    if (now.off) this.switch.textContent = `Switch ${now.off.words} ${isOff ? "on again" : "off"}`;
    this.switch.hidden = !now.off;
    this.none.hidden = Boolean(now.off);
    const { lines, where: file, page, anchor } = this.opening.code[now.code];
    this.code.textContent = lines;
    this.link.textContent = file;
    this.link.href = new URL(`../../${page}/#${anchor}`, this.folder).href;
  }

  // ---- the cells

  /** The grid and the index of a cell by its number among all that this station makes; of -1, the one to begin with. */
  #cellAt(cell) {
    const makes = this.now.grids.flatMap(({ how, values }, grid) =>
      how ? Array.from(values, (_, index) => [grid, index]) : [],
    );
    if (makes[cell]) return makes[cell];
    const grid = this.now.grids.findIndex(({ how }) => how);
    const { first, values } = this.now.grids[grid];
    return [grid, first ?? likeliest(Array.from(values, Math.abs))];
  }

  /** Show all grids; of the asked cell, how it came to be, or, if it came from elsewhere, the way there. */
  #show(grid, index) {
    const { grids } = this.now;
    const { text, lit, note, instead, total } = grids[grid].how?.(index) ?? { text: "", lit: [], note: "", instead: this.instead };
    this.instead = instead; // what was asked last has its row beside it
    const asked = { ...grids[grid], ...instead?.[grid] };
    this.grids.forEach(({ element, show }, place) => {
      element.hidden = !grids[place];
      if (!grids[place]) return;
      const its = lit.filter(([other]) => other === place).map(([, i]) => i);
      show({ ...grids[place], ...instead?.[place], focus: place === grid ? index : -1, lit: its });
    });
    this.asked = [grid, index];
    this.bar.hidden = !this.now.dice;
    if (this.now.dice) this.#lay(this.now.dice);
    const name = asked.names?.[index] ?? `number ${index + 1}`;
    const value = asked.values[index];
    const from = this.#trail.at(-1);
    const notes = [
      from && from.name !== this.view.name && `This is the line of ${this.view.name}.`,
      note,
      asked.how && lit.length && `Green frames: what went in. Black: what came out. Touch a green one to see where it came from.${text.includes(" = ") ? " Computed with all digits, shown with two." : ""}`,
      !asked.how && !asked.made && "It’s learned: training has found it.",
    ];
    this.how.replaceChildren(
      asked.how ? text : `${asked.label}, ${name}: ${written(value)}.`,
      Math.abs(total - value) > 0.01 ? `, but you changed it to ${written(value)}` : "",
      el("small", {}, notes.filter(Boolean).join(" ")),
    );
    this.askThere.hidden = !asked.made;
    this.goBack.hidden = !from;
    if (from) this.goBack.textContent = `Back to ${from.name}, station ${from.state.at + 1}`;
    this.setTo.input.disabled = !asked.part;
    this.setTo.set(asked.part ? value : 0);
    this.setName.textContent = asked.part ? `Set number ${index + 1} to` : "The number that is asked can’t be set";
    this.setTo.output.hidden = !asked.part;
  }

  /** The shares end to end, and where the dice fall. */
  #lay({ shares, labels, id, chance }) {
    const parts = Array.from(shares, (share, i) => {
      const part = el("span", { class: i === id ? "chosen" : "" }, share > 0.035 ? labels[i] : "");
      part.style.flexGrow = share;
      return part;
    });
    const dice = el("i");
    dice.style.left = `${100 * chance}%`;
    this.bar.replaceChildren(...parts, dice);
  }

  /** The reader chose a cell. */
  #focus(grid, index) {
    const { how, asks } = this.now.grids[grid] ?? {};
    this.#stop?.();
    if (!this.now.grids[grid]) return; // a touch came before the next station's cells
    if (asks) return this.#act({ back: this.view.T - 1 - Math.floor(index / this.view.T) });
    if (!how) {
      this.#show(grid, index);
      this.say(this.how.textContent);
      return;
    }
    const before = this.now.grids.slice(0, grid).reduce((sum, one) => sum + (one.how ? one.values.length : 0), 0);
    return this.#act({ cell: before + index });
  }

  /** To the station that made the number that is asked. */
  #goThere() {
    const [grid, index] = this.asked;
    const { made } = this.now.grids[grid] ?? {};
    if (!made) return;
    const { kind, block, cell = index, column, head } = typeof made === "function" ? made(index) : made;
    const to = { at: this.#placeOf(kind, block), cell };
    if (column !== undefined) to.back = this.view.T - 1 - column;
    if (head !== undefined) to.head = head + 1;
    const { at, back, head: shown, cell: was } = this.state;
    this.#stop?.();
    this.#trail.push({ name: this.view.name, state: { at, back, head: shown, cell: was } });
    return this.set(to);
  }

  /** Back to where the reader asked. */
  #return() {
    this.#stop?.();
    return this.set(this.#trail.pop().state);
  }

  #placeOf(kind, block) {
    return this.stations.findIndex((one) => one.kind === kind && one.block === block);
  }

  #pick(level, column) {
    const { kind, block } = this.stations[this.state.at];
    const isThere = level.kinds.includes(kind) && (level.block === block || level.kind === "top");
    const at = isThere ? this.state.at : this.#placeOf(level.opens, level.block);
    return this.#act({ at, back: this.view.T - 1 - column, cell: -1 });
  }

  // ---- moving

  /** What the reader does stops what plays. */
  #act(changes) {
    this.#stop?.();
    if (Object.keys(changes).some((key) => key !== "cell")) this.#trail = [];
    return this.set(changes);
  }

  #step(by) {
    const { at } = this.state;
    const to = at + by;
    if (to >= this.stations.length) {
      this.#stop?.();
      // Only after the last letter something is drawn; from another one, it begins again with the last.
      return this.state.back ? this.set({ at: 0, back: 0, cell: -1 }) : this.#append(0);
    }
    return this.#act({ at: Math.max(to, 0), cell: -1 });
  }

  #swipe(element) {
    let from = null;
    element.addEventListener("pointerdown", (event) => (from = event.pointerType === "touch" ? event : null));
    element.addEventListener("pointerup", (event) => {
      const [x, y] = from ? [event.clientX - from.clientX, event.clientY - from.clientY] : [0, 0];
      from = null;
      if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) this.#step(x < 0 ? 1 : -1);
    });
  }

  /** Append what the dice say, and go on at this station. Says whether there is more to write. */
  async #append(at) {
    const letters = this.#read(this.state.text);
    const place = { at, back: 0, cell: -1 };
    if (this.ended === letters) {
      this.ended = null; // that name is finished: a new one, with other dice
      await this.set({ text: "", seed: this.state.seed + 1, ...place });
      return true;
    }
    const { id } = this.view.dice();
    if (id && letters.length < this.config.context_length - 1) {
      await this.set({ text: letters + ALPHABET[id - 1], ...place });
      return true;
    }
    this.ended = letters;
    await this.set({ ...place, at: this.stations.length - 1 });
    return false;
  }

  /** Begin, after the press that brought the piece. */
  play() {
    this.playing.focus({ preventScroll: true });
    return this.#play("stations");
  }

  /** Go on by itself, station by station or letter by letter; again, and it stands still. */
  async #play(mode) {
    if (this.#stop) return this.#stop();
    this.#trail = [];
    const button = mode === "letters" ? this.write : this.playing;
    const name = button.textContent;
    let stopped = false;
    let halt = () => {};
    this.#stop = () => {
      stopped = true;
      halt();
      this.#stop = null;
      button.textContent = name;
    };
    button.textContent = "Stop";
    try {
      await this.#load();
    } catch (error) {
      this.complain(this.field, error.message);
      return this.#stop?.();
    }
    if (stopped) return;
    const first = mode === "stations" && this.atDefaults ? { at: 0 } : {};
    await this.set({ back: 0, ...first });
    const { length } = this.stations;
    const once = async () => {
      if (mode === "letters") return this.#append(this.state.at);
      if (this.state.at === length - 1) return this.#append(0);
      await this.set({ at: this.state.at + 1, cell: -1 });
      return true;
    };
    let next = STEP_MS;
    let busy = false;
    const end = () => {
      if (!stopped) this.#stop();
    };
    halt = this.animate((passed) => {
      if (stopped) return false;
      if (passed === Infinity) {
        // No motion is wanted: one station, or the whole name.
        const rest = async () => {
          while (!stopped && (await once()) && mode === "letters");
          end();
        };
        rest();
        return false;
      }
      if (passed >= next && !busy) {
        busy = true;
        next = passed + STEP_MS;
        once().then((more) => {
          busy = false;
          if (!more) end();
        });
      }
      return true;
    });
    if (stopped) halt();
  }

  // ---- taking it apart

  #switch() {
    const code = codeOf(this.now.off.name, this.now.block, this.now.off.head);
    const codes = this.state.off.split(",").filter(Boolean);
    const rest = codes.filter((one) => one !== code);
    return this.#act({ off: (rest.length < codes.length ? rest : [...rest, code]).join() });
  }

  #set(value) {
    const [grid, index] = this.asked;
    const [name, first] = this.now.grids[grid].part;
    const code = `${keyOf(name, this.now.block)}.${first + index + 1}=`;
    const rest = this.state.off.split(",").filter((one) => one && !one.startsWith(code));
    return this.#act({ off: [...rest, code + value.toFixed(1)].join() });
  }

  /** What the changes have done to this guess, and to names that it never saw. */
  async #compare(view, changes, run) {
    this.whole.hidden = !changes.length;
    if (!changes.length) {
      this.apart.textContent = "Switch a part off, or set a number, and see what becomes of the guess.";
      return;
    }
    this.apartFold.open = true;
    const before = this.#traced(view.ids, []);
    const was = shape(before("scores", 0, view.t, 0), {});
    const now = shape(view.at("scores", 0), {});
    const [best, leads] = [likeliest(was), likeliest(now)];
    const what = changes.map((change) => words(change, view.H)).join(", ");
    const instead = leads === best ? "" : `; now ${view.name2(leads)} leads with ${percent(now[leads])}`;
    const here =
      `Changed: ${what}. ${view.temperature === 1 ? "" : "At temperature 1, "}${view.name2(best)} gets ${percent(now[best])} here ` +
      `instead of ${percent(was[best])}${instead}.`;
    this.apart.textContent = here;
    try {
      const [whole, changed] = [await this.#loss([]), await this.#loss(changes)];
      if (run !== this.#run) return;
      this.apart.textContent = `${here} On ${number(this.opening.unseen)} names that it never saw, its average surprise (loss) is ${number(changed, 2)} instead of ${number(whole, 2)} (lower is better).`;
      this.say(this.apart.textContent);
    } catch (error) {
      if (run === this.#run) this.complain(this.field, error.message);
    }
  }
}

/** The numbers of letters, as the model's tokenizer has them. */
const idsOf = (letters) => Array.from(letters, (letter) => ALPHABET.indexOf(letter) + 1);
const fold = (name, ...parts) => el("details", { class: "through-fold" }, el("summary", {}, name), ...parts);
/** How a switch stands in an address: b1found.h2 */
const codeOf = (name, block, head) => keyOf(name, block) + (head === undefined ? "" : `.h${head + 1}`);

const PARTS = {
  token: "the token’s row",
  place: "the place’s row",
  start: "the first sum",
  lookNorm: "attention’s norm",
  found: "what the heads found",
  attention: "attention",
  looked: "the sum after attention",
  thinkNorm: "the MLP’s norm",
  wide: "the units before the bend",
  bent: "the hidden units",
  mlp: "the MLP",
  thought: "the sum after the MLP",
  norm: "the last norm",
};

/** A change in words: head 2 of block 1 off. A head makes H of the numbers that stand side by side. */
function words({ name, block, head, index, value }, H) {
  const isHeads = index !== null && /^(query|key|value|found)$/.test(name);
  const its = isHeads ? `head ${Math.floor(index / H) + 1}’s ${name === "found" ? "result" : name}` : head === null ? PARTS[name] : `head ${head + 1}`;
  const part = /^(token|place|start|norm)$/.test(name) ? its : `${its} of block ${block + 1}`;
  return index === null ? `${part} off` : `number ${(isHeads ? index % H : index) + 1} of ${part} is ${written(value, 1)} for every letter`;
}

customElements.define("live-through-the-gpt", ThroughTheGPT);
export default ThroughTheGPT;
