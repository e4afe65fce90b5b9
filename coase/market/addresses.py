"""Memory by its address, for compiled code: imported only where numba is there.

An array is eight numbers to numba, and every call passes them all; an address is one. Whoever passes an address keeps
the array alive.
"""

from __future__ import annotations

from typing import Any

from numba import float64, int32, int64, types
from numba.core import cgutils  # noqa: F401 - numba's lowering needs it loaded
from numba.extending import intrinsic


@intrinsic
def words_at(typingctx: Any, address: Any) -> Any:
    """Whole numbers from this address on."""
    return _pointer(types.CPointer(int64))  # type: ignore[no-untyped-call]


@intrinsic
def reals_at(typingctx: Any, address: Any) -> Any:
    """Floating numbers from this address on."""
    return _pointer(types.CPointer(float64))  # type: ignore[no-untyped-call]


@intrinsic
def halves_at(typingctx: Any, address: Any) -> Any:
    """Whole numbers of 32 bits from this address on."""
    return _pointer(types.CPointer(int32))  # type: ignore[no-untyped-call]


@intrinsic
def call(typingctx: Any, address: Any, number: Any) -> Any:
    """Call the C function at this address, which takes a whole number and returns one."""
    from llvmlite import ir  # type: ignore[import-untyped]

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = ir.IntType(64)
        kind = ir.FunctionType(number, [number]).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], kind), [arguments[1]])

    return int64(int64, int64), code


@intrinsic
def fetch(typingctx: Any, address: Any) -> Any:
    """Ask the processor to have this address at hand soon; nothing else happens."""
    from llvmlite import ir

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        where = builder.inttoptr(arguments[0], byte)
        builder.call(prefetch, [where, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(int64), code


def _pointer(kind: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(int64), code
