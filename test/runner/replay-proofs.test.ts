import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { MOVING_PHASES } from '../../src/machine/phase.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { requireReplayProofs } from '../../src/runner/replay-proofs.ts';
import { SHORT_FLEET } from '../fleet/fleet-text.ts';
import { refusalFrom } from '../support/refusal.ts';

const shipped = (name: string) => readRunbook(readFileSync(`runbooks/${name}.yaml`, 'utf8'), `${name}.yaml`);
const fleet = readFleet(SHORT_FLEET, '/f/rotctl.yaml');
const { name, program } = shipped('signer-hmac');
const blind = { ...program };
for (const phase of MOVING_PHASES) {
  blind[phase] = program[phase].map((step) => ({
    ...step,
    proofs: step.proofs.filter(({ proves }) => !['replay', 'namespace', 'checklist'].includes(proves)),
  }));
}

describe('in production a runbook looks for replays', () => {
  it.each(['signer-hmac', 'signer-hmac-second-id', 'gate-hmac', 'signer-mtls'])('as %s does', (one) => {
    expect(() => requireReplayProofs(fleet, shipped(one))).not.toThrow();
  });

  it('or it is refused', () => {
    const error = refusalFrom(() => requireReplayProofs(fleet, { name, program: blind }));
    expect(error).toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining('no step that looks'),
    });
  });

  it('elsewhere it need not', () => {
    expect(() => requireReplayProofs({ ...fleet, environment: 'staging' }, { name, program: blind })).not.toThrow();
  });
});
