import { describe, expect, it } from 'vitest';
import { withPlaces } from '../../src/cli/next-command.ts';

const typed = { fleet: 'staging.yaml', fleetGiven: true, ledger: 'their ledger.yaml' };
const bare = { fleet: 'rotctl.yaml', fleetGiven: false, ledger: undefined };

describe('the command to type next', () => {
  it.each([
    ['rotctl resume', "rotctl resume --fleet staging.yaml --ledger 'their ledger.yaml'"],
    ['rotctl ledger verify', "rotctl ledger verify --ledger 'their ledger.yaml'"],
    ['rotctl status --ledger FILE', 'rotctl status --ledger FILE --fleet staging.yaml'],
    ['rotctl check --fleet other.yaml', "rotctl check --fleet other.yaml --ledger 'their ledger.yaml'"],
    ['rotctl explain HELD', 'rotctl explain HELD'],
    ['rotctl scorecard --from-ledger x.yaml', 'rotctl scorecard --from-ledger x.yaml'],
  ])('%s is for the fleet and the ledger that were named', (next, whole) => {
    expect(withPlaces(next, typed)).toBe(whole);
    expect(withPlaces(next, bare)).toBe(next);
  });
});
