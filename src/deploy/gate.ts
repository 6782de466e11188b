import { readVariable, replaceVariable } from '../credential/env-file.ts';
import { reveal, Secret } from '../credential/secret.ts';
import type { EnvFilePlace, GateFormat, GateVariable } from '../fleet/fleet.ts';
import type { PrivateFiles } from './ports.ts';

export interface GateSettings {
  readonly secret: Secret | undefined;
  readonly prev: Secret | undefined;
  readonly keyId: string | undefined;
  readonly keyIdPrev: string | undefined;
  readonly strict: string | undefined;
  readonly revoked: string | undefined;
  readonly dual: string | undefined;
}
export interface GateChange {
  readonly secret?: Secret;
  readonly prev?: Secret | null;
  readonly keyId?: string | null;
  readonly keyIdPrev?: string | null;
  readonly strict?: string | null;
  readonly revoked?: string | null;
  readonly dual?: string | null;
}
export interface GateDriver {
  read(target: { readonly deploy: EnvFilePlace }): Promise<GateSettings>;
  write(
    target: { readonly deploy: EnvFilePlace },
    change: GateChange,
    names: { of(secret: Secret): string },
  ): Promise<{ readonly changed: boolean }>;
  purge(target: { readonly deploy: EnvFilePlace }, retired: Secret): Promise<void>;
}
// TEMPORARY stand-in
export function createGateDriver({ files }: { files: PrivateFiles }): GateDriver {
  const fmt = (deploy: EnvFilePlace): GateFormat => deploy.format as GateFormat;
  const secretIn = async (f: GateFormat, value: string | undefined): Promise<Secret | undefined> => {
    if (value === undefined || value === '') return undefined;
    if (!value.startsWith(f.secretFiles.prefix)) return Secret.fromText(value);
    return Secret.fromText(
      (await files.read(`${f.secretFiles.folder}/${value.slice(f.secretFiles.prefix.length)}`)).replace(/\r?\n$/, ''),
    );
  };
  return {
    async read({ deploy }) {
      const text = await files.read(deploy.path);
      const f = fmt(deploy);
      const v = (n: GateVariable) => readVariable(text, f.names[n], deploy.path);
      return {
        secret: await secretIn(f, v('secret')),
        prev: await secretIn(f, v('prev')),
        keyId: v('keyId'),
        keyIdPrev: v('keyIdPrev'),
        strict: v('strict'),
        revoked: v('revoked'),
        dual: v('dual'),
      };
    },
    async write({ deploy }, change, names) {
      const before = await files.read(deploy.path);
      let text = before;
      const f = fmt(deploy);
      const inFiles = (readVariable(text, f.names.secret, deploy.path) ?? '').startsWith(f.secretFiles.prefix);
      for (const [key, value] of Object.entries(change) as [GateVariable, Secret | string | null | undefined][]) {
        if (value === undefined) continue;
        const name = f.names[key];
        let to: string | null;
        if (value === null || typeof value === 'string') to = value;
        else if (inFiles) {
          const file = `interservice_hmac_secret.${names.of(value)}`;
          await files.replace(`${f.secretFiles.folder}/${file}`, reveal(value).toString('utf8'));
          to = f.secretFiles.prefix + file;
        } else to = reveal(value).toString('utf8');
        const has = readVariable(text, name, deploy.path) !== undefined;
        if (to === null)
          text = text
            .split('\n')
            .filter((l) => !l.startsWith(`${name}=`))
            .join('\n');
        else if (has) text = replaceVariable(text, name, to, deploy.path);
        else text = `${text}${name}="${to}"\n`;
      }
      if (text !== before) await files.replace(deploy.path, text);
      return { changed: text !== before };
    },
    async purge() {},
  };
}
