import { readPrivateKey, signBytes } from '@hongbao/core/internal'
import { InvalidArgumentError, type Command } from 'commander'
import { readBody } from '../body-source.ts'
import { addDirectory, type DirectoryOptions } from '../directory.ts'
import type { OpenSession, Session } from '../session.ts'
import { openFor } from './keys.ts'

interface SignOptions extends DirectoryOptions {
  readonly key?: string
  readonly request?: string
  readonly timestamp?: number
}

export function addSign(program: Command, open: OpenSession): void {
  addDirectory(program.command('sign'))
    .description('sign a body as Ping++ signs a notification, or a request as a merchant does')
    .argument('[file]', 'the body, byte for byte; - or nothing for standard input')
    .option('--key <path>', 'sign with this private key; by default with that of the folder')
    .option('--request <target>', 'sign a request to this path and query, /v1/…', parseTarget)
    .option('--timestamp <seconds>', 'of the request; by default now', parseTimestamp)
    .action((file: string | undefined, options: SignOptions) => sign(open(), file, options))
}

/** Prints the header's value, or both headers of a request: `curl -H @<(hongbao-sandbox sign …)`. */
async function sign(
  session: Session,
  file: string | undefined,
  options: SignOptions,
): Promise<void> {
  const { output, host } = session
  const { request: target } = options
  const { privateKey } = readPrivateKey({ path: await keyPath(session, options) }, 'key', true)
  if (target === undefined) {
    const signature = signBytes(await readBody(file, host), privateKey)
    output.result({ signature }, signature)
    return
  }
  // A request without a file is one without a body, such as a GET.
  const body = file === undefined ? Buffer.alloc(0) : await readBody(file, host)
  const timestamp = String(options.timestamp ?? Math.floor(Date.now() / 1000))
  // What current SDKs sign: the body, the target as it is on the wire, and the timestamp.
  const signature = signBytes(Buffer.concat([body, Buffer.from(target + timestamp)]), privateKey)
  output.result(
    { signature, timestamp },
    `Pingplusplus-Signature: ${signature}\nPingplusplus-Request-Timestamp: ${timestamp}`,
  )
}

async function keyPath(session: Session, { key, dir, request }: SignOptions): Promise<string> {
  if (key !== undefined) return key
  const { webhook, merchant } = await openFor(session.output, dir)
  return request === undefined ? webhook.privatePath : merchant.privatePath
}

function parseTarget(text: string): string {
  if (/^\/[!-~]*$/.test(text) && !text.includes('#')) return text
  throw new InvalidArgumentError('Write path and query as they are sent: /v1/red_envelopes?limit=3')
}

function parseTimestamp(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write Unix time in seconds.')
}
