// What all live pieces share: how one comes into its figure, its state and address, its controls, its voice.

const RESERVED = ["mode", "h", "q"]; // Skim's and the search's own words in an address
const LONGEST_ADDRESS = 2000; // hosts refuse a request for a page whose address is a few thousand characters long
const still = matchMedia("(prefers-reduced-motion: reduce)");
const styles = new Map();

/** Load a stylesheet once for all pieces; where it does not come, the next piece tries again. */
function styled(href) {
  if (!styles.has(href)) {
    const coming = new Promise((resolve, reject) => {
      const failed = () => {
        link.remove();
        styles.delete(href);
        reject(new Error("its stylesheet did not load"));
      };
      const link = el("link", { rel: "stylesheet", href, onload: resolve, onerror: failed });
      document.head.append(link);
    });
    styles.set(href, coming);
  }
  return styles.get(href);
}

/** Put the piece that a figure names in the place of its still picture. If anything fails, the picture stays. */
export async function mount(figure) {
  const name = figure.dataset.widget;
  try {
    const folder = new URL(figure.dataset.live, document.baseURI);
    const [{ default: Piece }, answer] = await Promise.all([
      import(`./${name}.js`),
      fetch(new URL(figure.dataset.opening ?? "opening.json", folder)),
      styled(new URL("piece.css", import.meta.url).href),
    ]);
    if (Piece.style) await styled(Piece.style);
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    const piece = new Piece();
    piece.folder = folder;
    piece.isShort = "short" in figure.dataset;
    await piece.begin(await answer.json());
    figure.querySelector(":scope > svg").replaceWith(piece);
    figure.dataset.state = "live";
  } catch (error) {
    figure.dataset.state = "still";
    console.info(`The live piece ${name} did not come: ${error.message}`);
  }
}

/** A live piece. A subclass has `static title`, `static state` (its defaults), `open(opening)` and `show(state)`. */
export class LivePiece extends HTMLElement {
  /** Before its keys in an address, where two pieces of a page have keys of the same name. */
  static prefix = "";

  #state;
  #written;
  #said;
  #status = el("p", { class: "live-status", role: "status" });

  /** The current state; change it with `set`. */
  get state() {
    return this.#state;
  }

  get defaults() {
    return this.constructor.state;
  }

  /** Whether the reader, or the address, has changed nothing yet. */
  get atDefaults() {
    return Object.keys(this.defaults).every((key) => this.#state[key] === this.defaults[key]);
  }

  /** Whether its state stands in the page's address. */
  get hasAddress() {
    return true;
  }

  /** Repair a state that an address asked for: clamp numbers, replace unknown words. A subclass says how. */
  check(state) {
    return state;
  }

  async begin(opening) {
    this.className = "live-piece";
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.constructor.title);
    this.append(el("p", { class: "live-title", "aria-hidden": "true" }, this.constructor.title));
    const asked = new URLSearchParams(this.hasAddress ? location.search : "");
    const state = { ...this.defaults };
    for (const [key, value] of Object.entries(state)) {
      if (RESERVED.includes(key)) throw new Error(`${key} is a reserved word of addresses`);
      const text = asked.get(this.constructor.prefix + key);
      if (text === null) continue;
      if (typeof value === "number") state[key] = Number.isFinite(Number(text)) && text.trim() ? Number(text) : value;
      else state[key] = typeof value === "boolean" ? text === "1" : text.normalize();
    }
    this.opening = opening;
    this.#state = this.check(state);
    await this.open(opening);
    const copy = button("Copy link", () => this.#copyLink(copy));
    const again = button("Start again", () => {
      this.set({ ...this.defaults });
      this.say("As it was at the start.");
    });
    this.append(el("div", { class: "live-foot" }, again, this.hasAddress ? copy : ""), this.#status);
    await this.show(this.#state, this.#state);
  }

  /** Change the state, the address and what is shown. */
  async set(changes) {
    this.#state = { ...this.#state, ...changes };
    clearTimeout(this.#written);
    // Browsers allow some hundred changes of the address a minute; a dragged slider asks for more.
    if (this.hasAddress) this.#written = setTimeout(() => this.#remember(this.address()), 250);
    await this.show(this.#state, changes);
  }

  #remember(address) {
    if (!this.isConnected) return; // another page's address is none of its business
    try {
      history.replaceState(history.state, "", address);
    } catch {
      // Too often for this browser: the next change is written again.
    }
  }

  /** Taken off the page, and not only to another place of it: what it holds elsewhere can go. */
  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.dispatchEvent(new Event("gone"));
      this.published?.close();
    });
  }

  /** The page's address with this state in it: what differs from the defaults, but for texts too long for one. */
  address(hash = location.hash) {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(this.#state)) {
      const before = address.search;
      const key = this.constructor.prefix + name;
      if (value === this.defaults[name]) address.searchParams.delete(key);
      else address.searchParams.set(key, typeof value === "boolean" ? Number(value) : value);
      if (address.search.length > Math.max(LONGEST_ADDRESS, before.length)) address.searchParams.delete(key);
    }
    address.hash = hash;
    return address.href;
  }

  async #copyLink(control) {
    const address = this.address(this.parentElement.id);
    const inIt = new URL(address).searchParams;
    const isWhole = Object.keys(this.defaults).every(
      (key) => this.#state[key] === this.defaults[key] || inIt.has(this.constructor.prefix + key),
    );
    try {
      await navigator.clipboard.writeText(address);
      control.textContent = isWhole ? "Copied" : "Copied, without the text";
      this.say(`The link to this state is copied${isWhole ? "" : ", without the text, which is too long for it"}.`);
    } catch {
      // Without https or leave there is no clipboard: the address bar has the same link.
      this.#remember(address);
      control.textContent = "It is in the address bar";
      this.say("The link to this state is in the address bar.");
    }
    setTimeout(() => (control.textContent = "Copy link"), 2000);
  }

  /** Tell a screen reader what changed; of many changes in a row, the last. */
  say(text) {
    clearTimeout(this.#said);
    this.#said = setTimeout(() => (this.#status.textContent = text), 500);
  }

  /** A sentence under a field about what is wrong with its content; "" takes it away. */
  complain(field, sentence) {
    field.error.textContent = sentence;
    if (sentence) field.input.setAttribute("aria-invalid", "true");
    else field.input.removeAttribute("aria-invalid");
  }

  /**
   * Call `step(milliseconds since the start)` each frame until it returns false. It waits while the piece is off the
   * screen; for readers who want no motion it is called once, with Infinity. Returns a function that stops it.
   */
  animate(step) {
    if (still.matches) {
      step(Infinity);
      return () => {};
    }
    let frame = 0;
    let passed = 0;
    let last = null;
    const tick = (now) => {
      passed += last === null ? 0 : now - last;
      last = now;
      frame = 0;
      if (step(passed) === false) return stop();
      frame = requestAnimationFrame(tick);
    };
    const seen = new IntersectionObserver(([entry]) => {
      cancelAnimationFrame(frame);
      last = null;
      if (entry.isIntersecting) frame = requestAnimationFrame(tick);
    });
    const stop = () => {
      seen.disconnect();
      cancelAnimationFrame(frame);
    };
    seen.observe(this);
    return stop;
  }
}

/** Waits until what was changed so far is on the screen. */
export async function painted() {
  if (document.hidden) return; // no frames there
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}

/** An HTML element. `on...` keys are listeners, class, role, for and those with a dash attributes, others properties. */
export function el(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (/-|^(class|role|for)$/.test(key)) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** An SVG element with these attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

let sliders = 0;

/** A labelled slider with its value beside it. `format` makes the words for a number. */
export function slider({ label, min, max, step, value, format = String, onInput }) {
  const id = `live-slider-${++sliders}`;
  const output = el("output", { "aria-hidden": "true" }); // the slider says it itself, by aria-valuetext
  const input = el("input", { type: "range", id, min, max, step, oninput: () => onInput(tell()) });
  const tell = () => {
    const words = format(input.valueAsNumber);
    output.textContent = words;
    input.setAttribute("aria-valuetext", words);
    return input.valueAsNumber;
  };
  const set = (number) => {
    input.value = number;
    tell();
  };
  set(value);
  return { element: el("label", { class: "live-slider", for: id }, el("span", {}, label), output, input), input, output, set };
}

let groups = 0;

/** One of a few: native radio buttons that look like one control. */
export function choice({ label, options, value, onChange }) {
  const name = `live-choice-${++groups}`;
  const inputs = options.map((option) =>
    el("input", { type: "radio", name, value: option.value, onchange: () => onChange(option.value) }),
  );
  const set = (wanted) => inputs.forEach((input, place) => (input.checked = options[place].value === wanted));
  set(value);
  const labels = options.map((option, place) => el("label", {}, inputs[place], el("span", {}, option.label)));
  return { element: el("fieldset", { class: "live-choice" }, el("legend", {}, label), ...labels), inputs, set };
}

let fields = 0;

/**
 * A labelled text field, with room for a sentence about what is wrong. With `rows`, one that keeps lines.
 * Its `text`, and what `onInput` gets, is composed (NFC): a keyboard that types e and an accent types é.
 */
export function textField({ label, value = "", hint = "", rows, onInput }) {
  const id = `live-field-${++fields}`;
  const error = el("p", { class: "live-error", id: `${id}-error`, role: "alert" });
  const input = el(rows ? "textarea" : "input", {
    ...(rows ? { rows } : { type: "text" }),
    id,
    value,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: false,
    "aria-describedby": `${id}-error ${id}-hint`,
    oninput: () => onInput(input.value.normalize()),
  });
  const set = (text) => {
    if (input.value.normalize() !== text.normalize()) input.value = text; // or the cursor jumps
  };
  const about = el("small", { id: `${id}-hint` }, hint);
  return {
    element: el("div", { class: "live-field" }, el("label", { for: id }, label), input, error, about),
    input,
    error,
    about,
    set,
    get text() {
      return input.value.normalize();
    },
  };
}

let selects = 0;

/** A labelled native list to choose one from; an option is its value, or {value, label}. */
export function select({ label, options, value, onChange }) {
  const id = `live-select-${++selects}`;
  const list = el("select", { id, onchange: () => onChange(list.value) });
  list.append(...options.map((option) => el("option", { value: option.value ?? option }, option.label ?? option)));
  const set = (wanted) => (list.value = wanted);
  set(value);
  return { element: el("div", { class: "live-select" }, el("label", { for: id }, label), list), input: list, set };
}

/** A button. */
export function button(label, onClick, { primary = false } = {}) {
  return el(
    "button",
    { type: "button", class: primary ? "live-button primary" : "live-button", onclick: onClick },
    label,
  );
}

/** A whole number within limits, out of what an address asked for: the seed of what is drawn, for one. */
export function whole(value, least = 0, most = 1e6) {
  return Math.min(most, Math.max(least, Math.round(value)));
}

/** A number with the digits after the point that it deserves: 1,234.5. */
export function number(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The words for a share: 23%, or <1% where rounding would say none. */
export function percent(share) {
  return share > 0 && share < 0.005 ? "<1%" : `${Math.round(100 * share)}%`;
}
