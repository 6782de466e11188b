import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readRunbook } from '../../src/runbook/read.ts';
import type { Runbook } from '../../src/runbook/runbook.ts';
import { notCarriedOut, requireCarriedOut } from '../../src/runner/carried-out.ts';
import { operate } from '../../src/runner/operate.ts';
import { rehearse } from '../../src/runner/rehearse.ts';
import type { Tools } from '../../src/runner/tools.ts';
import { refusalFrom } from '../support/refusal.ts';

const FILE = 'runbooks/signer-hmac.yaml';
const shipped = readFileSync(FILE, 'utf8');
const lineOf = (text: string, needle: string) => text.slice(0, text.indexOf(needle)).split('\n').length;

/** The shipped runbook with something in it replaced, which must be there. */
function edited(...pairs: (readonly [from: string | RegExp, to: string])[]): string {
  return pairs.reduce((text, [from, to]) => {
    const after = text.replace(from, to);
    if (after === text) throw new Error(`the runbook has no ${from}`);
    return after;
  }, shipped);
}

const refusalOf = (runbook: Runbook) => refusalFrom(() => requireCarriedOut(runbook));

const PUSH = [
  /action: reload([\s\S]*?)effect:\n {8}- .*/,
  'action: push$1effect:\n        - { of: replica, where: memory, accepts: [current, next] }',
] as const;
const SKIP = ['first: 1, batch: 1 }', 'first: 1, batch: 1, unreachable: skip }'] as const;

describe('a runbook that is right and that this version does not carry out', () => {
  const rows: [what: string, text: string, said: string, step: string][] = [
    ['a push', edited(PUSH), 'action push in step roll', 'roll'],
    [
      'another setting of a replica',
      edited(['replica, where: disk, accepts: [next] }', 'replica, where: disk, namespace: other }']),
      'setting namespace of a replica in step remove-current',
      'remove-current',
    ],
    [
      'another setting of a template, beside one that is known',
      edited([
        'template, where: disk, accepts: [next] }',
        'template, where: disk, accepts: [next], namespace: other }',
      ]),
      'setting namespace of a template in step publish-without-current',
      'publish-without-current',
    ],
    ['targets that may be skipped', edited(SKIP), 'unreachable: skip in step publish-next', 'publish-next'],
    [
      'several, each with all that is in it',
      edited(PUSH, [/action: push([\s\S]*?)batch: 1 }/, 'action: push$1batch: 1, unreachable: skip }']),
      'action push and unreachable: skip in step roll',
      'roll',
    ],
  ];
  it.each(rows)('is refused at its first such step: %s', (_, text, said, step) => {
    const error = refusalOf(readRunbook(text, 'my.yaml'));
    expect(error).toMatchObject({
      code: 'STEP_UNSUPPORTED',
      exitCode: 2,
      message: `runbook signer-hmac: this version does not carry out ${said}`,
      at: { file: 'my.yaml', line: lineOf(text, `step: ${step}\n`), column: 7 },
    });
  });

  it('is told every such step, in the order of the file', () => {
    expect(refusalOf(readRunbook(edited(SKIP, PUSH), 'my.yaml')).message).toMatch(
      /unreachable: skip in step publish-next; action push in step roll$/,
    );
  });

  it('is refused for a proof that nobody can take', () => {
    const runbook = readRunbook(shipped, FILE);
    const opening = runbook.program.opening.map((step) => ({ ...step, proofs: [{ proves: 'key-ids' as const }] }));
    const error = refusalOf({ ...runbook, program: { ...runbook.program, opening } });
    expect(error.message).toContain('proof key-ids in step publish-next; proof key-ids in step add-next');
  });

  it('is refused before anything else is done with it', async () => {
    const touched = (_: unknown, name: string | symbol) => {
      throw new Error(`${String(name)} was asked for`);
    };
    const runbook = readRunbook(edited(SKIP), 'my.yaml');
    const tools = new Proxy({} as Tools, { get: (_, name) => (name === 'runbook' ? runbook : touched(_, name)) });
    const order = {
      wait: false,
      reinstate: false,
      reason: undefined,
      compromised: false,
      clients: [],
      brought: new Map(),
    };
    for (const command of ['overlap', 'resume', 'rollback'] as const) {
      await expect(operate(tools, { ...order, command })).rejects.toMatchObject({ code: 'STEP_UNSUPPORTED' });
      await expect(rehearse(tools, { ...order, command })).rejects.toMatchObject({ code: 'STEP_UNSUPPORTED' });
    }
  });
});

it('the shipped runbook is carried out', () => {
  expect(() => requireCarriedOut(readRunbook(shipped, FILE))).not.toThrow();
});

it('what comes to be carried out all the same is a bug of ours', () => {
  expect(() => notCarriedOut({ proves: 'key-ids' })).toThrow(/does not carry out \{"proves":"key-ids"\}/);
});
