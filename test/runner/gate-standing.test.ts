import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { requireReadiness } from '../../src/runner/before.ts';
import { beginningOf, gateExpectations, learnKeyIds, readTerms, termsNow } from '../../src/runner/gate/standing.ts';
import { namesIn, revokedIn, termsIn, termsRecord } from '../../src/runner/gate/terms.ts';
import { refusalOf } from '../deploy/gate-place.ts';
import { type GatesOnDisk, gatesOnDisk, PARTIES, TEXTS, type Variables, type Who } from './gate-parties.ts';

/** Gives these eight digits in turn, and fails a test that asks for more. */
function digits(...hex: readonly string[]) {
  const left = [...hex];
  return {
    hex: (bytes: number) => {
      const next = left.shift();
      if (bytes !== 4 || next === undefined) throw new Error('no more digits are expected to be asked for');
      return next;
    },
    left,
  };
}

const NOTHING = { keyId: null, keyIdPrev: null, prevIsEmpty: false, strict: null, revoked: null, dual: null };

describe('how a fleet of gates stands', () => {
  /** The variables of every gate and of every service; what begins; the key id that `current` has; its labels. */
  const rows: readonly (readonly [
    string,
    Variables,
    Variables,
    boolean,
    'default' | 'own',
    string | undefined,
    string[],
  ])[] = [
    ['nothing is said', {}, {}, false, 'default', undefined, ['v1']],
    [
      'the default ids are said',
      { keyId: 'v1', keyIdPrev: 'v0' },
      { keyId: 'v1' },
      false,
      'default',
      undefined,
      ['v1'],
    ],
    ['the gates alone say them', { keyId: 'v1' }, {}, false, 'default', undefined, ['v1']],
    ['an empty id is the default', { keyId: '' }, { keyId: '' }, false, 'default', undefined, ['v1']],
    ['both go by the other default', { keyId: 'v0' }, { keyId: 'v0' }, false, 'default', undefined, ['v0']],
    ['it was rotated before', { keyId: 'k-1' }, { keyId: 'k-1' }, false, 'own', 'k-1', ['k-1']],
    ['services go by another id than gates', { keyId: 'k-1' }, { keyId: 'k-2' }, false, 'default', undefined, ['k-2']],
    ['services never took theirs', { keyId: 'k-1' }, {}, false, 'default', undefined, ['v1']],
    ['ids are enforced', { keyId: 'k-1', strict: 'true' }, { keyId: 'k-1' }, true, 'own', 'k-1', ['k-1']],
    ['default ids are enforced', { strict: '1' }, {}, true, 'own', 'v1', ['v1']],
    ['ids are enforced, in capitals', { strict: ' YES ' }, {}, true, 'own', 'v1', ['v1']],
    ['enforcement is off by a word', { strict: 'false' }, {}, false, 'default', undefined, ['v1']],
    ['enforcement is off by nothing', { strict: '' }, {}, false, 'default', undefined, ['v1']],
    ['a service says "on", to whom it means nothing', {}, { strict: 'on' }, false, 'default', undefined, ['v1']],
    ['other ids are revoked', { revoked: 'k-0, v0' }, {}, false, 'default', undefined, ['v1']],
    ['an empty previous secret', { prev: '' }, { prev: '' }, false, 'default', undefined, ['v1']],
  ];

  it.each(rows)('%s', async (_, gates, services, strict, keyIds, current, labels) => {
    const place = await gatesOnDisk({ gates, services });
    expect(await beginningOf(place)).toEqual({ strict, keyIds });
    const random = digits('aaaaaaaa', 'bbbbbbbb');
    const terms = await readTerms(place, random);
    expect(terms).toMatchObject({ beginning: { strict, keyIds }, labels });
    expect(terms.keyIds).toEqual(
      current === undefined ? { current: 'k-aaaaaaaa', next: 'k-bbbbbbbb' } : { current, next: 'k-aaaaaaaa' },
    );
    const before = (said: Variables) => ({
      ...NOTHING,
      ...Object.fromEntries(Object.entries(said).filter(([name]) => name !== 'prev')),
      prevIsEmpty: said.prev === '',
    });
    expect(terms.before).toEqual(
      Object.fromEntries(PARTIES.map((who, index) => [who, before(index < 3 ? gates : services)])),
    );
    expect(JSON.stringify(terms)).not.toContain('CANARY');
  });

  it('a label of services that differ is kept, each once', async () => {
    const place = await gatesOnDisk();
    await place.put('scheduler', { keyId: 'k-7' });
    expect(await readTerms(place, digits('aaaaaaaa', 'bbbbbbbb'))).toMatchObject({
      beginning: { strict: false, keyIds: 'default' },
      labels: ['v1', 'k-7'],
    });
  });

  it('a fleet of signers has no such standing', async () => {
    const { fleet } = await gatesOnDisk();
    const random = digits();
    expect(await beginningOf({ fleet, gate: undefined })).toBeUndefined();
    expect(await termsNow({ fleet, gate: undefined, random })).toBeUndefined();
    expect(await gateExpectations({ fleet, gate: undefined })).toEqual(new Map());
  });
});

describe('new key ids', () => {
  it.each<[string, Variables, Variables, readonly string[], { current: string; next: string }]>([
    [
      'are none that is revoked',
      { revoked: 'k-aaaaaaaa,k-cccccccc' },
      {},
      ['aaaaaaaa', 'bbbbbbbb', 'cccccccc', 'dddddddd'],
      { current: 'k-bbbbbbbb', next: 'k-dddddddd' },
    ],
    ['are two', {}, {}, ['aaaaaaaa', 'aaaaaaaa', 'bbbbbbbb'], { current: 'k-aaaaaaaa', next: 'k-bbbbbbbb' }],
    [
      'are not the one in force',
      { keyId: 'k-aaaaaaaa' },
      { keyId: 'k-aaaaaaaa' },
      ['aaaaaaaa', 'bbbbbbbb'],
      { current: 'k-aaaaaaaa', next: 'k-bbbbbbbb' },
    ],
    [
      'are not the one that services sign under',
      { keyId: 'k-1' },
      { keyId: 'k-aaaaaaaa' },
      ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'],
      { current: 'k-bbbbbbbb', next: 'k-cccccccc' },
    ],
    [
      'are not the one that gates have for it',
      { keyId: 'k-aaaaaaaa' },
      {},
      ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'],
      { current: 'k-bbbbbbbb', next: 'k-cccccccc' },
    ],
  ])('%s', async (_, gates, services, hex, keyIds) => {
    const random = digits(...hex);
    const terms = await readTerms(await gatesOnDisk({ gates, services }), random);
    expect([terms.keyIds, random.left]).toEqual([keyIds, []]);
  });

  it('are learnt for both secrets, and for none where there is no gate', async () => {
    const { gate, ...place } = await gatesOnDisk();
    const terms = await readTerms({ ...place, gate }, digits('aaaaaaaa', 'bbbbbbbb'));
    const pair = { current: Secret.fromText(TEXTS.current), next: Secret.fromText(TEXTS.next) };
    const pairs = new Map([['langgraph', pair]]);
    learnKeyIds({ gate: undefined }, pairs, terms);
    learnKeyIds({ gate }, new Map(), terms);
    expect(gate.keyIds.entries()).toEqual([]);
    learnKeyIds({ gate }, pairs, terms);
    expect([gate.keyIds.of(pair.current), gate.keyIds.of(pair.next)]).toEqual(['k-aaaaaaaa', 'k-bbbbbbbb']);
  });

  it.each([
    ['current', 'next', 'k-bbbbbbbb'],
    ['next', 'current', 'k-aaaaaaaa'],
  ] as const)('where %s is destroyed, and %s stands in for it, are that one’s', async (gone, left, id) => {
    const { gate, ...place } = await gatesOnDisk();
    const terms = await readTerms({ ...place, gate }, digits('aaaaaaaa', 'bbbbbbbb'));
    const secret = Secret.fromText(TEXTS[left]);
    learnKeyIds({ gate }, new Map([['langgraph', { current: secret, next: secret }]]), terms, gone);
    expect(gate.keyIds.of(secret)).toBe(id);
  });

  it('are kept in the header as they are read from it, and are seen under the names of before too', async () => {
    const terms = await readTerms(await gatesOnDisk({ gates: { dual: 'x' } }), digits('aaaaaaaa', 'bbbbbbbb'));
    const header = { data: { gate: JSON.parse(JSON.stringify(termsRecord(terms))) } };
    expect(termsIn(header)).toEqual(terms);
    expect([termsIn({ data: {} }), termsIn({ data: { gate: null } })]).toEqual([undefined, undefined]);
    expect(namesIn(terms)).toEqual({ current: ['k-aaaaaaaa', 'v1'], next: ['k-bbbbbbbb'] });
    expect(namesIn({ ...terms, labels: ['k-aaaaaaaa'] }).current).toEqual(['k-aaaaaaaa']);
  });
});

describe('what cannot be rotated', () => {
  const rows: readonly (readonly [string, Variables, Variables, Who, Variables, RegExp])[] = [
    [
      'strict mode by a word that does not turn it on',
      {},
      {},
      'gate-b',
      { strict: 'on' },
      /^gate-b: strict mode is set to a value that does not turn it on; it is on for 1, true and yes only$/,
    ],
    ['the same in a template', {}, {}, 'gate-image', { strict: 'enabled' }, /^gate-image: strict mode is set/],
    [
      'gates of which one enforces key ids',
      { strict: 'true' },
      {},
      'gate-b',
      { strict: 'false' },
      /^the gates differ: of gate-a it is said that it enforces key ids true, of gate-b false$/,
    ],
    [
      'a template that does not enforce them',
      { strict: 'true' },
      {},
      'gate-image',
      {},
      /^the gates differ: of gate-a .* key ids true, of gate-image false$/,
    ],
    [
      'gates with two key ids',
      { keyId: 'k-1' },
      { keyId: 'k-1' },
      'gate-b',
      { keyId: 'k-2' },
      /^the gates differ: of gate-a it is said that it has the key id k-1, of gate-b k-2$/,
    ],
    ['a template with another key id', { keyId: 'k-1' }, {}, 'gate-image', {}, /key id k-1, of gate-image v1$/],
    [
      'a service that enforced key ids lock out',
      { strict: 'true', keyId: 'k-1' },
      { keyId: 'k-1' },
      'scheduler',
      {},
      /^the gates enforce key ids and know k-1, and scheduler signs under another$/,
    ],
    [
      'a key id in force that is revoked',
      {},
      {},
      'gate-b',
      { revoked: 'x, v1' },
      /^gate-b revokes the key id v1, which the secret in force goes by$/,
    ],
    [
      'a label of services that is revoked',
      { keyId: 'k-1' },
      { keyId: 'k-2' },
      'gate-image',
      { keyId: 'k-1', revoked: 'k-2' },
      /^gate-image revokes the key id k-2,/,
    ],
    [
      'a key id with a colon',
      {},
      {},
      'langgraph',
      { keyId: 'k:1' },
      /^langgraph: a key id must be 1 to 64 letters, digits/,
    ],
    ['a key id with a space', { keyId: 'k 1' }, {}, 'gate-a', { keyId: 'k 1' }, /^gate-a: a key id must be/],
    ['a key id that is too long', {}, {}, 'gate-a', { keyId: 'k'.repeat(65) }, /^gate-a: a key id must be/],
    ['a previous key id with a comma', {}, {}, 'gate-b', { keyIdPrev: 'a,b' }, /^gate-b: a key id must be/],
    [
      'a previous secret of a gate',
      {},
      {},
      'gate-a',
      { prev: TEXTS.next },
      /^gate-a has a previous secret set, which a rotation would drop$/,
    ],
    [
      'a previous secret of a template',
      {},
      {},
      'gate-image',
      { prev: TEXTS.next },
      /^gate-image has a previous secret set/,
    ],
    [
      'a previous secret of a service',
      {},
      {},
      'scheduler',
      { prev: TEXTS.next },
      /^scheduler has a previous secret set/,
    ],
  ];

  it.each(rows)('%s', async (_, gates, services, who, said, message) => {
    const place = await gatesOnDisk({ gates, services });
    await place.put(who, said);
    for (const read of [beginningOf, (one: GatesOnDisk) => readTerms(one, digits('aaaaaaaa', 'bbbbbbbb'))]) {
      expect(await refusalOf(read(place))).toMatchObject({
        code: 'PRECONDITION_FAILED',
        message: expect.stringMatching(message),
      });
    }
  });

  it('a previous secret that was left says what to do', async () => {
    const place = await gatesOnDisk();
    await place.put('gate-a', { prev: TEXTS.next });
    expect((await refusalOf(beginningOf(place))).hint).toBe(
      'end the other rotation first, or unset what is left of it',
    );
  });
});

describe('what each gate’s answers are compared with', () => {
  it('is its own configuration, and a template has no answers', async () => {
    const place = await gatesOnDisk();
    await place.put('gate-a', { strict: 'yes', revoked: ' k-1 ,,v0' });
    await place.put('gate-b', { strict: 'on' });
    expect(await gateExpectations(place)).toEqual(
      new Map([
        ['gate-a', { strict: true, revoked: ['k-1', 'v0'] }],
        ['gate-b', { strict: false, revoked: [] }],
      ]),
    );
    expect(revokedIn({ revoked: undefined })).toEqual([]);
  });
});

describe('before a rotation of gates', () => {
  const present = (text: string = TEXTS.current) =>
    new Map(['langgraph', 'scheduler'].map((id) => [id, Secret.fromText(id === 'langgraph' ? TEXTS.current : text)]));
  async function readiness(
    place: GatesOnDisk,
    secrets = present(),
    clients = ['langgraph', 'scheduler'],
    file = 'gate-hmac',
  ) {
    const path = `runbooks/${file}.yaml`;
    const runbook = readRunbook(await readFile(path, 'utf8'), path);
    const unexpected = () => Promise.reject(new Error('gates have a driver of their own'));
    const driver = {
      ...{ readAccepted: unexpected, writeAccepted: unexpected, readSigning: unexpected, writeSigning: unexpected },
      ...{ accepts: unexpected, single: unexpected, readText: unexpected, signs: unexpected },
      ...{ load: unexpected, restart: unexpected, reload: unexpected, rehearse: unexpected },
    };
    await requireReadiness({ ...place, runbook, driver }, secrets, clients);
  }

  it('one secret everywhere is let pass', async () => {
    await expect(readiness(await gatesOnDisk())).resolves.toBeUndefined();
  });

  it('no service may be left behind', async () => {
    const error = await refusalOf(readiness(await gatesOnDisk(), present(), ['scheduler']));
    expect(error).toMatchObject({ code: 'USAGE', message: 'langgraph would be left behind with the old secret' });
    expect(error.hint).toMatch(/^leave --client out/);
  });

  it.each<[string, (place: GatesOnDisk) => Promise<unknown>, RegExp]>([
    [
      'services that sign with two secrets',
      (place) => readiness(place, present(TEXTS.next)),
      /^langgraph and scheduler sign with different secrets, expected one$/,
    ],
    [
      'a gate with another secret',
      async (place) => {
        await place.put('gate-a', { secret: TEXTS.next });
        await readiness(place);
      },
      /^the configuration of gate-a has another secret than its callers sign with$/,
    ],
    [
      'a template with an empty secret',
      async (place) => {
        await place.put('gate-image', { secret: '' });
        await readiness(place);
      },
      /^the configuration of gate-image has no secret$/,
    ],
    [
      'a runbook for signers',
      (place) => readiness(place, present(), undefined, 'signer-hmac'),
      /^runbook signer-hmac is for keyring-v1, and the fleet practice-gate speaks gate-v1$/,
    ],
  ])('%s is refused', async (_, work, message) => {
    const error = await refusalOf(work(await gatesOnDisk()));
    expect(error).toMatchObject({ code: 'PRECONDITION_FAILED', message: expect.stringMatching(message) });
  });

  it('a fleet that cannot show who signs with what is refused, at the first step that asks', async () => {
    const place = await gatesOnDisk({}, (text) => text.replace(/^usage: .*\n/m, ''));
    const error = await refusalOf(readiness(place));
    expect(error.message).toMatch(/^step \S+ needs usage evidence, and the fleet file declares no usage source$/);
  });
});
