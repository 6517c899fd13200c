"""Runs at the start of every Python below a runner's program, and hands the first OCR-D processor class to the runner.

Its directory is taken out of PYTHONPATH and sys.path again, and any other ``sitecustomize`` runs as it would have. Only
where OFFIZIN_RUNNER_FD names the runner's socket, an import hook waits for ``ocrd.decorators``: when the processor's
script then calls ``ocrd_cli_wrap_processor`` without arguments on its command line, our loop runs instead.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def _leave_the_path(here: str) -> None:
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    rest = [e for e in os.environ.get("PYTHONPATH", "").split(os.pathsep) if e and os.path.abspath(e) != here]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    else:
        os.environ.pop("PYTHONPATH", None)


def _run_the_other_one() -> None:
    """The sitecustomize that would have run without us, if there is one (Debian's Python has one)."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        return
    import importlib.util

    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _wait_for_ocrd(descriptor: int, runner_directory: str) -> None:
    import importlib.util

    class Loader:
        """Loads ``ocrd.decorators`` as its own loader does, then exchanges the one function in it."""

        def __init__(self, loader: Any) -> None:
            self.loader = loader

        def __getattr__(self, name: str) -> Any:
            return getattr(self.loader, name)

        def create_module(self, spec: Any) -> Any:
            return self.loader.create_module(spec)

        def exec_module(self, module: Any) -> None:
            module.__spec__.loader = module.__loader__ = self.loader
            if not sys.argv[1:]:
                _say_that_it_is_python(descriptor)
            self.loader.exec_module(module)
            original = module.ocrd_cli_wrap_processor

            def ocrd_cli_wrap_processor(processorClass: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N803
                if sys.argv[1:]:  # a wrapper that asks for --version and the like
                    return original(processorClass, *args, **kwargs)
                return _load_runner(runner_directory).serve(processorClass, descriptor)

            module.ocrd_cli_wrap_processor = ocrd_cli_wrap_processor

    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
            if name != "ocrd.decorators":
                return None
            sys.meta_path.remove(Finder)
            spec: Any = importlib.util.find_spec(name)
            if spec is not None and spec.loader is not None:
                spec.loader = Loader(spec.loader)
            return spec

    sys.meta_path.insert(0, Finder)


def _say_that_it_is_python(descriptor: int) -> None:
    """Whatever ends the program from here on: it is a Python processor that does not load, not a program of its own."""
    try:
        os.write(descriptor, b"I\n")
    except OSError:
        pass


def _load_runner(directory: str) -> Any:
    import importlib
    import importlib.util

    spec: Any = importlib.util.spec_from_file_location(
        "offizin_runner", os.path.join(directory, "__init__.py"), submodule_search_locations=[directory]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["offizin_runner"] = package
    spec.loader.exec_module(package)
    return importlib.import_module("offizin_runner.loop")


def _main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    _leave_the_path(here)
    number = os.environ.pop("OFFIZIN_RUNNER_FD", "")
    if number:
        descriptor = int(number)
        try:
            os.set_inheritable(descriptor, False)
        except OSError:  # somebody between us and the runner's parent closed it
            pass
        else:
            _wait_for_ocrd(descriptor, os.path.dirname(here))
    _run_the_other_one()


_main()
