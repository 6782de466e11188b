import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DRILL_FAULTS } from '../../src/drill/faults.ts';
import { FAULTS, GATE_FAULTS } from '../../src/practice/faults.ts';
import { expectFound, rotctl, withDrill } from '../support/drill-run.ts';

/**
 * Which fault of which drill this run plants: a game day has four of them (`test/cli/game-day.test.ts`), and the long tests
 * try the whole list.
 */
const SEED = Number(process.env.ROTCTL_TEST_SEED ?? Math.floor(Math.random() * 1e6));
/** Where faults are planted, and by which runbook they are found; that of certificates is in `test/systems`. */
const DRILLS = [
  { runbook: 'signer-hmac', faults: DRILL_FAULTS['keyring-v1'], replicas: ['signer-a', 'signer-b', 'signer-c'] },
  { runbook: 'gate-hmac', faults: DRILL_FAULTS['gate-v1'], replicas: ['gate-a', 'gate-b', 'gate-c'] },
];

it('knows the faults that the practice fleets have, and no other', () => {
  const known = new Set(Object.values(DRILL_FAULTS).flatMap((faults) => faults.map(({ name }) => name)));
  const had = new Set([FAULTS, GATE_FAULTS].flatMap((faults) => Object.keys(faults)));
  expect([...known].toSorted()).toEqual([...had].toSorted());
});

describe('a whole drill', { timeout: 600_000 }, () => {
  it('without a redis-server on PATH: one JSON document, PASS, nothing reported, and the score is in the ledger', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rotctl-path-'));
    await mkdir(join(folder, 'bin'));
    await symlink(process.execPath, join(folder, 'bin', 'node'));
    try {
      await withDrill(
        [],
        async ({ exitCode, json, out, stderr }) => {
          expect(exitCode, stderr).toBe(0);
          expect(json).toMatchObject({ schema: 'rotctl.drill.v1', verdict: 'pass', exitCode: 0, faults: [] });
          expect(json.result.store).toBe('embedded');
          expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^PASS .*embedded/);
          const ledger = join(out, 'rotation-ledger.yaml');
          const again = await rotctl(['scorecard', '--json', '--from-ledger', ledger]);
          expect(JSON.parse(again.stdout).result).toEqual(json.result.scorecard);
          expect((await rotctl(['ledger', 'verify', '--ledger', ledger])).exitCode).toBe(0);
          expect(await readFile(join(out, 'verdict.json'), 'utf8')).toContain('"pass"');
        },
        { PATH: join(folder, 'bin') },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  const all = DRILLS.flatMap(({ runbook, faults, replicas }) =>
    faults.map(({ name }) => ({ runbook, name, replicas })),
  );
  const { runbook, name, replicas } = all[SEED % all.length] ?? { runbook: '', name: '', replicas: [] };
  const target = replicas[Math.floor(SEED / all.length) % replicas.length] ?? '';
  it(`finds ${name} on ${target} (ROTCTL_TEST_SEED=${SEED})`, () => expectFound(name, target, runbook));
});
