import type { Readable } from 'node:stream'
import type { ControlClient } from './control-client.ts'
import type { Output, Stream } from './output.ts'
import type { Texts } from './texts/texts.ts'

/** The process that a command runs in, or a test's substitute. */
export interface Host {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: Stream
  readonly stderr: Stream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What every command works with. */
export interface Session {
  readonly host: Host
  readonly output: Output
  readonly texts: Texts
  /** Absolute path of the keys' folder. */
  readonly directory: string
  /** The running sandbox. */
  readonly control: ControlClient
}
