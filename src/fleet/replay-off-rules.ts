import { durationText } from '../document/scalars.ts';
import { has } from '../protocol/described/template.ts';
import { signatureScheme } from './read-scheme.ts';
import type { Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';

/** Checks whose failure means that a captured request can be sent again; in production nobody may wave that through. */
const NEVER_ACCEPTED = [
  'replay.same-replica',
  'replay.cross-replica',
  'replay.concurrent',
  'replay.namespace',
  'replay.holds',
  'store.fail-closed',
];
/** How the owner of a described scheme says that its service remembers no nonce. */
const NO_SINGLE_USE = 'scheme.single-use';

/** Ways in which a fleet file would switch the proof against replay off, or make a leak look like a refusal. */
export function checkReplayOn(fleet: FleetInput, refuse: Refuse): void {
  checkMasks(fleet, refuse);
  if (fleet.environment !== 'production') return;
  for (const [index, { check }] of fleet.accepts.entries()) {
    if (!NEVER_ACCEPTED.includes(check)) continue;
    const why = 'replay checks are not switched off in production: mend the store that the replicas share first';
    refuse(['accepts', index, 'check'], `may not be ${check} in production; ${why}`);
  }
  const { replay, scheme, accepts } = fleet;
  const described = scheme === undefined ? undefined : signatureScheme(scheme);
  if (replay.nonceTtl < replay.maxAge && bounds(described)) {
    const got = `${durationText(replay.nonceTtl)} is less than ${durationText(replay.maxAge)}`;
    refuse(
      ['replay', 'nonceTtl'],
      `must be at least maxAge in production, accepted or not (${got}): below it every captured request can be sent again`,
    );
  }
  if (
    scheme?.singleUse === false &&
    has(scheme.signs, 'nonce') &&
    !accepts.some(({ check }) => check === NO_SINGLE_USE)
  ) {
    refuse(
      ['scheme', 'singleUse'],
      `false switches every replay check off, in production; if the service cannot remember nonces, answer for it: accepts: [{ check: ${NO_SINGLE_USE}, reason: …, owner: … }]`,
    );
  }
}

/** What a described scheme does not have, no setting bounds. */
function bounds(scheme: ReturnType<typeof signatureScheme> | undefined): boolean {
  return scheme === undefined || (scheme.singleUse && scheme.timestamp !== undefined);
}

/** A rule that takes an answer of success, or none at all, for a refusal would make of every leak a proof. */
function checkMasks({ outcomes }: FleetInput, refuse: Refuse): void {
  for (const [index, { when, outcome }] of outcomes.entries()) {
    if (outcome !== 'REPLAY_NONCE_USED' && outcome !== 'STORE_FAILED') continue;
    const { status, header, pointer, body, fault } = when;
    if (fault !== undefined)
      refuse(
        ['outcomes', index, 'when', 'fault'],
        `proves no ${outcome}: a request without an answer may have been accepted; leave the rule out, and it counts as unknown`,
      );
    const bare = header === undefined && pointer === undefined && body === undefined;
    if (status !== undefined && status < 400 && bare)
      refuse(
        ['outcomes', index, 'when', 'status'],
        `${status} alone is what an accepted request gets, and may not mean ${outcome}; say what in the answer shows the refusal (pointer, header or body)`,
      );
  }
}
