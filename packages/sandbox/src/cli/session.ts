import type { Command } from 'commander'
import type { Readable } from 'node:stream'
import { createControlClient, type ControlClient } from './control-client.ts'
import type { ExitStatus } from './exit.ts'
import { createOutput, type Output, type Stream } from './output.ts'

/** Where a sandbox is that nobody gave another port. */
export const DEFAULT_URL = 'http://127.0.0.1:4141'

/** What a command needs of the process that it runs in; `process` is one. */
export interface Host {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: Stream
  readonly stderr: Stream
}

/** What every command works with. */
export interface Session {
  readonly host: Host
  readonly output: Output
  /** The sandbox that runs. */
  readonly control: ControlClient
  /** Ends the command with a status, though nothing went wrong with it. */
  endWith(status: ExitStatus): void
}

/** The options that every command has. */
export interface GlobalOptions {
  readonly url: string
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
  readonly timeout: number
}

/** Gives a command what it works with; to be called in its action, when the options are read. */
export type OpenSession = () => Session

export function createSession(
  program: Command,
  host: Host,
  endWith: (status: ExitStatus) => void,
): Session {
  const { url, json, quiet, color, timeout } = program.opts<GlobalOptions>()
  return {
    host,
    output: createOutput({ stdout: host.stdout, stderr: host.stderr, json, quiet, color }),
    control: createControlClient(url, timeout),
    endWith,
  }
}
