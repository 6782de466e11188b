import { createHash } from 'node:crypto';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { AnsibleDeploy, AnsiblePlace } from '../../fleet/fleet.ts';
import type { AnsibleOrder, AnsibleRun, AnsibleRuns, CommandResult } from '../ports.ts';
import { answerOf, failed, fileIn, text, textsIn } from './answers.ts';

/** How long a text that was read may stand for another reading. A write is refused by the host if it is not so any more. */
const REUSED_MS = 5000;
/** As the playbook fetches. */
const LONGEST_BYTES = 1024 * 1024;

/** What the hosts of a fleet are reached with. */
export interface AnsiblePorts {
  readonly runs: AnsibleRuns;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly cwd: string;
  /** Every place of the fleet: those with an inventory in common are looked at together. */
  readonly places: readonly (AnsiblePlace | AnsibleDeploy)[];
}

/** A configuration on a host, as it was last seen. */
interface Seen {
  readonly text: string;
  /** Programs of the reload and restart commands that are not there. */
  readonly missing: readonly string[];
  readonly at: number;
}

/**
 * The hosts of a fleet that ansible reaches. A run takes a second and more whatever it does, so that one look serves all
 * places of an inventory, and for a few seconds; while targets are changed one after the other, each is looked at by itself.
 */
export class AnsibleHosts {
  readonly #ports: AnsiblePorts;
  readonly #seen = new Map<string, Seen>();
  /** Places that the last look at them could not see: they are looked at when they are asked for, and not beside others. */
  readonly #lost = new Set<string>();
  /** Something was written or loaded since the last look: one target after the other is being changed, each seen by itself. */
  #changing = false;
  /** One look at a time, so that the next one finds what this one has seen. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor(ports: AnsiblePorts) {
    this.#ports = ports;
  }

  /** The text of a configuration. @throws RotctlError `DRIVER_FAILED`, `SECRET_REFUSED` for a file that others may read */
  async read(place: AnsiblePlace): Promise<string> {
    return (await this.#look(place)).text;
  }

  /** Programs that a target's commands name and that its host does not have. @throws RotctlError as `read` */
  async missingPrograms(place: AnsiblePlace): Promise<readonly string[]> {
    return (await this.#look(place)).missing;
  }

  /** Replaces a configuration that was read. @throws RotctlError `DRIVER_FAILED`, also when it was changed since */
  async write(place: AnsiblePlace, content: string): Promise<void> {
    const seen = this.#seen.get(keyOf(place)) ?? (await this.#look(place));
    const was = createHash('sha256').update(seen.text).digest('hex');
    this.#seen.delete(keyOf(place));
    this.#changing = true;
    const asked = { path: place.path, from: 'next', was };
    answerOf(await this.#run('write', place, asked, new Map([['next', content]])), place.host, nameOf(place));
    this.#seen.set(keyOf(place), { ...seen, text: content, at: this.#ports.monotonic() });
  }

  /** Runs a command on the target's host. What it says of itself is for a probe to judge. @throws RotctlError `DRIVER_FAILED` */
  async load(deploy: AnsibleDeploy, argv: readonly string[]): Promise<CommandResult> {
    for (const place of this.#together(deploy)) if (place.host === deploy.host) this.#seen.delete(keyOf(place));
    this.#changing = true;
    const run = await this.#run('run', deploy, { argv });
    const answer = answerOf(run, deploy.host, nameOf(deploy));
    const rc = text(answer.rc);
    const output = text(answer.output).trim().slice(-300);
    return { ok: rc === '0', how: `exit ${rc} on ${deploy.host}`, output, ms: run.command.ms };
  }

  async #look(place: AnsiblePlace): Promise<Seen> {
    const looked = this.#looking.catch(() => undefined).then(() => this.#freshOrNew(place));
    this.#looking = looked;
    return looked;
  }

  async #freshOrNew(place: AnsiblePlace): Promise<Seen> {
    const young = this.#ports.monotonic() - REUSED_MS;
    const isFresh = (one: AnsiblePlace) => (this.#seen.get(keyOf(one))?.at ?? Number.NEGATIVE_INFINITY) > young;
    if (!isFresh(place)) {
      const others = this.#changing
        ? []
        : this.#together(place).filter((one) => !isFresh(one) && !this.#lost.has(keyOf(one)));
      this.#changing = false;
      await this.#lookAtAll(place, [...new Map([place, ...others].map((one) => [keyOf(one), one])).values()]);
    }
    const seen = this.#seen.get(keyOf(place));
    if (seen === undefined) throw new RotctlError('INTERNAL', 'a look that saw nothing and said nothing');
    return seen;
  }

  /** Looks at places together. Only what went wrong with the one that was asked for is thrown. */
  async #lookAtAll(asked: AnsiblePlace, places: readonly AnsiblePlace[]): Promise<void> {
    const byHost = new Map<string, AnsiblePlace[]>();
    for (const place of places) byHost.set(place.host, [...(byHost.get(place.host) ?? []), place]);
    const nth = new Map(places.map((place, index) => [keyOf(place), `seen-${index}`]));
    const hosts = new Map(
      [...byHost].map(([host, own]) => [
        host,
        {
          files: own.map((place) => ({ path: place.path, to: nth.get(keyOf(place)) })),
          programs: [...new Set(own.flatMap(programsOf))],
        },
      ]),
    );
    for (const place of places) this.#seen.delete(keyOf(place));
    const files = new Map([...nth.values()].map((name) => [name, '']));
    const deadlineMs = Math.max(...places.map((place) => place.deadlineMs));
    const run = await this.#ports.runs.run({ ...this.#order('look', asked), deadlineMs, hosts, files });
    for (const [host, own] of byHost) {
      for (const [index, place] of own.entries()) {
        this.#lost.delete(keyOf(place));
        try {
          const answer = answerOf(run, host, nameOf(place));
          const content = contentOf(run, place, fileIn(answer, index), nth.get(keyOf(place)) ?? '');
          const missing = programsOf(place).filter((program) => textsIn(answer.missing).includes(program));
          this.#seen.set(keyOf(place), { text: content, missing, at: this.#ports.monotonic() });
        } catch (error) {
          this.#lost.add(keyOf(place));
          if (keyOf(place) === keyOf(asked)) throw error;
        }
      }
    }
  }

  #run(action: 'write' | 'run', place: AnsiblePlace, asked: object, files = new Map<string, string>()) {
    const hosts = new Map([[place.host, asked]]);
    return this.#ports.runs.run({ ...this.#order(action, place), hosts, files });
  }

  #order(action: AnsibleOrder['action'], { inventory, playbook, become, deadlineMs }: AnsiblePlace) {
    return { action, inventory, playbook, become, deadlineMs, cwd: this.#ports.cwd };
  }

  /** The places that are reached in the same way, each once; also one that the fleet does not list. */
  #together(place: AnsiblePlace): AnsiblePlace[] {
    const wayOf = ({ inventory, playbook, become }: AnsiblePlace) => JSON.stringify([inventory, playbook, become]);
    const all = [...this.#ports.places, place].filter((one) => wayOf(one) === wayOf(place));
    return [...new Map(all.map((one) => [keyOf(one), one])).values()];
  }
}

/** A place by host and path, for messages. */
export function nameOf({ host, path }: AnsiblePlace): string {
  return `${host}:${path}`;
}

function keyOf({ inventory, host, path, become }: AnsiblePlace): string {
  return JSON.stringify([inventory, host, path, become]);
}

function programsOf(place: AnsiblePlace | AnsibleDeploy): string[] {
  if (!('restart' in place)) return [];
  return [place.reload?.[0], place.restart?.[0]].filter((program) => program !== undefined);
}

function contentOf(run: AnsibleRun, place: AnsiblePlace, seen: ReturnType<typeof fileIn>, name: string): string {
  const at = nameOf(place);
  if (!seen.exists) throw failed(at, `host ${place.host} has no file ${place.path}`);
  if (!seen.regular) throw failed(at, `${place.path} is no regular file on host ${place.host}`);
  if (seen.open) {
    throw new RotctlError('SECRET_REFUSED', 'every user of the host may read or write the file', {
      at: { file: at },
      hint: 'close it to others (chmod o= FILE), and replace the secrets in it',
    });
  }
  if (seen.bytes > LONGEST_BYTES) throw failed(at, `the file has ${seen.bytes} bytes, more than ${LONGEST_BYTES}`);
  const bytes = run.fetched.get(name);
  if (bytes?.length !== seen.bytes)
    throw failed(at, `ansible has not fetched the whole file (${run.command.how}): ${run.command.output}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw failed(at, 'the file is not UTF-8 text');
  }
}
