import type { GateSettings } from '../../deploy/gate.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Client, Replica, Template } from '../../fleet/fleet.ts';
import type { Beginning, RotatingGeneration } from '../../machine/step.ts';
import type { GateExpectation } from '../../probe/checks/check.ts';
import { DEFAULT_KEY_IDS, isOn } from '../../protocol/gate-v1.ts';
import type { Pairs } from '../pair.ts';
import type { Tools } from '../tools.ts';
import { type GateBefore, type GateTerms, revokedIn } from './terms.ts';

/** A gate, a template or a signing service, with what its configuration says. */
interface Party {
  readonly name: string;
  readonly signs: boolean;
  readonly settings: GateSettings;
}

type Reading = Pick<Tools, 'fleet' | 'gate'>;

/** How the gates of a fleet stand: what the safety proof and a new rotation begin with. @throws RotctlError as `readTerms` */
export async function beginningOf(tools: Reading): Promise<Beginning | undefined> {
  if (tools.gate === undefined) return undefined;
  return standOf(await readParties(tools)).beginning;
}

/**
 * Reads how a fleet of gates stands, and decides under which key ids a new rotation goes.
 *
 * @param random makes key ids: eight hex digits that name nothing
 * @throws RotctlError `PRECONDITION_FAILED` when the parties' variables contradict each other or cannot be rotated
 */
export async function readTerms(tools: Reading, random: { hex(bytes: number): string }): Promise<GateTerms> {
  const parties = await readParties(tools);
  const { beginning, current, labels } = standOf(parties);
  const taken = new Set([...labels, ...parties.flatMap(({ settings }) => idsIn(settings))]);
  const fresh = (): string => {
    for (;;) {
      const id = `k-${random.hex(4)}`;
      if (!taken.has(id)) return id;
    }
  };
  const own = current ?? fresh();
  taken.add(own);
  return {
    keyIds: { current: own, next: fresh() },
    beginning,
    labels,
    before: Object.fromEntries(parties.map(({ name, settings }) => [name, beforeOf(settings)])),
  };
}

/** Every key id that a party's variables name. */
function idsIn(settings: GateSettings): string[] {
  const { keyId, keyIdPrev } = settings;
  return [...[keyId, keyIdPrev].filter((id) => id !== undefined), ...revokedIn(settings)];
}

/** The terms by which a rotation would begin now; `undefined` for a fleet that is none of gates. @throws as `readTerms` */
export async function termsNow(tools: Pick<Tools, 'fleet' | 'gate' | 'random'>): Promise<GateTerms | undefined> {
  return tools.gate === undefined ? undefined : readTerms(tools, tools.random);
}

/** What each gate's configuration says of key ids, for its answers to be compared with. */
export async function gateExpectations({ fleet, gate }: Reading): Promise<ReadonlyMap<string, GateExpectation>> {
  const found = new Map<string, GateExpectation>();
  if (gate === undefined) return found;
  for (const replica of fleet.replicas) {
    const settings = await gate.driver.read(replica);
    found.set(replica.name, { strict: isOn(settings.strict), revoked: revokedIn(settings) });
  }
  return found;
}

function beforeOf({ prevIsEmpty, keyId, keyIdPrev, strict, revoked, dual }: GateSettings): GateBefore {
  const orNull = (text: string | undefined) => text ?? null;
  return {
    prevIsEmpty: prevIsEmpty === true,
    keyId: orNull(keyId),
    keyIdPrev: orNull(keyIdPrev),
    strict: orNull(strict),
    revoked: orNull(revoked),
    dual: orNull(dual),
  };
}

async function readParties({ fleet, gate }: Reading): Promise<readonly Party[]> {
  if (gate === undefined) throw new RotctlError('INTERNAL', 'a fleet of gates without its driver');
  const parties: Party[] = [];
  const read = async (name: string, signs: boolean, target: Replica | Template | Client) => {
    parties.push({ name, signs, settings: await gate.driver.read(target) });
  };
  for (const acceptor of [...fleet.replicas, ...fleet.templates]) await read(acceptor.name, false, acceptor);
  for (const client of fleet.clients) await read(client.id, true, client);
  return parties;
}

interface Stand {
  readonly beginning: Beginning;
  /** The key id that `current` has already, where it has one of its own. */
  readonly current: string | undefined;
  readonly labels: readonly string[];
}

function standOf(parties: readonly Party[]): Stand {
  const gates = parties.filter(({ signs }) => !signs);
  const services = parties.filter(({ signs }) => signs);
  for (const party of parties) refuseUnsound(party);
  const strict = agreed(gates, 'enforces key ids', ({ settings }) => String(isOn(settings.strict))) === 'true';
  const keyId = agreed(gates, 'has the key id', labelOf);
  const labels = [...new Set(services.map(labelOf))];
  const named = labels.length === 1 && labels[0] === keyId;
  if (strict && !named) {
    const other = services.find((service) => labelOf(service) !== keyId);
    throw refusal(`the gates enforce key ids and know ${keyId}, and ${other?.name ?? 'a service'} signs under another`);
  }
  for (const gate of gates) {
    const revoked = revokedIn(gate.settings);
    const hit = [...labels, keyId].find((label) => revoked.includes(label));
    if (hit !== undefined) throw refusal(`${gate.name} revokes the key id ${hit}, which the secret in force goes by`);
  }
  const own = strict || (named && !isDefault(keyId));
  return {
    beginning: { strict, keyIds: own ? 'own' : 'default' },
    current: own ? keyId : undefined,
    labels,
  };
}

function labelOf({ settings }: Party): string {
  return settings.keyId || DEFAULT_KEY_IDS.primary;
}

function isDefault(keyId: string): boolean {
  return keyId === DEFAULT_KEY_IDS.primary || keyId === DEFAULT_KEY_IDS.previous;
}

/** What all gates say alike. @throws RotctlError `PRECONDITION_FAILED` naming two that differ */
function agreed(gates: readonly Party[], what: string, say: (gate: Party) => string): string {
  const [first] = gates;
  if (first === undefined) throw new RotctlError('INTERNAL', 'a fleet without gates');
  const said = say(first);
  const other = gates.find((gate) => say(gate) !== said);
  if (other === undefined) return said;
  throw refusal(
    `the gates differ: of ${first.name} it is said that it ${what} ${said}, of ${other.name} ${say(other)}`,
  );
}

const OFF: readonly string[] = ['', '0', 'false', 'no'];

/** Values that a gate takes otherwise than whoever wrote them meant. */
function refuseUnsound({ name, signs, settings }: Party): void {
  const { strict, keyId, keyIdPrev } = settings;
  const text = (strict ?? '').trim().toLowerCase();
  if (!signs && !isOn(strict) && !OFF.includes(text)) {
    throw refusal(`${name}: strict mode is set to a value that does not turn it on; it is on for 1, true and yes only`);
  }
  const odd = [keyId, keyIdPrev].find((id) => id !== undefined && id !== '' && !/^[A-Za-z0-9._-]{1,64}$/.test(id));
  if (odd !== undefined) {
    throw refusal(`${name}: a key id must be 1 to 64 letters, digits, dots, hyphens or underscores`);
  }
  if (settings.prev !== undefined) {
    throw refusal(`${name} has a previous secret set, which a rotation would drop`, OTHER_ROTATION);
  }
}

const OTHER_ROTATION = 'end the other rotation first, or unset what is left of it';

function refusal(message: string, hint?: string): RotctlError {
  return new RotctlError('PRECONDITION_FAILED', message, hint === undefined ? {} : { hint });
}

/**
 * Teaches the prober under which key ids the secrets of a rotation sign.
 *
 * @param gone the generation that is destroyed by now, for which the other one may stand in
 */
export function learnKeyIds(
  { gate }: Pick<Tools, 'gate'>,
  pairs: Pairs,
  { keyIds }: GateTerms,
  gone?: RotatingGeneration,
): void {
  for (const pair of pairs.values()) {
    for (const generation of ['current', 'next'] as const) {
      if (generation !== gone || pair.current !== pair.next) gate?.keyIds.learn(pair[generation], keyIds[generation]);
    }
  }
}
