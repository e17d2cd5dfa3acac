"""A tripwire in worker processes: opening what was not staged ends the run with the reason.

Python is no sandbox: code that calls the operating system without Python's own functions is not
seen here. The guard catches accidents and the common tricks, and names them; the non-interference
check finds what it cannot.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from devbench.errors import PluginError
from devbench.registry import PluginRef

Allow = Callable[[Path], None]
CODE_SUFFIXES = (".py", ".pyc", ".pyi", ".so", ".pth", ".typed")
BUILT_IN = "devbench_plugins"
METADATA_SUFFIXES = (".dist-info", ".egg-info")
INSTALLED = ("site-packages", "dist-packages")
SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/sys", "/dev", "/opt/cuda", "/usr/local", "/bin")
WATCHED_FILES = frozenset({
    "open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.link", "os.symlink",
    "os.mkdir", "os.rmdir", "os.truncate", "os.chmod",
})  # fmt: skip
TWO_PATHS = frozenset({"os.rename", "os.link", "os.symlink"})
WATCHED_ACTS = frozenset({"socket.connect", "socket.bind", "subprocess.Popen", "os.system",
                          "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})  # fmt: skip


def install(scratch: Path, report: Callable[[str], None], *, plugins: Iterable[PluginRef]) -> Allow:
    """From now on, refuse and report files outside scratch and Python, networks and new processes.

    plugins: whose own packages may be read. Returns what allows reading one more folder, such as
    that of an artifact; no plugin gets it. Audit hooks cannot be removed again; the process must
    end with its task.
    """
    sys.dont_write_bytecode = True  # or an import would write beside the code it reads
    readable_roots = sorted(map(os.path.realpath, (*SYSTEM, *code_roots(plugins))))
    # A project folder on the path (an editable install) may hold a store beside the code: Python
    # must list it to import from it, but only code is read there.
    listable = frozenset(os.path.realpath(path) for path in sys.path if path)
    home = os.path.realpath(scratch)
    own_proc = ("/proc/self", f"/proc/{os.getpid()}", "/proc/meminfo", "/proc/cpuinfo",
                "/proc/stat", "/proc/sys", "/proc/mounts", "/proc/driver")  # fmt: skip

    def below(path: str, root: str) -> bool:
        return path == root or path.startswith(root.rstrip("/") + "/")

    def is_metadata(path: str) -> bool:
        """Return whether this is of what is installed on the path: libraries look through it."""
        folder, _, _ = path.rpartition("/")
        return folder.endswith(METADATA_SUFFIXES) and folder.rpartition("/")[0] in listable

    def allowed(raw: object, *, writes: bool) -> bool:
        if not isinstance(raw, str | bytes | os.PathLike):
            return True  # a descriptor, or None for the working folder
        path = os.path.realpath(os.fsdecode(raw))
        if below(path, home):
            return True
        if writes:
            return below(path, "/dev")
        if path.startswith("/proc"):
            return any(below(path, root) for root in own_proc)
        if path in listable or path.endswith(CODE_SUFFIXES) or is_metadata(path):
            return True
        return any(below(path, root) for root in readable_roots)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in WATCHED_FILES:
            if event == "open":
                flags = args[2] if len(args) > 2 and isinstance(args[2], int) else 0
                writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            else:
                writes = event not in ("os.listdir", "os.scandir")
            for path in args[: 2 if event in TWO_PATHS else 1]:
                if not allowed(path, writes=writes):
                    words = "write" if writes else "read"
                    _refuse(f"tried to {words} {os.fsdecode(path)!r}, outside what was staged")
        elif event in WATCHED_ACTS:
            _refuse(f"tried {event}; a method needs neither processes nor a network")

    def _refuse(words: str) -> None:
        report(words)
        raise PermissionError(f"devbench: the plugin {words}")

    def allow(folder: Path) -> None:
        readable_roots.append(os.path.realpath(folder))

    sys.addaudithook(watch)
    return allow


def refuse_violation(ref: PluginRef, message: Mapping[str, Any]) -> None:
    """Raise PluginError where a worker reports what its guard has seen."""
    if message["event"] == "violation":
        raise PluginError(
            f"{ref.kind} {ref.name!r} ({ref.origin}) {str(message.get('words'))[:300]}",
            fix=f"a {ref.kind} sees what is staged for it and nothing else; mend the plugin",
        )


def code_roots(plugins: Iterable[PluginRef]) -> set[str]:
    """Return where Python, devbench and the packages of plugins are read from, and --plugin files.

    Nothing is imported. An editable install shows its packages, not the project around them. Other
    places of installed packages on the path, as clusters' modules put them there, are shown whole.
    """
    import site

    return {
        *sysconfig.get_paths().values(),
        *site.getsitepackages(),
        site.getusersitepackages(),
        sys.prefix,
        sys.base_prefix,
        *(path for path in sys.path if Path(path).name in INSTALLED),
        str(Path(__file__).parents[1]),
        *_package(BUILT_IN),  # a plugin may be made from one that is built in
        *(place for ref in plugins for place in _places(ref)),
    }


def _places(ref: PluginRef) -> list[str]:
    """Return the folders of the plugin's top-level package, or the file it is."""
    if ref.file:
        return [ref.file]
    return _package(ref.value.partition(":")[0].partition(".")[0])


def _package(name: str) -> list[str]:
    """Return the folders of a top-level package, or the file of a module; it is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return []
    return list(spec.submodule_search_locations or filter(None, [spec.origin]))
