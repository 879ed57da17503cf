// Two small things that a page cannot do without script: the Skim switch, and a menu that closes by itself.
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
