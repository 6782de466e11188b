import type { Advice, Checkpoint } from './advice.ts';
import { migrationPlan } from './migration.ts';
import { sayNames } from './names.ts';
import type { AdvisedStep, IdentityChoice, PlanFleet } from './step.ts';

/**
 * The steps of what is advised: for a fleet by its own names, else in general. Staying has none. While unknown values
 * could still change the advice, the steps are those of the least that will be advised.
 */
export function planFor(checkpoint: Checkpoint, fleet: PlanFleet | undefined): AdvisedStep[] {
  return numbered(stepsFor(checkpoint.least, checkpoint, fleet));
}

function stepsFor(
  advice: Advice,
  checkpoint: Checkpoint,
  fleet: PlanFleet | undefined,
): readonly Omit<AdvisedStep, 'step'>[] {
  switch (advice) {
    case 'stay':
      return [];
    case 'prepare-now':
      return preparation(fleet);
    case 'migrate':
      return migrationPlan(chooseIdentity(checkpoint, fleet), fleet);
  }
}

/**
 * Which identity the migration gives to services: an outside verifier can check an Ed25519 signature with a public key
 * and nothing else; a zero-trust mandate asks for an identity on each connection. Where neither is asked for, a fleet that
 * has mutual TLS already goes on with it, and any other takes key pairs, which need no new infrastructure.
 */
export function chooseIdentity({ triggers }: Checkpoint, fleet: PlanFleet | undefined): IdentityChoice {
  const met = (name: string): boolean => triggers.some((trigger) => trigger.rule.name === name && trigger.met === true);
  const external = met('EXTERNAL_VERIFIER_DEPENDENCIES');
  const zeroTrust = met('ZERO_TRUST_TARGET');
  if (external && zeroTrust) {
    return {
      identities: ['ed25519', 'spiffe'],
      why: 'external verifiers need signatures that a public key checks, and zero trust an identity on each connection',
    };
  }
  if (external) {
    return { identities: ['ed25519'], why: 'an external verifier can check a signature with a public key alone' };
  }
  if (zeroTrust) return { identities: ['spiffe'], why: 'zero trust asks for an identity on each connection' };
  return fleet?.mutualTls === true
    ? { identities: ['spiffe'], why: 'the fleet demands client certificates already' }
    : { identities: ['ed25519'], why: 'no trigger asks for more, and key pairs need no new infrastructure' };
}

function numbered(steps: readonly Omit<AdvisedStep, 'step'>[]): AdvisedStep[] {
  return steps.map((step, index) => ({ step: index + 1, ...step }));
}

/** The controls to have while staying on HMAC, in their sequence: strict only after everybody labels its signatures. */
function preparation(fleet: PlanFleet | undefined): readonly Omit<AdvisedStep, 'step'>[] {
  const phase = 'prepare now';
  const replicas = fleet === undefined ? 'the replicas' : sayNames(fleet.replicas);
  const clients = fleet === undefined ? 'the clients' : sayNames(fleet.clients);
  const first = fleet?.replicas[0] ?? 'one replica';
  return [
    {
      phase,
      action: `in the next overlap, have ${clients} send a current and a previous signature, each with its key id; strict mode stays off`,
      install: [
        `${clients}: TOOL_GATE_DUAL_SIGN=true`,
        `${clients} and ${replicas}: INTERSERVICE_HMAC_KEY_ID_PREV=<label of the previous secret>`,
        `${replicas}: INTERSERVICE_HMAC_STRICT_KEY_ID=false`,
      ],
      proof: `no signature error on ${replicas} over the overlap, and every request of ${clients} bears both key ids`,
      back: 'TOOL_GATE_DUAL_SIGN=false; single signatures are still accepted',
    },
    {
      phase,
      action: `when every service sends correct key ids, bind each key id to its secret: ${first} alone first, then the others`,
      install: [`${replicas}: INTERSERVICE_HMAC_STRICT_KEY_ID=true`],
      proof: `on ${replicas}, a good signature under the other secret’s key id is refused, and no valid request is`,
      back: 'INTERSERVICE_HMAC_STRICT_KEY_ID=false on the replica that refuses a valid request',
    },
    {
      phase,
      action: 'when the old secret is retired and proven to be refused, sign once again',
      install: [
        `${clients}: TOOL_GATE_DUAL_SIGN=false`,
        `${clients} and ${replicas}: INTERSERVICE_HMAC_KEY_ID_PREV unset`,
      ],
      proof: `${replicas} refuse the old secret under either key id, and accept ${clients}`,
      back: 'TOOL_GATE_DUAL_SIGN=true again for the next overlap; the retired secret does not come back',
    },
  ];
}
