// Three small things that a page cannot do without script: the Skim switch, a menu that closes by itself, copying code.
const root = document.documentElement;

document.addEventListener("click", (event) => {
  const mode = event.target.closest("#mode");
  if (mode) {
    const skim = root.classList.toggle("skim");
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

// Material says "a page is here" through `document$`, at the first load and after each instant navigation.
window.document$?.subscribe(() => {
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
