// Chapter 7: the letters' two learned numbers as a map, moved through their training, and each letter's nearest ones.
import { LivePiece, button, el, number, slider, svg } from "./piece.js";

const [WIDTH, HEIGHT, EDGE] = [380, 350, 20];
const NEAREST = 3;
const REACH = 32; // so far from a letter a tap still means it
export const APART = 19; // two letters nearer than that would cover each other
const BESIDE = 7; // a letter that stands so far from its place has a dot there
const [MOVE_MS, PLAY_MS] = [400, 450]; // to any other moment, and from one to the next
const UNIT = 0.1; // of the rows' own numbers: the ruler
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const isVowel = (letter) => "aeiou".includes(letter);
const between = (one, other, part) => one.map((from, axis) => from + part * (other[axis] - from));

/** The letters moved apart until none covers another one, each as little as that takes. */
export function spread(spots) {
  const letters = spots.map((spot) => [...spot]);
  for (let round = 0, moved = true; moved && round < 500; round++) {
    moved = false;
    letters.forEach((one, i) => {
      for (let j = 0; j < i; j++) {
        const other = letters[j];
        const [dx, dy] = [one[0] - other[0] || 0.01 * (i - j), one[1] - other[1]];
        const away = Math.hypot(dx, dy);
        if (away >= APART) continue;
        moved = true;
        const push = (APART - away) / 2 / away + 0.001;
        one[0] += push * dx;
        one[1] += push * dy;
        other[0] -= push * dx;
        other[1] -= push * dy;
      }
    });
  }
  return letters;
}

/** The moments as they are drawn: one scale for all of them and for both numbers, so that every distance compares. */
function layOut(stages) {
  const all = stages.flatMap(({ places }) => places);
  const span = (axis) => [Math.min, Math.max].map((most) => most(...all.map((place) => place[axis])));
  const [[left, right], [low, high]] = [span(0), span(1)];
  const scale = Math.min((WIDTH - 2 * EDGE) / (right - left), (HEIGHT - 2 * EDGE - 14) / (high - low));
  const at = ([x, y]) => [WIDTH / 2 + scale * (x - (left + right) / 2), EDGE + scale * (high - y)];
  // The best line, a x + b y = cut, as far as the picture goes.
  const lineOf = ([a, b, cut]) => {
    const [x, y] = at([a * cut, b * cut]);
    let [from, to] = [-1e4, 1e4];
    for (const [start, step, most] of [
      [x, b, WIDTH],
      [y, a, HEIGHT],
    ]) {
      const ends = [-start / step, (most - start) / step].sort((one, other) => one - other);
      [from, to] = [Math.max(from, ends[0]), Math.min(to, ends[1])];
    }
    return from < to ? `M${x + from * b} ${y + from * a}L${x + to * b} ${y + to * a}` : "";
  };
  const moments = stages.map((stage) => {
    const spots = stage.places.map(at);
    return { ...stage, spots, letters: spread(spots), drawn: lineOf(stage.line) };
  });
  return { scale, moments };
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
  static state = { letter: "e", step: 300 };

  #at = null; // which moment is drawn; 2.5 is halfway from the third to the fourth
  #stop = () => {};
  #playing = false;

  check({ letter, step }) {
    const { letters, stages } = this.opening;
    const closer = (one, other) => (Math.abs(other.step - step) < Math.abs(one.step - step) ? other : one);
    return {
      letter: letters.includes(letter) && letter.length === 1 ? letter : this.defaults.letter,
      step: stages.reduce(closer).step,
    };
  }

  /** The place of the state's step among the moments. */
  get moment() {
    return this.moments.findIndex(({ step }) => step === this.state.step);
  }

  open({ letters, stages }) {
    this.letters = [...letters];
    const { scale, moments } = layOut(stages);
    this.moments = moments;
    this.line = svg("path", { class: "letter-map-line" });
    this.trail = svg("path", { class: "letter-map-trail" });
    this.links = svg("path", { class: "letter-map-links" });
    this.leaders = svg("path", { class: "letter-map-leaders" });
    this.dots = svg("path", { class: "letter-map-dots" });
    this.points = this.letters.map((letter) => this.#point(letter));
    this.map = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "radiogroup", class: "letter-map" },
      this.line,
      this.trail,
      this.links,
      this.leaders,
      this.dots,
      svg("path", { class: "letter-map-ruler", d: `M12 ${HEIGHT - 26}v-4h${UNIT * scale}v4` }),
      svg("text", { x: 12, y: HEIGHT - 8, class: "muted" }, String(UNIT)),
      ...this.points,
    );
    this.map.addEventListener("keydown", (event) => this.#walk(event));
    this.map.addEventListener("click", (event) => {
      const point = event.detail ? -1 : this.points.indexOf(event.target.closest("[role=radio]"));
      if (point >= 0) this.set({ letter: this.letters[point] }); // a screen reader's click has no place
      else this.#take(event, (letter) => this.set({ letter }));
    });
    this.map.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.#take(event, (letter) => this.#mark(letter));
    });
    this.map.addEventListener("pointerleave", () => this.#mark(this.state.letter));
    this.training = slider({
      label: "Training",
      min: 0,
      max: moments.length - 1,
      step: 1,
      value: this.moment,
      format: (place) => (place ? `after ${moments[place].step} steps` : "not begun"),
      onInput: (place) => this.set({ step: moments[place].step }),
    });
    this.play = button("Play", () => (this.#playing ? this.#pause() : this.#go()), { primary: true });
    this.told = el("p", { class: "letter-map-told" });
    this.about = el("p", { class: "live-note letter-map-about" });
    this.append(
      el("div", { class: "live-row" }, this.training.element, this.play),
      this.map,
      this.told,
      this.about,
    );
  }

  show({ letter }, changed) {
    const goal = this.moment;
    this.training.set(goal);
    const { step, loss, wrong } = this.moments[goal];
    const when = step ? `After ${step} steps` : "Before training";
    this.about.textContent =
      `${when} the average surprise at the letters of held-out names is ${number(loss, 2)} nats. ` +
      `Best line, dashed: ${wrong} of 25 letters on the wrong side.`;
    this.map.setAttribute("aria-label", `Map of the letters ${step ? `after ${step} steps` : "before training"}`);
    this.line.setAttribute("d", this.moments[goal].drawn);
    if (this.#at === null) this.#at = goal;
    else if (goal !== (this.#playing ? Math.floor(this.#at) : this.#at)) this.#moveTo(goal);
    this.#mark(letter);
    this.say(`${"step" in changed ? `${this.about.textContent} ` : ""}${this.told.textContent}`);
  }

  #point(letter) {
    const kind = isVowel(letter) ? "c1" : letter === "y" ? "muted" : "c0";
    const name = isVowel(letter) ? `${letter}, a vowel` : letter;
    return svg(
      "g",
      { role: "radio", "aria-label": name, class: "letter-map-point" },
      svg("circle", { r: 9.5, class: isVowel(letter) ? "vowel" : "" }),
      svg("text", { class: `${kind}-fill`, y: 5, "text-anchor": "middle" }, letter),
    );
  }

  /** Letters go to their places of this moment along the way that training took. */
  #moveTo(goal) {
    this.#endPlay();
    const from = this.#at;
    this.map.classList.add("moving");
    this.#stop = this.animate((ms) => {
      const done = Math.min(ms / MOVE_MS, 1);
      this.#at = done < 1 ? from + done * done * (3 - 2 * done) * (goal - from) : goal;
      this.map.classList.toggle("moving", done < 1);
      this.#place();
      return done < 1;
    });
  }

  #go() {
    this.#stop();
    const pressed = this.moment;
    const count = this.moments.length;
    const from = pressed === count - 1 ? 0 : pressed;
    this.#playing = true;
    this.play.textContent = "Pause";
    this.map.classList.add("moving");
    const stop = this.animate((ms) => {
      const still = ms === Infinity; // without motion a press is a moment, and the first comes after the last
      this.#at = still ? (pressed + 1) % count : Math.min(count - 1, from + ms / PLAY_MS);
      const reached = Math.floor(this.#at);
      if (reached === this.moment) this.#place();
      else this.set({ step: this.moments[reached].step });
      if (!still && this.#at < count - 1) return true;
      this.#endPlay();
      return false;
    });
    if (this.#playing) this.#stop = stop;
  }

  #pause() {
    this.#moveTo(this.moment);
  }

  #endPlay() {
    this.#stop();
    this.#playing = false;
    this.play.textContent = "Play";
    this.map.classList.remove("moving");
  }

  /** Put everything where it is at this time of training. */
  #place() {
    const place = Math.floor(this.#at);
    const [now, next] = [this.moments[place], this.moments[Math.min(place + 1, this.moments.length - 1)]];
    const [spots, letters] = ["spots", "letters"].map((kind) =>
      now[kind].map((spot, i) => between(spot, next[kind][i], this.#at - place)),
    );
    let [leaders, dots] = ["", ""];
    letters.forEach(([x, y], i) => {
      this.points[i].setAttribute("transform", `translate(${x} ${y})`);
      const away = Math.hypot(x - spots[i][0], y - spots[i][1]);
      if (away < BESIDE) return;
      dots += `M${spots[i]}h0`;
      leaders += `M${spots[i]}L${between(spots[i], [x, y], 1 - BESIDE / away)}`;
    });
    this.leaders.setAttribute("d", leaders);
    this.dots.setAttribute("d", dots);
    const way = this.moments.slice(0, place + 1).map((moment) => moment.spots[this.from]);
    this.trail.setAttribute("d", `M${[...way, spots[this.from]].join("L")}`);
    this.links.setAttribute("d", this.near.map((i) => `M${spots[this.from]}L${spots[i]}`).join(""));
  }

  /** Show a letter's nearest ones; a mouse that passes over others shows theirs. */
  #mark(letter) {
    this.from = this.letters.indexOf(letter);
    const near = nearest(this.moments[this.moment].places, this.from);
    this.near = near.map(({ place }) => place);
    const named = near.map(({ place, distance }) => `${this.letters[place]} ${number(distance, 2)}`);
    const way = this.moment ? " The gray line is the way it came." : "";
    this.told.replaceChildren("Nearest to ", el("strong", {}, letter), `: ${named.join(", ")}.${way}`);
    this.points.forEach((point, i) => {
      const chosen = this.letters[i] === this.state.letter;
      point.setAttribute("aria-checked", chosen);
      point.setAttribute("tabindex", chosen ? 0 : -1);
      point.classList.toggle("chosen", i === this.from);
      point.classList.toggle("near", this.near.includes(i));
    });
    this.#place();
  }

  #take(event, use) {
    const { left, top, width } = this.map.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top].map((length) => (length * WIDTH) / width);
    const away = this.moments[this.moment].letters.map((spot) => Math.hypot(spot[0] - x, spot[1] - y));
    const least = Math.min(...away);
    if (least < REACH) use(this.letters[away.indexOf(least)]);
  }

  #walk(event) {
    const key = event.key.toLowerCase();
    const from = this.letters.indexOf(this.state.letter);
    const way = ARROWS[event.key];
    const goal = way ? neighbour(this.moments[this.moment].letters, from, way) : this.letters.indexOf(key);
    if (goal < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.set({ letter: this.letters[goal] });
    this.points[goal].focus();
  }
}

customElements.define("live-letter-map", LetterMap);
export default LetterMap;
