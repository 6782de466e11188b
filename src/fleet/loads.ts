import type { CertificateLoading } from './certificates.ts';
import type { Deploy, Loading } from './deploy.ts';

/** Whether a fleet file gives a means to do this to a process. What it gives none for is left out of a rotation, and recorded so. */
export function loads(deploy: Deploy, action: Loading): boolean {
  switch (deploy.driver) {
    case 'env-file':
    case 'json-file':
    case 'ansible':
      return deploy[action] !== undefined;
    case 'command':
      return deploy.loads.includes(action);
    case 'kubernetes':
      return action === 'restart';
  }
}

/** A process, as far as it is made to take up what was written for it. */
interface Process {
  readonly deploy: Deploy;
  readonly certificates?: CertificateLoading | undefined;
}

/** Whether there is a means for it in a rotation: of certificates by what stands under `certificates`, else as `loads`. */
export function loadsIn(
  { scheme }: { readonly scheme: string },
  { deploy, certificates }: Process,
  action: Loading,
): boolean {
  return scheme === 'mtls' ? certificates?.[action] !== undefined : loads(deploy, action);
}
