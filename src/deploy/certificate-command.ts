import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { CertificateCommand } from '../fleet/certificates.ts';
import { readBundle, readPrivateKey } from '../pki/pem.ts';
import type { PlacedCertificates, RequestWish, Shown } from './certificates.ts';
import { BadAnswer, obstaclesIn } from './command/answer.ts';
import { Program } from './command/program.ts';
import type { CertificateAsked, CertificateLoad } from './command/request.ts';
import type { CommandPorts } from './loader.ts';
import { blocksIn, joined } from './pem-blocks.ts';
import type { CommandResult } from './ports.ts';

const AGREED = { schema: 'rotctl.certificates.v1', page: 'spec/certificate-command.md' };

type Fields = ReadonlyMap<string, unknown>;

/** Certificates of a party that a program of the operator's keeps. */
export class CertificateProgram {
  readonly #place: CertificateCommand;
  readonly #program: Program;

  constructor(place: CertificateCommand, ports: CommandPorts) {
    this.#place = place;
    this.#program = new Program(place, ports, AGREED);
  }

  /** What the party has now. @throws RotctlError `DRIVER_FAILED`, also for a key where keys are kept */
  async read(): Promise<PlacedCertificates> {
    const fields = await this.#demand({ op: 'read' });
    return this.#program.reading('read', () => {
      const key = fields.get('key');
      if (key !== undefined && this.#place.keys === 'kept') throw new BadAnswer('it has a key, and keys are kept');
      return {
        trust: certificatesIn(fields, 'trust'),
        chain: certificatesIn(fields, 'chain'),
        key: key === undefined ? undefined : keyIn(key),
      };
    });
  }

  async writeTrust(bundle: string): Promise<{ readonly changed: boolean }> {
    readBundle(bundle, this.#program.name);
    return changed(await this.#demand({ op: 'write-trust', trust: bundle }));
  }

  /** The key, where one is given, travels on stdin alone. */
  async writeShown({ chain, key }: Shown): Promise<{ readonly changed: boolean }> {
    if (key === undefined) return changed(await this.#demand({ op: 'write-shown', chain }));
    if (this.#place.keys === 'kept')
      throw new RotctlError('INTERNAL', `${this.#program.name} keeps its keys, and was to be sent one`);
    return changed(await this.#demand({ op: 'write-shown', chain, key: reveal(key).toString('utf8') }, [key]));
  }

  /** A CSR for a key that the party makes. @throws RotctlError `DRIVER_FAILED` */
  async request({ id, commonName, subject, names, key }: RequestWish): Promise<string> {
    if (this.#place.keys !== 'kept')
      throw new RotctlError('INTERNAL', `${this.#program.name} is sent its keys, and was asked for a CSR`);
    const fields = await this.#demand({ op: 'request', id, commonName, subject, names, keyKind: key });
    return this.#program.reading('request', () => {
      const [block, ...more] = blocks(fields, 'csr');
      if (block?.label.endsWith('CERTIFICATE REQUEST') !== true || more.length > 0)
        throw new BadAnswer('its csr is not one CERTIFICATE REQUEST in PEM');
      return block.text;
    });
  }

  /** Has the process take up what stands there, or ends its sessions; what the program says of it is for probes to judge. */
  async load(op: CertificateLoad): Promise<CommandResult> {
    const reply = await this.#program.ask({ op });
    if (reply.kind === 'done') return { ok: true, how: 'done', output: '', ms: reply.ms };
    if (reply.kind === 'failed') return { ok: false, how: reply.why, output: '', ms: reply.ms };
    return { ok: false, how: `it does not know ${op}`, output: '', ms: 0 };
  }

  async rehearse(): Promise<readonly string[]> {
    const missing = await this.#program.hindrances();
    if (missing.length > 0) return missing;
    const reply = await this.#program.ask({ op: 'rehearse' });
    if (reply.kind === 'unsupported') return [];
    if (reply.kind === 'failed') return [`${this.#program.name}: rehearse: ${reply.why}`];
    const found = this.#program.reading('rehearse', () => obstaclesIn(reply.fields));
    return found.map((one) => `${this.#program.name}: ${reply.shown(one)}`);
  }

  async #demand(asked: CertificateAsked, secrets: readonly Secret[] = []): Promise<Fields> {
    const fields = await this.#program.demand(asked, secrets);
    if (fields !== undefined) return fields;
    throw this.#program.failed(asked.op, `it does not know ${asked.op}`);
  }
}

function changed(fields: Fields): { readonly changed: boolean } {
  return { changed: fields.get('changed') !== false };
}

function blocks(fields: Fields, name: string) {
  const text = fields.get(name);
  if (typeof text !== 'string') throw new BadAnswer(`it has no ${name}, a text in PEM`);
  return pem(name, () => blocksIn(text, name));
}

function certificatesIn(fields: Fields, name: string): string {
  const text = joined(blocks(fields, name));
  pem(name, () => readBundle(text, name));
  return text;
}

function keyIn(value: unknown): Secret {
  if (typeof value !== 'string') throw new BadAnswer('its key is not text');
  const [block, ...more] = pem('key', () => blocksIn(value, 'key'));
  if (block === undefined || more.length > 0) throw new BadAnswer('its key is not one private key in PEM');
  pem('key', () => readPrivateKey(block.text, 'key'));
  return Secret.fromText(block.text);
}

/** What is wrong with a PEM text of an answer is said without any of it. */
function pem<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'INPUT_INVALID')
      throw new BadAnswer(`its ${name}: ${error.message}`);
    throw error;
  }
}
