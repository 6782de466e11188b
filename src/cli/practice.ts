import { relative, resolve } from 'node:path';
import type { Stage } from '../drill/stage.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Platform, PracticeOptions } from './platform.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `practice up`. */
export interface PracticeRequest {
  readonly home: string;
  readonly protocol: PracticeOptions['protocol'];
  readonly store: PracticeOptions['store'];
  /** `NAME@REPLICA`, as typed. */
  readonly faults: readonly string[];
}

/** Starts a practice fleet, which outlives the command. @throws RotctlError `PRACTICE_FAILED`, `USAGE` */
export async function practiceUp(platform: Platform, request: PracticeRequest): Promise<CommandEnd> {
  const home = resolve(platform.cwd, request.home);
  const { protocol, store } = request;
  const stage = await platform.startPractice({ home, protocol, store, faults: request.faults.map(parseFault) });
  const fleet = relative(platform.cwd, stage.fleetFile) || stage.fleetFile;
  return {
    command: 'practice-up',
    verdict: 'pass',
    summary: `the practice fleet is up; replay store: ${stage.store}`,
    next: `rotctl check --fleet ${fleet}`,
    result: { home, fleetFile: stage.fleetFile, store: stage.store },
    text: `fleet file  ${fleet}\nstore       ${stage.store}\nnext        rotctl check --fleet ${fleet}\n`,
  };
}

/** Says what runs of a practice fleet, and what its clients have seen. @throws RotctlError `PRACTICE_FAILED` */
export async function practiceStatus(platform: Platform, folder: string): Promise<CommandEnd> {
  const stage = await platform.attachPractice(resolve(platform.cwd, folder));
  const down = await stage.down();
  const clients = await stage.clients();
  const rows = clients.map(
    ({ id, accepted, refused, faults }) =>
      `${id.padEnd(10)}  ${accepted} accepted, ${refused} refused, ${faults} faults`,
  );
  return {
    command: 'practice-status',
    verdict: 'pass',
    summary: down.length === 0 ? 'the practice fleet is up' : `down: ${down.join(', ')}`,
    result: { fleetFile: stage.fleetFile, store: stage.store, down, clients },
    text: `${[`fleet file  ${stage.fleetFile}`, `store       ${stage.store}`, `down        ${down.join(', ') || 'none'}`, ...rows].join('\n')}\n`,
  };
}

/** Ends a practice fleet. @throws RotctlError `PRACTICE_FAILED` */
export async function practiceDown(platform: Platform, folder: string): Promise<CommandEnd> {
  const stage: Stage = await platform.attachPractice(resolve(platform.cwd, folder));
  await stage.close();
  return { command: 'practice-down', verdict: 'pass', summary: 'the practice fleet is down', text: '' };
}

function parseFault(text: string): PracticeOptions['faults'][number] {
  const [name = '', target = ''] = text.split('@');
  if (name === '' || target === '')
    throw new RotctlError('USAGE', '--fault takes NAME@REPLICA: `misses-next@signer-b`');
  return { name, target };
}
