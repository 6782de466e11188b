import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MOVING_PHASES } from '../../src/machine/phase.ts';
import { CHECKS } from '../../src/probe/checks/list.ts';
import { readRunbook } from '../../src/runbook/read.ts';

const page = readFileSync('spec/seed-coverage.md', 'utf8');
const named = (pattern: RegExp) => [...new Set([...page.matchAll(pattern)].map(([, name = '']) => name))];

it('names tests that exist', () => {
  const tests = named(/`(test\/[a-z/-]+\.test\.ts)`/g);
  expect(tests.length).toBeGreaterThan(5);
  expect(tests.filter((file) => !existsSync(file))).toEqual([]);
});

it('names checks that exist', () => {
  const known = new Set([...CHECKS.map(({ id }) => id), 'store.fail-closed']);
  const checks = [...named(/`((?:replay|fleet|balancer|store)\.[a-z-]+)`/g), ...named(/`([a-z]+_[a-z_]+)`/g)];
  expect(checks.length).toBeGreaterThan(12);
  expect(checks.filter((id) => !known.has(id))).toEqual([]);
});

it('names every forward step of the runbook, and steps that it has', () => {
  const file = 'runbooks/signer-hmac.yaml';
  const { program } = readRunbook(readFileSync(file, 'utf8'), file);
  const steps = MOVING_PHASES.flatMap((phase) => program[phase].map(({ id }) => ({ id, phase })));
  const forward = steps.filter(({ phase }) => ['opening', 'moving', 'retiring', 'destroying'].includes(phase));
  expect(forward.filter(({ id }) => !page.includes(`\`${id}\``))).toEqual([]);
});
