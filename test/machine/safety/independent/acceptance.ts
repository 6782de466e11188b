import type { Generation, ReplicaSettings, Scheme } from './program.ts';
import { isBorne, type Message, type State } from './state.ts';

/** One signature of a message, under the label that it bears. */
interface Signature {
  readonly generation: Generation;
  readonly label: string;
}

const positions = ['v1', 'v0'];

function ownLabel(generation: Generation): string {
  return `own:${generation}`;
}

function signaturesOf({ generations, keyIds }: Message): readonly Signature[] {
  return generations.map((generation, at) => ({
    generation,
    label: keyIds === 'own' ? ownLabel(generation) : (positions[at] ?? 'none'),
  }));
}

/** Whether a replica with these settings accepts the message. */
export function acceptsMessage(scheme: Scheme, replica: ReplicaSettings, message: Message): boolean {
  if (scheme !== 'gate') return message.generations.some((generation) => replica.accepts.includes(generation));
  return signaturesOf(message).some((signature) => isGood(replica, signature));
}

function isGood(gate: ReplicaSettings, { generation, label }: Signature): boolean {
  if (gate.revokes.some((revoked) => label === ownLabel(revoked))) return false;
  if (!gate.accepts.includes(generation)) return false;
  return !gate.strict || label === labelAtGate(gate, generation);
}

function labelAtGate(gate: ReplicaSettings, generation: Generation): string {
  if (gate.keyIds === 'own') return ownLabel(generation);
  return positions[gate.accepts.indexOf(generation)] ?? 'none';
}

/** Whether a replica with these settings accepts a probe: one signature, under its own label or the default one. */
export function acceptsProbe(
  scheme: Scheme,
  replica: ReplicaSettings,
  { generation, keyIds }: { readonly generation: Generation; readonly keyIds: Message['keyIds'] },
): boolean {
  return acceptsMessage(scheme, replica, { generations: [generation], keyIds });
}

/** Whether a replica with these settings accepts the generation under some label. */
export function acceptsUnderSomeLabel(replica: ReplicaSettings, generation: Generation): boolean {
  const labels = [...positions, ownLabel('current'), ownLabel('next'), 'any other'];
  return labels.some((label) => isGood(replica, { generation, label }));
}

/** The generations that replicas serve right now, as `generation@namespace`. */
export function servedNow(state: State): readonly string[] {
  const borne = (['current', 'next'] as const).filter((generation) => isBorne(state, generation));
  return state.replicas.flatMap(({ memory }) =>
    memory === null
      ? []
      : borne.filter((one) => acceptsUnderSomeLabel(memory, one)).map((one) => `${one}@${memory.namespace}`),
  );
}
