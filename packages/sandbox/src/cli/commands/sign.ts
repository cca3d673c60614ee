import { readPrivateKey, signBytes } from '@hongbao/core/internal'
import { InvalidArgumentError, type Command } from 'commander'
import { addDirectory, numberParser, openFor, readBody, type DirectoryOptions } from '../inputs.ts'
import type { OpenSession, Session } from '../session.ts'

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
  { output, host }: Session,
  file: string | undefined,
  { key, dir, request: target, timestamp: given }: SignOptions,
): Promise<void> {
  const folder = key === undefined ? await openFor(output, dir) : undefined
  const own = target === undefined ? folder?.webhook : folder?.merchant
  const { privateKey } = readPrivateKey({ path: key ?? own?.privatePath ?? '' }, 'key', true)
  if (target === undefined) {
    const signature = signBytes(await readBody(file, host), privateKey)
    output.result({ signature }, signature)
    return
  }
  // A request without a file has no body, such as a GET.
  const body = file === undefined ? Buffer.alloc(0) : await readBody(file, host)
  const timestamp = String(given ?? Math.floor(Date.now() / 1000))
  const signature = signBytes(Buffer.concat([body, Buffer.from(target + timestamp)]), privateKey)
  output.result(
    { signature, timestamp },
    `Pingplusplus-Signature: ${signature}\nPingplusplus-Request-Timestamp: ${timestamp}`,
  )
}

function parseTarget(text: string): string {
  if (/^\/[!-~]*$/.test(text) && !text.includes('#')) return text
  throw new InvalidArgumentError('Write path and query as they are sent: /v1/red_envelopes?limit=3')
}

const parseTimestamp = numberParser(/^\d{1,12}$/, 'Unix time in seconds')
