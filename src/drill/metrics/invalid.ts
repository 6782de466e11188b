import type { Protocol } from '../../protocol/protocol.ts';
import { excuse, excusedBy } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import { excessOf, isMeasured, type SeenCell, type SeenCheck } from './sighting.ts';
import { leftOut, type Story } from './story.ts';
import { sum } from './values.ts';

/** Kinds of invalid request that have to be tried, as the stable checks that try them. */
const REQUIRED: Readonly<Record<Protocol, readonly string[]>> = {
  'keyring-v1': ['invalid_hmac_rejected', 'timestamp_skew_rejected', 'unknown_client_rejected'],
  'gate-v1': ['gate.any-signature', 'gate.key-id-bound', 'gate.revoked-refused', 'gate.stale-refused'],
  described: ['scheme.stale-refused', 'scheme.unknown-client'],
};
const OF_GATES: readonly string[] = REQUIRED['gate-v1'];

/** 6. Invalid requests that were accepted: tampered, stale, of an unknown client, signed with a wrong or an empty key. */
export function acceptedInvalid(story: Story): Measure {
  const checks = story.checks.filter((check) => looksForInvalid(check) && isMeasured(check));
  const cells = story.cells.filter((cell) => cell.generation === 'wrong' && isMeasured(cell));
  const all = [...checks.map(fromCheck), ...cells.map(fromCell)].map((tried) => ({
    ...tried,
    fault: tried.accepted > 0 ? excuse(story.faults, 'invalid', tried.seq) : undefined,
  }));
  const leaks = all.filter(({ accepted, fault }) => accepted > 0 && fault === undefined);
  const wanted = REQUIRED[story.protocol].filter((id) => !leftOut(story).includes(id));
  const untried = wanted.filter((id) => checks.every((check) => check.id !== id));
  const controls = checks.some(({ id }) => id.startsWith('control.')) ? [] : ['control.*'];
  const missing = [...untried, ...controls];
  return judged({
    value: sum(leaks.map(({ accepted }) => accepted)),
    unit: 'requests',
    target: '0',
    samples: sum(all.map(({ samples }) => samples)),
    failures: leaks.map(({ what }) => what),
    doubts: missing.length === 0 ? [] : [`not tried: ${missing.join(', ')}`],
    details: all.flatMap(({ what, fault }) => (fault === undefined ? [] : [excusedBy(what, fault)])),
    entries: all.map(({ seq }) => seq),
  });
}

function looksForInvalid({ id }: SeenCheck): boolean {
  return (
    id.startsWith('control.') || OF_GATES.includes(id) || (id.endsWith('_rejected') && id !== 'replay_nonce_rejected')
  );
}

function fromCheck(check: SeenCheck) {
  const { id, target, seen, entry } = check;
  const what = `${target} accepted what ${id} must see refused: ${seen} (entry ${entry.seq})`;
  return {
    accepted: check.verdict === 'fail' ? excessOf(check) : 0,
    what,
    seq: entry.seq,
    samples: Math.max(1, check.samples),
  };
}

function fromCell(cell: SeenCell) {
  const what = `${cell.replica} accepted a wrong secret of ${cell.client} (entry ${cell.entry.seq})`;
  return { accepted: excessOf(cell), what, seq: cell.entry.seq, samples: 1 };
}
