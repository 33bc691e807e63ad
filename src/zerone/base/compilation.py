"""How programs are compiled, and where they are kept between runs, so that the second start is a fast one."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

import jax

from zerone.base.place import absolute
from zerone.base.platforms import default_platform
from zerone.base.program_cache import bind_entries, safe_folder

_LARGEST = 512 * 1024 * 1024
_SMALL_LOOP = 64 * 1024
"""Bytes that a loop may touch in one turn and still be compiled into one function; XLA's own default is 1,024."""


def cache_folder() -> Path:
    """`ZERONE_CACHE`, else `zerone` in the user's cache folder (`XDG_CACHE_HOME`, `~/.cache`)."""
    chosen = os.environ.get("ZERONE_CACHE")
    if chosen:
        return absolute(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zerone"


def compile_small_loops_whole() -> None:
    """Let XLA compile a loop that touches no more than 64 KiB into one function, unless its flags say otherwise.

    On a CPU a loop over a table with traces runs ten times as fast so. XLA reads its flags once, before it
    compiles for the first time: in a process that has used JAX before, this is too late and changes nothing.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        option = f"--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold={_SMALL_LOOP}"
        os.environ["XLA_FLAGS"] = f"{flags} {option}".strip()


def run_in_the_calling_thread() -> None:
    """Let JAX run a program on the CPU in the thread that calls it, unless the user's environment says how.

    To hand a small program to another thread and to wait for it takes longer than to run it: of a network that acts in
    one environment half the time. Other threads of Python go on meanwhile. As above, it must be said in time.
    """
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
        jax.config.update("jax_cpu_enable_async_dispatch", False)


def keep_compiled_programs() -> None:
    """Let JAX keep what it compiles, unless the user has set a place (or `ZERONE_CACHE=off`) already."""
    compile_small_loops_whole()
    run_in_the_calling_thread()
    if os.environ.get("ZERONE_CACHE") == "off" or jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = safe_folder(cache_folder() / "compiled")
    if folder is None:
        return
    bind_entries()
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", _LARGEST)
    # Every program counts: what a newcomer waits for is many small ones.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def for_long() -> dict[str, str | bool]:
    """XLA's options for a program that runs for long: less to wait for, and as fast as with XLA's own.

    Level 2 of LLVM's optimisation compiles in two thirds of the time of XLA's own 3. Without the pass that cuts a
    kernel into one part for each core, a training's small kernels do not wait for threads that have to wake up first
    and wait busily for more: the bits are the same. Matrix products are shared out by another library, still.
    """
    return _understood(xla_backend_optimization_level="2", xla_disable_hlo_passes="cpu-parallel-task-assigner")


def for_seldom() -> dict[str, str | bool]:
    """XLA's options for a program that runs now and then: compiled in a third of the time, a third slower to run."""
    return _understood(xla_backend_optimization_level="1", xla_cpu_use_fusion_emitters=False)


def for_once() -> dict[str, str | bool]:
    """XLA's options for a program that runs once: hardly optimised, compiled in half the time of `for_seldom`."""
    return _understood(xla_backend_optimization_level="0", xla_cpu_use_fusion_emitters=False)


def give_back_memory() -> None:
    """Let the C library give back to the system what compiling has freed: of 450 MB, it would keep some 170.

    Of the GNU C library only; others need no such call, or have none.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # Windows has no program of its own to look in
        return
    trim(0)


def _understood(**options: str | bool) -> dict[str, str | bool]:
    """Those of the options that this version of XLA knows, each asked for by itself; on a CPU only.

    What the user has set in `XLA_FLAGS` stays as it is.
    """
    if default_platform() != "cpu":
        return {}
    chosen = os.environ.get("XLA_FLAGS", "")
    return {name: value for name, value in options.items() if name not in chosen and _understands(name, value)}


@functools.cache
def _understands(name: str, value: str | bool) -> bool:
    """Whether XLA takes this option: versions differ, and one that it does not know ends a compilation."""
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
