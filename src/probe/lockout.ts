import type { Lockout } from '../fleet/lockout.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { Clock } from './ports.ts';

/** Whose request goes where: what a service may count refusals by. */
export interface Refused {
  readonly client: string;
  readonly host: string;
}

/** What is told when a request that will be refused has to wait. */
export type OnLockoutWait = (why: string, ms: number) => void;

/**
 * Keeps refused requests below what locks out: of the requests that are sent to be refused, each takes a turn, which is
 * there when less than the declared number (and one less) were taken or met within the window. Refusals that nobody
 * expected count as well, and are not waited for.
 */
export class LockoutBudget {
  readonly #clock: Clock;
  readonly #lockout: Lockout | undefined;
  readonly #slackMs: number;
  readonly #signal: AbortSignal;
  readonly #onWait: OnLockoutWait;
  readonly #taken = new Map<string, number[]>();

  /** @param slackMs how long after its turn a request may reach the service, in milliseconds */
  constructor(
    clock: Clock,
    lockout: Lockout | 'none' | undefined,
    slackMs: number,
    signal: AbortSignal,
    onWait: OnLockoutWait = () => {},
  ) {
    this.#clock = clock;
    this.#lockout = typeof lockout === 'object' ? lockout : undefined;
    this.#slackMs = slackMs;
    this.#signal = signal;
    this.#onWait = onWait;
  }

  /** Most refusals at a time; infinite where nothing locks out. */
  get most(): number {
    return mostOf(this.#lockout);
  }

  /**
   * Takes a turn for each, all together: resolves when that many refusals may be met.
   *
   * @param holdMs how much later they may still be met, in milliseconds
   */
  async claim(refused: readonly Refused[], holdMs = 0): Promise<void> {
    if (this.#lockout === undefined) return;
    const wanted = new Map<string, number>();
    for (const each of refused) wanted.set(this.#keyOf(each), (wanted.get(this.#keyOf(each)) ?? 0) + 1);
    for (;;) {
      const now = this.#clock.monotonic();
      const wait = Math.max(0, ...[...wanted].map(([key, count]) => this.#waitFor(key, count, now)));
      if (wait === 0) {
        for (const [key, count] of wanted) this.#take(key, count, now + holdMs);
        return;
      }
      this.#onWait(`the lockout window, so that fewer than ${this.#lockout.refusals} refusals fall into it`, wait);
      await this.#clock.sleep(wait, this.#signal);
    }
  }

  /** A refusal that no turn was taken for. */
  met(refused: Refused, code: OutcomeCode): void {
    if (this.#lockout === undefined || !isRefusal(code)) return;
    this.#take(this.#keyOf(refused), 1, this.#clock.monotonic());
  }

  #take(key: string, count: number, at: number): void {
    const recent = this.#taken.get(key) ?? [];
    this.#taken.set(key, [...recent, ...Array.from({ length: count }, () => at)]);
  }

  /** How long until `count` more are no more than may be met at a time; for more than that ever are, until none is left. */
  #waitFor(key: string, count: number, now: number): number {
    const life = (this.#lockout?.windowMs ?? 0) + this.#slackMs;
    const recent = (this.#taken.get(key) ?? []).filter((at) => at + life > now).sort((a, b) => a - b);
    this.#taken.set(key, recent);
    const over = Math.min(recent.length, recent.length + count - this.most);
    const last = over > 0 ? recent[over - 1] : undefined;
    return last === undefined ? 0 : last + life - now;
  }

  #keyOf({ client, host }: Refused): string {
    switch (this.#lockout?.per) {
      case 'address':
        return '';
      case 'replica':
        return JSON.stringify([client, host]);
      default:
        return client;
    }
  }
}

/** Most refusals at a time below what locks out; infinite where nothing does. */
export function mostOf(lockout: Lockout | 'none' | undefined): number {
  return typeof lockout === 'object' ? lockout.refusals - 1 : Number.POSITIVE_INFINITY;
}

function isRefusal(code: OutcomeCode): boolean {
  return code !== 'ACCEPTED' && code !== 'UNKNOWN' && code !== 'STORE_FAILED';
}
