# Turns test code made of plain assertions about one function into data. Part 5 of the supervisor.


NUMBERS = (int, float, complex, fractions.Fraction, decimal.Decimal)


class NotPlain(Exception):
    """The tests need a judge that runs them."""


class CaseReader:
    """Reads tests (a script of assertions, or a function check(candidate)) as cases: arguments, check, expected.

    Checks: eq, is, truthy, falsy, approx (|answer - expected| < tolerance), and set (set(answer) == expected)."""

    def __init__(self, entry, prelude):
        self.entry = entry
        self.names = {entry, 'candidate'}
        self.space = {'__name__': 'tests'}
        if prelude:
            exec(compile(prelude, '<prelude>', 'exec'), self.space)
        self.cases = []

    def read(self, tests):
        tree = ast.parse(tests)
        self.block(tree.body)
        if not self.cases:
            raise NotPlain('no assertion')
        return self.cases

    def block(self, statements):
        for node in statements:
            if isinstance(node, ast.FunctionDef) and node.name == 'check' and len(node.args.args) == 1:
                self.names.add(node.args.args[0].arg)
                self.block(node.body)
            elif isinstance(node, ast.Assert):
                self.assertion(node.test)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) \
                    and isinstance(node.value.func, ast.Name) and node.value.func.id == 'check':
                continue
            elif isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.Pass, ast.Expr)) and self.closed(node):
                exec(compile(ast.Module([node], []), '<tests>', 'exec'), self.space)
            else:
                raise NotPlain('line %d' % node.lineno)

    def closed(self, node):
        """Whether the code needs nothing of the program."""
        return not any(isinstance(n, ast.Name) and (n.id in self.names or not (
            isinstance(n.ctx, ast.Store) or n.id in self.space or hasattr(builtins, n.id) or self.bound(node, n.id)))
            for n in ast.walk(node))

    @staticmethod
    def bound(node, name):
        return any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(node))

    def value(self, node):
        if not self.closed(node):
            raise NotPlain('line %d' % node.lineno)
        return eval(compile(ast.Expression(node), '<tests>', 'eval'), self.space)

    def is_call(self, node):
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.names

    def add(self, call, check, expected=None, tolerance=None, strict=True):
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            raise NotPlain('line %d' % call.lineno)
        args = [self.value(a) for a in call.args]
        kwargs = {k.arg: self.value(k.value) for k in call.keywords}
        self.cases.append({'args': self.encode([args, kwargs]), 'check': check, 'expected': self.encode(expected),
                           'tolerance': tolerance, 'strict': strict, 'line': call.lineno})

    @staticmethod
    def encode(value):
        return PlainEncoder(1 << 24).encode(value)

    def assertion(self, test):
        if self.is_call(test):
            return self.add(test, 'truthy')
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and self.is_call(test.operand):
            return self.add(test.operand, 'falsy')
        if self.closed(test):
            if not self.value(test):
                raise NotPlain('an assertion that is false by itself')
            return None
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            raise NotPlain('line %d' % test.lineno)
        op, left, right = test.ops[0], test.left, test.comparators[0]
        if isinstance(op, (ast.Eq, ast.Is)) and self.is_call(right):
            left, right = right, left
        if self.is_call(left):
            if isinstance(op, ast.Eq):
                return self.add(left, 'eq', self.value(right))
            if isinstance(op, ast.Is) and isinstance(right, ast.Constant) and right.value in (None, True, False):
                return self.add(left, 'is', right.value)
        if isinstance(op, ast.Eq) and isinstance(left, ast.Call) and isinstance(left.func, ast.Name) \
                and left.func.id == 'set' and len(left.args) == 1 and self.is_call(left.args[0]):
            return self.add(left.args[0], 'set', self.value(right))
        if isinstance(op, (ast.Lt, ast.LtE)) and isinstance(left, ast.Call) and isinstance(left.func, ast.Name) \
                and left.func.id == 'abs' and len(left.args) == 1 and isinstance(left.args[0], ast.BinOp) \
                and isinstance(left.args[0].op, ast.Sub):
            a, b = left.args[0].left, left.args[0].right
            call, wanted = (a, b) if self.is_call(a) else (b, a)
            if self.is_call(call):
                expected, tolerance = self.value(wanted), self.value(right)
                if type(expected) in NUMBERS and type(tolerance) in (int, float):
                    return self.add(call, 'approx', expected, float(tolerance), isinstance(op, ast.Lt))
        raise NotPlain('line %d' % test.lineno)


class PlainEncoder(Encoder):
    def other(self, t, v, depth):
        if t is not bytes and t not in NUMBERS:
            raise NotPlain('a value of type %s' % t.__name__)
        return Encoder.other(self, t, v, depth)


def read_cases(job, spec, channel):
    """Says one line: {"cases": [...]} or {"not": reason}."""
    try:
        answer = {'cases': CaseReader(job['entry'], spec['prelude']).read(spec['tests'])}
    except Exception as error:
        answer = {'not': '%s: %s' % (type(error).__name__, str(error)[:200])}
    write_all(channel, json.dumps(answer).encode() + b'\n')
