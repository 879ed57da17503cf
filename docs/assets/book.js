// What a page cannot do without script: the Skim switch, a menu that closes by itself, copying code, live pieces.
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

document.addEventListener("click", (event) => {
  const mode = event.target.closest("#mode");
  if (mode) {
    const skim = !root.classList.contains("skim");
    keepingPlace(() => root.classList.toggle("skim", skim));
    mode.setAttribute("aria-checked", String(skim));
    try {
      localStorage.setItem("mode", skim ? "skim" : "read");
    } catch {
      // A browser that forbids storage forgets the choice, and nothing else.
    }
    const address = new URL(location.href);
    if (skim) address.searchParams.set("mode", "skim");
    else address.searchParams.delete("mode");
    history.replaceState(history.state, "", address);
  }
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
  { rootMargin: "1500px" },
);

// Material's scripts run before this one; where they cannot, in a browser that forbids storage, the page works all the
// same. So nothing here waits for them.
for (const figure of document.querySelectorAll("[data-widget]")) near.observe(figure);

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
      const copied = navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = await copied.then(
        () => "Copied",
        () => "Not allowed here: select it",
      );
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
}
