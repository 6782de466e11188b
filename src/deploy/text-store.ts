import { readVariable, replaceVariable } from '../credential/env-file.ts';
import { setVariable, unsetVariable } from '../credential/env-lines.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { changing } from './changing.ts';
import type { PrivateFiles } from './ports.ts';
import type { Draft, OpenDraft, ValueStore } from './values.ts';

/** Where a text stands that holds a configuration: a file here, or one on another machine. */
export interface TextPlace {
  /** Its name for messages: the path of a file. */
  readonly name: string;
  read(): Promise<string>;
  /** Replaces it whole, or not at all. Throws `DRIVER_FAILED`. */
  replace(text: string): Promise<void>;
  /** What would keep `replace` from its work; `undefined` when nothing is seen. Changes nothing. */
  hindrance(): Promise<string | undefined>;
}

/** A file of this machine. */
export function textFile(path: string, files: PrivateFiles): TextPlace {
  return {
    name: path,
    read: () => files.read(path),
    replace: (text) => changing(path, 'replaced', () => files.replace(path, text)),
    hindrance: () => files.replaceable(path),
  };
}

/** The variables of a text of `NAME=value` lines; everything else in it stays, byte for byte. */
export function envValues(place: TextPlace): ValueStore {
  return ofText(place, (text, now) => ({
    get: (name) => readVariable(text(), name, place.name),
    replace: (name, value, known) => now(replaceVariable(text(), name, value, place.name, known)),
    set: (name, value, how) => now(setVariable(text(), name, value, place.name, how)),
    unset: (name) => now(unsetVariable(text(), name, place.name)),
  }));
}

/** The text as one value. */
export function wholeText(place: TextPlace): ValueStore {
  return ofText(place, (text, now) => ({
    get: () => text(),
    replace: (_, value) => now(value),
    set: (_, value) => now(value),
    unset() {
      throw new RotctlError('INTERNAL', 'a text that is one value cannot be unset');
    },
  }));
}

type Editing = (text: () => string, now: (text: string) => void) => Omit<Draft, 'changed'>;

function ofText(place: TextPlace, editing: Editing): ValueStore {
  return {
    place: place.name,
    async open(): Promise<OpenDraft> {
      const before = await place.read();
      let text = before;
      const edit = editing(
        () => text,
        (after) => {
          text = after;
        },
      );
      return {
        ...edit,
        get changed() {
          return text !== before;
        },
        save: () => place.replace(text),
      };
    },
    async hindrances() {
      const hindrance = await place.hindrance();
      return hindrance === undefined ? [] : [`${place.name}: cannot be replaced: ${hindrance}`];
    },
  };
}
