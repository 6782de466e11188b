import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { SHORT_FLEET } from './fleet-text.ts';

const STOP = 'stop: [./stop], start: [./start]';

describe('chaos in a fleet file', () => {
  it('is a list of outages, each with what ends it', () => {
    const text = `${SHORT_FLEET.replace(/environment: \w+/, 'environment: staging')}chaos: { ${STOP}, failover: [./over], health: /healthz }\n`;
    expect(readFleet(text, '/f/rotctl.yaml').chaos).toEqual({
      outages: [
        { name: 'stop', begin: ['./stop'], end: { name: 'start', command: ['./start'] } },
        { name: 'failover', begin: ['./over'], end: undefined },
      ],
      deadlineMs: 30_000,
      health: '/healthz',
    });
  });

  it.each([
    ['of production', 'production', STOP, /^chaos: is not for production/],
    ['that stops and never starts', 'staging', 'stop: [./stop]', /^chaos\.stop: needs start beside it/],
    ['that thaws what is never frozen', 'staging', `${STOP}, thaw: [./thaw]`, /^chaos\.thaw: ends what freeze begins/],
    ['without any hook', 'staging', 'deadline: 5s', /^chaos: needs a hook/],
    ['with a mistyped hook', 'staging', 'stopp: [./stop]', /stopp/],
  ])('is refused: one %s', (_what, environment, hooks, why) => {
    const text = `${SHORT_FLEET.replace(/environment: \w+/, `environment: ${environment}`)}chaos: { ${hooks} }\n`;
    expect(refusalFrom(() => readFleet(text, '/f/rotctl.yaml')).message).toMatch(why);
  });
});
