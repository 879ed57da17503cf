// Chapter 7: the letters' two learned numbers as a map, before and after training, and each letter's nearest ones.
import { LivePiece, choice, el, number, svg } from "./piece.js";

const [WIDTH, HEIGHT, EDGE] = [380, 316, 16];
const NEAREST = 3;
const REACH = 32; // so far from a letter a tap still means it
const MOVE_MS = 400;
const STAGES = ["before", "after"];
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const isVowel = (letter) => "aeiou".includes(letter);

/** A stage as it is drawn: one scale for both numbers, so that near on the screen is near. */
function layOut({ places, line: [a, b, cut], wrong }) {
  const span = (axis) => [Math.min, Math.max].map((most) => most(...places.map((place) => place[axis])));
  const [[left, right], [low, high]] = [span(0), span(1)];
  const scale = Math.min((WIDTH - 2 * EDGE) / (right - left), (HEIGHT - 2 * EDGE - 14) / (high - low));
  const at = ([x, y]) => [WIDTH / 2 + scale * (x - (left + right) / 2), EDGE + scale * (high - y)];
  // The best line, a x + b y = cut, as far as the picture goes.
  const [x, y] = at([a * cut, b * cut]);
  let [from, to] = [-1e4, 1e4];
  for (const [start, step, most] of [
    [x, b, WIDTH],
    [y, a, HEIGHT],
  ]) {
    const ends = [-start / step, (most - start) / step].sort((one, other) => one - other);
    [from, to] = [Math.max(from, ends[0]), Math.min(to, ends[1])];
  }
  const line = `M${x + from * b} ${y + from * a}L${x + to * b} ${y + to * a}`;
  return { scale, wrong, line, spots: places.map(at) };
}

/** The places of the nearest letters, and how far they are. */
export const nearest = (places, from) =>
  places
    .map(([x, y], place) => ({ place, distance: Math.hypot(x - places[from][0], y - places[from][1]) }))
    .filter(({ place }) => place !== from)
    .sort((one, other) => one.distance - other.distance)
    .slice(0, NEAREST);

/** The nearest spot in an arrow's direction, or -1: what lies to the side counts four times as far. */
export function neighbour(spots, from, [right, down]) {
  const costs = spots.map(([x, y]) => {
    const [dx, dy] = [x - spots[from][0], y - spots[from][1]];
    const ahead = dx * right + dy * down;
    return ahead > 0.5 ? ahead + 4 * Math.abs(dx * down - dy * right) : Infinity;
  });
  const best = Math.min(...costs);
  return best < Infinity ? costs.indexOf(best) : -1;
}

class LetterMap extends LivePiece {
  static title = "Where training puts each letter";
  static state = { letter: "e", training: "after" };

  #stage = null; // what is drawn, to move from
  #stop = () => {};

  check({ letter, training }) {
    return {
      letter: this.opening.letters.includes(letter) && letter.length === 1 ? letter : this.defaults.letter,
      training: STAGES.includes(training) ? training : this.defaults.training,
    };
  }

  open({ letters, stages }) {
    this.letters = [...letters];
    this.stages = Object.fromEntries(STAGES.map((name, i) => [name, layOut(stages[i])]));
    this.places = Object.fromEntries(STAGES.map((name, i) => [name, stages[i].places]));
    this.line = svg("path", { class: "letter-map-line" });
    this.links = svg("path", { class: "letter-map-links" });
    this.ruler = svg("path", { class: "letter-map-ruler" });
    this.unit = svg("text", { x: 12, y: HEIGHT - 8, class: "muted" });
    this.points = this.letters.map((letter) => this.#point(letter));
    this.map = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "radiogroup", class: "letter-map" },
      this.line,
      this.links,
      this.ruler,
      this.unit,
      ...this.points,
    );
    this.map.addEventListener("keydown", (event) => this.#walk(event));
    this.map.addEventListener("click", (event) => this.#take(event, (letter) => this.set({ letter })));
    this.map.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.#take(event, (letter) => this.#mark(letter));
    });
    this.map.addEventListener("pointerleave", () => this.#mark(this.state.letter));
    this.training = choice({
      label: "The letters’ numbers",
      options: STAGES.map((value) => ({ value, label: `${value} training` })),
      value: this.state.training,
      onChange: (training) => this.set({ training }),
    });
    this.told = el("p", { class: "letter-map-told" });
    this.wrong = el("p", { class: "live-note" });
    this.append(this.training.element, this.map, this.told, this.wrong);
  }

  show({ letter, training }, changed) {
    this.training.set(training);
    const { wrong } = this.stages[training];
    this.wrong.textContent = `Best line, dashed: ${wrong} of 25 on the wrong side.`;
    this.map.setAttribute("aria-label", `Map of the letters ${training} training`);
    if (this.#stage !== training) this.#move(training);
    this.#mark(letter);
    this.say(
      `${"training" in changed ? `${training} training. ${this.wrong.textContent} ` : ""}${this.told.textContent}`,
    );
  }

  #point(letter) {
    const kind = isVowel(letter) ? "c1" : letter === "y" ? "muted" : "c0";
    const name = isVowel(letter) ? `${letter}, a vowel` : letter;
    return svg(
      "g",
      { role: "radio", "aria-label": name, class: "letter-map-point" },
      svg("circle", { r: 11, class: isVowel(letter) ? "vowel" : "" }),
      svg("text", { class: `${kind}-fill`, y: 5, "text-anchor": "middle" }, letter),
    );
  }

  /** Letters go to their places of this stage; lines wait until they are there. */
  #move(training) {
    const [old, goal] = [this.stages[this.#stage ?? training].spots, this.stages[training].spots];
    const first = this.#stage === null;
    this.#stage = training;
    this.#stop();
    this.map.classList.add("moving");
    const step = (ms) => {
      const done = first ? 1 : Math.min(ms / MOVE_MS, 1);
      const part = done * done * (3 - 2 * done);
      this.points.forEach((point, i) => {
        const [x, y] = goal[i].map((end, axis) => old[i][axis] + part * (end - old[i][axis]));
        point.setAttribute("transform", `translate(${x} ${y})`);
      });
      if (done < 1) return true;
      this.map.classList.remove("moving");
      return false;
    };
    if (first) step(0);
    else this.#stop = this.animate(step);
    const { line, scale } = this.stages[training];
    const unit = scale > 400 ? 0.05 : 0.1; // of the embedding's own numbers
    this.line.setAttribute("d", line);
    this.ruler.setAttribute("d", `M12 ${HEIGHT - 26}v-4h${unit * scale}v4`);
    this.unit.textContent = String(unit);
  }

  /** Show a letter's nearest ones; a mouse that passes over others shows theirs. */
  #mark(letter) {
    const from = this.letters.indexOf(letter);
    const { spots } = this.stages[this.#stage];
    const near = nearest(this.places[this.#stage], from);
    const named = near.map(({ place, distance }) => `${this.letters[place]} ${number(distance, 2)}`);
    this.told.replaceChildren("Nearest to ", el("strong", {}, letter), `: ${named.join(", ")}.`);
    this.links.setAttribute("d", near.map(({ place }) => `M${spots[from]}L${spots[place]}`).join(""));
    this.points.forEach((point, i) => {
      const chosen = this.letters[i] === this.state.letter;
      point.setAttribute("aria-checked", chosen);
      point.setAttribute("tabindex", chosen ? 0 : -1);
      point.classList.toggle("chosen", i === from);
      point.classList.toggle(
        "near",
        near.some(({ place }) => place === i),
      );
    });
  }

  #take(event, use) {
    const { left, top, width } = this.map.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top].map((length) => (length * WIDTH) / width);
    const away = this.stages[this.#stage].spots.map((spot) => Math.hypot(spot[0] - x, spot[1] - y));
    const least = Math.min(...away);
    if (least < REACH) use(this.letters[away.indexOf(least)]);
  }

  #walk(event) {
    const key = event.key.toLowerCase();
    const from = this.letters.indexOf(this.state.letter);
    const way = ARROWS[event.key];
    const goal = way ? neighbour(this.stages[this.#stage].spots, from, way) : this.letters.indexOf(key);
    if (goal < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.set({ letter: this.letters[goal] });
    this.points[goal].focus();
  }
}

customElements.define("live-letter-map", LetterMap);
export default LetterMap;
