import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Bundles the canary's thread from source, as the build does, and gives the URL to start it from. */
export async function bundleWorker(folder: string): Promise<URL> {
  const outfile = join(folder, 'canary-worker.mjs');
  const entry = new URL('../../src/probe/canary-worker.ts', import.meta.url).pathname;
  await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20.19' });
  return pathToFileURL(outfile);
}
