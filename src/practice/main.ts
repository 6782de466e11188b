import { FAULTS, GATE_FAULTS } from './faults.ts';

/**
 * The practice fleet's program: every part of the fleet is this program in another role. Roles are loaded only when
 * they run, so that none pays for another's imports.
 */
async function main([role, ...args]: readonly string[]): Promise<void> {
  switch (role) {
    case 'fleet':
      return (await import('./supervisor/role.ts')).runFleet(args);
    case 'ctl':
      return (await import('./ctl.ts')).runCtl(args);
    case 'signer':
      return (await import('./signer/role.ts')).runSigner(args);
    case 'gate':
      return (await import('./gate/role.ts')).runGate(args);
    case 'client':
      return (await import('./client/role.ts')).runClient(args);
    case 'service':
      return (await import('./service/role.ts')).runService(args);
    case 'balancer':
      return (await import('./balancer/role.ts')).runBalancer(args);
    case 'store':
      return (await import('./store/role.ts')).runStore(args);
    case 'faults':
      process.stdout.write(`${JSON.stringify(args[0] === 'gate' ? GATE_FAULTS : FAULTS, undefined, 2)}\n`);
      return;
    default:
      throw new Error('the roles are fleet, ctl, signer, client, gate, service, balancer, store, faults');
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown failure'}\n`);
  process.exit(1);
});
