import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/system/clock.ts';

it('sleeps at least as long as asked, by the monotonic clock', async () => {
  const start = systemClock.monotonic();
  await systemClock.sleep(20);
  expect(systemClock.monotonic() - start).toBeGreaterThanOrEqual(20);
});

it('wakes with the reason of the signal, before or while it sleeps, and leaves no listener', async () => {
  const reason = new Error('stopped by the operator');
  await expect(systemClock.sleep(10_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, 'addEventListener');
  const removed = vi.spyOn(controller.signal, 'removeEventListener');
  await systemClock.sleep(1, controller.signal);
  // a timer that fires a fraction too early is set again
  expect(added).toHaveBeenCalled();
  expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  const sleeping = systemClock.sleep(10_000, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
});

it('does not wake at once from a sleep longer than one timer can be', async () => {
  const controller = new AbortController();
  let isAwake = false;
  const sleeping = systemClock.sleep(40 * 24 * 3600 * 1000, controller.signal).then(
    () => {
      isAwake = true;
    },
    () => undefined,
  );
  await systemClock.sleep(30);
  expect(isAwake).toBe(false);
  controller.abort();
  await sleeping;
});

it('tells Unix milliseconds', () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
});
