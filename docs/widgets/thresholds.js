// Two thresholds on petal length name 150 flowers: move them by hand, or let the page try every pair.

import { LivePiece, button, el, number, slider, svg } from "./piece.js";

const [SHORTEST, LONGEST, STEP] = [1, 7, 0.05]; // cm
const [LEFT, RIGHT, TOP, BOTTOM] = [36, 376, 22, 218]; // the plot's edges
const [FIRST, PER_CM] = [0.8, (RIGHT - LEFT) / 6.4];
const across = (length) => LEFT + (length - FIRST) * PER_CM;
const up = (width) => BOTTOM - (width / 2.7) * (BOTTOM - TOP);
const inReach = (length) => Math.min(LONGEST, Math.max(SHORTEST, Math.round(length / STEP) / (1 / STEP)));
const ring = (r) => (x, y) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
const MARKS = [ring(3.6), (x, y) => `M${x} ${y - 4.6}l4.4 8h-8.8z`, (x, y) => `M${x - 3.4} ${y - 3.4}h6.8v6.8h-6.8z`];
const marked = (flowers, mark) => flowers.map(([length, width]) => mark(across(length), up(width))).join("");
const COLOURS = ["c0", "c2", "c3"];
const NAMED = [
  [1, 0.75],
  [3.6, 0.72],
  [5.8, 1.25],
]; // where each species' name stands among its flowers

/** The places halfway between neighbouring lengths: a threshold anywhere else names no flower differently. */
export const halfways = (flowers) => {
  const lengths = [...new Set(flowers.map(([length]) => length))].sort((a, b) => a - b);
  return lengths.slice(1).map((length, place) => Math.round((length + lengths[place]) * 50) / 100);
};

/** The flowers that this pair names wrongly. */
export const misnamed = (flowers, low, high) =>
  flowers.filter(([length, , species]) => (length >= low) + (length >= high) !== species);

class Thresholds extends LivePiece {
  static title = "Two thresholds, 150 flowers";
  static state = { low: 3.5, high: 5.5 };

  check({ low, high }) {
    return { low: inReach(low), high: Math.max(inReach(low), inReach(high)) };
  }

  open({ flowers, species }) {
    this.flowers = flowers;
    this.species = species;
    const paths = species.map((_, kind) => {
      const d = marked(
        flowers.filter((flower) => flower[2] === kind),
        MARKS[kind],
      );
      return svg("path", { d, class: `${COLOURS[kind]}-fill`, "fill-opacity": 0.75 });
    });
    const names = NAMED.map(([x, y], kind) =>
      svg("text", { x: across(x), y: up(y), class: `${COLOURS[kind]}-fill thresholds-name` }, species[kind]),
    );
    const text = (anchor, words, place) => svg("text", { "text-anchor": anchor, ...place }, String(words));
    const ticks = [
      ...[1, 2, 3, 4, 5, 6, 7].map((length) => text("middle", length, { x: across(length), y: BOTTOM + 17 })),
      ...[0, 1, 2].map((width) => text("end", width, { x: LEFT - 8, y: up(width) + 4.5 })),
      text("middle", "petal length (cm)", { x: (LEFT + RIGHT) / 2, y: 252, class: "muted" }),
      text("middle", "petal width (cm)", { x: -120, y: 12, class: "muted", transform: "rotate(-90)" }),
    ];
    this.regions = COLOURS.map((colour) => ({
      ground: svg("rect", { y: TOP, height: BOTTOM - TOP, class: `${colour}-fill`, "fill-opacity": 0.1 }),
      answer: text("middle", "", { y: TOP - 7, class: `${colour}-fill thresholds-name` }),
    }));
    this.rings = svg("path", { class: "thresholds-ring" });
    this.lines = ["low", "high"].map((which) => this.#line(which));
    this.plot = svg(
      "svg",
      { viewBox: "0 0 380 256", role: "img" },
      ...this.regions.flatMap(({ ground, answer }) => [ground, answer]),
      ...ticks,
      ...paths,
      this.rings,
      ...this.lines,
      ...names,
    );
    this.count = el("strong");
    this.told = el("p", { class: "live-note thresholds-told" });
    this.sliders = ["low", "high"].map((which) =>
      slider({
        label: which === "low" ? "First threshold" : "Second threshold",
        min: SHORTEST,
        max: LONGEST,
        step: STEP,
        value: this.state[which],
        format: (length) => `${length.toFixed(2)} cm`,
        onInput: (length) => this.#move(which, length),
      }),
    );
    this.append(
      el("p", { class: "thresholds-count" }, this.count, ` of ${flowers.length} flowers misnamed`),
      this.plot,
      el("div", { class: "live-row" }, ...this.sliders.map(({ element }) => element)),
      el(
        "div",
        { class: "thresholds-learn" },
        button("Learn it", () => this.#learn(), { primary: true }),
        this.told,
      ),
    );
  }

  show({ low, high }) {
    this.stop?.();
    this.told.textContent = "Or let the page try every pair.";
    this.#draw(low, high);
    this.say(`${this.count.textContent} of ${this.flowers.length} flowers misnamed`);
  }

  // A threshold never passes the other one: it takes it along.
  #move(which, length) {
    const { low, high } = this.state;
    if (which === "low") this.set({ low: length, high: Math.max(length, high) });
    else this.set({ low: Math.min(length, low), high: length });
  }

  // A line that a finger or a mouse can drag; the slider below does the same for the keyboard.
  #line(which) {
    const drag = svg("rect", { x: -14, y: TOP, width: 28, height: BOTTOM - TOP, "fill-opacity": 0 });
    const handle = svg("path", { d: `M-7 ${BOTTOM}l7 -9l7 9z`, class: "c1-fill" });
    const line = svg("path", { d: `M0 ${TOP}V${BOTTOM}`, class: "c1-stroke" });
    drag.addEventListener("pointerdown", (event) => drag.setPointerCapture(event.pointerId));
    drag.addEventListener("pointermove", (event) => {
      if (!drag.hasPointerCapture(event.pointerId)) return;
      const { left, width } = this.plot.getBoundingClientRect();
      const x = ((event.clientX - left) / width) * 380;
      this.#move(which, inReach(FIRST + (x - LEFT) / PER_CM));
    });
    return svg("g", { class: "thresholds-line" }, line, handle, drag);
  }

  #draw(low, high) {
    const wrong = misnamed(this.flowers, low, high);
    const edges = [LEFT, across(low), across(high), RIGHT];
    this.regions.forEach(({ ground, answer }, kind) => {
      const [from, to] = edges.slice(kind, kind + 2);
      ground.setAttribute("x", from);
      ground.setAttribute("width", to - from);
      answer.setAttribute("x", (from + to) / 2);
      answer.textContent = to - from > 70 ? `“${this.species[kind]}”` : "";
    });
    this.lines.forEach((line, place) => line.setAttribute("transform", `translate(${edges[place + 1]} 0)`));
    this.rings.setAttribute("d", marked(wrong, ring(6.6)));
    this.sliders.forEach((control, place) => control.set([low, high][place]));
    this.count.textContent = wrong.length;
    this.plot.setAttribute(
      "aria-label",
      `Petal width against petal length. Below ${number(low, 2)} cm the answer is ${this.species[0]}, from ` +
        `${number(high, 2)} cm on ${this.species[2]}, between ${this.species[1]}. Ringed, as wrong: ${wrong.length}.`,
    );
  }

  // Every pair of useful places, as gptbook.models.classifier.best_thresholds tries them: of equals the first one wins.
  #learn() {
    this.stop?.();
    const places = halfways(this.flowers);
    const pairs = places.flatMap((low, place) => places.slice(place).map((high) => [low, high]));
    let fewest = this.flowers.length + 1;
    let best;
    let tried = 0;
    this.stop = this.animate((passed) => {
      const until = Math.min(pairs.length, 1 + Math.floor(passed / 3)); // 3 ms a pair: it can be watched
      for (; tried < until; tried++) {
        const mistakes = misnamed(this.flowers, ...pairs[tried]).length;
        if (mistakes < fewest) [fewest, best] = [mistakes, pairs[tried]];
      }
      if (tried < pairs.length) {
        this.#draw(...pairs[tried - 1]);
        this.told.textContent = `${tried} of ${pairs.length} pairs tried. Best so far: ${fewest} wrong.`;
        return true;
      }
      this.set({ low: best[0], high: best[1] });
      this.told.textContent = `All ${pairs.length} pairs tried: none has fewer than ${fewest} wrong.`;
      this.say(`${this.told.textContent} The best: ${best[0]} and ${best[1]} cm.`);
      return false;
    });
  }
}

customElements.define("live-thresholds", Thresholds);
export default Thresholds;
