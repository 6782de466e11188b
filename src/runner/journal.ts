import { RotctlError } from '../errors/rotctl-error.ts';
import type { Entry, EntryKind, LedgerValue, LedgerWriter } from '../ledger/entry.ts';
import { begin, nextTask, type Rotation, type RotationEvent, type Setting, transition } from '../machine/rotation.ts';

type Data = { readonly [key: string]: LedgerValue };

/** What every entry of a rotation bears. */
export interface JournalHead {
  readonly rotation: string;
  readonly fleet: string;
  readonly runbook: string;
}

/**
 * The one writer of a rotation's state. An event is first tried on the machine, then made durable, and only then
 * becomes the state; so what the ledger holds and what the runner believes cannot differ.
 */
export class Journal {
  readonly #ledger: LedgerWriter;
  readonly #setting: Setting;
  readonly #head: JournalHead;
  #rotation: Rotation;

  constructor(ledger: LedgerWriter, setting: Setting, head: JournalHead, rotation: Rotation = begin()) {
    this.#ledger = ledger;
    this.#setting = setting;
    this.#head = head;
    this.#rotation = rotation;
  }

  get rotation(): Rotation {
    return this.#rotation;
  }

  /** What the rotation is about: its runbook's steps, and its targets in the order in which they are taken. */
  get setting(): Setting {
    return this.#setting;
  }

  get id(): string {
    return this.#head.rotation;
  }

  /**
   * Applies an event and records it; resolves when it is durable.
   *
   * @throws RotctlError `MOVE_REFUSED` when the machine does not allow it (nothing is written),
   *   `LEDGER_WRITE_FAILED` when the entry could not be made durable (the state is unchanged)
   */
  async apply(event: RotationEvent, data: Data = {}): Promise<void> {
    const result = transition(this.#setting, this.#rotation, event);
    const step = nextTask(this.#setting, this.#rotation)?.step.id ?? null;
    if (!result.ok) {
      const allowed = result.allowed.length === 0 ? 'nothing' : result.allowed.join(', ');
      throw new RotctlError(
        'MOVE_REFUSED',
        `${result.asked} is refused in phase ${result.from}: ${result.reason} (allowed: ${allowed})`,
      );
    }
    const { phase } = event.kind === 'trigger' ? result.rotation : this.#rotation;
    await this.#write(kindOf(event), phase, event.kind === 'trigger' ? null : step, {
      ...dataOf(event, this.#rotation),
      ...data,
    });
    this.#rotation = result.rotation;
  }

  /** Records something that changes no state: evidence, a gate, an incident, a verdict. */
  async note(kind: EntryKind, data: Data): Promise<Entry> {
    const step = nextTask(this.#setting, this.#rotation)?.step.id ?? null;
    return this.#write(kind, this.#rotation.phase, step, data);
  }

  #write(kind: EntryKind, phase: Rotation['phase'], step: string | null, data: Data): Promise<Entry> {
    return this.#ledger.append({ ...this.#head, phase, step, kind, data });
  }
}

function kindOf(event: RotationEvent): EntryKind {
  if (event.kind === 'intent') return 'intent';
  if (event.kind !== 'trigger') return 'outcome';
  if (event.trigger === 'reinstate' || event.trigger === 'destroy') return event.trigger;
  return 'checkpoint';
}

function dataOf(event: RotationEvent, from: Rotation): Data {
  switch (event.kind) {
    case 'trigger':
      return { trigger: event.trigger, from: from.phase };
    case 'intent':
      return {};
    case 'done':
    case 'failed':
      return { result: event.kind };
  }
}
