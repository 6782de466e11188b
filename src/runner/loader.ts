import type { DeployDriver } from '../deploy/driver.ts';
import type { CommandResult } from '../deploy/ports.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Loading } from '../fleet/deploy.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { loads } from '../fleet/loads.ts';
import { clientIn, replicaIn } from './configurations.ts';

/** What makes a fleet's processes take up what was written for them. */
export interface Loader {
  /** Whether there is a means for it. */
  can(kind: 'replica' | 'client', name: string, action: Loading): boolean;
  load(kind: 'replica' | 'client', name: string, action: Loading): Promise<CommandResult>;
  /** Ends a replica's sessions and kept connections. */
  endSessions(replica: string): Promise<CommandResult>;
}

/** Of processes whose secrets are deployed. */
export function deployLoader({ fleet, driver }: { readonly fleet: Fleet; readonly driver: DeployDriver }): Loader {
  const processOf = (kind: 'replica' | 'client', name: string) =>
    kind === 'client' ? clientIn(fleet, name) : replicaIn(fleet, name);
  return {
    can: (kind, name, action) => loads(processOf(kind, name).deploy, action),
    load: (kind, name, action) => driver[action](processOf(kind, name)),
    endSessions: () => {
      throw new RotctlError('INTERNAL', 'sessions are ended in rotations of certificates alone');
    },
  };
}
