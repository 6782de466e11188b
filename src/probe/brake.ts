import { RotctlError } from '../errors/rotctl-error.ts';

/** Where an accepted probe got an answer that nothing declares inert. */
export interface Harm {
  /** Replica, `balancer`, or an address. */
  readonly at: string;
  readonly client: string;
  /** What was answered, in a few words: `200, approved true`. */
  readonly answer: string;
}

/**
 * Stops all probing of one run: whoever sends asks it before each request, and whoever sees a probe do harm pulls it. It is
 * never released.
 */
export class Brake {
  readonly #controller = new AbortController();
  #error: RotctlError | undefined;
  #harm: Harm | undefined;

  /** Aborts when it is pulled; the reason is the error that `check` throws. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What it was pulled for. */
  get harm(): Harm | undefined {
    return this.#harm;
  }

  /** The first one counts. */
  pull(harm: Harm): void {
    if (this.#error !== undefined) return;
    this.#harm = harm;
    this.#error = errorOf(harm);
    this.#controller.abort(this.#error);
  }

  /** @throws RotctlError `PROBE_NOT_INERT` once it was pulled */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

function errorOf({ at, client, answer }: Harm): RotctlError {
  return new RotctlError(
    'PROBE_NOT_INERT',
    `${at} answered an accepted probe of ${client} with ${answer}, which rotctl.yaml does not declare inert: the service may have done what the probe asks for, so nothing more is sent`,
    {
      hint: 'look at what that answer says. Where it refuses the request in words (a 200 with an error text, say), it is a refusal: give it a rule, outcomes: [{ when: { status: 200, pointer: { path: /error, matches: "^bad signature$" } }, outcome: AUTH_INVALID_HMAC }]. Where the request was accepted and the service then does nothing, declare it: probe: { inert: [{ status: 200 }] }. Otherwise give a probe.body that your service refuses after the signature',
    },
  );
}

/** Whether an error says that all probing has stopped: no check may take it for its own. */
export function isBraked(error: unknown): error is RotctlError {
  return error instanceof RotctlError && error.code === 'PROBE_NOT_INERT';
}
