import { dirname } from 'node:path';
import type { Hygiene } from '../drill/tools.ts';
import type { Platform } from './platform.ts';
import type { Session } from './session.ts';

/** Searches for every secret that a session has learnt, wherever none of them may be. */
export class SecretSearch {
  readonly #platform: Platform;
  readonly #session: Session;
  readonly #folders: readonly string[];

  /** @param folders the folders to search; those in which the fleet keeps its secrets by design are left out */
  constructor(platform: Platform, session: Session, folders: readonly string[]) {
    this.#platform = platform;
    this.#session = session;
    this.#folders = folders;
  }

  async run(): Promise<Hygiene> {
    const { fleet } = this.#session.tools;
    const homes = [...fleet.replicas, ...fleet.clients].flatMap(({ deploy: { path, format } }) => [
      dirname(path),
      ...(format.kind === 'gate' ? [format.secretFiles.folder] : []),
    ]);
    const where: string[] = [];
    let searched = 0;
    for await (const place of this.#platform.secretPlaces(this.#folders, [...new Set([...homes, fleet.vault])])) {
      searched += 1;
      if (this.#session.redactor.finds(place.content)) where.push(place.name);
    }
    return { searched, where };
  }
}
