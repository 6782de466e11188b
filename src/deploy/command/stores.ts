import { Secret } from '../../credential/secret.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { CommandDeploy, CommandPlace, GateNames } from '../../fleet/fleet.ts';
import type { CommandPorts, Loader } from '../loader.ts';
import type { CommandResult } from '../ports.ts';
import type { SecretStore } from '../secret-store.ts';
import type { OpenDraft, ValueStore } from '../values.ts';
import { isUnreadable, listedIn, obstaclesIn, variablesIn } from './answer.ts';
import { Program } from './program.ts';
import { type Asked, listingOf } from './request.ts';

/** Secrets of clients that a program keeps. */
export function programSecrets(place: CommandPlace, ports: CommandPorts): SecretStore {
  const program = new Program(place, ports);
  const { kind } = place.target;
  return {
    place: program.name,
    describe: (clientId) => (kind === 'client' ? 'what it signs with' : `what is accepted of ${clientId}`),
    async read(clientIds) {
      const clients = [...clientIds];
      const fields = await program.demand({ op: 'read', clients });
      return fields && program.reading('read', () => listedIn(fields, kind, clients));
    },
    async write(secrets) {
      const all = [...secrets.values()].flat();
      const [first] = all;
      const entries = [...secrets].map(([id, list]) => [id, list.map(listingOf)]);
      const asked: Asked = {
        op: 'write',
        clients: [...secrets.keys()],
        ...(kind === 'client' && first !== undefined
          ? { signs: listingOf(first) }
          : { accepts: Object.fromEntries(entries) }),
      };
      const told = all.map(({ secret }) => secret);
      return written(program, await program.demand(asked, told));
    },
    rehearse: (clients) => rehearsed(program, { op: 'rehearse', clients }),
    hindrances: () => program.hindrances(),
  };
}

/** Variables of a gate that a program keeps. */
export function programVariables(place: CommandPlace, names: GateNames, ports: CommandPorts): ValueStore {
  const program = new Program(place, ports);
  const all = Object.values(names);
  return {
    place: program.name,
    async open() {
      const fields = await program.demand({ op: 'read', variables: all });
      if (fields === undefined || isUnreadable(fields)) {
        throw new RotctlError('PRECONDITION_FAILED', `${program.name}: the variables of a gate must be readable`, {
          hint: 'have the program answer `read` with the values, or use another driver',
        });
      }
      const values = program.reading('read', () => variablesIn(fields, all));
      return draftOf(program, values, [names.secret, names.prev]);
    },
    async hindrances() {
      return [...(await program.hindrances()), ...(await rehearsed(program, { op: 'rehearse', variables: all }))];
    },
  };
}

function draftOf(program: Program, before: ReadonlyMap<string, string>, secret: readonly string[]): OpenDraft {
  const changes = new Map<string, string | null>();
  const get = (name: string) => (changes.has(name) ? (changes.get(name) ?? undefined) : before.get(name));
  const set = (name: string, value: string | null) => {
    if ((before.get(name) ?? null) === value) changes.delete(name);
    else changes.set(name, value);
  };
  return {
    get,
    set: (name, value) => set(name, value),
    replace(name, value) {
      if (get(name) === undefined) throw new RotctlError('INPUT_INVALID', `${program.name}: ${name} is not set`);
      set(name, value);
    },
    unset: (name) => set(name, null),
    get changed() {
      return changes.size > 0;
    },
    async save() {
      const asked: Asked = { op: 'write', variables: Object.fromEntries(changes) };
      const told = secret.map((name) => changes.get(name) ?? '').filter((value) => value !== '');
      written(
        program,
        await program.demand(
          asked,
          told.map((value) => Secret.fromText(value)),
        ),
      );
    },
  };
}

/** Makes a process read its configuration by asking the program that keeps it. */
export function programLoader(deploy: CommandDeploy | CommandPlace, ports: CommandPorts): Loader {
  const program = new Program(deploy, ports);
  return {
    async load(action): Promise<CommandResult> {
      if (!('loads' in deploy) || !deploy.loads.includes(action)) {
        throw new RotctlError('PRECONDITION_FAILED', `the fleet file does not list ${action} under loads`);
      }
      const reply = await program.ask({ op: action });
      if (reply.kind === 'done') return { ok: true, how: 'done', output: '', ms: reply.ms };
      const why = reply.kind === 'failed' ? reply.why : `it does not know ${action}`;
      return { ok: false, how: why, output: '', ms: reply.kind === 'failed' ? reply.ms : 0 };
    },
    // The program itself is looked at with what it keeps.
    hindrances: async () => [],
  };
}

function written(program: Program, fields: ReadonlyMap<string, unknown> | undefined): { readonly changed: boolean } {
  if (fields !== undefined) return { changed: fields.get('changed') !== false };
  throw program.failed('write', 'it does not know write');
}

/** A program that does not know the request is one of which nothing is known beforehand. */
async function rehearsed(program: Program, asked: Asked): Promise<readonly string[]> {
  const missing = await program.hindrances();
  if (missing.length > 0) return [];
  const reply = await program.ask(asked);
  if (reply.kind === 'unsupported') return [];
  if (reply.kind === 'failed') return [`${program.name}: rehearse: ${reply.why}`];
  const { fields } = reply;
  return program.reading('rehearse', () => obstaclesIn(fields)).map((one) => `${program.name}: ${reply.shown(one)}`);
}
