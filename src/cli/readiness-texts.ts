import type { CheckText } from './rotation-checks.ts';

/** Ids of the checks that look at what a rotation needs beside a sound fleet. */
export type ReadinessId =
  | 'secret.strength'
  | 'policy.window'
  | 'lock.free'
  | 'ledger.whole'
  | 'ledger.no-open-rotation';

/** What each of them is, why it matters, and what to do. */
export const READINESS_CHECKS: readonly (CheckText & { readonly id: ReadinessId })[] = [
  {
    id: 'secret.strength',
    title: 'each client’s secret is strong and its own',
    why: 'a short or common secret can be guessed from one captured request, and one that two clients share opens both',
    remedy: 'rotate a weak secret; give each client one of its own, of 32 random bytes',
    critical: true,
  },
  {
    id: 'policy.window',
    title: 'the policy lets a rotation begin now',
    why: 'a rotation in a freeze or a batch run meets those who cannot answer for it',
    remedy: 'wait until the time named; a rollback is never blocked',
    critical: true,
  },
  {
    id: 'lock.free',
    title: 'nobody else works on the fleet',
    why: 'two rotations at once undo each other’s proofs',
    remedy: 'wait for the holder; the lock of a process that is gone is taken over by the next command',
    critical: true,
  },
  {
    id: 'ledger.whole',
    title: 'the ledger verifies',
    why: 'where a rotation stands is in the ledger alone, and a broken one is not gone on with',
    remedy: 'keep the file as evidence, run rotctl ledger verify, and restore it from a copy',
    critical: true,
  },
  {
    id: 'ledger.no-open-rotation',
    title: 'no rotation is open',
    why: 'a rotation that is half done has to be ended before another can begin',
    remedy: 'run rotctl status, and then rotctl resume or rotctl rollback',
    critical: true,
  },
];

/** Those of them that are about the moment: a fleet may be sound, and a rotation may have to wait all the same. */
export const MOMENTARY: readonly string[] = ['policy.window', 'lock.free', 'ledger.no-open-rotation'];
