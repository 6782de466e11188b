import { dirname } from 'node:path';
import type { Hygiene } from '../drill/tools.ts';
import type { Deploy } from '../fleet/fleet.ts';
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
    const homes = [...fleet.replicas, ...fleet.clients].flatMap(({ deploy }) => [
      ...('path' in deploy ? [dirname(deploy.path)] : []),
      ...secretFolders(deploy),
    ]);
    const { key: ownKey } = fleet.tls;
    const keys = [...fleet.replicas, ...fleet.templates, ...fleet.clients].flatMap(({ certificates }) =>
      certificates?.place.driver === 'files' ? [dirname(certificates.place.key)] : [],
    );
    if (ownKey !== undefined) keys.push(dirname(ownKey));
    const where: string[] = [];
    let searched = 0;
    for await (const place of this.#platform.secretPlaces(this.#folders, [
      ...new Set([...homes, ...keys, fleet.vault]),
    ])) {
      searched += 1;
      if (this.#session.redactor.finds(place.content)) where.push(place.name);
    }
    return { searched, where };
  }
}

/** Folders in which a deploy keeps secrets in files of their own. */
function secretFolders(deploy: Deploy): string[] {
  if (deploy.format?.kind !== 'gate') return [];
  const { secretFiles } = deploy.format;
  return secretFiles === undefined ? [] : [secretFiles.folder];
}
