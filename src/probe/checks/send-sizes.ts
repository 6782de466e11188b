import type { Fleet } from '../../fleet/fleet.ts';
import type { Answers } from '../answers.ts';

/** What decides how much the checks send. */
export interface SendSizes {
  readonly fleet: Pick<Fleet, 'protocol' | 'tls' | 'replay' | 'balancer'> &
    Partial<Pick<Fleet, 'probe' | 'domains' | 'store'>>;
  readonly replicas: number;
  /** In whose name replicas are probed. */
  readonly clients: number;
  /** Generations that every replica accepts. */
  readonly accepted: number;
  readonly sparing: boolean;
  /** The most refusals that may be met at a time. */
  readonly mostRefusals: number;
  /** Of gates: whether key ids are enforced, and how many are revoked. */
  readonly strict?: boolean;
  readonly revoked?: number;
  /**
   * Of a rotation of certificates: how many of the generations are accepted and refused as things stand, and whether there
   * are odd certificates of the authority itself.
   */
  readonly mtls?: { readonly accepted: number; readonly refused: number; readonly odd: boolean };
}

/** What one check sends when a sound fleet answers at once. */
export interface Sends {
  /** To each replica in the name of the first client, and of each. */
  readonly first?: Answers;
  readonly each?: Answers;
  /** To each replica in nobody's name, or in that of a client that there is not. */
  readonly nobody?: Answers;
  /** In all, in the first client's name. */
  readonly once?: Answers;
  /** Through the balancer: to be refused only where that locks nobody out. */
  readonly balancer?: Answers;
}
