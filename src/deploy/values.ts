/** How a value is written that a configuration does not have yet. See `setVariable`. */
export interface NewValue {
  /** One whose spelling it takes, in a configuration that has spellings. */
  readonly like?: string;
  /** Characters that are known to be taken right in such a place. */
  readonly known?: string;
}

/**
 * Named values of one configuration, as they are to become: the variables of an env file, the keys of a Kubernetes
 * Secret. A configuration that is one text, such as a JSON file, has one value, of the name `WHOLE`.
 *
 * Each method throws `INPUT_INVALID` or `INPUT_SYNTAX` where the configuration is not well formed, and `DRIVER_FAILED` when
 * the spelling that stands there cannot hold a value. No error holds a value.
 */
export interface Draft {
  /** `undefined` when it is not set. */
  get(name: string): string | undefined;
  /**
   * Replaces one that must be set already, so that a misspelt name never becomes a value that nobody reads.
   *
   * @param known characters that are known to have stood in this place before
   */
  replace(name: string, value: string, known?: string): void;
  /** Replaces it, or adds it where it is not set. */
  set(name: string, value: string, how?: NewValue): void;
  unset(name: string): void;
  /** Whether anything is other than when it was read. */
  readonly changed: boolean;
}

/** A draft that can be put where it came from. */
export interface OpenDraft extends Draft {
  /** Replaces the configuration by the draft, as one change. Throws `DRIVER_FAILED`. */
  save(): Promise<void>;
}

/** Where a configuration of named values stands, whatever makes processes read it. */
export interface ValueStore {
  /** The place by its name, for messages: the path of a file, `secret NAME of namespace NS`. */
  readonly place: string;
  /** Reads it anew. */
  open(): Promise<OpenDraft>;
  /** What would keep a draft from being saved, in a few words each; changes nothing. */
  hindrances(): Promise<readonly string[]>;
}

/** The name of the only value of a configuration that is one text. */
export const WHOLE = '';
