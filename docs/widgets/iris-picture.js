// What a net of 16 hidden units calls each flower of the plane, and what each unit answers there. Within a piece of the
// plane where no unit turns on or off all scores are straight, so that the regions are polygons, found exactly.

import { el, svg } from "./piece.js";

export const [IN, HIDDEN, OUT] = [4, 16, 3];
export const [W1, B1, W2, B2] = [0, 64, 80, 128]; // where weights and biases begin among the 131 parameters
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 314, 24, 222]; // the plane's edges in the picture
const [FIRST, PER_LENGTH, PER_WIDTH] = [0.6, (RIGHT - LEFT) / 6.6, (BOTTOM - TOP) / 2.7]; // cm, and pixels a cm
const across = (length) => LEFT + (length - FIRST) * PER_LENGTH;
const up = (width) => BOTTOM - width * PER_WIDTH;
const CORNERS = [
  [LEFT, TOP],
  [RIGHT, TOP],
  [RIGHT, BOTTOM],
  [LEFT, BOTTOM],
];
const STRONGEST = 6; // an answer that has the full tint
const GRID = 14; // pixels between the places tried for a name
const COLOURS = ["c0", "c2", "c3"];
const ring = (r) => (x, y) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
const MARKS = [ring(3.6), (x, y) => `M${x} ${y - 4.6}l4.4 8h-8.8z`, (x, y) => `M${x - 3.4} ${y - 3.4}h6.8v6.8h-6.8z`];

/** What a straight function [a, b, c], which is a x + b y + c, says of a point. */
const at = ([a, b, c], [x, y]) => a * x + b * y + c;
const negative = (line) => line.map((number) => -number);
const clamp = (number, least, most) => Math.min(most, Math.max(least, number));
const isPolygon = (points) => points.length > 2;
const isOn = (unit) => Math.max(...CORNERS.map((corner) => at(unit, corner))) > 0;

/** The part of a convex polygon where the straight function is not below zero. */
function clip(polygon, line) {
  const values = polygon.map((point) => at(line, point));
  return polygon.flatMap((point, place) => {
    const next = (place + 1) % polygon.length;
    const [here, there] = [values[place], values[next]];
    const kept = here >= 0 ? [point] : [];
    if (here >= 0 === there >= 0) return kept;
    const part = here / (here - there);
    return [...kept, point.map((from, axis) => from + part * (polygon[next][axis] - from))];
  });
}

/** Each unit's sum on the plane, the other two lengths held, as a straight function of the picture's own x and y. */
export function unitsOf(numbers, [length, width]) {
  return Array.from({ length: HIDDEN }, (_, unit) => {
    const [sepalLength, sepalWidth, petalLength, petalWidth] = numbers.slice(W1 + unit * IN, W1 + (unit + 1) * IN);
    const [a, b] = [petalLength / PER_LENGTH, -petalWidth / PER_WIDTH];
    const held = numbers[B1 + unit] + sepalLength * length + sepalWidth * width;
    return [a, b, held + petalLength * FIRST - a * LEFT - b * BOTTOM];
  });
}

/** The three scores near a point: where no unit turns on or off they are straight. */
function scoresAt(numbers, units, point) {
  const on = units.map((unit) => at(unit, point) > 0);
  return Array.from({ length: OUT }, (_, species) => {
    const sum = [0, 0, numbers[B2 + species]];
    units.forEach((unit, place) => {
      if (on[place]) unit.forEach((number, i) => (sum[i] += numbers[W2 + species * HIDDEN + place] * number));
    });
    return sum;
  });
}

/** A function that says which species the net names at a point. Each frame asks it of hundreds: hence plain loops. */
function namer(numbers, units) {
  const flat = Float64Array.from(units.flat());
  const output = Float64Array.from(numbers.slice(W2, B2));
  return ([x, y]) => {
    let [first, second, third] = [numbers[B2], numbers[B2 + 1], numbers[B2 + 2]];
    for (let unit = 0; unit < HIDDEN; unit++) {
      const answer = flat[3 * unit] * x + flat[3 * unit + 1] * y + flat[3 * unit + 2];
      if (!(answer > 0)) continue;
      first += output[unit] * answer;
      second += output[HIDDEN + unit] * answer;
      third += output[2 * HIDDEN + unit] * answer;
    }
    if (first >= second && first >= third) return 0;
    return second >= third ? 1 : 2;
  };
}

/** For how many flowers of each species, with sepals of their own, every unit is on. */
export function countsOf(numbers, flowers) {
  return Array.from({ length: HIDDEN }, (_, unit) => {
    const counts = [0, 0, 0];
    for (const flower of flowers) {
      let sum = numbers[B1 + unit];
      for (let i = 0; i < IN; i++) sum += numbers[W1 + unit * IN + i] * flower[i];
      counts[flower[IN]] += sum > 0;
    }
    return counts;
  });
}

/** For each species the polygons in which its score is the highest. */
export function regionsOf(numbers, units) {
  const cut = (polygons, unit) =>
    polygons.flatMap((polygon) => [clip(polygon, unit), clip(polygon, negative(unit))]).filter(isPolygon);
  const parts = units.reduce(cut, [CORNERS]);
  const regions = Array.from({ length: OUT }, () => []);
  for (const part of parts) {
    const middle = [0, 1].map((axis) => part.reduce((sum, point) => sum + point[axis], 0) / part.length);
    const scores = scoresAt(numbers, units, middle);
    regions.forEach((region, species) => {
      const ahead = scores.map((other) => scores[species].map((number, place) => number - other[place]));
      const won = ahead.filter((_, other) => other !== species).reduce(clip, part);
      if (isPolygon(won)) region.push(won);
    });
  }
  return regions;
}

/** Give an element these attributes; what stays the same costs the browser nothing. */
function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
}

const outline = (polygon) => `M${polygon.map((point) => point.map((place) => place.toFixed(1))).join("L")}z`;

/** Where a unit turns on, as far as the picture goes: the line, its ends, and which side is ahead, where it is on. */
function frontOf(unit) {
  const ends = CORNERS.flatMap((corner, place) => {
    const next = CORNERS[(place + 1) % 4];
    const [here, there] = [at(unit, corner), at(unit, next)];
    if (here > 0 === there > 0) return [];
    return [corner.map((from, axis) => from + (here / (here - there)) * (next[axis] - from))];
  });
  if (ends.length < 2) return null;
  const steep = Math.hypot(unit[0], unit[1]);
  const ahead = [unit[0] / steep, unit[1] / steep];
  const [from, to] = ends;
  const along = (part, off) => from.map((start, axis) => start + part * (to[axis] - start) + off * ahead[axis]);
  const teeth = Math.floor(Math.hypot(to[0] - from[0], to[1] - from[1]) / 12);
  const tooth = (part) => outline([along(part, 0), along(part, 6)]);
  const d = outline(ends) + Array.from({ length: teeth }, (_, place) => tooth((place + 0.5) / teeth)).join("");
  const places = [0.5, 0.35, 0.65, 0.2, 0.8].map((part) => along(part, 18));
  return { d, places: places.map(([x, y]) => [clamp(x, LEFT + 34, RIGHT - 34), clamp(y + 5, TOP + 14, BOTTOM - 6)]) };
}

let pictures = 0; // each has names of its own for what it draws with

/** The plane with its regions and flowers, and the small pictures; `onUnit` is told which of them was chosen. */
export class IrisPicture {
  #number = ++pictures;

  constructor(flowers, species, onUnit) {
    this.rows = flowers;
    this.flowers = flowers.map((flower) => {
      const [spot, kind] = [[across(flower[2]), up(flower[3])], flower[IN]];
      return { spot, species: kind, mark: MARKS[kind](...spot.map((place) => Number(place.toFixed(1)))) };
    });
    const usual = [0, 1].map((axis) => flowers.reduce((sum, flower) => sum + flower[axis], 0) / flowers.length);
    this.sepals = usual.map((length) => Number(length.toFixed(1)));
    this.onUnit = onUnit;
    this.spots = []; // where the names of the regions stand
    this.#drawPlane(species);
    this.#drawUnits();
  }

  #drawPlane(species) {
    const text = (anchor, x, y, words, more) => svg("text", { "text-anchor": anchor, x, y, ...more }, String(words));
    const muted = { class: "muted" };
    this.regions = COLOURS.map((colour) => svg("path", { class: `${colour}-fill` }));
    this.names = species.map((name, kind) => text("middle", 0, 0, name, { class: `${COLOURS[kind]}-fill iris-name` }));
    // A path for all flowers of a species that look the same: each element of its own costs in every frame.
    this.dots = [...COLOURS, ...COLOURS].map((colour, place) =>
      svg("path", { class: `${colour}-fill ${place < OUT ? "" : "astray"}` }),
    );
    this.front = svg("path", { class: "iris-front" });
    this.frontName = text("middle", 0, 0, "", { class: "iris-name c1-fill" });
    this.plane = svg(
      "svg",
      { viewBox: "0 0 320 260", role: "img" },
      svg("g", { class: "iris-regions" }, ...this.regions),
      svg("path", { d: `M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}`, class: "train-iris-axis" }),
      ...[2, 4, 6].map((length) => text("middle", across(length), BOTTOM + 17, length)),
      ...[0, 1, 2].map((width) => text("end", LEFT - 7, up(width) + 4.5, width)),
      text("middle", (LEFT + RIGHT) / 2, BOTTOM + 34, "petal length (cm)", muted),
      text("middle", -(TOP + BOTTOM) / 2, 13, "petal width (cm)", { ...muted, transform: "rotate(-90)" }),
      ...species.flatMap((name, kind) => [
        svg("path", { d: MARKS[kind](LEFT + 8 + 100 * kind, 10), class: `${COLOURS[kind]}-fill` }),
        text("start", LEFT + 18 + 100 * kind, 14.5, name),
      ]),
      svg("g", { class: "iris-dots" }, ...this.dots),
      this.front,
      ...this.names,
      this.frontName,
    );
  }

  #drawUnits() {
    this.tints = [];
    this.units = Array.from({ length: HIDDEN }, (_, unit) => {
      const stop = (offset, opacity) => svg("stop", { offset, class: "iris-tint", "stop-opacity": opacity });
      const id = `iris-unit-${this.#number}-${unit + 1}`;
      const stops = [stop(0, 0), stop(0, 0.14), stop(1, 0.95)];
      const tint = svg("linearGradient", { id, gradientUnits: "userSpaceOnUse" }, ...stops);
      const size = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
      const ground = svg("rect", { ...size, fill: `url(#${id})` });
      this.tints.push({ tint, ground });
      return el(
        "button",
        {
          type: "button",
          class: "iris-unit",
          role: "radio",
          tabIndex: unit ? -1 : 0,
          onfocus: () => this.onUnit(unit + 1),
          onclick: () => this.onUnit(unit + 1), // a tap does not focus a button everywhere
          onkeydown: (event) => this.#walk(event, unit),
        },
        svg("svg", { viewBox: Object.values(size).join(" "), preserveAspectRatio: "none" }, tint, ground),
        el("span", { "aria-hidden": "true" }, String(unit + 1)),
      );
    });
    this.grid = el("div", { class: "iris-units", role: "radiogroup", "aria-label": "Hidden units" }, ...this.units);
  }

  #walk(event, unit) {
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const ways = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const goal = { Home: 0, End: HIDDEN - 1 }[event.key] ?? unit + ways[event.key];
    if (event.key === "Escape") this.onUnit(0);
    if (!this.units[goal] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.units[goal].focus();
  }

  /**
   * Draw this net. The answer: how many flowers stand in their species' region, for how many of each species every unit
   * is on, and whether the chosen unit is on in part of the picture, everywhere or nowhere.
   */
  draw(numbers, chosen) {
    const units = unitsOf(numbers, this.sepals);
    const on = countsOf(numbers, this.rows);
    regionsOf(numbers, units).forEach((polygons, kind) => {
      put(this.regions[kind], { d: polygons.map(outline).join("") });
    });
    const nameAt = namer(numbers, units);
    const marks = this.dots.map(() => "");
    let own = 0;
    for (const { spot, species, mark } of this.flowers) {
      const stands = nameAt(spot) === species;
      own += stands;
      marks[species + (stands ? 0 : OUT)] += mark;
    }
    this.dots.forEach((path, place) => put(path, { d: marks[place] }));
    this.#placeNames(nameAt);
    units.forEach((unit, place) => this.#drawUnit(unit, place, chosen, on[place][0] + on[place][1] + on[place][2]));
    const front = chosen ? frontOf(units[chosen - 1]) : null;
    put(this.front, { d: front?.d ?? "" });
    put(this.frontName, { visibility: front ? "visible" : "hidden" });
    if (front) this.#nameFront(`unit ${chosen} on`, front.places);
    const everywhere = chosen > 0 && isOn(units[chosen - 1]) && !front;
    return { own, on, where: front ? "part" : everywhere ? "everywhere" : "nowhere" };
  }

  /** Beside the line, where it covers the fewest flowers and no name. */
  #nameFront(words, places) {
    const names = this.names.filter((name) => name.getAttribute("visibility") === "visible");
    const taken = names.map((name) => ["x", "y"].map((axis) => Number(name.getAttribute(axis))));
    const hidden = ([x, y]) =>
      taken.filter((name) => Math.abs(name[0] - x) < 66 && Math.abs(name[1] - y) < 15).length * 50 +
      this.flowers.filter(({ spot }) => Math.abs(spot[0] - x) < 36 && Math.abs(spot[1] - y + 5) < 11).length;
    const [x, y] = places.reduce((best, place) => (hidden(place) < hidden(best) ? place : best));
    put(this.frontName, { x: x.toFixed(1), y: y.toFixed(1) });
    if (this.frontName.textContent !== words) this.frontName.textContent = words;
  }

  #drawUnit(unit, place, chosen, alive) {
    const [a, b, c] = unit;
    const { tint, ground } = this.tints[place];
    const steep = a * a + b * b || 1;
    const [from, to] = [-c / steep, (STRONGEST - c) / steep];
    if (Number.isFinite(from)) {
      put(tint, { x1: from * a, y1: from * b, x2: to * a, y2: to * b });
    }
    put(ground, { visibility: isOn(unit) ? "visible" : "hidden" });
    const button = this.units[place];
    button.classList.toggle("dead", !alive);
    const about = `Unit ${place + 1}, on for ${alive || "none"} of ${this.flowers.length} flowers`;
    const tabindex = place + 1 === (chosen || 1) ? 0 : -1;
    put(button, { "aria-checked": place + 1 === chosen, "aria-label": about, tabindex });
  }

  /** A region's name stays where it is as long as it fits there, and else goes where it covers the fewest flowers. */
  #placeNames(nameAt) {
    const columns = Math.floor((RIGHT - LEFT) / GRID);
    const rows = Math.floor((BOTTOM - TOP) / GRID);
    const pointOf = (place) => [
      LEFT + ((place % columns) + 0.5) * GRID,
      TOP + (Math.floor(place / columns) + 0.5) * GRID,
    ];
    const kinds = Array.from({ length: columns * rows }, (_, place) => nameAt(pointOf(place)));
    this.crowds ??= kinds.map((_, place) => {
      const [x, y] = pointOf(place);
      return this.flowers.filter(({ spot }) => Math.abs(spot[0] - x) < 38 && Math.abs(spot[1] - y) < 12).length;
    });
    const fits = (place, kind) => {
      const [column, row] = [place % columns, Math.floor(place / columns)];
      if (column < 2 || column >= columns - 2 || row < 1 || row >= rows - 1) return false;
      return [-1, 0, 1].every((down) => [-2, 0, 2].every((right) => kinds[place + down * columns + right] === kind));
    };
    this.names.forEach((name, kind) => {
      if (this.spots[kind] === undefined || !fits(this.spots[kind], kind)) {
        const free = [...kinds.keys()].filter((place) => fits(place, kind));
        const middle = [0, 1].map((axis) => free.reduce((sum, place) => sum + pointOf(place)[axis], 0) / free.length);
        const cost = (place) =>
          100 * this.crowds[place] + Math.hypot(...pointOf(place).map((here, axis) => here - middle[axis]));
        this.spots[kind] = free.sort((one, other) => cost(one) - cost(other))[0];
      }
      const spot = this.spots[kind];
      put(name, { visibility: spot === undefined ? "hidden" : "visible" });
      if (spot === undefined) return;
      const [x, y] = pointOf(spot);
      put(name, { x, y: y + 5 });
    });
  }
}
