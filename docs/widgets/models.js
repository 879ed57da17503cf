// The book's models, forward only: token by token, with a cache of keys and values, on plain arrays of float32.
// Shapes are written as in the book: T positions, D model_dim, N heads, H head_dim, F mlp_dim, V vocabulary.

import { clip, parseObject, refuse } from "./safetensors.js";
import { checkScores, draw, makeRandom, shape } from "./sampling.js";
import { makeTokenizer } from "./tokenizers.js";

const MOST_CACHED = 128e6; // numbers in the caches of keys and values: half a gigabyte
const ROOM = 1024; // positions that a cache has room for at first

/**
 * A model out of a file that `readSafetensors` read: {about, next(ids), look(ids), write(ids, options)}.
 * All it needs is checked here, so that a strange file ends in a sentence for the reader.
 */
export function makeModel({ metadata, tensors, bytes, half }) {
  const { format, form } = metadata;
  const forms = { "gpt-2": gpt, modern: gpt, attention, "ngram-net": ngramNet, table, iris };
  if (format !== "gptbook web 1") refuse("it was not written for a page, and does not say all that a page needs");
  if (!Object.hasOwn(forms, form ?? "")) refuse("its form is unknown here");
  const sizes = parseObject(metadata.config, "its sizes");
  const numParameters = Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0);
  const config = {}; // what is used of the sizes, and nothing else that the file says
  const size = (name) => {
    const value = Object.hasOwn(sizes, name) ? sizes[name] : null;
    if (!Number.isInteger(value) || value < 1 || value >= 1e6) refuse(`its ${name} is no size`);
    return (config[name] = value);
  };
  const left = new Set(Object.keys(tensors));
  const take = (name, ...wanted) => {
    const { shape, data } = left.delete(name) ? tensors[name] : refuse(`${name} is missing`);
    const fits = (length, axis) => length === (wanted[axis] ?? length) && length > 0; // null: any size will do
    return shape.length === wanted.length && shape.every(fits) ? data : refuse(`${name} has another shape`);
  };
  const core = forms[form](size, take, form === "modern");
  for (const name of left) refuse(`${clip(name)} has no place in it`);
  const { tokenizer = "null" } = metadata;
  const made = tokenizer === "null" ? null : makeTokenizer(parseObject(tokenizer, "its tokenizer"));
  if (made && made.vocabSize !== core.V) refuse("its tokenizer has another number of tokens");
  const about = { form, config, tokenizer: made && made.spec, numParameters, bytes, half };
  return { about, ...careful(core) };
}

/** What can be asked of a model, with what is given checked. */
function careful({ V, C, layers = 0, heads = 0, isPadded, scores }) {
  const check = (ids) => {
    const strange = ids.find((id) => !(V ? Number.isInteger(id) && id >= 0 && id < V : Number.isFinite(id)));
    if (strange !== undefined) throw new Error(`This model does not know ${strange}.`);
    if (!ids.length && !isPadded) throw new Error("There is no token to go on from: give at least one.");
    return ids.slice(-C || 0); // a full context moves on with the text
  };
  /** The scores of what comes after the tokens (V,). The array is used again by the next call. */
  const next = (ids, weights) => {
    const logits = scores(check(ids), weights);
    checkScores(logits);
    return logits;
  };
  /** The same, and where each head looks from the last position: weights (L, N, T). */
  const look = (ids) => {
    const positions = check(ids).length;
    const weights = new Float32Array(layers * heads * positions);
    return { logits: next(ids, weights).slice(), weights, layers, heads, positions };
  };
  /**
   * The scores after the last token (V,), with `touch(name, block, position, numbers, read, head)` called at each step
   * on the way, of every position: it may note the numbers that have just been computed, or change them in their
   * place. `read` is what a norm was made from. trace.js has the names.
   */
  const trace = (ids, touch) => scores(check(ids), null, touch).slice();
  /** A function that gives {id, probability} of the next token each time, and null at the end. */
  const write = (ids, { count = 100, seed = Math.random() * 2 ** 32, stop = null, ...choice } = {}) => {
    const written = Array.from(ids);
    const random = makeRandom(seed);
    return () => {
      if (count-- < 1) return null;
      const probabilities = shape(next(written), choice);
      const id = draw(probabilities, random());
      if (id === stop) return null;
      written.push(id);
      return { id, probability: probabilities[id] };
    };
  };
  return { next, look, trace, write };
}

// ---- arithmetic

/**
 * out[o...] = matrix x: `rows` rows of `cols` numbers, which begin at `m` and lie `stride` apart; x begins at `p`.
 * Four rows at a time share what is read of x: twice as fast as the plain loop.
 */
function product(out, o, matrix, m, stride, rows, cols, x, p) {
  const wholeCols = cols & ~3;
  let row = 0;
  for (; row + 3 < rows; row += 4) {
    const a = m + row * stride;
    const b = a + stride;
    const c = b + stride;
    const d = c + stride;
    let sumA = 0;
    let sumB = 0;
    let sumC = 0;
    let sumD = 0;
    let i = 0;
    for (; i < wholeCols; i += 4) {
      const x0 = x[p + i];
      const x1 = x[p + i + 1];
      const x2 = x[p + i + 2];
      const x3 = x[p + i + 3];
      sumA += matrix[a + i] * x0 + matrix[a + i + 1] * x1 + matrix[a + i + 2] * x2 + matrix[a + i + 3] * x3;
      sumB += matrix[b + i] * x0 + matrix[b + i + 1] * x1 + matrix[b + i + 2] * x2 + matrix[b + i + 3] * x3;
      sumC += matrix[c + i] * x0 + matrix[c + i + 1] * x1 + matrix[c + i + 2] * x2 + matrix[c + i + 3] * x3;
      sumD += matrix[d + i] * x0 + matrix[d + i + 1] * x1 + matrix[d + i + 2] * x2 + matrix[d + i + 3] * x3;
    }
    for (; i < cols; i++) {
      sumA += matrix[a + i] * x[p + i];
      sumB += matrix[b + i] * x[p + i];
      sumC += matrix[c + i] * x[p + i];
      sumD += matrix[d + i] * x[p + i];
    }
    out[o + row] = sumA;
    out[o + row + 1] = sumB;
    out[o + row + 2] = sumC;
    out[o + row + 3] = sumD;
  }
  for (; row < rows; row++) {
    const a = m + row * stride;
    let sum = 0;
    for (let i = 0; i < cols; i++) sum += matrix[a + i] * x[p + i];
    out[o + row] = sum;
  }
}

/** out = layer(x), as PyTorch's Linear. */
export function linear(out, { weight, bias }, x) {
  product(out, 0, weight, 0, x.length, out.length, x.length, x, 0);
  if (bias) add(out, bias);
}

function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}

function squaredRelu(x) {
  for (let i = 0; i < x.length; i++) x[i] = x[i] > 0 ? x[i] * x[i] : 0;
}

/** GPT-2's formula, x (1 + tanh u) / 2, with the tanh written as one exponential. */
export function gelu(x) {
  const scale = -2 * Math.sqrt(2 / Math.PI);
  for (let i = 0; i < x.length; i++) x[i] /= 1 + Math.exp(scale * x[i] * (1 + 0.044715 * x[i] * x[i]));
}

export function layerNorm(out, x, { weight, bias }) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  const mean = sum / x.length;
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / x.length + 1e-5);
  for (let i = 0; i < x.length; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

/** Scale the numbers from `first` on; PyTorch's epsilon is the precision of float32. Nothing is learned. */
function rmsNorm(out, x, _, first = 0, length = x.length) {
  let squares = 0;
  for (let i = first; i < first + length; i++) squares += x[i] * x[i];
  const scale = 1 / Math.sqrt(squares / length + 2 ** -23);
  for (let i = first; i < first + length; i++) out[i] = x[i] * scale;
}

function softmaxInPlace(x, length) {
  let best = -Infinity;
  for (let i = 0; i < length; i++) if (x[i] > best) best = x[i];
  let total = 0;
  for (let i = 0; i < length; i++) total += x[i] = Math.exp(x[i] - best);
  for (let i = 0; i < length; i++) x[i] /= total;
}

// ---- the forms with attention

const layer = (take, name, ...shape) => ({
  weight: take(`${name}.weight`, ...shape),
  bias: take(`${name}.bias`, shape[0]),
});

/** Queries, keys and values lie in one tensor: three layers that look into it. */
function together(take, name, D) {
  const { weight, bias } = layer(take, `${name}.query_key_value`, 3 * D, D);
  const rows = (tensor, i, width) => tensor.subarray(i * width, (i + 1) * width);
  const part = (i) => ({ weight: rows(weight, i, D * D), bias: rows(bias, i, D) });
  return { query: part(0), key: part(1), value: part(2), output: layer(take, `${name}.output`, D, D) };
}

/** GPT-2, or the modern one: no biases, and norms without weights. */
function gpt(size, take, isModern) {
  const names = ["vocab_size", "context_length", "num_layers", "num_heads", "model_dim", "mlp_dim"];
  const [V, C, L, N, D, F] = names.map(size);
  const plain = (name, out, into) => ({ weight: take(`${name}.weight`, out, into) });
  const dense = (...given) => (isModern ? plain(...given) : layer(take, ...given));
  const norm = (name) => !isModern && layer(take, name, D);
  const separate = (name) =>
    Object.fromEntries(["query", "key", "value", "output"].map((part) => [part, plain(`${name}.${part}`, D, D)]));
  const embedding = take("token_embedding.weight", V, D);
  const positions = !isModern && take("position_embedding.weight", C, D);
  const blocks = Array.from({ length: L }, (_, number) => {
    const name = `blocks.${number}`;
    return {
      ...(isModern ? separate(`${name}.attention`) : together(take, `${name}.attention`, D)),
      norm: norm(`${name}.attention_norm`),
      mlpNorm: norm(`${name}.mlp_norm`),
      hidden: dense(`${name}.mlp.hidden`, F, D),
      back: dense(`${name}.mlp.output`, D, F),
    };
  });
  const rest = isModern
    ? { norm: rmsNorm, bend: squaredRelu, prediction: plain("prediction", V, D), turns: true }
    : { norm: layerNorm, bend: gelu, prediction: { weight: embedding }, finalNorm: norm("final_norm"), positions };
  return transformer({ V, C, N, D, F, blocks, embedding, ...rest });
}

function attention(size, take) {
  const [V, D, N] = ["vocab_size", "model_dim", "num_heads"].map(size);
  const embedding = take("embedding.weight", V, D);
  const blocks = [together(take, "attention", D)];
  const norm = (out, x) => out.set(x);
  return transformer({ V, D, N, blocks, embedding, norm, prediction: layer(take, "prediction", V, D) });
}

/** All that has attention. `turns`: queries and keys are normalised and turned by their position (rotary). */
function transformer({ V, D, N, C, F = 0, blocks, embedding, positions, norm, bend, finalNorm, prediction, turns }) {
  const H = D / N;
  if (D % N || (turns && H % 2)) refuse("its heads cannot share model_dim");
  const [x, h, q, k, v, mixed] = Array.from({ length: 6 }, () => new Float32Array(D));
  const hidden = new Float32Array(F);
  const logits = new Float32Array(V);
  let known = []; // the tokens that the caches remember
  let caches; // of each layer: keys (N, T, H), and values turned round, (N, H, T), so that `product` serves both
  let room = 0; // the T of the caches
  let scores;
  let cos;
  let sin;

  const makeRoom = (wanted) => {
    let length = room || Math.min(C ?? ROOM, ROOM);
    while (length < wanted) length = Math.min(C ?? Infinity, 2 * length);
    if (2 * blocks.length * length * D > MOST_CACHED) throw new RangeError("too long for the caches");
    known = [];
    scores = new Float32Array(length);
    caches = blocks.map(() => ({ keys: new Float32Array(length * D), values: new Float32Array(length * D) }));
    if (turns) {
      // Rounded where PyTorch rounds: far from the start, angles are large.
      const { fround } = Math;
      const half = H / 2;
      const angle = (_, i) => Math.floor(i / half) * fround(10_000 ** -fround((i % half) / half));
      const angles = new Float32Array(length * half).map(angle);
      cos = angles.map(Math.cos);
      sin = angles.map(Math.sin);
    }
    room = length; // only now: where memory was too little for it, the old room stands
  };

  const turn = (x, t) => {
    const half = H / 2;
    for (let first = 0; first < D; first += H) {
      rmsNorm(x, x, null, first, H);
      for (let i = first, at = t * half; i < first + half; i++, at++) {
        const a = x[i];
        const b = x[i + half];
        x[i] = a * cos[at] - b * sin[at];
        x[i + half] = a * sin[at] + b * cos[at];
      }
    }
  };

  /** One more token, at position t. Its scores are wanted of the last only: of others, what later ones look at. */
  const step = (id, t, isLast, weights, touch) => {
    x.set(embedding.subarray(id * D, id * D + D));
    touch?.("token", 0, t, x);
    if (positions) {
      h.set(positions.subarray(t * D, t * D + D));
      touch?.("place", 0, t, h);
      add(x, h);
    }
    if (turns) rmsNorm(x, x);
    touch?.("start", 0, t, x);
    for (let l = 0; l < blocks.length; l++) {
      const block = blocks[l];
      const { keys, values } = caches[l];
      norm(h, x, block.norm);
      touch?.("lookNorm", l, t, h, x);
      linear(k, block.key, h);
      linear(v, block.value, h);
      if (turns) turn(k, t);
      touch?.("key", l, t, k);
      touch?.("value", l, t, v);
      for (let i = 0; i < D; i++) {
        const inHead = i % H;
        keys[(i - inHead) * room + t * H + inHead] = k[i];
        values[i * room + t] = v[i];
      }
      if (!isLast && !touch && l === blocks.length - 1) return;
      linear(q, block.query, h);
      if (turns) turn(q, t);
      touch?.("query", l, t, q);
      for (let i = 0; i < D; i++) q[i] /= Math.sqrt(H);
      for (let n = 0; n < N; n++) {
        const from = n * H * room;
        product(scores, 0, keys, from, H, t + 1, H, q, n * H);
        touch?.("score", l, t, scores.subarray(0, t + 1), null, n);
        softmaxInPlace(scores, t + 1);
        touch?.("share", l, t, scores.subarray(0, t + 1), null, n);
        product(mixed, n * H, values, from, room, H, t + 1, scores, 0);
        if (isLast) weights?.set(scores.subarray(0, t + 1), (l * N + n) * (t + 1));
      }
      touch?.("found", l, t, mixed);
      linear(h, block.output, mixed);
      touch?.("attention", l, t, h);
      add(x, h);
      touch?.("looked", l, t, x);
      if (!bend) continue;
      norm(h, x, block.mlpNorm);
      touch?.("thinkNorm", l, t, h, x);
      linear(hidden, block.hidden, h);
      touch?.("wide", l, t, hidden);
      bend(hidden);
      touch?.("bent", l, t, hidden);
      linear(h, block.back, hidden);
      touch?.("mlp", l, t, h);
      add(x, h);
      touch?.("thought", l, t, x);
    }
    if (!isLast && !touch) return;
    norm(h, x, finalNorm);
    touch?.("norm", 0, t, h, x);
    linear(logits, prediction, h);
    touch?.("scores", 0, t, logits);
  };

  return {
    V,
    C,
    layers: blocks.length,
    heads: N,
    /** What the caches know of the beginning of the tokens is not computed again. Fills `weights`, if it is given. */
    scores(ids, weights, touch) {
      if (ids.length > room) makeRoom(ids.length);
      if (touch) known = []; // all is to be touched
      let t = 0;
      while (t < ids.length - 1 && ids[t] === known[t]) t++;
      known.length = t;
      for (; t < ids.length; t++) {
        step(ids[t], t, t === ids.length - 1, weights, touch);
        known.push(ids[t]);
      }
      if (touch) known = []; // the caches may hold what was changed
      return logits;
    },
  };
}

// ---- the others

function ngramNet(size, take) {
  const [V, C] = ["vocab_size", "context_length"].map(size);
  const embedding = take("embedding.weight", V, null);
  const E = embedding.length / V;
  const second = layer(take, "second", null, null);
  const W = second.bias.length;
  const layers = [layer(take, "first", W, C * E), second, layer(take, "output", V, W)];
  const joined = new Float32Array(C * E);
  const run = stack(layers);
  const scores = (ids) => {
    for (let place = 0; place < C; place++) {
      const id = ids[ids.length - C + place] ?? 0; // before the first token: marks
      joined.set(embedding.subarray(id * E, id * E + E), place * E);
    }
    return run(joined);
  };
  return { V, C, isPadded: true, scores };
}

/** Layers with a ReLU between them. */
function stack(layers) {
  const results = layers.map(({ bias }) => new Float32Array(bias.length));
  return (x) => {
    layers.forEach((each, i) => {
      if (i) for (let j = 0; j < x.length; j++) x[j] = Math.max(0, x[j]);
      linear(results[i], each, x);
      x = results[i];
    });
    return x;
  };
}

/** A row of probabilities for each last token. Their logarithms are scores: softmax gives them back. */
function table(size, take) {
  const V = size("vocab_size");
  const rows = take("probabilities", V, V);
  const row = (id) => rows.subarray(id * V, id * V + V);
  for (let id = 0; id < V; id++) {
    const wrong = row(id).reduce((rest, share) => rest - (share < 0 ? NaN : share), 1);
    if (!(Math.abs(wrong) < 0.01)) refuse(`row ${id} of its table does not add up to 1`);
  }
  return { V, C: 1, scores: ([id]) => row(id).map(Math.log) };
}

/** Four lengths in, three scores out. */
function iris(size, take) {
  const hidden = layer(take, "hidden", null, 4);
  const run = stack([hidden, layer(take, "output", 3, hidden.bias.length)]);
  return { C: 4, scores: (lengths) => run(Float32Array.from({ length: 4 }, (_, i) => lengths[i])) };
}
