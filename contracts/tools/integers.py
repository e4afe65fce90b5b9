"""A solver for halmos that does arithmetic on integers rather than on bits: ``python integers.py QUERY.smt2``.

Bit-blasting cannot divide a product of 96 bits by 10,000; as integers it is linear and takes a moment. cvc5's wheel has
no program, so this is one: it prints what the query's commands answer.
"""

from __future__ import annotations

import sys

import cvc5


def main(path: str) -> None:
    """Run the commands of a file."""
    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, path)
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        sys.stdout.write(str(command.invoke(solver, symbols)))


if __name__ == "__main__":
    main(sys.argv[1])
