# Turns test code made of plain assertions about one function into data. Part 8 of the supervisor.


NUMBERS = (int, float, complex, fractions.Fraction, decimal.Decimal)


class NotPlain(Exception):
    """The tests need a judge that runs them."""


class CaseReader:
    """Reads tests (a script of assertions, or a function check(candidate)) as cases: arguments, check, expected.

    Checks: eq, is, truthy, falsy, approx (|answer - expected| < tolerance), and set (set(answer) == expected)."""

    def __init__(self, tests):
        self.tests, self.tree, self.space = tests, tests.tree, tests.space
        self.names = {tests.entry, 'candidate'}
        self.others = tests.others
        self.check = None
        self.uses = collections.Counter(n.id for n in ast.walk(self.tree)
                                        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store))
        self.uses.update(n.target.id for n in ast.walk(self.tree)
                         if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name))
        self.collects = not COLLECTORS.isdisjoint(self.uses) or bool(tests.prelude)
        self.cases = []

    def read(self):
        self.block(self.tree.body)
        if not self.cases:
            raise NotPlain('no assertion')
        return self.cases

    def block(self, statements):
        for node in statements:
            if isinstance(node, ast.FunctionDef) and node.name == 'check' and len(node.args.args) == 1 and not self.check:
                self.check = node
            elif isinstance(node, ast.Assert):
                self.assertion(node.test)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and self.check \
                    and isinstance(node.value.func, ast.Name) and node.value.func.id == 'check' \
                    and len(node.value.args) == 1 and self.is_function(node.value.args[0]):
                self.names.add(self.check.args.args[0].arg)
                self.block(self.check.body)
            elif isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.Pass, ast.Expr)) and self.closed(node):
                self.run(node, ast.Module([node], []), 'exec')
            else:
                raise NotPlain('line %d' % node.lineno)

    def run(self, node, code, mode):
        """Runs what needs nothing of the program; where it raises it does so by itself."""
        try:
            return (exec if mode == 'exec' else eval)(compile(code, '<tests>', mode, dont_inherit=True), self.space)
        except (Exception, SystemExit) as error:
            raise Fault(node.lineno, 'raises %s by itself: %s' % tuple(describe(error)))

    def closed(self, node):
        """Whether the code needs nothing of the program."""
        return not any(isinstance(n, ast.Name) and (n.id in self.names or n.id in self.others or not (
            isinstance(n.ctx, ast.Store) or n.id in self.space or hasattr(builtins, n.id) or self.bound(node, n.id)))
            for n in ast.walk(node))

    @staticmethod
    def bound(node, name):
        return any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(node))

    def value(self, node):
        if not self.closed(node):
            raise NotPlain('line %d' % node.lineno)
        return self.run(node, ast.Expression(node), 'eval')

    def is_function(self, node):
        return isinstance(node, ast.Name) and node.id in self.names

    def is_call(self, node):
        return isinstance(node, ast.Call) and self.is_function(node.func)

    def add(self, call, check, wanted=None, tolerance=None, strict=True, first=False):
        """A case. wanted: the node of the value to compare with; first: it stands before the call."""
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            raise NotPlain('line %d' % call.lineno)
        self.tests.require_surroundings(call.lineno)
        expected = self.value(wanted) if wanted and first else None
        given = [[self.value(a) for a in call.args], {k.arg: self.value(k.value) for k in call.keywords}]
        for node in ast.walk(call):
            # Nobody can look again at what this name holds.
            if isinstance(node, ast.Name) and self.uses[node.id] == 1 and not self.collects:
                self.space.pop(node.id, None)
        if is_shared(given):
            raise NotPlain('line %d' % call.lineno)
        args = self.encode(given)
        expected = self.value(wanted) if wanted and not first else expected
        if tolerance is not None and type(expected) not in NUMBERS:
            raise NotPlain('line %d' % call.lineno)
        self.cases.append({'args': args, 'check': check, 'expected': self.encode(expected),
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
        op, left, right, first = test.ops[0], test.left, test.comparators[0], False
        if isinstance(op, (ast.Eq, ast.Is)) and self.is_call(right):
            left, right, first = right, left, True
        if self.is_call(left):
            if isinstance(op, ast.Eq):
                return self.add(left, 'eq', right, first=first)
            if isinstance(op, ast.Is) and isinstance(right, ast.Constant) and right.value in (None, True, False):
                return self.add(left, 'is', right)
        if isinstance(op, ast.Eq) and isinstance(left, ast.Call) and isinstance(left.func, ast.Name) \
                and left.func.id == 'set' and len(left.args) == 1 and self.is_call(left.args[0]):
            return self.add(left.args[0], 'set', right)
        if isinstance(op, (ast.Lt, ast.LtE)) and isinstance(left, ast.Call) and isinstance(left.func, ast.Name) \
                and left.func.id == 'abs' and len(left.args) == 1 and isinstance(left.args[0], ast.BinOp) \
                and isinstance(left.args[0].op, ast.Sub):
            a, b = left.args[0].left, left.args[0].right
            call, wanted = (a, b) if self.is_call(a) else (b, a)
            if self.is_call(call):
                tolerance = self.value(right)
                if type(tolerance) in (int, float):
                    return self.add(call, 'approx', wanted, float(tolerance), isinstance(op, ast.Lt), call is b)
        raise NotPlain('line %d' % test.lineno)


def is_shared(given):
    """Whether a list, dict or set among the arguments can be reached from elsewhere, or in two ways: what the program
    does to it then shows in another place. Whatever else holds an object counts as a reference to it."""
    def parts(v):
        return [*v, *v.values()] if type(v) is dict else list(v)

    alone = [[]]
    nodes, edges, at = [alone, *alone, given], collections.Counter({id(alone): 1, id(alone[0]): 1, id(given): 1}), 2
    while at < len(nodes):
        for part in parts(nodes[at]):
            if isinstance(part, (tuple, frozenset, *MUTABLE)):
                edges[id(part)] += 1
                if edges[id(part)] == 1:
                    nodes.append(part)
        at += 1
    part = None
    held = [sys.getrefcount(nodes[n]) for n in range(len(nodes))]
    usual = held[1] - 1                              # of an object that nothing but its owner holds

    def holds_mutable(v):
        return not isinstance(v, (tuple, frozenset)) or any(
            isinstance(p, (tuple, frozenset, *MUTABLE)) and holds_mutable(p) for p in v)

    return any((edges[id(v)] > 1 or n > usual + edges[id(v)]) and holds_mutable(v)
               for v, n in list(zip(nodes, held))[3:])


class PlainEncoder(Encoder):
    def other(self, t, v, depth):
        if t is not bytes and t not in NUMBERS:
            raise NotPlain('a value of type %s' % t.__name__)
        return Encoder.other(self, t, v, depth)


def read_tests(job, spec, channel):
    """Says one line: {"cases": [...]}, {"not": reason} where they have to be run, {"fault": reason, "line": n} where they
    cannot judge anybody."""
    try:
        tests = Tests(spec, job['entry'])
        try:
            answer = {'cases': CaseReader(tests).read()}
        except (NotPlain, TooBig, RecursionError) as error:
            answer = {'not': str(error)}
            try_out(tests, job['result'])
    except Fault as fault:
        answer = {'fault': str(fault), 'line': fault.line}
    write_all(channel, json.dumps(answer).encode() + b'\n')
