// On a wide screen the tower also stands beside the paragraphs that tell of its stations, and follows what is read.
import { el } from "./piece.js";
import { tower } from "./tower.js";

/** How the paragraphs begin that tell of a station, and which: its kind and its block. */
const TOLD = {
  "Tokens.": ["letter", 0],
  "The token table.": ["token", 0],
  "Positions.": ["place", 0],
  "Attention in the first block.": ["share", 0],
  "The MLP in the first block.": ["bent", 0],
  "The other blocks.": ["share", 1],
  "The guess.": ["guess", 0],
};

/** {show, gone}: `show` is the tower's; `onPick(kind, block)` is called for the station that the reader touched there. */
export function standBeside(blocks, onPick) {
  const its = tower(blocks, ({ opens, block }) => onPick(opens, block));
  const about = el("p");
  const element = el("div", { class: "tower-beside" }, el("div", {}, its.element, about));
  const seen = new Set(); // paragraphs on the screen
  let now = TOLD["Tokens."];
  let column = null; // nothing is shown yet
  const mark = () => column === null || its.mark(...now, column);
  const read = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) now = TOLD[target.firstChild.textContent];
      mark();
    },
    { rootMargin: "-30% 0px -60%" }, // a third from the top is where one reads
  );
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) seen[isIntersecting ? "add" : "delete"](target);
    element.classList.toggle("here", seen.size > 0);
  });
  const words = [...document.querySelectorAll("article p > strong:first-child")];
  const told = words.filter((word) => Object.hasOwn(TOLD, word.textContent)).map((word) => word.parentElement);
  for (const paragraph of told) for (const watch of [read, near]) watch.observe(paragraph);
  told[0]?.before(element);
  const show = (what) => {
    its.show(what);
    about.textContent = `This page’s GPT reads “${what.symbols.slice(1).join("")}”. Touch a part to see its numbers.`;
    column = what.t;
    mark();
  };
  const gone = () => {
    for (const watch of [read, near]) watch.disconnect();
    element.remove();
  };
  return { show, gone };
}
