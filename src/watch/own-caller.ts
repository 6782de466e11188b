/** Whether a caller is rotctl, by the name that the fleet file has for it, or by its User-Agent: that name, `/` and a run. */
export function isOwnCaller(caller: string, own: string): boolean {
  return caller === own || caller.startsWith(`${own}/`);
}
