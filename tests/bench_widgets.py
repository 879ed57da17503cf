"""How fast a GPT of a million parameters writes in a page, beside the same model in PyTorch, in turn, in one run.

In the page it writes twice: on the page's own thread, as the chapters' models do, and in the worker, as a reader's own
does; once more with the browser slowed down four times, as Lighthouse does for a telephone (which slows the page's
thread, and the worker's only in part). PyTorch has the key-value cache and one core. Ratios travel between machines,
tokens a second do not.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from conftest import CHROMIUM_FLAGS, find_chromium, served
from fair import same_threads, verdict, watched_load
from playwright.sync_api import Page, sync_playwright

from gptbook.data.bpe import BytePairTokenizer
from gptbook.exchange.export import save_for_web
from gptbook.generation.sampling import stream_tokens
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT

SIZES = GPTConfig(vocab_size=256, context_length=256, num_layers=5, num_heads=4, model_dim=128, mlp_dim=512)
WANTED = {"page": 500, "page, slowed 4x": 100}
START = [5, 6, 7, 8]
BLANK = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><script type=module>
const { openModel } = await import("./widgets/engine.js");
const { makeModel } = await import("./widgets/models.js");
const { readSafetensors } = await import("./widgets/safetensors.js");
const here = makeModel(readSafetensors(await (await fetch("model.safetensors")).arrayBuffer()));
const there = await openModel("model.safetensors");
const speed = async (count, work) => {
  const began = performance.now();
  await work(count);
  return (1000 * count) / (performance.now() - began);
};
window.page = (start, count, choice) => speed(count, () => {
  const next = here.write(start, { count, ...choice });
  while (next());
});
window.worker = (start, count, choice) => speed(count, async () => {
  for await (const token of there.write(start, { count, ...choice })) void token;
});
window.ready = true;
</script>"""


def in_page(page: Page, way: str, num_new: int, slowed: bool) -> float:
    """Tokens a second, by the page's own clock."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4 if slowed else 1})
    choice = {"temperature": 0.8, "topP": 0.95, "seed": 1}
    speed: float = page.evaluate("([way, ...given]) => window[way](...given)", [way, START, num_new, choice])
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    session.detach()
    return speed


def in_torch(model: GPT | ModernGPT, num_new: int) -> float:
    began = time.perf_counter()
    count = sum(1 for _ in stream_tokens(model, START, num_new, temperature=0.8, top_p=0.95))
    return count / (time.perf_counter() - began)


def measure(form: str, chromium: str, num_rounds: int, num_new: int) -> dict[str, list[float]]:
    """Tokens a second of each way, in turn."""
    torch.manual_seed(0)
    model: GPT | ModernGPT = ModernGPT(SIZES) if form == "modern" else GPT(SIZES)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    speeds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "index.html").write_text(BLANK)
        (folder / "widgets").symlink_to(Path(__file__).parents[1] / "docs" / "widgets")
        save_for_web(model.eval(), BytePairTokenizer([]), folder)
        with served(folder) as site:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            page = browser.new_page()
            page.goto(site.url)
            page.wait_for_function("window.ready")
            for number in range(num_rounds + 1):  # the first is for the compilers
                found = {"PyTorch": in_torch(model, num_new)}
                for way in ("page", "worker"):
                    found[way] = in_page(page, way, num_new, slowed=False)
                    found[f"{way}, slowed 4x"] = in_page(page, way, num_new, slowed=True)
                if number:
                    for way, speed in found.items():
                        speeds.setdefault(way, []).append(speed)
            browser.close()
    return speeds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python tests/bench_widgets.py --rounds 3 --tokens 100",
    )
    parser.add_argument("--rounds", type=int, default=5, help="medians over so many rounds (default: 5)")
    parser.add_argument("--tokens", type=int, default=200, help="tokens to write each time (default: 200, at most 252)")
    options = parser.parse_args()
    if options.rounds < 1 or not 1 <= options.tokens <= SIZES.context_length - len(START):
        parser.error("give 1 round or more, and 1 to 252 tokens")
    chromium = find_chromium()
    if not chromium:
        print("bench_widgets: needs Chromium: apt-get install chromium", file=sys.stderr)
        return 2
    same_threads(1)
    code = 0
    for form in ("modern", "gpt-2"):
        with watched_load() as load:
            speeds = measure(form, chromium, options.rounds, options.tokens)
        base = statistics.median(speeds["PyTorch"])
        print(f"{form}, {options.tokens} tokens of a GPT of a million parameters; medians of {options.rounds}:")
        for way, found in speeds.items():
            median = statistics.median(found)
            wanted = f"   wanted {WANTED[way]}" if way in WANTED else ""
            span = f"{min(found):.0f} to {max(found):.0f}"
            print(f"  {way:<18}{median:>7.0f} tokens a second ({span}){median / base:>7.2f} x PyTorch{wanted}")
        holds = all(statistics.median(speeds[way]) >= least for way, least in WANTED.items())
        code = max(code, verdict("As fast as wanted", holds, load))
    return code


if __name__ == "__main__":
    sys.exit(main())
