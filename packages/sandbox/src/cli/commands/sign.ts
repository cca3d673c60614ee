import { readPrivateKey, signBytes } from '@hongbao/core/internal'
import { command, number, text, type Command } from '../command.ts'
import { openFolder, readBody, requestTarget } from '../inputs.ts'

/** Prints the header's value, or both headers of a request: `curl -H @<(hongbao-sandbox sign …)`. */
export const sign: Command = command({
  args: ['[file]'],
  options: {
    key: text('<path>'),
    request: requestTarget,
    timestamp: number('<seconds>', /^\d{1,12}$/, 'unixTime'),
  },
  async run(session, { key, request: target, timestamp: given }, file) {
    const { output, host } = session
    const folder = key === undefined ? await openFolder(session) : undefined
    const own = target === undefined ? folder?.webhook : folder?.merchant
    const { privateKey } = readPrivateKey({ path: key ?? own?.privatePath ?? '' }, 'key', true)
    if (target === undefined) {
      const signature = signBytes(await readBody(file, host), privateKey)
      return output.result({ signature }, signature)
    }
    // A request without a file has no body, such as a GET.
    const body = file === undefined ? Buffer.alloc(0) : await readBody(file, host)
    const timestamp = String(given ?? Math.floor(Date.now() / 1000))
    const signature = signBytes(Buffer.concat([body, Buffer.from(target + timestamp)]), privateKey)
    return output.result(
      { signature, timestamp },
      `Pingplusplus-Signature: ${signature}\nPingplusplus-Request-Timestamp: ${timestamp}`,
    )
  },
})
