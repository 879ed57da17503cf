// Chapter 6: any text, cut by the chapter's own merges, with as many of them as the reader allows.
import { LivePiece, el, number, slider, textField } from "./piece.js";
import { byteSymbols, makeTokenizer } from "./tokenizers.js";

const LONGEST = 10_000; // characters
const MOST_DRAWN = 400; // tokens
const MOST_BYTES = 8; // of one token, listed
const ALL = Infinity; // merges allowed

const SYMBOLS = byteSymbols();

const many = (count, thing) => `${number(count)} ${thing}${count === 1 ? "" : "s"}`;
const clip = (text) => text.slice(0, LONGEST).replace(/\p{Cs}/gu, ""); // no half characters

/**
 * The merges and what they are made of. A merge joins two pieces wherever they meet, and later ones only join more:
 * so undoing the last merges of a token gives what stood there before them.
 */
class Merges {
  constructor(spec) {
    this.tokenizer = makeTokenizer(spec);
    const ids = new Map(SYMBOLS.map(([, symbol], id) => [symbol, id]));
    this.pairs = spec.merges.map(([left, right], place) => {
      ids.set(left + right, 256 + place);
      return [ids.get(left), ids.get(right)];
    });
  }

  /** The pieces of a token when only the first merges are allowed. */
  undo(id, allowed) {
    return id < 256 + allowed ? [id] : this.pairs[id - 256].flatMap((part) => this.undo(part, allowed));
  }

  /** The numbers of the merges in these tokens, in order; the first of all is 1. */
  used(ids) {
    const found = new Set();
    const visit = (id) => {
      if (id < 256 || found.has(id - 255)) return;
      found.add(id - 255);
      this.pairs[id - 256].forEach(visit);
    };
    ids.forEach(visit);
    return [...found].sort((a, b) => a - b);
  }

  /** All that is told about a token, as in opening.json. */
  token(id) {
    return {
      id,
      label: this.tokenizer.label(id),
      bytes: this.undo(id, 0).map((single) => SYMBOLS[single][0]),
      parts: id < 256 ? [] : this.pairs[id - 256].map((part) => this.tokenizer.label(part)),
    };
  }
}

class Tokenizer extends LivePiece {
  static title = "Cut a text of your own";
  static state = { text: "strawberries without 😀", merges: ALL, token: 5 };

  #loading = null;
  #cut = { text: null, ids: [], steps: [] };
  #drawn = []; // the tokens behind the chips

  check({ text, merges, token }) {
    const isCount = (value, most) => Number.isInteger(value) && value >= 0 && value < most;
    const count = (value, most, otherwise) => (isCount(value, most) ? value : otherwise);
    return { text: clip(text), merges: count(merges, this.opening.merges, ALL), token: count(token, MOST_DRAWN, 0) };
  }

  open({ merges }) {
    this.field = textField({ label: "Text", rows: 2, onInput: (text) => this.set({ text: clip(text), token: 0 }) });
    this.allowed = slider({
      label: "Merges allowed",
      min: 0,
      max: 1,
      step: 1,
      value: 1,
      format: (place) => {
        const { steps } = this.#cut;
        return place >= steps.length
          ? `all ${number(merges)}`
          : `${number(place && steps[place - 1])} of ${number(merges)}`;
      },
      onInput: (place) => this.#allow(place),
    });
    this.count = el("p", { class: "tokenizer-count" });
    this.newest = el("p", { class: "live-note" });
    this.chips = el("div", {
      class: "tokenizer-chips",
      role: "group",
      "aria-label": "Tokens",
      onkeydown: (event) => this.#walk(event),
    });
    this.about = el("dl", { class: "tokenizer-about" });
    this.append(this.field.element, this.allowed.element, this.count, this.newest, this.chips, this.about);
  }

  async show({ text, merges, token }, changed) {
    if (clip(this.field.text) !== text) this.field.set(text);
    if ("text" in changed || "merges" in changed) {
      try {
        await this.#draw(text, merges);
      } catch (error) {
        this.complain(this.field, error.message);
      }
    }
    this.#choose(Math.min(token, this.#drawn.length - 1));
  }

  async #draw(text, merges) {
    const isOpening = text === this.defaults.text && merges === ALL;
    const all = isOpening ? null : await this.#load();
    if (text !== this.state.text || merges !== this.state.merges) return; // the reader went on
    const cut = all
      ? this.#cutting(all, text)
      : { ids: this.opening.tokens.map(({ id }) => id), steps: this.opening.steps };
    const tooLong = this.field.text.length > LONGEST;
    this.complain(this.field, tooLong ? `Too long: the first ${number(LONGEST)} characters count.` : "");
    this.#cut = { text: all && text, ...cut };
    const { ids, steps } = this.#cut;
    const pieces = merges < this.opening.merges ? ids.flatMap((id) => all.undo(id, merges)) : ids;
    const first = pieces.slice(0, MOST_DRAWN);
    this.#drawn = all ? first.map((id) => all.token(id)) : this.opening.tokens;
    this.allowed.input.max = steps.length;
    this.allowed.input.disabled = !steps.length;
    const place = steps.findLastIndex((step) => step <= merges) + 1;
    this.allowed.set(place);
    // After "all" nothing is new; else what the last allowed merge made.
    const newest = place && place < steps.length ? 255 + steps[place - 1] : null;
    this.chips.replaceChildren(
      ...this.#drawn.map((token, i) => this.#chip(token, i, newest)),
      ...(pieces.length > first.length
        ? [el("span", { class: "live-note" }, `… ${number(pieces.length - first.length)} more`)]
        : []),
    );
    const length = new TextEncoder().encode(text).length;
    const rate = pieces.length ? `: ${number(length / pieces.length, 1)} bytes a token` : "";
    this.count.textContent = `${many(pieces.length, "token")}, ${many(length, "byte")}${rate}.`;
    this.newest.textContent = newest
      ? `The last of them: ${all.token(newest).parts.join(" + ")}`
      : "Slide left to see how they grew.";
    if (all) this.say(this.count.textContent + (newest ? ` ${this.newest.textContent}` : ""));
  }

  #cutting(all, text) {
    if (this.#cut.text === text) return this.#cut;
    const ids = all.tokenizer.encode(text);
    return { ids, steps: all.used(ids) };
  }

  /** The merges themselves: no byte of them before the reader asks for another text, or fewer merges. */
  #load() {
    this.#loading ??= fetch(new URL("merges.json", this.folder))
      .then((answer) => answer.json())
      .then((spec) => new Merges(spec))
      .catch(() => {
        this.#loading = null; // the next try may have a connection
        throw new Error("The merges did not come: go online and try again.");
      });
    return this.#loading;
  }

  #allow(place) {
    const { steps } = this.#cut;
    return this.set({ merges: place >= steps.length ? ALL : place && steps[place - 1] });
  }

  #chip({ id, label }, place, newest) {
    return el(
      "button",
      {
        type: "button",
        class: id === newest ? "tokenizer-chip new" : "tokenizer-chip",
        tabIndex: -1,
        onclick: () => this.set({ token: place }),
        onfocus: () => place !== this.state.token && this.set({ token: place }),
        onpointerenter: ({ pointerType }) => pointerType === "mouse" && this.#tell(place),
        onpointerleave: () => this.#tell(this.state.token),
      },
      label,
      el("small", {}, String(id)),
    );
  }

  #walk(event) {
    const chips = [...this.chips.querySelectorAll("button")];
    const place = chips.indexOf(document.activeElement);
    const goal = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: chips.length - 1 }[event.key];
    if (goal === undefined || !chips[goal]) return;
    event.preventDefault();
    chips[goal].focus();
  }

  #choose(place) {
    this.chips.querySelectorAll("button").forEach((chip, i) => {
      chip.setAttribute("aria-pressed", i === place);
      chip.tabIndex = i === place ? 0 : -1; // one stop for the tab key; arrows walk
    });
    this.#tell(place);
  }

  #tell(place) {
    const token = this.#drawn[place];
    if (!token) return this.about.replaceChildren(el("dt", {}, "token"), el("dd", {}, "none"));
    const { id, label, bytes, parts } = token;
    const listed = (format) =>
      bytes.slice(0, MOST_BYTES).map(format).join(" ") + (bytes.length > MOST_BYTES ? " …" : "");
    const rows = {
      token: `${number(id)}  ${label}`,
      merge: parts.length ? `${number(id - 255)}  ${parts.join(" + ")}` : "none: a single byte",
      [bytes.length > 1 ? `${bytes.length} bytes` : "byte"]: listed(String),
      "in hex": listed((byte) => byte.toString(16).padStart(2, "0")),
    };
    this.about.replaceChildren(
      ...Object.entries(rows).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    );
  }
}

customElements.define("live-tokenizer", Tokenizer);
export default Tokenizer;
