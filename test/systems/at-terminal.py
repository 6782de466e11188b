"""Runs a program at a terminal of its own and answers what it asks.

usage: at-terminal.py ANSWERS.json PROGRAM ARGS...

ANSWERS.json is a list of [text that a question holds, answer]; each is typed when its text has been shown, in order.
Everything that the terminal shows goes to stdout; the exit code is the program's own.
"""
import json
import os
import pty
import select
import sys
import time


def main() -> int:
    with open(sys.argv[1], encoding='utf-8') as file:
        answers = json.load(file)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    shown, asked_from = '', 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            text = data.decode('utf-8', 'replace')
            sys.stdout.write(text)
            shown += text
        if answers and answers[0][0] in shown[asked_from:]:
            asked_from = len(shown)
            os.write(terminal, (answers.pop(0)[1] + '\r').encode())
    sys.stdout.flush()
    if answers:
        sys.stderr.write(f'never asked: {answers[0][0]}\n')
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


sys.exit(main())
