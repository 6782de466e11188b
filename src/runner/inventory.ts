import type { Fleet } from '../fleet/fleet.ts';
import type { Beginning, Inventory } from '../machine/step.ts';

/** The targets of a rotation of these clients' secrets on a fleet, as the fleet file names them, and how they stand before it. */
export function inventoryOf(
  { templates, replicas }: Fleet,
  clients: readonly string[],
  beginning: Beginning | undefined,
): Inventory {
  return {
    templates: templates.map(({ name }) => name),
    replicas: replicas.map(({ name }) => name),
    clients,
    ...(beginning === undefined ? {} : { beginning }),
  };
}
