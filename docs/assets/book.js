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

// Material says "a page is here" through `document$`.
window.document$?.subscribe(() => {
  for (const figure of document.querySelectorAll("[data-widget]")) near.observe(figure);
  // Whoever follows a chapter's link to a definition wants to see its lines.
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const source = target && target.closest(".doc-object")?.querySelector(":scope > .doc-contents > details");
  if (source) source.open = true;
  if (!navigator.clipboard) return; // not on a page that came without https
  for (const block of document.querySelectorAll(".highlight:not(:has(.copy))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
});
