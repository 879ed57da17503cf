// A file of weights: the length of a header, the header (JSON: what lies where), then the numbers themselves.
// The file may come from anywhere: nothing in it is believed before it was checked.

const LARGEST_HEADER = 16e6;
const MOST_PARAMETERS = 30e6;
const SIZES = { F32: 4, F16: 2 };
// What a reader may take for a model, by how it begins.
const OTHERS = [
  [/^PK/, "it is a zip archive, as PyTorch’s own files are"],
  [/^\x80/, "it is a pickle, as PyTorch’s old files are"],
  [/^GGUF/, "it is a GGUF file"],
  [/^(.PNG|GIF8|\xff\xd8\xff)/, "it is a picture"],
  [/^\s*[{[]/, "it is JSON"],
];

/** Throw the sentence that a reader sees for a file that is no model. */
export function refuse(why) {
  throw new Error(`This file is not a model of the book: ${why}. Write one with “gptbook export RUN --to web”.`);
}

/** JSON of an object, or a refusal. */
export function parseObject(text, what) {
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    // not JSON: refused below
  }
  return isObject(value) ? value : refuse(`${what} cannot be read`);
}

/** A safetensors file as {metadata, tensors: {name: {shape, data}}, bytes, half}; float16 becomes float32, exactly. */
export function readSafetensors(buffer) {
  const bytes = buffer.byteLength;
  const length = bytes < 8 ? Infinity : Number(new DataView(buffer).getBigUint64(0, true));
  if (length > LARGEST_HEADER || 8 + length > bytes) refuse(bytes ? otherKind(buffer) : "it is empty");
  const header = parseObject(new TextDecoder().decode(new Uint8Array(buffer, 8, length)), "its header");
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    refuse("its metadata cannot be read");
  }
  const tensors = Object.create(null); // a name like "__proto__" is a name like any other here
  const parts = []; // nothing is copied before all places are known to be right
  let half = false;
  let numParameters = 0;
  let end = 8 + length;
  for (const [name, entry] of Object.entries(entries).sort(([, a], [, b]) => start(a) - start(b))) {
    const { dtype, shape } = entry ?? {};
    if (!Object.hasOwn(SIZES, dtype)) refuse(`${clip(name)} is neither float32 nor float16`);
    if (!Array.isArray(shape) || !shape.every(isCount)) refuse(`${clip(name)} has no shape`);
    const count = shape.reduce((product, size) => product * size, 1);
    const begin = end;
    end += count * SIZES[dtype];
    // One after the other, without a gap: so no two share a number and none reaches beyond the end.
    if (8 + length + start(entry) !== begin || 8 + length + entry.data_offsets[1] !== end || end > bytes) {
      refuse(`the numbers of ${clip(name)} do not lie where they should`);
    }
    half ||= dtype === "F16";
    numParameters += count;
    parts.push([name, shape, dtype, begin, end]);
  }
  if (end !== bytes) refuse("it is longer than it says");
  if (numParameters > MOST_PARAMETERS) {
    throw new Error(`This model is too large for a page: more than ${MOST_PARAMETERS / 1e6} million parameters.`);
  }
  for (const [name, shape, dtype, begin, end] of parts) {
    const part = buffer.slice(begin, end);
    const data = dtype === "F16" ? widen(new Uint16Array(part)) : new Float32Array(part);
    for (const number of data) if (number - number !== 0) refuse(`${clip(name)} holds what is no number`);
    tensors[name] = { shape, data };
  }
  return { metadata: Object.assign(Object.create(null), metadata), tensors, bytes, half };
}

function otherKind(buffer) {
  const begin = String.fromCharCode(...new Uint8Array(buffer.slice(0, 8)));
  return OTHERS.find(([looks]) => looks.test(begin))?.[1] ?? "it is cut short, or something else";
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const start = (entry) => (Array.isArray(entry?.data_offsets) ? entry.data_offsets[0] : NaN);
export const clip = (text) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Two bytes a number to four. Bits move to their place; exponents count from 2^112 apart. */
function widen(halves) {
  const numbers = new Float32Array(halves.length);
  const bits = new Uint32Array(numbers.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i];
    bits[i] = (half & 0x7fff) << 13;
    numbers[i] = (half & 0x7c00) === 0x7c00 ? NaN : numbers[i] * (half & 0x8000 ? -(2 ** 112) : 2 ** 112);
  }
  return numbers;
}
