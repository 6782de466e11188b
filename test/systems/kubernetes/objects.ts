/** A Secret as the stand-in keeps it. */
export interface StoredSecret {
  readonly name: string;
  /** Values in base64. */
  data: Record<string, string>;
  version: number;
  immutable: boolean;
  /** Whose keys are whose. */
  managers: { manager: string; operation: 'Apply' | 'Update'; keys: string[] }[];
  annotations: Record<string, string>;
}

/** What applying a configuration server-side comes to. */
export type Applied =
  | { readonly ok: true; readonly secret: StoredSecret }
  | { readonly ok: false; readonly status: number; readonly reason: string; readonly message: string };

/** What `PATCH` with `application/apply-patch+yaml` is told. */
export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
}

/** Applies keys to a Secret as the API does: conflicts, ownership, and what is not applied any more is taken away. */
export function applySecret(
  secret: StoredSecret,
  config: { readonly data?: Record<string, string>; readonly metadata: { readonly resourceVersion?: string } },
  { manager, force }: ApplyOptions,
): Applied {
  const { data = {}, metadata } = config;
  if (secret.immutable) return refusal(422, 'Invalid', 'data: Forbidden: field is immutable when `immutable` is set');
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== String(secret.version)) {
    return refusal(
      409,
      'Conflict',
      `Operation cannot be fulfilled on secrets "${secret.name}": the object has been modified`,
    );
  }
  const managers = secret.managers.map((one) => ({ ...one, keys: [...one.keys] }));
  const isOurs = (one: StoredSecret['managers'][number]) => one.manager === manager && one.operation === 'Apply';
  const conflicts = Object.entries(data).flatMap(([key, value]) =>
    secret.data[key] === value
      ? []
      : managers.filter((one) => !isOurs(one) && one.keys.includes(key)).map((one) => ({ key, other: one })),
  );
  if (conflicts.length > 0 && !force) {
    const all = conflicts.map(({ key, other }) => `conflict with "${other.manager}" using v1: .data.${key}`);
    return refusal(409, 'Conflict', `Apply failed with ${all.length} conflict: ${all.join(', ')}`);
  }
  for (const { key, other } of conflicts) other.keys = other.keys.filter((one) => one !== key);
  const before = managers.find(isOurs)?.keys ?? [];
  const others = managers.filter((one) => !isOurs(one));
  const next = { ...secret.data, ...data };
  for (const key of before) {
    if (!(key in data) && !others.some((one) => one.keys.includes(key))) delete next[key];
  }
  return {
    ok: true,
    secret: {
      ...secret,
      data: next,
      version: secret.version + 1,
      managers: [...others, { manager, operation: 'Apply', keys: Object.keys(data) }],
    },
  };
}

function refusal(status: number, reason: string, message: string): Applied {
  return { ok: false, status, reason, message };
}

/** A Secret as the API shows it. */
export function secretObject(secret: StoredSecret, namespace: string): object {
  return {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: {
      name: secret.name,
      namespace,
      uid: `uid-${secret.name}`,
      resourceVersion: String(secret.version),
      annotations: secret.annotations,
      managedFields: secret.managers.map(({ manager, operation, keys }) => ({
        manager,
        operation,
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) },
      })),
    },
    data: secret.data,
    type: 'Opaque',
    ...(secret.immutable ? { immutable: true } : {}),
  };
}

/** A Deployment or StatefulSet as the stand-in keeps it. */
export interface StoredWorkload {
  readonly kind: 'deployment' | 'statefulset';
  readonly name: string;
  readonly replicas: number;
  paused: boolean;
  generation: number;
  observed: number;
  version: number;
  template: { metadata?: { annotations?: Record<string, string> } };
  /** Why a rollout has failed. */
  failed?: string;
}

/** A workload as the API shows it. */
export function workloadObject(workload: StoredWorkload, namespace: string): object {
  const { kind, name, replicas, generation, observed, version, failed } = workload;
  const isDone = generation === observed;
  const status =
    kind === 'deployment'
      ? {
          observedGeneration: generation,
          replicas: isDone ? replicas : replicas + 1,
          updatedReplicas: isDone ? replicas : 1,
          readyReplicas: replicas,
          availableReplicas: replicas,
          conditions:
            failed === undefined
              ? []
              : [{ type: 'Progressing', status: 'False', reason: failed, message: 'it does not come up' }],
        }
      : {
          observedGeneration: generation,
          replicas,
          readyReplicas: isDone ? replicas : replicas - 1,
          currentReplicas: replicas,
          updatedReplicas: isDone ? replicas : 0,
          currentRevision: `r${observed}`,
          updateRevision: `r${generation}`,
        };
  return {
    kind: kind === 'deployment' ? 'Deployment' : 'StatefulSet',
    apiVersion: 'apps/v1',
    metadata: { name, namespace, uid: `uid-${name}`, generation, resourceVersion: String(version) },
    spec: {
      replicas,
      ...(workload.paused ? { paused: true } : {}),
      selector: { matchLabels: { app: name } },
      ...(kind === 'statefulset' ? { serviceName: name, updateStrategy: { type: 'RollingUpdate' } } : {}),
      template: {
        metadata: { labels: { app: name }, ...workload.template.metadata },
        spec: { containers: [{ name: 'main', image: 'signer' }] },
      },
    },
    status,
  };
}

/** What discovery says of the API that the stand-in has. */
export const DISCOVERY: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: ['apps', 'authorization.k8s.io'].map((name) => ({
      name,
      versions: [{ groupVersion: `${name}/v1`, version: 'v1' }],
      preferredVersion: { groupVersion: `${name}/v1`, version: 'v1' },
    })),
  },
  '/api/v1': resources('v1', [['secrets', 'Secret', true]]),
  '/apis/apps/v1': resources('apps/v1', [
    ['deployments', 'Deployment', true],
    ['statefulsets', 'StatefulSet', true],
  ]),
  '/apis/authorization.k8s.io/v1': resources('authorization.k8s.io/v1', [
    ['selfsubjectaccessreviews', 'SelfSubjectAccessReview', false],
  ]),
};

function resources(
  groupVersion: string,
  list: readonly (readonly [name: string, kind: string, namespaced: boolean])[],
) {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: list.map(([name, kind, namespaced]) => ({
      name,
      singularName: kind.toLowerCase(),
      namespaced,
      kind,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    })),
  };
}
