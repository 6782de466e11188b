import type { Secret } from '../../credential/secret.ts';
import { reveal } from '../../credential/secret.ts';
import { escapeForeign } from '../../errors/escape.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { CommandPlace } from '../../fleet/fleet.ts';
import type { CommandPorts } from '../loader.ts';
import type { Answer } from '../ports.ts';
import { BadAnswer, type Framed, readFrame } from './answer.ts';
import { type Asked, type CertificateAsked, requestLine, SCHEMA } from './request.ts';

const MOST_ANSWER_BYTES = 1024 * 1024;
/** Shorter lines of a secret of several lines are no secret by themselves. */
const LEAST_LINE = 12;

/** How a request ended. */
export type Reply =
  | {
      readonly kind: 'done';
      readonly fields: ReadonlyMap<string, unknown>;
      readonly ms: number;
      readonly shown: (text: string) => string;
    }
  | { readonly kind: 'unsupported' }
  /** Not done, or not as agreed; `why` in words without secrets. */
  | { readonly kind: 'failed'; readonly why: string; readonly ms: number };

/** What is agreed with a program. */
export interface Agreement {
  /** Its version, in each request. */
  readonly schema: string;
  /** The page that has it. */
  readonly page: string;
}

const OF_SECRETS: Agreement = { schema: SCHEMA, page: 'spec/deploy-command.md' };

type Request = Asked | CertificateAsked;

/** The program of a `deploy`, or of `certificates`, with driver `command`. */
export class Program {
  readonly #place: Pick<CommandPlace, 'command' | 'target' | 'deadlineMs' | 'pass'>;
  readonly #ports: CommandPorts;
  readonly #agreement: Agreement;

  constructor(
    place: Pick<CommandPlace, 'command' | 'target' | 'deadlineMs' | 'pass'>,
    ports: CommandPorts,
    agreement = OF_SECRETS,
  ) {
    this.#place = place;
    this.#ports = ports;
    this.#agreement = agreement;
  }

  /** Its name in messages. */
  get name(): string {
    const { command, target } = this.#place;
    return `${escapeForeign(command[0] ?? '', 80)} for ${target.kind} ${target.name}`;
  }

  /** What would keep it from being started. */
  async hindrances(): Promise<readonly string[]> {
    const [program = ''] = this.#place.command;
    if (await this.#ports.commands.runnable(program, this.#ports.cwd)) return [];
    return [`command: ${escapeForeign(program)} is no program that can be run`];
  }

  /** Asks it something. @param secrets those that are in the request, and must not be in what is said of it */
  async ask(asked: Request, secrets: readonly Secret[] = []): Promise<Reply> {
    const { command, deadlineMs, pass } = this.#place;
    const answer = await this.#ports.commands.ask(command, {
      cwd: this.#ports.cwd,
      deadlineMs,
      input: requestLine(this.#place, asked, this.#agreement.schema),
      pass,
      mostBytes: MOST_ANSWER_BYTES,
    });
    return this.#judge(answer, secrets);
  }

  /** The fields of an answer that must be there; `undefined` when it does not know the request. @throws RotctlError `DRIVER_FAILED` */
  async demand(asked: Request, secrets: readonly Secret[] = []): Promise<ReadonlyMap<string, unknown> | undefined> {
    const reply = await this.ask(asked, secrets);
    if (reply.kind === 'failed') throw this.failed(asked.op, reply.why);
    return reply.kind === 'done' ? reply.fields : undefined;
  }

  /** Reads something out of an answer. @throws RotctlError `DRIVER_FAILED` for what is not as agreed */
  reading<Result>(op: Request['op'], work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      if (error instanceof BadAnswer) throw this.failed(op, `a bad answer: ${error.message}`);
      throw error;
    }
  }

  /** What an operator is told of a request that was not carried out. */
  failed(op: Request['op'], why: string): RotctlError {
    return new RotctlError('DRIVER_FAILED', `${this.name}: ${op}: ${why}`, {
      hint: `${this.#agreement.page} has each request with the answer that is expected; give the program one on stdin by hand`,
    });
  }

  #judge({ ok, how, output, answer, conceal, ms }: Answer, secrets: readonly Secret[]): Reply {
    const said = (text: string) => conceal(without(text, secrets));
    const complaint = output === '' ? '' : `; stderr: ${without(output, secrets)}`;
    const failed = (why: string): Reply => ({ kind: 'failed', why: `${why}${complaint}`, ms });
    const frame: Framed =
      answer === undefined
        ? { kind: 'bad', why: `it is longer than ${MOST_ANSWER_BYTES} bytes, or no UTF-8` }
        : readFrame(answer, this.#agreement.schema);
    if (frame.kind === 'refused') return failed(said(frame.error));
    if (!ok) return failed(frame.kind === 'done' ? `${how}, though it answered ok` : how);
    if (frame.kind === 'bad') return failed(`a bad answer: ${frame.why}`);
    return frame.kind === 'done' ? { kind: 'done', fields: frame.fields, ms, shown: said } : { kind: 'unsupported' };
  }
}

/** Takes out secrets that the program was told, as text and in the forms in which programs print them. */
function without(text: string, secrets: readonly Secret[]): string {
  let found = text;
  for (const secret of secrets) {
    if (secret.isHeldElsewhere) continue;
    const bytes = reveal(secret);
    const plain = bytes.toString('utf8');
    const forms = [plain, JSON.stringify(plain).slice(1, -1), bytes.toString('base64'), bytes.toString('hex')];
    // Of a PEM text a line alone would say too much.
    const lines = plain.split('\n').filter((line) => line.length >= LEAST_LINE && !line.startsWith('-----'));
    for (const form of [...forms, ...lines]) if (form !== '') found = found.replaceAll(form, String(secret));
  }
  return found;
}
