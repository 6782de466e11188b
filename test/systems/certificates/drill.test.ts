import { it } from 'vitest';
import { CERTIFICATE_FAULTS } from '../../../src/practice/faults.ts';
import { expectFound } from '../../support/drill-run.ts';

/** Which fault this run plants, and where; the long tests plant every fault of certificates, on each signer. */
const SEED = Number(process.env.ROTCTL_TEST_SEED ?? Math.floor(Math.random() * 1e6));
const FAULTS = Object.keys(CERTIFICATE_FAULTS);
const SIGNERS = ['signer-a', 'signer-b', 'signer-c'];
const fault = FAULTS[SEED % FAULTS.length] ?? '';
const signer = SIGNERS[Math.floor(SEED / FAULTS.length) % SIGNERS.length] ?? '';

it(
  `a drill of certificates finds ${fault} on ${signer}, and ends well (ROTCTL_TEST_SEED=${SEED})`,
  () => expectFound(fault, signer, 'signer-mtls'),
  600_000,
);
