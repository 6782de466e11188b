import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { type KubernetesFleet, type KubernetesOptions, startKubernetes } from './kubernetes-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const CLIENTS = ['client-a', 'client-b'];

async function start(
  { onTestFinished }: TestContext,
  options: Omit<KubernetesOptions, 'root'> = {},
): Promise<KubernetesFleet> {
  const both = await startKubernetes({ root, ...options });
  onTestFinished(async () => {
    await both.cluster.stop();
    await both.fleet.stop();
  }, 60_000);
  return both;
}

function expectNoRefusal({ fleet }: KubernetesFleet): void {
  for (const client of CLIENTS) {
    const { refused, accepted } = fleet.tally(client);
    expect(refused).toEqual({});
    expect(accepted).toBeGreaterThan(20);
  }
}

describe('a rotation whose configuration is in a cluster', () => {
  test('opens and closes without one refused request, by one Secret and one rollout at a time', async (context) => {
    const both = await start(context, { replicas: 2 });
    const { fleet, cluster } = both;
    const before = ['signer-1', 'client-a'].map((name) => cluster.values(name));
    const overlap = await fleet.rotctl('overlap');
    expect([overlap.code, overlap.result.phase], overlap.stderr).toEqual([0, 'switched']);
    expect(cluster.values('signer-1').SIGNER_SECRETS_CLIENT_A?.split(',')).toHaveLength(2);
    const retire = await fleet.rotctl('retire', '--wait');
    expect([retire.code, retire.result.phase], retire.stderr).toEqual([0, 'destroyed']);
    expect(cluster.values('signer-1').SIGNER_SECRETS_CLIENT_A).toBe(cluster.values('client-a').SIGNING_SECRET);
    expect(before[0]?.SIGNER_SECRETS_CLIENT_A).not.toBe(cluster.values('client-a').SIGNING_SECRET);
    expectNoRefusal(both);
  }, 240_000);
});

describe('a rotation in a cluster in which something is wrong', () => {
  test.for([
    {
      what: 'whose new pod never gets ready',
      break: ({ cluster }: KubernetesFleet) => cluster.knobs.stuck.push('signer-2'),
    },
  ])('is taken back from a workload $what', { timeout: 240_000 }, async (row, context) => {
    const edit = (text: string) => text.replaceAll('deadline: 20s', 'deadline: 3s');
    const both = await start(context, { replicas: 2, edit, token: 'a-token' });
    const { fleet, cluster } = both;
    const before = ['signer-1', 'signer-2'].map((name) => cluster.values(name));
    row.break(both);
    const { code, result, stderr } = await fleet.rotctl('overlap');
    expect([code, result.phase], stderr).toEqual([10, 'rolled-back']);
    expect(result.error?.message).toContain('signer-2');
    expect(['signer-1', 'signer-2'].map((name) => cluster.values(name))).toEqual(before);
    expectNoRefusal(both);
  });

  test('is not begun where another manager would put the secrets back, or a login may not restart', async (context) => {
    const both = await start(context, { replicas: 2, manager: 'argocd-controller' });
    const { fleet, cluster } = both;
    cluster.knobs.forbid.push('PATCH /apis/apps/v1/namespaces/signing/deployments/signer-2');
    const before = ['signer-1', 'signer-2'].map((name) => cluster.values(name));
    const { code, result, stderr } = await fleet.rotctl('overlap');
    expect(code, stderr).toBe(13);
    const rehearsed = result.checks.filter(({ id, verdict }) => id === 'deploy.rehearsed' && verdict === 'fail');
    expect(rehearsed.map(({ target }) => target)).toEqual(['signer-1', 'signer-2', 'client-a', 'client-b']);
    expect(rehearsed[0]?.reason).toContain('is managed by argocd-controller');
    expect(rehearsed[1]?.reason).toContain('may not be patched by this login');
    expect(['signer-1', 'signer-2'].map((name) => cluster.values(name))).toEqual(before);
    expect(cluster.workload('signer-1').generation).toBe(1);
  }, 120_000);
});

describe('replicas that are pods of one workload', () => {
  test('change together, one rollout for all, which the plan says beforehand', async (context) => {
    const both = await start(context, { together: true, replicas: 2 });
    const { fleet, cluster } = both;
    const plan = await fleet.rotctl('plan');
    expect(plan.stdout).toContain('signer-1, signer-2 are pods of statefulset/signers');
    const overlap = await fleet.rotctl('overlap');
    expect([overlap.code, overlap.result.phase], overlap.stderr).toEqual([0, 'switched']);
    expect(cluster.workload('signers').generation).toBe(2);
    expectNoRefusal(both);
  }, 240_000);
});
