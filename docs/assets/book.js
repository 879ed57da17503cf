// What a page cannot do without script: the Skim switch, a menu that closes by itself, questions to guess at, copying
// code, live pieces.
const root = document.documentElement;

// What stands at the top of the window stays there, whatever appears or disappears above it.
function keepingPlace(change) {
  const prose = document.querySelectorAll("article > :is(h1, h2, h3, p, figure)");
  const first = [...prose].find((element) => element.getBoundingClientRect().bottom > 80);
  const before = first?.getBoundingClientRect().top;
  root.style.overflowAnchor = "none"; // or a browser that does the same moves twice
  change();
  if (first && scrollY) scrollBy({ top: first.getBoundingClientRect().top - before, behavior: "instant" });
  root.style.overflowAnchor = "";
}

function setMode(skim) {
  root.classList.toggle("skim", skim);
  document.getElementById("mode")?.setAttribute("aria-checked", String(skim));
  const address = new URL(location.href);
  if (skim) address.searchParams.set("mode", "skim");
  else address.searchParams.delete("mode");
  history.replaceState(history.state, "", address);
}

// Whoever follows a link to what Skim hides wants to read it: this page is read then, and the choice for the others
// stays. Says whether the page has changed.
function readIfHidden(hash) {
  let id = hash.slice(1);
  try {
    id = decodeURIComponent(id);
  } catch {
    // It stays as it is.
  }
  const target = id && document.getElementById(id);
  if (!target || !root.classList.contains("skim") || target.getClientRects().length) return false;
  root.classList.remove("skim");
  const found = target.getClientRects().length > 0;
  root.classList.add("skim");
  if (!found) return false; // hidden for another reason
  setMode(false);
  target.scrollIntoView({ behavior: "instant" });
  return true;
}
// Going back over a change of mode is no change of the hash alone.
for (const moved of ["hashchange", "popstate"]) addEventListener(moved, () => readIfHidden(location.hash));
readIfHidden(location.hash);

document.addEventListener("click", (event) => {
  if (event.target.closest("#mode")) {
    const skim = !root.classList.contains("skim");
    keepingPlace(() => setMode(skim));
    try {
      localStorage.setItem("mode", skim ? "skim" : "read");
    } catch {
      // A browser that forbids storage forgets the choice, and nothing else.
    }
  }
  // Before the browser goes there; and once more if it's the address already, which changes no hash.
  const link = event.target.closest('a[href*="#"]');
  if (link && link.href.split("#")[0] === location.href.split("#")[0]) readIfHidden(link.hash);
  for (const menu of document.querySelectorAll(".downloads[open]")) {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".downloads[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A number as people type it: 0.5, 0,5, 1,234,567, 1 234 or −3, with or without its unit. NaN if it is none.
function typedNumber(text, whole) {
  const plain = text.trim().replace(/^[−–]/, "-").replace(/(\d)[\s'’](?=\d{3}\b)/g, "$1");
  const typed = plain.match(/^[-+]?[\d.,]*\d(?:e[-+]?\d+)?/i)?.[0] ?? "";
  const last = typed.lastIndexOf(",") > typed.lastIndexOf(".") ? "," : ".";
  const other = last === "," ? "." : ",";
  // A mark that comes more than once stands between thousands. So does one alone, where a whole number is asked for.
  const thousands = new RegExp(`^[-+]?[1-9]\\d{0,2}(\\${last}\\d{3})${whole ? "+" : "{2,}"}$`).test(typed);
  const number = typed.replaceAll(thousands ? last : other, "").replace(",", ".");
  return number ? Number(number) : NaN;
}

const closed = /[.!?…]$/;

// How good a guess was is said in words, where a screen reader hears it; then the answer opens.
function answer(place, ...said) {
  const box = place.closest(".guess, .exercise");
  box.querySelector(".guess-said").replaceChildren(...said);
  box.querySelector(".guess-answer").open = true;
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest(".guess-form");
  if (!form) return;
  event.preventDefault();
  const input = form.querySelector("input");
  const { answer: exact, within, said } = form.dataset;
  const guess = typedNumber(input.value, !exact.includes("."));
  input.setAttribute("aria-invalid", String(Number.isNaN(guess)));
  if (Number.isNaN(guess)) {
    form.nextElementSibling.textContent = "Type a number, such as 12 or 0.5.";
    input.focus();
    return;
  }
  const off = Math.abs(guess - Number(exact));
  const decimals = exact.split(".")[1]?.length ?? 0;
  const typed = input.value.trim();
  if (decimals ? off < 0.5000001 * 10 ** -decimals : off === 0) answer(form, `Yes: ${said}.`);
  else if (off <= Number(within) * 1.000001) answer(form, `Close: it is ${said}.`);
  else answer(form, `You said ${typed.replace(closed, "")}; it is ${said}.`);
});

for (const choices of document.querySelectorAll(".guess-choices")) {
  const items = [...choices.querySelectorAll("li")];
  const right = items[choices.dataset.right];
  const copy = (item) => [...item.querySelector("button").cloneNode(true).childNodes];
  for (const item of items) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      for (const other of items) {
        other.firstChild.setAttribute("aria-pressed", String(other === item));
        other.classList.toggle("right", other === right);
      }
      const ends = closed.test(right.textContent) ? "" : ".";
      if (item === right) answer(item, "Yes: ", ...copy(right), ends);
      else answer(item, "You said: ", ...copy(item), closed.test(item.textContent) ? "" : ".", " It is: ", ...copy(right), ends);
    });
  }
}

// A live piece comes while its figure is some screens away, and takes the place of the still picture.
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      import("../widgets/piece.js")
        .then(({ mount }) => mount(target))
        .catch(() => (target.dataset.state = "still")); // without a connection, the picture stays
    }
  },
  { rootMargin: "600px" },
);

// One that would make a first screen heavy waits for a press: its still picture says all that it opens with.
function waitForPress(figure) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "play";
  button.textContent = "Play";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { mount } = await import("../widgets/piece.js").catch(() => ({}));
    await mount?.(figure);
    const piece = figure.querySelector(".live-piece");
    button.disabled = false; // without a connection, the next press tries again
    if (!piece) return;
    button.remove();
    piece.play();
  });
  figure.dataset.state = "still";
  figure.append(button);
}

// Material's scripts run before this one; where they cannot, in a browser that forbids storage, the page works all the
// same. So nothing here waits for them.
for (const figure of document.querySelectorAll("[data-widget]")) {
  if ("short" in figure.dataset) waitForPress(figure);
  else near.observe(figure);
}

// Whoever follows a chapter's link to a definition wants to see its lines. Its name needs no decoding.
{
  const definition = document.getElementById(location.hash.slice(1))?.closest(".doc-object");
  const source = definition?.querySelector(":scope > .doc-contents > details");
  if (source) source.open = true;
}

// Not on a page that came without https.
if (navigator.clipboard) {
  for (const block of document.querySelectorAll(".highlight")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      const shown = [...block.querySelectorAll("code")].filter((code) => !code.closest(".rest:not([open])"));
      const copied = navigator.clipboard.writeText(shown.map((code) => code.textContent).join(""));
      button.textContent = await copied.then(
        () => "Copied",
        () => "Not allowed here: select it",
      );
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
}
