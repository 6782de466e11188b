import * as z from 'zod';
import { duration } from '../document/scalars.ts';

/** After how many refused requests a service refuses a caller altogether. */
export interface Lockout {
  /** So many refused requests within the window lock out. */
  readonly refusals: number;
  readonly windowMs: number;
  /** What is counted together: a client id over all replicas, a client id on each replica, or all that one address sends. */
  readonly per: 'client' | 'replica' | 'address';
}

/** `lockout`: whether the service locks out whoever is refused too often. */
export const lockout = z
  .union([
    z.literal('none'),
    z.strictObject({
      refusals: z
        .number()
        .int()
        .min(5, 'must be at least 5: the checks need 4 refusals at a time to show anything')
        .max(1_000_000)
        .describe('So many refused requests (bad signatures, replays, stale times) within the window lock out.'),
      window: duration().describe('The time within which they are counted: 10m.'),
      per: z
        .enum(['client', 'replica', 'address'])
        .prefault('client')
        .describe(
          'What your service counts together: client, a client id over all replicas (the default); replica, a client id on each replica; address, everything from one source address.',
        ),
    }),
  ])
  .optional()
  .describe(
    'Whether your service (or what stands before it) locks a caller out after too many refused requests: none, or after how many in which time. The checks send requests that must be refused, and stay below that number; no such request goes through the balancer. Must be stated in production.',
  );

/** As the fleet has it. */
export function lockoutOf(input: z.output<typeof lockout>): Lockout | 'none' | undefined {
  if (input === undefined || input === 'none') return input;
  return { refusals: input.refusals, windowMs: input.window, per: input.per };
}

/** Whether requests with bad signatures are to be spared: where they may lock somebody out. */
export function isSparing(fleet: {
  readonly environment?: string;
  readonly lockout?: Lockout | 'none' | undefined;
}): boolean {
  return fleet.environment === 'production' || typeof fleet.lockout === 'object';
}
