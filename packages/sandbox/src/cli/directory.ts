import { Option, type Command } from 'commander'
import { resolve } from 'node:path'

export interface DirectoryOptions {
  /** Absolute path of the keys' folder. */
  readonly dir: string
}

/** Adds the option that says where the keys are. */
export function addDirectory(command: Command): Command {
  return command.addOption(
    new Option('--dir <path>', 'folder of the keys')
      .default(resolve('.hongbao'), '.hongbao')
      .argParser((path) => resolve(path)),
  )
}
