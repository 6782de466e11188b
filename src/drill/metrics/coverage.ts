import { isMoving } from '../../machine/phase.ts';
import { checksOf } from '../../probe/checks/list.ts';
import { excuse } from './faults.ts';
import { judged, type Measure } from './metric.ts';
import { isOfCertificates } from './rotation.ts';
import { isMeasured, type SeenCheck } from './sighting.ts';
import type { Story } from './story.ts';
import { text, texts, unique } from './values.ts';

/** By which entries a part of the scenario shows that it was played to its end. */
const PLAYED: Readonly<Record<string, (story: Story) => boolean>> = {
  rotation: ({ rotations }) => rotations.some(({ moves }) => moves.some(({ to }) => to === 'destroyed')),
  'failed-cutover': ({ rotations }) => rotations.some(({ moves }) => moves.some(({ to }) => to === 'rolled-back')),
  'taken-back': ({ rotations }) => rotations.some(({ moves }) => moves.some(({ to }) => to === 'rolled-back')),
  outage: ({ entries }) => entries.some(({ data }) => data.proof === 'fail-closed'),
  hygiene: ({ entries }) => entries.some(({ data }) => data.hygiene !== undefined),
};

/**
 * 16. Shipped checks and announced parts that were exercised, of all; and whether what was exercised ended well: the last
 * result of each critical check, outside of planted faults that were found, and the rest of each rotation.
 */
export function coverage(story: Story): Measure {
  const declared = texts(story.drill?.data.checks);
  // What a drill that is whole has exercised, unless its header names other checks (`checks: [id]`).
  const checks = declared.length > 0 ? declared : expectedOf(story);
  const parts = texts(story.drill?.data.expects);
  const missing = [
    ...checks.filter((id) => !isExercised(story, id)),
    ...parts.filter((part) => !isPlayed(story, part)),
  ];
  const total = checks.length + parts.length;
  const last = lastResults(story);
  return judged({
    value: Math.floor((100 * (total - missing.length)) / total),
    unit: '%',
    target: '100 %',
    samples: total - missing.length,
    failures: last.filter(({ verdict }) => verdict === 'fail').map(tell),
    doubts: [
      ...(missing.length === 0 ? [] : [`not exercised: ${missing.join(', ')}`]),
      ...last.filter(({ verdict }) => verdict === 'unknown').map(tell),
      ...story.rotations
        .filter(({ phase }) => isMoving(phase))
        .map(({ id, phase }) => `${id} is left in phase ${phase}`),
    ],
    details: [`${total - missing.length} of ${total} exercised`, ...skipped(story), ...acceptedIn(story)],
    entries: [...(story.drill === undefined ? [] : [story.drill.seq]), ...story.checks.map(({ entry }) => entry.seq)],
  });
}

/**
 * Every check but those that no rotation waits for, those that only warn of the store (what they may see is its owner's to
 * say), and where no certificates rotate the handshake matrix.
 */
function expectedOf(story: Story): string[] {
  const hasCertificates = story.rotations.some(isOfCertificates);
  return checksOf(story)
    .filter(({ group }) => hasCertificates || group !== 'mtls')
    .filter(({ group, critical, apart }) => apart !== true && (critical || group !== 'store'))
    .map(({ id }) => id);
}

/** A check counts as exercised when something was measured, when it only warns, or when it was declared not to apply here. */
function isExercised(story: Story, id: string): boolean {
  return story.checks.some(
    (check) => check.id === id && (isMeasured(check) || !check.critical || check.verdict === 'not-applicable'),
  );
}

function isPlayed(story: Story, part: string): boolean {
  const known = PLAYED[part];
  if (known !== undefined) return known(story);
  const named = ({ step, data }: Story['entries'][number]) =>
    [step, data.part, data.proof, data.command].includes(part);
  return isExercised(story, part) || story.entries.some((entry) => entry.kind !== 'header' && named(entry));
}

/** The last result of each critical check on each target, as it was seen without a found fault. */
function lastResults(story: Story): SeenCheck[] {
  const last = new Map<string, SeenCheck>();
  for (const check of story.checks) {
    if (isMadeGood(story, check) || check.accepted !== '') continue;
    if (check.critical && excuse(story.faults, 'any', check.entry.seq) === undefined)
      last.set(`${check.id} ${check.target}`, check);
  }
  return [...last.values()];
}

/** `ready` is recorded only when it fails: that it was ready later is in the outcome of the step that was taken again. */
function isMadeGood(story: Story, { id, target, entry }: SeenCheck): boolean {
  const { rotation, step, seq } = entry;
  if (id !== 'ready') return false;
  return story.entries.some(
    (later) =>
      later.seq > seq &&
      later.kind === 'outcome' &&
      later.data.result === 'done' &&
      later.rotation === rotation &&
      later.step === step &&
      texts(later.data.targets).includes(target),
  );
}

function tell({ id, target, reason, seen, entry }: SeenCheck): string {
  return `${id} on ${target}: ${reason === '' ? seen : reason} (entry ${entry.seq})`;
}

/** Known defects that were seen, each once. */
function acceptedIn({ checks }: Story): string[] {
  const seen = checks.filter(({ accepted }) => accepted !== '');
  return unique(seen.map(({ id, accepted }) => `${id} fails, ${accepted}`));
}

/** Steps that were left out because the fleet has no means for them. */
function skipped(story: Story): string[] {
  const left = story.entries.filter(({ kind, data }) => kind === 'outcome' && text(data.skipped) !== '');
  return unique(left.map(({ step, data }) => `step ${step} left out: ${text(data.skipped)}`));
}
