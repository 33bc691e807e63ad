"""Compiler options, and the cache on disk that makes the second start of a program fast."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import jax

from zerone.base.platforms import default_platform
from zerone.base.program_cache import cache_folder, safe_folder, use_program_cache

Options = dict[str, str | bool]
Result = TypeVar("Result")

_LARGEST = 512 * 1024 * 1024
_SMALL_LOOP = 64 * 1024
"""Bytes that one iteration of a loop may touch for XLA to compile the loop into one function (XLA's default: 1,024)."""


def compile_small_loops_whole() -> None:
    """Let XLA compile loops that touch at most 64 KiB into one function, unless `XLA_FLAGS` sets its own options.

    On a CPU this makes a loop over a table with eligibility traces ten times as fast. XLA reads its flags once, before
    its first compilation, so the call has no effect in a process that has already used JAX.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        option = f"--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold={_SMALL_LOOP}"
        os.environ["XLA_FLAGS"] = f"{flags} {option}".strip()


def run_in_the_calling_thread() -> None:
    """Let JAX run CPU programs in the calling thread, unless `JAX_CPU_ENABLE_ASYNC_DISPATCH` is set.

    Passing a small program to another thread and waiting for it takes longer than running it: half of the time when a
    network acts in one environment. Other Python threads continue meanwhile. This too has no effect after JAX's first
    use.
    """
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
        jax.config.update("jax_cpu_enable_async_dispatch", False)


def keep_compiled_programs() -> None:
    """Enable JAX's cache of compiled programs, unless the user has configured one or set `ZERONE_CACHE=off`."""
    compile_small_loops_whole()
    run_in_the_calling_thread()
    if os.environ.get("ZERONE_CACHE") == "off" or jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = safe_folder(cache_folder() / "compiled")
    if folder is None:
        return
    if not use_program_cache(_LARGEST):
        jax.config.update("jax_compilation_cache_max_size", _LARGEST)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Cache even the smallest programs: the first start mostly waits for many small ones.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def for_long() -> Options:
    """XLA options for a program that runs for long: faster to compile, and as fast to run as with XLA's defaults.

    LLVM's optimisation level 2 compiles in two thirds of the time of XLA's default, 3. The disabled pass would split
    each kernel into one part per core; the small kernels of a training would then wait for threads to wake up, and
    those threads would spin. The results are bit-identical. Matrix products are still parallel: another library
    computes them.
    """
    return _supported_options(xla_backend_optimization_level="2", xla_disable_hlo_passes="cpu-parallel-task-assigner")


def for_seldom() -> Options:
    """XLA options for a program that runs now and then: a third of the compile time, and a third slower to run."""
    return _supported_options(xla_backend_optimization_level="1", xla_cpu_use_fusion_emitters=False)


def for_once() -> Options:
    """XLA options for a program that runs once: hardly optimised, with half of the compile time of `for_seldom`."""
    return _supported_options(xla_backend_optimization_level="0", xla_cpu_use_fusion_emitters=False)


class Program(Generic[Result]):
    """A function that JAX compiles as `jax.jit` does, with options that are looked up at its first use.

    `options` is one of the functions above; `how` are further arguments of `jax.jit`. The options depend on the
    platform, and asking JAX for it starts JAX, which from then on ignores some of its settings and all flags of XLA. So
    programs that are defined when a module is imported must not ask.
    """

    def __init__(self, function: Callable[..., Result], options: Callable[[], Options], **how: Any) -> None:
        functools.update_wrapper(self, function)
        self._function, self._options, self._how = function, options, how

    @functools.cached_property
    def _jitted(self) -> Any:
        return jax.jit(self._function, compiler_options=self._options(), **self._how)

    def __call__(self, *arguments: Any, **named: Any) -> Result:
        result: Result = self._jitted(*arguments, **named)
        return result

    def trace(self, *arguments: Any, **named: Any) -> jax.stages.Traced:
        """The traced program for these arguments, of which only shapes and static values count."""
        traced: jax.stages.Traced = self._jitted.trace(*arguments, **named)
        return traced

    def lower(self, *arguments: Any, **named: Any) -> jax.stages.Lowered:
        """The program for these arguments, to be compiled; `jax.ShapeDtypeStruct` may take the place of an array."""
        lowered: jax.stages.Lowered = self._jitted.lower(*arguments, **named)
        return lowered

    def eval_shape(self, *arguments: Any, **named: Any) -> Any:
        """The result with `jax.ShapeDtypeStruct` in place of arrays; nothing is compiled."""
        return jax.eval_shape(self._function, *arguments, **named)


def give_back_memory() -> None:
    """Return memory that compilation has freed to the operating system; about 170 of 450 MB would be kept otherwise.

    Has an effect with the GNU C library only.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # Windows cannot load symbols of the running program this way
        return
    trim(0)


def _supported_options(**options: str | bool) -> Options:
    """Return the options that this version of XLA accepts; none on platforms other than the CPU.

    Options that the user sets in `XLA_FLAGS` are left out, so that the user's values hold.
    """
    if default_platform() != "cpu":
        return {}
    chosen = os.environ.get("XLA_FLAGS", "")
    return {name: value for name, value in options.items() if name not in chosen and _is_supported(name, value)}


@functools.cache
def _is_supported(name: str, value: str | bool) -> bool:
    """Whether this version of XLA accepts an option; an unknown one would make every compilation fail."""
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
