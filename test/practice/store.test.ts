import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/until.ts';
import { freshNonce, shoot } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

const NEEDED = 'the tests of the real store need redis-server on PATH (on Debian: apt-get install redis-server)';

for (const [choice, pattern] of [
  ['embedded', /^embedded$/],
  ['redis', /^redis-server \d/],
] as const) {
  describe(`a fleet with the store ${choice}`, () => {
    let fleet: TestFleet;
    beforeAll(async () => {
      fleet = await startFleet('--store', choice).catch((error: Error) => {
        throw error.message.includes('redis-server is not on PATH') ? new Error(NEEDED) : error;
      });
    });
    afterAll(() => fleet?.stop());
    const code = async (target: string, nonce = freshNonce()): Promise<string> =>
      (await shoot(fleet, target, { nonce })).code;

    it('says which it is', async () => {
      expect(fleet.ready.store).toMatch(pattern);
      expect((await fleet.status()).store).toMatchObject({ kind: fleet.ready.store, up: true, frozen: false });
    });

    it('a nonce is taken once for all signers, also of 30 requests at once', async () => {
      const nonce = freshNonce();
      const targets = Array.from({ length: 30 }, (_, index) => `signer-${'abc'[index % 3]}`);
      const codes = await Promise.all(targets.map((target) => code(target, nonce)));
      expect(codes.filter((got) => got === 'POLICY_SELECTOR_DENIED')).toHaveLength(1);
      expect(codes.filter((got) => got === 'REPLAY_NONCE_USED')).toHaveLength(29);
    });

    it.each(['stop', 'kill -9'])(
      'after %s signers refuse; after a start they accept, and a burned nonce stays burned',
      async (how) => {
        const nonce = freshNonce();
        const timestamp = String(Date.now() + 1500);
        const burn = async (target: string): Promise<string> => (await shoot(fleet, target, { nonce, timestamp })).code;
        expect(await burn('signer-a')).toBe('POLICY_SELECTOR_DENIED');
        if (how === 'stop') await fleet.ctl('store', 'stop');
        else await killStore(fleet);
        for (const target of ['signer-a', 'signer-b', 'signer-c'])
          expect(await code(target)).toBe('SIGNER_UNAVAILABLE');
        expect(await fleet.ctl('store', 'start')).toEqual({ code: 0, stdout: '', stderr: '' });
        for (const target of ['signer-a', 'signer-b', 'signer-c']) {
          await eventually('accepted again', async () => (await code(target)) === 'POLICY_SELECTOR_DENIED');
          expect(await burn(target)).toBe('REPLAY_NONCE_USED');
        }
      },
    );

    it('frozen, signers refuse after their time limit and not before long; thawed, they accept', async () => {
      await fleet.ctl('store', 'freeze');
      const hit = await shoot(fleet, 'signer-a');
      expect(hit.code).toBe('SIGNER_UNAVAILABLE');
      expect(hit.ms).toBeGreaterThan(200);
      expect(hit.ms).toBeLessThan(900);
      expect((await fleet.status()).store.frozen).toBe(true);
      await fleet.ctl('store', 'thaw');
      await eventually('accepted again', async () => (await code('signer-a')) === 'POLICY_SELECTOR_DENIED');
    });

    it('full, signers refuse; with room again, they accept', async () => {
      expect(await fleet.ctl('store', 'fill')).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await code('signer-b')).toBe('SIGNER_UNAVAILABLE');
      expect((await fleet.ctl('store', 'relieve')).code).toBe(0);
      expect(await code('signer-b')).toBe('POLICY_SELECTOR_DENIED');
    });

    it('flushed, it has forgotten a burned nonce; started again, it has not', async () => {
      const nonce = freshNonce();
      const timestamp = String(Date.now() + 1500);
      const burn = async (target: string): Promise<string> => (await shoot(fleet, target, { nonce, timestamp })).code;
      expect(await burn('signer-a')).toBe('POLICY_SELECTOR_DENIED');
      expect((await fleet.ctl('store', 'flush')).code).toBe(0);
      expect(await burn('signer-a')).toBe('POLICY_SELECTOR_DENIED');
      expect((await fleet.ctl('store', 'restart')).code).toBe(0);
      await eventually('known again', async () => (await burn('signer-b')) === 'REPLAY_NONCE_USED');
    });

    it.each([
      ['failover', 'no replica to fail over to'],
      ['explode', 'store takes stop, '],
    ])('%s is refused, and says why', async (verb, why) => {
      expect(await fleet.ctl('store', verb)).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
    });

    it('a signer that starts while the store is down comes up, refuses, and accepts when the store is back', async () => {
      await fleet.ctl('store', 'stop');
      expect((await fleet.ctl('restart', 'signer-c')).code).toBe(0);
      expect(await code('signer-c')).toBe('SIGNER_UNAVAILABLE');
      await fleet.ctl('store', 'start');
      await eventually('accepted again', async () => (await code('signer-c')) === 'POLICY_SELECTOR_DENIED');
    });

    it('speaks RESP: the replies, byte for byte', async () => {
      expect(
        await talk(
          fleet.port('store'),
          DIALOGUE.map(([command]) => command),
        ),
      ).toEqual(DIALOGUE.map(([, reply]) => reply));
    });
  });
}

/** What Redis 7 answers; both stores are held to it. */
const DIALOGUE: readonly (readonly [readonly string[], string])[] = [
  [['PING'], '+PONG'],
  [['SELECT', '3'], '+OK'],
  [['SET', 'k', 'v', 'NX'], '+OK'],
  [['SET', 'k', 'w', 'NX'], '$-1'],
  [['SET', 'k', 'w', 'XX', 'GET'], '$1 v'],
  [['GET', 'k'], '$1 w'],
  [['TTL', 'k'], ':-1'],
  [['SET', 'k', 'x', 'EX', '100'], '+OK'],
  [['TTL', 'k'], ':100'],
  [['SET', 'k', 'y', 'KEEPTTL'], '+OK'],
  [['TTL', 'k'], ':100'],
  [['SET', 'k', 'x', 'PX', '0'], "-ERR invalid expire time in 'set' command"],
  [['SET', 'k', 'x', 'PX', '-5'], "-ERR invalid expire time in 'set' command"],
  [['SET', 'k', 'x', 'PX', 'ten'], '-ERR value is not an integer or out of range'],
  [['SET', 'k', 'x', 'PX'], '-ERR syntax error'],
  [['SET', 'k', 'x', 'NX', 'XX'], '-ERR syntax error'],
  [['SET', 'k', 'x', 'PX', '5', 'EX', '5'], '-ERR syntax error'],
  [['SET', 'k', 'x', 'KEEPTTL', 'PX', '5'], '-ERR syntax error'],
  [['SET', 'k'], "-ERR wrong number of arguments for 'set' command"],
  [['set', 'k', 'é', 'px', '50000'], '+OK'],
  [['get', 'k'], '$2 é'],
  [['EXISTS', 'k', 'k', 'absent'], ':2'],
  [['SELECT', '4'], '+OK'],
  [['EXISTS', 'k'], ':0'],
  [['PTTL', 'k'], ':-2'],
  [['GET', 'k'], '$-1'],
  [['SELECT', '3'], '+OK'],
  [['DEL', 'k', 'absent'], ':1'],
  [['EXISTS', 'k'], ':0'],
  [['SELECT', '16'], '-ERR DB index is out of range'],
  [['CLIENT', 'SETNAME', 'test'], '+OK'],
  [['CLIENT', 'GETNAME'], '$4 test'],
  [['QUIT'], '+OK'],
];

async function killStore(fleet: TestFleet): Promise<void> {
  const { pid } = (await fleet.status()).store;
  if (pid === null) throw new Error('the store is not running');
  process.kill(pid, 'SIGKILL');
  await eventually('the store is gone', async () => !(await fleet.status()).store.up);
}

/** Sends each command after the last one's reply; a bulk reply is given as `$length text`. */
async function talk(port: number, commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  const socket = connect({ host: '127.0.0.1', port });
  const replies: string[] = [];
  for (const command of commands) {
    const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${command.length}\r\n${words.join('')}`);
    replies.push(await nextReply(socket));
  }
  socket.destroy();
  return replies;
}

function nextReply(socket: ReturnType<typeof connect>): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      const whole = text.startsWith('$') && !text.startsWith('$-1') ? /^\$\d+\r\n.*\r\n$/s : /\r\n$/;
      if (!whole.test(text)) return;
      socket.off('data', onData);
      socket.off('close', onClose);
      resolve(text.trim().replace('\r\n', ' '));
    };
    const onClose = (): void => reject(new Error('the store closed the connection'));
    socket.on('data', onData);
    socket.once('close', onClose);
  });
}
