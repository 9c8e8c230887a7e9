"""Check the wheel as a stranger gets it: built, installed in an empty environment, run elsewhere.

Its top-level names must all be ours, and `fhirserver --help`, `serve` and `migrate` and
`fhir-bridge --help` must work outside the checkout.
"""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 90


def main() -> None:
    """Run the whole check; any failure ends it with a message."""
    with tempfile.TemporaryDirectory(prefix="fhirserver-wheel-") as folder:
        elsewhere = Path(folder)
        wheel = build(elsewhere)
        check_names(wheel)
        program = install(wheel, elsewhere / "env")
        run(program, "--help", cwd=elsewhere)
        run(program.with_name("fhir-bridge"), "--help", cwd=elsewhere)
        check_serve(program, elsewhere)
        run(program, "migrate", "--data-dir", str(elsewhere / "data"), cwd=elsewhere)
    print("the wheel works outside the checkout")


def build(folder: Path) -> Path:
    """Build the wheel from the files under version control."""
    source = folder / "source"
    source.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x"], cwd=source, check=True, input=archive.stdout)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    return next(folder.glob("*.whl"))


def check_names(wheel: Path) -> None:
    """Refuse a wheel that puts a generic name into site-packages."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    print("top-level names:", ", ".join(sorted(names)))
    strange = {name for name in names if not name.startswith("fhirserver")}
    if strange:
        sys.exit(f"the wheel would install {sorted(strange)}")


def install(wheel: Path, place: Path) -> Path:
    """Install the wheel and give the program's path."""
    venv.create(place, with_pip=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--prefer-binary"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)], check=True)
    return place / "bin" / "fhirserver"


def run(program: Path, *arguments: str, cwd: Path) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        [str(program), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(
            f"{program.name} {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        )


def check_serve(program: Path, folder: Path) -> None:
    """Start the server, read its CapabilityStatement, stop it."""
    process = subprocess.Popen(
        [str(program), "serve", "--open", "--port", "0", "--data-dir", str(folder / "data")],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        base = first_line(process).removeprefix("ready ")
        with urllib.request.urlopen(f"{base}/metadata", timeout=30) as answer:
            if b"CapabilityStatement" not in answer.read():
                sys.exit("the installed server gives no CapabilityStatement")
        process.send_signal(signal.SIGTERM)
        if process.wait(60) != 0:
            sys.exit(f"the installed server ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


def first_line(process: "subprocess.Popen[bytes]") -> str:
    """Wait for the line that says that the server is ready."""
    assert process.stdout is not None
    received, deadline = b"", time.monotonic() + START_TIMEOUT_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while b"\n" not in received and time.monotonic() < deadline:
            if selector.select(1.0):
                chunk = os.read(process.stdout.fileno(), 4096)
                if not chunk:
                    break
                received += chunk
    line = received.split(b"\n")[0].decode()
    if not line.startswith("ready "):
        sys.exit(f"the installed server did not start: {line!r}")
    return line


if __name__ == "__main__":
    main()
