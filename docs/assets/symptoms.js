// The choice of a symptom stays in the address, so that it can be sent, and is there again when the page is. This runs
// right behind the form, before it is painted: nothing moves.
{
  const form = document.querySelector(".picker");
  const radios = [...form.querySelectorAll("input")];
  const asked = new URLSearchParams(location.search).get("see");
  const chosen = radios.find((radio) => radio.value === asked);
  if (chosen) chosen.checked = true;
  form.addEventListener("change", (event) => {
    const address = new URL(location.href);
    address.searchParams.set("see", event.target.value);
    history.replaceState(history.state, "", address);
  });
}
