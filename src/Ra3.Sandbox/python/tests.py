# Test code: what it needs, whether it can judge anybody, and how it is run. Part 5 of the supervisor.
import ast
import builtins
import importlib
import importlib.util
import symtable

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Whoever uses one of these may call functions that no line names.
COLLECTORS = {'globals', 'locals', 'vars', 'dir', 'eval', 'exec', 'main', 'testmod', 'discover', 'loadTestsFromModule',
              'loadTestsFromName', 'loadTestsFromNames'}


class Fault(Unanswerable):
    """The tests are at fault, whatever program they meet. line: of the tests, from 1, or None."""

    def __init__(self, line, text):
        BaseException.__init__(self, plain(text, 500))
        self.line = line


def names_in(nodes):
    """Names and attributes that the code mentions."""
    return {n.id if isinstance(n, ast.Name) else n.attr
            for node in nodes for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute))}


def fail_with_unittest():
    """unittest.main(exit=False) leaves what failed to whoever reads its result, and nobody does."""
    import unittest
    run = unittest.TestProgram.runTests

    def run_tests(self):
        run(self)
        if not self.result.wasSuccessful():
            raise SystemExit(1)

    if run.__module__ == 'unittest.main':
        unittest.TestProgram.runTests = run_tests


def look_around():
    return [sys.stdin, sys.stdout, sys.stderr, *(vars(builtins)[n] for n in ('input', 'print', 'open'))]


class Tests:
    """Tests that can be run: parsed, every name known. Names are the tests' own, or else Python's; of the program they see
    the function under test and what `names` lists, nothing else."""

    def __init__(self, spec, entry):
        self.entry, self.text, self.prelude = entry, spec['tests'], spec['prelude']
        self.surroundings = look_around()
        self.space = dict(vars(types.ModuleType('__main__')), __file__='tests.py')
        try:
            self.tree = ast.parse(self.text, '<tests>')
            compile(self.tree, '<tests>', 'exec', dont_inherit=True)
            scopes = symtable.symtable(self.text, '<tests>', 'exec')
        except SyntaxError as error:
            raise Fault(error.lineno, 'SyntaxError: %s' % error.msg)
        except (ValueError, RecursionError, MemoryError) as error:
            raise Fault(None, 'no Python can compile this: %s' % error)
        try:
            compile(entry.strip(), '<entry>', 'eval', dont_inherit=True)
        except (SyntaxError, ValueError):
            raise Fault(None, "the entry point '%s' is no expression of Python: name the function" % entry)
        self.require_calls()
        self.require_modules([self.tree])
        self.run_prelude(spec['prelude'])
        for name in spec['names']:
            self.space.pop(name, None)
        free = self.free_names(scopes)
        # The class whose method is tested is the program's too, unless the tests bring their own.
        self.others = (set(spec['names']) | {entry.split('(')[0].split('.')[0]}) & free - {entry}
        for name in sorted(free - self.others - {entry, 'candidate'}):
            if name in self.space or hasattr(builtins, name):
                continue
            if not self.is_module(name):
                line = min(n.lineno for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name)
                raise Fault(line, "'%s' is defined neither here nor by Python; if it is the program's, list it in names" % name)
            self.space[name] = importlib.import_module(name)

    def is_module(self, name):
        """Whether the tests mean a module of Python's by the name, though they forgot to import it."""
        of_attributes = {id(n.value) for n in ast.walk(self.tree) if isinstance(n, ast.Attribute)}
        uses = (n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name)
        return all(id(n) in of_attributes for n in uses) and importlib.util.find_spec(name) is not None

    @property
    def wanted(self):
        """What the program must define."""
        return sorted({self.entry} | self.others)

    def require_calls(self):
        """Calls check(candidate) where nobody does; other tests that nobody calls are a fault."""
        defined = {n.name: n for n in self.tree.body if isinstance(n, DEFINITIONS)}
        used = names_in(n for n in self.tree.body if not isinstance(n, DEFINITIONS))
        for node in defined.values():
            outside = list(node.decorator_list)      # what runs where the definition stands
            outside += node.bases if isinstance(node, ast.ClassDef) else node.args.defaults
            used |= names_in(outside) | ({node.name} if node.decorator_list else set())

        def follow():
            followed = set()
            while (used & defined.keys()) - followed:
                name = ((used & defined.keys()) - followed).pop()
                followed.add(name)
                used.update(names_in([defined[name]]))

        follow()
        check = defined.get('check')
        if isinstance(check, ast.FunctionDef) and 'check' not in used:
            parameters = check.args.posonlyargs + check.args.args
            if len(parameters) - len(check.args.defaults) <= 1:
                call = ast.parse('check(candidate)' if parameters else 'check()').body[0]
                for node in ast.walk(call):
                    if hasattr(node, 'lineno'):
                        node.lineno = node.end_lineno = check.lineno
                self.tree.body.append(call)
                used.add('check')
                follow()
        if used & COLLECTORS - defined.keys():
            return
        for name, node in defined.items():
            if name not in used and (name.lower().startswith('test') or names_in([node]) & {self.entry, 'candidate', 'check'}
                                     or any(isinstance(n, ast.Assert) for n in ast.walk(node))):
                raise Fault(node.lineno, "nothing calls '%s': call it behind its definition" % name)

    def require_modules(self, nodes):
        """Imports that fail, and what cannot work across two processes, are better known before any program runs."""
        for node in nodes:
            if isinstance(node, (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)):
                raise Fault(node.lineno, 'asynchronous code cannot await the program, which has a process of its own')
            if isinstance(node, ast.Try):
                continue                             # the tests have thought of it
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = ['unittest.mock' if node.module == 'unittest' and node.names[0].name == 'mock' else node.module or '.']
            for module in modules:
                if module in ('unittest.mock', 'mock', 'asyncio'):
                    raise Fault(node.lineno, "'%s' cannot reach the program, which has a process of its own" % module)
                try:
                    found = importlib.util.find_spec(module.split('.')[0])
                except (ImportError, ValueError):
                    found = None
                if found is None or getattr(node, 'level', 0):
                    raise Fault(node.lineno, "the module '%s' is not there" % module)
            self.require_modules(ast.iter_child_nodes(node))

    def run_prelude(self, text):
        """Runs the code that the tests take for granted; it may end in the head of a function. Code that is no Python
        defines nothing."""
        for whole in (text, text + '\n    pass\n'):
            try:
                code = compile(whole, '<prelude>', 'exec', dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            try:
                exec(code, self.space)
            except BaseException as error:
                raise Fault(None, 'the code before the tests raises %s: %s' % tuple(describe(error)))
            return

    def free_names(self, scopes):
        """Names that the tests read and nowhere define."""
        used, own = set(), set()

        def look(scope, is_module):
            for symbol in scope.get_symbols():
                name = symbol.get_name()
                if symbol.is_referenced() and (is_module or symbol.is_global()):
                    used.add(name)
                if (symbol.is_assigned() or symbol.is_imported()) and (is_module or symbol.is_declared_global()):
                    own.add(name)
            for child in scope.get_children():
                look(child, False)

        look(scopes, True)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == '*':
                try:
                    module = importlib.import_module(node.module)
                except Exception:
                    continue                         # then its names are nobody's
                own |= set(getattr(module, '__all__', [n for n in vars(module) if n[0] != '_']))
        return used - own

    def require_surroundings(self, line):
        if look_around() != self.surroundings:
            raise Fault(line, 'input or output is changed for the program, which has a process of its own: judge a whole program')

    def run(self, found, tree=None):
        """Runs the tests against what a program has."""
        module = types.ModuleType('__main__')
        sys.modules['__main__'] = module
        space = module.__dict__
        space.update(self.space)
        space.update(found)
        space['candidate'] = found[self.entry]
        if 'unittest' in self.text:
            fail_with_unittest()
        try:
            exec(compile(tree or self.tree, '<tests>', 'exec', dont_inherit=True), space)
        except SystemExit as stop:                   # how unittest.main() ends
            if stop.code or hasattr(stop, 'of_candidate'):
                raise
