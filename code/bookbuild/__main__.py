"""Build, read and clean the book: `python -m bookbuild build`."""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from bookbuild.chapters.chapter import BuildError
from bookbuild.project import this_project
from bookbuild.site.check import check_site
from bookbuild.site.serving import HOST, become, port_number, run_child
from bookbuild.site.site_folder import checked_site_dir, put_site, remove_site

SITE = "site"
PORT = 8000
INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal or a pipe may know fewer letters than the book: then it gets them spelled out.
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(arguments)
        code = run_command(options)
        sys.stdout.flush()  # here, where a closed pipe can still be told from a fault
        return code
    except BuildError as error:
        print(f"bookbuild: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bookbuild: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough (`| head`); Python would complain once more when it closes the stream.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"bookbuild: {where}{error.strerror or error}: mend that, and try again", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
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
    build.add_argument(
        "--site-dir",
        type=Path,
        default=None,
        metavar="DIR",
        help="where to put it: a new or empty folder, or a site that was built there (default: site)",
    )
    build.add_argument(
        "--site-url", metavar="URL", help="the address it will be served at (default: SITE_URL or localhost)"
    )
    build.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    serve = commands.add_parser(
        "serve",
        help="read the book here, rebuilt whenever a file is saved",
        epilog="example: python -m bookbuild serve --port 8001",
    )
    serve.add_argument("--port", default=str(PORT), help=f"port on this machine; 0 is any (default: {PORT})")
    commands.add_parser(
        "clean",
        help="remove the site and everything that can be made again",
        epilog="example: python -m bookbuild clean",
    )
    return parser


def run_command(options: argparse.Namespace) -> int:
    if options.command == "build":
        return run_build(options.site_dir, options.site_url, quiet=options.quiet)
    if options.command == "serve":
        return run_serve(options.port)
    return run_clean()


def run_build(site_dir: Path | None, site_url: str | None, *, quiet: bool) -> int:
    project = this_project()
    site_dir = checked_site_dir(site_dir or project.root / SITE, project)
    environment = build_environment()
    if site_url is not None:
        environment["SITE_URL"] = checked_url(site_url)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="book-") as folder:
        built = Path(folder) / SITE
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(built)]
        # Not by its own --quiet: with that, MkDocs counts no warning, and a strict build passes in spite of them.
        with tempfile.TemporaryFile() as said:
            if run_child(command, project.root, environment, said if quiet else None):
                said.seek(0)
                sys.stderr.buffer.write(said.read())
                raise BuildError("the site was not built; the lines above say where and why")
        base_path = urlsplit(environment.get("SITE_URL", "")).path or "/"
        if faults := check_site(built, base_path, project.cache_dir):
            raise BuildError(f"{len(faults)} faults in the finished site:\n  " + "\n  ".join(faults))
        put_site(built, site_dir)
    if not quiet:
        seconds = time.monotonic() - started
        print(f"The book is in {site_dir}{os.sep}index.html, built in {seconds:.0f} s.")
        print("Read it with `make serve` (or `python -m bookbuild serve`).")
    return 0


def run_serve(port: str) -> int:
    number = port_number(port)
    print(f"The book will be at http://{HOST}:{number}/ as soon as it is built; Ctrl-C ends it.", flush=True)
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", f"{HOST}:{number}"]
    for folder in ("code", "data"):
        command += ["--watch", folder]
    return become(command, this_project().root, build_environment())


def run_clean() -> int:
    project = this_project()
    site, cache = project.root / SITE, project.root / ".cache"
    if site.is_symlink() or site.exists():
        stays = remove_site(checked_site_dir(site, project))
        print(
            f"removed {site}" if not stays else f"kept in {site}, since no build has put it there: {', '.join(stays)}"
        )
    if cache.is_symlink():
        raise BuildError(f"{cache} is a link to another folder: remove it yourself")
    if cache.exists():
        shutil.rmtree(cache)
        print(f"removed {cache}")
    return 0


def checked_url(text: str) -> str:
    """An address that a site can be served at. Raises BuildError for another."""
    advice = "give one such as https://example.org/book/"
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise BuildError(f"--site-url {text!r} is no address ({error}): {advice}") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BuildError(f"--site-url {text!r} is no address of a site: {advice}")
    return text


def build_environment() -> dict[str, str]:
    """The same clock for two builds of one tree: the time of its last commit."""
    environment = dict(os.environ, NO_MKDOCS_2_WARNING="1", PYTHONHASHSEED="0", TZ="UTC")
    environment["PYTHONIOENCODING"] = f"{sys.stdout.encoding or 'utf-8'}:backslashreplace"
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
