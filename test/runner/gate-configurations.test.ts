import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { resolved } from '../../src/machine/as-before.ts';
import type { MovingPhase } from '../../src/machine/phase.ts';
import type { Step } from '../../src/machine/step.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import type { SettingEffect } from '../../src/runner/configurations.ts';
import { gateConfigurations } from '../../src/runner/gate/configurations.ts';
import { readTerms } from '../../src/runner/gate/standing.ts';
import { inventoryOf } from '../../src/runner/inventory.ts';
import { gatesOnDisk, isService, PARTIES, TEXTS, type Variables, type Who } from './gate-parties.ts';

const FILE = 'runbooks/gate-hmac.yaml';
const { program } = readRunbook(readFileSync(FILE, 'utf8'), FILE);
const CLIENTS = ['langgraph', 'scheduler'];
const pair = { current: Secret.fromText(TEXTS.current), next: Secret.fromText(TEXTS.next) };
const SHARED = 'interservice_hmac_secret';

/** How fleets begin: what gates and services say, and the key ids of the rotation. */
interface Beginning {
  readonly name: string;
  readonly gates: Variables;
  readonly services: Variables;
  readonly ids: { readonly current: string; readonly next: string };
}

const BEGINNINGS: readonly Beginning[] = [
  { name: 'never rotated', gates: {}, services: {}, ids: { current: 'k-aaaaaaaa', next: 'k-bbbbbbbb' } },
  {
    name: 'with every default written out',
    gates: { prev: '', keyId: 'v1', keyIdPrev: 'v0', strict: '0', revoked: '' },
    services: { prev: '', keyId: 'v1', dual: 'false' },
    ids: { current: 'k-aaaaaaaa', next: 'k-bbbbbbbb' },
  },
  {
    name: 'with key ids of its own',
    gates: { keyId: 'k-1', revoked: 'k-0' },
    services: { keyId: 'k-1' },
    ids: { current: 'k-1', next: 'k-aaaaaaaa' },
  },
  {
    name: 'that enforces key ids',
    gates: { keyId: 'k-1', strict: 'yes', revoked: 'k-0' },
    services: { keyId: 'k-1' },
    ids: { current: 'k-1', next: 'k-aaaaaaaa' },
  },
];

/** One setting that a step of the runbook writes, on one party. */
interface Write {
  readonly step: Step;
  readonly effect: SettingEffect;
  readonly target: Who;
}

async function begin({ gates, services }: Pick<Beginning, 'gates' | 'services'>) {
  const place = await gatesOnDisk({ gates, services });
  const hex = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'];
  const terms = await readTerms(place, { hex: () => hex.shift() ?? '' });
  const inventory = inventoryOf(place.fleet, CLIENTS, terms.beginning);
  const configurations = gateConfigurations(
    { fleet: place.fleet, driver: place.gate.driver },
    new Map(CLIENTS.map((id) => [id, pair])),
    terms,
  );
  const targets = { ...inventory, fleet: [] };
  /** What the steps of these phases write, party by party, in order. */
  const writes = (...phases: readonly MovingPhase[]): Write[] =>
    phases
      .flatMap((phase) => program[phase])
      .flatMap((one) => {
        const step = resolved(one, inventory);
        const effects = step.effects.filter(
          (effect): effect is SettingEffect => 'set' in effect && effect.where === 'disk',
        );
        return effects.flatMap((effect) =>
          targets[step.over].map((target) => ({ step, effect, target: target as Who })),
        );
      });
  const write = async (...some: readonly Write[]): Promise<void> => {
    for (const { effect, target } of some) await configurations.write(effect, target);
  };
  const bytes = async () =>
    Object.fromEntries(await Promise.all(PARTIES.map(async (who) => [who, await place.text(who)])));
  return { place, terms, configurations, writes, write, bytes };
}

/** The variables of a party as a test says them: secrets by generation. */
async function said(place: Awaited<ReturnType<typeof gatesOnDisk>>, who: Who): Promise<Variables> {
  const files = await place.secretFiles();
  const named = (value: string) => {
    const content = value.startsWith('/run/secrets/') ? files[value.slice('/run/secrets/'.length)] : value;
    return content === TEXTS.current ? 'CURRENT' : content === TEXTS.next ? 'NEXT' : value;
  };
  return Object.fromEntries(Object.entries(await place.variables(who)).map(([name, value]) => [name, named(value)]));
}

/** Variables without those that are not set. */
function plain(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
}

describe.each(BEGINNINGS)('a fleet $name', ({ gates, services, ids }) => {
  const none = gates.prev === '' ? { prev: '' } : {};
  const both = { secret: 'NEXT', prev: 'CURRENT', keyId: ids.next, keyIdPrev: ids.current };
  const alone = { secret: 'NEXT', ...none, keyId: ids.next };
  const { strict, revoked } = gates;
  const asWas = plain({ strict, revoked });
  const list = [...(revoked === 'k-0' ? ['k-0'] : []), ids.current].join(',');
  const before = (which: Variables) => plain({ secret: 'CURRENT', ...which });

  /** The step, and what stands in the files of the parties that it is over when it is done. */
  const FORWARD: readonly (readonly [step: string, variables: Variables])[] = [
    ['publish-next', { ...both, ...asWas }],
    ['set-secret-and-prev', { ...both, ...asWas }],
    ['dual-sign-with-next', { ...both, dual: 'true' }],
    ['publish-strict', { ...both, ...asWas, strict: 'true' }],
    ['enforce-key-ids', { ...both, ...asWas, strict: 'true' }],
    ['publish-without-prev', { ...alone, ...asWas, strict: 'true' }],
    ['unset-prev', { ...alone, ...asWas, strict: 'true' }],
    ['sign-once', plain({ ...alone, dual: services.dual })],
    ['publish-revocation', { ...alone, ...asWas, strict: 'true', revoked: list }],
    ['revoke-old-id', { ...alone, ...asWas, strict: 'true', revoked: list }],
  ];
  const BACK: readonly (readonly [step: string, variables: Variables])[] = [
    ['publish-prev-again', { ...both, ...asWas, strict: 'true' }],
    ['set-prev-again', { ...both, ...asWas, strict: 'true' }],
    ['publish-strict-as-before', { ...both, ...asWas }],
    ['strict-as-before', { ...both, ...asWas }],
    ['sign-with-current', before(services)],
    ['publish-current-alone', before(gates)],
    ['restore-secret', before(gates)],
  ];

  async function walk(fleet: Awaited<ReturnType<typeof begin>>, rows: typeof FORWARD, writes: readonly Write[]) {
    expect([...new Set(writes.map(({ step }) => step.id))]).toEqual(rows.map(([id]) => id));
    for (const [id, variables] of rows) {
      for (const { effect, target } of writes.filter(({ step }) => step.id === id)) {
        await fleet.configurations.write(effect, target);
        expect([id, target, await said(fleet.place, target)]).toEqual([id, target, variables]);
        expect(await fleet.configurations.holds(effect, target)).toBe(true);
      }
    }
  }

  it('has what each step says in its files, to the destruction', async () => {
    const fleet = await begin({ gates, services });
    expect(fleet.terms.keyIds).toEqual(ids);
    await walk(fleet, FORWARD, fleet.writes('opening', 'moving', 'retiring', 'destroying'));
  });

  it('has what each step says in its files, on the way back', async () => {
    const fleet = await begin({ gates, services });
    await fleet.write(...fleet.writes('opening', 'moving', 'retiring').filter(({ step }) => step.id !== 'sign-once'));
    await walk(fleet, BACK, fleet.writes('widening', 'returning', 'closing'));
  });

  it('is byte for byte what it was, wherever it turns back before anything was retired', async () => {
    const fleet = await begin({ gates, services });
    const [at, secrets, snapshot] = [
      await fleet.bytes(),
      await fleet.place.secretFiles(),
      await fleet.configurations.snapshot(),
    ];
    const opening = fleet.writes('opening').length;
    const forward = fleet.writes('opening', 'moving');
    expect([opening, forward.length]).toEqual([3, 8]);
    for (let done = 0; done <= forward.length; done += 1) {
      await fleet.write(...forward.slice(0, done));
      if (done > 0) expect(await fleet.bytes()).not.toEqual(at);
      await fleet.write(...fleet.writes(...(done > opening ? (['returning'] as const) : []), 'closing'));
      expect(await fleet.bytes(), `after ${done} writes`).toEqual(at);
      expect(await fleet.configurations.snapshot()).toEqual(snapshot);
      await fleet.configurations.purge('next');
      expect(await fleet.place.secretFiles()).toEqual(secrets);
    }
  });

  it('has every value that it had, wherever it turns back after that', async () => {
    for (let done = 1; done <= 5; done += 1) {
      const fleet = await begin({ gates, services });
      const [at, snapshot] = [await fleet.bytes(), await fleet.configurations.snapshot()];
      await fleet.write(...fleet.writes('opening', 'moving'), ...fleet.writes('retiring').slice(0, done));
      await fleet.write(...fleet.writes('widening', 'returning', 'closing'));
      const now = await fleet.bytes();
      const lines = (text = '') => text.split('\n').sort();
      for (const who of PARTIES) {
        expect(await said(fleet.place, who)).toEqual(before(isService(who) ? services : gates));
        // A file of a secret that was named no more by then has another name.
        if (who !== 'gate-b') expect(lines(now[who])).toEqual(lines(at[who]));
      }
      expect(await fleet.configurations.snapshot()).toEqual(snapshot);
      await fleet.configurations.purge('next');
      expect(new Set(Object.values(await fleet.place.secretFiles()))).toEqual(new Set([TEXTS.current]));
    }
  });

  it('keeps no file of a secret that is destroyed', async () => {
    const fleet = await begin({ gates, services });
    await fleet.write(...fleet.writes('opening', 'moving'));
    expect(Object.values(await fleet.place.secretFiles()).sort()).toEqual([TEXTS.current, TEXTS.next]);
    await fleet.configurations.purge('current');
    expect(Object.values(await fleet.place.secretFiles()), 'what is named is kept').toHaveLength(2);
    await fleet.write(...fleet.writes('retiring', 'destroying'));
    await fleet.configurations.purge('current');
    const files = await fleet.place.secretFiles();
    expect(Object.values(files)).toEqual([TEXTS.next]);
    expect(files).not.toHaveProperty(SHARED);
    for (const who of PARTIES) expect(await fleet.place.text(who)).not.toContain(TEXTS.current);
  });
});

describe('an effect', () => {
  const find = (writes: readonly Write[], id: string, who: Who): Write => {
    const found = writes.find(({ step, target }) => step.id === id && target === who);
    if (found === undefined) throw new Error(`no step ${id} on ${who}`);
    return found;
  };

  it.each<[string, MovingPhase, string, Who, Variables, boolean]>([
    ['not yet written', 'opening', 'set-secret-and-prev', 'gate-a', {}, false],
    [
      'of secrets in the other order',
      'opening',
      'set-secret-and-prev',
      'gate-a',
      { prev: TEXTS.next, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa' },
      false,
    ],
    [
      'of both secrets without their ids',
      'opening',
      'set-secret-and-prev',
      'gate-a',
      { secret: TEXTS.next, prev: TEXTS.current },
      false,
    ],
    [
      'with the ids of the other secret',
      'opening',
      'set-secret-and-prev',
      'gate-a',
      { secret: TEXTS.next, prev: TEXTS.current, keyId: 'k-aaaaaaaa', keyIdPrev: 'k-bbbbbbbb' },
      false,
    ],
    [
      'all there',
      'opening',
      'set-secret-and-prev',
      'gate-a',
      { secret: TEXTS.next, prev: TEXTS.current, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa' },
      true,
    ],
    [
      'all there, and strict beside it',
      'opening',
      'set-secret-and-prev',
      'gate-a',
      { secret: TEXTS.next, prev: TEXTS.current, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa', strict: 'true' },
      true,
    ],
    [
      'of a secret that nobody knows',
      'opening',
      'set-secret-and-prev',
      'gate-a',
      { secret: 'stranger', prev: TEXTS.current, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa' },
      false,
    ],
    ['that enforces by another word', 'moving', 'enforce-key-ids', 'gate-a', { strict: 'on' }, false],
    ['that enforces', 'moving', 'enforce-key-ids', 'gate-a', { strict: 'true' }, true],
    [
      'of one signature beside a switch that is on',
      'moving',
      'dual-sign-with-next',
      'langgraph',
      { secret: TEXTS.next, keyId: 'k-bbbbbbbb', dual: 'true' },
      false,
    ],
    [
      'of two signatures',
      'moving',
      'dual-sign-with-next',
      'langgraph',
      { secret: TEXTS.next, prev: TEXTS.current, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa', dual: 'true' },
      true,
    ],
    [
      'of two signatures, with a switch that is off',
      'moving',
      'dual-sign-with-next',
      'langgraph',
      { secret: TEXTS.next, prev: TEXTS.current, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa', dual: 'false' },
      false,
    ],
    [
      'that leaves the previous secret there',
      'retiring',
      'unset-prev',
      'gate-a',
      { secret: TEXTS.next, prev: TEXTS.current, keyId: 'k-bbbbbbbb' },
      false,
    ],
    [
      'that leaves the previous key id there',
      'retiring',
      'unset-prev',
      'gate-a',
      { secret: TEXTS.next, keyId: 'k-bbbbbbbb', keyIdPrev: 'k-aaaaaaaa' },
      false,
    ],
    [
      'that empties the previous secret',
      'retiring',
      'unset-prev',
      'gate-a',
      { secret: TEXTS.next, prev: '', keyId: 'k-bbbbbbbb' },
      true,
    ],
    ['that revokes another', 'destroying', 'revoke-old-id', 'gate-a', { revoked: 'v1' }, false],
    ['that revokes', 'destroying', 'revoke-old-id', 'gate-a', { revoked: 'k-aaaaaaaa' }, true],
  ])('%s: %s %s on %s', async (_, phase, id, who, variables, holds) => {
    const { place, configurations, writes } = await begin({ gates: {}, services: {} });
    await place.put(who, variables);
    expect(await configurations.holds(find(writes(phase), id, who).effect, who)).toBe(holds);
  });

  it.each([
    ['nothing', undefined, 'k-aaaaaaaa'],
    ['an empty list', '', 'k-aaaaaaaa'],
    ['one', 'k-0', 'k-0,k-aaaaaaaa'],
    ['some, with spaces and an end', ' k-0 , v0,', 'k-0,v0,k-aaaaaaaa'],
    ['one twice', 'k-0,k-0', 'k-0,k-aaaaaaaa'],
  ])('of revocation appends to %s', async (_, revoked, list) => {
    const { place, write, writes } = await begin({ gates: { revoked }, services: {} });
    const revocations = writes('destroying');
    for (let times = 0; times < 2; times += 1) {
      await write(...revocations);
      for (const gate of ['gate-a', 'gate-b', 'gate-image'] as const)
        expect((await place.variables(gate)).revoked).toBe(list);
    }
    expect((await place.variables('langgraph')).revoked).toBeUndefined();
  });

  it.each([
    [undefined, undefined],
    ['0', '0'],
    ['true', 'false'],
    ['YES', 'false'],
  ])('that ends dual signing where it was %j leaves it %j, and on the way back as it was', async (dual, left) => {
    for (const [phase, after] of [
      ['retiring', left],
      ['returning', dual],
    ] as const) {
      const { place, write, writes } = await begin({ gates: {}, services: { dual } });
      await write(...writes('moving'));
      expect((await place.variables('scheduler')).dual).toBe('true');
      await write(...writes(phase));
      const { dual: now, prev } = await place.variables('scheduler');
      expect([now, prev]).toEqual([after, undefined]);
    }
  });

  it('writes nothing when all is so already', async () => {
    const { place, write, writes, bytes } = await begin({ gates: {}, services: {} });
    await write(...writes('opening', 'moving'));
    const [at, files] = [await bytes(), await place.secretFiles()];
    await write(...writes('moving'));
    expect([await bytes(), await place.secretFiles()]).toEqual([at, files]);
  });

  it('touches its own party alone', async () => {
    const { write, writes, bytes } = await begin({ gates: {}, services: {} });
    for (const one of writes('opening', 'moving')) {
      const at = await bytes();
      await write(one);
      const now = await bytes();
      expect(PARTIES.filter((who) => now[who] !== at[who])).toEqual([one.target]);
      expect(isService(one.target)).toBe(one.effect.of === 'client');
    }
  });

  it('gives a file of a secret the name of its key id, in which no character is odd', async () => {
    const odd = { keyId: 'k.1_x' };
    const { place, write, writes } = await begin({ gates: odd, services: odd });
    await write(...writes('opening', 'moving', 'retiring', 'widening'));
    const names = Object.keys(await place.secretFiles()).map((name) => name.replace(/[0-9a-f]{8}$/, 'MARK'));
    expect(names).toEqual([SHARED, `${SHARED}.k-1-x.MARK`, `${SHARED}.k-aaaaaaaa.MARK`]);
  });

  it('on a party that the rotation does not know is a mistake of ours', async () => {
    const { configurations, writes, terms } = await begin({ gates: {}, services: {} });
    const [first] = writes('opening');
    if (first === undefined) throw new Error('a first write');
    await expect(configurations.write(first.effect, 'gate-z')).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(Object.keys(terms.before)).toEqual([...PARTIES]);
  });
});

describe('a snapshot', () => {
  it('has fingerprints for secrets, all else as it is, and what is not set as nothing', async () => {
    const { configurations, write, writes } = await begin({ gates: { strict: 'no' }, services: {} });
    await write(...writes('opening'));
    const state = await configurations.snapshot();
    expect(Object.keys(state)).toEqual([...PARTIES]);
    expect(state['gate-b']).toMatchObject({
      ...{ secret: [pair.next.fingerprint], prev: [pair.current.fingerprint] },
      ...{ keyId: ['k-bbbbbbbb'], keyIdPrev: ['k-aaaaaaaa'], strict: ['no'], revoked: [], dual: [] },
    });
    expect(JSON.stringify(state)).not.toContain('CANARY');
  });
});
