import type { Readable } from 'node:stream'
import type { ControlClient } from './control-client.ts'
import type { ExitStatus } from './exit.ts'
import type { Output, Stream } from './output.ts'

export const DEFAULT_URL = 'http://127.0.0.1:4141'

/** The process that a command runs in, or a test's substitute. */
export interface Host {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: Stream
  readonly stderr: Stream
}

/** What every command works with. */
export interface Session {
  readonly host: Host
  readonly output: Output
  /** The running sandbox. */
  readonly control: ControlClient
  /** Sets the exit status of a command that has not failed. */
  endWith(status: ExitStatus): void
}

/** To be called in a command's action, after the options were read. */
export type OpenSession = () => Session
