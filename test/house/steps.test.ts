import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isForward, MOVING_PHASES } from '../../src/machine/phase.ts';
import { ACTIONS, type Effect, type Proof, type Step } from '../../src/machine/step.ts';
import { readRunbook } from '../../src/runbook/read.ts';

const PAGE = 'spec/steps.md';
const RUNBOOKS = ['signer-hmac', 'signer-hmac-second-id', 'gate-hmac', 'signer-mtls'] as const;

function sayEffect(effect: Effect): string {
  switch (effect.of) {
    case 'flight':
      return `drained of ${effect.drained}`;
    case 'sessions':
      return `sessions of ${effect.ended} ended`;
    case 'material':
      return `${effect.generation} ${effect.becomes}`;
    default:
      if ('from' in effect) return `${effect.where} := disk`;
      return `${effect.where}: ${[
        ...Object.entries(effect.set).map(
          ([name, value]) => `${name} := ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`,
        ),
        ...(effect.restores ?? []).map((name) => `${name} := as-before`),
      ].join(', ')}`;
  }
}

function sayProof(proof: Proof): string {
  const of = 'generation' in proof ? ` ${proof.generation}` : '';
  const on = 'on' in proof && proof.on !== 'target' ? ` on ${proof.on}` : '';
  const under = 'keyIds' in proof ? ' under key-ids as-before' : '';
  return `${proof.proves}${of}${on}${under}`;
}

function rowOf({ id, does, action, over, order, effects, proofs }: Step): string {
  const targets = over === 'fleet' ? 'fleet' : `${over}, ${order.backward ? 'last first' : 'one by one'}`;
  const cells = [
    `\`${id}\``,
    does,
    `${action} (${targets})`,
    effects.map(sayEffect).join('; '),
    proofs.map(sayProof).join('; '),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The tables of a runbook, one for each phase, as they must stand in the page. */
function tablesOf(name: string): string {
  const file = `runbooks/${name}.yaml`;
  const { program, title } = readRunbook(readFileSync(file, 'utf8'), file);
  const phases = MOVING_PHASES.flatMap((phase) => [
    `### \`${name}\`: ${phase}${isForward(phase) ? '' : ' (the way back)'}`,
    '',
    '| step | what it does | action | effect | proofs |',
    '| --- | --- | --- | --- | --- |',
    ...program[phase].map(rowOf),
    '',
  ]);
  return [`## ${title} (\`runbooks/${name}.yaml\`)`, '', ...phases].join('\n');
}

const MARK = '<!-- tables -->';
const page = readFileSync(PAGE, 'utf8');
const written = `${page.slice(0, page.indexOf(MARK))}${MARK}\n\n${RUNBOOKS.map(tablesOf).join('\n').trimEnd()}\n`;

it('says of every step of every shipped runbook what the file says; ROTCTL_WRITE_PAGES=1 writes it anew', () => {
  if (process.env.ROTCTL_WRITE_PAGES === '1') writeFileSync(PAGE, written);
  expect(readFileSync(PAGE, 'utf8')).toBe(written);
});

it('explains every action', () => {
  const head = page.slice(0, page.indexOf(MARK));
  expect(ACTIONS.filter((action) => !head.includes(`| \`${action}\` |`))).toEqual([]);
});
