import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DRILL_FAULTS } from '../../src/drill/faults.ts';
import { FAULTS } from '../../src/practice/faults.ts';
import { expectFound, rotctl, withDrill } from '../support/drill-run.ts';

/** Which faults this run plants; the whole list is tried by the long tests. */
const SEED = Number(process.env.ROTCTL_TEST_SEED ?? Math.floor(Math.random() * 1e6));
const REPLICAS = ['signer-a', 'signer-b', 'signer-c'];
const SLICE = 2;

it('knows the faults that the practice fleet has, and no other', () => {
  expect(DRILL_FAULTS.map(({ name }) => name).toSorted()).toEqual(Object.keys(FAULTS).toSorted());
});

describe('a whole drill', { timeout: 300_000 }, () => {
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

  const first = SEED % DRILL_FAULTS.length;
  for (let n = 0; n < SLICE; n += 1) {
    const { name } = DRILL_FAULTS[(first + n * 5) % DRILL_FAULTS.length] ?? { name: 'misses-next' };
    const target = REPLICAS[(SEED + n) % REPLICAS.length] ?? 'signer-b';
    it(`finds ${name} on ${target} (ROTCTL_TEST_SEED=${SEED})`, () => expectFound(name, target));
  }
});
