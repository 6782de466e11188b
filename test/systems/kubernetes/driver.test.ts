import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Secret } from '../../../src/credential/secret.ts';
import { createDeployDriver } from '../../../src/deploy/create-driver.ts';
import { createGateDriver } from '../../../src/deploy/gate.ts';
import type { KubernetesDeploy } from '../../../src/fleet/fleet.ts';
import { createCommands } from '../../../src/system/commands.ts';
import { privateFiles } from '../../../src/system/private-files.ts';
import { ownFolder } from '../../credential/real-files.ts';
import { labels, NAMES, NEW, OLD, refusalOf, shown, text } from '../../deploy/gate-place.ts';
import { testPki } from '../../support/test-pki.ts';
import { freePorts } from '../foreign/processes.ts';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';

const TOKEN = 'CANARY-token-3f9d';
const entry = (secret: Secret, generation: 'current' | 'next') => ({ secret, generation });
const both = new Map([['client-a', [entry(OLD, 'current'), entry(NEW, 'next')]]]);
/** The path of what the driver writes and restarts. */
const SECRET = '/api/v1/namespaces/signing/secrets/signer-1';
const DEPLOYMENT = '/apis/apps/v1/namespaces/signing/deployments/signer-1';

/** A driver whose target is in a stand-in cluster, by a real `kubectl`; no pod runs. */
async function placeWith(change: Partial<KubernetesDeploy> = {}, options: Partial<ClusterOptions> = {}) {
  const pki = await testPki();
  const server = await pki.server('cluster.test');
  const [port = 0] = await freePorts(1);
  const started: number[] = [];
  const cluster = await startCluster({
    port,
    tls: { ca: pki.ca, cert: server.cert, key: server.key },
    token: TOKEN,
    namespace: 'signing',
    secrets: { 'signer-1': { KEYS: text(OLD), OTHER: 'CANARY-other', [NAMES.secret]: text(OLD) } },
    workloads: {
      'signer-1': { kind: 'deployment', start: async () => void started.push(1) },
      'signer-set': { kind: 'statefulset', replicas: 2, start: async () => void started.push(2) },
    },
    ...options,
  });
  onTestFinished(() => cluster.stop());
  const folder = await ownFolder();
  const file = join(folder, 'kubeconfig');
  const certificate = Buffer.from(pki.ca).toString('base64');
  const at = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': certificate };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { ...at, 'tls-server-name': 'cluster.test' } }],
    users: [{ name: 'u', user: { token: TOKEN } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  const ports = { files: privateFiles(), commands: createCommands((one) => one), cwd: folder };
  const deploy: KubernetesDeploy = {
    driver: 'kubernetes',
    cluster: { kubeconfig: file, context: undefined, pass: [] },
    namespace: 'signing',
    secret: 'signer-1',
    key: 'KEYS',
    format: { kind: 'list', separator: ',' },
    takeOver: ['kubectl-create'],
    workload: { kind: 'deployment', name: 'signer-1' },
    deadlineMs: 10_000,
    pods: 1,
    ...change,
  };
  return { cluster, deploy, driver: createDeployDriver(ports), gates: createGateDriver(ports), started };
}

const applies = ({ requests }: Cluster) => requests.filter(({ method, path }) => method === 'PATCH' && path === SECRET);

describe('a Secret', () => {
  test('is applied server-side by its own keys alone, and read back', async () => {
    const { cluster, deploy, driver } = await placeWith();
    expect(await driver.writeAccepted({ deploy }, both)).toEqual({ changed: true });
    expect(cluster.values('signer-1')).toEqual({
      KEYS: `${text(OLD)},${text(NEW)}`,
      OTHER: 'CANARY-other',
      [NAMES.secret]: text(OLD),
    });
    const [apply] = applies(cluster);
    expect(apply).toMatchObject({ type: 'application/apply-patch+yaml', query: { fieldManager: 'rotctl' } });
    const sent = JSON.parse(apply?.body ?? '');
    expect(Object.keys(sent.data)).toEqual(['KEYS']);
    expect(sent.metadata).not.toHaveProperty('annotations');
    expect(await driver.accepts({ deploy }, new Map([['client-a', [OLD, NEW]]]))).toBe(true);
    expect(await driver.writeAccepted({ deploy }, both)).toEqual({ changed: false });
  });

  test('keeps the other keys that were applied before, when one more is', async () => {
    const { cluster, deploy, driver } = await placeWith();
    await driver.writeAccepted({ deploy }, both);
    await driver.writeAccepted({ deploy: { ...deploy, key: 'OTHER' } }, new Map([['client-a', [entry(NEW, 'next')]]]));
    expect(cluster.values('signer-1')).toMatchObject({ KEYS: `${text(OLD)},${text(NEW)}`, OTHER: text(NEW) });
  });

  test('has a gate’s settings as keys of their own, which come and go', async () => {
    const format = { kind: 'gate', names: NAMES, secretFiles: undefined } as const;
    const { cluster, deploy, gates } = await placeWith({ format, key: NAMES.secret });
    await gates.write({ deploy }, { secret: NEW, prev: OLD, keyId: 'k-1', strict: 'true' }, labels);
    expect(shown(await gates.read({ deploy }))).toEqual({
      secret: text(NEW),
      prev: text(OLD),
      keyId: 'k-1',
      strict: 'true',
    });
    await gates.write({ deploy }, { prev: null, strict: null }, labels);
    expect(shown(await gates.read({ deploy }))).toEqual({ secret: text(NEW), keyId: 'k-1' });
    expect(Object.keys(cluster.values('signer-1')).sort()).toEqual(['KEYS', 'OTHER', NAMES.secret, NAMES.keyId].sort());
  });

  test.for<[string, (cluster: Cluster) => void, RegExp]>([
    [
      'that another manager applies again and again',
      (cluster) =>
        cluster.secret('signer-1').managers.push({ manager: 'argocd-controller', operation: 'Apply', keys: ['KEYS'] }),
      /what holds the secrets is managed by argocd-controller, which would put back what it has$/,
    ],
    [
      'that this login may not change',
      ({ knobs }) => knobs.forbid.push(`PATCH ${SECRET}`),
      /cannot be applied: kubectl: .*[Ff]orbidden/,
    ],
    [
      'that this login may not read',
      ({ knobs }) => knobs.forbid.push(`GET ${SECRET}`),
      /secret signer-1 of namespace signing cannot be read: kubectl: .*Forbidden/,
    ],
    [
      'that cannot be changed',
      (cluster) => {
        cluster.secret('signer-1').immutable = true;
      },
      /cannot be applied: it is immutable$/,
    ],
  ])('%s is refused, and stays as it was', async ([_, breakIt, message]) => {
    const { cluster, deploy, driver } = await placeWith();
    const before = cluster.values('signer-1');
    breakIt(cluster);
    const error = await refusalOf(driver.writeAccepted({ deploy }, both));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(message) });
    expect(cluster.values('signer-1')).toEqual(before);
  });

  test('that is not there, or lacks its key, is refused', async () => {
    const { deploy, driver } = await placeWith();
    const none = await refusalOf(driver.readAccepted({ deploy: { ...deploy, secret: 'none' } }, ['client-a']));
    expect(none.message).toMatch(/^secret none of namespace signing cannot be read: kubectl: .*NotFound/);
    const lacking = await refusalOf(driver.writeAccepted({ deploy: { ...deploy, key: 'KEYZ' } }, both));
    expect(lacking).toMatchObject({ code: 'INPUT_INVALID', message: 'KEYZ is not set in the file' });
  });

  test('that is changed between reading and applying is refused', async () => {
    const { cluster, deploy, driver } = await placeWith();
    const raced = { ...cluster.secret('signer-1') };
    Object.defineProperty(cluster.secret('signer-1'), 'version', { get: () => (raced.version += 1) });
    const error = await refusalOf(driver.writeAccepted({ deploy }, both));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(/object has been modified/) });
  });

  test('never stands in an argument of kubectl', async () => {
    const { deploy } = await placeWith();
    const seen: string[] = [];
    const real = createCommands((one) => one);
    const folder = await ownFolder();
    const commands = {
      ...real,
      ask: async (...[argv, options]: Parameters<typeof real.ask>) => {
        seen.push(argv.join(' '));
        return real.ask(argv, options);
      },
    };
    await createDeployDriver({ files: privateFiles(), commands, cwd: folder }).writeAccepted({ deploy }, both);
    const encoded = Buffer.from(`${text(OLD)},${text(NEW)}`).toString('base64');
    for (const secret of [text(OLD), text(NEW), encoded]) expect(seen.join('\n')).not.toContain(secret);
    expect(seen.join('\n')).toContain('apply --server-side');
    expect(await readFile('/proc/self/cmdline', 'utf8')).not.toContain(text(NEW));
  });
});

describe('a rollout', () => {
  test.for([
    { what: 'a Deployment', workload: { kind: 'deployment', name: 'signer-1' } as const },
    { what: 'a StatefulSet', workload: { kind: 'statefulset', name: 'signer-set' } as const },
  ])('restarts $what once, and is waited for', async ({ workload }) => {
    const { cluster, deploy, driver, started } = await placeWith({ workload });
    expect(await driver.restart({ deploy })).toMatchObject({ ok: true });
    expect(started).toHaveLength(1);
    expect(cluster.workload(workload.name)).toMatchObject({ generation: 2, observed: 2 });
  });

  test('is done once for replicas of one workload, and anew when its Secret has changed', async () => {
    const { deploy, driver, started } = await placeWith({
      workload: { kind: 'statefulset', name: 'signer-set' },
      pods: 2,
    });
    const other = { ...deploy };
    expect(await driver.restart({ deploy })).toMatchObject({ ok: true });
    expect(await driver.restart({ deploy: other })).toMatchObject({ ok: true, how: 'restarted already' });
    expect(started).toHaveLength(1);
    await driver.writeAccepted({ deploy }, both);
    expect(await driver.restart({ deploy: other })).toMatchObject({ ok: true, how: 'exit 0' });
    expect(started).toHaveLength(2);
  });

  test.for<[string, (cluster: Cluster) => void, RegExp]>([
    [
      'that never gets ready',
      ({ knobs }) => knobs.stuck.push('signer-1'),
      /^kubectl rollout status deployment\/signer-1: exit 1/,
    ],
    [
      'that exceeds its progress deadline',
      ({ knobs }) => knobs.failing.push('signer-1'),
      /^kubectl rollout status .*: exit 1/,
    ],
    [
      'that may not be begun',
      ({ knobs }) => knobs.forbid.push(`PATCH ${DEPLOYMENT}`),
      /^kubectl rollout restart .*: exit 1/,
    ],
  ])('%s has failed, and says why', async ([_, breakIt, how]) => {
    const { cluster, deploy, driver } = await placeWith({ deadlineMs: 2000 });
    breakIt(cluster);
    const result = await driver.restart({ deploy });
    expect(result).toMatchObject({ ok: false, how: expect.stringMatching(how), output: expect.stringMatching(/./) });
  });

  test('is no reload', async () => {
    const { deploy, driver } = await placeWith();
    expect(await refusalOf(driver.reload({ deploy }))).toMatchObject({ code: 'PRECONDITION_FAILED' });
  });
});

describe('a rehearsal in a cluster', () => {
  test('finds nothing in the way, and leaves everything as it was', async () => {
    const { cluster, deploy, driver, started } = await placeWith();
    const before = cluster.values('signer-1');
    expect(await driver.rehearse({ deploy }, ['client-a'])).toEqual([]);
    expect(cluster.values('signer-1')).toEqual(before);
    expect([started.length, cluster.workload('signer-1').generation]).toEqual([0, 1]);
    expect(applies(cluster).map(({ query }) => query.dryRun)).toEqual(['All']);
  });

  test.for<[string, Partial<KubernetesDeploy>, (cluster: Cluster) => void, RegExp[]]>([
    [
      'a Secret that is not there',
      { secret: 'none' },
      () => undefined,
      [/secret none of namespace signing cannot be read.*NotFound/],
    ],
    ['a key that is not there', { key: 'KEYZ' }, () => undefined, [/KEYZ is not set/]],
    [
      'another manager',
      {},
      (cluster) => {
        cluster.secret('signer-1').managers = [{ manager: 'helm', operation: 'Update', keys: ['KEYS'] }];
      },
      [/is managed by helm, which would put back what it has; have it leave .* takeOver: \[helm\]$/],
    ],
    [
      'a Secret that may not be changed',
      {},
      ({ knobs }) => knobs.forbid.push(`PATCH ${SECRET}`),
      [/cannot be applied: kubectl: .*orbidden/],
    ],
    [
      'an immutable Secret',
      {},
      (cluster) => {
        cluster.secret('signer-1').immutable = true;
      },
      [/it is immutable/],
    ],
    [
      'a workload that is not there',
      { workload: { kind: 'statefulset', name: 'none' } },
      () => undefined,
      [/statefulset none of namespace signing cannot be read.*NotFound/],
    ],
    [
      'a workload that may not be restarted',
      {},
      ({ knobs }) => knobs.forbid.push(`PATCH ${DEPLOYMENT}`),
      [/may not be patched by this login/],
    ],
    [
      'a paused Deployment',
      {},
      (cluster) => {
        cluster.workload('signer-1').paused = true;
      },
      [/is paused/],
    ],
    [
      'more pods than replicas',
      { workload: { kind: 'statefulset', name: 'signer-set' } },
      () => undefined,
      [/runs 2 pods, and the fleet file has 1 replica of it/],
    ],
  ])('names %s', async ([_, change, breakIt, obstacles]) => {
    const { cluster, deploy, driver } = await placeWith(change);
    breakIt(cluster);
    const seen = await driver.rehearse({ deploy }, ['client-a']);
    expect(seen).toEqual(obstacles.map((one) => expect.stringMatching(one)));
    expect(seen.join('\n')).not.toContain('CANARY');
  });
});
