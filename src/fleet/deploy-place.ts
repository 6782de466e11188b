import { forClient, hasPlaceholder } from '../credential/placeholder.ts';
import type { DeployInput, PlaceInput } from './deploy-schema.ts';

/** Any `deploy` of a fleet file, as the schema gives it. */
export type AnyDeploy = DeployInput | PlaceInput;

/** What a `deploy` writes, for telling whether two of them write the same. */
interface Written {
  /** The file, or what stands for it. */
  readonly where: readonly unknown[];
  /** What in it, with placeholders for the client's id. */
  readonly what: readonly string[];
}

/** `undefined`: what it writes is not ours to know. */
function written(deploy: AnyDeploy): Written | undefined {
  switch (deploy.driver) {
    case 'json-file':
      return { where: ['file', deploy.path], what: [deploy.pointer] };
    case 'kubernetes': {
      const { kubeconfig, context, namespace, secret } = deploy;
      const where = ['kubernetes', kubeconfig, context, namespace, secret];
      return { where, what: [deploy.key ?? '', deploy.pointer ?? ''] };
    }
    case 'command':
      // The same program may serve many: it is told whom a request is about.
      return undefined;
    case 'ansible':
      return {
        where: ['ansible', deploy.inventory, deploy.host, deploy.path],
        what: [deploy.variable ?? '', deploy.pointer ?? ''],
      };
    case undefined:
    case 'env-file':
      return { where: ['file', deploy.path], what: [deploy.variable ?? '', deploy.pointer ?? ''] };
  }
}

/** The same text for two deploys that write the same place; `undefined` where that cannot be told. */
export function samePlace(deploy: AnyDeploy): string | undefined {
  const it = written(deploy);
  return it === undefined ? undefined : JSON.stringify([it.where, it.what]);
}

/** The same text for two that write the same place for this client; `undefined` where that cannot be told. */
export function placeForClient(deploy: AnyDeploy, id: string): string | undefined {
  const it = written(deploy);
  if (it === undefined) return undefined;
  return JSON.stringify([it.where, it.what.map((template) => forClient(template, id))]);
}

/** Whether each client's secrets have a place of their own: there is a placeholder, or the driver tells clients apart. */
export function tellsClientsApart(deploy: AnyDeploy): boolean {
  const it = written(deploy);
  return it === undefined || it.what.some(hasPlaceholder);
}

/** The same text for two parties of a gate fleet that read the same variables; `undefined` where that cannot be told. */
export function gateVariablesPlace(deploy: AnyDeploy): string | undefined {
  const it = written(deploy);
  const names = 'variables' in deploy ? deploy.variables : undefined;
  return it === undefined ? undefined : JSON.stringify([it.where, names?.secret]);
}

/** The same text for two replicas whose processes start anew together; `undefined` where each does by itself. */
export function sameWorkload(deploy: AnyDeploy): string | undefined {
  if (deploy.driver !== 'kubernetes' || !('workload' in deploy)) return undefined;
  const { kubeconfig, context, namespace, workload } = deploy;
  return JSON.stringify([kubeconfig, context, namespace, workload]);
}
