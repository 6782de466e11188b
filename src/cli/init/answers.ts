import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Platform } from '../platform.ts';

/** The flags of `init`, as typed; each is an answer to one question. */
export type InitFlags = Readonly<Record<Answer, string | undefined>> & { readonly replica: readonly string[] };

/** What may be asked: the flag's name without its dashes. */
export type Answer =
  | 'name'
  | 'environment'
  | 'replicas'
  | 'balancer'
  | 'replica-env'
  | 'variable'
  | 'format'
  | 'reload'
  | 'restart'
  | 'clients'
  | 'client-env'
  | 'client-variable'
  | 'client-restart'
  | 'ca'
  | 'cert'
  | 'key'
  | 'server-name';

/** Where a flag is not named as its answer is: a flag `--key` would ask for a secret. */
const FLAGS: Readonly<Partial<Record<Answer, string>>> = { replicas: '--replica', key: '--key-file' };

/** Takes answers from flags, from what was seen, or from whoever sits at the terminal; remembers what nobody could say. */
export class Answers {
  readonly #platform: Pick<Platform, 'ask'>;
  readonly #flags: InitFlags;
  readonly #missing: string[] = [];

  constructor(platform: Pick<Platform, 'ask'>, flags: InitFlags) {
    this.#platform = platform;
    this.#flags = flags;
  }

  /** The flag, if it was typed. */
  given(answer: Answer): string | undefined {
    return this.#flags[answer];
  }

  /**
   * The flag, or the answer to the question; an empty answer takes what stands in brackets.
   *
   * @param fallback what holds where nothing is said; without it an answer is needed
   */
  async take(answer: Answer, question: string, fallback?: string): Promise<string> {
    const given = this.#flags[answer];
    if (given !== undefined) return given;
    const shown = fallback === undefined ? '' : ` [${fallback}]`;
    const typed = await this.#platform.ask(`${question}${shown}: `);
    if (typed !== undefined && typed !== '') return typed;
    if (fallback === undefined) this.#missing.push(FLAGS[answer] ?? `--${answer}`);
    return fallback ?? '';
  }

  /** @throws RotctlError `USAGE`, naming the flags for what nobody could say */
  requireAll(): void {
    if (this.#missing.length === 0) return;
    throw new RotctlError('USAGE', `there is nobody to ask; still needed: ${this.#missing.join(', ')}`, {
      hint: 'give these flags, or run `rotctl init` at a terminal',
    });
  }
}

/** The words of a command as they were typed, split at spaces; quotes are not read. */
export function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Items that commas or spaces stand between. */
export function items(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((item) => item !== '');
}
