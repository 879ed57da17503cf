// The stations of a letter's way through a GPT: what each shows, says, and how each of its numbers came to be.
// Shapes as in the book: T positions, D model_dim, N heads, H head_dim, F mlp_dim, V vocabulary.

import { inBrackets, joined, products, range, shared, sum, written } from "./cells.js";
import { gelu, layerNorm, linear } from "./models.js";
import { percent } from "./piece.js";
import { likeliest, softmax } from "./sampling.js";

const IN_BLOCK = "lookNorm qkv score share found attention looked thinkNorm wide bent mlp thought".split(" ");
const BELOW = ["letter", "token", "place"];

/** All stations from the letter to the next one: {kind, block}, block 0 where there is none. */
export const stationsOf = ({ num_layers }) => [
  ...BELOW.map((kind) => ({ kind, block: 0 })),
  ...Array.from({ length: num_layers }, (_, block) => IN_BLOCK.map((kind) => ({ kind, block }))).flat(),
  ...["norm", "scores", "guess", "drawn"].map((kind) => ({ kind, block: 0 })),
];

/** The stations that look at one head, and so let the reader choose which. */
export const hasHeads = (kind) => ["qkv", "score", "share", "found"].includes(kind);

/**
 * What a station shows of the asking letter, `view.t`: {title, said, grids, code, ...}. A grid is what `numberGrid` shows,
 * and may have `how(i)`, which writes out its number i as {text, lit: [[grid, index], ...]}, or `made`, the station
 * that made its numbers, as {kind, block, cell}: it can be asked there.
 */
export function station({ kind, block }, view) {
  const now = SHOWN[kind](view, block);
  const without = WITHOUT[kind];
  if (without && view.isOff(now.off, block)) now.said = `With ${now.off.words} off, ${without}.`;
  return { kind, block, inBlock: IN_BLOCK.includes(kind), half: BELOW.includes(kind) ? "Below the blocks" : "Above the blocks", ...now };
}

const [COPY, NOTHING, SAME] = ["the copy is the running sum as it is", "nothing comes from here", "nothing is added here: the running sum stays as it was"];
/** What is true of a station whose part is switched off. */
const WITHOUT = { lookNorm: COPY, thinkNorm: COPY, norm: COPY, found: NOTHING, attention: NOTHING, mlp: NOTHING, place: SAME, looked: SAME, thought: SAME };

/** Words for a letter: “m”, and where it stands if there is another one. */
export function callOf(symbols, column) {
  const symbol = symbols[column];
  return symbols.indexOf(symbol) < symbols.lastIndexOf(symbol) ? `the “${symbol}” at place ${column}` : `“${symbol}”`;
}

const ordinal = (block) => `block ${block + 1}`;

/** How number i of a layer came to be: the numbers that went in, each times its weight; that of `keep` is always written. */
function layerOf(view, name, input, grid, keep, first = 0) {
  const weight = view.weights(`${name}.weight`);
  const bias = view.weights(`${name}.bias`);
  return (i) => {
    const row = first + i;
    const weights = weight.subarray(row * input.length, (row + 1) * input.length);
    const note = "Second factors and the bias are learned.";
    return { note, ...products(input, weights, { from: (j) => [grid, j], bias: bias[row], keep }) };
  };
}

const meanOf = (row) => sum(Array.from(row)) / row.length;
const sizeOf = (row) => Math.sqrt(meanOf(Array.from(row, (value) => (value - meanOf(row)) ** 2)) + 1e-5);

/** Of each kind of norm. */
function normOf(view, name, read, made, { title, said, label, source, part }) {
  const mean = meanOf(read);
  const size = sizeOf(read);
  const stretch = () => view.weights(`${name}.weight`);
  const shift = () => view.weights(`${name}.bias`);
  const how = (i) => {
    const total = ((read[i] - mean) / size) * stretch()[i] + shift()[i];
    const text =
      `(${written(read[i])} − ${inBrackets(mean)}) / ${small(size)} · ${inBrackets(stretch()[i])} + ` +
      `${inBrackets(shift()[i])} = ${written(total)}`;
    return { text, total, lit: [[0, i]] };
  };
  return {
    title,
    said: said(written(mean), small(size)),
    grids: [
      { label: `The running sum of ${view.name}`, values: read, made: source, ...SUMS },
      { label, values: made, first: followed(view), how, part },
    ],
    code: "norm",
  };
}

/** Three grids, the third of which is the sum of the others: {label, name, block, made} of each. */
function addition(view, parts) {
  const [old, more, total] = parts.map(({ name, block }) => view.at(name, block));
  const how = (i) => {
    const both = old[i] + more[i];
    return { text: `${written(old[i])} + ${inBrackets(more[i])} = ${written(both)}`, total: both, lit: [[0, i], [1, i]] };
  };
  const [first, second, third] = parts.map(({ label, made }, place) => ({ label, made, ...SUMS, values: [old, more, total][place] }));
  return [first, second, { ...third, first: followed(view), part: [parts[2].name, 0], how }];
}

function added(view, { before, part, after, title, said, label, sources, lens }) {
  return {
    title,
    said,
    grids: addition(view, [
      { label: `The running sum of ${view.name} so far`, name: before[0], block: before[1], made: sources[0] },
      { label, name: part[0], block: part[1], made: sources[1] },
      { label: "The running sum now", name: after[0], block: after[1] },
    ]),
    off: part[0] === "mlp" ? { name: "mlp", words: "this MLP" } : { name: "attention", words: "this attention" },
    lens,
    code: "add",
  };
}

/**
 * The number of the running sum that all stations open on, so that one can follow it from the bottom to the top: the
 * largest at the top of those whose sums are right as they are written, with two digits.
 */
function followed(view) {
  return (view.followed ??= largestPlain(view));
}

function largestPlain(view) {
  const cents = (name, block, i) => Math.round(100 * view.at(name, block)[i]);
  const sums = range(view.L).flatMap((block) => [
    [beforeBlock(block), ["attention", block], ["looked", block]],
    [["looked", block], ["mlp", block], ["thought", block]],
  ]);
  sums.unshift([["token", 0], ["place", 0], ["start", 0]]);
  const isPlain = (i) => sums.every(([a, b, c]) => cents(...a, i) + cents(...b, i) === cents(...c, i));
  const top = view.at("thought", view.L - 1);
  return likeliest(range(view.D).map((i) => (isPlain(i) ? 100 : 0) + Math.abs(top[i])));
}

/** One scale for the colours of all running sums, and of what is added to them; the root lets the small ones be seen. */
const SUMS = { scale: 4, root: true };
/** What is divided by: below 1, two digits are too few to do it again. */
const small = (size) => written(size, size < 1 ? 3 : undefined);

/** The best guess at two heights of a line, in words. */
function turned(view, before, after) {
  const [was, now] = [before, after].map((place) => {
    const { label, probability } = lensOf(view, view.at(...place))[0];
    return `“${label}”, ${percent(probability)}`;
  });
  return `Before this, its guess was ${was}; now it’s ${now}.`;
}

/** The head that is shown, and why this one. */
const shownHead = (view) => `Head ${view.head + 1}${view.isChosen ? "" : `, whose last letter in “${view.text}” looks most at one earlier letter,`}`;

const beforeBlock = (block) => (block ? ["thought", block - 1] : ["start", 0]);
const startMade = (block) => (block ? { kind: "thought", block: block - 1 } : { kind: "place", block: 0 });

const SHOWN = {
  letter: (view) => ({
    title: "A letter becomes a number",
    said:
      `A model cannot read; it computes. So each of the ${view.V} symbols has a number of its own, and ` +
      `${view.plain} is number ${view.ids[view.t]}. Number 0 is a mark: it stands before each name as “start”, and after ` +
      `it as “end”. (Where there is little room, it’s “·”.)`,
    grids: [
      {
        label: "The number of each letter so far",
        values: view.ids,
        names: view.symbols,
        write: String,
        scale: Infinity, // a number that is only a name has no colour
        how: (i) => ({ text: `“${view.symbols[i]}” is number ${view.ids[i]} in the list of symbols`, lit: [] }),
        first: view.t,
      },
    ],
    code: "letter",
  }),

  token: (view) => {
    const id = view.ids[view.t];
    const learned = view.weights("token_embedding.weight").subarray(id * view.D);
    return {
      title: "Its row in the token table",
      said:
        `Number ${id} picks row ${id} of the token table, whose rows are counted from 0. It holds ${view.D} numbers, which ` +
        `training has found for ${view.plain}. The letter gets the same row wherever it stands.`,
      grids: [
        {
          label: `Row ${id} of the token table`,
          values: view.at("token", 0),
          first: followed(view),
          part: ["token", 0],
          how: (i) => ({
            text: `Row ${id}, number ${i + 1} of ${view.D}: ${written(learned[i])}. It began as a random number, and training moved it here`,
            total: learned[i],
            note: i === followed(view) ? "We follow this number to the top: each station writes it out, or what was made with it." : "",
            lit: [],
          }),
        },
      ],
      code: "sum",
    };
  },

  place: (view) => {
    const own = lensOf(view, view.at("start", 0))[0].label === view.labels[view.ids[view.t]];
    return {
      title: "Plus the row of its place",
      said:
        `Place ${view.t} has a row, too, whichever letter stands there. The two rows are added. That’s the running sum ` +
        `of ${view.name}: ${view.D} numbers, which travel up along its line.` +
        (own ? ` (Guesses are made by the same table, at the top. This early, the sum is still much like the row of ${view.plain}, so its guess is ${view.plain} again.)` : ""),
      grids: addition(view, [
        { label: `Row of ${view.plain}`, name: "token", block: 0, made: { kind: "token", block: 0 } },
        { label: `Row of place ${view.t}`, name: "place", block: 0 },
        { label: `The running sum of ${view.name} begins`, name: "start", block: 0 },
      ]),
      off: { name: "place", words: "the places" },
      lens: ["start", 0],
      code: "sum",
    };
  },

  lookNorm: (view, block) => ({
    ...normOf(view, `blocks.${block}.attention_norm`, view.at(...beforeBlock(block)), view.at("lookNorm", block), {
      title: "Norm: a copy of a handy size",
      said: (mean, size) =>
        block
          ? `${capital(ordinal(block))} has learned numbers of its own, and it reads a line that already holds what block ${block} ` +
            `added. By now the numbers of this line have a typical size of ${size}; at the bottom it was ` +
            `${small(sizeOf(view.at("start", 0)))}. The norm makes up for that.`
          : `Sums change their size on the way up, but attention works best on numbers of about size 1. So it reads a copy: ` +
            `each number minus the average (${mean}), divided by the typical size (${size}, the root of the average ` +
            `square), times a learned number, plus another. The sum itself stays as it is.`,
      label: "The normed copy",
      source: startMade(block),
      part: ["lookNorm", 0],
    }),
    off: { name: "lookNorm", words: "this norm" },
  }),

  qkv: (view, block) => {
    const copy = view.at("lookNorm", block);
    const { head, H, D } = view;
    const part = (name) => view.at(name, block).subarray(head * H, (head + 1) * H);
    const how = (place) => layerOf(view, `blocks.${block}.attention.query_key_value`, copy, 0, followed(view), place * D + head * H);
    return {
      title: "Query, key and value",
      said: block
        ? `${shownHead(view)} makes three rows out of its copy. In block 1, ${view.name} knew only its letter and its place. ` +
          `Now its line also holds what block ${block} added. So it can ask for more, and be found by more.`
        : `Attention has ${view.N} heads. ${shownHead(view)} makes three rows of ${H} numbers out of the copy. The query says what ` +
          `${view.name} is looking for. The key says what others can find it by. The value is what it hands over to them.`,
      grids: [
        { label: "The normed copy", values: copy, made: { kind: "lookNorm", block } },
        ...["Query", "Key", "Value"].map((word, place) => ({
          label: `${word}: ${["what am I looking for?", "what can I be found by?", "what do I hand over?"][place]}`,
          values: part(word.toLowerCase()),
          part: [word.toLowerCase(), head * H],
          how: how(place),
        })),
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "heads",
    };
  },

  score: (view, block) => {
    const { t, H, head } = view;
    const query = view.at("query", block).subarray(head * H, (head + 1) * H);
    const keys = range(t + 1).map((s) => view.at("key", block, s).subarray(head * H, (head + 1) * H));
    const scores = view.at("score", block, t, head);
    const best = likeliest(scores);
    // Where the best key stands out from the others: by its product there, less their average.
    const stands = (i) => query[i] * (keys[best][i] - (t ? (sum(keys.map((key) => key[i])) - keys[best][i]) / t : 0));
    const most = likeliest(range(H).map(stands));
    const fits =
      `${best < t ? `The key of ${view.call(best)} fits best` : t ? "Its own key fits best" : "There is only its own key"}${t ? ", and stands out most" : ", with most"} in number ` +
      `${most + 1}: the query asks for ${written(query[most])} of it, the key offers ${written(keys[best][most])}, and that makes ` +
      `${written(query[most] * keys[best][most])}.`;
    return {
      title: "Scores: which key fits?",
      said: block
        ? `As in block 1, but with queries and keys that know more. ${fits}`
        : `Head ${head + 1} multiplies the query of ${view.name} with ${t ? "each key from “start” to its own" : "its own key"}, number by number. ` +
          `The total, divided by √${H} (chapter 9 says why), is the score. ${fits}${t < view.T - 1 ? " Later letters are masked: in training they’d give the answer away." : ""}`,
      grids: [
        { label: `The query of ${view.name}`, values: query, made: (i) => ({ kind: "qkv", block, cell: i }) },
        {
          label: "The key of each letter that it may see",
          values: joined(keys),
          rows: view.symbols.slice(0, t + 1),
          made: (i) => ({ kind: "qkv", block, cell: H + (i % H), column: Math.floor(i / H) }),
        },
        {
          label: "The scores",
          values: scores,
          names: view.symbols.slice(0, t + 1),
          first: best,
          how: (s) => {
            const keep = largest(query);
            const sums = products(query, keys[s], { from: (j) => [1, s * H + j], divisor: `√${H}`, over: Math.sqrt(H), keep });
            return { ...sums, lit: [...sums.lit, ...sums.lit.map(([, i]) => [0, i - s * H])] };
          },
        },
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "weights",
    };
  },

  share: (view, block) => {
    const { t, head } = view;
    const scores = view.at("score", block, t, head);
    const shares = view.at("share", block, t, head);
    const best = likeliest(shares);
    const rows = range(view.T).map((row) =>
      range(view.T).map((s) => (s <= row ? view.at("share", block, row, head)[s] : NaN)),
    );
    const gives = (l, its) => {
      const theirs = view.at("share", l, t, its);
      const to = likeliest(theirs);
      return `${percent(theirs[to])}, to ${to === t ? `${view.name} itself` : view.call(to)}`;
    };
    const before = view.headOf(block - 1);
    return {
      title: "Softmax: scores become shares",
      said:
        `Raise 2.718 (the number e) to the power of each score: all become positive, and a higher one much larger. Divide ` +
        `each by the sum of all, and they are shares, which make 1. ` +
        (t ? `Head ${head + 1} gives its largest share here, ${gives(block, head)}` : `${capital(view.name)} has only itself to look at`) +
        (t && block ? ` (in block ${block}, head ${before + 1}: ${gives(block - 1, before)}).` : "."),
      grids: [
        { label: "The scores", values: scores, names: view.symbols.slice(0, t + 1), made: { kind: "score", block } },
        {
          label: "The shares",
          values: shares,
          names: view.symbols.slice(0, t + 1),
          scale: 1,
          first: best,
          how: (s) => ({ ...shared(scores, s), lit: [[0, s]] }),
        },
        {
          label: `All shares of head ${head + 1}: a row for each letter that looks, a column for each that it looks at. The bluer, the more`,
          values: joined(rows),
          columns: view.T,
          rows: view.symbols,
          heads: view.T > 9 ? ["·", ...view.symbols.slice(1)] : view.symbols,
          names: range(view.T ** 2).map(
            (i) => `${view.symbols[Math.floor(i / view.T)]} looks at ${view.symbols[i % view.T]}`,
          ),
          colour: true,
          scale: 1,
          asks: true,
        },
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "weights",
    };
  },

  found: (view, block) => {
    const { t, H, head } = view;
    const shares = view.at("share", block, t, head);
    const values = range(t + 1).map((s) => view.at("value", block, s).subarray(head * H, (head + 1) * H));
    const found = view.at("found", block).subarray(head * H, (head + 1) * H);
    const best = likeliest(shares);
    const most = `${percent(shares[best])} of the value of ${view.call(best)}`;
    return {
      title: "Take that share of each value",
      said:
        block && best && best < t
          ? `Head ${head + 1} collects ${most}, and so on. But here a value comes from a line that block ${block} has added ` +
            `to. So ${view.call(best)} can also hand over what it had found there itself.`
          : `Now head ${head + 1} collects. It takes the value of each letter times its share, so ${most}, and adds up. That ` +
            `makes ${H} numbers, which it brings back to ${view.name}.`,
      grids: [
        { label: "The shares", values: shares, names: view.symbols.slice(0, t + 1), scale: 1, made: { kind: "share", block } },
        {
          label: "The value of each letter that it may see",
          values: joined(values),
          rows: view.symbols.slice(0, t + 1),
          made: (i) => ({ kind: "qkv", block, cell: 2 * H + (i % H), column: Math.floor(i / H) }),
        },
        {
          label: `What head ${head + 1} brings back`,
          values: found,
          part: ["found", head * H],
          how: (i) =>
            products(shares, values.map((value) => value[i]), { from: (s) => [1, s * H + i], keep: best }),
        },
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "average",
    };
  },

  attention: (view, block) => {
    const { N, H, D, head } = view;
    const found = view.at("found", block);
    const made = view.at("attention", block);
    const keep = head * H + largest(found.subarray(head * H, (head + 1) * H));
    return {
      title: "The heads, joined and mixed",
      said: block
        ? `The ${N} heads of ${ordinal(block)} have a table of their own to mix them. What this attention will add is furthest from 0 ` +
          `at number ${largest(made) + 1}: ${written(made[largest(made)])}.`
        : `All ${N} heads have brought something back, ${H} numbers each, which stand side by side. A learned table of ` +
          `weights mixes them, so that what one head found can touch all ${D} numbers of the sum. A bias is added to each.`,
      grids: [
        {
          label: `What the ${N} heads bring back, a row for each head`,
          values: found,
          columns: H,
          made: (i) => ({ kind: "found", block, cell: i % H, head: Math.floor(i / H) }),
        },
        {
          label: "Mixed",
          values: made,
          first: followed(view),
          part: ["attention", 0],
          how: layerOf(view, `blocks.${block}.attention.output`, found, 0, keep),
        },
      ],
      off: { name: "attention", words: "this attention" },
      code: "mix",
    };
  },

  looked: (view, block) =>
    added(view, {
      before: beforeBlock(block),
      part: ["attention", block],
      after: ["looked", block],
      title: "Added to the running sum",
      said:
        (block
          ? `What attention has found is added. `
          : `What attention has found is added to the running sum. Nothing is replaced: the old numbers are still in there. `) +
        (!view.t
          ? `Nothing stands before ${view.name}, so it has only looked at itself.`
          : block
            ? `Now the line of ${view.name} also holds some of what earlier letters had found in block ${block}. `
            : `Now the line of ${view.name} also holds something about what stands before it.`) +
        (block && view.t ? turned(view, beforeBlock(block), ["looked", block]) : ""),
      label: "What attention adds",
      sources: [startMade(block), { kind: "attention", block }],
      lens: ["looked", block],
    }),

  thinkNorm: (view, block) => ({
    ...normOf(view, `blocks.${block}.mlp_norm`, view.at("looked", block), view.at("thinkNorm", block), {
      title: "Norm: another copy",
      said: (mean, size) =>
        block
          ? `This MLP reads a normed copy as well: minus the average (${mean}), divided by the size (${size}), times a learned ` +
            `number, plus another. The sum has been through ${block + 1} attentions by now.`
          : `The MLP reads a normed copy, just as attention did: minus the average (${mean}), divided by the size (${size}), ` +
            `times a learned number, plus another. From here to the next sum ${view.name} is on its own; no other letter ` +
            `has a part in it.`,
      label: "The normed copy",
      source: { kind: "looked", block },
      part: ["thinkNorm", 0],
    }),
    off: { name: "thinkNorm", words: "this norm" },
  }),

  wide: (view, block) => {
    const copy = view.at("thinkNorm", block);
    const wide = view.at("wide", block);
    const first = likeliest(wide);
    return {
      title: "MLP: many small questions",
      said:
        (block
          ? `${view.F} other units, each with a pattern of its own: of letters, or of what block ${block} has made of the letters. `
          : `The MLP has ${view.F} hidden units, and each asks how much of its own pattern is in the copy. It multiplies the ` +
            `${view.D} numbers by weights of its own, adds up, and adds one more number, its bias. Above 0 means “yes”. `) +
        `Unit ${first + 1} has the largest number here, ${written(wide[first])}.`,
      grids: [
        { label: "The normed copy", values: copy, made: { kind: "thinkNorm", block } },
        { label: `${view.F} hidden units`, values: wide, first, part: ["wide", 0], columns: 16, colour: true, how: layerOf(view, `blocks.${block}.mlp.hidden`, copy, 0, followed(view)) },
      ],
      off: { name: "mlp", words: "this MLP" },
      code: "mlp",
    };
  },

  bent: (view, block) => {
    const [wide, bent] = [view.at("wide", block), view.at("bent", block)];
    const total = (isYes) => written(sum(Array.from(bent).filter((_, i) => wide[i] > 0 === isYes)));
    return {
      title: "The bend",
      said: block
        ? `The same bend. After it, the units above 0 add up to ${total(true)}, and all the others to ${total(false)}.`
        : `A bend (GELU) lets a clear yes pass, and leaves little of a no, never below −0.17. So a unit adds much only where ` +
          `its pattern is. (Chapter 10 says why an MLP needs it.)`,
      grids: [
        { label: "Hidden units before the bend", values: wide, columns: 16, colour: true, made: { kind: "wide", block } },
        {
          label: "and after it",
          values: bent,
          first: likeliest(wide),
          part: ["bent", 0],
          columns: 16,
          colour: true,
          how: (i) => {
            const passes = [wide[i]];
            gelu(passes);
            const share = wide[i] ? percent(passes[0] / wide[i]) : "50%";
            return { text: `${share} of ${written(wide[i])} passes: ${written(passes[0])}`, total: passes[0], lit: [[0, i]] };
          },
        },
      ],
      off: { name: "mlp", words: "this MLP" },
      code: "mlp",
    };
  },

  mlp: (view, block) => {
    const bent = view.at("bent", block);
    const first = likeliest(view.at("wide", block));
    return {
      title: `Back to ${view.D} numbers`,
      said: block
        ? `As in block 1, the row of each unit is multiplied by its number, and all are added up, with a bias. Unit ` +
          `${first + 1} has the largest number, so its row comes in ${written(bent[first])} times.`
        : `Each unit has a learned row of ${view.D} numbers, which is multiplied by the number of the unit after the bend. Then ` +
          `all rows are added up, with a bias. So each yes turns into something for the running sum.`,
      grids: [
        { label: `${view.F} hidden units`, values: bent, columns: 16, colour: true, made: { kind: "bent", block } },
        { label: "What the MLP adds", values: view.at("mlp", block), first: followed(view), part: ["mlp", 0], how: layerOf(view, `blocks.${block}.mlp.output`, bent, 0, first) },
      ],
      off: { name: "mlp", words: "this MLP" },
      code: "mlp",
    };
  },

  thought: (view, block) =>
    added(view, {
      before: ["looked", block],
      part: ["mlp", block],
      after: ["thought", block],
      title: `Added again: the end of ${ordinal(block)}`,
      said:
        `The MLP’s numbers are added as well. ${turned(view, ["looked", block], ["thought", block])} ` +
        (block + 1 < view.L
          ? `The line of ${view.name} goes on into ${ordinal(block + 1)}, and there it can look at lines that know more.`
          : `The line of ${view.name} has gone through every block.`),
      label: "What the MLP adds",
      sources: [{ kind: "looked", block }, { kind: "mlp", block }],
      lens: ["thought", block],
    }),

  norm: (view) => {
    const last = view.L - 1;
    return {
      ...normOf(view, "final_norm", view.at("thought", last), view.at("norm", 0), {
        title: "A last norm",
        said: (mean, size) =>
          `At the top the running sum is normed once more: minus the average (${mean}), divided by the size (${size}), times ` +
          `a learned number, plus another. This copy now has to say which letter comes next.`,
        label: "The normed copy",
        source: { kind: "thought", block: last },
        part: ["norm", 0],
      }),
      off: { name: "norm", words: "this norm" },
      code: "scores",
    };
  },

  scores: (view) => {
    const copy = view.at("norm", 0);
    const scores = view.at("scores", 0);
    const best = likeliest(scores);
    const row = (id) => view.weights("token_embedding.weight").subarray(id * view.D, (id + 1) * view.D);
    const theirs = (id) => ({ label: `The row of ${view.name2(id)} in the token table`, values: row(id) });
    return {
      title: "Against each row of the table",
      said:
        `The token table from the bottom is used again: the better the copy fits a symbol’s row, the likelier that symbol ` +
        `comes next. Multiply copy and row number by number, and add up the ${view.D} products: that’s the score. The row of ` +
        `${view.name2(best)} fits best.`,
      grids: [
        { label: "The normed copy", values: copy, made: { kind: "norm", block: 0 } },
        theirs(best),
        {
          label: `A score for each of the ${view.V} symbols`,
          values: scores,
          names: view.labels,
          columns: 9,
          digits: 1,
          first: best,
          how: (i) => {
            const sums = products(copy, row(i), { from: (j) => [0, j], keep: followed(view) });
            return { ...sums, lit: [...sums.lit, ...sums.lit.map(([, j]) => [1, j])], instead: { 1: theirs(i) } };
          },
        },
      ],
      code: "scores",
    };
  },

  guess: (view) => {
    const scores = view.at("scores", 0);
    const shares = view.shares();
    const best = likeliest(shares);
    const { temperature, t, T } = view;
    const scaled = Array.from(scores, (score) => score / temperature);
    const truth = t < T - 1 ? ` What really follows here, “${view.symbols[t + 1]}”, gets ${percent(shares[view.ids[t + 1]])}.` : "";
    return {
      title: "Softmax: the guess",
      said:
        `Softmax makes shares of the scores, as in attention. ${capital(view.name2(best))} gets ${percent(shares[best])}.${truth} ` +
        (temperature
          ? `The temperature divides all scores first: below 1 the best gets a larger share, above 1 a smaller one.`
          : `At temperature 0 nothing is divided: the best gets all.`),
      grids: [
        { label: "The scores", values: scores, names: view.labels, columns: 9, digits: 1, made: { kind: "scores", block: 0 } },
        {
          ...inPercent(view, shares),
          first: best,
          how: (i) => {
            const { text, note } = shared(scaled, i, 3);
            const divided = temperature === 1 ? "" : `${written(scores[i])} / ${written(temperature)} is ${written(scaled[i])}. `;
            return temperature
              ? { text: divided + text, note, lit: [[0, i]] }
              : { text: `At temperature 0 the best, ${view.name2(best)}, gets all`, lit: [[0, i]] };
          },
        },
      ],
      temperature: true,
      code: "softmax",
    };
  },

  drawn: (view) => {
    const shares = view.shares();
    const { id, chance } = view.dice();
    const below = sum(Array.from(shares.slice(0, id)));
    const best = likeliest(shares);
    const isLast = view.t === view.T - 1;
    const where =
      `Lay the ${view.V} shares end to end, and they fill the stretch from 0 to 1. A random number between 0 and 1, ${written(chance, 3)}, ` +
      `falls on ${view.name2(id)}${id === best ? "" : `, although ${view.name2(best)} was the best guess`}.`;
    return {
      title: "Drawn, and written",
      said: !isLast
        ? `${capital(view.name)} isn’t the last letter, so nothing is drawn here: what follows it stands there already.`
        : !id
          ? `${where} The name is finished.`
          : view.T < view.C
            ? `${where} It is appended, and all begins again with a name that is one letter longer.`
            : `${where} But the model has no room for another letter, so it stops here.`,
      grids: [
        {
          ...inPercent(view, shares),
          first: id,
          how: (i) => ({
            text:
              isLast && i === id
                ? `${view.name2(id)} reaches from ${written(below, 3)} to ${written(below + shares[id], 3)}, and ${written(chance, 3)} lies between`
                : `${view.name2(i)} has a share of ${written(shares[i], 3)}`,
            lit: [],
          }),
        },
      ],
      temperature: true,
      dice: isLast && { shares, labels: view.labels, id, chance },
      code: "draw",
    };
  },
};

/** What softmax makes of the scores, at the guess and where the dice fall. */
const inPercent = (view, shares) => ({
  label: "The share of each symbol, in percent",
  values: shares.map((share) => 100 * share),
  names: view.labels,
  columns: 9,
  digits: 0,
  scale: 100,
});

const capital = (text) => text[0].toUpperCase() + text.slice(1);
/** The place of the number furthest from 0. */
const largest = (numbers) => likeliest(Array.from(numbers, Math.abs));

/** The likeliest next symbols if the last norm and the table read these numbers now: [{label, probability}]. */
export function lensOf(view, values) {
  const [weight, bias] = ["weight", "bias"].map((name) => view.weights(`final_norm.${name}`));
  const read = new Float32Array(view.D);
  const scores = new Float32Array(view.V);
  layerNorm(read, values, { weight, bias });
  // What the reader has changed of that norm is changed here, too.
  for (const { name, index, value } of view.changes) {
    if (name !== "norm") continue;
    if (index === null) read.set(values);
    else read[index] = value;
  }
  linear(scores, { weight: view.weights("token_embedding.weight") }, read);
  return Array.from(softmax(scores), (probability, id) => ({ label: view.labels[id], probability })).sort(
    (a, b) => b.probability - a.probability,
  );
}
