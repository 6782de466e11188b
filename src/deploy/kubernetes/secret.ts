import { isUtf8 } from 'node:buffer';
import { escapeForeign } from '../../errors/escape.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { KubernetesPlace } from '../../fleet/fleet.ts';
import type { CommandPorts } from '../loader.ts';
import type { Draft, OpenDraft, ValueStore } from '../values.ts';
import { type ApiObject, failed, Kubectl } from './kubectl.ts';

/** The field manager under which keys are applied, so that the cluster knows whose they are. */
const FIELD_MANAGER = 'rotctl';

/** The keys of a Secret, as text. They are applied server-side; no other key, label or annotation is touched. */
export function secretValues(place: KubernetesPlace, ports: CommandPorts): ValueStore {
  const kubectl = new Kubectl(place.cluster, ports);
  const name = placeName(place);
  return {
    place: name,
    async open() {
      const found = await readSecret(kubectl, place);
      const draft = new SecretDraft(name, found);
      return Object.assign(draft, { save: () => apply(kubectl, place, found, draft.changes) }) satisfies OpenDraft;
    },
    async hindrances() {
      const missing = await kubectl.missing();
      if (missing !== undefined) return [missing];
      // What it cannot be read for, whoever reads it says.
      const found = await readSecret(kubectl, place).catch(() => undefined);
      if (found === undefined) return [];
      try {
        await apply(kubectl, place, found, await standIns(place, found), 'server');
        return [];
      } catch (error) {
        if (error instanceof RotctlError && error.code !== 'INTERNAL')
          return [`${name}: ${error.message}; ${error.hint}`];
        throw error;
      }
    },
  };
}

/** Number that a Secret has until it is changed. @throws RotctlError `DRIVER_FAILED` */
export async function secretVersion(place: KubernetesPlace, ports: CommandPorts): Promise<string> {
  return (await readSecret(new Kubectl(place.cluster, ports), place)).version;
}

const IMMUTABLE = 'have the workload read a Secret without immutable: true, in which rotctl can change keys';

/** How a Secret is called in messages. */
function placeName({ secret, namespace }: Pick<KubernetesPlace, 'secret' | 'namespace'>): string {
  return `secret ${secret} of namespace ${namespace}`;
}

/** A Secret as the cluster has it. */
interface Found {
  readonly version: string;
  readonly immutable: boolean;
  /** Values in base64, as the API gives them. */
  readonly data: ReadonlyMap<string, string>;
  /** Keys that were applied by us: each is applied again, or it would be taken away. */
  readonly own: readonly string[];
  /** Who else manages a key. */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

async function readSecret(kubectl: Kubectl, { namespace, secret }: KubernetesPlace): Promise<Found> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${secret}`;
  const object = await kubectl.object(path, placeName({ secret, namespace }));
  const data = object.at('data');
  return {
    version: object.at('metadata', 'resourceVersion').text ?? '',
    immutable: object.at('immutable').boolean === true,
    data: new Map(data.keys.map((key) => [key, data.at(key).text ?? ''])),
    ...managersOf(object),
  };
}

function managersOf(secret: ApiObject): Pick<Found, 'own' | 'others'> {
  const own: string[] = [];
  const others = new Map<string, string[]>();
  for (const entry of secret.at('metadata', 'managedFields').list) {
    const manager = entry.at('manager').text ?? 'somebody without a name';
    const ours = manager === FIELD_MANAGER && entry.at('operation').text === 'Apply';
    for (const field of entry.at('fieldsV1', 'f:data').keys) {
      const key = field.replace(/^f:/, '');
      if (ours) own.push(key);
      else others.set(key, [...(others.get(key) ?? []), manager]);
    }
  }
  return { own, others };
}

/** Keys with the values that they are to have; `undefined` for one to be taken away. */
type Changes = ReadonlyMap<string, string | undefined>;

/** What a rehearsal applies without its being kept: the keys that secrets stand in, as they are, with one sign more. */
async function standIns({ key, format }: KubernetesPlace, { data }: Found): Promise<Changes> {
  const names = format.kind === 'gate' ? [format.names.secret] : [...data.keys()].filter(likeKey(key));
  return new Map(names.map((name) => [name, `${textOf(data.get(name) ?? '') ?? ''}x`]));
}

/** Whether a key of the Secret may be that of some client. */
function likeKey(template: string): (key: string) => boolean {
  const parts = template.split(/\{client\}|\{CLIENT\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.+')}$`);
  return (key) => pattern.test(key);
}

/**
 * Applies the keys that are changed, and those that we applied before, as they are. From a manager that the fleet file
 * lets us take over from they are taken; any other is for the operator to settle.
 *
 * @param dryRun `server`: the cluster says what would become of it, and keeps nothing
 * @throws RotctlError `DRIVER_FAILED`
 */
async function apply(
  kubectl: Kubectl,
  place: KubernetesPlace,
  found: Found,
  changes: Changes,
  dryRun?: 'server',
): Promise<void> {
  if (found.immutable)
    throw new RotctlError('DRIVER_FAILED', 'cannot be applied: it is immutable', { hint: IMMUTABLE });
  refuseForeign(place, found, changes);
  const managers = [...changes.keys()].flatMap((key) => found.others.get(key) ?? []);
  refuseKept(place, managers);
  const data = new Map(found.own.flatMap((key) => (found.data.has(key) ? [[key, found.data.get(key) ?? '']] : [])));
  for (const [key, value] of changes) {
    if (value === undefined) data.delete(key);
    else data.set(key, Buffer.from(value, 'utf8').toString('base64'));
  }
  const manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: place.secret, namespace: place.namespace, resourceVersion: found.version },
    data: Object.fromEntries(data),
  };
  const words = [
    ...['apply', '--server-side', `--field-manager=${FIELD_MANAGER}`, '--validate=false', '-f', '-', '-o', 'name'],
    ...(dryRun === undefined ? [] : [`--dry-run=${dryRun}`]),
    ...(managers.length === 0 ? [] : ['--force-conflicts']),
  ];
  const answer = await kubectl.call({ words, input: JSON.stringify(manifest) });
  if (!answer.ok) throw failed('cannot be applied', answer);
}

/** Refuses to take keys from a manager that the fleet file does not let us take over from: it would put back what it has. */
function refuseKept({ secret, takeOver }: KubernetesPlace, managers: readonly string[]): void {
  const kept = [...new Set(managers)].filter((manager) => !takeOver.includes(manager));
  if (kept.length === 0) return;
  const who = kept.map((manager) => escapeForeign(manager, 128)).join(', ');
  const message = `cannot be applied: what holds the secrets is managed by ${who}, which would put back what it has`;
  throw new RotctlError('DRIVER_FAILED', message, {
    hint: `have it leave those keys of ${secret} out, then list it in the fleet file: takeOver: [${who}]`,
  });
}

/** What others own cannot be taken away by applying without it. */
function refuseForeign(place: KubernetesPlace, { data, own }: Found, changes: Changes): void {
  for (const [key, value] of changes) {
    if (value !== undefined || !data.has(key) || own.includes(key)) continue;
    throw new RotctlError(
      'DRIVER_FAILED',
      `the key ${key} was not made by ${FIELD_MANAGER}, and cannot be taken away`,
      {
        hint: `remove the key ${key} of secret ${place.secret} where it is made, or set it to nothing`,
      },
    );
  }
}

/** Values that are to be applied. */
class SecretDraft implements Draft {
  readonly #name: string;
  readonly #found: Found;
  readonly changes = new Map<string, string | undefined>();

  constructor(name: string, found: Found) {
    this.#name = name;
    this.#found = found;
  }

  get changed(): boolean {
    return this.changes.size > 0;
  }

  get(name: string): string | undefined {
    return this.changes.has(name) ? this.changes.get(name) : this.#before(name);
  }

  replace(name: string, value: string): void {
    if (this.get(name) === undefined)
      throw new RotctlError('INPUT_INVALID', `it has no key ${name}`, { at: { file: this.#name } });
    this.#change(name, value);
  }

  set(name: string, value: string): void {
    this.#change(name, value);
  }

  unset(name: string): void {
    this.#change(name, undefined);
  }

  #before(name: string): string | undefined {
    const encoded = this.#found.data.get(name);
    if (encoded === undefined) return undefined;
    const text = textOf(encoded);
    if (text !== undefined) return text;
    throw new RotctlError('INPUT_INVALID', `the value of key ${name} is no text`, { at: { file: this.#name } });
  }

  #change(name: string, value: string | undefined): void {
    if (this.#before(name) === value) this.changes.delete(name);
    else this.changes.set(name, value);
  }
}

function textOf(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
