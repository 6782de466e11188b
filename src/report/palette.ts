/** How emphasis is shown. Each function gets plain text and may wrap it in codes that take no room on the screen. */
export interface Palette {
  good(text: string): string;
  bad(text: string): string;
  doubt(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

const same = (text: string): string => text;

/** No emphasis at all: everything that is said in colour is also said in words. */
export const PLAIN: Palette = { good: same, bad: same, doubt: same, faint: same, strong: same };
