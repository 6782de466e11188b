import { createHash, randomBytes } from 'node:crypto';
import { kindOf } from '../kinds.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { NONCE_PREFIX, PRIMARY } from './store-urls.ts';

const PASSWORD_BYTES = 24;
/** What rotctl needs to look into a store, and no more. */
const RIGHTS = '+ping +time +role +info +pttl +exists +client|list +client|id +cluster|info +cluster|slots';

/** Makes the login with which rotctl looks into the store, and says in the fleet file's words how it does. */
export function declareStore(layout: Layout): string {
  const { home, protocol } = layout;
  const password = randomBytes(PASSWORD_BYTES).toString('hex');
  const digest = createHash('sha256').update(password).digest('hex');
  const prefix = NONCE_PREFIX[protocol];
  const users = [
    'user default on nopass ~* &* +@all',
    `user rotctl on #${digest} resetkeys %R~${prefix}* resetchannels -@all ${RIGHTS}`,
  ];
  writePrivate(paths.storeUsers(home), `${users.join('\n')}\n`);
  writePrivate(paths.storePassword(home), `${password}\n`);
  return `
# The replay store, looked into with a login that may only read, and what that does not see.
store:
${nodesText(layout)}
  user: rotctl
  password: { from: file, path: store-login.password }
  key: '${prefix}["{client}","{nonce}"]'
  clients: ['${kindOf(layout).replica}-*'${layout.storeForm === 'cluster' ? ", 'ioredis-cluster*'" : ''}]
  declared: { appendfsync: always }
`;
}

function nodesText({ storeForm, storePorts }: Layout): string {
  const addresses = (ports: readonly number[]) => ports.map((port) => `redis://127.0.0.1:${port}`).join(', ');
  switch (storeForm) {
    case 'single':
      return `  nodes: [${addresses(storePorts)}]`;
    case 'sentinel':
      return `  form: sentinel\n  nodes: [${addresses(storePorts.slice(2))}]\n  primary: ${PRIMARY}`;
    case 'cluster':
      return `  form: cluster\n  nodes: [${addresses(storePorts.slice(0, 3))}]`;
  }
}
