/** A place in the fleet file. */
export type Path = readonly (string | number)[];

/** Takes a complaint about a place. */
export type Refuse = (path: Path, message: string) => void;
