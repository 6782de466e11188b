import type { Fleet } from '../fleet/fleet.ts';
import type { Beginning, Inventory } from '../machine/step.ts';

/** The targets of a rotation of these clients' secrets on a fleet, as the fleet file names them, and how they stand before it. */
export function inventoryOf(
  { templates, replicas, policy }: Pick<Fleet, 'templates' | 'replicas' | 'policy'>,
  clients: readonly string[],
  beginning: Beginning | undefined,
): Inventory {
  return {
    templates: templates.map(({ name }) => name),
    replicas: replicas.map(({ name }) => name),
    clients,
    ...(beginning === undefined ? {} : { beginning }),
    ...batchIn(policy.batch, replicas.length),
  };
}

/** How many replicas go together after the first: a share is rounded down, and is at least one. */
function batchIn(batch: Fleet['policy']['batch'], replicas: number): Pick<Inventory, 'batch'> {
  if (batch === undefined) return {};
  return { batch: 'count' in batch ? batch.count : Math.max(1, Math.floor((replicas * batch.percent) / 100)) };
}
