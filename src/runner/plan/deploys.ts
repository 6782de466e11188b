import type { Deploy, Fleet, Place } from '../../fleet/fleet.ts';

/** How the configurations of some targets are reached, in words. */
export interface PlannedDeploy {
  readonly targets: readonly string[];
  readonly by: string;
}

/** How a rotation reaches the configurations of a fleet. */
export interface PlannedDeploys {
  readonly drivers: readonly PlannedDeploy[];
  /** Replicas that change together, so that the first batch of a step is all of them: one sentence for each such group. */
  readonly together: readonly string[];
}

/** What a plan says of the deploys of a fleet. */
export function deploysOf({ replicas, templates, clients }: Fleet): PlannedDeploys {
  const all = [
    ...[...replicas, ...templates].map(({ name, deploy }) => ({ name, by: sayDeploy(deploy) })),
    ...clients.map(({ id, deploy }) => ({ name: id, by: sayDeploy(deploy) })),
  ];
  return {
    drivers: [...grouped(all, ({ by }) => by)].map(([by, targets]) => ({
      by,
      targets: targets.map(({ name }) => name),
    })),
    together: togetherOf(replicas),
  };
}

function sayDeploy(deploy: Deploy | Place): string {
  switch (deploy.driver) {
    case 'env-file':
    case 'json-file':
      return deploy.driver;
    case 'command':
      return `command ${deploy.command.join(' ')}`;
    case 'ansible':
      return `ansible, inventory ${deploy.inventory}`;
    case 'kubernetes': {
      const { context } = deploy.cluster;
      const where = `kubernetes${context === undefined ? '' : ` ${context}`}, secret ${deploy.namespace}/${deploy.secret}`;
      return 'workload' in deploy ? `${where}, ${deploy.workload.kind}/${deploy.workload.name}` : where;
    }
  }
}

function togetherOf(replicas: Fleet['replicas']): string[] {
  const pods = replicas.flatMap(({ name, deploy }) => (deploy.driver === 'kubernetes' ? [{ name, deploy }] : []));
  const found: string[] = [];
  const say = (names: readonly string[], what: string) => {
    if (names.length < 2) return;
    found.push(`${names.join(', ')} ${what}: they change together, so that the first batch is all of them`);
  };
  for (const [workload, group] of grouped(pods, ({ deploy }) => `${deploy.workload.kind}/${deploy.workload.name}`)) {
    say(
      group.map(({ name }) => name),
      `are pods of ${workload}`,
    );
  }
  const byWorkload = new Set(found.map((one) => one.split(' are ')[0]));
  for (const [secret, group] of grouped(pods, ({ deploy }) => `${deploy.namespace}/${deploy.secret} ${deploy.key}`)) {
    const names = group.map(({ name }) => name);
    if (!byWorkload.has(names.join(', '))) say(names, `have one secret, ${secret}`);
  }
  return found;
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
