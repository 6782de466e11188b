import type { Scheme } from '../machine/scheme.ts';
import type { Action, ClientSettings, Effect, Proof, ReplicaSettings } from '../machine/step.ts';

/** What a runbook of one scheme may speak of. */
interface Vocabulary {
  readonly replica: readonly (keyof ReplicaSettings)[];
  readonly client: readonly (keyof ClientSettings)[];
  readonly proofs: readonly Proof['proves'][];
  readonly actions: readonly Action[];
}

const EVERYWHERE = {
  proofs: ['accepts', 'refuses', 'unused', 'checklist', 'replay', 'namespace'],
  actions: ['write', 'reload', 'restart', 'push', 'prove', 'seal', 'destroy'],
} as const;

/** Which settings, proofs and actions each scheme knows. A runbook that speaks of another is refused when it is read. */
const VOCABULARY: Readonly<Record<Scheme, Vocabulary>> = {
  keyring: {
    replica: ['accepts', 'defaultId', 'namespace'],
    client: ['signs'],
    proofs: [...EVERYWHERE.proofs, 'signs', 'default-id', 'quiet'],
    actions: [...EVERYWHERE.actions, 'drain'],
  },
  gate: {
    replica: ['accepts', 'strict', 'revokes', 'keyIds', 'namespace'],
    client: ['signs', 'dual', 'keyIds'],
    proofs: [...EVERYWHERE.proofs, 'signs', 'key-ids', 'quiet'],
    actions: [...EVERYWHERE.actions, 'drain'],
  },
  mtls: {
    replica: ['accepts', 'presents'],
    client: ['signs', 'accepts'],
    proofs: [...EVERYWHERE.proofs, 'presents', 'trusts', 'distrusts', 'no-session'],
    actions: [...EVERYWHERE.actions, 'end-sessions'],
  },
};

/** What a step says that its runbook's scheme does not know, in words, or `undefined`. */
export function foreignTo(
  scheme: Scheme,
  step: { action: Action; effects: readonly Effect[]; proofs: readonly Proof[] },
): string | undefined {
  const words = VOCABULARY[scheme];
  if (!words.actions.includes(step.action)) return `action ${step.action} is unknown to ${scheme} runbooks`;
  for (const effect of step.effects) {
    if (!('set' in effect)) continue;
    const known: readonly string[] = effect.of === 'client' ? words.client : words.replica;
    const stranger = [...Object.keys(effect.set), ...(effect.restores ?? [])].find((name) => !known.includes(name));
    if (stranger !== undefined) return `setting ${stranger} of a ${effect.of} is unknown to ${scheme} runbooks`;
  }
  const proof = step.proofs.find(({ proves }) => !words.proofs.includes(proves));
  if (proof !== undefined) return `proof ${proof.proves} is unknown to ${scheme} runbooks`;
  const labelled = step.proofs.find((one) => 'keyIds' in one);
  if (labelled === undefined || words.client.includes('keyIds')) return undefined;
  return `key-ids of proof ${labelled.proves} is unknown to ${scheme} runbooks`;
}
