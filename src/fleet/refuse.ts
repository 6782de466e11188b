/** A place in the fleet file. */
export type Path = readonly (string | number)[];

/** Takes a complaint about a place. @param within the piece of the text there that is wrong, where it is a part of it */
export type Refuse = (path: Path, message: string, within?: string) => void;
