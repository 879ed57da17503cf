// The choice of a symptom stays in the address, so that it can be sent, and is there again when the page is. This runs
// before the picker comes: what the address asks for is chosen as it comes, before it is painted, so nothing moves.
{
  const asked = new URLSearchParams(location.search).get("see");
  const choose = () => {
    const radios = [...document.querySelectorAll(".picker input")];
    const chosen = radios.find((radio) => radio.value === asked);
    for (const radio of radios) radio.checked = radio === chosen;
    return chosen;
  };
  if (asked) {
    const coming = new MutationObserver(() => choose() && coming.disconnect());
    coming.observe(document.documentElement, { childList: true, subtree: true });
    document.addEventListener("DOMContentLoaded", () => {
      coming.disconnect();
      if (!document.querySelector(".picker :checked")) document.querySelector(".picker input").checked = true;
    });
  }
  document.addEventListener("change", (event) => {
    if (!event.target.closest(".picker")) return;
    const address = new URL(location.href);
    address.searchParams.set("see", event.target.value);
    history.replaceState(history.state, "", address);
  });
}
