const PLACEHOLDER = /\{client\}|\{CLIENT\}/g;

/** Whether a template has a place for the client's id. */
export function hasPlaceholder(template: string): boolean {
  return template.search(PLACEHOLDER) >= 0;
}

/**
 * A variable's name or a JSON pointer for one client: `{client}` becomes its id, `{CLIENT}` the id in upper case with
 * `_` for every character other than a letter or digit. Ids hold no `/` or `~`, so a pointer needs no escaping.
 */
export function forClient(template: string, clientId: string): string {
  return template.replace(PLACEHOLDER, (placeholder) =>
    placeholder === '{client}' ? clientId : clientId.toUpperCase().replace(/[^A-Z0-9]/g, '_'),
  );
}
