import { escapeForeign } from '../../errors/escape.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { AnsibleRun } from '../ports.ts';

type Answer = Readonly<Record<string, unknown>>;

/** A file as a host's `stat` tells of it. */
export interface SeenFile {
  readonly exists: boolean;
  readonly regular: boolean;
  /** Whether every user of the host may read or write it. */
  readonly open: boolean;
  readonly bytes: number;
}

/**
 * The answer of one host.
 *
 * @throws RotctlError `DRIVER_FAILED` with what ansible said: the host is not reachable, a task failed there, or the
 *   whole run did
 */
export function answerOf(run: AnsibleRun, host: string, place: string): Answer {
  const answer = asRecord(run.answers.get(host));
  if (answer === undefined) throw withoutAnswer(run, host, place);
  const unreachable = text(answer.unreachable);
  if (unreachable !== '') {
    throw failed(place, `host ${host} cannot be reached: ${escapeForeign(unreachable, 400)}`);
  }
  const why = text(answer.failed);
  if (why === '') return answer;
  throw failed(place, `on host ${host}, "${escapeForeign(text(answer.task), 80)}": ${escapeForeign(why, 400)}`);
}

/** What a host's answer tells of its nth file. */
export function fileIn(answer: Answer, index: number): SeenFile {
  const files = Array.isArray(answer.files) ? answer.files : [];
  const stat = asRecord(files[index]) ?? {};
  return {
    exists: stat.exists === true,
    regular: stat.isreg === true,
    open: stat.roth === true || stat.woth === true,
    bytes: typeof stat.size === 'number' ? stat.size : 0,
  };
}

/** The texts of a list in an answer. */
export function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A text or a number in an answer, as text; empty for anything else. */
export function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function withoutAnswer({ command }: AnsibleRun, host: string, place: string): RotctlError {
  if (command.how === 'not found') {
    return failed(
      place,
      'ansible-playbook is not installed, or not on the PATH',
      'install ansible (Debian: apt-get install ansible)',
    );
  }
  const said = command.output === '' ? '' : `: ${command.output}`;
  return failed(
    place,
    `ansible gave no answer for host ${host} (${command.how})${said}`,
    `see what ansible makes of the inventory: ansible-inventory --inventory FILE --host ${host}`,
  );
}

/** A failure of the driver at a place, which names it. */
export function failed(place: string, message: string, hint?: string): RotctlError {
  return new RotctlError('DRIVER_FAILED', message, { at: { file: place }, ...(hint === undefined ? {} : { hint }) });
}

function asRecord(value: unknown): Answer | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer) : undefined;
}
