/**
 * Makes text from elsewhere (a response, a command's output, a file) safe to print on one line of a terminal:
 * control characters become `\xNN`, and it is cut at `limit` characters.
 */
export function escapeForeign(text: string, limit = 160): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
  return visible.length <= limit ? visible : `${visible.slice(0, limit)}…`;
}
