"""
Runs VyOS's own programs for a config.boot on standard input: its parser of configurations, and of each protocol the
program that reads, verifies and turns it into FRR's configuration. Nothing is applied. Prints JSON: the commands that
VyOS reads from the file, what it refuses, and the configuration for FRR.

    python vyos-generate.py FOLDER < config.boot

FOLDER has vyos-1x/, with its caches made as its Makefile does, and libvyosconfig.so.
"""

import ctypes
import importlib.util
import json
import sys
from pathlib import Path
from unittest import mock

folder = Path(sys.argv[1]).resolve()
source = folder / "vyos-1x"
sys.path.insert(0, str(source / "python"))
load_library = ctypes.cdll.LoadLibrary


def find_library(path):
    """VyOS has its parser in /usr/lib."""
    return load_library(str(folder / "libvyosconfig.so") if "vyosconfig" in path else path)


# What a running system has, and a parser needs not: only programs that look at one ask for them.
for absent in ("vyos.airbag", "vyos.ifconfig", "vyos.remote", "systemd", "systemd.journal", "pystemd", "hurry", "hurry.filesize"):
    sys.modules[absent] = mock.MagicMock()
ctypes.cdll.LoadLibrary = find_library

from vyos import template  # noqa: E402
from vyos.config import Config  # noqa: E402
from vyos.configsource import ConfigSourceString  # noqa: E402
from vyos.configtree import ConfigTree  # noqa: E402

template.DEFAULT_TEMPLATE_DIR = str(source / "data/templates")

#: Protocols by the program that knows them, in the order in which VyOS commits them.
programs = ["policy", "protocols_bfd", "protocols_bgp", "protocols_static"]


def program(name):
    path = source / "src/conf_mode" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # No such machine is there to ask: no address is its own, and interfaces are where the configuration has them.
    for question in ("is_addr_assigned", "get_interface_vrf", "is_interface"):
        if hasattr(module, question):
            setattr(module, question, lambda *_: False)
    return module


def run(name, config, vrf=None):
    """What a program makes of a configuration for the default VRF, or another."""
    module = program(name)
    module.argv = [name] if vrf is None else [name, vrf]
    read = module.get_config(config)
    if read is None or "deleted" in read:
        return {"program": name, "frr": "", "warnings": []}
    said = []
    module.Warning = lambda text: said.append(text)
    try:
        module.verify(read)
        module.generate(read)
    except Exception as refusal:  # ConfigError, or anything that a program stumbles over
        return {"program": name, "refused": f"{type(refusal).__name__}: {refusal}", "warnings": said}
    texts = [text for key, text in read.items() if key.startswith("frr_") or key.startswith("new_frr_")]
    return {"program": name, "frr": "\n".join(texts), "warnings": said}


def main():
    text = sys.stdin.read()
    tree = ConfigTree(text)
    config = Config(config_source=ConfigSourceString(text, text))
    vrfs = config.list_nodes(["vrf", "name"]) if config.exists(["vrf", "name"]) else []
    answers = [run(name, config) for name in programs]
    answers += [run(name, config, vrf) for vrf in vrfs for name in ("protocols_bgp", "protocols_static")]
    json.dump({"commands": tree.to_commands().splitlines(), "answers": answers}, sys.stdout)


main()
