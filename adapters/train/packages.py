"""Documents of published npm packages: fetched once, at the versions and hashes of `written/packages.json`."""

import base64
import hashlib
import json
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
PACKAGES = HERE / ".packages"


@cache
def _pinned() -> dict[str, tuple[str, str]]:
    """By a package's name: with its version, and its hash."""
    pinned = json.loads((HERE / "written" / "packages.json").read_text())
    return {spec.rpartition("@")[0]: (spec, integrity) for spec, integrity in pinned.items()}


def package_folder(name: str) -> Path:
    """Holds what was published. Raises ValueError where the registry's bytes are not the pinned ones."""
    spec, integrity = _pinned()[name]
    folder = PACKAGES / spec.replace("/", "+")
    if not folder.exists():
        with TemporaryDirectory() as temporary:
            subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", temporary, spec], check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(temporary).glob("*.tgz")
            digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if digest != integrity:
                raise ValueError(f"{spec} has the hash {digest}, not {integrity}")
            unpacked = Path(temporary) / "unpacked"
            with tarfile.open(archive) as files:
                files.extractall(unpacked, filter="data")
            (root,) = unpacked.iterdir()
            PACKAGES.mkdir(exist_ok=True)
            root.rename(folder)
    return folder
