import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';

/**
 * Before any probe of a fleet in production it must be known whether refused requests lock a caller out.
 *
 * @throws RotctlError `PRECONDITION_FAILED`
 */
export function requireLockout({ environment, lockout }: Pick<Fleet, 'environment' | 'lockout'>): void {
  if (environment !== 'production' || lockout !== undefined) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    'environment is production, and the fleet file does not say whether refused requests lock a caller out (lockout); nothing was sent',
    {
      hint: 'add `lockout: none`, or the limit of your service: `lockout: { refusals: 20, window: 10m, per: client }`',
    },
  );
}
