"""Verdicts a second of an original harness: python3 peers.py human-eval|evalplus CHECKOUT WORKERS SECONDS PROGRAM TESTS

Workers are threads for human-eval and processes for EvalPlus, as their own evaluations have them. Neither isolates anything.
EvalPlus needs numpy.
"""
import ast
import concurrent.futures
import sys
import time

from agree import find_evalplus


def human_eval(checkout, program, tests):
    sys.path.insert(0, checkout)
    from human_eval.execution import check_correctness
    name = ast.parse(program).body[-1].name
    problem = {'task_id': 'bench', 'prompt': '', 'entry_point': name,
               'test': 'def check(candidate):\n' + ''.join('    %s\n' % t for t in tests.replace(name, 'candidate').splitlines())}
    return lambda: check_correctness(problem, program, 3.0)['passed']


def evalplus(checkout, program, tests):
    find_evalplus(checkout)
    from evalplus.eval import PASS, untrusted_check
    cases = [(ast.literal_eval(a.test.comparators[0]), [ast.literal_eval(x) for x in a.test.left.args]) for a in ast.parse(tests).body]
    name = ast.parse(program).body[-1].name
    return lambda: untrusted_check('humaneval', program, [inputs for _, inputs in cases], name, [expected for expected, _ in cases],
                                   0, [0.01] * len(cases), fast_check=True)[0] == PASS


def loop(harness, checkout, program, tests, seconds):
    judge = {'human-eval': human_eval, 'evalplus': evalplus}[harness](checkout, program, tests)
    judge()
    end, verdicts = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        if not judge():
            raise SystemExit('%s: a right program did not pass' % harness)
        verdicts += 1
    return verdicts


def main():
    harness, checkout, workers, seconds, program, tests = sys.argv[1:]
    pool = concurrent.futures.ThreadPoolExecutor if harness == 'human-eval' else concurrent.futures.ProcessPoolExecutor
    with pool(int(workers)) as executor:
        loops = [executor.submit(loop, harness, checkout, program, tests, float(seconds)) for _ in range(int(workers))]
        print(sum(each.result() for each in loops) / float(seconds))


if __name__ == '__main__':
    main()
