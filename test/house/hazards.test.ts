import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import { CHECKS } from '../../src/probe/checks/list.ts';
import { HAZARDS, type Hazard } from '../../src/probe/hazards.ts';

const PAGE = 'spec/hazards.md';
const MARK = '<!-- table -->';
/** What happens to a store and is told with its hazard while nonces are held. */
const EVENTS = 'src/probe/hold/store-mark.ts';
const HEADS = { outside: '## What cannot be seen from outside', before: '## What cannot be seen at all' } as const;

const all = Object.keys(HAZARDS) as Hazard[];
const events = new Set([...readFileSync(EVENTS, 'utf8').matchAll(/hazard: '(H\d+)'/g)].map(([, hazard]) => hazard));

/** The checks that a failure of a hazard can be told by: inside the store, or outside of it. */
function checksFor(hazard: Hazard, inside: boolean): readonly string[] {
  return CHECKS.filter(({ group, hazards }) => (group === 'store') === inside && hazards?.includes(hazard)).map(
    ({ id }) => `\`${id}\``,
  );
}

function row(hazard: Hazard): string {
  const cells = [
    hazard,
    HAZARDS[hazard],
    checksFor(hazard, false).join(', ') || '–',
    checksFor(hazard, true).join(', ') || '–',
    events.has(hazard) ? 'told' : '–',
  ];
  return `| ${cells.join(' | ')} |`;
}

const page = readFileSync(PAGE, 'utf8');
const head = page.slice(0, page.indexOf(MARK));
const table = [
  '| hazard | what it is | from outside | from within | over events |',
  '| --- | --- | --- | --- | --- |',
  ...all.map(row),
];
const written = `${head}${MARK}\n\n${table.join('\n')}\n`;

it('says of every hazard which checks find it; ROTCTL_WRITE_PAGES=1 writes it anew', () => {
  if (process.env.ROTCTL_WRITE_PAGES === '1') writeFileSync(PAGE, written);
  expect(readFileSync(PAGE, 'utf8')).toBe(written);
});

it('names by hand just those that no check finds from outside', () => {
  const section = head.slice(head.indexOf(HEADS.outside), head.indexOf(HEADS.before));
  const named = new Set(section.match(/H\d+/g));
  expect(all.filter((hazard) => named.has(hazard))).toEqual(
    all.filter((hazard) => checksFor(hazard, false).length === 0),
  );
});

test.for(all)('%s is found by a check, from outside or from within', (hazard) => {
  expect([...checksFor(hazard, false), ...checksFor(hazard, true)]).not.toEqual([]);
});
