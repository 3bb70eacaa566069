"""Programs that look up LiveCodeBench's public answers, in many ways of reading, printing and ending, to compare judges on.

    python3 lookup.py lcb_879_public_tests.json [--stride N] > samples.jsonl

LiveCodeBench publishes no solutions, and what its judge does with a program hangs on how the program talks to it, so a
table of answers is as good as an algorithm. Each line has task_id, solution and mutation, as those of mutate.py have.
"""
import argparse
import json
import re
import sys

from mutate import ANSWERS, BODIES

KEY = "key = lambda text: ' '.join(text.split())\n"
LINES = "seen = ''\nwhile key(seen) not in TABLE:\n    seen += %s + '\\n'\n"
READERS = {
    'input()': LINES % 'input()',
    'input() until EOFError':
        "seen = ''\ntry:\n    while True:\n        seen += input() + '\\n'\nexcept EOFError:\n    pass\n",
    'sys.stdin.readline()': 'import sys\n' + LINES % 'sys.stdin.readline()',
    'stdin.readline() of the header': LINES % 'stdin.readline()',
    'sys.stdin.read()': 'import sys\nseen = sys.stdin.read()\n',
    'sys.stdin.readlines()': "import sys\nseen = '\\n'.join(sys.stdin.readlines())\n",
    'for line in sys.stdin': "import sys\nseen = ''\nfor line in sys.stdin:\n    seen += line\n",
    'open(0).read()': 'seen = open(0).read()\n',
    'sys.stdin.buffer.read()': 'import sys\nseen = sys.stdin.buffer.read().decode()\n',
    'sys.stdin.buffer.readline()': 'import sys\n' + LINES % 'sys.stdin.buffer.readline().decode()',
    'os.read(0)': "import os\nseen = os.read(0, 1 << 20).decode()\n",
}
READ = READERS['sys.stdin.read()']
FIND = 'answer = TABLE[key(seen)]\n'
SAY = 'print(answer)\n'
WRITERS = {
    'sys.stdout.write': 'import sys\nsys.stdout.write(answer)\n',
    'sys.stdout.buffer.write': 'import sys\nsys.stdout.buffer.write(answer.encode())\n',
    'os.write': 'import os\nos.write(1, answer.encode())\n',
    'print from atexit': 'import atexit\natexit.register(print, answer)\n',
    'print from a thread': 'import threading\nt = threading.Thread(target=print, args=(answer,))\nt.start()\nt.join()\n',
    'noise on stderr': SAY + "print('noise', file=__import__('sys').stderr)\n",
}
ENDS = {
    'sys.exit()': 'import sys\nsys.exit()\n',
    'sys.exit(1)': 'import sys\nsys.exit(1)\n',
    "raise SystemExit('done')": "raise SystemExit('done')\n",
    'exit()': 'exit()\n',
    'quit()': 'quit()\n',
    'os._exit(0) after a flush': 'import os, sys\nsys.stdout.flush()\nos._exit(0)\n',
    'raises after its answer': 'raise ValueError\n',
    'raises KeyboardInterrupt': 'raise KeyboardInterrupt\n',
}
NUMBERS = "re.sub(r'(?<![\\w.])-?\\d+(?![\\w.])', lambda m: %s, answer)"
TEXTS = {
    'blanks at the ends of lines': "''.join(' ' + l + '  \\n' for l in answer.splitlines())",
    'blank lines around': "'\\n\\n' + answer + '\\n\\n'",
    'a blank line inside': "answer.replace('\\n', '\\n\\n', 1) if '\\n' in answer.strip() else '1\\n\\n' + answer",
    'all on one line': "' '.join(answer.split())",
    'a line less': "'\\n'.join(answer.splitlines()[:-1])",
    'a line more': "answer + '\\n0'",
    'numbers as 1.0': NUMBERS % "m.group() + '.0'",
    'numbers as 10e-1': NUMBERS % "m.group() + '0e-1'",
    'numbers with underscores': NUMBERS % "m.group()[:1] + '_' + m.group()[1:] if len(m.group()) > 1 else m.group()",
    'numbers 1e-30 more': NUMBERS % "m.group() + '.' + '0' * 29 + '1'",
    'numbers one more': NUMBERS % "str(int(m.group()) + 1)",
    'numbers as quotients': NUMBERS % "m.group() + '/1'",
    'upper and lower case swapped': 'answer.swapcase()',
    'nothing': "''",
    'NaN': "'nan'",
}
BODY = READ + FIND + SAY
INDENTED = ''.join('    %s\n' % line for line in BODY.splitlines())
FORMS = {
    'main() under its guard': 'def main():\n' + INDENTED + "if __name__ == '__main__':\n    main()\n",
    'a guard the other way round': 'def main():\n' + INDENTED + "if '__main__' == __name__:\n    main()\n",
    'main() without a guard': 'def main():\n' + INDENTED + 'main()\n',
    'a global that a function sets':
        "answer = ''\ndef main():\n    global answer\n" + INDENTED.replace('    print(answer)\n', '') + 'main()\nprint(answer)\n',
    'recursion 20,000 deep': BODY + 'def deep(n):\n    return n and 1 + deep(n - 1)\ndeep(20000)\n',
    'names of the header':
        BODY + 'Counter(accumulate([1, 2])), reduce(mul, [1, 2]), prod([2]), heappop([1]), bisect_left([1], 1), pow(2, 3, 5)\n',
    'a name that the header lacks': BODY + 'Decimal(1)\n',
    'from __future__ import annotations': 'from __future__ import annotations\n' + BODY,
    'no valid Python': BODY + 'if\n',
}
CALLS = {
    'a function without a class': 'def %(name)s(*a):\n    return TABLE[json.dumps(a)]\n',
    'a class with state': 'class Solution:\n    calls = 0\n    def %(name)s(self, *a):\n        self.calls += 1\n'
                          '        return TABLE[json.dumps(a)] if self.calls == 1 else None\n',
    'prints beside':
        "class Solution:\n    def %(name)s(self, *a):\n        print('noise')\n        return TABLE[json.dumps(a)]\n",
    'changes its arguments': 'class Solution:\n    def %(name)s(self, *a):\n        r = TABLE[json.dumps(a)]\n'
                             '        for x in a:\n            x.clear() if type(x) is list else 0\n        return r\n',
    'another name': 'class Solution:\n    def another(self, *a):\n        return TABLE[json.dumps(a)]\n',
}
DEEP = '''
def deep(r, change):
    if type(r) is float:
        return change(r)
    return type(r)(deep(x, change) for x in r) if type(r) in (list, tuple) else r
'''


def whole_programs(tests):
    """(kind, program) of a problem on standard input and output; readers read, writers print, and so on."""
    table = 'TABLE = %r\n' % {' '.join(t['input'].split()): t['output'] for t in tests} + KEY
    future = 'from __future__ import annotations\n'
    for name, reader in READERS.items():
        yield 'reads by ' + name, table + reader + FIND + SAY
    for name, writer in WRITERS.items():
        yield 'writes by ' + name if 'noise' not in name else name, table + READ + FIND + writer
    for name, end in ENDS.items():
        yield 'ends by ' + name if 'raises' not in name else name, table + BODY + end
    for name, text in TEXTS.items():
        yield name, 'import re\n' + table + READ + FIND + 'answer = %s\n' % text + SAY
    for name, form in FORMS.items():
        yield name, future + table + form[len(future):] if form.startswith(future) else table + form


def methods(tests, name):
    """The same for a problem whose method is called."""
    lines = ([line for line in t['input'].split('\n') if line.strip()] for t in tests)
    answers = {json.dumps([json.loads(x) for x in each]): json.loads(t['output']) for each, t in zip(lines, tests)}
    table = 'TABLE = %r\n' % answers + DEEP
    for kind, answer in {'the answer': 'r', **ANSWERS}.items():
        found = 'r = TABLE[json.dumps(a)]\n        return ' + answer
        yield kind, table + 'class Solution:\n    def %s(self, *a):\n        %s\n' % (name, found)
    for kind, body in BODIES.items():
        yield kind, table + 'class Solution:\n    def %s(self, *a):\n        %s\n' % (name, body)
    for kind, text in CALLS.items():
        yield kind, table + text % {'name': name}


def programs(row):
    """(kind, program) of a row."""
    if row['tests'][0]['testtype'] == 'functional':
        name = re.findall(r'def\s+(\w+)\s*\(\s*self', row['starter_code'])[-1]
        return methods(row['tests'], name)
    return whole_programs(row['tests'])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('file')
    parser.add_argument('--stride', type=int, default=1, help='keep every N-th sample')
    options = parser.parse_args()
    with open(options.file, encoding='utf-8') as file:
        rows = json.load(file)
    n = 0
    for i, row in enumerate(rows):
        for kind, text in programs(row):
            if n % options.stride == 0:
                json.dump({'task_id': 'LCB/%d' % i, 'solution': text, 'mutation': kind}, sys.stdout)
                sys.stdout.write('\n')
            n += 1


if __name__ == '__main__':
    main()
