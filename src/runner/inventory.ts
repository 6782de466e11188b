import type { Fleet } from '../fleet/fleet.ts';
import type { Inventory } from '../machine/step.ts';

/** The targets of a rotation of these clients' secrets on a fleet, as the fleet file names them. */
export function inventoryOf({ templates, replicas }: Fleet, clients: readonly string[]): Inventory {
  return { templates: templates.map(({ name }) => name), replicas: replicas.map(({ name }) => name), clients };
}
