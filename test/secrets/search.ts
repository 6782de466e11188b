import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Something that was printed, written or shown, and where. */
export interface Place {
  readonly name: string;
  readonly content: string;
}

/** Secrets that may be nowhere but where they belong, and a search for each in the forms in which one leaks. */
export class Canaries {
  readonly #forms = new Map<string, string>();
  readonly #seen = new Set<string>();

  get count(): number {
    return this.#seen.size;
  }

  learn(secret: string): void {
    if (secret === '' || this.#seen.has(secret)) return;
    this.#seen.add(secret);
    const bytes = Buffer.from(secret);
    const forms = {
      plain: secret,
      base64: bytes.toString('base64').replace(/=+$/, ''),
      base64url: bytes.toString('base64url'),
      hex: bytes.toString('hex'),
      'URL-encoded': encodeURIComponent(secret),
      'JSON-escaped': JSON.stringify(secret).slice(1, -1),
      'first 12': secret.slice(0, 12),
      'last 12': secret.slice(-12),
    };
    for (const [form, text] of Object.entries(forms))
      this.#forms.set(text.toLowerCase(), `secret ${this.#seen.size} as ${form}`);
  }

  /** What is found, as `PLACE: secret N as FORM`; whether letters are upper or lower case does not matter. */
  find(places: Iterable<Place>): string[] {
    const found: string[] = [];
    for (const { name, content } of places) {
      const text = content.toLowerCase();
      for (const [form, what] of this.#forms) if (text.includes(form)) found.push(`${name}: ${what}`);
    }
    return found;
  }
}

/** Every file below a folder but those for which `meant` says that secrets are meant to be there. */
export function* filesBelow(folder: string, meant: (path: string) => boolean): Iterable<Place> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !meant(path)) yield { name: path, content: readFileSync(path, 'latin1') };
  }
}

/** Files and folders below `folder`, itself among them, that others may look into: `MODE PATH`. */
export function openToOthers(folder: string): string[] {
  const paths = [folder, ...readdirSync(folder, { recursive: true }).map((path) => join(folder, String(path)))];
  return paths.flatMap((path) => {
    const stats = statSync(path);
    const mode = (stats.mode & 0o777).toString(8);
    return mode === (stats.isDirectory() ? '700' : '600') ? [] : [`${mode} ${path}`];
  });
}

const LOOK_EVERY_MS = 25;

/** Looks again and again at the arguments and environments of all processes, and at whatever else is to be looked at. */
export class Watch {
  readonly #shown = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #looks = 0;

  /** @param also is called at each look */
  constructor(also: () => void) {
    this.#timer = setInterval(() => {
      this.#looks += 1;
      also();
      for (const pid of readdirSync('/proc')) if (/^[0-9]+$/.test(pid)) this.#look(pid);
    }, LOOK_EVERY_MS);
  }

  /** How often was looked, and the programs that were seen. */
  get seen(): { readonly looks: number; readonly commands: readonly string[] } {
    return { looks: this.#looks, commands: [...this.#shown.keys()].filter((name) => name.startsWith('cmdline')) };
  }

  places(): Place[] {
    return [...this.#shown].map(([name, content]) => ({ name, content }));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(pid: string): void {
    for (const part of ['cmdline', 'environ']) {
      const content = textOf(`/proc/${pid}/${part}`);
      if (content !== '') this.#shown.set(`${part} ${content.slice(0, 400)}`, content);
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
