/** The files of a vault, as the vault needs them; every path is absolute. */
export interface VaultFiles {
  /** The file's text. Refuses what is not a regular file of ours, or is readable by others, or is too large. */
  read(path: string): Promise<string>;
  /** Replaces or makes the file atomically and durably, with mode 0600. */
  replace(path: string, content: string): Promise<void>;
  /** Names in the folder, in any order; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes the folder with mode 0700 (parents must exist), durably; refuses one that others may enter. */
  makePrivateFolder(folder: string): Promise<void>;
  /** Removes the file durably (fsync of the folder); no error when it is gone already. */
  remove(path: string): Promise<void>;
}
