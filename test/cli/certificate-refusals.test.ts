import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { tlsFiles, tlsText } from '../support/certificate-fleet.ts';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { makeWorld } from './world.ts';

const MISTAKES = new URL('../mistakes/', import.meta.url).pathname;

interface FleetFile {
  authority?: object;
  certificateUsage?: object;
  policy: Record<string, unknown>;
  replicas: Party[];
  templates: Party[];
  clients: Party[];
}

interface Party {
  certificates?: Record<string, unknown>;
  deploy?: object;
  movable?: string;
}

interface Row {
  readonly what: string;
  readonly change?: (file: FleetFile) => void;
  readonly more?: readonly string[];
  readonly code: number;
  readonly says: RegExp;
}

let fleet: PracticeFleet;
beforeAll(async () => {
  fleet = await startPracticeFleet();
}, 120_000);
afterAll(() => fleet.down());

const place = (file: string, text: string): string => {
  writeFileSync(join(fleet.home, 'tls', file), text, { mode: 0o600 });
  return `tls/${file}`;
};

/** Has the first of these parties name another file. */
function named([first]: readonly Party[], field: string, file: string): void {
  if (first?.certificates === undefined) expect.unreachable('the practice fleet has certificates');
  else first.certificates[field] = file;
}

const ROWS: readonly Row[] = [
  {
    what: 'a bundle whose second certificate is torn',
    change: ({ clients }) => {
      const whole = tlsText(fleet, 'ca.pem');
      named(clients, 'trust', place('torn.pem', whole + whole.slice(0, whole.length / 2)));
    },
    code: 2,
    says: /torn\.pem/,
  },
  {
    what: 'a key that is not that of the certificate',
    change: ({ replicas }) => named(replicas, 'key', place('other.key', tlsText(fleet, 'signer-b.key'))),
    code: 13,
    says: /pki\.key-matches on signer-a/,
  },
  {
    what: 'a certificate that expires before nobody needs it any more',
    change: ({ policy }) => {
      policy.minOverlap = '360d';
    },
    code: 13,
    says: /pki\.validity/,
  },
  {
    what: 'a client of others, of which nobody knows where its certificates stand',
    change: ({ clients: [first] }) => {
      if (first === undefined) expect.unreachable('the practice fleet has clients');
      first.movable = 'owner';
      delete first.certificates;
      delete first.deploy;
    },
    code: 13,
    says: /certificates of client client-a/,
  },
  { what: 'some of the clients', more: ['--client', 'client-a'], code: 2, says: /client-b would be left behind/ },
  {
    what: 'a fleet without an authority',
    change: (file) => {
      delete file.authority;
      delete file.certificateUsage;
      for (const party of [...file.replicas, ...file.templates, ...file.clients]) delete party.certificates;
    },
    code: 13,
    says: /does not say who issues certificates/,
  },
];

describe('a rotation of certificates that cannot go well is refused, and nothing is changed', () => {
  it.each(ROWS)('$what', within(30), async ({ change, more = [], code, says }) => {
    const file: FleetFile = parse(readFileSync(fleet.fleetFile, 'utf8'));
    change?.(file);
    writeFileSync(join(fleet.home, 'other.yaml'), stringify(file), { mode: 0o600 });
    const before = [tlsFiles(fleet), fleet.material()];
    const words = ['overlap', '--material', 'mtls', '--fleet', 'other.yaml', '--ledger', 'refused.yaml', ...more];
    const refused = await fleet.rotctl(words);
    expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(says)]);
    expect([tlsFiles(fleet), fleet.material()]).toEqual(before);
    const ledger = join(fleet.home, 'refused.yaml');
    expect(existsSync(ledger) ? readFileSync(ledger, 'utf8') : '').not.toMatch(/kind: (header|intent)/);
    expect(existsSync(join(fleet.home, 'rotctl-vault'))).toBe(false);
  });

  it('nobody was refused meanwhile', async () => {
    for (const client of await fleet.clients()) expect(client).toMatchObject({ refused: 0 });
  });
});

describe('a mistaken order is refused before anything is sent', () => {
  it.each([
    ['tm1-client-certificate-before-trust', 'give-client-next'],
    ['tm2-server-certificate-before-trust', 'publish-server-next'],
    ['tm3-bundle-replaced', 'trust-next'],
    ['tm4-authority-dropped-early-on-signers', 'publish-without-current'],
    ['tm5-authority-dropped-early-on-clients', 'distrust-current-on-client'],
    ['tm6-tickets-ignored', 'load-distrust-on-client'],
    ['tm7-old-bundle-put-back-after-retirement', 'restore-old-bundle'],
  ])(
    '%s, naming %s',
    async (mistake, step) => {
      const world = makeWorld();
      expect(await world.run('runbook', 'check', `${MISTAKES}${mistake}.yaml`)).toBe(2);
      expect(`${world.stdout.text}${world.stderr.text}`).toContain(step);
      const planned = await fleet.rotctl(['plan', '--material', 'mtls', '--runbook', `${MISTAKES}${mistake}.yaml`]);
      expect([planned.code, planned.stderr]).toEqual([2, expect.stringContaining('RUNBOOK_UNSAFE')]);
    },
    within(20).timeout,
  );
});
