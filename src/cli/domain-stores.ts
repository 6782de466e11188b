import type { Fleet } from '../fleet/fleet.ts';
import type { StoreView } from '../probe/store-view.ts';
import type { Platform } from './platform.ts';
import { storeView } from './store.ts';

/**
 * Views of the stores of a fleet that has several, by the name of their domain; of those that the fleet file says how to
 * look into.
 *
 * @throws RotctlError as `storeView`
 */
export async function domainStores(
  platform: Pick<Platform, 'store' | 'privateFiles'>,
  { domains }: Pick<Fleet, 'domains'>,
): Promise<ReadonlyMap<string, StoreView>> {
  const views = new Map<string, StoreView>();
  for (const { name, store } of domains) {
    const view = await storeView(platform, { store });
    if (view !== undefined) views.set(name, view);
  }
  return views;
}
