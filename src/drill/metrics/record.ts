import { TLS_CHECKS } from '../../probe/checks/tls.ts';
import { excuse, excusedBy } from './faults.ts';
import { judged, type Measure, notApplicable } from './metric.ts';
import { isOfCertificates } from './rotation.ts';
import type { SeenCheck } from './sighting.ts';
import type { Story } from './story.ts';
import { count, mapping, sum, text, texts, unique } from './values.ts';

const DAY_MS = 86_400_000;
/** After how many days without a real pass a rehearsal counts as stale: once a quarter is the least. */
const FRESH_DAYS = 92;

/** Checks of handshakes, of sessions, and of what is shown in them. */
const HANDSHAKES = /^(?:tls|mtls|certificate|session)\./;

/** What is looked at before any rotation, and says nothing of one of certificates. */
const BEFOREHAND: readonly string[] = TLS_CHECKS.map(({ id }) => id);

/** 15. Only where certificates rotate; their evidence is the handshakes that their steps have taken, but for those of a replica whose planted fault was found. */
export function mtlsHealth(story: Story): Measure {
  const mtls = story.rotations.filter(isOfCertificates);
  if (story.rotations.length > 0 && mtls.length === 0) {
    return notApplicable(
      'failures',
      'no rotation in these entries is of certificates',
      story.rotations.map(({ header }) => header.seq),
    );
  }
  const checks = story.checks.filter(({ id }) => HANDSHAKES.test(id) && !BEFOREHAND.includes(id));
  const tell = ({ id, target, seen }: SeenCheck) => `${id} on ${target}: ${seen}`;
  const excuseOf = ({ target, entry }: SeenCheck) => {
    const there = story.faults.filter((fault) => fault.target === target);
    return excuse(there, 'handshake', entry.seq);
  };
  const bad = checks
    .filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
    .map((check) => ({ check, fault: excuseOf(check) }));
  const of = (verdict: string) =>
    bad.flatMap(({ check, fault }) => (fault === undefined && check.verdict === verdict ? [tell(check)] : []));
  return judged({
    value: of('fail').length,
    unit: 'failures',
    target: '0 unexpected',
    samples: checks.length,
    failures: of('fail'),
    doubts: of('unknown'),
    details: bad.flatMap(({ check, fault }) => (fault === undefined ? [] : [excusedBy(tell(check), fault)])),
    entries: checks.map(({ entry }) => entry.seq),
  });
}

/** 18. Places in which a secret was found, of all places that were searched. */
export function secretHygiene(story: Story): Measure {
  const searches = story.entries.filter(({ data }) => data.hygiene !== undefined);
  const found = searches
    .map(({ data }) => mapping(data.hygiene))
    .map((hygiene) => ({
      searched: count(hygiene.searched),
      found: count(hygiene.found),
      where: texts(hygiene.where),
    }));
  const total = sum(found.map((search) => Math.max(search.found, search.where.length)));
  return judged({
    value: total,
    unit: 'places',
    target: '0',
    samples: sum(found.map(({ searched }) => searched)),
    failures:
      total === 0
        ? []
        : [
            `a secret was found in ${unique(found.flatMap(({ where }) => where)).join(', ') || 'a place that is not named'}`,
          ],
    entries: searches.map(({ seq }) => seq),
  });
}

/** 19. Whether the ledger's chain is whole. That a recorded verdict is the same when computed again is added by `scorecard`. */
export function ledgerIntegrity(story: Story): Measure {
  const { ledger, options, entries } = story;
  const verified = options.ledger;
  const breaks = ledger.flatMap((entry, index) => {
    const before = ledger[index - 1];
    if (before === undefined) return [];
    if (entry.seq <= before.seq) return [`entry ${entry.seq} stands after entry ${before.seq}`];
    return entry.seq === before.seq + 1 && entry.prev !== before.hash
      ? [`entry ${entry.seq} does not name the hash of the entry before`]
      : [];
  });
  const last = ledger.at(-1)?.seq ?? 0;
  const short =
    verified?.ok === true && verified.entries < last
      ? [`${verified.entries} entries were verified, ${last} are scored`]
      : [];
  return judged({
    value: breaks.length,
    unit: 'breaks',
    target: '0, and the verdict the same when computed again',
    samples: verified === undefined ? 0 : entries.length,
    failures: [...(verified?.ok === false ? ['the ledger does not verify'] : []), ...breaks, ...short],
    doubts: verified === undefined ? ["the ledger's bytes were not verified here"] : [],
    entries: [entries[0], entries.at(-1)].flatMap((entry) => entry?.seq ?? []),
  });
}

/** 20. What people had to do: overrides, words given, reinstatements on the record. */
export function operatorLoad(story: Story): Measure {
  const acts = story.entries.filter(
    ({ kind }) => kind === 'override' || kind === 'confirmation' || kind === 'reinstate',
  );
  return judged({
    value: acts.length,
    unit: 'acts',
    target: '',
    samples: story.entries.length,
    details: acts.map(({ kind, data, seq }) => `${kind}: ${text(data.what) || text(data.reason)} (entry ${seq})`),
    entries: acts.map(({ seq }) => seq),
  });
}

/** 21. Days from the last real pass to the last entry. */
export function freshness(story: Story): Measure {
  const now = Date.parse(story.entries.at(-1)?.at ?? '');
  const earlier = story.ledger.findLast(
    (entry) => entry.kind === 'verdict' && entry.data.verdict === 'pass' && entry.seq < (story.entries[0]?.seq ?? 0),
  );
  const lastPass = Date.parse(story.options.lastPassAt ?? earlier?.at ?? '');
  const days = Math.floor((now - lastPass) / DAY_MS);
  const known = Number.isFinite(days);
  return judged({
    value: known ? days : 0,
    unit: 'days',
    target: `<= ${FRESH_DAYS} days`,
    samples: known ? 1 : 0,
    failures: known && days > FRESH_DAYS ? [`the last pass was ${days} days ago`] : [],
    doubts: known ? [] : ['no earlier pass is known'],
    entries: earlier === undefined || story.options.lastPassAt !== undefined ? [] : [earlier.seq],
  });
}
