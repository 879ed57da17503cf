"""Build, read and clean the book: `python -m bookbuild build`."""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from bookbuild.chapter import BuildError
from bookbuild.check import check_site
from bookbuild.project import this_project

SITE = "site"
PORT = 8000


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bookbuild",
        description="Execute the chapters and build the site.",
        epilog="example: python -m bookbuild build && python -m bookbuild serve --port 8001",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser(
        "build",
        help="execute what changed, build the site, check every link",
        epilog="example: python -m bookbuild build --site-url https://example.org/book/",
    )
    build.add_argument("--site-dir", type=Path, default=None, metavar="DIR", help="where to put it (default: site)")
    build.add_argument(
        "--site-url", metavar="URL", help="the address it will be served at (default: SITE_URL or localhost)"
    )
    build.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    serve = commands.add_parser(
        "serve",
        help="read the book here, rebuilt whenever a file is saved",
        epilog="example: python -m bookbuild serve --port 8001",
    )
    serve.add_argument("--port", type=int, default=PORT, help=f"port on this machine (default: {PORT})")
    commands.add_parser(
        "clean",
        help="remove the site and everything that can be made again",
        epilog="example: python -m bookbuild clean",
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            return run_build(options.site_dir, options.site_url, quiet=options.quiet)
        if options.command == "serve":
            return run_serve(options.port)
        return run_clean()
    except BuildError as error:
        print(f"bookbuild: {error}", file=sys.stderr)
        return 2


def run_build(site_dir: Path | None, site_url: str | None, *, quiet: bool) -> int:
    root = this_project().root
    site_dir = (site_dir or root / SITE).resolve()
    environment = build_environment()
    if site_url:
        environment["SITE_URL"] = site_url
    started = time.monotonic()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--site-dir", str(site_dir)]
    if quiet:
        command.append("--quiet")
    if subprocess.run(command, cwd=root, env=environment, check=False).returncode:
        raise BuildError("the site was not built; the lines above say where and why")
    base_path = urlsplit(environment.get("SITE_URL", "")).path or "/"
    if faults := check_site(site_dir, base_path):
        raise BuildError(f"{len(faults)} faults in the finished site:\n  " + "\n  ".join(faults))
    if not quiet:
        seconds = time.monotonic() - started
        print(f"The book is in {site_dir}{os.sep}index.html, built in {seconds:.0f} s.")
        print("Read it with `make serve` (or `python -m bookbuild serve`).")
    return 0


def run_serve(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise BuildError(
                f"port {port} cannot be used ({getattr(error, 'strerror', None) or error}); "
                f"try another: make serve PORT={PORT + 1}"
            ) from None
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", f"127.0.0.1:{port}"]
    for folder in ("code", "data"):
        command += ["--watch", folder]
    try:
        return subprocess.run(command, cwd=this_project().root, env=build_environment(), check=False).returncode
    except KeyboardInterrupt:
        return 0


def run_clean() -> int:
    root = this_project().root
    for name in (SITE, ".cache"):
        if (root / name).exists():
            shutil.rmtree(root / name)
            print(f"removed {root / name}")
    return 0


def build_environment() -> dict[str, str]:
    """The same clock for two builds of one tree: the time of its last commit."""
    environment = dict(os.environ, NO_MKDOCS_2_WARNING="1", PYTHONHASHSEED="0", TZ="UTC")
    if "SOURCE_DATE_EPOCH" not in environment:
        command = ["git", "log", "-1", "--format=%ct"]
        try:
            found = subprocess.run(command, cwd=this_project().root, capture_output=True, text=True, check=False)
            environment["SOURCE_DATE_EPOCH"] = found.stdout.strip() or "0"
        except OSError:  # no git: a downloaded archive
            environment["SOURCE_DATE_EPOCH"] = "0"
    return environment


def navigation() -> list[object]:
    """The `nav` of mkdocs.yml, read without MkDocs."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    # Tags such as !ENV mean something to MkDocs alone; here they may be anything.
    Loader.add_multi_constructor("", lambda loader, suffix, node: None)
    text = (this_project().root / "mkdocs.yml").read_text(encoding="utf-8")
    return list(yaml.load(text, Loader)["nav"])


if __name__ == "__main__":
    sys.exit(main())
