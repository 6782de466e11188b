// Shows one certificate and the other in turn, as fast as it can, until it is killed. argv: JSON with the place and both.
import { readFileSync } from 'node:fs';
import { Secret } from '../../src/credential/secret.ts';
import { createCertificateDriver } from '../../src/deploy/create-certificate-driver.ts';
import { certificateStore } from '../../src/system/certificate-store.ts';
import { createCommands } from '../../src/system/commands.ts';

const { place, shown } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const driver = createCertificateDriver({
  certificates: certificateStore(),
  commands: createCommands((one) => one),
  cwd: '/',
});
for (let turn = 0; ; turn += 1) {
  const { cert, key } = shown[turn % 2];
  await driver.writeShown(place, { chain: cert, key: Secret.fromText(key) });
  if (turn === 2) process.stdout.write('begun\n');
}
