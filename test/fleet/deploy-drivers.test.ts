import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { edited, GATE_FLEET, SHORT_FLEET } from './fleet-text.ts';

const SIGNER_A =
  '{ path: signer-a.env, variable: KEYRING_SECRETS, format: list, restart: [systemctl, restart, signer-a] }';
const CLIENT_A = '{ path: clients/client-a.env, variable: KEYRING_SECRET, restart: [systemctl, restart, client-a] }';

/** The short fleet with another deploy for its first signer, or its client. */
const read = (deploy: string, of = SIGNER_A) => readFleet(edited(SHORT_FLEET, of, deploy), '/home/fleet/rotctl.yaml');

describe('deploy by a program', () => {
  it('is read with its defaults, and knows whom it is about', () => {
    const fleet = read('{ driver: command, command: [./deploy.py] }');
    expect(fleet.replicas[0]?.deploy).toEqual({
      driver: 'command',
      command: ['./deploy.py'],
      pass: [],
      deadlineMs: 30_000,
      target: { kind: 'replica', name: 'signer-a' },
      format: undefined,
      loads: ['restart'],
    });
  });

  it('may be the same program for many', () => {
    const text = edited(SHORT_FLEET, SIGNER_A, '{ driver: command, command: [d], loads: [reload] }');
    const all = edited(text, CLIENT_A, '{ driver: command, command: [d], env: [TOKEN], deadline: 5s }');
    const fleet = readFleet(all, '/x/rotctl.yaml');
    expect(fleet.clients[0]).toMatchObject({
      secret: undefined,
      deploy: { pass: ['TOKEN'], deadlineMs: 5000, target: { kind: 'client', name: 'client-a' } },
    });
  });

  it('of a gate has the names of its variables', () => {
    const text = edited(GATE_FLEET, '{ path: gates/template.env }', '{ driver: command, command: [d] }');
    expect(readFleet(text, '/x/rotctl.yaml').templates[0]?.deploy).toMatchObject({
      target: { kind: 'template', name: 'gate-image' },
      format: { kind: 'gate', names: { secret: 'INTERSERVICE_HMAC_SECRET' }, secretFiles: undefined },
    });
  });

  it.each([
    ['without a program', '{ driver: command }', /deploy\.command: (is missing|must be)/],
    ['with an empty one', '{ driver: command, command: [] }', /deploy\.command: must have at least 1/],
    [
      'with a value in env',
      '{ driver: command, command: [d], env: ["A=1"] }',
      /env\[0\]: must be the name of a variable/,
    ],
    ['with nothing that it loads', '{ driver: command, command: [d], loads: [] }', /loads: must have at least 1/],
    ['with a path', '{ driver: command, command: [d], path: a.env }', /path: is not a known key/],
  ])('%s is refused', (_, deploy, message) => {
    expect(() => read(deploy)).toThrow(message);
  });
});

const PLACE = 'driver: kubernetes, namespace: signing, secret: keys-a, key: KEYS, format: list';

/** The short fleet with both signers in a cluster. */
function inCluster(first: string, second: string) {
  const text = edited(SHORT_FLEET, SIGNER_A, first).replace(/\{ path: signer-b\.env.*\}/, () => second);
  return readFleet(text, '/home/fleet/rotctl.yaml');
}

describe('deploy in a cluster', () => {
  it('is read with its defaults', () => {
    const fleet = read(`{ ${PLACE}, workload: deployment/signer-a }`);
    expect(fleet.replicas[0]?.deploy).toEqual({
      driver: 'kubernetes',
      cluster: { kubeconfig: undefined, context: undefined, pass: ['KUBECONFIG'] },
      namespace: 'signing',
      secret: 'keys-a',
      key: 'KEYS',
      format: { kind: 'list', separator: ',' },
      takeOver: ['kubectl-create', 'kubectl-edit', 'kubectl-patch'],
      workload: { kind: 'deployment', name: 'signer-a' },
      deadlineMs: 300_000,
      pods: 1,
    });
  });

  it('of a client takes its present secret from there, and counts no pods', () => {
    const deploy =
      '{ driver: kubernetes, namespace: n, secret: s, key: K, kubeconfig: k/c, context: x, workload: statefulset/c }';
    expect(read(deploy, CLIENT_A).clients[0]).toMatchObject({
      secret: undefined,
      deploy: {
        cluster: { kubeconfig: '/home/fleet/k/c', context: 'x' },
        workload: { kind: 'statefulset', name: 'c' },
        format: { kind: 'single' },
        pods: undefined,
      },
    });
  });

  it('of gates has keys by the names of their variables', () => {
    const image = '{ driver: kubernetes, namespace: n, secret: gates }';
    const fleet = readFleet(edited(GATE_FLEET, '{ path: gates/template.env }', image), '/x/rotctl.yaml');
    expect(fleet.templates[0]?.deploy).toMatchObject({
      key: 'INTERSERVICE_HMAC_SECRET',
      format: { kind: 'gate', secretFiles: undefined },
    });
  });

  it('of replicas that change together has to say so in each', () => {
    const shared = `{ ${PLACE}, workload: statefulset/signer, together: true }`;
    const fleet = inCluster(shared, shared);
    expect(fleet.replicas.map(({ deploy }) => 'pods' in deploy && deploy.pods)).toEqual([2, 2]);
  });

  it.each([
    [
      'one workload',
      `{ ${PLACE}, workload: statefulset/signer }`,
      `{ ${PLACE.replace('keys-a', 'keys-b')}, workload: statefulset/signer }`,
      /^replicas\[1\]\.deploy: is of the workload of replicas\[0\] too, so that they change together/,
    ],
    [
      'one Secret',
      `{ ${PLACE}, workload: deployment/a }`,
      `{ ${PLACE}, workload: deployment/b }`,
      /^replicas\[1\]\.deploy: has the Secret of replicas\[0\] too/,
    ],
    [
      'one Secret, and only one of them says so',
      `{ ${PLACE}, workload: deployment/a, together: true }`,
      `{ ${PLACE}, workload: deployment/b }`,
      /^replicas\[1\]\.deploy: has the Secret of replicas\[0\] too/,
    ],
  ])('of two replicas with %s is refused', (_, first, second, message) => {
    expect(() => inCluster(first, second)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ['without a key', `{ ${PLACE.replace(', key: KEYS', '')}, workload: deployment/a }`, /deploy\.key: is missing/],
    ['without a workload', `{ ${PLACE} }`, /deploy\.workload: (is missing|must be)/],
    [
      'with another kind of workload',
      `{ ${PLACE}, workload: daemonset/a }`,
      /must be deployment\/NAME or statefulset\/NAME/,
    ],
    [
      'with a name that no object has',
      `{ ${PLACE.replace('keys-a', 'Keys_A')}, workload: deployment/a }`,
      /must be the name of an object/,
    ],
    ['with a restart command', `{ ${PLACE}, workload: deployment/a, restart: [r] }`, /restart: is not a known key/],
  ])('%s is refused', (_, deploy, message) => {
    expect(() => read(deploy)).toThrow(message);
  });

  it('with one key for several clients is refused', () => {
    const text = edited(SHORT_FLEET, SIGNER_A, `{ ${PLACE}, workload: deployment/a }`).replace(
      'tls:',
      '  - { id: client-z, deploy: { path: z.env, variable: S, restart: [x] } }\ntls:',
    );
    expect(() => readFleet(text, '/x/rotctl.yaml')).toThrow(/needs \{client\} or \{CLIENT\} in key or pointer/);
  });
});

describe('deploy by a JSON file', () => {
  it('is read, and a replica may have another driver than the next', () => {
    const fleet = read('{ driver: json-file, path: a.json, pointer: /keys, restart: [r] }');
    expect(fleet.replicas.map(({ deploy }) => deploy)).toMatchObject([
      {
        driver: 'json-file',
        path: '/home/fleet/a.json',
        format: { kind: 'json', pointer: '/keys' },
        restart: ['r'],
        deadlineMs: 30_000,
      },
      { driver: 'env-file', path: '/home/fleet/signer-b.env' },
    ]);
  });

  it('of a client is where its present secret is read from', () => {
    const fleet = read('{ driver: json-file, path: c.json, pointer: /secret, reload: [r] }', CLIENT_A);
    expect(fleet.clients[0]).toMatchObject({ secret: undefined, deploy: { driver: 'json-file' } });
  });

  it.each([
    ['without a pointer', '{ driver: json-file, path: a.json, restart: [r] }', /deploy\.pointer: (is missing|must be)/],
    ['without a command', '{ driver: json-file, path: a.json, pointer: /k }', /deploy: needs a reload or a restart/],
    [
      'with a variable',
      '{ driver: json-file, path: a, pointer: /k, variable: K, restart: [r] }',
      /variable: is not a known/,
    ],
    [
      'by a driver that nobody knows',
      '{ driver: puppet, path: a.json, restart: [r] }',
      /deploy\.driver: must be one of|deploy\.driver/,
    ],
  ])('%s is refused', (_, deploy, message) => {
    expect(() => read(deploy)).toThrow(message);
  });

  it('is not for gates', () => {
    const text = edited(
      GATE_FLEET,
      '{ path: gates/template.env }',
      '{ driver: json-file, path: gates/template.json, pointer: /k }',
    );
    expect(() => readFleet(text, '/x/rotctl.yaml')).toThrow(
      /templates\[0\]\.deploy\.driver: is not for protocol gate-v1, whose settings are variables/,
    );
  });
});

describe('deploy by ansible', () => {
  const HOST = 'driver: ansible, inventory: hosts.ini, host: signer-1, path: /etc/signer.env';

  it('is of one host of an inventory beside the fleet file, and of a path on that host', () => {
    const fleet = read(
      `{ ${HOST}, variable: KEYS, format: list, restart: [systemctl, restart, signer], become: true }`,
    );
    expect(fleet.replicas[0]?.deploy).toEqual({
      driver: 'ansible',
      inventory: '/home/fleet/hosts.ini',
      host: 'signer-1',
      path: '/etc/signer.env',
      become: true,
      playbook: undefined,
      file: 'env',
      variable: 'KEYS',
      format: { kind: 'list', separator: ',' },
      reload: undefined,
      restart: ['systemctl', 'restart', 'signer'],
      deadlineMs: 120_000,
    });
  });

  it('may be of a JSON file, and by a playbook of the operator', () => {
    const fleet = read(`{ ${HOST}, file: json, pointer: /keys, reload: [r], playbook: own/site.yml }`);
    expect(fleet.replicas[0]?.deploy).toMatchObject({
      file: 'json',
      format: { kind: 'json', pointer: '/keys' },
      playbook: '/home/fleet/own/site.yml',
    });
  });

  it('of a client is where its present secret is read from', () => {
    const fleet = read(`{ ${HOST}, variable: KEY, restart: [r] }`, CLIENT_A);
    expect(fleet.clients[0]).toMatchObject({ secret: undefined, deploy: { driver: 'ansible' } });
  });

  it('of a gate has the names of its variables', () => {
    const text = edited(GATE_FLEET, '{ path: gates/template.env }', `{ ${HOST} }`);
    const { templates } = readFleet(text, '/x/rotctl.yaml');
    expect(templates[0]?.deploy).toMatchObject({ format: { kind: 'gate', secretFiles: undefined } });
  });

  it.each([
    [
      'a group in place of a host',
      HOST.replace('host: signer-1', "host: 'signers:&eu'"),
      /host: must be the name of one/,
    ],
    ['a flag in place of a host', HOST.replace('host: signer-1', 'host: --become'), /host: must be the name of one/],
    ['a relative path', HOST.replace('/etc/signer.env', 'etc/signer.env'), /path: must be an absolute path/],
    ['a JSON file without a pointer', `${HOST}, file: json`, /deploy: needs a pointer with file json/],
    ['a JSON file with a variable', `${HOST}, file: json, pointer: /k, variable: K`, /variable: is not for file json/],
    ['an env file without a variable', HOST, /variable: is missing/],
  ])('with %s is refused', (_, fields, message) => {
    expect(() => read(`{ ${fields}, restart: [r] }`)).toThrow(message);
  });
});
