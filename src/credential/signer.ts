import { RotctlError } from '../errors/rotctl-error.ts';
import { fingerprintFrom, type KeyHolder, Secret } from './secret.ts';
import type { Conversation, SecretCommands } from './sources.ts';

/** How a client's key, which is held elsewhere, is used: by a command that makes MACs with it. */
export interface SignerCommand {
  /** Program and arguments, in which `{client}`, `{generation}` and `{keyId}` are replaced; bytes on stdin, MAC on stdout. */
  readonly command: readonly string[];
  /** How the MAC is written in the answer. */
  readonly encoding: 'hex' | 'base64';
  /** `once`: a process for each MAC. `lines`: one process, which gets base64 of the bytes on a line and answers on a line. */
  readonly mode: 'once' | 'lines';
  /** Longest time for one MAC. */
  readonly deadlineMs: number;
  /** So many MACs at most are made at the same time. */
  readonly atOnce: number;
  /** Names of further variables of our environment that the command gets. */
  readonly pass: readonly string[];
  /** The holder's names of the keys, for `{keyId}`; `next` may be told by `create`. */
  readonly keyIds: { readonly current?: string | undefined; readonly next?: string | undefined };
  /** Makes the next key, and may print its id as its only line. */
  readonly create: readonly string[] | undefined;
}

/** Which key of which client. */
export interface KeyName {
  readonly client: string;
  readonly generation: 'current' | 'next';
  readonly keyId?: string | undefined;
}

const MAC_BYTES = 32;
const HEX_MAC = /(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])/g;
const BASE64_MAC = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=?(?![A-Za-z0-9+/_=-])/g;
/** What a signer must sign otherwise than anything else: shows that it reads what it is given. */
const OTHER_MESSAGE = Buffer.from('rotctl signer check v1', 'utf8');
const KEY_ID = /^[A-Za-z0-9._:/@+=-]{1,256}$/;

/** The keys of clients that are held elsewhere. */
export class Signers {
  readonly #commands: SecretCommands;
  readonly #conversations: Conversation[] = [];

  constructor(commands: SecretCommands) {
    this.#commands = commands;
  }

  /**
   * The secret that a signer holds under this name, known by its fingerprint.
   *
   * @throws RotctlError `SECRET_UNAVAILABLE` when the signer does not answer, or signs two messages alike
   */
  async held(signer: SignerCommand, name: KeyName): Promise<Secret> {
    const holder = this.#holderOf(signer, name);
    const [fingerprint, other] = await Promise.all([fingerprintFrom(holder), holder.mac(OTHER_MESSAGE)]);
    if (Buffer.from(other).toString('hex').startsWith(fingerprint)) {
      throw unavailable(
        signer,
        name,
        'it answers two messages with the same MAC; it must sign what it reads from stdin',
      );
    }
    return Secret.heldBy(holder, fingerprint);
  }

  /**
   * Has the signer make the next key of a client.
   *
   * @returns the key's id, where the command prints one
   * @throws RotctlError `SECRET_UNAVAILABLE`
   */
  async create(signer: SignerCommand, argv: readonly string[], client: string): Promise<string | undefined> {
    const name: KeyName = { client, generation: 'next', keyId: signer.keyIds.next };
    const { deadlineMs, pass } = signer;
    const text = (await this.#commands.ask(filled(argv, name), { deadlineMs, pass })).toString('utf8').trim();
    if (text === '') return undefined;
    if (KEY_ID.test(text)) return text;
    throw new RotctlError('SECRET_UNAVAILABLE', `signer.create of ${client} printed what is no key id`, {
      hint: 'print the id of the new key on one line, or nothing; never a secret',
    });
  }

  /** Ends the commands that are kept running. */
  end(): void {
    for (const conversation of this.#conversations.splice(0)) conversation.end();
  }

  #holderOf(signer: SignerCommand, name: KeyName): KeyHolder {
    const { deadlineMs, pass, mode } = signer;
    const argv = filled(signer.command, name);
    const read = (text: string) => macIn(text, signer, name);
    if (mode === 'lines') {
      const conversation = this.#commands.converse(argv, { deadlineMs, pass });
      this.#conversations.push(conversation);
      return { mac: async (message) => read(await conversation.ask(Buffer.from(message).toString('base64'))) };
    }
    const turns = new Turns(signer.atOnce);
    return {
      mac: (input) =>
        turns.take(async () => read((await this.#commands.ask(argv, { deadlineMs, pass, input })).toString('latin1'))),
    };
  }
}

/** Lets so many work at once; the others wait for their turn in order. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

function filled(argv: readonly string[], { client, generation, keyId }: KeyName): string[] {
  const values: Readonly<Record<string, string | undefined>> = { client, generation, keyId };
  return argv.map((argument) =>
    argument.replace(/\{(client|generation|keyId)\}/g, (_, what: string) => {
      const value = values[what];
      if (value !== undefined) return value;
      throw new RotctlError('SECRET_REFUSED', `the signer of ${client} needs the key id of its ${generation} key`, {
        hint: `give it under signer.keyIds.${generation} in the fleet file${generation === 'next' ? ', or have signer.create print it' : ''}`,
      });
    }),
  );
}

/** The one MAC in an answer: tools print file names, algorithm names and versions around it. */
function macIn(text: string, signer: SignerCommand, name: KeyName): Buffer {
  const found = text.match(signer.encoding === 'hex' ? HEX_MAC : BASE64_MAC) ?? [];
  const [one, another] = [...new Set(found)];
  const mac = one === undefined ? undefined : decoded(one, signer.encoding);
  if (mac?.length === MAC_BYTES && another === undefined) return mac;
  const what = another === undefined ? 'no' : 'more than one';
  throw unavailable(signer, name, `it answered with ${what} HMAC-SHA256 in ${signer.encoding}`);
}

function decoded(text: string, encoding: SignerCommand['encoding']): Buffer {
  // Node takes both alphabets of base64.
  return Buffer.from(text, encoding);
}

function unavailable({ command }: SignerCommand, { client, generation }: KeyName, why: string): RotctlError {
  return new RotctlError('SECRET_UNAVAILABLE', `the signer ${command[0]} for ${generation} of ${client}: ${why}`, {
    hint: 'it gets the bytes on stdin and prints the HMAC-SHA256 of them; signer.encoding says how that is written',
  });
}
