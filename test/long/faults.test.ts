import { describe, it } from 'vitest';
import { DRILL_FAULTS } from '../../src/drill/faults.ts';
import { expectFound } from '../support/drill-run.ts';

describe('a drill finds each fault on each replica, and recovers from it', { timeout: 800_000 }, () => {
  for (const { name } of DRILL_FAULTS['keyring-v1']) {
    for (const target of ['signer-a', 'signer-b', 'signer-c'])
      it(`${name} on ${target}`, () => expectFound(name, target, 'signer-hmac'));
  }
  for (const { name } of DRILL_FAULTS.mtls) {
    for (const target of ['signer-a', 'signer-b', 'signer-c'])
      it(`${name} on ${target}, while certificates are rotated`, () => expectFound(name, target, 'signer-mtls'));
  }
  for (const { name } of DRILL_FAULTS['gate-v1']) {
    for (const target of ['gate-a', 'gate-b', 'gate-c'])
      it(`${name} on ${target}`, () => expectFound(name, target, 'gate-hmac'));
  }
});
