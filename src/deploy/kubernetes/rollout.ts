import { RotctlError } from '../../errors/rotctl-error.ts';
import type { KubernetesDeploy } from '../../fleet/fleet.ts';
import type { CommandPorts, Loader } from '../loader.ts';
import type { CommandResult } from '../ports.ts';
import { complaintOf, Kubectl } from './kubectl.ts';
import { secretVersion } from './secret.ts';

/** In the words of kubectl, and of older ones. */
const TOO_SOON = /within the past second|empty patch/;
const RESOURCE = { deployment: 'deployments', statefulset: 'statefulsets' } as const;

/**
 * Which workloads were restarted, for which Secret as it stood, on whose behalf. Replicas that are pods of one workload
 * start anew together: what was done for the first was done for the others.
 */
export class Rollouts {
  readonly #done = new Map<string, { readonly version: string; readonly on: Set<KubernetesDeploy> }>();

  /** Whether the workload started anew with this very Secret for another replica, and not yet for this one. */
  covers(deploy: KubernetesDeploy, version: string): boolean {
    const done = this.#done.get(keyOf(deploy));
    if (done?.version !== version || done.on.has(deploy)) return false;
    done.on.add(deploy);
    return true;
  }

  remember(deploy: KubernetesDeploy, version: string): void {
    this.#done.set(keyOf(deploy), { version, on: new Set([deploy]) });
  }
}

/** Restarts the workload of a deploy by a rollout, and waits until it is done. */
export function rolloutLoader(deploy: KubernetesDeploy, rollouts: Rollouts, ports: CommandPorts): Loader {
  const kubectl = new Kubectl(deploy.cluster, ports);
  const { namespace, workload, deadlineMs } = deploy;
  const target = `${workload.kind}/${workload.name}`;
  const rollout = async (words: readonly string[], limitMs?: number): Promise<CommandResult> => {
    const all = ['--namespace', namespace, 'rollout', ...words];
    const answer = await kubectl.call({ words: all, ...(limitMs === undefined ? {} : { deadlineMs: limitMs }) });
    const { ok, how, ms } = answer;
    if (ok) return { ok, how, output: '', ms };
    return { ok, how: `kubectl rollout ${words[0]} ${target}: ${how}`, output: complaintOf(answer), ms };
  };
  /** Restarts are told apart by the second: two within one are a restart and a refusal, which is asked again. */
  const restart = async (triesLeft = 100): Promise<CommandResult> => {
    const begun = await rollout(['restart', target]);
    const isTooSoon = !begun.ok && TOO_SOON.test(begun.output) && triesLeft > 0;
    return isTooSoon ? restart(triesLeft - 1) : begun;
  };
  return {
    async load(action) {
      if (action === 'reload') {
        throw new RotctlError('PRECONDITION_FAILED', 'the driver kubernetes has no reload: a rollout starts anew');
      }
      const version = await secretVersion(deploy, ports);
      if (rollouts.covers(deploy, version)) return { ok: true, how: 'restarted already', output: '', ms: 0 };
      const begun = await restart();
      if (!begun.ok) return begun;
      const done = await rollout(['status', target, `--timeout=${Math.ceil(deadlineMs / 1000)}s`], deadlineMs);
      if (done.ok) rollouts.remember(deploy, version);
      return { ...done, ms: begun.ms + done.ms };
    },
    async hindrances() {
      if ((await kubectl.missing()) !== undefined) return [];
      try {
        return await workloadHindrances(kubectl, deploy);
      } catch (error) {
        if (error instanceof RotctlError && error.code !== 'INTERNAL') return [error.message];
        throw error;
      }
    },
  };
}

async function workloadHindrances(kubectl: Kubectl, deploy: KubernetesDeploy): Promise<readonly string[]> {
  const { namespace, workload, pods } = deploy;
  const resource = RESOURCE[workload.kind];
  const what = `${workload.kind} ${workload.name} of namespace ${namespace}`;
  const object = await kubectl.object(`/apis/apps/v1/namespaces/${namespace}/${resource}/${workload.name}`, what);
  const found: string[] = [];
  if (object.at('spec', 'paused').boolean) found.push(`${what}: is paused, so that no rollout would begin`);
  const runs = object.at('spec', 'replicas').number ?? 1;
  if (pods !== undefined && runs !== pods) {
    found.push(
      `${what}: runs ${runs} pods, and the fleet file has ${pods} replica${pods === 1 ? '' : 's'} of it; name each pod by its own address, or none is proven`,
    );
  }
  if ((await mayPatch(kubectl, deploy, resource)) === false) {
    found.push(`${what}: may not be patched by this login, which a restart needs`);
  }
  return found;
}

/** Whether the login may patch the workload; `undefined` when the cluster does not say. */
async function mayPatch(
  kubectl: Kubectl,
  { namespace, workload }: KubernetesDeploy,
  resource: string,
): Promise<boolean | undefined> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, verb: 'patch', group: 'apps', resource, name: workload.name } },
  };
  const answer = await kubectl.create('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review);
  return answer?.at('status', 'allowed').boolean;
}

function keyOf({ cluster, namespace, workload }: KubernetesDeploy): string {
  return JSON.stringify([cluster.kubeconfig, cluster.context, namespace, workload]);
}
