import { filesOnly, readSecret } from '../credential/reference.ts';
import { reveal } from '../credential/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { StoreView } from '../probe/store-view.ts';
import type { Platform } from './platform.ts';

/**
 * A view of the fleet's replay store, where the fleet file says how it is looked into.
 *
 * @throws RotctlError `SECRET_REFUSED`, `INPUT_UNREADABLE` for its password or its TLS files
 */
export async function storeView(
  platform: Pick<Platform, 'store' | 'privateFiles'>,
  { store }: Pick<Fleet, 'store'>,
): Promise<StoreView | undefined> {
  if (store === undefined) return undefined;
  const files = await platform.privateFiles();
  const read = async (from: typeof store.password) =>
    from === undefined ? undefined : reveal(await readSecret(from, filesOnly(files))).toString('utf8');
  return platform.store(store, { store: await read(store.password), sentinel: await read(store.sentinelPassword) });
}
