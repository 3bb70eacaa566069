"""Wrong programs made on purpose from a benchmark's reference solutions, to compare judges on.

    python3 mutate.py BENCHMARK_FILE [--stride N] > samples.jsonl

BENCHMARK_FILE is HumanEval.jsonl.gz, HumanEvalPlus.jsonl.gz, mbpp.jsonl or MbppPlus.jsonl.gz. Each line has task_id,
solution (a whole program) and mutation; it is a sample file for `ra3 eval --samples` and, save for the extra key, for
EvalPlus. A mutation may leave a program right (list for tuple, where the answer is no list): both judges then say so.
The same file gives the same samples.
"""
import argparse
import ast
import gzip
import json
import re
import sys

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.FloorDiv, ast.FloorDiv: ast.Div,
             ast.Mod: ast.FloorDiv, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
             ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn, ast.NotIn: ast.In}

# What becomes of an answer r; `deep` changes every number inside it.
ANSWERS = {
    'list for tuple, tuple for list': 'list(r) if type(r) is tuple else tuple(r) if type(r) is list else r',
    'int as float': 'float(r) if type(r) is int else r',
    'float as int': 'int(r) if type(r) is float and r == r and abs(r) < 1e300 else r',
    'bool as int': 'int(r) if type(r) is bool else r',
    'subclass of int': 'type("N", (int,), {})(r) if type(r) is int else r',
    'floats off by 1e-7': 'deep(r, lambda x: x + 1e-7)',
    'floats off by 1e-5': 'deep(r, lambda x: x + 1e-5)',
    'floats 1e-8 of their size off': 'deep(r, lambda x: x * (1 + 1e-8))',
    'generator for list': '(x for x in r) if type(r) is list else r',
    'one part less': 'r[:-1] if type(r) in (list, tuple, str) else r',
    'parts in reverse': 'r[::-1] if type(r) in (list, tuple, str) else r',
    'None': 'None',
    'str(answer)': 'str(r)',
    'one more': 'r + 1 if type(r) in (int, float) else [r]',
    'not a number': 'float("nan")',
    'object equal to everything': 'type("E", (), {"__eq__": lambda s, o: True, "__hash__": lambda s: 0})()',
}
BODIES = {'raises': 'raise ValueError(a)', 'exits with 0': 'raise SystemExit(0)', 'answers nothing': 'pass'}
WRAPPER = '''

def _deep(r, change):
    if type(r) is float:
        return change(r)
    return type(r)(_deep(x, change) for x in r) if type(r) in (list, tuple) else r


def _wrap(inner, deep=_deep):
    def %(name)s(*a, **k):
        r = inner(*a, **k)
        %(body)s
    return %(name)s


%(name)s = _wrap(%(name)s)
'''


def rows(path):
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as file:
        return [json.loads(line) for line in file if line.strip()]


def problem(row):
    """(task id, reference program, name of the function under test)."""
    if 'canonical_solution' in row:
        return row['task_id'], row['prompt'] + row['canonical_solution'], row['entry_point']
    code = row['code'].replace('\r\n', '\n')
    defined = set(re.findall(r'^(?:def|class)\s+(\w+)', code, re.M))
    called = re.findall(r'\b(\w+)\s*\(', '\n'.join(row['test_list']))
    return 'MBPP/%d' % row['task_id'], code, next(name for name in called if name in defined)


class Nth(ast.NodeTransformer):
    """Changes the n-th place that `change` knows how to change."""

    def __init__(self, n, change):
        self.n, self.change = n, change

    def generic_visit(self, node):
        super().generic_visit(node)
        changed = self.change(node)
        if changed is None:
            return node
        self.n -= 1
        return changed if self.n == -1 else node


def swap(node):
    if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in OPERATORS:
        copy = type(node)(**{**vars(node), 'op': OPERATORS[type(node.op)]()})
        return ast.copy_location(copy, node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        return ast.copy_location(ast.Compare(node.left, [OPERATORS[type(node.ops[0])]()], node.comparators), node)
    return None


def off_by_one(node):
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return ast.copy_location(ast.Constant(node.value + 1), node)
    return None


def edits(program, change, most=3):
    for n in range(most):
        tree = ast.parse(program)
        nth = Nth(n, change)
        text = ast.unparse(ast.fix_missing_locations(nth.visit(tree)))
        if nth.n >= 0:                               # there are no more places
            return
        yield text


def mutants(program, name):
    yield 'none (reference)', program
    for kind, change in (('operator swapped', swap), ('constant off by one', off_by_one)):
        for text in edits(program, change):
            yield kind, text
    for kind, answer in ANSWERS.items():
        yield kind, program + WRAPPER % {'name': name, 'body': 'return ' + answer}
    for kind, body in BODIES.items():
        yield kind, program + WRAPPER % {'name': name, 'body': body}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('file')
    parser.add_argument('--stride', type=int, default=1, help='keep every N-th sample')
    options = parser.parse_args()
    n = 0
    for row in rows(options.file):
        task_id, program, name = problem(row)
        for kind, text in mutants(program, name):
            if n % options.stride == 0:
                json.dump({'task_id': task_id, 'solution': text, 'mutation': kind}, sys.stdout)
                sys.stdout.write('\n')
            n += 1


if __name__ == '__main__':
    main()
